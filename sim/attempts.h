/*
 * attempts.h - a replay in which things go wrong, or in which a rollout's length depends on the fleet.
 *
 *   attempt     prepare --- [boot ...] --- bake --- rollout --- smoke test        delivered
 *                  |            |            |                     |
 *               build or     instance     the image does        a culprit, or
 *               tests fail   does not     not boot: storm       by itself:
 *                            come up      until the cap         roll back
 *
 * A failed attempt leaves its commits pending; the next begins at once, with what has arrived meanwhile. What fails by
 * itself is recognised as such and tried again. A culprit in the batch is looked for:
 *   bisect  halves are deployed one after the other until one commit is left; it is reverted, the rest goes on
 *   revert  the batch's culprits are known from the failure and left out of the next attempt
 * An image that did not boot is repaired before the next attempt. Reverted commits are delivered never; they count in
 * no lead time and no waiting. A deployment (struct replay) is an attempt whose bake was done, whatever became of it.
 *
 * The triggers are those of policy.h, asked as production asks. Cost: about three times replay_run.
 */
#ifndef SIM_ATTEMPTS_H
#define SIM_ATTEMPTS_H

#include "sim/model.h"
#include "sim/replay.h"

/* As replay_run, for a model with risks, or one whose rollouts wait for the hour's end. */
int attempts_run(struct replay *r, const struct decider *decider, const struct commits *commits,
                 const struct model *model, struct err *err) MUST_USE;

/* How often a storm launches a slot before it is stopped, and what that costs. */
struct storm {
    int64_t slots, launches_a_slot, billed_s; /* billed_s of all launches together */
    int64_t length_s;
};
struct storm storm_of(const struct model *model);
/* The same if nobody stops it for a night. */
struct storm storm_uncapped(const struct model *model);

#endif
