#include "scheduler/booking_private.h"

#include <stdlib.h>
#include <string.h>

#include "billing/charge.h"
#include "billing/ledger_storm.h"
#include "scheduler/statement.h"

void booking_name(const struct deployment *d, char to[80])
{
    str_fit(to, 80, "%s/%lld", d->environment, (long long)d->number);
}

static struct ledger_scope scope_of(const struct pipeline_world *w, const struct deployment *d, char name[80])
{
    booking_name(d, name);
    return (struct ledger_scope){name, w->environment->name, w->config->project};
}

int booking_begin(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d,
                  const struct pipeline_estimate *estimate, struct err *err)
{
    char name[80];
    struct ledger_scope scope = scope_of(w, d, name);
    instant_t now = w->transport->now_ms(w->transport->self) / 1000;
    return ledger_deployment_begin(ledger, &scope, d->commit, d->started_ms / 1000, d->estimate, estimate->rates.basis,
                                   now, err);
}

struct ledger_usage books_usage(const struct books *b, const char *key, const char *kind, const char *resource)
{
    return (struct ledger_usage){.key = key,
                                 .kind = kind,
                                 .resource = resource,
                                 .account = b->w->account,
                                 .type = "",
                                 .region = b->w->config->region,
                                 .zone = "",
                                 .os = b->w->config->prices.os,
                                 .usd = -1,
                                 .regime = b->rates.regime == REGIME_HOURLY ? CHOOSE_HOURLY : CHOOSE_SECOND};
}

/* What an instance-hour is booked at: as configured, or by the catalog at the use's own date (-1); without a catalog
 * the rate that estimate and statement rest on, as the ledger knows no sample prices. */
money_t books_hour(const struct books *b, money_t rate)
{
    return b->w->catalog && !b->w->config->prices.instance_per_hour ? -1 : rate;
}

int books_record(const struct books *b, const struct ledger_usage *usage, struct err *err)
{
    enum ledger_booked booked = LEDGER_NEW;
    return ledger_record(b->ledger, usage, &b->scope, b->w->catalog, b->now, &booked, err);
}

const char *books_ip_key(char to[BOOKS_KEY_SIZE], const char *instance)
{
    str_fit(to, BOOKS_KEY_SIZE, "%.70s:ip", instance);
    return to;
}

int books_address(const struct books *b, const struct ledger_usage *of, bool has_one, struct err *err)
{
    char key[BOOKS_KEY_SIZE];
    struct ledger_usage u = books_usage(b, books_ip_key(key, of->resource), "public-ipv4", key);
    u.region = of->region;
    u.start = of->start;
    u.end = of->end;
    u.open = of->open;
    return has_one ? books_record(b, &u, err) : 0;
}

static int book_bake(const struct books *b, struct err *err)
{
    char key[80];
    char at[INSTANT_TEXT_SIZE];
    const char *id = journal_fact(b->j, "bake.instance");
    int64_t launched_s = journal_fact_i64(b->j, "bake.launched_ms", 0) / 1000;
    int64_t freed_s = (journal_fact_i64(b->j, "bake.freed_ms", 0) + 999) / 1000;
    if (!id || !launched_s || freed_s <= launched_s)
        return 0;
    str_fit(key, sizeof(key), "%.40s@%s", id, calendar_text(launched_s, at));
    struct ledger_usage u = books_usage(b, key, "instance", id);
    u.type = b->w->config->image.instance_type;
    u.start = launched_s;
    u.end = freed_s;
    u.usd = books_hour(b, b->rates.bake_per_hour);
    u.open = journal_is(b->j, "closing.bake", "kept");
    int code = books_record(b, &u, err);
    return code ? code : books_address(b, &u, journal_is(b->j, "bake.public", "1"), err);
}

const char *books_life_key(char to[BOOKS_KEY_SIZE], const char *instance)
{
    str_fit(to, BOOKS_KEY_SIZE, "%.70s:life", instance);
    return to;
}

const char *books_fleet_type(const struct books *b)
{
    const char *type = b->w->environment->instance_type;
    return *type ? type : b->w->config->image.instance_type;
}

/* One that was launched outside the group: to its end, where it had one; where it went on to serve, to the moment that
 * an old one went for it, which is what it cost the deployment. The fleet's own bookkeeping (booking_fleet.c) goes on
 * from there. */
static int book_launch(const struct books *b, int64_t k, struct err *err)
{
    char key[BOOKS_KEY_SIZE];
    const char *id = journal_factf(b->j, "rollout.launch.%lld", (long long)k);
    const char *at = journal_factf(b->j, "rollout.at.%lld", (long long)k);
    const char *ended = journal_factf(b->j, "rollout.ended.%lld", (long long)k);
    const char *relieved = journal_factf(b->j, "rollout.relieved.%lld", (long long)k);
    if (!id || !at)
        return 0; /* refused: nothing was launched */
    int64_t until_ms = ended ? strtoll(ended, NULL, 10) : relieved ? strtoll(relieved, NULL, 10) : b->d->ended_ms;
    struct ledger_usage u = books_usage(b, books_life_key(key, id), "instance", id);
    u.type = books_fleet_type(b);
    u.region = b->w->environment->region;
    u.usd = books_hour(b, b->rates.fleet_per_hour);
    u.start = strtoll(at, NULL, 10) / 1000;
    u.end = (until_ms + 999) / 1000;
    u.end = u.end > u.start ? u.end : u.start + 1;
    u.open = !ended;
    int code = books_record(b, &u, err);
    const char *public = journal_factf(b->j, "rollout.public.%lld", (long long)k);
    return code ? code : books_address(b, &u, public != NULL, err);
}

