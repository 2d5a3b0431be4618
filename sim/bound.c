#include "sim/bound.h"

#include <math.h>

#include "base/mem.h"
#include "base/progress.h"
#include "scheduler/optimum.h"

#define BOUND_WORK  ((int64_t)40000000) /* steps x phases: about a quarter of a second */
#define FRONT_WORK  ((int64_t)3000000)  /* a limit makes it slower, and a line needs no more */
#define GRID_MAX_S  3600
#define CHEAP_PRICE 0.004 /* of the line's prices, in launches for a commit-hour: from here, */
#define PRICE_STEP  3     /* each so many times the one before, to 26 */
#define OVERLAP_MAX 1e13  /* 1,000 USD a deployment */

/* What each deployment costs at least besides its instance. */
static money_t money_each(const struct model *m)
{
    const struct terms *t = &m->terms;
    int64_t job_s = t->prepare_s + t->bake_s + t->rollout_s;
    struct cost_month one = {.deployments = 1,
                             .ci_minutes = meter_billed_s(m->ci_meter, job_s) / 60,
                             .fsr_s = meter_billed_s(m->fsr_meter, t->rollout_s)};
    static const enum cost_kind each[] = {COST_DEPLOY, COST_CI, COST_FSR, COST_NAT};
    struct exact sum = {0};
    money_t money = 0;
    for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++)
        cost_money(m, &one, each[i], &sum);
    if (exact_round(&sum, &money))
        money = 0; /* too much to count: the bound is still one */
    exact_release(&sum);
    return money;
}

/* The finest grid that is quick enough. Silences are passed over as in the optimum. */
static int64_t choose_grid(const struct scenario *s, struct meter meter, int64_t work, int64_t limit_s)
{
    static const int64_t grids[] = {1, 5, 10, 12, 15, 20, 30, 60, 120, 300, 600, 1800};
    const struct terms *t = &s->model.terms;
    int64_t reach_s = 2 * meter.quantum_s + 3 * (t->boot_s + t->bake_s) + limit_s;
    int64_t busy_s = reach_s;
    for (size_t i = 1; i < s->commits.count; i++) {
        int64_t gap_s = s->commits.arrival_s[i] - s->commits.arrival_s[i - 1];
        busy_s += gap_s < reach_s ? gap_s : reach_s;
    }
    for (size_t i = 0; i < sizeof(grids) / sizeof(*grids); i++) {
        int64_t phases = meter.quantum_s > grids[i] ? meter.quantum_s / grids[i] : 1;
        bool fits = t->bake_s % grids[i] == 0 && t->boot_s % grids[i] == 0;
        if (busy_s / grids[i] * phases * (fits ? 1 : 2) <= work)
            return grids[i];
    }
    return GRID_MAX_S;
}

/* The schedule as a replay, so that all that is counted of policies can be counted of it. */
static void replay_of(struct replay *r, const struct optimum *o, const struct scenario *s)
{
    const struct terms *t = &s->model.terms;
    const int64_t *at_s = s->commits.arrival_s;
    size_t next = 0;
    r->start = mem_grow(r->start, &r->start_cap, o->deployments, sizeof(*r->start));
    r->lead_s = mem_grow(r->lead_s, &r->lead_cap, s->commits.count, sizeof(*r->lead_s));
    r->commits = s->commits.count;
    r->deployments = o->deployments;
    r->launches = o->launches;
    for (size_t i = 0; i < o->deployments; i++) {
        int64_t start = o->start[i] >> 1;
        int64_t takes_s = t->prepare_s + (o->start[i] & 1 ? t->boot_s : 0) + t->bake_s + t->rollout_s;
        int month = calendar_month(start);
        r->start[i] = o->start[i];
        if (!r->month_count || r->months[r->month_count - 1].month != month) {
            r->months = mem_grow(r->months, &r->month_cap, r->month_count + 1, sizeof(*r->months));
            r->months[r->month_count++] = (struct replay_month){.month = month};
        }
        struct replay_month *to = &r->months[r->month_count - 1];
        to->deployments++;
        for (; next < s->commits.count && at_s[next] <= start; next++) {
            r->lead_s[next] = start - at_s[next] + takes_s;
            to->commits++;
            to->waiting_s += start - at_s[next];
            to->lead_s += r->lead_s[next];
        }
    }
    for (size_t m = 0; m < r->month_count; m++) {
        r->waiting_s += r->months[m].waiting_s;
        r->lead_sum_s += r->months[m].lead_s;
    }
}

static int fill_outcome(struct bound *b, const struct optimum *o, const struct scenario *s, struct err *err)
{
    struct replay r;
    struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    replay_init(&r);
    replay_of(&r, o, s);
    int code = outcome_of_replay(&b->outcome, &idle, &s->model, &r, err);
    if (!code && scenario_per_month(s, &b->outcome.money_exact, &b->per_month))
        code = err_set(err, EXIT_INPUT, "the money a month is more than 900 million USD; are the prices right?");
    replay_release(&r);
    return code;
}

static struct optimum_terms terms_of(const struct scenario *s, int64_t work)
{
    const struct terms *t = &s->model.terms;
    struct meter meter = regime_meter(t->regime);
    return (struct optimum_terms){.bake_s = t->bake_s,
                                  .boot_s = t->boot_s,
                                  .meter = meter,
                                  .grid_s = choose_grid(s, meter, work, 0),
                                  .price_per_hour = t->price_per_hour,
                                  .per_deploy = money_each(&s->model)};
}

