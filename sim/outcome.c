#include "sim/outcome.h"

#include <assert.h>

#include "base/out.h"
#include "base/str.h"
#include "billing/money_json.h"
#include "sim/attempts.h"

static int too_much(struct err *err)
{
    return err_set(err, EXIT_INPUT, "the money adds up to more than 900 million USD; are the prices right?");
}

static int add_up(struct outcome *o, const struct model *m, struct err *err)
{
    struct exact waiting = {0};
    int failed = 0;
    for (int kind = 0; kind < COST_KINDS; kind++) {
        struct exact sum = {0};
        for (size_t i = 0; i < o->costs.count; i++)
            cost_money(m, &o->costs.months[i], (enum cost_kind)kind, &sum);
        failed |= exact_round(&sum, &o->by_kind[kind]);
        exact_add_all(&o->money_exact, &sum);
        exact_release(&sum);
    }
    cost_waiting(m, &o->costs.total, &waiting);
    failed |= exact_round(&o->money_exact, &o->money) | exact_round(&waiting, &o->waiting);
    exact_add_all(&waiting, &o->money_exact);
    failed |= exact_round(&waiting, &o->cost);
    exact_release(&waiting);
    return failed ? too_much(err) : 0;
}

bool outcome_troubled(const struct model *m)
{
    return (m->risks && m->risks->failures.any) || (m->fleet && m->hour_end);
}

static int take_replay(struct outcome *o, const struct decider *d, const struct model *m, const struct commits *commits,
                       struct replay *r, struct err *err)
{
    int code = costs_of(&o->costs, r, d, m, err);
    if (code)
        return code;
    o->delivered = (int64_t)r->commits;
    o->troubled = r->troubled;
    if (r->troubled) {
        o->went = r->mishaps;
        o->went.items = NULL;
    }
    if (r->commits)
        o->lead = stats_of(r->lead_s, r->commits);
    o->first_start = o->costs.first_at;
    o->last_end =
        r->troubled ? r->mishaps.ended_at : replay_baked_s(r, &m->terms, r->deployments - 1) + m->terms.rollout_s;
    o->launch_s = policy_rental_billed_s(d, 0, m->terms.boot_s + m->terms.bake_s);
    assert(o->costs.total.commits + o->went.reverted == (int64_t)commits->count);
    return add_up(o, m, err);
}

int outcome_run(struct outcome *o, const struct policy *policy, const struct model *m, const struct commits *commits,
                struct replay *scratch, bool trace_pool, struct err *err)
{
    *o = (struct outcome){.policy = *policy};
    costs_init(&o->costs);
    o->costs.trace_pool = trace_pool;
    int code = policy_check(policy, &m->terms, err);
    if (code)
        return code;
    struct decider d = policy_decider(policy, &m->terms);
    code = outcome_troubled(m) ? attempts_run(scratch, &d, commits, m, err) : replay_run(scratch, &d, commits, err);
    return code ? code : take_replay(o, &d, m, commits, scratch, err);
}

int outcome_of(struct outcome *o, const struct decider *d, const struct model *m, const struct commits *commits,
               struct replay *r, struct err *err)
{
    *o = (struct outcome){.policy = d->policy};
    costs_init(&o->costs);
    return take_replay(o, d, m, commits, r, err);
}

int outcome_of_replay(struct outcome *o, const struct policy *policy, const struct model *m, struct replay *r,
                      struct err *err)
{
    *o = (struct outcome){.policy = *policy, .delivered = (int64_t)r->commits};
    struct decider d = policy_decider(policy, &m->terms);
    costs_init(&o->costs);
    int code = costs_of(&o->costs, r, &d, m, err);
    if (code)
        return code;
    o->lead = stats_of(r->lead_s, r->commits);
    return add_up(o, m, err);
}

void outcome_release(struct outcome *o)
{
    costs_release(&o->costs);
    exact_release(&o->money_exact);
}

double outcome_lead_mean_s(const struct cost_month *month)
{
    return month->commits ? (double)month->lead_s / (double)month->commits : 0;
}

static void put_exact(cJSON *to, const char *name, const struct exact *sum)
{
    money_t value = 0;
    int failed = exact_round(sum, &value);
    assert(!failed); /* a part of a sum that fits */
    json_money(to, name, value);
}

static void put_billed(cJSON *to, const struct model *m, const struct cost_month *month)
{
    bool hourly = m->terms.regime == REGIME_HOURLY;
    int64_t unit_s = hourly ? SECONDS_PER_HOUR : 1;
    json_i64(to, hourly ? "billed_hours" : "billed_seconds", month->billed_s / unit_s);
    if (m->reserved)
        json_i64(to, hourly ? "reserved_hours" : "reserved_seconds", month->covered_s / unit_s);
}

