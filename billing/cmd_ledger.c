/* cmd_ledger.c - bakehour ledger check, import and adjust: looking after the file that costs are booked in. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/str.h"
#include "billing/bill_files.h"
#include "billing/commands.h"
#include "billing/ledger.h"
#include "billing/resources.h"
#include "billing/rows.h"

#define LEDGER_OPTION(type)                                                                                            \
    {                                                                                                                  \
        "ledger", OPT_VALUE, "FILE", "the ledger: a file, or dynamodb:TABLE (default: " LEDGER_FILE ")", opt_text,     \
            offsetof(type, ledger)                                                                                     \
    }
#define SCOPE_OPTIONS(type)                                                                                            \
    {"deployment", OPT_VALUE, "ID", "the deployment that pays", opt_text, offsetof(type, deployment)},                 \
        {"environment", OPT_VALUE, "NAME", "the environment that pays", opt_text, offsetof(type, environment)},        \
    {                                                                                                                  \
        "project", OPT_VALUE, "NAME", "the project that pays", opt_text, offsetof(type, project)                       \
    }

static const char *text_or(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

/* ---- ledger check ---- */

struct check_args {
    const char *ledger;
};

static const struct opt check_options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    LEDGER_OPTION(struct check_args),
    OPT_END,
};

static int run_check(struct session *session, void *data, struct err *err)
{
    const struct check_args *args = data;
    struct ledger *ledger = NULL;
    struct diag diag = {.out = session->err, .most = 50};
    char at[INSTANT_TEXT_SIZE];
    bool any = false;
    instant_t last = 0;
    int code = ledger_open(&ledger, text_or(args->ledger, LEDGER_FILE), LEDGER_READ, err);
    if (!code)
        code = ledger_check(ledger, &diag, err);
    diag_close(&diag);
    if (!code)
        code = ledger_last(ledger, &any, &last, err);
    if (!code && session->json) {
        cJSON *document = json_document("ledger-check");
        json_text(document, "ledger", ledger_path(ledger));
        json_bool(document, "sound", true);
        json_text(document, "known_until", any ? calendar_text(last, at) : NULL);
        json_print(document, session->out);
    } else if (!code) {
        fprintf(session->out, "%s is sound: entries balance, totals and charges are what they were booked as.\n",
                ledger_path(ledger));
        if (any)
            fprintf(session->out, "What it knows ends at %s.\n", calendar_text(last, at));
    }
    ledger_close(ledger);
    return code;
}

const struct command cmd_ledger_check = {
    .name = "ledger check",
    .summary = "whether the ledger holds what it promises",
    .about = "Looks at the file (SQLite's own check first), at every entry (its postings sum to zero), at every day's "
             "total, and charges every use again from the ledger's own prices. Each fault is one line on stderr; then "
             "the exit code is 1.",
    .example = "bakehour ledger check",
    .options = check_options,
    .args_size = sizeof(struct check_args),
    .run = run_check,
};

/* ---- ledger import ---- */

struct import_args {
    const char *ledger, *usage, *resources, *catalog, *deployment, *environment, *project;
    enum regime_choice regime;
    struct opt_instant until;
};

static const struct opt import_options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    LEDGER_OPTION(struct import_args),
    {"Input", OPT_HEADING, NULL, NULL, NULL, 0},
    {"usage", OPT_VALUE, "FILE", "running periods, CSV as 'bill' reads it", opt_text,
     offsetof(struct import_args, usage)},
    {"resources", OPT_VALUE, "FILE",
     "storage, addresses and what else is no instance, CSV: account, resource, kind, quantity, unit, region, start, "
     "end, usd",
     opt_text, offsetof(struct import_args, resources)},
    {"catalog", OPT_VALUE, "FILE",
     "on-demand prices: CSV type,region,os,effective,usd_per_hour, an AWS price list, or a catalog of `prices import`",
     opt_text, offsetof(struct import_args, catalog)},
    {"until", OPT_VALUE, "TIME", "rows without an end still run at this time", opt_instant,
     offsetof(struct import_args, until)},
    {"regime", OPT_VALUE, "auto|hourly|second", "how time is metered; auto: by operating system and date",
     bill_opt_regime, offsetof(struct import_args, regime)},
    {"Whose", OPT_HEADING, NULL, NULL, NULL, 0},
    SCOPE_OPTIONS(struct import_args),
    OPT_END,
};

struct tally {
    size_t booked, changed, known;
};

static void count(struct tally *tally, enum ledger_booked booked)
{
    tally->booked += booked == LEDGER_NEW;
    tally->changed += booked == LEDGER_CHANGED;
    tally->known += booked == LEDGER_UNCHANGED;
}

/* What a row is known by for good: a period of an instance by its start. */
static void make_key(struct str *key, const char *kind, const char *account, const char *resource, instant_t start)
{
    char at[INSTANT_TEXT_SIZE];
    str_clear(key);
    str_addf(key, "%s:%s:%s@%s", kind, account, resource, calendar_text(start, at));
}

