/*
 * child.h - git as child processes whose output is read at the same time.
 *
 * No shell; the environment is the caller's without the variables that would point git at another repository.
 * Ownership: a struct child is its caller's, from child_init to child_release; children_finish reaps it.
 * Errors: only starting can fail; how a child ended stands in its status (as of waitpid).
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define CHILD_MESSAGE_MAX 2048

typedef void child_sink(void *context, const char *data, size_t len);

struct child {
    child_sink *sink; /* for its standard output */
    void *context;
    struct str message; /* the beginning of what it wrote to standard error */
    pid_t pid;          /* 0: not running */
    int out, err;       /* our ends of its pipes; -1: closed */
    int status;
};

void child_init(struct child *child, child_sink *sink, void *context);
/* Starts argv[0] found by PATH. */
int child_start(struct child *child, const char *const *argv, struct err *err) MUST_USE;
/* Reads everything the children write, then reaps them. Those never started are passed over. */
void children_finish(struct child *children, size_t count);
void child_release(struct child *child);
bool child_succeeded(const struct child *child);

/* A sink that keeps text in a struct str. */
child_sink child_keep;

#endif
