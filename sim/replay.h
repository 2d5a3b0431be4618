/*
 * replay.h - one policy over one history, in closed form: the serial model.
 *
 *   arrivals    |  | |      |
 *   pipeline         s--prepare--[boot]--bake--rollout--f        the next start is not before f
 *   instance            begin----------------busy_until...kept_until
 *
 * All of a replay follows from when each deployment started and whether it launched an instance; both are packed into
 * one int64 a deployment (struct replay: start). What was billed and what else it cost is worked out from these in
 * cost.h. The decisions are scheduler/policy.h's.
 *
 * Ownership: struct replay is the caller's, replay_init .. replay_release, and may be used for one policy after the
 * other (its arrays are kept). Memory: 16 bytes a commit here, 8 in the history, 8 more with push_gap_s.
 * Cost: O(commits), no allocation after the first run.
 * Invariants: starts ascend by at least the time a deployment takes; every commit is in exactly one deployment.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/policy.h"
#include "sim/mishap.h"

/* Commits as the pipeline sees them. */
struct commits {
    const int64_t *arrival_s; /* ascending; a commit's own arrival: waiting and lead time count from it */
    const int64_t *ready_s;   /* ascending; when its push arrived; the same array where pushes are not merged */
    size_t count;
};

struct replay_month {
    int month; /* of the deployments' starts, see calendar.h */
    int64_t commits, deployments;
    int128 waiting_s, lead_s;
};

struct replay {
    size_t commits, deployments;
    int64_t *start;  /* by deployment: start in unix seconds * 2 + whether it launched an instance */
    int64_t *lead_s; /* by commit */
    int64_t launches;
    int128 waiting_s, lead_sum_s;
    struct replay_month *months; /* ascending, those with a deployment */
    size_t month_count;
    size_t start_cap, lead_cap, month_cap;
    bool troubled; /* by attempts.h: mishaps hold what went wrong, lead_s the delivered commits only */
    struct mishaps mishaps;
};

void replay_init(struct replay *r);
void replay_release(struct replay *r);

static inline int64_t replay_start_s(const struct replay *r, size_t deployment)
{
    return r->start[deployment] >> 1;
}

static inline bool replay_launched(const struct replay *r, size_t deployment)
{
    return r->start[deployment] & 1;
}

/* When the bake of a deployment ended: the image is there, the rollout begins. */
static inline int64_t replay_baked_s(const struct replay *r, const struct terms *t, size_t deployment)
{
    return replay_start_s(r, deployment) + t->prepare_s + (replay_launched(r, deployment) ? t->boot_s : 0) + t->bake_s;
}

/* commits->count > 0. Fails when a threshold is reached only after the year 9999. */
int replay_run(struct replay *r, const struct decider *decider, const struct commits *commits,
               struct err *err) MUST_USE;

/* ready_s (as long as arrival_s) for pushes: commits within gap_s of the one before arrive with the last of them. */
void replay_merge_pushes(const int64_t *arrival_s, size_t count, int64_t gap_s, int64_t *ready_s);

#endif
