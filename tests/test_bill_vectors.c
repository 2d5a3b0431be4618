/* The rest of AWS's arithmetic by the numbers of the project's list of facts: linked accounts, fees and their
 * amortisation, Savings Plans, the free tier, stored gigabytes; and plans against a literal allocator. */
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
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define USAGE "account,instance,type,region,zone,start,end\n"
#define HOUR  ",2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
#define YEAR  ",2018-01-01,2019-01-01\n"
#define CATALOG                                                                                                        \
    "type,region,os,effective,usd_per_hour\n"                                                                          \
    "m4.large,r,linux,2010-01-01,0.1\nm4.xlarge,r,linux,2010-01-01,0.2\nm4.2xlarge,r,linux,2010-01-01,0.4\n"           \
    "t2.small,r,linux,2010-01-01,0.023\nt2.micro,r,linux,2010-01-01,0.0116\nt2.micro,r,windows,2010-01-01,0.0162\n"    \
    "c5.9xlarge,r,linux,2010-01-01,3\nc5.24xlarge,r,windows,2010-01-01,12\nc5.large,r,linux,2010-01-01,0.085\n"

static void bill(struct made *m, struct made_texts texts)
{
    texts.catalog = texts.catalog ? texts.catalog : CATALOG;
    make_bill_of(m, &texts);
    if (m->code)
        fail_msg("%s", m->err.text);
}

static void vector_15_the_owner_first(void **state)
{
    (void)state;
    struct made m;
    bill(&m,
         (struct made_texts){.usage = USAGE "B,b1,m4.xlarge,r," HOUR "B,b2,m4.xlarge,r," HOUR "A,a1,m4.xlarge,r," HOUR
                                            "A,a2,m4.xlarge,r," HOUR "A,a3,m4.2xlarge,r," HOUR,
                             .reserved = "account,type,region,count,start,end\nA,m4.xlarge,r,4" YEAR});
    assert_string_equal(made_hours(&m, BILL_RESERVED, "a1"), "1");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "a2"), "1");
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, "a3", 1) == 3600);
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "b1"), "1");
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "b2"), "1");
    assert_int_equal(m.bill.total_usd, usd("0.4"));
    made_release(&m);
}

static void vector_17_an_unused_zonal_one_of_anybody_goes_first(void **state)
{
    (void)state;
    struct made m;
    bill(&m,
         (struct made_texts){.usage = USAGE "A,a,m4.xlarge,r,1a" HOUR "B,b,m4.xlarge,r,1b" HOUR,
                             .reserved = "account,type,region,zone,start,end\nA,m4.xlarge,r,,2018-01-01,2019-01-01\n"
                                         "C,m4.xlarge,r,1a,2018-01-01,2019-01-01\n"});
    assert_int_equal(m.bill.total_usd, 0);
    for (size_t i = 0; i < m.bill.count; i++) {
        const struct bill_line *l = &m.bill.lines[i];
        if (l->kind == BILL_RESERVED)
            assert_int_equal(l->reservation_line, *l->instance == 'a' ? 3 : 2);
    }
    made_release(&m);
}

static void vector_19_what_is_left_serves_linked_accounts(void **state)
{
    (void)state;
    struct made m;
    struct str usage;
    str_init(&usage, 0);
    str_add(&usage, USAGE);
    for (int i = 0; i < 9; i++)
        str_addf(&usage, "%c,%d,m4.large,r," HOUR, i < 6 ? 'B' : 'A', i);
    bill(&m, (struct made_texts){.usage = usage.text,
                                 .reserved = "account,type,region,count,start,end\nA,m4.large,r,5" YEAR});
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, NULL, 1) == 5 * 3600);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == 4 * 3600);
    for (int i = 6; i < 9; i++)
        assert_string_equal(made_hours(&m, BILL_RESERVED, (char[]){(char)('0' + i), 0}), "1");
    made_release(&m);
    bill(&m, (struct made_texts){.usage = usage.text,
                                 .unlinked = true,
                                 .reserved = "account,type,region,count,start,end\nA,m4.large,r,5" YEAR});
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, NULL, 1) == 3 * 3600);
    made_release(&m);
    str_release(&usage);
}

static const struct bill_line *line_of(const struct made *m, enum bill_kind kind)
{
    for (size_t i = 0; i < m->bill.count; i++)
        if (m->bill.lines[i].kind == kind)
            return &m->bill.lines[i];
    fail_msg("no line of the kind %s", bill_kind_name(kind));
    return NULL;
}

