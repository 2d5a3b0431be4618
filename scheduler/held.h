/*
 * held.h - what pays besides money, as the configuration names it: reservations, Savings Plans, free hours (keys of
 * "prices"). For whoever looks at a ledger through settled.h.
 *
 * The texts live in the configuration. Errors: EXIT_INPUT for a date that is none, or plans without their rates.
 */
#ifndef SCHEDULER_HELD_H
#define SCHEDULER_HELD_H

#include "billing/bill_files.h"
#include "scheduler/config.h"

/* out: emptied first; what is "" in the configuration stays NULL. */
int held_of_config(struct bill_sources *out, const struct config *c, struct err *err) MUST_USE;

#endif
