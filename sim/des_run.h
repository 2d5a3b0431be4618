/*
 * des_run.h - runs a des_model event by event.
 *
 * Events: a commit arrives; a step ends; a batch's time is up or the policy's moment has come. At one instant
 * arrivals go first, then steps' ends in the order they were begun, then decisions. Arrivals are merged in, they never
 * stand in the queue.
 *
 * Invariants, asserted after every event where `checked` is set (always in sanitized builds):
 *   1 every commit that arrived is pending, in line, in a stage or delivered, in order; so are the sums of arrivals;
 *   2 0 <= busy <= servers in each stage, and nothing is in line while a server is free (policies may hold back);
 *   3 deployments enter each stage in their order;
 *   4 the queue holds one event for each deployment in a stage, and time never runs backwards;
 *   5 billed time is no less than the time stayed.
 *
 * Draws are keyed by (seed, replication) and (commit or deployment, purpose). Memory: what is in flight; results do
 * not grow with the run. Cost: about 13 ns a commit for model M1 (tests/bench_des.c).
 */
#ifndef SIM_DES_RUN_H
#define SIM_DES_RUN_H

#include "sim/des_model.h"
#include "sim/replay.h"

#define DES_BUCKETS 8192 /* of the lead times: 128 for each doubling */

struct des_stage_result {
    int128 busy_us, waited_us; /* server time; deployments' time in line */
    int64_t served, longest_line;
    int128 billed_s;
};

struct des_result {
    int64_t commits, deployments, events;
    int128 lead_us, waiting_us; /* sums over commits; waiting: until the first stage began */
    int64_t lead_max_us;
    int64_t ended_us;
    int64_t launches;
    int128 instance_billed_s; /* of bake instances */
    struct des_stage_result stages[DES_STAGES_MAX];
    int64_t buckets[DES_BUCKETS];
};

struct des_options {
    uint32_t seed, replication;
    bool checked;
    const struct commits *history; /* instead of the model's arrivals; NULL: none */
};

int des_run(struct des_result *out, const struct des_model *model, const struct des_options *options,
            struct err *err) MUST_USE;

/* Nearest rank of the lead times in microseconds, at most 0.8 % too high; percent in 1..100. */
int64_t des_lead_percentile_us(const struct des_result *r, int percent);
/* What instances, stages and deployments cost; rounded half to even. */
int des_money(const struct des_result *r, const struct des_model *model, money_t *out) MUST_USE;

#endif
