#include "scheduler/uses.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "billing/charge.h"

void uses_init(struct uses *u)
{
    *u = (struct uses){.count = 0};
    arena_init(&u->arena);
}

void uses_release(struct uses *u)
{
    free(u->items);
    arena_release(&u->arena);
    *u = (struct uses){.count = 0};
}

struct ledger_usage uses_usage(const struct pipeline_world *w, const struct rates *rates, const char *key,
                               const char *kind, const char *resource)
{
    return (struct ledger_usage){.key = key,
                                 .kind = kind,
                                 .resource = resource,
                                 .account = w->account,
                                 .type = "",
                                 .region = w->config->region,
                                 .zone = "",
                                 .os = w->config->prices.os,
                                 .quantity = CHARGE_QUANTITY,
                                 .usd = -1,
                                 .regime = rates->regime == REGIME_HOURLY ? CHOOSE_HOURLY : CHOOSE_SECOND};
}

money_t uses_hour(const struct pipeline_world *w, money_t rate)
{
    return w->catalog && !w->config->prices.instance_per_hour ? -1 : rate;
}

const char *uses_fleet_type(const struct pipeline_world *w)
{
    const char *type = w->environment->instance_type;
    return *type ? type : w->config->image.instance_type;
}

static const char *key_with(char to[USES_KEY_SIZE], const char *instance, const char *tail)
{
    str_fit(to, USES_KEY_SIZE, "%.70s:%s", instance, tail);
    return to;
}

const char *uses_life_key(char to[USES_KEY_SIZE], const char *instance)
{
    return key_with(to, instance, "life");
}

const char *uses_root_key(char to[USES_KEY_SIZE], const char *instance)
{
    return key_with(to, instance, "root");
}

const char *uses_ip_key(char to[USES_KEY_SIZE], const char *instance)
{
    return key_with(to, instance, "ip");
}

/* ---- the list in the making ---- */

struct making {
    struct uses *to;
    const struct journal *j;
    const struct deployment *d;
    const struct pipeline_world *w;
    const struct rates *rates;
    int64_t ended_ms;
};

static int64_t up(int64_t ms)
{
    return (ms + 999) / 1000;
}

static struct use *add(const struct making *m, enum cost_kind cost, const struct ledger_usage *usage)
{
    struct uses *u = m->to;
    u->items = mem_grow(u->items, &u->cap, u->count + 1, sizeof(*u->items));
    struct use *use = &u->items[u->count++];
    *use = (struct use){.cost = cost, .usage = *usage};
    use->usage.key = arena_dup(&u->arena, usage->key);
    use->usage.resource = arena_dup(&u->arena, usage->resource);
    return use;
}

/* An instance, and what it has. */
static void add_machine(const struct making *m, enum cost_kind cost, const struct ledger_usage *usage, instant_t taken,
                        bool is_public)
{
    char key[USES_KEY_SIZE];
    struct ledger_usage u = *usage;
    add(m, cost, usage)->taken = taken;
    u.type = "";
    u.usd = -1;
    if (m->d->disk_gb > 0) {
        u.key = u.resource = uses_root_key(key, usage->resource);
        u.kind = "volume";
        u.quantity = m->d->disk_gb * CHARGE_QUANTITY;
        add(m, COST_DISKS, &u)->taken = taken;
    }
    if (is_public) {
        u.key = u.resource = uses_ip_key(key, usage->resource);
        u.kind = "public-ipv4";
        u.quantity = CHARGE_QUANTITY;
        add(m, COST_ADDRESSES, &u)->taken = taken;
    }
}

