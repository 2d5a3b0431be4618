/*
 * state_snapshot.h - a store that reads one partition once.
 *
 * A decision asks for what an environment's partition holds again and again: the unfinished run, the deployments, the
 * kept bake instance. Over DynamoDB each question is a request. The snapshot answers all of them from one query (two
 * where the partition has 220 items or more; what is older than those is asked for as before), until
 * the first write through it, or until it is dropped: from then on every question goes to the store. What is written
 * under a condition stays safe however old the snapshot is; the condition is the store's.
 *
 * Ownership: takes the live store over; state_close closes both.
 */
#ifndef SCHEDULER_STATE_SNAPSHOT_H
#define SCHEDULER_STATE_SNAPSHOT_H

#include "scheduler/state.h"

/* Puts itself before *state; one query, or two. On failure *state is as it was. */
int state_snapshot(struct state *state, const char *partition, struct err *err) MUST_USE;
/* Nothing to do where *state is no snapshot. */
void state_snapshot_drop(struct state *state);

#endif
