/* Models of arrivals: what is drawn has the rates, hours, bursts and trend that were asked for; fits find them again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "base/wide.h"
#include "sim/fitted_forecast.h"
#include "sim/workload.h"

static const char head[] = "{\"start\": \"2024-01-01\", ";

static struct workload parsed(const char *rest)
{
    struct workload w;
    struct err err = {0};
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s%s}", head, rest);
    if (workload_parse(&w, "w.json", text.text, text.len, &err))
        fail_msg("%s", err.text);
    str_release(&text);
    return w;
}

struct drawn {
    int64_t *arrival_s;
    size_t count, cap;
};

static void draw_into(struct drawn *d, const struct workload *w, uint32_t seed, uint32_t replication)
{
    struct err err = {0};
    if (workload_draw(w, seed, replication, &d->arrival_s, &d->cap, &d->count, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < d->count; i++) {
        assert_true(d->arrival_s[i] >= w->start && d->arrival_s[i] < w->end);
        assert_true(!i || d->arrival_s[i] >= d->arrival_s[i - 1]);
    }
}

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.6f is not %.6f", got, expected);
}

/* Poisson at 168 a week, one an hour: gaps exponential with mean 3,600 s; half of them within ln 2 hours. */
static void poisson(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 3650, \"per_week\": 168");
    struct drawn d = {0};
    draw_into(&d, &w, 1, 0);
    near((double)d.count, 87600, 5 * 296);
    struct workload_stats s = workload_stats_of(d.arrival_s, d.count, w.start, w.end);
    near(s.gap_mean_s, 3600, 60);
    near(s.gap_p50_s, 3600 * log(2), 40);
    near(s.within_hour, 1 - exp(-1), 0.01);
    near(s.within_10_min, 1 - exp(-1.0 / 6), 0.008);
    near(s.burstiness, 0, 0.01);
    near(s.daily_spread, 1, 0.12);
    free(d.arrival_s);
}

/* Bursts: a commit is followed by another with probability 0.5, after 60 s on average. */
static void bursts(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 3650, \"per_week\": 16.8, \"burst\": {\"share\": 0.5, \"gap_s\": 60}");
    struct drawn d = {0};
    draw_into(&d, &w, 2, 0);
    near((double)d.count, 8760, 5 * 162); /* the variance of a burst's size is 2 */
    struct workload_stats s = workload_stats_of(d.arrival_s, d.count, w.start, w.end);
    near(s.within_10_min, 0.5, 0.03);
    assert_true(s.burstiness > 0.2 && s.daily_spread > 2);
    free(d.arrival_s);
}

static void hours_and_trend(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 0);
    str_add(&text, "\"days\": 730, \"per_week\": 500, \"trend_per_year\": 2, \"hour_of_week\": [");
    for (int h = 0; h < WORKLOAD_HOURS; h++)
        str_addf(&text, "%s%d", h ? "," : "", h == 33 ? 3 : h == 100 ? 1 : 0); /* Tuesday 09, Friday 04 */
    str_add(&text, "]");
    struct workload w = parsed(text.text);
    str_release(&text);
    struct drawn d = {0};
    draw_into(&d, &w, 3, 7);
    double tuesday = 0;
    double first_year = 0;
    for (size_t i = 0; i < d.count; i++) {
        size_t hour = workload_hour_of_week(d.arrival_s[i]);
        assert_true(hour == 33 || hour == 100);
        tuesday += hour == 33;
        first_year += d.arrival_s[i] < w.start + 31556952;
    }
    near(tuesday / (double)d.count, 0.75, 0.01);
    near(((double)d.count - first_year) / first_year, 2, 0.05);
    near((double)d.count, 500 * 52.18 * (1.5 + 3), 0.02 * 500 * 52.18 * 4.5);
    assert_int_equal(workload_hour_of_week(1704067200), 0); /* 2024-01-01 was a Monday */
    free(d.arrival_s);
}

