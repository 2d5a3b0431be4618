/* The bill against published and hand-made vectors. The vector numbers are those of the project's list of facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define USAGE    "instance,type,region,start,end\n"
#define RESERVED "type,region,count,start,end\n"
#define YEAR     ",2018-01-01,2019-01-01\n"
#define TERM     ",us-east-1,1" YEAR
#define CATALOG                                                                                                        \
    "type,region,effective,usd_per_hour\n"                                                                             \
    "m4.large,us-east-1,2010-01-01,0.1\nm4.xlarge,us-east-1,2010-01-01,0.2\nm4.2xlarge,us-east-1,2010-01-01,0.4\n"     \
    "c4.large,us-east-1,2010-01-01,0.1\nc4.xlarge,us-east-1,2010-01-01,0.2\nc4.2xlarge,us-east-1,2010-01-01,0.4\n"     \
    "m3.large,us-east-1,2010-01-01,0.1\nm3.xlarge,us-east-1,2010-01-01,0.2\n"                                          \
    "t2.small,us-east-1,2010-01-01,0.023\nt2.large,us-east-1,2010-01-01,0.092\n"

/* A row of 2018-08-01, from and to being hh:mm:ss. */
#define ROW(instance, type, from, to) instance "," type ",us-east-1,2018-08-01T" from "Z,2018-08-01T" to "Z\n"

static void assert_on_demand_s(const char *rows, enum regime_choice regime, int64_t seconds)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s", USAGE, rows);
    struct made m;
    make_bill(&m, text, NULL, CATALOG, regime, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == seconds);
    made_release(&m);
}

/* Expected seconds (of the instance's own hours) reserved and on demand. */
static void assert_covered(const char *rows, const char *reserved, enum regime_choice regime, int64_t reserved_s,
                           int64_t on_demand_s)
{
    char text[4096];
    char held[4096];
    snprintf(text, sizeof(text), "%s%s", USAGE, rows);
    snprintf(held, sizeof(held), "%s%s", RESERVED, reserved);
    struct made m;
    make_bill(&m, text, held, CATALOG, regime, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, NULL, 1) == reserved_s);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == on_demand_s);
    made_release(&m);
}

static void vector_01_half_an_hour_hourly(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:30:00"), CHOOSE_HOURLY, 3600);
}

static void vector_02_stop_and_start_hourly(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:10:00") ROW("i-1", "m4.large", "10:12:00", "10:20:00"),
                       CHOOSE_HOURLY, 7200);
}

static void vector_03_two_instances_hourly(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:30:00") ROW("i-2", "m4.large", "10:30:00", "11:00:00"),
                       CHOOSE_HOURLY, 7200);
}

static void vector_04_five_fiftyfive_sixtyfive_hourly(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:05:00"), CHOOSE_HOURLY, 3600);
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:55:00"), CHOOSE_HOURLY, 3600);
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "11:05:00"), CHOOSE_HOURLY, 7200);
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "11:00:00"), CHOOSE_HOURLY, 3600);
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "11:00:01"), CHOOSE_HOURLY, 7200);
}

static void vector_05_five_starts_in_an_hour(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:05:00") ROW("i-1", "m4.large", "10:10:00", "10:15:00")
                           ROW("i-1", "m4.large", "10:20:00", "10:25:00") ROW("i-1", "m4.large", "10:30:00", "10:35:00")
                               ROW("i-1", "m4.large", "10:40:00", "10:45:00"),
                       CHOOSE_HOURLY, 5 * 3600);
}

static void vector_06_twenty_seconds(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:00:20"), CHOOSE_SECOND, 60);
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:00:00"), CHOOSE_AUTO, 60);
}

static void vector_07_three_minutes_forty(void **state)
{
    (void)state;
    assert_on_demand_s(ROW("i-1", "m4.large", "10:00:00", "10:03:40"), CHOOSE_SECOND, 220);
}

static void vector_08_one_reservation_four_hours(void **state)
{
    (void)state;
    const char *rows = ROW("i-1", "m4.xlarge", "10:00:00", "11:00:00") ROW("i-2", "m4.xlarge", "10:00:00", "11:00:00")
        ROW("i-3", "m4.xlarge", "10:00:00", "11:00:00") ROW("i-4", "m4.xlarge", "10:00:00", "11:00:00");
    assert_covered(rows, "m4.xlarge" TERM, CHOOSE_SECOND, 3600, 3 * 3600);
    assert_covered(rows, "m4.xlarge" TERM, CHOOSE_HOURLY, 3600, 3 * 3600);
}

