#include "sim/attempts.h"

#include <stdlib.h>

#include "scheduler/outlook.h"
#include "sim/attempts_step.h"

static struct storm storm_with(const struct model *m, int64_t launches)
{
    int64_t slots = m->fleet ? (m->surge < m->fleet ? m->surge : m->fleet) : 1;
    int64_t once_s = meter_billed_s(regime_meter(m->terms.regime), m->failures.storm_cycle_s);
    return (struct storm){slots, launches, slots * launches * once_s, launches * m->failures.storm_cycle_s};
}

struct storm storm_uncapped(const struct model *m)
{
    int64_t launches = m->failures.night_s / m->failures.storm_cycle_s;
    return storm_with(m, launches > 1 ? launches : 1);
}

struct storm storm_of(const struct model *m)
{
    const struct failures *f = &m->failures;
    struct storm storm = storm_uncapped(m);
    int64_t launches = f->storm_cap && f->storm_cap < storm.launches_a_slot ? f->storm_cap : storm.launches_a_slot;
    if (f->storm_usd) {
        int128 once = (int128)(storm.billed_s / storm.launches_a_slot) * m->terms.price_per_hour;
        int128 paid = once ? (int128)f->storm_usd * SECONDS_PER_HOUR / once : launches;
        launches = paid < launches ? (int64_t)paid : launches;
    }
    return storm_with(m, launches > 1 ? launches : 1);
}

/* The policy, asked at each arrival that it hears. */
static int64_t asked_start(struct attempts_engine *e)
{
    const struct commits *c = e->c;
    size_t end = e->next + 1;
    int64_t from = step_later(e->free_at, c->ready_s[e->next]);
    struct pending p = {1, c->ready_s[e->next], c->arrival_s[e->next]};
    if (policy_hears_arrivals(e->trigger))
        for (; end < c->count && c->ready_s[end] <= from; end++, p.count++)
            p.arrival_sum += c->arrival_s[end];
    for (;;) {
        if (e->d->outlook)
            outlook_hear(e->d->outlook, c->ready_s, end, from);
        int64_t at = policy_fire_at(e->d, from, &p, &e->rental);
        if (!policy_hears_arrivals(e->trigger))
            return at;
        if (end == c->count)
            return at == POLICY_NEVER && e->trigger == TRIGGER_COUNT ? from : at;
        if (at < c->ready_s[end])
            return at;
        from = step_later(from, c->ready_s[end]);
        for (; end < c->count && c->ready_s[end] <= from; end++, p.count++)
            p.arrival_sum += c->arrival_s[end];
    }
}

/* `count` without a call: the N-th commit's arrival. */
static inline int64_t next_start(struct attempts_engine *e)
{
    const struct trigger t = e->d->policy.trigger;
    size_t last;
    switch (t.kind) {
    case TRIGGER_EVERY:
    case TRIGGER_IDLE:
    case TRIGGER_WINDOW:
        return step_later(e->free_at, policy_asked_start(t.kind, t.arg, e->c->ready_s[e->next]));
    case TRIGGER_COUNT:
        last = e->next + (t.arg > 1 ? (size_t)t.arg - 1 : 0);
        return step_later(e->free_at, e->c->ready_s[last < e->c->count ? last : e->c->count - 1]);
    default:
        return asked_start(e);
    }
}

/* What a trigger that learns is told, whatever becomes of the attempt. */
static void tell(struct attempts_engine *e, int64_t start_s)
{
    if (!e->d->outlook)
        return;
    while (e->told < e->c->count && e->c->ready_s[e->told] <= start_s)
        e->told++;
    outlook_hear(e->d->outlook, e->c->ready_s, e->told, start_s);
    outlook_started(e->d->outlook, start_s);
}

struct replay_month attempts_next_month(struct replay *r, struct replay_month closed, int64_t start_s, int64_t *end)
{
    if (closed.deployments) {
        r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
        r->months[r->month_count++] = closed;
    }
    int month = calendar_month(start_s);
    *end = calendar_month_start(month + 1);
    return (struct replay_month){.month = month};
}