static void assert_fee(const char *type, const char *hourly, const char *fee, const char *hours, const char *units,
                       int count)
{
    struct made m;
    char reserved[256];
    char text[BILL_HOURS_SIZE];
    snprintf(reserved, sizeof(reserved), "type,region,count,hourly_usd,start,end\n%s,r,%d,%s" YEAR, type, count,
             hourly);
    bill(&m, (struct made_texts){.usage = USAGE, .reserved = reserved, .from = "2018-08-01", .to = "2018-09-01"});
    assert_int_equal(m.bill.by_kind_usd[BILL_RESERVED_FEE], usd(fee));
    assert_string_equal(bill_hours_text(line_of(&m, BILL_RESERVED_FEE), text), hours);
    assert_string_equal(bill_units_text(line_of(&m, BILL_RESERVED_FEE), text), units);
    assert_true(made_seconds_scaled(&m, BILL_RESERVED_FEE, NULL, 1) == (int128)744 * 3600 * count);
    made_release(&m);
}

static void vector_20_21_27_recurring_fees(void **state)
{
    (void)state;
    assert_fee("m4.large", "0.0309", "22.9896", "744", "2976", 1);
    assert_fee("m4.xlarge", "0.0618", "45.9792", "744", "5952", 1);
    assert_fee("m4.large", "1", "3720", "744", "2976", 5);
}

static void vector_22_two_reservations_share_an_hour(void **state)
{
    (void)state;
    struct made m;
    char text[BILL_HOURS_SIZE];
    bill(&m, (struct made_texts){.usage = USAGE ",i,m4.xlarge,r," HOUR,
                                 .reserved = "type,region,count,start,end\nm4.large,r,2" YEAR});
    size_t lines = 0;
    for (size_t i = 0; i < m.bill.count; i++) {
        if (m.bill.lines[i].kind != BILL_RESERVED)
            continue;
        lines++;
        assert_string_equal(bill_hours_text(&m.bill.lines[i], text), "0.5");
        assert_string_equal(bill_units_text(&m.bill.lines[i], text), "4");
    }
    assert_int_equal(lines, 2);
    made_release(&m);
}

static void vector_23_upfront_and_recurring_for_a_year(void **state)
{
    (void)state;
    struct made m;
    bill(&m, (struct made_texts){.usage = USAGE,
                                 .reserved = "type,region,upfront_usd,hourly_usd,start,end\nm4.large,r,60,0.007" YEAR,
                                 .from = "2018-01-01",
                                 .to = "2019-01-01"});
    assert_int_equal(m.bill.total_usd, usd("121.32"));
    made_release(&m);
}

static void vector_24_a_dollar_a_day(void **state)
{
    (void)state;
    struct made m;
    bill(&m, (struct made_texts){.usage = USAGE ",i,m4.large,r,,2018-08-01T00:00:00Z,2018-09-01T00:00:00Z\n",
                                 .reserved = "type,region,upfront_usd,start,end\nm4.large,r,365" YEAR,
                                 .from = "2018-08-05",
                                 .to = "2018-08-06"});
    assert_int_equal(m.bill.total_usd, usd("1"));
    assert_int_equal(line_of(&m, BILL_RESERVED)->cost_usd, 0);
    assert_int_equal(line_of(&m, BILL_RESERVED)->effective_usd, usd("1"));
    assert_int_equal(line_of(&m, BILL_UNUSED)->effective_usd, 0);
    made_release(&m);
}

static void vector_25_blended(void **state)
{
    (void)state;
    struct made m;
    struct str usage;
    str_init(&usage, 0);
    str_add(&usage, USAGE);
    for (int i = 0; i < 4; i++)
        str_addf(&usage, ",%d,t2.small,r,,2018-09-01T00:00:00Z,2018-10-01T00:00:00Z\n", i);
    bill(&m, (struct made_texts){.usage = usage.text, .reserved = "type,region,count,start,end\nt2.small,r,3" YEAR});
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, NULL, 1) == 2160 * 3600);
    assert_int_equal(m.bill.total_usd, usd("16.56"));
    assert_int_equal(bill_blended_usd(&m.bill, "t2.small", "r", "linux"), usd("0.00575"));
    assert_int_equal(bill_blended_usd(&m.bill, "t2.micro", "r", "linux"), -1);
    made_release(&m);
    str_release(&usage);
}

