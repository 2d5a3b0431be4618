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
    struct used u = {.at = 1796083200, /* 2026-12-01, of 31 days */
                     .disk_gb = 8,
                     .fleet_public = true,
                     .bakes = true,
                     .bake_s = 330,
                     .instances = 2,
                     .beside_s = 301,
                     .paid_left_s = 3600,
                     .makes_image = true,
                     .runner_s = 601};
    assert_int_equal(costs_make(&c, &hourly, &u, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], MONEY_PER_USD / 100);       /* a whole hour */
    assert_int_equal(c.usd[COST_ROLLOUT], MONEY_PER_USD / 5);      /* two of them at 0.1 */
    assert_int_equal(c.usd[COST_DISKS], 788530 + 360812 + 358423); /* 8 GB at 0.08 for 330, 151 and 150 s of them */
    assert_int_equal(c.usd[COST_ADDRESSES], 2097222 + 2083333);    /* two at 0.005 an hour */
    assert_int_equal(c.usd[COST_IMAGE], 967741935);                /* 2 GB at 0.05 for 30 days of the 31 */
    assert_int_equal(c.usd[COST_RUNNER], 11 * MONEY_PER_USD * 6 / 1000); /* eleven started minutes */
    money_t sum = 0;
    for (int k = 0; k < COST_KINDS; k++)
        sum += c.usd[k];
    assert_int_equal(c.total, sum);
    assert_int_equal(costs_make(&c, &second, &u, &err), 0);
    assert_int_equal(c.usd[COST_BAKE], 9166667);                /* 330 s at 0.01: 0.00091666... */
    assert_int_equal(c.usd[COST_ROLLOUT], 41944444 + 41666667); /* 151 s and 150 s: 0.00419444..., 0.00416666... */
    /* 2 GB from the 15th on: 17 of 31 days, and 13 of January's 31; and a copy of it to another region at 0.02. */
    struct used copied = {.at = 1797292800, .makes_image = true, .copies_image = true, .crosses = true};
    second.transfer_per_gb = MONEY_PER_USD / 50;
    assert_int_equal(costs_make(&c, &second, &copied, &err), 0);
    assert_int_equal(c.usd[COST_IMAGE], 2 * 967741935 + MONEY_PER_USD / 25);
    copied.at = 1798761600 - 86400; /* one day of December's 31, 29 of January's 31: as many seconds */
    copied.copies_image = false;
    assert_int_equal(costs_make(&c, &second, &copied, &err), 0);
    assert_int_equal(c.usd[COST_IMAGE], 967741935);
    copied.at = 1801440000; /* 2027-02-01: all 28 days, and two of March's 31 */
    assert_int_equal(costs_make(&c, &second, &copied, &err), 0);
    assert_int_equal(c.usd[COST_IMAGE], MONEY_PER_USD / 10 + 64516129);
    /* What old ones are billed for draining is counted in billed seconds. */
    struct used drains = {.instances = 2, .beside_s = 6000, .draining_s = 1800};
    assert_int_equal(costs_make(&c, &second, &drains, &err), 0);
    assert_int_equal(c.usd[COST_DRAINING], MONEY_PER_USD / 20); /* 1,800 s at 0.1 */
    assert_int_equal(used_instance_s(&drains, REGIME_SECOND), 7800);
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