static int find(struct bound *b, const struct scenario *s, const struct optimum_terms *terms,
                const struct session *session, struct err *err)
{
    struct optimum o;
    struct progress progress;
    progress_begin(&progress, session, "searching the optimum", (int64_t)s->commits.count);
    int code = optimum_solve(&o, terms, s->commits.arrival_s, s->commits.count, &progress, err);
    progress_end(&progress);
    if (code)
        return code;
    *b = (struct bound){.is = true,
                        .grid_s = terms->grid_s,
                        .delay_price = terms->delay_price_per_commit_hour,
                        .cost = (double)(o.money + o.waiting) / OPTIMUM_UNITS_PER_MONEY,
                        .lower = (double)o.lower_bound / OPTIMUM_UNITS_PER_MONEY};
    code = fill_outcome(b, &o, s, err);
    optimum_release(&o);
    return code;
}

int bound_find(struct bound *b, const struct scenario *s, money_t delay_price, const struct session *session,
               struct err *err)
{
    struct optimum_terms terms = terms_of(s, BOUND_WORK);
    terms.delay_price_per_commit_hour = delay_price;
    return find(b, s, &terms, session, err);
}

void bound_release(struct bound *b)
{
    if (b->is)
        outcome_release(&b->outcome);
    b->is = false;
}

/* A deployment with a bake instance of its own. */
static double launch_money(const struct scenario *s)
{
    const struct terms *t = &s->model.terms;
    int64_t billed_s = meter_billed_s(regime_meter(t->regime), t->boot_s + t->bake_s);
    return (double)money_each(&s->model) + (double)t->price_per_hour * (double)billed_s / SECONDS_PER_HOUR;
}

int bound_line_find(struct bound_line *line, const struct scenario *s, const struct session *session, struct err *err)
{
    double price = launch_money(s) * CHEAP_PRICE;
    int code = 0;
    *line = (struct bound_line){0};
    for (int i = 0; i < BOUND_PRICES && !code; i++) {
        code = bound_find(&line->at[line->count], s, (money_t)price + 1, session, err);
        line->count += line->at[line->count].is;
        price *= PRICE_STEP;
    }
    return code;
}

/* What a deployment of the schedule added to the fleet's bill, as if nothing were prepaid. */
static money_t overlap_each(const struct outcome *o, const struct model *m)
{
    const struct cost_month *t = &o->costs.total;
    double hours = (double)(t->fleet_s - t->base_s) / SECONDS_PER_HOUR;
    double each = t->deployments ? hours * (double)m->terms.price_per_hour / (double)t->deployments : 0;
    return each > 0 ? (money_t)fmin(each, OVERLAP_MAX) : 0;
}

int bound_front_find(struct bound_line *front, const struct scenario *s, const struct outcome *like, int64_t longest_s,
                     const struct session *session, struct err *err)
{
    struct optimum_terms terms = terms_of(s, FRONT_WORK);
    const int64_t around_s = s->model.terms.prepare_s + s->model.terms.rollout_s;
    const double first = (double)(terms.boot_s + terms.bake_s + terms.grid_s);
    const double last = fmax((double)(longest_s - around_s), first);
    const double step = pow(last / first, 1.0 / (BOUND_PRICES - 1));
    const money_t each = terms.per_deploy;
    int code = 0;
    terms.delay_price_per_commit_hour = (money_t)(launch_money(s) * CHEAP_PRICE) + 1;
    *front = (struct bound_line){0};
    for (int i = 0; i < BOUND_PRICES && (!code || code == EXIT_INPUT); i++) {
        terms.max_lead_s = (int64_t)ceil(first * pow(step, i));
        terms.grid_s = choose_grid(s, terms.meter, FRONT_WORK, terms.max_lead_s);
        terms.per_deploy = each + overlap_each(like, &s->model);
        struct bound *b = &front->at[front->count];
        code = find(b, s, &terms, session, err);
        if (b->is)
            like = &front->at[front->count++].outcome;
    }
    return code == EXIT_INPUT ? 0 : code;
}

void bound_line_release(struct bound_line *line)
{
    for (size_t i = 0; i < line->count; i++)
        bound_release(&line->at[i]);
    line->count = 0;
}

static double waiting_hours(const struct outcome *o)
{
    return (double)o->costs.total.waiting_s / SECONDS_PER_HOUR;
}

double bound_money(const struct outcome *o, const struct model *m)
{
    static const enum cost_kind each[] = {COST_DEPLOY, COST_LAUNCH, COST_CI, COST_FSR, COST_NAT};
    double money = (double)m->terms.price_per_hour * (double)o->costs.total.billed_s / SECONDS_PER_HOUR;
    for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++)
        money += (double)o->by_kind[each[i]];
    return money;
}

double bound_ratio(const struct bound *b, const struct outcome *o, const struct model *m)
{
    double cost = bound_money(o, m) + (double)b->delay_price * waiting_hours(o);
    return b->is && b->cost > 0 ? cost / b->cost : 0;
}

double bound_line_ratio(const struct bound_line *line, const struct outcome *o, const struct model *m)
{
    double least = 0;
    for (size_t i = 0; i < line->count; i++) {
        const struct bound *b = &line->at[i];
        double money = b->cost - (double)b->delay_price * waiting_hours(o);
        least = money > least ? money : least;
    }
    return least > 0 ? bound_money(o, m) / least : 0;
}
