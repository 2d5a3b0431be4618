/*
 * mishap.h - what went wrong in a replay: for the costs, which book it, and for the reports, which count it.
 *
 * Kept inside struct replay and given back with it. Ascending by deployment; instants in unix seconds.
 */
#ifndef SIM_MISHAP_H
#define SIM_MISHAP_H

#include <stddef.h>
#include <stdint.h>

enum mishap_kind {
    MISHAP_JOB,      /* a CI job that ended without a deployment: length_s from `at` on */
    MISHAP_LATE,     /* a deployment whose job took length_s instead of usual_s */
    MISHAP_LAUNCH,   /* a bake instance that ran length_s and did not come up */
    MISHAP_STORM,    /* the group launched `launches` times, one each length_s, `slots` at a time; nothing rolled out */
    MISHAP_ROLLBACK, /* the deployment was rolled out, and back from `at` on */
};

struct mishap {
    enum mishap_kind kind;
    size_t deployment; /* of STORM and ROLLBACK: which; of the others: the next one */
    int64_t at, length_s, usual_s, launches, slots;
};

struct mishaps {
    struct mishap *items;
    size_t count, cap;
    int64_t attempts;
    int64_t failed_builds, failed_launches, storms, storm_launches, rolled_back;
    int64_t culprits, reverted; /* commits */
    int64_t restores, restore_sum_s, restore_max_s;
    int64_t ended_at; /* the last attempt's end */
};

#endif
