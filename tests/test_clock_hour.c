/* Clock-hour reservations against a literal allocator: every clock hour, every billed second, every reservation. */
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

#define ROWS      6
#define SINGLES   8
#define MARKS_MAX 600000
#define BEGIN     1506870000 /* 2017-10-01T15:00:00Z: nine hours before Linux's change to seconds */
#define HOURS     16
#define COMMON    (3600 * 64) /* a multiple of every 3600 x factor below */

static const struct {
    const char *name;
    int64_t factor4;
} types[] = {{"m4.medium", 8}, {"m4.large", 16}, {"m4.xlarge", 32}, {"m4.2xlarge", 64}};

struct scenario {
    enum regime_choice choice;
    int rows, singles;
    struct {
        int account, type, zone;
        int64_t start, end;
    } row[ROWS];
    struct {
        int account, type, zone; /* zone -1: regional */
        int64_t start, end;
    } single[SINGLES];
    int64_t price[4], later_price[4], price_change; /* 1e-10 USD an hour, by type */
    int64_t from, to;
    bool aligned;
};

struct expected {
    int128 on_demand[ROWS], cost[ROWS]; /* unit-seconds; and times price */
    int128 reserved[ROWS][SINGLES];
    int128 used[SINGLES];
};

static int64_t hour_of(int64_t t)
{
    return t / 3600 * 3600;
}

static const struct scenario *sorting;

