/*
 * runs_args.h - the options of a Monte Carlo simulation: --runs and what goes with it.
 *
 * --shard takes i/n, or auto: the index and the size that Slurm, AWS Batch or Kubernetes put into the environment of an
 * array's tasks (SLURM_ARRAY_TASK_ID, _MIN, _COUNT; AWS_BATCH_JOB_ARRAY_INDEX, _SIZE; JOB_COMPLETION_INDEX, which
 * needs auto/n). i counts from 0 or from 1: shard n/n is shard 0/n.
 */
#ifndef SIM_RUNS_ARGS_H
#define SIM_RUNS_ARGS_H

#include "sim/given.h"
#include "sim/montecarlo.h"

struct runs_args {
    struct given runs, threads, precision;
    const char *shard;
};

opt_set opt_precision;

#define RUNS_OPTIONS(type, member)                                                                                     \
    {"Many runs", OPT_HEADING, NULL, NULL, NULL, 0},                                                                   \
        {"runs",                                                                                                       \
         OPT_VALUE,                                                                                                    \
         "N",                                                                                                          \
         "N replications, each with draws of its own: every figure becomes a mean with its 95 % interval",             \
         opt_given_count,                                                                                              \
         offsetof(type, member.runs)},                                                                                 \
        {"precision",                                                                                                  \
         OPT_VALUE,                                                                                                    \
         "E",                                                                                                          \
         "stop when half the interval of each policy's cost is E times the mean, as 0.01; --runs is the most",         \
         opt_precision,                                                                                                \
         offsetof(type, member.precision)},                                                                            \
        {"threads",                                                                                                    \
         OPT_VALUE,                                                                                                    \
         "N",                                                                                                          \
         "at once (default: one a processor); the figures do not depend on it",                                        \
         opt_given_count,                                                                                              \
         offsetof(type, member.threads)},                                                                              \
    {                                                                                                                  \
        "shard", OPT_VALUE, "i/n",                                                                                     \
            "only the i-th of n parts, written to stdout for bakehour merge; auto: from Slurm, AWS Batch, Kubernetes", \
            opt_text, offsetof(type, member.shard)                                                                     \
    }

int runs_args_options(const struct runs_args *args, uint32_t seed, struct mc_options *out, struct err *err) MUST_USE;

int threads_option(struct given threads, int64_t *out, struct err *err) MUST_USE; /* --threads; 0: not given */

/* --shard's text, with the environment as a look-up (getenv in production). */
typedef const char *environment(const char *name);
int shard_option(const char *text, int64_t *shard, int64_t *shards, struct err *err) MUST_USE; /* with the true one */
int shard_parse(const char *text, environment *env, int64_t *shard, int64_t *shards, struct err *err) MUST_USE;

#endif
