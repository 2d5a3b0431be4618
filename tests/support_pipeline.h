/*
 * support_pipeline.h - the pipeline in a test: a configuration, a modelled cloud, runners that die at a chosen point,
 * and what must hold afterwards.
 *
 * A runner dies by its n-th call to the cloud or its n-th write to the store, before or after it took effect; from then
 * on neither answers it. Another runner has the same store, or none.
 */
#ifndef TESTS_SUPPORT_PIPELINE_H
#define TESTS_SUPPORT_PIPELINE_H

#include "sim/rehearsal.h"

enum death { DEATH_NONE, DEATH_BEFORE_CALL, DEATH_IN_CALL, DEATH_BEFORE_WRITE, DEATH_AFTER_WRITE };

struct stage {
    struct config *config;
    struct calibration calibration;
    struct rehearsal rehearsal;
    struct state store; /* what the runners are given: counts, and dies */
    struct state inner; /* what it stands before */
    int64_t writes, die_at;
    enum death death;
    char work[64];
    struct deployment record;
    struct err err;
    bool loud;
};

struct stage_options {
    const char *more;        /* keys for the end of the configuration: ", \"policy\": {...}" */
    const char *environment; /* keys for the environment */
    const char *image;       /* keys for the image */
    struct fault_set *faults;
    uint32_t seed;
    int64_t group, lag_ms;
    bool encrypt_default;    /* by the accounts themselves */
    bool quick_command_line; /* it takes no time */
};

void stage_open(struct stage *s, const struct stage_options *options);
void stage_close(struct stage *s);

/* The present runner dies at its n-th call or write, counted from now. */
void stage_kill(struct stage *s, enum death death, int64_t n);
bool stage_dead(const struct stage *s);
/* Another runner: on another machine (another folder), with the store or without. */
void stage_next_runner(struct stage *s, const char *holder, bool with_store);

enum pipeline_end stage_deploy(struct stage *s, const char *commit);
/* Finishes what is unfinished, waiting for the lease; without a record of anything: recovery from tags, then commit. */
enum pipeline_end stage_finish(struct stage *s, const char *commit);

/* What must hold when a deployment is over: no orphans; so many completed; the group whole, healthy and on one image,
 * which its template names, at the size and maximum it had. Fails the test with what is wrong. */
void stage_holds(struct stage *s, int64_t completed, const char *where);
/* The image that the group's template names, and how many of its members run it. */
void stage_group(struct stage *s, char image[40], int64_t *members, int64_t *desired, int64_t *max);

#endif
