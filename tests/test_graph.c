/* The step graph and the prices of a deployment, against sums by hand from the original pipeline's calibration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scheduler/graph.h"
#include "scheduler/pricing.h"

static void the_original(void **state)
{
    (void)state;
    struct durations d = durations_original();
    assert_int_equal(graph_serial(&d, 2), 1020); /* 17 minutes */
}

static void the_critical_path(void **state)
{
    (void)state;
    struct durations d = durations_original();
    int64_t ends[STEPS];
    unsigned path;
    /* pull 15 + build 165 + upload 25 + command line 5 + image 210 + register 10 + wave 150 */
    assert_int_equal(graph_critical_path(&d, &(struct graph_run){.skipped = 0, .waves = 1}, ends, &path), 580);
    assert_int_equal(ends[STEP_TEST], 195);
    assert_int_equal(ends[STEP_UPLOAD], 205);
    assert_false(path & (1U << STEP_TEST));
    assert_true(path & (1U << STEP_BUILD));
    assert_int_equal(graph_critical_path(&d, &(struct graph_run){.skipped = 0, .waves = 2}, ends, &path), 730);
    d.s[STEP_TEST] = 600; /* then the tests are what everything waits for */
    assert_int_equal(graph_critical_path(&d, &(struct graph_run){.skipped = 0, .waves = 1}, ends, &path),
                     15 + 600 + 10 + 150);
    assert_true(path & (1U << STEP_TEST));
    assert_false(path & (1U << STEP_IMAGE));
    unsigned bake = 1U << STEP_INSTANCE | 1U << STEP_UPLOAD | 1U << STEP_COMMAND_LINE | 1U << STEP_IMAGE;
    d = durations_original(); /* a bake that is found */
    assert_int_equal(graph_critical_path(&d, &(struct graph_run){.skipped = bake, .waves = 1}, ends, &path),
                     15 + 180 + 10 + 150);
}

static struct rates rates_of(enum regime regime)
{
    return (struct rates){.regime = regime,
                          .bake_per_hour = MONEY_PER_USD / 100, /* a cent an hour */
                          .fleet_per_hour = MONEY_PER_USD / 10,
                          .runner_per_minute = MONEY_PER_USD * 6 / 1000,
                          .snapshot_per_gb_month = MONEY_PER_USD / 20,
                          .image_gb = 2,
                          .retained_days = 30};
}

static void prices_by_hand(void **state)
{
    (void)state;
    struct rates hourly = rates_of(REGIME_HOURLY);
    struct rates second = rates_of(REGIME_SECOND);
    struct costs c;
    struct err err;
    struct used u = {
        .bakes = true, .bake_s = 330, .beside_s = 300, .paid_left_s = 3600, .makes_image = true, .runner_s = 601};
    assert_int_equal(costs_make(&c, &hourly, &u, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], MONEY_PER_USD / 100);             /* a whole hour */
    assert_int_equal(c.usd[COST_ROLLOUT], 1083333333);                   /* 3,900 s at 0.1: 0.10833... */
    assert_int_equal(c.usd[COST_IMAGE], MONEY_PER_USD / 10);             /* 2 GB a month at 0.05 */
    assert_int_equal(c.usd[COST_RUNNER], 11 * MONEY_PER_USD * 6 / 1000); /* eleven started minutes */
    assert_int_equal(c.total, c.usd[0] + c.usd[1] + c.usd[2] + c.usd[3] + c.usd[4] + c.usd[5]);
    assert_int_equal(costs_make(&c, &second, &u, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], 9166667);     /* 330 s at 0.01: 0.00091666... */
    assert_int_equal(c.usd[COST_ROLLOUT], 83333333); /* 300 s: what was paid ahead does not exist */
    /* A kept instance: the second bake inside the hour adds nothing, one that overruns it adds one. */
    struct used kept = {.bakes = true, .bake_before_s = 700, .bake_s = 1400};
    assert_int_equal(costs_make(&c, &hourly, &kept, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], 0);
    kept.bake_s = 3601;
    assert_int_equal(costs_make(&c, &hourly, &kept, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], MONEY_PER_USD / 100);
    /* Failed launches: three of 100 s are three hours, or (60 s at least) 300 s. */
    struct used storm = {.failed_instances = 3, .failed_s = 300};
    assert_int_equal(used_failed_billed_s(&storm, REGIME_HOURLY), 3 * 3600);
    assert_int_equal(used_failed_billed_s(&storm, REGIME_SECOND), 300);
    storm.failed_s = 31;
    assert_int_equal(used_failed_billed_s(&storm, REGIME_SECOND), 180);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original),
        cmocka_unit_test(the_critical_path),
        cmocka_unit_test(prices_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
