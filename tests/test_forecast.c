/* The linear run rate: vector 39 of the project's list of facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "billing/forecast.h"
#include "tests/support_bill.h"

static void vector_39_by_the_end_of_day_15_of_31(void **state)
{
    (void)state;
    static const struct {
        const char *spent, *forecast;
        int64_t hundredths;
        bool over;
    } cases[] = {{"300", "620", 6200, false}, {"600", "1240", 12400, true}};
    for (int i = 0; i < 2; i++) {
        struct exact spent = {0};
        struct err err;
        money_t forecast;
        int64_t hundredths;
        exact_add(&spent, usd(cases[i].spent), 1);
        assert_int_equal(forecast_linear(&spent, at("2018-08-16"), &forecast, &err), 0);
        assert_int_equal(forecast, usd(cases[i].forecast));
        assert_int_equal(forecast_reaches(&spent, at("2018-08-16"), usd("1000")), cases[i].over);
        struct exact all = {0};
        exact_add(&all, forecast, 1);
        assert_int_equal(forecast_percent(&all, usd("1000"), &hundredths), 0);
        assert_int_equal(hundredths, cases[i].hundredths);
        exact_release(&all);
        exact_release(&spent);
    }
}

/* A limit that is met exactly is reached; one unit more is not. A rounded comparison would not tell. */
static void exactly_the_limit_is_over(void **state)
{
    (void)state;
    struct exact spent = {0};
    exact_add(&spent, usd("1000") * 15, 31);
    assert_true(forecast_reaches(&spent, at("2018-08-16"), usd("1000")));
    assert_false(forecast_reaches(&spent, at("2018-08-16"), usd("1000.0000000001")));
    exact_add(&spent, -1, INT64_MAX);
    assert_false(forecast_reaches(&spent, at("2018-08-16"), usd("1000")));
    exact_release(&spent);
}

static void nothing_is_known_at_the_start_of_a_month(void **state)
{
    (void)state;
    struct exact spent = {0};
    struct err err;
    money_t forecast;
    assert_int_equal(forecast_linear(&spent, at("2018-08-01"), &forecast, &err), EXIT_INPUT);
    assert_int_equal(forecast_linear(&spent, at("2018-08-01T00:00:01Z"), &forecast, &err), 0);
    assert_int_equal(forecast, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_39_by_the_end_of_day_15_of_31),
        cmocka_unit_test(exactly_the_limit_is_over),
        cmocka_unit_test(nothing_is_known_at_the_start_of_a_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
