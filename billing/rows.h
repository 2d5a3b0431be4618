/*
 * rows.h - the rows of a CSV file of this program's own formats, checked field by field.
 *
 * Every bad field is reported by itself as FILE:LINE:COLUMN: text; a row is good while none of its fields is bad.
 * Ownership: a struct rows is the caller's, from rows_open to rows_close. Texts live until the next rows_next.
 */
#ifndef BILLING_ROWS_H
#define BILLING_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/csv.h"
#include "base/err.h"
#include "billing/builtin.h"
#include "billing/calendar.h"
#include "billing/money.h"

#define ROWS_NAME_MAX 256 /* bytes of an identifier, a type, a region */

struct rows {
    struct csv *csv;
    struct diag diag;
    size_t broken_line; /* where the format itself broke last */
    bool good;          /* the current row, so far */
};

/* messages: where reports go; NULL: they are only counted. */
int rows_open(struct rows *rows, const char *path, const char *required, FILE *messages, struct err *err) MUST_USE;
int rows_open_text(struct rows *rows, const char *name, const char *text, size_t len, const char *required,
                   FILE *messages, struct err *err) MUST_USE;
/* A file that is part of the program; a fault in it is a bug and asserts. */
void rows_open_builtin(struct rows *rows, const struct builtin *file, const char *required);

bool rows_next(struct rows *rows); /* false: the end */
/* EXIT_INPUT when anything was reported; err then says how many. */
int rows_close(struct rows *rows, struct err *err) MUST_USE;
void rows_close_builtin(struct rows *rows);

void rows_bad(struct rows *rows, const char *column, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Each reads a field of the current row. A missing column, or an empty field, gives the fallback; where there is no
 * fallback, and for a malformed field, the row turns bad and some harmless value is returned. */
const char *rows_name(struct rows *rows, const char *column);
const char *rows_name_or(struct rows *rows, const char *column, const char *fallback);
const char *rows_os(struct rows *rows); /* the column "os": one that data/regimes.csv names, or linux */
instant_t rows_instant(struct rows *rows, const char *column);
money_t rows_price(struct rows *rows, const char *column); /* 0 .. a million USD */
money_t rows_price_or(struct rows *rows, const char *column, money_t fallback);
int64_t rows_count_or(struct rows *rows, const char *column, int64_t least, int64_t most, int64_t fallback);

#endif
