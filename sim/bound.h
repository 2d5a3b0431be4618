/*
 * bound.h - the clairvoyant optimum of a scenario, beside which policies are put.
 *
 * The optimum (scheduler/optimum.h) knows the bake server alone: preparing and rolling out take it no time. A policy's
 * starts, moved to its bakes, are a schedule for it, so no policy costs less than its lower bound: counted are bake
 * instances with their licence (as if nothing were prepaid), K and what else each deployment costs (CI minutes, fast
 * restore, NAT traffic), and waiting. Left out on both sides: stored images, the fleet's overlap, storms.
 *
 * Without a price of waiting the same is said by the frontier: no schedule with this much waiting costs less money than
 *     the largest, over prices w of waiting, of  optimum(w) - w x waiting        (Lagrange)
 *
 * Ownership: struct bound is the caller's, bound_find .. bound_release; struct bound_line likewise. Errors: those of
 * the optimum. Cost: one optimum (BOUND_WORK steps x phases at most, by the choice of the grid) for each price;
 * bound_front_find one of FRONT_WORK for each limit.
 */
#ifndef SIM_BOUND_H
#define SIM_BOUND_H

#include "sim/outcome.h"
#include "sim/scenario.h"

#define BOUND_PRICES 9

struct bound {
    bool is;
    int64_t grid_s;
    money_t delay_price;
    double cost, lower;     /* 1e-10 USD; lower is 0 where the grid says nothing */
    struct outcome outcome; /* of its schedule, all kinds of money counted */
    money_t per_month;
};

int bound_find(struct bound *b, const struct scenario *s, money_t delay_price, const struct session *session,
               struct err *err) MUST_USE;
void bound_release(struct bound *b);

/* Optima at BOUND_PRICES prices of waiting, from cheap to dear. */
struct bound_line {
    struct bound at[BOUND_PRICES];
    size_t count;
};
int bound_line_find(struct bound_line *line, const struct scenario *s, const struct session *session,
                    struct err *err) MUST_USE;
void bound_line_release(struct bound_line *line);

/* For a picture of money against lead time: the cheapest schedules in which no commit's bake ends later than a limit
 * allows, from the shortest that can be met to that of longest_s (lead time, preparing and rolling out included). Here
 * a deployment costs what it adds to the fleet's bill too: on average, as in the schedule before, in `like` at first.
 * That is no bound: it is for those who see the line beside the policies' points. */
int bound_front_find(struct bound_line *front, const struct scenario *s, const struct outcome *like, int64_t longest_s,
                     const struct session *session, struct err *err) MUST_USE;

/* What of a policy's money is counted. */
double bound_money(const struct outcome *o, const struct model *m);
/* Cost over the optimum's at the scenario's price of waiting; 0 where there is nothing to divide by. */
double bound_ratio(const struct bound *b, const struct outcome *o, const struct model *m);
/* Money over the least with so much waiting. */
double bound_line_ratio(const struct bound_line *line, const struct outcome *o, const struct model *m);

#endif
