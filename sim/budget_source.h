/*
 * budget_source.h - where a budget's figures come from: usage files, or the ledger with the budgets of bakehour.json.
 * For the budget commands and the report.
 *
 * Ownership: a struct budget_source is the caller's until budget_source_release, also when opening failed. Zeroed is
 * empty.
 */
#ifndef SIM_BUDGET_SOURCE_H
#define SIM_BUDGET_SOURCE_H

#include "billing/bill_files.h"
#include "billing/budget_format.h"
#include "billing/budget_guard.h"
#include "scheduler/config.h"

struct budget_options {
    struct bill_sources in;
    const char *config, *ledger, *environment, *project, *name;
    int64_t limit_usd, limit_hours; /* 0: not given */
    int64_t max_age_s;              /* 0: BUDGET_MAX_AGE_S */
    struct opt_instant at;
};

opt_set budget_opt_limit_usd, budget_opt_limit_hours, budget_opt_max_age;

#define BUDGET_LEDGER_OPTIONS(type, field)                                                                             \
    {"config", OPT_VALUE,                                                                                              \
     "FILE",   "the configuration whose budgets and ledger are taken (default: ./bakehour.json)",                      \
     opt_text, offsetof(type, field.config)},                                                                          \
        {"ledger", OPT_VALUE,                                                                                          \
         "FILE",   "the ledger (default: as the configuration says)",                                                  \
         opt_text, offsetof(type, field.ledger)},                                                                      \
        {"max-age",                                                                                                    \
         OPT_VALUE,                                                                                                    \
         "DURATION",                                                                                                   \
         "refuse a ledger whose last entry is older (default: 36h); stale figures are no green light",                 \
         budget_opt_max_age,                                                                                           \
         offsetof(type, field.max_age_s)},                                                                             \
        {"environment", OPT_VALUE,                                                                                     \
         "NAME",        "only what was booked for this environment",                                                   \
         opt_text,      offsetof(type, field.environment)},                                                            \
    {                                                                                                                  \
        "project", OPT_VALUE, "NAME", "only what was booked for this project", opt_text, offsetof(type, field.project) \
    }

#define BUDGET_AT_OPTION(type, field)                                                                                  \
    {                                                                                                                  \
        "at", OPT_VALUE, "TIME",                                                                                       \
            "its UTC month is the budget's; usage behind it is not known yet, and what still runs counts up to it "    \
            "(default: now)",                                                                                          \
            opt_instant, offsetof(type, field.at)                                                                      \
    }

struct budget_source {
    instant_t at;
    struct config *config;       /* NULL: none was read */
    struct ledger *ledger;       /* NULL: from usage files; else, where something is held, a settled view of it */
    struct bill_sources sources; /* of a ledger: what pays */
    struct bill_files held;
    struct budget_limits limits; /* of the configuration, then those of the options */
    const char *path;            /* where systems that want a place are sent */
    bool sample;
    struct spending spending; /* of the whole scope of the options */
};

/* Opens what there is to open and measures the month. need_limit: that no budget at all is EXIT_INPUT. */
int budget_source_open(struct budget_source *out, const struct budget_options *options, bool need_limit,
                       const struct session *session, struct err *err) MUST_USE;
void budget_source_release(struct budget_source *source);

/* The month's overrides up to source->at, of the scope of the options. Only of a ledger. */
int budget_source_overrides(const struct budget_source *source, const struct budget_options *options,
                            struct budget_overrides *out, struct err *err) MUST_USE;

#define BUDGET_HISTORY_DAYS 30
/* Cost by day up to the day of source->at; the caller frees ->usd. Only of a ledger. */
int budget_source_history(const struct budget_source *source, const struct budget_options *options, size_t days,
                          struct budget_history *out, struct err *err) MUST_USE;

#endif
