/*
 * graph.h - the steps of a deployment, which needs which, and how long they take.
 *
 *   pull --+--> test ----------------------------------------------+
 *          |                                                       |
 *          +--> build --+                                          v
 *                       +--> upload --> command line --> image --> register --> rollout --> clean-up
 *   instance -----------+
 *
 * Tests run beside the build and the bake: an image is registered only after its tests have passed. The bake instance
 * boots beside the build. Clean-up delays nobody: the deployment counts as made when the rollout is.
 *
 * Pure functions, whole seconds.
 */
#ifndef SCHEDULER_GRAPH_H
#define SCHEDULER_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

enum step {
    STEP_PULL,
    STEP_TEST,
    STEP_BUILD,
    STEP_INSTANCE,
    STEP_UPLOAD,
    STEP_COMMAND_LINE,
    STEP_IMAGE,
    STEP_REGISTER,
    STEP_ROLLOUT,
    STEP_CLEANUP,
    STEPS
};

const char *step_name(enum step s); /* "command-line" */
unsigned step_needs(enum step s);   /* a bit for each step it waits for */

/* How long each takes: of the rollout, one wave. */
struct durations {
    int64_t s[STEPS];
};

/*
 * The original pipeline's 17 minutes, step by step. Only the total is its authors'; how it divides is an assumption:
 * pull 15, test 180, build 165, launch and boot 90, upload 25, command line 5, image 210, register 10, a wave 150,
 * clean-up 20; two waves.
 */
struct durations durations_original(void);

/* What sets one run apart from another. */
struct graph_run {
    unsigned skipped; /* bits of steps that take no time: a bake that is found, an instance that is there */
    int64_t waves;
    int64_t
        canary_s; /* what the rollout takes beside its waves: a canary that is proven and let go first, and the like */
    bool boots_late; /* the bake instance is launched when the build is over */
    int64_t copy_s;  /* the image's way to another region or account, before it is registered there; 0: none */
};

/* When each step ends, counted from the start, and the end of the rollout: the longest path. on_path gets a bit for
 * each step of the path. */
int64_t graph_critical_path(const struct durations *d, const struct graph_run *run, int64_t ends[STEPS],
                            unsigned *on_path);
/* One after the other, clean-up too: what the original took. */
int64_t graph_serial(const struct durations *d, int64_t waves);

#endif
