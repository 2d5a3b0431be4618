/*
 * budget_config.h - the list `budgets` of bakehour.json: which limits there are, of what, and how hard.
 *
 *   "budgets": [
 *     {"name": "shop", "limit_usd": "500", "project": "shop", "hard": true},
 *     {"name": "staging", "limit_usd": 80, "environment": "staging", "actual_percent": 90, "forecast_percent": 120},
 *     {"name": "prepaid", "limit_hours": 744, "forecast_percent": 0}
 *   ]
 *
 *   name              needed, and no other budget's
 *   limit_usd         what a UTC month may cost: a text of at most ten decimals, or a whole number; above zero
 *   limit_hours       instead: the billed instance-hours of a month, which prepaid hours must last for; six decimals
 *   environment       only what was booked for it; absent: all
 *   project           the same
 *   actual_percent    of the limit, at or above which the month is over (exit 3); whole, 1 to 1000, default 100
 *   forecast_percent  of the limit, at or above which the forecast is over (exit 4); 0: the forecast is not looked at
 *   hard              true: `deploy` refuses to start what would reach the limit; default false
 *
 * Ownership: a struct budget_limits is the caller's until budget_limits_release; its texts live inside it.
 * Errors: each bad place is handed to `report`, then EXIT_INPUT. budgets NULL: none, which is no error.
 */
#ifndef BILLING_BUDGET_CONFIG_H
#define BILLING_BUDGET_CONFIG_H

#include <cjson/cJSON.h>

#include "base/err.h"
#include "billing/budget.h"

struct budget_limit {
    char *name, *environment, *project; /* NULL: all */
    enum budget_unit unit;
    int64_t limit;
    int64_t actual_percent, forecast_percent;
    bool hard;
};

struct budget_limits {
    struct budget_limit *items;
    size_t count, cap;
};

/* node: where it is, of_key: its key rather than its value. May be NULL: bad places are only counted. */
typedef void budget_config_report(void *context, const cJSON *node, bool of_key, const char *text);

int budget_config_parse(struct budget_limits *out, const cJSON *budgets, budget_config_report *report, void *context,
                        struct err *err) MUST_USE;
void budget_limits_release(struct budget_limits *limits);

#endif