static void vector_09_four_quarters_hourly_and_second(void **state)
{
    (void)state;
    const char *rows = ROW("i-1", "m4.xlarge", "10:00:00", "10:15:00") ROW("i-2", "m4.xlarge", "10:15:00", "10:30:00")
        ROW("i-3", "m4.xlarge", "10:30:00", "10:45:00") ROW("i-4", "m4.xlarge", "10:45:00", "11:00:00");
    assert_covered(rows, "m4.xlarge" TERM, CHOOSE_SECOND, 3600, 0);
    assert_covered(rows, "m4.xlarge" TERM, CHOOSE_HOURLY, 3600, 3 * 3600);
}

static void vector_12_four_large_cover_two_xlarge(void **state)
{
    (void)state;
    assert_covered(ROW("i-1", "m4.xlarge", "10:00:00", "11:00:00") ROW("i-2", "m4.xlarge", "10:00:00", "11:00:00"),
                   "m4.large,us-east-1,4" YEAR, CHOOSE_SECOND, 7200, 0);
}

static void vector_13_a_large_covers_half_an_xlarge(void **state)
{
    (void)state;
    assert_covered(ROW("i-1", "c4.xlarge", "10:00:00", "11:00:00"), "c4.large" TERM, CHOOSE_SECOND, 1800, 1800);
}

static void vector_14_smallest_first(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              USAGE ROW("x-1", "m3.xlarge", "10:00:00", "11:00:00") ROW("x-2", "m3.xlarge", "10:00:00", "11:00:00")
                  ROW("l-1", "m3.large", "10:00:00", "11:00:00") ROW("l-2", "m3.large", "10:00:00", "11:00:00"),
              RESERVED "m3.2xlarge" TERM, CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_string_equal(made_hours(&m, BILL_RESERVED, "l-1"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "l-2"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "x-1"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "x-2"), "");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "x-2"), "1");
    assert_int_equal(m.bill.total_usd, usd("0.2"));
    made_release(&m);
}

static void vector_16_two_xlarge_before_the_2xlarge(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              USAGE ROW("big", "c4.2xlarge", "09:00:00", "11:00:00") ROW("x-1", "c4.xlarge", "10:00:00", "11:00:00")
                  ROW("x-2", "c4.xlarge", "10:00:00", "11:00:00"),
              RESERVED "c4.xlarge,us-east-1,2" YEAR, CATALOG, CHOOSE_SECOND, "2018-08-01T10:00:00Z",
              "2018-08-01T11:00:00Z");
    assert_int_equal(m.code, 0);
    assert_string_equal(made_hours(&m, BILL_RESERVED, "x-1"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "x-2"), "1");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "big"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "big"), "");
    made_release(&m);
}

static void vector_18_medium_covers_two_small_or_half_a_large(void **state)
{
    (void)state;
    assert_covered(ROW("s-1", "t2.small", "10:00:00", "11:00:00") ROW("s-2", "t2.small", "10:00:00", "11:00:00"),
                   "t2.medium" TERM, CHOOSE_SECOND, 7200, 0);
    assert_covered(ROW("l-1", "t2.large", "10:00:00", "11:00:00"), "t2.medium" TERM, CHOOSE_SECOND, 1800, 1800);
}

/* 20, 21 and 27: what a month of reservations costs. */
static void vectors_20_21_27_fees_of_a_month(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, USAGE,
              "type,region,count,hourly_usd,start,end\n"
              "m4.large,us-east-1,1,0.0309,2018-01-01,2019-01-01\n"
              "m4.xlarge,us-east-1,1,0.0618,2018-01-01,2019-01-01\n"
              "c4.large,us-east-1,5,0,2018-01-01,2019-01-01\n",
              CATALOG, CHOOSE_AUTO, "2018-08-01", "2018-09-01");
    assert_int_equal(m.code, 0);
    assert_int_equal(m.bill.lines[0].kind, BILL_RESERVED_FEE);
    assert_int_equal(m.bill.lines[0].cost_usd, usd("22.9896"));
    assert_int_equal(m.bill.lines[2].cost_usd, usd("45.9792"));
    assert_int_equal(m.bill.total_usd, usd("68.9688"));
    assert_int_equal(made_lines(&m, BILL_RESERVED_FEE), 7);
    /* 744 + 744 + 5 x 744 hours, of which the five alone are 3,720. */
    assert_true(made_seconds_scaled(&m, BILL_RESERVED_FEE, NULL, 1) == (744 * 2 + 3720) * 3600);
    assert_true(made_seconds_scaled(&m, BILL_UNUSED, NULL, 1) == (744 * 2 + 3720) * 3600);
    made_release(&m);
}

