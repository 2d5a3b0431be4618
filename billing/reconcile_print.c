#include "billing/reconcile_print.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "base/str.h"

#define SHARE_TEXT 40

static instant_t hour_start(uint32_t hour)
{
    return (instant_t)hour * SECONDS_PER_HOUR;
}

/* part of whole in hundredths of a percent, "87.50 %"; "-" of nothing. */
static const char *share_text(int128 part, int128 whole, char to[SHARE_TEXT])
{
    if (whole <= 0) {
        str_fit(to, SHARE_TEXT, "-");
        return to;
    }
    int64_t hundredths = (int64_t)num_div_half_even(part * 10000, whole);
    str_fit(to, SHARE_TEXT, "%s%lld.%02d %%", hundredths < 0 ? "-" : "", (long long)llabs((long long)hundredths) / 100,
            (int)(llabs((long long)hundredths) % 100));
    return to;
}

/* Of what was paid for, the part that was used: by units where the report tells them, else by money. */
static const char *utilisation(const struct commitment_view *v, char to[SHARE_TEXT])
{
    if (v->total)
        return share_text(v->used, (int128)v->used + v->unused, to);
    return share_text(v->used_usd, (int128)v->used_usd + v->unused_usd, to);
}

static struct coverage_view all_types(const struct reconcile *r)
{
    const struct coverage_view *views;
    size_t count = reconcile_coverage(r, &views);
    struct coverage_view all = {.type = "all"};
    for (size_t i = 0; i < count; i++) {
        all.on_demand_s += views[i].on_demand_s;
        all.reserved_s += views[i].reserved_s;
        all.plan_s += views[i].plan_s;
    }
    return all;
}

static const char *coverage_text(const struct coverage_view *v, char to[SHARE_TEXT])
{
    int128 covered = (int128)v->reserved_s + v->plan_s;
    return share_text(covered, covered + v->on_demand_s, to);
}

/* ---- JSON ---- */

static void json_usd(cJSON *object, const char *name, money_t usd)
{
    char text[MONEY_TEXT_SIZE];
    json_text(object, name, money_text(usd, text));
}

static void json_instant(cJSON *object, const char *name, instant_t at)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(object, name, calendar_text(at, text));
}

static void views_json(const struct reconcile *r, cJSON *document)
{
    cJSON *types = json_object(document, "by_line_type");
    money_t unblended = 0;
    money_t amortised = 0;
    for (int t = 0; t < COST_TYPES; t++) {
        const struct cost_view *view = reconcile_view(r, (enum cost_type)t);
        unblended += view->unblended_usd;
        amortised += view->amortised_usd;
        if (!view->lines)
            continue;
        cJSON *object = json_object(types, cost_type_name((enum cost_type)t));
        json_i64(object, "lines", view->lines);
        json_usd(object, "unblended_usd", view->unblended_usd);
        json_usd(object, "amortised_usd", view->amortised_usd);
    }
    json_usd(document, "unblended_usd", unblended);
    json_usd(document, "amortised_usd", amortised);
}

static void commitments_json(const struct reconcile *r, cJSON *document)
{
    const struct commitment_view *views;
    size_t count = reconcile_commitments(r, &views);
    char share[SHARE_TEXT];
    cJSON *list = json_array(document, "commitments");
    for (size_t i = 0; i < count; i++) {
        const struct commitment_view *v = &views[i];
        cJSON *object = json_object(list, NULL);
        json_text(object, "id", v->id);
        json_text(object, "kind", v->plan ? "savings-plan" : "reservation");
        json_text(object, "utilisation", utilisation(v, share));
        json_usd(object, "used_usd", v->used_usd);
        json_usd(object, "unused_usd", v->unused_usd);
        json_usd(object, "fee_usd", v->fee_usd);
        json_usd(object, "upfront_usd", v->upfront_usd);
        json_bool(object, "balanced", v->balanced);
    }
}

