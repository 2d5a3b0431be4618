/*
 * budget_format.h - judged budgets in the forms that people and CI systems read.
 *
 *   text, csv     a table
 *   json          schema bakehour.budget/1: budgets[] {name, limit_usd, actual_usd, forecast_usd, state}, _hours for a
 *                 pool's
 *   github        workflow commands: ::error for over, ::warning for forecast-over, ::notice for ok
 *   gitlab        a Code Quality report: an array with an entry for each budget that is over
 *   junit         a test case for each budget, failed where it is over
 *   sarif         2.1.0, a result for each budget that is over
 *   markdown      a comment for a change
 *
 * Rule ids are stable: budget-usd-over, budget-usd-forecast-over, budget-hours-over, budget-hours-forecast-over. So are
 * fingerprints: SHA-256 of the budget's name, a line break and the rule id; no amount and no time is in them.
 */
#ifndef BILLING_BUDGET_FORMAT_H
#define BILLING_BUDGET_FORMAT_H

#include "base/opt.h"
#include "base/session.h"
#include "base/str.h"
#include "billing/budget.h"

#define BUDGET_SUMMARY_MAX ((size_t)1024 << 10) /* bytes; GitHub refuses a step's summary beyond */

enum budget_format {
    FORMAT_UNSAID, /* as the session says: text, JSON or CSV */
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_GITHUB,
    FORMAT_GITLAB,
    FORMAT_JUNIT,
    FORMAT_SARIF,
    FORMAT_MARKDOWN,
};

struct budget_report {
    const struct spending *spending;
    const struct budget *budgets;
    size_t count;
    const char *path; /* of the usage: where systems that want a place are sent */
    bool sample;      /* the prices are those shipped */
};

#define BUDGET_FORMATS "text|json|github|gitlab|junit|sarif|markdown"
opt_set budget_opt_format; /* enum budget_format */

/* The session's form decides where format is FORMAT_UNSAID. */
void budget_print(const struct budget_report *report, enum budget_format format, const struct session *session);

void budget_markdown(const struct budget_report *report, struct str *to);
/* Appends the Markdown to the file, as $GITHUB_STEP_SUMMARY is to be used. EXIT_FAILED when it cannot, or when the
 * file would pass BUDGET_SUMMARY_MAX: it is left as it was then. */
int budget_append_summary(const struct budget_report *report, const char *path, struct err *err) MUST_USE;

#endif
