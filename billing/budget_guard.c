#include "billing/budget_guard.h"

#include <stdlib.h>
#include <string.h>

#include "billing/overrides.h"

int budget_ledger_fresh(struct ledger *ledger, instant_t at, int64_t max_age_s, struct err *err)
{
    bool any;
    instant_t last;
    char text[INSTANT_TEXT_SIZE];
    char age[INSTANT_TEXT_SIZE];
    size_t unpriced;
    char *first = NULL;
    int code = ledger_last(ledger, &any, &last, err);
    if (code)
        return code;
    if (!any)
        return err_at(err, EXIT_INPUT, ledger_path(ledger), 0, 0,
                      "nothing was ever booked: nothing is known, which is not the same as no cost");
    if (last < at && at - last > max_age_s)
        return err_at(err, EXIT_INPUT, ledger_path(ledger), 0, 0,
                      "is stale: what it knows ends at %s, which is longer ago than %s (--max-age)",
                      calendar_text(last, text), duration_text(max_age_s, age));
    code = ledger_unpriced(ledger, &unpriced, &first, err);
    if (!code && unpriced)
        code = err_at(err, EXIT_INPUT, ledger_path(ledger), 0, 0,
                      "%zu %s no price, so what was spent is not known (%s); name one with --catalog", unpriced,
                      unpriced == 1 ? "use has" : "uses have", first);
    free(first);
    return code;
}

int budget_ledger_spending(struct spending *out, struct ledger *ledger, const char *environment, const char *project,
                           instant_t at, const struct reservations *held, struct err *err)
{
    struct spending s = {.at = at, .month = calendar_month(at)};
    instant_t from = calendar_month_start(s.month);
    struct ledger_spent spent = {0};
    s.elapsed_s = at - from;
    s.length_s = calendar_month_seconds(s.month);
    int code = s.elapsed_s ? ledger_spent(ledger, environment, project, from, at, &spent, err) : 0;
    if (!code)
        code = spending_add_pools(&s, held, err);
    if (code)
        return code;
    exact_add(&s.usd, spent.usd, 1);
    exact_add(&s.hours, (int128)(s.has_pool ? spent.pool_s : spent.instance_s) * BUDGET_HOUR, SECONDS_PER_HOUR);
    *out = s;
    return 0;
}

int budget_judge_limits(struct budget *budgets, const struct budget_limits *limits, struct ledger *ledger, instant_t at,
                        const struct reservations *held, struct err *err)
{
    int code = 0;
    for (size_t i = 0; i < limits->count && !code; i++) {
        const struct budget_limit *l = &limits->items[i];
        struct spending spending = {0};
        budgets[i] = (struct budget){.name = l->name,
                                     .environment = l->environment,
                                     .project = l->project,
                                     .unit = l->unit,
                                     .limit = l->limit,
                                     .over_at_percent = l->actual_percent,
                                     .forecast_over_at_percent = l->forecast_percent ? l->forecast_percent : -1};
        code = budget_ledger_spending(&spending, ledger, l->environment, l->project, at, held, err);
        if (!code)
            code = budget_judge(&budgets[i], &spending, err);
        spending_release(&spending);
    }
    return code;
}

static bool takes_in(const struct budget_limit *l, const struct budget_request *q)
{
    return l->hard && (!l->environment || strcmp(l->environment, q->environment) == 0) &&
           (!l->project || strcmp(l->project, q->project) == 0);
}

bool budget_guards(const struct budget_limits *limits, const struct budget_request *request)
{
    for (size_t i = 0; i < limits->count; i++)
        if (takes_in(&limits->items[i], request))
            return true;
    return false;
}

/* One hard limit; a line in `why` where spent and estimate together reach it. */
static int hold(struct str *why, struct ledger *ledger, const struct budget_limit *l, const struct budget_request *q,
                bool *reached, struct err *err)
{
    struct ledger_spent spent = {0};
    instant_t from = calendar_month_start(calendar_month(q->now));
    char texts[3][BUDGET_AMOUNT_SIZE];
    char month[INSTANT_TEXT_SIZE];
    struct spending pools = {.at = q->now, .month = calendar_month(q->now)};
    int code = ledger_spent(ledger, l->environment, l->project, from, q->now, &spent, err);
    if (!code)
        code = spending_add_pools(&pools, q->held, err);
    if (code)
        return code;
    bool usd = l->unit == BUDGET_USD;
    int64_t used_s = pools.has_pool ? spent.pool_s : spent.instance_s;
    int128 so_far = usd ? spent.usd : num_div_ceil((int128)used_s * BUDGET_HOUR, SECONDS_PER_HOUR);
    int128 more = usd ? q->estimate_usd : num_div_ceil((int128)q->estimate_instance_s * BUDGET_HOUR, SECONDS_PER_HOUR);
    if (so_far + more < l->limit)
        return 0;
    *reached = true;
    str_addf(why, "budget \"%s\": %s %s spent in %s and an estimate of %s reach the limit of %s\n", l->name,
             budget_amount(l->unit, (int64_t)so_far, false, texts[0]), budget_unit_name(l->unit, pools.has_pool),
             calendar_month_text(calendar_month(q->now), month), budget_amount(l->unit, (int64_t)more, false, texts[1]),
             budget_amount(l->unit, l->limit, false, texts[2]));
    return 0;
}

int budget_guard(enum budget_answer *answer, struct str *why, struct ledger *ledger, const struct budget_limits *limits,
                 const struct budget_request *request, struct err *err)
{
    bool reached = false;
    int code = 0;
    str_clear(why);
    for (size_t i = 0; i < limits->count && !code; i++)
        if (takes_in(&limits->items[i], request))
            code = hold(why, ledger, &limits->items[i], request, &reached, err);
    if (code)
        return code;
    *answer = !reached ? BUDGET_GO : request->override ? BUDGET_GO_OVERRIDDEN : BUDGET_REFUSED;
    return 0;
}

int budget_book_override(struct ledger *ledger, const struct budget_request *q, const char *why, struct err *err)
{
    const struct ledger_scope scope = {q->deployment, q->environment, q->project};
    char at[INSTANT_TEXT_SIZE];
    struct str key;
    struct str memo;
    str_init(&key, 0);
    str_init(&memo, 0);
    str_addf(&key, "override:%s@%s", q->deployment, calendar_text(q->now, at));
    for (const char *c = q->override; *c; c++) /* the first line is the reason, whatever it holds */
        str_add_char(&memo, *c == '\n' || *c == '\r' ? ' ' : *c);
    str_addf(&memo, "\n%s", why);
    int code = ledger_remark(ledger, key.text, BUDGET_OVERRIDE_KIND, &scope, memo.text, q->now, err);
    str_release(&key);
    str_release(&memo);
    return code;
}
