/*
 * area_search.h - the second at which `area` deploys, in loops that ask it for every deployment: policy_fire_at's
 * answer without its divisions. For replay.c and attempts_quick.c; their tests hold it against policy_fire_at.
 *
 * Nothing here fails or allocates. Cost: a few ns a commit looked at.
 */
#ifndef SIM_AREA_SEARCH_H
#define SIM_AREA_SEARCH_H

#include <stddef.h>

#include "scheduler/policy.h"

#define AREA_INLINE       static inline __attribute__((always_inline))
#define AREA_CACHED_HOURS 4
#define AREA_WAIT_MAX     ((int64_t)1 << 61) /* more commit-seconds than a deployment waits; near it nothing overflows */

/* keep and meter stand apart from the decider, so that loops can fix them. */
struct area_source {
    const struct decider *d;
    const int64_t *arrival_s, *ready_s;
    size_t count;
    enum keep_kind keep; /* KEEP_IDLE stands for KEEP_RENT too */
    struct meter meter;
};

static inline int64_t area_later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* n / d rounded up, for n >= 0 and d > 0. Most fit into 32 bits, whose division is several times quicker. */
static inline int64_t area_div_up(int64_t n, int64_t d)
{
    uint64_t top = (uint64_t)n + (uint64_t)d - 1;
    if ((top | (uint64_t)d) >> 32 == 0)
        return (int64_t)((uint32_t)top / (uint32_t)d);
    return (int64_t)(top / (uint64_t)d);
}

/*
 * `area`: the search for its second goes over arrivals and over the stretches of the threshold
 * (struct area_piece), whichever ends first.
 */
struct area_search {
    size_t end;   /* commits next .. end-1 are pending */
    int64_t base; /* arrivals are summed relative to it */
    int64_t near_sum;
    int64_t from; /* nothing before this second is left to look at */
    struct area_piece piece;
    int64_t wait; /* of the stretch */
};

/* What 0, 1, 2, ... marginal hours, or a launch, ask for: commit-seconds of waiting. */
struct area_thresholds {
    int64_t by_hour[AREA_CACHED_HOURS];
    int64_t launch;
};

static inline int64_t area_asked_wait(const struct area_source *s, int64_t marginal_s)
{
    int128 wait = policy_area_wait(s->d, marginal_s);
    return wait < AREA_WAIT_MAX ? (int64_t)wait : AREA_WAIT_MAX;
}

AREA_INLINE void area_enter_piece(const struct area_source *s, const struct rental *rental,
                                  const struct area_thresholds *known, struct area_search *a)
{
    if (s->keep == KEEP_TERMINATE) {
        a->piece = (struct area_piece){.until = POLICY_NEVER, .from = a->from};
        a->wait = known->launch;
        return;
    }
    a->piece = policy_area_piece_by(s->d, s->meter, rental, a->from);
    int64_t hours = a->piece.seconds / SECONDS_PER_HOUR;
    bool cached = s->meter.quantum_s == SECONDS_PER_HOUR && hours < AREA_CACHED_HOURS;
    a->wait = cached ? known->by_hour[hours] : area_asked_wait(s, a->piece.seconds);
}

/* A stretch whose threshold grows with time: as production decides it. */
static __attribute__((noinline)) int64_t area_fire_growing(const struct decider *d, struct rental rental,
                                                           int64_t pending, const struct area_search *a)
{
    struct pending p = {pending, a->from, a->near_sum + (int128)pending * a->base};
    return policy_fire_at(d, a->from, &p, &rental);
}

/* Takes in commits of a stretch of constant threshold. True when it is reached in the stretch, before the next commit;
 * false at the stretch's end. */
AREA_INLINE bool area_search_piece(const struct area_source *s, size_t first, struct area_search *a)
{
    size_t end = a->end;
    int64_t pending = (int64_t)(end - first);
    int64_t near_sum = a->near_sum;
    bool reached = false;
    while (end < s->count && s->ready_s[end] <= a->piece.until) {
        int64_t arrival = s->ready_s[end];
        reached = (arrival > a->from) & (pending * (arrival - a->base) - near_sum >= a->wait);
        if (reached)
            break;
        near_sum += s->arrival_s[end++] - a->base;
        pending++;
    }
    a->end = end;
    a->near_sum = near_sum;
    int64_t until = a->piece.until;
    return reached || until == POLICY_NEVER || pending * (until - a->base) - near_sum >= a->wait;
}

/* The same where the threshold grows; *start_s is the second, if there is one. */
AREA_INLINE bool area_search_growing(const struct area_source *s, const struct rental *rental, size_t first,
                                     struct area_search *a, int64_t *start_s)
{
    for (;;) {
        int64_t arrival = a->end < s->count ? s->ready_s[a->end] : POLICY_NEVER;
        int64_t limit = arrival < a->piece.until ? arrival : a->piece.until;
        *start_s = area_fire_growing(s->d, *rental, (int64_t)(a->end - first), a);
        if (*start_s <= limit)
            return true;
        if (limit != arrival)
            return false;
        a->from = area_later(a->from, arrival);
        a->near_sum += s->arrival_s[a->end++] - a->base;
    }
}

/* POLICY_NEVER when only the year 9999 and later would see it. */
AREA_INLINE int64_t area_start(const struct area_source *s, const struct rental *rental, size_t first,
                               const struct area_thresholds *known, struct area_search *a)
{
    for (;;) {
        int64_t start_s;
        if (a->piece.slope) {
            if (area_search_growing(s, rental, first, a, &start_s))
                return start_s;
        } else if (area_search_piece(s, first, a)) {
            int64_t pending = (int64_t)(a->end - first);
            if (a->wait >= AREA_WAIT_MAX || a->wait > INSTANT_MAX * (int128)pending)
                return POLICY_NEVER;
            start_s = a->base + area_div_up(a->wait + a->near_sum, pending);
            return area_later(start_s, area_later(a->from, s->ready_s[a->end - 1]));
        }
        a->from = a->piece.until + 1;
        area_enter_piece(s, rental, known, a);
    }
}

static inline struct area_thresholds area_thresholds_of(const struct area_source *s)
{
    struct area_thresholds known = {.launch = area_asked_wait(s, s->d->launch_s)};
    for (int hours = 0; hours < AREA_CACHED_HOURS; hours++)
        known.by_hour[hours] = area_asked_wait(s, (int64_t)hours * SECONDS_PER_HOUR);
    return known;
}

/* Before area_start: commit `first` is the oldest that is pending, and the pipeline is free from free_at on. */
AREA_INLINE void area_begin(const struct area_source *s, const struct rental *rental, size_t first, int64_t free_at,
                            const struct area_thresholds *known, struct area_search *a)
{
    *a = (struct area_search){.end = first + 1, .base = s->arrival_s[first]};
    a->from = area_later(free_at, s->ready_s[first]);
    area_enter_piece(s, rental, known, a);
}

#endif
