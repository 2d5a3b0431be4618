/*
 * late.h - what a runner that stood still changed in the group after its lease had ended.
 *
 * Between the look at the lease and the call a runner may stand still (SIGSTOP, a machine that sleeps) for longer than
 * the lease lasts. Another one takes over and ends the run; then the first goes on. Its call is not sent any more
 * (lease.h), unless it stood still within the write itself, or the request lay about on its way. Its next look at the
 * lease stops it, so that is one call. What it launches or makes carries the run's tags and is collected; a change of
 * the group's size or template leaves no trace but the intent in the journal, to which no outcome was written.
 *
 * So before a run takes the group's size and template for those to keep, it looks whether they are what the last run
 * left. Where they are not, and are just what such an intent asked for, they are put back. What anybody else changed
 * stays: a person, a policy, a schedule.
 *
 * Cost: one read of a journal; of ten where the group is not as it was left.
 */
#ifndef SCHEDULER_LATE_H
#define SCHEDULER_LATE_H

#include "scheduler/pipeline_private.h"

/* DONE: the group is as it was left, or as others want it. place names who asks: each is answered once. */
enum step_result late_mend(struct pipeline *p, const char *place, int64_t *again_ms, struct err *err);

#endif
