/*
 * draw.h - the trigger `random`: how ripe waiting must be, drawn once.
 *
 * Karlin, Kenyon and Randall, "Dynamic TCP acknowledgement and other stories about e/(e-1)" (STOC 2001). At time t the
 * regret is the largest, over moments u since the last deployment, of (commits pending at u) x (t - u): what a
 * deployment at u would have saved. The deployment comes when the regret is worth z x its marginal money. Pure
 * functions; cost O(commits that can decide).
 */
#ifndef SCHEDULER_DRAW_H
#define SCHEDULER_DRAW_H

#include "scheduler/policy.h"

/* z in [0, 1] with density e^z / (e - 1). */
double draw_ripeness(uint32_t seed);
/* at_s: the pending commits, ascending. */
instant_t draw_fire_at(const struct decider *d, double z, const instant_t *at_s, size_t count, instant_t ready,
                       const struct rental *rental);

#endif
