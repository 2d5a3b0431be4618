/*
 * outlook.h - how sure a forecast is, and what the next deployment costs, from what the ledger knows.
 *
 * The month's end: the linear run rate, and around it a 90 % interval from how much the complete days of the last eight
 * weeks differ: +-t x s x sqrt(R + R^2 / e), R being the days that remain, e those of the month that have passed (by
 * which the rate is known), s the days' standard deviation and t Student's 95th percentile for n - 1 degrees of
 * freedom, n being the days looked at (at least seven, from the first day on which anything was booked). That is the
 * prediction interval of a sum of independent days; quiet weekends make it wider than need be, growth is not in it.
 * Fees and corrections are on no day's account. Below what was spent it never goes.
 *
 * When prepaid hours run out: the first hour at which drawn + rate x time, and the same with the interval's upper and
 * lower ends, reaches the pool.
 *
 * The next deployment: at the margin (margin.h); and the mean of what the last 50 ended deployments were booked, and
 * between which values nine in ten of them lie (nearest rank).
 *
 * Floating point is for the interval only. Pure but for the ledger that is read.
 */
#ifndef SIM_OUTLOOK_H
#define SIM_OUTLOOK_H

#include "billing/margin.h"
#include "sim/budget_source.h"

#define OUTLOOK_DAYS     56
#define OUTLOOK_DAYS_MIN 7
#define OUTLOOK_LAST     50

struct outlook_series {
    double mean, deviation; /* of a day */
    size_t days;            /* below OUTLOOK_DAYS_MIN: nothing is known */
};

struct outlook_interval {
    bool known;
    int64_t low, high;
};

struct outlook_run_out {
    bool known;
    instant_t early, late; /* INT64_MAX: not within the month */
};

struct outlook_next {
    size_t deployments; /* that it rests on; 0: nothing is known */
    money_t mean, low, high;
};

struct outlook_extra {
    struct outlook_interval usd, hours;
    struct outlook_run_out run_out;
    struct outlook_next next;
    struct margin margin;
};

double outlook_t95(size_t freedom); /* Student's 95th percentile; at least one degree of freedom */

struct outlook_series outlook_series(const int64_t *days, size_t count);
struct outlook_interval outlook_interval(const struct outlook_series *s, int64_t so_far, int64_t forecast,
                                         int64_t elapsed_s, int64_t remaining_s);
struct outlook_run_out outlook_run_out(const struct outlook_series *s, const struct spending *spending, int64_t drawn);
/* Sorts costs. */
struct outlook_next outlook_next(money_t *costs, size_t count);

/* Everything above, but for the margin: margin_of_next, which fills the source's files anew. */
int outlook_read(struct outlook_extra *out, const struct budget_source *source, const struct budget_options *options,
                 struct err *err) MUST_USE;

#endif
