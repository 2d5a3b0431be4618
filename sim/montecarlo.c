#include "sim/montecarlo.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/mem.h"
#include "base/progress.h"
#include "base/threads.h"
#include "sim/outcomes.h"

#define MILLION       1000000
#define ROUND_FIRST   32 /* replications before the first look at the precision */
#define PRECISION_ONE 1e9

static const struct mc_figure_name names[MC_FIGURES] = {
    [MC_COMMITS] = {"commits", NULL, MC_WHOLE, false},
    [MC_DEPLOYMENTS] = {"deployments", NULL, MC_WHOLE, false},
    [MC_LAUNCHES] = {"launches", NULL, MC_WHOLE, false},
    [MC_BILLED] = {"billed_hours", NULL, MC_WHOLE, false},
    [MC_RESERVED] = {"reserved_hours", NULL, MC_WHOLE, false},
    [MC_MONEY] = {"money_usd", NULL, MC_USD, false},
    [MC_WAITING_USD] = {"waiting_usd", NULL, MC_USD, false},
    [MC_COST] = {"cost_usd", NULL, MC_USD, false},
    [MC_WAITING_S] = {"waiting_commit_s", NULL, MC_WHOLE, false},
    [MC_LEAD_MEAN] = {"mean", "lead_s", MC_MILLIONTHS, false},
    [MC_LEAD_P50] = {"p50", "lead_s", MC_WHOLE, false},
    [MC_LEAD_P90] = {"p90", "lead_s", MC_WHOLE, false},
    [MC_LEAD_P95] = {"p95", "lead_s", MC_WHOLE, false},
    [MC_LEAD_P99] = {"p99", "lead_s", MC_WHOLE, false},
    [MC_LEAD_MAX] = {"max", "lead_s", MC_WHOLE, false},
    [MC_PER_DAY] = {"deployments_per_day", "delivery", MC_MILLIONTHS, false},
    [MC_FAILURE_RATE] = {"change_failure_rate", "delivery", MC_MILLIONTHS, false},
    [MC_RESTORE] = {"restore_mean_s", "delivery", MC_MILLIONTHS, false},
    [MC_ATTEMPTS] = {"attempts", "failures", MC_WHOLE, true},
    [MC_FAILED_BUILDS] = {"builds", "failures", MC_WHOLE, true},
    [MC_FAILED_LAUNCHES] = {"launches", "failures", MC_WHOLE, true},
    [MC_STORMS] = {"storms", "failures", MC_WHOLE, true},
    [MC_STORM_LAUNCHES] = {"storm_launches", "failures", MC_WHOLE, true},
    [MC_STORM_BILLED] = {"storm_hours", "failures", MC_WHOLE, true},
    [MC_ROLLED_BACK] = {"rolled_back", "failures", MC_WHOLE, true},
    [MC_CULPRITS] = {"culprits", "failures", MC_WHOLE, true},
    [MC_REVERTED] = {"reverted", "failures", MC_WHOLE, true},
    [MC_DELIVERED] = {"delivered", "failures", MC_WHOLE, true},
};

struct mc_figure_name mc_figure_name(int figure, bool hourly)
{
    assert(figure >= 0 && figure < MC_FIGURES);
    if (figure >= MC_KIND)
        return (struct mc_figure_name){cost_kind_name((enum cost_kind)(figure - MC_KIND)), "by_kind", MC_USD, false};
    struct mc_figure_name name = names[figure];
    if (!hourly && figure == MC_BILLED)
        name.name = "billed_seconds";
    if (!hourly && figure == MC_RESERVED)
        name.name = "reserved_seconds";
    if (!hourly && figure == MC_STORM_BILLED)
        name.name = "storm_seconds";
    return name;
}

void mc_result_init(struct mc_result *r, size_t asked, size_t count)
{
    *r = (struct mc_result){.asked = asked, .count = count};
    r->policies = mem_zero(count, sizeof(*r->policies));
    r->pairs = mem_zero(mc_pair_count(count), sizeof(*r->pairs));
}

void mc_result_release(struct mc_result *r)
{
    for (size_t p = 0; p < r->count; p++)
        free(r->policies[p].months);
    free(r->policies);
    free(r->pairs);
    *r = (struct mc_result){0};
}