static int book_launches(const struct books *b, struct err *err)
{
    int64_t launches = journal_fact_i64(b->j, "rollout.launches", 0);
    int code = 0;
    for (int64_t k = 0; !code && k < launches; k++)
        code = book_launch(b, k, err);
    return code;
}

/* Bake instances that never answered, together: how many, and their seconds. */
static int book_wasted(const struct books *b, struct err *err)
{
    int64_t count = journal_fact_i64(b->j, "bake.wasted", 0);
    int64_t wasted_s = journal_fact_i64(b->j, "bake.wasted_s", 0);
    int code = 0;
    for (int64_t i = 0; !code && i < count; i++) {
        char key[120];
        str_fit(key, sizeof(key), "%s:failed:%lld", b->d->run, (long long)i);
        struct ledger_usage u = books_usage(b, key, "instance", key);
        u.type = b->w->config->image.instance_type;
        u.usd = books_hour(b, b->rates.bake_per_hour);
        u.start = b->d->started_ms / 1000;
        u.end = u.start + wasted_s / count + (i < wasted_s % count);
        code = books_record(b, &u, err);
    }
    return code;
}

/* What of that the rollout launched in vain, and what its cap allowed. */
static int book_storm(const struct books *b, struct err *err)
{
    const struct ledger_storm storm = {.attempts = journal_fact_i64(b->j, "rollout.attempts", 0),
                                       .slots = journal_fact_i64(b->j, "rollout.desired", 1),
                                       .failed_s = journal_fact_i64(b->j, "rollout.failed_s", 0),
                                       .billed_s = b->d->storm_s,
                                       .cap_s = b->d->cap_s,
                                       .hourly = b->rates.regime == REGIME_HOURLY};
    return storm.attempts > 0 ? ledger_storm_book(b->ledger, &b->scope, &storm, b->now, err) : 0;
}

static int book_image(const struct books *b, const struct used *used, struct err *err)
{
    char key[120];
    if (!used->makes_image)
        return 0;
    const char *id = journal_fact(b->j, "image.id");
    int64_t made_s = journal_fact_i64(b->j, "image.ended_ms", b->d->ended_ms) / 1000;
    str_fit(key, sizeof(key), "%.60s:snapshot", id);
    struct ledger_usage u = books_usage(b, key, "snapshot", id);
    u.quantity = b->rates.image_gb * CHARGE_QUANTITY;
    u.usd = b->rates.snapshot_per_gb_month;
    u.start = made_s;
    u.end = b->d->ended_ms / 1000 > made_s ? b->d->ended_ms / 1000 : made_s + 1;
    u.open = strcmp(b->d->state, "completed") == 0; /* else clean-up has removed it */
    return books_record(b, &u, err);
}

static int book_runner(const struct books *b, struct err *err)
{
    char key[120];
    if (!b->rates.runner_per_minute)
        return 0;
    str_fit(key, sizeof(key), "%s:ci", b->d->run);
    struct ledger_usage u = books_usage(b, key, "ci-minute", key);
    u.start = b->d->started_ms / 1000;
    u.end = (b->d->ended_ms + 999) / 1000;
    u.usd = b->rates.runner_per_minute;
    return books_record(b, &u, err);
}

static int book_all(struct books *b, struct err *err)
{
    struct statement s = {.makespan_s = 0};
    struct journal *j = NULL;
    struct journal_clock clock = {b->w->transport->now_ms, b->w->transport->self};
    int code = journal_open(&j, b->w->state, NULL, b->d->run, clock, err);
    b->j = j;
    if (!code)
        code = statement_make(&s, j, b->d, b->w, err);
    if (!code) {
        b->rates = s.rates;
        code = book_bake(b, err);
    }
    if (!code)
        code = book_launches(b, err);
    if (!code)
        code = book_wasted(b, err);
    if (!code)
        code = book_storm(b, err);
    if (!code)
        code = book_image(b, &s.used, err);
    if (!code)
        code = book_runner(b, err);
    journal_free(j);
    return code;
}

int booking_end(struct ledger *ledger, const struct pipeline_world *w, const struct deployment *d, struct err *err)
{
    struct books b = {.ledger = ledger, .w = w, .d = d, .now = w->transport->now_ms(w->transport->self) / 1000};
    b.scope = scope_of(w, d, b.name);
    int code = book_all(&b, err);
    if (!code)
        code = ledger_deployment_end(ledger, b.name, d->ended_ms / 1000, d->state, b.now, err);
    return code ? code : ledger_synced(ledger, b.now, err);
}
