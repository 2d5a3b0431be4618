/*
 * fleet.h - what rolling a new image out over a fleet adds to the fleet's own running time.
 *
 * The fleet runs from the first deployment's start on, `fleet` instances, undisturbed but for the rollouts. A rollout
 * goes in waves of `surge`: in wave j of W (of a rollout of R seconds from the bake's end) new instances start at
 * j R / W and the ones they replace end at (j + 1) R / W + drain. Old and new are both paid, and under the hourly
 * regime the rest of each replaced instance's hour is lost.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "sim/hours.h"
#include "sim/model.h"
#include "sim/replay.h"

/* Books the fleet's time with the deployments into `rolled` and without them into `undisturbed`, up to `until`. */
void fleet_run(const struct model *m, const struct replay *r, instant_t until, struct hours *rolled,
               struct hours *undisturbed);

/* When the books of a replay end: the last deployment's end with its draining, or model->until. */
instant_t fleet_until(const struct model *m, const struct replay *r, const struct decider *d);

#endif
