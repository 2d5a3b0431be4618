/*
 * config.h - bakehour.json: what is deployed, where to, how, and what it may cost.
 *
 * JSON with comments (// to the end of the line, and the C form). Every key stands in one table (config_schema.c) with
 * its type, its default, its limits and its documentation: reader, checks, the starter of `config init`, the list of
 * `config keys` and the nearest-name suggestions all come from it.
 *
 * Ownership: a struct config is the caller's from config_open to config_free; every text lives in its arena. Read-only
 * afterwards. Units: seconds, money in 1e-10 USD. Absent texts are "", never NULL.
 * Errors: each bad key or value is reported as FILE:LINE:COLUMN, all of them, then EXIT_INPUT.
 */
#ifndef SCHEDULER_CONFIG_H
#define SCHEDULER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/session.h"
#include "base/str.h"
#include "billing/money.h"
#include "scheduler/policy.h"

#define CONFIG_FILE         "bakehour.json"
#define CONFIG_MAX          ((size_t)1 << 20)
#define CONFIG_COMMAND_LINE 1023 /* bytes that OSv's loader takes */

struct config_texts {
    const char **items;
    size_t count;
};

struct config_pairs {
    struct config_pair {
        const char *name, *value;
    } * items;
    size_t count;
};

struct config_repository {
    const char *path, *branch, *remote;
    bool fetch;
};

struct config_build {
    struct config_texts test, build; /* argv; one text alone is run by sh -c */
    struct config_texts keep_env;
    const char *artifact, *directory;
    int64_t test_limit_s, build_limit_s;
};

struct config_file {
    const char *from, *to;
};

struct config_files {
    struct config_file *items;
    size_t count;
};

struct config_image {
    const char *base, *instance_type, *profile, *artifact_path, *command_line, *order, *reset, *prelaunch;
    struct config_files files;
    struct config_pairs variables;
    int64_t flush_wait_s, boot_limit_s, upload_limit_s, image_limit_s;
};

struct config_network {
    const char *subnet, *security_group, *address, *runner_cidr, *runner_cidr_env;
    bool open_port, runner_cidr_wide;
};

struct config_osv {
    int64_t port;
    bool tls;
    const char *ca_file, *client_cert_file, *client_key_file;
};

struct config_signing {
    struct config_texts public_key_files; /* none: artifacts need no signature */
    const char *signature, *private_key_file;
};

struct config_smoke {
    const char *path, *body, *version;
    int64_t port, status, within_ms, retry_s, uptime_s;
    bool tls;
};

struct config_smokes {
    struct config_smoke *items;
    size_t count;
};

struct config_policy {
    const char *trigger_text, *keep_text;
    money_t delay_price, per_deploy;
    int64_t margin_s;
    struct policy policy; /* the texts, parsed */
};

struct config_rollout {
    const char *engine, *canary, *replace, *probe;
    int64_t surge, min_healthy_percent, drain_s, grace_s, boot_limit_s;
    bool dead_man;
    const char *dead_man_role;
    int64_t replace_limit_s; /* hour-end: a wait for the hour's end, at most */
};

struct config_storm {
    int64_t attempts; /* 0: half the group, rounded up, at least 3, at most 200 */
    money_t limit_usd;
};

struct config_environment {
    const char *name, *group, *template_kind, *template_name, *instance_type, *region, *profile, *kms_key;
    struct config_pairs variables;
    struct config_smokes smoke;
    struct config_policy policy;
    struct config_rollout rollout;
    struct config_storm storm;
    int64_t retain_images;
};

struct config_environments {
    struct config_environment *items;
    size_t count;
};

struct config_retention {
    int64_t images;
};

struct config_state {
    const char *backend, *path, *table;
    int64_t lease_s;
};

struct config_prices {
    const char *catalog, *regime, *os;
    const char *reserved, *commitments, *plan_rates, *free_tier; /* what pays: held.h */
    bool unlinked;
    money_t instance_per_hour, runner_per_minute, snapshot_per_gb_month, transfer_per_gb;
    int64_t image_gb, retained_days;
};

struct config_sink {
    const char *kind, *path, *url, *url_env, *token_env;
    struct config_texts events;
};

struct config_sinks {
    struct config_sink *items;
    size_t count;
};

struct config {
    const char *project, *region;
    struct config_repository repository;
    struct config_build build;
    struct config_image image;
    struct config_network network;
    struct config_osv osv;
    struct config_signing signing;
    struct config_smokes smoke;
    struct config_policy policy;
    struct config_rollout rollout;
    struct config_storm storm;
    struct config_retention retention;
    struct config_environments environments;
    struct config_state state;
    const char *ledger;
    struct config_prices prices;
    struct config_sinks sinks;
    const cJSON *budgets; /* as it stands in the file; NULL: none */
    char *file;           /* the name it was read from */
    cJSON *document;
    char *text; /* the document's, comments blanked: positions refer to it */
    struct arena arena;
};

/* Reads and checks; reports go to session->err. */
int config_open(struct config **out, const char *path, const struct session *session, struct err *err) MUST_USE;
/* The same from memory; out NULL as the reports' stream only counts them. */
int config_parse(struct config **out, const char *name, const char *text, size_t len, FILE *reports,
                 struct err *err) MUST_USE;
void config_free(struct config *config);

/* name "" or NULL: the first. */
const struct config_environment *config_environment(const struct config *c, const char *name, struct err *err);
/* The environment to which `promote` goes on from this one, or NULL. */
const struct config_environment *config_next_environment(const struct config *c, const struct config_environment *e);

/* The environment's image is a copy: in another region, or encrypted with the environment's key (but where it has it:
 * image_has_key). */
bool config_copies(const struct config *c, const struct config_environment *e);

/* The template with {artifact}, {project}, {environment}, {commit} and the variables put in. */
int config_command_line(const struct config *c, const struct config_environment *e, const char *commit, struct str *out,
                        struct err *err) MUST_USE;

/* Where a node of config->document stands. */
void config_position(const struct config *c, const cJSON *node, bool of_key, size_t *line, size_t *column);

/* The commented starter, and the list of all keys as Markdown. */
void config_starter(struct str *out, const char *project);
void config_reference(struct str *out);

#endif
