/*
 * Replications: the same bits for any number of threads and shards, the same draws for all policies, intervals that
 * cover as often as they say, shard files that are read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/mc_report.h"
#include "sim/runs_args.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"

#define COMMITS 200
#define P       0.07 /* of a culprit */

#ifdef __SANITIZE_ADDRESS__
#define REPETITIONS 300
#define COVER_LOW   0.91 /* three standard errors around 0.95 */
#else
#define REPETITIONS 1000
#define COVER_LOW   0.93
#endif
#define COVER_HIGH (2 * 0.95 - COVER_LOW)

struct stage {
    int64_t arrival[COMMITS];
    struct scenario scenario;
    struct policy_list policies;
    struct session session;
};

static void stage_begin(struct stage *s)
{
    *s = (struct stage){.session = {.out = stdout, .err = stderr, .program = "bakehour", .quiet = true}};
    struct philox p = philox_stream(1, 2, 3, 4);
    int64_t t = 1735689600;
    for (size_t i = 0; i < COMMITS; i++)
        s->arrival[i] = t += draw(&p, 0, 30000);
    s->scenario.commits = (struct commits){s->arrival, s->arrival, COMMITS};
    s->scenario.history.arrival_s = s->arrival;
    s->scenario.history.count = COMMITS;
    s->scenario.history.source = mem_dup("test");
    s->scenario.model = plain_model(REGIME_HOURLY);
    struct model *m = &s->scenario.model;
    m->terms = (struct terms){.prepare_s = 60,
                              .boot_s = 30,
                              .bake_s = 200,
                              .rollout_s = 100,
                              .regime = REGIME_HOURLY,
                              .price_per_hour = USD / 10,
                              .delay_price_per_commit_hour = USD / 50};
    m->price_per_hour = USD / 10;
    m->failures = (struct failures){.any = true,
                                    .culprit = (uint64_t)(P * (double)RISK_CERTAIN),
                                    .boot = RISK_CERTAIN / 50,
                                    .bake = RISK_CERTAIN / 20,
                                    .bake_tries = 3,
                                    .rollback_s = 100,
                                    .storm_cycle_s = 180,
                                    .storm_cap = 3,
                                    .night_s = 28800};
    policy_list_add(&s->policies, (struct policy){{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}});
    policy_list_add(&s->policies, (struct policy){{TRIGGER_WINDOW, 3600}, {KEEP_TERMINATE, 0}});
}

static void stage_end(struct stage *s)
{
    policy_list_release(&s->policies);
    free(s->scenario.history.source);
}

static char *printed(const struct mc_report *r, bool shard)
{
    char *text = NULL;
    size_t len = 0;
    struct session session = {.out = open_memstream(&text, &len), .json = true};
    if (shard)
        mc_report_write(r, session.out);
    else
        mc_report_json(r, "simulate", &session);
    fclose(session.out);
    return text;
}

static void run_report(struct stage *s, struct mc_report *r, int64_t runs, int64_t threads, int64_t shard,
                       int64_t shards)
{
    struct err err = {0};
    struct mc_options o = {.runs = runs, .threads = threads, .shard = shard, .shards = shards, .seed = 9};
    mc_report_begin(r, &s->policies, &s->scenario, &o);
    if (montecarlo_run(&r->result, &s->policies, &s->scenario, &o, &s->session, &err))
        fail_msg("%s", err.text);
}

static char *run_text(struct stage *s, int64_t runs, int64_t threads)
{
    struct mc_report r;
    run_report(s, &r, runs, threads, 0, 0);
    char *text = printed(&r, false);
    mc_report_release(&r);
    return text;
}

static void threads_give_the_same(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    char *one = run_text(&s, 101, 1);
    for (int64_t threads = 2; threads <= 7; threads += 5) {
        char *more = run_text(&s, 101, threads);
        assert_string_equal(one, more);
        free(more);
    }
    free(one);
    stage_end(&s);
}

