/* What a replay costs, by hand; random scenes are tests/test_cost_random.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/outcome.h"
#include "tests/support_cost.h"

static void is_money(money_t value, const char *text)
{
    char to[MONEY_TEXT_SIZE];
    assert_string_equal(money_text(value, to), text);
}

/* Prepare to rollout is the job; a reused instance saves the boot: 301 s is 6 minutes, 300 s is 5. */
static void ci_minutes_by_job(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}}, .model = plain_model(REGIME_HOURLY)};
    s.model.terms.prepare_s = 100;
    s.model.terms.boot_s = 1;
    s.model.terms.bake_s = 150;
    s.model.terms.rollout_s = 50;
    s.model.runner_per_minute = USD * 6 / 1000;
    s.arrival[0] = at(2015, 8, 3, 10, 0);
    s.arrival[1] = s.arrival[0] + 1000;
    run(&s, 2);
    assert_int_equal(s.outcome.costs.total.launches, 1);
    assert_int_equal(s.outcome.costs.total.ci_minutes, 6 + 5);
    is_money(s.outcome.by_kind[COST_CI], "0.0660000000");
    assert_true(s.outcome.money == s.outcome.by_kind[COST_CI]);
    release(&s);
}

/* A job of 17 minutes at 0.006 is 0.102; one second more makes the eighteenth; a job of no time is a minute. */
static void ci_minutes_round_up(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{0, 1}, {1, 1}, {60, 1}, {61, 2}, {1020, 17}, {1021, 18}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
        s.model.terms.bake_s = cases[i][0];
        s.model.runner_per_minute = USD * 6 / 1000;
        s.arrival[0] = at(2015, 8, 3, 10, 0);
        run(&s, 1);
        assert_true(s.outcome.by_kind[COST_CI] == cases[i][1] * USD * 6 / 1000);
        release(&s);
    }
}

/* 2 GB at 0.05 for a whole month is 0.10, whatever its length. */
static void an_image_for_a_month(void **state)
{
    (void)state;
    static const int months[][2] = {{2015, 1}, {2015, 4}, {2015, 2}, {2016, 2}};
    for (size_t i = 0; i < 4; i++) {
        int year = months[i][0];
        int month = months[i][1];
        struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
        s.model.image_size = 2 * GB;
        s.model.storage_per_gb_month = USD / 20;
        s.model.until = at(year, month + 1, 1, 0, 0);
        s.arrival[0] = at(year, month, 1, 0, 0);
        run(&s, 1);
        is_money(s.outcome.by_kind[COST_STORAGE], "0.1000000000");
        assert_int_equal(s.outcome.costs.count, 1);
        release(&s);
    }
}

/*
 * Four bakes, two images kept, 1 GB at 1 USD: one image from 30 January, two from 31 January, two after each of the
 * others, to 2 March 2015. January has 1 + 2 image-days of 31, February 2 x 28 of 28, March 2 of 31:
 * 2 + 5 / 31 = 2.16129032258..., rounded once.
 */
static void images_over_month_ends(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
    s.model.image_size = GB;
    s.model.retain = 2;
    s.model.storage_per_gb_month = USD;
    s.model.until = at(2015, 3, 2, 0, 0);
    s.arrival[0] = at(2015, 1, 30, 0, 0);
    s.arrival[1] = at(2015, 1, 31, 0, 0);
    s.arrival[2] = at(2015, 2, 11, 0, 0);
    s.arrival[3] = at(2015, 2, 11, 7, 0);
    run(&s, 4);
    is_money(s.outcome.by_kind[COST_STORAGE], "2.1612903226");
    assert_int_equal(s.outcome.costs.count, 3);
    assert_int_equal((int64_t)s.outcome.costs.months[0].image_s, 3 * 86400);
    assert_int_equal((int64_t)s.outcome.costs.months[1].image_s, 2 * 28 * 86400);
    assert_int_equal((int64_t)s.outcome.costs.months[2].image_s, 2 * 86400);
    assert_int_equal((int64_t)s.outcome.costs.total.image_s, 61 * 86400);
    release(&s);
}

