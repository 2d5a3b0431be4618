/*
 * scenario.h - the options that `simulate`, `plan` and `optimum` share, and what they make: a history and a model.
 *
 * struct scenario_args is what the options set; scenario_load turns it into a struct scenario, which the caller gives
 * back with scenario_release.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <cjson/cJSON.h>

#include "billing/option.h"
#include "sim/failure_args.h"
#include "sim/given.h"
#include "sim/history.h"
#include "sim/model.h"
#include "sim/replay.h"
#include "sim/workload.h"

struct scenario_args {
    const char *log, *repo, *branch, *workload;
    struct opt_instant from, to;
    bool skip_bad;
    int64_t push_gap_s;

    struct given prepare_s, boot_s, bake_s, rollout_s;
    const char *calibration;

    struct given price;
    const char *instance, *region, *os, *catalog, *regime;
    struct opt_instant date;
    money_t per_deploy, delay_price, launch, licence;
    int64_t margin_s;

    int64_t fleet, surge, drain_s;
    int64_t reserved;
    const char *reserved_model;
    money_t runner_per_minute, nat_per_gb;
    int64_t image_size;
    struct given nat_size, retain, storage_per_gb_month, fsr_per_hour;
    int64_t fsr_zones;

    struct failure_args failure;
    uint32_t replication; /* whose draws: each service of an organisation has its own luck */
};

#define SCENARIO_AT(type, member) (offsetof(type, scenario) + offsetof(struct scenario_args, member))
#define SCENARIO_VALUE(type, name, arg, set, member, help)                                                             \
    {                                                                                                                  \
        name, OPT_VALUE, arg, help, set, SCENARIO_AT(type, member)                                                     \
    }
#define SCENARIO_HEADING(text)                                                                                         \
    {                                                                                                                  \
        text, OPT_HEADING, NULL, NULL, NULL, 0                                                                         \
    }

/* clang-format off */
/* The rows of an option table; type is the command's struct, whose member `scenario` is a struct scenario_args. */
#define SCENARIO_HISTORY_OPTIONS(type)                                                                                \
    SCENARIO_HEADING("History"),                                                                                      \
    SCENARIO_VALUE(type, "repo", "DIR", opt_text, repo, "a git repository: the first-parent history of its branch"),   \
    SCENARIO_VALUE(type, "branch", "B", opt_text, branch, "its branch, or any revision (default: HEAD)"),             \
    SCENARIO_VALUE(type, "log", "FILE", opt_text, log,                                                                \
                   "a log instead: TSV or TSV.gz, unix seconds in the first column; - is stdin"),                     \
    SCENARIO_VALUE(type, "workload", "FILE", opt_text, workload,                                                      \
                   "a history drawn from a model of arrivals (bakehour workload fit); a new one each run"),           \
    SCENARIO_VALUE(type, "from", "TIME", opt_instant, from, "only commits that arrived at TIME or later"),             \
    SCENARIO_VALUE(type, "to", "TIME", opt_instant, to, "only commits that arrived before TIME"),                      \
    {"skip-bad", OPT_FLAG, NULL, "pass over lines that are no commit times (else they are refused)", opt_flag,        \
     SCENARIO_AT(type, skip_bad)}

#define SCENARIO_PRICE_OPTIONS(type)                                                                                  \
    SCENARIO_VALUE(type, "price", "USD_PER_HOUR", opt_given_price, price, "of the bake instance"),                     \
    SCENARIO_VALUE(type, "instance", "TYPE", opt_text, instance,                                                      \
                   "its type instead, priced from the catalog (default m5.large)"),                                   \
    SCENARIO_VALUE(type, "region", "R", opt_text, region, "region of the price (default us-east-1)"),                  \
    SCENARIO_VALUE(type, "os", "OS", opt_text, os, "linux, windows, rhel or suse (default linux)"),                    \
    SCENARIO_VALUE(type, "date", "D", opt_instant, date, "prices and regime as they were on D (default: today)"),      \
    SCENARIO_VALUE(type, "catalog", "FILE", opt_text, catalog,                                                        \
                   "prices: CSV type,region,os,effective,usd_per_hour, an AWS price list, or a catalog of `prices import` (default: the shipped sample)"),             \
    SCENARIO_VALUE(type, "regime", "R", opt_text, regime,                                                             \
                   "hourly or second (default: the one in force for the OS today, or on --date)"),                    \
    SCENARIO_VALUE(type, "per-deploy", "USD", opt_price, per_deploy, "what else each deployment costs"),               \
    SCENARIO_VALUE(type, "delay-price", "USD", opt_price, delay_price, "what a commit's waiting costs, per hour")

#define SCENARIO_OPTIONS(type)                                                                                        \
    SCENARIO_HISTORY_OPTIONS(type),                                                                                   \
    SCENARIO_TERMS_OPTIONS(type)

