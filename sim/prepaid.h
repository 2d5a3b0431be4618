/*
 * prepaid.h - the two questions about reserved hours: how many deployments a month do they leave free and when do they
 * run out; and would buying another reservation pay?
 *
 * Ownership: both structs are the caller's; release what was filled.
 */
#ifndef SIM_PREPAID_H
#define SIM_PREPAID_H

#include "base/session.h"
#include "billing/offers.h"
#include "sim/scenario.h"
#include "sim/outcome.h"

struct prepaid_month {
    int month;
    int64_t pool_hours;       /* prepaid */
    int64_t fleet_hours;      /* what the fleet, undisturbed, uses of them in the whole month */
    int64_t free_deployments; /* what is left, in deployments that launch */
    int64_t deployments;
    instant_t ran_out; /* the clock hour, INSTANT_MAX: never */
};

struct prepaid {
    struct prepaid_month *months; /* pool model only */
    size_t count;
    money_t deployment_after; /* a deployment that launches, all kinds but stored images and the fleet, once the hours
                                 are used up */
    struct outcome outcome;   /* the recommended policy again, with the pool's course */
    bool filled;
};

int prepaid_fill(struct prepaid *p, const struct policy *policy, const struct scenario *s, struct err *err) MUST_USE;
void prepaid_release(struct prepaid *p);

struct offer_verdict {
    int years;
    enum payment payment;
    instant_t seen;
    money_t fee_per_year;     /* upfront spread over the term, and the hourly fee of 8,760 hours (a pool: 12 x 744) */
    money_t saved_per_year;   /* on-demand money that it would have covered */
    money_t net_per_year;     /* saved - fee: above zero it pays */
    int64_t used_hours;       /* a year, that it would have covered */
    int64_t break_even_hours; /* a year, from which it pays */
};

struct offer_list {
    struct offer_verdict *items;
    size_t count;
    const char *path; /* where they are from; NULL: the sample */
    bool asked;
};

/* Each offer for the scenario's type, region and OS against this policy on this history; path "": the sample. */
int offers_judge(struct offer_list *list, const char *path, const struct policy *policy, const struct scenario *s,
                 const struct session *session, struct err *err) MUST_USE;
void offer_list_release(struct offer_list *list);

#endif
