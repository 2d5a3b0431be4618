/*
 * threads.h - the same work by several threads at once: how many, started and awaited.
 *
 * Workers are the caller's, in one array, and share what they take their jobs from. Where the system gives fewer
 * threads, those that there are do all of it: it takes longer, and nothing fails.
 */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include <stddef.h>
#include <stdint.h>

#define THREADS_MAX 256

/* asked 0: as many as processors. At most THREADS_MAX and one a job, at least one. */
int64_t threads_count(int64_t asked, int64_t jobs);
/* work(worker) for each of count workers of `size` bytes; the first is the calling thread's. Back when all are. Size 0:
 * all share the one that there is. */
void threads_run(void *(*work)(void *worker), void *workers, size_t size, int64_t count);

#endif