struct attempts_launches attempts_bring_up(const struct model *m, const struct risks *r, size_t commit,
                                           uint32_t attempt)
{
    int64_t launch = 1;
    while (launch < m->failures.bake_tries && risks_launch_fails(r, commit, attempt, (uint32_t)launch))
        launch++;
    return (struct attempts_launches){launch, launch < m->failures.bake_tries};
}

static void begin(struct attempts_engine *e)
{
    struct replay *r = e->out;
    size_t items = e->went->cap;
    r->commits = e->c->count;
    r->deployments = r->month_count = 0;
    r->launches = 0;
    r->waiting_s = r->lead_sum_s = 0;
    r->troubled = true;
    r->mishaps = (struct mishaps){.items = r->mishaps.items, .cap = items};
    r->lead_s = mem_grow(r->lead_s, &r->lead_cap, e->c->count, sizeof(*r->lead_s));
    r->start = mem_grow(r->start, &r->start_cap, e->c->count, sizeof(*r->start));
    e->free_at = STEP_LONG_AGO;
    e->rental = (struct rental){.kept_until = STEP_LONG_AGO};
    e->month_end = INT64_MIN;
    e->trigger = e->d->policy.trigger.kind;
    e->keep = e->d->policy.keep.kind == KEEP_RENT ? KEEP_IDLE : e->d->policy.keep.kind;
}

static int finish(struct attempts_engine *e, struct err *err)
{
    struct replay *r = e->out;
    int64_t ignored;
    attempts_next_month(r, e->month, 0, &ignored);
    r->deployments = e->deployments;
    r->launches = e->launches;
    r->mishaps.attempts = e->attempts;
    for (size_t i = 0; i < r->month_count; i++) {
        r->waiting_s += r->months[i].waiting_s;
        r->lead_sum_s += r->months[i].lead_s;
    }
    r->commits = e->delivered;
    r->mishaps.ended_at = e->free_at;
    assert(e->delivered + (size_t)r->mishaps.reverted == e->c->count);
    if (e->free_at > INSTANT_MAX - POLICY_DURATION_MAX ||
        (e->rental.kept_until != STEP_LONG_AGO && e->rental.kept_until > INSTANT_MAX - POLICY_DURATION_MAX))
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
}

/* Any policy and fleet; false when a start would lie beyond the calendar. */
static bool run_any(struct attempts_engine *e)
{
    while (e->next < e->c->count) {
        int64_t start_s = e->at_once ? step_later(e->free_at, e->c->ready_s[e->next]) : next_start(e);
        if (start_s > INSTANT_MAX - POLICY_DURATION_MAX)
            return false;
        tell(e, start_s);
        step_attempt(e, start_s);
    }
    return true;
}

int attempts_run(struct replay *r, const struct decider *d, const struct commits *c, const struct model *m,
                 struct err *err)
{
    assert(c->count > 0 && (!m->risks || m->risks->count >= c->count));
    struct outlook *own = NULL;
    if (policy_learns(d->policy.trigger.kind) && !d->outlook) {
        int failed = outlook_new(&own, d, err);
        if (failed)
            return failed;
        d = outlook_decider(own);
    }
    struct attempts_engine e = {.out = r, .went = &r->mishaps, .d = d, .c = c, .m = m, .risks = m->risks};
    struct fleet fleet;
    begin(&e);
    if (m->fleet && m->hour_end) {
        fleet_init(&fleet, m);
        e.fleet = &fleet;
    }
    bool in_time = true;
    if (!attempts_quick(&e, &in_time))
        in_time = run_any(&e);
    if (e.fleet)
        fleet_release(&fleet);
    outlook_free(own);
    if (!in_time)
        return err_set(err, EXIT_INPUT,
                       "--trigger: a commit would be deployed only after the year 9900; is --delay-price too small?");
    return finish(&e, err);
}
