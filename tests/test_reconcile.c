/* Differences explained by kind, held against sums by hand; views; the invariant of commitments; usage from a report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "base/str.h"
#include "billing/expected.h"
#include "billing/reconcile.h"
#include "billing/usage_report.h"

#define HEAD                                                                                                           \
    "bill/InvoiceId,lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UsageType,"           \
    "lineItem/ResourceId,lineItem/UsageAmount,lineItem/UnblendedCost,reservation/ReservationARN,"                      \
    "reservation/EffectiveCost,product/regionCode,lineItem/UsageAccountId\n"
#define H(hour) "2024-05-01T" hour ":00:00Z,2024-05-01T" hour ":59:59Z,"

static const char CATALOG[] = "type,region,effective,usd_per_hour\nm5.large,us-east-1,2020-01-01,0.096\n"
                              "m5.large,eu-west-1,2020-01-01,0.107\nm5.large,eu-west-1,2024-05-02,0.110\n"
                              "m5.large,eu-west-1,2024-05-03T12:30:00Z,0.100\n";

/* One comparison: usage and reservations as CSV, the report as CSV. */
struct made {
    struct names *names, *resources;
    struct usage usage;
    struct reservations reservations;
    struct catalog *catalog;
    struct tally *tally;
    struct reconcile *reconcile;
};

static void read_report(struct made *m, const char *report_text)
{
    struct err err = {0};
    struct cost_report *report;
    struct cost_line line = {0};
    int got;
    if (cost_report_open_text(&report, "cur.csv", report_text, strlen(report_text), &err))
        fail_msg("%s", err.text);
    while ((got = cost_report_next(report, &line, &err)) > 0)
        if (reconcile_line(m->reconcile, &line, "cur.csv", &err))
            fail_msg("%s", err.text);
    if (got < 0)
        fail_msg("%s", err.text);
    cost_report_close(report);
}

static void make(struct made *m, const char *usage, const char *reserved, const char *report)
{
    struct err err = {0};
    *m = (struct made){.names = names_new(), .resources = names_new(), .tally = tally_new(3)};
    assert_int_equal(catalog_open_text(&m->catalog, "catalog", CATALOG, strlen(CATALOG), NULL, &err), 0);
    if (usage && usage_open_text(&m->usage, m->names, "usage", usage, strlen(usage), NULL, NULL, &err))
        fail_msg("%s", err.text);
    if (reserved &&
        reservations_open_text(&m->reservations, m->names, "reserved", reserved, strlen(reserved), NULL, &err))
        fail_msg("%s", err.text);
    const struct bill_input bill = {.names = m->names,
                                    .usage = &m->usage,
                                    .reservations = reserved ? &m->reservations : NULL,
                                    .catalog = m->catalog};
    const struct expected_input in = {.bill = &bill, .resources = m->resources, .from = 1714521600, .to = 1717200000};
    struct expected_sums sums = {0};
    if (usage && expected_bill(m->tally, &in, &sums, NULL, &err))
        fail_msg("%s", err.text);
    m->reconcile = reconcile_new(m->resources, m->tally, false);
    read_report(m, report);
    const struct reconcile_terms terms = {
        .compare = usage != NULL, .expected_fee_usd = sums.reserved_fee_usd, .top = 50};
    if (reconcile_finish(m->reconcile, &terms, &err))
        fail_msg("%s", err.text);
}

static void release(struct made *m)
{
    reconcile_free(m->reconcile);
    tally_free(m->tally);
    catalog_free(m->catalog);
    reservations_release(&m->reservations);
    usage_release(&m->usage);
    names_free(m->resources);
    names_free(m->names);
}

static void kinds_are(const struct made *m, const char *expected)
{
    struct str got;
    char usd[MONEY_TEXT_SIZE];
    str_init(&got, 0);
    for (int k = 0; k < DIFF_KINDS; k++)
        if (reconcile_kind_cells(m->reconcile, (enum difference)k) ||
            reconcile_kind_usd(m->reconcile, (enum difference)k))
            str_addf(&got, "%s %s; ", difference_name((enum difference)k),
                     money_text(reconcile_kind_usd(m->reconcile, (enum difference)k), usd));
    str_addf(&got, "all %s",
             money_text(reconcile_actual_usd(m->reconcile) - reconcile_expected_usd(m->reconcile), usd));
    assert_string_equal(got.text, expected);
    str_release(&got);
}