#define RATES                                                                                                          \
    "type,region,os,effective,usd_per_hour\nc5.9xlarge,r,linux,2010-01-01,2\nc5.24xlarge,r,windows,2010-01-01,8\n"

static void vector_28_a_plan_that_fits_to_the_cent(void **state)
{
    (void)state;
    struct made m;
    const char *usage = "instance,type,region,os,start,end\n"
                        "1,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                        "2,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                        "3,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                        "4,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T10:30:00Z\n"
                        "5,c5.24xlarge,r,windows,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                        "6,c5.24xlarge,r,windows,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n"
                        "7,c5.9xlarge,r,linux,2022-08-01T10:15:00Z,2022-08-01T11:00:00Z\n"
                        "8,c5.9xlarge,r,linux,2022-08-01T10:00:00Z,2022-08-01T10:15:00Z\n";
    /* 3 x 2 + 1 + 2 x 8 + 1.5 + 0.5 = 25 */
    struct made_texts texts = {.usage = usage,
                               .plans =
                                   "plan,hourly_usd,start,end\ncompute,25,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n",
                               .rates = RATES,
                               .from = "2022-08-01",
                               .to = "2022-08-02"};
    bill(&m, texts);
    assert_int_equal(m.bill.total_usd, usd("25"));
    assert_int_equal(m.bill.by_kind_usd[BILL_ON_DEMAND], 0);
    assert_int_equal(m.bill.plans[0].used_usd, usd("25"));
    assert_int_equal(m.bill.plans[0].unused_usd, 0);
    made_release(&m);
    /* A dollar less: all save a third, so the lower rate goes first; an eighth of the last 24xlarge is on-demand. */
    texts.plans = "plan,hourly_usd,start,end\ncompute,24,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n";
    bill(&m, texts);
    assert_int_equal(m.bill.by_kind_usd[BILL_ON_DEMAND], usd("1.5"));
    assert_int_equal(m.bill.total_usd, usd("25.5"));
    made_release(&m);
    texts.plans = "plan,hourly_usd,start,end\ncompute,26,2022-08-01T10:00:00Z,2022-08-01T11:00:00Z\n";
    bill(&m, texts);
    assert_int_equal(m.bill.plans[0].unused_usd, usd("1"));
    assert_int_equal(m.bill.total_usd, usd("26"));
    made_release(&m);
}

static void reservations_then_plans_then_on_demand(void **state)
{
    (void)state;
    struct made m;
    bill(&m,
         (struct made_texts){.usage = USAGE ",a,m4.large,r," HOUR ",b,m4.large,r," HOUR ",c,m4.large,r," HOUR,
                             .reserved = "type,region,start,end\nm4.large,r" YEAR,
                             .plans = "plan,family,region,hourly_usd,start,end\n"
                                      "compute,,,0.06,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n"
                                      "ec2-instance,m4,r,0.03,2018-08-01T10:00:00Z,2018-08-01T11:00:00Z\n",
                             .rates = "type,region,effective,usd_per_hour,plan\n"
                                      "m4.large,r,2010-01-01,0.06,ec2-instance\nm4.large,r,2010-01-01,0.08,compute\n",
                             .from = "2018-08-01",
                             .to = "2018-08-02"});
    /* The EC2 Instance plan first: half of b; the Compute plan: the other half (0.04) and a quarter of c (0.02). */
    assert_string_equal(made_hours(&m, BILL_RESERVED, "a"), "1");
    assert_true(made_seconds_scaled(&m, BILL_SAVINGS_PLAN, "b", 1) == 3600);
    assert_true(made_seconds_scaled(&m, BILL_SAVINGS_PLAN, "c", 1) == 900);
    assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "c"), "0.75");
    assert_int_equal(m.bill.total_usd, usd("0.06") + usd("0.03") + usd("0.075"));
    made_release(&m);
}

