#include "base/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct field {
    size_t at;           /* where its text starts in record.text */
    size_t line, column; /* of its first character in the file */
};

struct csv {
    FILE *file;
    const char *text; /* instead of file */
    size_t text_len, text_at;
    unsigned char ahead[3]; /* read while looking for a byte-order mark, to be read again */
    size_t ahead_count, ahead_at;
    bool broken; /* a read error was reported */
    char *name;
    struct str record;
    struct field *fields;
    size_t field_count, field_cap;
    char **header;
    size_t header_count;
    size_t line, column; /* of the next character, from 1 */
    size_t record_line;
};

static int next_byte(struct csv *c)
{
    if (c->ahead_at < c->ahead_count)
        return c->ahead[c->ahead_at++];
    if (c->text)
        return c->text_at < c->text_len ? (unsigned char)c->text[c->text_at++] : EOF;
    return getc(c->file);
}

static int get(struct csv *c)
{
    int ch = next_byte(c);
    if (ch == '\n') {
        c->line++;
        c->column = 1;
    } else if (ch != EOF && (ch & 0xC0) != 0x80) {
        c->column++;
    }
    return ch;
}

static int peek(struct csv *c)
{
    if (c->ahead_at < c->ahead_count)
        return c->ahead[c->ahead_at];
    if (c->text)
        return c->text_at < c->text_len ? (unsigned char)c->text[c->text_at] : EOF;
    int ch = getc(c->file);
    if (ch != EOF)
        ungetc(ch, c->file);
    return ch;
}

static void begin_field(struct csv *c)
{
    c->fields = mem_grow(c->fields, &c->field_cap, c->field_count + 1, sizeof(*c->fields));
    c->fields[c->field_count++] = (struct field){.at = c->record.len, .line = c->line, .column = c->column};
}

/* Reads up to the closing quote; the opening one is read already. */
static int quoted(struct csv *c, struct err *err)
{
    size_t line = c->line;
    size_t column = c->column - 1;
    for (;;) {
        int ch = get(c);
        if (ch == EOF)
            return err_at(err, EXIT_INPUT, c->name, line, column, "a quoted field is not closed before the end");
        if (ch == '"') {
            if (peek(c) != '"')
                return 0;
            get(c);
        }
        if (ch == '\0')
            return err_at(err, EXIT_INPUT, c->name, c->line, c->column - 1, "a NUL byte in the text");
        str_add_char(&c->record, (char)ch);
        if (c->record.full)
            return err_at(err, EXIT_INPUT, c->name, line, column, "the record is longer than %zu bytes",
                          CSV_RECORD_MAX);
    }
}

/* Reads one field; *end tells what stopped it: ',' or '\n' or EOF. */
static int read_field(struct csv *c, int *end, struct err *err)
{
    begin_field(c);
    if (peek(c) == '"') {
        get(c);
        if (quoted(c, err))
            return EXIT_INPUT;
        int next = peek(c);
        if (next != ',' && next != '\n' && next != '\r' && next != EOF)
            return err_at(err, EXIT_INPUT, c->name, c->line, c->column,
                          "text behind a closing quote; double a quote inside a field (\"\")");
    }
    for (;;) {
        int ch = get(c);
        if (ch == '\r' && (peek(c) == '\n' || peek(c) == EOF))
            continue;
        if (ch == ',' || ch == '\n' || ch == EOF) {
            str_add_n(&c->record, "", 1); /* the field's own NUL */
            *end = ch;
            return 0;
        }
        if (ch == '\0')
            return err_at(err, EXIT_INPUT, c->name, c->line, c->column - 1, "a NUL byte in the text");
        str_add_char(&c->record, (char)ch);
        if (c->record.full)
            return err_at(err, EXIT_INPUT, c->name, c->record_line, 0, "the record is longer than %zu bytes",
                          CSV_RECORD_MAX);
    }
}

static void skip_empty_lines(struct csv *c)
{
    for (;;) {
        int ch = peek(c);
        if (ch == '#')
            while (ch != '\n' && ch != EOF)
                ch = get(c);
        else if (ch == '\n' || ch == '\r')
            get(c);
        else
            return;
    }
}

static void skip_line(struct csv *c)
{
    int ch;
    do
        ch = get(c);
    while (ch != '\n' && ch != EOF);
}

static int read_fields(struct csv *c, struct err *err)
{
    int end = ',';
    while (end == ',') {
        int code = read_field(c, &end, err);
        if (!code && c->field_count > CSV_COLUMNS_MAX)
            code = err_at(err, EXIT_INPUT, c->name, c->record_line, 0, "more than %d columns", CSV_COLUMNS_MAX);
        if (code) {
            if (end != '\n' && end != EOF)
                skip_line(c);
            return code;
        }
    }
    return 0;
}

/* Half a record before a read error is no record. */
static int next_record(struct csv *c, struct err *err)
{
    if (c->broken)
        return 0;
    skip_empty_lines(c);
    str_clear(&c->record);
    c->field_count = 0;
    c->record_line = c->line;
    int got = peek(c) == EOF ? 0 : 1;
    if (got && read_fields(c, err))
        got = -1;
    if (c->file && ferror(c->file)) {
        c->broken = true;
        err_at(err, EXIT_INPUT, c->name, 0, 0, "cannot be read: %s", strerror(errno));
        got = -1;
    }
    return got;
}

