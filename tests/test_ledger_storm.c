/* Storms on the ledger: booked once, found again; and what no cap would have allowed, by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "billing/ledger_storm.h"
#include "tests/support_bill.h"

static void without_a_cap(void **state)
{
    (void)state;
    /* "A 3-minute cycle is 20 instance-hours each hour for each slot": every attempt bills a full hour. */
    struct ledger_storm s = {.attempts = 3, .slots = 1, .failed_s = 540, .hourly = true};
    assert_int_equal(ledger_storm_uncapped_s(&s, 3600), 20 * 3600);
    assert_int_equal(ledger_storm_uncapped_s(&s, 8 * 3600), 160 * 3600);
    s.slots = 4;
    assert_int_equal(ledger_storm_uncapped_s(&s, 3600), 80 * 3600);
    /* By the second a cycle of 180 s bills 180 s; one of 20 s bills the minimum of 60 s, 180 times an hour. */
    s.slots = 1;
    s.hourly = false;
    assert_int_equal(ledger_storm_uncapped_s(&s, 3600), 3600);
    s.failed_s = 60;
    assert_int_equal(ledger_storm_uncapped_s(&s, 3600), 180 * 60);
    /* A cycle longer than the night is one launch; nothing known is no division by zero; what is too much is said. */
    s = (struct ledger_storm){.attempts = 1, .slots = 2, .failed_s = 40000, .hourly = true};
    assert_int_equal(ledger_storm_uncapped_s(&s, 8 * 3600), (int64_t)2 * 12 * 3600);
    s = (struct ledger_storm){.attempts = 0};
    assert_true(ledger_storm_uncapped_s(&s, 3600) > 0);
    s = (struct ledger_storm){.attempts = 1, .slots = INT64_MAX, .failed_s = 1};
    assert_int_equal(ledger_storm_uncapped_s(&s, 3600), INT64_MAX);
}

static void booked_once_and_found(void **state)
{
    (void)state;
    struct err err = {0};
    struct ledger *l;
    struct ledger_storms list = {0};
    const struct ledger_scope scope = {"production/7", "production", "shop"};
    const struct ledger_scope odd = {"production/8", "production", "shop"};
    struct ledger_storm s = {3, 2, 540, 10800, 14400, true};
    assert_int_equal(ledger_open(&l, ":memory:", LEDGER_WRITE, &err), 0);
    assert_int_equal(ledger_storm_book(l, &scope, &s, at("2018-08-03"), &err), 0);
    s.attempts = 9; /* again, by whoever resumes: nothing */
    assert_int_equal(ledger_storm_book(l, &scope, &s, at("2018-08-04"), &err), 0);
    assert_int_equal(ledger_remark(l, "storm:production/8", "storm", &odd, "slots=2 xattempts=4 cap_s=x more=1",
                                   at("2018-08-05"), &err),
                     0);
    const struct ledger_filter all = {.from = at("2018-08-01"), .to = at("2018-08-31")};
    assert_int_equal(ledger_storms_read(&list, l, &all, &err), 0);
    assert_int_equal(list.count, 2);
    const struct ledger_storm *found = ledger_storm_of(&list, "production/7");
    assert_non_null(found);
    assert_int_equal(found->attempts, 3);
    assert_int_equal(found->slots, 2);
    assert_int_equal(found->failed_s, 540);
    assert_int_equal(found->billed_s, 10800);
    assert_int_equal(found->cap_s, 14400);
    assert_true(found->hourly);
    found = ledger_storm_of(&list, "production/8"); /* of another version: what it says, and no more */
    assert_int_equal(found->slots, 2);
    assert_int_equal(found->attempts, 0);
    assert_int_equal(found->cap_s, 0);
    assert_null(ledger_storm_of(&list, "production/9"));
    ledger_storms_release(&list);
    struct diag diag = {.out = NULL};
    assert_int_equal(ledger_check(l, &diag, &err), 0);
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_cap), cmocka_unit_test(booked_once_and_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
