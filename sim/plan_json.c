/* The plan for scripts: schema bakehour.plan/1. */
#include "base/out.h"
#include "billing/money_json.h"
#include "sim/plan.h"

static void put_policy(cJSON *to, const struct policy *p)
{
    char text[POLICY_TEXT_SIZE];
    json_text(to, "trigger", policy_trigger_text(p->trigger, text));
    json_text(to, "keep", policy_keep_text(p->keep, text));
}

static void put_leads(cJSON *to, const struct outcome *o)
{
    json_i64(to, "lead_p50_s", o->lead.percentile[STATS_P50]);
    json_i64(to, "lead_p95_s", o->lead.percentile[STATS_P95]);
}

static void points_json(const struct plan *p, cJSON *document)
{
    const struct frontier *f = &p->frontier;
    cJSON *policies = json_array(document, "policies");
    for (size_t i = 0; i < f->count; i++) {
        const struct frontier_point *q = &f->points[i];
        cJSON *policy = outcome_json(&q->outcome, &p->scenario->model, p->scenario->history.corrected);
        json_money(policy, "usd_per_month", q->per_month);
        json_bool(policy, "dominated", q->dominated);
        json_bool(policy, "recommended", q == p->best);
        json_bool(policy, "baseline", q == f->every || q == f->idle);
        if (yardstick_is(&p->yardstick))
            yardstick_policy_json(&p->yardstick, policy, &q->outcome, &p->scenario->model);
        cJSON_AddItemToArray(policies, policy);
    }
    cJSON *frontier = json_array(document, "frontier");
    for (size_t i = 0; i < f->count; i++) {
        if (f->points[i].dominated)
            continue;
        cJSON *to = json_object(frontier, NULL);
        put_policy(to, &f->points[i].outcome.policy);
        json_money(to, "usd_per_month", f->points[i].per_month);
        put_leads(to, &f->points[i].outcome);
    }
}

static void recommended_json(const struct plan *p, cJSON *document)
{
    if (!p->best) {
        cJSON_AddNullToObject(document, "recommended");
        json_text(document, "reason", p->reason.text);
        return;
    }
    cJSON *to = json_object(document, "recommended");
    put_policy(to, &p->best->outcome.policy);
    json_money(to, "usd_per_month", p->best->per_month);
    put_leads(to, &p->best->outcome);
    json_text(to, "reason", p->reason.text);
    double reuse = plan_reuse_percent(p);
    if (reuse > -1)
        json_number(to, "reuse_saves_percent", reuse);
}

static void prepaid_json(const struct plan *p, cJSON *document)
{
    const struct prepaid *pre = &p->prepaid;
    const struct cost_month *total = &pre->outcome.costs.total;
    if (!pre->filled)
        return;
    cJSON *to = json_object(document, "prepaid");
    json_text(to, "model", p->scenario->model.reserved_model == MODEL_POOL ? "pool" : "clock-hour");
    json_money(to, "deployment_after_usd", pre->deployment_after);
    json_i64(to, "billed_seconds", total->billed_s);
    json_i64(to, "covered_seconds", total->covered_s);
    cJSON *months = json_array(to, "months");
    for (size_t i = 0; i < pre->count; i++) {
        const struct prepaid_month *m = &pre->months[i];
        char text[INSTANT_TEXT_SIZE];
        cJSON *month = json_object(months, NULL);
        json_text(month, "month", calendar_month_text(m->month, text));
        json_i64(month, "pool_hours", m->pool_hours);
        json_i64(month, "fleet_hours", m->fleet_hours);
        json_i64(month, "free_deployments", m->free_deployments);
        json_i64(month, "deployments", m->deployments);
        if (m->ran_out == INSTANT_MAX)
            cJSON_AddNullToObject(month, "ran_out");
        else
            json_text(month, "ran_out", calendar_text(m->ran_out, text));
    }
}

static void offers_json(const struct plan *p, cJSON *document)
{
    if (!p->offers.asked)
        return;
    cJSON *offers = json_array(document, "offers");
    for (size_t i = 0; i < p->offers.count; i++) {
        const struct offer_verdict *v = &p->offers.items[i];
        char text[INSTANT_TEXT_SIZE];
        cJSON *to = json_object(offers, NULL);
        json_i64(to, "years", v->years);
        json_text(to, "payment", payment_name(v->payment));
        json_text(to, "seen", calendar_date_text(v->seen, text));
        json_money(to, "fee_usd_per_year", v->fee_per_year);
        json_money(to, "saved_usd_per_year", v->saved_per_year);
        json_money(to, "net_usd_per_year", v->net_per_year);
        json_i64(to, "used_hours_per_year", v->used_hours);
        json_i64(to, "break_even_hours_per_year", v->break_even_hours);
        json_bool(to, "pays", v->net_per_year > 0);
    }
}

void plan_print_json(const struct plan *p, const struct session *session)
{
    cJSON *document = json_document("plan");
    scenario_json(p->scenario, document);
    points_json(p, document);
    recommended_json(p, document);
    prepaid_json(p, document);
    offers_json(p, document);
    if (yardstick_is(&p->yardstick))
        yardstick_json(&p->yardstick, document);
    json_print(document, session->out);
}
