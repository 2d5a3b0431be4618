/* cmd_bill.c - bakehour bill: usage records priced under prices and reservations. */
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "billing/bill_files.h"
#include "billing/commands.h"
#include "billing/overrides.h"
#include "billing/settled.h"
#include "billing/statement.h"

struct args {
    struct bill_sources in;
    struct opt_instant from, to;
    const char *ledger;
    enum statement_by by;
};

static const struct opt options[] = {
    BILL_FILE_OPTIONS(struct args, in),
    BILL_MORE_OPTIONS(struct args, in),
    {"ledger", OPT_VALUE, "FILE", "the usage that the ledger has booked, in place of --usage and --resources", opt_text,
     offsetof(struct args, ledger)},
    {"by", OPT_VALUE, STATEMENT_BYS, "of a ledger: not the bill, but what is booked, summed up in this way",
     statement_opt_by, offsetof(struct args, by)},
    {"Billing", OPT_HEADING, NULL, NULL, NULL, 0},
    BILL_REGIME_OPTION(struct args, in),
    {"from", OPT_VALUE, "TIME", "bill from here on (default: the first month that the usage touches)", opt_instant,
     offsetof(struct args, from)},
    {"to", OPT_VALUE, "TIME", "and up to here; instances without an end are billed up to it", opt_instant,
     offsetof(struct args, to)},
    OPT_END,
};

static int check_args(const struct args *args, struct err *err)
{
    if (args->by && !args->ledger)
        return err_set(err, EXIT_INPUT, "--by sums up what is booked: --ledger FILE is needed");
    if (args->ledger && (args->in.usage || args->in.resources))
        return err_set(err, EXIT_INPUT, "--ledger and --%s exclude each other", args->in.usage ? "usage" : "resources");
    int code = args->ledger ? 0 : bill_sources_check(&args->in, err);
    if (!code && args->from.given && args->to.given && args->from.at >= args->to.at)
        code = err_set(err, EXIT_INPUT, "--from must be before --to");
    return code;
}

static void reservation_text(const struct bill *bill, const struct bill_line *line, struct str *to)
{
    str_clear(to);
    if (line->reservation_line)
        str_addf(to, "%s:%u#%u", bill->reserved_name, line->reservation_line, line->reservation_number);
    if (line->plan_line)
        str_addf(to, "%s:%u", bill->plans_name, line->plan_line);
}

/* Printable ASCII that JSON takes as it is. */
static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
            return false;
    return true;
}

static void add_member(struct str *to, const char *name, const char *value)
{
    str_addf(to, "%s\"%s\":", to->len > 1 ? "," : "", name);
    if (is_plain(value)) {
        str_add_char(to, '"');
        str_add(to, value);
        str_add_char(to, '"');
        return;
    }
    cJSON *object = cJSON_CreateObject();
    json_text(object, "text", value);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(object, "text"));
    str_add(to, text ? text : "\"\"");
    cJSON_free(text);
    cJSON_Delete(object);
}

/* One line as an object on one line: bills can have a million, so no tree is made of it. */
static void print_json_line(const struct bill *bill, const struct bill_line *line, struct str *where, struct str *to,
                            FILE *out)
{
    char hours[BILL_HOURS_SIZE];
    char cost[MONEY_TEXT_SIZE];
    str_clear(to);
    str_add_char(to, '{');
    add_member(to, "kind", bill_kind_name(line->kind));
    add_member(to, "account", line->account);
    add_member(to, "instance", line->instance);
    add_member(to, "type", line->type);
    add_member(to, "hours", bill_hours_text(line, hours));
    add_member(to, "cost_usd", money_text(line->cost_usd, cost));
    add_member(to, "region", line->region);
    add_member(to, "os", line->os);
    if (line->reservation_line) {
        reservation_text(bill, line, where);
        add_member(to, "zone", line->zone);
        add_member(to, "reservation", where->text);
        add_member(to, "units", bill_units_text(line, hours));
        add_member(to, "effective_usd", money_text(line->effective_usd, cost));
    }
    if (line->plan_line) {
        reservation_text(bill, line, where);
        add_member(to, "plan", where->text);
    }
    str_add_char(to, '}');
    fwrite(to->text, 1, to->len, out);
}

