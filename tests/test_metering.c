/* Metering against a literal biller that goes second by second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "billing/metering.h"
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define MARKS_MAX 400000

/* Metered segments laid out as marks and compared one by one. */
static void compare(struct mark *marks, enum regime_choice choice, int64_t start, int64_t end)
{
    size_t count = oracle_meter(marks, 0, MARKS_MAX, 0, start, end, oracle_change(choice), 1);
    size_t i = 0;
    struct metering m;
    struct segment s;
    metering_begin(&m, "linux", choice, start, end);
    while (metering_next(&m, &s))
        for (int64_t n = 0; n < s.count; n++, i++) {
            assert_true(i < count);
            assert_int_equal(marks[i].t, s.at + n * (s.hourly ? 3600 : 1));
            assert_int_equal(marks[i].weight, s.hourly ? 3600 : 1);
            assert_true(s.hourly || marks[i].order == s.at);
        }
    assert_int_equal(i, count);
}

static void random_periods_second_by_second(void **state)
{
    (void)state;
    struct mark *marks = calloc(MARKS_MAX, sizeof(*marks));
    int64_t change = at("2017-10-02");
    for (uint32_t i = 0; i < 600; i++) {
        struct philox p = philox_stream(20171002, i, 0, 1);
        enum regime_choice choice = (enum regime_choice)philox_below(&p, 3);
        int64_t start = change + draw_between(&p, -5 * 3600, 2 * 3600);
        int64_t most = philox_below(&p, 3) ? 6 * 3600 : 130;
        compare(marks, choice, start, start + draw_between(&p, 0, most));
    }
    free(marks);
}

static void edges_around_the_change(void **state)
{
    (void)state;
    struct mark *marks = calloc(MARKS_MAX, sizeof(*marks));
    int64_t change = at("2017-10-02");
    static const int64_t near[] = {-3601, -3600, -3599, -61, -60, -59, -1, 0, 1, 59, 60, 61, 3599, 3600, 3601};
    for (size_t a = 0; a < sizeof(near) / sizeof(near[0]); a++)
        for (size_t z = a; z < sizeof(near) / sizeof(near[0]); z++)
            compare(marks, CHOOSE_AUTO, change + near[a], change + near[z]);
    free(marks);
}

static void regimes_by_system_and_date(void **state)
{
    (void)state;
    static const struct {
        const char *os, *when;
        enum regime regime;
    } cases[] = {
        {"linux", "2017-10-01T23:59:59Z", REGIME_HOURLY},
        {"linux", "2017-10-02", REGIME_SECOND},
        {"windows", "2021-06-10T23:59:59Z", REGIME_HOURLY},
        {"windows", "2021-06-11", REGIME_SECOND},
        {"rhel", "2024-03-31T23:59:59Z", REGIME_HOURLY},
        {"rhel", "2024-04-01", REGIME_SECOND},
        {"suse", "2030-01-01", REGIME_HOURLY},
        {"suse", "1999-01-01", REGIME_HOURLY},
    };
    struct err err;
    enum regime regime;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(regime_at(cases[i].os, at(cases[i].when), &regime, &err), 0);
        assert_int_equal(regime, cases[i].regime);
    }
    assert_int_equal(regime_at("beos", 0, &regime, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "linux, windows, rhel, suse"));
    assert_int_equal(regime_next_change("linux", 0), at("2017-10-02"));
    assert_int_equal(regime_next_change("linux", at("2017-10-02")), INSTANT_MAX);
}

static void quanta_and_minimums(void **state)
{
    (void)state;
    static const struct {
        const char *kind;
        int64_t duration, billed;
    } cases[] = {{"instance-hourly", 0, 3600},
                 {"instance-hourly", 3600, 3600},
                 {"instance-hourly", 3601, 7200},
                 {"instance-second", 20, 60},
                 {"instance-second", 220, 220},
                 {"ci-job", 1, 60},
                 {"ci-job", 61, 120},
                 {"fsr", 1, 3600},
                 {"fsr", 3601, 3660}};
    struct err err;
    struct meter meter;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(meter_kind(cases[i].kind, &meter, &err), 0);
        assert_int_equal(meter_billed_s(meter, cases[i].duration), cases[i].billed);
    }
    assert_int_equal(meter_kind("teapot", &meter, &err), EXIT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_periods_second_by_second),
        cmocka_unit_test(edges_around_the_change),
        cmocka_unit_test(regimes_by_system_and_date),
        cmocka_unit_test(quanta_and_minimums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