static void add_bake(const struct making *m)
{
    char key[80];
    char at[INSTANT_TEXT_SIZE];
    const char *id = journal_fact(m->j, "bake.instance");
    int64_t launched_s = journal_fact_whole(m->j, "bake.launched_ms") / 1000;
    int64_t freed_s = up(journal_fact_whole(m->j, "bake.freed_ms"));
    int64_t adopted_s = up(journal_fact_whole(m->j, "bake.adopted_ms"));
    if (!id || !launched_s || freed_s <= launched_s)
        return;
    str_fit(key, sizeof(key), "%.40s@%s", id, calendar_text(launched_s, at));
    struct ledger_usage u = uses_usage(m->w, m->rates, key, "instance", id);
    u.type = m->w->config->image.instance_type;
    u.start = launched_s;
    u.end = freed_s;
    u.usd = uses_hour(m->w, m->rates->bake_per_hour);
    u.open = journal_is(m->j, "closing.bake", "kept");
    if (!adopted_s && journal_fact_whole(m->j, "bake.before_s")) /* by an older version */
        adopted_s = launched_s + journal_fact_whole(m->j, "bake.before_s");
    adopted_s = adopted_s < freed_s ? adopted_s : freed_s;
    add_machine(m, COST_BAKE, &u, adopted_s > launched_s ? adopted_s : 0, journal_is(m->j, "bake.public", "1"));
}

/* Bake instances that never answered, together: how many, and their seconds. */
static void add_wasted(const struct making *m)
{
    bool is_public = strcmp(m->w->config->network.address, "public") == 0;
    int64_t count = journal_fact_whole(m->j, "bake.wasted");
    int64_t wasted_s = journal_fact_whole(m->j, "bake.wasted_s");
    for (int64_t i = 0; i < count; i++) {
        char key[120];
        str_fit(key, sizeof(key), "%.60s:failed:%lld", m->d->run, (long long)i);
        struct ledger_usage u = uses_usage(m->w, m->rates, key, "instance", key);
        u.type = m->w->config->image.instance_type;
        u.usd = uses_hour(m->w, m->rates->bake_per_hour);
        u.start = m->d->started_ms / 1000;
        u.end = u.start + wasted_s / count + (i < wasted_s % count);
        add_machine(m, COST_FAILED, &u, 0, is_public);
    }
}

static struct ledger_usage of_fleet(const struct making *m, const char *key, const char *id, int64_t from_ms,
                                    int64_t until_ms)
{
    struct ledger_usage u = uses_usage(m->w, m->rates, key, "instance", id);
    u.type = uses_fleet_type(m->w);
    u.region = m->w->environment->region;
    u.usd = uses_hour(m->w, m->rates->fleet_per_hour);
    u.start = from_ms / 1000;
    u.end = up(until_ms);
    u.end = u.end > u.start ? u.end : u.start + 1;
    return u;
}

/* The group took it out again (engine step attaches its first wave): it is told of there. */
static bool is_sick(const struct making *m, const char *id)
{
    int64_t sick = journal_fact_whole(m->j, "rollout.sick");
    for (int64_t k = 0; k < sick; k++) {
        const char *one = journal_factf(m->j, "rollout.sick.%" PRId64, k);
        if (one && strcmp(one, id) == 0)
            return true;
    }
    return false;
}

/* One that was launched outside the group: to its end, where it had one; where it went on to serve, to the moment that
 * an old one went for it, which is what it cost the deployment. The group's own books (booking_fleet.c) go on from
 * there. */
static void add_launch(const struct making *m, int64_t k)
{
    char key[USES_KEY_SIZE];
    const char *id = journal_factf(m->j, "rollout.launch.%" PRId64, k);
    const char *at = journal_factf(m->j, "rollout.at.%" PRId64, k);
    const char *ended = journal_factf(m->j, "rollout.ended.%" PRId64, k);
    const char *relieved = journal_factf(m->j, "rollout.relieved.%" PRId64, k);
    const char *state = journal_factf(m->j, "rollout.state.%" PRId64, k);
    if (!id || !at || is_sick(m, id))
        return; /* refused: nothing was launched */
    int64_t until_ms = ended ? strtoll(ended, NULL, 10) : relieved ? strtoll(relieved, NULL, 10) : m->ended_ms;
    struct ledger_usage u = of_fleet(m, uses_life_key(key, id), id, strtoll(at, NULL, 10), until_ms);
    u.open = !ended;
    bool failed = state && strcmp(state, "failed") == 0;
    bool is_public = journal_factf(m->j, "rollout.public.%" PRId64, k) != NULL;
    m->to->public_fleet = m->to->public_fleet || is_public;
    add_machine(m, failed ? COST_FAILED : COST_ROLLOUT, &u, 0, is_public);
}

