/* Billed seconds by clock hour, against booking each second and each started hour by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/hours.h"
#include "tests/support_draw.h"

#define SPAN_HOURS 60
#define ORIGIN     ((int64_t)400000 * 3600) /* 2015-08-19T16:00Z */

static void holds(const struct hours *h, int64_t hour, int64_t seconds)
{
    assert_int_equal(h->seconds[ORIGIN / 3600 + hour - h->first], seconds);
}

static void span_is_whole_clock_hours(void **state)
{
    (void)state;
    struct hours h;
    struct err err;
    assert_int_equal(hours_init(&h, ORIGIN + 3599, ORIGIN + 3599, &err), 0);
    assert_int_equal(h.first, 400000);
    assert_int_equal(h.count, 1);
    hours_release(&h);
    assert_int_equal(hours_init(&h, ORIGIN + 3599, ORIGIN + 3600, &err), 0);
    assert_int_equal(h.count, 2);
    assert_int_equal(h.seconds[0] + h.seconds[1], 0);
    hours_release(&h);
    assert_null(h.seconds);
}

static void too_long_is_refused(void **state)
{
    (void)state;
    struct hours h;
    struct err err = {0};
    assert_int_equal(hours_init(&h, 0, (HOURS_MAX - 1) * 3600, &err), 0);
    hours_release(&h);
    assert_int_equal(hours_init(&h, 0, HOURS_MAX * 3600, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "two hundred years"));
}

/* 00:50 to 02:20 by the second: 600, 3,600, 1,200 s. As started hours: those opened at 00:50 and 01:50. */
static void by_hand(void **state)
{
    (void)state;
    struct hours h;
    struct err err;
    assert_int_equal(hours_init(&h, ORIGIN, ORIGIN + 4 * 3600, &err), 0);
    hours_book(&h, REGIME_SECOND, ORIGIN + 3000, 5400, 1);
    holds(&h, 0, 600);
    holds(&h, 1, 3600);
    holds(&h, 2, 1200);
    holds(&h, 3, 0);
    hours_book(&h, REGIME_HOURLY, ORIGIN + 3000, 7200, 3);
    holds(&h, 0, 600 + 3 * 3600);
    holds(&h, 1, 3600 + 3 * 3600);
    holds(&h, 2, 1200);
    hours_book(&h, REGIME_SECOND, ORIGIN + 4 * 3600 - 1, 60, 2);
    holds(&h, 3, 2);
    holds(&h, 4, 118);
    hours_release(&h);
}

static void literally(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 400; i++) {
        struct philox p = philox_stream(7, 0, i, 1);
        static int64_t expected[SPAN_HOURS];
        memset(expected, 0, sizeof(expected));
        int64_t from = ORIGIN + draw(&p, 0, 3599);
        struct hours h;
        struct err err;
        assert_int_equal(hours_init(&h, from, ORIGIN + (int64_t)SPAN_HOURS * 3600 - 1, &err), 0);
        assert_int_equal(h.count, SPAN_HOURS);
        for (int n = 0; n < 6; n++) {
            enum regime regime = draw(&p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND;
            int64_t begin = from + DRAW_OF(&p, 0, 1, 3600, 50000) + draw(&p, 0, 7200);
            int64_t instances = draw(&p, 1, 4);
            int64_t hours = draw(&p, 1, 20);
            int64_t billed_s = regime == REGIME_HOURLY ? hours * 3600 : draw(&p, 60, 70000);
            for (int64_t k = 0; k < hours && regime == REGIME_HOURLY; k++)
                expected[(begin + k * 3600 - ORIGIN) / 3600] += 3600 * instances;
            for (int64_t s = 0; s < billed_s && regime == REGIME_SECOND; s++)
                expected[(begin + s - ORIGIN) / 3600] += instances;
            hours_book(&h, regime, begin, billed_s, instances);
        }
        for (int64_t k = 0; k < SPAN_HOURS; k++)
            holds(&h, k, expected[k]);
        hours_release(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_is_whole_clock_hours),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(literally),
    };
    return cmocka_run_group_tests_name("hours", tests, NULL, NULL);
}
