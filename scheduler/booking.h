/*
 * booking.h - a deployment on the ledger: its estimate when it begins, what it used when it has ended.
 *
 * Keys name things, not bookings, so whoever books again (a run that was resumed, another process) books nothing twice,
 * and a bake instance that several deployments share is paid by each for what it added.
 *
 * What is booked for a deployment is the list of its uses (uses.h), which its statement is the sum of; how the rollout
 * failed (ledger_storm.h). For the environment (booking_fleet): the group's instances from its scaling activities and
 * what EC2 shows, each once ("i-0123:life"); root volume and public address of every instance of either kind, as far as
 * no deployment paid for them; a kept instance's time between its deployments and after the last; the end of what is
 * still open. An image goes on costing the deployment that made it.
 */
#ifndef SCHEDULER_BOOKING_H
#define SCHEDULER_BOOKING_H

#include "billing/ledger.h"
#include "scheduler/pipeline.h"

int booking_begin(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                  const struct pipeline_estimate *estimate, struct err *err) MUST_USE;
int booking_end(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                struct err *err) MUST_USE;

/* Of the BOOKING_LOOKS_BACK deployments before this one, what ended and was not booked to its end, as credentials or
 * the network failed just then. Older ones are left: whoever wants them reconciles with the bill. */
#define BOOKING_LOOKS_BACK 20
int booking_missed(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *now,
                   struct err *err) MUST_USE;

/* Describe calls and the ledger, nothing else; again: the difference. */
int booking_fleet(struct ledger *ledger, const struct pipeline_world *w, struct err *err) MUST_USE;

/* What "deployment" is called there: "environment/number". */
void booking_name(const struct deployment *d, char to[80]);

#endif
