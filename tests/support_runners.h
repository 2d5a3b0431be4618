/*
 * support_runners.h - what tests of faults and seeds share: which actions a deployment calls, faults in words, an
 * environment put in order again, and a second runner that is alive beside a paused one.
 */
#ifndef TESTS_SUPPORT_RUNNERS_H
#define TESTS_SUPPORT_RUNNERS_H

#include "tests/support_pipeline.h"

#define STAGE_ACTIONS_MAX 64

/* Every AWS action and every kind of request to an instance ("guest:GET /os*") of two deployments of a stage with these
 * options, in the order of their first use. */
struct stage_actions {
    char names[STAGE_ACTIONS_MAX][64];
    size_t count;
};
void stage_actions(struct stage_actions *out, const struct stage_options *options);

/* The classes of fault, and when they strike, as texts of a fault file. */
extern const char *const stage_fault_kinds[];
extern const size_t stage_fault_kind_count;
void stage_add_fault(struct fault_set *set, const char *action, const char *kind, const char *when);
void stage_clear_faults(struct fault_set *set);

/* Without faults: what is unfinished is finished, what was left is collected; then everything must hold. */
void stage_heal(struct stage *s, struct fault_set *set, const char *where);

/* At the n-th call (from now) of the present runner, or the first look after it, another one tries its hand with the
 * same store. between: it stands still at a change, after it looked at its lease and before the call, which must not be
 * sent any more then. pause_s: so long the first one stands still before that; once its lease is over the other one
 * finishes what it finds, or deploys the commit, and the first one goes on with what it has seen before. */
struct stage_rival {
    struct stage *stage;
    int64_t calls, at, pause_s;
    const char *commit;
    bool between;
    bool came, sent; /* sent: what was called after the pause was carried out */
    enum pipeline_end end;
    struct err err;
};
void stage_rival(struct stage *s, struct stage_rival *rival);
/* The rival goes; the first runner's calls are its own again. */
void stage_rival_end(struct stage *s);

#endif
