#include "sim/organisation.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/progress.h"
#include "base/threads.h"
#include "sim/organisation_key.h"

#define SAVE_EVERY_NS 200000000
#define SAVE_SHARE    20 /* at most a twentieth of the time goes into saving */

void organisation_make_room(struct organisation *o, size_t services)
{
    o->count = services;
    o->services = mem_zero(services + 1, sizeof(*o->services));
    o->used = mem_zero(o->policies.count + 1, sizeof(*o->used));
    o->base = mem_zero(o->policies.count + 1, sizeof(*o->base));
}

void organisation_drop(struct organisation *o, size_t service)
{
    struct org_service *s = &o->services[service];
    free(s->figures);
    s->figures = NULL;
    s->key[0] = '\0';
}

void organisation_release(struct organisation *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->services[i].name);
        free(o->services[i].source);
        free(o->services[i].failure);
        free(o->services[i].figures);
    }
    free(o->services);
    for (size_t p = 0; o->used && p <= o->policies.count; p++) {
        hours_release(&o->used[p]);
        hours_release(&o->base[p]);
    }
    free(o->used);
    free(o->base);
    cJSON_Delete(o->head);
    policy_list_release(&o->policies);
    *o = (struct organisation){0};
}

struct run {
    struct organisation *o;
    const struct services *list;
    const struct scenario *base;
    const struct scenario_args *given;
    const struct org_options *options;
    const struct session *session;
    struct session quiet;
    struct organisation kept; /* of the file, until its records are looked at */
    size_t *work;             /* services to be done */
    size_t work_count;
    atomic_size_t next, done;
    bool looking;         /* at kept records; else planning */
    atomic_bool stale;    /* a kept record is of another history or other terms */
    atomic_bool failed;   /* the file cannot be written */
    pthread_mutex_t lock; /* of o, save times and err */
    pthread_mutex_t files;
    int64_t saved_ns, save_took_ns;
    int code;
    struct err err;
};

/* --- one service --- */

