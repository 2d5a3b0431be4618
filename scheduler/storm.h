/*
 * storm.h - how much a broken image may cost at the very most, known before anything changes. Pure.
 *
 * The threshold is that of ECS's deployment circuit breaker: half the desired count, rounded up, clamped to [3, 200];
 * fewer where the limit in money allows fewer. An attempt is a launch of the new image that failed. At no moment are
 * there more unproven instances than attempts left, so the number of failed launches never passes the cap.
 *
 *      one failed instance lives at most life_s (until it is found out, or its dead-man ends it)
 *      instance hours at most = attempts x ceil(life_s / 3600)      (hourly; per second: attempts x max(life_s, 60 s))
 */
#ifndef SCHEDULER_STORM_H
#define SCHEDULER_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "billing/money.h"

struct storm_terms {
    int64_t desired;
    int64_t attempts; /* as configured; 0: ECS's threshold */
    money_t limit;    /* 0: none */
    money_t price_per_hour;
    bool per_second;
    int64_t life_s; /* of one instance that fails */
};

struct storm_cap {
    int64_t attempts;
    int64_t seconds_each; /* billed for one failed instance at most */
    int64_t instance_s;   /* attempts x seconds_each */
    money_t worst;        /* what that costs */
    bool by_money;        /* the limit in money is what binds */
};

struct storm_cap storm_cap(const struct storm_terms *terms);
int64_t storm_threshold(int64_t desired); /* ECS's */

#endif