struct mc_month *mc_month_of(struct mc_policy *p, int month)
{
    size_t at = p->month_count;
    while (at && p->months[at - 1].month > month)
        at--;
    if (at && p->months[at - 1].month == month)
        return &p->months[at - 1];
    p->months = mem_grow(p->months, &p->month_cap, p->month_count + 1, sizeof(*p->months));
    for (size_t i = p->month_count; i > at; i--)
        p->months[i] = p->months[i - 1];
    p->month_count++;
    p->months[at] = (struct mc_month){.month = month};
    return &p->months[at];
}

void mc_result_add(struct mc_result *r, const struct mc_result *more)
{
    assert(r->count == more->count);
    r->runs += more->runs;
    for (size_t p = 0; p < r->count; p++) {
        const struct mc_policy *from = &more->policies[p];
        for (int f = 0; f < MC_FIGURES; f++)
            sums_add_all(&r->policies[p].figures[f], &from->figures[f]);
        for (size_t m = 0; m < from->month_count; m++) {
            struct mc_month *month = mc_month_of(&r->policies[p], from->months[m].month);
            for (int f = 0; f < MC_MONTH_FIGURES; f++)
                sums_add_all(&month->figures[f], &from->months[m].figures[f]);
        }
    }
    for (size_t i = 0; i < mc_pair_count(r->count); i++)
        for (int f = 0; f < MC_PAIR_FIGURES; f++)
            sums_add_all(&r->pairs[i].figures[f], &more->pairs[i].figures[f]);
}

static int64_t clip(int128 value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN + 1 ? INT64_MIN + 1 : (int64_t)value;
}

static int64_t millionths(int128 numerator, int64_t denominator)
{
    return denominator ? clip(num_div_half_even(numerator * MILLION, denominator)) : 0;
}

static int64_t per_day(const struct outcome *o)
{
    int64_t good = o->costs.total.deployments - o->went.storms - o->went.rolled_back;
    int64_t span_s = o->last_end - o->first_start;
    return millionths((int128)good * SECONDS_PER_DAY, span_s > SECONDS_PER_DAY ? span_s : SECONDS_PER_DAY);
}

/* What of one replication goes into the sums. */
static void figures_of(const struct outcome *o, const struct model *m, int64_t value[MC_FIGURES])
{
    const struct cost_month *total = &o->costs.total;
    const struct mishaps *w = &o->went;
    int64_t unit_s = m->terms.regime == REGIME_HOURLY ? SECONDS_PER_HOUR : 1;
    value[MC_COMMITS] = total->commits + w->reverted;
    value[MC_DEPLOYMENTS] = total->deployments;
    value[MC_LAUNCHES] = total->launches;
    value[MC_BILLED] = total->billed_s / unit_s;
    value[MC_RESERVED] = total->covered_s / unit_s;
    value[MC_MONEY] = o->money;
    value[MC_WAITING_USD] = o->waiting;
    value[MC_COST] = o->cost;
    value[MC_WAITING_S] = clip(total->waiting_s);
    value[MC_LEAD_MEAN] = millionths(total->lead_s, total->commits);
    value[MC_LEAD_P50] = o->lead.percentile[STATS_P50];
    value[MC_LEAD_P90] = o->lead.percentile[STATS_P90];
    value[MC_LEAD_P95] = o->lead.percentile[STATS_P95];
    value[MC_LEAD_P99] = o->lead.percentile[STATS_P99];
    value[MC_LEAD_MAX] = o->lead.max;
    value[MC_PER_DAY] = per_day(o);
    value[MC_FAILURE_RATE] = millionths(w->storms + w->rolled_back, total->deployments);
    value[MC_RESTORE] = millionths(w->restore_sum_s, w->restores);
    value[MC_ATTEMPTS] = w->attempts;
    value[MC_FAILED_BUILDS] = w->failed_builds;
    value[MC_FAILED_LAUNCHES] = w->failed_launches;
    value[MC_STORMS] = w->storms;
    value[MC_STORM_LAUNCHES] = w->storm_launches;
    value[MC_STORM_BILLED] = total->storm_s / unit_s;
    value[MC_ROLLED_BACK] = w->rolled_back;
    value[MC_CULPRITS] = w->culprits;
    value[MC_REVERTED] = w->reverted;
    value[MC_DELIVERED] = o->delivered;
    for (int kind = 0; kind < COST_KINDS; kind++)
        value[MC_KIND + kind] = o->by_kind[kind];
}

