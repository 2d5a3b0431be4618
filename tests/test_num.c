/* Numbers from text, and division with a named rounding, against tables and brute force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define UNTOUCHED 424242

__extension__ typedef unsigned __int128 uint128;

static const char *const no_integers[] = {"",     "-",     "+1",  " 1",  "1 ",  "1.0",         "1e3",
                                          "0x10", "--1",   "1-",  "1,0", "\t1", "1\n",         "a",
                                          ".",    "1_000", "- 1", "INF", "nan", "\xEF\xBC\x91"};

static void integers(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"007", 7},
        {"-12", -12},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"000000000000000000000000000001", 1},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        int64_t value = UNTOUCHED;
        assert_int_equal(num_i64(good[i].text, strlen(good[i].text), &value), 0);
        assert_true(value == good[i].value);
    }
}

static void what_is_no_integer_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(no_integers) / sizeof(*no_integers); i++) {
        int64_t value = UNTOUCHED;
        assert_int_equal(num_i64(no_integers[i], strlen(no_integers[i]), &value), -1);
        assert_int_equal(value, UNTOUCHED);
    }
    int64_t value = UNTOUCHED;
    assert_int_equal(num_i64("1\0", 2, &value), -1);
    assert_int_equal(num_i64("12", 1, &value), 0);
    assert_int_equal(value, 1);
}

/* All numbers within 40 of the ends of int64, as printed by 128-bit arithmetic. */
static void the_ends_of_int64(void **state)
{
    (void)state;
    for (int step = -40; step <= 40; step++) {
        const int128 near[] = {(int128)INT64_MAX + step, (int128)INT64_MIN + step};
        for (size_t i = 0; i < 2; i++) {
            char text[41];
            num_i128_text(near[i], text);
            int64_t value = UNTOUCHED;
            bool fits = near[i] >= INT64_MIN && near[i] <= INT64_MAX;
            assert_int_equal(num_i64(text, strlen(text), &value), fits ? 0 : -1);
            assert_true(value == (fits ? near[i] : UNTOUCHED));
        }
    }
}

static void decimals(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int decimals;
        int64_t value;
    } good[] = {
        {"12", 2, 1200},
        {"12.3", 2, 1230},
        {"12.34", 2, 1234},
        {"12.3400", 2, 1234},
        {"-0.5", 1, -5},
        {".25", 2, 25},
        {"-.25", 2, -25},
        {"0.0000000001", 10, 1},
        {"922337203.6854775807", 10, INT64_MAX},
        {"-922337203.6854775808", 10, INT64_MIN},
        {"9223372036854775807", 0, INT64_MAX},
        {"3.000", 0, 3},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        int64_t value = UNTOUCHED;
        assert_int_equal(num_decimal(good[i].text, strlen(good[i].text), good[i].decimals, &value), 0);
        assert_true(value == good[i].value);
    }
}

static void bad_decimals(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int decimals;
    } bad[] = {
        {"", 2},       {"-", 2},     {".", 2},    {"-.", 2},    {"1.234", 2},
        {"1e2", 2},    {"1,5", 2},   {"+1", 2},   {" 1", 2},    {"1 ", 2},
        {"1.2.3", 2},  {"1.-2", 2},  {"$1", 2},   {"0x1", 2},   {"922337203.6854775808", 10},
        {"1.5", 0},    {"1.00x", 2}, {"inf", 2},  {"nan", 2},   {"-922337203.6854775809", 10},
        {"--1.0", 10}, {"1.0-", 10}, {"1.05", 1}, {"-1.05", 1}, {"99999999999999999999", 0},
        {"1..0", 10},  {"1.\t", 10}, {"1/2", 10},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        int64_t value = UNTOUCHED;
        assert_int_equal(num_decimal(bad[i].text, strlen(bad[i].text), bad[i].decimals, &value), -1);
        assert_int_equal(value, UNTOUCHED);
    }
}