/* What of the terms needs a file, the catalog or the builtin tables is worked out once, for all that do not differ. */
static struct scenario_args settled(const struct service *service, const struct scenario *base,
                                    const struct scenario_args *given)
{
    struct scenario_args a = service->args;
    const struct terms *t = &base->model.terms;
    if (!service->own_price) {
        a.price = (struct given){true, base->model.price_per_hour};
        a.instance = a.catalog = NULL;
    }
    if (!a.calibration || a.calibration == given->calibration) {
        a.calibration = NULL;
        a.prepare_s = (struct given){true, given_or(a.prepare_s, t->prepare_s)};
        a.boot_s = (struct given){true, given_or(a.boot_s, t->boot_s)};
        a.bake_s = (struct given){true, given_or(a.bake_s, t->bake_s)};
        a.rollout_s = (struct given){true, given_or(a.rollout_s, t->rollout_s)};
    }
    a.replication = organisation_luck(service->name);
    a.reserved = 0;
    a.reserved_model = NULL;
    return a;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_shared(const struct run *run, const struct service *service, const struct scenario *s)
{
    const struct scenario *b = run->base;
    return !service->own_price || (same_text(s->type, b->type) && same_text(s->region, b->region) &&
                                   same_text(s->os, b->os) && s->model.price_per_hour == b->model.price_per_hour);
}

static int load(struct run *run, const struct service *service, struct scenario *s, struct err *err)
{
    struct scenario_args args = settled(service, run->base, run->given);
    if (service->own_files)
        pthread_mutex_lock(&run->files);
    int code = scenario_load(s, &args, &run->quiet, err);
    if (service->own_files)
        pthread_mutex_unlock(&run->files);
    if (code)
        return code;
    if (s->model.terms.regime == run->base->model.terms.regime)
        return 0;
    scenario_release(s);
    return err_set(err, EXIT_INPUT, "is billed by another regime than the others: plan it apart");
}

static void take_figures(struct org_figures *to, const struct frontier_point *p, bool within)
{
    const struct outcome *o = &p->outcome;
    const struct cost_month *total = &o->costs.total;
    *to = (struct org_figures){.deployments = total->deployments,
                               .launches = total->launches,
                               .billed_s = total->billed_s,
                               .commits = total->commits,
                               .money = o->money,
                               .waiting = o->waiting,
                               .cost = o->cost,
                               .per_month = p->per_month,
                               .lead_s = total->lead_s,
                               .lead_p50_s = o->lead.percentile[STATS_P50],
                               .lead_p95_s = o->lead.percentile[STATS_P95],
                               .within = within};
}

static void take_record(struct org_service *to, const struct organisation *o, const struct frontier *f,
                        const struct scenario *s)
{
    const struct frontier_point *best = frontier_recommend(f, &o->limits);
    to->commits = (int64_t)s->commits.count;
    to->corrected = (int64_t)s->history.corrected;
    to->first = s->history.arrival_s[0];
    to->last = s->history.arrival_s[s->commits.count - 1];
    to->span_from = s->span_from;
    to->span_to = s->span_to;
    to->shallow = s->history.shallow;
    to->best = best ? best - f->points : -1;
    to->figures = mem_zero(f->count, sizeof(*to->figures));
    for (size_t p = 0; p < f->count; p++)
        take_figures(&to->figures[p], &f->points[p], frontier_within(f, &o->limits, &f->points[p]));
}

static void add_hours(struct organisation *o, size_t to, const struct outcome *from)
{
    hours_add(&o->used[to], &from->costs.used);
    hours_add(&o->base[to], &from->costs.base);
}

static void save(struct run *run, bool now)
{
    int64_t begin_ns = clock_monotonic_ns();
    int64_t pause_ns = SAVE_SHARE * run->save_took_ns;
    if (!run->options->out || run->code ||
        (!now && begin_ns - run->saved_ns < (pause_ns > SAVE_EVERY_NS ? pause_ns : SAVE_EVERY_NS)))
        return;
    run->code = organisation_save(run->o, run->options->out, &run->err);
    if (run->code)
        atomic_store(&run->failed, true);
    run->saved_ns = clock_monotonic_ns();
    run->save_took_ns = run->saved_ns - begin_ns;
}

/* From here on the service is done: its record and its hours are in at once. */
static void publish(struct run *run, size_t at, const struct org_service *record, const struct frontier *f)
{
    struct organisation *o = run->o;
    struct org_service *to = &o->services[at];
    pthread_mutex_lock(&run->lock);
    if (o->reserved && record->shares) {
        for (size_t p = 0; p < f->count; p++)
            add_hours(o, p, &f->points[p].outcome);
        add_hours(o, f->count, &f->points[record->best < 0 ? (int64_t)o->idle : record->best].outcome);
    }
    struct org_service kept = *to;
    *to = *record;
    to->name = kept.name;
    to->source = kept.source;
    save(run, false);
    pthread_mutex_unlock(&run->lock);
}

static int plan_service(struct run *run, size_t at, struct scenario *s, struct org_service *record, struct err *err)
{
    struct frontier f;
    s->model.keep_hours = run->o->reserved && record->shares;
    int code = frontier_run(&f, &run->o->policies, s, &run->quiet, err);
    assert(code || f.count == run->o->policies.count);
    if (!code) {
        take_record(record, run->o, &f, s);
        publish(run, at, record, &f);
    }
    frontier_release(&f);
    return code;
}

/* A record that was kept counts while its key is what it would be now. */
static void look_at_kept(struct run *run, size_t at, const char *key)
{
    struct org_service *kept = &run->o->services[at];
    if (strcmp(kept->key, key) == 0)
        return;
    organisation_drop(run->o, at);
    atomic_store(&run->stale, true);
}

static void fail(struct run *run, size_t at, int code, const struct err *err)
{
    struct org_service *s = &run->o->services[at];
    if (interrupt_seen())
        return; /* stopped, not failed */
    s->failure = mem_dup(err->text);
    s->failure_code = code;
}

static void do_service(struct run *run, size_t at)
{
    const struct service *service = &run->list->items[at];
    struct org_service record = {.best = -1, .own_terms = *service->terms != '\0'};
    struct scenario s;
    struct err err;
    int code = load(run, service, &s, &err);
    if (!code) {
        record.shares = is_shared(run, service, &s);
        organisation_service_key(run->o, &s, service, record.shares, record.key);
        if (run->looking)
            look_at_kept(run, at, record.key);
        else
            code = plan_service(run, at, &s, &record, &err);
        scenario_release(&s);
    } else if (run->looking) {
        look_at_kept(run, at, ""); /* planning will say what is wrong */
        return;
    }
    if (code)
        fail(run, at, code, &err);
}

/* --- all of them --- */

struct worker {
    struct run *run;
    struct progress *progress; /* of the first only */
};

static void *work(void *context)
{
    struct worker *w = context;
    struct run *run = w->run;
    while (!atomic_load(&run->failed) && !interrupt_seen()) {
        size_t k = atomic_fetch_add(&run->next, 1);
        if (k >= run->work_count)
            break;
        do_service(run, run->work[k]);
        size_t done = atomic_fetch_add(&run->done, 1) + 1;
        if (w->progress)
            progress_at(w->progress, (int64_t)done);
    }
    return NULL;
}

static void work_all(struct run *run, const char *what)
{
    int64_t threads = threads_count(run->options->threads, (int64_t)run->work_count);
    struct worker *workers = mem_zero((size_t)threads, sizeof(*workers));
    struct progress progress;
    progress_begin(&progress, run->session, what, (int64_t)run->work_count);
    atomic_store(&run->next, 0);
    atomic_store(&run->done, 0);
    for (int64_t i = 0; i < threads; i++)
        workers[i] = (struct worker){run, i ? NULL : &progress};
    threads_run(work, workers, sizeof(*workers), threads);
    progress_end(&progress);
    free(workers);
}

static bool is_mine(const struct run *run, size_t at)
{
    const struct org_options *o = run->options;
    return !o->shards || (int64_t)at % o->shards == o->shard;
}

/* Those of this part that have a record, or that have none. */
static void choose(struct run *run, bool with_record)
{
    run->work_count = 0;
    for (size_t i = 0; i < run->o->count; i++)
        if (is_mine(run, i) && (run->o->services[i].figures != NULL) == with_record)
            run->work[run->work_count++] = i;
}

/* --- the file --- */

struct named {
    struct org_service *service;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->service->name, ((const struct named *)b)->service->name);
}

