/* The search, the bill and the certificate put together. */
#include "scheduler/optimum_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "scheduler/line_front.h"

/* Whether the meter lets the bound hold: see docs/optimum.md. */
static bool grid_bounds(const struct optimum_terms *t)
{
    if (t->meter.quantum_s == 1)
        return t->bake_s + t->boot_s >= t->meter.minimum_s || t->meter.minimum_s % t->grid_s == 0;
    return t->meter.quantum_s % t->grid_s == 0;
}

/*
 * The prices under which rounded starts cost no more than the starts that they were rounded from: a quantum may open up
 * to shift_s later than it did, so where a price rises the lower one holds so much longer.
 */
static void hold_low_prices(const struct optimum_prices *prices, int64_t shift_s, int64_t *from_s)
{
    for (size_t m = 0; m < prices->count; m++)
        from_s[m] = prices->from_s[m] + (m > 0 && prices->per_hour[m] > prices->per_hour[m - 1] ? shift_s + 1 : 0);
}

int128 optimum_bound(const struct optimum_terms *t, const struct optimum_prices *prices, const int64_t *arrival_s,
                     size_t count, const int128 *cost)
{
    struct optimum_terms below = *t;
    below.bake_s -= t->bake_s % t->grid_s;
    below.boot_s -= t->boot_s % t->grid_s;
    if (!grid_bounds(&below))
        return 0;
    /* By the second the starts are moved by x before they are rounded, x < grid. */
    int64_t shift_s = (t->grid_s - 1) * (t->meter.quantum_s == 1 ? 2 : 1);
    below.max_lead_s += t->max_lead_s ? shift_s : 0;
    bool same = below.bake_s == t->bake_s && below.boot_s == t->boot_s;
    int128 found;
    if (same && (shift_s == 0 || (!t->max_lead_s && prices->count == 1))) {
        found = *cost;
    } else {
        struct optimum o = {0};
        int64_t *from_s = mem_array(NULL, prices->count, sizeof(*from_s));
        hold_low_prices(prices, shift_s, from_s);
        struct optimum_prices held = {prices->count, from_s, prices->per_hour};
        bool any = optimum_search(&o, &found, &below, &held, arrival_s, count, NULL);
        assert(any); /* what t allows, it allows */
        optimum_release(&o);
        free(from_s);
    }
    int128 slack = t->grid_s == 1 ? 0 : (int128)t->delay_price_per_commit_hour * t->grid_s * (int128)count;
    return found > slack ? found - slack : 0;
}

static bool solve_plain(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                        struct progress *progress)
{
    int64_t from_s = 0;
    struct optimum_prices prices = {1, &from_s, &t->price_per_hour};
    int128 cost;
    if (!optimum_search(out, &cost, t, &prices, arrival_s, count, progress))
        return false;
    optimum_drop_empty(out, t, arrival_s, count);
    optimum_bill(out, t, arrival_s, count, NULL);
    assert(out->money + out->waiting == cost);
    out->lower_bound = optimum_bound(t, &prices, arrival_s, count, &cost);
    return true;
}

static int refuse_limit(const struct optimum_terms *t, struct err *err)
{
    char limit[INSTANT_TEXT_SIZE];
    char least[INSTANT_TEXT_SIZE];
    int64_t fresh_s = t->bake_s + (t->prelaunch ? 0 : t->boot_s);
    duration_text(t->max_lead_s, limit);
    if (t->max_lead_s < fresh_s)
        return err_set(err, EXIT_INPUT, "no commit can be deployed within %s: the first one takes %s", limit,
                       duration_text(fresh_s, least));
    return err_set(
        err, EXIT_INPUT,
        "no starts on this grid deploy every commit within %s: while the server is busy, commits wait for it", limit);
}

int optimum_solve(struct optimum *out, const struct optimum_terms *t, const int64_t *arrival_s, size_t count,
                  struct progress *progress, struct err *err)
{
    assert(count > 0 && t->grid_s > 0 && t->meter.quantum_s > 0);
    assert(t->meter.quantum_s == 1 || t->meter.minimum_s <= t->meter.quantum_s);
    assert(t->bake_s >= 0 && t->boot_s >= 0 && t->max_lead_s >= 0);
    struct optimum found;
    bool any = t->pool_periods ? optimum_pool(&found, t, arrival_s, count, progress)
                               : solve_plain(&found, t, arrival_s, count, progress);
    if (!any)
        return refuse_limit(t, err);
    assert(found.lower_bound <= found.money + found.waiting);
    found.exact = found.lower_bound == found.money + found.waiting;
    *out = found;
    return 0;
}

void optimum_release(struct optimum *o)
{
    free(o->start);
    *o = (struct optimum){0};
}
