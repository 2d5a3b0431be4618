/*
 * model.h - what a deployment costs besides its bake instance, and what is prepaid. The same for all policies of a
 * comparison. A value; amounts in 1e-10 USD, sizes in 1e-6 GB, durations in seconds. What is zero costs nothing.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "billing/reservation.h"
#include "scheduler/policy.h"
#include "sim/risks.h"

#define GB_UNITS ((int64_t)1000000) /* sizes are counted in millionths of a GB */

struct model {
    struct terms terms;     /* terms.price_per_hour = price_per_hour + licence_per_hour */
    money_t price_per_hour; /* of the instance type, on demand */
    money_t licence_per_hour;

    int64_t fleet;   /* instances behind the group, all replaced by each deployment */
    int64_t surge;   /* how many are replaced at once: a wave */
    int64_t drain_s; /* old instances stay this long after their wave */
    bool hour_end;   /* each wave waits until just before its paid hour ends, */
    int64_t limit_s; /* but at most so long after the bake */

    int64_t reserved; /* reservations of one instance each */
    enum reserved_model reserved_model;

    money_t runner_per_minute; /* a CI job is billed in whole minutes */
    struct meter ci_meter;
    int64_t image_size; /* changed blocks that one image stores */
    int64_t retain;     /* images kept */
    money_t storage_per_gb_month;
    int64_t fsr_zones; /* Fast Snapshot Restore is on in so many zones during each rollout */
    money_t fsr_per_hour;
    struct meter fsr_meter;
    int64_t nat_size; /* moved through a NAT gateway by each deployment */
    money_t nat_per_gb;

    struct failures failures;
    const struct risks *risks; /* their draws for the history at hand; NULL: nothing goes wrong */

    bool keep_hours; /* costs_of keeps what each clock hour used, for reservations that several services share */

    instant_t until; /* the books are kept until then at least; INSTANT_MIN: until the last deployment's end */
};

#endif