/* Through the files, in another order. */
static void shards_give_the_same(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    char *whole = run_text(&s, 50, 2);
    static const int64_t counts[] = {1, 3, 7, 60 /* more shards than runs */};
    for (size_t c = 0; c < 4; c++) {
        struct mc_report total = {0};
        for (int64_t i = counts[c]; i >= 1; i--) {
            struct mc_report shard;
            struct mc_report read;
            struct err err = {0};
            run_report(&s, &shard, 50, 1, i, counts[c]);
            char *text = printed(&shard, true);
            if (mc_report_parse(&read, "shard", text, strlen(text), &err))
                fail_msg("%s", err.text);
            if (i == counts[c]) {
                total = read;
            } else {
                if (mc_report_merge(&total, &read, "shard", &err))
                    fail_msg("%s", err.text);
                mc_report_release(&read);
            }
            free(text);
            mc_report_release(&shard);
        }
        char *merged = printed(&total, false);
        assert_string_equal(whole, merged);
        free(merged);
        mc_report_release(&total);
    }
    free(whole);
    stage_end(&s);
}

/* A policy's figures do not change when another stands beside it; a policy and itself differ by nothing at all. */
static void policies_share_the_draws(void **state)
{
    (void)state;
    struct stage s;
    struct mc_report two;
    struct mc_report one;
    stage_begin(&s);
    policy_list_add(&s.policies, s.policies.items[0]);
    run_report(&s, &two, 40, 2, 0, 0);
    s.policies.count = 1;
    run_report(&s, &one, 40, 2, 0, 0);
    assert_memory_equal(one.result.policies[0].figures, two.result.policies[0].figures,
                        sizeof(one.result.policies[0].figures));
    const struct mc_pair *same = &two.result.pairs[mc_pair_index(two.result.count, 0, 2)];
    for (int f = 0; f < MC_PAIR_FIGURES; f++)
        assert_true(same->figures[f].n == 40 && same->figures[f].sum == 0 && same->figures[f].squares == 0);
    /* all policies find each culprit sooner or later */
    assert_true(two.result.policies[0].figures[MC_REVERTED].sum == two.result.policies[1].figures[MC_REVERTED].sum);
    mc_report_release(&one);
    mc_report_release(&two);
    stage_end(&s);
}

/* The number of reverted commits has the mean n p. */
static void intervals_cover(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    s.policies.count = 1;
    s.scenario.commits.count = 60;
    double truth = 60 * P;
    int covered = 0;
    for (uint32_t i = 0; i < REPETITIONS; i++) {
        struct mc_result r;
        struct err err = {0};
        struct mc_options o = {.runs = 40, .threads = 1, .seed = 1000 + i};
        if (montecarlo_run(&r, &s.policies, &s.scenario, &o, &s.session, &err))
            fail_msg("%s", err.text);
        const struct sums *sums = &r.policies[0].figures[MC_REVERTED];
        double off = sums_mean(sums) - truth;
        covered += off <= sums_half_width(sums) && -off <= sums_half_width(sums);
        mc_result_release(&r);
    }
    double share = (double)covered / REPETITIONS;
    if (share < COVER_LOW || share > COVER_HIGH)
        fail_msg("95 %% intervals cover %.3f", share);
    stage_end(&s);
}

/* Stops where the interval is narrow enough, at the same replication for any number of threads. */
static void stops_when_precise(void **state)
{
    (void)state;
    struct stage s;
    stage_begin(&s);
    int64_t runs[2];
    for (int i = 0; i < 2; i++) {
        struct mc_result r;
        struct err err = {0};
        struct mc_options o = {.runs = 5000, .precision = 5000000, .threads = 1 + i, .seed = 4};
        assert_int_equal(montecarlo_run(&r, &s.policies, &s.scenario, &o, &s.session, &err), 0);
        for (size_t p = 0; p < r.asked; p++) {
            const struct sums *cost = &r.policies[p].figures[MC_COST];
            assert_true(sums_half_width(cost) <= 0.005 * sums_mean(cost));
        }
        runs[i] = r.runs;
        mc_result_release(&r);
    }
    assert_int_equal(runs[0], runs[1]);
    assert_true(runs[0] >= 32 && runs[0] < 5000);
    stage_end(&s);
}