static void same_everywhere(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 300, \"per_week\": 90, \"burst\": {\"share\": 0.4}, \"trend_per_year\": 0.7, "
                               "\"quiet\": {\"share\": 0.5, \"days\": 9, \"pace\": 0.3}");
    struct drawn drawn[3] = {{0}};
    struct drawn other = {0};
    for (int wide = WIDE_PORTABLE; wide <= WIDE_512; wide++) {
        wide_choose((enum wide)wide);
        draw_into(&drawn[wide], &w, 5, 6);
        assert_int_equal(drawn[wide].count, drawn[0].count);
        assert_memory_equal(drawn[wide].arrival_s, drawn[0].arrival_s, drawn[0].count * sizeof(int64_t));
    }
    wide_choose(WIDE_512);
    draw_into(&other, &w, 5, 7);
    assert_true(other.count != drawn[0].count || memcmp(other.arrival_s, drawn[0].arrival_s, other.count * 8) != 0);
    for (int wide = 0; wide < 3; wide++)
        free(drawn[wide].arrival_s);
    free(other.arrival_s);
}

/* A fit finds what a history was drawn from, and goes through its own file unchanged. */
static void fits(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 1096, \"per_week\": 80, \"burst\": {\"share\": 0.4, \"gap_s\": 100}, "
                               "\"trend_per_year\": 1.3");
    for (int h = 0; h < WORKLOAD_HOURS; h++)
        w.weight[h] = h % 24 >= 8 && h % 24 < 18 ? 2.3 : 0.0714;
    struct drawn d = {0};
    struct workload found;
    struct err err = {0};
    draw_into(&d, &w, 11, 0);
    if (workload_fit(&found, d.arrival_s, d.count, &err))
        fail_msg("%s", err.text);
    near(found.per_week, 80, 6);
    near(found.trend_per_year, 1.3, 0.08);
    near(found.burst_share, 0.4, 0.03);
    near(found.burst_gap_s, 100, 15);
    near(found.weight[10], 2.3, 0.5);
    near(found.quiet_share, 0, 0);
    struct str text;
    struct workload again;
    str_init(&text, 0);
    workload_write(&found, &text);
    assert_int_equal(workload_parse(&again, "again", text.text, text.len, &err), 0);
    near(again.per_week, found.per_week, 1e-9);
    near(again.weight[77], found.weight[77], 1e-3);
    assert_true(again.start == found.start && again.end == found.end);
    str_release(&text);
    free(d.arrival_s);
    assert_int_equal(workload_fit(&found, (int64_t[]){1, 2, 3}, 3, &err), EXIT_INPUT);
}

/* Two paces by turns, a telegraph of mean 1 with variance v that forgets within tau: totals of T vary by the draws of
 * Poisson and by 2 v rate^2 tau^2 (T / tau - 1 + exp(-T / tau)). */
static void quiet_spells(void **state)
{
    (void)state;
    struct workload w =
        parsed("\"days\": 30000, \"per_week\": 70, \"quiet\": {\"share\": 0.4, \"days\": 6, \"pace\": 0.25}");
    struct drawn d = {0};
    draw_into(&d, &w, 4, 0);
    struct workload_stats s = workload_stats_of(d.arrival_s, d.count, w.start, w.end);
    double brisk = 1 / (0.6 + 0.4 * 0.25);
    double variance = 0.6 * 0.4 * brisk * 0.75 * brisk * 0.75;
    double tau = 6 * 0.6; /* 1 / (1/6 + 1/9) days */
    double month = 30;
    double day = 1;
    near((double)d.count, 300000, 3 * sqrt(300000 * (1 + 2 * 10 * variance * tau)));
    near(s.monthly_spread, 1 + 2 * 10 * variance * tau * tau / month * (month / tau - 1 + exp(-month / tau)), 1.3);
    near(s.daily_spread, 1 + 2 * 10 * variance * tau * tau / day * (day / tau - 1 + exp(-day / tau)), 0.15);
    size_t still = 0; /* half a day without a commit: e^-7.1 of the brisk times, e^-1.8 of the quiet ones */
    for (size_t i = 1; i < d.count; i++)
        still += d.arrival_s[i] - d.arrival_s[i - 1] > 43200;
    double quiet_rate = 10 * brisk * 0.25;
    near((double)still, 30000 * (0.4 * quiet_rate * exp(-quiet_rate / 2) + 0.6 * 10 * brisk * exp(-5 * brisk)), 700);
    free(d.arrival_s);
}

