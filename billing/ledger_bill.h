/*
 * ledger_bill.h - the ledger's usage as the input of a bill, and a bill's result back on the ledger.
 *
 * The other way from facts to money: bill.h allocates reservations and plans over everything at once, which no single
 * use can know when it is booked. ledger_settle books the difference, so that a settled month sums to its bill to the
 * last unit: what a reservation, a plan or a free hour paid for is taken from the resource's expense (in proportion to
 * what it was booked for, so each deployment keeps its share), fees are booked under nobody, and what rounding line by
 * line leaves over goes to expense:rounding. Settling again books what has changed since; nothing twice. One
 * that finds nothing to change leaves an entry without postings, so that what it looked at counts as settled.
 */
#ifndef BILLING_LEDGER_BILL_H
#define BILLING_LEDGER_BILL_H

#include "billing/bill_files.h"
#include "billing/ledger.h"

/* Fills usage, resources and catalog (unless there is one) from the ledger: uses that overlap [from, to). An open use
 * ends at `until`, or where it is known. `files` has been opened without them. */
int ledger_bill_open(struct bill_files *files, struct ledger *ledger, instant_t from, instant_t to,
                     const instant_t *until, struct err *err) MUST_USE;

/* One use, up to `end`, as a row of usage or resources. */
void ledger_bill_add(struct bill_files *files, const struct ledger_usage *usage, instant_t end);

struct ledger_settled {
    size_t entries;     /* booked now, but for the one that says that there was nothing to book */
    money_t bill_usd;   /* the month's bill up to `now` */
    money_t before_usd; /* what the ledger had: usage and settlements, no adjustments */
};

/* Books the difference between the ledger and `in`'s bill for the month, up to `now`. `in` is of ledger_bill_open. */
int ledger_settle(struct ledger *ledger, const struct bill_input *in, int month, instant_t now,
                  struct ledger_settled *out, const struct session *session, struct err *err) MUST_USE;

#endif
