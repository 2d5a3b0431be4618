#include "sim/lanes.h"

#include <assert.h>

#include "base/mem.h"
#include "base/wide.h"

#if !WIDE_X86

enum lanes_kind lanes_can(const struct decider *d)
{
    (void)d;
    return LANES_NONE;
}

int lanes_run(const struct decider *const *d, size_t count, const struct commits *c, struct replay *out,
              struct err *err)
{
    (void)d, (void)count, (void)c, (void)out;
    return err_set(err, EXIT_FAILED, "no vector lanes on this machine");
}

#else

#include <immintrin.h>

#define WIDTH     4 /* lanes of a vector */
#define PACKED    8 /* starts that are stored at once */
#define VECTORS   (LANES_MAX / WIDTH)
#define BLOCK     256 /* commits */
#define LINE      8   /* instants in a line of the cache */
#define LONG_AGO  (-((int64_t)1 << 40))
#define HOURS_MAX 4 /* that a reuse may add at once: each is a step of the pass */

typedef __m256i vec;

/* Where a vector's lanes are; instants count from the first arrival. */
struct vector {
    vec window_s, free_to_start_s;
    vec start_s, free_at, paid_until;
    vec reused; /* all ones where the current deployment launched no instance */
};

/* Kind and hours are constants wherever this is used, so that each kind gets a loop of its own. */
struct shape {
    enum lanes_kind kind;
    int hours; /* that a reuse may add */
    vec boot_s, fixed_s, took_s;
    vec hour_s, first_paid_s, free_to_busy_s, free_to_start_s, paid_to_start_s;
};

/* What a lane's deployments go to. */
struct column {
    struct replay *out;
    int64_t fixed_s, boot_s;
    size_t deployments;
    int64_t last; /* start * 2 + launched of the deployment at hand */
    struct replay_month month;
    int64_t month_end, launched_commits;
};

WIDE_AVX2_INLINE vec add(vec a, vec b)
{
    return _mm256_add_epi64(a, b);
}

/* Four lanes' rows to four columns. */
WIDE_AVX2_INLINE void turn(const vec *rows, size_t n, int64_t (*columns)[BLOCK])
{
    for (size_t k = 0; k < n; k += WIDTH, rows += (size_t)WIDTH * VECTORS) {
        vec low01 = _mm256_unpacklo_epi64(rows[0], rows[VECTORS]);
        vec high01 = _mm256_unpackhi_epi64(rows[0], rows[VECTORS]);
        vec low23 = _mm256_unpacklo_epi64(rows[2 * VECTORS], rows[3 * VECTORS]);
        vec high23 = _mm256_unpackhi_epi64(rows[2 * VECTORS], rows[3 * VECTORS]);
        _mm256_store_si256((vec *)&columns[0][k], _mm256_permute2x128_si256(low01, low23, 0x20));
        _mm256_store_si256((vec *)&columns[1][k], _mm256_permute2x128_si256(high01, high23, 0x20));
        _mm256_store_si256((vec *)&columns[2][k], _mm256_permute2x128_si256(low01, low23, 0x31));
        _mm256_store_si256((vec *)&columns[3][k], _mm256_permute2x128_si256(high01, high23, 0x31));
    }
}

static void close_month(struct column *to)
{
    struct replay *r = to->out;
    struct replay_month *m = &to->month;
    if (!m->deployments)
        return;
    m->lead_s = m->waiting_s + (int128)m->commits * to->fixed_s + (int128)to->launched_commits * to->boot_s;
    r->waiting_s += m->waiting_s;
    r->lead_sum_s += m->lead_s;
    r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
    r->months[r->month_count++] = *m;
}

static void open_month(struct column *to, int64_t start_s)
{
    close_month(to);
    int month = calendar_month(start_s);
    to->month = (struct replay_month){.month = month};
    to->launched_commits = 0;
    to->month_end = calendar_month_start(month + 1);
}

