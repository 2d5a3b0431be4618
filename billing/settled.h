/*
 * settled.h - the ledger as the month's bill has it: with what reservations, plans and free hours pay for.
 *
 * Uses are booked at on-demand prices one by one; who pays for which hour is known only over all that runs at once
 * (ledger_bill.h). Here both meet:
 *
 *   settled_book   the month's bill is booked for good, uses that still run up to `now`
 *   settled_view   the same for a look only: until settled_view_end (or ledger_close) the ledger reads as if every
 *                  month since `from` had been settled at `at`, and as if nothing were known of what came after. It is
 *                  a transaction that is taken back, so nothing is booked; others' bookings wait for its end
 *   settled_note   for a look at a ledger that was settled once and of which nobody says what pays: how many uses came
 *                  after
 *
 * In a view a month that was settled for good after its end, and in which no use was booked since, stays as it is.
 * `held` is of bill_files_open_held; its usage, resources and, where it has none, its catalog are filled from the
 * ledger. Errors: as bill_make and ledger.h.
 */
#ifndef BILLING_SETTLED_H
#define BILLING_SETTLED_H

#include "base/str.h"
#include "billing/bill_files.h"
#include "billing/ledger_bill.h"

/* Whether anything is named that could pay, or a part of it: what opens it then says what else is needed. */
bool settled_by(const struct bill_sources *sources);

int settled_book(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources, int month,
                 instant_t now, struct ledger_settled *out, const struct session *session, struct err *err) MUST_USE;

int settled_view(struct ledger *ledger, struct bill_files *held, const struct bill_sources *sources, instant_t from,
                 instant_t at, const struct session *session, struct err *err) MUST_USE;
void settled_view_end(struct ledger *ledger); /* where there is none: nothing */

/* "" where there is nothing to say. */
int settled_note(struct ledger *ledger, struct str *to, struct err *err) MUST_USE;

#endif
