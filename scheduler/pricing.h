/*
 * pricing.h - what a deployment costs, by resource: before it starts, and after it has ended, by the same sums.
 *
 *   bake instance   what its running period is billed with the deployment minus without it (a fresh one: all of it)
 *   rollout         new instances until an old one goes for each: in the hourly regime the hours that they open
 *   draining        the replaced ones behind a load balancer, while their connections end: for as long as its target
 *                   group lets them at most; in the hourly regime the hours that begin meanwhile
 *   failed          instances that never served (the storm that the cap ends)
 *   disks           the root volumes of all these, as long as they
 *   addresses       and their public IPv4 addresses
 *   image           the snapshot of a new image, and that of a copy, for the days that it is reckoned to be kept; and
 *                   the copy's way to another region
 *   runner          minutes of the CI job, each started one whole
 *
 * All by billing/charge.h, as the ledger books them: each use is rounded half to even, once. The sum of an estimate is
 * over expected seconds (struct used), that of a statement over the deployment's uses (uses.h).
 *
 * Units: 1e-10 USD, whole seconds. Values; nothing to release. Errors: EXIT_INPUT where no price is known, or out of
 * range.
 */
#ifndef SCHEDULER_PRICING_H
#define SCHEDULER_PRICING_H

#include "billing/catalog.h"
#include "billing/charge.h"
#include "billing/money.h"
#include "billing/regime.h"
#include "scheduler/config.h"
#include "scheduler/graph.h"

struct rates {
    enum regime regime;
    money_t bake_per_hour, fleet_per_hour, runner_per_minute, snapshot_per_gb_month, transfer_per_gb;
    int64_t image_gb, retained_days;
    char bake_region[32], fleet_region[32];
    char basis[160]; /* "t2.micro in us-east-1 at 0.0116 USD an hour (built-in sample), by the second" */
};

/* catalog NULL: the built-in sample. fleet_type "": as the bake instance. */
int rates_make(struct rates *out, const struct config *c, const struct config_environment *e, const char *fleet_type,
               const struct catalog *catalog, int64_t now_s, struct err *err) MUST_USE;

/* What a deployment used. */
struct used {
    instant_t at;                   /* when it begins: months have their lengths, prices their dates */
    int64_t disk_gb;                /* of each instance's root volume; 0: not known, and not counted */
    bool bake_public, fleet_public; /* they have public addresses */
    bool bakes;                     /* a bake instance worked for it */
    int64_t bake_before_s; /* seconds that the instance had run when this one took it over; 0: launched for this one */
    int64_t bake_s;        /* seconds that it ran in all when this one let go of it */
    int64_t instances;     /* launched by the rollout and in service at its end */
    int64_t beside_s;      /* seconds that old and new ran side by side, summed over instances */
    int64_t paid_left_s;   /* hourly: paid seconds that the replaced ones had left, summed; no cost of its own */
    int64_t draining_s;    /* billed seconds for the replaced ones' draining, summed (used_draining_s) */
    int64_t failed_instances, failed_s; /* launched and given up */
    bool makes_image;
    bool copies_image; /* an encrypted one, or one elsewhere: its snapshot is stored too */
    bool crosses;      /* and goes to another region: the transfer is paid */
    int64_t runner_s;
};

enum cost_kind {
    COST_BAKE,
    COST_ROLLOUT,
    COST_DRAINING,
    COST_FAILED,
    COST_DISKS,
    COST_ADDRESSES,
    COST_IMAGE,
    COST_RUNNER,
    COST_KINDS
};

struct costs {
    money_t usd[COST_KINDS];
    money_t total;
};

const char *cost_name(enum cost_kind kind); /* "bake instance" */
const char *cost_key(enum cost_kind kind);  /* "bake_instance", for JSON */

/* Paid seconds that an instance of that age has left: of its hour, or none. */
int64_t used_left_s(enum regime regime, int64_t ran_s);
/* What one that goes out of service at that age is billed for draining, beyond what it has paid already. */
int64_t used_draining_s(enum regime regime, int64_t ran_s, int64_t delay_s);
/* What was left of the hours that the replaced ones had paid (hourly): spent already, on nothing. */
money_t used_paid_left(const struct used *u, const struct rates *rates);
/* Billed seconds of all its instances. */
int64_t used_instance_s(const struct used *u, enum regime regime);
/* Billed seconds of the ones that failed, each by itself. */
int64_t used_failed_billed_s(const struct used *u, enum regime regime);
int costs_make(struct costs *out, const struct rates *rates, const struct used *used, struct err *err) MUST_USE;
/* Adds `count` such uses; taken: less what each had cost by then (0: nothing). */
int costs_add(struct costs *to, enum cost_kind kind, const struct charge_use *use, instant_t taken, int64_t count,
              const struct catalog *catalog, struct err *err) MUST_USE;

/* What the same deployment would have used in the original pipeline: a fresh bake instance from its launch to the
 * clean-up, the steps one after the other, each instance of the group stepped. */
struct used used_by_original(const struct durations *d, const struct used *ours, int64_t group, int64_t waves);

#endif
