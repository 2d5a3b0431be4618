/* cmd_budget_forecast.c - bakehour budget forecast: where a month leads. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/page.h"
#include "sim/budget_source.h"
#include "sim/commands.h"
#include "sim/outlook.h"
#include "sim/policy_forecast.h"

struct args {
    struct budget_options from;
    struct scenario_args scenario;
    struct policy_list policies;
};

static const struct opt options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    BUDGET_LEDGER_OPTIONS(struct args, from),
    BILL_FILE_OPTIONS(struct args, from.in),
    BILL_HELD_OPTIONS(struct args, from.in),
    {"Forecast", OPT_HEADING, NULL, NULL, NULL, 0},
    {"limit-hours", OPT_VALUE, "X", "prepaid instance-hours a month, whose end is forecast (of a ledger)",
     budget_opt_limit_hours, offsetof(struct args, from.limit_hours)},
    BUDGET_AT_OPTION(struct args, from),
    BILL_REGIME_OPTION(struct args, from.in),
    SCENARIO_HEADING("By a policy: what it would do in the rest of the month, replayed on a history"),
    POLICY_LIST_OPTIONS(struct args, policies),
    SCENARIO_VALUE(struct args, "repo", "DIR", opt_text, repo, "a git repository's first-parent history"),
    SCENARIO_VALUE(struct args, "branch", "B", opt_text, branch, "its branch (default: HEAD)"),
    SCENARIO_VALUE(struct args, "log", "FILE", opt_text, log, "a log instead: TSV or TSV.gz, unix seconds first"),
    SCENARIO_VALUE(struct args, "workload", "FILE", opt_text, workload, "a model of arrivals instead (workload fit)"),
    SCENARIO_VALUE(struct args, "prepare", "S", opt_given_duration, prepare_s, "pull, test, build"),
    SCENARIO_VALUE(struct args, "boot", "S", opt_given_duration, boot_s, "launch and boot of a new bake instance"),
    SCENARIO_VALUE(struct args, "bake", "S", opt_given_duration, bake_s, "upload, command line, create the image"),
    SCENARIO_VALUE(struct args, "rollout", "S", opt_given_duration, rollout_s, "roll the image out"),
    SCENARIO_VALUE(struct args, "price", "USD_PER_HOUR", opt_given_price, price, "of the bake instance"),
    SCENARIO_VALUE(struct args, "instance", "TYPE", opt_text, instance, "its type instead (default m5.large)"),
    SCENARIO_VALUE(struct args, "region", "R", opt_text, region, "region of the price (default us-east-1)"),
    SCENARIO_VALUE(struct args, "per-deploy", "USD", opt_price, per_deploy, "what else each deployment costs"),
    SCENARIO_VALUE(struct args, "delay-price", "USD", opt_price, delay_price,
                   "what a commit's waiting costs, per hour (for triggers that weigh it)"),
    OPT_END,
};

/* What a forecast says. */
struct outlook {
    const struct spending *spending;
    int64_t usd, usd_forecast, hours, hours_forecast;
    enum run_out run_out;
    instant_t when;
    bool sample;
    const struct outlook_extra *extra;    /* NULL: not from a ledger */
    const struct policy_forecast *policy; /* NULL: no history */
};

static int look_out(struct outlook *o, struct err *err)
{
    int code = spending_so_far(o->spending, BUDGET_USD, &o->usd, err);
    if (!code)
        code = spending_forecast(o->spending, BUDGET_USD, &o->usd_forecast, err);
    if (!code)
        code = spending_so_far(o->spending, BUDGET_HOURS, &o->hours, err);
    if (!code)
        code = spending_forecast(o->spending, BUDGET_HOURS, &o->hours_forecast, err);
    o->run_out = spending_runs_out(o->spending, &o->when);
    return code;
}

static void json_instant(cJSON *object, const char *name, instant_t at)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(object, name, at == INT64_MAX ? NULL : calendar_text(at, text));
}