/* The definitions, by search: floor is the largest q with q * d <= n, and so on. */
static void rounding_against_brute_force(void **state)
{
    (void)state;
    for (int n = -60; n <= 60; n++)
        for (int d = 1; d <= 16; d++) {
            int floor = -100;
            while ((floor + 1) * d <= n)
                floor++;
            int ceil = floor * d == n ? floor : floor + 1;
            int low = n - floor * d;
            int high = ceil * d - n;
            int even = floor % 2 == 0 ? floor : ceil;
            int nearest = low < high ? floor : low > high ? ceil : even;
            assert_true(num_div_floor(n, d) == floor);
            assert_true(num_div_ceil(n, d) == ceil);
            assert_true(num_div_half_even(n, d) == nearest);
        }
}

static void rounding_at_the_ends(void **state)
{
    (void)state;
    int128 most = (int128)(((uint128)1 << 127) - 1);
    int128 least = -most - 1;
    assert_true(num_div_floor(least, 1) == least);
    assert_true(num_div_ceil(least, 1) == least);
    assert_true(num_div_half_even(least, 1) == least);
    assert_true(num_div_half_even(most, most) == 1);
    assert_true(num_div_half_even(most - 1, most) == 1);
    assert_true(num_div_half_even(1, most) == 0);
    assert_true(num_div_ceil(most, 2) == (most - 1) / 2 + 1);
    assert_true(num_div_half_even(most, 2) == (most - 1) / 2 + 1); /* 2^126 - 0.5: to the even 2^126 */
}

static void texts_of_128_bits(void **state)
{
    (void)state;
    int128 most = (int128)(((uint128)1 << 127) - 1);
    char text[41];
    num_i128_text(most, text);
    assert_string_equal(text, "170141183460469231731687303715884105727");
    num_i128_text(-most - 1, text);
    assert_string_equal(text, "-170141183460469231731687303715884105728");
    num_i128_text(0, text);
    assert_string_equal(text, "0");
    for (int n = -1100; n < 1100; n++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "%d", n);
        num_i128_text(n, text);
        assert_string_equal(text, expected);
    }
}

static void decimals_of_any_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value; /* in 1e-10 */
        int code;
        bool rounded;
    } cases[] = {
        {"0.0960000000", 960000000, 0, false},
        {"12", 120000000000, 0, false},
        {"-0.5", -5000000000, 0, false},
        {".25", 2500000000, 0, false},
        {"1.5E-7", 1500, 0, false},
        {"1.5e-10", 2, 0, true}, /* a half: to even */
        {"2.5e-10", 2, 0, true},
        {"2.50000000000000000001e-10", 3, 0, true},
        {"0.00000000005", 0, 0, true},
        {"0.00000000015", 2, 0, true},
        {"0.000000000249999999999999999", 2, 0, true},
        {"1e2", 1000000000000, 0, false},
        {"1E+2", 1000000000000, 0, false},
        {"0E-64", 0, 0, false},
        {"0e64", 0, 0, false},
        {"1e-64", 0, 0, true},
        {"922337203.6854775807", INT64_MAX, 0, false},
        {"922337203.6854775808", 0, -1, false},
        {"1e64", 0, -1, false},
        {"1e65", 0, -1, false},
        {"", 0, -1, false},
        {".", 0, -1, false},
        {"-", 0, -1, false},
        {"1e", 0, -1, false},
        {"1e+", 0, -1, false},
        {"1.2.3", 0, -1, false},
        {" 1", 0, -1, false},
        {"0x1", 0, -1, false},
        {"1234567890123456789012345678901234567", 0, -1, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t value = 77;
        bool rounded = false;
        int code = num_decimal_round(cases[i].text, strlen(cases[i].text), 10, &value, &rounded);
        if (code != cases[i].code || value != (code ? 77 : cases[i].value) || rounded != cases[i].rounded)
            fail_msg("%s: code %d, %lld, %d", cases[i].text, code, (long long)value, rounded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_of_any_length),
        cmocka_unit_test(integers),
        cmocka_unit_test(what_is_no_integer_is_refused_and_changes_nothing),
        cmocka_unit_test(the_ends_of_int64),
        cmocka_unit_test(decimals),
        cmocka_unit_test(bad_decimals),
        cmocka_unit_test(rounding_against_brute_force),
        cmocka_unit_test(rounding_at_the_ends),
        cmocka_unit_test(texts_of_128_bits),
    };
    return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
