#include "sim/outlook.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define Z90 1.6448536269514722 /* the 95th percentile of the normal distribution */

struct outlook_series outlook_series(const int64_t *days, size_t count)
{
    struct outlook_series s = {.days = count};
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)days[i];
    s.mean = count ? sum / (double)count : 0;
    for (size_t i = 0; i < count; i++)
        squares += ((double)days[i] - s.mean) * ((double)days[i] - s.mean);
    s.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    return s;
}

/* The Cornish-Fisher expansion from the normal distribution's; off by 2 % at three degrees, by 1e-4 from six on. */
double outlook_t95(size_t freedom)
{
    double n = freedom ? (double)freedom : 1;
    double z2 = Z90 * Z90;
    double one = Z90 * (z2 + 1) / 4;
    double two = Z90 * ((5 * z2 + 16) * z2 + 3) / 96;
    double three = Z90 * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
    return Z90 + one / n + two / (n * n) + three / (n * n * n);
}

static double half_width(const struct outlook_series *s, double elapsed_days, double remaining_days)
{
    return outlook_t95(s->days - 1) * s->deviation *
           sqrt(remaining_days + remaining_days * remaining_days / elapsed_days);
}

struct outlook_interval outlook_interval(const struct outlook_series *s, int64_t so_far, int64_t forecast,
                                         int64_t elapsed_s, int64_t remaining_s)
{
    struct outlook_interval out = {.known = s->days >= OUTLOOK_DAYS_MIN, .low = forecast, .high = forecast};
    out.known = out.known && elapsed_s > 0;
    if (!out.known || remaining_s <= 0)
        return out;
    double half = half_width(s, (double)elapsed_s / SECONDS_PER_DAY, (double)remaining_s / SECONDS_PER_DAY);
    double low = (double)forecast - half;
    out.low = low > (double)so_far ? (int64_t)low : so_far;
    out.high = (double)forecast + half < 9e18 ? forecast + (int64_t)half : INT64_MAX;
    return out;
}

/* The first whole hour behind `at` at which the hours drawn reach the pool; sign: with the interval's end added. */
static instant_t reached(const struct outlook_series *s, const struct spending *p, int64_t drawn, int sign)
{
    double rate = (double)drawn / (double)p->elapsed_s;
    for (int64_t after = 0; after < p->length_s - p->elapsed_s; after += SECONDS_PER_HOUR) {
        double days = (double)after / SECONDS_PER_DAY;
        if ((double)drawn + rate * (double)after + sign * half_width(s, (double)p->elapsed_s / SECONDS_PER_DAY, days) >=
            (double)p->pool_hours)
            return p->at + after;
    }
    return INT64_MAX;
}

struct outlook_run_out outlook_run_out(const struct outlook_series *s, const struct spending *spending, int64_t drawn)
{
    struct outlook_run_out out = {.known = s->days >= OUTLOOK_DAYS_MIN && spending->elapsed_s && spending->pool_hours};
    if (!out.known)
        return out;
    out.early = reached(s, spending, drawn, 1);
    out.late = reached(s, spending, drawn, -1);
    return out;
}

static int compare_money(const void *a, const void *b)
{
    money_t x = *(const money_t *)a;
    money_t y = *(const money_t *)b;
    return (x > y) - (x < y);
}

struct outlook_next outlook_next(money_t *costs, size_t count)
{
    struct outlook_next out = {.deployments = count};
    int128 sum = 0;
    if (!count)
        return out;
    qsort(costs, count, sizeof(*costs), compare_money);
    for (size_t i = 0; i < count; i++)
        sum += costs[i];
    out.mean = (money_t)num_div_half_even(sum, (int128)count);
    out.low = costs[(5 * count + 99) / 100 - 1];
    out.high = costs[(95 * count + 99) / 100 - 1];
    return out;
}

/* One of the two things that days are measured in. */
struct days {
    int64_t first_day, *values;
    size_t count;
    bool seconds;
};

static int take_day(void *context, const struct ledger_row *row, struct err *err)
{
    struct days *d = context;
    instant_t at;
    int code = calendar_parse(row->name, &at, err);
    int64_t day = at / SECONDS_PER_DAY - d->first_day;
    if (!code && day >= 0 && day < (int64_t)d->count)
        d->values[day] = d->seconds ? row->seconds * (BUDGET_HOUR / 100) / (SECONDS_PER_HOUR / 100) : row->usd;
    return code;
}

