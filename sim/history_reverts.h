/*
 * history_reverts.h - the share of a history's commits that revert another: a proxy for the change-failure rate.
 *
 * A repository: first-parent commits whose subject begins with Revert, or that merge a branch named revert-...; a log:
 * rows with 1 or 2 in a last column whose heading (in a # line) begins with "revert". Selected by the commits' own
 * times. Errors: EXIT_INPUT for a log without that column, from stdin, or with no commit in the selection.
 */
#ifndef SIM_HISTORY_REVERTS_H
#define SIM_HISTORY_REVERTS_H

#include "sim/history.h"

struct history_reverts {
    int64_t reverts, commits;
};

int history_reverts_log(struct history_reverts *out, const char *path, const struct history_options *options,
                        struct err *err) MUST_USE;
int history_reverts_repo(struct history_reverts *out, const char *dir, const char *branch,
                         const struct history_options *options, struct err *err) MUST_USE;

#endif
