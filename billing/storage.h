/*
 * storage.h - what stored bytes cost: volumes by the second, snapshots by the blocks that they keep.
 *
 * A volume costs price x GB x seconds / (86,400 x days in the month), at least 60 s (data/meters.csv, "volume"), each
 * month's seconds over that month's length. Source: EBS pricing page. An EBS snapshot stores only blocks that changed
 * since the one before; deleting one gives back what no other one needs. Amounts are exact (struct exact, 1e-10 USD);
 * sizes in bytes or GB are whole numbers. Pure functions; O(months).
 */
#ifndef BILLING_STORAGE_H
#define BILLING_STORAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/meter.h"
#include "billing/money.h"

/* Adds the cost of quantity / quantity_per_gb GB kept from start to end: quantity_per_gb is 1 for whole GB, 1 << 30
 * for bytes. The meter's minimum counts from start. */
void storage_add_cost(struct exact *cost, money_t usd_per_gb_month, int64_t quantity, int64_t quantity_per_gb,
                      instant_t start, instant_t end, struct meter meter);

/* A chain of snapshots of one volume. Each one's size is what it added: `changed` blocks that overwrite earlier ones
 * and `added` ones; the first has only added ones. All count in the same unit (GiB, blocks). */
struct snapshot_delta {
    int64_t changed, added;
};

/* What the first `count` snapshots of the chain store together. */
int64_t snapshot_chain_stored(const struct snapshot_delta *chain, size_t count);

#endif
