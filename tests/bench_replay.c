/*
 * ns a commit of replaying each trigger, on a trace that is never repeated: gaps drawn anew for every commit from a
 * mixture of bursts, working hours and silences whose rate drifts. Beside it, in the same run, the floor: one pass
 * over the arrivals that sums them. Median of five rounds; each round draws a new trace.
 *
 *   make bench          or: build/release/tests/bench_replay [COMMITS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/philox.h"
#include "sim/outcome.h"

#define ROUNDS 5

/* busy: 300 s between commits on average, as one Poisson stream; else a mixture of bursts, working hours whose rate
 * drifts, and silences, about 1,700 s on average. */
static void make_trace(int64_t *arrival_s, size_t count, uint32_t round, bool busy)
{
    int64_t t = 1400000000;
    double mean_s = 600;
    for (size_t i = 0; i < count; i++) {
        struct philox p = philox_stream(7, round, i, busy);
        uint64_t kind = philox_below(&p, 100);
        if (i % 5000 == 0)
            mean_s = 200 + (double)philox_below(&p, 2000);
        double gap_s = busy ? 300 : kind < 40 ? 90 : kind < 95 ? mean_s : 20000;
        t += (int64_t)(gap_s * philox_exponential(&p));
        arrival_s[i] = t;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

struct subject {
    const char *trigger, *keep;
    enum regime regime;
    double replay_ns[ROUNDS], all_ns[ROUNDS], batch;
};

/* A bake instance at 0.10 USD an hour, a CI job of 0.10 USD for each deployment, and 0.05 USD a commit-hour of waiting.
 */
static struct model model_of(enum regime regime)
{
    return (struct model){.terms = {.prepare_s = 300,
                                    .boot_s = 30,
                                    .bake_s = 210,
                                    .rollout_s = 180,
                                    .regime = regime,
                                    .price_per_hour = MONEY_PER_USD / 10,
                                    .per_deploy = MONEY_PER_USD / 10,
                                    .delay_price_per_commit_hour = MONEY_PER_USD / 20},
                          .price_per_hour = MONEY_PER_USD / 10,
                          .until = INSTANT_MIN};
}

static void must(int code, const struct err *err)
{
    if (code) {
        fprintf(stderr, "%s\n", err->text);
        exit(1);
    }
}

static void measure(struct subject *s, const struct commits *commits, struct replay *scratch, int round)
{
    struct err err;
    struct policy policy;
    struct outcome outcome;
    struct model model = model_of(s->regime);
    must(policy_parse_trigger(s->trigger, &policy.trigger, &err), &err);
    must(policy_parse_keep(s->keep, &policy.keep, &err), &err);
    struct decider d = policy_decider(&policy, &model.terms);
    int64_t begin_ns = clock_monotonic_ns();
    must(replay_run(scratch, &d, commits, &err), &err);
    s->replay_ns[round] = (double)(clock_monotonic_ns() - begin_ns) / (double)commits->count;
    s->batch = (double)commits->count / (double)scratch->deployments;
    begin_ns = clock_monotonic_ns();
    must(outcome_run(&outcome, &policy, &model, commits, scratch, false, &err), &err);
    s->all_ns[round] = (double)(clock_monotonic_ns() - begin_ns) / (double)commits->count;
    outcome_release(&outcome);
}

static double floor_ns(const struct commits *commits)
{
    int64_t begin_ns = clock_monotonic_ns();
    int64_t sum = 0;
    for (size_t i = 0; i < commits->count; i++)
        sum += commits->arrival_s[i];
    volatile int64_t sink = sum;
    (void)sink;
    return (double)(clock_monotonic_ns() - begin_ns) / (double)commits->count;
}

static struct subject subjects[] = {
    {.trigger = "every", .keep = "terminate", .regime = REGIME_SECOND},
    {.trigger = "every", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "idle", .keep = "terminate", .regime = REGIME_SECOND},
    {.trigger = "idle", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "count:5", .keep = "terminate", .regime = REGIME_SECOND},
    {.trigger = "count:5", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "window:900", .keep = "terminate", .regime = REGIME_SECOND},
    {.trigger = "window:900", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "window:3600", .keep = "rent", .regime = REGIME_SECOND},
    {.trigger = "train:3600", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "area:1", .keep = "terminate", .regime = REGIME_SECOND},
    {.trigger = "area:1", .keep = "terminate", .regime = REGIME_HOURLY},
    {.trigger = "area:0.25", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "area:1", .keep = "hour", .regime = REGIME_HOURLY},
    {.trigger = "area:1", .keep = "rent", .regime = REGIME_SECOND},
};

static void bench(size_t count, bool busy)
{
    int64_t *arrival_s = mem_array(NULL, count, sizeof(*arrival_s));
    struct commits commits = {arrival_s, arrival_s, count};
    struct replay scratch;
    double floors[ROUNDS];
    struct subject *first = subjects + (busy ? 2 : 0); /* one by one, the busy trace's queue would grow for ever */
    size_t subject_count = sizeof(subjects) / sizeof(subjects[0]) - (busy ? 2 : 0);
    replay_init(&scratch);
    for (int round = 0; round < ROUNDS; round++) {
        make_trace(arrival_s, count, (uint32_t)round, busy);
        floors[round] = floor_ns(&commits);
        for (size_t i = 0; i < subject_count; i++)
            measure(&first[i], &commits, &scratch, round);
    }
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%s trace, %zu commits: ns a commit, median of %d rounds, each on a trace of its own\n",
           busy ? "busy (a commit each 300 s)" : "bursts and silences (a commit each 1,700 s)", count, ROUNDS);
    printf("%-24s %-7s %8s %22s %18s\n", "policy", "regime", "replay", "with costs and leads", "commits a batch");
    printf("%-24s %-7s %8.2f\n", "(floor: sum arrivals)", "", median(floors));
    for (size_t i = 0; i < subject_count; i++) {
        struct subject *s = &first[i];
        char name[2 * POLICY_TEXT_SIZE];
        snprintf(name, sizeof(name), "%s + %s", s->trigger, s->keep);
        printf("%-24s %-7s %8.2f %22.2f %18.1f\n", name, regime_name(s->regime), median(s->replay_ns),
               median(s->all_ns), s->batch);
    }
    printf("peak memory %.1f MB: %.1f bytes a commit\n\n", (double)use.ru_maxrss / 1024,
           (double)use.ru_maxrss * 1024 / (double)count);
    replay_release(&scratch);
    free(arrival_s);
}

int main(int argc, char **argv)
{
    int64_t count = 5000000;
    if (argc > 1 && (num_i64(argv[1], strlen(argv[1]), &count) || count < 1)) {
        fprintf(stderr, "usage: bench_replay [COMMITS]\n");
        return 2;
    }
    bench((size_t)count, true);
    bench((size_t)count, false);
    return 0;
}
