#include "billing/cost_report.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"
#include "billing/cost_manifest.h"
#include "billing/cost_report_private.h"

#define FILES_MAX 100000

struct cost_report {
    struct arena texts;
    const char **paths; /* of the parts, manifests resolved */
    const char *text;   /* instead of files: the one part */
    size_t text_len;
    size_t count, cap, at;
    struct cost_part part; /* the one being read; csv NULL: none */
    enum cost_format format;
    bool has_period;
    instant_t from, to;
};

const char *cost_type_name(enum cost_type type)
{
    static const char *const names[COST_TYPES] = {
        [COST_USAGE] = "usage",
        [COST_DISCOUNTED] = "discounted-usage",
        [COST_PLAN_COVERED] = "savings-plan-covered-usage",
        [COST_RESERVED_FEE] = "reserved-fee",
        [COST_UNUSED] = "unused-commitment",
        [COST_FEE] = "fee",
        [COST_PLAN_FEE] = "savings-plan-recurring-fee",
        [COST_PLAN_UPFRONT] = "savings-plan-upfront-fee",
        [COST_PLAN_NEGATION] = "savings-plan-negation",
        [COST_CREDIT] = "credit",
        [COST_REFUND] = "refund",
        [COST_DISCOUNT] = "discount",
        [COST_TAX] = "tax",
        [COST_OTHER] = "other",
    };
    assert(type < COST_TYPES);
    return names[type];
}

const char *cost_format_name(enum cost_format format)
{
    static const char *const names[] = {[COST_CUR] = "CUR", [COST_CUR2] = "CUR 2.0", [COST_FOCUS] = "FOCUS"};
    return names[format];
}

const char *cost_text(const struct cost_part *part, int column)
{
    return column_text(part->csv, part->columns[column]);
}

static int bad_field(const struct cost_part *part, int column, const char *why, struct err *err)
{
    const char *name = csv_header(part->csv, part->columns[column]);
    return err_at(err, EXIT_INPUT, csv_name(part->csv), csv_line_at(part->csv, name), csv_column_at(part->csv, name),
                  "%s: %s", name, why);
}

int cost_number(const struct cost_part *part, int column, int64_t *out, struct err *err)
{
    size_t at = part->columns[column];
    *out = 0;
    if (at == COLUMN_NONE)
        return 0;
    const char *text = csv_at(part->csv, at);
    size_t len = csv_len_at(part->csv, at);
    bool read = !len || !num_decimal(text, len, MONEY_DECIMALS, out) ||
                !num_decimal_round(text, len, MONEY_DECIMALS, out, NULL);
    if (read && *out <= INT64_MAX / 4 && *out >= INT64_MIN / 4) /* so that two can be added */
        return 0;
    char why[120];
    str_fit(why, sizeof(why), "\"%.60s\" is no number that can be counted", text);
    return bad_field(part, column, why, err);
}

/* Digits, one point, an exponent. */
static bool looks_numeric(const char *text)
{
    return text[strspn(text, "0123456789.eE+-")] == '\0' && strpbrk(text, "0123456789");
}

int cost_quantity(const struct cost_part *part, int column, int64_t *out, struct err *err)
{
    int code = cost_number(part, column, out, err);
    const char *text = cost_text(part, column);
    if (!code || !looks_numeric(text))
        return code;
    *out = *text == '-' ? INT64_MIN / 4 : INT64_MAX / 4;
    return 0;
}

static int two_digits(const char *at)
{
    return at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9' ? (at[0] - '0') * 10 + (at[1] - '0') : -1;
}

/* "2024-05-01T00:00:00" as AWS writes it; what stands behind must be Z, or a fraction of zeros and Z. */
static bool quick_instant(const char *text, size_t len, instant_t *out)
{
    static _Thread_local char last_day[10]; /* lines of one day stand together */
    static _Thread_local instant_t last;
    bool shape = len >= 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':';
    if (!shape || !(strcmp(text + 19, "Z") == 0 || strcmp(text + 19, ".000Z") == 0))
        return false;
    int hour = two_digits(text + 11);
    int minute = two_digits(text + 14);
    int second = two_digits(text + 17);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;
    if (memcmp(last_day, text, sizeof(last_day)) != 0) {
        char day[11] = {0};
        struct err err;
        memcpy(day, text, sizeof(last_day));
        if (calendar_parse(day, &last, &err)) {
            last_day[0] = '\0';
            return false;
        }
        memcpy(last_day, text, sizeof(last_day));
    }
    *out = last + hour * SECONDS_PER_HOUR + minute * 60 + second;
    return true;
}

