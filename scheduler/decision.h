/*
 * decision.h - does the policy say now? The pure functions of policy.h over what waits on the branch.
 *
 * Pending: the commits of the branch that the last completed deployment does not have. The pipeline is free when the
 * last one ended. A trigger that learns is told the branch's whole history and the deployments that the store knows
 * (recall.h), and decides as a replay of them would. A commit whose time lies in the future has arrived now.
 *
 * Ownership: a struct decision is a value. Errors: git's, the store's.
 */
#ifndef SCHEDULER_DECISION_H
#define SCHEDULER_DECISION_H

#include "scheduler/git.h"
#include "scheduler/pipeline.h"
#include "scheduler/recall.h"

enum decision_kind { DECIDE_DEPLOY, DECIDE_WAIT, DECIDE_NOTHING };

struct decision {
    enum decision_kind kind;
    char commit[GIT_COMMIT_SIZE]; /* to deploy */
    int64_t commits;              /* that go out with it */
    int64_t pending;
    bool standing; /* it follows from what was deployed: the last deployment has the number `last` (0: none) */
    int64_t last;
    int64_t at_s; /* WAIT: when to come back; POLICY_NEVER: when another commit arrives */
    char why[160];
};

/* recall: what a trigger that learns was told before, for one who decides again and again; or NULL. */
int decide(struct decision *out, const struct pipeline_world *w, bool now, struct recall *recall,
           struct err *err) MUST_USE;
/* A commit that was asked for by name. */
int decide_commit(struct decision *out, const struct pipeline_world *w, const char *revision, struct err *err) MUST_USE;

#endif
