/* cmd_budget.c - bakehour budget check: what a month has cost, and where it leads, against limits. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/budget_chart.h"
#include "sim/budget_source.h"
#include "sim/commands.h"

struct args {
    struct budget_options from;
    enum budget_format format;
    const char *chart;
};

static const struct opt options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    BUDGET_LEDGER_OPTIONS(struct args, from),
    BILL_FILE_OPTIONS(struct args, from.in),
    BILL_HELD_OPTIONS(struct args, from.in),
    {"Budget", OPT_HEADING, NULL, NULL, NULL, 0},
    {"limit-usd", OPT_VALUE, "X", "what a month may cost, usage and fees", budget_opt_limit_usd,
     offsetof(struct args, from.limit_usd)},
    {"limit-hours", OPT_VALUE, "X",
     "hours that a month may draw from the pools in --reserved; of a ledger: the billed instance-hours",
     budget_opt_limit_hours, offsetof(struct args, from.limit_hours)},
    BUDGET_AT_OPTION(struct args, from),
    {"name", OPT_VALUE, "NAME", "what the budget is called (default: month)", opt_text,
     offsetof(struct args, from.name)},
    BILL_REGIME_OPTION(struct args, from.in),
    {"Output", OPT_HEADING, NULL, NULL, NULL, 0},
    {"format", OPT_VALUE, BUDGET_FORMATS,
     "for people (text, the default), scripts, or what the CI system shows; github also appends Markdown to "
     "$GITHUB_STEP_SUMMARY",
     budget_opt_format, offsetof(struct args, format)},
    {"chart", OPT_VALUE, "FILE.png|svg", "draw the month and the last 30 days (of a ledger; needs gnuplot)", opt_text,
     offsetof(struct args, chart)},
    OPT_END,
};

static int check_args(const struct args *args, const struct session *session, struct err *err)
{
    if (args->format != FORMAT_UNSAID && ((session->json && args->format != FORMAT_JSON) || session->csv))
        return err_set(err, EXIT_INPUT, "--format and --%s exclude each other", session->json ? "json" : "csv");
    if (args->chart && args->from.in.usage)
        return err_set(err, EXIT_INPUT, "--chart draws what a ledger knows: it does not go with --usage");
    return args->chart ? gnuplot_check("--chart", args->chart, err) : 0;
}

/* The verdict is what the step is for: a summary that cannot be written is said, and changes no exit code. */
static void append_summary(const struct budget_report *report, const struct session *session)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct err err;
    if (path && *path && budget_append_summary(report, path, &err))
        fprintf(session->err, "%s: %s\n", session->program, err.text);
}

static int judge(const struct budget_source *source, struct budget *budgets, struct err *err)
{
    const struct budget_limits *limits = &source->limits;
    if (source->ledger)
        return budget_judge_limits(budgets, limits, source->ledger, source->at, &source->held.reservations, err);
    int code = 0;
    for (size_t i = 0; i < limits->count && !code; i++) {
        const struct budget_limit *l = &limits->items[i];
        budgets[i] = (struct budget){.name = l->name, .unit = l->unit, .limit = l->limit};
        if (l->unit == BUDGET_HOURS && !source->spending.has_pool)
            code = err_set(err, EXIT_INPUT,
                           "--limit-hours counts what pools give: --reserved FILE needs a row of the model pool");
        else
            code = budget_judge(&budgets[i], &source->spending, err);
    }
    return code;
}

static int judge_and_print(const struct args *args, const struct budget_source *source, struct session *session,
                           struct err *err)
{
    struct budget_history history = {0};
    struct budget_overrides overrides = {0};
    size_t count = source->limits.count;
    struct budget *budgets = mem_zero(count, sizeof(*budgets));
    struct budget_report report = {.spending = &source->spending,
                                   .budgets = budgets,
                                   .count = count,
                                   .path = source->path,
                                   .sample = source->sample};
    int code = judge(source, budgets, err);
    if (!code && source->ledger) {
        code = budget_source_history(source, &args->from, BUDGET_HISTORY_DAYS, &history, err);
        report.history = &history;
    }
    if (!code && source->ledger) {
        code = budget_source_overrides(source, &args->from, &overrides, err);
        report.overrides = &overrides;
    }
    if (!code && args->chart)
        code = budget_chart(&report, "--chart", args->chart, err);
    if (!code) {
        budget_print(&report, args->format, session);
        if (args->format == FORMAT_GITHUB)
            append_summary(&report, session);
        code = budget_exit_code(budgets, count);
    }
    free(history.usd);
    budget_overrides_release(&overrides);
    free(budgets);
    return code;
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct budget_source source = {0};
    int code = check_args(args, session, err);
    if (!code)
        code = budget_source_open(&source, &args->from, true, session, err);
    if (!code)
        code = judge_and_print(args, &source, session, err);
    budget_source_release(&source);
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
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
