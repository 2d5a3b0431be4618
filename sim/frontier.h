/*
 * frontier.h - many policies over one history: which of them is worth having, and which one to take.
 *
 * A policy is dominated when another one is no worse in dollars a month, in p50 and in p95 lead time, and better in
 * one of them, or the same in all and named before it. What no policy dominates is the frontier.
 *
 * Ownership: struct frontier is the caller's, frontier_run .. frontier_release. Cost: one replay a policy.
 */
#ifndef SIM_FRONTIER_H
#define SIM_FRONTIER_H

#include "base/str.h"
#include "sim/outcome.h"
#include "sim/policy_list.h"
#include "sim/scenario.h"

struct frontier_point {
    struct outcome outcome;
    money_t per_month;
    bool dominated;
};

struct frontier {
    struct frontier_point
        *points; /* the policies of the list, in its order, then the baselines if they are not in it */
    size_t count;
    const struct frontier_point *every, *idle; /* the baselines: both with keep terminate */
};

struct limits {
    struct given max_lead_s;    /* p95 */
    struct given max_per_month; /* USD */
    bool by_cost;               /* least money + waiting: a delay price was given */
};

/* The default grid of trigger x keep for the scenario's regime and prices. Triggers that learn are in it where waiting
 * has a price, for they weigh it; budget where a pool has hours to pace. */
void frontier_grid(struct policy_list *list, const struct model *model);

int frontier_run(struct frontier *f, const struct policy_list *list, const struct scenario *s,
                 const struct session *session, struct err *err) MUST_USE;
void frontier_release(struct frontier *f);

bool frontier_within(const struct frontier *f, const struct limits *limits, const struct frontier_point *p);
/* The best within the limits, or NULL. With no limit and no delay price: the cheapest that is not slower than idle. */
const struct frontier_point *frontier_recommend(const struct frontier *f, const struct limits *limits);
/* One sentence: what was asked for and why this one. */
void frontier_reason(const struct frontier *f, const struct limits *limits, const struct frontier_point *best,
                     struct str *to);

/* The same trigger with keep terminate, or NULL when it is not among the points. */
const struct frontier_point *frontier_without_reuse(const struct frontier *f, const struct frontier_point *p);

#endif
