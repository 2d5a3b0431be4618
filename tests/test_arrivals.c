/*
 * The model of arrivals: what it finds in histories whose chances are known, and how it behaves where little is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/philox.h"
#include "scheduler/arrivals.h"

#define MONDAY ((instant_t)1735516800) /* 2024-12-30T00:00:00Z, a Monday */
#define WEEK   ((int64_t)7 * SECONDS_PER_DAY)

static void hours_of_the_week(void **state)
{
    (void)state;
    assert_int_equal(arrivals_hour(MONDAY), 0);
    assert_int_equal(arrivals_hour(MONDAY + 3599), 0);
    assert_int_equal(arrivals_hour(MONDAY - 1), 167);
    assert_int_equal(arrivals_hour(MONDAY + 2 * SECONDS_PER_DAY + 5 * 3600), 53);
    assert_int_equal(arrivals_hour(0), 3 * 24); /* a Thursday */
    assert_int_equal(arrivals_hour(-1), 3 * 24 - 1);
}

static void gaps_and_moods(void **state)
{
    (void)state;
    static const struct {
        int64_t since_s;
        int gap;
    } of[] = {{0, 0},   {59, 0},  {60, 1},   {120, 2},  {180, 3},  {299, 3},   {300, 4},    {480, 5},
              {899, 5}, {900, 6}, {1800, 7}, {3600, 8}, {7200, 9}, {14399, 9}, {14400, 10}, {99999999, 10}};
    for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
        assert_int_equal(arrivals_gap_of(of[i].since_s), of[i].gap);
    struct arrivals_mood mood = {0};
    assert_int_equal(arrivals_mood_at(&mood, MONDAY), 20); /* nothing yet: long ago, calm */
    arrivals_hear(&mood, MONDAY);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY), 0);
    arrivals_hear(&mood, MONDAY + 60);
    /* 1 + e^(-60/7200) = 1.9917; at 1.5 after 7200 ln(1.9917/1.5) = 2041.4 s */
    assert_int_equal(arrivals_busy_until(&mood), MONDAY + 60 + 2041);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 60), 1);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 60 + 2041), 7 * 2 + 1);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 60 + 2042), 7 * 2);
}

static void check_sane(const struct arrivals *a)
{
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        for (int m = 0; m < ARRIVALS_MOODS; m++)
            assert_true(a->chance[h][m] >= 1e-7 && a->chance[h][m] <= 0.9);
    for (int l = 0; l < ARRIVALS_LEVELS; l++) {
        double sum = 0;
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            sum += a->size[l][i];
        assert_true(sum > 0.999999 && sum < 1.000001 && a->heat[l] > 0 && a->heat[l] < 1);
    }
    for (int k = 0; k < ARRIVALS_SOONS; k++)
        assert_true(a->soon[k] > 0 && a->soon[k] < 1);
}

static void little_is_known(void **state)
{
    (void)state;
    struct arrivals a;
    instant_t one = MONDAY;
    instant_t same[50];
    arrivals_fit(&a, NULL, 0, MONDAY);
    check_sane(&a);
    arrivals_fit(&a, &one, 1, MONDAY + WEEK);
    check_sane(&a);
    for (size_t i = 0; i < 50; i++)
        same[i] = MONDAY;
    arrivals_fit(&a, same, 50, MONDAY);
    check_sane(&a);
    arrivals_fit(&a, same, 50, MONDAY + 20000 * WEEK); /* four centuries of silence */
    check_sane(&a);
    assert_true(a.chance[10][20] < 1e-4);
}

/* Poisson commits in office hours, 3 an hour, and 0.2 an hour otherwise: rates come out within a fifth, in all moods.
 */
static void known_rates_are_found(void **state)
{
    (void)state;
    enum { MOST = 100000 };
    instant_t *at_s = mem_array(NULL, MOST, sizeof(*at_s));
    size_t count = 0;
    struct philox p = philox_stream(71, 0, 0, 1);
    for (instant_t t = MONDAY; t < MONDAY + 52 * WEEK; t++) {
        int hour = arrivals_hour(t);
        bool office = hour < 120 && hour % 24 >= 9 && hour % 24 < 17;
        if (philox_unit(&p) < (office ? 3.0 : 0.2) / 3600)
            at_s[count++] = t;
    }
    assert_true(count > 6000 && count < MOST);
    struct arrivals a;
    arrivals_fit(&a, at_s, count, MONDAY + 52 * WEEK);
    check_sane(&a);
    int wrong = 0;
    for (int h = 0; h < ARRIVALS_HOURS; h++) {
        bool office = h < 120 && h % 24 >= 9 && h % 24 < 17;
        bool border = h % 24 == 8 || h % 24 == 17; /* the profile is smoothed */
        double want = office ? 3.0 : 0.2;
        if (!border && (a.rate[h] < 0.6 * want || a.rate[h] > 1.5 * want))
            wrong++;
        for (int gap = 1; gap < ARRIVALS_GAPS && office; gap++) /* the first minute is that of the commit itself */
            if (60 * a.chance[h][gap * 2] < 0.6 * want || 60 * a.chance[h][gap * 2] > 1.5 * want)
                wrong++;
    }
    assert_in_range(wrong, 0, 28); /* of some 550: a cell has few commits */
    /* no echo in a Poisson process but that of the hour of the week: about 1.9 an hour after a commit, all in all */
    assert_true(60 * a.echo[4] > 1.3 && 60 * a.echo[4] < 2.7);
    free(at_s);
}

/* Pairs: a second commit 30 s after each. The stretch (20, 30] has all of them. */
static void bursts_are_found(void **state)
{
    (void)state;
    instant_t at_s[2000];
    struct philox p = philox_stream(72, 0, 0, 1);
    instant_t t = MONDAY;
    for (size_t i = 0; i < 2000; i += 2) {
        t += 7200 + (instant_t)philox_below(&p, 20000);
        at_s[i] = t;
        at_s[i + 1] = t + 30;
    }
    struct arrivals a;
    arrivals_fit(&a, at_s, 2000, t + 60);
    check_sane(&a);
    assert_true(a.soon[4] > 0.45 && a.soon[4] < 0.55); /* half of all commits are firsts */
    for (int k = 0; k < ARRIVALS_SOONS; k++)
        assert_true(k == 4 || a.soon[k] < 0.01);
    assert_true(a.size[0][1] > 0.95); /* two in the minute */
}

/* Twice as busy in the last year as in the one before: the newer counts for more. */
static void newer_commits_count_for_more(void **state)
{
    (void)state;
    enum { MOST = 20000 };
    static instant_t at_s[MOST];
    size_t count = 0;
    instant_t t = MONDAY;
    for (; t < MONDAY + 104 * WEEK; t += t < MONDAY + 52 * WEEK ? 14400 : 3600)
        at_s[count++] = t;
    struct arrivals a;
    arrivals_fit(&a, at_s, count, t);
    double mean = 0;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        mean += a.rate[h] / ARRIVALS_HOURS;
    /* weights 1 and 1/2 on average over the two years: (2 x 1 + 1 x 0.25) / 3 = 0.75 */
    assert_true(mean > 0.7 && mean < 0.8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_of_the_week), cmocka_unit_test(gaps_and_moods),
        cmocka_unit_test(little_is_known),   cmocka_unit_test(known_rates_are_found),
        cmocka_unit_test(bursts_are_found),  cmocka_unit_test(newer_commits_count_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