static void coverage_row_json(cJSON *object, const struct coverage_view *v)
{
    char text[INSTANT_TEXT_SIZE];
    char share[SHARE_TEXT];
    json_text(object, "on_demand_hours", hours_text(v->on_demand_s, 4, text));
    json_text(object, "reserved_hours", hours_text(v->reserved_s, 4, text));
    json_text(object, "savings_plan_hours", hours_text(v->plan_s, 4, text));
    json_text(object, "coverage", coverage_text(v, share));
}

static void coverage_json(const struct reconcile *r, cJSON *document)
{
    const struct coverage_view *views;
    size_t count = reconcile_coverage(r, &views);
    const struct coverage_view all = all_types(r);
    cJSON *object = json_object(document, "coverage");
    coverage_row_json(object, &all);
    cJSON *types = json_object(object, "by_type");
    for (size_t i = 0; i < count; i++)
        coverage_row_json(json_object(types, views[i].type), &views[i]);
}

static void group_json(cJSON *list, const struct difference_group *g)
{
    char text[INSTANT_TEXT_SIZE];
    cJSON *object = json_object(list, NULL);
    json_text(object, "kind", difference_name(g->kind));
    json_text(object, "what", g->what);
    json_text(object, "account", g->account);
    json_text(object, "type", g->type);
    json_text(object, "region", g->region);
    json_i64(object, "count", g->cells);
    json_instant(object, "first", hour_start(g->first_hour));
    json_instant(object, "last", hour_start(g->last_hour));
    json_text(object, "hours", hours_text(g->seconds, 4, text));
    json_usd(object, "usd", g->usd);
}

static void comparison_json(const struct reconcile *r, const struct reconcile_heading *heading, cJSON *document)
{
    cJSON *comparison = json_object(document, "comparison");
    json_text(comparison, "against", heading->against);
    json_usd(comparison, "expected_usd", reconcile_expected_usd(r));
    json_usd(comparison, "actual_usd", reconcile_actual_usd(r));
    json_usd(comparison, "difference_usd", reconcile_actual_usd(r) - reconcile_expected_usd(r));
    json_i64(comparison, "expected_hours_after_the_report", reconcile_late_cells(r));
    cJSON *kinds = json_object(comparison, "by_kind");
    for (int k = 0; k < DIFF_KINDS; k++) {
        cJSON *kind = json_object(kinds, difference_name((enum difference)k));
        json_i64(kind, "count", reconcile_kind_cells(r, (enum difference)k));
        json_usd(kind, "usd", reconcile_kind_usd(r, (enum difference)k));
    }
    const struct difference_group *groups;
    size_t count = reconcile_groups(r, &groups);
    cJSON *list = json_array(comparison, "differences");
    for (size_t i = 0; i < count; i++)
        group_json(list, &groups[i]);
}

void reconcile_print_json(const struct reconcile *r, const struct reconcile_heading *heading, FILE *out)
{
    cJSON *document = json_document("reconcile");
    json_text(document, "format", heading->format);
    json_i64(document, "parts", (int64_t)heading->parts);
    json_i64(document, "lines", reconcile_lines(r));
    if (heading->from < heading->to) {
        json_instant(document, "from", heading->from);
        json_instant(document, "to", heading->to);
    }
    views_json(r, document);
    if (heading->compare)
        comparison_json(r, heading, document);
    commitments_json(r, document);
    coverage_json(r, document);
    json_print(document, out);
}

/* ---- text ---- */

