/*
 * support_history.h - what the tests of the history readers share: a temporary folder, a reading with its reports.
 *
 * Ownership: a struct got is the caller's until got_release(). Texts of folder_path() are good for seven more calls.
 */
#ifndef TESTS_SUPPORT_HISTORY_H
#define TESTS_SUPPORT_HISTORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/history.h"

#define NOW_S 1800000000
#define T0    1700000000

/* What a reader gave. */
struct got {
    int code;
    struct history history;
    struct err err;
    char *reports;
    size_t reports_len;
};

extern const struct history_options history_everything, history_skipping;
extern char folder_name[];
extern char log_path[256];

int folder_begin(void **state); /* cmocka's group fixtures */
int folder_end(void **state);
void folder_shell(const char *script); /* in the folder; must succeed */
const char *folder_path(const char *name);
void log_write(const void *bytes, size_t len); /* to log_path */

/* A log (log not NULL) or a repository. */
struct got got_from(const char *log, const char *repo, const char *branch, const struct history_options *options);
struct got got_from_bytes(const void *bytes, size_t len, const struct history_options *options);
struct got got_from_text(const char *text, const struct history_options *options);
void got_release(struct got *g);

void assert_text_has(const char *text, const char *part);
void assert_got_arrivals(const struct got *g, const int64_t *expected, size_t count);
/* It failed with this code and a message that has the text, and left the history alone; releases g. */
void assert_got_refused(struct got g, int code, const char *text);

#endif
