#include "sim/organisation_key.h"

#include <string.h>

#include "base/mem.h"

size_t organisation_policy(const struct organisation *o, const struct policy *policy)
{
    size_t p = 0;
    while (p < o->policies.count && !policy_equal(&o->policies.items[p], policy))
        p++;
    return p;
}

uint32_t organisation_luck(const char *name)
{
    char digest[DIGEST_TEXT_SIZE];
    uint32_t luck = 0;
    digest_text(name, strlen(name), digest);
    for (int i = 0; i < 7; i++)
        luck = luck * 16 + (uint32_t)(digest[i] <= '9' ? digest[i] - '0' : digest[i] - 'a' + 10);
    return luck;
}

static void add_numbers(struct str *to, const int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        str_addf(to, "%lld ", (long long)numbers[i]);
    str_add_char(to, '\n');
}

static void add_terms(struct str *to, const struct model *m)
{
    const struct terms *t = &m->terms;
    const int64_t numbers[] = {t->prepare_s,
                               t->boot_s,
                               t->bake_s,
                               t->rollout_s,
                               t->regime,
                               t->price_per_hour,
                               t->per_deploy,
                               t->delay_price_per_commit_hour,
                               t->launch_cost,
                               t->margin_s,
                               m->price_per_hour,
                               m->licence_per_hour,
                               m->fleet,
                               m->surge,
                               m->drain_s,
                               m->hour_end,
                               m->limit_s,
                               m->runner_per_minute,
                               m->ci_meter.quantum_s,
                               m->ci_meter.minimum_s,
                               m->image_size,
                               m->retain,
                               m->storage_per_gb_month,
                               m->fsr_zones,
                               m->fsr_per_hour,
                               m->fsr_meter.quantum_s,
                               m->fsr_meter.minimum_s,
                               m->nat_size,
                               m->nat_per_gb,
                               m->until};
    add_numbers(to, numbers, sizeof(numbers) / sizeof(*numbers));
}

static void add_failures(struct str *to, const struct failures *f, uint32_t seed, uint32_t replication)
{
    const int64_t numbers[] = {f->any,           (int64_t)f->culprit, (int64_t)f->caught, (int64_t)f->build,
                               (int64_t)f->bake, (int64_t)f->boot,    (int64_t)f->smoke,  f->on_fail,
                               f->bake_tries,    f->detect_s,         f->rollback_s,      f->storm_cycle_s,
                               f->storm_cap,     f->storm_usd,        f->night_s,         seed,
                               replication};
    add_numbers(to, numbers, sizeof(numbers) / sizeof(*numbers));
}

static void add_question(struct str *to, const struct organisation *o)
{
    char text[POLICY_TEXT_SIZE];
    for (size_t p = 0; p < o->policies.count; p++) {
        str_addf(to, "%s ", policy_trigger_text(o->policies.items[p].trigger, text));
        str_addf(to, "%s\n", policy_keep_text(o->policies.items[p].keep, text));
    }
    const struct limits *l = &o->limits;
    const int64_t numbers[] = {l->max_lead_s.is, l->max_lead_s.value, l->max_per_month.is, l->max_per_month.value,
                               l->by_cost,       o->reserved,         o->reserved_model};
    add_numbers(to, numbers, sizeof(numbers) / sizeof(*numbers));
}

void organisation_service_key(const struct organisation *o, const struct scenario *s, const struct service *service,
                              bool shares, char to[DIGEST_TEXT_SIZE])
{
    struct str text;
    str_init(&text, (size_t)1 << 40);
    add_question(&text, o);
    add_terms(&text, &s->model);
    if (s->model.failures.any)
        add_failures(&text, &s->model.failures, failure_args_seed(&service->args.failure),
                     organisation_luck(service->name));
    const int64_t numbers[] = {shares,        s->span_from,       s->span_to,
                               s->push_gap_s, s->history.shallow, (int64_t)s->history.corrected};
    add_numbers(&text, numbers, sizeof(numbers) / sizeof(*numbers));
    str_add_n(&text, (const char *)s->history.arrival_s, s->commits.count * sizeof(*s->history.arrival_s));
    digest_text(text.text, text.len, to);
    str_release(&text);
}

/* What services of their own price, or whose failures are their own or their histories', make of the terms. */
static void add_given(struct str *to, const struct scenario_args *given)
{
    const int64_t numbers[] = {given->from.given,         given->from.given ? given->from.at : 0,
                               given->to.given,           given->to.given ? given->to.at : 0,
                               given->date.given,         given->date.given ? given->date.at : 0,
                               given->push_gap_s,         given->skip_bad,
                               given->failure.culprit_fit};
    const char *const texts[] = {given->catalog, given->region, given->os, given->regime};
    add_numbers(to, numbers, sizeof(numbers) / sizeof(*numbers));
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        str_addf(to, "%s\n", texts[i] ? texts[i] : "");
}

void organisation_list_key(struct organisation *o, const struct services *list, const struct scenario *base,
                           const struct scenario_args *given)
{
    struct str text;
    str_init(&text, (size_t)1 << 40);
    add_question(&text, o);
    add_terms(&text, &base->model);
    add_failures(&text, &base->model.failures, failure_args_seed(&given->failure), 0);
    add_given(&text, given);
    for (size_t i = 0; i < list->count; i++)
        str_addf(&text, "%s\t%s\t%s\n", list->items[i].name, list->items[i].source, list->items[i].terms);
    digest_text(text.text, text.len, o->key);
    str_release(&text);
}
