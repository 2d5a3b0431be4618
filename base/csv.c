#include "base/csv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/mem.h"
#include "base/str.h"

#define BLOCK     64                  /* bytes that are looked at in a step */
#define BUFFER    ((size_t)256 << 10) /* bytes that are read in a step */
#define NO_BLOCK  (SIZE_MAX - BLOCK)
#define MARK      "\xEF\xBB\xBF" /* the byte-order mark */
#define MARK_SIZE 3

/* Where a field stands: in the record, or (quotes inside) rewritten in `rewritten`. */
struct field {
    uint32_t raw; /* its first byte in the file, from the record's */
    uint32_t at, len;
    bool rewritten;
};

/*
 * buffer:  ....[begin  the current record  next)[next  to be read  fill)[BLOCK bytes of room]
 *
 * A field is ended where its comma stood, by a NUL; nothing else in the buffer is touched, so places in the file can
 * be counted out when someone asks.
 */
struct csv {
    struct source *source;
    bool foreign, borrowed, at_end, broken, too_long;
    char *name;
    char *buffer;
    size_t cap, begin, next, fill;
    size_t block; /* where `specials` is of; NO_BLOCK: of nowhere */
    uint64_t specials;
    struct str rewritten;
    struct field *fields;
    size_t field_count, field_cap;
    char **header;
    size_t header_count;
    size_t line; /* of the next byte, from 1 */
    size_t record_line;
    size_t guess; /* the column that is asked for next, as a rule */
    struct err read_error;
};

/* A bit for each of BLOCK bytes that is a comma, a newline, a quote or a NUL. */
static uint64_t find_specials(const char *at)
{
    uint64_t found = 0;
#ifdef __SSE2__
    const __m128i comma = _mm_set1_epi8(',');
    const __m128i newline = _mm_set1_epi8('\n');
    const __m128i quote = _mm_set1_epi8('"');
    for (int i = 0; i < BLOCK / 16; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + i * (ptrdiff_t)16));
        __m128i any = _mm_or_si128(_mm_cmpeq_epi8(bytes, comma), _mm_cmpeq_epi8(bytes, newline));
        any = _mm_or_si128(any, _mm_cmpeq_epi8(bytes, quote));
        any = _mm_or_si128(any, _mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
        found |= (uint64_t)(unsigned)_mm_movemask_epi8(any) << (16 * i);
    }
#else
    for (int i = 0; i < BLOCK; i++)
        if (at[i] == ',' || at[i] == '\n' || at[i] == '"' || at[i] == '\0')
            found |= (uint64_t)1 << i;
#endif
    return found;
}

/* The first special byte at or after `at`, or fill. */
static size_t scan(struct csv *c, size_t at)
{
    if (at - c->block < BLOCK) {
        uint64_t rest = c->specials >> (at - c->block);
        if (rest) {
            size_t found = at + (size_t)__builtin_ctzll(rest);
            return found < c->fill ? found : c->fill;
        }
        at = c->block + BLOCK;
    }
    for (; at < c->fill; at += BLOCK) {
        uint64_t found = find_specials(c->buffer + at);
        if (!found)
            continue;
        c->block = at;
        c->specials = found;
        at += (size_t)__builtin_ctzll(found);
        return at < c->fill ? at : c->fill;
    }
    return c->fill;
}

/* Reads more behind fill, keeping what begins at begin. False: there is no more. */
static bool more(struct csv *c)
{
    if (c->at_end)
        return false;
    if (c->begin) {
        memmove(c->buffer, c->buffer + c->begin, c->fill - c->begin);
        c->fill -= c->begin;
        c->next -= c->begin;
        c->begin = 0;
    }
    if (c->cap - c->fill < BUFFER / 2) {
        c->cap *= 2;
        c->buffer = mem_array(c->buffer, c->cap + BLOCK, 1);
    }
    ptrdiff_t got = source_read(c->source, c->buffer + c->fill, c->cap - c->fill, &c->read_error);
    c->broken = got < 0;
    c->at_end = got <= 0;
    c->fill += got > 0 ? (size_t)got : 0;
    memset(c->buffer + c->fill, 0, BLOCK);
    c->block = NO_BLOCK;
    return got > 0;
}

/* From here on offsets count from the record's first byte: they stay good when more is read. */
static size_t special(struct csv *c, size_t from)
{
    for (;;) {
        size_t found = scan(c, c->begin + from) - c->begin;
        size_t end = c->fill - c->begin;
        if (found < end)
            return found;
        if (end > CSV_RECORD_MAX + BLOCK) {
            c->too_long = true;
            return end;
        }
        from = end;
        if (!more(c))
            return c->fill - c->begin;
    }
}

