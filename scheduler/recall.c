#include "scheduler/recall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/outlook.h"

/* What was told so far. */
struct recall {
    struct decider made_for;
    struct outlook *outlook; /* NULL: nothing was told */
    instant_t *at_s;
    struct recall_start *starts;
    size_t heard, heard_cap, told, told_cap;
    size_t next; /* the oldest pending commit */
    instant_t last, free_at;
    bool forced; /* which commits are pending was said, and does not follow from the starts */
};

struct recall *recall_new(void)
{
    return mem_zero(1, sizeof(struct recall));
}

void recall_free(struct recall *r)
{
    if (!r)
        return;
    outlook_free(r->outlook);
    free(r->at_s);
    free(r->starts);
    free(r);
}

static bool same_terms(const struct terms *a, const struct terms *b)
{
    return a->prepare_s == b->prepare_s && a->boot_s == b->boot_s && a->bake_s == b->bake_s &&
           a->rollout_s == b->rollout_s && a->regime == b->regime && a->price_per_hour == b->price_per_hour &&
           a->per_deploy == b->per_deploy && a->delay_price_per_commit_hour == b->delay_price_per_commit_hour &&
           a->launch_cost == b->launch_cost && a->margin_s == b->margin_s && a->policy_table == b->policy_table;
}

static bool same_start(const struct recall_start *a, const struct recall_start *b)
{
    return a->start == b->start && a->free_at == b->free_at && a->commits == b->commits;
}

/* When the pipeline was free before that start. */
static instant_t free_before(const struct recall_past *p, size_t start)
{
    return start ? p->starts[start - 1].free_at : INSTANT_MIN;
}

/* Whether what was told is the beginning of this past, and what is new lies behind it. */
static bool goes_on(const struct recall *r, const struct decider *d, const struct recall_past *p)
{
    if (!r->outlook || r->forced || !policy_equal(&d->policy, &r->made_for.policy) ||
        !same_terms(&d->terms, &r->made_for.terms) || p->commits < r->heard || p->count < r->told)
        return false;
    if (memcmp(p->at_s, r->at_s, r->heard * sizeof(*r->at_s)) != 0)
        return false;
    for (size_t i = 0; i < r->told; i++)
        if (!same_start(&p->starts[i], &r->starts[i]))
            return false;
    if (p->count == r->told ? p->free_at != r->free_at : r->free_at > free_before(p, r->told))
        return false; /* it was looked at from a later moment on than what is told anew would be */
    return (p->commits == r->heard || p->at_s[r->heard] > r->last) &&
           (p->count == r->told || p->starts[r->told].start >= r->last);
}

/* Commits before the first start, or before what is pending, were never waited for. */
static size_t never_pending(const struct recall_past *p)
{
    size_t before = p->commits - p->pending;
    if (!p->count)
        return before;
    size_t by_then = 0;
    while (by_then < p->commits && p->at_s[by_then] <= p->starts[0].start)
        by_then++;
    size_t taken = p->starts[0].commits > 0 ? (size_t)p->starts[0].commits : 0;
    return by_then > taken ? by_then - taken : 0;
}

static int begin(struct recall *r, const struct decider *d, const struct recall_past *p, struct err *err)
{
    outlook_free(r->outlook);
    r->outlook = NULL;
    r->made_for = *d;
    r->told = 0;
    r->last = INSTANT_MIN;
    r->forced = false;
    int code = outlook_new(&r->outlook, d, err);
    if (code)
        return code;
    r->heard = r->next = never_pending(p);
    outlook_begin(r->outlook, p->at_s, r->heard);
    return 0;
}

static instant_t later(instant_t a, instant_t b)
{
    return a > b ? a : b;
}

static void hear(struct recall *r, const struct recall_past *p, instant_t at)
{
    while (r->heard < p->commits && p->at_s[r->heard] <= at)
        r->heard++;
    r->last = at;
    outlook_hear(r->outlook, p->at_s, r->heard, at);
}

/* The moment at which what is pending was first looked at, once the pipeline was free. */
static instant_t first_look(const struct recall *r, const struct recall_past *p, instant_t free_at)
{
    return later(r->last, later(free_at, p->at_s[r->next]));
}

/* A deployment of the past, and the looks before it. */
static void tell_start(struct recall *r, const struct recall_past *p, const struct recall_start *s, instant_t free_at)
{
    instant_t start = later(s->start, r->last);
    bool looks = r->next < p->commits && first_look(r, p, free_at) < start;
    for (instant_t at = looks ? first_look(r, p, free_at) : start; at < start;) {
        hear(r, p, at);
        at = r->heard < p->commits && p->at_s[r->heard] < start ? p->at_s[r->heard] : start;
    }
    hear(r, p, start);
    outlook_started(r->outlook, start);
    r->next = r->heard;
}

/* What is pending is the last commits of the branch, whatever their times and those of the starts say. */
static void say_pending(struct recall *r, const struct recall_past *p)
{
    size_t next = p->commits - p->pending;
    if (next == r->next)
        return;
    r->forced = true;
    r->heard = r->heard > next ? r->heard : next;
    r->next = next;
    r->last = later(r->last, p->at_s[r->heard - (r->heard > 0)]);
    outlook_begin(r->outlook, p->at_s, next);
}

/* Looks at what is pending, commit by commit, until it is to be deployed before another comes. */
static instant_t ask(struct recall *r, const struct recall_past *p, const struct rental *rental)
{
    const struct decider *d = outlook_decider(r->outlook);
    instant_t at = first_look(r, p, p->free_at);
    for (;;) {
        hear(r, p, at);
        struct pending pending = {(int64_t)(r->heard - r->next), p->at_s[r->next], 0};
        for (size_t i = r->next; i < r->heard; i++)
            pending.arrival_sum += p->at_s[i];
        instant_t fire = policy_fire_at(d, at, &pending, rental);
        if (r->heard == p->commits || p->at_s[r->heard] >= fire)
            return fire;
        at = p->at_s[r->heard];
    }
}

/* Of what was told a copy is kept, to see whether it is still so. */
static void keep_copy(struct recall *r, const struct recall_past *p)
{
    r->at_s = mem_grow(r->at_s, &r->heard_cap, r->heard + 1, sizeof(*r->at_s));
    memcpy(r->at_s, p->at_s, r->heard * sizeof(*r->at_s));
    r->starts = mem_grow(r->starts, &r->told_cap, r->told + 1, sizeof(*r->starts));
    for (size_t i = 0; i < r->told; i++)
        r->starts[i] = p->starts[i];
}

int recall_fire_at(struct recall *r, const struct decider *d, const struct recall_past *past,
                   const struct rental *rental, instant_t *fire_at, struct err *err)
{
    assert(past->pending > 0 && past->pending <= past->commits && policy_learns(d->policy.trigger.kind));
    int code = goes_on(r, d, past) ? 0 : begin(r, d, past, err);
    if (code)
        return code;
    instant_t first_question = later(past->free_at, past->at_s[past->commits - past->pending]);
    outlook_skip_to(r->outlook, past->at_s[0], first_question);
    for (; r->told < past->count; r->told++)
        tell_start(r, past, &past->starts[r->told], free_before(past, r->told));
    say_pending(r, past);
    r->free_at = past->free_at;
    *fire_at = ask(r, past, rental);
    keep_copy(r, past);
    return 0;
}
