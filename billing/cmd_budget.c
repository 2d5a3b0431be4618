/* cmd_budget.c - bakehour budget check and budget forecast: a month's usage against limits, and where it leads. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "billing/bill_files.h"
#include "billing/budget_format.h"
#include "billing/commands.h"

struct args {
    struct bill_sources in;
    struct opt_instant at;
    int64_t limit_usd, limit_hours; /* 0: not given */
    const char *name;
    enum budget_format format;
};

static int set_limit(void *field, const char *value, int decimals, const char *what, struct err *err)
{
    int64_t limit;
    if (num_decimal(value, strlen(value), decimals, &limit))
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no %s (digits, a point, at most %d decimals)", value, what,
                       decimals);
    if (limit <= 0)
        return err_set(err, EXIT_INPUT, "\"%.60s\": a limit is above zero", value);
    *(int64_t *)field = limit;
    return 0;
}

static int set_limit_usd(void *field, const char *value, struct err *err)
{
    return set_limit(field, value, MONEY_DECIMALS, "amount in USD", err);
}

static int set_limit_hours(void *field, const char *value, struct err *err)
{
    return set_limit(field, value, BUDGET_HOUR_DECIMALS, "number of hours", err);
}

#define AT_OPTION                                                                                                      \
    {                                                                                                                  \
        "at", OPT_VALUE, "TIME",                                                                                       \
            "its UTC month is the budget's; usage behind it is not known yet, and what still runs counts up to it "    \
            "(default: now)",                                                                                          \
            opt_instant, offsetof(struct args, at)                                                                     \
    }

static const struct opt check_options[] = {
    BILL_FILE_OPTIONS(struct args, in),
    {"Budget", OPT_HEADING, NULL, NULL, NULL, 0},
    {"limit-usd", OPT_VALUE, "X", "what a month may cost, usage and fees", set_limit_usd,
     offsetof(struct args, limit_usd)},
    {"limit-hours", OPT_VALUE, "X", "hours that a month may draw from the pools in --reserved", set_limit_hours,
     offsetof(struct args, limit_hours)},
    AT_OPTION,
    {"name", OPT_VALUE, "NAME", "what the budget is called (default: month)", opt_text, offsetof(struct args, name)},
    BILL_REGIME_OPTION(struct args, in),
    {"Output", OPT_HEADING, NULL, NULL, NULL, 0},
    {"format", OPT_VALUE, BUDGET_FORMATS,
     "for people (text, the default), scripts, or what the CI system shows; github also appends Markdown to "
     "$GITHUB_STEP_SUMMARY",
     budget_opt_format, offsetof(struct args, format)},
    OPT_END,
};

static const struct opt forecast_options[] = {
    BILL_FILE_OPTIONS(struct args, in),
    {"Forecast", OPT_HEADING, NULL, NULL, NULL, 0},
    AT_OPTION,
    BILL_REGIME_OPTION(struct args, in),
    OPT_END,
};

static int measure(struct spending *out, const struct args *args, instant_t at, struct session *session,
                   struct err *err)
{
    struct bill_files files = {0};
    int code = bill_files_open(&files, &args->in, &at, session, err);
    if (!code) {
        struct bill_input in = bill_files_input(&files, &args->in);
        code = spending_measure(out, &in, at, session, err);
    }
    bill_files_release(&files);
    return code;
}

static int check_args(const struct args *args, const struct session *session, struct err *err)
{
    int code = bill_sources_check(&args->in, err);
    if (code)
        return code;
    if (!args->limit_usd && !args->limit_hours)
        return err_set(err, EXIT_INPUT, "a limit is needed: --limit-usd X or --limit-hours X");
    if (args->format != FORMAT_UNSAID && ((session->json && args->format != FORMAT_JSON) || session->csv))
        return err_set(err, EXIT_INPUT, "--format and --%s exclude each other", session->json ? "json" : "csv");
    return 0;
}

/* The verdict is what the step is for: a summary that cannot be written is said, and changes no exit code. */
static void append_summary(const struct budget_report *report, const struct session *session)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct err err;
    if (path && *path && budget_append_summary(report, path, &err))
        fprintf(session->err, "%s: %s\n", session->program, err.text);
}

