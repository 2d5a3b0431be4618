/*
 * Histories drawn from the fitted model against the real ones that it was fitted to: the sizes of bursts, and how much
 * the commits in a window vary. Neither is fitted; a model whose draws did not have them could not say what the best
 * policy on such data is (the "limit" of docs/study.md).
 *
 * The shipped sample, and the real histories beside the repository where they are. DRAWS_REPORT=1 prints the figures of
 * docs/study.md. Bounds are in logarithms of ratios: for the mean over all histories, and wider ones for each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <glob.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/source.h"
#include "base/str.h"
#include "tests/support_arrivals.h"

#define LOGS       "../shared/commit-logs/*.tsv.gz"
#define SPAN_S     ((int64_t)3 * 365 * SECONDS_PER_DAY)
#define BURST_GAP  600 /* commits closer than that are one burst */
#define WINDOWS    5
#define QUANTITIES 9
#if defined(__SANITIZE_ADDRESS__)
#define DRAWS 2
#else
#define DRAWS 10
#endif

static const int64_t windows_s[WINDOWS] = {60, 300, 900, 3600, SECONDS_PER_DAY};
static const char *const names[QUANTITIES] = {"bursts a week", "mean burst", "burst, 90 %", "burst, 99 %", "1 min",
                                              "5 min",         "15 min",     "60 min",      "1 day"};

/* Of some commits: bursts a week, their mean size and two quantiles; variance over mean of the counts in windows. */
struct look {
    double of[QUANTITIES];
};

static int by_size(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static void look_at_bursts(struct look *l, const instant_t *at_s, size_t count, double weeks)
{
    int *size = mem_array(NULL, count, sizeof(*size));
    size_t bursts = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || at_s[i] - at_s[i - 1] > BURST_GAP)
            size[bursts++] = 0;
        size[bursts - 1]++;
    }
    qsort(size, bursts, sizeof(*size), by_size);
    l->of[0] = (double)bursts / weeks;
    l->of[1] = (double)count / (double)bursts;
    size_t tenth_last = bursts * 9 / 10;
    size_t hundredth_last = bursts * 99 / 100;
    l->of[2] = size[tenth_last];
    l->of[3] = size[hundredth_last];
    free(size);
}

static double dispersion(const instant_t *at_s, size_t count, instant_t from, instant_t to, int64_t window_s)
{
    int64_t whole = (to - from) / window_s;
    double windows = (double)whole;
    double squares = 0;
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && (at_s[end] - from - 1) / window_s == (at_s[i] - from - 1) / window_s)
            end++;
        squares += (double)(end - i) * (double)(end - i);
        i = end;
    }
    double mean = (double)count / windows;
    return (squares / windows - mean * mean) / mean;
}

/* The commits in (from, to]. */
static struct look look_at(const instant_t *at_s, size_t count, instant_t from, instant_t to)
{
    struct look l;
    size_t first = 0;
    while (first < count && at_s[first] <= from)
        first++;
    look_at_bursts(&l, at_s + first, count - first, (double)(to - from) / (7.0 * SECONDS_PER_DAY));
    for (int i = 0; i < WINDOWS; i++)
        l.of[4 + i] = dispersion(at_s + first, count - first, from, to, windows_s[i]);
    return l;
}

/* The first column, in whole minutes; the last three years. */
static size_t read_times(const char *path, instant_t **to)
{
    struct err err;
    struct source *s = NULL;
    char bytes[65536];
    size_t count = 0;
    size_t cap = 0;
    ptrdiff_t n;
    bool first = true; /* in the first column of a line that is none of names */
    int64_t t = 0;
    assert_int_equal(source_open(&s, path, &err), 0);
    while ((n = source_read(s, bytes, sizeof(bytes), &err)) > 0)
        for (ptrdiff_t i = 0; i < n; i++) {
            if (first && bytes[i] >= '0' && bytes[i] <= '9') {
                t = 10 * t + (bytes[i] - '0');
                continue;
            }
            if (first && t) {
                *to = mem_grow(*to, &cap, count + 1, sizeof(**to));
                t = (t + 59) / 60 * 60;
                (*to)[count] = count && (*to)[count - 1] > t ? (*to)[count - 1] : t;
                count++;
            }
            first = bytes[i] == '\n';
            t = 0;
        }
    assert_int_equal(n, 0);
    source_close(s);
    if (count < 200 || !*to) {
        fail_msg("%s: %zu commits", path, count);
        return 0;
    }
    size_t from = 0;
    while ((*to)[from] < (*to)[count - 1] - SPAN_S)
        from++;
    memmove(*to, *to + from, (count - from) * sizeof(**to));
    return count - from;
}

