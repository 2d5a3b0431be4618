/*
 * sweep_run.h - simulate --sweep: runs a sweep's points, keeps them, prints and draws them.
 *
 * The history is read once; each point makes the model anew. Ctrl-C ends the sweep behind the last whole point: what is
 * done is printed, and kept where --out says, and a message says how to go on; the exit code is then EXIT_FAILED.
 */
#ifndef SIM_SWEEP_RUN_H
#define SIM_SWEEP_RUN_H

#include "sim/policy_list.h"
#include "sim/runs_args.h"
#include "sim/scenario.h"
#include "sim/sweep.h"

struct sweep_args {
    struct sweep sweep;
    const char *out, *plot;
};

opt_set opt_sweep; /* struct sweep_args */

#define SWEEP_OPTIONS(type, member)                                                                                    \
    {"Sweeps", OPT_HEADING, NULL, NULL, NULL, 0},                                                                      \
        {"sweep",                                                                                                      \
         OPT_VALUE,                                                                                                    \
         "NAME=V,V,...",                                                                                               \
         "one simulation for each value, as price=0.05,0.1,fleet=1,5,20 (all combinations) or bake=60..600/10",        \
         opt_sweep,                                                                                                    \
         offsetof(type, member)},                                                                                      \
        {"out",    OPT_VALUE,                                                                                          \
         "FILE",   "a sweep's rows as CSV, written as they are done; the same command goes on where it was stopped",   \
         opt_text, offsetof(type, member.out)},                                                                        \
    {                                                                                                                  \
        "plot", OPT_VALUE, "FILE", "draw the sweep: heat-maps, or lines for one parameter; .png or .svg", opt_text,    \
            offsetof(type, member.plot)                                                                                \
    }

/* runs: NULL for single runs. */
int sweep_run(struct sweep_args *args, const struct scenario_args *scenario, const struct policy_list *policies,
              const struct mc_options *runs, const char *policy_table, const struct session *session,
              struct err *err) MUST_USE;

#endif
