#include "sim/runs_args.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/threads.h"

#define RUNS_WITH_PRECISION 10000
#define PRECISION_DECIMALS  9

int opt_precision(void *field, const char *value, struct err *err)
{
    struct given *given = field;
    int64_t p;
    if (num_decimal(value, strlen(value), PRECISION_DECIMALS, &p) || p < 1 || p > 1000000000)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no share above 0 and up to 1, as 0.01", value);
    *given = (struct given){true, p};
    return 0;
}

static int number_of(const char *text, size_t len, int64_t low, int64_t *out)
{
    int64_t value;
    if (!text || num_i64(text, len, &value) || value < low || value > MC_RUNS_MAX)
        return -1;
    *out = value;
    return 0;
}

static int whole(const char *text, int64_t low, int64_t *out)
{
    return text ? number_of(text, strlen(text), low, out) : -1;
}

/* The index, and the size where the scheduler tells it (else *shards stays 0). */
static int from_environment(environment *env, int64_t *shard, int64_t *shards, struct err *err)
{
    int64_t first = 0;
    if (env("SLURM_ARRAY_TASK_ID")) {
        if (whole(env("SLURM_ARRAY_TASK_ID"), 0, shard) ||
            (env("SLURM_ARRAY_TASK_MIN") && whole(env("SLURM_ARRAY_TASK_MIN"), 0, &first)) || *shard < first)
            return err_set(err, EXIT_INPUT, "--shard auto: SLURM_ARRAY_TASK_ID is no index");
        *shard -= first;
        if (env("SLURM_ARRAY_TASK_COUNT") && whole(env("SLURM_ARRAY_TASK_COUNT"), 1, shards))
            return err_set(err, EXIT_INPUT, "--shard auto: SLURM_ARRAY_TASK_COUNT is no size");
        return 0;
    }
    if (env("AWS_BATCH_JOB_ARRAY_INDEX")) {
        if (whole(env("AWS_BATCH_JOB_ARRAY_INDEX"), 0, shard))
            return err_set(err, EXIT_INPUT, "--shard auto: AWS_BATCH_JOB_ARRAY_INDEX is no index");
        if (env("AWS_BATCH_JOB_ARRAY_SIZE") && whole(env("AWS_BATCH_JOB_ARRAY_SIZE"), 1, shards))
            return err_set(err, EXIT_INPUT, "--shard auto: AWS_BATCH_JOB_ARRAY_SIZE is no size");
        return 0;
    }
    if (env("JOB_COMPLETION_INDEX")) {
        if (whole(env("JOB_COMPLETION_INDEX"), 0, shard))
            return err_set(err, EXIT_INPUT, "--shard auto: JOB_COMPLETION_INDEX is no index");
        return 0;
    }
    return err_set(err, EXIT_INPUT,
                   "--shard auto: there is no SLURM_ARRAY_TASK_ID, AWS_BATCH_JOB_ARRAY_INDEX or JOB_COMPLETION_INDEX");
}

int shard_parse(const char *text, environment *env, int64_t *shard, int64_t *shards, struct err *err)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    bool automatic = len == 4 && memcmp(text, "auto", 4) == 0;
    int64_t i = 0;
    int64_t n = 0;
    int code = automatic ? from_environment(env, &i, &n, err) : 0;
    if (code)
        return code;
    if ((slash && whole(slash + 1, 1, &n)) || (!automatic && (!slash || number_of(text, len, 0, &i))))
        return err_set(err, EXIT_INPUT, "--shard: \"%.60s\" is not i/n, as 1/4, nor auto, nor auto/n", text);
    if (!n)
        return err_set(err, EXIT_INPUT,
                       "--shard auto: how many parts there are is not in the environment; write auto/n");
    if (i > n || (automatic && i >= n))
        return err_set(err, EXIT_INPUT, "--shard: there is no part %lld of %lld", (long long)i, (long long)n);
    *shard = i % n;
    *shards = n;
    return 0;
}

static const char *real_environment(const char *name)
{
    return getenv(name);
}

int shard_option(const char *text, int64_t *shard, int64_t *shards, struct err *err)
{
    return shard_parse(text, real_environment, shard, shards, err);
}

int threads_option(struct given threads, int64_t *out, struct err *err)
{
    *out = given_or(threads, 0);
    return threads.is && (*out < 1 || *out > THREADS_MAX)
               ? err_set(err, EXIT_INPUT, "--threads goes from 1 to %d", THREADS_MAX)
               : 0;
}

int runs_args_options(const struct runs_args *a, uint32_t seed, struct mc_options *out, struct err *err)
{
    *out = (struct mc_options){
        .runs = given_or(a->runs, RUNS_WITH_PRECISION), .precision = given_or(a->precision, 0), .seed = seed};
    if (!a->runs.is && !a->precision.is)
        return err_set(err, EXIT_INPUT, "--threads and --shard go with --runs");
    if (out->runs < 1 || out->runs > MC_RUNS_MAX)
        return err_set(err, EXIT_INPUT, "--runs goes from 1 to %d", MC_RUNS_MAX);
    int code = threads_option(a->threads, &out->threads, err);
    if (code)
        return code;
    if (!a->shard)
        return 0;
    if (a->precision.is)
        return err_set(err, EXIT_INPUT, "--shard and --precision exclude each other: a part does not see the whole");
    return shard_option(a->shard, &out->shard, &out->shards, err);
}
