#include "billing/budget_format.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "billing/bill_files.h"
#include "billing/budget_escape.h"
#include "billing/budget_format_private.h"

#define FINGERPRINT_SIZE 65

static const struct rule {
    const char *id, *about;
} rules[] = {
    {"budget-usd-over", "The month's cost has reached its limit"},
    {"budget-usd-forecast-over", "The month's cost will reach its limit at the present rate"},
    {"budget-hours-over", "The hours drawn from pools have reached their limit"},
    {"budget-hours-forecast-over", "The hours drawn from pools will reach their limit at the present rate"},
};
#define RULE_COUNT (sizeof(rules) / sizeof(rules[0]))

int budget_opt_format(void *field, const char *value, struct err *err)
{
    static const char *const names[] = {"text", "json", "github", "gitlab", "junit", "sarif", "markdown"};
    for (int i = 0; i < 7; i++)
        if (strcmp(value, names[i]) == 0) {
            *(enum budget_format *)field = (enum budget_format)(FORMAT_TEXT + i);
            return 0;
        }
    return err_set(err, EXIT_INPUT, "\"%.60s\" is none of text, json, github, gitlab, junit, sarif, markdown", value);
}

/* Of a budget that is over, now or by forecast. */
static size_t rule_of(const struct budget *b)
{
    return (b->unit == BUDGET_USD ? 0U : 2U) + (b->state == BUDGET_OVER ? 0U : 1U);
}

const char *budget_state_text(const struct budget *b)
{
    return b->state == BUDGET_OVER ? "over" : b->state == BUDGET_FORECAST_OVER ? "over by forecast" : "ok";
}

const char *budget_percent_text(int64_t hundredths, char to[PERCENT_SIZE])
{
    if (hundredths < 0)
        str_fit(to, PERCENT_SIZE, "many %%");
    else if (hundredths % 100)
        str_fit(to, PERCENT_SIZE, "%lld.%02d %%", (long long)(hundredths / 100), (int)(hundredths % 100));
    else
        str_fit(to, PERCENT_SIZE, "%lld %%", (long long)(hundredths / 100));
    return to;
}

