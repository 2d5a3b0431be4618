/* The loops of attempts.h for the triggers whose moment follows from the commits and one instance: a loop for each
 * trigger and keep. Most deployments go well, and the ones that do are done without looking at what might go wrong. */
#include "sim/area_search.h"
#include "sim/attempts_step.h"

#define SELF_MADE (RISK_BUILD | RISK_BAKE | RISK_BOOT | RISK_SMOKE)

/* What the loop fixes. */
struct shape {
    enum trigger_kind trigger;
    enum keep_kind keep;
    struct meter meter;
};

/* What the policy is asked with. */
struct question {
    int64_t arg;
    struct area_source source;
    struct area_thresholds known;
};

STEP_INLINE int64_t start_of(const struct question *q, struct shape shape, size_t next, int64_t free_at,
                             const struct rental *rental)
{
    const struct area_source *s = &q->source;
    if (shape.trigger == TRIGGER_AREA) {
        struct area_search a;
        area_begin(s, rental, next, free_at, &q->known, &a);
        return area_start(s, rental, next, &q->known, &a);
    }
    if (shape.trigger == TRIGGER_COUNT) {
        size_t last = next + (q->arg > 1 ? (size_t)q->arg - 1 : 0);
        return step_later(free_at, s->ready_s[last < s->count ? last : s->count - 1]);
    }
    int64_t start_s = step_later(free_at, policy_asked_start(shape.trigger, q->arg, s->ready_s[next]));
    return shape.trigger == TRIGGER_TRAIN ? area_div_up(start_s, q->arg) * q->arg : start_s;
}

/* What the deployments that go well carry: apart from the engine, so that it stays in registers. */
struct hot {
    size_t next, deployments, delivered;
    int64_t free_at, launches;
    struct rental rental;
};

/* A build that fails by itself, the commonest mishap: the next attempt begins when it has failed. False, and nothing
 * done, where that one fails too or begins later than is looked at here. */
STEP_INLINE bool build_again(struct attempts_engine *e, const struct hot *hot, int64_t *start_s, int64_t good_until)
{
    int64_t prepare_s = e->m->terms.prepare_s;
    if (*start_s + prepare_s >= good_until || risks_again(e->risks, hot->next, 1))
        return false;
    size_t known = e->deployments;
    e->deployments = hot->deployments;
    step_note(e, MISHAP_JOB, *start_s, prepare_s);
    e->deployments = known;
    e->went->failed_builds++;
    e->attempts++;
    *start_s += prepare_s;
    return true;
}

/* Goes on with deployments in which nothing goes wrong, or a build once; ends before the first in which something does,
 * or might, and at the history's end. */
STEP_INLINE void go_well(struct attempts_engine *e, const struct question *q, struct shape shape)
{
    const struct decider *d = e->d;
    const int64_t *restrict arrival_s = q->source.arrival_s;
    const int64_t *restrict ready_s = q->source.ready_s;
    int64_t *restrict lead_s = e->out->lead_s;
    int64_t *restrict starts = e->out->start;
    const uint8_t *restrict bits = e->risks ? e->risks->bits : NULL;
    const struct risks *r = e->risks;
    size_t culprit = r && e->culprit < r->culprit_count ? r->culprits[e->culprit] : SIZE_MAX;
    int64_t guilty_from = culprit == SIZE_MAX || shape.trigger == TRIGGER_EVERY ? INT64_MAX : ready_s[culprit];
    size_t count = q->source.count;
    size_t room = e->out->start_cap;
    /* The month ends, the calendar does, or the batch would hold a culprit. */
    int64_t good_until = e->month_end < guilty_from ? e->month_end : guilty_from;
    if (good_until > INSTANT_MAX - POLICY_DURATION_MAX)
        good_until = INSTANT_MAX - POLICY_DURATION_MAX;
    struct hot hot = {e->next, e->deployments, e->delivered, e->free_at, e->launches, e->rental};
    while (hot.next < count && hot.deployments < room) {
        unsigned self_made = bits ? bits[hot.next] & SELF_MADE : 0;
        if ((self_made & ~(unsigned)RISK_BUILD) || culprit == hot.next)
            break;
        int64_t start_s = start_of(q, shape, hot.next, hot.free_at, &hot.rental);
        if (self_made && !build_again(e, &hot, &start_s, good_until))
            break;
        if (start_s >= good_until)
            break;
        int64_t at = start_s + d->terms.prepare_s;
        bool launch = shape.keep == KEEP_TERMINATE || !policy_reuses(&hot.rental, at);
        hot.free_at = step_use_instance(&hot.rental, d, shape.keep, at, launch) + d->terms.rollout_s;
        int64_t took_s = hot.free_at - start_s;
        size_t end = hot.next;
        int64_t *to = lead_s + (hot.delivered - end);
        do { /* once, but for batches of more than a million */
            size_t begin = end;
            size_t limit = count - end > STEP_BLOCK ? end + STEP_BLOCK : count;
            int64_t waiting_s = 0;
            do {
                int64_t wait_s = start_s - arrival_s[end];
                to[end++] = wait_s + took_s;
                waiting_s += wait_s;
            } while (shape.trigger != TRIGGER_EVERY && end < limit && ready_s[end] <= start_s);
            e->month.waiting_s += waiting_s;
            e->month.lead_s += waiting_s + (int64_t)(end - begin) * took_s;
        } while (shape.trigger != TRIGGER_EVERY && end < count && ready_s[end] <= start_s);
        int64_t batch = (int64_t)(end - hot.next);
        e->month.commits += batch;
        e->month.deployments++;
        starts[hot.deployments++] = start_s * 2 + launch;
        hot.launches += launch;
        hot.delivered += (size_t)batch;
        hot.next = end;
    }
    e->attempts += (int64_t)(hot.deployments - e->deployments);
    e->next = hot.next;
    e->deployments = hot.deployments;
    e->delivered = hot.delivered;
    e->free_at = hot.free_at;
    e->launches = hot.launches;
    e->rental = hot.rental;
}

