/*
 * recall.h - a trigger that learns, asked by a scheduler that was not there: the past is told to its outlook first.
 *
 * The past is what a repository and a store tell: when commits reached the branch, and when deployments started and
 * ended. It is told in the order in which a replay goes through it (sim/replay_live.h): when the pipeline is free and
 * something is pending; each commit that comes then; each start. So what is decided on a past is what a replay decides
 * that has come as far, to the second, whoever asks, and how often. The last question is put for the moment of the last
 * event, not for now: who looks late is told a second that has passed.
 *
 *      commits  |  | ||      |   |            at_s
 *      starts        s~~~e     s~~~e          starts
 *                                    ^ asked for here: the oldest pending commit, or where the pipeline was free
 *
 * Durations and prices are those of the decider, also for the past: the accounts that predict and mdp are held to are
 * kept on paper. A commit that was pushed late, so that it is pending though it is older than the last start, counts as
 * pending since its own time.
 *
 * One recall serves a scheduler that goes on: where the past only grew, what is new is told; else all of it is told
 * anew. Both give the same. Ownership: recall_new .. recall_free; the past is the caller's. Errors: outlook_new's.
 * Cost: one fit and solve (outlook.h) at the first question and when a new one is due, some 10 ns a commit of the past.
 */
#ifndef SCHEDULER_RECALL_H
#define SCHEDULER_RECALL_H

#include "scheduler/policy.h"

struct recall_start {
    instant_t start, free_at; /* when the pipeline was free again */
    int64_t commits;          /* that it took; of the first start alone this is looked at */
};

struct recall_past {
    const instant_t *at_s; /* ascending, none of them in the future: all commits of the branch that are known */
    size_t commits, pending;
    const struct recall_start *starts; /* of deployments that succeeded, the oldest first */
    size_t count;
    instant_t free_at; /* when the pipeline was last free, failed deployments counted; INSTANT_MIN: always */
};

struct recall;

struct recall *recall_new(void);
void recall_free(struct recall *r);

/* The second at which to deploy what is pending (at least one), in *fire_at: policy_fire_at for a decider without an
 * outlook, of a trigger that learns. */
int recall_fire_at(struct recall *r, const struct decider *d, const struct recall_past *past,
                   const struct rental *rental, instant_t *fire_at, struct err *err) MUST_USE;

#endif