#define USAGE(rows) "instance,type,region,start,end\n" rows
#define ONE         USAGE("i-a,m5.large,us-east-1,2024-05-01T00:00:00Z,2024-05-01T02:00:00Z\n")
#define BOX         "BoxUsage:m5.large,"

static void one_kind_each(void **state)
{
    (void)state;
    static const struct {
        const char *usage, *report, *kinds;
    } cases[] = {
        /* as expected */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n",
         "all 0.0000000000"},
        /* a unit in the last decimal */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.0960000001,,,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n",
         "rounding 0.0000000001; all 0.0000000001"},
        /* AWS charged 0.1 an hour: 0.004 more, twice */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.1,,,,\n9,Usage," H("01") BOX "i-a,1,0.1,,,,\n",
         "price 0.0080000000; all 0.0080000000"},
        /* the second hour was charged for 45 minutes only: 0.25 x 0.096 less */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,0.75,0.072,,,,\n",
         "usage -0.0240000000; all -0.0240000000"},
        /* half an hour at another price: time and price both */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,0.5,0.05,,,,\n",
         "usage -0.0480000000; price 0.0020000000; all -0.0460000000"},
        /* the second hour is not on the report, which is closed */
        {ONE, HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n", "missing-in-report -0.0960000000; all -0.0960000000"},
        /* it is not closed: nothing is known of the second hour yet */
        {ONE, HEAD ",Usage," H("00") BOX "i-a,1,0.096,,,,\n", "all 0.0000000000"},
        /* an instance that nobody booked, and an hour of a booked one */
        {ONE,
         HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX
         "i-b,0.25,0.024,,,,\n9,Usage," H("02") BOX "i-a,1,0.096,,,,\n",
         "missing-in-ledger 0.1200000000; all 0.1200000000"},
        /* a reservation that nobody told of: its effective cost, and the hour on demand that was expected */
        {ONE, HEAD "9,DiscountedUsage," H("00") BOX "i-a,1,0,ri-1,0.06,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n",
         "allocation -0.0960000000; reserved-fee 0.0600000000; all -0.0360000000"},
        /* what is no instance time, though it is an instance's */
        {ONE,
         HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n9,Usage," H(
             "00") "DataTransfer-Out-Bytes,i-a,3,0.27,,,,\n9,Usage," H("00") "SpotUsage:m5.large,i-s,1,0.03,,,,\n",
         "other-charge 0.3000000000; all 0.3000000000"},
        {ONE,
         HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX
         "i-a,1,0.096,,,,\n9,Tax," H("00") ",,1,0.02,,,,\n9,Credit," H("00") ",,1,-0.5,,,,\n9,Refund," H(
             "00") ",,1,-0.1,,,,\n9,EdpDiscount," H("00") BOX
         "i-a,1,-0.01,,,,\n9,SavingsPlanRecurringFee," H("00") ",,1,0,,,,\n",
         "credit -0.5000000000; refund -0.1000000000; discount -0.0100000000; tax 0.0200000000; all -0.5900000000"},
        /* one hour of 2,400 s and its 1,200 s, as two lines */
        {ONE,
         HEAD "9,Usage," H("00") BOX "i-a,0.6666666667,0.064,,,,\n9,Usage," H("00") BOX
         "i-a,0.3333333333,0.032,,,,\n9,Usage," H("01") BOX "i-a,1,0.096,,,,\n",
         "all 0.0000000000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct made m;
        make(&m, cases[i].usage, NULL, cases[i].report);
        kinds_are(&m, cases[i].kinds);
        release(&m);
    }
}

