/* Money: texts, ties, and exact sums against values worked out in whole numbers of a common denominator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "billing/money.h"

static void texts_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"0.013", 130000000},
                {".5", 5000000000},
                {"-1", -10000000000},
                {"5.", 50000000000},
                {"0.0000000001", 1},
                {"1.00000000000000", 10000000000},
                {"922337203.6854775807", INT64_MAX},
                {"-922337203.6854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        money_t value;
        assert_int_equal(money_parse(good[i].text, &value), 0);
        assert_true(value == good[i].value);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      "1e3",
                                      "0x1",
                                      "1,5",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "1.2.3",
                                      "--1",
                                      "0.00000000001",
                                      "922337203.6854775808",
                                      "nan",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        money_t value = 42;
        assert_int_equal(money_parse(bad[i], &value), -1);
        assert_true(value == 42);
    }
}

static void prices_have_bounds(void **state)
{
    (void)state;
    money_t value = 7;
    struct err err;
    assert_int_equal(money_parse_price("1000000", &value, &err), 0);
    assert_true(value == MONEY_INPUT_MAX);
    assert_int_equal(money_parse_price("1000000.0000000001", &value, &err), EXIT_INPUT);
    assert_int_equal(money_parse_price("-0.01", &value, &err), EXIT_INPUT);
    assert_int_equal(money_parse_price("free", &value, &err), EXIT_INPUT);
    assert_true(value == MONEY_INPUT_MAX);
}

static void texts_round_trip(void **state)
{
    (void)state;
    struct philox p = philox_stream(1, 0, 0, 1);
    for (int i = 0; i < 20000; i++) {
        money_t value = (money_t)(philox_u64(&p) >> philox_below(&p, 64));
        value = philox_below(&p, 2) ? value : -value;
        char text[MONEY_TEXT_SIZE];
        money_t back;
        assert_int_equal(money_parse(money_text(value, text), &back), 0);
        assert_true(back == value);
        assert_int_equal(strlen(strchr(text, '.')), 1 + MONEY_DECIMALS);
    }
    char text[MONEY_TEXT_SIZE];
    assert_string_equal(money_text(INT64_MIN, text), "-922337203.6854775808");
    assert_string_equal(money_text(-1, text), "-0.0000000001");
    assert_string_equal(money_text(123400000000, text), "12.3400000000");
}

static void short_texts_are_for_people(void **state)
{
    (void)state;
    char text[MONEY_TEXT_SIZE];
    assert_string_equal(money_short(123456000000, text), "12.35");
    assert_string_equal(money_short(130000000, text), "0.0130");
    assert_string_equal(money_short(0, text), "0.00");
    assert_string_equal(money_short(-15000000000, text), "-1.50");
    assert_string_equal(money_short(10050000000, text), "1.00"); /* ties go to the even one */
    assert_string_equal(money_short(10150000000, text), "1.02");
}

static void halves_go_to_even(void **state)
{
    (void)state;
    static const struct {
        int64_t n, d, rounded;
    } cases[] = {{1, 2, 0},   {3, 2, 2},   {5, 2, 2},   {-1, 2, 0},
                 {-3, 2, -2}, {-5, 2, -2}, {7, 3, 2},   {8, 3, 3},
                 {-7, 3, -2}, {-8, 3, -3}, {15, 10, 2}, {25, 10, 2},
                 {1, 3, 0},   {2, 3, 1},   {0, 9, 0},   {INT64_MAX, 1, INT64_MAX}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct exact sum = {0};
        money_t value;
        exact_add(&sum, cases[i].n, cases[i].d);
        assert_int_equal(exact_round(&sum, &value), 0);
        assert_true(value == cases[i].rounded);
        exact_add(&sum, 0, 7); /* a second denominator: the long way round */
        assert_int_equal(exact_round(&sum, &value), 0);
        assert_true(value == cases[i].rounded);
        exact_release(&sum);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct exact sum = {0};
    money_t value;
    exact_add(&sum, (int128)INT64_MAX + 1, 1);
    assert_int_equal(exact_round(&sum, &value), -1);
    exact_add(&sum, 1, 3);
    assert_int_equal(exact_round(&sum, &value), -1);
    exact_release(&sum);
    assert_int_equal(money_add(INT64_MAX, 1, &value), -1);
    assert_int_equal(money_add(1, 2, &value), 0);
    assert_true(value == 3);
}

/* Denominators that all divide 2520 x 3600, so that the true sum is a fraction of whole numbers. */
static void sums_of_fractions_against_a_common_denominator(void **state)
{
    (void)state;
    static const int64_t denominators[] = {1, 2, 3, 5, 7, 8, 9, 60, 3600, 2520, 12600, 9072000};
    const int64_t common = 9072000;
    for (uint32_t round = 0; round < 500; round++) {
        struct philox p = philox_stream(2, round, 0, 1);
        struct exact sum = {0};
        struct exact less = {0};
        int128 expected = 0;
        for (int i = 0; i < 20; i++) {
            int64_t d = denominators[philox_below(&p, 12)];
            int64_t n = (int64_t)(philox_u64(&p) >> (24 + philox_below(&p, 32))) - 1000;
            bool take = philox_below(&p, 3) == 0;
            exact_add(take ? &less : &sum, n, d);
            expected += (take ? -1 : 1) * (int128)n * (common / d);
        }
        exact_subtract_all(&sum, &less);
        int128 floor = num_div_floor(expected, common);
        int128 twice = 2 * (expected - floor * common); /* the rest, against a half */
        int128 rounded = twice > common || (twice == common && floor % 2 != 0) ? floor + 1 : floor;
        money_t value;
        assert_int_equal(exact_round(&sum, &value), 0);
        assert_true(value == rounded);
        struct exact same = {0};
        exact_add(&same, expected, common);
        assert_int_equal(exact_compare(&sum, &same), 0);
        exact_add(&same, 1, 1000000007);
        assert_true(exact_compare(&sum, &same) < 0 && exact_compare(&same, &sum) > 0);
        exact_release(&sum);
        exact_release(&less);
        exact_release(&same);
    }
}

/* 1/p summed p times for primes p is a whole number; no denominator divides another. */
static void sums_over_primes_are_whole(void **state)
{
    (void)state;
    static const int64_t primes[] = {31536001, 94608059, 999999937, 2147483647, 1000000007, 4294967291};
    struct exact sum = {0};
    for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
        exact_add(&sum, primes[i] - 1, primes[i]);
        exact_add(&sum, 1, primes[i]);
    }
    money_t value;
    assert_int_equal(exact_round(&sum, &value), 0);
    assert_true(value == 6);
    assert_int_equal(exact_round_scaled(&sum, 1, 4, &value), 0); /* 1.5 */
    assert_true(value == 2);
    assert_int_equal(exact_round_scaled(&sum, 3, 4, &value), 0); /* 4.5 */
    assert_true(value == 4);
    exact_release(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_parse),
        cmocka_unit_test(prices_have_bounds),
        cmocka_unit_test(texts_round_trip),
        cmocka_unit_test(short_texts_are_for_people),
        cmocka_unit_test(halves_go_to_even),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(sums_of_fractions_against_a_common_denominator),
        cmocka_unit_test(sums_over_primes_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
