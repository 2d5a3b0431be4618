/* Free deployments of the prepaid hours, and offers; all by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/prepaid.h"

#define USD MONEY_PER_USD

static const struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};

static int64_t at(int year, int month, int day)
{
    return calendar_instant((struct civil){year, month, day, 0, 0, 0});
}

/* A price of 0.067, as m3.medium had from 2015-06 on. */
static struct scenario scenario_of(const int64_t *arrivals, size_t count, int64_t from, int64_t to)
{
    struct scenario s = {.commits = {arrivals, arrivals, count},
                         .dated = true,
                         .date = at(2015, 9, 1),
                         .type = "m3.medium",
                         .region = "us-east-1",
                         .os = "linux",
                         .span_from = from,
                         .span_to = to};
    s.model = (struct model){.terms = {.bake_s = 600, .regime = REGIME_HOURLY, .price_per_hour = USD * 67 / 1000},
                             .price_per_hour = USD * 67 / 1000,
                             .surge = 1,
                             .retain = 3,
                             .reserved_model = MODEL_POOL,
                             .until = to};
    return s;
}

static struct prepaid fill(const struct scenario *s)
{
    struct prepaid p;
    struct err err = {0};
    if (prepaid_fill(&p, &idle, s, &err))
        fail_msg("%s", err.text);
    return p;
}

/* facts: with one reservation and one instance day and night 31 / 30 / 29 / 28 days leave 0 / 24 / 48 / 72. */
static void free_deployments(void **state)
{
    (void)state;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29};
    int64_t arrivals[14];
    for (int i = 0; i < 14; i++)
        arrivals[i] = at(2015, 1 + i, 10);
    struct scenario s = scenario_of(arrivals, 14, at(2015, 1, 1), at(2016, 3, 1));
    s.model.fleet = s.model.reserved = 1;
    struct prepaid p = fill(&s);
    assert_int_equal(p.count, 14);
    for (size_t i = 0; i < p.count; i++) {
        assert_int_equal(p.months[i].pool_hours, 744);
        assert_int_equal(p.months[i].fleet_hours, days[i] * 24);
        assert_int_equal(p.months[i].free_deployments, (31 - days[i]) * 24);
        assert_int_equal(p.months[i].deployments, 1);
    }
    assert_true(p.deployment_after == USD * 67 / 1000);
    prepaid_release(&p);
    assert_null(p.months);
}

/* What is left counts in deployments: of an hour each, of two, or of seconds; never below none. */
static void what_a_deployment_takes(void **state)
{
    (void)state;
    int64_t arrivals[] = {at(2015, 4, 10)};
    struct scenario s = scenario_of(arrivals, 1, at(2015, 4, 1), at(2015, 5, 1));
    s.model.fleet = s.model.reserved = 1;
    s.model.terms.bake_s = 3000;
    s.model.terms.boot_s = 601; /* 3,601 s: two hours */
    struct prepaid p = fill(&s);
    assert_int_equal(p.months[0].free_deployments, 12);
    assert_true(p.deployment_after == 2 * USD * 67 / 1000);
    prepaid_release(&p);

    s.model.terms.regime = REGIME_SECOND; /* 24 h of 3,601 s: 23 whole ones */
    p = fill(&s);
    assert_int_equal(p.months[0].free_deployments, 23);
    assert_true(p.deployment_after == 670186111); /* 0.067 x 3601 / 3600 = 0.06701861111... */
    prepaid_release(&p);

    s.model.fleet = 2; /* 1,440 h of 744 */
    p = fill(&s);
    assert_int_equal(p.months[0].free_deployments, 0);
    prepaid_release(&p);

    s.model.reserved = 3; /* 2,232 - 1,440 h: of 3,601 s 791 */
    p = fill(&s);
    assert_int_equal(p.months[0].pool_hours, 2232);
    assert_int_equal(p.months[0].free_deployments, 791);
    prepaid_release(&p);
}

static void only_the_pool_has_months(void **state)
{
    (void)state;
    int64_t arrivals[] = {at(2015, 4, 10)};
    struct scenario s = scenario_of(arrivals, 1, at(2015, 4, 1), at(2015, 5, 1));
    s.model.reserved = 1;
    s.model.reserved_model = MODEL_CLOCK_HOUR;
    struct prepaid p = fill(&s);
    assert_int_equal(p.count, 0);
    assert_true(p.filled);
    prepaid_release(&p);
}

