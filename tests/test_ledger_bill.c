/* Every vector through the ledger and back: usage recorded, the bill made from the ledger, the month settled, the
 * ledger's sum held against the bill to the last unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "base/str.h"
#include "billing/ledger_bill.h"
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define USAGE "account,instance,type,region,zone,start,end\n"
#define AT    "2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
#define YEAR  ",2018-01-01,2019-01-01\n"
#define CATALOG                                                                                                        \
    "type,region,os,effective,usd_per_hour\n"                                                                          \
    "m4.large,r,linux,2010-01-01,0.1\nm4.xlarge,r,linux,2010-01-01,0.2\nm4.2xlarge,r,linux,2010-01-01,0.4\n"           \
    "c4.large,r,linux,2010-01-01,0.1\nc4.xlarge,r,linux,2010-01-01,0.2\nc4.2xlarge,r,linux,2010-01-01,0.4\n"           \
    "m3.large,r,linux,2010-01-01,0.1\nm3.xlarge,r,linux,2010-01-01,0.2\nt2.small,r,linux,2010-01-01,0.023\n"           \
    "t2.large,r,linux,2010-01-01,0.092\nm4.large,r,linux,2018-08-16,0.09\n"                                            \
    "t2.micro,r,linux,2010-01-01,0.0116\nt2.micro,r,windows,2010-01-01,0.0162\n"                                       \
    "c5.9xlarge,r,linux,2010-01-01,3\nc5.24xlarge,r,windows,2010-01-01,12\n"

static void must(int code, const struct err *err)
{
    if (code)
        fail_msg("%s", err->text);
}

/* And its resources, for one deployment. */
static void record_resources(struct ledger *l, const struct made *m)
{
    struct err err = {0};
    for (size_t i = 0; i < m->resources.count; i++) {
        const struct resource_row *row = &m->resources.rows[i];
        char key[64];
        enum ledger_booked booked;
        const struct ledger_scope scope = {"d", "production", "shop"};
        snprintf(key, sizeof(key), "resource %zu", i);
        const struct ledger_usage u = {.key = key,
                                       .kind = names_text(m->names, row->kind),
                                       .resource = names_text(m->names, row->resource),
                                       .account = names_text(m->names, row->account),
                                       .type = "",
                                       .region = names_text(m->names, row->region),
                                       .zone = "",
                                       .os = "",
                                       .quantity = row->quantity,
                                       .start = row->start,
                                       .end = row->end,
                                       .usd = row->usd};
        must(ledger_record(l, &u, &scope, m->catalog, row->end, &booked, &err), &err);
        assert_int_equal(booked, LEDGER_NEW);
    }
}

struct recording {
    const struct made *m;
    enum regime_choice regime;
};

static int record_all(struct ledger *l, void *context, struct err *err)
{
    const struct recording *r = context;
    const struct made *m = r->m;
    for (size_t i = 0; i < m->usage.count; i++) {
        const struct usage_row *row = &m->usage.rows[i];
        char key[64];
        enum ledger_booked booked;
        const char *instance = names_text(m->names, row->instance);
        const struct ledger_scope scope = {instance, i % 2 ? "production" : "staging", "shop"};
        snprintf(key, sizeof(key), "%zu", i);
        const struct ledger_usage u = {.key = key,
                                       .kind = "instance",
                                       .resource = instance,
                                       .account = names_text(m->names, row->account),
                                       .type = names_text(m->names, row->type),
                                       .region = names_text(m->names, row->region),
                                       .zone = names_text(m->names, row->zone),
                                       .os = names_text(m->names, row->os),
                                       .start = row->start,
                                       .end = row->end,
                                       .usd = -1,
                                       .regime = r->regime};
        must(ledger_record(l, &u, &scope, m->catalog, row->end, &booked, err), err);
        assert_int_equal(booked, LEDGER_NEW);
    }
    record_resources(l, m);
    return 0;
}

