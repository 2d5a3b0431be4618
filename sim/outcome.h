/*
 * outcome.h - everything that one policy did to one history: the figures that commands print.
 *
 * A struct outcome is owned by the caller (outcome_run .. outcome_release). Money is rounded once, half to even, from
 * the exact sums. Cost: one replay, one pass over the deployments, order statistics of the lead times.
 */
#ifndef SIM_OUTCOME_H
#define SIM_OUTCOME_H

#include <cjson/cJSON.h>

#include "sim/cost.h"
#include "sim/stats.h"

struct outcome {
    struct policy policy;
    struct costs costs;
    struct stats lead;
    int64_t first_start, last_end;
    int64_t launch_s; /* billed seconds of a rental with one bake */
    money_t by_kind[COST_KINDS];
    money_t money, waiting, cost; /* cost = money + waiting */
    struct exact money_exact;
    int64_t delivered;   /* commits; the others were reverted */
    bool troubled;       /* things could go wrong */
    struct mishaps went; /* counts only, no items */
};

/* scratch keeps its arrays from policy to policy. With trace_pool the prepaid hours' course is kept in costs.pool. */
int outcome_run(struct outcome *out, const struct policy *policy, const struct model *model,
                const struct commits *commits, struct replay *scratch, bool trace_pool, struct err *err) MUST_USE;
/* The same of a replay that decider made of all the commits. */
int outcome_of(struct outcome *out, const struct decider *decider, const struct model *model,
               const struct commits *commits, struct replay *replay, struct err *err) MUST_USE;
bool outcome_troubled(const struct model *model); /* attempts.h does it, not replay.h */
/* The figures of a replay that is there already; policy gives the keep that it was billed by. */
int outcome_of_replay(struct outcome *out, const struct policy *policy, const struct model *model,
                      struct replay *replay, struct err *err) MUST_USE;
void outcome_release(struct outcome *out);

/* The four measures of delivery (DORA): beside the lead time, successful rollouts a day between the first start and
 * the last end (over a day at least), the share of rollouts that were undone, and how long that took on average. */
double outcome_deployments_per_day(const struct outcome *o);
double outcome_failure_rate(const struct outcome *o);
double outcome_restore_mean_s(const struct outcome *o); /* 0: nothing was undone */

double outcome_lead_mean_s(const struct cost_month *month);

/* The policy as the contract's JSON object; corrected is the history's count. */
cJSON *outcome_json(const struct outcome *o, const struct model *m, size_t corrected);

/* By how many percent a is above b, as text: "-57 %"; "" when b is zero. _csv is for scripts: "-56.93". */
const char *outcome_percent_text(money_t a, money_t b, char to[POLICY_TEXT_SIZE]);
const char *outcome_percent_csv(money_t a, money_t b, char to[POLICY_TEXT_SIZE]);
/* "window:900 + hour", and for people "window:15m + hour"; both are read back by the options. */
const char *outcome_policy_text(const struct policy *p, char to[2 * POLICY_TEXT_SIZE]);
const char *outcome_policy_label(const struct policy *p, char to[2 * POLICY_TEXT_SIZE]);

#endif
