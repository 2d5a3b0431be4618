/*
 * progress.h - a line on stderr for work that takes more than a second: what, how far, how long still.
 *
 * Drawn only on a terminal and not with --quiet; at most ten times a second; wiped at the end. The struct is the
 * caller's and needs no release, but progress_end must be called.
 */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

#include "base/session.h"

struct progress {
    const struct session *session;
    const char *what;
    int64_t total; /* 0: not known, then only the count is shown */
    int64_t begin_ns, next_ns;
    bool drawn;
};

void progress_begin(struct progress *p, const struct session *session, const char *what, int64_t total);
void progress_at(struct progress *p, int64_t done); /* cheap enough to call every thousand items */
void progress_end(struct progress *p);

/* The text of the line, for given times; pure. */
void progress_line(const struct progress *p, int64_t done, int64_t now_ns, char *to, int size);

#endif
