/*
 * attempts_step.h - one attempt, and what becomes of it: the rules of attempts.h, for the loops of attempts.c (any
 * policy, any fleet) and of attempts_quick.c (a loop for each trigger and keep).
 *
 * All of it is inlined, and no function that is not gets the engine: where a loop has an engine of its own, what it
 * fixes (trigger, keep, no fleet) folds away, and what it carries stays in registers.
 */
#ifndef SIM_ATTEMPTS_STEP_H
#define SIM_ATTEMPTS_STEP_H

#include <assert.h>

#include "base/mem.h"
#include "sim/attempts.h"
#include "sim/fleet.h"

/* The same sums without it: checked by sanitizers, a copy for each trigger and keep takes half a minute to compile. */
#ifdef __SANITIZE_ADDRESS__
#define STEP_INLINE static inline
#else
#define STEP_INLINE static inline __attribute__((always_inline))
#endif
#define STEP_LONG_AGO    (INT64_MIN / 4)
#define STEP_ATTEMPT_MAX 1000000           /* of one batch; nobody draws that often */
#define STEP_BLOCK       ((size_t)1 << 20) /* commits whose waiting adds up in 63 bits */

struct attempts_engine {
    struct replay *out;
    struct mishaps *went;
    const struct decider *d;
    const struct commits *c;
    const struct model *m;
    const struct risks *risks; /* NULL: nothing goes wrong */
    struct fleet *fleet;       /* NULL: rollouts take what they take */
    enum trigger_kind trigger; /* d's, */
    enum keep_kind keep;       /* KEEP_IDLE for KEEP_RENT too, which has a tail as well */

    size_t next;      /* the oldest commit that is neither delivered nor reverted */
    size_t suspects;  /* a culprit is among next .. suspects-1; 0: none is known */
    size_t known;     /* revert: culprits below are known */
    size_t culprit;   /* the first of risks->culprits that is not below next */
    uint32_t attempt; /* of the batch that begins with next */
    bool repaired;    /* its image boots now */
    bool at_once;     /* a failed attempt is tried again without asking the policy */
    int64_t free_at;
    struct rental rental;
    struct replay_month month;
    int64_t month_end;
    size_t delivered, deployments;
    int64_t launches, attempts;
    size_t told; /* commits that the policy's outlook has heard of */
};

/* Where no loop of attempts_quick.c is for the policy: false, and nothing done. Else replays to the end; false in
 * *in_time when a start would lie beyond the calendar. */
bool attempts_quick(struct attempts_engine *e, bool *in_time);

/* Closes a month's books into the replay's, and opens those of the month that start_s lies in. */
struct replay_month attempts_next_month(struct replay *out, struct replay_month closed, int64_t start_s, int64_t *end);

/* Launches of a bake instance, the first of which fails: until one comes up, or the attempt is given up. */
struct attempts_launches {
    int64_t failed;
    bool up;
};
struct attempts_launches attempts_bring_up(const struct model *m, const struct risks *r, size_t commit,
                                           uint32_t attempt);

STEP_INLINE int64_t step_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Field by field into its place: a struct that is made elsewhere and copied stalls on its way through the cache. */
STEP_INLINE struct mishap *step_note(struct attempts_engine *e, enum mishap_kind kind, int64_t at, int64_t length_s)
{
    struct mishaps *went = e->went;
    if (went->count == went->cap)
        went->items = mem_grow(went->items, &went->cap, went->count + 1, sizeof(*went->items));
    struct mishap *m = &went->items[went->count++];
    m->kind = kind;
    m->deployment = e->deployments;
    m->at = at;
    m->length_s = length_s;
    m->usual_s = m->launches = m->slots = 0;
    return m;
}

STEP_INLINE size_t step_batch_end(const struct attempts_engine *e, int64_t start_s)
{
    const int64_t *ready_s = e->c->ready_s;
    size_t count = e->c->count;
    size_t end = e->next + 1;
    if (e->suspects)
        return e->next + (e->suspects - e->next + 1) / 2;
    if (e->trigger == TRIGGER_EVERY && ready_s == e->c->arrival_s)
        return end;
    int64_t until = e->trigger == TRIGGER_EVERY ? ready_s[e->next] : start_s;
    while (end < count && ready_s[end] <= until)
        end++;
    return end;
}

/* What the batch next .. end-1 has in it that nobody knows of yet. */
struct step_batch {
    size_t end;
    int64_t left_out;
    int64_t culprits;
    bool caught;
    unsigned bits;
};

