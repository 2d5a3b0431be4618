/*
 * commitment.h - an hourly commitment in USD (a Savings Plan): what it pays for of one hour's usage, and what is left.
 *
 * Usage of one hour is a list of what matching instances would cost at the plan's rates and on demand. The commitment
 * pays at plan rates, in the order given (the caller sorts: highest saving first), until it is used up; the last one
 * may be covered in part, and what it does not cover is charged on demand, in proportion. Money is exact, in 1e-10 USD.
 * The commitment itself is owed every hour: used + unused = commitment. Source: Savings Plans user guide.
 */
#ifndef BILLING_COMMITMENT_H
#define BILLING_COMMITMENT_H

#include <stddef.h>

#include "billing/money.h"

struct commitment_usage {
    money_t plan_usd, on_demand_usd; /* this hour's, at either rate */
};

struct commitment_result {
    money_t used_usd, unused_usd; /* of the commitment */
    struct exact on_demand_usd;   /* what it did not cover, at the on-demand rate */
};

/* result is zeroed by the caller and released by commitment_release. */
void commitment_apply(struct commitment_result *result, money_t commitment_usd, const struct commitment_usage *usage,
                      size_t count);
void commitment_release(struct commitment_result *result);

#endif
