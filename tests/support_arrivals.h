/*
 * support_arrivals.h - histories drawn from a fitted model of arrivals (scheduler/arrivals.h).
 *
 * Minute by minute with the model's own chances, sizes and memory: commits come at the end of the minute whose chance
 * brought them; of a size that stands for several numbers, the two next to its mean. The same seed draws the same.
 * Ownership: *at_s is the caller's, of cap entries, and grows; the `count` commits before are kept, and lead into it.
 */
#ifndef TESTS_SUPPORT_ARRIVALS_H
#define TESTS_SUPPORT_ARRIVALS_H

#include "scheduler/arrivals.h"

/* Commits in (from, to] are added; the new count is given back. */
size_t arrivals_draw(const struct arrivals *model, uint32_t seed, instant_t from, instant_t to, instant_t **at_s,
                     size_t count, size_t *cap);

#endif