/* "2024-05-01 00:00:00 UTC" and "2024-05-01 00:00:00" are found in exports too. */
static bool spelled_instant(const char *text, instant_t *out, struct err *err)
{
    char plain[40];
    size_t len = strlen(text);
    if (len >= sizeof(plain) - 1)
        return !calendar_parse(text, out, err);
    memcpy(plain, text, len + 1);
    if (len > 4 && strcmp(plain + len - 4, " UTC") == 0)
        plain[len -= 4] = '\0';
    if (len == 19 && !strchr(plain, 'Z'))
        str_fit(plain + len, sizeof(plain) - len, "Z");
    return !calendar_parse(plain, out, err);
}

int cost_instant(const struct cost_part *part, int column, instant_t *out, struct err *err)
{
    size_t at = part->columns[column];
    *out = 0;
    if (at == COLUMN_NONE || !csv_len_at(part->csv, at))
        return 0;
    const char *text = csv_at(part->csv, at);
    struct err why;
    if (quick_instant(text, csv_len_at(part->csv, at), out) || spelled_instant(text, out, &why))
        return 0;
    return bad_field(part, column, why.text, err);
}

bool cost_box_usage(const char *usage_type, char *type, size_t size)
{
    const char *at = strstr(usage_type, "BoxUsage");
    if (!at || (at != usage_type && at[-1] != '-') || (at[8] != ':' && at[8] != '\0'))
        return false;
    const char *name = at[8] == ':' ? at + 9 : "m1.small"; /* the first type of all; AWS never gave it a name here */
    size_t len = strlen(name);
    len = len < size - 1 ? len : size - 1;
    memcpy(type, name, len);
    type[len] = '\0';
    return true;
}

void cost_os(const char *name, const char *operation, char *to, size_t size)
{
    static const struct {
        const char *begin, *os;
    } names[] = {{"Linux", "linux"}, {"Windows", "windows"}, {"RHEL", "rhel"}, {"Red Hat", "rhel"}, {"SUSE", "suse"}};
    static const struct {
        const char *operation, *os;
    } codes[] = {{"RunInstances:0002", "windows"},
                 {"RunInstances:0010", "rhel"},
                 {"RunInstances:000g", "suse"},
                 {"RunInstances:0102", "windows"},
                 {"RunInstances:0006", "windows"}};
    const char *os = "linux";
    bool known = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !known; i++)
        if (strncmp(name, names[i].begin, strlen(names[i].begin)) == 0) {
            os = names[i].os;
            known = true;
        }
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes) && !known; i++)
        if (strcmp(operation, codes[i].operation) == 0)
            os = codes[i].os;
    size_t len = strlen(os);
    assert(len < size);
    memcpy(to, os, len + 1);
}

const char *cost_resource(const char *name)
{
    const char *instance = strncmp(name, "arn:", 4) == 0 ? strstr(name, ":instance/") : NULL;
    return instance ? instance + strlen(":instance/") : name;
}

static size_t find_columns(struct cost_part *part, const char *const *names)
{
    size_t missing = 0;
    size_t i = 0;
    for (; names[i]; i++) {
        assert(i < COST_COLUMNS_MAX);
        part->columns[i] = column_find(part->csv, names[i]);
        missing += i < COST_REQUIRED && part->columns[i] == COLUMN_NONE;
    }
    return missing;
}

/* CUR and CUR 2.0 have the same columns; only the spelling tells them apart. */
static int recognise(struct cost_part *part, struct err *err)
{
    if (!find_columns(part, cost_cur_columns)) {
        const char *name = csv_header(part->csv, part->columns[0]);
        part->format = strchr(name, '/') ? COST_CUR : COST_CUR2;
        return 0;
    }
    if (!find_columns(part, cost_focus_columns)) {
        part->format = COST_FOCUS;
        return 0;
    }
    return err_at(err, EXIT_INPUT, csv_name(part->csv), csv_line(part->csv), 1,
                  "is no cost report: the header has the columns of neither a Cost and Usage Report "
                  "(lineItem/UsageStartDate, ...) nor FOCUS (ChargePeriodStart, ...)");
}

static int open_part(struct cost_part *part, const struct cost_report *r, const char *path, struct err *err)
{
    static const struct csv_foreign shape = {0};
    struct source *source;
    int code = r && r->text ? source_open_text(&source, path, r->text, r->text_len, err)
                            : source_open_ahead(&source, path, err);
    if (!code)
        code = csv_open_foreign(&part->csv, source, &shape, err);
    if (!code)
        code = recognise(part, err);
    if (code) {
        csv_close(part->csv);
        part->csv = NULL;
    }
    return code;
}