/* The byte there, or EOF. */
static int byte_at(struct csv *c, size_t offset)
{
    if (c->begin + offset < c->fill || more(c))
        return (unsigned char)c->buffer[c->begin + offset];
    return EOF;
}

struct place {
    size_t line, column;
};

static struct place place_of(const struct csv *c, size_t offset)
{
    struct place place = {c->record_line, 1};
    for (const char *at = c->buffer + c->begin, *end = at + offset; at < end; at++) {
        if (*at == '\n')
            place = (struct place){place.line + 1, 1};
        else if (((unsigned char)*at & 0xC0) != 0x80)
            place.column++;
    }
    return place;
}

static int fail_at(struct csv *c, size_t offset, struct err *err, const char *why)
{
    struct place place = place_of(c, offset);
    return err_at(err, EXIT_INPUT, c->name, place.line, place.column, "%s", why);
}

static int fail_long(struct csv *c, struct err *err)
{
    return err_at(err, EXIT_INPUT, c->name, c->record_line, 0, "the record is longer than %zu bytes", CSV_RECORD_MAX);
}

static void add_field(struct csv *c, size_t raw, size_t at, size_t len)
{
    if (c->field_count == c->field_cap)
        c->fields = mem_grow(c->fields, &c->field_cap, c->field_count + 1, sizeof(*c->fields));
    c->fields[c->field_count++] = (struct field){.raw = (uint32_t)raw, .at = (uint32_t)at, .len = (uint32_t)len};
}

/* Ends the field that begins at raw, with text [at, end). */
static void end_field(struct csv *c, size_t raw, size_t at, size_t end)
{
    c->buffer[c->begin + end] = '\0';
    add_field(c, raw, at, end - at);
}

/* "" inside becomes ". The text is kept apart, so that places can still be counted. */
static void rewrite_field(struct csv *c, size_t raw, size_t end)
{
    size_t at = c->rewritten.len;
    const char *text = c->buffer + c->begin;
    for (size_t i = raw + 1; i < end; i++) {
        str_add_char(&c->rewritten, text[i]);
        i += text[i] == '"';
    }
    add_field(c, raw, at, c->rewritten.len - at);
    c->fields[c->field_count - 1].rewritten = true;
    str_add_n(&c->rewritten, "", 1);
}

/* Reads an unquoted field. *at: its first byte, then what stopped it (*stop: ',' or '\n' or EOF); where it failed, what
 * to go on behind. */
static int plain_field(struct csv *c, size_t *at, int *stop, struct err *err)
{
    size_t raw = *at;
    size_t end = special(c, raw);
    while (c->begin + end < c->fill && c->buffer[c->begin + end] == '"')
        end = special(c, end + 1);
    *at = end;
    if (c->too_long || end > CSV_RECORD_MAX)
        return fail_long(c, err);
    *stop = c->begin + end == c->fill ? EOF : (unsigned char)c->buffer[c->begin + end];
    if (*stop == '\0')
        return fail_at(c, end, err, "a NUL byte in the text");
    size_t text_end = end;
    if (*stop != ',' && end > raw && c->buffer[c->begin + end - 1] == '\r')
        text_end--;
    end_field(c, raw, raw, text_end);
    return 0;
}

/* Reads up to the closing quote; *end is its place. */
static int find_closing(struct csv *c, size_t raw, size_t *at, bool *doubled, struct err *err)
{
    size_t end = raw + 1;
    for (;;) {
        end = special(c, end);
        *at = end;
        if (c->too_long || end > CSV_RECORD_MAX)
            return fail_long(c, err);
        if (c->begin + end == c->fill)
            return fail_at(c, raw, err, "a quoted field is not closed before the end");
        char found = c->buffer[c->begin + end];
        if (found == '\0')
            return fail_at(c, end, err, "a NUL byte in the text");
        if (found == '"') {
            if (byte_at(c, end + 1) != '"')
                return 0;
            *doubled = true;
            end++;
        }
        c->line += found == '\n';
        end++;
    }
}

