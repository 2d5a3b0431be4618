/* Fitting of sim/workload.h, and what a history is like. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/workload.h"

#define BURST_S       600 /* gaps up to this may be a burst's */
#define LEAST         50
#define WEEK_S        604800
#define YEAR_S        31556952.0
#define BUSIEST       40
#define GAP_ROUNDS    5
#define ROUNDS        14 /* of halving the interval of the share of bursts */
#define TRIES         8  /* histories drawn for each look at it */
#define TRIES_COMMITS 200000

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the whole stretches of so many seconds. */
static double spread_of(const int64_t *arrival_s, size_t count, instant_t from, instant_t to, int64_t stretch_s)
{
    int64_t stretches = 0;
    double squares = 0;
    size_t at = 0;
    for (instant_t begin = from; begin + stretch_s <= to; begin += stretch_s) {
        size_t end = at;
        while (end < count && arrival_s[end] < begin + stretch_s)
            end++;
        squares += (double)(end - at) * (double)(end - at);
        at = end;
        stretches++;
    }
    double mean = stretches > 0 ? (double)at / (double)stretches : 0;
    return mean > 0 ? (squares / (double)stretches - mean * mean) / mean : 0;
}

static double busy_hours(const int64_t *arrival_s, size_t count)
{
    double by_hour[WORKLOAD_HOURS] = {0};
    for (size_t i = 0; i < count; i++)
        by_hour[workload_hour_of_week(arrival_s[i])]++;
    qsort(by_hour, WORKLOAD_HOURS, sizeof(*by_hour), by_value);
    double sum = 0;
    for (size_t h = WORKLOAD_HOURS - BUSIEST; h < WORKLOAD_HOURS; h++)
        sum += by_hour[h];
    return count ? sum / (double)count : 0;
}

struct workload_stats workload_stats_of(const int64_t *arrival_s, size_t count, instant_t from, instant_t to)
{
    double span_s = (double)(to - from);
    struct workload_stats s = {.commits = count, .per_week = span_s > 0 ? (double)count * WEEK_S / span_s : 0};
    s.daily_spread = spread_of(arrival_s, count, from, to, SECONDS_PER_DAY);
    s.monthly_spread = spread_of(arrival_s, count, from, to, 30 * SECONDS_PER_DAY);
    s.busy_hours = busy_hours(arrival_s, count);
    if (count < 2)
        return s;
    size_t n = count - 1;
    double *gap_s = mem_array(NULL, n, sizeof(*gap_s));
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        gap_s[i] = (double)(arrival_s[i + 1] - arrival_s[i]);
        squares += gap_s[i] * gap_s[i];
        s.within_10_min += gap_s[i] <= 600;
        s.within_hour += gap_s[i] <= 3600;
    }
    s.within_10_min /= (double)n;
    s.within_hour /= (double)n;
    s.gap_mean_s = (double)(arrival_s[n] - arrival_s[0]) / (double)n;
    double variance = squares / (double)n - s.gap_mean_s * s.gap_mean_s;
    double sigma = variance > 0 ? sqrt(variance) : 0;
    s.burstiness = sigma + s.gap_mean_s > 0 ? (sigma - s.gap_mean_s) / (sigma + s.gap_mean_s) : 0;
    qsort(gap_s, n, sizeof(*gap_s), by_value);
    s.gap_p50_s = gap_s[(n + 1) / 2 - 1];
    free(gap_s);
    return s;
}

/* The mean of an exponential from the mean of its values up to BURST_S: m = g - T / (exp(T/g) - 1), by halving. */
static double untruncated_mean(double mean)
{
    double low = 1;
    double high = 10 * BURST_S;
    for (int i = 0; i < 50; i++) {
        double g = (low + high) / 2;
        if (g - BURST_S / expm1(BURST_S / g) < mean)
            low = g;
        else
            high = g;
    }
    return high;
}

static void fit_hours(struct workload *w, const int64_t *arrival_s, size_t count)
{
    double weeks = (double)(w->end - w->start) / WEEK_S;
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        w->weight[h] = 0.5 / (weeks > 1 ? weeks : 1); /* nothing seen is not impossible */
    for (size_t i = 0; i < count; i++)
        w->weight[workload_hour_of_week(arrival_s[i])]++;
    double sum = 0;
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        sum += w->weight[h];
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        w->weight[h] = w->weight[h] * WORKLOAD_HOURS / sum;
}

/* The factor a year by which the second half has more than the first; and the rate at the start that gives the mean. */
static void fit_rate(struct workload *w, const int64_t *arrival_s, size_t count)
{
    instant_t middle = w->start + (w->end - w->start) / 2;
    size_t first = 0;
    while (first < count && arrival_s[first] < middle)
        first++;
    double years = (double)(w->end - w->start) / YEAR_S;
    double ratio = ((double)(count - first) + 0.5) / ((double)first + 0.5);
    double trend = pow(ratio, 2 / years);
    w->trend_per_year = trend < 0.1 ? 0.1 : trend > 10 ? 10 : trend;
    double log_trend = log(w->trend_per_year);
    double mean_factor = fabs(log_trend * years) < 1e-6 ? 1 : expm1(log_trend * years) / (log_trend * years);
    w->per_week = (double)count * WEEK_S / (double)(w->end - w->start) / mean_factor;
}

