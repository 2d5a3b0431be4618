/* The storm cap: ECS's threshold, the limit in money, what it costs at worst. Expected values by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scheduler/storm.h"

#define USD INT64_C(10000000000)

static void the_threshold_is_that_of_ecs(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{0, 3}, {1, 3}, {2, 3}, {6, 3}, {7, 4}, {25, 13}, {399, 200}, {1000, 200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(storm_threshold(cases[i][0]), cases[i][1]);
}

static void hours_and_money(void **state)
{
    (void)state;
    /* 3 failures of 15 min each: 3 whole hours at 0.0116 USD = 0.0348 */
    struct storm_terms terms = {.desired = 2, .price_per_hour = USD * 116 / 10000, .life_s = 900};
    struct storm_cap cap = storm_cap(&terms);
    assert_int_equal(cap.attempts, 3);
    assert_int_equal(cap.instance_s, 3 * 3600);
    assert_int_equal(cap.worst, USD * 348 / 10000);
    assert_false(cap.by_money);
    /* by the second: 45 min at 0.0116 an hour = 0.0087 */
    terms.per_second = true;
    cap = storm_cap(&terms);
    assert_int_equal(cap.instance_s, 2700);
    assert_int_equal(cap.worst, USD * 87 / 10000);
    /* a life of 10 s still costs a minute */
    terms.life_s = 10;
    assert_int_equal(storm_cap(&terms).instance_s, 180);
    /* over an hour: two */
    terms = (struct storm_terms){.desired = 2, .attempts = 5, .price_per_hour = USD / 10, .life_s = 3601};
    assert_int_equal(storm_cap(&terms).instance_s, 5 * 7200);
}

static void money_may_bind_first(void **state)
{
    (void)state;
    struct storm_terms terms = {.desired = 10, .limit = USD / 4, .price_per_hour = USD / 10, .life_s = 900};
    struct storm_cap cap = storm_cap(&terms); /* 0.25 buys two hours at 0.10 */
    assert_int_equal(cap.attempts, 2);
    assert_true(cap.by_money);
    assert_true(cap.worst <= terms.limit);
    terms.limit = USD / 2; /* exactly five */
    assert_int_equal(storm_cap(&terms).attempts, 5);
    assert_false(storm_cap(&terms).by_money);
    terms.limit = 1;
    assert_int_equal(storm_cap(&terms).attempts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_threshold_is_that_of_ecs),
        cmocka_unit_test(hours_and_money),
        cmocka_unit_test(money_may_bind_first),
    };
    return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
