/* support_rollout.h - a group on a good image in the modelled cloud, a new version beside it, and a rollout of it. */
#ifndef TESTS_SUPPORT_ROLLOUT_H
#define TESTS_SUPPORT_ROLLOUT_H

#include "scheduler/rollout.h"
#include "sim/cloud_transport.h"
#include "sim/fault.h"
#include "tests/support_cloud.h"

struct rolling {
    struct sim sim;
    struct fault_set *faults;
    struct cloud_transport wire;
    struct retry retry;
    struct cloud cloud;
    struct state state;
    struct lease lease;
    struct journal *journal;
    struct config config;
    struct config_environment environment;
    struct config_smoke smoke;
    struct rollout_order order;
    struct arena arena;
    char template_id[40], image_good[40], image_new[40], sha256[65];
    struct tag tags[2];
    const char *run;
};

/* app: what the new image's artifact says ("#!bakehour-app" and lines); group: members. */
void rolling_open(struct rolling *s, uint32_t seed, const char *app, int64_t group, int64_t max);
void rolling_open_with(struct rolling *s, const struct simcloud_options *options, const char *app, int64_t group,
                       int64_t max);
void rolling_fault(struct rolling *s, const char *rules); /* from now on */
void rolling_close(struct rolling *s);
/* A new process: the journal is read again, the transport lives again. */
void rolling_restart(struct rolling *s);
void rolling_restart_as(struct rolling *s, const char *run); /* another run */
/* Advances until there is a result, at most limit_s of virtual time. */
enum rollout_result rolling_run(struct rolling *s, int64_t limit_s, struct err *err);
/* Members in service of that image; -1 where the group's desired count or maximum is not as in the beginning. */
int64_t rolling_serving(struct rolling *s, const char *image);
int64_t rolling_outside(struct rolling *s); /* living instances of the run that are no members */
int64_t rolling_living(struct rolling *s, const char *image);

#endif
