/*
 * shadow.h - a policy carried out on paper over what was heard so far, and what it would have cost.
 *
 * The serial model without a history's outside: deployments start when the policy asks for it, hold the server, use or
 * launch the bake instance. Used to keep a policy's account beside that of a simpler one, to try a parameter on the
 * past, and to see what a shadow price would have spent.
 *
 * A value; it points to its decider and to the caller's arrivals. Costs are in 1e-10 USD as double: they are compared,
 * never billed. Cost: one decision a commit.
 */
#ifndef SCHEDULER_SHADOW_H
#define SCHEDULER_SHADOW_H

#include "scheduler/arrivals.h"
#include "scheduler/policy.h"

struct shadow;

/* Asked like policy_fire_at. */
typedef instant_t shadow_fire(const struct shadow *s, const void *context, instant_t ready, const struct pending *p);

struct shadow {
    const struct decider *d;
    shadow_fire *fire; /* NULL: policy_fire_at */
    const void *context;
    size_t next, heard; /* commits before next are deployed, those before heard are known */
    struct arrivals_mood mood;
    int128 arrival_sum; /* of the pending ones */
    instant_t free_at;
    struct rental rental;
    double spent;     /* money and waiting of what is deployed */
    int64_t billed_s; /* of its instance */
    int64_t deployments;
};

void shadow_init(struct shadow *s, const struct decider *d, size_t from);
/* Up to count commits are known. */
void shadow_hear(struct shadow *s, const instant_t *at_s, size_t count);
struct pending shadow_pending(const struct shadow *s, const instant_t *at_s); /* at least one is pending */
/* A deployment at start takes what has arrived by then. */
void shadow_deploy(struct shadow *s, const instant_t *at_s, instant_t start);
/* Carries out all deployments up to now, with count commits known by then. */
void shadow_advance(struct shadow *s, const instant_t *at_s, size_t count, instant_t now);
/* Money so far, and waiting so far, that of the pending ones included. With what is pending it counts the money that
 * deploying it now would add, too. */
double shadow_cost_due(const struct shadow *s, instant_t now);
double shadow_cost(const struct shadow *s, instant_t now);

#endif
