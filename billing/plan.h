/*
 * plan.h - Savings Plans held, and the rates at which they pay: records from CSV.
 *
 * Plans, by name: account,plan,family,region,hourly_usd,start,end; plan, hourly_usd, start and end are required;
 * account
 * "" is nobody's own. plan: ec2-instance (needs family and region) or compute. hourly_usd is the commitment; a plan
 * paid upfront commits to as much. The term is [start, end). Rates: type,region,os,effective,usd_per_hour,plan; os
 * linux where it is missing, plan "" serves both.
 *
 * Ownership: a struct plans or plan_rates is the caller's, from ..._open to ..._release; texts are numbers in the
 * caller's struct names. Errors: every bad row is reported by itself, then EXIT_INPUT.
 */
#ifndef BILLING_PLAN_H
#define BILLING_PLAN_H

#include "base/session.h"
#include "billing/calendar.h"
#include "billing/money.h"
#include "billing/names.h"

#define PLAN_RATE_MAX (MONEY_PER_USD * 1000) /* of an instance-hour; sums stay in 128 bits */

enum plan_kind { PLAN_EC2_INSTANCE, PLAN_COMPUTE };

struct plan {
    uint32_t account, family, region; /* family and region: PLAN_EC2_INSTANCE only */
    uint32_t line;
    enum plan_kind kind;
    money_t hourly_usd;
    instant_t start, end;
};

struct plans {
    char *name; /* of the file */
    struct plan *rows;
    size_t count, cap;
};

struct plan_rate {
    uint32_t type, region, os;
    bool serves[2]; /* by plan_kind */
    instant_t effective;
    money_t usd_per_hour;
};

struct plan_rates {
    struct plan_rate *rows;
    size_t count, cap;
};

int plans_open(struct plans *out, struct names *names, const char *path, const struct session *session,
               struct err *err) MUST_USE;
int plans_open_text(struct plans *out, struct names *names, const char *name, const char *text, size_t len,
                    const struct session *session, struct err *err) MUST_USE;
void plans_release(struct plans *plans);

int plan_rates_open(struct plan_rates *out, struct names *names, const char *path, const struct session *session,
                    struct err *err) MUST_USE;
int plan_rates_open_text(struct plan_rates *out, struct names *names, const char *name, const char *text, size_t len,
                         const struct session *session, struct err *err) MUST_USE;
void plan_rates_release(struct plan_rates *rates);

/* The rate in force, or -1 where the plan does not serve this usage. */
money_t plan_rate_at(const struct plan_rates *rates, enum plan_kind kind, uint32_t type, uint32_t region, uint32_t os,
                     instant_t at);
/* The first change of any rate of the usage after `at`, or INT64_MAX / 4. */
instant_t plan_rate_next_change(const struct plan_rates *rates, uint32_t type, uint32_t region, uint32_t os,
                                instant_t at);

const char *plan_kind_name(enum plan_kind kind); /* "ec2-instance", "compute" */

#endif