STEP_INLINE bool run(struct attempts_engine *engine, struct shape shape)
{
    struct attempts_engine e = *engine;
    struct question q = {.arg = e.d->policy.trigger.arg,
                         .source = {e.d, e.c->arrival_s, e.c->ready_s, e.c->count, shape.keep, shape.meter}};
    bool in_time = true;
    e.trigger = shape.trigger;
    e.keep = shape.keep;
    e.fleet = NULL;
    if (shape.trigger == TRIGGER_AREA)
        q.known = area_thresholds_of(&q.source);
    while (in_time) {
        if (!e.at_once)
            go_well(&e, &q, shape);
        if (e.next == q.source.count)
            break;
        int64_t start_s = e.at_once ? step_later(e.free_at, q.source.ready_s[e.next])
                                    : start_of(&q, shape, e.next, e.free_at, &e.rental);
        in_time = start_s <= INSTANT_MAX - POLICY_DURATION_MAX;
        if (in_time)
            step_attempt(&e, start_s);
    }
    *engine = e;
    return in_time;
}

/* A function for each keep, so that none of them grows beyond what a compiler does well. */
STEP_INLINE bool run_kept(struct attempts_engine *e, enum keep_kind keep, struct meter meter)
{
    switch (e->trigger) {
    case TRIGGER_EVERY:
        return run(e, (struct shape){TRIGGER_EVERY, keep, meter});
    case TRIGGER_IDLE:
        return run(e, (struct shape){TRIGGER_IDLE, keep, meter});
    case TRIGGER_COUNT:
        return run(e, (struct shape){TRIGGER_COUNT, keep, meter});
    case TRIGGER_WINDOW:
        return run(e, (struct shape){TRIGGER_WINDOW, keep, meter});
    case TRIGGER_TRAIN:
        return run(e, (struct shape){TRIGGER_TRAIN, keep, meter});
    default:
        return run(e, (struct shape){TRIGGER_AREA, keep, meter});
    }
}

static bool run_terminate(struct attempts_engine *e)
{
    return run_kept(e, KEEP_TERMINATE, e->d->meter);
}

static bool run_hour(struct attempts_engine *e)
{
    return run_kept(e, KEEP_HOUR, (struct meter){SECONDS_PER_HOUR, SECONDS_PER_HOUR});
}

static bool run_tail(struct attempts_engine *e)
{
    return run_kept(e, KEEP_IDLE, e->d->meter);
}

bool attempts_quick(struct attempts_engine *e, bool *in_time)
{
    struct meter meter = e->d->meter;
    if (e->fleet || e->d->outlook || e->trigger > TRIGGER_AREA)
        return false;
    if (e->trigger == TRIGGER_EVERY && e->c->ready_s != e->c->arrival_s)
        return false;
    if (e->keep == KEEP_HOUR && (meter.quantum_s != SECONDS_PER_HOUR || meter.minimum_s != SECONDS_PER_HOUR))
        return false;
    *in_time = e->keep == KEEP_TERMINATE ? run_terminate(e) : e->keep == KEEP_HOUR ? run_hour(e) : run_tail(e);
    return true;
}
