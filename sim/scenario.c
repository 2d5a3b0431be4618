#include "sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/page.h"
#include "base/str.h"
#include "billing/money_json.h"
#include "billing/catalog.h"
#include "billing/resource_price.h"
#include "sim/calibration.h"
#include "sim/history_reverts.h"

#define DEFAULT_TYPE   "m5.large"
#define DEFAULT_REGION "us-east-1"
#define SIZE_MAX_GB    65536
#define RETAIN_MAX     1000
#define COUNT_MAX      10000 /* of instances, reservations and zones */

int opt_span(void *field, const char *value, struct err *err)
{
    int64_t s;
    int code = duration_parse(value, &s, err);
    if (code)
        return code;
    if (s > POLICY_DURATION_MAX)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is longer than ten years", value);
    *(int64_t *)field = s;
    return 0;
}

int opt_size(void *field, const char *value, struct err *err)
{
    int64_t size;
    if (num_decimal(value, strlen(value), 6, &size) || size < 0 || size > SIZE_MAX_GB * GB_UNITS)
        return err_set(err, EXIT_INPUT, "\"%.60s\" is no size in GB from 0 to %d, with at most six decimals", value,
                       SIZE_MAX_GB);
    *(int64_t *)field = size;
    return 0;
}

static int set_given(opt_set *set, void *field, const char *value, struct err *err)
{
    struct given *given = field;
    int code = set(&given->value, value, err);
    given->is = code == 0;
    return code;
}

int opt_given_duration(void *field, const char *value, struct err *err)
{
    return set_given(opt_span, field, value, err);
}

int opt_given_price(void *field, const char *value, struct err *err)
{
    return set_given(opt_price, field, value, err);
}

int opt_given_count(void *field, const char *value, struct err *err)
{
    return set_given(opt_count, field, value, err);
}

int opt_given_size(void *field, const char *value, struct err *err)
{
    return set_given(opt_size, field, value, err);
}

/* Cuts a drawn history down to what is selected. */
static int select_drawn(const struct scenario *s, const int64_t *arrival_s, size_t *from, size_t *count,
                        struct err *err)
{
    size_t begin = 0;
    size_t end = *count;
    while (begin < end && arrival_s[begin] < s->drawn_from)
        begin++;
    while (end > begin && arrival_s[end - 1] >= s->drawn_to)
        end--;
    if (begin == end)
        return err_set(err, EXIT_INPUT, "no commit of the workload lies between --from and --to");
    *from = begin;
    *count = end - begin;
    return 0;
}

static int load_workload(struct scenario *s, const struct scenario_args *a, struct err *err)
{
    int code = workload_open(&s->workload, a->workload, err);
    if (code)
        return code;
    struct history *h = &s->history;
    size_t cap = 0;
    size_t from = 0;
    s->drawn = true;
    s->drawn_from = a->from.given ? a->from.at : INSTANT_MIN;
    s->drawn_to = a->to.given ? a->to.at : INSTANT_MAX;
    code = workload_draw(&s->workload, failure_args_seed(&a->failure), a->replication, &h->arrival_s, &cap, &h->count,
                         err);
    if (!code)
        code = select_drawn(s, h->arrival_s, &from, &h->count, err);
    if (code)
        return code;
    memmove(h->arrival_s, h->arrival_s + from, h->count * sizeof(*h->arrival_s));
    struct str source;
    str_init(&source, 0);
    str_addf(&source, "drawn from %s", a->workload);
    h->source = str_detach(&source);
    return 0;
}

static int read_history(struct scenario *s, const struct scenario_args *a, const struct session *session,
                        struct err *err)
{
    struct history_options options = {.skip_bad = a->skip_bad,
                                      .from = a->from.given ? a->from.at : INSTANT_MIN,
                                      .to = a->to.given ? a->to.at : INSTANT_MAX};
    if (a->workload)
        return load_workload(s, a, err);
    return a->log ? history_read_log(&s->history, a->log, &options, session, err)
                  : history_read_repo(&s->history, a->repo, a->branch, &options, session, err);
}

