/* Prepaid pools: the article's numbers, and random months against a literal draw, hour by hour and second by second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define CATALOG "type,region,effective,usd_per_hour\nm4.large,r,2010-01-01,0.1\n"

/* One instance day and night and `extra` hours of deployments, one reservation: how many hours are on demand. */
static int64_t on_demand_hours(const char *month, const char *next, int extra)
{
    struct str usage;
    struct made m;
    str_init(&usage, 0);
    str_addf(&usage, "instance,type,region,start,end\nfleet,m4.large,r,%s,%s\n", month, next);
    for (int i = 0; i < extra; i++)
        str_addf(&usage, "bake-%d,m4.large,r,%.7s-%02dT%02d:10:00Z,%.7s-%02dT%02d:27:00Z\n", i, month, 1 + i / 24,
                 i % 24, month, 1 + i / 24, i % 24);
    make_bill(&m, usage.text, "type,region,model,start,end\nm4.large,r,pool,2010-01-01,2030-01-01\n", CATALOG,
              CHOOSE_HOURLY, NULL, NULL);
    assert_int_equal(m.code, 0);
    int128 seconds = made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1);
    made_release(&m);
    str_release(&usage);
    return (int64_t)(seconds / 3600);
}

static void free_deployments_by_the_length_of_the_month(void **state)
{
    (void)state;
    static const struct {
        const char *month, *next;
        int deployments;
    } cases[] = {{"2015-08-01", "2015-09-01", 0},
                 {"2015-09-01", "2015-10-01", 24},
                 {"2016-02-01", "2016-03-01", 48},
                 {"2015-02-01", "2015-03-01", 72}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(on_demand_hours(cases[i].month, cases[i].next, cases[i].deployments), 0);
        assert_int_equal(on_demand_hours(cases[i].month, cases[i].next, cases[i].deployments + 1), 1);
    }
}

static void a_pool_costs_744_hours_a_month(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, "instance,type,region,start,end\n",
              "type,region,model,count,hourly_usd,upfront_usd,start,end\n"
              "m4.large,r,pool,2,0.01,730,2015-01-01,2017-01-01\n",
              CATALOG, CHOOSE_HOURLY, "2015-02-01", "2015-04-01");
    assert_int_equal(m.code, 0);
    assert_int_equal(made_lines(&m, BILL_RESERVED_FEE), 2);
    /* Each: 0.01 x 744 x 2 months, and 59 of the term's 731 days of 730. */
    assert_int_equal(m.bill.lines[0].cost_usd, usd("14.88") + num_div_half_even((int128)730 * 59 * MONEY_PER_USD, 731));
    assert_true(made_seconds_scaled(&m, BILL_UNUSED, NULL, 1) == 2 * 2 * 744 * 3600);
    made_release(&m);
}

static void usage_before_the_window_draws_too(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              "instance,type,region,start,end\n"
              "a,m4.large,r,2015-08-01,2015-09-01\nb,m4.large,r,2015-08-01,2015-09-01\n",
              "type,region,model,start,end\nm4.large,r,pool,2015-01-01,2016-01-01\n", CATALOG, CHOOSE_HOURLY,
              "2015-08-16", "2015-09-01");
    /* Two instances use 744 hours up to the 16th at 12:00; from then on both pay. */
    assert_true(made_seconds_scaled(&m, BILL_RESERVED, NULL, 1) == 24 * 3600);
    assert_true(made_seconds_scaled(&m, BILL_ON_DEMAND, NULL, 1) == (2 * 16 * 24 - 24) * 3600);
    assert_true(made_seconds_scaled(&m, BILL_UNUSED, NULL, 1) == 0);
    made_release(&m);
}

/* c takes one of the 744 hours; a and b open the others in pairs, and the odd one is for the row that stands first. */
static void the_first_row_wins_a_tie(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              "instance,type,region,start,end\n"
              "c,m4.large,r,2015-08-01T00:00:00Z,2015-08-01T00:30:00Z\n"
              "b,m4.large,r,2015-08-01,2015-09-01\na,m4.large,r,2015-08-01,2015-09-01\n",
              "type,region,model,start,end\nm4.large,r,pool,2015-01-01,2016-01-01\n", CATALOG, CHOOSE_HOURLY, NULL,
              NULL);
    assert_string_equal(made_hours(&m, BILL_RESERVED, "b"), "372");
    assert_string_equal(made_hours(&m, BILL_RESERVED, "a"), "371");
    made_release(&m);
}

