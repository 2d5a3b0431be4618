/*
 * jobs_model.h - checkout, tests and build in virtual time, as long as a calibration says.
 *
 * Modelled: nothing runs; a build leaves an artifact that the modelled guest understands (guest.h: a text that begins
 * "#!bakehour-app"), made by `artifact`. Real: the commands do run, as jobs.h runs them, and are waited for in real
 * time at the virtual instant at which the calibration has them end.
 *
 * Ownership: a struct jobs_model is its caller's from _open to _close; what it points to outlives it.
 */
#ifndef SIM_JOBS_MODEL_H
#define SIM_JOBS_MODEL_H

#include "base/str.h"
#include "scheduler/graph.h"
#include "scheduler/jobs.h"
#include "scheduler/transport.h"

struct jobs_model {
    struct jobs jobs; /* what the pipeline is given */
    const struct transport *clock;
    struct durations durations;
    const char *artifact_name; /* relative to the checkout: "app.jar" */
    /* What the build of a commit leaves; NULL: a line with the commit. */
    void (*artifact)(void *context, const char *commit, struct str *out);
    /* Whether a job of a commit fails; NULL: none does. */
    bool (*fails)(void *context, enum job_kind kind, const char *commit);
    void *context;
    bool real;
    struct jobs real_jobs;
    struct jobs_real *real_self;
    struct modelled_job {
        bool running;
        bool fails;
        int64_t due_ms;
        enum job_state state;
    } running[JOB_KINDS];
};

void jobs_model_open(struct jobs_model *m, const struct transport *clock, const struct durations *durations);
void jobs_model_close(struct jobs_model *m);

#endif
