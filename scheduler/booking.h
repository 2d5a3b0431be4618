/*
 * booking.h - a deployment on the ledger: its estimate when it begins, what it used when it has ended.
 *
 * Keys name things, not bookings, so whoever books again (a run that was resumed, another process) books nothing twice,
 * and a bake instance that several deployments share is paid by each for what it added.
 *
 * What is booked: the bake instance's running period, the image's snapshot (open: it goes on costing), the CI job's
 * minutes, instances that failed, and as a remark how many of those the rollout launched in vain (ledger_storm.h). The
 * group's own instances are booked from its scaling activities (ledger).
 */
#ifndef SCHEDULER_BOOKING_H
#define SCHEDULER_BOOKING_H

#include "billing/ledger.h"
#include "scheduler/pipeline.h"

int booking_begin(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                  const struct pipeline_estimate *estimate, struct err *err) MUST_USE;
int booking_end(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                struct err *err) MUST_USE;

/* What "deployment" is called there: "environment/number". */
void booking_name(const struct deployment *d, char to[80]);

#endif