static void the_free_tier(void **state)
{
    (void)state;
    struct made m;
    struct made_texts texts = {.usage = "instance,type,region,os,start,end\n"
                                        "a,t2.micro,r,linux,2022-01-01T00:00:00Z,2022-02-01T00:00:00Z\n"
                                        "b,t2.micro,r,linux,2022-01-31T00:00:00Z,2022-02-01T00:00:00Z\n"
                                        "w,t2.micro,r,windows,2022-01-01T00:00:00Z,2022-01-01T10:00:00Z\n"
                                        "c,t2.small,r,linux,2022-01-01T00:00:00Z,2022-01-01T01:00:00Z\n",
                               .free_tier = "2021-06-10"};
    bill(&m, texts);
    assert_true(made_seconds_scaled(&m, BILL_FREE_TIER, NULL, 1) == (750 + 10) * 3600);
    /* 744 of a, 6 of b, in the order of openings; 18 of b and the small are on-demand. */
    assert_true(made_seconds_scaled(&m, BILL_FREE_TIER, "a", 1) == 744 * 3600);
    assert_int_equal(m.bill.total_usd, 18 * usd("0.0116") + usd("0.023"));
    made_release(&m);
    texts.free_tier = "2020-12-31"; /* twelve months are over */
    bill(&m, texts);
    assert_true(made_seconds_scaled(&m, BILL_FREE_TIER, NULL, 1) == 0);
    made_release(&m);
}

/* Of each of seven hours a plan pays a quarter. The rest of one is 0.075000000075, on the bill 0.0750000001, whether or
 * not other types have free hours, or this one had them in another year. */
static void what_is_never_free_costs_the_same(void **state)
{
    (void)state;
    static const char *const types[] = {"m4.large", "t2.micro"};
    static const char *const opened[] = {NULL, "2018-07-01", "2015-01-01"};
    for (size_t i = 0; i < 6; i++) {
        struct made m;
        char used[160];
        char prices[120];
        char rates[100];
        const char *type = types[i / 3];
        if (i == 4) /* free */
            continue;
        snprintf(used, sizeof(used), USAGE ",a,%s,r,,2018-08-01T10:00:00Z,2018-08-01T17:00:00Z\n", type);
        snprintf(prices, sizeof(prices), "type,region,os,effective,usd_per_hour\n%s,r,linux,2010-01-01,0.1000000001\n",
                 type);
        snprintf(rates, sizeof(rates), "type,region,effective,usd_per_hour\n%s,r,2010-01-01,0.07\n", type);
        bill(&m, (struct made_texts){
                     .usage = used,
                     .plans = "plan,hourly_usd,start,end\ncompute,0.0175,2018-08-01T10:00:00Z,2018-08-01T17:00:00Z\n",
                     .rates = rates,
                     .catalog = prices,
                     .free_tier = opened[i % 3]});
        assert_string_equal(made_hours(&m, BILL_ON_DEMAND, "a"), "5.25");
        assert_int_equal(m.bill.total_usd, 7 * (usd("0.0175") + usd("0.0750000001")));
        made_release(&m);
    }
}

static void vector_29_stored_gigabytes_on_the_bill(void **state)
{
    (void)state;
    struct made m;
    bill(&m, (struct made_texts){.usage = USAGE,
                                 .resources = "resource,kind,quantity,unit,region,start,end,usd\n"
                                              "vol-1,volume,2000,GB,r,2018-09-01,2018-09-01T12:00:00Z,0.09394\n"
                                              "eip,address,1,,r,2024-02-01,2024-02-01T10:00:00Z,\n"
                                              "snap,snapshot,2,GB,r,2018-09-01,2018-10-01,\n"});
    assert_int_equal(m.bill.by_kind_usd[BILL_STORAGE], usd("3.1313333333") + usd("0.1"));
    assert_int_equal(m.bill.by_kind_usd[BILL_ADDRESS], usd("0.05"));
    made_release(&m);
    struct made_texts half = {.usage = USAGE,
                              .resources =
                                  "resource,kind,quantity,region,start,end\nsnap,snapshot,2,r,2018-09-01,2018-10-01\n",
                              .from = "2018-09-11T12:00:00Z",
                              .to = "2018-09-26T12:00:00Z"};
    bill(&m, half);
    assert_int_equal(m.bill.total_usd, usd("0.05"));
    made_release(&m);
}

/* ---- reservations, then plans, against a literal allocator: every clock hour, every one of them, in exact rational
 * money; three accounts, of which one has no usage ---- */

#ifdef __SANITIZE_ADDRESS__
#define SCENES 1000
#else
#define SCENES 20000
#endif

#define ROWS  6
#define PLANS 3
#define HELD  2
#define BEGIN 1533081600 /* 2018-08-01 */

static const struct {
    const char *name;
    int64_t price, rate; /* in cents an hour */
    int size, family;
} types[] = {{"m4.large", 10, 6, 1, 4}, {"m4.xlarge", 20, 13, 2, 4}, {"c4.large", 9, 6, 1, 0}};