static int check_source(const struct scenario_args *a, struct err *err)
{
    int sources = !!a->log + !!a->repo + !!a->workload;
    if (!sources)
        return err_set(err, EXIT_INPUT,
                       "which history? --repo DIR reads a git repository, --log FILE a list of commit times");
    if (sources > 1)
        return err_set(err, EXIT_INPUT, "--log%s and --%s exclude each other",
                       a->workload && a->repo && a->log ? ", --repo" : "", a->workload ? "workload" : "repo");
    if (a->branch && !a->repo)
        return err_set(err, EXIT_INPUT, "--branch goes with --repo");
    if (a->from.given && a->to.given && a->from.at >= a->to.at)
        return err_set(err, EXIT_INPUT, "--from must be before --to");
    return 0;
}

static int load_history(struct scenario *s, const struct scenario_args *a, const struct session *session,
                        struct err *err)
{
    int code = check_source(a, err);
    if (!code)
        code = read_history(s, a, session, err);
    if (code)
        return code;
    s->commits = (struct commits){s->history.arrival_s, s->history.arrival_s, s->history.count};
    s->push_gap_s = a->push_gap_s;
    if (a->push_gap_s) {
        s->ready_s = mem_array(NULL, s->history.count, sizeof(*s->ready_s));
        replay_merge_pushes(s->history.arrival_s, s->history.count, a->push_gap_s, s->ready_s);
        s->commits.ready_s = s->ready_s;
    }
    s->span_from = a->from.given ? a->from.at : s->history.arrival_s[0];
    s->span_to = a->to.given ? a->to.at : s->history.arrival_s[s->history.count - 1];
    return 0;
}

static int load_pipeline(struct scenario *s, const struct scenario_args *a, struct err *err)
{
    bool any = a->prepare_s.is || a->boot_s.is || a->bake_s.is || a->rollout_s.is;
    struct calibration c = {.name = ""};
    int code = 0;
    if (a->calibration)
        code = calibration_open(&c, a->calibration, err);
    else if (!any)
        code = calibration_builtin(&c, err);
    if (code)
        return code;
    struct terms *t = &s->model.terms;
    t->prepare_s = a->prepare_s.is ? a->prepare_s.value : c.prepare_s;
    t->boot_s = a->boot_s.is ? a->boot_s.value : c.boot_s;
    t->bake_s = a->bake_s.is ? a->bake_s.value : c.bake_s;
    t->rollout_s = a->rollout_s.is ? a->rollout_s.value : c.rollout_s;
    s->usual_pipeline = !any && !a->calibration;
    char text[4][INSTANT_TEXT_SIZE];
    str_fit(s->pipeline_text, sizeof(s->pipeline_text), "prepare %s, boot %s, bake %s, rollout %s",
            duration_text(t->prepare_s, text[0]), duration_text(t->boot_s, text[1]), duration_text(t->bake_s, text[2]),
            duration_text(t->rollout_s, text[3]));
    return 0;
}

static int price_from_catalog(struct scenario *s, const struct scenario_args *a, const struct session *session,
                              struct err *err)
{
    struct catalog *catalog;
    int code = a->catalog ? catalog_open(&catalog, a->catalog, session, err) : catalog_builtin(&catalog, err);
    if (code)
        return code;
    s->type = a->instance ? a->instance : DEFAULT_TYPE;
    struct catalog_price price;
    struct err detail;
    if (catalog_find(catalog, s->type, s->region, s->os, s->date, &price, &detail)) {
        code = err_set(err, EXIT_INPUT, "%.800s (--price USD_PER_HOUR needs no catalog%s)", detail.text,
                       a->catalog ? "" : ", --catalog FILE reads yours");
    } else {
        char usd[MONEY_TEXT_SIZE];
        char date[INSTANT_TEXT_SIZE];
        s->model.price_per_hour = price.usd_per_hour;
        snprintf(s->price_text, sizeof(s->price_text), "%s, %s, %s: %s USD an hour (%s, since %s)", s->type, s->region,
                 s->os, money_short(price.usd_per_hour, usd), a->catalog ? a->catalog : "sample catalog",
                 calendar_date_text(price.effective, date));
    }
    catalog_free(catalog);
    return code;
}

static int load_price(struct scenario *s, const struct scenario_args *a, const struct session *session, struct err *err)
{
    if (a->price.is && (a->instance || a->catalog))
        return err_set(err, EXIT_INPUT, "--price excludes --instance and --catalog");
    s->os = a->os ? a->os : "linux";
    s->region = a->region ? a->region : DEFAULT_REGION;
    s->dated = a->date.given;
    s->date = a->date.given ? a->date.at : session->now_s;
    if (!a->price.is)
        return price_from_catalog(s, a, session, err);
    char usd[MONEY_TEXT_SIZE];
    s->model.price_per_hour = a->price.value;
    snprintf(s->price_text, sizeof(s->price_text), "%s USD an hour", money_short(a->price.value, usd));
    return 0;
}

