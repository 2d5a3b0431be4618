/*
 * state_copy.h - everything that a state store holds of some environments, put into another one.
 *
 * Items keep their documents; versions begin anew. Errors: EXIT_INPUT while a lease is held in the store that is read,
 * and where the other one has deployments of its own. A copy that was cut short is begun again: what is there is
 * written over.
 */
#ifndef SCHEDULER_STATE_COPY_H
#define SCHEDULER_STATE_COPY_H

#include "scheduler/state.h"

int state_copy(const struct state *from, const struct state *to, const char *const *environments, size_t count,
               int64_t now_ms, size_t *copied, struct err *err) MUST_USE;

#endif
