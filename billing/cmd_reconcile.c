/* cmd_reconcile.c - bakehour reconcile: the ledger, or known usage, held against AWS's cost report. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "billing/bill_files.h"
#include "billing/commands.h"
#include "billing/expected.h"
#include "billing/price_option.h"
#include "billing/reconcile_print.h"

#define TOP_DEFAULT 20
#define TOP_MOST    100000

struct args {
    struct opt_list cur, focus;
    const char *ledger;
    struct bill_sources in;
    struct opt_instant from, to;
    bool by_day;
    int64_t top;
};

static int opt_by(void *field, const char *value, struct err *err)
{
    bool day = strcmp(value, "day") == 0;
    if (!day && strcmp(value, "hour") != 0)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is none of hour, day", value);
    *(bool *)field = day;
    return 0;
}

static const struct opt options[] = {
    {"The report", OPT_HEADING, NULL, NULL, NULL, 0},
    {"cur", OPT_VALUE, "FILE",
     "a Cost and Usage Report, legacy or 2.0: CSV, plain or gzip, or its manifest (repeatable: parts)", price_opt_list,
     offsetof(struct args, cur)},
    {"focus", OPT_VALUE, "FILE", "a FOCUS 1.x export, likewise", price_opt_list, offsetof(struct args, focus)},
    {"What was expected", OPT_HEADING, NULL, NULL, NULL, 0},
    {"ledger", OPT_VALUE, "FILE", "the ledger (default: " LEDGER_FILE ", where there is one)", opt_text,
     offsetof(struct args, ledger)},
    BILL_FILE_OPTIONS(struct args, in),
    BILL_MORE_OPTIONS(struct args, in),
    BILL_REGIME_OPTION(struct args, in),
    {"Comparison", OPT_HEADING, NULL, NULL, NULL, 0},
    {"from", OPT_VALUE, "TIME", "compare from here on (default: the report's billing period)", opt_instant,
     offsetof(struct args, from)},
    {"to", OPT_VALUE, "TIME", "and up to here", opt_instant, offsetof(struct args, to)},
    {"by", OPT_VALUE, "hour|day", "match by hour (default), or by UTC day: for reports by day", opt_by,
     offsetof(struct args, by_day)},
    {"top", OPT_VALUE, "N", "how many differences are listed, largest first (default: 20)", opt_count,
     offsetof(struct args, top)},
    OPT_END,
};

/* Everything that one comparison holds. */
struct work {
    const struct args *args;
    struct session *session;
    struct cost_report *report;
    struct names *resources;
    struct bill_files files;
    struct ledger *ledger;
    struct tally *tally;
    struct reconcile *reconcile;
    struct expected_sums sums;
    instant_t from, to;
    bool compare;
};

static int check_args(const struct args *args, struct err *err)
{
    if (!args->cur.count == !args->focus.count)
        return err_set(err, EXIT_INPUT,
                       args->cur.count ? "--cur and --focus exclude each other"
                                       : "--cur FILE or --focus FILE is needed: AWS's report");
    if (args->in.usage && args->ledger)
        return err_set(err, EXIT_INPUT, "--usage and --ledger exclude each other");
    if (args->from.given && args->to.given && args->from.at >= args->to.at)
        return err_set(err, EXIT_INPUT, "--from must be before --to");
    if (args->top > TOP_MOST)
        return err_set(err, EXIT_INPUT, "--top is at most %d", TOP_MOST);
    return 0;
}

static int open_report(struct work *w, struct err *err)
{
    const struct args *args = w->args;
    const struct opt_list *list = args->cur.count ? &args->cur : &args->focus;
    int code = cost_report_open(&w->report, list->items, list->count, err);
    if (code)
        return code;
    bool focus = cost_report_format(w->report) == COST_FOCUS;
    if (focus != (args->focus.count > 0))
        return err_set(err, EXIT_INPUT, "%s is %s; use %s", list->items[0],
                       cost_format_name(cost_report_format(w->report)), focus ? "--focus" : "--cur");
    return 0;
}

/* The time that is compared: the report's, as far as the options do not say. */
static int find_window(struct work *w, struct err *err)
{
    const struct args *args = w->args;
    bool known = cost_report_period(w->report, &w->from, &w->to);
    if (!known && w->compare && (!args->from.given || !args->to.given))
        return err_set(err, EXIT_INPUT, "the report does not say its billing period; --from and --to are needed");
    w->from = args->from.given ? args->from.at : w->from;
    w->to = args->to.given ? args->to.at : w->to;
    if (w->compare && (w->from < 0 || w->from >= w->to))
        return err_set(err, EXIT_INPUT, "the window is empty, or begins before 1970");
    return 0;
}

/* The ledger's own prices, unless others are given. */
static int use_ledger_prices(struct work *w, struct err *err)
{
    if (w->args->in.catalog)
        return 0;
    catalog_free(w->files.catalog);
    w->files.catalog = NULL;
    return ledger_catalog(w->ledger, &w->files.catalog, err);
}

