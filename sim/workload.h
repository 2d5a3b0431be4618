/*
 * workload.h - a model of when commits arrive: fitted to a history or written by hand, and histories drawn from it.
 *
 *   bursts begin ----x-------------x----------x------     Poisson, intensity: per week x hour of the week x trend
 *   commits          x xx x        x          x x         behind each commit, with probability share, another one after
 *                                                          an exponential gap
 *   quiet spells     ______-------________---              exponential, some days long: bursts begin at `pace` of the
 *                                                          pace between them; the mean of all stays per_week
 *
 * { "name": "...", "start": "2025-01-01", "days": 365, "per_week": 60, "trend_per_year": 1.1,
 *   "burst": {"share": 0.4, "gap_s": 120}, "quiet": {"share": 0.3, "days": 30, "pace": 0.5},
 *   "hour_of_week": [168 weights, from Monday 00:00 UTC on] }
 *
 * The file is JSON. Draws are keyed by (seed, replication) and (burst, purpose); the same bits on every machine. A
 * struct workload is a value. Cost: about 30 ns a commit.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "billing/calendar.h"

#define WORKLOAD_HOURS       168
#define WORKLOAD_COMMITS_MAX ((size_t)50000000)

struct workload {
    char name[64];
    instant_t start, end;
    double per_week;       /* commits, at the start */
    double trend_per_year; /* factor */
    double burst_share, burst_gap_s;
    double quiet_share;            /* of the time; 0: none */
    double quiet_days, quiet_pace; /* a spell's mean length */
    double weight[WORKLOAD_HOURS]; /* adds up to WORKLOAD_HOURS */
};

int workload_parse(struct workload *out, const char *name, const char *text, size_t len, struct err *err) MUST_USE;
int workload_open(struct workload *out, const char *path, struct err *err) MUST_USE;
void workload_write(const struct workload *w, struct str *to); /* the file */

/* Draws a history into *arrival_s, ascending, within [start, end); the array grows (mem_grow). */
int workload_draw(const struct workload *w, uint32_t seed, uint32_t replication, int64_t **arrival_s, size_t *cap,
                  size_t *count, struct err *err) MUST_USE;

size_t workload_hour_of_week(int64_t t); /* 0: Monday 00:00 UTC */

/* Fits all but the name. At least 50 commits over two weeks. */
int workload_fit(struct workload *out, const int64_t *arrival_s, size_t count, struct err *err) MUST_USE;
/* Without quiet spells, in half the time: for those who take the level from elsewhere. */
int workload_fit_even(struct workload *out, const int64_t *arrival_s, size_t count, struct err *err) MUST_USE;

/* Quiet spells, where a history has them: burst and rate must be fitted. Else none. (workload_quiet.c) */
void workload_fit_quiet(struct workload *w, const int64_t *arrival_s, size_t count);
/* The logarithm of the density of the arrivals behind the first. Of a burst's commits each is taken to be followed by
 * the next one that comes. */
double workload_likelihood(const struct workload *w, const int64_t *arrival_s, size_t count);
/* How many bursts are expected to begin in the hour at t, quiet spells apart. */
double workload_intensity(const struct workload *w, instant_t t);

/* What a history is like. Gaps are those between one commit and the next. */
struct workload_stats {
    size_t commits;
    double per_week;
    double gap_mean_s, gap_p50_s;
    double
        burstiness; /* (sigma - mean) / (sigma + mean) of the gaps (Goh and Barabasi, 2008): 0 is Poisson, 1 bursts */
    double within_10_min, within_hour; /* shares of the gaps */
    double daily_spread;               /* variance of the commits a day over their mean: 1 is Poisson */
    double monthly_spread;             /* the same of 30 days */
    double busy_hours;                 /* share of the commits in the 40 busiest hours of the week */
};

struct workload_stats workload_stats_of(const int64_t *arrival_s, size_t count, instant_t from, instant_t to);

#endif
