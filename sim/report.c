#include "sim/report.h"

#include <stdlib.h>
#include <string.h>

#include "sim/budget_chart.h"
#include "sim/frontier_chart.h"
#include "sim/report_page.h"

#define POLICIES_MOST 40

static const char *usd(money_t money, char to[MONEY_TEXT_SIZE])
{
    return money_short(money, to);
}

static void add_card(struct str *to, const char *what, const char *figure, const char *more)
{
    str_add(to, "<li>");
    page_text(to, what);
    str_add(to, "<b>");
    page_text(to, figure);
    str_add(to, "</b><span class=\"dim\">");
    page_text(to, more);
    str_add(to, "</span></li>\n");
}

static const char *worst_state(const struct report *r)
{
    int code = budget_exit_code(r->budgets, r->budget_count);
    return !r->budget_count ? "none set" : code == EXIT_OVER ? "over" : code ? "over by forecast" : "within limits";
}

static void add_summary(struct str *to, const struct report *r)
{
    const struct spending *s = &r->source->spending;
    char figure[64];
    char more[128];
    char low[MONEY_TEXT_SIZE];
    char high[MONEY_TEXT_SIZE];
    struct err err;
    int64_t spent = 0;
    int64_t forecast = 0;
    if (spending_so_far(s, BUDGET_USD, &spent, &err) || spending_forecast(s, BUDGET_USD, &forecast, &err))
        forecast = spent;
    str_add(to, "<ul class=\"cards\">\n");
    str_fit(figure, sizeof(figure), "%s USD", usd(spent, low));
    str_fit(more, sizeof(more), "%lld of %lld days", (long long)(s->elapsed_s / SECONDS_PER_DAY),
            (long long)(s->length_s / SECONDS_PER_DAY));
    add_card(to, "Spent this month", figure, more);
    str_fit(figure, sizeof(figure), "%s USD", usd(forecast, low));
    if (r->outlook.usd.known)
        str_fit(more, sizeof(more), "nine in ten: %s to %s", usd(r->outlook.usd.low, low),
                usd(r->outlook.usd.high, high));
    else
        str_fit(more, sizeof(more), "too few days for an interval");
    add_card(to, "Month's end at this rate", figure, more);
    str_fit(figure, sizeof(figure), "%zu", r->deployments.count);
    if (r->outlook.next.deployments)
        str_fit(more, sizeof(more), "the next costs about %s USD", usd(r->outlook.next.mean, low));
    else
        str_fit(more, sizeof(more), "none has ended yet");
    add_card(to, "Deployments this month", figure, more);
    str_fit(more, sizeof(more), "%zu %s", r->budget_count, r->budget_count == 1 ? "budget" : "budgets");
    add_card(to, "Budgets", worst_state(r), more);
    str_add(to, "</ul>\n");
}

static const char *state_words(enum budget_state state)
{
    static const char *const words[] = {"ok", "over by forecast", "over"};
    return words[state];
}

static void add_budgets(struct str *to, const struct report *r)
{
    static const char *const classes[] = {"ok", "warn", "over"};
    char text[3][BUDGET_AMOUNT_SIZE];
    str_add(to, "<h2>Budgets</h2>\n");
    if (!r->budget_count) {
        str_add(to, "<p class=\"dim\">No budget is set: \"budgets\" in bakehour.json, or --limit-usd.</p>\n");
        return;
    }
    page_table_begin(to, "Limits of the month; at a limit is over",
                     "Budget|Of|Unit|>Limit|>Spent|>Of limit|>Forecast|State");
    for (size_t i = 0; i < r->budget_count; i++) {
        const struct budget *b = &r->budgets[i];
        page_row(to, classes[b->state]);
        page_cell(to, true, false, "%s", b->name);
        page_cell(to, false, false, "%s%s%s", b->environment ? b->environment : "all",
                  b->environment && b->project ? ", " : "", b->project ? b->project : "");
        page_cell(to, false, false, "%s", b->unit == BUDGET_USD ? "USD" : "instance-hours");
        page_cell(to, false, true, "%s", budget_amount(b->unit, b->limit, false, text[0]));
        page_cell(to, false, true, "%s", budget_amount(b->unit, b->actual, false, text[1]));
        page_cell(to, false, true, "%lld %%", (long long)(b->actual_percent / 100));
        page_cell(to, false, true, "%s", budget_amount(b->unit, b->forecast, false, text[2]));
        page_cell(to, false, false, "%s", state_words(b->state));
    }
    page_table_end(to);
}

