#include "sim/replay.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/area_search.h"
#include "sim/replay_live.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define LEADS_AT_ONCE 4
#define BLOCK         ((size_t)1 << 24) /* commits whose waiting, each under 2^38 s, adds up inside 64 bits */

void replay_init(struct replay *r)
{
    *r = (struct replay){0};
}

void replay_release(struct replay *r)
{
    free(r->start);
    free(r->lead_s);
    free(r->months);
    free(r->mishaps.items);
    replay_init(r);
}

void replay_merge_pushes(const int64_t *arrival_s, size_t count, int64_t gap_s, int64_t *ready_s)
{
    for (size_t end = count; end > 0;) {
        int64_t arrives = arrival_s[--end];
        ready_s[end] = arrives;
        while (end > 0 && arrival_s[end] - arrival_s[end - 1] <= gap_s)
            ready_s[--end] = arrives;
    }
}

/* What a replay works on, and the month that it is in. */
struct run {
    struct replay *out;
    const struct decider *d;
    const int64_t *arrival_s, *ready_s;
    size_t count;
    struct replay_month month; /* of the last start; not yet in out->months */
    int64_t month_end;
    int64_t launched_commits;    /* of month */
    int64_t ends_at, kept_until; /* after the last deployment */
};

/* What the loops carry from one deployment to the next: apart, so that it stays in registers. */
struct hot {
    size_t next; /* the oldest commit that is not deployed */
    int64_t free_at;
    struct rental rental;
    size_t deployments;
    int64_t launches;
};

