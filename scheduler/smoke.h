/*
 * smoke.h - is this instance any good? What it answers, how fast, and for how long it has been up.
 *
 * One look never waits longer than the test's own limit; whoever asks decides when to look again. SMOKE_NOT_YET is
 * an instance that does not answer (it may still boot), SMOKE_BAD one that answers wrongly, which is worse.
 * Ownership: values and the caller's texts. Cost: one or two requests a test.
 */
#ifndef SCHEDULER_SMOKE_H
#define SCHEDULER_SMOKE_H

#include "scheduler/config.h"
#include "scheduler/osv.h"

enum smoke_result { SMOKE_GOOD, SMOKE_NOT_YET, SMOKE_BAD };

/* Every test of the list, in order, until one is not good; err then says why. An empty list asks OSv for its version:
 * something that answers. most_ms: no request is waited for longer, whatever its test allows (while a guest boots it
 * takes connections and answers none); 0: as the test has it. */
enum smoke_result smoke_look(const struct osv *osv, const struct config_smokes *smokes, int64_t most_ms,
                             struct err *err) MUST_USE;

/* Is the body what the pattern asks for? EXIT_INPUT for a pattern that is none. */
int smoke_pattern(const char *pattern, const char *body, bool *matches, struct err *err) MUST_USE;

#endif