static void vector_22_two_larges_pay_for_an_xlarge(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, USAGE ROW("x", "m4.xlarge", "10:00:00", "11:00:00"), RESERVED "m4.large" TERM "m4.large" TERM,
              CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_int_equal(made_lines(&m, BILL_RESERVED), 2);
    for (int i = 0; i < 2; i++) {
        char hours[BILL_HOURS_SIZE];
        assert_string_equal(bill_hours_text(&m.bill.lines[i], hours), "0.5");
        assert_int_equal(m.bill.lines[i].reservation_line, 2 + i);
    }
    made_release(&m);
}

/* 23 and 24: upfront sums spread over the term. */
static void vectors_23_24_upfront_spreads_evenly(void **state)
{
    (void)state;
    struct made m;
    const char *held =
        "type,region,upfront_usd,hourly_usd,start,end\nm4.large,us-east-1,60,0.007,2018-01-01,2019-01-01\n";
    make_bill(&m, USAGE, held, CATALOG, CHOOSE_AUTO, "2018-01-01", "2019-01-01");
    assert_int_equal(m.bill.total_usd, usd("121.32"));
    made_release(&m);
    held = "type,region,upfront_usd,start,end\nm4.large,us-east-1,365,2018-01-01,2019-01-01\n";
    make_bill(&m, USAGE, held, CATALOG, CHOOSE_AUTO, "2018-05-06", "2018-05-07");
    assert_int_equal(m.bill.total_usd, usd("1"));
    made_release(&m);
}

static void a_zonal_one_pays_first_and_only_in_its_zone(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              "instance,type,region,zone,start,end\n"
              "a,m4.large,us-east-1,us-east-1a,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
              "b,m4.large,us-east-1,us-east-1b,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
              "c,m4.xlarge,us-east-1,us-east-1a,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n",
              "type,region,zone,start,end\nm4.large,us-east-1,,2018-01-01,2019-01-01\n"
              "m4.large,us-east-1,us-east-1a,2018-01-01,2019-01-01\n",
              CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_int_equal(made_lines(&m, BILL_RESERVED), 2);
    assert_int_equal(m.bill.lines[1].reservation_line, 3); /* a: by the zonal one */
    assert_int_equal(m.bill.lines[2].reservation_line, 2); /* b: by the regional one */
    assert_int_equal(m.bill.total_usd, usd("0.2"));        /* c: a zonal one is for its exact type */
    made_release(&m);
}

static void other_systems_and_rigid_families_need_the_exact_type(void **state)
{
    (void)state;
    const char *prices = "type,region,os,effective,usd_per_hour\nm4.xlarge,us-east-1,windows,2010-01-01,0.4\n"
                         "g5.2xlarge,us-east-1,linux,2010-01-01,1\n";
    const char *rows = "instance,type,region,os,start,end\n"
                       "w,m4.xlarge,us-east-1,windows,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                       "g,g5.2xlarge,us-east-1,linux,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n";
    struct made m;
    make_bill(&m, rows,
              "type,region,os,start,end\nm4.2xlarge,us-east-1,windows,2022-01-01,2023-01-01\n"
              "g5.4xlarge,us-east-1,linux,2022-01-01,2023-01-01\nm4.xlarge,us-east-1,linux,2022-01-01,2023-01-01\n",
              prices, CHOOSE_AUTO, NULL, NULL);
    assert_int_equal(m.bill.total_usd, usd("1.4"));
    made_release(&m);
    make_bill(&m, rows,
              "type,region,os,start,end\nm4.xlarge,us-east-1,windows,2022-01-01,2023-01-01\n"
              "g5.2xlarge,us-east-1,linux,2022-01-01,2023-01-01\n",
              prices, CHOOSE_AUTO, NULL, NULL);
    assert_int_equal(m.bill.total_usd, 0);
    made_release(&m);
}