/* Half a unit: 1 GB at 1 unit for half of February is 0.5, to even 0; at 3 units 1.5, to even 2. */
static void rounded_once_half_to_even(void **state)
{
    (void)state;
    for (int units = 1; units <= 3; units += 2) {
        struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
        s.model.image_size = GB;
        s.model.storage_per_gb_month = units;
        s.model.until = at(2015, 2, 15, 0, 0);
        s.arrival[0] = at(2015, 2, 1, 0, 0);
        run(&s, 1);
        assert_true(s.outcome.by_kind[COST_STORAGE] == (units == 1 ? 0 : 2));
        assert_true(s.outcome.money == s.outcome.by_kind[COST_STORAGE]);
        release(&s);
    }
    /* storage 14/28 and an instance of 1,800 s at 1 unit an hour: each rounds to 0, their sum is 1 */
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
    s.model.terms.bake_s = 1800;
    s.model.terms.price_per_hour = s.model.price_per_hour = 1;
    s.model.image_size = GB;
    s.model.storage_per_gb_month = 1;
    s.model.until = at(2015, 2, 15, 0, 30);
    s.arrival[0] = at(2015, 2, 1, 0, 0);
    run(&s, 1);
    assert_true(s.outcome.by_kind[COST_STORAGE] == 0 && s.outcome.by_kind[COST_INSTANCE] == 0);
    assert_true(s.outcome.money == 1);
    release(&s);
}

/* A rollout of 3 minutes pays an hour of 0.75 in each of 2 zones: 1.50; one of 61 min 1 s pays 62 min: 1.55. */
static void fast_restore(void **state)
{
    (void)state;
    static const struct {
        int64_t rollout_s;
        const char *usd;
    } cases[] = {{180, "1.5000000000"}, {3600, "1.5000000000"}, {3661, "1.5500000000"}, {0, "1.5000000000"}};
    for (size_t i = 0; i < 4; i++) {
        struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
        s.model.terms.rollout_s = cases[i].rollout_s;
        s.model.fsr_zones = 2;
        s.model.fsr_per_hour = USD * 3 / 4;
        s.arrival[0] = at(2015, 8, 3, 10, 0);
        run(&s, 1);
        is_money(s.outcome.by_kind[COST_FSR], cases[i].usd);
        release(&s);
    }
}

/* Two deployments, each launches: K twice, launches twice, 2 x 3 GB through the NAT, 2 licensed and paid hours. */
static void other_kinds(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_HOURLY)};
    struct model *m = &s.model;
    m->terms.bake_s = 300;
    m->price_per_hour = USD * 67 / 1000;
    m->licence_per_hour = USD / 100;
    m->terms.price_per_hour = m->price_per_hour + m->licence_per_hour;
    m->terms.per_deploy = USD / 4;
    m->terms.launch_cost = USD / 1000;
    m->terms.delay_price_per_commit_hour = USD * 36;
    m->nat_size = 3 * GB;
    m->nat_per_gb = USD * 45 / 1000;
    s.arrival[0] = at(2015, 8, 31, 23, 59);
    s.arrival[1] = s.arrival[0] + 100; /* waits 200 s for the pipeline: 2.00 USD */
    run(&s, 2);
    is_money(s.outcome.by_kind[COST_INSTANCE], "0.1340000000");
    is_money(s.outcome.by_kind[COST_LICENCE], "0.0200000000");
    is_money(s.outcome.by_kind[COST_DEPLOY], "0.5000000000");
    is_money(s.outcome.by_kind[COST_LAUNCH], "0.0020000000");
    is_money(s.outcome.by_kind[COST_NAT], "0.2700000000");
    is_money(s.outcome.money, "0.9260000000");
    is_money(s.outcome.waiting, "2.0000000000");
    is_money(s.outcome.cost, "2.9260000000");
    assert_int_equal(s.outcome.costs.count, 2); /* the second starts at 00:04 in September */
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(s.outcome.costs.months[i].billed_s, 3600);
    release(&s);
}