static int load_regime(struct scenario *s, const struct scenario_args *a, struct err *err)
{
    enum regime regime;
    int code = regime_at(s->os, s->date, &regime, err);
    if (code)
        return code;
    if (a->regime && strcmp(a->regime, "hourly") == 0)
        regime = REGIME_HOURLY;
    else if (a->regime && strcmp(a->regime, "second") == 0)
        regime = REGIME_SECOND;
    else if (a->regime)
        return err_set(err, EXIT_INPUT, "--regime: \"%.60s\" is neither hourly nor second", a->regime);
    s->model.terms.regime = regime;
    return 0;
}

static int load_terms(struct scenario *s, const struct scenario_args *a)
{
    struct terms *t = &s->model.terms;
    s->model.licence_per_hour = a->licence;
    t->price_per_hour = s->model.price_per_hour + a->licence;
    t->per_deploy = a->per_deploy;
    t->delay_price_per_commit_hour = a->delay_price;
    t->launch_cost = a->launch;
    t->margin_s = a->margin_s;
    s->model.until = a->to.given ? a->to.at : INSTANT_MIN;
    return 0;
}

static int load_reserved(struct scenario *s, const struct scenario_args *a, struct err *err)
{
    const char *model = a->reserved_model ? a->reserved_model : "clock-hour";
    if (strcmp(model, "pool") != 0 && strcmp(model, "clock-hour") != 0)
        return err_set(err, EXIT_INPUT, "--reserved-model: \"%.60s\" is neither pool nor clock-hour", model);
    if (a->reserved > COUNT_MAX || a->fleet > COUNT_MAX || a->surge > COUNT_MAX || a->fsr_zones > COUNT_MAX)
        return err_set(err, EXIT_INPUT, "--fleet, --surge, --reserved and --fsr-zones go up to %d", COUNT_MAX);
    s->model.reserved = a->reserved;
    s->model.reserved_model = strcmp(model, "pool") == 0 ? MODEL_POOL : MODEL_CLOCK_HOUR;
    if (!a->fleet && (a->surge || a->drain_s))
        return err_set(err, EXIT_INPUT, "--surge and --drain go with --fleet");
    s->model.fleet = a->fleet;
    s->model.surge = a->surge ? a->surge : a->fleet;
    s->model.drain_s = a->drain_s;
    return 0;
}

static int sample_price(const struct scenario *s, const char *kind, const struct given *given, money_t *out,
                        struct err *err)
{
    if (given->is) {
        *out = given->value;
        return 0;
    }
    struct resource_price price;
    int code = resource_price_find(kind, s->region, s->date, &price, err);
    if (!code)
        *out = price.usd;
    return code;
}

static int load_around(struct scenario *s, const struct scenario_args *a, struct err *err)
{
    struct model *m = &s->model;
    m->runner_per_minute = a->runner_per_minute;
    m->image_size = a->image_size;
    m->retain = a->retain.is ? a->retain.value : 3;
    m->fsr_zones = a->fsr_zones;
    m->nat_per_gb = a->nat_per_gb;
    m->nat_size = a->nat_size.is ? a->nat_size.value : a->image_size;
    if (m->retain < 1 || m->retain > RETAIN_MAX)
        return err_set(err, EXIT_INPUT, "--retain goes from 1 to %d", RETAIN_MAX);
    int code = sample_price(s, "snapshot", &a->storage_per_gb_month, &m->storage_per_gb_month, err);
    if (!code && m->storage_per_gb_month > 100 * MONEY_PER_USD)
        code = err_set(err, EXIT_INPUT, "--storage-usd-per-gb-month goes up to 100");
    if (!code)
        code = sample_price(s, "fsr", &a->fsr_per_hour, &m->fsr_per_hour, err);
    if (!code)
        code = meter_kind("ci-job", &m->ci_meter, err);
    return code ? code : meter_kind("fsr", &m->fsr_meter, err);
}