/* Books all usage of a made bill, each instance for a deployment of its own. */
static struct ledger *record(const struct made *m, enum regime_choice regime)
{
    struct ledger *l = NULL;
    struct err err = {0};
    struct recording r = {m, regime};
    must(ledger_open(&l, ":memory:", LEDGER_WRITE, &err), &err);
    must(ledger_together(l, record_all, &r, 0, &err), &err);
    return l;
}

static void assert_same(const struct bill *a, const struct made *b)
{
    assert_int_equal(a->total_usd, b->bill.total_usd);
    assert_int_equal(a->count, b->bill.count);
    for (int k = 0; k < BILL_KINDS; k++)
        assert_int_equal(a->by_kind_usd[k], b->bill.by_kind_usd[k]);
    struct made back = {.bill = *a};
    for (size_t i = 0; i < a->count; i++) {
        const struct bill_line *l = &a->lines[i];
        assert_true(made_seconds_scaled(&back, l->kind, l->instance, 256) ==
                    made_seconds_scaled(b, l->kind, l->instance, 256));
    }
}

static int64_t spent(struct ledger *l, instant_t from, instant_t to)
{
    const struct ledger_filter f = {.from = from, .to = to, .account = "expense:", .unit = "usd"};
    struct err err;
    int64_t sum = 0;
    must(ledger_sum(l, &f, &sum, &err), &err);
    return sum;
}

static int64_t fees(struct ledger *l, const char *account, instant_t from, instant_t to)
{
    const struct ledger_filter f = {.from = from, .to = to, .account = account, .unit = "usd"};
    struct err err;
    int64_t sum = 0;
    must(ledger_sum(l, &f, &sum, &err), &err);
    return sum;
}

/* What the lines of a kind that name no instance come to. */
static int64_t of_kind(const struct bill *bill, enum bill_kind kind)
{
    int64_t sum = 0;
    for (size_t i = 0; i < bill->count; i++)
        sum += bill->lines[i].kind == kind && !*bill->lines[i].instance ? bill->lines[i].cost_usd : 0;
    return sum;
}

static void assert_settled(struct ledger *l, const struct bill_input *in, const struct made *m)
{
    struct err err = {0};
    struct ledger_settled done;
    struct diag diag = {.out = stderr};
    int month = calendar_month(m->bill.from);
    instant_t from = calendar_month_start(month);
    instant_t to = calendar_month_start(month + 1);
    must(ledger_settle(l, in, month, from + (to - from) / 2, &done, NULL, &err), &err);
    must(ledger_settle(l, in, month, to, &done, NULL, &err), &err);
    if (m->bill.to == to)
        assert_int_equal(done.bill_usd, m->bill.total_usd);
    assert_int_equal(spent(l, from, to), done.bill_usd);
    if (m->bill.from == from && m->bill.to == to) {
        assert_int_equal(fees(l, "expense:reserved-fee", from, to), of_kind(&m->bill, BILL_RESERVED_FEE));
        assert_int_equal(fees(l, "expense:savings-plan", from, to), of_kind(&m->bill, BILL_SAVINGS_PLAN));
    }
    must(ledger_settle(l, in, month, to, &done, NULL, &err), &err);
    assert_int_equal(done.entries, 0);
    assert_int_equal(done.before_usd, done.bill_usd);
    must(ledger_check(l, &diag, &err), &err);
}

/* What is held and pays, as `ledger settle` reads it from files. */
static void open_held(struct bill_files *files, const struct made_texts *t)
{
    struct err err = {0};
    int code = t->reserved ? reservations_open_text(&files->reservations, files->names, "r", t->reserved,
                                                    strlen(t->reserved), NULL, &err)
                           : 0;
    if (!code && t->plans)
        code = plans_open_text(&files->plans, files->names, "p", t->plans, strlen(t->plans), NULL, &err);
    if (!code && t->plans)
        code = plan_rates_open_text(&files->plan_rates, files->names, "q", t->rates, strlen(t->rates), NULL, &err);
    must(code, &err);
}

/* usd_text: what the bill must come to, or NULL: what the bill from the files says is held against the one from the
 * ledger. */
