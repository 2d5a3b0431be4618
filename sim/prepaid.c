#include "sim/prepaid.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define YEAR_HOURS      8760 /* of a reservation's year: 31,536,000 s */
#define POOL_YEAR_HOURS ((int64_t)12 * POOL_HOURS_PER_MONTH)

static int run(struct outcome *out, const struct policy *policy, const struct model *m, const struct scenario *s,
               bool trace, struct err *err)
{
    struct replay scratch;
    replay_init(&scratch);
    int code = outcome_run(out, policy, m, &s->commits, &scratch, trace, err);
    replay_release(&scratch);
    return code;
}

/* One deployment that launches, with nothing prepaid; images kept and the fleet aside. */
static int price_of_deployment(const struct model *m, int64_t launch_s, money_t *out, struct err *err)
{
    const struct terms *t = &m->terms;
    int64_t took_s = t->prepare_s + t->boot_s + t->bake_s + t->rollout_s;
    struct cost_month one = {.deployments = 1, .launches = 1, .billed_s = launch_s};
    if (m->runner_per_minute)
        one.ci_minutes = meter_billed_s(m->ci_meter, took_s) / 60;
    if (m->fsr_zones)
        one.fsr_s = meter_billed_s(m->fsr_meter, t->rollout_s);
    struct exact sum = {0};
    cost_money_all(m, &one, &sum);
    int failed = exact_round(&sum, out);
    exact_release(&sum);
    return failed ? err_set(err, EXIT_INPUT, "one deployment costs more than 900 million USD; are the prices right?")
                  : 0;
}

int prepaid_fill(struct prepaid *p, const struct policy *policy, const struct scenario *s, struct err *err)
{
    const struct model *m = &s->model;
    *p = (struct prepaid){.filled = true};
    int code = run(&p->outcome, policy, m, s, true, err);
    if (code)
        return code;
    code = price_of_deployment(m, p->outcome.launch_s, &p->deployment_after, err);
    if (code)
        return code;
    if (m->reserved_model != MODEL_POOL)
        return 0;
    const struct costs *c = &p->outcome.costs;
    p->months = mem_zero(c->count, sizeof(*p->months));
    for (size_t i = 0; i < c->count; i++) {
        const struct cost_month *from = &c->months[i];
        struct prepaid_month *to = &p->months[p->count++];
        to->month = from->month;
        to->pool_hours = from->pool_s / SECONDS_PER_HOUR;
        to->fleet_hours = m->fleet * calendar_month_seconds(from->month) / SECONDS_PER_HOUR;
        int64_t left_s = from->pool_s - to->fleet_hours * SECONDS_PER_HOUR;
        to->free_deployments = left_s > 0 ? left_s / p->outcome.launch_s : 0;
        to->deployments = from->deployments;
        to->ran_out = from->ran_out;
    }
    return 0;
}

void prepaid_release(struct prepaid *p)
{
    if (p->filled)
        outcome_release(&p->outcome);
    free(p->months);
    *p = (struct prepaid){0};
}

/* Seconds paid on demand, bake instances and fleet. */
static int64_t on_demand_s(const struct outcome *o)
{
    return o->costs.total.billed_s - o->costs.total.covered_s + o->costs.total.fleet_uncovered_s;
}

static int covered_seconds(const struct policy *policy, const struct scenario *s, int64_t *out, struct err *err)
{
    struct outcome before;
    struct outcome after;
    struct model m = s->model;
    /* counted with one more reservation, against as many as there are; with none there are no clock hours to match */
    int code = run(&before, policy, &m, s, false, err);
    m.reserved++;
    if (!code) {
        code = run(&after, policy, &m, s, false, err);
        if (!code)
            *out = on_demand_s(&before) - on_demand_s(&after);
        outcome_release(&after);
    }
    outcome_release(&before);
    return code;
}

