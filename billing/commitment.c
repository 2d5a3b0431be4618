#include "billing/commitment.h"

#include <assert.h>

/* One usage against what is left of the commitment; returns what it takes of it. */
static money_t cover(struct commitment_result *result, money_t left, const struct commitment_usage *u)
{
    assert(u->plan_usd >= 0 && u->on_demand_usd >= 0);
    if (u->plan_usd <= left)
        return u->plan_usd;
    exact_add(&result->on_demand_usd, (int128)u->on_demand_usd * (u->plan_usd - left), u->plan_usd);
    return left;
}

void commitment_apply(struct commitment_result *result, money_t commitment_usd, const struct commitment_usage *usage,
                      size_t count)
{
    assert(commitment_usd >= 0);
    money_t left = commitment_usd;
    for (size_t i = 0; i < count; i++)
        left -= cover(result, left, &usage[i]);
    result->used_usd = commitment_usd - left;
    result->unused_usd = left;
    assert(result->used_usd + result->unused_usd == commitment_usd);
}

void commitment_release(struct commitment_result *result)
{
    exact_release(&result->on_demand_usd);
}
