/*
 * expected.h - what the usage that we know should have cost, resource by resource and hour by hour, into a tally: to be
 * held against a cost report.
 *
 * Instances: their metered time (metering.h), each second in the clock hour that it runs in, each started hour in the
 * one it opens in; what reservations pay for is taken from the bill's own allocation. Other resources of the ledger
 * (volumes, snapshots, addresses): their charge, by UTC day.
 *
 * Ownership: the caller's structs all along; resources are numbers in the given struct names, which it shares with the
 * reader of the report. Cost: one cell for each resource and hour.
 */
#ifndef BILLING_EXPECTED_H
#define BILLING_EXPECTED_H

#include "billing/bill.h"
#include "billing/ledger.h"
#include "billing/tally.h"

struct expected_input {
    const struct bill_input
        *bill;               /* usage, what covers it, prices; reservations are taken as of the clock-hour model */
    struct names *resources; /* the numbers of tally cells; ids are added */
    instant_t from, to;      /* of the comparison; the bill's own window is not used */
    bool by_day;             /* cells of UTC days instead of hours */
};

struct expected_sums {
    money_t reserved_fee_usd; /* amortised, of the window */
    money_t plan_fee_usd;     /* the Savings Plans' commitments of the window */
    int64_t unpriced_s;       /* instance time that the catalog has no price for */
};

/* Instances and resources of the bill. On-demand usage without a price is an error where reservations or plans have to
 * be allocated (the bill's own); else it is counted. */
int expected_bill(struct tally *tally, const struct expected_input *in, struct expected_sums *sums,
                  const struct session *session, struct err *err) MUST_USE;

/* The instances of a ledger as usage rows, and its other resources straight into the tally. CI minutes are left out:
 * AWS does not bill them. usage is the caller's to release. */
int expected_ledger(struct usage *usage, struct tally *tally, struct ledger *ledger, const struct expected_input *in,
                    struct err *err) MUST_USE;

/* The name, in `resources`, of what is no instance time: an instance's address or traffic is not its hours. */
#define EXPECTED_NAME_MAX 600
const char *expected_other_name(const char *resource, char to[EXPECTED_NAME_MAX]); /* '+' and the resource, cut */

uint32_t expected_hour(const struct expected_input *in, instant_t at); /* of a cell; at >= 0 */

#endif