static void through_to(struct made_texts texts, const char *usd_text)
{
    struct made m;
    struct bill_files files = {0};
    struct bill bill = {0};
    struct err err = {0};
    texts.catalog = CATALOG;
    make_bill_of(&m, &texts);
    must(m.code, &m.err);
    struct ledger *l = record(&m, texts.regime);
    files.names = names_new();
    must(ledger_bill_open(&files, l, INSTANT_MIN, INSTANT_MAX, NULL, &err), &err);
    open_held(&files, &texts);
    struct bill_input in = {.names = files.names,
                            .usage = &files.usage,
                            .reservations = texts.reserved ? &files.reservations : NULL,
                            .resources = &files.resources,
                            .plans = texts.plans ? &files.plans : NULL,
                            .plan_rates = texts.plans ? &files.plan_rates : NULL,
                            .unlinked = texts.unlinked,
                            .catalog = files.catalog,
                            .regime = texts.regime,
                            .from = {true, m.bill.from},
                            .to = {true, m.bill.to}};
    if (texts.free_tier)
        in.free_tier = (struct opt_instant){true, at(texts.free_tier)};
    must(bill_make(&bill, &in, NULL, &err), &err);
    assert_same(&bill, &m);
    if (usd_text)
        assert_int_equal(bill.total_usd, usd(usd_text));
    bill_release(&bill);
    assert_settled(l, &in, &m);
    bill_files_release(&files);
    ledger_close(l);
    made_release(&m);
}

static void through(struct made_texts texts)
{
    through_to(texts, NULL);
}

#define ROW(account, instance, type, zone) account "," instance "," type ",r," zone "," AT
#define PERIOD(instance, from, to)         "," instance ",m4.large,r,,2018-08-01T" from "Z,2018-08-01T" to "Z\n"

