/*
 * err.h - what went wrong, where, and what to do next.
 *
 * A function that can fail returns zero for success or one of the codes below and writes the detail into the
 * caller's struct err. The codes are the program's exit codes. A struct err needs no release.
 *
 * struct diag is for input of which every bad place is to be reported by itself: each report is written at once
 * as one line FILE:LINE:COLUMN: text, and counted. After `most` reports it only counts on; diag_close says how many
 * more. Control characters that a message quotes from the input come out as '?'.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MUST_USE                     __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,          /* something outside the input failed */
    EXIT_INPUT = 2,           /* bad usage or bad input */
    EXIT_OVER = 3,            /* over budget, actual */
    EXIT_FORECAST_OVER = 4,   /* over budget, forecast */
    EXIT_ROLLED_BACK = 5,     /* deployment failed and was rolled back */
    EXIT_STORM_CAP = 6,       /* stopped by the storm cap and rolled back */
    EXIT_ROLLBACK_FAILED = 7, /* a person is needed */
    EXIT_WAIT = 75,           /* the policy says wait */
};

struct err {
    int code;
    char text[1024]; /* longer messages are cut and end in "..." */
};

/* Both write the message and return code; it may quote err->text. line and column count from 1; 0 leaves them out. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_at(struct err *err, int code, const char *file, size_t line, size_t column, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

struct diag {
    FILE *out;    /* NULL: count only */
    size_t most;  /* reports written at the most; 0: all of them */
    size_t count; /* reports so far */
};

void diag_at(struct diag *diag, const char *file, size_t line, size_t column, const char *fmt, ...) PRINTF_LIKE(5, 6);
void diag_close(const struct diag *diag); /* "... and N more" where reports were held back */

#endif
