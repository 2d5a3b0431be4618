/* What organisation.h found, as JSON. */
#include "sim/organisation_report.h"

#include "base/out.h"
#include "billing/money_json.h"

static void total_json(cJSON *to, const struct org_report *r, size_t p)
{
    const struct organisation *o = r->o;
    const struct org_total *t = &r->totals[p];
    char text[POLICY_TEXT_SIZE];
    int64_t unit_s = o->hourly ? SECONDS_PER_HOUR : 1;
    if (p < o->policies.count) {
        json_text(to, "trigger", policy_trigger_text(o->policies.items[p].trigger, text));
        json_text(to, "keep", policy_keep_text(o->policies.items[p].keep, text));
        json_i64(to, "best_for", t->best);
    }
    json_i64(to, "within", t->within);
    json_i64(to, "deployments", t->deployments);
    json_i64(to, "launches", t->launches);
    json_i64(to, o->hourly ? "billed_hours" : "billed_seconds", t->billed_s / unit_s);
    if (o->reserved) {
        json_i64(to, o->hourly ? "reserved_hours" : "reserved_seconds", t->covered_s / unit_s);
        json_money(to, "reserved_usd", t->saved);
    }
    json_money(to, "money_usd", t->money);
    json_money(to, "waiting_usd", t->waiting);
    json_money(to, "cost_usd", t->cost);
    json_money(to, "usd_per_month", t->per_month);
    json_number(to, "lead_mean_s", t->commits ? (double)t->lead_s / (double)t->commits : 0);
    json_i64(to, "worst_p95_s", t->worst_p95_s);
    json_text(to, "worst_service", o->services[t->worst].name);
}

static void figures_json(cJSON *to, const struct organisation *o, const struct org_service *s, size_t p)
{
    const struct org_figures *f = &s->figures[p];
    char text[POLICY_TEXT_SIZE];
    json_text(to, "trigger", policy_trigger_text(o->policies.items[p].trigger, text));
    json_text(to, "keep", policy_keep_text(o->policies.items[p].keep, text));
    json_bool(to, "within", f->within);
    json_i64(to, "deployments", f->deployments);
    json_i64(to, "launches", f->launches);
    json_i64(to, o->hourly ? "billed_hours" : "billed_seconds", f->billed_s / (o->hourly ? SECONDS_PER_HOUR : 1));
    json_money(to, "money_usd", f->money);
    json_money(to, "waiting_usd", f->waiting);
    json_money(to, "cost_usd", f->cost);
    json_money(to, "usd_per_month", f->per_month);
    cJSON *lead = json_object(to, "lead_s");
    json_number(lead, "mean", f->commits ? (double)f->lead_s / (double)f->commits : 0);
    json_i64(lead, "p50", f->lead_p50_s);
    json_i64(lead, "p95", f->lead_p95_s);
}

static void service_json(cJSON *to, const struct organisation *o, const struct org_service *s, bool all)
{
    char text[INSTANT_TEXT_SIZE];
    json_text(to, "service", s->name);
    json_text(to, "source", s->source);
    json_i64(to, "commits", s->commits);
    json_i64(to, "corrected", s->corrected);
    json_text(to, "first", calendar_text(s->first, text));
    json_text(to, "last", calendar_text(s->last, text));
    json_bool(to, "shallow", s->shallow);
    if (o->reserved)
        json_bool(to, "shares_reserved", s->shares);
    if (s->best < 0)
        cJSON_AddNullToObject(to, "best");
    else
        figures_json(json_object(to, "best"), o, s, (size_t)s->best);
    figures_json(json_object(to, "idle"), o, s, o->idle);
    figures_json(json_object(to, "every"), o, s, o->every);
    cJSON *policies = all ? json_array(to, "policies") : NULL;
    for (size_t p = 0; all && p < o->policies.count; p++)
        figures_json(json_object(policies, NULL), o, s, p);
}

void organisation_report_json(const struct org_report *r, const char *command)
{
    const struct organisation *o = r->o;
    cJSON *document = json_document(command);
    for (const cJSON *item = o->head->child; item; item = item->next)
        cJSON_AddItemToObject(document, item->string, cJSON_Duplicate(item, true));
    cJSON *counts = json_object(document, "organisation");
    json_i64(counts, "services", (int64_t)r->count);
    json_i64(counts, "left_out", (int64_t)(o->count - r->count));
    json_i64(counts, "reserved", o->reserved);
    if (o->reserved)
        json_text(counts, "reserved_model", o->reserved_model == MODEL_POOL ? "pool" : "clock-hour");
    total_json(json_object(document, "each_its_best"), r, o->policies.count);
    cJSON *policies = json_array(document, "policies");
    for (size_t p = 0; p < o->policies.count; p++)
        total_json(json_object(policies, NULL), r, p);
    cJSON *services = json_array(document, "services");
    for (size_t i = 0; i < o->count; i++)
        if (o->services[i].figures)
            service_json(json_object(services, NULL), o, &o->services[i], r->all);
    json_print(document, r->session->out);
}