static void add_sums(struct str *to, const struct report_sums *sums, const char *caption, const char *headings)
{
    char text[MONEY_TEXT_SIZE];
    money_t total = 0;
    page_table_begin(to, caption, headings);
    for (size_t i = 0; i < sums->count; i++) {
        page_row(to, "");
        page_cell(to, true, false, "%s", *sums->list[i].name ? sums->list[i].name : "(nobody's)");
        page_cell(to, false, true, "%s", usd(sums->list[i].usd, text));
        total += sums->list[i].usd;
    }
    page_row(to, "");
    page_cell(to, true, false, "Together");
    page_cell(to, false, true, "%s", usd(total, text));
    page_table_end(to);
}

static void add_cost(struct str *to, const struct report *r)
{
    const struct budget_report chart = {.spending = &r->source->spending,
                                        .budgets = r->budgets,
                                        .count = r->budget_count,
                                        .path = "",
                                        .history = &r->history};
    struct str svg;
    struct str alt;
    struct err err;
    char month[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    int64_t spent = 0;
    str_init(&svg, 0);
    str_init(&alt, 0);
    str_add(to, "<h2>What the month cost</h2>\n");
    if (spending_so_far(&r->source->spending, BUDGET_USD, &spent, &err))
        spent = 0;
    str_addf(&alt,
             "Line chart: the cost of %s rises to %s USD so far, with the forecast for the month's end; below it, ",
             calendar_month_text(r->source->spending.month, month), usd(spent, text));
    str_add(&alt, "bars of what each of the last days cost. The figures stand in the tables.");
    bool drawn = budget_chart_svg(&chart, &svg, &err) == 0;
    page_figure(to, drawn ? &svg : NULL, alt.text, "Cost so far, the forecast and the limits; days are UTC",
                "The picture is missing: gnuplot is not installed (Debian: apt-get install gnuplot-nox).");
    add_sums(to, &r->by_kind, "By kind, as booked", "Kind|>USD");
    add_sums(to, &r->by_environment, "By environment, as booked", "Environment|>USD");
    str_release(&svg);
    str_release(&alt);
}

static void add_deployment(struct str *to, const struct report_deployment *d)
{
    char at[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    bool bad = *d->outcome && strcmp(d->outcome, "completed") != 0;
    page_row(to, "");
    page_cell(to, true, false, "%.16s", calendar_text(d->started, at));
    page_cell(to, false, false, "%s", d->environment);
    page_cell(to, false, false, "%.12s", d->commit);
    page_cell(to, false, true, "%s", usd(d->estimate_usd, text));
    page_cell(to, false, true, "%s", usd(d->actual_usd, text));
    page_cell(to, false, true, "%s", usd(d->actual_usd - d->estimate_usd, text));
    page_cell(to, false, false, "%s%s", bad ? "! " : "", *d->outcome ? d->outcome : "running");
}

#define DEPLOYMENT_HEADINGS "Started (UTC)|Environment|Commit|>Estimate|>Cost|>Off by|Outcome"

static void add_deployments(struct str *to, const struct report *r)
{
    const struct report_deployments *list = &r->deployments;
    size_t first = list->count > REPORT_DEPLOYMENTS ? list->count - REPORT_DEPLOYMENTS : 0;
    str_add(to, "<h2>Deployments</h2>\n");
    if (!list->count) {
        str_add(to, "<p class=\"dim\">None began this month.</p>\n");
        return;
    }
    page_table_begin(to, first ? "The last 50 of the month, USD" : "All of the month, USD", DEPLOYMENT_HEADINGS);
    for (size_t i = list->count; i > first; i--)
        add_deployment(to, &list->list[i - 1]);
    page_table_end(to);
}

static void add_storms(struct str *to, const struct report *r)
{
    const struct report_deployments *list = &r->deployments;
    size_t storms = 0;
    money_t cost = 0;
    char text[MONEY_TEXT_SIZE];
    str_add(to, "<h2>Retry storms</h2>\n");
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->list[i].outcome, "capped") == 0) {
            storms++;
            cost += list->list[i].actual_usd;
        }
    if (!storms) {
        str_add(to, "<p>No deployment of this month was stopped by the storm cap.</p>\n");
        return;
    }
    str_add(to, "<p>");
    page_textf(to, "%zu %s stopped by the storm cap and rolled back; cost: %s USD.", storms,
               storms == 1 ? "deployment was" : "deployments were", usd(cost, text));
    str_add(to, "</p>\n");
    page_table_begin(to, "Deployments that the storm cap stopped, USD", DEPLOYMENT_HEADINGS);
    for (size_t i = list->count; i > 0; i--)
        if (strcmp(list->list[i - 1].outcome, "capped") == 0)
            add_deployment(to, &list->list[i - 1]);
    page_table_end(to);
}

