/*
 * pace.h - the trigger `budget`: a month's paid hours, or dollars, that should last to its end and not be left over.
 *
 * The rule is `area` with a shadow price: deploy when waiting reaches so many commit-hours for each paid hour (or
 * dollar) that deploying now adds. Once a day the price is set to the one at which the last four weeks would have spent
 * what is left of the month at an even rate. Towards the end what is left over makes it fall to zero; where nothing is
 * left it is at its highest, and only OUTLOOK_WAIT_MAX makes a deployment start. UTC months, each deployment in that of
 * its start.
 *
 * A value; the decider is the owner's. Cost: O(1) a decision, each day some replays of at most PACE_COMMITS commits.
 */
#ifndef SCHEDULER_PACE_H
#define SCHEDULER_PACE_H

#include "scheduler/policy.h"

#define PACE_COMMITS 1000

struct pace {
    struct decider area; /* prices are the units that are paced; theta is the shadow price */
    bool hours;
    double budget; /* of a month, in units: seconds, or 1e-10 USD */
    double used;   /* in the month `month` */
    int month;
    int64_t day; /* of the last look */
};

void pace_init(struct pace *p, const struct decider *d);
void pace_look(struct pace *p, const instant_t *at_s, size_t count, instant_t now);
void pace_spend(struct pace *p, instant_t start, int64_t billed_s);
instant_t pace_fire_at(const struct pace *p, instant_t ready, const struct pending *pending,
                       const struct rental *rental);

#endif
