/*
 * replay_live.h - replay of triggers that learn: event by event, as production would be driven.
 *
 * Tells the policy's outlook each commit when it is ready and each start, asks policy_fire_at, and asks again when a
 * commit comes first. Makes the same struct replay as sim/replay.c does, which calls it; a decider without an outlook
 * gets one for the length of the call. Cost: a decision a commit, and the outlook's fits.
 */
#ifndef SIM_REPLAY_LIVE_H
#define SIM_REPLAY_LIVE_H

#include "sim/replay.h"

/* r's arrays have room for all commits. */
int replay_live(struct replay *r, const struct decider *d, const struct commits *commits, struct err *err) MUST_USE;

#endif
