/*
 * bill_files.h - the files that a bill is made from, and the options that name them: for every command that bills.
 *
 * Ownership: a struct bill_files is the caller's from bill_files_open to bill_files_release, also when opening failed.
 * Zeroed is empty. Errors: every file is read, so that the bad rows of all of them are reported at once.
 */
#ifndef BILLING_BILL_FILES_H
#define BILLING_BILL_FILES_H

#include "billing/bill.h"

/* What the options say. */
struct bill_sources {
    const char *usage, *reserved, *catalog;
    const char *resources, *commitments, *plan_rates;
    bool unlinked;
    struct opt_instant free_tier;
    enum regime_choice regime;
};

/* Rows of an option table, for a struct bill_sources that is the member `in` of the command's options. */
#define BILL_FILE_OPTIONS(type, in)                                                                                     \
    {"Input", OPT_HEADING, NULL, NULL, NULL, 0},                                                                        \
        {"usage",  OPT_VALUE,                                                                                           \
         "FILE",   "running periods, CSV: account,instance,type,region,zone,os,start,end (-: stdin), or a cost report", \
         opt_text, offsetof(type, in.usage)},                                                                           \
        {"reserved",                                                                                                    \
         OPT_VALUE,                                                                                                     \
         "FILE",                                                                                                        \
         "reservations, CSV: account, type, region, zone, os, count, model, upfront_usd, hourly_usd, start, end",       \
         opt_text,                                                                                                      \
         offsetof(type, in.reserved)},                                                                                  \
    {                                                                                                                   \
        "catalog", OPT_VALUE, "FILE",                                                                                   \
            "on-demand prices: CSV type,region,os,effective,usd_per_hour, an AWS price list, or a catalog of `prices "  \
            "import`",                                                                                                  \
            opt_text, offsetof(type, in.catalog)                                                                        \
    }

/* Besides reservations, what pays. */
#define BILL_HELD_OPTIONS(type, in)                                                                                    \
    {"commitments", OPT_VALUE,                                                                                         \
     "FILE",        "Savings Plans, CSV: account, plan, family, region, hourly_usd, start, end (needs --plan-rates)",  \
     opt_text,      offsetof(type, in.commitments)},                                                                   \
        {"plan-rates", OPT_VALUE,                                                                                      \
         "FILE",       "what Savings Plans pay an hour, CSV: type, region, os, effective, usd_per_hour, plan",         \
         opt_text,     offsetof(type, in.plan_rates)},                                                                 \
        {"free-tier",                                                                                                  \
         OPT_VALUE,                                                                                                    \
         "DATE",                                                                                                       \
         "the account was opened then: 750 hours of a micro a month are free for twelve months",                       \
         bill_opt_free_tier,                                                                                           \
         offsetof(type, in.free_tier)},                                                                                \
    {                                                                                                                  \
        "unlinked", OPT_FLAG, NULL, "reservations and plans serve their own account only", opt_flag,                   \
            offsetof(type, in.unlinked)                                                                                \
    }

/* And those that only whole bills take. */
#define BILL_MORE_OPTIONS(type, in)                                                                                    \
    {"resources",                                                                                                      \
     OPT_VALUE,                                                                                                        \
     "FILE",                                                                                                           \
     "storage, addresses and what else is no instance, CSV: account, resource, kind, quantity, unit, region, start, "  \
     "end, usd",                                                                                                       \
     opt_text,                                                                                                         \
     offsetof(type, in.resources)},                                                                                    \
        BILL_HELD_OPTIONS(type, in)

#define BILL_REGIME_OPTION(type, in)                                                                                   \
    {                                                                                                                  \
        "regime", OPT_VALUE, "auto|hourly|second", "how time is metered; auto: by operating system and date",          \
            bill_opt_regime, offsetof(type, in.regime)                                                                 \
    }

opt_set bill_opt_regime;    /* enum regime_choice */
opt_set bill_opt_free_tier; /* struct opt_instant */

struct bill_files {
    struct names *names;
    struct usage usage;
    struct reservations reservations;
    struct resources resources;
    struct plans plans;
    struct plan_rates plan_rates;
    struct catalog *catalog;
};

/* That there is usage, and that no two files come from stdin. */
int bill_sources_check(const struct bill_sources *sources, struct err *err) MUST_USE;
/* until: see usage_open. */
int bill_files_open(struct bill_files *out, const struct bill_sources *sources, const instant_t *until,
                    const struct session *session, struct err *err) MUST_USE;
/* Only what is held and what it pays: reservations, plans, their rates, and the catalog where one is named. */
int bill_files_open_held(struct bill_files *out, const struct bill_sources *sources, const struct session *session,
                         struct err *err) MUST_USE;
void bill_files_release(struct bill_files *files);

/* Of the whole of them, without a window. */
struct bill_input bill_files_input(const struct bill_files *files, const struct bill_sources *sources);

/* What to know about a bill's figures, number 0 and up; NULL: that was all. sample: the prices are those shipped. */
const char *bill_note(bool sample, bool has_pool, int number);

#endif
