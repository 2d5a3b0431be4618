/*
 * deploying.h - what the commands that run a deployment share: adoption, the plan shown, the question, the budget, the
 * run, its bookings and its statement.
 */
#ifndef SCHEDULER_DEPLOYING_H
#define SCHEDULER_DEPLOYING_H

#include "scheduler/report.h"
#include "scheduler/site.h"

struct deploying {
    struct site *site;
    cJSON *document;      /* --json: filled, printed by the caller; else NULL */
    const char *override; /* the reason to go over a hard budget; NULL: none */
    bool dry_run, yes;
};

/* const char *: the reason of --override, which is one: EXIT_INPUT for nothing but blanks, or more than 1000 bytes. */
opt_set deploying_opt_reason;

/* Finishes what an earlier run began, or what the tags tell where the store knows nothing. 0: go on; else the exit
 * code. */
int deploying_adopt(const struct deploying *d, struct err *err) MUST_USE;
#define DEPLOYING_OVERTAKEN 1004 /* beside the exit codes: another run deployed since this was decided; decide anew */

/* Plan, question, budget, run, statement. The exit code. */
int deploying_run(const struct deploying *d, const struct pipeline_order *order, struct err *err) MUST_USE;
/* Books what AWS shows of the environment's instances: when those that drained at a deployment's end went. What cannot
 * be booked is said. */
void deploying_follow(const struct deploying *d);
/* Books a run that has ended and prints its statement. */
void deploying_tell(const struct deploying *d, const struct deployment *record);

#endif