static void put_waiting(cJSON *to, const struct cost_month *month)
{
    char digits[41];
    num_i128_text(month->waiting_s, digits);
    cJSON_AddRawToObject(to, "waiting_commit_s", digits);
}

static void month_json(cJSON *array, const struct model *m, const struct cost_month *month)
{
    char text[INSTANT_TEXT_SIZE];
    cJSON *to = json_object(array, NULL);
    struct exact money = {0};
    struct exact waiting = {0};
    cost_money_all(m, month, &money);
    cost_waiting(m, month, &waiting);
    json_text(to, "month", calendar_month_text(month->month, text));
    json_i64(to, "commits", month->commits);
    json_i64(to, "deployments", month->deployments);
    json_i64(to, "launches", month->launches);
    put_billed(to, m, month);
    put_exact(to, "money_usd", &money);
    put_exact(to, "waiting_usd", &waiting);
    put_waiting(to, month);
    exact_add_all(&money, &waiting);
    put_exact(to, "cost_usd", &money);
    json_number(to, "lead_mean_s", outcome_lead_mean_s(month));
    cJSON *kinds = json_object(to, "by_kind");
    for (int kind = 0; kind < COST_KINDS; kind++) {
        struct exact sum = {0};
        cost_money(m, month, (enum cost_kind)kind, &sum);
        put_exact(kinds, cost_kind_name((enum cost_kind)kind), &sum);
        exact_release(&sum);
    }
    if (m->reserved && m->reserved_model == MODEL_POOL && month->ran_out != INSTANT_MAX)
        json_text(to, "pool_ran_out", calendar_text(month->ran_out, text));
    exact_release(&money);
    exact_release(&waiting);
}

static void lead_json(cJSON *to, const struct outcome *o)
{
    cJSON *lead = json_object(to, "lead_s");
    json_number(lead, "mean", outcome_lead_mean_s(&o->costs.total));
    json_i64(lead, "p50", o->lead.percentile[STATS_P50]);
    json_i64(lead, "p90", o->lead.percentile[STATS_P90]);
    json_i64(lead, "p95", o->lead.percentile[STATS_P95]);
    json_i64(lead, "p99", o->lead.percentile[STATS_P99]);
    json_i64(lead, "max", o->lead.max);
}

double outcome_deployments_per_day(const struct outcome *o)
{
    int64_t good = o->costs.total.deployments - o->went.storms - o->went.rolled_back;
    int64_t span_s = o->last_end - o->first_start;
    return (double)good * SECONDS_PER_DAY / (double)(span_s > SECONDS_PER_DAY ? span_s : SECONDS_PER_DAY);
}

double outcome_failure_rate(const struct outcome *o)
{
    int64_t all = o->costs.total.deployments;
    return all ? (double)(o->went.storms + o->went.rolled_back) / (double)all : 0;
}

double outcome_restore_mean_s(const struct outcome *o)
{
    return o->went.restores ? (double)o->went.restore_sum_s / (double)o->went.restores : 0;
}

static void delivery_json(cJSON *to, const struct outcome *o)
{
    cJSON *delivery = json_object(to, "delivery");
    json_number(delivery, "deployments_per_day", outcome_deployments_per_day(o));
    json_i64(delivery, "lead_p50_s", o->lead.percentile[STATS_P50]);
    json_number(delivery, "change_failure_rate", outcome_failure_rate(o));
    if (o->went.restores)
        json_number(delivery, "restore_mean_s", outcome_restore_mean_s(o));
    else
        cJSON_AddNullToObject(delivery, "restore_mean_s");
}

static void failures_json(cJSON *to, const struct outcome *o, const struct model *m)
{
    const struct mishaps *w = &o->went;
    bool hourly = m->terms.regime == REGIME_HOURLY;
    cJSON *failures = json_object(to, "failures");
    json_i64(failures, "attempts", w->attempts);
    json_i64(failures, "builds", w->failed_builds);
    json_i64(failures, "launches", w->failed_launches);
    json_i64(failures, "storms", w->storms);
    json_i64(failures, "storm_launches", w->storm_launches);
    json_i64(failures, hourly ? "storm_hours" : "storm_seconds",
             o->costs.total.storm_s / (hourly ? SECONDS_PER_HOUR : 1));
    json_i64(failures, "rolled_back", w->rolled_back);
    json_i64(failures, "culprits", w->culprits);
    json_i64(failures, "reverted", w->reverted);
    json_i64(failures, "delivered", o->delivered);
    json_i64(failures, "restore_max_s", w->restore_max_s);
}