static void only_the_own_account_is_served(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              "account,instance,type,region,start,end\n"
              "A,a,m4.large,us-east-1,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
              "B,b,m4.large,us-east-1,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n",
              "account,type,region,start,end\nB,m4.large,us-east-1,2018-01-01,2019-01-01\n", CATALOG, CHOOSE_SECOND,
              NULL, NULL);
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "b"), "1");
    made_release(&m);
}

static void covered_usage_needs_no_price(void **state)
{
    (void)state;
    struct made m;
    const char *rows = USAGE "a,x9.large,us-east-1,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n";
    make_bill(&m, rows, RESERVED "x9.large" TERM, CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, 0);
    made_release(&m);
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, EXIT_INPUT);
    made_release(&m);
}

static void the_default_window_is_the_months_touched(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, USAGE "a,m4.large,us-east-1,2018-07-31T23:00:00Z,2018-08-01T00:00:00Z\n", NULL, CATALOG,
              CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.bill.from, at("2018-07-01"));
    assert_int_equal(m.bill.to, at("2018-08-01"));
    made_release(&m);
    make_bill(&m, USAGE "a,m4.large,us-east-1,2018-07-31T23:00:00Z,2018-08-01T00:00:01Z\n", NULL, CATALOG,
              CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.bill.to, at("2018-09-01"));
    made_release(&m);
    make_bill(&m, USAGE, NULL, CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.code, 0);
    assert_int_equal(m.bill.count, 0);
    assert_int_equal(m.bill.total_usd, 0);
    made_release(&m);
}

static void an_hour_belongs_to_the_window_it_opens_in(void **state)
{
    (void)state;
    const char *rows = USAGE "a,m4.large,us-east-1,2016-07-31T23:30:00Z,2016-08-01T00:45:00Z\n";
    struct made m;
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_AUTO, "2016-07-01", "2016-08-01");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "1");
    made_release(&m);
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_AUTO, "2016-08-01", "2016-09-01");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "1");
    made_release(&m);
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_SECOND, "2016-08-01", "2016-09-01");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "0.75");
    made_release(&m);
}

static void what_begins_at_the_end_of_the_window_is_outside(void **state)
{
    (void)state;
    const char *rows = USAGE "a,m4.large,us-east-1,2018-08-01T10:00:00Z,2018-08-01T13:00:00Z\n"
                             "b,m4.large,us-east-1,2018-08-01T11:00:00Z,2018-08-01T12:00:00Z\n";
    for (int choice = CHOOSE_HOURLY; choice <= CHOOSE_SECOND; choice++) {
        struct made m;
        make_bill(&m, rows, NULL, CATALOG, (enum regime_choice)choice, "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
        assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "1");
        assert_int_equal(m.bill.count, 1);
        made_release(&m);
    }
}

/* t2.micro fell from 0.013 to 0.012 on 2016-12-01: the hour opened before costs the old price whole. */
static void prices_change_for_hours_at_the_opening_for_seconds_at_once(void **state)
{
    (void)state;
    const char *rows = USAGE "a,t2.micro,us-east-1,2016-11-30T23:30:00Z,2016-12-01T00:45:00Z\n";
    struct made m;
    make_bill(&m, rows, NULL, NULL, CHOOSE_AUTO, NULL, NULL);
    assert_int_equal(m.bill.total_usd, usd("0.025"));
    made_release(&m);
    make_bill(&m, rows, NULL, NULL, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.bill.total_usd, usd("0.0065") + usd("0.009"));
    made_release(&m);
}

/* Linux changed to seconds on 2017-10-02: opened 23:20, paid to 00:20, then 25 minutes and 5 s. */
static void the_hour_before_the_change_of_regime_is_whole(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, USAGE "a,m4.large,us-east-1,2017-10-01T23:20:00Z,2017-10-02T00:45:05Z\n", NULL, CATALOG, CHOOSE_AUTO,
              NULL, NULL);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == 3600 + 25 * 60 + 5);
    made_release(&m);
    make_bill(&m, USAGE "a,m4.large,us-east-1,2017-10-01T23:20:00Z,2017-10-02T00:20:05Z\n", NULL, CATALOG, CHOOSE_AUTO,
              NULL, NULL);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == 3605);
    made_release(&m);
}

