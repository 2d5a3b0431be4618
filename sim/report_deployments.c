/* report_deployments.c - what was deployed in the month: deployments, storms that the cap ended, overridden budgets. */
#include <string.h>

#include "sim/report_page.h"
#include "sim/report_parts.h"
#include "sim/trouble_text.h"

/* "08-15 22:03": the year stands in the title, and a phone is narrow. */
static const char *minute_text(instant_t at, char to[INSTANT_TEXT_SIZE])
{
    char text[INSTANT_TEXT_SIZE];
    calendar_text(at, text);
    str_fit(to, INSTANT_TEXT_SIZE, "%.5s %.5s", text + 5, text + 11);
    return to;
}

static bool is_bad(const struct report_deployment *d)
{
    return *d->outcome && strcmp(d->outcome, "completed") != 0;
}

static const char *outcome_text(const struct report_deployment *d)
{
    return *d->outcome ? d->outcome : "running";
}

static void add_deployment(struct str *to, const struct report_deployment *d, bool overridden)
{
    char at[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    page_row(to, is_bad(d) ? "warn" : "");
    page_cell(to, CELL_NAME, "%s", minute_text(d->started, at));
    page_cell(to, CELL_STATE, "%s%s", outcome_text(d), overridden ? ", by override" : "");
    page_cell(to, CELL_RIGHT, "%s", money_short(d->actual_usd, text));
    page_cell(to, CELL_RIGHT, "%s", money_short(d->estimate_usd, text));
    page_cell(to, CELL_RIGHT, "%s", money_short(d->actual_usd - d->estimate_usd, text));
    page_cell(to, CELL_TEXT, "%s", d->id);
    page_cell(to, CELL_TEXT, "%.12s", d->commit);
}

void report_deployments_html(struct str *to, const struct report *r)
{
    const struct report_deployments *list = &r->deployments;
    size_t first = list->count > REPORT_DEPLOYMENTS ? list->count - REPORT_DEPLOYMENTS : 0;
    if (!list->count) {
        str_add(to, "<p class=\"dim\">None began this month.</p>\n");
        return;
    }
    page_table_begin(
        to, first ? "The last 50 of the month, the newest first; USD" : "All of the month, the newest first; USD",
        "Started|Outcome|>Cost|>Estimate|>Off by|Deployment|Commit");
    for (size_t i = list->count; i > first; i--)
        add_deployment(to, &list->list[i - 1], budget_override_of(&r->overrides, list->list[i - 1].id) != NULL);
    page_table_end(to);
}

/* What stopped a storm, or nothing did: launches that failed, or the word of the outcome alone. */
static const struct ledger_storm *storm_of_deployment(const struct report *r, const struct report_deployment *d)
{
    return ledger_storm_of(&r->storms, d->id);
}

static bool is_stormy(const struct report *r, const struct report_deployment *d)
{
    return strcmp(d->outcome, "capped") == 0 || storm_of_deployment(r, d);
}

static void add_storm(struct str *to, const struct report *r, const struct report_deployment *d)
{
    const struct ledger_storm *s = storm_of_deployment(r, d);
    char at[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    char hours[INSTANT_TEXT_SIZE];
    page_row(to, is_bad(d) ? "warn" : "");
    page_cell(to, CELL_NAME, "%s", minute_text(d->started, at));
    page_cell(to, CELL_STATE, "%s", outcome_text(d));
    if (s) {
        page_cell(to, CELL_RIGHT, "%lld", (long long)s->attempts);
        page_cell(to, CELL_RIGHT, "%s", hours_text(s->billed_s, 2, hours));
        page_cell(to, CELL_RIGHT, "%s", hours_text(s->cap_s, 2, hours));
        page_cell(to, CELL_RIGHT, "%s", hours_text(ledger_storm_uncapped_s(s, LEDGER_STORM_NIGHT), 2, hours));
    } else {
        for (int i = 0; i < 4; i++)
            page_cell(to, CELL_RIGHT, "not known");
    }
    page_cell(to, CELL_RIGHT, "%s", money_short(d->actual_usd, text));
    page_cell(to, CELL_TEXT, "%s", d->id);
}

/* What one would cost where a history and a risk are given: as `simulate` says it. */
static void add_modelled(struct str *to, const struct report *r)
{
    struct str text;
    if (!r->scenario || !r->scenario->model.failures.boot)
        return;
    str_init(&text, 0);
    trouble_storm_text(&r->scenario->model, &text);
    str_add(to, "<p>By the model, ");
    page_text(to, text.text);
    str_add(to, "</p>\n");
    str_release(&text);
}

static void add_storm_words(struct str *to, size_t storms, size_t capped, money_t cost)
{
    char text[MONEY_TEXT_SIZE];
    str_add(to, "<p>");
    if (!storms)
        page_text(to, "No deployment of this month launched an image in vain, and none was stopped by the storm cap.");
    else
        page_textf(
            to,
            "The new image of %zu %s did not start; %zu %s stopped by the storm cap and rolled back. Together they "
            "cost %s USD.",
            storms, storms == 1 ? "deployment" : "deployments", capped, capped == 1 ? "was" : "were",
            money_short(cost, text));
    str_add(to, "</p>\n");
}

void report_storms_html(struct str *to, const struct report *r)
{
    const struct report_deployments *list = &r->deployments;
    size_t storms = 0;
    size_t capped = 0;
    money_t cost = 0;
    for (size_t i = 0; i < list->count; i++)
        if (is_stormy(r, &list->list[i])) {
            storms++;
            capped += strcmp(list->list[i].outcome, "capped") == 0;
            cost += list->list[i].actual_usd;
        }
    add_storm_words(to, storms, capped, cost);
    if (storms) {
        page_table_begin(to, "Instances launched in vain, in billed instance-hours",
                         "Started|Outcome|>Failed launches|>Instance-hours|>Cap allowed|>Uncapped, a night|>Cost, USD|"
                         "Deployment");
        for (size_t i = list->count; i > 0; i--)
            if (is_stormy(r, &list->list[i - 1]))
                add_storm(to, r, &list->list[i - 1]);
        page_table_end(to);
        str_add(to,
                "<p class=\"dim\">\"Cap allowed\" was printed before the rollout began. \"Uncapped\" is what a group "
                "without a cap would have launched in the 8 hours that nobody looks: each slot again as soon as the "
                "last instance is gone, at the pace seen here, each launch billed by its meter.</p>\n");
    }
    add_modelled(to, r);
}

void report_overrides_html(struct str *to, const struct report *r)
{
    const struct budget_overrides *list = &r->overrides;
    char at[INSTANT_TEXT_SIZE];
    if (!list->count) {
        str_add(to, "<p>No deployment of this month went on over a hard budget.</p>\n");
        return;
    }
    size_t first = list->count > REPORT_DEPLOYMENTS ? list->count - REPORT_DEPLOYMENTS : 0;
    page_table_begin(to,
                     first ? "The last 50 deployments that went on over a hard budget, the newest first"
                           : "Deployments that went on over a hard budget, the newest first",
                     "When|Deployment|Reason|Limits");
    for (size_t i = list->count; i > first; i--) {
        const struct budget_override *o = &list->items[i - 1];
        page_row(to, "");
        page_cell(to, CELL_NAME, "%s", minute_text(o->at, at));
        page_cell(to, CELL_TEXT, "%s", o->deployment);
        page_cell(to, CELL_WORDS, "%s", o->reason);
        page_cell(to, CELL_WORDS, "%s", o->limits);
    }
    page_table_end(to);
}
