/*
 * report.h - one self-contained HTML file: the month's cost, budgets, where there is a history the frontier of
 * policies, deployments, storms (launched in vain: billed, allowed by the cap, without one) and overridden budgets. No
 * script and no request to anywhere; pictures are gnuplot's SVG inside the file.
 *
 * Readable on a phone (one column, tables that scroll by themselves with what matters first, pictures drawn for it), in
 * the dark (prefers-color-scheme, pictures too), printed, and by a screen reader (landmarks, headings in order,
 * captions and scopes in tables, every picture's message in its alternative text; states are words, never colours
 * alone).
 *
 * A struct report is filled by the command; what it points to is the caller's. Errors: gnuplot missing or failing
 * leaves a sentence in the picture's place, since the figures stand in the tables all the same.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "base/str.h"
#include "billing/ledger_storm.h"
#include "billing/overrides.h"
#include "sim/budget_source.h"
#include "sim/frontier.h"
#include "sim/outlook.h"

#define REPORT_DEPLOYMENTS 50 /* the last so many are listed */

struct report_deployment {
    char *id, *environment, *commit, *outcome;
    instant_t started, ended;
    money_t estimate_usd, actual_usd;
};

struct report {
    const struct budget_source *source;
    const struct budget *budgets;
    size_t budget_count;
    struct budget_history history; /* its days are the report's */
    struct outlook_extra outlook;
    const char *project; /* or "" */
    struct report_sums {
        struct report_sum {
            char *name;
            money_t usd;
        } * list;
        size_t count, cap;
    } by_kind, by_environment;
    struct report_deployments {
        struct report_deployment *list; /* of the month, in the order of their start */
        size_t count, cap;
    } deployments;
    struct ledger_storms storms;       /* of the month */
    struct budget_overrides overrides; /* of the month */
    const struct scenario *scenario;   /* NULL: no history */
    const struct frontier *frontier;
    const struct frontier_point *best;
    instant_t known_until;
};

void report_html(const struct report *report, struct str *to);
void report_release(struct report *report); /* the lists */

#endif
