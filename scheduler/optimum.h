/*
 * optimum.h - the least that a history can cost: when a clairvoyant would have deployed.
 *
 * One bake server. A deployment that starts at s takes every commit that has arrived (arrival <= s) and holds the
 * server for the bake, and for the boot too where it launches an instance in serial mode:
 *
 *   serial      s--boot--bake--e      begin of the rental = s
 *   prelaunch   b--boot--s--bake--e   begin of the rental = s - boot
 *   reuse                s--bake--e   the current rental, however long it idled: paid through, contiguously
 *
 * A rental is billed from its begin to the end of its last bake by the meter; each start pays per_deploy, each commit
 * its waiting s - arrival. Starts are unix seconds divisible by grid_s, none before the first arrival (rounded up).
 * A start with nothing pending is allowed: in serial mode with a boot it can pay to warm an instance for a burst, as
 * holding one commit back would. Only such launches are ever considered, for in all other cases leaving the empty
 * start out costs no more.
 *
 * Money: in 1/3600 of 1e-10 USD, exactly (the sums are whole numbers there).
 * Certificate: cost - delay price * commits * grid <= optimum by the second <= cost, where bake, boot and the quantum
 * are multiples of the grid: each start of the best schedule by the second can be rounded up to the grid, which keeps
 * the order, delays each commit by less than grid_s and bills no more. With a quantum of one second the rental may
 * grow; but rounding start + x up, over x = 0 .. grid_s - 1, moves each start by grid_s - 1 on average, so for one x
 * rentals and waiting together cost no more than with all starts moved by that. Where bake or boot are no multiples,
 * the bound is that of a second search with both rounded down, which cannot cost more. On a grid of one second all is
 * exact. A grid that does not divide the quantum has no bound. Under a limit or a pool the bound comes from one search
 * more, with the limit longer by what rounding moves a start, and with the lower of two months' prices for so long
 * around the boundary. A pool's bound is the Lagrangian one (optimum_pool.c); it may stay below the cost, and is
 * reported.
 *
 * Ownership: struct optimum is the caller's, from optimum_solve to optimum_release. Errors: EXIT_INPUT where no
 * starts meet the limit. Cost: O(steps * quantum / grid) time, steps being those of the span, and of each silence at
 * most 2 quantum + 3 (boot + bake). Memory: 8 bytes a start, and 48 bytes for each line (commit group x phase) that may
 * still become the lowest, 16 for each state that a living line descends from.
 */
#ifndef SCHEDULER_OPTIMUM_H
#define SCHEDULER_OPTIMUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/num.h"
#include "base/progress.h"
#include "billing/meter.h"
#include "billing/calendar.h"
#include "billing/money.h"

#define OPTIMUM_UNITS_PER_MONEY 3600 /* of the sums below in one money_t */

struct optimum_terms {
    int64_t bake_s, boot_s;
    bool prelaunch;
    struct meter meter; /* a minimum over the quantum only where that is a second */
    int64_t grid_s;     /* > 0 */
    money_t price_per_hour, per_deploy, delay_price_per_commit_hour;
    int64_t max_lead_s; /* from a commit's arrival to the end of its bake, at the most; 0: no limit */

    /* Prepaid quanta for each period, which cost nothing; a quantum belongs to the period that it opens in. The first
     * period reaches back without end; nothing starts later than the last one's first launch. */
    const int64_t *pool_from_s; /* where each period begins, ascending; the caller's */
    size_t pool_periods;        /* 0: no pool */
    int64_t pool_quanta;        /* in each period */
};

struct optimum {
    int64_t *start; /* start in unix seconds * 2 + whether it launches, as in sim/replay.h */
    size_t deployments;
    int64_t launches, billed_s;
    int64_t covered_s;     /* of billed_s: what the pool paid */
    int128 money, waiting; /* the cost is their sum */
    int128 lower_bound;    /* of the optimum by the second; zero where the certificate does not hold */
    bool exact;            /* the two meet */
};

/* arrival_s ascends, count > 0. progress may be NULL; it is told commits. On failure *out is left alone. */
int optimum_solve(struct optimum *out, const struct optimum_terms *terms, const int64_t *arrival_s, size_t count,
                  struct progress *progress, struct err *err) MUST_USE;
void optimum_release(struct optimum *o);

#endif
