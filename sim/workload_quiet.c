/*
 * Quiet spells of sim/workload.h: a hidden state, brisk or quiet, that a filter follows along the history.
 *
 * Between commits the probabilities (b, q) of the two states move by
 *
 *      d/dt (b, q) = (b, q) | -rate - into      into           |      and shrink as no commit comes;
 *                           | out               -pace rate - out|
 *
 * a commit takes them by each state's intensity: (rate + h) b and (pace rate + h) q, h the hazard of a burst's next.
 * Source: Fischer and Meier-Hellstern, "The Markov-modulated Poisson process cookbook" (1993), whose likelihood this is
 * for rates that follow the clock.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/workload.h"

#define STEP_S     (6 * SECONDS_PER_HOUR) /* the rate is taken to be even within */
#define PACE       0.5                    /* of what is fitted */
#define SPELLS     10                     /* a history holds so many, at least, of the length that is fitted */
#define LEAST_RATE 1e-15                  /* bursts a second: what happened was not impossible */

struct intensity {
    const struct workload *w;
    instant_t start; /* of the first hour */
    double *sum;     /* up to each hour's beginning */
};

static struct intensity intensity_of(const struct workload *w, instant_t from, instant_t to)
{
    struct intensity n = {.w = w, .start = from - from % SECONDS_PER_HOUR};
    size_t hours = (size_t)((to - n.start) / SECONDS_PER_HOUR) + 2;
    n.sum = mem_array(NULL, hours, sizeof(*n.sum));
    n.sum[0] = 0;
    for (size_t h = 1; h < hours; h++)
        n.sum[h] = n.sum[h - 1] + workload_intensity(w, n.start + (int64_t)(h - 1) * SECONDS_PER_HOUR);
    return n;
}

/* Bursts expected from the beginning to t. */
static double until(const struct intensity *n, double t)
{
    double hours = (t - (double)n->start) / SECONDS_PER_HOUR;
    size_t at = (size_t)hours;
    return n->sum[at] + (hours - (double)at) * (n->sum[at + 1] - n->sum[at]);
}

struct filter {
    double brisk, quiet; /* probabilities */
    double norm;         /* the brisk pace */
    double into, out;    /* a second */
    double pace;
};

static struct filter filter_of(const struct workload *w)
{
    double share = w->quiet_share;
    if (share <= 0)
        return (struct filter){.brisk = 1, .norm = 1, .pace = 1};
    double out = 1 / (w->quiet_days * SECONDS_PER_DAY);
    return (struct filter){.brisk = 1 - share,
                           .quiet = share,
                           .norm = 1 / (1 - share + share * w->quiet_pace),
                           .into = out * share / (1 - share),
                           .out = out,
                           .pace = w->quiet_pace};
}

/* Takes the probabilities for what they sum up to, 1 from now on; its logarithm. */
static double take(struct filter *f, double brisk, double quiet)
{
    double sum = brisk + quiet;
    f->brisk = brisk / sum;
    f->quiet = quiet / sum;
    return log(sum);
}

/* Without a burst's beginning for dt_s in which `bursts` were expected: exp() of the 2x2 matrix in closed form. */
static double pass(struct filter *f, double dt_s, double bursts)
{
    double to_quiet = f->into * dt_s;
    double to_brisk = f->out * dt_s;
    double a = -f->norm * bursts - to_quiet;
    double d = -f->norm * f->pace * bursts - to_brisk;
    double middle = (a + d) / 2;
    double half = (a - d) / 2;
    double root = sqrt(half * half + to_quiet * to_brisk);
    double even = root > 1e-9 ? cosh(root) : 1;
    double odd = root > 1e-9 ? sinh(root) / root : 1;
    double brisk = (even + odd * half) * f->brisk + odd * to_brisk * f->quiet;
    double quiet = (even - odd * half) * f->quiet + odd * to_quiet * f->brisk;
    return middle + take(f, brisk, quiet);
}

/* A commit so long after the one before. */
static double arrive(struct filter *f, const struct intensity *n, double t, double gap_s)
{
    const struct workload *w = n->w;
    double mean_s = w->burst_gap_s > 1 ? w->burst_gap_s : 1;
    double due = w->burst_share * exp(-gap_s / mean_s); /* that the burst goes on, and has not yet */
    double left = 1 - w->burst_share + due;
    double hazard = due / mean_s / left;
    size_t at = (size_t)((t - (double)n->start) / SECONDS_PER_HOUR);
    double rate = f->norm * (n->sum[at + 1] - n->sum[at]) / SECONDS_PER_HOUR + LEAST_RATE;
    return log(left) + take(f, (rate + hazard) * f->brisk, (f->pace * rate + hazard) * f->quiet);
}

double workload_likelihood(const struct workload *w, const int64_t *arrival_s, size_t count)
{
    struct intensity n = intensity_of(w, arrival_s[0], arrival_s[count - 1] + 1);
    struct filter f = filter_of(w);
    double sum = 0;
    for (size_t i = 1; i < count; i++) {
        double t = (double)arrival_s[i - 1];
        double end = (double)arrival_s[i] + 0.5; /* seconds are whole; what comes within one comes half of it later */
        double gap_s = end - t;
        double bursts = until(&n, t);
        while (t < end) {
            double next = end - t > STEP_S ? t + STEP_S : end;
            double passed = until(&n, next);
            sum += pass(&f, next - t, passed - bursts);
            t = next;
            bursts = passed;
        }
        sum += arrive(&f, &n, end, gap_s);
    }
    free(n.sum);
    return sum;
}

/* By the likelihood, among spells of 2 to 64 days that are a tenth to seven tenths of the time; one that adds less than
 * twice what BIC asks of two numbers more is none. */
void workload_fit_quiet(struct workload *w, const int64_t *arrival_s, size_t count)
{
    double span_days = (double)(w->end - w->start) / SECONDS_PER_DAY;
    struct workload found = *w;
    found.quiet_share = 0;
    double best = workload_likelihood(&found, arrival_s, count) + 2 * log((double)count);
    struct workload tried = found;
    tried.quiet_pace = PACE;
    for (int days = 2; days <= 64 && days * SPELLS <= span_days; days *= 2)
        for (int tenths = 1; tenths <= 7; tenths++) {
            tried.quiet_days = days;
            tried.quiet_share = tenths / 10.0;
            double likelihood = workload_likelihood(&tried, arrival_s, count);
            if (likelihood > best) {
                best = likelihood;
                found = tried;
            }
        }
    *w = found;
}
