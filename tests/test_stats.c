/* Percentiles against sorting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/stats.h"
#include "tests/support_draw.h"

#define MOST 700

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least p percent of the values do not exceed. */
static int64_t nearest_rank(const int64_t *sorted, size_t n, int percent)
{
    size_t i = 0;
    while ((i + 1) * 100 < (size_t)percent * n)
        i++;
    return sorted[i];
}

static void check(const int64_t *values, size_t n)
{
    int64_t before[MOST];
    int64_t sorted[MOST];
    memcpy(before, values, n * sizeof(*values));
    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), ascending);
    struct stats s = stats_of(values, n);
    assert_memory_equal(before, values, n * sizeof(*values));
    for (int p = 0; p < STATS_RANKS; p++)
        assert_int_equal(s.percentile[p], nearest_rank(sorted, n, stats_percent[p]));
    assert_int_equal(s.max, sorted[n - 1]);
}

static void by_hand(void **state)
{
    (void)state;
    int64_t ten[] = {100, 90, 80, 70, 60, 50, 40, 30, 20, 10};
    struct stats s = stats_of(ten, 10);
    assert_int_equal(s.percentile[STATS_P50], 50); /* the 5th of 10 */
    assert_int_equal(s.percentile[STATS_P90], 90);
    assert_int_equal(s.percentile[STATS_P95], 100); /* ceil(9.5) = 10th */
    assert_int_equal(s.percentile[STATS_P99], 100);
    assert_int_equal(s.max, 100);
    s = stats_of(ten, 1);
    assert_int_equal(s.percentile[STATS_P50], 100);
    s = stats_of(ten, 2); /* ceil(1.0) = 1st of 90, 100 */
    assert_int_equal(s.percentile[STATS_P50], 90);
    assert_int_equal(s.percentile[STATS_P90], 100);
    s = stats_of(ten, 3); /* ceil(1.5) = 2nd */
    assert_int_equal(s.percentile[STATS_P50], 90);
}

/* Where the counting's digits of 16 bits end. */
static void edges_of_digits(void **state)
{
    (void)state;
    static const int64_t edges[] = {0,
                                    1,
                                    65535,
                                    65536,
                                    65537,
                                    ((int64_t)1 << 32) - 1,
                                    (int64_t)1 << 32,
                                    ((int64_t)1 << 48) - 1,
                                    (int64_t)1 << 48,
                                    (int64_t)1 << 50,
                                    INT64_MAX};
    const size_t count = sizeof(edges) / sizeof(*edges);
    for (uint64_t i = 0; i < 300; i++) {
        struct philox p = philox_stream(50, 0, i, 1);
        int64_t values[MOST] = {0};
        size_t n = (size_t)draw(&p, 1, 120);
        size_t from = (size_t)philox_below(&p, count);
        for (size_t k = 0; k < n; k++)
            values[k] = edges[from + philox_below(&p, count - from)];
        check(values, n);
    }
}

static void random_sizes_magnitudes_and_ties(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1500; i++) {
        struct philox p = philox_stream(50, 0, i, 2);
        int64_t values[MOST] = {0};
        size_t n = (size_t)(draw(&p, 0, 1) ? draw(&p, 1, 25) : draw(&p, 1, MOST));
        int64_t bits = draw(&p, 0, 50);
        int64_t base = draw(&p, 0, 1) ? (int64_t)1 << bits : 0;
        int64_t width = draw(&p, 0, 2) ? (int64_t)1 << draw(&p, 0, bits) : 3; /* 3: mostly ties */
        for (size_t k = 0; k < n; k++)
            values[k] = base + draw(&p, 0, width - 1);
        check(values, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(edges_of_digits),
        cmocka_unit_test(random_sizes_magnitudes_and_ties),
    };
    return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