/* The records of the file go to the services of the same name. Those that nobody asks for any more are dropped. */
static size_t adopt(struct run *run)
{
    struct organisation *kept = &run->kept;
    struct organisation *o = run->o;
    struct named *order = mem_zero(o->count + 1, sizeof(*order));
    size_t adopted = 0;
    size_t offered = 0;
    for (size_t i = 0; i < o->count; i++)
        order[i].service = &o->services[i];
    qsort(order, o->count, sizeof(*order), by_name);
    for (size_t i = 0; i < kept->count; i++) {
        struct named from = {&kept->services[i]};
        offered += from.service->figures != NULL;
        const struct named *found =
            from.service->figures ? bsearch(&from, order, o->count, sizeof(*order), by_name) : NULL;
        if (!found || !is_mine(run, (size_t)(found->service - o->services)) || found->service->figures)
            continue;
        struct org_service own = *found->service;
        *found->service = *from.service;
        found->service->name = own.name;
        found->service->source = own.source;
        free(from.service->name);
        free(from.service->source);
        *from.service = (struct org_service){0};
        adopted++;
    }
    free(order);
    for (size_t p = 0; p <= o->policies.count && kept->reserved; p++) {
        hours_add(&o->used[p], &kept->used[p]);
        hours_add(&o->base[p], &kept->base[p]);
    }
    atomic_store(&run->stale, adopted < offered);
    return adopted;
}

static void forget_all(struct run *run)
{
    struct organisation *o = run->o;
    for (size_t i = 0; i < o->count; i++)
        organisation_drop(o, i);
    for (size_t p = 0; p <= o->policies.count; p++) {
        hours_release(&o->used[p]);
        hours_release(&o->base[p]);
    }
}

static int read_kept(struct run *run, bool *there, struct err *err)
{
    char *text;
    size_t len;
    *there = run->options->out && access(run->options->out, F_OK) == 0;
    if (!*there)
        return 0;
    int code = file_read(run->options->out, ORGANISATION_PART_MAX, &text, &len, err);
    if (code)
        return code;
    *there = len > 0;
    code = len ? organisation_parse(&run->kept, run->options->out, text, len, err) : 0;
    free(text);
    if (!code && len && (run->kept.shard != run->o->shard || run->kept.shards != run->o->shards))
        code = err_at(err, EXIT_INPUT, run->options->out, 0, 0, "is part %lld of %lld; give --out another name",
                      (long long)run->kept.shard, (long long)run->kept.shards);
    return code;
}

/* Hours are sums: where one of their records has become stale, all begins anew. */
static int go_on(struct run *run, struct err *err)
{
    bool there;
    int code = read_kept(run, &there, err);
    if (code || !there)
        return code;
    struct organisation *o = run->o;
    bool usable = run->kept.policies.count == o->policies.count && run->kept.reserved == o->reserved &&
                  run->kept.reserved_model == o->reserved_model;
    if (usable) {
        adopt(run);
        choose(run, true);
        run->looking = true;
        work_all(run, "looking at what is done");
        run->looking = false;
        if (interrupt_seen()) /* what was not looked at may be stale */
            return err_set(err, EXIT_FAILED,
                           "stopped while looking at what is done; the same command goes on from there");
    }
    if (o->reserved && atomic_load(&run->stale))
        forget_all(run);
    choose(run, true);
    session_note(run->session, "%s: %zu services are done already", run->options->out, run->work_count);
    return 0;
}

