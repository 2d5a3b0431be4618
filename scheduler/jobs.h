/*
 * jobs.h - commands that run beside the pipeline: checkout, tests, build. An interface, so that a rehearsal can run
 * them in virtual time.
 *
 * The real ones are child processes in process groups of their own, without a terminal, their output in a log file.
 * Jobs that are stopped, or whose struct jobs is freed, are ended with their whole groups: SIGTERM, then SIGKILL after
 * 1 s, all at the same time. A parent killed with -9 leaves its jobs behind; they write only into the run's own folder.
 *
 * Jobs run what the repository says, so they do not see what lets us change the cloud: no variable AWS_... (but region
 * and authorities), none by which a CI system gives out tokens, and none that holds a sink's address or token, unless
 * build.keep_env names it. AWS_EC2_METADATA_DISABLED is set, so that an SDK does not take the runner's own role.
 *
 * Ownership: struct jobs is the caller's from jobs_open to jobs_close. Errors: only starting can fail.
 */
#ifndef SCHEDULER_JOBS_H
#define SCHEDULER_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/config.h"

enum job_kind { JOB_PULL, JOB_TEST, JOB_BUILD, JOB_KINDS };
enum job_state { JOB_IDLE, JOB_RUNNING, JOB_PASSED, JOB_FAILED };

struct job_order {
    enum job_kind kind;
    const char *const *argv; /* ended by NULL */
    const char *directory;   /* NULL: where we are */
    const char *log;         /* where its output goes */
    const char *commit;      /* for models */
};

/* One job of each kind at a time. */
struct jobs {
    void *self;
    int (*start)(void *self, const struct job_order *order, struct err *err);
    enum job_state (*look)(void *self, enum job_kind kind, int *status /* of waitpid */);
    void (*stop)(void *self, unsigned kinds /* bits: 1U << JOB_TEST */);
    int64_t (*due_ms)(void *self, enum job_kind kind); /* when it will end, where that is known; else 0 */
};

struct jobs_real;

/* c outlives them; NULL: nothing is kept, and no sink has secrets. */
void jobs_open(struct jobs *jobs, struct jobs_real **self, const struct config *c);
void jobs_close(struct jobs_real *self); /* ends what still runs */

/* "exit status 2", "signal 9". */
void job_status_text(int status, char to[32]);

#endif
