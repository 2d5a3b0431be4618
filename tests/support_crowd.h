/*
 * support_crowd.h - many runners on one environment, in one process and in virtual time.
 *
 *      runner 1   runner 2   ...  runner 50      each a thread with its own machine: folder, jobs, client, holder
 *          \         |               /
 *           one at a time: whose turn is first    (the others stand still, so a seed gives one order of events)
 *                    |
 *      one modelled cloud, one store (in memory, or the modelled DynamoDB by each one's own client)
 *
 * A runner does as `bakehour deploy` does by the clock: it finishes what is unfinished, looks whether a commit waits
 * that the last completed deployment lacks, deploys it. Commits arrive at drawn times. Before and after each operation
 * of the store, each call to the cloud and each request to a guest a runner may be killed (the operation done or not;
 * another machine takes its place) or stand still: for a little, or past the end of its lease, then it goes on as
 * SIGCONT would let it, wherever it was: between the look at the lease and the call, too.
 *
 * What must hold is told by crowd_check. Nothing here fails a test by itself: threads are not cmocka's.
 */
#ifndef TESTS_SUPPORT_CROWD_H
#define TESTS_SUPPORT_CROWD_H

#include <stdio.h>

#include "scheduler/pipeline.h"

struct crowd_options {
    uint32_t seed;
    int runners, commits;
    bool dynamodb;      /* else the store in memory */
    const char *engine; /* of the rollout: attach, refresh, step */
    const char *keep;   /* of the policy: terminate, idle:600 */
    int64_t every_s;    /* between two looks of a runner, on average */
    bool loud;          /* tells what each runner says */
    int kills, pauses;  /* of the holder, one in so many of its operations; 0: none */
};

struct crowd_result {
    int64_t deployments, decisions;  /* records; runs that began */
    int64_t kills, pauses, overruns; /* overruns: pauses past the lease's end, of its holder */
    int64_t back; /* whose runners died so often that the dead-man ended what they had launched: rolled back, capped */
    int64_t overtaken;  /* decisions that did not stand any more under the lease */
    int64_t late_calls; /* calls that would have changed something, by who held the lease no more: none may be sent */
    int64_t entries;    /* of all journals */
    int64_t store_requests, store_requests_runs, cloud_calls;
    int64_t span_s;   /* virtual, from the first commit to the last deployment's end */
    uint64_t trace;   /* digest of everything that happened */
    char wrong[1024]; /* what does not hold; "" when all does */
};

/* Runs it to its end and looks at everything. 0, or -1 with wrong. */
int crowd_run(const struct crowd_options *options, struct crowd_result *out);

#endif
