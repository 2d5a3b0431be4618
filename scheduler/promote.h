/*
 * promote.h - which image goes on to the next environment.
 *
 * The image of the newest good deployment of the environment it comes from. Where that environment has a copy (another
 * region, a key of its own), what goes on is the image that the copy was made from: it is where the bake runs, from
 * where images are shared and copied. Where the store knows nothing of that environment, the tags do: the newest image
 * that says it was proven there.
 *
 * Ownership: the texts live in the arena. Errors: EXIT_INPUT where there is nothing to promote, EXIT_FAILED where the
 * cloud does not answer. Cost: nothing but the store, or one or two describe calls.
 */
#ifndef SCHEDULER_PROMOTE_H
#define SCHEDULER_PROMOTE_H

#include "base/arena.h"
#include "scheduler/pipeline.h"

/* w is of the environment where it goes to. *by_tags: the store did not know. */
int promote_order(const struct pipeline_world *w, const struct config_environment *from, struct arena *arena,
                  struct pipeline_order *out, bool *by_tags, struct err *err) MUST_USE;

#endif
