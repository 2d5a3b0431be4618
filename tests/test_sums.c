/* Exact sums; intervals against Student's table and against arithmetic with long double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/sums.h"
#include "tests/support_draw.h"

static void near(double got, double expected, double tolerance)
{
    if (!(got > expected - tolerance && got < expected + tolerance))
        fail_msg("%.12g is not %.12g", got, expected);
}

/* Two-sided 95 % points as tables of Student's t have them. */
static void student_table(void **state)
{
    (void)state;
    static const struct {
        int64_t freedom;
        double t;
    } table[] = {{1, 12.7062},  {2, 4.3027},    {3, 3.1824},     {4, 2.7764},  {5, 2.5706},
                 {10, 2.2281},  {20, 2.0860},   {30, 2.0423},    {60, 2.0003}, {100, 1.9840},
                 {200, 1.9719}, {1000, 1.9623}, {100000, 1.9600}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        near(student_95(table[i].freedom), table[i].t, 0.00006);
    near(student_95(201), student_95(200), 0.0001); /* where one formula takes over from the other */
}

/* 2 4 4 4 5 5 7 9: mean 5, squares of the deviations 32, variance of the sample 32/7. */
static void by_hand(void **state)
{
    (void)state;
    static const int64_t values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    struct sums s = {0};
    for (size_t i = 0; i < 8; i++)
        sums_add(&s, values[i]);
    near(sums_mean(&s), 5, 1e-12);
    near(sums_half_width(&s), 2.3646 * 0.7559289, 0.0001); /* t(7) x sqrt(32 / 7 / 8) */
    struct sums one = {0};
    assert_true(sums_half_width(&one) == 0 && sums_mean(&one) == 0);
    sums_add(&one, -3);
    assert_true(sums_half_width(&one) == 0 && sums_mean(&one) == -3);
    sums_add(&one, -4);
    assert_int_equal(sums_mean_half_even(&one), -4); /* -3.5 to even */
}

/* Far from zero the spread must not drown: 1e18, 1e18 + 2. */
static void large_values(void **state)
{
    (void)state;
    struct sums s = {0};
    for (int i = 0; i < 1000; i++)
        sums_add(&s, INT64_MAX - 1 + i % 2);
    near(sums_half_width(&s), student_95(999) * 0.5 * 0.0316385998, 1e-8); /* sd 0.50025 / sqrt(1000) */
    struct sums negative = {0};
    for (int i = 0; i < 1000; i++)
        sums_add(&negative, INT64_MIN + 1 + i % 2);
    near(sums_half_width(&negative), sums_half_width(&s), 1e-12);
}

static void text_and_order(void **state)
{
    (void)state;
    struct philox p = philox_stream(11, 0, 0, 0);
    for (int round = 0; round < 300; round++) {
        struct sums parts[5] = {{0}};
        struct sums all = {0};
        int shift = (int)draw(&p, 0, 62);
        for (int i = 0; i < 40; i++) {
            int64_t value = (int64_t)philox_u64(&p) >> shift;
            value = value == INT64_MIN ? 0 : value;
            sums_add(&parts[draw(&p, 0, 4)], value);
            sums_add(&all, value);
        }
        struct sums total = {0};
        for (int i = 4; i >= 0; i--) {
            struct str text;
            struct sums read = {0};
            str_init(&text, 0);
            sums_text(&parts[i], &text);
            assert_int_equal(sums_parse(text.text, &read), 0);
            assert_memory_equal(&read, &parts[i], sizeof(read));
            str_release(&text);
            sums_add_all(&total, &read);
        }
        assert_memory_equal(&total, &all, sizeof(all));
    }
}

static void bad_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "1",
                                      "1 2",
                                      "1 2 ",
                                      "x 2 4",
                                      "-1 2 4",
                                      "1 2 x",
                                      "1 2 4 ",
                                      "1 --2 4",
                                      "2 10 49", /* 2 values that add up to 10 have 50 at least */
                                      "0 1 1",
                                      "1 9223372036854775809 85070591730234615884290395931651604481",
                                      "1 2 99999999999999999999999999999999999999999999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sums s = {.n = 77};
        if (!sums_parse(bad[i], &s))
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(s.n, 77);
    }
    struct sums s;
    assert_int_equal(sums_parse("2 10 50", &s), 0);
    assert_int_equal(sums_parse("0 0 0", &s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_table),  cmocka_unit_test(by_hand),   cmocka_unit_test(large_values),
        cmocka_unit_test(text_and_order), cmocka_unit_test(bad_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
