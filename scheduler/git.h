/*
 * git.h - what the branch holds: its head, and the commits that wait to be deployed. Asks git's command line.
 *
 * First-parent history, as `simulate --repo` reads it: a commit reaches the branch no earlier than its parent, so
 * arrivals are the running maximum of commit times.
 *
 * Ownership: commits_release frees. Errors: EXIT_INPUT with git's own words.
 */
#ifndef SCHEDULER_GIT_H
#define SCHEDULER_GIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define GIT_COMMIT_SIZE 65

struct commits {
    struct git_commit {
        char id[GIT_COMMIT_SIZE];
        int64_t arrived_s;
    } * items; /* oldest first */
    size_t count, cap;
};

/* The full id of a revision. */
int git_resolve(const char *path, const char *revision, char to[GIT_COMMIT_SIZE], struct err *err) MUST_USE;
int git_fetch(const char *path, const char *remote, const char *branch, struct err *err) MUST_USE;
/* The commits of `head` that `deployed` does not have ("" : only the head itself), at most `most`. */
int git_pending(const char *path, const char *deployed, const char *head, size_t most, struct commits *out,
                struct err *err) MUST_USE;
void commits_release(struct commits *c);
/* When the commits of `head` arrived, the oldest first, at most the last `most`; *at_s is the caller's to free. */
int git_arrivals(const char *path, const char *head, size_t most, int64_t **at_s, size_t *count,
                 struct err *err) MUST_USE;

#endif
