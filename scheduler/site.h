/*
 * site.h - what the commands that deploy have in common: configuration, environment, store, cloud, jobs, sinks.
 *
 * Opened once, from the options; everything a pipeline_world needs points into it. A SIGINT or SIGTERM after
 * site_open asks to leave: the pipeline journals and returns within 5 s.
 *
 * Ownership: a struct site is the caller's from site_open to site_close.
 */
#ifndef SCHEDULER_SITE_H
#define SCHEDULER_SITE_H

#include "base/opt.h"
#include "scheduler/pipeline.h"
#include "scheduler/sinks.h"

struct aws;

struct site_options {
    const char *config, *environment, *endpoint_url, *profile;
    int64_t speed; /* the twin's; 0: 1 */
    bool one_look; /* what the store holds of the environment is read once, until something is written */
};

#define SITE_OPTIONS(type, field)                                                                                      \
    {"Where", OPT_HEADING, NULL, NULL, NULL, 0},                                                                       \
        {"config", OPT_VALUE,                                                                                          \
         "FILE",   "the configuration (default: " CONFIG_FILE ")",                                                     \
         opt_text, offsetof(type, field) + offsetof(struct site_options, config)},                                     \
    {                                                                                                                  \
        "env", OPT_VALUE, "NAME", "the environment (default: the first of the configuration)", opt_text,               \
            offsetof(type, field) + offsetof(struct site_options, environment)                                         \
    }

#define SITE_CLOUD_OPTIONS(type, field)                                                                                \
    {"endpoint-url", OPT_VALUE,                                                                                        \
     "URL",          "where AWS's APIs are: the twin's address (default: AWS, AWS_ENDPOINT_URL)",                      \
     opt_text,       offsetof(type, field) + offsetof(struct site_options, endpoint_url)},                             \
        {"profile", OPT_VALUE,                                                                                         \
         "NAME",    "of the shared AWS configuration (default: AWS_PROFILE)",                                          \
         opt_text,  offsetof(type, field) + offsetof(struct site_options, profile)},                                   \
    {                                                                                                                  \
        "speed", OPT_VALUE, "X", "the twin's speed, so that waits are planned for it (default: 1)", opt_count,         \
            offsetof(type, field) + offsetof(struct site_options, speed)                                               \
    }

struct site {
    struct config *config;
    const struct config_environment *environment;
    struct state state;
    struct catalog *catalog;
    struct sinks *sinks;
    struct jobs jobs;
    struct jobs_real *jobs_self;
    struct aws *aws, *site_aws;
    struct transport *transport, *site_transport;
    struct retry retry, site_retry;
    struct session *session;
    char holder[128];
    struct pipeline_world world;
};

/* with_cloud false: only configuration and store, for commands that look. */
int site_open(struct site *s, const struct site_options *options, bool with_cloud, struct session *session,
              struct err *err) MUST_USE;
void site_close(struct site *s);

/* A store by its backend's name, as the configuration has it; needs only configuration. state_close before site_close.
 */
int site_open_state(struct site *s, const struct site_options *options, const char *backend, struct state *out,
                    struct err *err) MUST_USE;
struct state_table;
/* The table of the backend "dynamodb", whether it is there or not. */
int site_table(struct site *s, const struct site_options *options, struct state_table *out, struct err *err) MUST_USE;

/* What the store's past says: what the last deployment took, step by step (else what the original's did), and how many
 * builds fail. At opening, and again by whoever stays (watch). */
void site_learn(struct site *s);

#endif