static const char *fingerprint_of(const struct budget *b, char to[FINGERPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s\n%s", b->name, rules[rule_of(b)].id);
    if (!EVP_Digest(text.text, text.len, digest, &len, EVP_sha256(), NULL) || len != 32)
        mem_die(0); /* of a digest that is always there, only memory can be missing */
    for (size_t i = 0; i < len; i++)
        str_fit(to + 2 * i, 3, "%02x", digest[i]);
    str_release(&text);
    return to;
}

/* "month: over: 600.00 of 500.00 USD (120 %) by 2018-08-16T00:00:00Z; forecast for 2018-08: 1240.00 (248 %)" */
static void add_message(const struct budget_report *report, const struct budget *b, struct str *to)
{
    char amount[BUDGET_AMOUNT_SIZE];
    char limit[BUDGET_AMOUNT_SIZE];
    char percent[PERCENT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    str_addf(to, "%s: %s: %s of %s %s (%s) by %s", b->name, budget_state_text(b),
             budget_amount(b->unit, b->actual, false, amount), budget_amount(b->unit, b->limit, false, limit),
             budget_unit_name(b->unit, report->spending->has_pool), budget_percent_text(b->actual_percent, percent),
             calendar_text(report->spending->at, at));
    str_addf(to, "; forecast for %s: %s (%s)", calendar_month_text(report->spending->month, at),
             budget_amount(b->unit, b->forecast, false, amount), budget_percent_text(b->forecast_percent, percent));
}

static void print_table(const struct budget_report *report, const struct session *session)
{
    char text[BUDGET_AMOUNT_SIZE];
    char percent[PERCENT_SIZE];
    bool exactly = session->csv;
    struct table *t = table_new();
    table_column(t, "Budget", "name", ALIGN_LEFT);
    table_column(t, "Unit", "unit", ALIGN_LEFT);
    table_column(t, "Limit", "limit", ALIGN_RIGHT);
    table_column(t, "Spent", "actual", ALIGN_RIGHT);
    table_column(t, "Of limit", "actual_percent", ALIGN_RIGHT);
    table_column(t, "Forecast", "forecast", ALIGN_RIGHT);
    table_column(t, "Of limit", "forecast_percent", ALIGN_RIGHT);
    table_column(t, "State", "state", ALIGN_LEFT);
    for (size_t i = 0; i < report->count; i++) {
        const struct budget *b = &report->budgets[i];
        int cut = exactly ? 2 : 0; /* " %" is for people */
        table_cell(t, "%s", b->name);
        table_cell(t, "%s",
                   exactly && b->unit == BUDGET_HOURS ? "hours"
                                                      : budget_unit_name(b->unit, report->spending->has_pool));
        table_cell(t, "%s", budget_amount(b->unit, b->limit, exactly, text));
        table_cell(t, "%s", budget_amount(b->unit, b->actual, exactly, text));
        budget_percent_text(b->actual_percent, percent);
        table_cell(t, "%.*s", (int)strlen(percent) - cut, percent);
        table_cell(t, "%s", budget_amount(b->unit, b->forecast, exactly, text));
        budget_percent_text(b->forecast_percent, percent);
        table_cell(t, "%.*s", (int)strlen(percent) - cut, percent);
        table_cell(t, "%s", exactly ? budget_state_name(b->state) : budget_state_text(b));
        if (b->state != BUDGET_OK)
            table_row_bold(t);
    }
    table_print(t, session);
    table_free(t);
}

void budget_sparkline(const struct budget_history *history, struct str *to)
{
    static const char *const steps[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    money_t most = 1;
    for (size_t i = 0; i < history->count; i++)
        most = history->usd[i] > most ? history->usd[i] : most;
    for (size_t i = 0; i < history->count; i++) {
        money_t usd = history->usd[i] > 0 ? history->usd[i] : 0;
        str_add(to, steps[(size_t)((int128)usd * 7 / most)]);
    }
}

/* "2026-10-27 ▁▂█ 2026-11-25, most 12.34 USD a day" */
void budget_add_history(const struct budget_history *h, struct str *to)
{
    char text[MONEY_TEXT_SIZE];
    char date[INSTANT_TEXT_SIZE];
    money_t most = 0;
    for (size_t i = 0; i < h->count; i++)
        most = h->usd[i] > most ? h->usd[i] : most;
    str_addf(to, "%s ", calendar_date_text(h->first_day * SECONDS_PER_DAY, date));
    budget_sparkline(h, to);
    str_addf(to, " %s, at most %s USD a day",
             calendar_date_text((h->first_day + (int64_t)h->count - 1) * SECONDS_PER_DAY, date),
             money_short(most, text));
}

static void print_history(const struct budget_report *report, FILE *out)
{
    struct str line;
    if (!report->history)
        return;
    str_init(&line, 0);
    budget_add_history(report->history, &line);
    fprintf(out, "\n%s\n", line.text);
    str_release(&line);
}

static void print_text(const struct budget_report *report, const struct session *session)
{
    char month[INSTANT_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    const struct spending *s = report->spending;
    const char *note;
    fprintf(session->out, "Month %s up to %s\n\n", calendar_month_text(s->month, month), calendar_text(s->at, at));
    print_table(report, session);
    print_history(report, session->out);
    if (report->overrides)
        budget_overrides_print(report->overrides, session);
    for (int i = 0; (note = bill_note(report->sample, s->has_pool, i)); i++)
        page_say(session, 0, "%s%s", i ? "" : "\n", note);
}

static void print_json(const struct budget_report *report, FILE *out)
{
    char text[BUDGET_AMOUNT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    const char *note;
    const struct spending *s = report->spending;
    cJSON *document = json_document("budget");
    json_text(document, "month", calendar_month_text(s->month, at));
    json_text(document, "at", calendar_text(s->at, at));
    cJSON *list = json_array(document, "budgets");
    for (size_t i = 0; i < report->count; i++) {
        const struct budget *b = &report->budgets[i];
        bool usd = b->unit == BUDGET_USD;
        cJSON *object = json_object(list, NULL);
        json_text(object, "name", b->name);
        if (b->environment)
            json_text(object, "environment", b->environment);
        if (b->project)
            json_text(object, "project", b->project);
        json_text(object, usd ? "limit_usd" : "limit_hours", budget_amount(b->unit, b->limit, true, text));
        json_text(object, usd ? "actual_usd" : "actual_hours", budget_amount(b->unit, b->actual, true, text));
        json_text(object, usd ? "forecast_usd" : "forecast_hours", budget_amount(b->unit, b->forecast, true, text));
        json_text(object, "state", budget_state_name(b->state));
    }
    if (report->history) {
        list = json_array(document, "history");
        for (size_t i = 0; i < report->history->count; i++) {
            cJSON *day = json_object(list, NULL);
            json_text(day, "day", calendar_date_text((report->history->first_day + (int64_t)i) * SECONDS_PER_DAY, at));
            json_text(day, "usd", money_text(report->history->usd[i], text));
        }
    }
    if (report->overrides)
        budget_overrides_json(report->overrides, document);
    list = json_array(document, "notes");
    for (int i = 0; (note = bill_note(report->sample, s->has_pool, i)); i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(note));
    json_print(document, out);
}

#define GITHUB_MOST 10 /* annotations of one level in a step; GitHub drops the rest without a word */

static void add_annotation(const struct budget_report *report, const struct budget *b, struct str *to)
{
    static const char *const levels[] = {"notice", "warning", "error"};
    struct str message;
    str_init(&message, 0);
    add_message(report, b, &message);
    str_addf(to, "::%s title=Budget ", levels[b->state]);
    escape_github(to, b->name, true);
    str_addf(to, " is %s::", budget_state_text(b));
    escape_github(to, message.text, false);
    str_add_char(to, '\n');
    str_release(&message);
}

/* How many went on over a hard budget, and the last one's reason. */
static void add_override(const struct budget_overrides *list, struct str *to)
{
    const struct budget_override *last = &list->items[list->count - 1];
    str_addf(to, "::notice title=Budgets overridden::%zu %s on over a hard budget this month; the last%s", list->count,
             list->count == 1 ? "deployment went" : "deployments went", *last->deployment ? ", " : "");
    escape_github(to, last->deployment, false);
    str_add(to, ": ");
    escape_github(to, last->reason, false);
    str_add_char(to, '\n');
}

static void print_github(const struct budget_report *report, FILE *out)
{
    static const char *const tenth[] = {
        "::notice title=Budgets::%zu more budgets are ok; the summary has them\n",
        "::warning title=Budgets::%zu more are over by forecast; the summary has them\n",
        "::error title=Budgets::%zu more are over; the summary has them\n",
    };
    bool overridden = report->overrides && report->overrides->count;
    const size_t most[3] = {GITHUB_MOST - overridden, GITHUB_MOST, GITHUB_MOST};
    size_t of_state[3] = {0};
    size_t said[3] = {0};
    struct str lines;
    str_init(&lines, 0);
    for (size_t i = 0; i < report->count; i++)
        of_state[report->budgets[i].state]++;
    for (size_t i = 0; i < report->count; i++) {
        enum budget_state state = report->budgets[i].state;
        bool last = said[state] == most[state] - 1 && of_state[state] > most[state];
        if (said[state]++ >= most[state])
            continue;
        if (last)
            str_addf(&lines, tenth[state], of_state[state] - (most[state] - 1));
        else
            add_annotation(report, &report->budgets[i], &lines);
    }
    if (overridden)
        add_override(report->overrides, &lines);
    fputs(lines.text, out);
    str_release(&lines);
}

/* The path as a repository has it. */
static const char *place_of(const struct budget_report *report)
{
    const char *path = strcmp(report->path, "-") == 0 ? "stdin" : report->path;
    return strncmp(path, "./", 2) == 0 ? path + 2 : path;
}

static void print_gitlab(const struct budget_report *report, FILE *out)
{
    char fingerprint[FINGERPRINT_SIZE];
    struct str message;
    cJSON *list = cJSON_CreateArray();
    str_init(&message, 0);
    for (size_t i = 0; i < report->count; i++) {
        const struct budget *b = &report->budgets[i];
        if (b->state == BUDGET_OK)
            continue;
        str_clear(&message);
        add_message(report, b, &message);
        cJSON *object = json_object(list, NULL);
        json_text(object, "description", message.text);
        json_text(object, "check_name", rules[rule_of(b)].id);
        json_text(object, "fingerprint", fingerprint_of(b, fingerprint));
        json_text(object, "severity", b->state == BUDGET_OVER ? "critical" : "major");
        cJSON *location = json_object(object, "location");
        json_text(location, "path", place_of(report));
        json_i64(json_object(location, "lines"), "begin", 1);
    }
    str_release(&message);
    json_print(list, out);
}

static void print_junit(const struct budget_report *report, FILE *out)
{
    char at[INSTANT_TEXT_SIZE];
    struct str cases;
    struct str message;
    size_t failures = 0;
    str_init(&cases, 0);
    str_init(&message, 0);
    for (size_t i = 0; i < report->count; i++) {
        const struct budget *b = &report->budgets[i];
        str_clear(&message);
        add_message(report, b, &message);
        str_add(&cases, "    <testcase classname=\"bakehour.budget\" name=\"");
        escape_xml(&cases, b->name);
        str_addf(&cases, " (%s)\" time=\"0\">\n", budget_unit_name(b->unit, report->spending->has_pool));
        str_addf(&cases, "      <%s", b->state == BUDGET_OK ? "system-out>" : "failure type=\"");
        if (b->state != BUDGET_OK) {
            failures++;
            str_addf(&cases, "%s\" message=\"", rules[rule_of(b)].id);
            escape_xml(&cases, message.text);
            str_add(&cases, "\">");
        }
        escape_xml(&cases, message.text);
        str_addf(&cases, "</%s>\n    </testcase>\n", b->state == BUDGET_OK ? "system-out" : "failure");
    }
    calendar_text(report->spending->at, at);
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    fprintf(out,
            "  <testsuite name=\"bakehour budget check\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" "
            "time=\"0\" timestamp=\"%.19s\">\n%s  </testsuite>\n</testsuites>\n",
            report->count, failures, at, cases.text);
    str_release(&cases);
    str_release(&message);
}

static void add_sarif_result(const struct budget_report *report, const struct budget *b, cJSON *results)
{
    char fingerprint[FINGERPRINT_SIZE];
    struct str message;
    struct str text;
    str_init(&message, 0);
    str_init(&text, 0);
    add_message(report, b, &message);
    escape_sarif(&text, message.text);
    cJSON *result = json_object(results, NULL);
    json_text(result, "ruleId", rules[rule_of(b)].id);
    json_i64(result, "ruleIndex", (int64_t)rule_of(b));
    json_text(result, "level", b->state == BUDGET_OVER ? "error" : "warning");
    json_text(json_object(result, "message"), "text", text.text);
    str_clear(&text);
    escape_uri(&text, place_of(report));
    cJSON *location = json_object(json_object(json_array(result, "locations"), NULL), "physicalLocation");
    json_text(json_object(location, "artifactLocation"), "uri", text.text);
    json_i64(json_object(location, "region"), "startLine", 1);
    json_text(json_object(result, "partialFingerprints"), "bakehourBudget/v1", fingerprint_of(b, fingerprint));
    str_release(&message);
    str_release(&text);
}

static void print_sarif(const struct budget_report *report, FILE *out)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_text(document, "version", "2.1.0");
    cJSON *run = json_object(json_array(document, "runs"), NULL);
    cJSON *driver = json_object(json_object(run, "tool"), "driver");
    json_text(driver, "name", "bakehour");
    json_text(driver, "version", BAKEHOUR_VERSION);
    cJSON *list = json_array(driver, "rules");
    for (size_t i = 0; i < RULE_COUNT; i++) {
        cJSON *rule = json_object(list, NULL);
        json_text(rule, "id", rules[i].id);
        json_text(json_object(rule, "shortDescription"), "text", rules[i].about);
    }
    cJSON *results = json_array(run, "results");
    for (size_t i = 0; i < report->count; i++)
        if (report->budgets[i].state != BUDGET_OK)
            add_sarif_result(report, &report->budgets[i], results);
    json_print(document, out);
}

static void print_markdown(const struct budget_report *report, FILE *out)
{
    struct str text;
    str_init(&text, 0);
    budget_markdown(report, BUDGET_COMMENT_MAX, &text);
    fputs(text.text, out);
    str_release(&text);
}

void budget_print(const struct budget_report *report, enum budget_format format, const struct session *session)
{
    if (format == FORMAT_UNSAID)
        format = session->json ? FORMAT_JSON : FORMAT_TEXT;
    switch (format) {
    case FORMAT_JSON:
        print_json(report, session->out);
        return;
    case FORMAT_GITHUB:
        print_github(report, session->out);
        return;
    case FORMAT_GITLAB:
        print_gitlab(report, session->out);
        return;
    case FORMAT_JUNIT:
        print_junit(report, session->out);
        return;
    case FORMAT_SARIF:
        print_sarif(report, session->out);
        return;
    case FORMAT_MARKDOWN:
        print_markdown(report, session->out);
        return;
    case FORMAT_UNSAID:
    case FORMAT_TEXT:
        if (session->csv)
            print_table(report, session);
        else
            print_text(report, session);
    }
}