/* What is read and where it goes. */
struct import {
    const struct import_args *args;
    struct names *names;
    struct usage usage;
    struct resources resources;
    struct catalog *catalog;
    struct ledger *ledger;
    struct ledger_scope scope;
    struct tally tally;
    struct str key;
    instant_t now;
};

static bool still_runs(const struct import *in, instant_t end)
{
    return in->args->until.given && end == in->args->until.at;
}

static int book_usage(struct import *in, const struct usage_row *row, struct err *err)
{
    const struct names *n = in->names;
    enum ledger_booked booked = LEDGER_UNCHANGED;
    make_key(&in->key, "instance", names_text(n, row->account), names_text(n, row->instance), row->start);
    const struct ledger_usage usage = {.key = in->key.text,
                                       .kind = "instance",
                                       .resource = names_text(n, row->instance),
                                       .account = names_text(n, row->account),
                                       .type = names_text(n, row->type),
                                       .region = names_text(n, row->region),
                                       .zone = names_text(n, row->zone),
                                       .os = names_text(n, row->os),
                                       .start = row->start,
                                       .end = row->end,
                                       .open = still_runs(in, row->end),
                                       .usd = -1,
                                       .regime = in->args->regime};
    int code = ledger_record(in->ledger, &usage, &in->scope, in->catalog, in->now, &booked, err);
    count(&in->tally, booked);
    return code;
}

static int book_resource(struct import *in, const struct resource_row *row, struct err *err)
{
    const struct names *n = in->names;
    enum ledger_booked booked = LEDGER_UNCHANGED;
    make_key(&in->key, names_text(n, row->kind), names_text(n, row->account), names_text(n, row->resource), row->start);
    const struct ledger_usage usage = {.key = in->key.text,
                                       .kind = names_text(n, row->kind),
                                       .resource = names_text(n, row->resource),
                                       .account = names_text(n, row->account),
                                       .type = "",
                                       .region = names_text(n, row->region),
                                       .zone = "",
                                       .os = "linux",
                                       .quantity = row->quantity,
                                       .start = row->start,
                                       .end = row->end,
                                       .open = still_runs(in, row->end),
                                       .usd = row->usd};
    int code = ledger_record(in->ledger, &usage, &in->scope, in->catalog, in->now, &booked, err);
    count(&in->tally, booked);
    return code;
}

static int read_files(struct import *in, const struct session *session, struct err *err)
{
    const struct import_args *args = in->args;
    const instant_t *until = args->until.given ? &args->until.at : NULL;
    int code = 0;
    if (args->usage)
        code = usage_open(&in->usage, in->names, args->usage, until, session, err);
    if (!code && args->resources)
        code = resources_open(&in->resources, in->names, args->resources, until, session, err);
    if (!code)
        code = args->catalog ? catalog_open(&in->catalog, args->catalog, session, err)
                             : catalog_builtin(&in->catalog, err);
    return code;
}

static int book_all(struct ledger *ledger, void *context, struct err *err)
{
    struct import *in = context;
    int code = 0;
    (void)ledger;
    memset(&in->tally, 0, sizeof(in->tally)); /* from the start, where another runner booked first */
    for (size_t i = 0; i < in->usage.count && !code; i++)
        code = book_usage(in, &in->usage.rows[i], err);
    for (size_t i = 0; i < in->resources.count && !code; i++)
        code = book_resource(in, &in->resources.rows[i], err);
    return code;
}

static int print_tally(struct import *in, struct session *session, struct err *err)
{
    size_t unpriced = 0;
    char *first = NULL;
    int code = ledger_unpriced(in->ledger, &unpriced, &first, err);
    if (!code && session->json) {
        cJSON *document = json_document("ledger-import");
        json_i64(document, "booked", (int64_t)in->tally.booked);
        json_i64(document, "changed", (int64_t)in->tally.changed);
        json_i64(document, "known", (int64_t)in->tally.known);
        json_i64(document, "unpriced", (int64_t)unpriced);
        json_print(document, session->out);
    } else if (!code) {
        fprintf(session->out, "%zu booked, %zu changed, %zu known already.\n", in->tally.booked, in->tally.changed,
                in->tally.known);
        if (unpriced)
            fprintf(session->out, "%zu without a price (%s): --catalog can name it; import again then.\n", unpriced,
                    first);
    }
    free(first);
    return code;
}

static void release(struct import *in)
{
    usage_release(&in->usage);
    resources_release(&in->resources);
    catalog_free(in->catalog);
    names_free(in->names);
    ledger_close(in->ledger);
    str_release(&in->key);
}