/* Ours says that the reservation pays for i-a, AWS let it pay for i-b: nothing in sum, and each is told. */
static void allocation(void **state)
{
    (void)state;
    struct made m;
    make(&m,
         USAGE("i-a,m5.large,us-east-1,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z\n"
               "i-b,m5.large,us-east-1,2024-05-01T00:00:00Z,2024-05-01T01:00:00Z\n"),
         "type,region,start,end,hourly_usd\nm5.large,us-east-1,2024-05-01,2024-05-02,0.05\n",
         HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,DiscountedUsage," H("00") BOX "i-b,1,0,ri-1,0.05,,\n");
    /* expected: 0.096 for i-b and 24 h x 0.05 in fees; charged: 0.096 + 0.05 */
    kinds_are(&m, "allocation 0.0000000000; reserved-fee -1.1500000000; all -1.1500000000");
    const struct difference_group *g;
    assert_int_equal(reconcile_groups(m.reconcile, &g), 4);
    assert_string_equal(g[0].what, "(expected fees)");
    assert_int_equal(g[0].usd, -12000000000);
    assert_int_equal(g[1].kind, DIFF_ALLOCATION);
    assert_string_equal(g[1].what, "i-a");
    assert_int_equal(g[1].usd, 960000000);
    assert_int_equal(g[1].seconds, 3600);
    assert_int_equal(g[2].usd, -960000000);
    assert_string_equal(g[3].what, "ri-1");
    assert_int_equal(g[3].usd, 500000000);
    release(&m);
}

/* eu-west-1 costs 0.107 up to May 2, then 0.110, and from the middle of an hour of May 3 0.100. */
static void prices_by_date(void **state)
{
    (void)state;
    struct made m;
    make(&m, USAGE("i-a,m5.large,eu-west-1,2024-05-01T23:30:00Z,2024-05-02T00:15:00Z\n"), NULL,
         HEAD "9,Usage,2024-05-01T23:00:00Z,2024-05-02T00:00:00Z," BOX "i-a,0.5,0.0535,,,,\n"
              "9,Usage,2024-05-02T00:00:00Z,2024-05-02T01:00:00Z," BOX "i-a,0.25,0.0275,,,,\n");
    kinds_are(&m, "all 0.0000000000");
    release(&m);
    make(&m, USAGE("i-a,m5.large,eu-west-1,2024-05-03T12:00:00Z,2024-05-03T13:00:00Z\n"), NULL,
         HEAD "9,Usage,2024-05-03T12:00:00Z,2024-05-03T13:00:00Z," BOX "i-a,1,0.105,,,,\n");
    kinds_are(&m, "all 0.0000000000");
    release(&m);
}

static void commitments_and_coverage(void **state)
{
    (void)state;
    static const char focus[] =
        "ChargeCategory,ChargePeriodStart,BilledCost,EffectiveCost,ChargeFrequency,CommitmentDiscountId,"
        "CommitmentDiscountCategory,CommitmentDiscountStatus,ResourceId,x_UsageType,ConsumedQuantity\n"
        "Usage,2024-05-01T00:00:00Z,0,0.75,Usage-Based,sp-1,Spend,Used,i-a,BoxUsage:m5.large,3\n"
        "Usage,2024-05-01T00:00:00Z,0,0.25,Usage-Based,sp-1,Spend,Unused,,,\n"
        "Purchase,2024-05-01T00:00:00Z,1,0,Recurring,sp-1,Spend,,,,\n"
        "Usage,2024-05-01T00:00:00Z,0,0.06,Usage-Based,ri-1,Usage,Used,i-b,BoxUsage:m5.large,1\n"
        "Purchase,2024-05-01T00:00:00Z,0.12,0,Recurring,ri-1,Usage,,,,\n"
        "Usage,2024-05-01T00:00:00Z,0.096,0.096,Usage-Based,,,,i-c,BoxUsage:m5.large,1\n";
    struct made m;
    make(&m, NULL, NULL, focus);
    const struct commitment_view *v;
    assert_int_equal(reconcile_commitments(m.reconcile, &v), 2);
    assert_string_equal(v[0].id, "ri-1"); /* half of what was paid was used, and nobody told of the rest */
    assert_false(v[0].plan);
    assert_false(v[0].balanced);
    assert_int_equal(v[0].used_usd, 600000000);
    assert_int_equal(v[0].fee_usd, 1200000000);
    assert_string_equal(v[1].id, "sp-1"); /* vector 37: used 0.75 + unused 0.25 = 1, billed usage 0 */
    assert_true(v[1].plan);
    assert_true(v[1].balanced);
    assert_int_equal(v[1].used_usd, 7500000000);
    assert_int_equal(v[1].unused_usd, 2500000000);
    const struct coverage_view *c;
    assert_int_equal(reconcile_coverage(m.reconcile, &c), 1);
    assert_string_equal(c[0].type, "m5.large");
    assert_int_equal(c[0].on_demand_s, 3600);
    assert_int_equal(c[0].reserved_s, 3600);
    assert_int_equal(c[0].plan_s, 3 * 3600);
    assert_int_equal(reconcile_view(m.reconcile, COST_PLAN_COVERED)->unblended_usd, 0);
    assert_int_equal(reconcile_view(m.reconcile, COST_PLAN_COVERED)->amortised_usd, 7500000000);
    release(&m);
}

/* Of 40 differences the 5 largest are kept, in order. */
static void the_largest_are_kept(void **state)
{
    (void)state;
    struct made m = {.names = names_new(), .resources = names_new(), .tally = tally_new(0)};
    m.reconcile = reconcile_new(m.resources, m.tally, false);
    struct str text;
    str_init(&text, 0);
    str_add(&text, HEAD);
    for (int i = 0; i < 40; i++)
        str_addf(&text, "9,Usage," H("00") BOX "i-%d,1,0.%02d,,,,\n", i, (i * 17) % 40 + 1);
    read_report(&m, text.text);
    const struct reconcile_terms terms = {.compare = true, .top = 5};
    struct err err = {0};
    assert_int_equal(reconcile_finish(m.reconcile, &terms, &err), 0);
    const struct difference_group *g;
    assert_int_equal(reconcile_groups(m.reconcile, &g), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(g[i].usd, (40 - i) * (MONEY_PER_USD / 100));
    str_release(&text);
    release(&m);
}

static void reports_by_day_say_so(void **state)
{
    (void)state;
    static const char text[] = HEAD "9,Usage,2024-05-01T00:00:00Z,2024-05-02T00:00:00Z," BOX "i-a,24,2.304,,,,\n";
    struct err err = {0};
    struct cost_report *report;
    struct cost_line line = {0};
    assert_int_equal(cost_report_open_text(&report, "cur.csv", text, sizeof(text) - 1, &err), 0);
    assert_int_equal(cost_report_next(report, &line, &err), 1);
    for (int by_day = 0; by_day < 2; by_day++) {
        struct names *resources = names_new();
        struct tally *tally = tally_new(0);
        struct reconcile *r = reconcile_new(resources, tally, by_day);
        assert_int_equal(reconcile_line(r, &line, "cur.csv", &err), by_day ? 0 : EXIT_INPUT);
        reconcile_free(r);
        tally_free(tally);
        names_free(resources);
    }
    assert_non_null(strstr(err.text, "say --by day"));
    cost_report_close(report);
}

static void usage_is(const char *report_text, const char *expected)
{
    struct err err = {0};
    struct cost_report *report;
    struct names *names = names_new();
    struct usage usage = {0};
    struct str got;
    str_init(&got, 0);
    assert_int_equal(cost_report_open_text(&report, "cur.csv", report_text, strlen(report_text), &err), 0);
    if (usage_from_report(&usage, names, report, &err))
        str_add(&got, err.text);
    for (size_t i = 0; i < usage.count; i++) {
        char start[INSTANT_TEXT_SIZE];
        char end[INSTANT_TEXT_SIZE];
        const struct usage_row *row = &usage.rows[i];
        str_addf(&got, "%s %s..%s\n", names_text(names, row->instance), calendar_text(row->start, start) + 8,
                 calendar_text(row->end, end) + 8);
    }
    assert_string_equal(got.text, expected);
    str_release(&got);
    usage_release(&usage);
    names_free(names);
    cost_report_close(report);
}

static void usage_from_reports(void **state)
{
    (void)state;
    /* started at 00:40, ran through 01, ended at 02:00:10: one period of 20 min + 1 h + 10 s */
    usage_is(HEAD "9,Usage," H("01") BOX "i-a,1,0.096,,,,\n9,Usage," H("00") BOX
             "i-a,0.3333333333,0.032,,,,\n9,Usage," H("02") BOX "i-a,0.0027777778,0,,,,\n",
             "i-a 01T00:40:00Z..01T02:00:10Z\n");
    /* one hour alone begins with the hour; lines of the same hour (half of it covered) are one */
    usage_is(HEAD "9,Usage," H("05") BOX "i-a,0.25,0.024,,,,\n9,DiscountedUsage," H("05") BOX "i-a,0.25,0,ri,0.01,,\n",
             "i-a 01T05:00:00Z..01T05:30:00Z\n");
    /* stopped in the middle: 01 is not whole */
    usage_is(HEAD "9,Usage," H("00") BOX "i-a,1,0.096,,,,\n9,Usage," H("01") BOX "i-a,0.5,0.048,,,,\n9,Usage," H("02")
                 BOX "i-a,1,0.096,,,,\n",
             "i-a 01T00:00:00Z..01T01:30:00Z\ni-a 01T02:00:00Z..01T03:00:00Z\n");
    /* started twice within an hour, when each start opened an hour */
    usage_is(HEAD "9,Usage," H("00") BOX "i-a,2,0.192,,,,\n",
             "i-a 01T00:00:00Z..01T01:00:00Z\ni-a 01T00:00:00Z..01T01:00:00Z\n");
    /* nothing but instance time */
    usage_is(HEAD
             "9,Usage," H("00") "SpotUsage:m5.large,i-s,1,0.03,,,,\n9,Usage," H("00") "EBS:VolumeUsage,vol-1,1,1,,,,\n",
             "");
    usage_is(HEAD "9,Usage,2024-05-01T00:00:00Z,2024-05-02T00:00:00Z," BOX "i-a,24,2.304,,,,\n",
             "cur.csv:2: a line of more than an hour: only reports by hour can be billed");
}

/* What a random instance-hour is made to be; the sums of each are counted while the two sides are written. */
struct drawn {
    struct str usage, report;
    money_t kinds[DIFF_KINDS];
};

static void draw_hour(struct drawn *d, struct philox *tape, int instance, int hour)
{
    char start[INSTANT_TEXT_SIZE];
    char end[INSTANT_TEXT_SIZE];
    char stop[INSTANT_TEXT_SIZE];
    char amount[MONEY_TEXT_SIZE];
    char cost[MONEY_TEXT_SIZE];
    const instant_t at = 1714521600 + (instant_t)hour * SECONDS_PER_HOUR;
    int64_t known = 60 * (1 + (int64_t)philox_below(tape, 60)); /* s; whole minutes cost whole units */
    int64_t charged = philox_below(tape, 3) ? known : 60 * (1 + (int64_t)philox_below(tape, 60));
    money_t rate = philox_below(tape, 3) ? 960000000 : 900000000; /* AWS's; ours is 0.096 */
    bool on_ledger = philox_below(tape, 5) > 0;
    bool on_report = !on_ledger || philox_below(tape, 5) > 0;
    bool covered = philox_below(tape, 4) == 0;
    money_t expected = known * 960000000 / SECONDS_PER_HOUR;
    money_t usd = covered ? 0 : charged * rate / SECONDS_PER_HOUR;
    if (on_ledger)
        str_addf(&d->usage, "i-%d,m5.large,us-east-1,%s,%s\n", instance, calendar_text(at, start),
                 calendar_text(at + known, end));
    if (on_report)
        str_addf(&d->report, "9,%s,%s,%s," BOX "i-%d,%s,%s,%s,,,\n", covered ? "DiscountedUsage" : "Usage",
                 calendar_text(at, start), calendar_text(at + SECONDS_PER_HOUR, stop), instance,
                 money_text((money_t)num_div_half_even((int128)charged * MONEY_PER_USD, SECONDS_PER_HOUR), amount),
                 money_text(usd, cost), covered ? "ri-1" : "");
    if (!on_ledger)
        d->kinds[DIFF_MISSING_IN_LEDGER] += usd;
    else if (!on_report)
        d->kinds[DIFF_MISSING_IN_REPORT] -= expected;
    else {
        d->kinds[DIFF_USAGE] += charged * 960000000 / SECONDS_PER_HOUR - expected;
        if (covered)
            d->kinds[DIFF_ALLOCATION] -= charged * 960000000 / SECONDS_PER_HOUR;
        else
            d->kinds[DIFF_PRICE] += usd - charged * 960000000 / SECONDS_PER_HOUR;
    }
}

static void random_months(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct philox tape = philox_stream(9, 0, seed, 1);
        struct drawn d = {0};
        str_init(&d.usage, 0);
        str_init(&d.report, 0);
        str_add(&d.usage, USAGE(""));
        str_add(&d.report, HEAD);
        for (int instance = 0; instance < 20; instance++)
            for (int hour = 0; hour < 30; hour++)
                draw_hour(&d, &tape, instance, hour);
        struct made m;
        make(&m, d.usage.text, NULL, d.report.text);
        for (int k = 0; k < DIFF_KINDS; k++)
            assert_int_equal(reconcile_kind_usd(m.reconcile, (enum difference)k), d.kinds[k]);
        release(&m);
        str_release(&d.usage);
        str_release(&d.report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_kind_each),        cmocka_unit_test(allocation),
        cmocka_unit_test(prices_by_date),       cmocka_unit_test(commitments_and_coverage),
        cmocka_unit_test(the_largest_are_kept), cmocka_unit_test(reports_by_day_say_so),
        cmocka_unit_test(usage_from_reports),   cmocka_unit_test(random_months),
    };
    return cmocka_run_group_tests_name("reconcile", tests, NULL, NULL);
}
