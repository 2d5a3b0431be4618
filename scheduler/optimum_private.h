/*
 * optimum_private.h - the parts of the optimum: the search, what becomes of its starts, the pool around it.
 *
 * For scheduler/optimum*.c and their tests only.
 */
#ifndef SCHEDULER_OPTIMUM_PRIVATE_H
#define SCHEDULER_OPTIMUM_PRIVATE_H

#include "scheduler/optimum.h"

/* What a quantum of rental costs, by the period that it opens in: the one that began last at or before. The first
 * period reaches back without end, whatever its from_s; the last one has none. */
struct optimum_prices {
    size_t count; /* > 0 */
    const int64_t *from_s;
    const money_t *per_hour; /* >= 0 */
};

/*
 * The starts of least cost on the grid, under these prices and t->max_lead_s (t's own price and pool are not looked
 * at). out->start and ->deployments are set, *cost is what they cost under the prices. False: no starts meet the limit,
 * and *out is left alone.
 */
bool optimum_search(struct optimum *out, int128 *cost, const struct optimum_terms *t,
                    const struct optimum_prices *prices, const int64_t *arrival_s, size_t count,
                    struct progress *progress) MUST_USE;

/* Among equal optima the one without empty starts. */
void optimum_drop_empty(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count);

/* Sets launches, billed_s, covered_s, money and waiting from the starts, at t's price and pool. With opened, which has
 * t->pool_periods entries, adds the quanta that open in each period. */
void optimum_bill(struct optimum *o, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  int64_t *opened);

/* The least that any starts at whole seconds cost under the prices, from a search on the grid; *cost is what that found
 * where it is known already, else LINE_NONE. Zero where the grid does not bound. */
int128 optimum_bound(const struct optimum_terms *t, const struct optimum_prices *prices, const int64_t *arrival_s,
                     size_t count, const int128 *cost);

/* Starts under a pool: the best that the multipliers find, and the bound that they prove. */
bool optimum_pool(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress) MUST_USE;

#endif
