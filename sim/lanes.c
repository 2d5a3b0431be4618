#include "sim/lanes.h"

#include <assert.h>
#include <string.h>

#include "base/wide.h"

#define WIDTH    4 /* lanes of a vector */
#define GROUP    4 /* vectors that go over the commits together: enough to hide a lane's chain of steps */
#define LANES    (WIDTH * GROUP)
#define BLOCK    ((size_t)1 << 20) /* commits whose starts, each under 2^40 s from the base, add up in 63 bits */
#define LONG_AGO (-((int64_t)1 << 40))

typedef int64_t lane __attribute__((vector_size(8 * WIDTH)));

/* What each lane does and where it is; instants count from the first arrival. */
struct group {
    lane window_s[GROUP], tail_s[GROUP];
    lane start_s[GROUP], end_s[GROUP], kept_until[GROUP], begin[GROUP];
    lane launched[GROUP]; /* all ones where the current deployment launched an instance */
    lane deployments[GROUP], launches[GROUP];
    lane start_sum_s[GROUP], launched_commits[GROUP];
    lane billed_s[GROUP];
    bool terminates; /* all lanes: no chain of instances */
};

struct shape {
    int64_t prepare_s, boot_s, bake_s, rollout_s, minimum_s;
};

/* Macros, because a function that returns a vector has another calling convention without AVX. */
#define PICK(mask, yes, no) (((yes) & (mask)) | ((no) & ~(mask)))
#define LATEST(a, b)        PICK((a) > (b), (a), (b))

/* One commit in one vector of lanes whose instances end with each bake. */
WIDE_INLINE void step_plain(struct group *g, int v, const struct shape *s, int64_t ready)
{
    lane opens = g->start_s[v] < ready;
    int64_t took_s = s->prepare_s + s->boot_s + s->bake_s + s->rollout_s;
    lane start = LATEST(g->start_s[v] + took_s, g->window_s[v] + ready);
    g->start_s[v] = PICK(opens, start, g->start_s[v]);
    g->deployments[v] -= opens;
    g->start_sum_s[v] += g->start_s[v];
}

/* And where they are kept for a while. */
WIDE_INLINE void step_kept(struct group *g, int v, const struct shape *s, int64_t ready)
{
    lane opens = g->start_s[v] < ready;
    lane start = LATEST(g->end_s[v], g->window_s[v] + ready);
    lane bake_at = start + s->prepare_s;
    lane launch = ~(bake_at < g->kept_until[v]);
    lane busy_until = bake_at + s->bake_s + (launch & s->boot_s);
    lane opens_launch = opens & launch;
    /* The rental that ends here is billed: kept_until - begin, the minimum at least; the first lane state has none. */
    lane ran_s = g->kept_until[v] - g->begin[v];
    lane least = (lane){0} + s->minimum_s;
    g->billed_s[v] += LATEST(ran_s, least) & opens_launch;
    g->begin[v] = PICK(opens_launch, bake_at, g->begin[v]);
    g->start_s[v] = PICK(opens, start, g->start_s[v]);
    g->end_s[v] = PICK(opens, busy_until + s->rollout_s, g->end_s[v]);
    g->kept_until[v] = PICK(opens, busy_until + g->tail_s[v], g->kept_until[v]);
    g->launched[v] = PICK(opens, launch, g->launched[v]);
    g->deployments[v] -= opens;
    g->launches[v] -= opens_launch;
    g->launched_commits[v] -= g->launched[v];
    g->start_sum_s[v] += g->start_s[v];
}

/* Copies, so that the compiler sees that nothing else points there. */
WIDE_INLINE void pass_plain(struct group *group, const struct shape *shape, const int64_t *ready_s, size_t count,
                            int64_t base)
{
    struct group g = *group;
    struct shape s = *shape;
    for (size_t i = 0; i < count; i++) {
        int64_t ready = ready_s[i] - base;
        for (int v = 0; v < GROUP; v++)
            step_plain(&g, v, &s, ready);
    }
    *group = g;
}

WIDE_INLINE void pass_kept(struct group *group, const struct shape *shape, const int64_t *ready_s, size_t count,
                           int64_t base)
{
    struct shape s = *shape;
    for (int v = 0; v < GROUP; v += 2) { /* two at a time: more would not stay in registers */
        struct group g = *group;
        for (size_t i = 0; i < count; i++) {
            int64_t ready = ready_s[i] - base;
            step_kept(&g, v, &s, ready);
            step_kept(&g, v + 1, &s, ready);
        }
        *group = g;
    }
}

WIDE_INLINE void pass(struct group *g, const struct shape *s, const int64_t *ready_s, size_t count, int64_t base)
{
    if (g->terminates)
        pass_plain(g, s, ready_s, count, base);
    else
        pass_kept(g, s, ready_s, count, base);
}

