/*
 * doctor.h - what would go wrong with a first deployment, found before it: each finding with its remedy.
 *
 * Only looks and dry runs: nothing is changed. EC2 says of each changing call whether it would be allowed (DryRun): a
 * finding for each permission. Where the policy goes by tags and nothing carries the project's yet, EC2 cannot say, and
 * so the finding does; the other services know no dry run at all.
 *
 *   doctor.c          credentials and clock, image and type, metadata, the group, the network, this machine
 *   doctor_rights.c   permissions one by one
 *   doctor_account.c  quotas, encryption by default and keys
 *
 * Ownership: findings and their texts live in the arena. Errors: none; what cannot be found out is a finding.
 * Cost: some forty calls.
 */
#ifndef SCHEDULER_DOCTOR_H
#define SCHEDULER_DOCTOR_H

#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/state.h"

enum finding_state { FINDING_OK, FINDING_WARNING, FINDING_PROBLEM, FINDING_UNKNOWN, FINDING_STATES };

struct finding {
    const char *name; /* "permissions" */
    enum finding_state state;
    const char *detail, *remedy; /* remedy "" where nothing is to be done */
};

struct doctor {
    struct cloud *bake, *site; /* where images are baked; where the environment is (may be the same) */
    const struct config *config;
    const struct config_environment *environment;
    const struct state *state;
    struct arena *arena;
    struct finding *items;
    size_t count, cap; /* items by mem_grow: the caller frees them */
    bool no_identity;  /* AWS does not answer us: the rest is not asked */
    /* What was found out on the way. */
    const char *account;
    struct image *base;            /* NULL: not available */
    struct group group;            /* name NULL: there is none */
    struct launch_spec group_spec; /* what its template says; image NULL: not known */
};

void doctor_look(struct doctor *d);
size_t doctor_count(const struct doctor *d, enum finding_state state);
const char *finding_state_name(enum finding_state state); /* "ok", "warning", "problem", "unknown" */

#endif