cJSON *outcome_json(const struct outcome *o, const struct model *m, size_t corrected)
{
    char text[POLICY_TEXT_SIZE];
    cJSON *to = cJSON_CreateObject();
    json_text(to, "trigger", policy_trigger_text(o->policy.trigger, text));
    json_text(to, "keep", policy_keep_text(o->policy.keep, text));
    json_i64(to, "commits", o->costs.total.commits + o->went.reverted);
    json_i64(to, "corrected", (int64_t)corrected);
    json_i64(to, "deployments", o->costs.total.deployments);
    json_i64(to, "launches", o->costs.total.launches);
    put_billed(to, m, &o->costs.total);
    cJSON *kinds = json_object(to, "by_kind");
    for (int kind = 0; kind < COST_KINDS; kind++)
        json_money(kinds, cost_kind_name((enum cost_kind)kind), o->by_kind[kind]);
    json_money(to, "money_usd", o->money);
    json_money(to, "waiting_usd", o->waiting);
    json_money(to, "cost_usd", o->cost);
    put_waiting(to, &o->costs.total);
    lead_json(to, o);
    delivery_json(to, o);
    if (o->troubled && m->failures.any)
        failures_json(to, o, m);
    cJSON *months = json_array(to, "by_month");
    for (size_t i = 0; i < o->costs.count; i++)
        month_json(months, m, &o->costs.months[i]);
    return to;
}

const char *outcome_percent_text(money_t a, money_t b, char to[POLICY_TEXT_SIZE])
{
    to[0] = '\0';
    if (b == 0)
        return to;
    double percent = 100.0 * ((double)a - (double)b) / (double)b;
    if (percent > 9999)
        str_fit(to, POLICY_TEXT_SIZE, "x%.0f", (double)a / (double)b);
    else if (percent > -0.05 && percent < 0.05)
        str_fit(to, POLICY_TEXT_SIZE, "0 %%");
    else
        str_fit(to, POLICY_TEXT_SIZE, percent > -10 && percent < 10 ? "%+.1f %%" : "%+.0f %%", percent);
    return to;
}

const char *outcome_policy_text(const struct policy *p, char to[2 * POLICY_TEXT_SIZE])
{
    char trigger[POLICY_TEXT_SIZE];
    char keep[POLICY_TEXT_SIZE];
    str_fit(to, (size_t)2 * POLICY_TEXT_SIZE, "%s + %s", policy_trigger_text(p->trigger, trigger),
            policy_keep_text(p->keep, keep));
    return to;
}

const char *outcome_percent_csv(money_t a, money_t b, char to[POLICY_TEXT_SIZE])
{
    to[0] = '\0';
    if (b)
        str_fit(to, POLICY_TEXT_SIZE, "%.2f", 100.0 * ((double)a - (double)b) / (double)b);
    return to;
}

/* The shortest whole unit: "90", "15m", "8h", "1d". */
static void span_label(int64_t s, char to[POLICY_TEXT_SIZE])
{
    static const struct {
        int64_t s;
        char unit;
    } units[] = {{SECONDS_PER_DAY, 'd'}, {SECONDS_PER_HOUR, 'h'}, {60, 'm'}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (s && s % units[i].s == 0) {
            str_fit(to, POLICY_TEXT_SIZE, "%lld%c", (long long)(s / units[i].s), units[i].unit);
            return;
        }
    }
    str_fit(to, POLICY_TEXT_SIZE, "%lld", (long long)s);
}

const char *outcome_policy_label(const struct policy *p, char to[2 * POLICY_TEXT_SIZE])
{
    char trigger[POLICY_TEXT_SIZE];
    char keep[POLICY_TEXT_SIZE];
    char span[POLICY_TEXT_SIZE];
    policy_trigger_text(p->trigger, trigger);
    policy_keep_text(p->keep, keep);
    if (p->trigger.kind == TRIGGER_WINDOW || p->trigger.kind == TRIGGER_TRAIN) {
        span_label(p->trigger.arg, span);
        str_fit(trigger, sizeof(trigger), "%s:%.20s", p->trigger.kind == TRIGGER_WINDOW ? "window" : "train", span);
    }
    if (p->keep.kind == KEEP_IDLE) {
        span_label(p->keep.idle_s, span);
        str_fit(keep, sizeof(keep), "idle:%.20s", span);
    }
    str_fit(to, (size_t)2 * POLICY_TEXT_SIZE, "%s + %s", trigger, keep);
    return to;
}
