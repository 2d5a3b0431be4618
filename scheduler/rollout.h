/*
 * rollout.h - a group gets a new image, in waves, capped, and back again where it does not work.
 *
 * The engine is a function from the journal's facts ("rollout.*") and what describe calls show to the next action:
 * rollout_advance does what can be done now and says when to look again. So any process can go on where another died.
 *
 *      order --advance--> WAIT --advance--> ... DONE | ROLLED_BACK | CAPPED | BROKEN
 *
 * Numbered invariants:
 *   1. Engines attach and refresh: the group's template never names an image that is not proven.
 *   2. What lives outside the group carries the run's tags from birth and an expiry that AWS holds, where permitted:
 *      armed before the launch, taken off after the attachment (deadman.h).
 *   3. Failed launches never exceed cap_attempts, nor their instance-seconds cap_instance_s, both printed before.
 *   4. ROLLED_BACK and CAPPED leave the group at its size, healthy, on image_good, verified; nothing outside it.
 *   5. Healthy members are never fewer than the share of the desired count, as far as it is up to us.
 *   6. Before desired or maximum are raised, the group itself is tagged with both (bakehour:desired, bakehour:max).
 *
 * Facts for the statement: rollout.began_ms, rollout.ended_ms, rollout.waves, rollout.launched, rollout.attempts
 * (failed launches), rollout.failed_s (their instance-seconds), rollout.beside_s (seconds that old and new ran side by
 * side), rollout.delay_s (how long the group's load balancers let connections drain), and of the old ones that were let
 * go: rollout.left_s (paid seconds that they had left), rollout.draining_s (billed for draining), rollout.drained_ms
 * (when the last is gone at the latest).
 *
 * Ownership: an order and its texts are the caller's, and outlive the call. Units: seconds, unix milliseconds.
 */
#ifndef SCHEDULER_ROLLOUT_H
#define SCHEDULER_ROLLOUT_H

#include "billing/regime.h"
#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/deadman.h"
#include "scheduler/journal.h"

enum rollout_result {
    ROLLOUT_WAIT,
    ROLLOUT_DONE,
    ROLLOUT_ROLLED_BACK,
    ROLLOUT_CAPPED,
    ROLLOUT_BROKEN, /* the rollback failed: a person is needed; err says what stands where */
    ROLLOUT_STOP,   /* killed, asked to stop, journal or lease lost: leave at once */
};

struct rollout_order {
    struct cloud *cloud;
    struct journal *journal;
    const struct config *config;                  /* osv, network, image.artifact_path */
    const struct config_environment *environment; /* group, engine, surge, shares, limits, smoke tests, storm */
    bool configuration;                           /* launch configuration instead of launch template */
    const char *template_id;                      /* of the group's launch template */
    const char *version_new, *version_good;       /* numbers, or names of launch configurations */
    const char *image_new, *image_good;
    const char *sha256;     /* of the artifact: checked on the canary; "" where it is not known */
    const char *signature;  /* and its signature, where config->signing wants one */
    const struct tag *tags; /* for everything launched, from birth */
    size_t tag_count;
    int64_t cap_attempts, cap_instance_s;
    enum regime regime;
    int64_t boot_s, wave_s; /* expected: when to look first */
};

struct rollout_plan {
    int64_t group; /* instances */
    int64_t waves, surge;
    int64_t raised_max; /* what the maximum is raised to for the time being; 0: it has room */
    int64_t cap_attempts, cap_instance_s;
    bool dead_man;            /* AWS itself ends what a dead runner leaves outside the group */
    int64_t worst_instance_s; /* of broken instances when the runner dies at the worst moment and never returns */
    char worst[512];          /* the same in words */
};

/* What a rollout takes beside its waves. A canary that boots before the others of its wave do: with refresh always (it
 * is let go again), with attach where it is to be alone (with step it is a wave of its own then). With refresh the end
 * of the last old instance (end_s) too: AWS calls a refresh over only then. */
int64_t rollout_beside_waves_s(const struct config_environment *e, int64_t group, int64_t boot_s, int64_t end_s);
/* How many an instance refresh replaces at once: what may be missing; or, where all must be healthy, the surge (0:
 * room, what the group's maximum has above its desired count). */
int64_t rollout_refresh_size(const struct config_environment *e, int64_t group, int64_t room);
/* How many a wave launches beside a group of that desired count and maximum: what is configured, as far as the maximum
 * has room for it; with refresh what rollout_refresh_size says. */
int64_t rollout_surge(const struct config_environment *e, int64_t desired, int64_t max);

/* How long an instance that leaves the group drains at most: the longest of its target groups' deregistration delays,
 * as AWS says; 0 without a load balancer. -1 with the error of the call. */
int rollout_delay(struct cloud *c, const struct group *g, int64_t *seconds, struct aws_error *error) MUST_USE;

/* From describe calls alone. -1 with the error of the call. */
int rollout_plan(const struct rollout_order *order, struct rollout_plan *out, struct err *err) MUST_USE;

enum rollout_result rollout_advance(const struct rollout_order *order, int64_t *again_ms, struct err *err);

/* From now on rollout_advance goes back to the good image, once more where the way back had failed; why is kept and
 * reported. Nothing is called yet. */
int rollout_restore(const struct rollout_order *order, const char *why, struct err *err) MUST_USE;

/* Where no journal tells: restores what the group's own tags (bakehour:desired, bakehour:max) say and replaces members
 * of another image than its template's. *found: there was something to do; WAIT, DONE, BROKEN or STOP. */
enum rollout_result rollout_recover(const struct rollout_order *order, bool *found, int64_t *again_ms, struct err *err);

/* What a change of the group asks for, as the token of its intent: "desired=4 max=8 version=12", -1 and nothing for
 * what stays as it is (late.h reads it). */
const char *rollout_asks(struct arena *arena, const struct group_change *change);

#endif
