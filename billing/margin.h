/*
 * margin.h - what the next deployment costs at the margin: the bill with it less the bill without it.
 *
 * It is taken to use what the last completed deployment did, as long as that did (instances up to that deployment's
 * end), moved to `at`. Where an instance of the same type that a deployment launched still runs at `at`, its instance
 * is that one: it costs what keeping it busy adds, nothing where the hour is paid already. Reservations, plans and free
 * hours pay as they would: for both bills the fleet (what no deployment launched) runs on to the window's end, the
 * month's in which the last of it ends. on_demand_usd is the same with nothing to reuse and nothing held.
 *
 * Cost: two bills of the month, and one of a handful of rows. Errors: as bill_make.
 */
#ifndef BILLING_MARGIN_H
#define BILLING_MARGIN_H

#include "billing/settled.h"

struct margin {
    bool known;     /* a deployment was completed before */
    char like[128]; /* it */
    bool reuses;    /* an instance that runs already */
    money_t usd, on_demand_usd;
};

/* held, sources: as settled_view; held's usage and resources are filled anew. environment NULL: any. */
int margin_of_next(struct margin *out, struct ledger *ledger, const char *environment, instant_t at,
                   struct bill_files *held, const struct bill_sources *sources, const struct session *session,
                   struct err *err) MUST_USE;

#endif
