/*
 * failure_args.h - the options that say what goes wrong, and how a fleet is rolled.
 *
 * Part of struct scenario_args; failure_args_apply checks them and fills the model. Probabilities are decimals from 0
 * to 1 with at most nine decimals. What would stop every deployment for ever is EXIT_INPUT.
 */
#ifndef SIM_FAILURE_ARGS_H
#define SIM_FAILURE_ARGS_H

#include "base/opt.h"
#include "sim/given.h"
#include "sim/model.h"

struct failure_args {
    struct given build, bake, boot, smoke, culprit, caught; /* in 1e-9 */
    bool culprit_fit;                                       /* --culprit fit: the history's share of reverts */
    const char *on_fail;
    struct given bake_tries, detect_s, rollback_s, storm_cycle_s, storm_cap, storm_usd, night_s;
    const char *rollout_mode;
    struct given limit_s;
    struct given seed;
};

#define PROBABILITY_ONE ((int64_t)1000000000)

opt_set opt_probability; /* struct given, in 1e-9 */
opt_set opt_culprit;     /* struct failure_args: a probability or "fit" */

/* Once the model's fleet and durations are set. */
int failure_args_apply(const struct failure_args *args, struct model *m, const struct session *session,
                       struct err *err) MUST_USE;
uint32_t failure_args_seed(const struct failure_args *args);

/* clang-format off */
#define FAILURE_AT(type, member) (SCENARIO_AT(type, failure) + offsetof(struct failure_args, member))
#define FAILURE_VALUE(type, name, arg, set, member, help)                                                             \
    {name, OPT_VALUE, arg, help, set, FAILURE_AT(type, member)}

#define FAILURE_OPTIONS(type)                                                                                         \
    FAILURE_VALUE(type, "rollout-mode", "M", opt_text, rollout_mode,                                                  \
                  "naive, or hour-end: each wave waits until just before its paid hour ends"),                        \
    FAILURE_VALUE(type, "rollout-limit", "S", opt_given_duration, limit_s,                                            \
                  "hour-end waits at most so long behind the bake (default 1h)"),                                     \
    SCENARIO_HEADING("What goes wrong: probabilities from 0 to 1"),                                                   \
    FAILURE_VALUE(type, "fail-build", "P", opt_probability, build, "build or tests fail by themselves; tried again"),  \
    FAILURE_VALUE(type, "fail-bake", "P", opt_probability, bake, "a launched bake instance does not come up"),         \
    FAILURE_VALUE(type, "bake-tries", "N", opt_given_count, bake_tries,                                               \
                  "launches before the attempt is given up (default 3)"),                                             \
    FAILURE_VALUE(type, "fail-boot", "P", opt_probability, boot,                                                      \
                  "an image does not boot in the group, which launches it again and again: a storm"),                 \
    FAILURE_VALUE(type, "fail-smoke", "P", opt_probability, smoke, "the smoke test fails by itself; rolled back"),     \
    {"culprit", OPT_VALUE, "P",                                                                                       \
     "a commit breaks the deployment it is in; fit: the history's share of reverts", opt_culprit,                     \
     SCENARIO_AT(type, failure)},                                                                                     \
    FAILURE_VALUE(type, "caught", "P", opt_probability, caught,                                                       \
                  "share of culprits that the tests find; the others are found in production (default 0)"),           \
    FAILURE_VALUE(type, "on-fail", "HOW", opt_text, on_fail,                                                          \
                  "bisect: deploy halves until the culprit is found; revert: it is known (default bisect)"),          \
    FAILURE_VALUE(type, "detect", "S", opt_given_duration, detect_s,                                                  \
                  "from a bad rollout's end to the smoke test's verdict (default 0)"),                                \
    FAILURE_VALUE(type, "rollback", "S", opt_given_duration, rollback_s,                                              \
                  "how long rolling back takes (default: as --rollout)"),                                             \
    FAILURE_VALUE(type, "storm-cycle", "S", opt_given_duration, storm_cycle_s,                                        \
                  "from one launch of a broken image to the next (default 3m)"),                                      \
    FAILURE_VALUE(type, "storm-cap", "N", opt_given_count, storm_cap,                                                 \
                  "launches a slot before a storm is stopped; 0: nobody does, for a night (default: half the fleet, " \
                  "3 to 200)"),                                                                                       \
    FAILURE_VALUE(type, "storm-usd", "USD", opt_given_price, storm_usd, "or when it has cost so much"),                \
    FAILURE_VALUE(type, "night", "S", opt_given_duration, night_s, "how long nobody looks (default 8h)"),              \
    FAILURE_VALUE(type, "seed", "X", opt_given_count, seed, "of all draws (default 1)")
/* clang-format on */

#endif
