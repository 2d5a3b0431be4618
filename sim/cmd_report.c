/* cmd_report.c - bakehour report: one self-contained HTML file about the month. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "sim/commands.h"
#include "sim/report.h"

struct args {
    struct budget_options from;
    struct scenario_args scenario;
    const char *out;
};

static const struct opt options[] = {
    {"Report", OPT_HEADING, NULL, NULL, NULL, 0},
    {"out", OPT_VALUE, "FILE", "where it is written (default: bakehour-report.html; - is stdout)", opt_text,
     offsetof(struct args, out)},
    BUDGET_AT_OPTION(struct args, from),
    {"limit-usd", OPT_VALUE, "X", "a limit for the month, beside those of the configuration", budget_opt_limit_usd,
     offsetof(struct args, from.limit_usd)},
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    BUDGET_LEDGER_OPTIONS(struct args, from),
    {"For the frontier: a history, and what its deployments cost", OPT_HEADING, NULL, NULL, NULL, 0},
    SCENARIO_OPTIONS(struct args),
    OPT_END,
};

struct taking {
    struct report *report;
    struct report_sums *sums;
};

static int take_sum(void *context, const struct ledger_row *row, struct err *err)
{
    struct report_sums *sums = ((struct taking *)context)->sums;
    (void)err;
    if (!row->usd)
        return 0;
    sums->list = mem_grow(sums->list, &sums->cap, sums->count + 1, sizeof(*sums->list));
    sums->list[sums->count++] = (struct report_sum){mem_dup(row->name), row->usd};
    return 0;
}

static int take_deployment(void *context, const struct ledger_deployment *d, struct err *err)
{
    struct report_deployments *list = &((struct taking *)context)->report->deployments;
    (void)err;
    list->list = mem_grow(list->list, &list->cap, list->count + 1, sizeof(*list->list));
    list->list[list->count++] = (struct report_deployment){.id = mem_dup(d->id),
                                                           .environment = mem_dup(d->environment),
                                                           .commit = mem_dup(d->commit),
                                                           .outcome = mem_dup(d->outcome),
                                                           .started = d->started,
                                                           .ended = d->ended,
                                                           .estimate_usd = d->estimate_usd,
                                                           .actual_usd = d->actual_usd};
    return 0;
}

static int read_sums(struct report *r, enum ledger_by by, struct report_sums *sums, const struct budget_options *o,
                     struct err *err)
{
    struct taking taking = {r, sums};
    int month = r->source->spending.month;
    const struct ledger_filter filter = {.from = calendar_month_start(month),
                                         .to = r->source->at,
                                         .environment = o->environment,
                                         .project = o->project,
                                         .account = "expense:"};
    return ledger_statement(r->source->ledger, by, &filter, take_sum, &taking, err);
}

static int read_ledger(struct report *r, const struct budget_options *o, struct err *err)
{
    struct taking taking = {r, NULL};
    struct ledger *ledger = r->source->ledger;
    instant_t from = calendar_month_start(r->source->spending.month);
    const struct ledger_filter storms = {
        .from = from, .to = INSTANT_MAX, .environment = o->environment}; /* booked later */
    bool any;
    int code = budget_source_history(r->source, o, BUDGET_HISTORY_DAYS + 1, &r->history, err);
    if (!code)
        code = outlook_read(&r->outlook, r->source, o, err);
    if (!code)
        code = read_sums(r, LEDGER_BY_KIND, &r->by_kind, o, err);
    if (!code)
        code = read_sums(r, LEDGER_BY_ENVIRONMENT, &r->by_environment, o, err);
    if (!code)
        code = ledger_deployments(ledger, o->environment, from, r->source->at, take_deployment, &taking, err);
    if (!code)
        code = budget_source_overrides(r->source, o, &r->overrides, err);
    if (!code)
        code = ledger_storms_read(&r->storms, ledger, &storms, err);
    return code ? code : ledger_last(ledger, &any, &r->known_until, err);
}