struct scene {
    int rows, plans, held;
    struct {
        int account, type;
        int64_t start, end;
    } row[ROWS];
    struct {
        int account, type;
        int64_t from_hour, to_hour;
    } single[HELD];
    struct {
        int account, kind; /* kind 0: m4 only; 1: all */
        int64_t cents, from_hour, to_hour;
    } plan[PLANS];
};

static void draw_scene(struct scene *s, uint32_t number)
{
    struct philox p = philox_stream(28, number, 0, 9);
    s->rows = (int)draw_between(&p, 1, ROWS);
    s->plans = (int)draw_between(&p, 1, PLANS);
    for (int i = 0; i < s->rows; i++) {
        s->row[i].account = (int)philox_below(&p, 2);
        s->row[i].type = (int)philox_below(&p, 3);
        s->row[i].start = BEGIN + 900 * draw_between(&p, 0, 30);
        s->row[i].end = s->row[i].start + 900 * draw_between(&p, 1, 30);
    }
    for (int i = 0; i < s->plans; i++) {
        s->plan[i].account = (int)philox_below(&p, 3);
        s->plan[i].kind = (int)philox_below(&p, 2);
        s->plan[i].cents = draw_between(&p, 1, 30);
        s->plan[i].from_hour = draw_between(&p, 0, 4);
        s->plan[i].to_hour = s->plan[i].from_hour + draw_between(&p, 1, 12);
    }
    s->held = number % 3 ? (int)draw_between(&p, 1, HELD) : 0;
    for (int i = 0; i < s->held; i++) {
        s->single[i].account = (int)philox_below(&p, 3);
        s->single[i].type = (int)philox_below(&p, 3);
        s->single[i].from_hour = draw_between(&p, 0, 6);
        s->single[i].to_hour = s->single[i].from_hour + draw_between(&p, 1, 12);
    }
}

/* Money and time are fractions of whole numbers, never rounded: an hour's uses are cut at most once by each of PLANS
 * plans, so denominators stay products of a few rates. Seconds are quarters of an hour. */
struct left {
    int row, quarters;
};

static int better(const struct scene *s, const struct left *a, const struct left *b)
{
    int64_t x = types[s->row[a->row].type].rate * types[s->row[b->row].type].price;
    int64_t y = types[s->row[b->row].type].rate * types[s->row[a->row].type].price;
    if (x != y)
        return x < y;
    if (types[s->row[a->row].type].rate != types[s->row[b->row].type].rate)
        return types[s->row[a->row].type].rate < types[s->row[b->row].type].rate;
    if (s->row[a->row].start != s->row[b->row].start)
        return s->row[a->row].start < s->row[b->row].start;
    return a->row < b->row;
}

static int serves(const struct scene *s, int plan, int row, int linked)
{
    if ((s->row[row].account != s->plan[plan].account) != linked)
        return 0;
    return s->plan[plan].kind == 1 || s->row[row].type < 2;
}

/* numerator / denominator, kept in lowest terms. */
struct ratio {
    int128 top, bottom;
};

