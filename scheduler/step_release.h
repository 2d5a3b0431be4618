/* step_release.h - names and caps of a release, for the estimate and for clean-up. */
#ifndef SCHEDULER_STEP_RELEASE_H
#define SCHEDULER_STEP_RELEASE_H

#include "scheduler/pipeline_private.h"
#include "scheduler/rollout.h"

const char *release_configuration_name(struct pipeline *p); /* in p->calls */
int64_t release_cap_attempts(const struct config_environment *e, int64_t group);
int64_t release_cap_s(const struct config_environment *e, const struct rates *rates, int64_t attempts);
/* Of a run whose way back failed: is there one to go, as its journal knows? One more step of it; STOP, WAIT, BROKEN
 * again, or ROLLED_BACK or CAPPED. */
bool release_goes_back(const struct pipeline *p);
enum rollout_result release_back(struct pipeline *p, int64_t *again_ms, struct err *err);

#endif