static void another_type_or_region_has_no_part(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m, "instance,type,region,start,end\na,m4.large,r,2015-08-01,2015-08-02\n",
              "type,region,model,start,end\nm4.xlarge,r,pool,2015-01-01,2016-01-01\n"
              "m4.large,q,pool,2015-01-01,2016-01-01\n",
              CATALOG, CHOOSE_HOURLY, NULL, NULL);
    assert_int_equal(made_lines(&m, BILL_RESERVED), 0);
    assert_int_equal(m.bill.total_usd, usd("2.4"));
    made_release(&m);
}

/* A clock-hour reservation pays first; the pool has what is left. */
static void clock_hours_pay_before_pools(void **state)
{
    (void)state;
    struct made m;
    make_bill(&m,
              "instance,type,region,start,end\n"
              "a,m4.large,r,2018-08-01T10:00:00Z,2018-08-01T12:00:00Z\n"
              "b,m4.large,r,2018-08-01T10:00:00Z,2018-08-01T12:00:00Z\n",
              "type,region,model,start,end\nm4.large,r,pool,2018-01-01,2019-01-01\n"
              "m4.large,r,clock-hour,2018-01-01,2019-01-01\n",
              CATALOG, CHOOSE_SECOND, NULL, NULL);
    assert_int_equal(m.bill.lines[0].reservation_line, 3);
    assert_int_equal(m.bill.lines[1].reservation_line, 2);
    assert_true(m.bill.lines[0].hours_numerator == (int128)2 * m.bill.lines[0].hours_denominator);
    assert_true(m.bill.lines[1].hours_numerator == (int128)2 * m.bill.lines[1].hours_denominator);
    assert_int_equal(m.bill.total_usd, 0);
    made_release(&m);
}

#define ROWS      5
#define SINGLES   3
#define MARKS_MAX 400000
#define STEP      60 /* all instants are whole minutes, so that a month can be drawn piece by piece */

struct scenario {
    enum regime_choice choice;
    int rows, singles;
    struct {
        int64_t start, end;
    } row[ROWS], single[SINGLES];
    int64_t price, later_price, price_change;
    int64_t from, to;
};

static int compare_marks(const void *a, const void *b)
{
    const struct mark *x = a;
    const struct mark *y = b;
    int mx = calendar_month(x->t);
    int my = calendar_month(y->t);
    if (mx != my)
        return mx < my ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x->t < y->t ? -1 : x->t > y->t;
}

static void compare(const struct scenario *s, const struct made *m, const struct mark *marks, size_t count)
{
    int64_t left[SINGLES] = {0};
    int128 reserved = 0;
    int128 on_demand = 0;
    int128 cost = 0;
    int128 by_pair[ROWS][SINGLES] = {{0}};
    int month = -1;
    for (size_t i = 0; i < count; i++) {
        bool counts = marks[i].t >= s->from && marks[i].t < s->to;
        if (calendar_month(marks[i].t) != month)
            for (int r = 0; r < s->singles; r++)
                left[r] = 744 * 3600;
        month = calendar_month(marks[i].t);
        int64_t weight = marks[i].weight;
        for (int r = 0; r < s->singles && weight; r++) {
            if (marks[i].t < s->single[r].start || marks[i].t >= s->single[r].end)
                continue;
            int64_t part = weight < left[r] ? weight : left[r];
            left[r] -= part;
            weight -= part;
            reserved += counts ? part : 0;
            by_pair[marks[i].row][r] += counts ? part : 0;
        }
        on_demand += counts ? weight : 0;
        cost += counts ? (int128)weight * (marks[i].t < s->price_change ? s->price : s->later_price) : 0;
    }
    assert_true(made_seconds_scaled(m, BILL_RESERVED, NULL, 1) == reserved);
    assert_true(made_seconds_scaled(m, BILL_ON_DEMAND, NULL, 1) == on_demand);
    assert_true(m->bill.total_usd == num_div_half_even(cost, 3600));
    for (size_t i = 0; i < m->bill.count; i++) {
        const struct bill_line *line = &m->bill.lines[i];
        if (line->kind == BILL_RESERVED)
            assert_true(line->hours_numerator * 3600 ==
                        by_pair[strtol(line->instance, NULL, 10)][line->reservation_line - 2] *
                            line->hours_denominator);
    }
}

