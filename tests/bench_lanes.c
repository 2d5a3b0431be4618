/*
 * ns a commit and policy of replaying many windows at once in vector lanes, through the code that simulate and plan
 * use, beside one by one, on traces that are never repeated; and what failures cost a replay. User CPU time, median of
 * five rounds.
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
#include "sim/attempts.h"
#include "sim/outcomes.h"

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

struct trace {
    int64_t *arrival_s;
    size_t count;
};

enum { LANES, ALONE, ALL_MANY, ALL_ALONE, LANE_TIMES };

static int drop(void *context, size_t at, struct outcome *o, struct err *err)
{
    money_t *sum = context;
    (void)at, (void)err;
    *sum += o->cost + o->lead.percentile[STATS_P95];
    outcome_release(o);
    return 0;
}

static void die_if(bool bad, const char *why)
{
    if (!bad)
        return;
    fprintf(stderr, "%s\n", why);
    exit(1);
}

/* The passes of lanes_run over traces drawn anew, as outcomes_each has them, and the whole of outcomes_each, which
 * simulate, plan and the others call; beside one policy after the other. */
static void bench_lanes(const char *name, enum keep_kind keep, struct trace *t, int traces)
{
    struct model m = model_of(keep == KEEP_HOUR ? REGIME_HOURLY : REGIME_SECOND);
    struct policy policies[POLICIES];
    struct decider deciders[POLICIES];
    const struct decider *pass[POLICIES];
    struct commits commits = {t->arrival_s, t->arrival_s, t->count};
    struct outcomes scratch;
    double ns[LANE_TIMES][ROUNDS] = {{0}};
    money_t sums[2] = {0, 0};
    struct err err;
    outcomes_init(&scratch);
    for (int i = 0; i < POLICIES; i++) {
        policies[i] = (struct policy){{TRIGGER_WINDOW, 120 * (i + 1)}, {keep, keep == KEEP_IDLE ? 600 : 0}};
        deciders[i] = policy_decider(&policies[i], &m.terms);
        pass[i] = &deciders[i];
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < traces; k++) {
            make_trace(t->arrival_s, t->count, (uint32_t)(round * traces + k));
            double begin_ns = cpu_ns();
            die_if(lanes_run(pass, POLICIES, &commits, scratch.lanes, &err), "lanes_run");
            double then_ns = cpu_ns();
            ns[LANES][round] += then_ns - begin_ns;
            for (int i = 0; i < POLICIES; i++) {
                die_if(replay_run(&scratch.alone, pass[i], &commits, &err), "replay_run");
                die_if(scratch.alone.deployments != scratch.lanes[i].deployments ||
                           scratch.alone.waiting_s != scratch.lanes[i].waiting_s,
                       "lanes and replay differ");
            }
            begin_ns = cpu_ns();
            ns[ALONE][round] += begin_ns - then_ns;
            die_if(outcomes_each(&scratch, policies, POLICIES, &m, &commits, drop, &sums[0], &err), "outcomes_each");
            then_ns = cpu_ns();
            ns[ALL_MANY][round] += then_ns - begin_ns;
            for (int i = 0; i < POLICIES; i++) {
                struct outcome o;
                die_if(outcome_run(&o, &policies[i], &m, &commits, &scratch.alone, false, &err), "outcome_run");
                drop(&sums[1], 0, &o, &err);
            }
            ns[ALL_ALONE][round] += cpu_ns() - then_ns;
        }
    }
    die_if(sums[0] != sums[1], "outcomes differ");
    double per = (double)t->count * traces * POLICIES;
    printf("  %-12s %10.2f %12.2f %22.2f %14.2f\n", name, median(ns[LANES]) / per, median(ns[ALONE]) / per,
           median(ns[ALL_MANY]) / per, median(ns[ALL_ALONE]) / per);
    outcomes_release(&scratch);
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
static void bench_failures(const char *trigger, const char *keep, int64_t *arrival_s, size_t count)
{
    struct model m = model_of(strcmp(keep, "hour") == 0 ? REGIME_HOURLY : REGIME_SECOND);
    struct policy p;
    struct commits commits = {arrival_s, arrival_s, count};
    struct replay scratch;
    struct risks risks;
    struct err err;
    enum { PLAIN, FAILING, DRAWS, PLAIN_ALL, FAILING_ALL, TIMES };
    double ns[TIMES][ROUNDS];
    m.terms.delay_price_per_commit_hour = MONEY_PER_USD / 20;
    m.terms.per_deploy = MONEY_PER_USD / 10;
    if (policy_parse_trigger(trigger, &p.trigger, &err) || policy_parse_keep(keep, &p.keep, &err))
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
    printf("  %-11s %-9s %7.2f %8.2f %6.1fx %12.2f %8.2f %6.1fx %14.2f\n", trigger, keep, plain, failing,
           failing / plain, all, failing_all, failing_all / all, median(ns[DRAWS]));
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
    static const size_t lengths[] = {10000, 100000};
    for (size_t i = 0; i < 2; i++) {
        struct trace trace = {arrival_s, lengths[i] < (size_t)count ? lengths[i] : (size_t)count};
        int traces = (int)((size_t)count / trace.count / 4) + 1;
        printf("%d windows over %zu commits, %d histories a round: ns a commit and policy of CPU time\n", POLICIES,
               trace.count, traces);
        printf("  %-12s %10s %12s %22s %14s\n", "keep", "replay", "one by one", "with costs, leads", "one by one");
        bench_lanes("terminate", KEEP_TERMINATE, &trace, traces);
        bench_lanes("idle:600", KEEP_IDLE, &trace, traces);
        bench_lanes("hour", KEEP_HOUR, &trace, traces);
    }
    printf("\nfailures (2 %% culprits, 5 %% builds, 1 %% images): ns a commit\n");
    printf("  %-11s %-9s %7s %8s %7s %12s %8s %7s %14s\n", "trigger", "keep", "replay", "failing", "", "simulation",
           "failing", "", "and the draws");
    static const char *const triggers[] = {"idle", "count:5", "window:900", "train:3600", "area:1"};
    static const char *const keeps[] = {"terminate", "hour", "rent"};
    for (size_t k = 0; k < sizeof(keeps) / sizeof(keeps[0]); k++)
        for (size_t i = 0; i < sizeof(triggers) / sizeof(triggers[0]); i++)
            bench_failures(triggers[i], keeps[k], arrival_s, (size_t)count);
    printf("\n");
    free(arrival_s);
    return 0;
}
