/*
 * make-sample-history.c - makes the project's own sample year of commits, data/sample-history.tsv.gz.
 *
 *   cc -I. -o /tmp/make data/make-sample-history.c base/philox.c -lm && /tmp/make | gzip -9n >
 * data/sample-history.tsv.gz
 *
 * An invented service team in one time zone (UTC+1, summer time by the European Union's rule of 2025): office hours
 * with a dip at noon, little at weekends, May and November busy before a release, August slow, the last week of
 * December quiet. Work comes in pieces of one or more commits minutes apart; some commits share a second, and some
 * machines' clocks run behind by minutes. Whole numbers only, so every machine makes the same file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/philox.h"

#define SEED            2025
#define YEAR_BEGIN_S    1735689600 /* 2025-01-01T00:00:00Z, a Wednesday */
#define YEAR_END_S      1767225600
#define SUMMER_BEGIN_S  1743296400 /* 2025-03-30T01:00:00Z */
#define SUMMER_END_S    1761440400 /* 2025-10-26T01:00:00Z */
#define DAYS            365
#define COMMITS_MAX     10000
#define CHANCE_OF       990000
#define FOLLOWS_PERCENT 32 /* chance that a piece of work has a further commit */

/* Chances of a piece of work in a minute: the hour's weight times the day's, of CHANCE_OF. */
static const int hour_weight[24] = {1,  0,  0,   0,   0,   1,  3,  16, 52, 96, 118, 112,
                                    48, 78, 110, 114, 104, 70, 30, 12, 8,  8,  5,   2};
static const int month_percent[12] = {92, 100, 100, 96, 142, 104, 90, 68, 100, 106, 146, 98};
static const int month_length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
static const int holidays[] = {0, 107, 110, 120, 148, 159, 275}; /* days of the year, from 0 */

static int64_t commits[COMMITS_MAX];
static size_t commit_count;

static int day_weight(int day)
{
    int month = 0;
    for (int rest = day; rest >= month_length[month]; month++)
        rest -= month_length[month];
    int weight = 142 * month_percent[month];
    int weekday = (day + 2) % 7; /* 0: Monday */
    if (weekday == 4)
        weight = weight * 4 / 5;
    if (weekday >= 5)
        weight = weight * 4 / 100;
    if (day >= 357)
        weight = weight * 7 / 100;
    for (size_t i = 0; i < sizeof(holidays) / sizeof(*holidays); i++)
        if (holidays[i] == day)
            weight = weight * 5 / 100;
    return weight / 100;
}

static void add(int64_t local_s)
{
    int64_t t = local_s - 3600;
    if (t >= SUMMER_BEGIN_S && t < SUMMER_END_S)
        t -= 3600;
    if (t >= YEAR_BEGIN_S && t < YEAR_END_S && commit_count < COMMITS_MAX)
        commits[commit_count++] = t;
}

static void piece_of_work(struct philox *random, int64_t local_s)
{
    add(local_s);
    while (philox_below(random, 100) < FOLLOWS_PERCENT) {
        if (philox_below(random, 100) >= 4) /* else two in one second: a merge of two changes */
            local_s += 20 + (int64_t)philox_below(random, 1 + philox_below(random, 700));
        add(local_s);
    }
}

static int earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* About one commit in eighty comes from a machine whose clock is 2 to 17 minutes behind. */
static void put_clocks_behind(void)
{
    struct philox random = philox_stream(SEED, 0, 0, 1);
    for (size_t i = 1; i < commit_count; i++)
        if (philox_below(&random, 80) == 0)
            commits[i] -= 120 + (int64_t)philox_below(&random, 900);
}

static void print_all(void)
{
    size_t close = 0;
    size_t backwards = 0;
    size_t same = 0;
    int64_t latest = commits[0];
    for (size_t i = 1; i < commit_count; i++) {
        int64_t arrival = commits[i] > latest ? commits[i] : latest;
        close += arrival - latest <= 600;
        same += commits[i] == commits[i - 1];
        backwards += commits[i] < latest;
        latest = arrival;
    }
    printf("# An invented year of a service team, made by data/make-sample-history.c.\n");
    printf("# commits: %zu\n", commit_count);
    printf("# from 2025-01-01 to 2025-12-31, UTC\n");
    printf("# within ten minutes of the last: %zu\n", close);
    printf("# in the same second as the last: %zu\n", same);
    printf("# clocks behind: %zu\n", backwards);
    printf("#committer_unix\tnumber\n");
    for (size_t i = 0; i < commit_count; i++)
        printf("%lld\t%zu\n", (long long)commits[i], i + 1);
}

int main(void)
{
    for (int day = 0; day < DAYS; day++) {
        struct philox random = philox_stream(SEED, 0, (uint64_t)day, 0);
        for (int minute = 0; minute < 1440; minute++) {
            int chance = hour_weight[minute / 60] * day_weight(day);
            int64_t second = (int64_t)philox_below(&random, 60);
            if (philox_below(&random, CHANCE_OF) < (uint64_t)chance)
                piece_of_work(&random, YEAR_BEGIN_S + day * INT64_C(86400) + minute * INT64_C(60) + second);
        }
    }
    qsort(commits, commit_count, sizeof(*commits), earlier);
    put_clocks_behind();
    print_all();
    return 0;
}
