/*
 * csv.h - comma-separated records (RFC 4180) with a header, read by column name.
 *
 * Streams: one record is held at a time, where it was read to; gzip is unpacked on the way (source.h). Quoted fields
 * may hold commas, quotes ("") and line breaks; CRLF and a missing last newline are fine; a byte-order mark, empty
 * lines and lines that start with '#' are passed over.
 * Ownership: the reader owns the text of the current record; it is good until the next csv_next.
 * Errors: csv_open and csv_next report what breaks the format itself; the caller reports bad fields by csv_column_at.
 * Cost: 64 bytes a step, then a few cycles a field, wanted or not: over 1 GB/s where fields are short.
 */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/source.h"

#define CSV_RECORD_MAX  ((size_t)1 << 20) /* bytes in one record */
#define CSV_COLUMNS_MAX 2048

struct csv;

/* Opens a file ("-": stdin) and reads the header. `required` holds comma-separated column names; a missing one is an
 * error, further columns are let be. A column that stands twice is an error. */
int csv_open(struct csv **out, const char *path, const char *required, struct err *err) MUST_USE;
/* The same over text in memory, which must outlive the reader; name stands in messages. */
int csv_open_text(struct csv **out, const char *name, const char *text, size_t len, const char *required,
                  struct err *err) MUST_USE;
void csv_close(struct csv *csv);

/* Files of others, which have no comments, and may have records of another shape before the header. */
struct csv_foreign {
    const char *header_from; /* the header is the first record whose first field is this (any case); NULL: the first */
    void (*preamble)(void *context, const char *first, const char *second); /* each record before; "" if missing */
    void *context;
    bool borrow; /* the source stays the caller's; else it is taken over, also when opening fails */
};
/* Of a column that stands twice, the first counts. */
int csv_open_foreign(struct csv **out, struct source *source, const struct csv_foreign *shape,
                     struct err *err) MUST_USE;

/* 1: a record was read; 0: the end; -1: an error (a code is in err). After an error the next call goes on with the
 * line behind, so that every bad record can be reported. */
int csv_next(struct csv *csv, struct err *err) MUST_USE;

/* The field of the current record in the named column, or NULL where the file has no such column. */
const char *csv_field(const struct csv *csv, const char *column);

/* The same by number, in the order of the header: for files of many columns and millions of records. */
size_t csv_columns(const struct csv *csv);
const char *csv_header(const struct csv *csv, size_t column);
const char *csv_at(const struct csv *csv, size_t column);
size_t csv_len_at(const struct csv *csv, size_t column);

const char *csv_name(const struct csv *csv);
const struct source *csv_source(const struct csv *csv);
size_t csv_line(const struct csv *csv);                          /* of the current record's first character */
size_t csv_column_at(const struct csv *csv, const char *column); /* character position of a field, from 1 */
size_t csv_line_at(const struct csv *csv, const char *column);   /* the field's own: quoted ones may break the line */

/* Writes one field, quoted where it must be (also where it starts as a comment does). */
void csv_write(FILE *out, const char *field);

#endif
