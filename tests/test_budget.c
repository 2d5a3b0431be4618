/* A month against its limits: vector 39 of the project's list of facts, and what is known of a month at an instant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "billing/budget.h"
#include "tests/support_bill.h"

#define USAGE   "instance,type,region,start,end\n"
#define HELD    "type,region,model,hourly_usd,upfront_usd,start,end\n"
#define CATALOG "type,region,effective,usd_per_hour\none,r,2010-01-01,1\nten,r,2010-01-01,10\nfast,r,2010-01-01,3600\n"

/* The spending of the month of `when`; reserved may be NULL. */
static struct spending measured(const char *usage, const char *reserved, enum regime_choice regime, const char *when)
{
    struct err err;
    struct spending s;
    struct names *names = names_new();
    struct usage u;
    struct reservations r = {0};
    struct catalog *catalog;
    instant_t until = at(when);
    assert_int_equal(usage_open_text(&u, names, "usage.csv", usage, strlen(usage), &until, NULL, &err), 0);
    if (reserved)
        assert_int_equal(reservations_open_text(&r, names, "held.csv", reserved, strlen(reserved), NULL, &err), 0);
    assert_int_equal(catalog_open_text(&catalog, "catalog.csv", CATALOG, strlen(CATALOG), NULL, &err), 0);
    struct bill_input in = {
        .names = names, .usage = &u, .reservations = reserved ? &r : NULL, .catalog = catalog, .regime = regime};
    assert_int_equal(spending_measure(&s, &in, until, NULL, &err), 0);
    usage_release(&u);
    reservations_release(&r);
    catalog_free(catalog);
    names_free(names);
    return s;
}

static struct budget judged(const struct spending *s, enum budget_unit unit, int64_t limit)
{
    struct err err;
    struct budget b = {.name = "month", .unit = unit, .limit = limit};
    assert_int_equal(budget_judge(&b, s, &err), 0);
    return b;
}

static void assert_spent(const char *usage, const char *reserved, enum regime_choice regime, const char *when,
                         const char *spent)
{
    struct err err;
    int64_t so_far;
    struct spending s = measured(usage, reserved, regime, when);
    assert_int_equal(spending_so_far(&s, BUDGET_USD, &so_far, &err), 0);
    assert_int_equal(so_far, usd(spent));
    spending_release(&s);
}

/* 300 hours of 1 USD, once and twice, within the first 15 of 31 days. */
#define HOURS_300(name) name ",one,r,2018-08-01,2018-08-13T12:00:00Z\n"

static void vector_39_budget_of_1000(void **state)
{
    (void)state;
    struct spending s = measured(USAGE HOURS_300("a"), NULL, CHOOSE_HOURLY, "2018-08-16");
    struct budget b = judged(&s, BUDGET_USD, usd("1000"));
    assert_int_equal(b.actual, usd("300"));
    assert_int_equal(b.forecast, usd("620"));
    assert_int_equal(b.actual_percent, 3000);
    assert_int_equal(b.forecast_percent, 6200);
    assert_int_equal(b.state, BUDGET_OK);
    assert_int_equal(budget_exit_code(&b, 1), 0);
    spending_release(&s);
    s = measured(USAGE HOURS_300("a") HOURS_300("b"), NULL, CHOOSE_HOURLY, "2018-08-16");
    b = judged(&s, BUDGET_USD, usd("1000"));
    assert_int_equal(b.actual, usd("600"));
    assert_int_equal(b.forecast, usd("1240"));
    assert_int_equal(b.forecast_percent, 12400);
    assert_int_equal(b.state, BUDGET_FORECAST_OVER);
    assert_int_equal(budget_exit_code(&b, 1), 4);
    spending_release(&s);
}