static void months_add_up(void **state)
{
    (void)state;
    struct stage s;
    struct mc_report r;
    stage_begin(&s);
    run_report(&s, &r, 20, 2, 0, 0);
    for (size_t p = 0; p < r.result.count; p++) {
        int128 deployments = 0;
        for (size_t m = 0; m < r.result.policies[p].month_count; m++) {
            deployments += r.result.policies[p].months[m].figures[MC_MONTH_DEPLOYMENTS].sum;
            assert_true(!m || r.result.policies[p].months[m].month > r.result.policies[p].months[m - 1].month);
        }
        assert_true(deployments == r.result.policies[p].figures[MC_DEPLOYMENTS].sum);
    }
    mc_report_release(&r);
    stage_end(&s);
}

static const char *const *names;
static const char *fake_environment(const char *name)
{
    for (const char *const *at = names; at && *at; at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

static void shard_is(const char *text, const char *const *env, int64_t shard, int64_t shards)
{
    struct err err = {0};
    int64_t got = -1;
    int64_t of = -1;
    names = env;
    if (shard_parse(text, fake_environment, &got, &of, &err))
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(got, shard);
    assert_int_equal(of, shards);
}

static void shard_fails(const char *text, const char *const *env)
{
    struct err err = {0};
    int64_t got = -1;
    int64_t of = -1;
    names = env;
    assert_int_equal(shard_parse(text, fake_environment, &got, &of, &err), EXIT_INPUT);
}

static void shards_from_the_environment(void **state)
{
    (void)state;
    static const char *const slurm[] = {
        "SLURM_ARRAY_TASK_ID", "13", "SLURM_ARRAY_TASK_MIN", "10", "SLURM_ARRAY_TASK_COUNT", "5", NULL};
    static const char *const batch[] = {"AWS_BATCH_JOB_ARRAY_INDEX", "0", "AWS_BATCH_JOB_ARRAY_SIZE", "100", NULL};
    static const char *const kubernetes[] = {"JOB_COMPLETION_INDEX", "7", NULL};
    static const char *const broken[] = {"SLURM_ARRAY_TASK_ID", "x", NULL};
    shard_is("1/4", NULL, 1, 4);
    shard_is("4/4", NULL, 0, 4);
    shard_is("0/4", NULL, 0, 4);
    shard_is("auto", slurm, 3, 5);
    shard_is("auto", batch, 0, 100);
    shard_is("auto/8", kubernetes, 7, 8);
    shard_fails("auto", kubernetes);
    shard_fails("auto/7", kubernetes);
    shard_fails("auto", broken);
    shard_fails("auto", NULL);
    static const char *const bad[] = {"", "1", "/", "1/", "/2", "5/4", "-1/4", "1/0", "1/2/3", "a/2", "1 /2"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        shard_fails(bad[i], NULL);
}

static void where_the_precision_is_looked_at(void **state)
{
    (void)state;
    static const int64_t ends[] = {32, 48, 72, 108, 162, 243, 364, 546, 600};
    int64_t end = 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        end = mc_round(end, 600, true);
        assert_int_equal(end, ends[i]);
    }
    assert_int_equal(mc_round(0, 600, false), 600);
    assert_int_equal(mc_round(0, 32, true), 32);
    assert_int_equal(mc_round(0, 5, true), 5);
    assert_int_equal(mc_round(0, 0, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_give_the_same),       cmocka_unit_test(shards_give_the_same),
        cmocka_unit_test(policies_share_the_draws),    cmocka_unit_test(intervals_cover),
        cmocka_unit_test(stops_when_precise),          cmocka_unit_test(months_add_up),
        cmocka_unit_test(shards_from_the_environment), cmocka_unit_test(where_the_precision_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