static void add_months(struct mc_policy *to, const struct outcome *o, const struct model *m)
{
    int64_t unit_s = m->terms.regime == REGIME_HOURLY ? SECONDS_PER_HOUR : 1;
    for (size_t i = 0; i < o->costs.count; i++) {
        const struct cost_month *from = &o->costs.months[i];
        struct exact sum = {0};
        money_t money = 0;
        cost_money_all(m, from, &sum);
        int failed = exact_round(&sum, &money);
        assert(!failed); /* a part of a sum that fits */
        exact_release(&sum);
        struct mc_month *month = mc_month_of(to, from->month);
        sums_add(&month->figures[MC_MONTH_COMMITS], from->commits);
        sums_add(&month->figures[MC_MONTH_DEPLOYMENTS], from->deployments);
        sums_add(&month->figures[MC_MONTH_LAUNCHES], from->launches);
        sums_add(&month->figures[MC_MONTH_BILLED], from->billed_s / unit_s);
        sums_add(&month->figures[MC_MONTH_MONEY], money);
        if (from->commits)
            sums_add(&month->figures[MC_MONTH_LEAD], millionths(from->lead_s, from->commits));
    }
}

struct shared {
    const struct policy_list *policies;
    const struct scenario *scenario;
    const struct mc_options *options;
    atomic_int_least64_t next; /* replication to be taken */
    int64_t end;
    atomic_int_least64_t done;
    atomic_bool failed;
    pthread_mutex_t lock;
    int code; /* of the failed replication with the lowest number */
    int64_t failed_at;
    struct err err;
};

struct worker {
    struct shared *shared;
    struct progress *progress; /* of the first worker only */
    struct mc_result result;
    struct outcomes scratch;
    struct risks risks;
    struct world world;
    int64_t (*values)[MC_FIGURES]; /* by policy, of the replication at hand */
};

static void add_pairs(struct worker *w)
{
    static const int figures[MC_PAIR_FIGURES] = {MC_MONEY, MC_COST, MC_LEAD_MEAN};
    size_t n = w->result.count;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            for (int f = 0; f < MC_PAIR_FIGURES; f++)
                sums_add(&w->result.pairs[mc_pair_index(n, i, j)].figures[f],
                         w->values[j][figures[f]] - w->values[i][figures[f]]);
}

struct taking {
    struct worker *worker;
    const struct model *model;
};

static int take_outcome(void *context, size_t p, struct outcome *o, struct err *err)
{
    const struct taking *taking = context;
    struct worker *w = taking->worker;
    (void)err;
    figures_of(o, taking->model, w->values[p]);
    add_months(&w->result.policies[p], o, taking->model);
    for (int f = 0; f < MC_FIGURES; f++)
        if (f != MC_RESTORE || o->went.restores)
            sums_add(&w->result.policies[p].figures[f], w->values[p][f]);
    outcome_release(o);
    return 0;
}

static int replicate(struct worker *w, int64_t replication, struct err *err)
{
    const struct shared *shared = w->shared;
    struct model model = shared->scenario->model;
    uint32_t seed = shared->options->seed;
    struct commits commits;
    int code = scenario_world(shared->scenario, seed, (uint32_t)replication, &w->world, &commits, err);
    if (code)
        return code;
    if (model.failures.any) {
        risks_draw(&w->risks, &model.failures, seed, (uint32_t)replication, commits.count);
        model.risks = &w->risks;
    }
    struct taking taking = {w, &model};
    code = outcomes_each(&w->scratch, shared->policies->items, shared->policies->count, &model, &commits, take_outcome,
                         &taking, err);
    if (!code) {
        add_pairs(w);
        w->result.runs++;
    }
    return code;
}

static void fail(struct shared *shared, int64_t replication, int code, const struct err *err)
{
    pthread_mutex_lock(&shared->lock);
    if (!shared->code || replication < shared->failed_at) {
        shared->code = code;
        shared->failed_at = replication;
        shared->err = *err;
    }
    pthread_mutex_unlock(&shared->lock);
    atomic_store(&shared->failed, true);
}

static void *work(void *context)
{
    struct worker *w = context;
    struct shared *shared = w->shared;
    const struct mc_options *o = shared->options;
    while (!atomic_load(&shared->failed) && !interrupt_seen()) {
        int64_t k = atomic_fetch_add(&shared->next, 1);
        if (k >= shared->end)
            break;
        int64_t replication = o->shards ? o->shard % o->shards + k * o->shards : k;
        struct err err;
        int code = replicate(w, replication, &err);
        if (code)
            fail(shared, replication, code, &err);
        int64_t done = atomic_fetch_add(&shared->done, 1) + 1;
        if (w->progress)
            progress_at(w->progress, done);
    }
    return NULL;
}