static int quoted_field(struct csv *c, size_t *at, int *stop, struct err *err)
{
    size_t raw = *at;
    bool doubled = false;
    if (find_closing(c, raw, at, &doubled, err))
        return EXIT_INPUT;
    size_t close = *at;
    *at = close + 1;
    int next = byte_at(c, *at);
    if (next == '\r') {
        int behind = byte_at(c, *at + 1);
        if (behind == '\n' || behind == EOF) {
            ++*at;
            next = behind;
        }
    }
    if (next != ',' && next != '\n' && next != EOF)
        return fail_at(c, *at, err, "text behind a closing quote; double a quote inside a field (\"\")");
    if (doubled)
        rewrite_field(c, raw, close);
    else
        end_field(c, raw, raw + 1, close);
    *stop = next;
    return 0;
}

/* Goes to the line behind, without keeping what it passes. */
static void skip_line(struct csv *c, size_t offset)
{
    size_t at = c->begin + offset;
    for (;;) {
        char *newline = at < c->fill ? memchr(c->buffer + at, '\n', c->fill - at) : NULL;
        if (newline) {
            c->next = (size_t)(newline - c->buffer) + 1;
            c->line++;
            return;
        }
        c->begin = c->next = c->fill;
        if (!more(c))
            return;
        at = c->begin;
    }
}

static int read_fields(struct csv *c, struct err *err)
{
    size_t at = 0;
    for (;;) {
        bool quoted = byte_at(c, at) == '"';
        int stop = ',';
        int code = quoted ? quoted_field(c, &at, &stop, err) : plain_field(c, &at, &stop, err);
        if (!code && c->field_count > CSV_COLUMNS_MAX)
            code = err_at(err, EXIT_INPUT, c->name, c->record_line, 0, "more than %d columns", CSV_COLUMNS_MAX);
        if (code && (stop == ',' || stop == '\0')) {
            skip_line(c, at);
            return code;
        }
        if (stop != ',') {
            c->next = c->begin + at + (stop == '\n');
            c->line += stop == '\n';
            return code;
        }
        at++;
    }
}

static void skip_empty_lines(struct csv *c)
{
    for (;;) {
        c->begin = c->next;
        int ch = byte_at(c, 0);
        if (ch == '#' && !c->foreign) {
            skip_line(c, 0);
        } else if (ch == '\n' || ch == '\r') {
            c->next++;
            c->line += ch == '\n';
        } else {
            return;
        }
    }
}

/* Half a record before a read error is no record. */
static int next_record(struct csv *c, struct err *err)
{
    bool was_broken = c->broken;
    if (was_broken)
        return 0;
    skip_empty_lines(c);
    str_clear(&c->rewritten);
    c->field_count = 0;
    c->too_long = false;
    c->record_line = c->line;
    int got = c->begin == c->fill ? 0 : 1;
    if (got && read_fields(c, err))
        got = -1;
    if (c->broken) {
        *err = c->read_error;
        got = -1;
    }
    return got;
}

static int find_column(struct csv *c, const char *column, size_t len)
{
    for (size_t i = 0; i < c->header_count; i++) {
        size_t at = c->guess + i < c->header_count ? c->guess + i : c->guess + i - c->header_count;
        if (strncmp(c->header[at], column, len) == 0 && !c->header[at][len]) {
            c->guess = at + 1 < c->header_count ? at + 1 : 0;
            return (int)at;
        }
    }
    return -1;
}

static int first_column(const struct csv *c, const char *column)
{
    for (size_t i = 0; i < c->header_count; i++)
        if (strcmp(c->header[i], column) == 0)
            return (int)i;
    return -1;
}

static int check_required(struct csv *c, const char *required, struct err *err)
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
    while (c->fill < MARK_SIZE && more(c))
        ;
    if (c->fill >= MARK_SIZE && memcmp(c->buffer, MARK, MARK_SIZE) == 0)
        c->next = MARK_SIZE;
}

static const char *field_text(const struct csv *c, size_t column)
{
    const struct field *f = &c->fields[column];
    return (f->rewritten ? c->rewritten.text : c->buffer + c->begin) + f->at;
}

static void keep_header(struct csv *c)
{
    c->header = mem_zero(c->field_count, sizeof(*c->header));
    c->header_count = c->field_count;
    for (size_t i = 0; i < c->header_count; i++)
        c->header[i] = trimmed(field_text(c, i));
}

static int read_header(struct csv *c, const char *required, struct err *err)
{
    skip_byte_order_mark(c);
    int got = next_record(c, err);
    if (got < 0)
        return EXIT_INPUT;
    if (!got)
        return err_at(err, EXIT_INPUT, c->name, 0, 0, "is empty; a header with the columns %s is needed", required);
    keep_header(c);
    for (size_t i = 0; i < c->header_count; i++)
        if (first_column(c, c->header[i]) != (int)i)
            return err_at(err, EXIT_INPUT, c->name, c->record_line, place_of(c, c->fields[i].raw).column,
                          "the column \"%s\" stands in the header twice", c->header[i]);
    return check_required(c, required, err);
}