/* A member of the document, printed as `"name": value`. */
static void print_member(const char *name, cJSON *value, const char *behind, FILE *out)
{
    char *text = cJSON_PrintUnformatted(value);
    fprintf(out, "  \"%s\": %s%s\n", name, text ? text : "", behind);
    cJSON_free(text);
    cJSON_Delete(value);
}

static cJSON *by_kind_json(const struct bill *bill)
{
    char cost[MONEY_TEXT_SIZE];
    cJSON *object = cJSON_CreateObject();
    for (int k = 0; k < BILL_KINDS; k++)
        json_text(object, bill_kind_name((enum bill_kind)k), money_text(bill->by_kind_usd[k], cost));
    return object;
}

static cJSON *notes_json(const struct bill *bill, bool sample)
{
    cJSON *array = cJSON_CreateArray();
    const char *note;
    for (int i = 0; (note = bill_note(sample, bill->has_pool, i)); i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(note));
    return array;
}

static bool same_price(const cJSON *seen, const struct bill_line *l)
{
    return strcmp(cJSON_GetObjectItem(seen, "type")->valuestring, l->type) == 0 &&
           strcmp(cJSON_GetObjectItem(seen, "region")->valuestring, l->region) == 0 &&
           strcmp(cJSON_GetObjectItem(seen, "os")->valuestring, l->os) == 0;
}

static cJSON *plans_json(const struct bill *bill)
{
    char text[MONEY_TEXT_SIZE];
    cJSON *array = cJSON_CreateArray();
    struct str where;
    str_init(&where, 0);
    for (size_t i = 0; i < bill->plan_count; i++) {
        const struct bill_plan *p = &bill->plans[i];
        cJSON *object = json_object(array, NULL);
        str_clear(&where);
        str_addf(&where, "%s:%u", bill->plans_name, p->plan->line);
        json_text(object, "plan", where.text);
        json_text(object, "committed_usd", money_text(p->committed_usd, text));
        json_text(object, "used_usd", money_text(p->used_usd, text));
        json_text(object, "unused_usd", money_text(p->unused_usd, text));
    }
    str_release(&where);
    return array;
}

/* Each type, region and OS that has on-demand or reserved hours, in the order of the lines. */
static cJSON *blended_json(const struct bill *bill)
{
    char text[MONEY_TEXT_SIZE];
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_line *l = &bill->lines[i];
        bool first = l->kind == BILL_ON_DEMAND || l->kind == BILL_RESERVED;
        const cJSON *seen;
        cJSON_ArrayForEach(seen, array) first = first && !same_price(seen, l);
        if (!first)
            continue;
        cJSON *object = json_object(array, NULL);
        json_text(object, "type", l->type);
        json_text(object, "region", l->region);
        json_text(object, "os", l->os);
        json_text(object, "usd_per_hour", money_text(bill_blended_usd(bill, l->type, l->region, l->os), text));
    }
    return array;
}

