/*
 * bill.h - what usage costs under prices and reservations, for a window of time.
 *
 * The way of a running period: metering.h turns it into started hours and seconds; clock_hour.h lets reservations of
 * the clock-hour model pay for their part; pool.h the prepaid pools; what is left is on-demand at the catalog's price.
 * The reservations' fees stand in lines of their own; the lines of what they cover cost nothing.
 *
 * Window: hours belong to it by their opening, seconds by themselves. Allocation looks at whole clock hours and (for
 * pools) whole months that the window touches, so usage outside it may draw; only what lies inside is on the bill.
 *
 * Invariants:
 *  1. On-demand + reserved units of an instance = its metered units inside the window.
 *  2. Used + unused units of a reservation = its capacity, where the window is cut at clock hours (pools: months).
 *  3. The total is the exact sum of the exact lines, rounded once; so is each kind's.
 *
 * Ownership: a struct bill is the caller's from bill_make to bill_release; its texts live in the input's names.
 * Cost: O(rows log rows), and with clock-hour reservations O(instances running) a clock hour in which anything changes.
 * Errors: on-demand usage without a price is reported row by row through the session's err stream, then EXIT_INPUT.
 */
#ifndef BILLING_BILL_H
#define BILLING_BILL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"
#include "billing/catalog.h"
#include "billing/metering.h"
#include "billing/money.h"
#include "billing/option.h"
#include "billing/reservation.h"
#include "billing/usage.h"

#define POOL_HOURS_PER_MONTH 744 /* whatever the month's length: the model's own number */

struct bill_input {
    struct names *names; /* that usage and reservations were read with */
    const struct usage *usage;
    const struct reservations *reservations; /* NULL: none */
    const struct catalog *catalog;
    enum regime_choice regime;
    struct opt_instant from, to; /* not given: the calendar months that the billed usage touches */
    bool pool_fees_accrue;       /* of a pool's months the window has a part of: that part of their fee, not all */
};

enum bill_kind { BILL_ON_DEMAND, BILL_RESERVED, BILL_RESERVED_FEE, BILL_UNUSED, BILL_KINDS };

struct bill_line {
    enum bill_kind kind;
    const char *account, *instance, *type, *region, *os; /* instance "" for fee and unused */
    const char *zone;                                    /* of the reservation; "" where there is none */
    uint32_t reservation_line;                           /* where it stands in its file; 0: none */
    uint32_t reservation_number;                         /* from 1, within its row's count */
    bool pool;                                           /* the reservation is of that model */
    int128 hours_numerator;
    int64_t hours_denominator;
    money_t cost_usd;
};

struct bill {
    instant_t from, to;
    struct bill_line *lines;
    size_t count, cap;
    money_t total_usd, by_kind_usd[BILL_KINDS];
    struct exact total;        /* what total_usd is rounded from */
    const char *reserved_name; /* the file of the reservations, or NULL */
    bool has_pool;
};

int bill_make(struct bill *out, const struct bill_input *in, const struct session *session, struct err *err) MUST_USE;
void bill_release(struct bill *bill);

const char *bill_kind_name(enum bill_kind kind); /* "on-demand", ... */

#define BILL_HOURS_SIZE 56
/* Hours: exact where six decimals are enough ("1", "0.5"), else rounded half to even to six. */
const char *bill_hours_text(const struct bill_line *line, char to[BILL_HOURS_SIZE]);

#endif