static void draw_scenario(struct scenario *s, struct philox *p)
{
    int64_t begin = at("2017-08-20");
    s->choice = (enum regime_choice)philox_below(p, 3);
    s->rows = (int)draw_between(p, 1, ROWS);
    s->singles = (int)draw_between(p, 1, SINGLES);
    for (int i = 0; i < s->rows; i++) {
        s->row[i].start = begin + 60 * draw_between(p, 0, 40 * 1440);
        s->row[i].end = s->row[i].start + 60 * draw_between(p, 0, 45 * 1440);
    }
    bool whole = philox_below(p, 2);
    for (int i = 0; i < s->singles; i++) {
        s->single[i].start = whole ? begin - 86400 : begin + 60 * draw_between(p, 0, 40 * 1440);
        s->single[i].end = s->single[i].start + (whole ? 300 : 1) * 60 * draw_between(p, 1440, 60 * 1440);
    }
    s->price = draw_between(p, 0, 9999999999);
    s->later_price = draw_between(p, 0, 9999999999);
    s->price_change = begin + 60 * draw_between(p, 0, 60 * 1440);
    s->from = begin + 60 * draw_between(p, 0, 40 * 1440);
    s->to = s->from + 60 * draw_between(p, 1, 60 * 1440);
}

static void check_scenario(uint32_t number, struct mark *marks)
{
    struct philox p = philox_stream(744, number, 0, 4);
    struct scenario s;
    draw_scenario(&s, &p);
    char a[INSTANT_TEXT_SIZE];
    char z[INSTANT_TEXT_SIZE];
    char price[MONEY_TEXT_SIZE];
    char later[MONEY_TEXT_SIZE];
    struct str text[3];
    for (int i = 0; i < 3; i++)
        str_init(&text[i], 0);
    str_add(&text[0], "instance,type,region,start,end\n");
    for (int i = 0; i < s.rows; i++)
        str_addf(&text[0], "%d,m4.large,r,%s,%s\n", i, calendar_text(s.row[i].start, a),
                 calendar_text(s.row[i].end, z));
    str_add(&text[1], "type,region,model,start,end\n");
    for (int i = 0; i < s.singles; i++)
        str_addf(&text[1], "m4.large,r,pool,%s,%s\n", calendar_text(s.single[i].start, a),
                 calendar_text(s.single[i].end, z));
    str_addf(&text[2], "type,region,effective,usd_per_hour\nm4.large,r,2000-01-01,%s\nm4.large,r,%s,%s\n",
             money_text(s.price, price), calendar_text(s.price_change, a), money_text(s.later_price, later));
    struct made m;
    make_bill(&m, text[0].text, text[1].text, text[2].text, s.choice, calendar_text(s.from, a), calendar_text(s.to, z));
    assert_int_equal(m.code, 0);
    size_t count = 0;
    for (int i = 0; i < s.rows; i++)
        count = oracle_meter(marks, count, MARKS_MAX, i, s.row[i].start, s.row[i].end, oracle_change(s.choice), STEP);
    qsort(marks, count, sizeof(*marks), compare_marks);
    compare(&s, &m, marks, count);
    made_release(&m);
    for (int i = 0; i < 3; i++)
        str_release(&text[i]);
}

static void random_months_against_the_literal_draw(void **state)
{
    (void)state;
    struct mark *marks = malloc(MARKS_MAX * sizeof(*marks));
    assert_non_null(marks);
    uint32_t count = getenv("BAKEHOUR_SOAK") ? 4000 : 80;
    for (uint32_t i = 0; i < count; i++)
        check_scenario(i, marks);
    free(marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_deployments_by_the_length_of_the_month), cmocka_unit_test(a_pool_costs_744_hours_a_month),
        cmocka_unit_test(usage_before_the_window_draws_too),           cmocka_unit_test(the_first_row_wins_a_tie),
        cmocka_unit_test(another_type_or_region_has_no_part),          cmocka_unit_test(clock_hours_pay_before_pools),
        cmocka_unit_test(random_months_against_the_literal_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
