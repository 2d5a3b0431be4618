#include "sim/report.h"

#include <stdlib.h>
#include <string.h>

#include "sim/budget_chart.h"
#include "sim/frontier_chart.h"
#include "sim/report_page.h"
#include "sim/report_parts.h"
#include "sim/trouble_text.h"

#define POLICIES_MOST 40

static const char *const sections[][2] = {{"cost", "What the month cost"},     {"budgets", "Budgets"},
                                          {"frontier", "How often to deploy"}, {"deployments", "Deployments"},
                                          {"storms", "Retry storms"},          {"overrides", "Budgets overridden"},
                                          {"reading", "How to read this"},     {NULL, NULL}};
enum { COST, BUDGETS, FRONTIER, DEPLOYMENTS, STORMS, OVERRIDES, READING };

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
    str_add(to, "<ul class=\"cards\" aria-label=\"In short\">\n");
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
    page_section(to, sections[BUDGETS]);
    if (!r->budget_count) {
        str_add(to, "<p class=\"dim\">No budget is set: \"budgets\" in bakehour.json, or --limit-usd.</p>\n");
        page_section_end(to);
        return;
    }
    page_table_begin(to, "Limits of the month; at a limit is over",
                     "Budget|State|>Spent|>Limit|>Of limit|>Forecast|Unit|Of");
    for (size_t i = 0; i < r->budget_count; i++) {
        const struct budget *b = &r->budgets[i];
        page_row(to, classes[b->state]);
        page_cell(to, CELL_NAME, "%s", b->name);
        page_cell(to, CELL_STATE, "%s", state_words(b->state));
        page_cell(to, CELL_RIGHT, "%s", budget_amount(b->unit, b->actual, false, text[1]));
        page_cell(to, CELL_RIGHT, "%s", budget_amount(b->unit, b->limit, false, text[0]));
        page_cell(to, CELL_RIGHT, "%lld %%", (long long)(b->actual_percent / 100));
        page_cell(to, CELL_RIGHT, "%s", budget_amount(b->unit, b->forecast, false, text[2]));
        page_cell(to, CELL_TEXT, "%s", budget_unit_name(b->unit, r->source->spending.has_pool));
        page_cell(to, CELL_TEXT, "%s%s%s", b->environment ? b->environment : "all",
                  b->environment && b->project ? ", " : "", b->project ? b->project : "");
    }
    page_table_end(to);
    page_section_end(to);
}

static void add_sums(struct str *to, const struct report_sums *sums, const char *caption, const char *headings)
{
    char text[MONEY_TEXT_SIZE];
    money_t total = 0;
    page_table_begin(to, caption, headings);
    for (size_t i = 0; i < sums->count; i++) {
        page_row(to, "");
        page_cell(to, CELL_NAME, "%s", *sums->list[i].name ? sums->list[i].name : "(nobody's)");
        page_cell(to, CELL_RIGHT, "%s", usd(sums->list[i].usd, text));
        total += sums->list[i].usd;
    }
    page_row(to, "");
    page_cell(to, CELL_NAME, "Together");
    page_cell(to, CELL_RIGHT, "%s", usd(total, text));
    page_table_end(to);
}

