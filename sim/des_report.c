#include "sim/des_report.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/progress.h"
#include "base/threads.h"
#include "base/str.h"
#include "billing/money_json.h"

#define MILLION 1000000

enum figure {
    DES_COMMITS,
    DES_DEPLOYMENTS,
    DES_LAUNCHES,
    DES_BILLED,
    DES_MONEY,
    DES_WAITING_USD,
    DES_COST,
    DES_WAITING_S,
    DES_LEAD_MEAN,
    DES_LEAD_P50,
    DES_LEAD_P90,
    DES_LEAD_P95,
    DES_LEAD_P99,
    DES_LEAD_MAX,
    DES_EVENTS,
    DES_BUSY, /* of the first stage, and behind it one for each further stage */
};

static_assert(DES_BUSY == DES_FIXED_FIGURES && DES_COMMITS == 0, "the header counts them");

static const struct {
    const char *name, *group;
    enum mc_unit unit;
} names[DES_BUSY] = {
    [DES_COMMITS] = {"commits", NULL, MC_WHOLE},
    [DES_DEPLOYMENTS] = {"deployments", NULL, MC_WHOLE},
    [DES_LAUNCHES] = {"launches", NULL, MC_WHOLE},
    [DES_BILLED] = {"billed_seconds", NULL, MC_WHOLE},
    [DES_MONEY] = {"money_usd", NULL, MC_USD},
    [DES_WAITING_USD] = {"waiting_usd", NULL, MC_USD},
    [DES_COST] = {"cost_usd", NULL, MC_USD},
    [DES_WAITING_S] = {"waiting_commit_s", NULL, MC_MILLIONTHS},
    [DES_LEAD_MEAN] = {"mean", "lead_s", MC_MILLIONTHS},
    [DES_LEAD_P50] = {"p50", "lead_s", MC_MILLIONTHS},
    [DES_LEAD_P90] = {"p90", "lead_s", MC_MILLIONTHS},
    [DES_LEAD_P95] = {"p95", "lead_s", MC_MILLIONTHS},
    [DES_LEAD_P99] = {"p99", "lead_s", MC_MILLIONTHS},
    [DES_LEAD_MAX] = {"max", "lead_s", MC_MILLIONTHS},
    [DES_EVENTS] = {"events", NULL, MC_WHOLE},
};

