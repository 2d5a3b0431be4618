/*
 * history_private.h - what the readers of sim/history.h share, and what their tests and fuzzers reach for.
 *
 * bytes -> history_lines (whole lines, whatever the chunks) -> a reader's line function -> history_reading (times in
 * the order they came, bad ones reported) -> history_reading_finish (oldest first, running maximum, selection).
 * Ownership: each struct is its caller's; history_reading owns time_s until history_reading_finish or
 * history_reading_release. Names point to text of the caller.
 */
#ifndef SIM_HISTORY_PRIVATE_H
#define SIM_HISTORY_PRIVATE_H

#include "sim/history.h"

#define HISTORY_HEAD_MAX   128 /* bytes kept of a line; the rest is only counted */
#define HISTORY_FIELD_MAX  64  /* characters of a log's first column */
#define HISTORY_WHY_SIZE   256
#define HISTORY_REPORT_MAX 20

struct history_line {
    const char *head; /* not terminated; good until the line function returns */
    size_t head_len;  /* the smaller of length and HISTORY_HEAD_MAX */
    size_t length;    /* bytes before the line break */
    size_t number;    /* from 1 */
    size_t nul;       /* column of the first NUL byte; 0: none */
};

typedef void history_line_fn(void *context, const struct history_line *line);

/* Cuts a stream into lines; what it hands out does not depend on how the stream is cut into chunks. */
struct history_lines {
    history_line_fn *line;
    void *context;
    char head[HISTORY_HEAD_MAX]; /* of a line that began in an earlier chunk */
    size_t length, number, nul;
};

void history_lines_feed(struct history_lines *lines, const char *data, size_t len);
void history_lines_end(struct history_lines *lines); /* a last line may lack its line break */

struct history_reading {
    const struct history_options *options;
    const struct session *session;
    const char *name; /* in messages */
    const char *unit; /* what is counted: "line" or "commit" */
    struct diag diag;
    int64_t *time_s;
    size_t count, cap;
    bool newest_first;
};

/* name and unit are set by the caller; reports go to session->err. */
void history_reading_begin(struct history_reading *reading, const struct history_options *options,
                           const struct session *session);
void history_reading_take(struct history_reading *reading, int64_t time_s);
/* Takes over time_s and fills out, all but source and shallow. On an error out is let be. */
int history_reading_finish(struct history_reading *reading, struct history *out, struct err *err) MUST_USE;
void history_reading_release(struct history_reading *reading);

/* The time of a commit from text; 0, or -1 and the reason in why. */
int history_time(const char *text, size_t len, int64_t now_s, int64_t *out, char why[HISTORY_WHY_SIZE]) MUST_USE;

/* The line function for a log; context is the struct history_reading. */
history_line_fn history_log_line;

/* The line function for what rev-list writes; context is a struct history_revs. */
struct history_revs {
    struct history_reading reading;
    bool garbled; /* a line was not TIMESTAMP SHA */
};
history_line_fn history_revs_line;

#endif
