/* Hourly commitments: vectors 28, 37 and 38 of the project's list of facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "billing/commitment.h"
#include "tests/support_bill.h"

static void check(const char *commitment, const struct commitment_usage *usage, size_t count, const char *used,
                  const char *unused, const char *on_demand)
{
    struct commitment_result result = {0};
    money_t rest;
    commitment_apply(&result, usd(commitment), usage, count);
    assert_int_equal(exact_round(&result.on_demand_usd, &rest), 0);
    assert_int_equal(result.used_usd, usd(used));
    assert_int_equal(result.unused_usd, usd(unused));
    assert_int_equal(rest, usd(on_demand));
    commitment_release(&result);
}

static void vector_28_exactly_used_up(void **state)
{
    (void)state;
    const struct commitment_usage usage[] = {{usd("8"), usd("12")}, {usd("8"), usd("13")}, {usd("9"), usd("14")}};
    check("25", usage, 3, "25", "0", "0");
}

static void vector_37_three_quarters_used(void **state)
{
    (void)state;
    const struct commitment_usage usage[] = {{usd("0.5"), usd("0.8")}, {usd("0.25"), usd("0.4")}};
    check("1", usage, 2, "0.75", "0.25", "0");
}

/* Where the plan's rate is the standard one, 1.50 of usage leaves 0.50. */
static void vector_38_more_than_the_commitment(void **state)
{
    (void)state;
    const struct commitment_usage usage[] = {{usd("1.5"), usd("1.5")}};
    check("1", usage, 1, "1", "0", "0.5");
}

/* 1 of 1.5 at the plan's rate pays for two thirds; a third of 3 is charged on demand, and all of what comes later. */
static void what_is_left_costs_the_on_demand_rate(void **state)
{
    (void)state;
    const struct commitment_usage usage[] = {{usd("1.5"), usd("3")}, {usd("2"), usd("5")}};
    check("1", usage, 2, "1", "0", "6");
    check("0", usage, 2, "0", "0", "8");
    check("7", usage, 2, "3.5", "3.5", "0");
    check("7", NULL, 0, "0", "7", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_28_exactly_used_up),
        cmocka_unit_test(vector_37_three_quarters_used),
        cmocka_unit_test(vector_38_more_than_the_commitment),
        cmocka_unit_test(what_is_left_costs_the_on_demand_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