static int finish(struct run *run, struct err *err)
{
    const struct organisation *o = run->o;
    size_t failures = 0;
    int worst = 0;
    choose(run, false);
    bool stopped = interrupt_seen() && run->work_count;
    for (size_t i = 0; i < o->count; i++) {
        const struct org_service *s = &o->services[i];
        if (!s->failure)
            continue;
        failures++;
        worst = worst == EXIT_FAILED ? worst : s->failure_code;
        const char *where = run->list->items[i].where; /* which the failure may name itself */
        bool named = strncmp(s->failure, where, strlen(where)) == 0;
        fprintf(run->session->err, "%s%sservice \"%s\": %s\n", named ? "" : where, named ? "" : ": ", s->name,
                s->failure);
    }
    if (run->code) {
        *err = run->err;
        return run->code;
    }
    if (stopped)
        return err_set(err, EXIT_FAILED, "stopped before %zu of %zu services; %s", run->work_count, o->count,
                       run->options->out ? "what is done is kept, the same command goes on from there"
                                         : "with --out FILE what is done is kept, and the same command goes on");
    if (failures && (!run->options->partial || failures == o->count))
        return err_set(err, worst, "%zu of %zu services failed (--partial leaves them out)%s", failures, o->count,
                       run->options->out ? "; the others are kept" : "");
    return 0;
}

static void begin(struct organisation *o, const struct run *run, const struct policy_list *policies)
{
    static const struct policy baselines[] = {{{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}},
                                              {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}};
    const struct scenario *base = run->base;
    const struct scenario_args *given = run->given;
    size_t at[2];
    for (size_t i = 0; i < policies->count; i++)
        if (organisation_policy(o, &policies->items[i]) == o->policies.count)
            policy_list_add(&o->policies, policies->items[i]);
    for (int b = 0; b < 2; b++) {
        at[b] = organisation_policy(o, &baselines[b]);
        if (at[b] == o->policies.count)
            policy_list_add(&o->policies, baselines[b]);
    }
    o->every = at[0];
    o->idle = at[1];
    o->head = cJSON_CreateObject();
    scenario_model_json(base, o->head);
    o->hourly = base->model.terms.regime == REGIME_HOURLY;
    o->delay = base->model.terms.delay_price_per_commit_hour > 0;
    o->limits.by_cost = o->delay;
    o->shard = run->options->shards ? run->options->shard : 0;
    o->shards = run->options->shards ? run->options->shards : 1;
    o->reserved = given->reserved;
    o->reserved_model =
        given->reserved_model && strcmp(given->reserved_model, "pool") == 0 ? MODEL_POOL : MODEL_CLOCK_HOUR;
    o->price_per_hour = base->model.price_per_hour;
    organisation_make_room(o, run->list->count);
    for (size_t i = 0; i < o->count; i++) {
        o->services[i].name = mem_dup(run->list->items[i].name);
        o->services[i].source = mem_dup(run->list->items[i].source);
    }
    organisation_list_key(o, run->list, base, given);
}

int organisation_run(struct organisation *o, const struct services *list, const struct policy_list *policies,
                     const struct scenario *base, const struct scenario_args *given, const struct org_options *options,
                     const struct session *session, struct err *err)
{
    struct run run = {
        .o = o, .list = list, .base = base, .given = given, .options = options, .session = session, .quiet = *session};
    run.quiet.quiet = true;
    run.quiet.live = false;
    begin(o, &run, policies);
    run.work = mem_zero(o->count + 1, sizeof(*run.work));
    pthread_mutex_init(&run.lock, NULL);
    pthread_mutex_init(&run.files, NULL);
    interrupt_catch();
    int code = go_on(&run, err);
    if (!code) {
        save(&run, true);
        choose(&run, false);
        work_all(&run, "planning services");
        save(&run, true);
        code = finish(&run, err);
    }
    interrupt_restore();
    pthread_mutex_destroy(&run.lock);
    pthread_mutex_destroy(&run.files);
    organisation_release(&run.kept);
    free(run.work);
    return code;
}
