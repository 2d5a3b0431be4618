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
 *  4. A reservation's effective costs (used and unused) sum to its fee; a plan's used and unused to its commitment.
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
#include "billing/plan.h"
#include "billing/reservation.h"
#include "billing/resources.h"
#include "billing/usage.h"

/* Hears of what reservations, plans and the free tier pay for: `seconds` of a usage row at that instant, in each of so
 * many clock hours. */
struct bill_watch {
    void *context;
    void (*covered)(void *context, uint32_t row, instant_t at, int64_t seconds, int64_t hours);
};

struct bill_input {
    struct names *names; /* that usage and reservations were read with */
    const struct usage *usage;
    const struct reservations *reservations; /* NULL: none */
    const struct resources *resources;       /* NULL: none */
    const struct plans *plans;               /* NULL: none */
    const struct plan_rates *plan_rates;     /* with plans */
    struct opt_instant free_tier;            /* when the account was opened */
    const struct catalog *catalog;
    enum regime_choice regime;
    const struct bill_watch *watch; /* NULL: nobody */
    struct opt_instant from, to;    /* not given: the calendar months that the billed usage touches */
    bool unlinked;                  /* reservations serve their own account only */
    bool pool_fees_accrue;          /* of a pool's months the window has a part of: that part of their fee, not all */
};

#define BILL_HOURS_SIZE 56

enum bill_kind {
    BILL_ON_DEMAND,
    BILL_RESERVED,
    BILL_RESERVED_FEE,
    BILL_UNUSED,
    BILL_STORAGE, /* volumes and snapshots */
    BILL_ADDRESS,
    BILL_OTHER, /* what else is no instance: CI minutes, Fast Snapshot Restore, traffic */
    BILL_FREE_TIER,
    BILL_SAVINGS_PLAN, /* with an instance: what a plan covered, at no cost; without: the plan's commitment */
    BILL_KINDS
};

struct bill_line {
    enum bill_kind kind;
    const char *account, *instance, *type, *region, *os; /* instance "" for fee and unused; a resource's id and kind */
    const char *zone;                                    /* of the reservation; "" where there is none */
    uint32_t reservation_line;                           /* where it stands in its file; 0: none */
    uint32_t reservation_number;                         /* from 1, within its row's count */
    uint32_t plan_line;                                  /* of the Savings Plan; 0: none */
    bool pool;                                           /* the reservation is of that model */
    int64_t factor4;                                     /* normalised units of the type, times four; 0: no instance */
    int128 hours_numerator;
    int64_t hours_denominator;
    money_t cost_usd;
    money_t effective_usd; /* amortised: fees lie on what they paid for, and on `unused` */
};

/* What became of a Savings Plan. */
struct bill_plan {
    const struct plan *plan;
    money_t committed_usd, used_usd, unused_usd; /* used + unused = committed */
};

struct bill {
    instant_t from, to;
    struct bill_line *lines;
    size_t count, cap;
    money_t total_usd, by_kind_usd[BILL_KINDS];
    struct exact total;      /* what total_usd is rounded from */
    struct bill_plan *plans; /* as many as the input has */
    size_t plan_count;
    const char *reserved_name; /* the file of the reservations, or NULL */
    const char *plans_name;    /* of the plans */
    bool has_pool;
};

int bill_make(struct bill *out, const struct bill_input *in, const struct session *session, struct err *err) MUST_USE;
void bill_release(struct bill *bill);

/* What an hour of one type cost on average, reserved ones at nothing: USD of on-demand lines / (on-demand + reserved
 * hours), as AWS's blended rate has it. -1: no hours. */
money_t bill_blended_usd(const struct bill *bill, const char *type, const char *region, const char *os);

/* Normalised units times hours of a line, as hours are written: "2976". */
const char *bill_units_text(const struct bill_line *line, char to[BILL_HOURS_SIZE]);

const char *bill_kind_name(enum bill_kind kind); /* "on-demand", ... */

/* Hours: exact where six decimals are enough ("1", "0.5"), else rounded half to even to six. */
const char *bill_hours_text(const struct bill_line *line, char to[BILL_HOURS_SIZE]);

#endif
