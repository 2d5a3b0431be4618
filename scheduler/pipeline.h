/*
 * pipeline.h - from a commit to a rolled-out image: the step graph, driven by events, resumable at any point.
 *
 * Every step is a function from what the journal knows and what the cloud shows to the next thing to do; it never
 * waits by itself, but says when to look again. The executor asks every step that may work, then sleeps (over the
 * transport's clock) until the first of them is due. So steps overlap, in virtual time as in real time, and a run that
 * was killed goes on with the same code: pipeline_resume is pipeline_run on an old journal.
 *
 *      begin --> steps --> verdict (completed | rolled-back | capped | failed | broken) --> closing --> end
 *
 * Numbered invariants:
 *   1. Each call that changes something stands between an intent and an outcome (journal.h).
 *   2. An image is registered only after its tests have passed; the group's template names no image that the rollout
 *      has not proven (engines attach and refresh).
 *   3. A verdict is written once. After it nothing is done but closing: what the run leaves behind is found by tag and
 *      removed, the bake instance is kept or ended, the record is finished and the lease returned, in one transaction.
 *   4. A deployment is pinned: one commit, one artifact digest, one image.
 *
 * Ownership: a world and what it points to outlive the runs in it. Units: seconds, milliseconds where said, money.
 * Errors: enum pipeline_end says how it ended; err says why where it is not PIPELINE_COMPLETED.
 */
#ifndef SCHEDULER_PIPELINE_H
#define SCHEDULER_PIPELINE_H

#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/deployment.h"
#include "scheduler/graph.h"
#include "scheduler/jobs.h"
#include "scheduler/pricing.h"
#include "scheduler/state.h"

/* Something happened that people or sinks may want to know. detail: a document without secrets, or NULL; not kept. */
typedef void pipeline_event(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail);

struct pipeline_world {
    const struct config *config;
    const struct config_environment *environment;
    const struct state *state;
    struct transport *transport;
    struct retry *retry;
    struct transport *site_transport; /* of the environment's account, where that is another one; NULL: the same */
    struct retry *site_retry;
    struct jobs *jobs;
    const char *holder;            /* of the lease */
    const char *work;              /* the folder for checkouts and logs */
    const struct catalog *catalog; /* NULL: the sample */
    const char *account;           /* for the ledger; "" */
    struct durations expected;     /* what waits are planned by */
    int64_t fails_permille;        /* of builds and tests, as the past has it; 0: of a project without one */
    bool detach;                   /* leave once only the image is awaited */
    int64_t speed;                 /* of a twin: what AWS and a guest do by themselves they do so much faster; 0: 1 */
    pipeline_event *event;         /* NULL: nobody listens */
    void *event_context;
};

enum pipeline_end {
    PIPELINE_COMPLETED,
    PIPELINE_ROLLED_BACK,
    PIPELINE_CAPPED,
    PIPELINE_FAILED,
    PIPELINE_BROKEN,    /* rollback itself failed */
    PIPELINE_STOPPED,   /* asked to stop: journalled, `resume` goes on */
    PIPELINE_BUSY,      /* another run has the lease */
    PIPELINE_OVERTAKEN, /* another run deployed since this was decided: nothing was begun, decide anew */
    PIPELINE_LOST,      /* the journal cannot be written, or the lease was lost: another run goes on */
};

int pipeline_exit_code(enum pipeline_end end);

struct pipeline_order {
    const char *kind;   /* deploy, rollback, promote */
    const char *commit; /* full id */
    int64_t commits;    /* that wait and go out with it */
    /* It was decided when `last` was the number of the last deployment (0: none), and stands only while it is. */
    bool standing;
    int64_t last;
    /* rollback and promote: an image that exists. */
    const char *image, *image_name, *sha256, *bake_key, *source;
    /* Called under the lease, just before the deployment's record is made, so that the next number is known; NULL:
     * nothing is. Not 0: it failed, and nothing is begun. */
    int (*beginning)(void *context, struct err *err);
    void *context;
};

/* What a deployment would do and cost, from describe calls alone. */
struct pipeline_estimate {
    struct rates rates;
    struct used used;
    struct costs costs;
    struct used original_used;
    struct costs original;
    struct durations expected;
    unsigned skipped, path; /* bits of steps: taking no time; on the critical path */
    int64_t ends[STEPS];
    int64_t critical_s, serial_s;
    int64_t group, waves; /* instances of the group; waves of the rollout, of so many at once */
    int64_t surge;
    int64_t cap_attempts, cap_s; /* the storm cap: failed launches, and their instance-seconds at the worst */
    money_t cap;
    int64_t
        worst_s; /* instance-seconds of a broken image where the runner dies at the worst moment; INT64_MAX: no end */
    char worst[512]; /* what a dead runner could cost at worst, in words */
    bool bake_reused;
    const char *reset; /* how the kept instance would be made clean, "files" or "root-volume"; NULL: none is used */
    money_t reset_files, reset_root; /* what the bake costs on it either way */
    bool boots_late;                 /* a boot beside the build is not worth its risk */
};

int pipeline_estimate(const struct pipeline_world *w, const struct pipeline_order *order, struct pipeline_estimate *out,
                      struct err *err) MUST_USE;

/* Runs it. out is the record at the end, as far as it got. */
enum pipeline_end pipeline_run(const struct pipeline_world *w, const struct pipeline_order *order,
                               struct deployment *out, struct err *err);
/* Finishes the run that is not finished, if there is one (*found). */
enum pipeline_end pipeline_resume(const struct pipeline_world *w, bool *found, struct deployment *out, struct err *err);
/* Where the store knows nothing of the environment: brings the group back to what its template says, and removes what
 * carries the environment's tags and belongs to nobody. */
enum pipeline_end pipeline_recover(const struct pipeline_world *w, bool *found, struct err *err);

#endif
