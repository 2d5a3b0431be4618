#include "billing/budget.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/forecast.h"

const char *budget_unit_name(enum budget_unit unit, bool has_pool)
{
    return unit == BUDGET_USD ? "USD" : has_pool ? "pool hours" : "instance-hours";
}

const char *budget_state_name(enum budget_state state)
{
    static const char *const names[] = {"ok", "forecast-over", "over"};
    assert(state <= BUDGET_OVER);
    return names[state];
}

/* The usage as it is known at an instant. */
static struct usage known_at(const struct usage *usage, instant_t at)
{
    struct usage known = {.name = mem_dup(usage->name)};
    known.rows = mem_array(NULL, usage->count, sizeof(*known.rows));
    for (size_t i = 0; i < usage->count; i++) {
        struct usage_row row = usage->rows[i];
        if (row.start >= at)
            continue;
        row.end = row.end < at ? row.end : at;
        known.rows[known.count++] = row;
    }
    return known;
}

static void add_up(struct spending *out, const struct bill *bill)
{
    exact_add_all(&out->usd, &bill->total);
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_line *line = &bill->lines[i];
        if (line->pool && line->kind == BILL_RESERVED)
            exact_add(&out->hours, line->hours_numerator * BUDGET_HOUR, line->hours_denominator);
    }
}

/* Each pool whose term touches the month before `at`, or at its first instant, holds its hours. */
int spending_add_pools(struct spending *s, const struct reservations *r, struct err *err)
{
    instant_t from = calendar_month_start(s->month);
    for (size_t i = 0; r && i < r->count; i++) {
        const struct reservation *row = &r->rows[i];
        if (row->model != MODEL_POOL)
            continue;
        s->has_pool = true;
        if (row->end <= from || (row->start >= s->at && row->start > from))
            continue;
        int64_t hours = (int64_t)row->count * POOL_HOURS_PER_MONTH * BUDGET_HOUR;
        if (__builtin_add_overflow(s->pool_hours, hours, &s->pool_hours))
            return err_set(err, EXIT_INPUT, "%s: the pools hold more hours than can be counted", r->name);
    }
    return 0;
}

int spending_measure(struct spending *out, const struct bill_input *in, instant_t at, const struct session *session,
                     struct err *err)
{
    struct spending s = {.at = at, .month = calendar_month(at)};
    instant_t from = calendar_month_start(s.month);
    s.elapsed_s = at - from;
    s.length_s = calendar_month_seconds(s.month);
    int code = spending_add_pools(&s, in->reservations, err);
    if (!code && s.elapsed_s) {
        struct usage known = known_at(in->usage, at);
        struct bill_input part = *in;
        struct bill bill;
        part.usage = &known;
        part.from = (struct opt_instant){true, from};
        part.to = (struct opt_instant){true, at};
        part.pool_fees_accrue = true;
        code = bill_make(&bill, &part, session, err);
        if (!code) {
            add_up(&s, &bill);
            bill_release(&bill);
        }
        usage_release(&known);
    }
    if (!code)
        *out = s;
    return code;
}

void spending_release(struct spending *spending)
{
    exact_release(&spending->usd);
    exact_release(&spending->hours);
    *spending = (struct spending){0};
}

static const struct exact *sum_of(const struct spending *spending, enum budget_unit unit)
{
    return unit == BUDGET_USD ? &spending->usd : &spending->hours;
}

int spending_so_far(const struct spending *spending, enum budget_unit unit, int64_t *out, struct err *err)
{
    if (exact_round(sum_of(spending, unit), out))
        return err_set(err, EXIT_INPUT, "what was spent is more than can be counted");
    return 0;
}

int spending_forecast(const struct spending *spending, enum budget_unit unit, int64_t *out, struct err *err)
{
    if (!spending->elapsed_s)
        return spending_so_far(spending, unit, out, err);
    return forecast_linear(sum_of(spending, unit), spending->at, out, err);
}

