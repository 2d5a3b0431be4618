#include "sim/attempts_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/outlook.h"

#define LONG_AGO    (INT64_MIN / 4)
#define ATTEMPT_MAX 1000000 /* of one batch; nobody draws that often */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

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

static void note(struct attempts_engine *e, struct mishap mishap)
{
    mishap.deployment = e->out->deployments;
    e->went->items = mem_grow(e->went->items, &e->went->cap, e->went->count + 1, sizeof(*e->went->items));
    e->went->items[e->went->count++] = mishap;
}

/* The policy, asked at each arrival that it hears. */
static int64_t asked_start(struct attempts_engine *e)
{
    const struct commits *c = e->c;
    size_t end = e->next + 1;
    int64_t from = later(e->free_at, c->ready_s[e->next]);
    struct pending p = {1, c->ready_s[e->next], c->arrival_s[e->next]};
    if (policy_hears_arrivals(e->d->policy.trigger.kind))
        for (; end < c->count && c->ready_s[end] <= from; end++, p.count++)
            p.arrival_sum += c->arrival_s[end];
    for (;;) {
        if (e->d->outlook)
            outlook_hear(e->d->outlook, c->ready_s, end, from);
        int64_t at = policy_fire_at(e->d, from, &p, &e->rental);
        if (!policy_hears_arrivals(e->d->policy.trigger.kind))
            return at;
        if (end == c->count)
            return at == POLICY_NEVER && e->d->policy.trigger.kind == TRIGGER_COUNT ? from : at;
        if (at < c->ready_s[end])
            return at;
        from = later(from, c->ready_s[end]);
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
        return later(e->free_at, policy_asked_start(t.kind, t.arg, e->c->ready_s[e->next]));
    case TRIGGER_COUNT:
        last = e->next + (t.arg > 1 ? (size_t)t.arg - 1 : 0);
        return later(e->free_at, e->c->ready_s[last < e->c->count ? last : e->c->count - 1]);
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

static inline size_t batch_end(const struct attempts_engine *e, int64_t start_s)
{
    const int64_t *ready_s = e->c->ready_s;
    size_t end = e->next + 1;
    if (e->suspects)
        return e->next + (e->suspects - e->next + 1) / 2;
    if (e->d->policy.trigger.kind == TRIGGER_EVERY && ready_s == e->c->arrival_s)
        return end;
    int64_t until = e->d->policy.trigger.kind == TRIGGER_EVERY ? ready_s[e->next] : start_s;
    while (end < e->c->count && ready_s[end] <= until)
        end++;
    return end;
}

static inline bool is_left_out(const struct attempts_engine *e, size_t commit)
{
    return commit < e->known && e->risks && (e->risks->bits[commit] & RISK_CULPRIT);
}

/* What the batch next .. end-1 has in it that nobody knows of yet. */
struct batch {
    size_t end;
    int64_t left_out;
    int64_t culprits;
    bool caught;
    unsigned bits;
};

static inline struct batch look_at(struct attempts_engine *e, size_t end)
{
    struct batch b = {.end = end};
    const struct risks *r = e->risks;
    if (!r)
        return b;
    for (size_t i = e->culprit; i < r->culprit_count && r->culprits[i] < end; i++) {
        if (r->culprits[i] < e->known) {
            b.left_out++;
            continue;
        }
        b.culprits++;
        b.caught |= (r->bits[r->culprits[i]] & RISK_CAUGHT) != 0;
    }
    b.bits = e->attempt ? risks_again(r, e->next, e->attempt) : r->bits[e->next];
    if (e->repaired)
        b.bits &= ~(unsigned)RISK_BOOT;
    return b;
}

static void move_to(struct attempts_engine *e, size_t next)
{
    e->next = next;
    e->attempt = 0;
    e->repaired = false;
    while (e->risks && e->culprit < e->risks->culprit_count && e->risks->culprits[e->culprit] < next)
        e->culprit++;
}

static bool waits(const struct attempts_engine *e)
{
    return e->next < e->c->count && e->c->ready_s[e->next] <= e->free_at;
}

/* Of the suspects one is left: it is the culprit. */
static void revert_last(struct attempts_engine *e)
{
    e->went->reverted++;
    e->suspects = 0;
    move_to(e, e->next + 1);
    e->at_once = waits(e);
}

static void fail(struct attempts_engine *e, const struct batch *b, bool guilty)
{
    e->attempt++;
    e->at_once = true;
    assert(e->attempt < ATTEMPT_MAX);
    if (!guilty)
        return;
    if (e->m->failures.on_fail == ON_FAIL_REVERT) {
        e->went->culprits += b->culprits;
        e->known = b->end > e->known ? b->end : e->known;
        return;
    }
    e->went->culprits += b->end - e->next == 1;
    e->suspects = b->end;
    if (b->end - e->next == 1)
        revert_last(e);
}

void attempts_open_month(struct attempts_engine *e, int64_t start_s)
{
    struct replay *r = e->out;
    if (e->month.deployments) {
        r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
        r->months[r->month_count++] = e->month;
    }
    int month = calendar_month(start_s);
    e->month = (struct replay_month){.month = month};
    e->month_end = calendar_month_start(month + 1);
}

static inline void deliver(struct attempts_engine *e, const struct batch *b, int64_t start_s)
{
    const int64_t *arrival_s = e->c->arrival_s;
    int64_t *lead_s = e->out->lead_s + e->delivered;
    int64_t end_s = e->free_at;
    int64_t count = (int64_t)(b->end - e->next) - b->left_out;
    int128 sum = 0;
    size_t n = 0;
    for (size_t i = e->next; i < b->end; i++) {
        if (b->left_out && is_left_out(e, i))
            continue;
        lead_s[n++] = end_s - arrival_s[i];
        sum += arrival_s[i];
    }
    assert((int64_t)n == count);
    e->delivered += n;
    e->month.commits += count;
    e->month.waiting_s += (int128)count * start_s - sum;
    e->month.lead_s += (int128)count * end_s - sum;
    e->went->reverted += b->left_out;
    e->at_once = false;
    move_to(e, b->end);
    if (!e->suspects)
        return;
    e->at_once = true;
    if (e->suspects - e->next == 1) {
        e->went->culprits++;
        revert_last(e);
    }
}

static void give_back(struct attempts_engine *e, int64_t broken_at)
{
    int64_t took_s = e->free_at - broken_at;
    e->went->restores++;
    e->went->restore_sum_s += took_s;
    e->went->restore_max_s = later(e->went->restore_max_s, took_s);
}

/* Launches bake instances until one comes up; false when the attempt is given up. *at moves on. */
static bool bring_up(struct attempts_engine *e, const struct batch *b, int64_t *at)
{
    const struct failures *f = &e->m->failures;
    bool down = (b->bits & RISK_BAKE) != 0;
    for (uint32_t launch = 1; down; launch++) {
        note(e, (struct mishap){.kind = MISHAP_LAUNCH, .at = *at, .length_s = e->m->terms.boot_s});
        e->went->failed_launches++;
        e->out->launches++;
        *at += e->m->terms.boot_s;
        if (launch == f->bake_tries)
            return false;
        down = risks_launch_fails(e->risks, e->next, e->attempt, launch);
    }
    return true;
}

static inline void record(struct attempts_engine *e, int64_t start_s, bool launch)
{
    struct replay *r = e->out;
    if (r->deployments == r->start_cap)
        r->start = mem_grow(r->start, &r->start_cap, r->deployments + 1, sizeof(*r->start));
    r->start[r->deployments] = start_s * 2 + launch;
    r->launches += launch;
    if (e->fleet && !r->deployments)
        fleet_begin(e->fleet, start_s);
    if (start_s >= e->month_end)
        attempts_open_month(e, start_s);
    e->month.deployments++;
}

static void storm(struct attempts_engine *e, const struct batch *b, int64_t baked)
{
    struct storm s = storm_of(e->m);
    note(e, (struct mishap){.kind = MISHAP_STORM,
                            .at = baked,
                            .length_s = e->m->failures.storm_cycle_s,
                            .launches = s.launches_a_slot,
                            .slots = s.slots});
    e->went->storms++;
    e->went->storm_launches += s.launches_a_slot * s.slots;
    e->free_at = baked + s.length_s + e->m->failures.rollback_s;
    give_back(e, baked);
    e->repaired = true;
    fail(e, b, false);
}

/* The image is there: roll it out. */
static inline void roll_out(struct attempts_engine *e, const struct batch *b, int64_t start_s, int64_t baked)
{
    if (b->bits & RISK_BOOT) {
        storm(e, b, baked);
        return;
    }
    int64_t done = e->fleet ? fleet_roll(e->fleet, NULL, baked) : baked + e->m->terms.rollout_s;
    e->free_at = done;
    if (!b->culprits && !(b->bits & RISK_SMOKE)) {
        deliver(e, b, start_s);
        return;
    }
    int64_t back = done + e->m->failures.detect_s;
    note(e, (struct mishap){.kind = MISHAP_ROLLBACK, .at = back});
    e->went->rolled_back++;
    if (e->fleet)
        fleet_roll_back(e->fleet, NULL, back);
    e->free_at = back + e->m->failures.rollback_s;
    give_back(e, done);
    fail(e, b, b->culprits > 0);
}

static inline void bake(struct attempts_engine *e, const struct batch *b, int64_t start_s)
{
    const struct terms *t = &e->m->terms;
    int64_t at = start_s + t->prepare_s;
    bool launch = !policy_reuses(&e->rental, at);
    if (launch && !bring_up(e, b, &at)) {
        e->free_at = at;
        note(e, (struct mishap){.kind = MISHAP_JOB, .at = start_s, .length_s = at - start_s});
        fail(e, b, false);
        return;
    }
    struct rental *rental = &e->rental;
    rental->open = true;
    if (launch)
        rental->begin = at;
    rental->busy_until = at + t->bake_s + (launch ? t->boot_s : 0);
    rental->kept_until = e->d->policy.keep.kind == KEEP_TERMINATE
                             ? LONG_AGO
                             : policy_kept_until(e->d, rental->begin, rental->busy_until);
    record(e, at - t->prepare_s, launch);
    int64_t usual_s = t->prepare_s + (launch ? t->boot_s : 0) + t->bake_s + t->rollout_s;
    roll_out(e, b, start_s, rental->busy_until);
    int64_t took_s = e->free_at - start_s;
    if (took_s != usual_s)
        note(e, (struct mishap){.kind = MISHAP_LATE, .at = start_s, .length_s = took_s, .usual_s = usual_s});
    e->out->deployments++;
}

static inline void attempt(struct attempts_engine *e, int64_t start_s)
{
    struct batch b = look_at(e, batch_end(e, start_s));
    if (b.left_out == (int64_t)(b.end - e->next)) { /* nothing is left of it */
        e->went->reverted += b.left_out;
        move_to(e, b.end);
        e->at_once = waits(e);
        return;
    }
    e->went->attempts++;
    if (!(b.bits & RISK_BUILD) && !b.caught) {
        bake(e, &b, start_s);
        return;
    }
    e->went->failed_builds++;
    e->free_at = start_s + e->m->terms.prepare_s;
    note(e, (struct mishap){.kind = MISHAP_JOB, .at = start_s, .length_s = e->m->terms.prepare_s});
    fail(e, &b, b.caught);
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
    e->free_at = LONG_AGO;
    e->rental = (struct rental){.kept_until = LONG_AGO};
    e->month_end = INT64_MIN;
}

static int finish(struct attempts_engine *e, struct err *err)
{
    struct replay *r = e->out;
    attempts_open_month(e, 0);
    for (size_t i = 0; i < r->month_count; i++) {
        r->waiting_s += r->months[i].waiting_s;
        r->lead_sum_s += r->months[i].lead_s;
    }
    r->commits = e->delivered;
    r->mishaps.ended_at = e->free_at;
    assert(e->delivered + (size_t)r->mishaps.reverted == e->c->count);
    if (e->free_at > INSTANT_MAX - POLICY_DURATION_MAX ||
        (e->rental.kept_until != LONG_AGO && e->rental.kept_until > INSTANT_MAX - POLICY_DURATION_MAX))
        return err_set(err, EXIT_INPUT, "deployments would go on beyond the year 9900; are the durations right?");
    return 0;
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
    int code = 0;
    bool quick = attempts_quick_can(&e);
    while (e.next < c->count && !code) {
        if (quick && !e.at_once) {
            attempts_quick(&e);
            if (e.next == c->count)
                break;
        }
        int64_t start_s = e.at_once ? later(e.free_at, c->ready_s[e.next]) : next_start(&e);
        if (start_s > INSTANT_MAX - POLICY_DURATION_MAX)
            code =
                err_set(err, EXIT_INPUT,
                        "--trigger: a commit would be deployed only after the year 9900; is --delay-price too small?");
        else {
            tell(&e, start_s);
            attempt(&e, start_s);
        }
    }
    if (e.fleet)
        fleet_release(&fleet);
    outlook_free(own);
    return code ? code : finish(&e, err);
}