static int compare_marks(const void *a, const void *b)
{
    const struct mark *x = a;
    const struct mark *y = b;
    int64_t keys[][2] = {{hour_of(x->t), hour_of(y->t)},
                         {sorting->row[x->row].type, sorting->row[y->row].type},
                         {x->order, y->order},
                         {x->row, y->row},
                         {x->t, y->t}};
    for (int i = 0; i < 5; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

static int64_t seconds_shared(int64_t a, int64_t b, int64_t c, int64_t d)
{
    int64_t shared = 0;
    for (int64_t t = a; t < b; t++)
        shared += t >= c && t < d;
    return shared;
}

/* One clock hour: marks[0 .. count), sorted. left: unit-seconds of each mark. */
static void oracle_hour(const struct scenario *s, const struct mark *marks, int64_t *left, size_t count,
                        struct expected *e)
{
    int64_t hour = hour_of(marks[0].t);
    for (size_t i = 0; i < count; i++)
        left[i] = marks[i].weight * types[s->row[marks[i].row].type].factor4;
    int64_t capacities[SINGLES];
    for (int r = 0; r < s->singles; r++)
        capacities[r] =
            seconds_shared(hour, hour + 3600, s->single[r].start, s->single[r].end) * types[s->single[r].type].factor4;
    for (int pass = 0; pass < 4; pass++) /* zonal for the owner, zonal for others, regional for the owner, for others */
        for (int r = 0; r < s->singles; r++) {
            bool regional = pass >= 2;
            if ((s->single[r].zone < 0) != regional)
                continue;
            int64_t capacity = capacities[r];
            for (size_t i = 0; i < count && capacity; i++) {
                int row = marks[i].row;
                if ((s->row[row].account == s->single[r].account) != (pass % 2 == 0))
                    continue;
                bool fits =
                    regional || (s->row[row].type == s->single[r].type && s->row[row].zone == s->single[r].zone);
                if (!fits || marks[i].t < s->single[r].start || marks[i].t >= s->single[r].end)
                    continue;
                int64_t part = left[i] < capacity ? left[i] : capacity;
                left[i] -= part;
                capacity -= part;
                if (marks[i].t >= s->from && marks[i].t < s->to) {
                    e->reserved[row][r] += part;
                    e->used[r] += part;
                }
            }
            capacities[r] = capacity;
        }
    for (size_t i = 0; i < count; i++) {
        int row = marks[i].row;
        if (marks[i].t < s->from || marks[i].t >= s->to)
            continue;
        const int64_t *price = marks[i].t < s->price_change ? s->price : s->later_price;
        e->on_demand[row] += left[i];
        e->cost[row] += (int128)left[i] * price[s->row[row].type];
    }
}

static void oracle(const struct scenario *s, struct expected *e)
{
    struct mark *marks = calloc(MARKS_MAX, sizeof(*marks));
    int64_t *left = calloc(MARKS_MAX, sizeof(*left));
    size_t count = 0;
    for (int i = 0; i < s->rows; i++)
        count = oracle_meter(marks, count, MARKS_MAX, i, s->row[i].start, s->row[i].end, oracle_change(s->choice), 1);
    sorting = s;
    qsort(marks, count, sizeof(*marks), compare_marks);
    memset(e, 0, sizeof(*e));
    for (size_t i = 0; i < count;) {
        size_t next = i;
        while (next < count && hour_of(marks[next].t) == hour_of(marks[i].t))
            next++;
        oracle_hour(s, marks + i, left, next - i, e);
        i = next;
    }
    free(marks);
    free(left);
}

static int64_t some_instant(struct philox *p)
{
    int64_t t = BEGIN + draw_between(p, 0, HOURS * 3600);
    return philox_below(p, 3) ? t : hour_of(t);
}

static void draw_scenario(struct scenario *s, uint32_t number)
{
    struct philox p = philox_stream(4711, number, 0, 2);
    memset(s, 0, sizeof(*s));
    s->choice = (enum regime_choice)philox_below(&p, 3);
    s->rows = (int)draw_between(&p, 1, ROWS);
    s->singles = (int)draw_between(&p, 1, SINGLES);
    int accounts = (int)draw_between(&p, 1, 3);
    for (int i = 0; i < s->rows; i++) {
        s->row[i].account = (int)philox_below(&p, (uint64_t)accounts);
        s->row[i].type = (int)philox_below(&p, 4);
        s->row[i].zone = (int)philox_below(&p, 2);
        s->row[i].start = some_instant(&p);
        s->row[i].end =
            s->row[i].start + (philox_below(&p, 3) ? draw_between(&p, 0, 9 * 3600) : draw_between(&p, 0, 90));
    }
    bool whole_terms = philox_below(&p, 2);
    for (int i = 0; i < s->singles; i++) {
        s->single[i].account = (int)philox_below(&p, (uint64_t)accounts);
        s->single[i].type = (int)philox_below(&p, 4);
        s->single[i].zone = (int)philox_below(&p, 3) - 1;
        s->single[i].start = whole_terms ? BEGIN - 86400 : some_instant(&p);
        s->single[i].end = whole_terms ? BEGIN + 10 * 86400 : s->single[i].start + draw_between(&p, 1, 12 * 3600);
    }
    for (int i = 0; i < 4; i++) {
        s->price[i] = draw_between(&p, 0, 9999999999);
        s->later_price[i] = draw_between(&p, 0, 9999999999);
    }
    s->price_change = some_instant(&p);
    s->aligned = philox_below(&p, 2);
    s->from = some_instant(&p);
    s->to = s->from + draw_between(&p, 1, HOURS * 3600);
    if (s->aligned) {
        s->from = hour_of(s->from);
        s->to = hour_of(s->to) + 3600;
    }
}

static void add_catalog(const struct scenario *s, struct str *to)
{
    char when[INSTANT_TEXT_SIZE];
    char price[MONEY_TEXT_SIZE];
    str_add(to, "type,region,effective,usd_per_hour\n");
    for (int i = 0; i < 4; i++) {
        str_addf(to, "%s,r,2000-01-01,%s\n", types[i].name, money_text(s->price[i], price));
        str_addf(to, "%s,r,%s,%s\n", types[i].name, calendar_text(s->price_change, when),
                 money_text(s->later_price[i], price));
    }
}

static void make_scenario(const struct scenario *s, struct made *m, int64_t from, int64_t to)
{
    struct str usage;
    struct str reserved;
    struct str catalog;
    char a[INSTANT_TEXT_SIZE];
    char z[INSTANT_TEXT_SIZE];
    str_init(&usage, 0);
    str_init(&reserved, 0);
    str_init(&catalog, 0);
    str_add(&usage, "account,instance,type,region,zone,start,end\n");
    for (int i = 0; i < s->rows; i++)
        str_addf(&usage, "%c,%d,%s,r,z%d,%s,%s\n", 'A' + s->row[i].account, i, types[s->row[i].type].name,
                 s->row[i].zone, calendar_text(s->row[i].start, a), calendar_text(s->row[i].end, z));
    str_add(&reserved, "account,type,region,zone,start,end\n");
    for (int i = 0; i < s->singles; i++)
        str_addf(&reserved, "%c,%s,r,%s,%s,%s\n", 'A' + s->single[i].account, types[s->single[i].type].name,
                 s->single[i].zone < 0 ? ""
                 : s->single[i].zone   ? "z1"
                                       : "z0",
                 calendar_text(s->single[i].start, a), calendar_text(s->single[i].end, z));
    add_catalog(s, &catalog);
    make_bill(m, usage.text, reserved.text, catalog.text, s->choice, calendar_text(from, a), calendar_text(to, z));
    assert_int_equal(m->code, 0);
    str_release(&usage);
    str_release(&reserved);
    str_release(&catalog);
}

static int64_t capacity_s(const struct scenario *s, int r)
{
    return seconds_shared(s->from, s->to, s->single[r].start, s->single[r].end);
}

static void compare_line(const struct scenario *s, const struct bill_line *line, struct expected *e)
{
    int row = line->kind <= BILL_RESERVED ? (int)strtol(line->instance, NULL, 10) : 0;
    int r = line->reservation_line ? (int)line->reservation_line - 2 : 0;
    if (line->kind == BILL_ON_DEMAND) {
        assert_true(line->hours_numerator == e->on_demand[row]);
        assert_true(line->cost_usd == num_div_half_even(e->cost[row], line->hours_denominator));
        assert_int_equal(line->hours_denominator, 3600 * types[s->row[row].type].factor4);
        e->on_demand[row] = 0;
    } else if (line->kind == BILL_RESERVED) {
        assert_true(line->hours_numerator == e->reserved[row][r]);
        e->reserved[row][r] = 0;
    } else if (line->kind == BILL_UNUSED && s->aligned) {
        assert_true(line->hours_numerator == (int128)capacity_s(s, r) * types[s->single[r].type].factor4 - e->used[r]);
    }
}

static void compare(const struct scenario *s, const struct made *m)
{
    struct expected e;
    oracle(s, &e);
    int128 total = 0;
    for (int i = 0; i < s->rows; i++)
        total += e.cost[i] * (COMMON / (3600 * types[s->row[i].type].factor4));
    assert_true(m->bill.total_usd == num_div_half_even(total, COMMON));
    for (size_t i = 0; i < m->bill.count; i++)
        compare_line(s, &m->bill.lines[i], &e);
    for (int i = 0; i < s->rows; i++) { /* what is expected and has no line */
        assert_true(e.on_demand[i] == 0);
        for (int r = 0; r < s->singles; r++)
            assert_true(e.reserved[i][r] == 0);
    }
}

static void random_scenarios_against_the_literal_allocator(void **state)
{
    (void)state;
    uint32_t count = getenv("BAKEHOUR_SOAK") ? 20000 : 500;
    for (uint32_t i = 0; i < count; i++) {
        struct scenario s;
        struct made m;
        draw_scenario(&s, i);
        make_scenario(&s, &m, s.from, s.to);
        compare(&s, &m);
        made_release(&m);
    }
}

/* Whatever the instant at which a window is cut in two, the parts make the whole. */
static void windows_add_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 150; i++) {
        struct scenario s;
        draw_scenario(&s, 1000 + i);
        if (s.to - s.from < 2)
            continue;
        struct philox p = philox_stream(99, i, 0, 3);
        int64_t middle = s.from + draw_between(&p, 1, s.to - s.from - 1);
        struct made whole;
        struct made first;
        struct made second;
        make_scenario(&s, &whole, s.from, s.to);
        make_scenario(&s, &first, s.from, middle);
        make_scenario(&s, &second, middle, s.to);
        for (int k = 0; k < BILL_KINDS; k++) {
            enum bill_kind kind = (enum bill_kind)k;
            assert_true(made_seconds_scaled(&first, kind, NULL, 64) + made_seconds_scaled(&second, kind, NULL, 64) ==
                        made_seconds_scaled(&whole, kind, NULL, 64));
        }
        made_release(&whole);
        made_release(&first);
        made_release(&second);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_scenarios_against_the_literal_allocator),
        cmocka_unit_test(windows_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