static int write_out(const char *path, const struct str *html, struct session *session, struct err *err)
{
    if (html->full)
        return err_set(err, EXIT_FAILED, "the report is larger than %zu bytes", html->max);
    if (strcmp(path, "-") == 0) {
        fwrite(html->text, 1, html->len, session->out);
        return 0;
    }
    return file_replace(path, html->text, html->len, NULL, err);
}

static int say(const struct report *r, const char *path, struct session *session)
{
    if (session->json) {
        cJSON *document = json_document("report");
        char month[INSTANT_TEXT_SIZE];
        json_text(document, "file", path);
        json_text(document, "month", calendar_month_text(r->source->spending.month, month));
        json_i64(document, "deployments", (int64_t)r->deployments.count);
        json_i64(document, "storms", (int64_t)r->storms.count);
        json_i64(document, "overrides", (int64_t)r->overrides.count);
        json_bool(document, "frontier", r->frontier != NULL);
        json_print(document, session->out);
    } else if (strcmp(path, "-") != 0) {
        fprintf(session->out, "Wrote %s.\n", path);
    }
    return 0;
}

/* The frontier of the history, where one was given. */
static int run_frontier(struct report *r, const struct args *args, struct scenario *s, struct frontier *f,
                        struct session *session, struct err *err)
{
    struct policy_list grid = {0};
    const struct limits none = {0};
    if (!args->scenario.repo && !args->scenario.log && !args->scenario.workload)
        return 0;
    int code = scenario_load(s, &args->scenario, session, err);
    if (code)
        return code;
    r->scenario = s;
    frontier_grid(&grid, &s->model);
    code = frontier_run(f, &grid, s, session, err);
    policy_list_release(&grid);
    if (code)
        return code;
    r->frontier = f;
    r->best = frontier_recommend(f, &none);
    return 0;
}

static int make(struct report *r, const struct args *args, struct session *session, struct err *err)
{
    struct scenario scenario;
    struct frontier frontier = {0};
    struct str html;
    const struct budget_source *source = r->source;
    const char *path = args->out ? args->out : "bakehour-report.html";
    struct budget *budgets = mem_zero(source->limits.count, sizeof(*budgets));
    str_init(&html, 0);
    r->budgets = budgets;
    r->budget_count = source->limits.count;
    r->project = args->from.project ? args->from.project : source->config ? source->config->project : "";
    int code =
        budget_judge_limits(budgets, &source->limits, source->ledger, source->at, &source->held.reservations, err);
    if (!code)
        code = read_ledger(r, &args->from, err);
    if (!code)
        code = run_frontier(r, args, &scenario, &frontier, session, err);
    if (!code) {
        report_html(r, &html);
        code = write_out(path, &html, session, err);
    }
    if (!code)
        code = say(r, path, session);
    frontier_release(&frontier);
    if (r->scenario)
        scenario_release(&scenario);
    r->scenario = NULL;
    r->frontier = NULL;
    r->best = NULL;
    r->budgets = NULL;
    free(budgets);
    str_release(&html);
    return code;
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct budget_source source = {0};
    struct report report = {.source = &source};
    if (session->json && args->out && strcmp(args->out, "-") == 0)
        return err_set(err, EXIT_INPUT, "--json and --out - exclude each other: both are stdout");
    int code = budget_source_open(&source, &args->from, false, session, err);
    if (!code)
        code = make(&report, args, session, err);
    report_release(&report);
    budget_source_release(&source);
    return code;
}

const struct command cmd_report = {
    .name = "report",
    .summary = "one self-contained HTML file: cost, budgets, deployments, frontier",
    .about =
        "Writes the month as one HTML file without scripts that asks nothing of the network: what was spent and "
        "where it leads, budgets, cost by kind and environment, deployments with estimate and cost, retry storms "
        "(what was launched in vain, what the cap allowed, what none would have cost), overridden budgets, and with "
        "--repo or --log the frontier of dollars a month against lead time. Readable on a phone, in the "
        "dark, printed and by a screen reader. Pictures need gnuplot; without it the tables stand alone.",
    .example = "bakehour report\n"
               "bakehour report --repo . --out month.html",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