/* Hours that open at 22:00 and 23:00 are January's, those at 00:00 and 01:00 February's. */
static void hours_at_a_months_end(void **state)
{
    (void)state;
    for (int minute = 0; minute <= 30; minute += 30) {
        struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_IDLE, 4 * 3600}}, .model = plain_model(REGIME_HOURLY)};
        s.arrival[0] = at(2015, 1, 31, 22, minute);
        run(&s, 1);
        assert_int_equal(s.outcome.costs.count, 2);
        assert_int_equal(s.outcome.costs.months[0].billed_s, 2 * 3600);
        assert_int_equal(s.outcome.costs.months[1].billed_s, 2 * 3600);
        release(&s);
        s.model.terms.regime = REGIME_SECOND;
        run(&s, 1);
        assert_int_equal(s.outcome.costs.months[0].billed_s, 2 * 3600 - minute * 60);
        assert_int_equal(s.outcome.costs.months[1].billed_s, 2 * 3600 + minute * 60);
        release(&s);
    }
}

/* facts: ten m5.large at 0.096, ten minutes of roll and drain beside the old ones: 0.16 USD. */
static void fleet_overlap(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_SECOND)};
    s.model.terms.rollout_s = 300;
    s.model.drain_s = 300;
    s.model.fleet = s.model.surge = 10;
    s.model.price_per_hour = s.model.terms.price_per_hour = USD * 96 / 1000;
    s.arrival[0] = at(2024, 8, 3, 10, 0);
    run(&s, 1);
    is_money(s.outcome.by_kind[COST_FLEET], "0.1600000000");
    release(&s);
}

/*
 * By the hour, books from 22:50 to 00:55. Undisturbed the instance opens 22:50, 23:50 and, in September, 00:50. Rolled
 * at 22:55 and 23:58 it opens 22:50, 22:55, 23:55 and 23:58: one more, and none in September, which gets one back.
 */
static void a_rollout_saves_the_next_month_an_hour(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_HOURLY)};
    s.model.terms.bake_s = 300;
    s.model.price_per_hour = s.model.terms.price_per_hour = USD / 10;
    s.model.fleet = 1;
    s.model.until = at(2015, 9, 1, 0, 55);
    s.arrival[0] = at(2015, 8, 31, 22, 50);
    s.arrival[1] = at(2015, 8, 31, 23, 53);
    run(&s, 2);
    is_money(s.outcome.by_kind[COST_FLEET], "0.1000000000");
    is_money(s.outcome.money, "0.3000000000");
    assert_int_equal(s.outcome.costs.count, 2);
    assert_int_equal(s.outcome.costs.months[1].fleet_s - s.outcome.costs.months[1].base_s, -3600);
    release(&s);
}

