/*
 * charge.h - what one use of anything costs, UTC day by UTC day: the part of a bill that needs no other usage.
 *
 * instance               metering.h's hours and seconds at the catalog's price: an hour at the price of its opening,
 * and on the day of its opening GB-month kinds         storage.h: price x GB x seconds / seconds of the month; at least
 * the meter's minimum hour, zone-hour kinds  price x quantity x billed seconds / 3,600 minute kinds           CI jobs:
 * each rounded up to whole minutes, price x quantity x seconds / 60; all of it opens at its start The kinds, their
 * units and prices are data/resource-prices.csv, their meters data/meters.csv.
 *
 * Money: the cost up to the end of each day, exact, is rounded half to even; a day's amount is the difference. So the
 * sum of the days is the whole cost rounded once, and a use that goes on changes no day before it.
 * Ownership: struct charge is the caller's, zeroed before, until charge_release. Cost: O(days + price changes).
 */
#ifndef BILLING_CHARGE_H
#define BILLING_CHARGE_H

#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/catalog.h"
#include "billing/metering.h"
#include "billing/money.h"

#define CHARGE_QUANTITY 1000000 /* quantities are in millionths */
#define CHARGE_MOST_S                                                                                                  \
    ((int64_t)100 * 366 * SECONDS_PER_DAY) /* the longest use: a century; more is a slip of the pen                    \
                                            */

struct charge_use {
    const char *kind; /* "instance", "snapshot", "volume", "public-ipv4", "fsr", "ci-minute", ... */
    const char *type, *region, *os;
    int64_t quantity; /* millionths */
    instant_t start, end;
    instant_t from, to; /* only what opens in [from, to), where to > from */
    money_t usd;        /* price per unit (an hour of an instance); below zero: catalog or resource prices */
    enum regime_choice regime;
};

struct charge_slice {
    instant_t at, until; /* the first opening, and behind the last (for hours: one second behind its opening) */
    money_t usd;
    int64_t billed_s;
};

struct charge {
    struct charge_slice *slices; /* by day; days without anything have none */
    size_t count, cap;
    struct exact exact; /* of the whole */
};

/* EXIT_INPUT when there is no price (err says why) or the kind is unknown. */
int charge_make(struct charge *out, const struct charge_use *use, const struct catalog *catalog,
                struct err *err) MUST_USE;
void charge_release(struct charge *charge);

/* Whether a kind of resource can be charged: known, or given its price and unit. "instance" is one. */
int charge_kind_check(const char *kind, struct err *err) MUST_USE;

#endif
