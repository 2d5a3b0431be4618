/*
 * source.h - bytes from a file, stdin or memory, plain or gzip, in order and once.
 *
 * Gzip is recognised by its first two bytes, of several members too; zip and Parquet are refused by name. A big file
 * can be read ahead by a thread of its own (source_open_ahead), so that inflating and parsing share two cores.
 *
 * Ownership: a struct source is the caller's from source_open* to source_close; memory must outlive it.
 * Errors: source_read returns -1 once and for good, with a code in err; half a gzip stream is an error, not an end.
 * Cost: plain bytes are read straight into the caller's buffer; zlib inflates at 300 MB/s to 1 GB/s.
 */
#ifndef BASE_SOURCE_H
#define BASE_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct source;

int source_open(struct source **out, const char *path, struct err *err) MUST_USE; /* "-": stdin */
int source_open_ahead(struct source **out, const char *path, struct err *err) MUST_USE;
int source_open_text(struct source **out, const char *name, const char *text, size_t len, struct err *err) MUST_USE;
void source_close(struct source *s);

/* Up to cap bytes (at least one) into to; 0: the end; -1: an error. */
ptrdiff_t source_read(struct source *s, void *to, size_t cap, struct err *err) MUST_USE;

/* What source_read will give first, at most SOURCE_PEEK_MAX bytes; -1: an error, which source_read will tell. */
#define SOURCE_PEEK_MAX 4096
ptrdiff_t source_peek(struct source *s, const char **bytes) MUST_USE;

const char *source_name(const struct source *s); /* the path; stdin for "-" */
int64_t source_taken(const struct source *s);    /* bytes taken from the file so far: of the packed ones */
int64_t source_size(const struct source *s);     /* of the file, packed; 0: not known (a pipe) */

#endif