/* A reservation of April, 744 h: a bake a day, alone and beside a fleet of one; then without the reservation. */
static void a_pool_that_lasts(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}}, .model = plain_model(REGIME_HOURLY)};
    s.model.terms.bake_s = 600;
    s.model.price_per_hour = s.model.terms.price_per_hour = USD / 10;
    s.model.reserved = 1;
    s.model.reserved_model = MODEL_POOL;
    s.model.until = at(2015, 5, 1, 0, 0);
    for (int i = 0; i < 30; i++)
        s.arrival[i] = at(2015, 4, 1 + i, 12, 5);
    run(&s, 30);
    assert_int_equal(s.outcome.costs.total.covered_s, 30 * 3600);
    assert_true(s.outcome.costs.months[0].ran_out == INSTANT_MAX);
    assert_int_equal(s.outcome.costs.months[0].pool_s, 744 * 3600);
    release(&s);
    /* a fleet of one from 12:05 on 1 April, rolled at 12:15 each day: 12:05 once, then every hour at :15 */
    s.model.fleet = 1;
    run(&s, 30);
    const struct cost_month *april = &s.outcome.costs.months[0];
    assert_int_equal(april->base_s, 708 * 3600); /* 707 h 55 min */
    assert_int_equal(april->billed_s, 30 * 3600);
    assert_int_equal(april->fleet_s, (1 + 29 * 24 + 12) * 3600);
    assert_true(april->ran_out == INSTANT_MAX); /* 709 + 30 = 739 */
    assert_true(s.outcome.by_kind[COST_FLEET] == 0 && s.outcome.money == 0);
    release(&s);
    for (int i = 0; i < 7; i++)
        s.arrival[30 + i] = at(2015, 4, 30, 13 + i, 30);
    s.model.fleet = 0;
    s.model.reserved = 0;
    run(&s, 37);
    assert_int_equal(s.outcome.costs.total.covered_s, 0);
    is_money(s.outcome.money, "3.7000000000");
    release(&s);
}

/* What is left of the pool goes to zero inside a clock hour: that one is named, and the deployments before it. */
static void the_hour_it_ran_out(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_EVERY, 0}, {KEEP_IDLE, 25 * 3600}}, .model = plain_model(REGIME_SECOND)};
    s.model.price_per_hour = s.model.terms.price_per_hour = USD;
    s.model.reserved = 1;
    s.model.reserved_model = MODEL_POOL;
    s.model.until = at(2015, 3, 1, 0, 0);
    s.model.fleet = 1;
    /* from 1 February 00:00: a fleet instance and, kept for 25 h after each daily deployment, the bake instance: two
     * an hour, and a minute's minimum for the first fleet instance that is replaced at once. 744 h - 60 s are 371 full
     * clock hours of two, and in the next one the prepaid time ends. */
    for (int i = 0; i < 28; i++) /* and one that starts with that very hour, which is not before it */
        s.arrival[i] = i < 16 ? at(2015, 2, 1 + i, 0, 0) : i == 16 ? at(2015, 2, 16, 11, 0) : at(2015, 2, i, 0, 0);
    run(&s, 28);
    const struct cost_month *m = &s.outcome.costs.months[0];
    assert_true(m->ran_out == at(2015, 2, 16, 11, 0));
    assert_int_equal(m->deployments_before_run_out, 16);
    assert_int_equal(s.outcome.costs.pool[0].left_s, 744 * 3600);
    assert_int_equal(s.outcome.costs.pool[1].left_s, 744 * 3600 - 7200 - 60);
    assert_true(s.outcome.costs.pool[1].at == at(2015, 2, 1, 1, 0));
    /* the books end with the month: no point says that the next one would be full again */
    assert_int_equal(s.outcome.costs.pool[s.outcome.costs.pool_count - 1].left_s, 0);
    assert_int_equal(s.outcome.costs.count, 1);
    release(&s);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (int a = 0; a < COST_KINDS; a++) {
        assert_non_null(cost_kind_label((enum cost_kind)a));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(cost_kind_name((enum cost_kind)a), cost_kind_name((enum cost_kind)b));
    }
    assert_string_equal(cost_kind_name(COST_INSTANCE), "instance");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ci_minutes_by_job),
        cmocka_unit_test(ci_minutes_round_up),
        cmocka_unit_test(an_image_for_a_month),
        cmocka_unit_test(images_over_month_ends),
        cmocka_unit_test(rounded_once_half_to_even),
        cmocka_unit_test(fast_restore),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(hours_at_a_months_end),
        cmocka_unit_test(fleet_overlap),
        cmocka_unit_test(a_rollout_saves_the_next_month_an_hour),
        cmocka_unit_test(a_pool_that_lasts),
        cmocka_unit_test(the_hour_it_ran_out),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests_name("cost", tests, NULL, NULL);
}
