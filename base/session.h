/*
 * session.h - what every command is given: where to write, in which form, and what time it is.
 *
 * Results go to out, messages to err. The form is text, JSON (one document) or CSV (one table).
 */
#ifndef BASE_SESSION_H
#define BASE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum form { FORM_TEXT, FORM_JSON, FORM_CSV };

struct session {
    FILE *out, *err;
    const char *program; /* as it is called, for the hints in messages */
    bool json, csv, quiet, no_color;
    bool color;    /* out is a terminal that takes colour */
    bool live;     /* err is a terminal: progress may be drawn */
    int width;     /* columns of the terminal; 0: unlimited (a pipe or a file) */
    int64_t now_s; /* UTC, unix seconds */
};

/* Standard streams, the terminal's width (COLUMNS, else asked), NO_COLOR and TERM, the clock. */
void session_init(struct session *s);
enum form session_form(const struct session *s);

/* A note to the person on err: "bakehour: ...". Nothing when --quiet. */
void session_note(const struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The exit code once everything is said: the given one, or EXIT_FAILED where out could not be written. */
int session_finish(const struct session *s, int code);

/* ANSI codes, or "" where there is no colour. */
const char *session_bold(const struct session *s);
const char *session_dim(const struct session *s);
const char *session_plain(const struct session *s);

#endif
