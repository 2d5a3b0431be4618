/*
 * cost.h - what a replay cost, month by month and kind by kind.
 *
 * A month holds counts (seconds metered, minutes, byte-seconds), never money; money is made from the counts, exactly,
 * when it is asked for. UTC calendar months. Deployments, CI minutes, Fast Snapshot Restore and NAT belong to the month
 * of the deployment's start; launches to that of the rental's begin; instance time to that of the hour's opening (by
 * the second: where it falls); stored images to where the time falls.
 *
 * Reservations cover the fleet's undisturbed time first, then what the rollouts add, then storms, then the bake
 * instance, clock hour by clock hour: `pool`, 744 h for each reservation and month; `clock-hour`, 3,600 s for each and
 * clock hour.
 *
 * Ownership: struct costs is the caller's, costs_init .. costs_release; reusable. Cost: O(deployments + months), with
 * reservations or a fleet O(clock hours x fleet) more.
 * Invariant: covered <= billed in every month; the sums over months are the totals.
 */
#ifndef SIM_COST_H
#define SIM_COST_H

#include "billing/money.h"
#include "sim/hours.h"
#include "sim/model.h"
#include "sim/replay.h"

enum cost_kind {
    COST_INSTANCE, /* bake instances, on demand */
    COST_DEPLOY,   /* K */
    COST_LAUNCH,   /* what launches cost beyond their seconds */
    COST_CI,
    COST_STORAGE,
    COST_FSR,
    COST_LICENCE,
    COST_NAT,
    COST_FLEET, /* what rollouts add to the fleet's own bill */
    COST_STORM, /* launches of images that do not boot */
    COST_KINDS,
};

const char *cost_kind_name(enum cost_kind kind);  /* as in JSON: "instance" */
const char *cost_kind_label(enum cost_kind kind); /* for people: "bake instance" */

struct cost_month {
    int month;
    int64_t commits, deployments, launches;
    int128 waiting_s, lead_s;
    int64_t billed_s, covered_s; /* bake instances */
    int64_t ci_minutes, fsr_s;
    int128 image_s;  /* images x seconds stored */
    int64_t fleet_s; /* the fleet's billed seconds, rollouts and all */
    int64_t base_s;  /* and without the deployments */
    int64_t fleet_uncovered_s, base_uncovered_s;
    int64_t storm_s, storm_covered_s;
    int64_t pool_s;    /* prepaid seconds of this month (pool model) */
    instant_t ran_out; /* the clock hour in which the prepaid hours ran out; INSTANT_MAX: they lasted */
    int64_t deployments_before_run_out;
};

/* How much of the month's prepaid hours was left at a moment; two at a month's turn. */
struct pool_point {
    instant_t at;
    int64_t left_s;
};

struct costs {
    bool trace_pool; /* set by the caller: keep pool[], a point for each clock hour that used some */
    struct pool_point *pool;
    size_t pool_count, pool_cap;
    struct hours used, base; /* with model.keep_hours: billed seconds by clock hour, the fleet's undisturbed in base */
    instant_t first_at;      /* of the first thing that happened */
    struct cost_month *months; /* every month of the span, ascending */
    size_t count, cap;
    struct cost_month total; /* .month, .ran_out and .pool_s mean nothing here */
};

void costs_init(struct costs *c);
void costs_release(struct costs *c);
int costs_of(struct costs *c, const struct replay *r, const struct decider *d, const struct model *m,
             struct err *err) MUST_USE;

/* Adds the money of one kind in one month; exactly. */
void cost_money(const struct model *m, const struct cost_month *month, enum cost_kind kind, struct exact *sum);
void cost_money_all(const struct model *m, const struct cost_month *month, struct exact *sum);
void cost_waiting(const struct model *m, const struct cost_month *month, struct exact *sum); /* w x waiting */

#endif
