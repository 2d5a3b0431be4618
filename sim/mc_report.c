#include "sim/mc_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "billing/money_json.h"
#include "sim/trouble_text.h"

void mc_report_begin(struct mc_report *r, const struct policy_list *asked, const struct scenario *s,
                     const struct mc_options *o)
{
    *r = (struct mc_report){.head = cJSON_CreateObject(),
                            .hourly = s->model.terms.regime == REGIME_HOURLY,
                            .fails = s->model.failures.any,
                            .reserved = s->model.reserved > 0,
                            .delay = s->model.terms.delay_price_per_commit_hour > 0,
                            .corrected = (int64_t)s->history.corrected,
                            .runs = o->runs,
                            .seed = o->seed,
                            .shard = o->shards ? o->shard % o->shards : 0,
                            .shards = o->shards ? o->shards : 1};
    scenario_json(s, r->head);
    trouble_storm_json(&s->model, r->head);
    for (size_t i = 0; i < asked->count; i++)
        policy_list_add(&r->policies, asked->items[i]);
    policy_list_add(&r->policies, (struct policy){{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}});
    policy_list_add(&r->policies, (struct policy){{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}});
}

void mc_report_release(struct mc_report *r)
{
    cJSON_Delete(r->head);
    policy_list_release(&r->policies);
    mc_result_release(&r->result);
    *r = (struct mc_report){0};
}

/* Half-widths of money are rounded up to whole 1e-10 USD. */
static money_t money_half_width(const struct sums *s)
{
    double half = ceil(sums_half_width(s));
    return half < 9e18 ? (money_t)half : INT64_MAX;
}

static void figure_json(cJSON *to, const char *name, const struct sums *s, enum mc_unit unit)
{
    cJSON *figure = json_object(to, name);
    double scale = unit == MC_MILLIONTHS ? 1e-6 : 1;
    if (unit == MC_USD) {
        json_money(figure, "mean", sums_mean_half_even(s));
        json_money(figure, "half_width", money_half_width(s));
    } else if (s->n) {
        json_number(figure, "mean", sums_mean(s) * scale);
        json_number(figure, "half_width", sums_half_width(s) * scale);
    } else {
        cJSON_AddNullToObject(figure, "mean");
        cJSON_AddNullToObject(figure, "half_width");
    }
    json_i64(figure, "runs", s->n);
}

/* The same with the sign turned: what is saved. */
static void saving_json(cJSON *to, const char *name, struct sums more)
{
    cJSON *saving = json_object(to, name);
    figure_json(saving, "money_usd", &more, MC_USD);
}

static void months_json(cJSON *to, const struct mc_report *r, const struct mc_policy *p)
{
    static const struct mc_figure_name figures[MC_MONTH_FIGURES] = {
        {"commits", NULL, MC_WHOLE, false},  {"deployments", NULL, MC_WHOLE, false},
        {"launches", NULL, MC_WHOLE, false}, {"billed_hours", NULL, MC_WHOLE, false},
        {"money_usd", NULL, MC_USD, false},  {"lead_mean_s", NULL, MC_MILLIONTHS, false},
    };
    cJSON *months = json_array(to, "by_month");
    for (size_t i = 0; i < p->month_count; i++) {
        char text[INSTANT_TEXT_SIZE];
        cJSON *month = json_object(months, NULL);
        json_text(month, "month", calendar_month_text(p->months[i].month, text));
        for (int f = 0; f < MC_MONTH_FIGURES; f++) {
            struct sums s = p->months[i].figures[f];
            if (f != MC_MONTH_LEAD)
                s.n = r->result.runs; /* the other runs had nothing in this month */
            bool seconds = f == MC_MONTH_BILLED && !r->hourly;
            figure_json(month, seconds ? "billed_seconds" : figures[f].name, &s, figures[f].unit);
        }
    }
}

