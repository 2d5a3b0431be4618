/*
 * budget_format.h - judged budgets in the forms that people and CI systems read.
 *
 *   text, csv     a table
 *   json          schema bakehour.budget/1: budgets[] {name, limit_usd, actual_usd, forecast_usd, state}, _hours for a
 *                 pool's; environment and project where it has one; history[] {day, usd}
 *   github        workflow commands: ::error for over, ::warning for forecast-over, ::notice for ok; of each at most
 * the ten that GitHub shows, the tenth saying how many more there are gitlab        a Code Quality report: an array
 * with an entry for each budget that is over junit         a test case for each budget, failed where it is over sarif
 * 2.1.0, a result for each budget that is over markdown      a comment for a change
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
#include "billing/overrides.h"

#define BUDGET_COMMENT_MAX ((size_t)64 << 10)   /* bytes; GitHub takes so many characters */
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

/* What each UTC day cost, up to the day of the report. */
struct budget_history {
    int64_t first_day; /* since 1970-01-01 */
    money_t *usd;
    size_t count;
};

struct budget_report {
    const struct spending *spending;
    const struct budget *budgets;
    size_t count;
    const char *path; /* of the usage or the configuration: where systems that want a place are sent */
    bool sample;      /* the prices are those shipped */
    const struct budget_history *history;     /* NULL: not known */
    const struct budget_overrides *overrides; /* of the month; NULL: not known */
};

#define BUDGET_FORMATS "text|json|github|gitlab|junit|sarif|markdown"
opt_set budget_opt_format; /* enum budget_format */

/* The session's form decides where format is FORMAT_UNSAID. */
void budget_print(const struct budget_report *report, enum budget_format format, const struct session *session);

/* Eight heights from the least to the most: "▁▃█", a letter a day; a day without cost is "▁". Negative days count as 0.
 */
void budget_sparkline(const struct budget_history *history, struct str *to);

/* At most max bytes, of which a kilobyte is needed: where all budgets are more, the worst of them and how many are left
 * out. */
void budget_markdown(const struct budget_report *report, size_t max, struct str *to);
/* Appends the Markdown to the file, as $GITHUB_STEP_SUMMARY is to be used. EXIT_FAILED when it cannot, or when the
 * file would pass BUDGET_SUMMARY_MAX: it is left as it was then. */
int budget_append_summary(const struct budget_report *report, const char *path, struct err *err) MUST_USE;

#endif