/* Which 32-bit halves to move where, so that the 64-bit lanes of a mask come first; the rest does not matter. */
static const int32_t gather_halves[16][8] __attribute__((aligned(32))) = {
    {0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {2, 3, 0, 1, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
    {4, 5, 0, 1, 2, 3, 6, 7}, {0, 1, 4, 5, 2, 3, 6, 7}, {2, 3, 4, 5, 0, 1, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
    {6, 7, 0, 1, 2, 3, 4, 5}, {0, 1, 6, 7, 2, 3, 4, 5}, {2, 3, 6, 7, 0, 1, 4, 5}, {0, 1, 2, 3, 6, 7, 4, 5},
    {4, 5, 6, 7, 0, 1, 2, 3}, {0, 1, 4, 5, 6, 7, 2, 3}, {2, 3, 4, 5, 6, 7, 0, 1}, {0, 1, 2, 3, 4, 5, 6, 7},
};

static void settle_one(struct column *to, int64_t packed, int64_t arrival_s, int64_t *lead_s)
{
    int64_t start = arrival_s * 2 + packed;
    int64_t wait_s = packed >> 1;
    to->deployments += start != to->last;
    to->month.deployments += start != to->last;
    to->out->start[to->deployments - 1] = to->last = start;
    to->month.waiting_s += wait_s;
    to->launched_commits += packed & 1;
    *lead_s = wait_s + to->fixed_s + (packed & 1 ? to->boot_s : 0);
}

/* Starts ascend: the first commit whose deployment starts at month_end or later. */
static size_t month_part(const struct column *to, const int64_t *packed, const int64_t *arrival_s, size_t n)
{
    if (n && arrival_s[n - 1] + (packed[n - 1] >> 1) < to->month_end)
        return n;
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = (low + high) / 2;
        if (arrival_s[middle] + (packed[middle] >> 1) < to->month_end)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where the next block of this column will be written: by then other columns have pushed it out of the near caches. */
static inline void fetch_ahead(const struct column *to, size_t before, size_t from, size_t count)
{
    const struct replay *r = to->out;
    size_t starts = 2 * to->deployments - before; /* as many again */
    size_t end = count - from < BLOCK ? count : from + BLOCK;
    for (size_t i = from; i < end; i += LINE)
        __builtin_prefetch(r->lead_s + i, 1);
    for (size_t i = to->deployments; i < starts && i < count; i += LINE)
        __builtin_prefetch(r->start + i, 1);
}

#define LANES_MASKS   0
#define LANES_NAME(x) x##_256
#define LANES_TARGET  WIDE_AVX2
#define LANES_INLINE  WIDE_AVX2_INLINE
#include "sim/lanes_body.h"

#define LANES_MASKS   1
#define LANES_NAME(x) x##_512
#define LANES_TARGET  WIDE_AVX512
#define LANES_INLINE  WIDE_AVX512 WIDE_INLINE
#include "sim/lanes_body.h"

typedef void runner(struct vector *v, const struct shape *s, const struct commits *c, struct column *columns,
                    size_t count);

static runner *runner_for(const struct decider *d)
{
    enum { TERMINATE, TAIL, HOUR, HOURS };
    static runner *const runners[2][4] = {{run_terminate_256, run_tail_256, run_hour_256, run_hours_256},
                                          {run_terminate_512, run_tail_512, run_hour_512, run_hours_512}};
    runner *const *of = runners[wide_width() >= WIDE_512];
    if (d->policy.keep.kind == KEEP_TERMINATE)
        return of[TERMINATE];
    if (d->policy.keep.kind != KEEP_HOUR)
        return of[TAIL];
    return of[d->terms.bake_s <= SECONDS_PER_HOUR ? HOUR : HOURS];
}

WIDE_AVX2 static void shape_begin(struct shape *to, const struct decider *d)
{
    const struct terms *t = &d->terms;
    int64_t first_s = t->boot_s + t->bake_s;
    int64_t first_hours = first_s ? (first_s + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR : 1;
    int64_t fixed_s = t->prepare_s + t->bake_s + t->rollout_s;
    *to = (struct shape){.boot_s = _mm256_set1_epi64x(t->boot_s),
                         .fixed_s = _mm256_set1_epi64x(fixed_s),
                         .took_s = _mm256_set1_epi64x(fixed_s + t->boot_s),
                         .hour_s = _mm256_set1_epi64x(SECONDS_PER_HOUR),
                         .first_paid_s = _mm256_set1_epi64x(t->prepare_s + first_hours * SECONDS_PER_HOUR),
                         .free_to_busy_s = _mm256_set1_epi64x(-t->rollout_s),
                         .free_to_start_s = _mm256_set1_epi64x(-t->rollout_s - t->prepare_s),
                         .paid_to_start_s = _mm256_set1_epi64x(-t->margin_s - t->prepare_s)};
}

WIDE_AVX2 static void vectors_begin(struct vector *v, const struct decider *const *d, size_t count)
{
    for (int i = 0; i < VECTORS; i++) {
        int64_t window_s[WIDTH];
        int64_t to_start_s[WIDTH];
        for (size_t l = 0; l < WIDTH; l++) {
            size_t at = (size_t)i * WIDTH + l;
            const struct decider *of = d[at < count ? at : 0];
            window_s[l] = of->policy.trigger.kind == TRIGGER_WINDOW ? of->policy.trigger.arg : 0;
            to_start_s[l] = of->tail_s - of->terms.rollout_s - of->terms.prepare_s;
        }
        v[i].window_s = _mm256_loadu_si256((const vec *)window_s);
        v[i].free_to_start_s = _mm256_loadu_si256((const vec *)to_start_s);
        v[i].start_s = v[i].free_at = v[i].paid_until = _mm256_set1_epi64x(LONG_AGO);
        v[i].reused = _mm256_setzero_si256();
    }
}

enum lanes_kind lanes_can(const struct decider *d)
{
    enum trigger_kind kind = d->policy.trigger.kind;
    if ((kind != TRIGGER_WINDOW && kind != TRIGGER_IDLE) || !wide_has_avx2())
        return LANES_NONE;
    if (d->policy.keep.kind == KEEP_TERMINATE)
        return LANES_TERMINATE;
    if (d->policy.keep.kind != KEEP_HOUR)
        return LANES_TAIL;
    return d->terms.bake_s <= HOURS_MAX * SECONDS_PER_HOUR ? LANES_HOUR : LANES_NONE;
}

static void column_begin(struct column *to, struct replay *r, const struct decider *d, size_t count)
{
    const struct terms *t = &d->terms;
    /* What is packed is stored by eights, of which some lie behind the last. */
    r->start = mem_grow(r->start, &r->start_cap, count + PACKED, sizeof(*r->start));
    r->lead_s = mem_grow(r->lead_s, &r->lead_cap, count, sizeof(*r->lead_s));
    r->commits = count;
    r->troubled = false;
    r->deployments = r->month_count = 0;
    r->launches = 0;
    r->waiting_s = r->lead_sum_s = 0;
    *to = (struct column){.out = r,
                          .fixed_s = t->prepare_s + t->bake_s + t->rollout_s,
                          .boot_s = t->boot_s,
                          .last = INT64_MIN,
                          .month_end = INT64_MIN};
}

static int column_end(struct column *to, const struct decider *d, struct err *err)
{
    struct replay *r = to->out;
    const struct terms *t = &d->terms;
    close_month(to);
    r->deployments = to->deployments;
    if (d->policy.keep.kind == KEEP_TERMINATE)
        r->launches = (int64_t)r->deployments;
    else
        for (size_t i = 0; i < r->deployments; i++)
            r->launches += replay_launched(r, i);
    int64_t baked_s = replay_baked_s(r, t, r->deployments - 1);
    int64_t kept_s = d->policy.keep.kind == KEEP_HOUR ? baked_s + SECONDS_PER_HOUR : baked_s + d->tail_s;
    if (kept_s > INSTANT_MAX - POLICY_DURATION_MAX || baked_s + t->rollout_s > INSTANT_MAX - POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
}

int lanes_run(const struct decider *const *d, size_t count, const struct commits *c, struct replay *out,
              struct err *err)
{
    assert(c->count > 0 && count > 0 && count <= LANES_MAX);
    struct vector v[VECTORS];
    struct column columns[LANES_MAX];
    struct shape s;
    for (size_t i = 0; i < count; i++) {
        assert(lanes_can(d[i]) != LANES_NONE && lanes_can(d[i]) == lanes_can(d[0]));
        column_begin(&columns[i], &out[i], d[i], c->count);
    }
    vectors_begin(v, d, count);
    shape_begin(&s, d[0]);
    runner_for(d[0])(v, &s, c, columns, count);
    int code = 0;
    for (size_t i = 0; i < count && !code; i++)
        code = column_end(&columns[i], d[i], err);
    return code;
}

#endif