static cJSON *policy_json(const struct mc_report *r, size_t p)
{
    char text[POLICY_TEXT_SIZE];
    cJSON *to = cJSON_CreateObject();
    json_text(to, "trigger", policy_trigger_text(r->policies.items[p].trigger, text));
    json_text(to, "keep", policy_keep_text(r->policies.items[p].keep, text));
    json_i64(to, "corrected", r->corrected);
    for (int f = 0; f < MC_FIGURES; f++) {
        struct mc_figure_name name = mc_figure_name(f, r->hourly);
        if ((name.with_failures && !r->fails) || (f == MC_RESERVED && !r->reserved))
            continue;
        cJSON *group = name.group ? cJSON_GetObjectItemCaseSensitive(to, name.group) : to;
        if (!group)
            group = json_object(to, name.group);
        figure_json(group, name.name, &r->result.policies[p].figures[f], name.unit);
    }
    months_json(to, r, &r->result.policies[p]);
    return to;
}

static void differences_json(cJSON *document, const struct mc_report *r)
{
    static const struct mc_figure_name figures[MC_PAIR_FIGURES] = {{"money_usd", NULL, MC_USD, false},
                                                                   {"cost_usd", NULL, MC_USD, false},
                                                                   {"lead_mean_s", NULL, MC_MILLIONTHS, false}};
    cJSON *differences = json_array(document, "differences");
    size_t n = r->result.count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            char text[2 * POLICY_TEXT_SIZE];
            cJSON *pair = json_object(differences, NULL);
            json_text(pair, "of", outcome_policy_text(&r->policies.items[j], text));
            json_text(pair, "minus", outcome_policy_text(&r->policies.items[i], text));
            for (int f = 0; f < MC_PAIR_FIGURES; f++)
                figure_json(pair, figures[f].name, &r->result.pairs[mc_pair_index(n, i, j)].figures[f],
                            figures[f].unit);
        }
}

void mc_report_json(const struct mc_report *r, const char *command, const struct session *session)
{
    cJSON *document = json_document(command);
    for (const cJSON *item = r->head->child; item; item = item->next)
        cJSON_AddItemToObject(document, item->string, cJSON_Duplicate(item, true));
    cJSON *how = json_object(document, "monte_carlo");
    json_i64(how, "runs", r->result.runs);
    json_i64(how, "seed", r->seed);
    json_number(how, "confidence", 0.95);
    cJSON *policies = json_array(document, "policies");
    size_t every = r->result.asked;
    size_t n = r->result.count;
    for (size_t p = 0; p < r->result.asked; p++) {
        cJSON *policy = policy_json(r, p);
        cJSON *saving = json_object(policy, "saving");
        saving_json(saving, "every", r->result.pairs[mc_pair_index(n, p, every)].figures[MC_PAIR_MONEY]);
        saving_json(saving, "idle", r->result.pairs[mc_pair_index(n, p, every + 1)].figures[MC_PAIR_MONEY]);
        cJSON_AddItemToArray(policies, policy);
    }
    cJSON *baselines = json_object(document, "baselines");
    cJSON_AddItemToObject(baselines, "every", policy_json(r, every));
    cJSON_AddItemToObject(baselines, "idle", policy_json(r, every + 1));
    differences_json(document, r);
    json_print(document, session->out);
}

static void cell(struct table *t, const struct sums *s, enum mc_unit unit, bool csv)
{
    char mean[MONEY_TEXT_SIZE];
    char half[MONEY_TEXT_SIZE];
    double scale = unit == MC_MILLIONTHS ? 1e-6 : 1;
    if (unit == MC_USD && csv)
        table_cell(t, "%s", money_text(sums_mean_half_even(s), mean));
    else if (unit == MC_USD)
        table_cell(t, "%s ±%s", money_short(sums_mean_half_even(s), mean), money_short(money_half_width(s), half));
    else
        table_cell(t, csv ? "%.6f" : "%.1f ±%.1f", sums_mean(s) * scale, sums_half_width(s) * scale);
    if (csv && unit == MC_USD)
        table_cell(t, "%s", money_text(money_half_width(s), half));
    else if (csv)
        table_cell(t, "%.6f", sums_half_width(s) * scale);
}