/* A month of 30 days with one instance day and night: 24 deployments are free; the 25th meets an empty pool. */
static void the_pool_runs_out(void **state)
{
    (void)state;
    int64_t arrivals[26];
    for (int i = 0; i < 26; i++)
        arrivals[i] = at(2015, 4, 1) + 3600 * (int64_t)i;
    struct scenario s = scenario_of(arrivals, 26, at(2015, 4, 1), at(2015, 5, 1));
    s.model.fleet = s.model.reserved = 1;
    s.model.terms.bake_s = 3600; /* replaced when its hour ends: the fleet's own hours stay 720 */
    struct prepaid p = fill(&s);
    /* the first period is an hour (00:00 to 01:00), the others follow each other: 720 fleet hours, 26 bakes: 746 */
    assert_true(p.months[0].ran_out == at(2015, 4, 30) + 22 * 3600);
    assert_int_equal(p.outcome.costs.total.billed_s, 26 * 3600);
    assert_true(p.outcome.money == 2 * USD * 67 / 1000);
    prepaid_release(&p);
}

static void judge(struct offer_list *list, const struct scenario *s)
{
    struct err err = {0};
    struct session session = {.out = stdout, .err = stderr, .quiet = true};
    if (offers_judge(list, "", &idle, s, &session, &err))
        fail_msg("%s", err.text);
}

/*
 * One instance day and night for a year of 365 days, at 0.067: 586.92 on demand. No upfront: .048 x 8,760 = 420.48,
 * pays from 420.48 / .067 = 6,275.8 hours; all upfront: 353.028, from 5,269.08 hours.
 */
static void a_year_of_one_instance(void **state)
{
    (void)state;
    static const struct {
        enum payment payment;
        money_t fee, net;
        int64_t break_even_hours;
    } expected[] = {
        {PAYMENT_NO_UPFRONT, USD * 42048 / 100, USD * 16644 / 100, 6276},
        {PAYMENT_ALL_UPFRONT, USD * 353028 / 1000, USD * 233892 / 1000, 5270},
    };
    int64_t arrivals[] = {at(2015, 1, 1)};
    for (int regime = 0; regime < 2; regime++) {
        struct scenario s = scenario_of(arrivals, 1, at(2015, 1, 1), at(2016, 1, 1));
        s.model.terms.regime = regime ? REGIME_SECOND : REGIME_HOURLY;
        s.model.reserved_model = MODEL_CLOCK_HOUR;
        s.model.fleet = 1;
        struct offer_list list;
        judge(&list, &s);
        assert_int_equal(list.count, 2);
        for (size_t i = 0; i < 2; i++) {
            const struct offer_verdict *v = &list.items[i];
            assert_int_equal(v->years, 1);
            assert_int_equal(v->payment, expected[i].payment);
            assert_true(v->seen == at(2015, 8, 1));
            assert_int_equal(v->used_hours, 8760);
            assert_true(v->fee_per_year == expected[i].fee);
            assert_true(v->saved_per_year == USD * 58692 / 100);
            assert_true(v->net_per_year == expected[i].net);
            assert_int_equal(v->break_even_hours, expected[i].break_even_hours);
        }
        offer_list_release(&list);
        assert_null(list.items);
    }
}

/* No fleet: a bake a day in an hour of its own, half a year of 182.5 days: 365 hours a year, 24.455 saved. */
static void bakes_alone(void **state)
{
    (void)state;
    int64_t arrivals[183];
    for (int i = 0; i < 183; i++)
        arrivals[i] = at(2015, 1, 1) + (int64_t)i * 86400;
    struct scenario s = scenario_of(arrivals, 183, at(2015, 1, 1), at(2015, 1, 1) + 365 * 43200);
    s.commits.count = 182; /* 182 in 182.5 days: 364 in 365 */
    s.model.reserved_model = MODEL_CLOCK_HOUR;
    struct offer_list list;
    judge(&list, &s);
    assert_int_equal(list.items[0].used_hours, 364);
    assert_true(list.items[0].saved_per_year == 364 * USD * 67 / 1000);
    assert_true(list.items[0].net_per_year == 364 * USD * 67 / 1000 - USD * 42048 / 100);
    offer_list_release(&list);
    /* one more reservation than there are: those there cover the bakes already */
    s.model.reserved = 1;
    judge(&list, &s);
    assert_int_equal(list.items[0].used_hours, 0);
    assert_true(list.items[0].saved_per_year == 0);
    offer_list_release(&list);
}