static int take_fee(void *context, const struct ledger_row *row, struct err *err)
{
    struct days *d = context;
    struct ledger_row back = *row;
    instant_t at;
    int code = calendar_parse(row->name, &at, err);
    int64_t day = at / SECONDS_PER_DAY - d->first_day;
    back.usd = day >= 0 && day < (int64_t)d->count ? d->values[day] - row->usd : 0;
    return code ? code : take_day(d, &back, err);
}

/* Fees, corrections and what rounding leaves over are booked at one instant of a month: no day differs by them. */
static int leave_out_fees(struct days *days, struct ledger_filter filter, const struct budget_source *source,
                          struct err *err)
{
    static const char *const accounts[] = {"expense:reserved-fee", "expense:savings-plan", "expense:rounding",
                                           "expense:adjustment"};
    int code = 0;
    for (int i = 0; i < 4 && !code; i++) {
        filter.account = accounts[i];
        code = ledger_statement(source->ledger, LEDGER_BY_DAY, &filter, take_fee, days, err);
    }
    return code;
}

/* The complete days of the last eight weeks, from the first on which there is anything. */
static int read_series(struct outlook_series *out, const struct budget_source *source,
                       const struct budget_options *options, bool seconds, struct err *err)
{
    int64_t values[OUTLOOK_DAYS] = {0};
    int64_t today = source->at / SECONDS_PER_DAY;
    struct days days = {.first_day = today - OUTLOOK_DAYS, .values = values, .count = OUTLOOK_DAYS, .seconds = seconds};
    const struct ledger_filter filter = {.from = days.first_day * SECONDS_PER_DAY,
                                         .to = today * SECONDS_PER_DAY,
                                         .environment = options->environment,
                                         .project = options->project,
                                         .account = seconds ? "time:instance" : "expense:"};
    int code = ledger_statement(source->ledger, LEDGER_BY_DAY, &filter, take_day, &days, err);
    if (!code && !seconds)
        code = leave_out_fees(&days, filter, source, err);
    size_t first = 0;
    while (first < OUTLOOK_DAYS && !values[first])
        first++;
    *out = outlook_series(values + first, OUTLOOK_DAYS - first);
    return code;
}

struct costs {
    money_t last[OUTLOOK_LAST];
    size_t count;
};

static int take_deployment(void *context, const struct ledger_deployment *d, struct err *err)
{
    struct costs *c = context;
    (void)err;
    if (*d->outcome)
        c->last[c->count++ % OUTLOOK_LAST] = d->actual_usd;
    return 0;
}

static int read_next(struct outlook_next *out, const struct budget_source *source, const struct budget_options *options,
                     struct err *err)
{
    struct costs costs = {0};
    int code = ledger_deployments(source->ledger, options->environment, source->at - 90 * SECONDS_PER_DAY, source->at,
                                  take_deployment, &costs, err);
    *out = outlook_next(costs.last, costs.count < OUTLOOK_LAST ? costs.count : OUTLOOK_LAST);
    return code;
}

int outlook_read(struct outlook_extra *out, const struct budget_source *source, const struct budget_options *options,
                 struct err *err)
{
    const struct spending *s = &source->spending;
    struct outlook_series usd;
    struct outlook_series hours;
    int64_t so_far[2];
    int64_t forecast[2];
    int code = read_series(&usd, source, options, false, err);
    if (!code)
        code = read_series(&hours, source, options, true, err);
    for (int unit = BUDGET_USD; unit <= BUDGET_HOURS && !code; unit++) {
        code = spending_so_far(s, (enum budget_unit)unit, &so_far[unit], err);
        if (!code)
            code = spending_forecast(s, (enum budget_unit)unit, &forecast[unit], err);
    }
    if (!code)
        code = read_next(&out->next, source, options, err);
    if (code)
        return code;
    int64_t remaining_s = s->length_s - s->elapsed_s;
    out->usd = outlook_interval(&usd, so_far[BUDGET_USD], forecast[BUDGET_USD], s->elapsed_s, remaining_s);
    out->hours = outlook_interval(&hours, so_far[BUDGET_HOURS], forecast[BUDGET_HOURS], s->elapsed_s, remaining_s);
    out->run_out = outlook_run_out(&hours, s, so_far[BUDGET_HOURS]);
    return 0;
}
