/*
 * json_stream.h - JSON of any size, read as a stream of events in constant memory.
 *
 * The tokens are yajl's (as Debian keeps it: 750 MB/s here, UTF-8 checked), which hands a text out where it lies; this
 * file adds the path, caps and places. cJSON is for documents that fit in memory.
 *
 * The path: keys[0] is the member of the top object, keys[1] of the object in it, and so on; in an array the key is
 * the array's own. A scalar is reported with depth = the number of keys; begin and end likewise, of the object or
 * array itself (0: the document). Keys longer than the cap are cut.
 *
 * Errors: what breaks the format, nests deeper than JSON_DEPTH_MAX or has a text of more than JSON_TEXT_MAX bytes is
 * reported by line; a callback that returns non-zero ends the reading with that code.
 */
#ifndef BASE_JSON_STREAM_H
#define BASE_JSON_STREAM_H

#include <stddef.h>

#include "base/err.h"
#include "base/source.h"

#define JSON_DEPTH_MAX 64
#define JSON_KEY_MAX   128
#define JSON_TEXT_MAX  ((size_t)1 << 20)

struct json_key {
    char text[JSON_KEY_MAX]; /* always ended by a NUL */
};

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

struct json_stream {
    struct json_key keys[JSON_DEPTH_MAX];
    size_t depth;
    void *context;
    /* Each may be NULL. text lives during the call and is not ended by a NUL; a number's is as it stands. */
    int (*begin)(struct json_stream *s);
    int (*end)(struct json_stream *s);
    int (*scalar)(struct json_stream *s, enum json_kind kind, const char *text, size_t len);
    struct err *err; /* for the callbacks: the caller's */
};

/* The caller zeroes the struct and sets context and callbacks. Reads the source to its end; does not close it. */
int json_stream_read(struct json_stream *s, struct source *source, struct err *err) MUST_USE;

#endif
