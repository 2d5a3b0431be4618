/*
 * lanes.h - many policies over one history at once, side by side in the lanes of vectors: replay_run's replays, bit by
 * bit.
 *
 * For window:S and idle (window:0), whose deployments follow from the oldest pending commit alone, with any keep. Each
 * commit works out, in every lane and without a branch, the deployment that it would begin, and takes it only where
 * the current one started before the commit was ready: replay.c's stream, up to sixteen policies to the pass.
 *
 *   commits --pass--> rows (a commit's waiting in every lane) --turn--> columns --settle--> starts, leads, months
 *        256 at a time, so that rows and columns stay in the processor's first cache
 *
 * Needs AVX2, and says so through lanes_can; AVX-512 where it is there. Cost: 0.5 to 1.5 ns a commit and policy where
 * one replay takes 2 to 4
 * (tests/bench_lanes.c). Memory: none of its own, that of a replay a policy.
 */
#ifndef SIM_LANES_H
#define SIM_LANES_H

#include "sim/replay.h"

#define LANES_MAX 16

/* How the bake instance is kept: a pass is for one of them. */
enum lanes_kind { LANES_NONE, LANES_TERMINATE, LANES_TAIL, LANES_HOUR };

/* LANES_NONE where lanes_run cannot do it on this machine. */
enum lanes_kind lanes_can(const struct decider *decider);

/* deciders: of one struct terms and one kind, 1 to LANES_MAX of them; out: as many. Fails as replay_run does. */
int lanes_run(const struct decider *const *deciders, size_t count, const struct commits *commits, struct replay *out,
              struct err *err) MUST_USE;

#endif
