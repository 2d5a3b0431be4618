/*
 * arrivals.h - when the next commit may come: a model of arrivals, fitted to the history so far.
 *
 * Time goes in minutes. The chance of a commit in a minute depends on
 *   the hour of the week (UTC, Monday 00 first), and on
 *   the mood: minutes since the last commit (11 bins) x whether the last hours were busy (2 levels).
 *
 *   minutes since the last commit  0  1  2  3-4  5-7  8-14  15-29  30-59  60-119  120-239  240-...
 *
 * Within the first three minutes after a commit time goes in seconds too (`soon`): bursts are finer than minutes.
 *
 * Busy means that a sum over past commits, each fading by e in two hours, is at ARRIVALS_BUSY or above. Chance = rate
 * of the hour x factor of the mood, both shrunk towards coarser averages, so that few commits make a dull model and
 * not a wild one. Older commits weigh less: half for each ARRIVALS_HALF_LIFE_S. State and bins as in the "model policy"
 * measured for this project; the fit (alternating rate and factor) is iterative proportional fitting: Deming and
 * Stephan, "On a least squares adjustment of a sampled frequency table" (1940).
 *
 * Values; no allocation. Instants in unix seconds. Cost: arrivals_fit one pass over commits and over the minutes up to
 * four hours after each; what is asked, O(1). Nothing behind `now` is looked at.
 */
#ifndef SCHEDULER_ARRIVALS_H
#define SCHEDULER_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/calendar.h"

#define ARRIVALS_HOURS  168
#define ARRIVALS_GAPS   11
#define ARRIVALS_LEVELS 2
#define ARRIVALS_MOODS  (ARRIVALS_GAPS * ARRIVALS_LEVELS) /* mood = gap * 2 + level */
#define ARRIVALS_SIZES  4                                 /* commits in a minute that has one: 1, 2, 3, 4 or more */
#define ARRIVALS_STEP_S 60
#define ARRIVALS_SOONS  10 /* stretches of the first three minutes after a commit */

#define ARRIVALS_FADE_S      7200.0
#define ARRIVALS_BUSY        1.5
#define ARRIVALS_HALF_LIFE_S ((double)365 * SECONDS_PER_DAY)

struct arrivals {
    double chance[ARRIVALS_HOURS][ARRIVALS_MOODS];
    double size[ARRIVALS_LEVELS][ARRIVALS_SIZES]; /* how likely 1, 2, 3, 4 commits are, given some */
    double cool[ARRIVALS_GAPS];                   /* chance that a busy minute without a commit is the last busy one */
    double heat[ARRIVALS_LEVELS];                 /* chance that it is busy after a commit */
    double rate[ARRIVALS_HOURS];                  /* commits an hour, all moods together */
    double echo[ARRIVALS_GAPS];                   /* commits a minute, so many minutes after a commit */
    double soon[ARRIVALS_SOONS];                  /* chance of the next commit in such a stretch, none having come */
};

/* What is known of the last commits. */
struct arrivals_mood {
    bool any;
    instant_t last_s;
    double fading; /* the fading sum just after the last commit */
};

extern const int arrivals_gap_minutes[ARRIVALS_GAPS]; /* where each bin begins */
extern const int arrivals_soon_s[ARRIVALS_SOONS];     /* the last second of each stretch */

/* at_s ascends; all of it is at or before now. count may be zero. */
void arrivals_fit(struct arrivals *to, const instant_t *at_s, size_t count, instant_t now);

void arrivals_hear(struct arrivals_mood *mood, instant_t at_s); /* a commit; at_s ascends */
int arrivals_gap_of(int64_t since_s);
int arrivals_mood_at(const struct arrivals_mood *mood, instant_t t); /* t at or after the last commit */
instant_t arrivals_busy_until(const struct arrivals_mood *mood);
/* The same where that is known already. */
int arrivals_mood_known(const struct arrivals_mood *mood, instant_t busy_until, instant_t t);

static inline int arrivals_hour(instant_t t)
{
    int64_t hour = (t + (int64_t)3 * SECONDS_PER_DAY) / SECONDS_PER_HOUR % ARRIVALS_HOURS; /* day 0 was a Thursday */
    return (int)(hour < 0 ? hour + ARRIVALS_HOURS : hour);
}

/* Commits an hour to expect just now. */
double arrivals_per_hour(const struct arrivals *a, instant_t t, int mood);

#endif