static void add_extra_json(cJSON *document, const struct outlook_extra *e)
{
    char text[MONEY_TEXT_SIZE];
    if (e->usd.known) {
        json_text(document, "forecast_low_usd", money_text(e->usd.low, text));
        json_text(document, "forecast_high_usd", money_text(e->usd.high, text));
    }
    if (!e->next.deployments && !e->margin.known)
        return;
    cJSON *next = json_object(document, "next_deployment");
    if (e->margin.known) {
        json_text(next, "like", e->margin.like);
        json_text(next, "marginal_usd", money_text(e->margin.usd, text));
        json_text(next, "on_demand_usd", money_text(e->margin.on_demand_usd, text));
        json_bool(next, "reuses", e->margin.reuses);
    }
    if (!e->next.deployments)
        return;
    json_i64(next, "deployments", (int64_t)e->next.deployments);
    json_text(next, "mean_usd", money_text(e->next.mean, text));
    json_text(next, "low_usd", money_text(e->next.low, text));
    json_text(next, "high_usd", money_text(e->next.high, text));
}

static void add_policy_json(cJSON *document, const struct policy_forecast *p)
{
    char label[2 * POLICY_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    cJSON *object = json_object(document, "policy");
    json_text(object, "policy", outcome_policy_label(&p->policy, label));
    json_text(object, "steady_usd", money_text(p->steady, text));
    if (p->fitted) {
        cJSON *fitted = json_object(object, "fitted");
        json_i64(fitted, "draws", (int64_t)p->fitted_rest.deployments);
        json_text(fitted, "forecast_usd", money_text(p->fitted_mean, text));
        json_text(fitted, "forecast_low_usd", money_text(p->fitted_low, text));
        json_text(fitted, "forecast_high_usd", money_text(p->fitted_high, text));
        json_text(fitted, "deployments_usd", money_text(p->fitted_rest.mean, text));
    }
    if (!p->windows)
        return;
    json_i64(object, "windows", (int64_t)p->windows);
    json_text(object, "forecast_usd", money_text(p->mean, text));
    json_text(object, "forecast_low_usd", money_text(p->low, text));
    json_text(object, "forecast_high_usd", money_text(p->high, text));
    json_text(object, "deployments_usd", money_text(p->rest.mean, text));
}

static void print_outlook_json(const struct outlook *o, FILE *out)
{
    char text[BUDGET_AMOUNT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    const char *note;
    const struct spending *s = o->spending;
    cJSON *document = json_document("budget-forecast");
    json_text(document, "month", calendar_month_text(s->month, at));
    json_text(document, "at", calendar_text(s->at, at));
    json_text(document, "actual_usd", money_text(o->usd, text));
    json_text(document, "forecast_usd", money_text(o->usd_forecast, text));
    if (o->extra)
        add_extra_json(document, o->extra);
    if (o->policy)
        add_policy_json(document, o->policy);
    if (s->has_pool) {
        cJSON *pool = json_object(document, "pool");
        json_text(pool, "hours", budget_amount(BUDGET_HOURS, s->pool_hours, true, text));
        json_text(pool, "actual_hours", budget_amount(BUDGET_HOURS, o->hours, true, text));
        json_text(pool, "forecast_hours", budget_amount(BUDGET_HOURS, o->hours_forecast, true, text));
        json_bool(pool, "run_out", o->run_out == RUN_OUT_SINCE);
        json_text(pool, "runs_out_at", o->run_out == RUN_OUT_LATER ? calendar_text(o->when, at) : NULL);
        if (o->extra && o->extra->run_out.known && o->run_out != RUN_OUT_SINCE) {
            json_instant(pool, "runs_out_earliest", o->extra->run_out.early);
            json_instant(pool, "runs_out_latest", o->extra->run_out.late);
        }
    }
    cJSON *list = json_array(document, "notes");
    for (int i = 0; (note = bill_note(o->sample, s->has_pool && !o->extra, i)); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(note));
    json_print(document, out);
}

static void print_outlook_row(struct table *t, enum budget_unit unit, int64_t so_far, int64_t forecast, bool exactly)
{
    char text[BUDGET_AMOUNT_SIZE];
    table_cell(t, "%s", unit == BUDGET_HOURS && exactly ? "hours" : budget_unit_name(unit, true));
    table_cell(t, "%s", budget_amount(unit, so_far, exactly, text));
    table_cell(t, "%s", budget_amount(unit, forecast, exactly, text));
}

static void print_outlook_table(const struct outlook *o, const struct session *session)
{
    struct table *t = table_new();
    table_column(t, "Unit", "unit", ALIGN_LEFT);
    table_column(t, "So far", "actual", ALIGN_RIGHT);
    table_column(t, "Month end", "forecast", ALIGN_RIGHT);
    print_outlook_row(t, BUDGET_USD, o->usd, o->usd_forecast, session->csv);
    if (o->spending->has_pool)
        print_outlook_row(t, BUDGET_HOURS, o->hours, o->hours_forecast, session->csv);
    table_print(t, session);
    table_free(t);
}

static void print_run_out(const struct outlook *o, FILE *out)
{
    char date[INSTANT_TEXT_SIZE];
    char hours[BUDGET_AMOUNT_SIZE];
    budget_amount(BUDGET_HOURS, o->spending->pool_hours, true, hours);
    switch (o->run_out) {
    case RUN_OUT_LATER:
        fprintf(out, "\nAt this rate the %s prepaid hours run out on %s.\n", hours, calendar_date_text(o->when, date));
        return;
    case RUN_OUT_SINCE:
        fprintf(out, "\nThe %s prepaid hours have run out.\n", hours);
        return;
    case RUN_OUT_NEVER:
        if (o->spending->pool_hours && o->spending->elapsed_s)
            fprintf(out, "\nAt this rate the %s prepaid hours last for the month.\n", hours);
    }
}

static void print_next(const struct outlook_extra *e, FILE *out)
{
    char low[MONEY_TEXT_SIZE];
    char high[MONEY_TEXT_SIZE];
    char mean[MONEY_TEXT_SIZE];
    if (e->margin.known) {
        fprintf(out, "One more deployment, like %s, adds %s USD to the bill", e->margin.like,
                money_short(e->margin.usd, mean));
        if (e->margin.usd != e->margin.on_demand_usd)
            fprintf(out, " (%s on demand%s)", money_short(e->margin.on_demand_usd, low),
                    e->margin.reuses ? "; an instance that runs is used" : "");
        fputs(".\n", out);
    }
    if (e->next.deployments)
        fprintf(out, "Deployments cost about %s USD (the last %zu: %s to %s).\n", money_short(e->next.mean, mean),
                e->next.deployments, money_short(e->next.low, low), money_short(e->next.high, high));
}

static void print_extra(const struct outlook *o, FILE *out)
{
    const struct outlook_extra *e = o->extra;
    char low[MONEY_TEXT_SIZE];
    char high[MONEY_TEXT_SIZE];
    char date[INSTANT_TEXT_SIZE];
    if (e->usd.known)
        fprintf(out, "\nNine times in ten the month ends between %s and %s USD, if days go on to differ as they did.\n",
                money_short(e->usd.low, low), money_short(e->usd.high, high));
    else
        fprintf(out, "\nFewer than %d complete days are booked: too few for an interval.\n", OUTLOOK_DAYS_MIN);
    if (e->run_out.known && o->run_out != RUN_OUT_SINCE && e->run_out.early != INT64_MAX) {
        fprintf(out, "Nine times in ten the prepaid hours run out between %s and ",
                calendar_date_text(e->run_out.early, date));
        fprintf(out, "%s.\n",
                e->run_out.late == INT64_MAX ? "the month's end, or last" : calendar_date_text(e->run_out.late, date));
    }
    print_next(e, out);
}

static void print_policy(const struct policy_forecast *p, FILE *out)
{
    char label[2 * POLICY_TEXT_SIZE];
    char mean[MONEY_TEXT_SIZE];
    char low[MONEY_TEXT_SIZE];
    char high[MONEY_TEXT_SIZE];
    const struct outlook_next *rest = p->fitted ? &p->fitted_rest : &p->rest;
    fprintf(out, "\nBy %s:\n", outcome_policy_label(&p->policy, label));
    if (p->fitted)
        fprintf(out, "%s USD at the month's end on the fitted workload (nine in ten of %zu draws: %s to %s)",
                money_short(p->fitted_mean, mean), p->fitted_rest.deployments, money_short(p->fitted_low, low),
                money_short(p->fitted_high, high));
    if (p->windows)
        fprintf(out, "%s%s USD%s on the history itself (%zu windows: %s to %s)", p->fitted ? ",\n" : "",
                money_short(p->mean, mean), p->fitted ? "" : " at the month's end", p->windows,
                money_short(p->low, low), money_short(p->high, high));
    fprintf(out, ":\n%s spent, %s for deployments to come, %s for what is no deployment's.\n",
            money_short(p->spent, mean), money_short(rest->mean, low), money_short(p->steady, high));
}

static void print_outlook_text(const struct outlook *o, const struct session *session)
{
    char month[INSTANT_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    const char *note;
    const struct spending *s = o->spending;
    fprintf(session->out, "Month %s up to %s\n\n", calendar_month_text(s->month, month), calendar_text(s->at, at));
    print_outlook_table(o, session);
    if (!s->elapsed_s)
        fprintf(session->out, "\nNothing of the month has passed, so there is no rate to forecast by.\n");
    print_run_out(o, session->out);
    if (o->extra)
        print_extra(o, session->out);
    if (o->policy)
        print_policy(o->policy, session->out);
    for (int i = 0; (note = bill_note(o->sample, s->has_pool && !o->extra, i)); i++)
        page_say(session, 0, "%s%s", i ? "" : "\n", note);
}

/* What is prepaid: the pools that are held, or said by the option, or else a budget in hours. */
static void set_pool(struct budget_source *source, const struct budget_options *from)
{
    struct spending *s = &source->spending;
    if (s->has_pool && !from->limit_hours)
        return;
    s->pool_hours = from->limit_hours;
    for (size_t i = 0; i < source->limits.count && !s->pool_hours; i++)
        if (source->limits.items[i].unit == BUDGET_HOURS)
            s->pool_hours = source->limits.items[i].limit;
    s->has_pool = s->pool_hours > 0;
}

static void release(void *data)
{
    policy_list_release(&((struct args *)data)->policies);
}

static int run(struct session *session, void *data, struct err *err)
{
    struct args *args = data;
    struct budget_source source = {0};
    struct outlook_extra extra = {0};
    struct policy_forecast policy;
    bool history = args->scenario.repo || args->scenario.log || args->scenario.workload;
    policy_list_finish(&args->policies);
    int code = budget_source_open(&source, &args->from, false, session, err);
    struct outlook o = {.spending = &source.spending, .sample = source.sample};
    if (!code && source.ledger) {
        set_pool(&source, &args->from);
        code = outlook_read(&extra, &source, &args->from, err);
        if (!code)
            code = margin_of_next(&extra.margin, source.ledger, args->from.environment, source.at, &source.held,
                                  &source.sources, session, err);
        o.extra = &extra;
    }
    if (!code && history && !source.ledger)
        code = err_set(err, EXIT_INPUT, "a forecast by a policy starts from what is booked: --ledger FILE is needed");
    else if (!code && history && source.spending.elapsed_s < source.spending.length_s) {
        code = policy_forecast(&policy, &source, &args->from, &args->scenario, &args->policies, session, err);
        o.policy = &policy;
    }
    if (!code)
        code = look_out(&o, err);
    if (!code && session->json)
        print_outlook_json(&o, session->out);
    else if (!code && session->csv)
        print_outlook_table(&o, session);
    else if (!code)
        print_outlook_text(&o, session);
    budget_source_release(&source);
    return code;
}

const struct command cmd_budget_forecast = {
    .name = "budget forecast",
    .summary = "what the month will have cost, and when pools run out",
    .about =
        "Prices the month's usage up to now, as 'bill' does, and says where it leads at the present rate: spent x "
        "length of the month / time elapsed in it. With pools in --reserved it names the date on which their "
        "hours run out at the rate at which they were drawn so far.\n\n"
        "An hour that has opened counts whole; fees count for the time that has passed.\n\n"
        "From a ledger it adds an interval and what the next deployment costs; with --repo or --log and a policy "
        "also where the month leads if that policy decides, by replaying it on windows of the history as long as the "
        "time that remains.",
    .example = "bakehour budget forecast --usage usage.csv\n"
               "bakehour budget forecast --usage usage.csv --reserved pool.csv --at 2018-08-16\n"
               "bakehour budget forecast --repo . --trigger window:15m",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
    .release = release,
};