static void run_round(struct shared *shared, struct worker *workers, int64_t threads, int64_t end)
{
    atomic_store(&shared->next, shared->end);
    shared->end = end;
    threads_run(work, workers, sizeof(*workers), threads);
}

static void gather(struct mc_result *out, struct worker *workers, int64_t threads)
{
    size_t asked = out->asked;
    size_t count = out->count;
    mc_result_release(out);
    mc_result_init(out, asked, count);
    for (int64_t i = 0; i < threads; i++)
        mc_result_add(out, &workers[i].result);
}

static bool is_precise(const struct mc_result *r, const struct mc_options *o)
{
    for (size_t p = 0; p < r->asked; p++) {
        const struct sums *s = &r->policies[p].figures[MC_COST];
        double mean = sums_mean(s);
        if (sums_half_width(s) > (double)o->precision / PRECISION_ONE * (mean < 0 ? -mean : mean))
            return false;
    }
    return true;
}

int64_t mc_round(int64_t end, int64_t runs, bool looks)
{
    int64_t next = end ? end + end / 2 : ROUND_FIRST;
    return looks && next < runs ? next : runs;
}

static void run_rounds(struct mc_result *out, struct shared *shared, struct worker *workers, int64_t threads,
                       int64_t runs)
{
    bool looks = shared->options->precision != 0;
    int64_t end = 0;
    do {
        end = mc_round(end, runs, looks);
        run_round(shared, workers, threads, end);
        gather(out, workers, threads);
    } while (end < runs && !shared->code && !interrupt_seen() && !is_precise(out, shared->options));
}

static struct worker *workers_new(struct shared *shared, int64_t threads, size_t asked, size_t count)
{
    struct worker *workers = mem_zero((size_t)threads, sizeof(*workers));
    for (int64_t i = 0; i < threads; i++) {
        workers[i].shared = shared;
        mc_result_init(&workers[i].result, asked, count);
        outcomes_init(&workers[i].scratch);
        risks_init(&workers[i].risks);
        workers[i].values = mem_zero(count, sizeof(*workers[i].values));
    }
    return workers;
}

static void workers_free(struct worker *workers, int64_t threads)
{
    for (int64_t i = 0; i < threads; i++) {
        mc_result_release(&workers[i].result);
        outcomes_release(&workers[i].scratch);
        risks_release(&workers[i].risks);
        world_release(&workers[i].world);
        free(workers[i].values);
    }
    free(workers);
}

static struct policy_list with_baselines(const struct policy_list *asked)
{
    struct policy_list all = {0};
    for (size_t i = 0; i < asked->count; i++)
        policy_list_add(&all, asked->items[i]);
    policy_list_add(&all, (struct policy){{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}});
    policy_list_add(&all, (struct policy){{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}});
    return all;
}

int montecarlo_run(struct mc_result *out, const struct policy_list *asked, const struct scenario *s,
                   const struct mc_options *o, const struct session *session, struct err *err)
{
    struct policy_list all = with_baselines(asked);
    struct shared shared = {.policies = &all, .scenario = s, .options = o};
    int64_t first = o->shards ? o->shard % o->shards : 0;
    int64_t runs = o->shards ? (o->runs - first + o->shards - 1) / o->shards : o->runs;
    int64_t threads = threads_count(o->threads, runs);
    pthread_mutex_init(&shared.lock, NULL);
    mc_result_init(out, asked->count, all.count);
    struct worker *workers = workers_new(&shared, threads, asked->count, all.count);
    struct progress progress;
    progress_begin(&progress, session, "replications", runs);
    workers[0].progress = &progress;
    interrupt_catch();
    run_rounds(out, &shared, workers, threads, runs);
    bool stopped = interrupt_seen() && out->runs < runs;
    interrupt_restore();
    progress_end(&progress);
    workers_free(workers, threads);
    pthread_mutex_destroy(&shared.lock);
    policy_list_release(&all);
    if (shared.code) {
        *err = shared.err;
        return shared.code;
    }
    if (stopped && out->runs < 1)
        return err_set(err, EXIT_FAILED, "stopped before the first replication was done");
    if (stopped)
        session_note(session, "stopped: the figures are those of %lld replications", (long long)out->runs);
    return 0;
}