static void close_part(struct cost_part *part)
{
    csv_close(part->csv);
    part->csv = NULL;
}

static int add_path(void *context, const char *path, struct err *err)
{
    struct cost_report *r = context;
    if (r->count == FILES_MAX)
        return err_set(err, EXIT_INPUT, "more than %d files in one report", FILES_MAX);
    r->paths = mem_grow(r->paths, &r->cap, r->count + 1, sizeof(*r->paths));
    r->paths[r->count++] = arena_dup(&r->texts, path);
    return 0;
}

/* The period of a part, from its first record; one without records has none. */
static int look_at(struct cost_report *r, const char *path, bool first, struct err *err)
{
    struct cost_part part = {0};
    int code = open_part(&part, r, path, err);
    if (code)
        return code;
    if (first)
        r->format = part.format;
    else if (r->format != part.format)
        code = err_at(err, EXIT_INPUT, path, 1, 1, "is %s, and the part before it is %s", cost_format_name(part.format),
                      cost_format_name(r->format));
    int got = code ? 0 : csv_next(part.csv, err);
    instant_t from = 0;
    instant_t to = 0;
    if (got > 0 && (part.format == COST_FOCUS ? cost_focus_period : cost_cur_period)(&part, &from, &to)) {
        r->from = r->has_period && r->from < from ? r->from : from;
        r->to = r->has_period && r->to > to ? r->to : to;
        r->has_period = true;
    }
    close_part(&part);
    return code ? code : got < 0 ? EXIT_INPUT : 0;
}

int cost_report_open(struct cost_report **out, const char *const *paths, size_t count, struct err *err)
{
    struct cost_report *r = mem_zero(1, sizeof(*r));
    arena_init(&r->texts);
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        bool manifest = cost_manifest_is(paths[i]);
        code = manifest ? cost_manifest_read(paths[i], add_path, r, err) : add_path(r, paths[i], err);
    }
    for (size_t i = 0; i < r->count && !code; i++)
        code = strcmp(r->paths[i], "-") == 0
                   ? err_set(err, EXIT_INPUT, "a cost report is read from files, not from stdin")
                   : look_at(r, r->paths[i], i == 0, err);
    if (!code && !r->count)
        code = err_set(err, EXIT_INPUT, "the report has no files");
    if (code)
        cost_report_close(r);
    else
        *out = r;
    return code;
}

int cost_report_open_text(struct cost_report **out, const char *name, const char *text, size_t len, struct err *err)
{
    struct cost_report *r = mem_zero(1, sizeof(*r));
    arena_init(&r->texts);
    r->text = text;
    r->text_len = len;
    int code = add_path(r, name, err);
    code = code ? code : look_at(r, r->paths[0], true, err);
    if (code)
        cost_report_close(r);
    else
        *out = r;
    return code;
}

void cost_report_close(struct cost_report *r)
{
    if (!r)
        return;
    close_part(&r->part);
    arena_release(&r->texts);
    free(r->paths);
    free(r);
}

int cost_report_next(struct cost_report *r, struct cost_line *line, struct err *err)
{
    for (;;) {
        if (!r->part.csv) {
            if (r->at == r->count)
                return 0;
            if (open_part(&r->part, r, r->paths[r->at++], err))
                return -1;
        }
        int got = csv_next(r->part.csv, err);
        if (got < 0)
            return -1;
        if (got > 0)
            return (r->format == COST_FOCUS ? cost_focus_line : cost_cur_line)(&r->part, line, err) ? -1 : 1;
        close_part(&r->part);
    }
}

enum cost_format cost_report_format(const struct cost_report *r)
{
    return r->format;
}

const char *cost_report_file(const struct cost_report *r)
{
    return r->part.csv ? csv_name(r->part.csv) : r->paths[0];
}

size_t cost_report_line(const struct cost_report *r)
{
    return r->part.csv ? csv_line(r->part.csv) : 0;
}

size_t cost_report_parts(const struct cost_report *r)
{
    return r->count;
}

bool cost_report_period(const struct cost_report *r, instant_t *from, instant_t *to)
{
    *from = r->from;
    *to = r->to;
    return r->has_period;
}

bool cost_report_is(const char *path)
{
    struct cost_part part = {0};
    struct err err;
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) /* what comes through a pipe can be read only once */
        return false;
    if (cost_manifest_is(path))
        return true;
    bool is = open_part(&part, NULL, path, &err) == 0;
    close_part(&part);
    return is;
}