static void add_policies(struct str *to, const struct report *r)
{
    char label[2 * POLICY_TEXT_SIZE];
    char p50[INSTANT_TEXT_SIZE];
    char p95[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    size_t shown = 0;
    page_table_begin(to, "Policies that no other one beats", "Policy|>USD a month|>Lead p50|>Lead p95|Recommended");
    for (size_t i = 0; i < r->frontier->count && shown < POLICIES_MOST; i++) {
        const struct frontier_point *p = &r->frontier->points[i];
        if (p->dominated && p != r->best)
            continue;
        shown++;
        page_row(to, p == r->best ? "ok" : "");
        page_cell(to, true, false, "%s", outcome_policy_label(&p->outcome.policy, label));
        page_cell(to, false, true, "%s", usd(p->per_month, text));
        page_cell(to, false, true, "%s", duration_text(p->outcome.lead.percentile[STATS_P50], p50));
        page_cell(to, false, true, "%s", duration_text(p->outcome.lead.percentile[STATS_P95], p95));
        page_cell(to, false, false, "%s", p == r->best ? "yes" : "");
    }
    page_table_end(to);
}

static void add_frontier(struct str *to, const struct report *r)
{
    struct str svg;
    struct err err;
    str_add(to, "<h2>How often to deploy</h2>\n");
    if (!r->frontier) {
        str_add(to,
                "<p class=\"dim\">No history was given: --repo DIR or --log FILE draws the frontier of dollars a month "
                "against lead time.</p>\n");
        return;
    }
    str_init(&svg, 0);
    bool drawn = frontier_chart_svg(r->frontier, r->best, &svg, &err) == 0;
    page_figure(to, drawn ? &svg : NULL,
                "Scatter chart: dollars a month against the 95th percentile of lead time, a mark for each policy. The "
                "policies worth having stand in the table.",
                "Each mark is a policy, replayed on the history; nothing lies to the lower left of the line",
                "The picture is missing: gnuplot is not installed (Debian: apt-get install gnuplot-nox).");
    add_policies(to, r);
    str_add(to, "<p class=\"dim\">");
    page_textf(to, "%zu commits; %s; %s.", r->scenario->commits.count, r->scenario->price_text,
               r->scenario->pipeline_text);
    str_add(to, "</p>\n");
    str_release(&svg);
}

static void add_notes(struct str *to, const struct report *r)
{
    char at[INSTANT_TEXT_SIZE];
    str_add(to, "<h2>How to read this</h2>\n<p>");
    page_textf(to, "Everything rests on the ledger, whose knowledge ends at %s. ", calendar_text(r->known_until, at));
    page_text(to,
              "The cost by kind and environment is what is booked; spent also counts what still runs up to the time of "
              "the report, an opened hour whole. The forecast is the "
              "linear run rate: spent x length of the month / time elapsed in it; the interval takes the days of the "
              "last eight weeks as independent. Each figure can be asked for again: bakehour bill --ledger FILE --by "
              "day, month, kind, environment, project or deployment; bakehour budget check; bakehour budget forecast.");
    str_add(to, "</p>\n");
}

void report_html(const struct report *r, struct str *to)
{
    struct str title;
    char month[INSTANT_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    str_init(&title, 0);
    str_addf(&title, "Deployments and their cost, %s%s%s", calendar_month_text(r->source->spending.month, month),
             *r->project ? ": " : "", r->project);
    page_head(to, title.text);
    str_add(to, "<p class=\"dim\">");
    page_textf(to, "Up to %s. Amounts are in USD.", calendar_text(r->source->at, at));
    str_add(to, "</p>\n");
    add_summary(to, r);
    add_budgets(to, r);
    add_cost(to, r);
    add_deployments(to, r);
    add_storms(to, r);
    add_frontier(to, r);
    add_notes(to, r);
    page_foot(to);
    str_release(&title);
}

static void release_sums(struct report_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++)
        free(sums->list[i].name);
    free(sums->list);
}

void report_release(struct report *r)
{
    free(r->history.usd);
    release_sums(&r->by_kind);
    release_sums(&r->by_environment);
    for (size_t i = 0; i < r->deployments.count; i++) {
        struct report_deployment *d = &r->deployments.list[i];
        free(d->id);
        free(d->environment);
        free(d->commit);
        free(d->outcome);
    }
    free(r->deployments.list);
}
