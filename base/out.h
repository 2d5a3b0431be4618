/*
 * out.h - tables for people (aligned text), for scripts (CSV), and small helpers over cJSON.
 *
 * A struct table is owned by the caller: table_new .. table_free. Cells are copied. Text is aligned by display
 * columns; numbers go right. On a terminal narrower than the table, columns marked optional are left out from the
 * right until it fits. CSV always has every column.
 */
#ifndef BASE_OUT_H
#define BASE_OUT_H

#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/session.h"

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct table;

struct table *table_new(void);
void table_free(struct table *t);
/* A column has a heading for people and a name for CSV. */
void table_column(struct table *t, const char *heading, const char *csv_name, enum align align);
void table_optional_column(struct table *t, const char *heading, const char *csv_name, enum align align);
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3); /* row by row, left to right */
/* Marks the row that the last cell was put in: drawn bold or dim where there is colour. */
void table_row_bold(struct table *t);
void table_row_dim(struct table *t);
void table_print(const struct table *t, const struct session *s); /* text or CSV, as the session says */

/* A document with "schema": "bakehour.<command>/1". */
cJSON *json_document(const char *command);
void json_i64(cJSON *object, const char *name, int64_t value);      /* exact, also beyond 2^53 */
void json_text(cJSON *object, const char *name, const char *value); /* NULL: null; what is no UTF-8: U+FFFD */
void json_bool(cJSON *object, const char *name, bool value);
void json_number(cJSON *object, const char *name, double value);
cJSON *json_object(cJSON *parent, const char *name); /* name NULL: appended to an array */
cJSON *json_array(cJSON *parent, const char *name);
void json_print(cJSON *document, FILE *out); /* and frees it */

/* A member that is a text; otherwise where there is none, or no object. It lives as long as the object. */
const char *json_member(const cJSON *object, const char *name, const char *otherwise);

/* Parses a whole document; err has file, line and column. Depth and size are capped. The caller frees it. */
cJSON *json_parse(const char *name, const char *text, size_t len, struct err *err) MUST_USE;

/* A file ("-": stdin) of at most max bytes, NUL-terminated; the caller frees *out. */
int file_read(const char *path, size_t max, char **out, size_t *len, struct err *err) MUST_USE;
/* Writes PATH whole or leaves it as it is: the text goes to PATH.part, to the disk, and then takes its place. option:
 * what asked for it, for the message ("--out"); NULL: nothing did. EXIT_FAILED. */
int file_replace(const char *path, const char *text, size_t len, const char *option, struct err *err) MUST_USE;

#endif
