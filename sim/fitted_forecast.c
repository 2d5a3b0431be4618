#include "sim/fitted_forecast.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/philox.h"
#include "sim/outcome.h"

#define WEEK_S        (7 * SECONDS_PER_DAY)
#define YEAR_S        (365.25 * SECONDS_PER_DAY)
#define SEED          20180815
#define PURPOSE_LEVEL 77
#define LEAST_LEVEL   0.05

/* The mean of the last whole weeks' counts, and how sure it is. */
static void take_level(struct fitted *f, const int64_t *arrival_s, size_t count)
{
    double counts[FITTED_WEEKS] = {0};
    instant_t end = arrival_s[count - 1] + 1;
    int64_t weeks = (end - arrival_s[0]) / WEEK_S;
    double sum = 0;
    double squares = 0;
    weeks = weeks < 1 ? 1 : weeks > FITTED_WEEKS ? FITTED_WEEKS : weeks;
    for (size_t i = count; i-- > 0 && end - arrival_s[i] <= weeks * WEEK_S;) {
        counts[(end - 1 - arrival_s[i]) / WEEK_S]++;
        sum++;
    }
    double mean = sum / (double)weeks;
    for (int64_t k = 0; k < weeks; k++)
        squares += (counts[k] - mean) * (counts[k] - mean);
    double spread = weeks > 1 ? squares / (double)(weeks - 1) / mean : 1;
    f->workload.per_week = mean;
    f->workload.trend_per_year = 1;
    f->deviation = sqrt((spread > 1 ? spread : 1) / sum);
}

int fitted_of_history(struct fitted *out, const int64_t *arrival_s, size_t count, struct err *err)
{
    int code = workload_fit_even(&out->workload, arrival_s, count, err);
    if (!code)
        take_level(out, arrival_s, count);
    return code;
}

struct fitted fitted_of_workload(const struct workload *w, instant_t at)
{
    struct fitted f = {.workload = *w};
    f.workload.per_week *= pow(w->trend_per_year, (double)(at - w->start) / YEAR_S);
    f.workload.trend_per_year = 1;
    return f;
}

/* About normal, of the same bits everywhere. */
static double level_of(const struct fitted *f, uint32_t draw)
{
    struct philox p = philox_stream(SEED, draw, 0, PURPOSE_LEVEL);
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += philox_unit(&p);
    double level = 1 + f->deviation * sum;
    return level > LEAST_LEVEL ? level : LEAST_LEVEL;
}

struct drawing {
    int64_t *arrival_s;
    size_t cap;
    struct replay scratch;
};

static int one_draw(struct drawing *d, const struct fitted *f, uint32_t number, const struct policy *policy,
                    const struct model *model, money_t *money, struct err *err)
{
    struct workload w = f->workload;
    struct outcome outcome = {0};
    size_t count = 0;
    w.per_week *= level_of(f, number);
    *money = 0;
    int code = workload_draw(&w, SEED, number, &d->arrival_s, &d->cap, &count, err);
    if (code || !count)
        return code;
    const struct commits commits = {d->arrival_s, d->arrival_s, count};
    code = outcome_run(&outcome, policy, model, &commits, &d->scratch, false, err);
    if (!code)
        *money = outcome.money;
    outcome_release(&outcome);
    return code;
}

int fitted_forecast(struct outlook_next *out, const struct fitted *f, const struct policy *policy,
                    const struct model *model, instant_t from, instant_t to, struct err *err)
{
    size_t draws = policy_learns(policy->trigger.kind) ? FITTED_DRAWS_LEARNING : FITTED_DRAWS;
    money_t *costs = mem_array(NULL, draws, sizeof(*costs));
    struct drawing d = {0};
    struct fitted stretch = *f;
    int code = 0;
    stretch.workload.start = from;
    stretch.workload.end = to;
    replay_init(&d.scratch);
    for (size_t i = 0; i < draws && !code; i++)
        code = one_draw(&d, &stretch, (uint32_t)i, policy, model, &costs[i], err);
    if (!code)
        *out = outlook_next(costs, draws);
    replay_release(&d.scratch);
    free(d.arrival_s);
    free(costs);
    return code;
}
