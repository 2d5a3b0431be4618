/*
 * outcomes.h - the outcomes of many policies over one history: outcome_run for each, but those whose deployments vector
 * lanes can work out are replayed side by side (lanes.h). The same figures to the last bit; the tests hold them
 * together.
 *
 * Ownership: struct outcomes is scratch of the caller's, outcomes_init .. outcomes_release; its arrays are kept from
 * one history to the next. Memory: a replay for each policy of a pass, 16 bytes a commit each; histories of more than
 * OUTCOMES_LANES_MOST commits are replayed one by one, so at most 64 MB.
 */
#ifndef SIM_OUTCOMES_H
#define SIM_OUTCOMES_H

#include "sim/lanes.h"
#include "sim/outcome.h"

#define OUTCOMES_LANES_LEAST 3 /* fewer policies of a kind are faster alone */
#define OUTCOMES_LANES_MOST  ((size_t)1 << 18)

struct outcomes {
    struct replay alone, lanes[LANES_MAX];
    size_t side_by_side; /* policies that went through lanes since outcomes_init: for tests and measurements */
};

void outcomes_init(struct outcomes *s);
void outcomes_release(struct outcomes *s);

/* Takes the outcome of policies[at] over, also when it fails. */
typedef int outcome_taker(void *context, size_t at, struct outcome *outcome, struct err *err);

/* Each policy once, in an order of its own. Fails with the first policy of the list that cannot be, or with what the
 * taker returns. */
int outcomes_each(struct outcomes *s, const struct policy *policies, size_t count, const struct model *model,
                  const struct commits *commits, outcome_taker *take, void *context, struct err *err) MUST_USE;

#endif
