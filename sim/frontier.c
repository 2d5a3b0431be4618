#include "sim/frontier.h"

#include <stdlib.h>

#include "base/interrupt.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/str.h"
#include "sim/outcomes.h"

static const int64_t counts[] = {2, 3, 5, 10, 20};
static const int64_t windows_s[] = {300, 900, 1800, 3600, 7200, 14400, 28800, 86400};
static const int64_t trains_s[] = {900, 3600, 14400, 86400};
static const int64_t thetas[] = {THETA_PER_ONE / 4, THETA_PER_ONE / 2, THETA_PER_ONE, THETA_PER_ONE * 2};

static const struct trigger learning[] = {
    {TRIGGER_SQRT, THETA_PER_ONE / 2}, {TRIGGER_RANDOM, 1}, {TRIGGER_PREDICT, THETA_PER_ONE / 4}, {TRIGGER_MDP, 0}};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct policy baselines[] = {{{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}},
                                          {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}};

/* With terminate, and with the regime's own way of keeping where the terms allow it. */
static void add_keeps(struct policy_list *list, const struct terms *t, enum trigger_kind kind, int64_t arg)
{
    struct trigger trigger = {kind, arg};
    struct policy kept = {trigger, {t->regime == REGIME_HOURLY ? KEEP_HOUR : KEEP_RENT, 0}};
    struct err err;
    policy_list_add(list, (struct policy){trigger, {KEEP_TERMINATE, 0}});
    if (!policy_check(&kept, t, &err))
        policy_list_add(list, kept);
}

static void add_all(struct policy_list *list, const struct terms *t, enum trigger_kind kind, const int64_t *args,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_keeps(list, t, kind, args[i]);
}

/* Triggers that learn, with the regime's own way of keeping: learning takes a second or two, once. */
static void add_learning(struct policy_list *list, const struct terms *t, struct trigger trigger)
{
    struct policy kept = {trigger, {t->regime == REGIME_HOURLY ? KEEP_HOUR : KEEP_RENT, 0}};
    struct err err;
    if (policy_check(&kept, t, &err))
        kept.keep = (struct keep){KEEP_TERMINATE, 0};
    if (!policy_check(&kept, t, &err))
        policy_list_add(list, kept);
}

/* A pool's hours that the fleet leaves in a month of average length. */
static void add_budget(struct policy_list *list, const struct model *m)
{
    int64_t left_s = m->reserved * POOL_MONTH_S - m->fleet * SECONDS_PER_MONTH;
    if (m->reserved_model == MODEL_POOL && left_s >= SECONDS_PER_HOUR)
        add_learning(list, &m->terms, (struct trigger){TRIGGER_BUDGET_HOURS, left_s - left_s % SECONDS_PER_HOUR});
}

void frontier_grid(struct policy_list *list, const struct model *m)
{
    const struct terms *t = &m->terms;
    add_keeps(list, t, TRIGGER_EVERY, 0);
    add_keeps(list, t, TRIGGER_IDLE, 0);
    add_all(list, t, TRIGGER_COUNT, counts, LENGTH(counts));
    add_all(list, t, TRIGGER_WINDOW, windows_s, LENGTH(windows_s));
    add_all(list, t, TRIGGER_TRAIN, trains_s, LENGTH(trains_s));
    if (m->reserved)
        add_budget(list, m);
    if (!t->delay_price_per_commit_hour)
        return;
    add_all(list, t, TRIGGER_AREA, thetas, LENGTH(thetas));
    for (size_t i = 0; i < LENGTH(learning); i++)
        add_learning(list, t, learning[i]);
}

static const struct frontier_point *find(const struct frontier *f, const struct policy *p)
{
    for (size_t i = 0; i < f->count; i++)
        if (policy_equal(&f->points[i].outcome.policy, p))
            return &f->points[i];
    return NULL;
}