/* overrides NULL: not of a ledger. */
static void print_json(const struct bill *bill, bool sample, const struct budget_overrides *overrides, FILE *out)
{
    char text[MONEY_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    cJSON *head = json_document("bill");
    fputs("{\n", out);
    print_member("schema", cJSON_DetachItemFromObject(head, "schema"), ",", out);
    cJSON_Delete(head);
    print_member("from", bill->from < bill->to ? cJSON_CreateString(calendar_text(bill->from, at)) : cJSON_CreateNull(),
                 ",", out);
    print_member("to", bill->from < bill->to ? cJSON_CreateString(calendar_text(bill->to, at)) : cJSON_CreateNull(),
                 ",", out);
    print_member("total_usd", cJSON_CreateString(money_text(bill->total_usd, text)), ",", out);
    print_member("by_kind", by_kind_json(bill), ",", out);
    print_member("notes", notes_json(bill, sample), ",", out);
    if (overrides)
        print_member("overrides", budget_overrides_array(overrides), ",", out);
    if (bill->reserved_name)
        print_member("blended", blended_json(bill), ",", out);
    if (bill->plan_count)
        print_member("plans", plans_json(bill), ",", out);
    fputs("  \"lines\": [", out);
    struct str where;
    struct str line;
    str_init(&where, 0);
    str_init(&line, 0);
    for (size_t i = 0; i < bill->count; i++) {
        fputs(i ? ",\n    " : "\n    ", out);
        print_json_line(bill, &bill->lines[i], &where, &line, out);
    }
    str_release(&where);
    str_release(&line);
    fputs(bill->count ? "\n  ]\n}\n" : "]\n}\n", out);
}

static bool has_accounts(const struct bill *bill)
{
    for (size_t i = 0; i < bill->count; i++)
        if (*bill->lines[i].account)
            return true;
    return false;
}

static void print_table(const struct bill *bill, const struct session *session)
{
    bool accounts = session->csv || has_accounts(bill);
    bool reservations = session->csv || bill->reserved_name || bill->plans_name;
    char hours[BILL_HOURS_SIZE];
    char cost[MONEY_TEXT_SIZE];
    struct str where;
    str_init(&where, 0);
    struct table *t = table_new();
    table_column(t, "Kind", "kind", ALIGN_LEFT);
    if (accounts)
        table_column(t, "Account", "account", ALIGN_LEFT);
    table_column(t, "Instance", "instance", ALIGN_LEFT);
    table_column(t, "Type", "type", ALIGN_LEFT);
    table_column(t, "Hours", "hours", ALIGN_RIGHT);
    table_column(t, "USD", "cost_usd", ALIGN_RIGHT);
    table_optional_column(t, "Region", "region", ALIGN_LEFT);
    table_optional_column(t, "OS", "os", ALIGN_LEFT);
    if (reservations)
        table_optional_column(t, "Reservation", "reservation", ALIGN_LEFT);
    for (size_t i = 0; i < bill->count; i++) {
        const struct bill_line *line = &bill->lines[i];
        table_cell(t, "%s", bill_kind_name(line->kind));
        if (accounts)
            table_cell(t, "%s", line->account);
        table_cell(t, "%s", line->instance);
        table_cell(t, "%s", line->type);
        table_cell(t, "%s", bill_hours_text(line, hours));
        table_cell(t, "%s", money_text(line->cost_usd, cost));
        table_cell(t, "%s", line->region);
        table_cell(t, "%s", line->os);
        reservation_text(bill, line, &where);
        if (reservations)
            table_cell(t, "%s", where.text);
    }
    table_print(t, session);
    table_free(t);
    str_release(&where);
}

static void print_totals(const struct bill *bill, const struct session *session)
{
    char cost[MONEY_TEXT_SIZE];
    struct session plain = *session;
    struct table *t = table_new();
    table_column(t, "Total", "total", ALIGN_LEFT);
    table_column(t, "USD", "usd", ALIGN_RIGHT);
    for (int k = 0; k < BILL_KINDS; k++) {
        if (!bill->by_kind_usd[k])
            continue;
        table_cell(t, "%s", bill_kind_name((enum bill_kind)k));
        table_cell(t, "%s", money_text(bill->by_kind_usd[k], cost));
    }
    table_cell(t, "all");
    table_cell(t, "%s", money_text(bill->total_usd, cost));
    table_row_bold(t);
    table_print(t, &plain);
    table_free(t);
}

static void print_text(const struct bill *bill, bool sample, const struct budget_overrides *overrides,
                       const struct session *session)
{
    char from[INSTANT_TEXT_SIZE];
    char to[INSTANT_TEXT_SIZE];
    if (bill->from < bill->to)
        fprintf(session->out, "Bill from %s to %s\n\n", calendar_text(bill->from, from), calendar_text(bill->to, to));
    if (bill->count) {
        print_table(bill, session);
        fputc('\n', session->out);
    } else {
        fputs("No usage and no fees in this time.\n\n", session->out);
    }
    print_totals(bill, session);
    const char *note;
    for (int i = 0; (note = bill_note(sample, bill->has_pool, i)); i++)
        page_say(session, 0, "%s%s", i ? "" : "\n", note);
    budget_overrides_print(overrides, session);
}

static int open_ledger_files(struct bill_files *files, const struct args *args, struct ledger *ledger,
                             const struct session *session, struct err *err)
{
    const instant_t until = args->to.given ? args->to.at : session->now_s;
    int code = bill_files_open_held(files, &args->in, session, err);
    return code ? code
                : ledger_bill_open(files, ledger, args->from.given ? args->from.at - SECONDS_PER_DAY * 31 : INSTANT_MIN,
                                   args->to.given ? args->to.at : INSTANT_MAX, &until, err);
}

/* What is booked; as the bills of its months have it, where the options say what pays. */
static int print_statement(const struct args *args, struct ledger *ledger, struct bill_files *held,
                           const struct session *session, struct err *err)
{
    const instant_t at = session->now_s;
    struct str note;
    str_init(&note, 0);
    int code = settled_by(&args->in) ? bill_files_open_held(held, &args->in, session, err) : 0;
    if (!code && settled_by(&args->in))
        code = settled_view(ledger, held, &args->in, args->from.given ? args->from.at : INSTANT_MIN, at, session, err);
    else if (!code)
        code = settled_note(ledger, &note, err);
    if (!code && note.len)
        session_note(session, "%s\n", note.text);
    str_release(&note);
    return code ? code : statement_print(ledger, args->by, args->from, args->to, session, err);
}

static int run(struct session *session, void *data, struct err *err)
{
    const struct args *args = data;
    struct bill_files files = {0};
    struct bill bill = {0};
    struct budget_overrides overrides = {0};
    struct ledger *ledger = NULL;
    const struct ledger_filter all = {.from = args->from.given ? args->from.at : INSTANT_MIN,
                                      .to = args->to.given ? args->to.at - 1 : INSTANT_MAX};
    bool sample = !args->in.catalog && !args->ledger;
    int code = check_args(args, err);
    if (!code && args->ledger)
        code = ledger_open(&ledger, args->ledger, LEDGER_READ, err);
    if (!code && args->by) {
        code = print_statement(args, ledger, &files, session, err);
        ledger_close(ledger);
        bill_files_release(&files);
        return code;
    }
    if (!code && ledger)
        code = open_ledger_files(&files, args, ledger, session, err);
    else if (!code)
        code = bill_files_open(&files, &args->in, args->to.given ? &args->to.at : NULL, session, err);
    if (!code) {
        struct bill_input in = bill_files_input(&files, &args->in);
        in.resources = files.resources.count ? &files.resources : NULL;
        in.from = args->from;
        in.to = args->to;
        code = bill_make(&bill, &in, session, err);
    }
    if (!code && ledger)
        code = budget_overrides_read(&overrides, ledger, &all, err);
    if (!code && session->json)
        print_json(&bill, sample, ledger ? &overrides : NULL, session->out);
    else if (!code && session->csv)
        print_table(&bill, session);
    else if (!code)
        print_text(&bill, sample, &overrides, session);
    bill_release(&bill);
    budget_overrides_release(&overrides);
    bill_files_release(&files);
    ledger_close(ledger);
    return code;
}

const struct command cmd_bill = {
    .name = "bill",
    .summary = "price usage records under prices and reservations",
    .about =
        "Reads running periods and prints what EC2 charges for them: one on-demand line for each running instance, one "
        "reserved line for each instance that a reservation paid for, and for each reservation its fee and the hours "
        "that nobody used. Every amount is exact, with ten decimals, rounded once.\n\n"
        "Every bad row is reported as FILE:LINE:COLUMN; then nothing is billed and the exit code is 2.",
    .example = "bakehour bill --usage usage.csv --reserved reserved.csv\n"
               "bakehour bill --usage usage.csv --from 2015-08-01 --to 2015-09-01 --json",
    .options = options,
    .args_size = sizeof(struct args),
    .run = run,
};