/* A history may begin within a spell: of short ones with spells of years, so many are empty. */
static void begun_within_a_spell(void **state)
{
    (void)state;
    struct workload w =
        parsed("\"days\": 2, \"per_week\": 70, \"quiet\": {\"share\": 0.4, \"days\": 1000, \"pace\": 0}");
    struct drawn d = {0};
    struct err err = {0};
    int empty = 0;
    for (uint32_t i = 0; i < 500; i++)
        empty += workload_draw(&w, 8, i, &d.arrival_s, &d.cap, &d.count, &err) != 0;
    near(empty, 200, 5 * sqrt(500 * 0.4 * 0.6));
    free(d.arrival_s);
}

/* Of a Poisson process: the logarithms of the rate where commits are, less what was to be expected. */
static void likelihood_of_poisson(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 30, \"per_week\": 84");
    for (int h = 0; h < WORKLOAD_HOURS; h++)
        w.weight[h] = h % 2 ? 1.5 : 0.5;
    const int64_t arrival_s[] = {w.start + 1800, w.start + 5400, w.start + 5401, w.start + 14400};
    /* 0.25 and 0.75 an hour by turns; from 00:30 on: 0.125 + 0.375 | | 0.375 + 0.25 + 0.75; half a second is nothing */
    near(workload_likelihood(&w, arrival_s, 4), 2 * log(0.75 / 3600) + log(0.25 / 3600) - 1.875, 1e-3);
    near(workload_likelihood(&w, arrival_s + 2, 2), log(0.25 / 3600) - 1.375, 1e-3);
}

/* All that may come next is certain: the densities of every gap add up to 1, with bursts, hours and spells. */
static void likelihood_is_a_density(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 30, \"per_week\": 1000, \"burst\": {\"share\": 0.3, \"gap_s\": 300}, "
                               "\"quiet\": {\"share\": 0.6, \"days\": 0.5, \"pace\": 0.2}");
    for (int h = 0; h < WORKLOAD_HOURS; h++)
        w.weight[h] = h % 24 < 12 ? 1.6 : 0.4;
    int64_t arrival_s[4] = {w.start + 50000, w.start + 51000, w.start + 51100, 0};
    const int64_t step_s = 20; /* of an even density within */
    double sum = 0;
    for (int64_t gap_s = step_s / 2; gap_s < 250000; gap_s += step_s) {
        arrival_s[3] = arrival_s[2] + gap_s;
        sum += (double)step_s * exp(workload_likelihood(&w, arrival_s, 4) - workload_likelihood(&w, arrival_s, 3));
    }
    near(sum, 1, 0.002);
}

/* Against the hidden state's equations in steps of a second. */
static void likelihood_slowly(void **state)
{
    (void)state;
    struct workload w =
        parsed("\"days\": 30, \"per_week\": 200, \"quiet\": {\"share\": 0.3, \"days\": 1.5, \"pace\": 0.1}");
    int64_t arrival_s[] = {w.start + 100, w.start + 3700, w.start + 90000, w.start + 90600, w.start + 290000};
    double rate = 200.0 / 604800 / (0.7 + 0.3 * 0.1);
    double out = 1 / (1.5 * 86400);
    double into = out * 0.3 / 0.7;
    double brisk = 0.7;
    double quiet = 0.3;
    size_t at = 1;
    for (int64_t t = arrival_s[0]; at < 5; t++) {
        double moved = into * brisk - out * quiet;
        brisk += -moved - rate * brisk;
        quiet += moved - 0.1 * rate * quiet;
        if (t + 1 == arrival_s[at]) {
            brisk *= rate;
            quiet *= 0.1 * rate;
            at++;
        }
    }
    near(workload_likelihood(&w, arrival_s, 5), log(brisk + quiet), 0.005);
}

