/*
 * support_pipeline.h - the pipeline in a test: a configuration, a modelled cloud, runners that die at a chosen point,
 * and what must hold afterwards.
 *
 * A runner dies by its n-th call to the cloud or its n-th write to the store, before or after it took effect; from then
 * on neither answers it. Another runner has the same store, or none.
 */
#ifndef TESTS_SUPPORT_PIPELINE_H
#define TESTS_SUPPORT_PIPELINE_H

#include "billing/ledger.h"
#include "sim/rehearsal.h"

enum death { DEATH_NONE, DEATH_BEFORE_CALL, DEATH_IN_CALL, DEATH_BEFORE_WRITE, DEATH_AFTER_WRITE };

/* Another runner: the same machine again; another one with the store, without the folder; another one with nothing. */
enum runner { RUNNER_SAME, RUNNER_JOURNAL, RUNNER_TAGS, RUNNERS };

#define STAGE_SITES_MAX     4096
#define STAGE_INSTANCES_MAX 512

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
    /* What each call and each write was: "RunInstances", "RunInstances+2". NULL: nobody asks. */
    struct stage_sites {
        char calls[STAGE_SITES_MAX][64], writes[STAGE_SITES_MAX][72];
        size_t call_count, write_count, since_call;
    } * sites;
    struct stage_instance {
        char id[24], image[24];
    } instances[STAGE_INSTANCES_MAX]; /* that ever ran */
    size_t instance_count;
    int (*inner_call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);
    enum guest_outcome (*inner_guest)(void *, const struct guest_request *, struct guest_reply *, struct err *);
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
    bool two;                /* a second environment, "production", after "test" */
    bool throttle;           /* too many calls are refused */
    bool tokens_required;    /* the accounts ask for metadata tokens */
    int64_t instance_limit;  /* of the account; 0: many */
    /* What is to be changed about a policy before it is in force (sim/rehearsal.h). */
    void (*edit_policy)(void *context, enum permission_role role, cJSON *policy);
    void *edit_context;
};

void stage_open(struct stage *s, const struct stage_options *options);
void stage_close(struct stage *s);

/* The present runner dies at its n-th call or write, counted from now. */
void stage_kill(struct stage *s, enum death death, int64_t n);
bool stage_dead(const struct stage *s);
/* Another runner: on another machine (another folder), with the store or without. */
void stage_next_runner(struct stage *s, const char *holder, bool with_store);
void stage_runner(struct stage *s, enum runner runner);
/* Which environment is worked on and looked at from now on. */
void stage_environment(struct stage *s, size_t index);
/* From now on the calls and writes are listed there. */
void stage_listen(struct stage *s, struct stage_sites *sites);
/* Time passes. */
void stage_rest(struct stage *s, int64_t seconds);

enum pipeline_end stage_deploy(struct stage *s, const char *commit);
/* Finishes what is unfinished, waiting for the lease; without a record of anything: recovery from tags, then commit. */
enum pipeline_end stage_finish(struct stage *s, const char *commit);

/* On the ledger: the deployment that was made last, its estimate and what it used, and what is there of the group. */
void stage_book(struct stage *s, struct ledger *ledger);

/* The image of a completed deployment again, in the environment that is worked on: kind rollback or promote. */
enum pipeline_end stage_again(struct stage *s, const char *kind, const struct deployment *target);
/* Resumes, waiting for the lease: *found whether there was something to be resumed. */
enum pipeline_end stage_resume(struct stage *s, bool *found);
/* By tags: the group as its template says, and what nobody needs removed. */
enum pipeline_end stage_recover(struct stage *s);

/* A client of its own, which neither dies nor meets faults. */
struct stage_eyes {
    struct cloud_transport transport;
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
};
void stage_eyes_open(struct stage_eyes *e, struct stage *s);
void stage_eyes_close(struct stage_eyes *e);

/* From now on the group serves behind a load balancer, which asks for /health at port 8080. */
void stage_balance(struct stage *s);

/* Billed seconds of all instances that ever ran that image, from the cloud's own meter; what runs counts up to now. */
int64_t stage_billed_s(struct stage *s, const char *image);

struct fault_set *stage_faults(uint32_t seed, const char *rules);
/* Rules: no instance of the second deployment becomes healthy; but the first: the canary, or what is proven first. */
#define STAGE_STORM        STAGE_STORM_OF("")
#define STAGE_STORM_INSIDE STAGE_STORM_OF(", \"from\": 2")
#define STAGE_STORM_OF(which)                                                                                          \
    "{\"faults\": [{\"action\": \"boot\", \"match\": \"bakehour:deployment=2 bakehour:role=service\", \"fault\": "     \
    "\"unhealthy\"" which "}]}"

/* What must hold when a deployment is over: no orphans; so many completed; the group whole, healthy and on one image,
 * which its template names, at the size and maximum it had. Fails the test with what is wrong. */
void stage_holds(struct stage *s, int64_t completed, const char *where);
/* The image that the group's template names, and how many of its members run it. */
void stage_group(struct stage *s, char image[40], int64_t *members, int64_t *desired, int64_t *max);

#endif
