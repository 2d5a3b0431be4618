/*
 * lanes.h - many policies over one history at once, side by side in the lanes of vectors: their totals.
 *
 * For window:S and idle (window:0) with keep terminate, idle:S or rent. Each commit works out, in every lane and
 * without a branch, the deployment that it would begin, and takes it only where the current one started before the
 * commit was ready: replay.c's stream, sixteen policies and more to the pass. What comes out is what adds up: counts,
 * waiting and billed seconds; order statistics and months are replay_run's. The same figures, to the second.
 *
 * Cost: about 0.5 ns a commit and policy with AVX2 (tests/bench_lanes.c), where one replay takes 4. Memory: none.
 */
#ifndef SIM_LANES_H
#define SIM_LANES_H

#include "sim/replay.h"

struct lanes_total {
    int64_t deployments, launches;
    int128 waiting_s, lead_s;
    int128 billed_s; /* of the bake instances */
};

/* True where lanes_run can do it: kept instances by the second only. */
bool lanes_can(const struct decider *decider);
/* deciders: all of one struct terms; totals: as many. */
void lanes_run(const struct decider *deciders, size_t count, const struct commits *commits, struct lanes_total *totals);

#endif
