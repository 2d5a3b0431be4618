#include "base/out.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/str.h"

struct column {
    char *heading, *csv_name;
    enum align align;
    bool optional;
};

enum emphasis { PLAIN, BOLD, DIM };

struct table {
    struct column *columns;
    size_t column_count, column_cap;
    char **cells;
    size_t cell_count, cell_cap;
    unsigned char *emphasis; /* by row */
    size_t emphasis_cap;
};

struct table *table_new(void)
{
    return mem_zero(1, sizeof(struct table));
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->column_count; i++) {
        free(t->columns[i].heading);
        free(t->columns[i].csv_name);
    }
    for (size_t i = 0; i < t->cell_count; i++)
        free(t->cells[i]);
    free(t->columns);
    free(t->cells);
    free(t->emphasis);
    free(t);
}

static void add_column(struct table *t, const char *heading, const char *csv_name, enum align align, bool optional)
{
    assert(t->cell_count == 0);
    t->columns = mem_grow(t->columns, &t->column_cap, t->column_count + 1, sizeof(*t->columns));
    t->columns[t->column_count++] = (struct column){mem_dup(heading), mem_dup(csv_name), align, optional};
}

void table_column(struct table *t, const char *heading, const char *csv_name, enum align align)
{
    add_column(t, heading, csv_name, align, false);
}

void table_optional_column(struct table *t, const char *heading, const char *csv_name, enum align align)
{
    add_column(t, heading, csv_name, align, true);
}

void table_cell(struct table *t, const char *fmt, ...)
{
    struct str text;
    str_init(&text, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    t->cells = mem_grow(t->cells, &t->cell_cap, t->cell_count + 1, sizeof(*t->cells));
    t->cells[t->cell_count++] = str_detach(&text);
    size_t row = (t->cell_count - 1) / t->column_count;
    t->emphasis = mem_grow(t->emphasis, &t->emphasis_cap, row + 1, 1);
    if ((t->cell_count - 1) % t->column_count == 0)
        t->emphasis[row] = PLAIN;
}

static void emphasise(struct table *t, enum emphasis how)
{
    if (t->cell_count)
        t->emphasis[(t->cell_count - 1) / t->column_count] = (unsigned char)how;
}

void table_row_bold(struct table *t)
{
    emphasise(t, BOLD);
}

void table_row_dim(struct table *t)
{
    emphasise(t, DIM);
}

/* Display columns of UTF-8 text: code points (what we print has no wide or combining ones). */
static size_t display_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static size_t total_width(const struct table *t, const size_t *widths, const bool *shown)
{
    size_t total = 0;
    for (size_t c = 0; c < t->column_count; c++)
        if (shown[c])
            total += widths[c] + (total ? 2 : 0);
    return total;
}

static void fit(const struct table *t, const size_t *widths, bool *shown, int width)
{
    for (size_t c = 0; c < t->column_count; c++)
        shown[c] = true;
    for (size_t c = t->column_count; width && c-- > 0 && total_width(t, widths, shown) > (size_t)width;)
        if (t->columns[c].optional)
            shown[c] = false;
}

/* Cells quote what users and clouds wrote: control characters are not for the terminal. */
static void print_clean(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7F ? '?' : *text, out);
}

static void print_cell(FILE *out, const char *text, size_t width, enum align align, bool last)
{
    int pad = (int)(width - display_width(text));
    if (align == ALIGN_RIGHT)
        fprintf(out, "%*s", pad, "");
    print_clean(out, text);
    if (align == ALIGN_LEFT && !last)
        fprintf(out, "%*s", pad, "");
}

static void print_row(const struct table *t, FILE *out, char *const *cells, const size_t *widths, const bool *shown)
{
    size_t last = 0;
    for (size_t c = 0; c < t->column_count; c++)
        if (shown[c] && cells[c][0])
            last = c;
    bool first = true;
    for (size_t c = 0; c <= last; c++) { /* no blanks at the end of a line */
        if (!shown[c])
            continue;
        fputs(first ? "" : "  ", out);
        first = false;
        print_cell(out, cells[c], widths[c], t->columns[c].align, c == last);
    }
}

