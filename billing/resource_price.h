/*
 * resource_price.h - prices of what is no instance: snapshots, addresses, Fast Snapshot Restore, CI minutes.
 *
 * The table is data/resource-prices.csv, built into the program; a region that it does not name takes the row of
 * "any". Pure lookups; texts are static.
 */
#ifndef BILLING_RESOURCE_PRICE_H
#define BILLING_RESOURCE_PRICE_H

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/money.h"

struct resource_price {
    money_t usd;
    const char *unit; /* "GB-month", "hour", "zone-hour", "minute" */
};

/* The price in force at an instant; EXIT_INPUT when there is none, with the kinds that are known. */
int resource_price_find(const char *kind, const char *region, instant_t at, struct resource_price *out,
                        struct err *err) MUST_USE;
/* The first change of that price after `at`, or INSTANT_MAX. */
instant_t resource_price_next_change(const char *kind, const char *region, instant_t at);

#endif