/* The share of reverts becomes the culprits' probability. */
static int fit_culprit(struct scenario *s, const struct scenario_args *a, const struct session *session,
                       struct err *err)
{
    struct history_options options = {.from = a->from.given ? a->from.at : INSTANT_MIN,
                                      .to = a->to.given ? a->to.at : INSTANT_MAX};
    struct history_reverts r;
    int code;
    if (a->workload)
        return err_set(err, EXIT_INPUT, "--culprit fit goes with --repo or --log");
    code = a->log ? history_reverts_log(&r, a->log, &options, err)
                  : history_reverts_repo(&r, a->repo, a->branch, &options, err);
    if (code)
        return code;
    s->model.failures.culprit = (uint64_t)((int128)r.reverts * (int128)RISK_CERTAIN / r.commits);
    s->model.failures.any |= s->model.failures.culprit > 0;
    session_note(session, "--culprit fit: %lld of %lld commits are reverts: %.4f", (long long)r.reverts,
                 (long long)r.commits, (double)r.reverts / (double)r.commits);
    return 0;
}

static void load_risks(struct scenario *s, const struct scenario_args *a)
{
    if (!s->model.failures.any)
        return;
    risks_draw(&s->risks, &s->model.failures, failure_args_seed(&a->failure), a->replication, s->commits.count);
    s->model.risks = &s->risks;
}

static int load_model(struct scenario *s, const struct scenario_args *a, const struct session *session, struct err *err)
{
    int code = load_price(s, a, session, err);
    if (!code)
        code = load_regime(s, a, err);
    if (!code)
        code = load_terms(s, a);
    if (!code)
        code = load_reserved(s, a, err);
    if (!code)
        code = load_around(s, a, err);
    if (!code)
        code = load_pipeline(s, a, err);
    return code ? code : failure_args_apply(&a->failure, &s->model, session, err);
}

int scenario_remodel(struct scenario *s, const struct scenario_args *a, const struct session *session, struct err *err)
{
    s->model = (struct model){0};
    int code = load_model(s, a, session, err);
    if (!code && a->failure.culprit_fit)
        code = fit_culprit(s, a, session, err);
    if (!code)
        load_risks(s, a);
    return code;
}

int scenario_load(struct scenario *s, const struct scenario_args *a, const struct session *session, struct err *err)
{
    *s = (struct scenario){0};
    int code = load_model(s, a, session, err);
    if (!code)
        code = load_history(s, a, session, err);
    if (!code && a->failure.culprit_fit)
        code = fit_culprit(s, a, session, err);
    if (!code)
        load_risks(s, a);
    if (code) {
        scenario_release(s);
        return code;
    }
    if (s->history.shallow)
        session_note(session, "the repository is shallow: only the commits it holds are counted");
    if (s->history.skipped)
        session_note(session, "%zu bad lines were passed over", s->history.skipped);
    if (a->nat_per_gb && !s->model.nat_size)
        session_note(session, "--nat-usd-per-gb without --nat-gb or --image-gb costs nothing");
    return 0;
}

void scenario_release(struct scenario *s)
{
    history_release(&s->history);
    free(s->ready_s);
    s->ready_s = NULL;
    risks_release(&s->risks);
}

int scenario_world(const struct scenario *s, uint32_t seed, uint32_t replication, struct world *world,
                   struct commits *out, struct err *err)
{
    *out = s->commits;
    if (!s->drawn)
        return 0;
    size_t count;
    size_t from = 0;
    int code = workload_draw(&s->workload, seed, replication, &world->arrival_s, &world->arrival_cap, &count, err);
    if (!code)
        code = select_drawn(s, world->arrival_s, &from, &count, err);
    if (code)
        return code;
    const int64_t *arrival_s = world->arrival_s + from;
    *out = (struct commits){arrival_s, arrival_s, count};
    if (s->push_gap_s) {
        world->ready_s = mem_grow(world->ready_s, &world->ready_cap, count, sizeof(*world->ready_s));
        replay_merge_pushes(arrival_s, count, s->push_gap_s, world->ready_s);
        out->ready_s = world->ready_s;
    }
    return 0;
}

void world_release(struct world *world)
{
    free(world->arrival_s);
    free(world->ready_s);
    *world = (struct world){0};
}

int scenario_per_month(const struct scenario *s, const struct exact *money, money_t *out)
{
    int64_t span_s = s->span_to - s->span_from;
    return exact_round_scaled(money, SECONDS_PER_MONTH, span_s > SECONDS_PER_DAY ? span_s : SECONDS_PER_DAY, out);
}