static int64_t clip(int128 value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int figures_of(const struct des_result *r, const struct des_model *m, int64_t value[DES_FIGURES],
                      struct err *err)
{
    struct exact waiting = {0};
    money_t money = 0;
    money_t waited = 0;
    int128 billed_s = r->instance_billed_s;
    for (size_t i = 0; i < m->stage_count; i++) {
        billed_s += r->stages[i].billed_s;
        int128 capacity_us = (int128)m->stages[i].servers * r->ended_us;
        value[DES_BUSY + i] = capacity_us ? clip(num_div_half_even(r->stages[i].busy_us * MILLION, capacity_us)) : 0;
    }
    exact_add(&waiting, r->waiting_us / 1000 * m->delay_price_per_commit_hour, (int64_t)SECONDS_PER_HOUR * 1000);
    int failed = des_money(r, m, &money) | exact_round(&waiting, &waited);
    exact_release(&waiting);
    if (failed || money_add(money, waited, &value[DES_COST]))
        return err_set(err, EXIT_INPUT, "the money adds up to more than 900 million USD; are the prices right?");
    value[DES_COMMITS] = r->commits;
    value[DES_DEPLOYMENTS] = r->deployments;
    value[DES_LAUNCHES] = r->launches;
    value[DES_BILLED] = clip(m->regime == REGIME_HOURLY ? billed_s / SECONDS_PER_HOUR : billed_s);
    value[DES_MONEY] = money;
    value[DES_WAITING_USD] = waited;
    value[DES_WAITING_S] = clip(r->waiting_us);
    value[DES_LEAD_MEAN] = clip(num_div_half_even(r->lead_us, r->commits));
    static const int percent[] = {50, 90, 95, 99};
    for (int i = 0; i < 4; i++)
        value[DES_LEAD_P50 + i] = des_lead_percentile_us(r, percent[i]);
    value[DES_LEAD_MAX] = r->lead_max_us;
    value[DES_EVENTS] = r->events;
    return 0;
}

struct shared {
    const struct des_model *model;
    int64_t shard, shards; /* shards 0: all */
    const struct commits *history;
    uint32_t seed;
    int64_t runs, end; /* replications in all, and those to be done before the next look at the precision */
    int64_t precision;
    atomic_int_least64_t next, done;
    atomic_int code;
    pthread_mutex_t lock;
    struct err err;
};

struct worker {
    struct shared *shared;
    struct progress *progress;
    struct des_result result; /* the last one run */
    struct sums figures[DES_FIGURES];
};

static void *work(void *context)
{
    struct worker *w = context;
    struct shared *s = w->shared;
    int64_t k;
    while (!atomic_load(&s->code) && !interrupt_seen() && (k = atomic_fetch_add(&s->next, 1)) < s->end) {
        struct des_options o = {.seed = s->seed,
                                .replication = (uint32_t)(s->shards ? s->shard + k * s->shards : k),
                                .history = s->history};
        int64_t value[DES_FIGURES] = {0};
        struct err err;
        int code = des_run(&w->result, s->model, &o, &err);
        if (!code)
            code = figures_of(&w->result, s->model, value, &err);
        if (code) {
            pthread_mutex_lock(&s->lock);
            atomic_store(&s->code, code);
            s->err = err;
            pthread_mutex_unlock(&s->lock);
            break;
        }
        for (int f = 0; f < DES_FIGURES; f++)
            sums_add(&w->figures[f], value[f]);
        int64_t done = atomic_fetch_add(&s->done, 1) + 1;
        if (w->progress)
            progress_at(w->progress, done);
    }
    return NULL;
}

static void run_round(struct shared *s, struct worker *workers, int64_t threads, int64_t end)
{
    atomic_store(&s->next, s->end);
    s->end = end;
    threads_run(work, workers, sizeof(*workers), threads);
}

static void gather(const struct worker *workers, int64_t threads, struct sums figures[DES_FIGURES])
{
    for (int f = 0; f < DES_FIGURES; f++)
        figures[f] = (struct sums){0};
    for (int64_t i = 0; i < threads; i++)
        for (int f = 0; f < DES_FIGURES; f++)
            sums_add_all(&figures[f], &workers[i].figures[f]);
}

/* Of the cost, or of the lead time where nothing costs anything. */
static bool is_precise(const struct sums figures[DES_FIGURES], int64_t precision)
{
    const struct sums *s = &figures[figures[DES_COST].sum ? DES_COST : DES_LEAD_MEAN];
    return sums_half_width(s) <= (double)precision / 1e9 * sums_mean(s);
}

static void run_all(struct shared *s, struct worker *workers, int64_t threads, struct sums figures[DES_FIGURES],
                    const struct session *session)
{
    struct progress progress;
    progress_begin(&progress, session, "replications", s->runs);
    workers[0].progress = &progress;
    interrupt_catch();
    int64_t end = 0;
    do {
        end = mc_round(end, s->runs, s->precision != 0);
        run_round(s, workers, threads, end);
        gather(workers, threads, figures);
    } while (end < s->runs && !atomic_load(&s->code) && !interrupt_seen() && !is_precise(figures, s->precision));
    interrupt_restore();
    progress_end(&progress);
}

static void figure_json(cJSON *to, const char *name, const struct sums *s, enum mc_unit unit, bool many)
{
    double scale = unit == MC_MILLIONTHS ? 1e-6 : 1;
    if (!many) {
        if (unit == MC_USD)
            json_money(to, name, sums_mean_half_even(s));
        else if (unit == MC_WHOLE)
            json_i64(to, name, (int64_t)s->sum);
        else
            json_number(to, name, sums_mean(s) * scale);
        return;
    }
    cJSON *figure = json_object(to, name);
    if (unit == MC_USD) {
        json_money(figure, "mean", sums_mean_half_even(s));
        json_money(figure, "half_width", (money_t)(sums_half_width(s) + 0.5));
    } else {
        json_number(figure, "mean", sums_mean(s) * scale);
        json_number(figure, "half_width", sums_half_width(s) * scale);
    }
    json_i64(figure, "runs", s->n);
}

static void print_json(const struct des_total *t, const char *command, const struct session *session)
{
    const struct des_model *m = &t->model;
    const struct sums *figures = t->figures;
    bool many = t->many;
    char text[POLICY_TEXT_SIZE];
    cJSON *document = json_document(command);
    cJSON *about = json_object(document, "des");
    json_text(about, "file", t->path);
    json_text(about, "name", m->name);
    json_i64(about, "seed", t->seed);
    cJSON *to = json_object(json_array(document, "policies"), NULL);
    json_text(to, "trigger", m->by_policy ? policy_trigger_text(m->policy.trigger, text) : "batch");
    json_text(to, "keep", policy_keep_text(m->policy.keep, text));
    for (int f = 0; f < DES_BUSY; f++) {
        cJSON *group = names[f].group ? cJSON_GetObjectItemCaseSensitive(to, names[f].group) : to;
        if (!group)
            group = json_object(to, names[f].group);
        bool hours = f == DES_BILLED && m->regime == REGIME_HOURLY;
        figure_json(group, hours ? "billed_hours" : names[f].name, &figures[f], names[f].unit, many);
    }
    cJSON *stages = json_array(to, "stages");
    for (size_t i = 0; i < m->stage_count; i++) {
        cJSON *stage = json_object(stages, NULL);
        json_text(stage, "name", m->stages[i].name);
        json_i64(stage, "servers", m->stages[i].servers);
        figure_json(stage, "utilisation", &figures[DES_BUSY + i], MC_MILLIONTHS, many);
    }
    json_print(document, session->out);
}

static void line(const struct session *session, const char *label, const struct sums *s, double scale, const char *unit)
{
    if (s->n > 1)
        fprintf(session->out, "%-24s %16.4f ±%.4f %s\n", label, sums_mean(s) * scale, sums_half_width(s) * scale, unit);
    else
        fprintf(session->out, "%-24s %16.4f %s\n", label, sums_mean(s) * scale, unit);
}

static void print_text(const struct des_total *t, const struct session *session)
{
    const struct des_model *m = &t->model;
    const struct sums *figures = t->figures;
    bool hourly = m->regime == REGIME_HOURLY;
    fprintf(session->out, "%sModel %s%s (%s)\n\n", session_bold(session), m->name[0] ? m->name : "",
            session_plain(session), t->path);
    line(session, "commits", &figures[DES_COMMITS], 1, "");
    line(session, "deployments", &figures[DES_DEPLOYMENTS], 1, "");
    line(session, "launches", &figures[DES_LAUNCHES], 1, "");
    line(session, "paid", &figures[DES_BILLED], 1, hourly ? "h" : "s");
    line(session, "money", &figures[DES_MONEY], 1.0 / (double)MONEY_PER_USD, "USD");
    if (m->delay_price_per_commit_hour)
        line(session, "money and waiting", &figures[DES_COST], 1.0 / (double)MONEY_PER_USD, "USD");
    line(session, "lead time, mean", &figures[DES_LEAD_MEAN], 1e-6, "s");
    line(session, "lead time, p50", &figures[DES_LEAD_P50], 1e-6, "s");
    line(session, "lead time, p95", &figures[DES_LEAD_P95], 1e-6, "s");
    line(session, "lead time, longest", &figures[DES_LEAD_MAX], 1e-6, "s");
    for (size_t i = 0; i < m->stage_count; i++) {
        char label[64];
        str_fit(label, sizeof(label), "%s busy", m->stages[i].name[0] ? m->stages[i].name : "stage");
        line(session, label, &figures[DES_BUSY + i], 1e-4, "%");
    }
    fputs("\nPercentiles are at most 0.8 % too high.\n", session->out);
}

void des_total_print(const struct des_total *t, const char *command, const struct session *session)
{
    if (session_form(session) == FORM_JSON)
        print_json(t, command, session);
    else
        print_text(t, session);
}

int des_total_open(struct des_total *t, const char *path, struct err *err)
{
    size_t len;
    *t = (struct des_total){.path = mem_dup(path), .shards = 1};
    int code = file_read(path, MODEL_FILE_MAX, &t->text, &len, err);
    return code ? code : des_model_parse(&t->model, path, t->text, len, err);
}

void des_total_release(struct des_total *t)
{
    free(t->path);
    free(t->text);
    *t = (struct des_total){0};
}

int des_total_run(struct des_total *t, const struct commits *history, const struct mc_options *many, uint32_t seed,
                  const struct session *session, struct err *err)
{
    struct shared shared = {.model = &t->model, .history = history, .seed = seed, .runs = many ? many->runs : 1};
    t->seed = seed;
    t->many = many != NULL;
    t->runs = shared.runs;
    if (many && many->shards) {
        t->shards = shared.shards = many->shards;
        t->shard = shared.shard = many->shard;
        shared.runs = (many->runs - many->shard + many->shards - 1) / many->shards;
    }
    if (history)
        digest_text((const char *)history->ready_s, history->count * sizeof(*history->ready_s), t->history);
    int64_t threads = threads_count(many ? many->threads : 0, shared.runs);
    pthread_mutex_init(&shared.lock, NULL);
    struct worker *workers = mem_zero((size_t)threads, sizeof(*workers));
    for (int64_t i = 0; i < threads; i++)
        workers[i].shared = &shared;
    shared.precision = many ? many->precision : 0;
    run_all(&shared, workers, threads, t->figures, session);
    free(workers);
    pthread_mutex_destroy(&shared.lock);
    int code = atomic_load(&shared.code);
    if (code)
        *err = shared.err;
    else if (!des_total_done(t) && shared.runs)
        code = err_set(err, EXIT_FAILED, "stopped before the first replication was done");
    return code;
}
