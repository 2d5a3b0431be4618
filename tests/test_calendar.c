/* The calendar against a day-by-day counter, and the parsers of times and durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "billing/calendar.h"

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* From 1600-01-01, whose day number is -135140: counted on, day by day, through 2400. */
static void every_day_of_eight_centuries(void **state)
{
    (void)state;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day_number = -135140;
    for (int year = 1600; year <= 2400; year++)
        for (int month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (month == 2 && leap(year));
            assert_int_equal(calendar_days_in_month(year, month), length);
            assert_int_equal(calendar_month_start(year * 12 + month - 1), day_number * 86400);
            assert_int_equal(calendar_month_seconds(year * 12 + month - 1), (int64_t)length * 86400);
            for (int day = 1; day <= length; day++, day_number++) {
                struct civil c = calendar_civil(day_number * 86400 + 86399);
                assert_true(c.year == year && c.month == month && c.day == day);
                assert_true(c.hour == 23 && c.minute == 59 && c.second == 59);
                c.hour = c.minute = c.second = 0;
                assert_int_equal(calendar_instant(c), day_number * 86400);
                assert_int_equal(calendar_month(day_number * 86400), year * 12 + month - 1);
            }
        }
}

static void known_instants(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at;
        const char *back;
    } cases[] = {{"1970-01-01", 0, "1970-01-01T00:00:00Z"},
                 {"2015-08-01T12:00:00Z", 1438430400, "2015-08-01T12:00:00Z"},
                 {"2015-08-01t12:00:00z", 1438430400, "2015-08-01T12:00:00Z"},
                 {"2015-08-01 14:00:00+02:00", 1438430400, "2015-08-01T12:00:00Z"},
                 {"2015-08-01T06:30:00-05:30", 1438430400, "2015-08-01T12:00:00Z"},
                 {"2015-08-01T12:00:00.000Z", 1438430400, "2015-08-01T12:00:00Z"},
                 {"2000-02-29", 951782400, "2000-02-29T00:00:00Z"},
                 {"0001-01-01", INSTANT_MIN, "0001-01-01T00:00:00Z"},
                 {"9999-12-31T23:59:59Z", INSTANT_MAX, "9999-12-31T23:59:59Z"},
                 {"1969-12-31T23:59:59Z", -1, "1969-12-31T23:59:59Z"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t t = 42;
        char text[INSTANT_TEXT_SIZE];
        struct err err;
        assert_int_equal(calendar_parse(cases[i].text, &t, &err), 0);
        assert_int_equal(t, cases[i].at);
        assert_string_equal(calendar_text(t, text), cases[i].back);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2015",
                                      "2015-13-01",
                                      "2015-00-01",
                                      "2015-02-29",
                                      "1900-02-29",
                                      "2015-8-1",
                                      "2015-08-01T",
                                      "2015-08-01T12:00",
                                      "2015-08-01T12:00:00",
                                      "10000-01-01",
                                      "0000-01-01",
                                      "2015-08-01T24:00:00Z",
                                      "2015-08-01T12:60:00Z",
                                      "2015-08-01T12:00:60Z",
                                      " 2015-08-01",
                                      "2015-08-01 ",
                                      "2015-08-01T12:00:00.5Z",
                                      "2015-08-01T12:00:00.Z",
                                      "2015-08-01T12:00:00+24:00",
                                      "2015-08-01T12:00:00Zx",
                                      "1438430400"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t t = 42;
        struct err err = {0};
        assert_int_equal(calendar_parse(bad[i], &t, &err), EXIT_INPUT);
        assert_int_equal(t, 42);
        assert_non_null(strstr(err.text, "2015-08-01T12:00:00Z")); /* the hint */
    }
}

static void months_have_names(void **state)
{
    (void)state;
    char text[INSTANT_TEXT_SIZE];
    assert_string_equal(calendar_month_text(2015 * 12 + 7, text), "2015-08");
    assert_string_equal(calendar_date_text(1438430400, text), "2015-08-01");
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"0", 0},        {"90", 90},     {"15m", 900},   {"15min", 900},      {"2h", 7200},
                {"1h30m", 5400}, {"3d", 259200}, {"1w", 604800}, {"1d2h3m4s", 93784}, {"45s", 45}};
    static const char *const bad[] = {"", "-1", "1.5h", "h", "2 h", "1y", "2h30", "99999999999d", "1h-", "+5"};
    struct err err;
    int64_t s;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(duration_parse(good[i].text, &s, &err), 0);
        assert_int_equal(s, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(duration_parse(bad[i], &s, &err), EXIT_INPUT);
    char text[INSTANT_TEXT_SIZE];
    assert_string_equal(hours_text(0, 2, text), "0.00");
    assert_string_equal(hours_text(45000, 2, text), "12.50");
    assert_string_equal(hours_text(18, 2, text), "0.00"); /* half of a hundredth, and one and a half */
    assert_string_equal(hours_text(54, 2, text), "0.02");
    assert_string_equal(hours_text(-900, 2, text), "-0.25");
    assert_string_equal(hours_text(-4500, 4, text), "-1.2500");
    assert_string_equal(hours_text(-1, 2, text), "0.00");
    assert_string_equal(hours_text(INT64_MIN, 4, text), "-2562047788015215.5022"); /* 2^63 / 3600 */
    assert_string_equal(duration_text(45, text), "45 s");
    assert_string_equal(duration_text(1020, text), "17 min");
    assert_string_equal(duration_text(7500, text), "2 h 5 min");
    assert_string_equal(duration_text(273600, text), "3 d 4 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_eight_centuries),
        cmocka_unit_test(known_instants),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(months_have_names),
        cmocka_unit_test(durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
