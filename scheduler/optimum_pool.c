/*
 * A pool of prepaid quanta for each period (R of them) is no sum over starts, but its Lagrangian is: with a multiplier
 * y_m of 0 .. c for each period, quanta cost y_m instead of c, and
 *
 *      bound(y) = least cost under y - R * sum of y_m  <=  least cost under the pool
 *
 * since starts that open h_m quanta in period m pay c max(0, h_m - R) >= y_m (h_m - R) for every 0 <= y_m <= c. The
 * bound is concave in y, with the supergradient h_m - R. All periods are bisected at once: they meet only where a
 * rental or a batch crosses a boundary, so each finds its own multiplier, at which its quanta go from more than R to
 * fewer. Every search on the way gives starts, which are billed under the true pool; the best are kept, and the best
 * bound. The two meet where the optimum lies on the lower hull of (quanta, other cost); what lies between is reported.
 */
#include "scheduler/optimum_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ROUNDS_MAX 24 /* c is divided by 2^24: the multiplier is known to 1e-7 of the price */

struct pool_search {
    const struct optimum_terms *t;
    const int64_t *arrival_s;
    size_t count;
    money_t *low, *high, *price, *best_price; /* by period */
    int64_t *opened;
    struct optimum best; /* the cheapest starts so far */
    bool any;
    int128 bound;      /* the best so far, on the grid */
    int128 bound_cost; /* the least cost under its prices */
};

static int128 prepaid(const struct pool_search *p, const money_t *price)
{
    int128 sum = 0;
    for (size_t m = 0; m < p->t->pool_periods; m++)
        sum += (int128)price[m] * p->t->meter.quantum_s * p->t->pool_quanta;
    return sum;
}

static void keep_better(struct pool_search *p, struct optimum *o)
{
    if (p->any && p->best.money + p->best.waiting <= o->money + o->waiting) {
        optimum_release(o);
        return;
    }
    if (p->any)
        optimum_release(&p->best);
    p->best = *o;
    p->any = true;
}

/* One search under the current prices. False: no starts meet the limit. */
static bool search_once(struct pool_search *p, struct progress *progress)
{
    size_t periods = p->t->pool_periods;
    struct optimum_prices prices = {periods, p->t->pool_from_s, p->price};
    struct optimum o;
    int128 cost;
    if (!optimum_search(&o, &cost, p->t, &prices, p->arrival_s, p->count, progress))
        return false;
    optimum_drop_empty(&o, p->t, p->arrival_s, p->count);
    memset(p->opened, 0, periods * sizeof(*p->opened));
    optimum_bill(&o, p->t, p->arrival_s, p->count, p->opened);
    int128 bound = cost - prepaid(p, p->price);
    assert(bound <= o.money + o.waiting);
    if (!p->any || bound > p->bound) {
        p->bound = bound;
        p->bound_cost = cost;
        memcpy(p->best_price, p->price, periods * sizeof(*p->price));
    }
    keep_better(p, &o);
    return true;
}

/* Halves each period's interval; false when there is nothing left to halve. */
static bool narrow(struct pool_search *p)
{
    bool moved = false;
    for (size_t m = 0; m < p->t->pool_periods; m++) {
        if (p->low[m] >= p->high[m])
            continue;
        if (p->opened[m] > p->t->pool_quanta)
            p->low[m] = p->price[m] + (p->price[m] < p->high[m]);
        else
            p->high[m] = p->price[m];
        moved = true;
    }
    return moved;
}

/* From the two ends of the interval: no multiplier, and the full price. */
static bool search_ends(struct pool_search *p, struct progress *progress)
{
    size_t periods = p->t->pool_periods;
    if (!search_once(p, progress))
        return false;
    for (size_t m = 0; m < periods; m++) {
        p->high[m] = p->opened[m] > p->t->pool_quanta ? p->t->price_per_hour : 0;
        p->price[m] = p->high[m];
    }
    if (p->bound == p->best.money + p->best.waiting)
        return true;
    if (!search_once(p, NULL))
        return false;
    for (size_t m = 0; m < periods; m++)
        if (p->opened[m] > p->t->pool_quanta)
            p->low[m] = p->high[m];
    return true;
}

static bool run(struct pool_search *p, struct progress *progress)
{
    if (!search_ends(p, progress))
        return false;
    for (int round = 0; round < ROUNDS_MAX && p->bound < p->best.money + p->best.waiting; round++) {
        for (size_t m = 0; m < p->t->pool_periods; m++)
            p->price[m] = p->low[m] + (p->high[m] - p->low[m]) / 2;
        if (!search_once(p, NULL))
            return false;
        if (!narrow(p))
            break;
    }
    return true;
}

bool optimum_pool(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress)
{
    size_t periods = t->pool_periods;
    struct pool_search p = {.t = t, .arrival_s = arrival_s, .count = count};
    p.low = mem_zero(periods, sizeof(*p.low));
    p.high = mem_zero(periods, sizeof(*p.high));
    p.price = mem_zero(periods, sizeof(*p.price));
    p.best_price = mem_zero(periods, sizeof(*p.best_price));
    p.opened = mem_zero(periods, sizeof(*p.opened));
    bool found = run(&p, progress);
    if (found) {
        struct optimum_prices prices = {periods, t->pool_from_s, p.best_price};
        int128 bound = optimum_bound(t, &prices, arrival_s, count, &p.bound_cost);
        int128 less = prepaid(&p, p.best_price);
        p.best.lower_bound = bound > less ? bound - less : 0;
        *out = p.best;
    } else if (p.any) {
        optimum_release(&p.best);
    }
    free(p.low);
    free(p.high);
    free(p.price);
    free(p.best_price);
    free(p.opened);
    return found;
}
