/* Any bytes as a JSON stream: it ends, its events nest, and it accepts what cJSON accepts (but for the caps). */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/json_stream.h"
#include "base/mem.h"

const char *const fuzz_seeds[] = {
    "{\"a\":[1,2.5e-3,{\"b\":\"\\u00e9\\n\"}],\"c\":null,\"d\":true}",
    "[[[[]]],{}]",
    "{\"a\":{\"a\":{\"a\":false}}}",
    "\"x\"",
    NULL,
};

static int begin(struct json_stream *s)
{
    ++*(int64_t *)s->context;
    assert(s->depth <= JSON_DEPTH_MAX);
    return 0;
}

static int end(struct json_stream *s)
{
    --*(int64_t *)s->context;
    assert(*(int64_t *)s->context >= 0);
    return 0;
}

static int scalar(struct json_stream *s, enum json_kind kind, const char *text, size_t len)
{
    assert(kind <= JSON_NULL && text && s->depth <= JSON_DEPTH_MAX);
    assert(kind != JSON_NUMBER || len > 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source *source;
    struct err err = {0};
    if (source_open_text(&source, "fuzz", (const char *)data, size, &err))
        return 0;
    int64_t open = 0;
    struct json_stream s = {.context = &open, .begin = begin, .end = end, .scalar = scalar};
    int code = json_stream_read(&s, source, &err);
    assert(code ? code == EXIT_INPUT && err.text[0] : open == 0);
    source_close(source);
    if (!code && size && !memchr(data, 0, size)) {
        char *text = mem_dup_n((const char *)data, size);
        cJSON *document = cJSON_ParseWithOpts(text, NULL, 0);
        assert(document || strstr(text, "\\u")); /* cJSON refuses lone surrogates and \u0000; yajl replaces them */
        cJSON_Delete(document);
        free(text);
    }
    return 0;
}