STEP_INLINE struct step_batch step_look_at(const struct attempts_engine *e, size_t end)
{
    struct step_batch b = {.end = end};
    const struct risks *r = e->risks;
    if (!r)
        return b;
    const size_t *culprit = r->culprits + e->culprit;
    const size_t *last = r->culprits + r->culprit_count;
    for (; culprit < last && *culprit < end; culprit++) {
        if (*culprit < e->known) {
            b.left_out++;
            continue;
        }
        b.culprits++;
        b.caught |= (r->bits[*culprit] & RISK_CAUGHT) != 0;
    }
    b.bits = e->attempt ? risks_again(r, e->next, e->attempt) : r->bits[e->next];
    if (e->repaired)
        b.bits &= ~(unsigned)RISK_BOOT;
    return b;
}

STEP_INLINE void step_move_to(struct attempts_engine *e, size_t next)
{
    const struct risks *r = e->risks;
    e->next = next;
    e->attempt = 0;
    e->repaired = false;
    while (r && e->culprit < r->culprit_count && r->culprits[e->culprit] < next)
        e->culprit++;
}

STEP_INLINE bool step_waits(const struct attempts_engine *e)
{
    return e->next < e->c->count && e->c->ready_s[e->next] <= e->free_at;
}

/* Of the suspects one is left: it is the culprit. */
STEP_INLINE void step_revert_last(struct attempts_engine *e)
{
    e->went->reverted++;
    e->suspects = 0;
    step_move_to(e, e->next + 1);
    e->at_once = step_waits(e);
}

STEP_INLINE void step_fail(struct attempts_engine *e, const struct step_batch *b, bool guilty)
{
    e->attempt++;
    e->at_once = true;
    assert(e->attempt < STEP_ATTEMPT_MAX);
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
        step_revert_last(e);
}

/* Leads of a batch; returns the sum of its arrivals, counted from the first. By blocks whose sums stay inside 63 bits.
 */
STEP_INLINE int128 step_lead_all(const int64_t *restrict arrival_s, size_t n, int64_t end_s, int64_t *restrict lead_s)
{
    int128 sum = 0;
    int64_t base = arrival_s[0];
    for (size_t i = 0; i < n;) {
        size_t block_end = n - i > STEP_BLOCK ? i + STEP_BLOCK : n;
        int64_t block = 0;
        for (; i < block_end; i++) {
            lead_s[i] = end_s - arrival_s[i];
            block += arrival_s[i] - base;
        }
        sum += block;
    }
    return sum;
}

/* The same without the culprits that are known, of which there are some; *n: how many commits remain. */
STEP_INLINE int128 step_lead_some(const struct attempts_engine *e, size_t end, int64_t *lead_s, size_t *n)
{
    const int64_t *arrival_s = e->c->arrival_s;
    int128 sum = 0;
    *n = 0;
    for (size_t i = e->next; i < end; i++) {
        if (i < e->known && (e->risks->bits[i] & RISK_CULPRIT))
            continue;
        lead_s[(*n)++] = e->free_at - arrival_s[i];
        sum += arrival_s[i] - arrival_s[e->next];
    }
    return sum;
}

STEP_INLINE void step_deliver(struct attempts_engine *e, const struct step_batch *b, int64_t start_s)
{
    int64_t *lead_s = e->out->lead_s + e->delivered;
    int64_t base = e->c->arrival_s[e->next];
    size_t n = b->end - e->next;
    int128 sum = b->left_out ? step_lead_some(e, b->end, lead_s, &n)
                             : step_lead_all(e->c->arrival_s + e->next, n, e->free_at, lead_s);
    int64_t count = (int64_t)n;
    assert(count == (int64_t)(b->end - e->next) - b->left_out);
    e->delivered += n;
    e->month.commits += count;
    e->month.waiting_s += (int128)count * (start_s - base) - sum;
    e->month.lead_s += (int128)count * (e->free_at - base) - sum;
    if (b->left_out)
        e->went->reverted += b->left_out;
    e->at_once = false;
    step_move_to(e, b->end);
    if (!e->suspects)
        return;
    e->at_once = true;
    if (e->suspects - e->next == 1) {
        e->went->culprits++;
        step_revert_last(e);
    }
}

STEP_INLINE void step_give_back(struct attempts_engine *e, int64_t broken_at)
{
    int64_t took_s = e->free_at - broken_at;
    e->went->restores++;
    e->went->restore_sum_s += took_s;
    e->went->restore_max_s = step_later(e->went->restore_max_s, took_s);
}

/* False when the attempt is given up. *at moves on. */
STEP_INLINE bool step_bring_up(struct attempts_engine *e, int64_t *at)
{
    struct attempts_launches launches = attempts_bring_up(e->m, e->risks, e->next, e->attempt);
    int64_t boot_s = e->m->terms.boot_s;
    for (int64_t i = 0; i < launches.failed; i++, *at += boot_s)
        step_note(e, MISHAP_LAUNCH, *at, boot_s);
    e->went->failed_launches += launches.failed;
    e->launches += launches.failed;
    return launches.up;
}

