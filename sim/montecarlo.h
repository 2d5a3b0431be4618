/*
 * montecarlo.h - many replications of a scenario under several policies.
 *
 *   replication r --- draws (seed, r): history, where it is a workload; failures ---+--- policy 0 --- figures
 *                                                                                   +--- policy 1 --- figures
 *                                                                                   +--- ...
 *
 * All policies see the same draws, so that their differences are paired. Figures are whole numbers (money in 1e-10
 * USD, means in millionths) and are added up exactly (sums.h): the totals are the same bits for any number of threads
 * and shards. Memory does not depend on the number of replications.
 *
 * Ownership: struct mc_result is the caller's, montecarlo_run (also where it fails) .. mc_result_release.
 */
#ifndef SIM_MONTECARLO_H
#define SIM_MONTECARLO_H

#include "sim/outcome.h"
#include "sim/policy_list.h"
#include "sim/scenario.h"
#include "sim/sums.h"

enum mc_figure {
    MC_COMMITS,
    MC_DEPLOYMENTS,
    MC_LAUNCHES,
    MC_BILLED, /* hours, or seconds */
    MC_RESERVED,
    MC_MONEY,
    MC_WAITING_USD,
    MC_COST,
    MC_WAITING_S,
    MC_LEAD_MEAN,
    MC_LEAD_P50,
    MC_LEAD_P90,
    MC_LEAD_P95,
    MC_LEAD_P99,
    MC_LEAD_MAX,
    MC_PER_DAY,
    MC_FAILURE_RATE,
    MC_RESTORE, /* counted where something had to be restored */
    MC_ATTEMPTS,
    MC_FAILED_BUILDS,
    MC_FAILED_LAUNCHES,
    MC_STORMS,
    MC_STORM_LAUNCHES,
    MC_STORM_BILLED,
    MC_ROLLED_BACK,
    MC_CULPRITS,
    MC_REVERTED,
    MC_DELIVERED,
    MC_KIND,
    MC_FIGURES = MC_KIND + COST_KINDS,
};

enum mc_unit { MC_WHOLE, MC_USD, MC_MILLIONTHS };

struct mc_figure_name {
    const char *name, *group; /* group: the JSON object that it stands in, or NULL */
    enum mc_unit unit;
    bool with_failures; /* only where something can go wrong */
};
struct mc_figure_name mc_figure_name(int figure, bool hourly);

enum {
    MC_MONTH_COMMITS,
    MC_MONTH_DEPLOYMENTS,
    MC_MONTH_LAUNCHES,
    MC_MONTH_BILLED,
    MC_MONTH_MONEY,
    MC_MONTH_LEAD,
    MC_MONTH_FIGURES
};

struct mc_month {
    int month;
    struct sums figures[MC_MONTH_FIGURES]; /* runs in which nothing happened count as zero: added at the end */
};

struct mc_policy {
    struct sums figures[MC_FIGURES];
    struct mc_month *months;
    size_t month_count, month_cap;
};

enum { MC_PAIR_MONEY, MC_PAIR_COST, MC_PAIR_LEAD, MC_PAIR_FIGURES };

struct mc_pair {
    struct sums figures[MC_PAIR_FIGURES]; /* the second's minus the first's */
};

struct mc_result {
    int64_t runs;        /* replications done */
    size_t asked, count; /* policies asked for; with the baselines every and idle behind them */
    struct mc_policy *policies;
    struct mc_pair *pairs; /* of all policies i < j: i (2 count - i - 1) / 2 + j - i - 1 */
};

struct mc_options {
    int64_t runs;
    int64_t precision;     /* stop when the half-widths are this share of the means, in 1e-9; 0: do all runs */
    int64_t threads;       /* 0: as many as processors */
    int64_t shard, shards; /* replications r with r mod shards == shard mod shards; shards 0: all */
    uint32_t seed;
};

#define MC_RUNS_MAX 1000000000

/* Where the next look at the precision is, after `end` replications (0: the first): 32, 48, 72, ..., runs, the same for
 * any number of threads; without looks it is after all. */
int64_t mc_round(int64_t end, int64_t runs, bool looks);

int montecarlo_run(struct mc_result *out, const struct policy_list *policies, const struct scenario *s,
                   const struct mc_options *options, const struct session *session, struct err *err) MUST_USE;

void mc_result_init(struct mc_result *r, size_t asked, size_t count);
void mc_result_release(struct mc_result *r);
void mc_result_add(struct mc_result *r, const struct mc_result *more); /* of as many policies */
struct mc_month *mc_month_of(struct mc_policy *p, int month);          /* made where it is missing */

static inline size_t mc_pair_count(size_t policies)
{
    return policies * (policies - 1) / 2;
}

static inline size_t mc_pair_index(size_t policies, size_t i, size_t j)
{
    return i * (2 * policies - i - 1) / 2 + j - i - 1;
}

#endif