static void exactly_at_the_limit_is_over(void **state)
{
    (void)state;
    struct spending s = measured(USAGE HOURS_300("a"), NULL, CHOOSE_HOURLY, "2018-08-16");
    static const struct {
        const char *limit;
        enum budget_state state;
    } cases[] = {{"300", BUDGET_OVER},
                 {"300.0000000001", BUDGET_FORECAST_OVER},
                 {"620", BUDGET_FORECAST_OVER},
                 {"620.0000000001", BUDGET_OK}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(judged(&s, BUDGET_USD, usd(cases[i].limit)).state, cases[i].state);
    spending_release(&s);
}

/* 1 / 3 of a USD three times is a USD, though each rounds down; and just under it is not at it, though it rounds up. */
static void the_limit_is_compared_before_rounding(void **state)
{
    (void)state;
    const char *thirds = USAGE "a,one,r,2018-08-02T00:00:00Z,2018-08-02T00:20:00Z\n"
                               "b,one,r,2018-08-02T00:00:00Z,2018-08-02T00:20:00Z\n"
                               "c,one,r,2018-08-02T00:00:00Z,2018-08-02T00:20:00Z\n";
    struct spending s = measured(thirds, NULL, CHOOSE_SECOND, "2018-08-16");
    assert_int_equal(judged(&s, BUDGET_USD, usd("1")).state, BUDGET_OVER);
    spending_release(&s);
    /* An upfront of 0.0000000001 x 14 days of a term of 15: 0.93 units, shown as one, is no whole unit. */
    s = measured(USAGE, HELD "one,r,clock-hour,0,0.0000000001,2018-08-02,2018-08-17\n", CHOOSE_SECOND, "2018-08-16");
    struct budget b = judged(&s, BUDGET_USD, usd("0.0000000001"));
    assert_int_equal(b.actual, 1);
    assert_int_equal(b.state, BUDGET_FORECAST_OVER);
    spending_release(&s);
}

static void nothing_has_passed_at_the_first_instant(void **state)
{
    (void)state;
    const char *usage = USAGE "a,unknown,r,2018-08-01,2018-08-13\nb,one,r,2018-07-01,2018-08-13\n";
    struct spending s = measured(usage, HELD "one,r,pool,1,1,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-01");
    instant_t when;
    struct budget b = judged(&s, BUDGET_USD, 1);
    assert_int_equal(b.actual, 0);
    assert_int_equal(b.forecast, 0);
    assert_int_equal(b.state, BUDGET_OK);
    assert_int_equal(judged(&s, BUDGET_HOURS, 1).state, BUDGET_OK);
    assert_int_equal(s.pool_hours, 744 * (int64_t)BUDGET_HOUR);
    assert_int_equal(spending_runs_out(&s, &when), RUN_OUT_NEVER);
    spending_release(&s);
    /* A second later: one second of 1 USD leads to 31 x 86,400 of them. */
    s = measured(USAGE "a,fast,r,2018-08-01,2018-08-13\n", NULL, CHOOSE_SECOND, "2018-08-01T00:00:01Z");
    b = judged(&s, BUDGET_USD, usd("3000000"));
    assert_int_equal(b.actual, usd("1"));
    assert_int_equal(b.forecast, usd("2678400"));
    spending_release(&s);
}

static void months_of_28_to_31_days(void **state)
{
    (void)state;
    static const struct {
        const char *start, *when, *forecast;
    } cases[] = {{"2015-02-01", "2015-02-11", "672"},
                 {"2016-02-01", "2016-02-11", "696"},
                 {"2015-09-01", "2015-09-11", "720"},
                 {"2015-08-01", "2015-08-11", "744"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char usage[200];
        snprintf(usage, sizeof(usage), "%sa,one,r,%s,\n", USAGE, cases[i].start);
        struct spending s = measured(usage, NULL, CHOOSE_HOURLY, cases[i].when);
        struct budget b = judged(&s, BUDGET_USD, usd("1000"));
        assert_int_equal(b.actual, usd("240"));
        assert_int_equal(b.forecast, usd(cases[i].forecast));
        spending_release(&s);
    }
}

static void what_runs_counts_up_to_the_instant(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "2018-08-01T23:00:00Z", "2018-10-01", "2018-08-01T12:15:01Z"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char usage[200];
        snprintf(usage, sizeof(usage), "%sa,one,r,2018-08-01T10:00:00Z,%s\n", USAGE, ends[i]);
        /* Hours open at 10, 11 and 12; by the second it is two and a quarter. */
        assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T12:15:00Z", "3");
        assert_spent(usage, NULL, CHOOSE_SECOND, "2018-08-01T12:15:00Z", "2.25");
        assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T12:00:00Z", "2");
        assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T12:00:01Z", "3");
        assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T10:00:00Z", "0");
        assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T10:00:01Z", "1");
    }
}

static void the_future_is_not_known(void **state)
{
    (void)state;
    const char *usage = USAGE "a,one,r,2018-08-01T10:00:00Z,2018-08-01T10:30:00Z\n"
                              "b,unknown,r,2018-08-02T10:00:00Z,2018-08-02T10:30:00Z\n";
    assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-02T10:00:00Z", "1");
    assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-01T10:01:00Z", "1");
}

/* An hour belongs to the month it opened in, seconds to their own. */
static void the_month_before_is_not_this_one(void **state)
{
    (void)state;
    const char *usage = USAGE "a,one,r,2018-07-31T22:30:00Z,2018-08-01T00:45:00Z\n";
    assert_spent(usage, NULL, CHOOSE_HOURLY, "2018-08-16", "1"); /* 00:30 opened here; 22:30 and 23:30 did not */
    assert_spent(usage, NULL, CHOOSE_SECOND, "2018-08-16", "0.75");
}

static void fees_are_of_the_time_that_has_passed(void **state)
{
    (void)state;
    /* 360 hours of 0.05. */
    assert_spent(USAGE, HELD "one,r,clock-hour,0.05,0,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "18");
    /* 15 of 365 days of 730. */
    assert_spent(USAGE, HELD "one,r,clock-hour,0,730,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "30");
    /* 744 x 0.01 a month, 15 of 31 days: 3.6; and 730 upfront as above. */
    assert_spent(USAGE, HELD "one,r,pool,0.01,0,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "3.6");
    assert_spent(USAGE, HELD "one,r,pool,0.01,730,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "33.6");
    /* A term from the 11th on has 744 hours for 21 days, of which 5 have passed. */
    assert_spent(USAGE, HELD "one,r,pool,0.21,0,2018-08-11,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "37.2");
    /* One that ended: all of it. One that is to come: nothing. */
    assert_spent(USAGE, HELD "one,r,pool,0.01,0,2018-01-01,2018-08-11\n", CHOOSE_HOURLY, "2018-08-16", "7.44");
    assert_spent(USAGE, HELD "one,r,pool,0.01,0,2018-08-16,2019-01-01\n", CHOOSE_HOURLY, "2018-08-16", "0");
    struct spending s =
        measured(USAGE, HELD "one,r,pool,0.01,0,2018-01-01,2019-01-01\n", CHOOSE_HOURLY, "2018-08-03T01:02:03Z");
    assert_int_equal(judged(&s, BUDGET_USD, usd("8")).forecast, usd("7.44"));
    spending_release(&s);
}

#define POOL HELD "one,r,pool,0,0,2018-01-01,2019-01-01\n"

static void hours_drawn_from_pools(void **state)
{
    (void)state;
    struct spending s = measured(USAGE "a,one,r,2018-08-01,\n", POOL, CHOOSE_HOURLY, "2018-08-16");
    static const struct {
        int64_t limit;
        enum budget_state state;
    } cases[] = {{360 * (int64_t)BUDGET_HOUR, BUDGET_OVER},
                 {360 * (int64_t)BUDGET_HOUR + 1, BUDGET_FORECAST_OVER},
                 {744 * (int64_t)BUDGET_HOUR, BUDGET_FORECAST_OVER},
                 {744 * (int64_t)BUDGET_HOUR + 1, BUDGET_OK}};
    assert_int_equal(s.pool_hours, 744 * (int64_t)BUDGET_HOUR);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct budget b = judged(&s, BUDGET_HOURS, cases[i].limit);
        assert_int_equal(b.actual, 360 * (int64_t)BUDGET_HOUR);
        assert_int_equal(b.forecast, 744 * (int64_t)BUDGET_HOUR);
        assert_int_equal(b.state, cases[i].state);
    }
    spending_release(&s);
    /* Hours of a clock-hour reservation, of another type and on demand are none of a pool's. */
    s = measured(USAGE "a,one,r,2018-08-01T00:00:00Z,2018-08-01T00:20:00Z\nb,ten,r,2018-08-01,2018-08-02\n",
                 POOL "ten,r,clock-hour,0,0,2018-01-01,2019-01-01\n", CHOOSE_SECOND, "2018-08-16");
    assert_int_equal(judged(&s, BUDGET_HOURS, 1).actual, 333333);
    assert_int_equal(s.pool_hours, 744 * (int64_t)BUDGET_HOUR);
    spending_release(&s);
}

static void pools_that_hold_hours_this_month(void **state)
{
    (void)state;
    struct spending s = measured(USAGE,
                                 "type,region,model,count,start,end\n"
                                 "one,r,pool,2,2018-08-15,2019-01-01\none,r,pool,1,2018-01-01,2018-08-02\n"
                                 "one,r,pool,4,2018-01-01,2018-08-01\none,r,pool,8,2018-08-16,2019-01-01\n"
                                 "one,r,clock-hour,16,2018-01-01,2019-01-01\n",
                                 CHOOSE_HOURLY, "2018-08-16");
    assert_int_equal(s.pool_hours, 3 * 744 * (int64_t)BUDGET_HOUR);
    assert_true(s.has_pool);
    spending_release(&s);
}

/* 744 hours of a million USD each, and 2,678,400 of the term's 315,537,811,200 seconds of another million. */
static void the_ends_of_the_range(void **state)
{
    (void)state;
    const char *held = HELD "one,r,pool,1000000,1000000,0001-01-01,9999-12-31\n";
    struct spending s = measured(USAGE, held, CHOOSE_AUTO, "0001-01-01T00:00:01Z");
    struct budget b = judged(&s, BUDGET_USD, INT64_MAX);
    assert_int_equal(b.forecast, usd("744000008.4883646426"));
    assert_int_equal(b.state, BUDGET_OK);
    assert_int_equal(judged(&s, BUDGET_USD, 1).forecast_percent, -1);
    spending_release(&s);
    s = measured(USAGE "a,one,r,9999-12-01,\n", NULL, CHOOSE_HOURLY, "9999-12-31T23:59:59Z");
    b = judged(&s, BUDGET_USD, INT64_MAX);
    assert_int_equal(b.actual, usd("744"));
    assert_int_equal(b.state, BUDGET_OK);
    spending_release(&s);
}

static enum run_out run_out(const char *usage, const char *when, const char *expected)
{
    instant_t out = 0;
    struct spending s = measured(usage, POOL, CHOOSE_HOURLY, when);
    enum run_out how = spending_runs_out(&s, &out);
    if (expected)
        assert_int_equal(out, at(expected));
    spending_release(&s);
    return how;
}

static void the_date_on_which_hours_run_out(void **state)
{
    (void)state;
    const char *two = USAGE "a,one,r,2018-08-01,\nb,one,r,2018-08-01,\n";
    /* 48 a day: 744 are gone after 15.5 days, whenever it is asked. */
    assert_int_equal(run_out(two, "2018-08-02", "2018-08-16T12:00:00Z"), RUN_OUT_LATER);
    assert_int_equal(run_out(two, "2018-08-16", "2018-08-16T12:00:00Z"), RUN_OUT_LATER);
    assert_int_equal(run_out(two, "2018-08-17", NULL), RUN_OUT_SINCE);
    /* One instance day and night uses them up as the month ends. */
    assert_int_equal(run_out(USAGE "a,one,r,2018-08-01,\n", "2018-08-16", NULL), RUN_OUT_NEVER);
    assert_int_equal(run_out(USAGE, "2018-08-16", NULL), RUN_OUT_NEVER);
}

static void the_worst_state_is_the_exit_code(void **state)
{
    (void)state;
    struct budget budgets[] = {{.state = BUDGET_FORECAST_OVER}, {.state = BUDGET_OVER}, {.state = BUDGET_OK}};
    assert_int_equal(budget_exit_code(budgets, 3), 3);
    assert_int_equal(budget_exit_code(budgets, 1), 4);
    assert_int_equal(budget_exit_code(budgets + 2, 1), 0);
    assert_int_equal(budget_exit_code(budgets, 0), 0);
}

static void amounts(void **state)
{
    (void)state;
    char text[BUDGET_AMOUNT_SIZE];
    assert_string_equal(budget_amount(BUDGET_USD, usd("12.3456"), true, text), "12.3456000000");
    assert_string_equal(budget_amount(BUDGET_USD, usd("12.3456"), false, text), "12.35");
    assert_string_equal(budget_amount(BUDGET_HOURS, 0, true, text), "0");
    assert_string_equal(budget_amount(BUDGET_HOURS, 100 * (int64_t)BUDGET_HOUR, true, text), "100");
    assert_string_equal(budget_amount(BUDGET_HOURS, 1333333, true, text), "1.333333");
    assert_string_equal(budget_amount(BUDGET_HOURS, 1335000, false, text), "1.34");
    assert_string_equal(budget_amount(BUDGET_HOURS, 1500000, false, text), "1.5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_39_budget_of_1000),
        cmocka_unit_test(exactly_at_the_limit_is_over),
        cmocka_unit_test(the_limit_is_compared_before_rounding),
        cmocka_unit_test(nothing_has_passed_at_the_first_instant),
        cmocka_unit_test(months_of_28_to_31_days),
        cmocka_unit_test(what_runs_counts_up_to_the_instant),
        cmocka_unit_test(the_future_is_not_known),
        cmocka_unit_test(the_month_before_is_not_this_one),
        cmocka_unit_test(fees_are_of_the_time_that_has_passed),
        cmocka_unit_test(hours_drawn_from_pools),
        cmocka_unit_test(pools_that_hold_hours_this_month),
        cmocka_unit_test(the_ends_of_the_range),
        cmocka_unit_test(the_date_on_which_hours_run_out),
        cmocka_unit_test(the_worst_state_is_the_exit_code),
        cmocka_unit_test(amounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