static bool dominates(const struct frontier_point *a, const struct frontier_point *b)
{
    const int64_t *la = a->outcome.lead.percentile;
    const int64_t *lb = b->outcome.lead.percentile;
    if (a->per_month > b->per_month || la[STATS_P50] > lb[STATS_P50] || la[STATS_P95] > lb[STATS_P95])
        return false;
    bool better = a->per_month < b->per_month || la[STATS_P50] < lb[STATS_P50] || la[STATS_P95] < lb[STATS_P95];
    return better || a < b; /* of equals the first stands: terminate comes before the keeps */
}

static void mark_dominated(struct frontier *f)
{
    for (size_t i = 0; i < f->count; i++)
        for (size_t j = 0; j < f->count && !f->points[i].dominated; j++)
            f->points[i].dominated = dominates(&f->points[j], &f->points[i]);
}

static void add_point(struct frontier *f, const struct policy *policy)
{
    if (!find(f, policy))
        f->points[f->count++].outcome.policy = *policy;
}

struct filling {
    struct frontier *f;
    const struct scenario *scenario;
    struct progress progress;
    int64_t done;
};

static int fill_point(void *context, size_t at, struct outcome *o, struct err *err)
{
    struct filling *filling = context;
    struct frontier_point *p = &filling->f->points[at];
    p->outcome = *o;
    if (interrupt_seen())
        return err_set(err, EXIT_FAILED, "stopped");
    progress_at(&filling->progress, ++filling->done);
    if (scenario_per_month(filling->scenario, &p->outcome.money_exact, &p->per_month))
        return err_set(err, EXIT_INPUT, "the money a month is more than 900 million USD; are the prices right?");
    return 0;
}

static int fill(struct frontier *f, const struct scenario *s, const struct session *session, struct err *err)
{
    struct filling filling = {.f = f, .scenario = s};
    struct outcomes scratch;
    struct policy *policies = mem_array(NULL, f->count, sizeof(*policies));
    for (size_t i = 0; i < f->count; i++)
        policies[i] = f->points[i].outcome.policy;
    outcomes_init(&scratch);
    progress_begin(&filling.progress, session, "replaying policies", (int64_t)f->count);
    int code = outcomes_each(&scratch, policies, f->count, &s->model, &s->commits, fill_point, &filling, err);
    progress_end(&filling.progress);
    outcomes_release(&scratch);
    free(policies);
    return code;
}

int frontier_run(struct frontier *f, const struct policy_list *list, const struct scenario *s,
                 const struct session *session, struct err *err)
{
    *f = (struct frontier){.points = mem_zero(list->count + LENGTH(baselines), sizeof(*f->points))};
    for (size_t i = 0; i < list->count; i++)
        add_point(f, &list->items[i]);
    for (size_t i = 0; i < LENGTH(baselines); i++)
        add_point(f, &baselines[i]);
    int code = fill(f, s, session, err);
    if (code)
        return code;
    f->every = find(f, &baselines[0]);
    f->idle = find(f, &baselines[1]);
    mark_dominated(f);
    return 0;
}

void frontier_release(struct frontier *f)
{
    for (size_t i = 0; i < f->count; i++)
        outcome_release(&f->points[i].outcome);
    free(f->points);
    *f = (struct frontier){0};
}

static bool no_limit(const struct limits *l)
{
    return !l->max_lead_s.is && !l->max_per_month.is && !l->by_cost;
}

bool frontier_within(const struct frontier *f, const struct limits *l, const struct frontier_point *p)
{
    int64_t p95_s = p->outcome.lead.percentile[STATS_P95];
    if (no_limit(l))
        return p95_s <= f->idle->outcome.lead.percentile[STATS_P95];
    return (!l->max_lead_s.is || p95_s <= l->max_lead_s.value) &&
           (!l->max_per_month.is || p->per_month <= l->max_per_month.value);
}

/* What is looked at first, second and third; smaller is better. */
static void merits(const struct limits *l, const struct frontier_point *p, int64_t merit[3])
{
    const struct outcome *o = &p->outcome;
    bool money_first = l->max_lead_s.is || !l->max_per_month.is;
    merit[0] = l->by_cost ? o->cost : money_first ? p->per_month : o->lead.percentile[STATS_P95];
    merit[1] = l->by_cost || !money_first ? p->per_month : o->lead.percentile[STATS_P95];
    merit[2] = o->lead.percentile[STATS_P50];
}