/* One that the group launched by itself, until an old one went for it. */
static void add_own(const struct making *m, int64_t k)
{
    char key[USES_KEY_SIZE];
    const char *id = journal_factf(m->j, "rollout.own.%" PRId64, k);
    const char *at = journal_factf(m->j, "rollout.own_at.%" PRId64, k);
    const char *relieved = journal_factf(m->j, "rollout.own_relieved.%" PRId64, k);
    if (!id || !at || !relieved)
        return;
    struct ledger_usage u = of_fleet(m, uses_life_key(key, id), id, strtoll(at, NULL, 10), strtoll(relieved, NULL, 10));
    u.open = true;
    bool is_public = journal_factf(m->j, "rollout.own_public.%" PRId64, k) != NULL;
    m->to->public_fleet = m->to->public_fleet || is_public;
    add_machine(m, COST_ROLLOUT, &u, 0, is_public);
}

/* An old one from where it was told to go, for as long as its connections may drain: then it is over, whether anybody
 * looks again or not. A later look puts right what it was (booking_fleet.c). */
static void add_old(const struct making *m, int64_t k)
{
    char key[USES_KEY_SIZE];
    const char *id = journal_factf(m->j, "rollout.old.%" PRId64, k);
    const char *type = journal_factf(m->j, "rollout.old_type.%" PRId64, k);
    const char *launched = journal_factf(m->j, "rollout.old_launched.%" PRId64, k);
    const char *told = journal_factf(m->j, "rollout.old_told.%" PRId64, k);
    const char *until = journal_factf(m->j, "rollout.old_until.%" PRId64, k);
    if (!id || !type || !launched || !told || !until)
        return;
    struct ledger_usage u =
        of_fleet(m, uses_life_key(key, id), id, strtoll(launched, NULL, 10), strtoll(until, NULL, 10));
    u.type = arena_dup(&m->to->arena, *type ? type : u.type);
    u.open = true;
    struct use *use = add(m, COST_DRAINING, &u);
    use->taken = up(strtoll(told, NULL, 10));
    use->ends = true;
}

/* Of those that the group launched by itself, one that it took out again. */
static void add_sick(const struct making *m, int64_t k)
{
    char key[USES_KEY_SIZE];
    const char *id = journal_factf(m->j, "rollout.sick.%" PRId64, k);
    const char *at = journal_factf(m->j, "rollout.sick_at.%" PRId64, k);
    const char *ended = journal_factf(m->j, "rollout.sick_ended.%" PRId64, k);
    if (!id || !at || !ended)
        return;
    struct ledger_usage u = of_fleet(m, uses_life_key(key, id), id, strtoll(at, NULL, 10), strtoll(ended, NULL, 10));
    add_machine(m, COST_FAILED, &u, 0, m->to->public_fleet);
}

static void add_image(const struct making *m, const char *id, const char *region, instant_t made_s)
{
    char key[120];
    instant_t ended_s = m->ended_ms / 1000;
    str_fit(key, sizeof(key), "%.60s:snapshot", id);
    struct ledger_usage u = uses_usage(m->w, m->rates, key, "snapshot", id);
    u.region = region;
    u.quantity = m->rates->image_gb * CHARGE_QUANTITY;
    u.usd = m->rates->snapshot_per_gb_month;
    u.start = made_s;
    u.end = ended_s > made_s ? ended_s : made_s + 1;
    u.open = true;
    if (u.quantity && u.usd)
        add(m, COST_IMAGE, &u)->reckoned = made_s + m->rates->retained_days * SECONDS_PER_DAY;
}

