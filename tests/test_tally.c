/* The tally: cells summed by key, whether they fit in memory or go through the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/philox.h"
#include "billing/tally.h"

enum { RESOURCES = 37, HOURS = 53 };

struct table {
    struct tally_cell cells[RESOURCES][HOURS];
    bool there[RESOURCES][HOURS];
    size_t seen;
    int last_resource, last_hour;
};

static int check_cell(void *context, const struct tally_cell *cell, struct err *err)
{
    struct table *t = context;
    (void)err;
    assert_true(cell->resource < RESOURCES && cell->hour < HOURS);
    assert_true(t->there[cell->resource][cell->hour]);
    const struct tally_cell *expected = &t->cells[cell->resource][cell->hour];
    assert_memory_equal(cell, expected, sizeof(*cell));
    assert_true((int)cell->resource > t->last_resource ||
                ((int)cell->resource == t->last_resource && (int)cell->hour > t->last_hour));
    t->last_resource = (int)cell->resource;
    t->last_hour = (int)cell->hour;
    t->seen++;
    return 0;
}

/* Against a table that has a place for every key. */
static void sums(void **state)
{
    (void)state;
    const size_t most[] = {0, 1, 50, 100, 1000};
    for (size_t m = 0; m < sizeof(most) / sizeof(*most); m++) {
        static struct table table;
        memset(&table, 0, sizeof(table));
        table.last_resource = table.last_hour = -1;
        struct philox tape = philox_stream(1, 0, m, 1);
        struct tally *tally = tally_new(most[m]);
        struct err err = {0};
        size_t adds = most[m] == 1 ? 900 : 20000;
        size_t keys = 0;
        for (size_t i = 0; i < adds; i++) {
            struct tally_cell c = {.resource = (uint32_t)philox_below(&tape, RESOURCES),
                                   .hour = (uint32_t)philox_below(&tape, HOURS),
                                   .expected_on_demand_s = (int64_t)philox_below(&tape, 3600),
                                   .expected_covered_s = -(int64_t)philox_below(&tape, 3600),
                                   .on_demand_s = (int64_t)philox_below(&tape, 3600),
                                   .covered_s = (int64_t)philox_below(&tape, 3600),
                                   .lines = (int64_t)philox_below(&tape, 2),
                                   .rate_usd = (int64_t)philox_below(&tape, 1000000),
                                   .expected_usd = (int64_t)philox_below(&tape, 1000000) - 500000,
                                   .usd = (int64_t)philox_below(&tape, 1000000)};
            assert_int_equal(tally_add(tally, &c, &err), 0);
            struct tally_cell *sum = &table.cells[c.resource][c.hour];
            keys += !table.there[c.resource][c.hour];
            table.there[c.resource][c.hour] = true;
            sum->resource = c.resource;
            sum->hour = c.hour;
            sum->expected_on_demand_s += c.expected_on_demand_s;
            sum->expected_covered_s += c.expected_covered_s;
            sum->on_demand_s += c.on_demand_s;
            sum->covered_s += c.covered_s;
            sum->lines += c.lines;
            sum->rate_usd = c.rate_usd > sum->rate_usd ? c.rate_usd : sum->rate_usd;
            sum->expected_usd += c.expected_usd;
            sum->usd += c.usd;
        }
        assert_int_equal(tally_runs(tally) > 0, most[m] > 0);
        assert_int_equal(tally_each(tally, check_cell, &table, &err), 0);
        assert_int_equal(table.seen, keys);
        tally_free(tally);
    }
}

static int stop(void *context, const struct tally_cell *cell, struct err *err)
{
    (void)cell;
    (void)err;
    return ++*(int *)context == 3 ? 42 : 0;
}

static void an_empty_one_and_an_early_end(void **state)
{
    (void)state;
    struct err err = {0};
    int count = 0;
    struct tally *tally = tally_new(2);
    assert_int_equal(tally_each(tally, stop, &count, &err), 0);
    assert_int_equal(count, 0);
    for (uint32_t i = 0; i < 9; i++)
        assert_int_equal(tally_add(tally, &(struct tally_cell){.resource = i}, &err), 0);
    assert_int_equal(tally_each(tally, stop, &count, &err), 42);
    assert_int_equal(count, 3);
    tally_free(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums),
        cmocka_unit_test(an_empty_one_and_an_early_end),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