static void add_cost(struct str *to, const struct report *r)
{
    const struct budget_report chart = {.spending = &r->source->spending,
                                        .budgets = r->budgets,
                                        .count = r->budget_count,
                                        .path = "",
                                        .history = &r->history};
    struct page_picture picture;
    struct str alt;
    struct err err;
    char month[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    int64_t spent = 0;
    str_init(&picture.wide, 0);
    str_init(&picture.narrow, 0);
    str_init(&alt, 0);
    page_section(to, sections[COST]);
    if (spending_so_far(&r->source->spending, BUDGET_USD, &spent, &err))
        spent = 0;
    str_addf(&alt,
             "Line chart: the cost of %s rises to %s USD so far, with the forecast for the month's end; below it, ",
             calendar_month_text(r->source->spending.month, month), usd(spent, text));
    str_add(&alt, "bars of what each of the last days cost. The figures stand in the tables.");
    if (budget_chart_svg(&chart, false, &picture.wide, &err) || budget_chart_svg(&chart, true, &picture.narrow, &err))
        str_clear(&picture.wide);
    page_figure(to, &picture, alt.text, "Cost so far, the forecast and the limits; days are UTC");
    str_add(to, "<div class=\"pair\">\n");
    add_sums(to, &r->by_kind, "By kind, as booked", "Kind|>USD");
    add_sums(to, &r->by_environment, "By environment, as booked", "Environment|>USD");
    str_add(to, "</div>\n");
    page_section_end(to);
    page_picture_release(&picture);
    str_release(&alt);
}

static void add_advice(struct str *to, const struct report *r)
{
    char label[2 * POLICY_TEXT_SIZE];
    char p50[INSTANT_TEXT_SIZE];
    char p95[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    const struct frontier_point *p = r->best;
    if (!p)
        return;
    str_add(to, "<p>");
    page_textf(
        to,
        "Recommended: %s. It costs %s USD a month; half of the commits are rolled out within %s, 19 of 20 within %s.",
        outcome_policy_label(&p->outcome.policy, label), usd(p->per_month, text),
        duration_text(p->outcome.lead.percentile[STATS_P50], p50),
        duration_text(p->outcome.lead.percentile[STATS_P95], p95));
    str_add(to, "</p>\n");
}

static void add_policies(struct str *to, const struct report *r)
{
    char label[2 * POLICY_TEXT_SIZE];
    char p50[INSTANT_TEXT_SIZE];
    char p95[INSTANT_TEXT_SIZE];
    char text[MONEY_TEXT_SIZE];
    size_t shown = 0;
    page_table_begin(to, "Policies that no other one beats; USD a month", "Policy|>USD|>Lead p50|>Lead p95|Advice");
    for (size_t i = 0; i < r->frontier->count && shown < POLICIES_MOST; i++) {
        const struct frontier_point *p = &r->frontier->points[i];
        if (p->dominated && p != r->best)
            continue;
        shown++;
        page_row(to, p == r->best ? "ok" : "");
        page_cell(to, CELL_NAME, "%s", outcome_policy_label(&p->outcome.policy, label));
        page_cell(to, CELL_RIGHT, "%s", usd(p->per_month, text));
        page_cell(to, CELL_RIGHT, "%s", duration_text(p->outcome.lead.percentile[STATS_P50], p50));
        page_cell(to, CELL_RIGHT, "%s", duration_text(p->outcome.lead.percentile[STATS_P95], p95));
        page_cell(to, CELL_STATE, "%s", p == r->best ? "recommended" : "");
    }
    page_table_end(to);
}

static void add_frontier(struct str *to, const struct report *r)
{
    struct page_picture picture;
    struct err err;
    page_section(to, sections[FRONTIER]);
    if (!r->frontier) {
        str_add(to,
                "<p class=\"dim\">No history was given: --repo DIR or --log FILE draws the frontier of dollars a month "
                "against lead time.</p>\n");
        page_section_end(to);
        return;
    }
    add_advice(to, r);
    str_init(&picture.wide, 0);
    str_init(&picture.narrow, 0);
    if (frontier_chart_svg(r->frontier, r->best, false, &picture.wide, &err) ||
        frontier_chart_svg(r->frontier, r->best, true, &picture.narrow, &err))
        str_clear(&picture.wide);
    page_figure(to, &picture,
                "Scatter chart: dollars a month against the 95th percentile of lead time, a mark for each policy. The "
                "policies worth having stand in the table.",
                "Each mark is a policy, replayed on the history: the lower the cheaper, the further left the faster");
    add_policies(to, r);
    str_add(to, "<p class=\"dim\">");
    page_textf(to, "%zu commits; %s; %s.", r->scenario->commits.count, r->scenario->price_text,
               r->scenario->pipeline_text);
    str_add(to, "</p>\n");
    page_section_end(to);
    page_picture_release(&picture);
}

static void add_notes(struct str *to, const struct report *r)
{
    char at[INSTANT_TEXT_SIZE];
    page_section(to, sections[READING]);
    str_add(to, "<p>");
    page_textf(to, "Everything rests on the ledger, whose knowledge ends at %s. ", calendar_text(r->known_until, at));
    page_text(to,
              "The cost by kind and environment is what is booked; spent also counts what still runs up to the time of "
              "the report, an opened hour whole. The forecast is the "
              "linear run rate: spent x length of the month / time elapsed in it; the interval takes the days of the "
              "last eight weeks as independent. Each figure can be asked for again: bakehour bill --ledger FILE --by "
              "day, month, kind, environment, project or deployment; bakehour budget check; bakehour budget forecast.");
    str_add(to, "</p>\n");
    page_section_end(to);
}

void report_html(const struct report *r, struct str *to)
{
    struct str title;
    char month[INSTANT_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    char about[128];
    str_init(&title, 0);
    str_addf(&title, "Deployments and their cost, %s%s%s", calendar_month_text(r->source->spending.month, month),
             *r->project ? ": " : "", r->project);
    str_fit(about, sizeof(about), "Up to %s. Amounts are in USD, times in UTC.", calendar_text(r->source->at, at));
    page_head(to, title.text, about, sections);
    add_summary(to, r);
    add_cost(to, r);
    add_budgets(to, r);
    add_frontier(to, r);
    page_section(to, sections[DEPLOYMENTS]);
    report_deployments_html(to, r);
    page_section_end(to);
    page_section(to, sections[STORMS]);
    report_storms_html(to, r);
    page_section_end(to);
    page_section(to, sections[OVERRIDES]);
    report_overrides_html(to, r);
    page_section_end(to);
    add_notes(to, r);
    page_foot(to, "Written by bakehour " BAKEHOUR_VERSION " from the ledger. This file asks nothing of the network.");
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
    ledger_storms_release(&r->storms);
    budget_overrides_release(&r->overrides);
}