/* All but where the history is. */
#define SCENARIO_TERMS_OPTIONS(type)                                                                                  \
    SCENARIO_VALUE(type, "push-gap", "S", opt_span, push_gap_s,                                                       \
                   "commits within S seconds of the one before arrive with it, as one push (default 0: no)"),         \
    SCENARIO_HEADING("Pipeline: seconds, 15m, 2h; what is not given takes none (all: 17 min)"), \
    SCENARIO_VALUE(type, "prepare", "S", opt_given_duration, prepare_s, "pull, test, build"),                          \
    SCENARIO_VALUE(type, "boot", "S", opt_given_duration, boot_s, "launch and boot of a new bake instance"),           \
    SCENARIO_VALUE(type, "bake", "S", opt_given_duration, bake_s, "upload, command line, create the image"),           \
    SCENARIO_VALUE(type, "rollout", "S", opt_given_duration, rollout_s, "roll the image out"),                         \
    SCENARIO_VALUE(type, "calibration", "FILE", opt_text, calibration, "all four from a JSON file"),                   \
    SCENARIO_HEADING("Money: what is not given costs nothing"),                                                       \
    SCENARIO_PRICE_OPTIONS(type),                                                                                     \
    SCENARIO_VALUE(type, "launch-usd", "USD", opt_price, launch, "what a launch costs beyond its seconds"),            \
    SCENARIO_VALUE(type, "licence-usd-per-hour", "USD", opt_price, licence, "a licence, paid as the instance is"),     \
    SCENARIO_VALUE(type, "margin", "S", opt_span, margin_s,                                                           \
                   "--keep hour ends the instance so long before its paid hour does (default 0)"),                    \
    SCENARIO_VALUE(type, "runner-usd-per-minute", "USD", opt_price, runner_per_minute,                                \
                   "CI runner, whole minutes, prepare to rollout"),                                                   \
    SCENARIO_VALUE(type, "image-gb", "GB", opt_size, image_size, "changed blocks that each image stores"),             \
    SCENARIO_VALUE(type, "retain", "N", opt_given_count, retain, "images kept, the newest (default 3)"),               \
    SCENARIO_VALUE(type, "storage-usd-per-gb-month", "USD", opt_given_price, storage_per_gb_month,                    \
                   "of stored images (default: the sample's snapshot price)"),                                        \
    SCENARIO_VALUE(type, "fsr-zones", "N", opt_count, fsr_zones, "zones with Fast Snapshot Restore during a rollout"), \
    SCENARIO_VALUE(type, "fsr-usd-per-hour", "USD", opt_given_price, fsr_per_hour,                                    \
                   "of one zone (default: the sample's price)"),                                                      \
    SCENARIO_VALUE(type, "nat-usd-per-gb", "USD", opt_price, nat_per_gb, "NAT gateway traffic of a deployment"),       \
    SCENARIO_VALUE(type, "nat-gb", "GB", opt_given_size, nat_size, "how much that is (default: --image-gb)"),          \
    SCENARIO_HEADING("Fleet and prepaid hours"),                                                                      \
    SCENARIO_VALUE(type, "fleet", "N", opt_count, fleet, "instances of the same type that each deployment replaces"),  \
    SCENARIO_VALUE(type, "surge", "N", opt_count, surge, "how many at once (default: all)"),                              \
    SCENARIO_VALUE(type, "drain", "S", opt_span, drain_s, "how long the old ones run on beside the new"),              \
    SCENARIO_VALUE(type, "reserved", "N", opt_count, reserved, "reservations of that type, paid already"),             \
    SCENARIO_VALUE(type, "reserved-model", "M", opt_text, reserved_model,                                             \
                   "pool (744 h a month each) or clock-hour (3,600 s in each clock hour; default)"),                  \
    FAILURE_OPTIONS(type)
/* clang-format on */

struct scenario {
    struct history history;
    bool drawn; /* from workload, */
    struct workload workload;
    instant_t drawn_from, drawn_to; /* what of it is selected */
    int64_t *ready_s;               /* with --push-gap */
    struct commits commits;
    struct model model;
    struct risks risks;      /* model.risks, where anything goes wrong */
    char price_text[200];    /* "m5.large in us-east-1, linux: 0.0960 USD an hour (sample catalog)" */
    char pipeline_text[200]; /* "prepare 10 min, boot 30 s, bake 210 s, rollout 3 min" */
    bool usual_pipeline;     /* no duration was given */
    bool dated;              /* a scenario of the past */
    instant_t date;
    const char *type, *region, *os; /* of the price; type NULL with --price */
    int64_t push_gap_s;
    instant_t span_from, span_to; /* of the history: [from, to) where given, else first and last arrival */
};

/* The history of one replication: the scenario's own, or a new one drawn from its workload. Buffers are kept from one
 * to the next; release with world_release. */
struct world {
    int64_t *arrival_s, *ready_s;
    size_t arrival_cap, ready_cap;
};
int scenario_world(const struct scenario *s, uint32_t seed, uint32_t replication, struct world *world,
                   struct commits *out, struct err *err) MUST_USE;
void world_release(struct world *world);

/* need_source: without --log and --repo it is an error that says what to write. */
int scenario_load(struct scenario *s, const struct scenario_args *args, const struct session *session,
                  struct err *err) MUST_USE;
/* Makes the model anew by other options; the history stays. */
int scenario_remodel(struct scenario *s, const struct scenario_args *args, const struct session *session,
                     struct err *err) MUST_USE;
void scenario_release(struct scenario *s);

/* The lines above every table: history, pipeline, prices. */
void scenario_print(const struct scenario *s, const struct session *session);
void scenario_json(const struct scenario *s, cJSON *document);
/* The model's part of both. */
void scenario_model_print(const struct scenario *s, const struct session *session);
void scenario_model_json(const struct scenario *s, cJSON *document);

/* Exact money of the span as dollars a month (of 365.2425 / 12 days), rounded half to even. */
int scenario_per_month(const struct scenario *s, const struct exact *money, money_t *out) MUST_USE;

#endif
