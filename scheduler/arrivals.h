/*
 * arrivals.h - when the next commits may come: a model of arrivals, fitted to the history so far.
 *
 * Time goes in minutes: commits count as of the end of the minute in which they come. The chance that some come in the
 * minute behind t depends on
 *   the hour of the week (UTC, Monday 00 first), and on
 *   the mood at t: minutes since the last commit (11 bins), and the memory that the last commit left.
 *
 *   minutes since the last commit  0  1  2  3-4  5-7 | 8-14  15-29  30-59  60-119  120-239  240-...
 *   memory                         calm; busy, in a  | calm; busy
 *                                  run of 1, 2-3,
 *                                  4-7, 8 or more
 *
 * Busy means that a sum over the commits up to the last one, each fading by e in two hours, is at ARRIVALS_BUSY or
 * above. A run is commits that follow each other within ARRIVALS_RUN_S; two of them make it busy already. Chance =
 * burst of the mood + rate of the hour x factor of the mood: within half an hour of a commit some follow it whatever
 * the hour is, others come as they would at any time. How many come in a minute that has some, 1 to more than 64 in
 * eight bins, depends on the mood's class: the memory, and how long ago the last commit was (0-1, 2-7, more minutes).
 *
 * Burst, rate and factor are found by expectation-maximisation, begun from iterative proportional fitting (Deming and
 * Stephan, "On a least squares adjustment of a sampled frequency table", 1940); all of them, and each cell of hour and
 * mood, are shrunk towards coarser averages, so that few commits make a dull model and not a wild one. Older commits
 * weigh less: half for each ARRIVALS_HALF_LIFE_S. How bins and priors were chosen: docs/study.md.
 *
 * Within the first three minutes after a commit time goes in seconds too (`soon`): bursts are finer than minutes.
 *
 * Values; no allocation. Instants in unix seconds. Cost: arrivals_fit one pass over commits and over the minutes up to
 * four hours after each, and some 5 ms; what is asked, O(1). Nothing behind `now` is looked at.
 */
#ifndef SCHEDULER_ARRIVALS_H
#define SCHEDULER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/calendar.h"

#define ARRIVALS_HOURS    168
#define ARRIVALS_GAPS     11
#define ARRIVALS_SHORT    5 /* gaps in which the run is told */
#define ARRIVALS_MEMORIES 5 /* calm, busy and in a run of 1, 2-3, 4-7, 8 or more */
#define ARRIVALS_LEVELS   2 /* calm, busy */
#define ARRIVALS_MOODS    (ARRIVALS_SHORT * ARRIVALS_MEMORIES + (ARRIVALS_GAPS - ARRIVALS_SHORT) * ARRIVALS_LEVELS)
#define ARRIVALS_CLASSES  (2 * ARRIVALS_MEMORIES + ARRIVALS_LEVELS)
#define ARRIVALS_SIZES    8 /* commits in a minute that has some: 1, 2, 3-4, 5-8, 9-16, 17-32, 33-64, more */
#define ARRIVALS_TURNS    3 /* what the new memory depends on: 1, 2, or more of them */
#define ARRIVALS_STEP_S   60
#define ARRIVALS_SOONS    10 /* stretches of the first three minutes after a commit */

#define ARRIVALS_FADE_S      7200.0
#define ARRIVALS_BUSY        1.5
#define ARRIVALS_RUN_S       120
#define ARRIVALS_HALF_LIFE_S ((double)365 * SECONDS_PER_DAY)

struct arrivals {
    double chance[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double size[ARRIVALS_CLASSES][ARRIVALS_SIZES];                    /* how likely each size is, given some */
    double turn[ARRIVALS_CLASSES][ARRIVALS_TURNS][ARRIVALS_MEMORIES]; /* and the memory that they leave */
    double commits[ARRIVALS_SIZES];                                   /* mean number in each size */
    double rate[ARRIVALS_HOURS];                                      /* minutes with commits an hour, in all moods */
    double echo[ARRIVALS_GAPS];                                       /* commits a minute, so long after a commit */
    double soon[ARRIVALS_SOONS]; /* chance of the next commit in such a stretch, none having come */
};

/* What is known of the last commits. */
struct arrivals_mood {
    bool any;
    instant_t last_s;
    double fading; /* the fading sum just after the last commit */
    int run;       /* commits in its run so far; stops growing at ARRIVALS_RUN_MOST */
};

#define ARRIVALS_RUN_MOST 1000

extern const int arrivals_gap_minutes[ARRIVALS_GAPS]; /* where each bin begins */
extern const int arrivals_soon_s[ARRIVALS_SOONS];     /* the last second of each stretch */

/* at_s ascends; all of it is at or before now. count may be zero. */
void arrivals_fit(struct arrivals *to, const instant_t *at_s, size_t count, instant_t now);

void arrivals_hear(struct arrivals_mood *mood, instant_t at_s); /* a commit; at_s ascends */
int arrivals_gap_of(int64_t since_s);
int arrivals_mood_at(const struct arrivals_mood *mood, instant_t t); /* t at or after the last commit */

/* A mood by its parts, and its parts. Where the run is not told, memory is 0 (calm) or 1 (busy). */
static inline int arrivals_mood_of(int gap, int memory)
{
    if (gap < ARRIVALS_SHORT)
        return gap * ARRIVALS_MEMORIES + memory;
    return ARRIVALS_SHORT * ARRIVALS_MEMORIES + (gap - ARRIVALS_SHORT) * ARRIVALS_LEVELS + (memory > 0);
}

static inline int arrivals_gap_in(int mood)
{
    int beyond = mood - ARRIVALS_SHORT * ARRIVALS_MEMORIES;
    return beyond < 0 ? mood / ARRIVALS_MEMORIES : ARRIVALS_SHORT + beyond / ARRIVALS_LEVELS;
}

static inline int arrivals_memory_in(int mood)
{
    int beyond = mood - ARRIVALS_SHORT * ARRIVALS_MEMORIES;
    return beyond < 0 ? mood % ARRIVALS_MEMORIES : beyond % ARRIVALS_LEVELS;
}

/* Where the silence goes on in the next gap. */
static inline int arrivals_mood_later(int mood)
{
    int gap = arrivals_gap_in(mood);
    return gap + 1 < ARRIVALS_GAPS ? arrivals_mood_of(gap + 1, arrivals_memory_in(mood)) : mood;
}

static inline int arrivals_class(int mood)
{
    int gap = arrivals_gap_in(mood);
    return (gap < 2 ? 0 : gap < ARRIVALS_SHORT ? ARRIVALS_MEMORIES : 2 * ARRIVALS_MEMORIES) + arrivals_memory_in(mood);
}

int arrivals_size_of(int64_t commits);
/* Commits in a minute that has some. */
double arrivals_commits(const struct arrivals *a, int mood);

static inline int arrivals_hour(instant_t t)
{
    int64_t hour = (t + (int64_t)3 * SECONDS_PER_DAY) / SECONDS_PER_HOUR % ARRIVALS_HOURS; /* day 0 was a Thursday */
    return (int)(hour < 0 ? hour + ARRIVALS_HOURS : hour);
}

#endif