static int open_expected(struct work *w, struct err *err)
{
    const struct args *args = w->args;
    const char *ledger = args->ledger ? args->ledger : LEDGER_FILE;
    bool from_files = args->in.usage || args->in.resources;
    bool from_ledger = args->ledger || (!from_files && access(ledger, R_OK) == 0);
    w->compare = from_files || from_ledger;
    int code = find_window(w, err);
    if (code || !w->compare)
        return code;
    if (from_ledger)
        code = ledger_open(&w->ledger, ledger, LEDGER_READ, err);
    else
        code = bill_sources_check(&args->in, err);
    if (!code)
        code = bill_files_open(&w->files, &args->in, &w->to, w->session, err);
    return code || !from_ledger ? code : use_ledger_prices(w, err);
}

static int fill_expected(struct work *w, struct err *err)
{
    const struct bill_input bill = bill_files_input(&w->files, &w->args->in);
    const struct expected_input in = {
        .bill = &bill, .resources = w->resources, .from = w->from, .to = w->to, .by_day = w->args->by_day};
    int code = w->ledger ? expected_ledger(&w->files.usage, w->tally, w->ledger, &in, err) : 0;
    return code ? code : expected_bill(w->tally, &in, &w->sums, w->session, err);
}

static bool outside(const struct work *w, const struct cost_line *line)
{
    bool given = w->args->from.given || w->args->to.given;
    return given && (line->start < w->from || line->start >= w->to);
}

static int read_report(struct work *w, struct err *err)
{
    struct cost_line line = {0};
    struct progress progress;
    int64_t count = 0;
    int code = 0;
    int got = 0;
    progress_begin(&progress, w->session, "reading the report", 0);
    while (!code && (got = cost_report_next(w->report, &line, err)) > 0) {
        if (++count % 4096 == 0)
            progress_at(&progress, count);
        if (!outside(w, &line))
            code = reconcile_line(w->reconcile, &line, cost_report_file(w->report), err);
    }
    progress_end(&progress);
    return got < 0 ? EXIT_INPUT : code;
}

static int work(struct work *w, struct err *err)
{
    int code = open_report(w, err);
    code = code ? code : open_expected(w, err);
    if (!code && w->compare)
        code = fill_expected(w, err);
    if (code)
        return code;
    w->reconcile = reconcile_new(w->resources, w->tally, w->args->by_day);
    code = read_report(w, err);
    const struct reconcile_terms terms = {.compare = w->compare,
                                          .expected_fee_usd = w->sums.reserved_fee_usd,
                                          .expected_plan_usd = w->sums.plan_fee_usd,
                                          .top = w->args->top ? (size_t)w->args->top : TOP_DEFAULT};
    return code ? code : reconcile_finish(w->reconcile, &terms, err);
}

static void print(const struct work *w)
{
    const struct reconcile_heading heading = {
        .format = cost_format_name(cost_report_format(w->report)),
        .parts = cost_report_parts(w->report),
        .from = w->from,
        .to = w->to,
        .compare = w->compare,
        .against = w->ledger           ? ledger_path(w->ledger)
                   : w->args->in.usage ? w->args->in.usage
                                       : w->args->in.resources,
    };
    if (w->sums.unpriced_s)
        session_note(w->session,
                     "%lld s of expected time have no price in the catalog: what they cost is put under \"price\"",
                     (long long)w->sums.unpriced_s);
    if (reconcile_nameless(w->reconcile))
        session_note(
            w->session,
            "%lld lines of instance time name no resource: they cannot be matched (let the report have resource "
            "ids)",
            (long long)reconcile_nameless(w->reconcile));
    if (reconcile_late_cells(w->reconcile))
        session_note(w->session,
                     "the report is not closed: %lld expected instance-hours after its last hour are left out",
                     (long long)reconcile_late_cells(w->reconcile));
    if (w->session->json)
        reconcile_print_json(w->reconcile, &heading, w->session->out);
    else
        reconcile_print_text(w->reconcile, &heading, w->session);
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    int code = check_args(args, err);
    if (code)
        return code;
    struct work w = {.args = args, .session = session};
    w.resources = names_new();
    w.tally = tally_new(0);
    code = work(&w, err);
    if (!code)
        print(&w);
    reconcile_free(w.reconcile);
    tally_free(w.tally);
    ledger_close(w.ledger);
    bill_files_release(&w.files);
    names_free(w.resources);
    cost_report_close(w.report);
    return code;
}

const struct command cmd_reconcile = {
    .name = "reconcile",
    .summary = "hold the ledger against AWS's cost report",
    .about =
        "Reads a Cost and Usage Report (legacy or 2.0) or a FOCUS 1.x export, of any size, in one part or many, and "
        "matches it with the ledger (or with usage records) by resource and hour. The difference is explained to the "
        "last unit: usage that one side does not know, price, what reservations paid for, rounding, fees, Savings "
        "Plans, credits, refunds, discounts, tax, and charges that are not the ledger's; the largest first.\n\n"
        "It also shows the report's own figures: unblended and amortised cost by kind of line, utilisation of each "
        "reservation and plan, whether what was used and not used sums to what was paid, and how much instance time "
        "is covered. Without ledger and usage it shows only these.",
    .example = "bakehour reconcile --cur report-Manifest.json\n"
               "bakehour reconcile --cur part-1.csv.gz --cur part-2.csv.gz --usage usage.csv\n"
               "bakehour reconcile --focus focus.csv.gz --ledger .bakehour/ledger.db --json",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
