/*
 * study.h - how far policies are from the clairvoyant optimum, on histories: the figures of docs/study.md.
 *
 * One history, one set of terms: the policy learns from the first half and is measured on the second. Costs are money
 * and waiting of the second half's commits, and the optimum is theirs.
 */
#ifndef TESTS_STUDY_H
#define TESTS_STUDY_H

#include "scheduler/outlook.h"

struct study_history {
    char name[80];
    instant_t *at_s;    /* ascending; owned */
    size_t count, half; /* commits before half are learned from */
    instant_t middle, end;
};

/* The last three years, cut in two; arrivals are rounded up to round_s. False: too few commits. */
bool study_cut(struct study_history *h, const instant_t *at_s, size_t count, int64_t round_s);
void study_release(struct study_history *h);

double study_policy(const struct study_history *h, const struct policy *p, const struct terms *t);
/* The same, and how the deciding took: ns a decision, s for fit and solve. */
double study_timed(const struct study_history *h, const struct policy *p, const struct terms *t, double *ns_a_decision,
                   double *fit_s);
/* On several histories that have the first half in common: learned from once. */
void study_each(const struct study_history *h, size_t count, const struct policy *p, const struct terms *t,
                double *cost);
/* Cost of the best argument on the first half, measured on the second. args in the trigger's units. */
double study_tuned(const struct study_history *h, struct policy p, const struct terms *t, const int64_t *args,
                   size_t count);
double study_optimum(const struct study_history *h, const struct terms *t, int64_t grid_s);
/* A history drawn from the model that the first half gives, as long as the second. */
void study_draw(struct study_history *out, const struct study_history *h, uint32_t seed);

#endif