static int find_column(const struct csv *c, const char *column, size_t len)
{
    for (size_t i = 0; i < c->header_count; i++)
        if (strlen(c->header[i]) == len && memcmp(c->header[i], column, len) == 0)
            return (int)i;
    return -1;
}

static int check_required(const struct csv *c, const char *required, struct err *err)
{
    for (const char *at = required; *at;) {
        size_t len = strcspn(at, ",");
        if (find_column(c, at, len) < 0)
            return err_at(err, EXIT_INPUT, c->name, c->record_line, 1,
                          "the header has no column \"%.*s\"; it needs: %s", (int)len, at, required);
        at += len + (at[len] == ',');
    }
    return 0;
}

static char *trimmed(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t len = strlen(text);
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return mem_dup_n(text, len);
}

static void skip_byte_order_mark(struct csv *c)
{
    static const unsigned char mark[3] = {0xEF, 0xBB, 0xBF};
    size_t count = 0;
    while (count < 3 && peek(c) == mark[count])
        c->ahead[count++] = (unsigned char)next_byte(c);
    c->ahead_count = count < 3 ? count : 0;
}

static int read_header(struct csv *c, const char *required, struct err *err)
{
    skip_byte_order_mark(c);
    int got = next_record(c, err);
    if (got < 0)
        return EXIT_INPUT;
    if (!got)
        return err_at(err, EXIT_INPUT, c->name, 0, 0, "is empty; a header with the columns %s is needed", required);
    c->header = mem_zero(c->field_count, sizeof(*c->header));
    c->header_count = c->field_count;
    for (size_t i = 0; i < c->header_count; i++)
        c->header[i] = trimmed(c->record.text + c->fields[i].at);
    for (size_t i = 0; i < c->header_count; i++)
        if (find_column(c, c->header[i], strlen(c->header[i])) != (int)i)
            return err_at(err, EXIT_INPUT, c->name, c->record_line, c->fields[i].column,
                          "the column \"%s\" stands in the header twice", c->header[i]);
    return check_required(c, required, err);
}

static struct csv *csv_new(const char *name)
{
    struct csv *c = mem_zero(1, sizeof(*c));
    c->name = mem_dup(name);
    c->line = c->column = 1;
    str_init(&c->record, CSV_RECORD_MAX);
    return c;
}

static int finish_open(struct csv **out, struct csv *c, const char *required, struct err *err)
{
    if (read_header(c, required, err)) {
        csv_close(c);
        return EXIT_INPUT;
    }
    *out = c;
    return 0;
}

int csv_open(struct csv **out, const char *path, const char *required, struct err *err)
{
    bool from_stdin = strcmp(path, "-") == 0;
    FILE *file = from_stdin ? stdin : fopen(path, "r");
    if (!file)
        return err_at(err, EXIT_INPUT, path, 0, 0, "cannot be opened: %s", strerror(errno));
    struct csv *c = csv_new(from_stdin ? "stdin" : path);
    c->file = file;
    return finish_open(out, c, required, err);
}

int csv_open_text(struct csv **out, const char *name, const char *text, size_t len, const char *required,
                  struct err *err)
{
    struct csv *c = csv_new(name);
    c->text = text;
    c->text_len = len;
    return finish_open(out, c, required, err);
}

void csv_close(struct csv *c)
{
    if (!c)
        return;
    if (c->file && c->file != stdin)
        fclose(c->file);
    for (size_t i = 0; i < c->header_count; i++)
        free(c->header[i]);
    free(c->header);
    free(c->fields);
    free(c->name);
    str_release(&c->record);
    free(c);
}

int csv_next(struct csv *c, struct err *err)
{
    int got = next_record(c, err);
    if (got == 1 && c->field_count != c->header_count) {
        err_at(err, EXIT_INPUT, c->name, c->record_line, 1, "%zu fields where the header has %zu columns",
               c->field_count, c->header_count);
        return -1;
    }
    return got;
}

const char *csv_field(const struct csv *c, const char *column)
{
    int i = find_column(c, column, strlen(column));
    return i < 0 || (size_t)i >= c->field_count ? NULL : c->record.text + c->fields[i].at;
}

const char *csv_name(const struct csv *c)
{
    return c->name;
}

size_t csv_line(const struct csv *c)
{
    return c->record_line;
}

size_t csv_column_at(const struct csv *c, const char *column)
{
    int i = find_column(c, column, strlen(column));
    return i < 0 || (size_t)i >= c->field_count ? 1 : c->fields[i].column;
}

size_t csv_line_at(const struct csv *c, const char *column)
{
    int i = find_column(c, column, strlen(column));
    return i < 0 || (size_t)i >= c->field_count ? c->record_line : c->fields[i].line;
}

void csv_write(FILE *out, const char *field)
{
    if (*field != '#' && !strpbrk(field, ",\"\r\n")) {
        fputs(field, out);
        return;
    }
    putc('"', out);
    for (; *field; field++) {
        if (*field == '"')
            putc('"', out);
        putc(*field, out);
    }
    putc('"', out);
}