static int judge_and_print(const struct args *args, const struct spending *spending, struct session *session,
                           struct err *err)
{
    struct budget budgets[2];
    size_t count = 0;
    const char *name = args->name ? args->name : "month";
    if (args->limit_hours && !spending->has_pool)
        return err_set(err, EXIT_INPUT,
                       "--limit-hours counts what pools give: --reserved FILE needs a row of the model pool");
    if (args->limit_usd)
        budgets[count++] = (struct budget){.name = name, .unit = BUDGET_USD, .limit = args->limit_usd};
    if (args->limit_hours)
        budgets[count++] = (struct budget){.name = name, .unit = BUDGET_HOURS, .limit = args->limit_hours};
    for (size_t i = 0; i < count; i++) {
        int code = budget_judge(&budgets[i], spending, err);
        if (code)
            return code;
    }
    struct budget_report report = {
        .spending = spending, .budgets = budgets, .count = count, .path = args->in.usage, .sample = !args->in.catalog};
    budget_print(&report, args->format, session);
    if (args->format == FORMAT_GITHUB)
        append_summary(&report, session);
    return budget_exit_code(budgets, count);
}

static int run_check(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct spending spending = {0};
    int code = check_args(args, session, err);
    if (!code)
        code = measure(&spending, args, args->at.given ? args->at.at : session->now_s, session, err);
    if (!code)
        code = judge_and_print(args, &spending, session, err);
    spending_release(&spending);
    return code;
}

/* What a forecast says. */
struct outlook {
    const struct spending *spending;
    int64_t usd, usd_forecast, hours, hours_forecast;
    enum run_out run_out;
    instant_t when;
    bool sample;
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
    if (s->has_pool) {
        cJSON *pool = json_object(document, "pool");
        json_text(pool, "hours", budget_amount(BUDGET_HOURS, s->pool_hours, true, text));
        json_text(pool, "actual_hours", budget_amount(BUDGET_HOURS, o->hours, true, text));
        json_text(pool, "forecast_hours", budget_amount(BUDGET_HOURS, o->hours_forecast, true, text));
        json_bool(pool, "run_out", o->run_out == RUN_OUT_SINCE);
        json_text(pool, "runs_out_at", o->run_out == RUN_OUT_LATER ? calendar_text(o->when, at) : NULL);
    }
    cJSON *list = json_array(document, "notes");
    for (int i = 0; (note = bill_note(o->sample, s->has_pool, i)); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(note));
    json_print(document, out);
}

static void print_outlook_row(struct table *t, enum budget_unit unit, int64_t so_far, int64_t forecast, bool exactly)
{
    char text[BUDGET_AMOUNT_SIZE];
    table_cell(t, "%s", unit == BUDGET_USD ? "USD" : exactly ? "hours" : "pool hours");
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
    for (int i = 0; (note = bill_note(o->sample, s->has_pool, i)); i++)
        fprintf(session->out, "%s%s\n", i ? "" : "\n", note);
}

static int run_forecast(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct spending spending = {0};
    struct outlook o = {.spending = &spending, .sample = !args->in.catalog};
    int code = bill_sources_check(&args->in, err);
    if (!code)
        code = measure(&spending, args, args->at.given ? args->at.at : session->now_s, session, err);
    if (!code)
        code = look_out(&o, err);
    if (!code && session->json)
        print_outlook_json(&o, session->out);
    else if (!code && session->csv)
        print_outlook_table(&o, session);
    else if (!code)
        print_outlook_text(&o, session);
    spending_release(&spending);
    return code;
}

const struct command cmd_budget_check = {
    .name = "budget check",
    .summary = "stop a CI job when the month is over its budget",
    .about =
        "Prices the month's usage up to now, as 'bill' does, and holds it, and the forecast for the month's end, "
        "against a limit. Exit code 3: the limit is reached; 4: it will be, by the forecast; 0: neither; 2: the input "
        "is bad, so nothing is known. At the limit is over.\n\n"
        "An hour that has opened counts whole. Fees count for the time that has passed: a reservation's hours so far, "
        "and that part of an upfront and of a pool's 744 hours. The forecast is the linear run rate: spent x length "
        "of the month / time elapsed in it.",
    .example = "bakehour budget check --usage usage.csv --limit-usd 1000\n"
               "bakehour budget check --usage usage.csv --limit-usd 1000 --format github\n"
               "bakehour budget check --usage usage.csv --reserved pool.csv --limit-hours 744",
    .options = check_options,
    .args_size = sizeof(struct args),
    .run = run_check,
};

const struct command cmd_budget_forecast = {
    .name = "budget forecast",
    .summary = "what the month will have cost, and when pools run out",
    .about = "Prices the month's usage up to now, as 'bill' does, and says where it leads at the present rate: spent x "
             "length of the month / time elapsed in it. With pools in --reserved it names the date on which their "
             "hours run out at the rate at which they were drawn so far.\n\n"
             "An hour that has opened counts whole; fees count for the time that has passed.",
    .example = "bakehour budget forecast --usage usage.csv\n"
               "bakehour budget forecast --usage usage.csv --reserved pool.csv --at 2018-08-16",
    .options = forecast_options,
    .args_size = sizeof(struct args),
    .run = run_forecast,
};
