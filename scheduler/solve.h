/*
 * solve.h - the best policy for a fitted model of arrivals: value iteration.
 *
 * State: minute of the week, mood (arrivals.h), commits pending (up to TABLE_PENDING, each number told apart up to 8,
 * fewer and fewer of them beyond), minutes that the bake instance is still kept. Waiting so far is sunk and does not
 * matter. In each minute with something pending there are two choices:
 *
 *   wait     pending * w * a minute, then the next minute's state: commits come with the mood's chance
 *   deploy   the marginal money of deploying now, then the server is held; commits pile up and wait; nothing is pending
 *            of those deployed
 *
 * Values go backwards in time, minute by minute, over a day to forget the end and then over one week; the state
 * at the end of a deployment is taken from the distribution that the hour's chances give. Long deployments make longer
 * steps than a minute (policy_table.step_s), at most SOLVE_HOLD_STEPS of them a deployment. Simplifications: a mood's
 * bin of several minutes is left with the chance 1/width each minute; a number of commits between two that are told
 * apart is on the line between them; what is very unlikely is left out.
 *
 * Cost: some 0.2 s for an hour's keep of 60 minutes, where there are wide units (mix.h), and 0.5 s where many commits
 * come at once; memory up to 190 KB for each step of a deployment.
 */
#ifndef SCHEDULER_SOLVE_H
#define SCHEDULER_SOLVE_H

#include "scheduler/policy_table.h"

#define SOLVE_HOLD_STEPS 64

void solve_policy(struct policy_table *out, const struct arrivals *model, const struct decider *d);

#endif
