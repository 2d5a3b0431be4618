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

#define LONG_AGO arrivals_mood_of(ARRIVALS_GAPS - 1, 0) /* and calm */

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
    assert_int_equal(arrivals_mood_at(&mood, MONDAY), LONG_AGO); /* nothing yet: long ago, calm */
    arrivals_hear(&mood, MONDAY);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY), 0);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 300), 4 * 5);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 480), 5 * 5);
    arrivals_hear(&mood, MONDAY + 4990); /* 1 + e^(-4990/7200) = 1.50003: busy, a run of one */
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 4990), 1);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 4990 + 899), 25 + 1);
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + WEEK), LONG_AGO + 1); /* as the last commit left it */
    mood = (struct arrivals_mood){0};
    arrivals_hear(&mood, MONDAY);
    arrivals_hear(&mood, MONDAY + 4992); /* 1 + e^(-4992/7200) = 1.49989 */
    assert_int_equal(arrivals_mood_at(&mood, MONDAY + 4992), 0);
    static const int memory_after[] = {2, 2, 3, 3, 3, 3, 4, 4}; /* 2, 3, ... commits in the run */
    for (int i = 0; i < 8; i++) {
        arrivals_hear(&mood, MONDAY + 4992 + 120 * (i + 1));
        assert_int_equal(arrivals_mood_at(&mood, mood.last_s + 60), 5 + memory_after[i]);
    }
    arrivals_hear(&mood, mood.last_s + 121); /* the run is over */
    assert_int_equal(arrivals_mood_at(&mood, mood.last_s), 1);
}

static void moods_have_parts(void **state)
{
    (void)state;
    for (int m = 0; m < ARRIVALS_MOODS; m++) {
        int gap = arrivals_gap_in(m);
        int memory = arrivals_memory_in(m);
        int of = arrivals_class(m);
        assert_int_equal(arrivals_mood_of(gap, memory), m);
        assert_int_equal(gap, m < 25 ? m / 5 : 5 + (m - 25) / 2);
        assert_int_equal(of, gap < 2 ? memory : gap < 5 ? 5 + memory : 10 + memory);
        assert_int_equal(arrivals_gap_in(arrivals_mood_later(m)), gap < 10 ? gap + 1 : 10);
        assert_int_equal(arrivals_memory_in(arrivals_mood_later(m)) > 0, memory > 0);
    }
    static const int first[ARRIVALS_SIZES] = {1, 2, 3, 5, 9, 17, 33, 65};
    for (int i = 0; i < ARRIVALS_SIZES; i++) {
        assert_int_equal(arrivals_size_of(first[i]), i);
        assert_int_equal(arrivals_size_of(i + 1 < ARRIVALS_SIZES ? first[i + 1] - 1 : 5000), i);
    }
}

static void check_sane(const struct arrivals *a)
{
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        for (int m = 0; m < ARRIVALS_MOODS; m++)
            assert_true(a->chance[h][m] >= 1e-7 && a->chance[h][m] <= 0.97);
    for (int k = 0; k < ARRIVALS_CLASSES; k++) {
        double sum = 0;
        for (int i = 0; i < ARRIVALS_SIZES; i++)
            sum += a->size[k][i];
        assert_true(sum > 0.999999 && sum < 1.000001);
        for (int i = 0; i < ARRIVALS_TURNS; i++) {
            double turns = 0;
            for (int z = 0; z < ARRIVALS_MEMORIES; z++)
                turns += a->turn[k][i][z];
            assert_true(turns > 0.999999 && turns < 1.000001);
        }
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
    assert_true(a.chance[10][LONG_AGO] < 1e-4);
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
            if (60 * a.chance[h][arrivals_mood_of(gap, 0)] < 0.6 * want ||
                60 * a.chance[h][arrivals_mood_of(gap, 0)] > 1.5 * want)
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
    /* At the end of a minute the pair's second commit is there half of the time: both in one minute, or in two. */
    int calm = arrivals_class(LONG_AGO);
    assert_true(a.size[calm][1] > 0.4 && a.size[calm][1] < 0.6);
    double follows = 0;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        follows += a.chance[h][arrivals_mood_of(0, 0)] / ARRIVALS_HOURS;
    assert_true(follows > 0.8); /* after one alone the other comes in the next minute */
    assert_true(a.turn[calm][0][0] > 0.7 && a.turn[calm][1][2] > 0.9); /* calm but after less than 2.8 hours */
}

/* Thirty commits in a minute once a day, and one at another time: sizes far apart are kept apart. */
static void many_at_once_are_found(void **state)
{
    (void)state;
    static instant_t at_s[31 * 200];
    size_t count = 0;
    for (int day = 0; day < 200; day++) {
        for (int i = 0; i < 30; i++)
            at_s[count++] = MONDAY + day * SECONDS_PER_DAY + 36000 + i + 1;
        at_s[count++] = MONDAY + day * SECONDS_PER_DAY + 72000;
    }
    struct arrivals a;
    arrivals_fit(&a, at_s, count, MONDAY + 200 * SECONDS_PER_DAY);
    check_sane(&a);
    assert_true(a.commits[5] > 29.8 && a.commits[5] < 30.2); /* 17 to 32 */
    /* Ten hours after the thirty it is still busy, as they left it, when the one comes; that leaves it calm. */
    int calm = arrivals_class(LONG_AGO);
    int busy = arrivals_class(LONG_AGO + 1);
    assert_true(a.size[calm][5] > 0.95 && a.size[busy][0] > 0.95);
    assert_true(arrivals_commits(&a, LONG_AGO) > 28.5 && arrivals_commits(&a, LONG_AGO) < 30.2);
    assert_true(arrivals_commits(&a, LONG_AGO + 1) < 2);
    assert_true(a.turn[calm][2][4] > 0.95); /* a run of eight or more */
    assert_true(a.turn[busy][0][0] > 0.95);
    /* two minutes with commits a day */
    double mean = 0;
    for (int h = 0; h < ARRIVALS_HOURS; h++)
        mean += a.rate[h] / 7;
    assert_true(mean > 1.9 && mean < 2.1);
}

/* At ten o'clock another one follows half a minute later, at eight in the evening twenty minutes later: no hour's rate
 * and no mood's factor has both, a cell of both has. */
static void an_hour_may_have_moods_of_its_own(void **state)
{
    (void)state;
    static instant_t at_s[4 * 800];
    size_t count = 0;
    for (int day = 0; day < 800; day++) {
        instant_t ten = MONDAY + day * SECONDS_PER_DAY + 36000 + 60;
        at_s[count++] = ten;
        at_s[count++] = ten + 30;
        at_s[count++] = ten + 36000;
        at_s[count++] = ten + 36000 + 1200;
    }
    struct arrivals a;
    arrivals_fit(&a, at_s, count, MONDAY + 800 * SECONDS_PER_DAY);
    check_sane(&a);
    /* 59 of either have been seen in each hour of the week, the older ones counting for less, beside CELL_PRIOR's 20 */
    for (int day = 0; day < 7; day++)
        assert_true(a.chance[day * 24 + 10][0] > 0.75 && a.chance[day * 24 + 20][0] < 0.25);
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
        cmocka_unit_test(hours_of_the_week),
        cmocka_unit_test(gaps_and_moods),
        cmocka_unit_test(little_is_known),
        cmocka_unit_test(known_rates_are_found),
        cmocka_unit_test(bursts_are_found),
        cmocka_unit_test(moods_have_parts),
        cmocka_unit_test(many_at_once_are_found),
        cmocka_unit_test(newer_commits_count_for_more),
        cmocka_unit_test(an_hour_may_have_moods_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