static void add_copy(const struct making *m)
{
    char key[120];
    const char *id = journal_fact(m->j, "image.copy");
    int64_t began_s = journal_fact_whole(m->j, "image.copy_ms") / 1000;
    if (!id || !journal_fact(m->j, "image.copied") || strcmp(m->d->state, "completed") != 0)
        return;
    add_image(m, id, m->w->environment->region, began_s);
    str_fit(key, sizeof(key), "%.60s:transfer", id);
    struct ledger_usage u = uses_usage(m->w, m->rates, key, "transfer-gb", id);
    u.quantity = m->rates->image_gb * CHARGE_QUANTITY;
    u.usd = m->rates->transfer_per_gb;
    u.start = u.end = began_s;
    if (strcmp(m->w->config->region, m->w->environment->region) != 0 && u.quantity && u.usd)
        add(m, COST_IMAGE, &u);
}

static void add_runner(const struct making *m)
{
    char key[120];
    if (!m->rates->runner_per_minute)
        return;
    str_fit(key, sizeof(key), "%s:ci", m->d->run);
    struct ledger_usage u = uses_usage(m->w, m->rates, key, "ci-minute", key);
    u.start = m->d->started_ms / 1000;
    u.end = up(m->ended_ms);
    u.usd = m->rates->runner_per_minute;
    add(m, COST_RUNNER, &u);
}

/* An image of its own stays after it. */
static bool makes_image(const struct journal *j, const struct deployment *d)
{
    return journal_fact(j, "image.id") && !journal_fact(j, "image.found") && strcmp(d->kind, "deploy") == 0 &&
           strcmp(d->state, "completed") == 0; /* else clean-up has removed it */
}

void uses_of(struct uses *out, const struct journal *j, const struct deployment *d, const struct pipeline_world *w,
             const struct rates *rates)
{
    const struct making m = {out, j, d, w, rates, d->ended_ms ? d->ended_ms : journal_now_ms(j)};
    int64_t launches = journal_fact_whole(j, "rollout.launches");
    int64_t own = journal_fact_whole(j, "rollout.own");
    int64_t old = journal_fact_whole(j, "rollout.old");
    int64_t sick = journal_fact_whole(j, "rollout.sick");
    for (int64_t k = 0; k < launches; k++)
        add_launch(&m, k);
    for (int64_t k = 0; k < own; k++)
        add_own(&m, k);
    for (int64_t k = 0; k < old; k++)
        add_old(&m, k);
    for (int64_t k = 0; k < sick; k++)
        add_sick(&m, k);
    add_bake(&m);
    add_wasted(&m);
    if (makes_image(j, d))
        add_image(&m, journal_fact(j, "image.id"), w->config->region,
                  journal_fact_i64(j, "image.ended_ms", m.ended_ms) / 1000);
    add_copy(&m);
    add_runner(&m);
}

int uses_cost(struct costs *out, const struct uses *u, const struct catalog *catalog, struct err *err)
{
    struct costs sum = {.total = 0};
    int code = 0;
    for (size_t i = 0; !code && i < u->count; i++) {
        const struct use *use = &u->items[i];
        const struct ledger_usage *it = &use->usage;
        const struct charge_use charged = {.kind = it->kind,
                                           .type = it->type,
                                           .region = it->region,
                                           .os = it->os,
                                           .quantity = it->quantity,
                                           .start = it->start,
                                           .end = use->reckoned > it->start ? use->reckoned : it->end,
                                           .usd = it->usd,
                                           .regime = it->regime};
        code = costs_add(&sum, use->cost, &charged, use->taken, 1, catalog, err);
    }
    if (!code)
        *out = sum;
    return code;
}
