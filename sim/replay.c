#include "sim/replay.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define CACHED_HOURS  4

void replay_init(struct replay *r)
{
    *r = (struct replay){0};
}

void replay_release(struct replay *r)
{
    free(r->start);
    free(r->lead_s);
    free(r->months);
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

/* What the loop carries from one deployment to the next. */
struct run {
    struct replay *out;
    const struct decider *d;
    const int64_t *arrival_s, *ready_s;
    size_t count;
    size_t next; /* the oldest commit that is not deployed */
    int64_t free_at;
    struct rental rental;
    int64_t month_end;                /* of out->months' last */
    int128 cached_wait[CACHED_HOURS]; /* area: what 0, 1, 2, 3 marginal hours ask for */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void open_month(struct run *run, int64_t start_s)
{
    struct replay *r = run->out;
    int month = calendar_month(start_s);
    r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
    r->months[r->month_count++] = (struct replay_month){.month = month};
    run->month_end = calendar_month_start(month + 1);
}

/* Books the deployment of commits next .. end-1 at start_s. */
ALWAYS_INLINE void deploy(struct run *run, int64_t start_s, size_t end, int128 arrival_sum)
{
    struct replay *r = run->out;
    const struct terms *t = &run->d->terms;
    struct rental *rental = &run->rental;
    int64_t bake_at = start_s + t->prepare_s;
    bool launch = !policy_reuses(rental, bake_at);
    if (launch)
        *rental = (struct rental){.open = true, .begin = bake_at, .busy_until = bake_at + t->boot_s + t->bake_s};
    else
        rental->busy_until = bake_at + t->bake_s;
    rental->kept_until = policy_kept_until(run->d, rental->begin, rental->busy_until);
    int64_t end_s = rental->busy_until + t->rollout_s;

    if (start_s >= run->month_end)
        open_month(run, start_s);
    struct replay_month *month = &r->months[r->month_count - 1];
    int64_t batch = (int64_t)(end - run->next);
    int128 waiting = (int128)batch * start_s - arrival_sum;
    month->commits += batch;
    month->deployments++;
    month->waiting_s += waiting;
    month->lead_s += waiting + (int128)batch * (end_s - start_s);
    r->launches += launch;
    r->start[r->deployments++] = start_s * 2 + launch;
    for (size_t i = run->next; i < end; i++)
        r->lead_s[i] = end_s - run->arrival_s[i];
    run->next = end;
    run->free_at = end_s;
}

/* Takes what is ready at start_s and deploys it. */
ALWAYS_INLINE void deploy_ready(struct run *run, int64_t start_s, size_t from, int128 arrival_sum)
{
    size_t end = from;
    int64_t near_sum = 0; /* relative to the first, so that short sums stay in 64 bits */
    int64_t base = run->arrival_s[run->next];
    size_t begun = end;
    while (end < run->count && run->ready_s[end] <= start_s) {
        near_sum += run->arrival_s[end] - base;
        end++;
    }
    deploy(run, start_s, end, arrival_sum + near_sum + (int128)(end - begun) * base);
}

static void run_every(struct run *run)
{
    while (run->next < run->count) {
        int64_t ready = run->ready_s[run->next];
        size_t end = run->next;
        int128 sum = 0;
        if (run->ready_s == run->arrival_s) {
            sum = ready;
            end++;
        } else {
            while (end < run->count && run->ready_s[end] == ready)
                sum += run->arrival_s[end++];
        }
        deploy(run, later(run->free_at, ready), end, sum);
    }
}

/* Triggers that look only at the oldest pending commit. */
ALWAYS_INLINE void run_oldest(struct run *run, enum trigger_kind kind)
{
    int64_t arg = run->d->policy.trigger.arg;
    while (run->next < run->count) {
        int64_t oldest = run->ready_s[run->next];
        int64_t start_s = later(run->free_at, oldest);
        if (kind == TRIGGER_WINDOW)
            start_s = later(run->free_at, oldest + arg);
        if (kind == TRIGGER_TRAIN)
            start_s += (arg - start_s % arg) % arg; /* instants here are not negative */
        deploy_ready(run, start_s, run->next, 0);
    }
}

static void run_count(struct run *run)
{
    size_t wanted = (size_t)run->d->policy.trigger.arg;
    while (run->next < run->count) {
        size_t left = run->count - run->next;
        size_t last = run->next + (wanted < left ? wanted : left) - 1;
        deploy_ready(run, later(run->free_at, run->ready_s[last]), run->next, 0);
    }
}

static int128 wait_for(const struct run *run, int64_t marginal_s)
{
    int64_t hours = marginal_s / SECONDS_PER_HOUR;
    if (run->d->meter.quantum_s == SECONDS_PER_HOUR && hours < CACHED_HOURS)
        return run->cached_wait[hours];
    if (run->d->meter.quantum_s == 1 && marginal_s == run->d->launch_s)
        return run->d->launch_wait;
    return policy_area_wait(run->d, marginal_s);
}

/* The search for the second at which `area` fires, over arrivals and over the stretches of the threshold. */
struct area_search {
    size_t end;   /* commits next .. end-1 are pending */
    int64_t base; /* arrivals are summed relative to it */
    int128 near_sum;
    int64_t from; /* nothing before this second is left to look at */
    struct area_piece piece;
    int128 wait;
};

static void absorb(const struct run *run, struct area_search *a, int64_t until)
{
    size_t end = a->end;
    int64_t near_sum = 0;
    for (; end < run->count && run->ready_s[end] <= until; end++)
        near_sum += run->arrival_s[end] - a->base;
    a->near_sum += near_sum;
    a->end = end;
}

static void enter_piece(const struct run *run, struct area_search *a)
{
    a->piece = policy_area_piece(run->d, &run->rental, a->from);
    a->wait = wait_for(run, a->piece.seconds);
}

/* The second in [from, limit] at which the threshold is reached, or POLICY_NEVER. */
static int64_t fire_within(const struct run *run, const struct area_search *a, int64_t limit)
{
    int64_t pending = (int64_t)(a->end - run->next);
    if (!a->piece.slope) {
        if (limit != POLICY_NEVER && (int128)pending * (limit - a->base) - a->near_sum < a->wait)
            return POLICY_NEVER;
        int128 goal = a->wait + a->near_sum;
        if (goal > INSTANT_MAX * (int128)pending)
            return POLICY_NEVER;
        int64_t t = goal <= INT64_MAX - pending ? a->base + ((int64_t)goal + pending - 1) / pending
                                                : (int64_t)(a->base + (goal + pending - 1) / pending);
        return later(t, a->from);
    }
    struct pending p = {pending, a->from, a->near_sum + (int128)pending * a->base};
    struct rental rental = run->rental;
    int64_t t = policy_fire_at(run->d, a->from, &p, &rental);
    return t <= limit ? t : POLICY_NEVER;
}

static int64_t area_start(const struct run *run, struct area_search *a)
{
    for (;;) {
        int64_t arrival = a->end < run->count ? run->ready_s[a->end] : POLICY_NEVER;
        int64_t limit = arrival < a->piece.until ? arrival : a->piece.until;
        int64_t t = fire_within(run, a, limit);
        if (t != POLICY_NEVER || limit == POLICY_NEVER)
            return t;
        if (limit == arrival) {
            a->from = arrival;
            absorb(run, a, arrival);
        } else {
            a->from = limit + 1;
            enter_piece(run, a);
        }
    }
}

static int run_area(struct run *run, struct err *err)
{
    for (int hours = 0; hours < CACHED_HOURS; hours++)
        run->cached_wait[hours] = policy_area_wait(run->d, (int64_t)hours * SECONDS_PER_HOUR);
    while (run->next < run->count) {
        struct area_search a = {.end = run->next, .base = run->arrival_s[run->next]};
        a.from = later(run->free_at, run->ready_s[run->next]);
        absorb(run, &a, a.from);
        enter_piece(run, &a);
        int64_t start_s = area_start(run, &a);
        if (start_s > INSTANT_MAX)
            return err_set(err, EXIT_INPUT,
                           "--trigger area: the waiting of %zu commits reaches the threshold only after the year 9999; "
                           "is --delay-price too small?",
                           a.end - run->next);
        deploy_ready(run, start_s, a.end, a.near_sum + (int128)(a.end - run->next) * a.base);
    }
    return 0;
}

static void prepare_out(struct replay *r, size_t count)
{
    r->start = mem_grow(r->start, &r->start_cap, count, sizeof(*r->start));
    r->lead_s = mem_grow(r->lead_s, &r->lead_cap, count, sizeof(*r->lead_s));
    r->commits = count;
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
    assert(run->next == run->count && r->waiting_s >= 0);
    if (run->rental.kept_until > INSTANT_MAX - POLICY_DURATION_MAX || run->free_at > INSTANT_MAX - POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
}

int replay_run(struct replay *r, const struct decider *d, const struct commits *c, struct err *err)
{
    assert(c->count > 0);
    prepare_out(r, c->count);
    struct run run = {.out = r,
                      .d = d,
                      .arrival_s = c->arrival_s,
                      .ready_s = c->ready_s,
                      .count = c->count,
                      .free_at = INT64_MIN / 4,
                      .month_end = INT64_MIN};
    int code = 0;
    switch (d->policy.trigger.kind) {
    case TRIGGER_EVERY:
        run_every(&run);
        break;
    case TRIGGER_IDLE:
        run_oldest(&run, TRIGGER_IDLE);
        break;
    case TRIGGER_WINDOW:
        run_oldest(&run, TRIGGER_WINDOW);
        break;
    case TRIGGER_TRAIN:
        run_oldest(&run, TRIGGER_TRAIN);
        break;
    case TRIGGER_COUNT:
        run_count(&run);
        break;
    case TRIGGER_AREA:
        code = run_area(&run, err);
        break;
    }
    return code ? code : finish(&run, err);
}
