/*
 * history.h - when commits reached a branch.
 *
 * Readers for a log file and for a git repository. A commit cannot reach the branch before its parent, so its
 * arrival is the running maximum of the commit times in parent order; commits that this moved are counted as
 * corrected. Instants are unix seconds. A struct history is the caller's, from a reader to history_release.
 *
 * Errors: every bad line is reported by itself (FILE:LINE:COLUMN, the first twenty) and counted; then EXIT_INPUT,
 * unless skip_bad. On an error *out is left alone. Cost: one pass; 8 bytes a commit.
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"

struct history {
    int64_t *arrival_s; /* ascending */
    size_t count;
    size_t corrected; /* of the selected commits, those whose own time was before an earlier commit's */
    size_t skipped;   /* bad lines passed over */
    size_t left_out;  /* commits outside from..to */
    bool shallow;     /* the repository does not hold the whole history */
    char *source;     /* for people: "file.tsv", "stdin", "/path (main)" */
};

struct history_options {
    bool skip_bad;
    instant_t from, to; /* arrivals in [from, to) are kept; INSTANT_MIN and INSTANT_MAX for all */
};

/* path "-" is stdin; gzip is recognised by its first bytes. Times later than a day after session->now_s are bad. */
int history_read_log(struct history *out, const char *path, const struct history_options *options,
                     const struct session *session, struct err *err) MUST_USE;
/* First-parent history of branch (NULL: HEAD), by git's command line. */
int history_read_repo(struct history *out, const char *dir, const char *branch, const struct history_options *options,
                      const struct session *session, struct err *err) MUST_USE;
void history_release(struct history *history);

#endif