static struct table *view_table(const struct reconcile *r)
{
    char text[MONEY_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "Line type", "line_type", ALIGN_LEFT);
    table_column(t, "Lines", "lines", ALIGN_RIGHT);
    table_column(t, "Unblended USD", "unblended_usd", ALIGN_RIGHT);
    table_column(t, "Amortised USD", "amortised_usd", ALIGN_RIGHT);
    struct cost_view all = {0};
    for (int i = 0; i <= COST_TYPES; i++) {
        const struct cost_view *view = i < COST_TYPES ? reconcile_view(r, (enum cost_type)i) : &all;
        if (!view->lines)
            continue;
        if (i < COST_TYPES) {
            all.lines += view->lines;
            all.unblended_usd += view->unblended_usd;
            all.amortised_usd += view->amortised_usd;
        }
        table_cell(t, "%s", i < COST_TYPES ? cost_type_name((enum cost_type)i) : "all");
        table_cell(t, "%lld", (long long)view->lines);
        table_cell(t, "%s", money_text(view->unblended_usd, text));
        table_cell(t, "%s", money_text(view->amortised_usd, text));
        if (i == COST_TYPES)
            table_row_bold(t);
    }
    return t;
}

static struct table *kind_table(const struct reconcile *r)
{
    char text[MONEY_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "Difference", "kind", ALIGN_LEFT);
    table_column(t, "Count", "count", ALIGN_RIGHT);
    table_column(t, "USD", "usd", ALIGN_RIGHT);
    for (int k = 0; k < DIFF_KINDS; k++) {
        if (!reconcile_kind_cells(r, (enum difference)k) && !reconcile_kind_usd(r, (enum difference)k))
            continue;
        table_cell(t, "%s", difference_name((enum difference)k));
        table_cell(t, "%lld", (long long)reconcile_kind_cells(r, (enum difference)k));
        table_cell(t, "%s", money_text(reconcile_kind_usd(r, (enum difference)k), text));
    }
    table_cell(t, "all");
    table_cell(t, "%s", "");
    table_cell(t, "%s", money_text(reconcile_actual_usd(r) - reconcile_expected_usd(r), text));
    table_row_bold(t);
    return t;
}

static struct table *group_table(const struct reconcile *r)
{
    const struct difference_group *groups;
    size_t count = reconcile_groups(r, &groups);
    char text[INSTANT_TEXT_SIZE];
    struct table *t = table_new();
    table_column(t, "Largest first", "kind", ALIGN_LEFT);
    table_column(t, "What", "what", ALIGN_LEFT);
    table_column(t, "USD", "usd", ALIGN_RIGHT);
    table_column(t, "Hours", "hours", ALIGN_RIGHT);
    table_optional_column(t, "First", "first", ALIGN_LEFT);
    table_optional_column(t, "Last", "last", ALIGN_LEFT);
    table_optional_column(t, "Count", "count", ALIGN_RIGHT);
    table_optional_column(t, "Type", "type", ALIGN_LEFT);
    table_optional_column(t, "Region", "region", ALIGN_LEFT);
    table_optional_column(t, "Account", "account", ALIGN_LEFT);
    for (size_t i = 0; i < count; i++) {
        const struct difference_group *g = &groups[i];
        table_cell(t, "%s", difference_name(g->kind));
        table_cell(t, "%s", g->what);
        table_cell(t, "%s", money_text(g->usd, text));
        table_cell(t, "%s", g->seconds ? hours_text(g->seconds, 4, text) : "");
        table_cell(t, "%s", calendar_text(hour_start(g->first_hour), text));
        table_cell(t, "%s", calendar_text(hour_start(g->last_hour), text));
        table_cell(t, "%u", g->cells);
        table_cell(t, "%s", g->type);
        table_cell(t, "%s", g->region);
        table_cell(t, "%s", g->account);
    }
    return t;
}

static struct table *commitment_table(const struct reconcile *r)
{
    const struct commitment_view *views;
    size_t count = reconcile_commitments(r, &views);
    char text[MONEY_TEXT_SIZE];
    char share[SHARE_TEXT];
    struct table *t = table_new();
    table_column(t, "Commitment", "id", ALIGN_LEFT);
    table_column(t, "Used", "utilisation", ALIGN_RIGHT);
    table_column(t, "Used USD", "used_usd", ALIGN_RIGHT);
    table_column(t, "Unused USD", "unused_usd", ALIGN_RIGHT);
    table_column(t, "Paid USD", "paid_usd", ALIGN_RIGHT);
    table_column(t, "Balanced", "balanced", ALIGN_LEFT);
    for (size_t i = 0; i < count; i++) {
        const struct commitment_view *v = &views[i];
        table_cell(t, "%s", v->id);
        table_cell(t, "%s", utilisation(v, share));
        table_cell(t, "%s", money_text(v->used_usd, text));
        table_cell(t, "%s", money_text(v->unused_usd, text));
        table_cell(t, "%s", money_text(v->fee_usd + v->upfront_usd, text));
        table_cell(t, "%s", v->balanced ? "yes" : "no");
    }
    return t;
}

