/*
 * risks.h - what can go wrong in a deployment, and the draws that say when it does.
 *
 * Each commit is a culprit with its own probability: a batch of b fails with 1-(1-p)^b. All else goes wrong once for
 * each attempt, whatever is in it, and is drawn by the oldest commit of the batch and the number of the attempt. So
 * the draws are keyed by (seed, replication) and (commit, purpose): the same whatever the policy or the thread.
 *
 * A struct risks is the caller's, risks_init .. risks_release; reusable. Memory: about 21 bytes a commit.
 * Cost: 4 to 8 ns a commit for risks_draw.
 */
#ifndef SIM_RISKS_H
#define SIM_RISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/money.h"

#define RISK_CERTAIN ((uint64_t)1 << 32) /* probabilities are counted in 2^-32 */

enum on_fail { ON_FAIL_BISECT, ON_FAIL_REVERT };

struct failures {
    bool any;
    uint64_t culprit; /* of a commit: it breaks the deployment that it is in */
    uint64_t caught;  /* of a culprit: the tests find it; else the smoke test does, in production */
    uint64_t build;   /* of an attempt: build or tests fail by themselves */
    uint64_t bake;    /* of a launch: the bake instance does not come up */
    uint64_t boot;    /* of an image: it does not boot in the group, which retries it: a storm */
    uint64_t smoke;   /* of a rollout: the smoke test fails by itself */
    enum on_fail on_fail;
    int64_t bake_tries;    /* launches of a bake instance before the attempt is given up */
    int64_t detect_s;      /* from the end of a rollout to the smoke test's verdict, where it is bad */
    int64_t rollback_s;    /* to the last good version */
    int64_t storm_cycle_s; /* from one launch of a broken image to the next */
    int64_t storm_cap;     /* launches a slot before the storm is stopped; 0: nobody stops it for night_s */
    money_t storm_usd;     /* or when it has cost so much; 0: no such cap */
    int64_t night_s;
};

enum { RISK_CULPRIT = 1, RISK_CAUGHT = 2, RISK_BUILD = 4, RISK_BAKE = 8, RISK_BOOT = 16, RISK_SMOKE = 32 };

struct risks {
    uint32_t seed, replication;
    struct failures failures;
    uint8_t *bits;    /* by commit: RISK_*; of its first attempt as the oldest in a batch */
    size_t *culprits; /* ascending */
    size_t count, culprit_count;
    size_t bits_cap, culprit_cap;
};

void risks_init(struct risks *r);
void risks_release(struct risks *r);
void risks_draw(struct risks *r, const struct failures *f, uint32_t seed, uint32_t replication, size_t commits);

/* The draws of a later attempt (from 1) of the batch whose oldest commit this is: RISK_BUILD .. RISK_SMOKE. */
unsigned risks_again(const struct risks *r, size_t commit, uint32_t attempt);
/* Whether launch number `launch` (from 1) of a bake instance in this attempt fails too. */
bool risks_launch_fails(const struct risks *r, size_t commit, uint32_t attempt, uint32_t launch);

#endif
