/*
 * ns a commit and policy of replaying many windows at once in vector lanes, beside replay_run one by one, on a trace
 * that is never repeated; and what failures cost a replay. User CPU time, median of five rounds.
 *
 *   make bench          or: build/release/tests/bench_lanes [COMMITS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/philox.h"
#include "base/wide.h"
#include "sim/attempts.h"
#include "sim/lanes.h"
#include "sim/outcome.h"

#define ROUNDS   5
#define POLICIES 16

static double cpu_ns(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)use.ru_utime.tv_sec * 1e9 + (double)use.ru_utime.tv_usec * 1e3;
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

/* 300 s between commits on average, drawn anew each round. */
static void make_trace(int64_t *arrival_s, size_t count, uint32_t round)
{
    int64_t t = 1400000000;
    for (size_t i = 0; i < count; i++) {
        struct philox p = philox_stream(8, round, i, 0);
        arrival_s[i] = t += (int64_t)(300 * philox_exponential(&p));
    }
}

static struct model model_of(enum regime regime)
{
    return (struct model){
        .terms = {.prepare_s = 300,
                  .boot_s = 30,
                  .bake_s = 210,
                  .rollout_s = 180,
                  .regime = regime,
                  .price_per_hour = MONEY_PER_USD / 10},
        .price_per_hour = MONEY_PER_USD / 10,
        .failures = {.bake_tries = 3, .rollback_s = 180, .storm_cycle_s = 180, .storm_cap = 3, .night_s = 28800},
        .until = INSTANT_MIN};
}

static void bench_lanes(const char *name, enum keep_kind keep, bool wide, int64_t *arrival_s, size_t count)
{
    struct model m = model_of(REGIME_SECOND);
    struct decider deciders[POLICIES];
    struct lanes_total totals[POLICIES];
    struct commits commits = {arrival_s, arrival_s, count};
    struct replay scratch;
    double lanes_ns[ROUNDS];
    double one_ns[ROUNDS];
    struct err err;
    wide_choose(wide ? WIDE_512 : WIDE_PORTABLE);
    replay_init(&scratch);
    for (int i = 0; i < POLICIES; i++) {
        struct policy p = {{TRIGGER_WINDOW, 120 * (i + 1)}, {keep, keep == KEEP_IDLE ? 600 : 0}};
        deciders[i] = policy_decider(&p, &m.terms);
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_trace(arrival_s, count, round);
        double begin_ns = cpu_ns();
        lanes_run(deciders, POLICIES, &commits, totals);
        lanes_ns[round] = (cpu_ns() - begin_ns) / (double)count / POLICIES;
        begin_ns = cpu_ns();
        if (replay_run(&scratch, &deciders[7], &commits, &err) ||
            (int64_t)scratch.deployments != totals[7].deployments || scratch.waiting_s != totals[7].waiting_s) {
            fprintf(stderr, "lanes and replay differ\n");
            exit(1);
        }
        one_ns[round] = (cpu_ns() - begin_ns) / (double)count;
    }
    printf("  %-40s %8.2f %18.2f\n", name, median(lanes_ns), median(one_ns));
    replay_release(&scratch);
    wide_choose(WIDE_512);
}

static double outcome_ns(const struct policy *p, const struct model *m, const struct commits *c, struct replay *scratch)
{
    struct outcome o;
    struct err err;
    double begin_ns = cpu_ns();
    if (outcome_run(&o, p, m, c, scratch, false, &err))
        exit(1);
    double took_ns = cpu_ns() - begin_ns;
    outcome_release(&o);
    return took_ns / (double)c->count;
}

/* The bare replays, and whole simulations with costs and percentiles; the draws of the failures apart. */
static void bench_failures(const char *trigger, int64_t *arrival_s, size_t count)
{
    struct model m = model_of(REGIME_SECOND);
    struct policy p = {.keep = {KEEP_TERMINATE, 0}};
    struct commits commits = {arrival_s, arrival_s, count};
    struct replay scratch;
    struct risks risks;
    struct err err;
    enum { PLAIN, FAILING, DRAWS, PLAIN_ALL, FAILING_ALL, TIMES };
    double ns[TIMES][ROUNDS];
    m.terms.delay_price_per_commit_hour = MONEY_PER_USD / 20;
    m.terms.per_deploy = MONEY_PER_USD / 10;
    if (policy_parse_trigger(trigger, &p.trigger, &err))
        exit(1);
    struct decider d = policy_decider(&p, &m.terms);
    replay_init(&scratch);
    risks_init(&risks);
    m.failures.any = true;
    m.failures.culprit = RISK_CERTAIN / 50;
    m.failures.build = RISK_CERTAIN / 20;
    m.failures.boot = RISK_CERTAIN / 100;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_trace(arrival_s, count, 100 + round);
        m.risks = NULL;
        double begin_ns = cpu_ns();
        if (replay_run(&scratch, &d, &commits, &err))
            exit(1);
        ns[PLAIN][round] = (cpu_ns() - begin_ns) / (double)count;
        ns[PLAIN_ALL][round] = outcome_ns(&p, &m, &commits, &scratch);
        begin_ns = cpu_ns();
        risks_draw(&risks, &m.failures, 1, round, count);
        ns[DRAWS][round] = (cpu_ns() - begin_ns) / (double)count;
        m.risks = &risks;
        begin_ns = cpu_ns();
        if (attempts_run(&scratch, &d, &commits, &m, &err))
            exit(1);
        ns[FAILING][round] = (cpu_ns() - begin_ns) / (double)count;
        ns[FAILING_ALL][round] = outcome_ns(&p, &m, &commits, &scratch);
    }
    double plain = median(ns[PLAIN]);
    double all = median(ns[PLAIN_ALL]);
    double failing = median(ns[FAILING]);
    double failing_all = median(ns[FAILING_ALL]);
    printf("  %-16s %8.2f %8.2f %6.1fx %12.2f %8.2f %6.1fx %14.2f\n", trigger, plain, failing, failing / plain, all,
           failing_all, failing_all / all, median(ns[DRAWS]));
    replay_release(&scratch);
    risks_release(&risks);
}

int main(int argc, char **argv)
{
    int64_t count = 5000000;
    if (argc > 1 && (num_i64(argv[1], strlen(argv[1]), &count) || count < 1)) {
        fprintf(stderr, "usage: bench_lanes [COMMITS]\n");
        return 2;
    }
    int64_t *arrival_s = mem_array(NULL, (size_t)count, sizeof(*arrival_s));
    printf("%d windows at once in vector lanes, %lld commits: ns a commit and policy of CPU time\n", POLICIES,
           (long long)count);
    printf("  %-40s %8s %18s\n", "keep", "lanes", "replay, one by one");
    bench_lanes("terminate", KEEP_TERMINATE, true, arrival_s, (size_t)count);
    bench_lanes("idle:600", KEEP_IDLE, true, arrival_s, (size_t)count);
    bench_lanes("terminate, portable code", KEEP_TERMINATE, false, arrival_s, (size_t)count);
    printf("\nfailures (2 %% culprits, 5 %% builds, 1 %% images): ns a commit\n");
    printf("  %-16s %8s %8s %7s %12s %8s %7s %14s\n", "trigger", "replay", "failing", "", "simulation", "failing", "",
           "and the draws");
    static const char *const triggers[] = {"idle", "count:5", "window:900", "train:3600", "area:1"};
    for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++)
        bench_failures(triggers[i], arrival_s, (size_t)count);
    printf("\n");
    free(arrival_s);
    return 0;
}
