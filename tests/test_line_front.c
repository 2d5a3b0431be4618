/* The front against a search through all lines that were offered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/philox.h"
#include "scheduler/line_front.h"

#define MAX_LINES 80

static int64_t draw(struct philox *p, int64_t low, int64_t high)
{
    return low + (int64_t)philox_below(p, (uint64_t)(high - low + 1));
}

struct lines {
    struct line items[MAX_LINES];
    size_t count;
};

static int128 lowest(const struct lines *all, int64_t step, int64_t count, int64_t least, int128 unit, bool also_equal)
{
    int128 best = LINE_NONE;
    for (size_t i = 0; i < all->count; i++) {
        const struct line *l = &all->items[i];
        int128 value = l->intercept - l->count * unit * step;
        if (l->from <= step && l->count >= least && (l->count < count || (also_equal && l->count == count)) &&
            value < best)
            best = value;
    }
    return best;
}

/* One line or none is offered at each step, with the commits of that step as its count, as the optimum does. */
static void run(struct philox *p, bool expires)
{
    struct lines all = {.count = 0};
    struct line_front f = {0};
    int128 unit = draw(p, 0, 3);
    int64_t held = draw(p, 1, 5);
    bool also_equal = draw(p, 0, 1);
    int64_t count = 0;
    int64_t least = 0;
    (expires ? line_front_init_expiring : line_front_init)(&f, also_equal);
    for (int64_t step = draw(p, 0, 50); all.count < MAX_LINES; step += draw(p, 1, 3)) {
        int64_t arrive = draw(p, 0, 2) ? 0 : draw(p, 1, 4);
        count += arrive;
        int64_t gone = expires && draw(p, 0, 2) == 0 ? draw(p, 0, 5) : 0;
        least = least + gone > count ? count : least + gone;
        f.least = least;
        f.wake = arrive || gone ? INT64_MIN : f.wake;
        line_front_at(&f, step, count, unit);
        int128 want = lowest(&all, step, count, least, unit, also_equal);
        assert_true(f.lowest.intercept - f.lowest.count * unit * step == want);
        if (want == LINE_NONE)
            assert_true(f.lowest.origin == LINE_NO_ORIGIN);
        struct line line = {.intercept = draw(p, -30, 30) + draw(p, 0, 1) * count * unit * step,
                            .count = count,
                            .from = step + held,
                            .origin = (uint32_t)all.count};
        all.items[all.count++] = line;
        if (line_front_wants(&f, line.count, line.intercept))
            line_front_offer(&f, &line);
    }
    line_front_release(&f);
}

/* Lines of any count and step, some of them long gone when they come. */
static void run_any_order(struct philox *p)
{
    struct lines all = {.count = 0};
    struct line_front f = {0};
    int128 unit = draw(p, 0, 3);
    int64_t count = 5;
    int64_t least = 0;
    line_front_init_any_order(&f);
    if (draw(p, 0, 1)) {
        line_front_offer(&f, &(struct line){.intercept = -1000, .count = 1, .origin = 1});
        line_front_at(&f, 0, 5, unit);
        line_front_reset(&f);
    }
    for (int64_t step = 0; all.count < MAX_LINES; step += draw(p, 0, 3)) {
        count += draw(p, 0, 1);
        least += least < count - 3 && draw(p, 0, 3) == 0;
        f.least = least;
        f.wake = INT64_MIN;
        line_front_at(&f, step, count, unit);
        int128 want = lowest(&all, step, count, least, unit, false);
        assert_true(f.lowest.intercept - f.lowest.count * unit * step == want);
        struct line line = {.intercept = draw(p, -30, 30) + draw(p, 0, 1) * count * unit * step,
                            .count = draw(p, 0, count),
                            .from = step + draw(p, 0, 9),
                            .origin = (uint32_t)all.count};
        all.items[all.count++] = line;
        line_front_offer(&f, &line);
    }
    line_front_release(&f);
}

static void in_any_order(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        struct philox p = philox_stream(8, 0, i, 1);
        run_any_order(&p);
    }
}

static void against_all_lines(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        struct philox p = philox_stream(7, 0, i, 1);
        run(&p, i & 1);
    }
}

/* The second is hidden between the first and the third until the first is gone: at 5 it is 16 - 10 = 6, they 5. */
static void a_line_comes_back(void **state)
{
    (void)state;
    struct line_front f = {0};
    line_front_init_expiring(&f, false);
    line_front_offer(&f, &(struct line){.intercept = 10, .count = 1, .origin = 1});
    line_front_offer(&f, &(struct line){.intercept = 16, .count = 2, .origin = 2});
    line_front_offer(&f, &(struct line){.intercept = 21, .count = 3, .origin = 3});
    line_front_at(&f, 4, 9, 1);
    assert_int_equal(f.lowest.origin, 1);
    f.least = 2;
    f.wake = INT64_MIN;
    line_front_at(&f, 4, 9, 1);
    assert_int_equal(f.lowest.origin, 2);
    assert_int_equal(f.wake, 5);
    f.least = 4;
    f.wake = INT64_MIN;
    line_front_at(&f, 5, 9, 1);
    assert_int_equal(f.lowest.origin, LINE_NO_ORIGIN);
    line_front_release(&f);
}

/* 10 - x and 16 - 2x and 20 - 3x: the second is lowest nowhere (at 5: 5, 6, 5), the third from 5 on. */
static void a_line_that_is_never_lowest(void **state)
{
    (void)state;
    struct line_front f = {0};
    line_front_init(&f, false);
    line_front_offer(&f, &(struct line){.intercept = 10, .count = 1, .origin = 1});
    line_front_offer(&f, &(struct line){.intercept = 16, .count = 2, .origin = 2});
    line_front_offer(&f, &(struct line){.intercept = 20, .count = 3, .origin = 3});
    line_front_at(&f, 4, 9, 1);
    assert_int_equal(f.lowest.origin, 1);
    assert_int_equal(f.wake, 5);
    line_front_at(&f, 5, 9, 1);
    assert_int_equal(f.lowest.origin, 3);
    line_front_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_all_lines),
        cmocka_unit_test(a_line_that_is_never_lowest),
        cmocka_unit_test(a_line_comes_back),
        cmocka_unit_test(in_any_order),
    };
    return cmocka_run_group_tests_name("line_front", tests, NULL, NULL);
}