static void add_history(const struct scenario *s, struct str *to)
{
    const struct history *h = &s->history;
    char first[INSTANT_TEXT_SIZE];
    char last[INSTANT_TEXT_SIZE];
    calendar_date_text(h->arrival_s[0], first);
    calendar_date_text(h->arrival_s[s->commits.count - 1], last);
    str_addf(to, "%zu commit%s, ", s->commits.count, s->commits.count == 1 ? "" : "s");
    str_addf(to, strcmp(first, last) == 0 ? "%s" : "%s to %s", first, last);
    str_addf(to, ", %s", h->source);
    if (h->corrected)
        str_addf(to, "; %zu backward time%s corrected", h->corrected, h->corrected == 1 ? "" : "s");
    if (h->left_out)
        str_addf(to, "; %zu outside --from and --to left out", h->left_out);
    if (s->push_gap_s)
        str_addf(to, "; within %lld s one push", (long long)s->push_gap_s);
    str_add_char(to, '.');
}

static void add_fleet(const struct model *m, struct str *to)
{
    char text[INSTANT_TEXT_SIZE];
    if (m->fleet)
        str_addf(to, "%lld instance%s, %lld at a time, draining %s", (long long)m->fleet, m->fleet == 1 ? "" : "s",
                 (long long)m->surge, duration_text(m->drain_s, text));
    if (m->reserved)
        str_addf(to, "%s%lld reservation%s, counted %s", m->fleet ? "; " : "", (long long)m->reserved,
                 m->reserved == 1 ? "" : "s",
                 m->reserved_model == MODEL_POOL ? "as a pool of hours" : "clock hour by clock hour");
    str_add_char(to, '.');
}

void scenario_print(const struct scenario *s, const struct session *session)
{
    struct str text;
    str_init(&text, 0);
    add_history(s, &text);
    page_wrap(session, "History   ", text.text);
    str_release(&text);
    scenario_model_print(s, session);
}

void scenario_model_print(const struct scenario *s, const struct session *session)
{
    char date[INSTANT_TEXT_SIZE];
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "%s%s.", s->pipeline_text, s->usual_pipeline ? " (the original's 17 min)" : "");
    page_wrap(session, "Pipeline  ", text.text);
    str_clear(&text);
    str_addf(&text, "%s, billed by the %s%s%s.", s->price_text,
             s->model.terms.regime == REGIME_HOURLY ? "started hour" : "second", s->dated ? "; a scenario of " : "",
             s->dated ? calendar_date_text(s->date, date) : "");
    page_wrap(session, "Price     ", text.text);
    str_clear(&text);
    add_fleet(&s->model, &text);
    if (s->model.fleet || s->model.reserved)
        page_wrap(session, "Fleet     ", text.text);
    str_release(&text);
}

void scenario_json(const struct scenario *s, cJSON *document)
{
    char text[INSTANT_TEXT_SIZE];
    cJSON *history = json_object(document, "history");
    json_text(history, "source", s->history.source);
    json_i64(history, "commits", (int64_t)s->commits.count);
    json_i64(history, "corrected", (int64_t)s->history.corrected);
    json_i64(history, "skipped", (int64_t)s->history.skipped);
    json_bool(history, "shallow", s->history.shallow);
    json_text(history, "first", calendar_text(s->history.arrival_s[0], text));
    json_text(history, "last", calendar_text(s->history.arrival_s[s->commits.count - 1], text));
    scenario_model_json(s, document);
}

void scenario_model_json(const struct scenario *s, cJSON *document)
{
    const struct terms *t = &s->model.terms;
    cJSON *model = json_object(document, "model");
    json_text(model, "regime", regime_name(t->regime));
    json_text(model, "price", s->price_text);
    json_money(model, "price_usd_per_hour", s->model.price_per_hour);
    json_money(model, "per_deploy_usd", t->per_deploy);
    json_money(model, "delay_price_usd_per_commit_hour", t->delay_price_per_commit_hour);
    json_i64(model, "prepare_s", t->prepare_s);
    json_i64(model, "boot_s", t->boot_s);
    json_i64(model, "bake_s", t->bake_s);
    json_i64(model, "rollout_s", t->rollout_s);
    json_i64(model, "push_gap_s", s->push_gap_s);
    json_i64(model, "fleet", s->model.fleet);
    json_i64(model, "reserved", s->model.reserved);
    if (s->model.reserved)
        json_text(model, "reserved_model", s->model.reserved_model == MODEL_POOL ? "pool" : "clock-hour");
}
