#include "billing/rows.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "base/num.h"
#include "billing/regime.h"

static int opened(struct rows *rows, struct csv *csv, FILE *messages)
{
    *rows = (struct rows){.csv = csv, .diag = {.out = messages}};
    return 0;
}

int rows_open(struct rows *rows, const char *path, const char *required, FILE *messages, struct err *err)
{
    struct csv *csv;
    int code = csv_open(&csv, path, required, err);
    return code ? code : opened(rows, csv, messages);
}

int rows_open_text(struct rows *rows, const char *name, const char *text, size_t len, const char *required,
                   FILE *messages, struct err *err)
{
    struct csv *csv;
    int code = csv_open_text(&csv, name, text, len, required, err);
    return code ? code : opened(rows, csv, messages);
}

void rows_open_builtin(struct rows *rows, const struct builtin *file, const char *required)
{
    struct err err;
    int code = rows_open_text(rows, file->name, file->text, builtin_len(file), required, stderr, &err);
    assert(code == 0);
    (void)code;
}

/* A record that breaks the format; reading goes on behind it unless it stands still. */
static bool broken(struct rows *rows, const struct err *err)
{
    rows->diag.count++;
    if (rows->diag.out)
        fprintf(rows->diag.out, "%s\n", err->text);
    bool again = rows->broken_line == csv_line(rows->csv);
    rows->broken_line = csv_line(rows->csv);
    return !again;
}

bool rows_next(struct rows *rows)
{
    struct err err;
    int got;
    while ((got = csv_next(rows->csv, &err)) < 0)
        if (!broken(rows, &err))
            return false;
    rows->good = true;
    return got > 0;
}

int rows_close(struct rows *rows, struct err *err)
{
    int code = 0;
    if (rows->diag.count)
        code = err_set(err, EXIT_INPUT, "%s: %zu bad %s", csv_name(rows->csv), rows->diag.count,
                       rows->diag.count == 1 ? "place" : "places");
    csv_close(rows->csv);
    rows->csv = NULL;
    return code;
}

void rows_close_builtin(struct rows *rows)
{
    struct err err;
    int code = rows_close(rows, &err);
    assert(code == 0);
    (void)code;
}

void rows_bad(struct rows *rows, const char *column, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    diag_at(&rows->diag, csv_name(rows->csv), csv_line(rows->csv), csv_column_at(rows->csv, column), "%s: %s", column,
            text);
    rows->good = false;
}

static const char *checked(struct rows *rows, const char *column, const char *text)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F) {
            rows_bad(rows, column, "a control character in the text");
            return "?";
        }
    if (strlen(text) > ROWS_NAME_MAX) {
        rows_bad(rows, column, "longer than %d bytes", ROWS_NAME_MAX);
        return "?";
    }
    return text;
}

const char *rows_name_or(struct rows *rows, const char *column, const char *fallback)
{
    const char *text = csv_field(rows->csv, column);
    return text && *text ? checked(rows, column, text) : fallback;
}

const char *rows_name(struct rows *rows, const char *column)
{
    const char *text = rows_name_or(rows, column, NULL);
    if (text)
        return text;
    rows_bad(rows, column, "is empty");
    return "?";
}

const char *rows_os(struct rows *rows)
{
    const char *os = rows_name_or(rows, "os", "linux");
    struct err err;
    enum regime regime;
    if (!regime_at(os, 0, &regime, &err))
        return os;
    rows_bad(rows, "os", "%s", err.text);
    return "linux";
}

instant_t rows_instant(struct rows *rows, const char *column)
{
    const char *text = csv_field(rows->csv, column);
    instant_t at = 0;
    struct err err;
    if (!text || !*text)
        rows_bad(rows, column, "is empty; write a time such as 2015-08-01T12:00:00Z");
    else if (calendar_parse(text, &at, &err))
        rows_bad(rows, column, "%s", err.text);
    else if (at < INSTANT_MIN || at > INSTANT_MAX)
        rows_bad(rows, column, "\"%.60s\" is outside the years 1 to 9999 UTC", text);
    return at;
}

money_t rows_price(struct rows *rows, const char *column)
{
    const char *text = csv_field(rows->csv, column);
    money_t price = 0;
    struct err err;
    if (!text || !*text)
        rows_bad(rows, column, "is empty; write an amount in USD such as 0.013");
    else if (money_parse_price(text, &price, &err))
        rows_bad(rows, column, "%s", err.text);
    return price;
}

money_t rows_price_or(struct rows *rows, const char *column, money_t fallback)
{
    const char *text = csv_field(rows->csv, column);
    return text && *text ? rows_price(rows, column) : fallback;
}

int64_t rows_count_or(struct rows *rows, const char *column, int64_t least, int64_t most, int64_t fallback)
{
    const char *text = csv_field(rows->csv, column);
    int64_t count;
    if (!text || !*text)
        return fallback;
    if (!num_i64(text, strlen(text), &count) && count >= least && count <= most)
        return count;
    rows_bad(rows, column, "\"%.60s\" is no whole number from %lld to %lld", text, (long long)least, (long long)most);
    return fallback;
}
