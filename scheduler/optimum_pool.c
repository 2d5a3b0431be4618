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
 *
 * On a fine grid a search takes seconds, and the multipliers are nearly those of a coarser one, which takes a
 * thirty-sixth of it: they are found there first. From there steps that grow until the quanta change sides, then
 * halves. Nothing hangs on where the multipliers come from: any of them bound, and any starts are billed truly. It ends
 * where the two meet, or are nearer than a thousandth of what the grid itself leaves open.
 */
#include "scheduler/optimum_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ROUNDS_MAX    24 /* c is divided by 2^24: the multiplier is known to 1e-7 of the price */
#define PATIENCE      6  /* so many rounds that close less than a tenth of the gap are the last */
#define NEAR_PART     1000
#define COARSE_GRID_S 60
#define FIRST_REACH   256 /* the first step away from a coarser grid's multiplier is this part of the price */

struct pool_search {
    const struct optimum_terms *t;
    const int64_t *arrival_s;
    size_t count;
    money_t *low, *high, *price, *best_price; /* by period */
    int64_t *opened;
    money_t reach;       /* how far from the last multiplier the next may be */
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

/* Each period's multiplier is no end of its interval any more; false when there is nothing left to halve. */
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

/* The middle of each interval, or as far towards it as one may go. */
static void aim(struct pool_search *p)
{
    for (size_t m = 0; m < p->t->pool_periods; m++) {
        money_t next = p->low[m] + (p->high[m] - p->low[m]) / 2;
        if (next > p->price[m] + p->reach)
            next = p->price[m] + p->reach;
        if (next < p->price[m] - p->reach)
            next = p->price[m] - p->reach;
        p->price[m] = next;
    }
    p->reach = p->reach < p->t->price_per_hour / 4 ? 4 * p->reach : p->t->price_per_hour;
}

static int128 gap_of(const struct pool_search *p)
{
    return p->best.money + p->best.waiting - p->bound;
}

static bool near_enough(const struct pool_search *p)
{
    const struct optimum_terms *t = p->t;
    int128 open = t->grid_s == 1 ? 0 : (int128)t->delay_price_per_commit_hour * t->grid_s * (int128)p->count;
    return gap_of(p) * NEAR_PART <= open;
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

/* With multipliers to begin from (warm), or from the ends. */
static bool run(struct pool_search *p, bool warm, struct progress *progress)
{
    if (!(warm ? search_once(p, progress) : search_ends(p, progress)))
        return false;
    int128 gap = gap_of(p);
    for (int round = 0; round < ROUNDS_MAX && !near_enough(p); round++) {
        if ((round || warm) && !narrow(p))
            break;
        if (round && round % PATIENCE == 0) {
            if (gap_of(p) > gap - gap / 10)
                break; /* what is left does not close */
            gap = gap_of(p);
        }
        aim(p);
        if (!search_once(p, NULL))
            return false;
    }
    return true;
}

static void init(struct pool_search *p, const struct optimum_terms *t, const int64_t *arrival_s, size_t count)
{
    size_t periods = t->pool_periods;
    *p = (struct pool_search){.t = t, .arrival_s = arrival_s, .count = count, .reach = t->price_per_hour};
    p->low = mem_zero(periods, sizeof(*p->low));
    p->high = mem_zero(periods, sizeof(*p->high));
    p->price = mem_zero(periods, sizeof(*p->price));
    p->best_price = mem_zero(periods, sizeof(*p->best_price));
    p->opened = mem_zero(periods, sizeof(*p->opened));
}

static void release(struct pool_search *p)
{
    free(p->low);
    free(p->high);
    free(p->price);
    free(p->best_price);
    free(p->opened);
}

/* The widest multiple of the grid that divides the durations as the grid does; the grid itself: there is none. */
static int64_t coarser(const struct optimum_terms *t)
{
    for (int64_t grid_s = COARSE_GRID_S; grid_s > t->grid_s; grid_s--)
        if (grid_s % t->grid_s == 0 && t->meter.quantum_s % grid_s == 0 && t->bake_s % grid_s == 0 &&
            t->boot_s % grid_s == 0)
            return grid_s;
    return t->grid_s;
}

/* Begins from the multipliers of a coarser grid, where there is one that meets the limit. */
static bool warm_up(struct pool_search *p)
{
    struct pool_search coarse;
    struct optimum_terms terms = *p->t;
    terms.grid_s = coarser(p->t);
    if (terms.grid_s == p->t->grid_s)
        return false;
    init(&coarse, &terms, p->arrival_s, p->count);
    bool found = run(&coarse, false, NULL);
    for (size_t m = 0; found && m < terms.pool_periods; m++) {
        p->price[m] = coarse.best_price[m];
        p->high[m] = terms.price_per_hour;
    }
    if (coarse.any)
        optimum_release(&coarse.best);
    release(&coarse);
    if (found)
        p->reach = terms.price_per_hour / FIRST_REACH + 1;
    return found;
}

bool optimum_pool(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress)
{
    struct pool_search p;
    init(&p, t, arrival_s, count);
    bool warm = warm_up(&p);
    bool found = run(&p, warm, progress);
    if (found) {
        struct optimum_prices prices = {t->pool_periods, t->pool_from_s, p.best_price};
        int128 bound = optimum_bound(t, &prices, arrival_s, count, &p.bound_cost);
        int128 less = prepaid(&p, p.best_price);
        p.best.lower_bound = bound > less ? bound - less : 0;
        *out = p.best;
    } else if (p.any) {
        optimum_release(&p.best);
    }
    release(&p);
    return found;
}