static void report(const char *name, const char *what, const struct look *l)
{
    printf("| %s | %s |", name, what);
    for (int i = 0; i < QUANTITIES; i++)
        printf(" %.2f |", l->of[i]);
    printf("\n");
}

/* Draws as long as the first half, which they are fitted to; off: the logarithm of drawn over real. */
static void compare(const char *path, double off[QUANTITIES], bool reports)
{
    instant_t *at_s = NULL;
    size_t count = read_times(path, &at_s);
    if (!at_s)
        return; /* it has failed */
    instant_t middle = at_s[0] + (at_s[count - 1] - at_s[0]) / 2;
    size_t half = 0;
    while (at_s[half] <= middle)
        half++;
    struct arrivals model;
    struct look real = look_at(at_s, half, at_s[0] - 60, middle);
    struct look later = look_at(at_s, count, middle, at_s[count - 1]);
    struct look drawn = {{0}};
    arrivals_fit(&model, at_s, half, middle);
    for (int i = 0; i < DRAWS; i++) {
        size_t cap = half;
        instant_t *own = mem_array(NULL, cap, sizeof(*own));
        memcpy(own, at_s, half * sizeof(*own));
        instant_t end = 2 * middle - at_s[0];
        size_t all = arrivals_draw(&model, (uint32_t)i + 1, middle, end, &own, half, &cap);
        struct look l = look_at(own, all, middle, end);
        for (int q = 0; q < QUANTITIES; q++)
            drawn.of[q] += l.of[q] / DRAWS;
        free(own);
    }
    for (int q = 0; q < QUANTITIES; q++)
        off[q] = log(drawn.of[q] / real.of[q]);
    if (reports) {
        const char *base = strrchr(path, '/') + 1;
        char name[64];
        str_fit(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
        report(name, "first half", &real);
        report("", "drawn", &drawn);
        report("", "second half", &later);
    }
    free(at_s);
}

static void draws_resemble_the_data(void **state)
{
    (void)state;
    /* How far the mean over the histories may be off, up or down, and each history: the hundredth burst of a few
     * hundred is one of a few. */
    static const double most[QUANTITIES] = {0.25, 0.1, 0.15, 0.3, 0.15, 0.2, 0.2, 0.2, 0.25};
    static const double most_each[QUANTITIES] = {0.6, 0.3, 0.5, 1.0, 0.6, 0.6, 0.6, 0.6, 0.6};
    bool reports = getenv("DRAWS_REPORT") != NULL;
    double sum[QUANTITIES] = {0};
    glob_t found;
    assert_int_equal(glob("data/sample-history.tsv.gz", 0, NULL, &found), 0);
    if (glob(LOGS, GLOB_APPEND, NULL, &found))
        printf("# without the real histories: " LOGS " is not here\n");
    if (reports) {
        printf("| history | |");
        for (int q = 0; q < QUANTITIES; q++)
            printf(" %s |", names[q]);
        printf("\n");
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        double off[QUANTITIES] = {0};
        compare(found.gl_pathv[i], off, reports);
        for (int q = 0; q < QUANTITIES; q++) {
            sum[q] += off[q] / (double)found.gl_pathc;
            if (fabs(off[q]) > most_each[q])
                fail_msg("%s: %s: e^%.2f times the real ones'", found.gl_pathv[i], names[q], off[q]);
        }
    }
    globfree(&found);
    for (int q = 0; q < QUANTITIES; q++) {
        if (reports)
            printf("%s: %+.2f\n", names[q], sum[q]);
        if (fabs(sum[q]) > most[q])
            fail_msg("%s: e^%.2f times the real ones'", names[q], sum[q]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_resemble_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