/* What a loop fixes, so that the compiler makes one for each. */
struct shape {
    enum trigger_kind trigger;
    enum keep_kind keep; /* KEEP_IDLE stands for KEEP_RENT too: both have a tail */
    struct meter meter;
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static bool is_hourly(struct meter m)
{
    return m.quantum_s == SECONDS_PER_HOUR && m.minimum_s == SECONDS_PER_HOUR;
}

static void close_month(struct run *run)
{
    struct replay *r = run->out;
    const struct terms *t = &run->d->terms;
    struct replay_month *m = &run->month;
    if (!m->deployments)
        return;
    m->lead_s = m->waiting_s + (int128)m->commits * (t->prepare_s + t->bake_s + t->rollout_s) +
                (int128)run->launched_commits * t->boot_s;
    r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
    r->months[r->month_count++] = *m;
}

static __attribute__((noinline)) void open_month(struct run *run, int64_t start_s)
{
    close_month(run);
    int month = calendar_month(start_s);
    run->month = (struct replay_month){.month = month};
    run->launched_commits = 0;
    run->month_end = calendar_month_start(month + 1);
}

/*
 * Choices without a branch: all ones where a < b, else zero. Instants stay far inside 62 bits, so the difference does
 * not overflow; the empty asm keeps the compiler from turning the choice back into a branch.
 */
ALWAYS_INLINE int64_t where_less(int64_t a, int64_t b)
{
    int64_t mask = -(int64_t)((uint64_t)(a - b) >> 63);
    __asm__("" : "+r"(mask));
    return mask;
}

ALWAYS_INLINE int64_t pick(int64_t mask, int64_t yes, int64_t no)
{
    return no ^ ((yes ^ no) & mask);
}

ALWAYS_INLINE int64_t latest(int64_t a, int64_t b)
{
    return a + ((b - a) & where_less(a, b));
}

/* The instance's part in a deployment that starts at start_s; returns whether it launches one. */
ALWAYS_INLINE int64_t use_instance(struct hot *hot, const struct decider *d, struct shape shape, int64_t start_s)
{
    const struct terms *t = &d->terms;
    struct rental *rental = &hot->rental;
    int64_t bake_at = start_s + t->prepare_s;
    int64_t launch = shape.keep == KEEP_TERMINATE ? -1 : ~where_less(bake_at, rental->kept_until);
    rental->open = true;
    rental->begin = pick(launch, bake_at, rental->begin);
    rental->busy_until = bake_at + t->bake_s + (t->boot_s & launch);
    if (shape.keep != KEEP_TERMINATE)
        rental->kept_until =
            policy_kept_until_by(shape.keep, d->tail_s, t->margin_s, rental->begin, rental->busy_until);
    hot->free_at = rental->busy_until + t->rollout_s;
    return launch & 1;
}

ALWAYS_INLINE void book(struct run *run, struct hot *hot, int64_t start_s, size_t end, int64_t launch, int128 waiting_s)
{
    if (start_s >= run->month_end)
        open_month(run, start_s);
    int64_t batch = (int64_t)(end - hot->next);
    run->month.commits += batch;
    run->month.deployments++;
    run->month.waiting_s += waiting_s;
    run->launched_commits += batch & -launch;
    run->out->start[hot->deployments++] = start_s * 2 + launch;
    hot->launches += launch;
    hot->next = end;
}

/* Deploys at start_s the commits from next on: those ready by then; `every` takes one push. */
ALWAYS_INLINE void deploy(struct run *run, struct hot *hot, struct shape shape, int64_t start_s)
{
    int64_t launch = use_instance(hot, run->d, shape, start_s);
    int64_t took_s = hot->free_at - start_s;
    const int64_t *arrival_s = run->arrival_s;
    const int64_t *ready_s = run->ready_s;
    int64_t *lead_s = run->out->lead_s;
    size_t count = run->count;
    size_t end = hot->next;
    int64_t until = shape.trigger == TRIGGER_EVERY ? ready_s[end] : start_s;
    bool single = shape.trigger == TRIGGER_EVERY && ready_s == arrival_s;
    int128 waiting_s = 0;
    do {
        int64_t block_s = 0;
        size_t block_end = count - end > BLOCK ? end + BLOCK : count;
        do {
            int64_t wait_s = start_s - arrival_s[end];
            block_s += wait_s;
            lead_s[end] = wait_s + took_s;
            end++;
        } while (!single && end < block_end && ready_s[end] <= until);
        waiting_s += block_s;
    } while (!single && end < count && ready_s[end] <= until);
    book(run, hot, start_s, end, launch, waiting_s);
}

static void settle(struct run *run, const struct hot *hot)
{
    run->out->deployments = hot->deployments;
    run->out->launches = hot->launches;
    run->ends_at = hot->free_at;
    run->kept_until = hot->rental.kept_until;
    assert(hot->next == run->count);
}

static const struct hot cold_start = {.free_at = INT64_MIN / 4, .rental = {.kept_until = INT64_MIN / 4}};

/* When a deployment would start that this commit is the oldest of, if the pipeline were free. */
ALWAYS_INLINE int64_t wanted_start(const struct run *run, struct shape shape, size_t i, int64_t arg)
{
    if (shape.trigger == TRIGGER_COUNT) {
        size_t last = i + (size_t)arg - 1;
        return run->ready_s[last < run->count ? last : run->count - 1];
    }
    return policy_asked_start(shape.trigger, arg, run->ready_s[i]);
}

/* Deployment by deployment. */
ALWAYS_INLINE void run_batches(struct run *run, struct shape shape)
{
    struct hot hot = cold_start;
    int64_t arg = run->d->policy.trigger.arg;
    while (hot.next < run->count) {
        int64_t start_s = latest(hot.free_at, wanted_start(run, shape, hot.next, arg));
        if (shape.trigger == TRIGGER_TRAIN)
            start_s = area_div_up(start_s, arg) * arg;
        deploy(run, &hot, shape, start_s);
    }
    settle(run, &hot);
}

/*
 * Triggers whose moment follows from the oldest pending commit: one pass, commit by commit, without a branch that
 * depends on the data, for such branches are guessed wrong at every batch's end. Each commit works out the deployment
 * that it would begin, and takes it only if the current one started before the commit was ready. All of it is
 * policy.h's rules in another shape; the tests hold them together.
 */
struct stream {
    int64_t start_s, end_s; /* of the current deployment */
    int64_t kept_until;
    int64_t launched; /* whether it launched an instance: 0 or 1 */
    size_t deployments;
    int64_t launches, launched_commits, wait_s; /* since the totals were last taken */
};

/* Goes on with commit i; returns the commit whose deployment would start at month_end or later, or `limit`. */
ALWAYS_INLINE size_t stream_month(const struct run *run, struct shape shape, struct stream *state, size_t i,
                                  size_t limit)
{
    const struct terms t = run->d->terms;
    const int64_t arg = run->d->policy.trigger.arg;
    const int64_t tail_s = run->d->tail_s;
    const int64_t month_end = run->month_end;
    const int64_t fixed_s = t.prepare_s + t.bake_s + t.rollout_s;
    const int64_t *arrival_s = run->arrival_s;
    const int64_t *ready_s = run->ready_s;
    int64_t *lead_s = run->out->lead_s;
    int64_t *starts = run->out->start;
    const bool single = ready_s == arrival_s;
    struct stream now = *state;
    for (; i < limit; i++) {
        int64_t ready = ready_s[i];
        int64_t opens = where_less(now.start_s, ready);
        if (shape.trigger == TRIGGER_EVERY)
            opens = single || !i ? -1 : where_less(ready_s[i - 1], ready);
        int64_t start_s = latest(now.end_s, wanted_start(run, shape, i, arg));
        start_s = pick(opens, start_s, now.start_s);
        if (start_s >= month_end)
            break;
        int64_t bake_at = start_s + t.prepare_s;
        int64_t launch = shape.keep == KEEP_TERMINATE ? -1 : ~where_less(bake_at, now.kept_until);
        int64_t busy_until = bake_at + t.bake_s + (t.boot_s & launch);
        int64_t before = now.launched;
        if (shape.keep == KEEP_TERMINATE)
            now.end_s = start_s + fixed_s + t.boot_s;
        else
            now.end_s = pick(opens, busy_until + t.rollout_s, now.end_s);
        now.launched = 1;
        if (shape.keep != KEEP_TERMINATE) {
            now.kept_until = pick(opens, busy_until + tail_s, now.kept_until);
            now.launched = pick(opens, launch & 1, before);
            now.launches += launch & opens & 1;
            now.launched_commits += now.launched;
        }
        now.start_s = start_s;
        now.deployments -= (size_t)opens;
        starts[now.deployments - 1] = start_s * 2 + now.launched;
        int64_t wait_s = start_s - arrival_s[i];
        now.wait_s += wait_s;
        lead_s[i] = wait_s + fixed_s + (t.boot_s & -now.launched);
    }
    *state = now;
    return i;
}

ALWAYS_INLINE void run_stream(struct run *run, struct shape shape)
{
    struct stream now = {.start_s = INT64_MIN / 4, .end_s = INT64_MIN / 4, .kept_until = INT64_MIN / 4};
    struct hot hot = cold_start;
    for (size_t i = 0; i < run->count;) {
        size_t limit = run->count - i > BLOCK ? i + BLOCK : run->count;
        hot.next = stream_month(run, shape, &now, i, limit);
        int64_t commits = (int64_t)(hot.next - i);
        int64_t deployments = (int64_t)(now.deployments - hot.deployments);
        run->month.commits += commits;
        run->month.deployments += deployments;
        run->month.waiting_s += now.wait_s;
        run->launched_commits += shape.keep == KEEP_TERMINATE ? commits : now.launched_commits;
        hot.launches += shape.keep == KEEP_TERMINATE ? deployments : now.launches;
        hot.deployments = now.deployments;
        now.wait_s = now.launched_commits = now.launches = 0;
        i = hot.next;
        if (i < limit)
            open_month(run, later(now.end_s, wanted_start(run, shape, i, run->d->policy.trigger.arg)));
    }
    hot.free_at = now.end_s;
    hot.rental.kept_until = now.kept_until;
    settle(run, &hot);
}

/* Where batches are of one size, or the instance's hours make the chain of choices long, a branch costs less. */
ALWAYS_INLINE void run_direct(struct run *run, struct shape shape)
{
    bool short_chain = shape.keep != KEEP_HOUR && shape.trigger != TRIGGER_TRAIN && shape.trigger != TRIGGER_COUNT;
    if (short_chain)
        run_stream(run, shape);
    else
        run_batches(run, shape);
}

/* Deploys commits next .. a->end-1, and any that are ready in that very second. Leads are written in blocks:
 * those behind the batch are written again by the deployment they belong to. */
ALWAYS_INLINE void deploy_found(struct run *run, struct hot *hot, struct shape shape, int64_t start_s,
                                const struct area_search *a)
{
    int64_t launch = use_instance(hot, run->d, shape, start_s);
    int64_t end_s = hot->free_at;
    int64_t near_sum = a->near_sum;
    size_t end = a->end;
    while (end < run->count && run->ready_s[end] <= start_s)
        near_sum += run->arrival_s[end++] - a->base;
    const int64_t *restrict arrival_s = run->arrival_s;
    int64_t *restrict lead_s = run->out->lead_s;
    size_t i = hot->next;
    for (; i < end && i + LEADS_AT_ONCE <= run->count; i += LEADS_AT_ONCE)
        for (size_t j = 0; j < LEADS_AT_ONCE; j++)
            lead_s[i + j] = end_s - arrival_s[i + j];
    for (; i < end; i++)
        lead_s[i] = end_s - arrival_s[i];
    int64_t batch = (int64_t)(end - hot->next);
    book(run, hot, start_s, end, launch, (int128)batch * (start_s - a->base) - near_sum);
}

ALWAYS_INLINE int run_area(struct run *run, struct shape shape, struct err *err)
{
    struct hot hot = cold_start;
    struct area_source source = {run->d, run->arrival_s, run->ready_s, run->count, shape.keep, shape.meter};
    struct area_thresholds known = area_thresholds_of(&source);
    while (hot.next < run->count) {
        struct area_search a;
        area_begin(&source, &hot.rental, hot.next, hot.free_at, &known, &a);
        int64_t start_s = area_start(&source, &hot.rental, hot.next, &known, &a);
        if (start_s > INSTANT_MAX)
            return err_set(err, EXIT_INPUT,
                           "--trigger area: the waiting of %zu commits reaches the threshold only after the year 9999; "
                           "is --delay-price too small?",
                           a.end - hot.next);
        deploy_found(run, &hot, shape, start_s, &a);
    }
    settle(run, &hot);
    return 0;
}

ALWAYS_INLINE int run_kept(struct run *run, enum keep_kind keep, struct meter meter, struct err *err)
{
    enum trigger_kind kind = run->d->policy.trigger.kind;
    switch (kind) {
    case TRIGGER_EVERY:
        run_direct(run, (struct shape){TRIGGER_EVERY, keep, meter});
        return 0;
    case TRIGGER_IDLE:
        run_direct(run, (struct shape){TRIGGER_IDLE, keep, meter});
        return 0;
    case TRIGGER_COUNT:
        run_direct(run, (struct shape){TRIGGER_COUNT, keep, meter});
        return 0;
    case TRIGGER_WINDOW:
        run_direct(run, (struct shape){TRIGGER_WINDOW, keep, meter});
        return 0;
    case TRIGGER_TRAIN:
        run_direct(run, (struct shape){TRIGGER_TRAIN, keep, meter});
        return 0;
    case TRIGGER_AREA:
        return run_area(run, (struct shape){TRIGGER_AREA, keep, meter}, err);
    default:
        return 0;
    }
}

static int run_terminate(struct run *run, struct err *err)
{
    return run_kept(run, KEEP_TERMINATE, run->d->meter, err);
}

static int run_hour(struct run *run, struct err *err)
{
    static const struct meter hourly = {SECONDS_PER_HOUR, SECONDS_PER_HOUR};
    if (is_hourly(run->d->meter))
        return run_kept(run, KEEP_HOUR, hourly, err);
    return run_kept(run, KEEP_HOUR, run->d->meter, err);
}

static int run_tail(struct run *run, struct err *err)
{
    return run_kept(run, KEEP_IDLE, run->d->meter, err);
}

static void prepare_out(struct replay *r, size_t count)
{
    r->start = mem_grow(r->start, &r->start_cap, count, sizeof(*r->start));
    r->lead_s = mem_grow(r->lead_s, &r->lead_cap, count, sizeof(*r->lead_s));
    r->commits = count;
    r->troubled = false;
    r->deployments = r->month_count = 0;
    r->launches = 0;
    r->waiting_s = r->lead_sum_s = 0;
}

static int finish(struct run *run, struct err *err)
{
    struct replay *r = run->out;
    for (size_t m = 0; m < r->month_count; m++) {
        r->waiting_s += r->months[m].waiting_s;
        r->lead_sum_s += r->months[m].lead_s;
    }
    assert(r->waiting_s >= 0);
    if (run->kept_until > INSTANT_MAX - POLICY_DURATION_MAX || run->ends_at > INSTANT_MAX - POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
}

int replay_run(struct replay *r, const struct decider *d, const struct commits *c, struct err *err)
{
    assert(c->count > 0);
    prepare_out(r, c->count);
    if (policy_learns(d->policy.trigger.kind))
        return replay_live(r, d, c, err);
    struct run run = {
        .out = r, .d = d, .arrival_s = c->arrival_s, .ready_s = c->ready_s, .count = c->count, .month_end = INT64_MIN};
    enum keep_kind keep = d->policy.keep.kind;
    int code = keep == KEEP_TERMINATE ? run_terminate(&run, err)
               : keep == KEEP_HOUR    ? run_hour(&run, err)
                                      : run_tail(&run, err);
    close_month(&run);
    return code ? code : finish(&run, err);
}
