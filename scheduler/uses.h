/*
 * uses.h - what one deployment used, use by use, as the ledger books it: from its journal's facts alone, so any process
 * can make the list again at any time after.
 *
 *   bake instance   from its launch, or from where this deployment took a kept one over, until it let go of it
 *   launches        by this run or by the group (engines refresh and step): those that failed whole, the others until
 *                   an old one was told to go for them
 *   old instances   behind a load balancer, for as long as their connections may drain from then on; when they are
 *                   really gone the environment's books put it right (booking_fleet.c)
 *   of each new one its root volume and its public address, as long as it
 *   image, copy     their snapshots, reckoned for prices.retained_days and booked for as long as they are kept
 *   transfer        a copy's way to another region
 *   CI runner       one job
 *
 * The statement is the sum of this list, the ledger books this list, both by charge.h. So a deployment's sum on the
 * ledger is its statement's, once its image has been kept for as long as was reckoned.
 *
 * Ownership: texts are the list's, until uses_release. Errors: EXIT_INPUT where no price is known.
 */
#ifndef SCHEDULER_USES_H
#define SCHEDULER_USES_H

#include "base/arena.h"
#include "billing/ledger.h"
#include "scheduler/deployment.h"
#include "scheduler/pipeline.h"

struct use {
    enum cost_kind cost;
    struct ledger_usage usage;
    instant_t taken;    /* until then it ran for others; 0: all of it counts */
    instant_t reckoned; /* what goes on: until when it is reckoned to; 0: to its end */
    bool ends;          /* though open: at its end, unless a look that came first knew better */
};

struct uses {
    struct use *items;
    size_t count, cap;
    bool public_fleet; /* some instance of the rollout has a public address */
    struct arena arena;
};

void uses_init(struct uses *u);
void uses_release(struct uses *u);
/* d->ended_ms 0: it goes on; up to now. */
void uses_of(struct uses *out, const struct journal *j, const struct deployment *d, const struct pipeline_world *w,
             const struct rates *rates);
int uses_cost(struct costs *out, const struct uses *u, const struct catalog *catalog, struct err *err) MUST_USE;

/* A use with what is the same for all: account, region of the bake, OS, regime. */
struct ledger_usage uses_usage(const struct pipeline_world *w, const struct rates *rates, const char *key,
                               const char *kind, const char *resource);
/* What an instance-hour is booked at: as configured, or by the catalog at the use's own date (-1); without a catalog
 * the rate that the estimate rests on, as the ledger knows no sample prices. */
money_t uses_hour(const struct pipeline_world *w, money_t rate);
/* What an instance of the group is booked as where EC2 does not say: as configured. */
const char *uses_fleet_type(const struct pipeline_world *w);

/* "i-0123:life": an instance of a group, or one launched for it, runs once; its root volume and public address. */
#define USES_KEY_SIZE 80
const char *uses_life_key(char to[USES_KEY_SIZE], const char *instance);
const char *uses_root_key(char to[USES_KEY_SIZE], const char *instance);
const char *uses_ip_key(char to[USES_KEY_SIZE], const char *instance);

#endif
