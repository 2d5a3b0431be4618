/*
 * foresee.h - deciding by a fitted model: the rules of `sqrt`, `predict` and `mdp`, and the pause in bursts.
 *
 * See outlook.h for what the rules are. A value that points to the model, the table and the decider of its owner. Pure
 * decisions: time, mood, pending commits and the instance in, the second at which to deploy out. Cost: a look at each
 * minute of the paid hour that is left, then at each change of mood, then at each hour of a week at most.
 */
#ifndef SCHEDULER_FORESEE_H
#define SCHEDULER_FORESEE_H

#include "scheduler/arrivals.h"
#include "scheduler/policy_table.h"
#include "scheduler/shadow.h"

#define FORESEE_PENDING 24

struct foresee {
    const struct decider *d;
    const struct arrivals *model;
    const struct policy_table *table; /* NULL: the square-root rule */
    double kappa;
    double commits[ARRIVALS_MOODS];                 /* in a minute that has some */
    bool pauses;                                    /* set by the owner, as table and kappa are */
    bool hold[ARRIVALS_SOONS][FORESEE_PENDING + 1]; /* by stretch since the last commit and pending: worth waiting? */
};

void foresee_init(struct foresee *f, const struct decider *d);
void foresee_fit(struct foresee *f, const struct arrivals *model);
/* No waiting from `ready` on for more than `most` is worth, in 1e-10 USD. */
instant_t foresee_fire_at(const struct foresee *f, const struct arrivals_mood *mood, instant_t ready,
                          const struct pending *p, const struct rental *rental, double most);
/* The same for a shadow whose context is a struct foresee. */
shadow_fire foresee_shadow;

#endif
