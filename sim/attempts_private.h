/*
 * attempts_private.h - the state that attempts.c and attempts_quick.c share. Owned by attempts_run.
 */
#ifndef SIM_ATTEMPTS_PRIVATE_H
#define SIM_ATTEMPTS_PRIVATE_H

#include "sim/attempts.h"
#include "sim/fleet.h"

struct attempts_engine {
    struct replay *out;
    struct mishaps *went;
    const struct decider *d;
    const struct commits *c;
    const struct model *m;
    const struct risks *risks; /* NULL: nothing goes wrong */
    struct fleet *fleet;       /* NULL: rollouts take what they take */

    size_t next;      /* the oldest commit that is neither delivered nor reverted */
    size_t suspects;  /* a culprit is among next .. suspects-1; 0: none is known */
    size_t known;     /* revert: culprits below are known */
    size_t culprit;   /* the first of risks->culprits that is not below next */
    uint32_t attempt; /* of the batch that begins with next */
    bool repaired;    /* its image boots now */
    bool at_once;     /* a failed attempt is tried again without asking the policy */
    int64_t free_at;
    struct rental rental;
    struct replay_month month;
    int64_t month_end;
    size_t delivered;
    size_t told; /* commits that the policy's outlook has heard of */
};

/* Opens the month of a deployment that starts then; the one before goes into the replay's months. */
void attempts_open_month(struct attempts_engine *e, int64_t start_s);

/* Whether attempts_quick knows the policy. */
bool attempts_quick_can(const struct attempts_engine *e);
/* Goes on with deployments in which nothing goes wrong; ends before the first in which something does, or might, and at
 * the history's end. What attempts.c does one by one, in a loop of its own: most deployments go well. */
void attempts_quick(struct attempts_engine *e);

#endif