/* Whether `amount` is reached once the month is `passed_s` old: drawn / elapsed x passed >= amount. */
static bool reached(const struct spending *s, int64_t amount, int64_t passed_s)
{
    struct exact share = {0};
    exact_add(&share, (int128)amount * s->elapsed_s, passed_s);
    bool yes = exact_compare(&s->hours, &share) >= 0;
    exact_release(&share);
    return yes;
}

enum run_out spending_runs_out(const struct spending *spending, instant_t *when)
{
    if (!spending->elapsed_s || !spending->pool_hours)
        return RUN_OUT_NEVER;
    if (reached(spending, spending->pool_hours, spending->elapsed_s))
        return RUN_OUT_SINCE;
    int64_t before = spending->elapsed_s;   /* not yet */
    int64_t after = spending->length_s - 1; /* reached; the first such second is looked for */
    if (!reached(spending, spending->pool_hours, after))
        return RUN_OUT_NEVER;
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (reached(spending, spending->pool_hours, middle))
            after = middle;
        else
            before = middle;
    }
    *when = calendar_month_start(spending->month) + after;
    return RUN_OUT_LATER;
}

static int64_t percent_of(const struct exact *part, int64_t whole)
{
    int64_t hundredths;
    return forecast_percent(part, whole, &hundredths) ? -1 : hundredths;
}

/* Whether the month, spent so far times numerator / denominator, is at or above a percentage of the limit. */
static bool at_percent(const struct exact *spent, const struct budget *budget, int64_t percent, int64_t numerator,
                       int64_t denominator)
{
    struct exact limit = {0};
    if (percent < 0)
        return false;
    exact_add(&limit, (int128)budget->limit * (percent ? percent : 100) * denominator, 100 * numerator);
    bool yes = exact_compare(spent, &limit) >= 0;
    exact_release(&limit);
    return yes;
}

int budget_judge(struct budget *budget, const struct spending *spending, struct err *err)
{
    assert(budget->limit > 0);
    const struct exact *spent = sum_of(spending, budget->unit);
    int code = spending_so_far(spending, budget->unit, &budget->actual, err);
    if (!code)
        code = spending_forecast(spending, budget->unit, &budget->forecast, err);
    if (code)
        return code;
    struct exact forecast = {0};
    exact_add(&forecast, budget->forecast, 1);
    budget->state = BUDGET_OK;
    if (at_percent(spent, budget, budget->over_at_percent, 1, 1))
        budget->state = BUDGET_OVER;
    else if (spending->elapsed_s &&
             at_percent(spent, budget, budget->forecast_over_at_percent, spending->length_s, spending->elapsed_s))
        budget->state = BUDGET_FORECAST_OVER;
    budget->actual_percent = percent_of(spent, budget->limit);
    budget->forecast_percent = percent_of(&forecast, budget->limit);
    exact_release(&forecast);
    return 0;
}

int budget_exit_code(const struct budget *budgets, size_t count)
{
    enum budget_state worst = BUDGET_OK;
    for (size_t i = 0; i < count; i++)
        worst = budgets[i].state > worst ? budgets[i].state : worst;
    return worst == BUDGET_OVER ? EXIT_OVER : worst == BUDGET_FORECAST_OVER ? EXIT_FORECAST_OVER : 0;
}

const char *budget_amount(enum budget_unit unit, int64_t amount, bool exactly, char to[BUDGET_AMOUNT_SIZE])
{
    if (unit == BUDGET_USD)
        return exactly ? money_text(amount, to) : money_short(amount, to);
    assert(amount >= 0);
    if (!exactly) /* two decimals, half to even */
        amount = (int64_t)num_div_half_even(amount, 10000) * 10000;
    str_fit(to, BUDGET_AMOUNT_SIZE, "%lld.%06d", (long long)(amount / BUDGET_HOUR), (int)(amount % BUDGET_HOUR));
    size_t len = strlen(to);
    while (to[len - 1] == '0')
        to[--len] = '\0';
    if (to[len - 1] == '.')
        to[--len] = '\0';
    return to;
}