static bool better(const struct limits *l, const struct frontier_point *a, const struct frontier_point *b)
{
    int64_t ma[3];
    int64_t mb[3];
    merits(l, a, ma);
    merits(l, b, mb);
    for (int i = 0; i < 3; i++)
        if (ma[i] != mb[i])
            return ma[i] < mb[i];
    return false;
}

const struct frontier_point *frontier_recommend(const struct frontier *f, const struct limits *l)
{
    const struct frontier_point *best = NULL;
    for (size_t i = 0; i < f->count; i++) {
        const struct frontier_point *p = &f->points[i];
        if (frontier_within(f, l, p) && (!best || better(l, p, best)))
            best = p;
    }
    return best;
}

/* To the second where the minutes would hide why a limit is missed. */
static const char *limit_text(int64_t s, char to[INSTANT_TEXT_SIZE])
{
    if (s % 60 == 0)
        return duration_text(s, to);
    str_fit(to, INSTANT_TEXT_SIZE, "%lld s", (long long)s);
    return to;
}

static void add_limits(const struct frontier *f, const struct limits *l, struct str *to)
{
    char text[INSTANT_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    if (l->max_lead_s.is)
        str_addf(to, " whose p95 lead time is within %s", limit_text(l->max_lead_s.value, text));
    if (l->max_per_month.is)
        str_addf(to, "%s costs at most %s USD a month", l->max_lead_s.is ? " and which" : " that",
                 money_short(l->max_per_month.value, usd));
    if (no_limit(l))
        str_addf(to, " that is no slower than idle + terminate (p95 %s)",
                 duration_text(f->idle->outcome.lead.percentile[STATS_P95], text));
}

static void add_comparison(const struct frontier_point *best, const struct frontier_point *baseline, const char *name,
                           struct str *to)
{
    char usd[MONEY_TEXT_SIZE];
    char percent[POLICY_TEXT_SIZE];
    if (best == baseline || !baseline->per_month)
        return;
    str_addf(to, " Against %s (%s USD a month) that is %s.", name, money_short(baseline->per_month, usd),
             outcome_percent_text(best->outcome.money, baseline->outcome.money, percent));
}

/* How far the limits would have to go. */
static void add_extremes(const struct frontier *f, struct str *to)
{
    char usd[MONEY_TEXT_SIZE];
    char text[INSTANT_TEXT_SIZE];
    const struct frontier_point *fastest = f->points;
    const struct frontier_point *cheapest = f->points;
    for (size_t i = 1; i < f->count; i++) {
        const struct frontier_point *p = &f->points[i];
        if (p->outcome.lead.percentile[STATS_P95] < fastest->outcome.lead.percentile[STATS_P95])
            fastest = p;
        if (p->per_month < cheapest->per_month)
            cheapest = p;
    }
    str_addf(to, " The fastest has a p95 lead time of %s;",
             limit_text(fastest->outcome.lead.percentile[STATS_P95], text));
    str_addf(to, " the cheapest costs %s USD a month.", money_short(cheapest->per_month, usd));
}

void frontier_reason(const struct frontier *f, const struct limits *l, const struct frontier_point *best,
                     struct str *to)
{
    bool fastest = l->max_per_month.is && !l->max_lead_s.is && !l->by_cost;
    const char *what = l->by_cost ? "one with the least money and waiting together" : fastest ? "fastest" : "cheapest";
    if (!best) {
        str_addf(to, "None of the %zu policies fits: there is none", f->count);
        add_limits(f, l, to);
        str_add(to, ".");
        add_extremes(f, to);
        return;
    }
    str_addf(to, "Of %zu policies it is the %s", f->count, what);
    add_limits(f, l, to);
    str_add(to, ".");
    add_comparison(best, f->every, "deploying at every commit", to);
    add_comparison(best, f->idle, "deploying whenever the pipeline is idle", to);
}

const struct frontier_point *frontier_without_reuse(const struct frontier *f, const struct frontier_point *p)
{
    struct policy plain = {p->outcome.policy.trigger, {KEEP_TERMINATE, 0}};
    return find(f, &plain);
}
