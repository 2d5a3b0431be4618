/*
 * rehearsal.h - the real pipeline against the modelled cloud, in one process and in virtual time.
 *
 *      configuration, calibration, faults
 *                  |
 *      struct rehearsal = modelled cloud + in-process transport + modelled jobs + store in memory
 *                  |
 *      pipeline_run, pipeline_resume, ... as in production
 *
 * The store may also be the caller's (state.backend set), so that a second rehearsal over the same cloud stands for
 * another machine with the same journal. A kill is the transport's (kill_after) or the store's.
 *
 * Ownership: rehearsal_open .. rehearsal_close; configuration and faults are the caller's and outlive it.
 */
#ifndef SIM_REHEARSAL_H
#define SIM_REHEARSAL_H

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
    const char *denied;       /* a call that the policy is to lack all the same; NULL: none */
    bool real_jobs, check;
    bool encrypt_default;        /* the accounts encrypt by default */
    bool throttle;               /* token buckets, as AWS has them */
    struct simcloud_hooks hooks; /* of the cloud */
    pipeline_event *event;
    void *event_context;
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
/* Another process on another machine: new jobs, a fresh retry quota, the same cloud; store NULL: a new empty one. */
void rehearsal_replace_runner(struct rehearsal *r, struct state *store, const char *holder);

/* What is left that no environment needs: instances that are neither members of a group nor kept, images that no
 * deployment that is kept has, snapshots without image, volumes without instance. Read from the cloud's own state, not
 * by the pipeline's clean-up. names, where not NULL, gets them. */
size_t rehearsal_orphans(struct rehearsal *r, struct str *names);

#endif