/* Two days of ten instances are 87,600 hours a year; one reservation pays for the 8,760 of its year. */
static void a_reservation_is_no_more_than_its_year(void **state)
{
    (void)state;
    int64_t arrivals[] = {at(2015, 1, 1)};
    struct scenario s = scenario_of(arrivals, 1, at(2015, 1, 1), at(2015, 1, 3));
    s.model.fleet = s.model.surge = 10;
    s.model.reserved_model = MODEL_CLOCK_HOUR;
    struct offer_list list;
    judge(&list, &s);
    assert_int_equal(list.items[0].used_hours, 8760);
    assert_true(list.items[0].saved_per_year == USD * 58692 / 100);
    offer_list_release(&list);
    /* a pool's year is twelve months of 744 h: 8,928 x 0.067 and 8,928 x 0.048 */
    s.model.reserved_model = MODEL_POOL;
    judge(&list, &s);
    assert_int_equal(list.items[0].used_hours, 8928);
    assert_true(list.items[0].saved_per_year == USD * 598176 / 1000);
    assert_true(list.items[0].fee_per_year == USD * 428544 / 1000);
    offer_list_release(&list);
}

static void refused(const struct scenario *s, const char *path, const char *said)
{
    struct err err = {0};
    struct session session = {.out = stdout, .err = stderr, .quiet = true};
    struct offer_list list;
    assert_int_equal(offers_judge(&list, path, &idle, s, &session, &err), EXIT_INPUT);
    if (!strstr(err.text, said))
        fail_msg("%s", err.text);
    offer_list_release(&list);
}

static void what_cannot_be_judged(void **state)
{
    (void)state;
    int64_t arrivals[] = {at(2015, 1, 1)};
    struct scenario s = scenario_of(arrivals, 1, at(2015, 1, 1), at(2016, 1, 1));
    s.date = at(2015, 7, 31); /* the sample's were first seen a day later */
    refused(&s, "", "there is none for m3.medium in us-east-1, linux; there are offers for ");
    s.date = at(2015, 8, 1);
    s.region = "eu-west-1";
    refused(&s, "", "there is none for m3.medium in eu-west-1");
    s.region = "us-east-1";
    s.os = "windows";
    refused(&s, "", "windows");
    s.os = "linux";
    s.model.price_per_hour = 0;
    refused(&s, "", "at a price of 0");
    s.model.price_per_hour = USD;
    s.type = NULL;
    refused(&s, "", "--instance TYPE instead of --price");
    s.type = "m3.medium";
    refused(&s, "/nonexistent/offers.csv", "/nonexistent/offers.csv");
}

/* Three years, part upfront: 300 / 3 + .01 x 8,760 = 187.60 a year. Scenarios that are not dated take every date. */
static void offers_of_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/bakehour-offers-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fputs("type,region,os,years,payment,seen,upfront_usd,hourly_usd\n"
          "m4.large,us-east-1,linux,1,no-upfront,2015-08-01,0,0.087\n"
          "m3.medium,us-east-1,linux,3,partial-upfront,2099-01-01,300,0.01\n",
          file);
    fclose(file);
    int64_t arrivals[] = {at(2015, 1, 1)};
    struct scenario s = scenario_of(arrivals, 1, at(2015, 1, 1), at(2016, 1, 1));
    s.model.reserved_model = MODEL_CLOCK_HOUR;
    s.dated = false;
    struct offer_list list;
    struct err err = {0};
    struct session session = {.out = stdout, .err = stderr, .quiet = true};
    assert_int_equal(offers_judge(&list, path, &idle, &s, &session, &err), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].years, 3);
    assert_true(list.items[0].fee_per_year == USD * 18760 / 100);
    assert_int_equal(list.items[0].break_even_hours, 2800); /* 187.60 / .067: exactly */
    assert_int_equal(list.items[0].used_hours, 1);
    offer_list_release(&list);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_deployments),
        cmocka_unit_test(what_a_deployment_takes),
        cmocka_unit_test(only_the_pool_has_months),
        cmocka_unit_test(the_pool_runs_out),
        cmocka_unit_test(a_year_of_one_instance),
        cmocka_unit_test(bakes_alone),
        cmocka_unit_test(a_reservation_is_no_more_than_its_year),
        cmocka_unit_test(what_cannot_be_judged),
        cmocka_unit_test(offers_of_a_file),
    };
    return cmocka_run_group_tests_name("prepaid", tests, NULL, NULL);
}