/* A history with spells, and what is found of it, which goes through its file; fits() has one without. */
static void spells_are_found(void **state)
{
    (void)state;
    struct workload w = parsed("\"days\": 800, \"per_week\": 80, \"burst\": {\"share\": 0.4, \"gap_s\": 100}, "
                               "\"quiet\": {\"share\": 0.5, \"days\": 16, \"pace\": 0.5}");
    struct drawn d = {0};
    struct workload found;
    struct workload again;
    struct workload even;
    struct fitted forecast;
    struct err err = {0};
    struct str text;
    draw_into(&d, &w, 1, 0);
    assert_int_equal(workload_fit_even(&even, d.arrival_s, d.count, &err), 0);
    near(even.quiet_share, 0, 0);
    assert_int_equal(fitted_of_history(&forecast, d.arrival_s, d.count, &err), 0); /* its level is the last weeks' */
    near(forecast.workload.quiet_share, 0, 0);
    near(forecast.workload.burst_share, even.burst_share, 0);
    assert_int_equal(workload_fit(&found, d.arrival_s, d.count, &err), 0);
    assert_true(found.burst_share < even.burst_share);
    near(found.quiet_share, 0.5, 0.2);
    near(found.burst_share, 0.4, 0.03);
    assert_true(found.quiet_days >= 8 && found.quiet_days <= 32);
    near(found.quiet_pace, 0.5, 0);
    str_init(&text, 0);
    workload_write(&found, &text);
    assert_int_equal(workload_parse(&again, "again", text.text, text.len, &err), 0);
    near(again.quiet_share, found.quiet_share, 1e-12);
    near(again.quiet_days, found.quiet_days, 0);
    near(again.quiet_pace, found.quiet_pace, 0);
    str_release(&text);
    workload_fit_quiet(&found, d.arrival_s, 60); /* too little to say */
    near(found.quiet_share, 0, 0);
    free(d.arrival_s);
}

static void refused(const char *text, const char *part)
{
    struct workload w = {.per_week = 77};
    struct err err = {0};
    assert_int_equal(workload_parse(&w, "w.json", text, strlen(text), &err), EXIT_INPUT);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" lacks \"%s\"", err.text, part);
    assert_true(w.per_week == 77);
}

static void bad_files(void **state)
{
    (void)state;
    refused("[]", "a JSON object is needed");
    refused("{\"per_week\": 5}", "\"start\" must be a date");
    refused("{\"start\": \"2024-13-01\", \"per_week\": 5}", "\"start\" must be a date");
    refused("{\"start\": \"2024-01-01\"}", "\"per_week\" is missing");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 0}", "\"per_week\" is out of range");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"burst\": {\"share\": 1}}", "\"share\" is out of range");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"quiet\": 1}", "\"quiet\" must be an object");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"quiet\": {\"share\": 0.96}}", "\"share\" is out of range");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"quiet\": {\"days\": 0}}", "\"days\" is out of range");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"quiet\": {\"pace\": 1.1}}", "\"pace\" is out of range");
    refused("{\"start\": \"2024-01-01\", \"per_week\": 1, \"hour_of_week\": [1]}", "168 numbers");
    refused("{\"start\": \"2024-01-01\", \"per_weak\": 1}", "is no key of a workload");
    struct workload w = parsed("\"days\": 1, \"per_week\": 0.00001");
    struct drawn d = {0};
    struct err err = {0};
    assert_int_equal(workload_draw(&w, 1, 0, &d.arrival_s, &d.cap, &d.count, &err), EXIT_INPUT);
    free(d.arrival_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poisson),
        cmocka_unit_test(bursts),
        cmocka_unit_test(hours_and_trend),
        cmocka_unit_test(same_everywhere),
        cmocka_unit_test(fits),
        cmocka_unit_test(quiet_spells),
        cmocka_unit_test(begun_within_a_spell),
        cmocka_unit_test(likelihood_of_poisson),
        cmocka_unit_test(likelihood_is_a_density),
        cmocka_unit_test(likelihood_slowly),
        cmocka_unit_test(spells_are_found),
        cmocka_unit_test(bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
