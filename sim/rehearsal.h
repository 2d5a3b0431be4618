/*
 * rehearsal.h - the real pipeline against the modelled cloud, in one process and in virtual time.
 *
 *      configuration, calibration, faults
 *                  |
 *      struct rehearsal = modelled cloud + in-process transport + modelled jobs + store in memory
 *                  |
 *      pipeline_run, pipeline_resume, ... as in production
 *
 * All calls are held to the policies that `config iam` prints for this configuration, resources and conditions included
 * (simcloud_grant): what they lack is refused as AWS refuses it, and fails the rehearsal.
 *
 * The store may also be the caller's (state.backend set), so that a second rehearsal over the same cloud stands for
 * another machine with the same journal. A kill is the transport's (kill_after) or the store's.
 *
 * Ownership: rehearsal_open .. rehearsal_close; configuration and faults are the caller's and outlive it.
 */
#ifndef SIM_REHEARSAL_H
#define SIM_REHEARSAL_H

#include "scheduler/permissions.h"
#include "scheduler/pipeline.h"
#include "sim/calibration.h"
#include "sim/cloud.h"
#include "sim/cloud_transport.h"
#include "sim/jobs_model.h"

struct rehearsal_options {
    uint32_t seed;
    const struct config *config;
    const struct config_environment *environment;
    const struct calibration *calibration;
    struct fault_set *faults; /* NULL: none */
    int64_t group;            /* instances of each environment's group; 0: two */
    int64_t artifact_bytes;   /* of a typical artifact: gives the upload its time; 0: the modelled one's 61 */
    int64_t lag_ms;           /* reads lag writes by up to so much */
    const char *work;         /* the folder for checkouts */
    bool real_jobs, check;
    bool encrypt_default;        /* the accounts encrypt by default */
    bool tokens_required;        /* and ask for metadata tokens */
    int64_t instance_limit;      /* running instances of an account in a region; 0: many */
    bool throttle;               /* token buckets, as AWS has them */
    struct simcloud_hooks hooks; /* of the cloud */
    pipeline_event *event;
    void *event_context;
    /* For tests: what is to be changed about a policy before it is in force; NULL: nothing. */
    void (*edit_policy)(void *context, enum permission_role role, cJSON *policy);
    void *edit_context;
};

struct rehearsal {
    struct rehearsal_options options;
    struct simcloud *cloud;
    struct cloud_transport transport;
    struct retry retry;
    struct jobs_model jobs;
    struct state state;
    bool own_state;
    struct pipeline_world world; /* to be handed to pipeline_* */
};

struct durations durations_of(const struct calibration *c); /* what is missing: the original's */

int rehearsal_open(struct rehearsal *r, const struct rehearsal_options *options, struct err *err) MUST_USE;
void rehearsal_close(struct rehearsal *r);
/* After a change of the configuration: all policies are made again from it, and those that tests added are gone. */
int rehearsal_grant_again(struct rehearsal *r, struct err *err) MUST_USE;
/* The role's policy, made from the configuration, for a user or a role of that name in that account: for tests with
 * further accounts. rehearsal_open grants the runner's and the dead-man's. */
int rehearsal_grant(struct rehearsal *r, enum permission_role role, const char *account, const char *principal,
                    struct err *err) MUST_USE;
/* Another process on another machine: new jobs, a fresh retry quota, the same cloud; store NULL: a new empty one. */
void rehearsal_replace_runner(struct rehearsal *r, struct state *store, const char *holder);

/* What is left that no environment needs: instances that are neither members of a group nor kept, images that no
 * deployment that is kept has, snapshots without image, volumes without instance. Read from the cloud's own state, not
 * by the pipeline's clean-up. names, where not NULL, gets them. */
size_t rehearsal_orphans(struct rehearsal *r, struct str *names);

#endif