static struct ratio ratio_of(int128 top, int128 bottom)
{
    int128 a = top < 0 ? -top : top;
    int128 b = bottom;
    while (b) {
        int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a ? (struct ratio){top / a, bottom / a} : (struct ratio){0, 1};
}

static struct ratio ratio_add(struct ratio a, struct ratio b, int sign)
{
    return ratio_of(a.top * b.bottom + sign * b.top * a.bottom, a.bottom * b.bottom);
}

static struct ratio ratio_times(struct ratio a, int128 top, int128 bottom)
{
    return ratio_of(a.top * top, a.bottom * bottom);
}

static int ratio_less(struct ratio a, struct ratio b)
{
    return a.top * b.bottom < b.top * a.bottom;
}

/* One plan's hour: the best use that is left, again and again. quarters: what is left of each row. */
static void literal_plan(const struct scene *s, int plan, struct ratio quarters[ROWS], struct ratio *used)
{
    struct ratio left = ratio_of(s->plan[plan].cents, 1);
    for (int linked = 0; linked < 2; linked++)
        for (;;) {
            int best = -1;
            for (int i = 0; i < s->rows; i++) {
                struct left a = {i, 0};
                struct left b = {best, 0};
                if (quarters[i].top && serves(s, plan, i, linked) && (best < 0 || better(s, &a, &b)))
                    best = i;
            }
            if (best < 0 || !left.top)
                break;
            int64_t rate = types[s->row[best].type].rate;
            struct ratio cost = ratio_times(quarters[best], rate, 4);
            struct ratio part = ratio_less(cost, left) ? cost : left;
            quarters[best] = ratio_add(quarters[best], ratio_times(part, 4, rate), -1);
            left = ratio_add(left, part, -1);
        }
    *used = ratio_add(*used, ratio_add(ratio_of(s->plan[plan].cents, 1), left, -1), 1);
}

/* Cents in units of 1e-10 USD, half to even. */
static int64_t ratio_units(struct ratio r)
{
    int128 top = r.top * 100000000;
    int128 whole = top / r.bottom;
    int128 rest = 2 * (top % r.bottom);
    return (int64_t)(whole + (rest > r.bottom || (rest == r.bottom && whole % 2)));
}

/* Of the uses that are left, the one that a reservation serves next: the smallest size, then what began first. */
static int next_served(const struct scene *s, int single, int linked, const struct ratio quarters[ROWS])
{
    int best = -1;
    for (int i = 0; i < s->rows; i++) {
        int type = s->row[i].type;
        if (!quarters[i].top || types[type].family != types[s->single[single].type].family ||
            (s->row[i].account != s->single[single].account) != linked)
            continue;
        if (best < 0 || types[type].size < types[s->row[best].type].size ||
            (types[type].size == types[s->row[best].type].size && s->row[i].start < s->row[best].start))
            best = i;
    }
    return best;
}

/* One hour of all reservations: the owner's use first with each of them, then that of the others. Regional ones serve
 * other sizes of their family. */
static void literal_reservations(const struct scene *s, int hour, struct ratio quarters[ROWS])
{
    struct ratio left[HELD];
    for (int r = 0; r < s->held; r++)
        left[r] = ratio_of(4 * types[s->single[r].type].size, 1);
    for (int linked = 0; linked < 2; linked++)
        for (int r = 0; r < s->held; r++)
            for (int best = 0; left[r].top && best >= 0;) {
                if (hour < s->single[r].from_hour || hour >= s->single[r].to_hour)
                    break;
                best = next_served(s, r, linked, quarters);
                if (best < 0)
                    break;
                struct ratio wanted = ratio_times(quarters[best], types[s->row[best].type].size, 1);
                struct ratio part = ratio_less(wanted, left[r]) ? wanted : left[r];
                left[r] = ratio_add(left[r], part, -1);
                quarters[best] = ratio_add(quarters[best], ratio_times(part, 1, types[s->row[best].type].size), -1);
            }
}

/* What stays on demand, in 1e-10 USD: what plans cover in part is rounded hour by hour, as the guide has it. */
static int64_t literal_hour(const struct scene *s, int hour, struct ratio used[PLANS])
{
    struct ratio quarters[ROWS];
    int64_t on_demand = 0;
    for (int i = 0; i < s->rows; i++) {
        int64_t count = 0;
        for (int64_t q = 0; q < 4; q++) {
            int64_t t = BEGIN + hour * 3600 + q * 900;
            count += t >= s->row[i].start && t < s->row[i].end;
        }
        quarters[i] = ratio_of(count, 1);
    }
    literal_reservations(s, hour, quarters);
    for (int kind = 0; kind < 2; kind++)
        for (int p = 0; p < s->plans; p++)
            if (s->plan[p].kind == kind && hour >= s->plan[p].from_hour && hour < s->plan[p].to_hour)
                literal_plan(s, p, quarters, &used[p]);
    for (int i = 0; i < s->rows; i++)
        on_demand += ratio_units(ratio_times(quarters[i], types[s->row[i].type].price, 4));
    return on_demand;
}

struct scene_texts {
    struct str usage, reserved, plans;
};

static void write_scene(const struct scene *s, struct scene_texts *t)
{
    char a[INSTANT_TEXT_SIZE];
    char z[INSTANT_TEXT_SIZE];
    str_init(&t->usage, 0);
    str_init(&t->reserved, 0);
    str_init(&t->plans, 0);
    str_add(&t->usage, "account,instance,type,region,start,end\n");
    for (int i = 0; i < s->rows; i++)
        str_addf(&t->usage, "%d,%d,%s,r,%s,%s\n", s->row[i].account, i, types[s->row[i].type].name,
                 calendar_text(s->row[i].start, a), calendar_text(s->row[i].end, z));
    str_add(&t->reserved, "account,type,region,start,end\n");
    for (int i = 0; i < s->held; i++)
        str_addf(&t->reserved, "%d,%s,r,%s,%s\n", s->single[i].account, types[s->single[i].type].name,
                 calendar_text(BEGIN + s->single[i].from_hour * 3600, a),
                 calendar_text(BEGIN + s->single[i].to_hour * 3600, z));
    str_add(&t->plans, "account,plan,family,region,hourly_usd,start,end\n");
    for (int i = 0; i < s->plans; i++)
        str_addf(&t->plans, "%d,%s,%s,0.%02d,%s,%s\n", s->plan[i].account, s->plan[i].kind ? "compute" : "ec2-instance",
                 s->plan[i].kind ? "," : "m4,r", (int)s->plan[i].cents,
                 calendar_text(BEGIN + s->plan[i].from_hour * 3600, a),
                 calendar_text(BEGIN + s->plan[i].to_hour * 3600, z));
}

static void bill_scene(const struct scene *s, struct made *m)
{
    struct scene_texts t;
    write_scene(s, &t);
    bill(m, (struct made_texts){.usage = t.usage.text,
                                .reserved = s->held ? t.reserved.text : NULL,
                                .plans = t.plans.text,
                                .rates = "type,region,effective,usd_per_hour\nm4.large,r,2010-01-01,0.06\n"
                                         "m4.xlarge,r,2010-01-01,0.13\nc4.large,r,2010-01-01,0.06\n",
                                .catalog = "type,region,effective,usd_per_hour\nm4.large,r,2010-01-01,0.10\n"
                                           "m4.xlarge,r,2010-01-01,0.20\nc4.large,r,2010-01-01,0.09\n",
                                .from = "2018-08-01",
                                .to = "2018-08-02"});
    str_release(&t.usage);
    str_release(&t.reserved);
    str_release(&t.plans);
}

static void random_reservations_and_plans_against_the_literal_allocator(void **state)
{
    (void)state;
    uint32_t count = getenv("BAKEHOUR_SOAK") ? 500000 : SCENES;
    for (uint32_t n = 0; n < count; n++) {
        struct scene s = {0};
        struct made m;
        struct ratio used[PLANS] = {{0, 1}, {0, 1}, {0, 1}};
        int64_t on_demand = 0;
        draw_scene(&s, n);
        for (int hour = 0; hour < 24; hour++)
            on_demand += literal_hour(&s, hour, used);
        bill_scene(&s, &m);
        if (m.bill.by_kind_usd[BILL_ON_DEMAND] != on_demand)
            fail_msg("scene %u: on-demand %lld, expected %lld", n, (long long)m.bill.by_kind_usd[BILL_ON_DEMAND],
                     (long long)on_demand);
        for (int i = 0; i < s.plans; i++) {
            if (m.bill.plans[i].used_usd != ratio_units(used[i]))
                fail_msg("scene %u: plan %d used %lld, expected %lld", n, i, (long long)m.bill.plans[i].used_usd,
                         (long long)ratio_units(used[i]));
            assert_int_equal(m.bill.plans[i].committed_usd,
                             (s.plan[i].to_hour - s.plan[i].from_hour) * s.plan[i].cents * 100000000);
        }
        made_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_15_the_owner_first),
        cmocka_unit_test(vector_17_an_unused_zonal_one_of_anybody_goes_first),
        cmocka_unit_test(vector_19_what_is_left_serves_linked_accounts),
        cmocka_unit_test(vector_20_21_27_recurring_fees),
        cmocka_unit_test(vector_22_two_reservations_share_an_hour),
        cmocka_unit_test(vector_23_upfront_and_recurring_for_a_year),
        cmocka_unit_test(vector_24_a_dollar_a_day),
        cmocka_unit_test(vector_25_blended),
        cmocka_unit_test(vector_28_a_plan_that_fits_to_the_cent),
        cmocka_unit_test(reservations_then_plans_then_on_demand),
        cmocka_unit_test(the_free_tier),
        cmocka_unit_test(what_is_never_free_costs_the_same),
        cmocka_unit_test(vector_29_stored_gigabytes_on_the_bill),
        cmocka_unit_test(random_reservations_and_plans_against_the_literal_allocator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
