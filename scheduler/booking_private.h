/* booking_private.h - what the parts of booking share. Not for others. */
#ifndef SCHEDULER_BOOKING_PRIVATE_H
#define SCHEDULER_BOOKING_PRIVATE_H

#include "scheduler/booking.h"

struct books {
    struct ledger *ledger;
    const struct pipeline_world *w;
    const struct deployment *d; /* NULL: of no deployment */
    const struct journal *j;
    struct rates rates;
    struct ledger_scope scope;
    char name[80];
    instant_t now;
};

/* A use booked under a scope, at the catalog's prices, now. */
int books_record(const struct books *b, const struct ledger_usage *usage, const struct ledger_scope *scope,
                 struct err *err) MUST_USE;

#endif