static void instances_still_running_need_an_end(void **state)
{
    (void)state;
    const char *rows = USAGE "a,m4.large,us-east-1,2018-08-01T10:00:00Z,\nb,m4.large,us-east-1,2018-08-03,\n";
    struct made m;
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_AUTO, NULL, NULL);
    assert_int_equal(m.code, EXIT_INPUT);
    made_release(&m);
    make_bill(&m, rows, NULL, CATALOG, CHOOSE_AUTO, NULL, "2018-08-01T12:30:00Z");
    assert_int_equal(m.code, 0);
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "2.5");
    assert_int_equal(m.bill.count, 1);
    made_release(&m);
}

/* A third of an hour's price is no whole number of units; three of them are, if rounded once. */
static void sums_are_rounded_once(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              USAGE ROW("a", "q1.large", "10:00:00", "10:20:00") ROW("b", "q1.large", "10:00:00", "10:20:00")
                  ROW("c", "q1.large", "10:00:00", "10:20:00"),
              NULL, "type,region,effective,usd_per_hour\nq1.large,us-east-1,2010-01-01,0.0000000001\n", CHOOSE_SECOND,
              NULL, NULL);
    assert_int_equal(m.bill.lines[0].cost_usd, 0);
    assert_int_equal(m.bill.total_usd, 1);
    made_release(&m);
}

static void hours_are_exact_or_six_decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t n, d;
        const char *text;
    } cases[] = {{3600, 3600, "1"},         {1800, 3600, "0.5"},
                 {744 * 3600, 3600, "744"}, {1200, 3600, "0.333333"},
                 {360, 3600, "0.1"},        {9, 3600, "0.0025"},
                 {1, 3600, "0.000278"},     {0, 3600, "0"},
                 {2400, 3600, "0.666667"},  {1000001, 10000000, "0.100000"},
                 {5, 10000000, "0.000000"}, {15, 10000000, "0.000002"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bill_line line = {.hours_numerator = cases[i].n, .hours_denominator = cases[i].d};
        char text[BILL_HOURS_SIZE];
        assert_string_equal(bill_hours_text(&line, text), cases[i].text);
    }
}

#define MIXED_ROWS 8
#define MIXED_HELD 6

struct mixed {
    struct str usage, held;
    int64_t metered_s, capacity_s; /* of large hours: every row is a large */
};

/* Rows of larges in two accounts around Linux's change of regime; reservations of both models with whole-hour terms.
 * The window is October 2017, and everything lies inside it. */
static void draw_mixed(struct mixed *x, uint32_t number, struct mark *marks, size_t cap)
{
    struct philox p = philox_stream(31, number, 0, 5);
    int64_t begin = at("2017-10-01");
    char a[INSTANT_TEXT_SIZE];
    char z[INSTANT_TEXT_SIZE];
    *x = (struct mixed){0};
    str_init(&x->usage, 0);
    str_init(&x->held, 0);
    str_add(&x->usage, "account,instance,type,region,start,end\n");
    str_add(&x->held, "account,type,region,model,count,upfront_usd,hourly_usd,start,end\n");
    for (int i = 0; i < MIXED_ROWS; i++) {
        int64_t start = begin + draw_between(&p, 0, 2 * 86400);
        int64_t end = start + draw_between(&p, 0, 30000);
        str_addf(&x->usage, "%c,i-%d,m4.large,us-east-1,%s,%s\n", 'A' + i % 2, i, calendar_text(start, a),
                 calendar_text(end, z));
        size_t count = oracle_meter(marks, 0, cap, i, start, end, oracle_change(CHOOSE_AUTO), 1);
        for (size_t m = 0; m < count; m++)
            x->metered_s += marks[m].weight;
    }
    for (int i = 0; i < MIXED_HELD; i++) {
        bool pool = philox_below(&p, 2);
        int64_t count = draw_between(&p, 1, 2);
        int64_t start = begin + 3600 * draw_between(&p, 0, 40);
        int64_t hours = draw_between(&p, 1, 600);
        str_addf(&x->held, "%c,m4.large,us-east-1,%s,%d,%d,0.0%d,%s,%s\n", 'A' + i % 2, pool ? "pool" : "clock-hour",
                 (int)count, (int)draw_between(&p, 0, 99), (int)draw_between(&p, 1, 9), calendar_text(start, a),
                 calendar_text(start + hours * 3600, z));
        x->capacity_s += count * (pool ? 744 : hours) * 3600;
    }
}