/* Gaps of up to ten minutes: their share and their mean. */
struct short_gaps {
    double share, mean_s;
};

static struct short_gaps short_gaps_of(const int64_t *arrival_s, size_t count)
{
    double sum = 0;
    double n = 0;
    for (size_t i = 1; i < count; i++)
        if (arrival_s[i] - arrival_s[i - 1] <= BURST_S) {
            sum += (double)(arrival_s[i] - arrival_s[i - 1]);
            n++;
        }
    return (struct short_gaps){count > 1 ? n / (double)(count - 1) : 0, n > 0 ? sum / n : 0};
}

/* The means of a few histories drawn from the workload. */
static int short_gaps_drawn(const struct workload *w, struct short_gaps *out, struct err *err)
{
    int64_t *drawn = NULL;
    size_t cap = 0;
    struct short_gaps sum = {0};
    int tries = 0;
    size_t total = 0;
    int code = 0;
    for (; tries < TRIES && total < TRIES_COMMITS && !code; tries++) {
        size_t count = 0;
        code = workload_draw(w, 1, (uint32_t)tries, &drawn, &cap, &count, err);
        struct short_gaps gaps = short_gaps_of(drawn, code ? 0 : count);
        sum.share += gaps.share;
        sum.mean_s += gaps.mean_s;
        total += count;
    }
    free(drawn);
    *out = (struct short_gaps){sum.share / tries, sum.mean_s / tries};
    return code;
}

/* The share of bursts that gives as many short gaps as there are. */
static int fit_share(struct workload *w, const struct short_gaps *wanted, struct short_gaps *got, struct err *err)
{
    double low = 0;
    double high = 0.98;
    int code = 0;
    for (int i = 0; i < ROUNDS && !code; i++) {
        w->burst_share = (low + high) / 2;
        code = short_gaps_drawn(w, got, err);
        if (got->share < wanted->share)
            low = w->burst_share;
        else
            high = w->burst_share;
    }
    return code;
}

/* Bursts' share and gaps, so that short gaps in drawn histories are as many and as long as the real ones. */
static int fit_bursts(struct workload *w, const int64_t *arrival_s, size_t count, struct err *err)
{
    struct short_gaps wanted = short_gaps_of(arrival_s, count);
    struct short_gaps got = {0};
    int code = 0;
    w->burst_gap_s = wanted.mean_s > 0 ? untruncated_mean(wanted.mean_s) : 120;
    for (int i = 0; i < GAP_ROUNDS && !code; i++) {
        code = fit_share(w, &wanted, &got, err);
        if (i + 1 < GAP_ROUNDS && got.mean_s > 0 && wanted.mean_s > 0)
            w->burst_gap_s *= wanted.mean_s / got.mean_s;
    }
    return code;
}

static double rounded(double value, double unit)
{
    return round(value / unit) * unit;
}

/* All but quiet spells; nothing is rounded yet. */
static int fit_even(struct workload *w, const int64_t *arrival_s, size_t count, struct err *err)
{
    *w = (struct workload){.name = "fitted"};
    if (count < LEAST || arrival_s[count - 1] - arrival_s[0] < 2 * (int64_t)WEEK_S)
        return err_set(err, EXIT_INPUT, "a fit needs %d commits over two weeks at least; there are %zu", LEAST, count);
    w->start = arrival_s[0] - arrival_s[0] % SECONDS_PER_DAY;
    w->end = arrival_s[count - 1] - arrival_s[count - 1] % SECONDS_PER_DAY + SECONDS_PER_DAY;
    fit_hours(w, arrival_s, count);
    fit_rate(w, arrival_s, count);
    return fit_bursts(w, arrival_s, count, err);
}

/* So that no library's last bit shows. */
static struct workload all_rounded(struct workload w)
{
    w.per_week = rounded(w.per_week, 1e-4);
    w.trend_per_year = rounded(w.trend_per_year, 1e-4);
    w.burst_share = rounded(w.burst_share, 1e-4);
    w.burst_gap_s = rounded(w.burst_gap_s, 1e-1);
    for (size_t h = 0; h < WORKLOAD_HOURS; h++)
        w.weight[h] = rounded(w.weight[h], 1e-4);
    return w;
}

int workload_fit_even(struct workload *out, const int64_t *arrival_s, size_t count, struct err *err)
{
    struct workload w;
    int code = fit_even(&w, arrival_s, count, err);
    if (!code)
        *out = all_rounded(w);
    return code;
}

int workload_fit(struct workload *out, const int64_t *arrival_s, size_t count, struct err *err)
{
    struct workload w;
    int code = fit_even(&w, arrival_s, count, err);
    if (!code)
        workload_fit_quiet(&w, arrival_s, count);
    if (!code && w.quiet_share > 0) /* without the spells, some of the brisk times' commits were taken for bursts */
        code = fit_bursts(&w, arrival_s, count, err);
    if (!code)
        *out = all_rounded(w);
    return code;
}