static void print_text(const struct table *t, const struct session *s)
{
    size_t n = t->column_count;
    size_t rows = t->cell_count / n;
    size_t *widths = mem_zero(n, sizeof(*widths));
    bool *shown = mem_zero(n, sizeof(*shown));
    char **head = mem_zero(n, sizeof(*head));
    for (size_t c = 0; c < n; c++) {
        head[c] = t->columns[c].heading;
        widths[c] = display_width(head[c]);
        for (size_t r = 0; r < rows; r++) {
            size_t width = display_width(t->cells[r * n + c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    fit(t, widths, shown, s->width);
    fputs(session_dim(s), s->out);
    print_row(t, s->out, head, widths, shown);
    fprintf(s->out, "%s\n", session_plain(s));
    for (size_t r = 0; r < rows; r++) {
        enum emphasis how = (enum emphasis)t->emphasis[r];
        fputs(how == BOLD ? session_bold(s) : how == DIM ? session_dim(s) : "", s->out);
        print_row(t, s->out, t->cells + r * n, widths, shown);
        fprintf(s->out, "%s\n", how == PLAIN ? "" : session_plain(s));
    }
    free(head);
    free(shown);
    free(widths);
}

static void print_csv(const struct table *t, FILE *out)
{
    size_t n = t->column_count;
    for (size_t c = 0; c < n; c++) {
        csv_write(out, t->columns[c].csv_name);
        fputc(c + 1 < n ? ',' : '\n', out);
    }
    for (size_t i = 0; i < t->cell_count; i++) {
        if (n == 1 && !*t->cells[i])
            fputs("\"\"", out); /* an empty line would be no record */
        csv_write(out, t->cells[i]);
        fputc((i + 1) % n ? ',' : '\n', out);
    }
}

void table_print(const struct table *t, const struct session *s)
{
    assert(t->column_count && t->cell_count % t->column_count == 0);
    if (session_form(s) == FORM_CSV)
        print_csv(t, s->out);
    else
        print_text(t, s);
}

static cJSON *must_json(cJSON *item)
{
    if (!item)
        mem_die(0);
    return item;
}

static cJSON *put(cJSON *parent, const char *name, cJSON *item)
{
    must_json(item);
    if (name)
        cJSON_AddItemToObject(parent, name, item);
    else
        cJSON_AddItemToArray(parent, item);
    return item;
}

cJSON *json_document(const char *command)
{
    char schema[64];
    str_fit(schema, sizeof(schema), "bakehour.%s/1", command);
    cJSON *document = must_json(cJSON_CreateObject());
    json_text(document, "schema", schema);
    return document;
}

void json_i64(cJSON *object, const char *name, int64_t value)
{
    char digits[24];
    str_fit(digits, sizeof(digits), "%lld", (long long)value);
    put(object, name, cJSON_CreateRaw(digits));
}

const char *json_member(const cJSON *object, const char *name, const char *otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : otherwise;
}

void json_text(cJSON *object, const char *name, const char *value)
{
    if (!value) {
        put(object, name, cJSON_CreateNull());
        return;
    }
    struct str text;
    str_init(&text, 0);
    for (const char *at = value; *at;) {
        size_t len = str_utf8_length(at);
        str_add_n(&text, len ? at : STR_UTF8_REPLACEMENT, len ? len : 3);
        at += len ? len : 1;
    }
    put(object, name, cJSON_CreateString(text.text));
    str_release(&text);
}

void json_bool(cJSON *object, const char *name, bool value)
{
    put(object, name, cJSON_CreateBool(value));
}

void json_number(cJSON *object, const char *name, double value)
{
    put(object, name, cJSON_CreateNumber(value));
}

cJSON *json_object(cJSON *parent, const char *name)
{
    return put(parent, name, cJSON_CreateObject());
}

cJSON *json_array(cJSON *parent, const char *name)
{
    return put(parent, name, cJSON_CreateArray());
}

void json_print(cJSON *document, FILE *out)
{
    char *text = cJSON_Print(document);
    if (text)
        fprintf(out, "%s\n", text);
    else
        mem_die(0);
    free(text);
    cJSON_Delete(document);
}

cJSON *json_parse(const char *name, const char *text, size_t len, struct err *err)
{
    const char *end = NULL;
    cJSON *document = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    size_t used = end ? (size_t)(end - text) : 0;
    while (document && used < len && strchr(" \t\r\n", text[used]) && text[used])
        used++;
    if (document && used == len)
        return document;
    cJSON_Delete(document);
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < used && i < len; i++) {
        column = text[i] == '\n' ? 1 : column + (((unsigned char)text[i] & 0xC0) != 0x80);
        line += text[i] == '\n';
    }
    err_at(err, EXIT_INPUT, name, line, column, "no valid JSON here or just before");
    return NULL;
}

int file_read(const char *path, size_t max, char **out, size_t *len, struct err *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!file)
        return err_at(err, EXIT_INPUT, path, 0, 0, "cannot be opened: %s", strerror(errno));
    struct str text;
    str_init(&text, max);
    char block[65536];
    size_t got;
    while ((got = fread(block, 1, sizeof(block), file)) > 0 && !text.full)
        str_add_n(&text, block, got);
    int code = 0;
    if (ferror(file))
        code = err_at(err, EXIT_INPUT, path, 0, 0, "cannot be read: %s", strerror(errno));
    else if (text.full)
        code = err_at(err, EXIT_INPUT, path, 0, 0, "is larger than %zu bytes", max);
    if (file != stdin)
        fclose(file);
    if (!code) {
        *len = text.len;
        *out = str_detach(&text);
    }
    str_release(&text);
    return code;
}

static int write_whole(const char *part, const char *text, size_t len)
{
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        return -1;
    bool bad = fwrite(text, 1, len, file) != len || fflush(file) != 0 || fsync(fileno(file)) != 0;
    int number = errno;
    if (fclose(file) != 0 && !bad)
        return -1;
    errno = bad ? number : 0;
    return bad ? -1 : 0;
}

int file_replace(const char *path, const char *text, size_t len, const char *option, struct err *err)
{
    struct str part;
    str_init(&part, 4096);
    str_addf(&part, "%s.part", path);
    int code = 0;
    errno = ENAMETOOLONG;
    if (part.full || write_whole(part.text, text, len) || rename(part.text, path)) {
        int number = errno;
        if (!part.full)
            unlink(part.text);
        code = err_set(err, EXIT_FAILED, "%s%s%s cannot be written: %s", option ? option : "", option ? ": " : "", path,
                       strerror(number));
    }
    str_release(&part);
    return code;
}