static void column(struct table *t, const char *heading, const char *name, bool csv, bool optional)
{
    char half[64];
    (optional ? table_optional_column : table_column)(t, heading, name, ALIGN_RIGHT);
    str_fit(half, sizeof(half), "%.40s_half_width", name);
    if (csv)
        table_column(t, "", half, ALIGN_RIGHT);
}

static const struct shown {
    const char *heading;
    const char *csv;
    int figure;
    enum { ALWAYS, WITH_DELAY, WITH_FAILURES } when;
    bool optional;
} shown[] = {
    {"deploys", "deployments", MC_DEPLOYMENTS, ALWAYS, true},
    {"USD", "money_usd", MC_MONEY, ALWAYS, false},
    {"+waiting", "cost_usd", MC_COST, WITH_DELAY, false},
    {"lead p50 s", "lead_p50_s", MC_LEAD_P50, ALWAYS, false},
    {"p95 s", "lead_p95_s", MC_LEAD_P95, ALWAYS, false},
    {"restore s", "restore_mean_s", MC_RESTORE, WITH_FAILURES, true},
};

static bool is_shown(const struct mc_report *r, const struct shown *s)
{
    return s->when == ALWAYS || (s->when == WITH_DELAY && r->delay) || (s->when == WITH_FAILURES && r->fails);
}

static void print_table(const struct mc_report *r, const struct session *session)
{
    bool csv = session_form(session) == FORM_CSV;
    struct table *t = table_new();
    table_column(t, "policy", "policy", ALIGN_LEFT);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        if (is_shown(r, &shown[i]))
            column(t, shown[i].heading, shown[i].csv, csv, shown[i].optional);
    for (size_t p = 0; p < r->result.count; p++) {
        char name[2 * POLICY_TEXT_SIZE];
        table_cell(t, "%s", (csv ? outcome_policy_text : outcome_policy_label)(&r->policies.items[p], name));
        for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
            if (is_shown(r, &shown[i]))
                cell(t, &r->result.policies[p].figures[shown[i].figure],
                     mc_figure_name(shown[i].figure, r->hourly).unit, csv);
        if (p >= r->result.asked)
            table_row_dim(t);
    }
    page_table(session, t);
    table_free(t);
}

static void print_differences(const struct mc_report *r, const struct session *session)
{
    size_t n = r->result.count;
    size_t idle = r->result.asked + 1;
    fputc('\n', session->out);
    for (size_t p = 0; p < r->result.asked; p++) {
        char name[2 * POLICY_TEXT_SIZE];
        char usd[MONEY_TEXT_SIZE];
        char half[MONEY_TEXT_SIZE];
        char label[2 * POLICY_TEXT_SIZE + 2];
        struct str text;
        if (policy_equal(&r->policies.items[p], &r->policies.items[idle]))
            continue;
        const struct mc_pair *pair = &r->result.pairs[mc_pair_index(n, p, idle)];
        const struct sums *saved = &pair->figures[r->delay ? MC_PAIR_COST : MC_PAIR_MONEY];
        money_t mean = sums_mean_half_even(saved);
        money_t width = money_half_width(saved);
        bool sure = mean > width || mean < -width;
        str_init(&text, 0);
        str_addf(&text, "%s USD %s than idle, run by run (±%s)%s; mean lead time %+.0f s (±%.0f).",
                 money_short(mean < 0 ? -mean : mean, usd), mean < 0 ? "more" : "less", money_short(width, half),
                 sure ? "" : ": may be chance", -sums_mean(&pair->figures[MC_PAIR_LEAD]) * 1e-6,
                 sums_half_width(&pair->figures[MC_PAIR_LEAD]) * 1e-6);
        str_fit(label, sizeof(label), "%s: ", outcome_policy_label(&r->policies.items[p], name));
        page_wrap(session, label, text.text);
        str_release(&text);
    }
}

void mc_report_print(const struct mc_report *r, const struct session *session)
{
    print_table(r, session);
    if (session_form(session) == FORM_CSV)
        return;
    print_differences(r, session);
    fprintf(session->out, "%lld replication%s, seed %u; ± is half the 95 %% confidence interval of the mean.\n",
            (long long)r->result.runs, r->result.runs == 1 ? "" : "s", r->seed);
}
