/*
 * budget_guard.h - budgets held against the ledger: for `budget check`, and for `deploy` before it starts.
 *
 * Spent is ledger_spent of the UTC month of `at` within the budget's scope; hours are billed instance-hours, or, where
 * prepaid pools are held, those that were drawn from them (in a settled_view: only settling tells them). The
 * forecast is the linear run rate (budget.h). A use without a price is an error, not a zero: what the month costs is
 * not known then. So is a ledger in which nothing was ever booked, and one that is older than max_age_s.
 *
 * The guard: a hard budget whose scope takes the deployment in refuses it where spent + estimate is at or above the
 * limit (hours: spent + the hours it will bill). An override is a reason, booked on the ledger under the deployment, by
 * whoever then goes on.
 */
#ifndef BILLING_BUDGET_GUARD_H
#define BILLING_BUDGET_GUARD_H

#include "base/str.h"
#include "billing/budget.h"
#include "billing/budget_config.h"
#include "billing/ledger.h"

#define BUDGET_MAX_AGE_S ((int64_t)36 * 3600)

/* That the ledger has something to tell at `at`: EXIT_INPUT where it is empty, stale, or has uses without a price. */
int budget_ledger_fresh(struct ledger *ledger, instant_t at, int64_t max_age_s, struct err *err) MUST_USE;

/* What a scope has spent in the month of `at`. NULL: all. held: with its pools, if any. The caller releases it by
 * spending_release. */
int budget_ledger_spending(struct spending *out, struct ledger *ledger, const char *environment, const char *project,
                           instant_t at, const struct reservations *held, struct err *err) MUST_USE;

/* Judges each limit; budgets has room for limits->count, their names live in limits. */
int budget_judge_limits(struct budget *budgets, const struct budget_limits *limits, struct ledger *ledger, instant_t at,
                        const struct reservations *held, struct err *err) MUST_USE;

struct budget_request {
    const char *deployment, *environment, *project; /* "" where there is none */
    instant_t now;
    money_t estimate_usd;
    int64_t estimate_instance_s;     /* billed seconds that the deployment will add */
    const char *override;            /* the reason, or NULL */
    const struct reservations *held; /* NULL: nothing */
};

/* Whether a hard limit takes the deployment in: then what was spent must be known. */
bool budget_guards(const struct budget_limits *limits, const struct budget_request *request);

enum budget_answer { BUDGET_GO, BUDGET_GO_OVERRIDDEN, BUDGET_REFUSED };

/* The answer; `why` (emptied first) says for people which limits stand in the way, or were overridden: one line each. A
 * ledger in which nothing was booked yet is a month without cost here: the first deployment must be able to start.
 * Writes nothing. */
int budget_guard(enum budget_answer *answer, struct str *why, struct ledger *ledger, const struct budget_limits *limits,
                 const struct budget_request *request, struct err *err) MUST_USE;

/* Books the reason of a request that was let through, with what stood in the way; once for each deployment and second.
 */
int budget_book_override(struct ledger *ledger, const struct budget_request *request, const char *why,
                         struct err *err) MUST_USE;

#endif