STEP_INLINE void step_record(struct attempts_engine *e, int64_t start_s, bool launch)
{
    struct replay *r = e->out;
    if (e->deployments == r->start_cap)
        r->start = mem_grow(r->start, &r->start_cap, e->deployments + 1, sizeof(*r->start));
    r->start[e->deployments] = start_s * 2 + launch;
    e->launches += launch;
    if (e->fleet && !e->deployments)
        fleet_begin(e->fleet, start_s);
    if (start_s >= e->month_end) {
        int64_t end;
        e->month = attempts_next_month(r, e->month, start_s, &end);
        e->month_end = end;
    }
    e->month.deployments++;
}

STEP_INLINE void step_storm(struct attempts_engine *e, const struct step_batch *b, int64_t baked)
{
    struct storm s = storm_of(e->m);
    struct mishap *mishap = step_note(e, MISHAP_STORM, baked, e->m->failures.storm_cycle_s);
    mishap->launches = s.launches_a_slot;
    mishap->slots = s.slots;
    e->went->storms++;
    e->went->storm_launches += s.launches_a_slot * s.slots;
    e->free_at = baked + s.length_s + e->m->failures.rollback_s;
    step_give_back(e, baked);
    e->repaired = true;
    step_fail(e, b, false);
}

/* The image is there: roll it out. */
STEP_INLINE void step_roll_out(struct attempts_engine *e, const struct step_batch *b, int64_t start_s, int64_t baked)
{
    if (b->bits & RISK_BOOT) {
        step_storm(e, b, baked);
        return;
    }
    int64_t done = e->fleet ? fleet_roll(e->fleet, NULL, baked) : baked + e->m->terms.rollout_s;
    e->free_at = done;
    if (!b->culprits && !(b->bits & RISK_SMOKE)) {
        step_deliver(e, b, start_s);
        return;
    }
    int64_t back = done + e->m->failures.detect_s;
    step_note(e, MISHAP_ROLLBACK, back, 0);
    e->went->rolled_back++;
    if (e->fleet)
        fleet_roll_back(e->fleet, NULL, back);
    e->free_at = back + e->m->failures.rollback_s;
    step_give_back(e, done);
    step_fail(e, b, b->culprits > 0);
}

/* A new or a kept instance bakes from `at` on; returns when it has. */
STEP_INLINE int64_t step_use_instance(struct rental *rental, const struct decider *d, enum keep_kind keep, int64_t at,
                                      bool launch)
{
    rental->open = true;
    if (launch)
        rental->begin = at;
    rental->busy_until = at + d->terms.bake_s + (launch ? d->terms.boot_s : 0);
    rental->kept_until = keep == KEEP_TERMINATE ? STEP_LONG_AGO
                                                : policy_kept_until_by(keep, d->tail_s, d->terms.margin_s,
                                                                       rental->begin, rental->busy_until);
    return rental->busy_until;
}

STEP_INLINE void step_bake(struct attempts_engine *e, const struct step_batch *b, int64_t start_s)
{
    const struct terms *t = &e->m->terms;
    int64_t at = start_s + t->prepare_s;
    bool launch = e->keep == KEEP_TERMINATE || !policy_reuses(&e->rental, at);
    if (launch && (b->bits & RISK_BAKE) && !step_bring_up(e, &at)) {
        e->free_at = at;
        step_note(e, MISHAP_JOB, start_s, at - start_s);
        step_fail(e, b, false);
        return;
    }
    int64_t baked = step_use_instance(&e->rental, e->d, e->keep, at, launch);
    step_record(e, at - t->prepare_s, launch);
    int64_t usual_s = t->prepare_s + (launch ? t->boot_s : 0) + t->bake_s + t->rollout_s;
    step_roll_out(e, b, start_s, baked);
    int64_t took_s = e->free_at - start_s;
    if (took_s != usual_s)
        step_note(e, MISHAP_LATE, start_s, took_s)->usual_s = usual_s;
    e->deployments++;
}

/* One attempt that begins at start_s. */
STEP_INLINE void step_attempt(struct attempts_engine *e, int64_t start_s)
{
    struct step_batch b = step_look_at(e, step_batch_end(e, start_s));
    if (b.left_out == (int64_t)(b.end - e->next)) { /* nothing is left of it */
        e->went->reverted += b.left_out;
        step_move_to(e, b.end);
        e->at_once = step_waits(e);
        return;
    }
    e->attempts++;
    if (!(b.bits & RISK_BUILD) && !b.caught) {
        step_bake(e, &b, start_s);
        return;
    }
    e->went->failed_builds++;
    e->free_at = start_s + e->m->terms.prepare_s;
    step_note(e, MISHAP_JOB, start_s, e->m->terms.prepare_s);
    step_fail(e, &b, b.caught);
}

#endif