static void covered_and_used_add_up_in_mixed_bills(void **state)
{
    (void)state;
    static struct mark marks[40000];
    for (uint32_t i = 0; i < 60; i++) {
        struct mixed x;
        struct made m;
        draw_mixed(&x, i, marks, sizeof(marks) / sizeof(marks[0]));
        make_bill(&m, x.usage.text, x.held.text, CATALOG, CHOOSE_AUTO, "2017-10-01", "2017-11-01");
        assert_int_equal(m.code, 0);
        int128 reserved = made_seconds_scaled(&m, BILL_RESERVED, NULL, 1);
        assert_true(reserved + made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == x.metered_s);
        assert_true(reserved + made_seconds_scaled(&m, BILL_UNUSED, NULL, 1) == x.capacity_s);
        assert_true(made_seconds_scaled(&m, BILL_RESERVED_FEE, NULL, 1) == x.capacity_s);
        int64_t lines = 0;
        int64_t kinds = 0;
        for (size_t l = 0; l < m.bill.count; l++)
            lines += m.bill.lines[l].cost_usd;
        for (int k = 0; k < BILL_KINDS; k++)
            kinds += m.bill.by_kind_usd[k];
        /* Each line and kind is rounded for itself, by half a unit at most. */
        assert_in_range(lines - m.bill.total_usd + (int64_t)m.bill.count, 0, 2 * m.bill.count);
        assert_in_range(kinds - m.bill.total_usd + BILL_KINDS, 0, 2 * BILL_KINDS);
        made_release(&m);
        str_release(&x.usage);
        str_release(&x.held);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_01_half_an_hour_hourly),
        cmocka_unit_test(vector_02_stop_and_start_hourly),
        cmocka_unit_test(vector_03_two_instances_hourly),
        cmocka_unit_test(vector_04_five_fiftyfive_sixtyfive_hourly),
        cmocka_unit_test(vector_05_five_starts_in_an_hour),
        cmocka_unit_test(vector_06_twenty_seconds),
        cmocka_unit_test(vector_07_three_minutes_forty),
        cmocka_unit_test(vector_08_one_reservation_four_hours),
        cmocka_unit_test(vector_09_four_quarters_hourly_and_second),
        cmocka_unit_test(vector_12_four_large_cover_two_xlarge),
        cmocka_unit_test(vector_13_a_large_covers_half_an_xlarge),
        cmocka_unit_test(vector_14_smallest_first),
        cmocka_unit_test(vector_16_two_xlarge_before_the_2xlarge),
        cmocka_unit_test(vector_18_medium_covers_two_small_or_half_a_large),
        cmocka_unit_test(vectors_20_21_27_fees_of_a_month),
        cmocka_unit_test(vector_22_two_larges_pay_for_an_xlarge),
        cmocka_unit_test(vectors_23_24_upfront_spreads_evenly),
        cmocka_unit_test(a_zonal_one_pays_first_and_only_in_its_zone),
        cmocka_unit_test(other_systems_and_rigid_families_need_the_exact_type),
        cmocka_unit_test(only_the_own_account_is_served),
        cmocka_unit_test(covered_usage_needs_no_price),
        cmocka_unit_test(the_default_window_is_the_months_touched),
        cmocka_unit_test(an_hour_belongs_to_the_window_it_opens_in),
        cmocka_unit_test(what_begins_at_the_end_of_the_window_is_outside),
        cmocka_unit_test(prices_change_for_hours_at_the_opening_for_seconds_at_once),
        cmocka_unit_test(the_hour_before_the_change_of_regime_is_whole),
        cmocka_unit_test(instances_still_running_need_an_end),
        cmocka_unit_test(sums_are_rounded_once),
        cmocka_unit_test(hours_are_exact_or_six_decimals),
        cmocka_unit_test(covered_and_used_add_up_in_mixed_bills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
