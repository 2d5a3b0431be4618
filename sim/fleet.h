/*
 * fleet.h - what rolling a new image out over a fleet adds to the fleet's own running time.
 *
 * The fleet runs from the first deployment's start on, `fleet` instances, undisturbed but for the rollouts. A rollout
 * goes in waves of `surge`: in wave j of W (of a rollout of R seconds from the bake's end) new instances start at
 * j R / W and the ones they replace end at (j + 1) R / W + drain. Old and new are both paid, and under the hourly
 * regime the rest of each replaced instance's hour is lost.
 *
 *   hour end     new ----start---------------|
 *                old ==== paid hour ====|end of wave + drain = the paid hour's end
 *
 * With model->hour_end the instances whose paid hours end first are replaced first, and each wave waits until its old
 * ones, the draining included, end just when the first of their paid hours does; a wave that would have to begin more
 * than limit_s after the bake's end goes at once. A rollback does not wait.
 *
 * A struct fleet is the caller's, fleet_init .. fleet_release.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "sim/hours.h"
#include "sim/model.h"
#include "sim/replay.h"

struct fleet {
    const struct model *model;
    int64_t *begin; /* of each instance's running period */
    struct fleet_slot *order;
};

void fleet_init(struct fleet *f, const struct model *m);
void fleet_release(struct fleet *f);
void fleet_begin(struct fleet *f, instant_t from);
/* A rollout from the bake's end on; returns when the last new instance serves. What the replaced ones ran goes into
 * `rolled`, which may be NULL. */
instant_t fleet_roll(struct fleet *f, struct hours *rolled, instant_t baked);
/* And back: waves over failures.rollback_s. */
void fleet_roll_back(struct fleet *f, struct hours *rolled, instant_t at);

/* Books the fleet's time with the deployments into `rolled` and without them into `undisturbed`, up to `until`. */
void fleet_run(const struct model *m, const struct replay *r, instant_t until, struct hours *rolled,
               struct hours *undisturbed);

/* When the books of a replay end: the last deployment's end with its draining, or model->until. */
instant_t fleet_until(const struct model *m, const struct replay *r, const struct decider *d);

#endif
