/*
 * des_model.h - a delivery pipeline for the discrete-event core, from a JSON file.
 *
 *   arrivals --- batch --- stage 0 --- stage 1 --- ...        each stage: `servers` side by side, first come first
 *                                                             served, its steps one after the other
 *
 *   { "name": "M1", "commits": 1000000, "arrivals": {"mean_gap_s": 300},
 *     "batch": {"commits": 8, "seconds": 1800},
 *     "stages": [{"name": "pipeline", "servers": 3, "billed": true,
 *                 "steps": [{"name": "build", "seconds": 60, "low": 0.75, "high": 1.25}, ...]}],
 *     "regime": "hourly", "price_usd_per_hour": "0.10", "per_deploy_usd": "0" }
 *
 * `batch` closes by itself, at so many commits or so many seconds after its first, and waits in line; or, instead of
 * it, "trigger" and "keep" ask a policy (scheduler/policy.h) whenever the first stage has a free server, and all that
 * is pending goes (`every`: one). `billed` stages are billed for each deployment's stay. Steps with "instance": true
 * use the server's bake instance, which "keep" keeps; with "launch": true too they fall away when it is still there.
 *
 * Units: microseconds; factors in 2^-32; money in 1e-10 USD. A value; errors name the file and the key.
 */
#ifndef SIM_DES_MODEL_H
#define SIM_DES_MODEL_H

#include "scheduler/policy.h"

#define DES_STAGES_MAX  16
#define DES_STEPS_MAX   16
#define DES_SERVERS_MAX 1000
#define DES_SECOND      ((int64_t)1000000)
#define MODEL_FILE_MAX  ((size_t)1 << 20)

struct des_step {
    char name[32];
    int64_t least_us, spread_us; /* uniform between least and least + spread */
    bool exponential;            /* spread_us is the mean instead, above least_us */
    bool instance, launch;
};

struct des_stage {
    char name[32];
    int64_t servers;
    bool billed;
    struct des_step steps[DES_STEPS_MAX];
    size_t step_count;
};

struct des_model {
    char name[64];
    int64_t commits;       /* 0: those of a history */
    int64_t mean_gap_us;   /* Poisson arrivals */
    bool by_policy;        /* policy instead of batch_* */
    int64_t batch_commits; /* 0: no limit */
    int64_t batch_us;      /* DES_NEVER: no limit */
    struct policy policy;
    struct des_stage stages[DES_STAGES_MAX];
    size_t stage_count;
    enum regime regime;
    money_t price_per_hour, per_deploy, delay_price_per_commit_hour;
};

int des_model_parse(struct des_model *out, const char *name, const char *text, size_t len, struct err *err) MUST_USE;
int des_model_open(struct des_model *out, const char *path, struct err *err) MUST_USE;

#endif
