#include "sim/policy_forecast.h"

#include <assert.h>

#include "base/num.h"
#include "sim/fitted_forecast.h"

/* How many commits arrived in [from, to). */
static size_t commits_in(const struct scenario *s, instant_t from, instant_t to)
{
    size_t count = 0;
    for (size_t i = 0; i < s->commits.count; i++)
        count += s->commits.arrival_s[i] >= from && s->commits.arrival_s[i] < to;
    return count;
}

/* One window of the history, replayed as if it were all there is. */
static int replay_window(money_t *money, const struct scenario_args *args, const struct policy_list *policies,
                         instant_t from, instant_t to, const struct session *session, struct err *err)
{
    struct scenario_args part = *args;
    struct scenario s;
    struct frontier f = {0};
    part.from = (struct opt_instant){true, from};
    part.to = (struct opt_instant){true, to};
    int code = scenario_load(&s, &part, session, err);
    if (code)
        return code;
    code = frontier_run(&f, policies, &s, session, err);
    if (!code)
        *money = f.points[0].outcome.money;
    frontier_release(&f);
    scenario_release(&s);
    return code;
}

/* Windows from the history's end backwards, as far as it reaches. */
static int replay_windows(struct policy_forecast *out, const struct scenario_args *args, const struct scenario *whole,
                          const struct policy_list *policies, int64_t length_s, const struct session *session,
                          struct err *err)
{
    money_t costs[POLICY_WINDOWS];
    int code = 0;
    size_t count = whole->commits.count;
    instant_t first = count ? whole->commits.arrival_s[0] : 0;
    instant_t to = count ? whole->commits.arrival_s[count - 1] + 1 : 0;
    for (; !code && out->windows < POLICY_WINDOWS && to - length_s >= first; to -= length_s) {
        costs[out->windows] = 0;
        if (commits_in(whole, to - length_s, to))
            code = replay_window(&costs[out->windows], args, policies, to - length_s, to, session, err);
        out->windows++;
    }
    if (!code && out->windows < POLICY_WINDOWS_MIN && !out->fitted)
        code = err_set(err, EXIT_INPUT,
                       "the history has room for %zu windows of %lld s, the rest of the month; %d are needed",
                       out->windows, (long long)length_s, POLICY_WINDOWS_MIN);
    if (out->windows < POLICY_WINDOWS_MIN)
        out->windows = 0;
    if (!code && out->windows)
        out->rest = outlook_next(costs, out->windows);
    return code;
}

/* On drawn histories; a history that is too short for a fit is none. */
static int draw_rest(struct policy_forecast *out, const struct scenario *whole, const struct policy_list *policies,
                     instant_t at, instant_t end, struct err *err)
{
    struct fitted f;
    struct err why;
    if (whole->drawn)
        f = fitted_of_workload(&whole->workload, at);
    else if (fitted_of_history(&f, whole->commits.arrival_s, whole->commits.count, &why))
        return 0;
    out->fitted = true;
    return fitted_forecast(&out->fitted_rest, &f, &policies->items[0], &whole->model, at, end, err);
}

static int forecast_rest(struct policy_forecast *out, const struct scenario_args *args,
                         const struct policy_list *policies, instant_t at, int64_t length_s,
                         const struct session *session, struct err *err)
{
    struct scenario whole;
    int code = scenario_load(&whole, args, session, err);
    if (code)
        return code;
    code = draw_rest(out, &whole, policies, at, at + length_s, err);
    if (!code && !whole.drawn)
        code = replay_windows(out, args, &whole, policies, length_s, session, err);
    scenario_release(&whole);
    return code;
}

int policy_forecast(struct policy_forecast *out, const struct budget_source *source,
                    const struct budget_options *options, const struct scenario_args *scenario,
                    const struct policy_list *policies, const struct session *session, struct err *err)
{
    const struct spending *s = &source->spending;
    int64_t remaining_s = s->length_s - s->elapsed_s;
    const struct ledger_filter nobody = {.from = calendar_month_start(s->month),
                                         .to = source->at,
                                         .deployment = "",
                                         .environment = options->environment,
                                         .project = options->project,
                                         .account = "expense:",
                                         .unit = "usd"};
    int64_t steady = 0;
    *out = (struct policy_forecast){0};
    assert(source->ledger && remaining_s > 0);
    if (policies->count != 1)
        return err_set(err, EXIT_INPUT, "a forecast goes by one policy: one --trigger and one --keep");
    out->policy = policies->items[0];
    int code = s->elapsed_s ? ledger_sum(source->ledger, &nobody, &steady, err) : 0;
    if (!code)
        code = spending_so_far(s, BUDGET_USD, &out->spent, err);
    if (!code)
        code = forecast_rest(out, scenario, policies, source->at, remaining_s, session, err);
    if (code)
        return code;
    if (s->elapsed_s)
        out->steady = (money_t)num_div_half_even((int128)steady * remaining_s, s->elapsed_s);
    out->mean = out->spent + out->steady + out->rest.mean;
    out->low = out->spent + out->steady + out->rest.low;
    out->high = out->spent + out->steady + out->rest.high;
    out->fitted_mean = out->spent + out->steady + out->fitted_rest.mean;
    out->fitted_low = out->spent + out->steady + out->fitted_rest.low;
    out->fitted_high = out->spent + out->steady + out->fitted_rest.high;
    return 0;
}