static void coverage_row(struct table *t, const struct coverage_view *v)
{
    char text[INSTANT_TEXT_SIZE];
    char share[SHARE_TEXT];
    table_cell(t, "%s", v->type);
    table_cell(t, "%s", coverage_text(v, share));
    table_cell(t, "%s", hours_text(v->on_demand_s, 4, text));
    table_cell(t, "%s", hours_text(v->reserved_s, 4, text));
    table_cell(t, "%s", hours_text(v->plan_s, 4, text));
}

static struct table *coverage_table(const struct reconcile *r)
{
    const struct coverage_view *views;
    size_t count = reconcile_coverage(r, &views);
    const struct coverage_view all = all_types(r);
    struct table *t = table_new();
    table_column(t, "Instances", "type", ALIGN_LEFT);
    table_column(t, "Covered", "coverage", ALIGN_RIGHT);
    table_column(t, "On-demand h", "on_demand_hours", ALIGN_RIGHT);
    table_column(t, "Reserved h", "reserved_hours", ALIGN_RIGHT);
    table_column(t, "Plan h", "savings_plan_hours", ALIGN_RIGHT);
    for (size_t i = 0; i < count; i++)
        coverage_row(t, &views[i]);
    coverage_row(t, &all);
    table_row_bold(t);
    return t;
}

static void print_table(struct table *t, const struct session *session)
{
    table_print(t, session);
    table_free(t);
}

static void print_heading(const struct reconcile *r, const struct reconcile_heading *h, FILE *out)
{
    char from[INSTANT_TEXT_SIZE];
    char to[INSTANT_TEXT_SIZE];
    char usd[3][MONEY_TEXT_SIZE];
    fprintf(out, "%s, %lld lines in %zu %s", h->format, (long long)reconcile_lines(r), h->parts,
            h->parts == 1 ? "part" : "parts");
    if (h->from < h->to)
        fprintf(out, ", %s to %s", calendar_text(h->from, from), calendar_text(h->to, to));
    fputs("\n", out);
    if (h->compare)
        fprintf(out, "Charged %s USD (amortised), expected %s by %s: a difference of %s\n",
                money_text(reconcile_actual_usd(r), usd[0]), money_text(reconcile_expected_usd(r), usd[1]), h->against,
                money_text(reconcile_actual_usd(r) - reconcile_expected_usd(r), usd[2]));
    else
        fputs("Nothing to compare with: neither --ledger nor --usage\n", out);
    fputs("\n", out);
}

void reconcile_print_text(const struct reconcile *r, const struct reconcile_heading *heading,
                          const struct session *session)
{
    const struct difference_group *groups;
    const struct commitment_view *commitments;
    const struct coverage_view *coverage;
    if (session->csv) {
        print_table(heading->compare ? group_table(r) : view_table(r), session);
        return;
    }
    print_heading(r, heading, session->out);
    if (heading->compare) {
        print_table(kind_table(r), session);
        fputs("\n", session->out);
    }
    if (reconcile_groups(r, &groups)) {
        print_table(group_table(r), session);
        fputs("\n", session->out);
    }
    print_table(view_table(r), session);
    if (reconcile_commitments(r, &commitments)) {
        fputs("\n", session->out);
        print_table(commitment_table(r), session);
    }
    if (reconcile_coverage(r, &coverage)) {
        fputs("\n", session->out);
        print_table(coverage_table(r), session);
    }
}
