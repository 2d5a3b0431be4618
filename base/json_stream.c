#include "base/json_stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/mem.h"

#define CHUNK ((size_t)64 << 10)

/* What is known of one reading beside the path. */
struct reading {
    struct json_stream *stream;
    bool is_array[JSON_DEPTH_MAX + 1]; /* by depth of the container */
    size_t open;                       /* containers that are open */
    size_t silent;                     /* bytes since the last event */
    int code;                          /* a callback's */
    bool deep;
};

static int said(struct reading *r, int code)
{
    r->silent = 0;
    r->code = code;
    return code == 0;
}

static int on_scalar(struct reading *r, enum json_kind kind, const char *text, size_t len)
{
    struct json_stream *s = r->stream;
    return said(r, s->scalar ? s->scalar(s, kind, text, len) : 0);
}

static int on_null(void *context)
{
    return on_scalar(context, JSON_NULL, "null", 4);
}

static int on_boolean(void *context, int value)
{
    return on_scalar(context, value ? JSON_TRUE : JSON_FALSE, value ? "true" : "false", value ? 4 : 5);
}

static int on_number(void *context, const char *text, size_t len)
{
    return on_scalar(context, JSON_NUMBER, text, len);
}

static int on_string(void *context, const unsigned char *text, size_t len)
{
    return on_scalar(context, JSON_STRING, (const char *)text, len);
}

static int on_key(void *context, const unsigned char *text, size_t len)
{
    struct reading *r = context;
    struct json_stream *s = r->stream;
    assert(s->depth > 0);
    struct json_key *key = &s->keys[s->depth - 1];
    size_t kept = len < JSON_KEY_MAX - 1 ? len : JSON_KEY_MAX - 1;
    memcpy(key->text, text, kept);
    key->text[kept] = '\0';
    return said(r, 0);
}

/* An object adds a key to the path; an array does not. */
static int on_begin(struct reading *r, bool is_array)
{
    struct json_stream *s = r->stream;
    if (!said(r, s->begin ? s->begin(s) : 0))
        return 0;
    r->deep = r->open == JSON_DEPTH_MAX;
    if (r->deep)
        return 0;
    r->is_array[r->open++] = is_array;
    if (!is_array)
        s->keys[s->depth++].text[0] = '\0';
    return 1;
}

static int on_end(struct reading *r)
{
    struct json_stream *s = r->stream;
    assert(r->open > 0);
    if (!r->is_array[--r->open])
        s->depth--;
    return said(r, s->end ? s->end(s) : 0);
}

static int on_begin_object(void *context)
{
    return on_begin(context, false);
}

static int on_begin_array(void *context)
{
    return on_begin(context, true);
}

static int on_end_container(void *context)
{
    return on_end(context);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_begin_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_container,
    .yajl_start_array = on_begin_array,
    .yajl_end_array = on_end_container,
};

static size_t newlines(const unsigned char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '\n';
    return count;
}

/* yajl's words without its drawing of the place: "parse error: invalid object key (must be a string)". */
static int syntax(yajl_handle parser, const char *name, size_t line, struct err *err)
{
    unsigned char *words = yajl_get_error(parser, 0, NULL, 0);
    size_t len = words ? strcspn((const char *)words, "\n") : 0;
    int code = err_at(err, EXIT_INPUT, name, line, 0, "is no JSON: %.*s", (int)len, words ? (const char *)words : "");
    yajl_free_error(parser, words);
    return code;
}

static int failed(yajl_handle parser, const struct reading *r, const char *name, size_t line, struct err *err)
{
    if (r->code)
        return r->code;
    if (r->deep)
        return err_at(err, EXIT_INPUT, name, line, 0, "nests deeper than %d", JSON_DEPTH_MAX);
    return syntax(parser, name, line, err);
}

static int read_all(yajl_handle parser, struct reading *r, struct source *source, unsigned char *chunk, struct err *err)
{
    const char *name = source_name(source);
    size_t line = 1;
    const char *mark;
    if (source_peek(source, &mark) >= 3 && memcmp(mark, "\xEF\xBB\xBF", 3) == 0 &&
        source_read(source, chunk, 3, err) < 0)
        return EXIT_INPUT;
    ptrdiff_t got;
    while ((got = source_read(source, chunk, CHUNK, err)) > 0) {
        r->silent += (size_t)got;
        if (yajl_parse(parser, chunk, (size_t)got) != yajl_status_ok) {
            size_t used = yajl_get_bytes_consumed(parser);
            return failed(parser, r, name, line + newlines(chunk, used < (size_t)got ? used : (size_t)got), err);
        }
        if (r->silent > JSON_TEXT_MAX)
            return err_at(err, EXIT_INPUT, name, line, 0, "a text is longer than %zu bytes", JSON_TEXT_MAX);
        line += newlines(chunk, (size_t)got);
    }
    if (got < 0)
        return EXIT_INPUT;
    return yajl_complete_parse(parser) == yajl_status_ok ? 0 : failed(parser, r, name, line, err);
}

int json_stream_read(struct json_stream *s, struct source *source, struct err *err)
{
    struct reading r = {.stream = s};
    s->depth = 0;
    s->err = err;
    yajl_handle parser = yajl_alloc(&callbacks, NULL, &r);
    if (!parser)
        mem_die(0);
    unsigned char *chunk = mem_alloc(CHUNK);
    int code = read_all(parser, &r, source, chunk, err);
    free(chunk);
    yajl_free(parser);
    return code;
}