static int read_foreign_header(struct csv *c, const struct csv_foreign *shape, struct err *err)
{
    skip_byte_order_mark(c);
    for (;;) {
        int got = next_record(c, err);
        if (got < 0)
            return EXIT_INPUT;
        if (!got && shape->header_from)
            return err_at(err, EXIT_INPUT, c->name, 0, 0, "has no header: no line begins with \"%s\"",
                          shape->header_from);
        if (!got)
            return err_at(err, EXIT_INPUT, c->name, 0, 0, "is empty; a header is needed");
        if (!shape->header_from || strcasecmp(field_text(c, 0), shape->header_from) == 0)
            break;
        if (shape->preamble)
            shape->preamble(shape->context, field_text(c, 0), c->field_count > 1 ? field_text(c, 1) : "");
    }
    keep_header(c);
    return 0;
}

static struct csv *csv_new(struct source *source)
{
    struct csv *c = mem_zero(1, sizeof(*c));
    c->source = source;
    c->name = mem_dup(source_name(source));
    c->line = 1;
    c->block = NO_BLOCK;
    c->cap = BUFFER;
    c->buffer = mem_zero(c->cap + BLOCK, 1);
    str_init(&c->rewritten, 2 * CSV_RECORD_MAX);
    return c;
}

static int finish_open(struct csv **out, struct csv *c, int code)
{
    if (code)
        csv_close(c);
    else
        *out = c;
    return code;
}

int csv_open(struct csv **out, const char *path, const char *required, struct err *err)
{
    struct source *source;
    int code = source_open(&source, path, err);
    if (code)
        return code;
    struct csv *c = csv_new(source);
    return finish_open(out, c, read_header(c, required, err));
}

int csv_open_text(struct csv **out, const char *name, const char *text, size_t len, const char *required,
                  struct err *err)
{
    struct source *source;
    int code = source_open_text(&source, name, text, len, err);
    if (code)
        return code;
    struct csv *c = csv_new(source);
    return finish_open(out, c, read_header(c, required, err));
}

int csv_open_foreign(struct csv **out, struct source *source, const struct csv_foreign *shape, struct err *err)
{
    struct csv *c = csv_new(source);
    c->foreign = true;
    c->borrowed = shape->borrow;
    return finish_open(out, c, read_foreign_header(c, shape, err));
}

void csv_close(struct csv *c)
{
    if (!c)
        return;
    if (!c->borrowed)
        source_close(c->source);
    for (size_t i = 0; i < c->header_count; i++)
        free(c->header[i]);
    free(c->header);
    free(c->fields);
    free(c->name);
    free(c->buffer);
    str_release(&c->rewritten);
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

/* The number of a column of the current record, or -1. (The guess is no state that a reader could see.) */
static int column_of(const struct csv *c, const char *column)
{
    int i = find_column((struct csv *)c, column, strlen(column));
    return (size_t)i < c->field_count ? i : -1;
}

const char *csv_field(const struct csv *c, const char *column)
{
    int i = column_of(c, column);
    return i < 0 ? NULL : field_text(c, (size_t)i);
}

size_t csv_columns(const struct csv *c)
{
    return c->header_count;
}

const char *csv_header(const struct csv *c, size_t column)
{
    assert(column < c->header_count);
    return c->header[column];
}

const char *csv_at(const struct csv *c, size_t column)
{
    assert(column < c->field_count);
    return field_text(c, column);
}

size_t csv_len_at(const struct csv *c, size_t column)
{
    assert(column < c->field_count);
    return c->fields[column].len;
}

const char *csv_name(const struct csv *c)
{
    return c->name;
}

const struct source *csv_source(const struct csv *c)
{
    return c->source;
}

size_t csv_line(const struct csv *c)
{
    return c->record_line;
}

size_t csv_column_at(const struct csv *c, const char *column)
{
    int i = column_of(c, column);
    return i < 0 ? 1 : place_of(c, c->fields[i].raw).column;
}

size_t csv_line_at(const struct csv *c, const char *column)
{
    int i = column_of(c, column);
    return i < 0 ? c->record_line : place_of(c, c->fields[i].raw).line;
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