#if WIDE_X86
WIDE_AVX2 static void pass_avx2(struct group *g, const struct shape *s, const int64_t *ready_s, size_t count,
                                int64_t base)
{
    pass(g, s, ready_s, count, base);
}
#endif

static void pass_portable(struct group *g, const struct shape *s, const int64_t *ready_s, size_t count, int64_t base)
{
    pass(g, s, ready_s, count, base);
}

static void pass_best(struct group *g, const struct shape *s, const int64_t *ready_s, size_t count, int64_t base)
{
#if WIDE_X86
    if (wide_has_avx2()) {
        pass_avx2(g, s, ready_s, count, base);
        return;
    }
#endif
    pass_portable(g, s, ready_s, count, base);
}

bool lanes_can(const struct decider *d)
{
    enum trigger_kind kind = d->policy.trigger.kind;
    bool by_second = d->meter.quantum_s == 1;
    bool window = kind == TRIGGER_WINDOW || kind == TRIGGER_IDLE;
    return window && (d->policy.keep.kind == KEEP_TERMINATE || (by_second && d->policy.keep.kind != KEEP_HOUR));
}

static void begin(struct group *g, const struct decider *d, size_t count)
{
    memset(g, 0, sizeof(*g));
    g->terminates = true;
    for (size_t i = 0; i < LANES; i++) {
        const struct decider *of = &d[i < count ? i : 0];
        assert(lanes_can(of));
        int v = (int)(i / WIDTH);
        size_t at = i % WIDTH;
        g->window_s[v][at] = of->policy.trigger.kind == TRIGGER_WINDOW ? of->policy.trigger.arg : 0;
        g->tail_s[v][at] = of->tail_s;
        g->start_s[v][at] = g->end_s[v][at] = g->kept_until[v][at] = g->begin[v][at] = LONG_AGO;
        g->terminates &= of->policy.keep.kind == KEEP_TERMINATE;
    }
}

/* A mixed group: lanes that terminate are as lanes that keep for no time, but for the billing of what was reused. */
static void total_of(struct lanes_total *to, struct group *g, size_t lane_at, const struct decider *d,
                     const struct commits *c, int128 start_sum_s, int128 arrival_sum_s)
{
    int v = (int)(lane_at / WIDTH);
    size_t at = lane_at % WIDTH;
    const struct terms *t = &d->terms;
    int64_t commits = (int64_t)c->count;
    int64_t launched_commits = g->launched_commits[v][at];
    to->deployments = g->deployments[v][at];
    to->launches = g->launches[v][at];
    if (g->terminates) {
        to->launches = to->deployments;
        launched_commits = commits;
        to->billed_s = (int128)to->deployments * d->launch_s;
    } else {
        int64_t last_s = g->kept_until[v][at] - g->begin[v][at];
        to->billed_s = g->billed_s[v][at] - d->meter.minimum_s + meter_billed_s(d->meter, last_s);
    }
    to->waiting_s = start_sum_s - arrival_sum_s;
    to->lead_s = to->waiting_s + (int128)commits * (t->prepare_s + t->bake_s + t->rollout_s) +
                 (int128)launched_commits * t->boot_s;
}

static void run_group(const struct decider *d, size_t count, const struct commits *c, struct lanes_total *totals)
{
    const struct terms *t = &d->terms;
    const struct shape s = {t->prepare_s, t->boot_s, t->bake_s, t->rollout_s, d->meter.minimum_s};
    struct group g;
    int64_t base = c->arrival_s[0];
    int128 start_sum_s[LANES] = {0};
    int128 arrival_sum_s = 0;
    begin(&g, d, count);
    for (size_t from = 0; from < c->count; from += BLOCK) {
        size_t n = c->count - from < BLOCK ? c->count - from : BLOCK;
        pass_best(&g, &s, c->ready_s + from, n, base);
        for (size_t i = 0; i < LANES; i++)
            start_sum_s[i] += g.start_sum_s[i / WIDTH][i % WIDTH];
        memset(g.start_sum_s, 0, sizeof(g.start_sum_s));
        for (size_t i = from; i < from + n; i++)
            arrival_sum_s += c->arrival_s[i] - base;
    }
    for (size_t i = 0; i < count; i++)
        total_of(&totals[i], &g, i, &d[i], c, start_sum_s[i], arrival_sum_s);
}

void lanes_run(const struct decider *d, size_t count, const struct commits *c, struct lanes_total *totals)
{
    assert(c->count > 0);
    for (size_t from = 0; from < count; from += LANES)
        run_group(d + from, count - from < LANES ? count - from : LANES, c, totals + from);
}
