/* Storage: vectors 29 and 31 of the project's list of facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "billing/storage.h"
#include "tests/support_bill.h"

static money_t cost_of(const char *price, int64_t quantity, int64_t per_gb, const char *start, const char *end)
{
    struct meter meter;
    struct err err;
    struct exact cost = {0};
    money_t value;
    assert_int_equal(meter_kind("volume", &meter, &err), 0);
    storage_add_cost(&cost, usd(price), quantity, per_gb, at(start), at(end), meter);
    assert_int_equal(exact_round(&cost, &value), 0);
    exact_release(&cost);
    return value;
}

static void vector_29_two_terabytes_for_half_a_day(void **state)
{
    (void)state;
    assert_int_equal(cost_of("0.09394", 2000, 1, "2018-06-10T00:00:00Z", "2018-06-10T12:00:00Z"), usd("3.1313333333"));
}

/* 31 GB for one hour a day through a 30-day month: 31 x 30 / 720 = 1.2916... GB-months. */
static void an_hour_a_day_of_31_gb_is_1_29_gb_months(void **state)
{
    (void)state;
    struct meter meter = {1, 60};
    struct exact cost = {0};
    for (int day = 0; day < 30; day++)
        storage_add_cost(&cost, MONEY_PER_USD, 31, 1, at("2018-06-01") + day * 86400,
                         at("2018-06-01") + day * 86400 + 3600, meter);
    money_t value;
    assert_int_equal(exact_round(&cost, &value), 0);
    assert_int_equal(value, usd("1.2916666667"));
    exact_release(&cost);
}

static void months_are_of_their_own_length(void **state)
{
    (void)state;
    assert_int_equal(cost_of("0.05", 2, 1, "2018-01-01", "2018-02-01"), usd("0.1"));
    assert_int_equal(cost_of("0.05", 2, 1, "2018-02-01", "2018-03-01"), usd("0.1"));
    /* One day of January and one of February: 1/31 + 1/28. */
    assert_int_equal(cost_of("1", 1, 1, "2018-01-31", "2018-02-02"), usd("0.0679723502"));
    assert_int_equal(cost_of("1", (int64_t)1 << 30, (int64_t)1 << 30, "2018-01-01", "2018-02-01"), usd("1"));
    /* 10 s are billed as 60: 60 / 2,592,000 x 43,200. */
    assert_int_equal(cost_of("43200", 1, 1, "2018-06-10T00:00:00Z", "2018-06-10T00:00:10Z"), usd("1"));
}

static void vector_31_snapshots_store_changed_blocks(void **state)
{
    (void)state;
    const struct snapshot_delta chain[] = {{0, 50}, {20, 10}};
    assert_int_equal(snapshot_chain_stored(chain, 1), 50);
    assert_int_equal(snapshot_chain_stored(chain, 2), 80);
    assert_int_equal(snapshot_chain_stored(chain, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_29_two_terabytes_for_half_a_day),
        cmocka_unit_test(an_hour_a_day_of_31_gb_is_1_29_gb_months),
        cmocka_unit_test(months_are_of_their_own_length),
        cmocka_unit_test(vector_31_snapshots_store_changed_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