static int64_t span_of(const struct scenario *s)
{
    int64_t span_s = s->span_to - s->span_from;
    return span_s > SECONDS_PER_DAY ? span_s : SECONDS_PER_DAY;
}

static void judge(struct offer_verdict *v, const struct offer *o, int64_t covered_s, const struct scenario *s)
{
    int64_t span_s = span_of(s);
    money_t price = s->model.price_per_hour;
    int64_t year_hours = s->model.reserved_model == MODEL_POOL ? POOL_YEAR_HOURS : YEAR_HOURS;
    int64_t year_s = year_hours * SECONDS_PER_HOUR;
    *v = (struct offer_verdict){.years = o->years, .payment = o->payment, .seen = o->seen};
    v->fee_per_year =
        (money_t)num_div_half_even((int128)o->upfront_usd + (int128)o->hourly_usd * year_hours * o->years, o->years);
    int64_t used_s = (int64_t)((int128)covered_s * YEAR_HOURS * SECONDS_PER_HOUR / span_s);
    used_s = used_s > year_s ? year_s : used_s;
    v->used_hours = used_s / SECONDS_PER_HOUR;
    v->saved_per_year = (money_t)num_div_half_even((int128)used_s * price, SECONDS_PER_HOUR);
    v->net_per_year = v->saved_per_year - v->fee_per_year;
    v->break_even_hours = (int64_t)num_div_ceil(v->fee_per_year, price);
}

static bool is_for(const struct offer *o, const struct scenario *s)
{
    return strcmp(o->type, s->type) == 0 && strcmp(o->region, s->region) == 0 && strcmp(o->os, s->os) == 0;
}

static int no_offers(const struct offers *offers, const struct scenario *s, struct err *err)
{
    struct str types;
    str_init(&types, 400);
    for (size_t i = 0; i < offers_count(offers); i++) {
        const struct offer *o = offers_at(offers, i);
        if (!strstr(types.text, o->type))
            str_addf(&types, "%s%s in %s", types.len ? ", " : "", o->type, o->region);
    }
    int code = err_set(err, EXIT_INPUT,
                       "--offers: there is none for %s in %s, %s; there are offers for %s (--offers=FILE reads yours: "
                       "type,region,os,years,payment,seen,upfront_usd,hourly_usd)",
                       s->type, s->region, s->os, types.text);
    str_release(&types);
    return code;
}

static int judge_all(struct offer_list *list, const struct offers *offers, const struct policy *policy,
                     const struct scenario *s, struct err *err)
{
    int64_t covered_s = 0;
    list->items = mem_zero(offers_count(offers), sizeof(*list->items));
    for (size_t i = 0; i < offers_count(offers); i++) {
        const struct offer *o = offers_at(offers, i);
        if (!is_for(o, s) || (s->dated && o->seen > s->date))
            continue;
        int code = list->count ? 0 : covered_seconds(policy, s, &covered_s, err);
        if (code)
            return code;
        judge(&list->items[list->count++], o, covered_s, s);
    }
    return list->count ? 0 : no_offers(offers, s, err);
}

int offers_judge(struct offer_list *list, const char *path, const struct policy *policy, const struct scenario *s,
                 const struct session *session, struct err *err)
{
    *list = (struct offer_list){.asked = true, .path = *path ? path : NULL};
    if (!s->type)
        return err_set(err, EXIT_INPUT, "--offers needs to know the instance type: --instance TYPE instead of --price");
    if (s->model.price_per_hour == 0)
        return err_set(err, EXIT_INPUT, "--offers: at a price of 0 no reservation pays");
    struct offers *offers;
    int code = *path ? offers_open(&offers, path, session, err) : offers_builtin(&offers, err);
    if (code)
        return code;
    code = judge_all(list, offers, policy, s, err);
    offers_free(offers);
    return code;
}

void offer_list_release(struct offer_list *list)
{
    free(list->items);
    *list = (struct offer_list){0};
}