static int run_import(struct session *session, void *data, struct err *err)
{
    const struct import_args *args = data;
    struct import in = {
        .args = args,
        .now = session->now_s,
        .scope = {text_or(args->deployment, ""), text_or(args->environment, ""), text_or(args->project, "")}};
    if (!args->usage && !args->resources)
        return err_set(err, EXIT_INPUT, "there is nothing to import: --usage FILE or --resources FILE");
    in.names = names_new();
    str_init(&in.key, 0);
    int code = read_files(&in, session, err);
    if (!code)
        code = ledger_open(&in.ledger, text_or(args->ledger, LEDGER_FILE), LEDGER_WRITE, err);
    if (!code)
        code = ledger_together(in.ledger, book_all, &in, in.now, err);
    if (!code)
        code = print_tally(&in, session, err);
    release(&in);
    return code;
}

const struct command cmd_ledger_import = {
    .name = "ledger import",
    .summary = "book usage from files",
    .about =
        "Reads running periods and other resources and books what they cost, priced as of their date, in double "
        "entry. A row is known by its account, resource and start: reading a file again books nothing; a later end "
        "books the difference. All rows are booked, or none.\n\n"
        "The scope says who pays: a deployment, an environment, a project.",
    .example = "bakehour ledger import --usage usage.csv --environment production \\\n"
               "    --project shop\n"
               "bakehour ledger import --resources storage.csv",
    .options = import_options,
    .args_size = sizeof(struct import_args),
    .run = run_import,
};

/* ---- ledger adjust ---- */

struct adjust_args {
    const char *ledger, *key, *reason, *account, *deployment, *environment, *project;
    money_t usd;
    struct opt_instant at;
};

/* Signed, and remembered as given: a correction may be below zero. */
static int set_signed_usd(void *field, const char *value, struct err *err)
{
    if (money_parse(value, field) || *(money_t *)field > MONEY_INPUT_MAX || *(money_t *)field < -MONEY_INPUT_MAX)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no amount in USD such as -12.50", value);
    return 0;
}

static const struct opt adjust_options[] = {
    {"Ledger", OPT_HEADING, NULL, NULL, NULL, 0},
    LEDGER_OPTION(struct adjust_args),
    {"Entry", OPT_HEADING, NULL, NULL, NULL, 0},
    {"usd", OPT_VALUE, "X", "what it adds to the cost (--usd=-X: takes from it)", set_signed_usd,
     offsetof(struct adjust_args, usd)},
    {"reason", OPT_VALUE, "TEXT", "why; it stands in the entry for good", opt_text,
     offsetof(struct adjust_args, reason)},
    {"key", OPT_VALUE, "KEY", "names the correction, so that it is booked once (default: its reason and time)",
     opt_text, offsetof(struct adjust_args, key)},
    {"account", OPT_VALUE, "NAME", "what it is for (default: expense:adjustment), such as expense:tax", opt_text,
     offsetof(struct adjust_args, account)},
    {"at", OPT_VALUE, "TIME", "the time it belongs to (default: now)", opt_instant, offsetof(struct adjust_args, at)},
    SCOPE_OPTIONS(struct adjust_args),
    OPT_END,
};

static int run_adjust(struct session *session, void *data, struct err *err)
{
    const struct adjust_args *args = data;
    struct ledger *ledger = NULL;
    instant_t at = args->at.given ? args->at.at : session->now_s;
    const struct ledger_scope scope = {text_or(args->deployment, ""), text_or(args->environment, ""),
                                       text_or(args->project, "")};
    char text[INSTANT_TEXT_SIZE];
    bool booked = false;
    if (!args->usd || !args->reason)
        return err_set(err, EXIT_INPUT, "--usd X and --reason TEXT are needed");
    struct str key;
    str_init(&key, 0);
    if (args->key)
        str_addf(&key, "adjustment:%s", args->key);
    else
        str_addf(&key, "adjustment:%s@%s", args->reason, calendar_text(at, text));
    int code = ledger_open(&ledger, text_or(args->ledger, LEDGER_FILE), LEDGER_READ, err);
    if (!code)
        code = ledger_adjust(ledger, key.text, &scope, text_or(args->account, "expense:adjustment"), at, args->usd,
                             args->reason, session->now_s, &booked, err);
    if (!code && session->json) {
        cJSON *document = json_document("ledger-adjust");
        json_text(document, "key", key.text);
        json_bool(document, "booked", booked);
        json_print(document, session->out);
    } else if (!code) {
        fprintf(session->out, booked ? "Booked.\n" : "Known already: nothing was booked.\n");
    }
    ledger_close(ledger);
    str_release(&key);
    return code;
}

const struct command cmd_ledger_adjust = {
    .name = "ledger adjust",
    .summary = "book a correction: a credit, a refund, tax",
    .about = "Adds an entry; nothing on the ledger is ever edited. The same correction (by its key) is booked once.",
    .example = "bakehour ledger adjust --usd=-12.50 --reason 'credit of July' --at 2026-07-31",
    .options = adjust_options,
    .args_size = sizeof(struct adjust_args),
    .run = run_adjust,
};