static void vectors_1_to_7(void **state)
{
    (void)state;
    static const struct {
        const char *rows;
        enum regime_choice regime;
    } cases[] = {
        {USAGE PERIOD("a", "10:00:00", "10:30:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:10:00") PERIOD("a", "10:12:00", "10:20:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:30:00") PERIOD("b", "10:30:00", "11:00:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:05:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:55:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "11:05:00"), CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:01:00") PERIOD("a", "10:02:00", "10:03:00") PERIOD(
             "a", "10:04:00", "10:05:00") PERIOD("a", "10:06:00", "10:07:00") PERIOD("a", "10:08:00", "10:09:00"),
         CHOOSE_HOURLY},
        {USAGE PERIOD("a", "10:00:00", "10:00:20"), CHOOSE_SECOND},
        {USAGE PERIOD("a", "10:00:00", "10:03:40"), CHOOSE_SECOND},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        through((struct made_texts){.usage = cases[i].rows, .regime = cases[i].regime});
}

static void vectors_with_reservations(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *reserved;
        enum regime_choice regime;
    } cases[] = {
        /* 8 */ {USAGE ROW("", "a", "m4.xlarge", "") ROW("", "b", "m4.xlarge", "") ROW("", "c", "m4.xlarge", "")
                     ROW("", "d", "m4.xlarge", ""),
                 "type,region,start,end\nm4.xlarge,r" YEAR, CHOOSE_HOURLY},
        /* 9 */
        {USAGE PERIOD("a", "10:00:00", "10:15:00") PERIOD("b", "10:15:00", "10:30:00")
             PERIOD("c", "10:30:00", "10:45:00") PERIOD("d", "10:45:00", "11:00:00"),
         "type,region,start,end\nm4.large,r" YEAR, CHOOSE_SECOND},
        {USAGE PERIOD("a", "10:00:00", "10:15:00") PERIOD("b", "10:15:00", "10:30:00"),
         "type,region,start,end\nm4.large,r" YEAR, CHOOSE_HOURLY},
        /* 12 */
        {USAGE ROW("", "a", "m4.xlarge", "") ROW("", "b", "m4.xlarge", ""),
         "type,region,count,start,end\nm4.large,r,4" YEAR, CHOOSE_SECOND},
        /* 13 */ {USAGE ROW("", "a", "c4.xlarge", ""), "type,region,start,end\nc4.large,r" YEAR, CHOOSE_SECOND},
        /* 14 */
        {USAGE ROW("", "a", "m3.large", "") ROW("", "b", "m3.large", "") ROW("", "c", "m3.xlarge", "")
             ROW("", "d", "m3.xlarge", ""),
         "type,region,start,end\nm3.2xlarge,r" YEAR, CHOOSE_SECOND},
        /* 15 */
        {USAGE ROW("A", "a", "m4.xlarge", "") ROW("A", "b", "m4.xlarge", "") ROW("A", "c", "m4.2xlarge", "")
             ROW("B", "d", "m4.xlarge", "") ROW("B", "e", "m4.xlarge", ""),
         "account,type,region,count,start,end\nA,m4.xlarge,r,4" YEAR, CHOOSE_SECOND},
        /* 16 */
        {USAGE ROW("", "a", "c4.xlarge", "") ROW("", "b", "c4.xlarge", "") ROW("", "c", "c4.2xlarge", ""),
         "type,region,count,start,end\nc4.xlarge,r,2" YEAR, CHOOSE_SECOND},
        /* 17 */
        {USAGE ROW("A", "a", "m4.xlarge", "1a") ROW("B", "b", "m4.xlarge", "1b"),
         "account,type,region,zone,start,end\nA,m4.xlarge,r,,2018-01-01,2019-01-01\nC,m4.xlarge,r,1a" YEAR,
         CHOOSE_SECOND},
        /* 18 */ {USAGE ROW("", "a", "t2.large", ""), "type,region,start,end\nt2.medium,r" YEAR, CHOOSE_SECOND},
        /* 19 */
        {USAGE ROW("A", "a", "m4.large", "") ROW("B", "b", "m4.large", "") ROW("B", "c", "m4.large", "")
             ROW("A", "d", "m4.large", ""),
         "account,type,region,count,start,end\nA,m4.large,r,3" YEAR, CHOOSE_SECOND},
        /* 20, 23 */
        {USAGE ROW("", "a", "m4.large", ""), "type,region,upfront_usd,hourly_usd,start,end\nm4.large,r,60,0.0309" YEAR,
         CHOOSE_SECOND},
        /* 22 */ {USAGE ROW("", "a", "m4.xlarge", ""), "type,region,count,start,end\nm4.large,r,2" YEAR, CHOOSE_SECOND},
        /* the pool model */
        {USAGE ",a,m4.large,r,,2018-08-01T00:00:00Z,2018-08-31T20:00:00Z\n"
               ",b,m4.large,r,,2018-08-05T00:00:00Z,2018-08-08T20:00:00Z\n",
         "type,region,model,hourly_usd,start,end\nm4.large,r,pool,0.05" YEAR, CHOOSE_HOURLY},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        through((struct made_texts){.usage = cases[i].rows, .reserved = cases[i].reserved, .regime = cases[i].regime});
}

/* A month in which nothing runs, and one in which all is always used. */
static void vectors_20_to_27_fees(void **state)
{
    (void)state;
    static const struct {
        const char *reserved, *from, *to, *usd;
    } cases[] = {
        /* 20 */ {"type,region,hourly_usd,start,end\nm4.large,r,0.0309" YEAR, "2018-08-01", "2018-09-01", "22.9896"},
        /* 21 */ {"type,region,hourly_usd,start,end\nm4.xlarge,r,0.0618" YEAR, "2018-08-01", "2018-09-01", "45.9792"},
        /* 27 */ {"type,region,count,hourly_usd,start,end\nm4.large,r,5,1" YEAR, "2018-08-01", "2018-09-01", "3720"},
        /* 24 */ {"type,region,upfront_usd,start,end\nm4.large,r,365" YEAR, "2018-08-01", "2018-09-01", "31"},
        /* 23, a month of it: 60 x 31 / 365 + 0.007 x 744 */
        {"type,region,upfront_usd,hourly_usd,start,end\nm4.large,r,60,0.007" YEAR, "2018-08-01", "2018-09-01",
         "10.3038904110"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made_texts texts = {
            .usage = USAGE, .reserved = cases[i].reserved, .from = cases[i].from, .to = cases[i].to};
        through_to(texts, cases[i].usd);
        if (strstr(texts.reserved, "m4.xlarge"))
            continue;
        texts.usage = USAGE ",i,m4.large,r,,2018-08-01T00:00:00Z,2018-09-01T00:00:00Z\n";
        through_to(texts, cases[i].usd);
    }
}

static void vector_25_a_month_of_four(void **state)
{
    (void)state;
    through_to((struct made_texts){.usage = USAGE ",a,t2.small,r,,2018-09-01T00:00:00Z,2018-10-01T00:00:00Z\n"
                                                  ",b,t2.small,r,,2018-09-01T00:00:00Z,2018-10-01T00:00:00Z\n"
                                                  ",c,t2.small,r,,2018-09-01T00:00:00Z,2018-10-01T00:00:00Z\n"
                                                  ",d,t2.small,r,,2018-09-01T00:00:00Z,2018-10-01T00:00:00Z\n",
                                   .reserved = "type,region,count,start,end\nt2.small,r,3" YEAR},
               "16.56");
}

#define OS_USAGE                       "instance,type,region,os,start,end\n"
#define PLANNED(i, type, os, from, to) i "," type ",r," os ",2022-08-01T" from ":00Z,2022-08-01T" to ":00Z\n"
#define PLAN_RATES                                                                                                     \
    "type,region,os,effective,usd_per_hour\nc5.9xlarge,r,linux,2010-01-01,2\nc5.24xlarge,r,windows,2010-01-01,8\n"     \
    "m4.large,r,linux,2010-01-01,0.06\n"

static void vectors_28_37_38_savings_plans(void **state)
{
    (void)state;
    struct made_texts texts = {
        .usage = OS_USAGE PLANNED("1", "c5.9xlarge", "linux", "10:00", "11:00")
            PLANNED("2", "c5.9xlarge", "linux", "10:00", "11:00") PLANNED("3", "c5.9xlarge", "linux", "10:00", "11:00")
                PLANNED("4", "c5.9xlarge", "linux", "10:00", "10:30")
                    PLANNED("5", "c5.24xlarge", "windows", "10:00", "11:00")
                        PLANNED("6", "c5.24xlarge", "windows", "10:00", "11:00")
                            PLANNED("7", "c5.9xlarge", "linux", "10:15", "11:00")
                                PLANNED("8", "c5.9xlarge", "linux", "10:00", "10:15"),
        .plans = "plan,hourly_usd,start,end\ncompute,25,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n",
        .rates = PLAN_RATES,
        .from = "2022-08-01",
        .to = "2022-09-01"};
    through_to(texts, "25");
    texts.plans = "plan,hourly_usd,start,end\ncompute,24,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n";
    through_to(texts, "25.5");
    /* 37: $1 an hour, of which 0.75 is used; 38: 1.50 would be used, so half a dollar's worth is at the standard rate
     * (a quarter of an hour of what costs 3). */
    texts.plans = "plan,hourly_usd,start,end\ncompute,1,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n";
    texts.usage = OS_USAGE "1,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T10:22:30Z\n";
    through_to(texts, "1");
    texts.usage = OS_USAGE "1,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T10:45:00Z\n";
    through_to(texts, "1.75");
    /* A reservation first, then the plan of the family, then the other, for a month that goes on after it. */
    texts = (struct made_texts){
        .usage = USAGE ROW("", "a", "m4.large", "") ROW("", "b", "m4.large", "") ROW("", "c", "m4.large", ""),
        .reserved = "type,region,hourly_usd,start,end\nm4.large,r,0.05" YEAR,
        .plans = "plan,family,region,hourly_usd,start,end\ncompute,,,0.06,2018-08-01T10:00:00Z,2018-08-20\n"
                 "ec2-instance,m4,r,0.03,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n",
        .rates = PLAN_RATES,
        .from = "2018-08-01",
        .to = "2018-09-01"};
    through_to(texts, NULL);
}

static void the_free_tier(void **state)
{
    (void)state;
    through_to((struct made_texts){.usage = OS_USAGE "a,t2.micro,r,linux,2022-01-01T00:00:00Z,2022-02-01T00:00:00Z\n"
                                                     "b,t2.micro,r,linux,2022-01-31T00:00:00Z,2022-02-01T00:00:00Z\n"
                                                     "w,t2.micro,r,windows,2022-01-01T00:00:00Z,2022-01-01T10:00:00Z\n",
                                   .free_tier = "2021-06-10"},
               "0.2088"); /* 744 + 6 are free, 18 are not */
}

static void vectors_29_31_storage(void **state)
{
    (void)state;
    struct made_texts texts = {.usage = USAGE,
                               .resources = "resource,kind,quantity,unit,region,start,end,usd\n"
                                            "vol-1,volume,2000,GB,r,2018-09-01,2018-09-01T12:00:00Z,0.09394\n",
                               .from = "2018-09-01",
                               .to = "2018-10-01"};
    through_to(texts, "3.1313333333");
    /* 31: the first snapshot stores 50 GB, the second 20 changed and 10 added: 50 for half of a 30-day month, then 80
     */
    texts.resources = "resource,kind,quantity,unit,region,start,end\n"
                      "snap-1,snapshot,50,GB,r,2018-09-01,2018-10-01\n"
                      "snap-2,snapshot,30,GB,r,2018-09-16,2018-10-01\n";
    through_to(texts, "3.25");
    texts.resources = "resource,kind,quantity,unit,region,start,end\n"
                      "snap-1,snapshot,50,GB,r,2018-09-01,2018-09-16\n"
                      "snap-2,snapshot,80,GB,r,2018-09-16,2018-10-01\n"
                      "eip,public-ipv4,1,,r,2018-09-01,2018-09-01T10:00:00Z\n";
    through_to(texts, "3.25");
}

static void random_months(void **state)
{
    (void)state;
    uint32_t count = getenv("BAKEHOUR_SOAK") ? 20000 : 120;
    static const char *const types[] = {"m4.large", "m4.xlarge", "m4.2xlarge", "c4.large"};
    for (uint32_t n = 0; n < count; n++) {
        struct philox p = philox_stream(77, n, 0, 4);
        struct str usage;
        struct str held;
        char a[INSTANT_TEXT_SIZE];
        char z[INSTANT_TEXT_SIZE];
        instant_t begin = at("2018-08-01");
        str_init(&usage, 0);
        str_init(&held, 0);
        str_add(&usage, USAGE);
        str_add(&held, "account,type,region,model,count,upfront_usd,hourly_usd,start,end\n");
        for (int64_t i = draw_between(&p, 1, 8); i; i--) {
            instant_t start = begin + draw_between(&p, 0, 20 * 86400);
            str_addf(&usage, "%c,i-%d,%s,r,,%s,%s\n", 'A' + (int)philox_below(&p, 2), (int)i,
                     types[philox_below(&p, 4)], calendar_text(start, a),
                     calendar_text(start + draw_between(&p, 0, 10 * 86400), z));
        }
        for (int64_t i = draw_between(&p, 0, 3); i; i--)
            str_addf(&held, "%c,%s,r,%s,%d,%d,0.0%d,2018-01-01,2019-01-01\n", 'A' + (int)philox_below(&p, 2),
                     types[philox_below(&p, 4)], philox_below(&p, 3) ? "clock-hour" : "pool",
                     (int)draw_between(&p, 1, 2), (int)draw_between(&p, 0, 300), (int)draw_between(&p, 1, 9));
        through((struct made_texts){.usage = usage.text,
                                    .reserved = held.text,
                                    .regime = (enum regime_choice)philox_below(&p, 3),
                                    .from = "2018-08-01",
                                    .to = "2018-09-01"});
        str_release(&usage);
        str_release(&held);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_1_to_7),
        cmocka_unit_test(vectors_with_reservations),
        cmocka_unit_test(vectors_20_to_27_fees),
        cmocka_unit_test(vector_25_a_month_of_four),
        cmocka_unit_test(vectors_28_37_38_savings_plans),
        cmocka_unit_test(the_free_tier),
        cmocka_unit_test(vectors_29_31_storage),
        cmocka_unit_test(random_months),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
