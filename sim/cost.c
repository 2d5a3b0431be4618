#include "sim/cost.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/fleet.h"

static const struct {
    const char *name, *label;
} kinds[COST_KINDS] = {
    [COST_INSTANCE] = {"instance", "bake instance"}, [COST_DEPLOY] = {"per-deploy", "per deployment"},
    [COST_LAUNCH] = {"launch", "launches"},          [COST_CI] = {"ci", "CI minutes"},
    [COST_STORAGE] = {"storage", "stored images"},   [COST_FSR] = {"fsr", "fast restore"},
    [COST_LICENCE] = {"licence", "licences"},        [COST_NAT] = {"nat", "NAT traffic"},
    [COST_FLEET] = {"fleet", "fleet overlap"},       [COST_STORM] = {"storm", "retry storms"},
};

const char *cost_kind_name(enum cost_kind kind)
{
    return kinds[kind].name;
}

const char *cost_kind_label(enum cost_kind kind)
{
    return kinds[kind].label;
}

void costs_init(struct costs *c)
{
    *c = (struct costs){0};
}

void costs_release(struct costs *c)
{
    free(c->months);
    free(c->pool);
    hours_release(&c->used);
    hours_release(&c->base);
    costs_init(c);
}

/* The months in reach of a walk that goes mostly forward: the one of the last look-up is tried first. */
struct cursor {
    struct costs *costs;
    instant_t begin, end; /* of the month last looked up */
    size_t index;
};

static void extend_to(struct costs *c, int month)
{
    int next = c->count ? c->months[c->count - 1].month + 1 : month;
    for (; next <= month; next++) {
        c->months = mem_grow(c->months, &c->cap, c->count + 1, sizeof(*c->months));
        c->months[c->count++] = (struct cost_month){.month = next, .ran_out = INSTANT_MAX};
    }
}

static struct cost_month *month_at(struct cursor *at, instant_t t)
{
    assert(at);
    if (t < at->begin || t >= at->end) {
        int month = calendar_month(t);
        extend_to(at->costs, month);
        assert(month >= at->costs->months[0].month);
        at->index = (size_t)(month - at->costs->months[0].month);
        at->begin = calendar_month_start(month);
        at->end = calendar_month_start(month + 1);
    }
    return &at->costs->months[at->index];
}

static struct cursor cursor_of(struct costs *c)
{
    return (struct cursor){.costs = c, .begin = 1, .end = 0};
}

/* The billed time of one rental, to the months its hours open in, or its seconds fall in. */
static void book_rental(struct cursor *at, enum regime regime, instant_t begin, int64_t billed_s)
{
    instant_t end = begin + billed_s;
    while (begin < end) {
        struct cost_month *month = month_at(at, begin);
        int64_t span = at->end - begin;
        if (regime == REGIME_HOURLY) /* hours that open in this month */
            span = (span + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR * SECONDS_PER_HOUR;
        if (span > end - begin)
            span = end - begin;
        month->billed_s += span;
        begin += span;
    }
}

typedef void rental_visitor(void *context, instant_t begin, int64_t billed_s);

static void each_rental(const struct replay *r, const struct decider *d, rental_visitor *visit, void *context)
{
    instant_t begin = 0;
    for (size_t i = 0; i < r->deployments; i++) {
        if (replay_launched(r, i))
            begin = replay_start_s(r, i) + d->terms.prepare_s;
        if (i + 1 == r->deployments || replay_launched(r, i + 1))
            visit(context, begin, policy_rental_billed_s(d, begin, replay_baked_s(r, &d->terms, i)));
    }
}

struct rental_booking {
    struct cursor at;
    enum regime regime;
};

static void visit_months(void *context, instant_t begin, int64_t billed_s)
{
    struct rental_booking *booking = context;
    month_at(&booking->at, begin)->launches++;
    book_rental(&booking->at, booking->regime, begin, billed_s);
}

static void copy_replay_months(struct costs *c, const struct replay *r)
{
    struct cursor at = cursor_of(c);
    for (size_t i = 0; i < r->month_count; i++) {
        const struct replay_month *from = &r->months[i];
        struct cost_month *to = month_at(&at, calendar_month_start(from->month));
        to->commits = from->commits;
        to->deployments = from->deployments;
        to->waiting_s = from->waiting_s;
        to->lead_s = from->lead_s;
    }
}

static void book_jobs(struct costs *c, const struct replay *r, const struct model *m)
{
    const struct terms *t = &m->terms;
    int64_t reused_s = t->prepare_s + t->bake_s + t->rollout_s;
    int64_t ci_minutes[2] = {meter_billed_s(m->ci_meter, reused_s) / 60,
                             meter_billed_s(m->ci_meter, reused_s + t->boot_s) / 60};
    int64_t fsr_s = meter_billed_s(m->fsr_meter, t->rollout_s);
    struct cursor at = cursor_of(c);
    for (size_t i = 0; i < r->deployments; i++) {
        struct cost_month *month = month_at(&at, replay_start_s(r, i));
        month->ci_minutes += ci_minutes[replay_launched(r, i)];
        month->fsr_s += fsr_s;
    }
}

/* Between two bakes min(images so far, retain) images are stored. */
static void book_images(struct costs *c, const struct replay *r, const struct model *m, instant_t until)
{
    struct cursor at = cursor_of(c);
    for (size_t i = 0; i < r->deployments; i++) {
        instant_t from = replay_baked_s(r, &m->terms, i);
        instant_t to = i + 1 < r->deployments ? replay_baked_s(r, &m->terms, i + 1) : until;
        int64_t images = (int64_t)i < m->retain ? (int64_t)i + 1 : m->retain;
        while (from < to) {
            struct cost_month *month = month_at(&at, from);
            instant_t end = at.end < to ? at.end : to;
            month->image_s += (int128)images * (end - from);
            from = end;
        }
    }
}

/* What went wrong. With `cover` the hours go there, else to the months. */
static void book_storm(struct cursor *at, const struct mishap *storm, const struct model *m, struct hours *hours)
{
    int64_t billed_s = meter_billed_s(regime_meter(m->terms.regime), storm->length_s);
    for (int64_t i = 0; i < storm->launches; i++) {
        instant_t begin = storm->at + i * storm->length_s;
        if (hours)
            hours_book(hours, m->terms.regime, begin, billed_s, storm->slots);
        else
            month_at(at, begin)->storm_s += billed_s * storm->slots;
    }
}

static void book_mishaps(struct costs *c, const struct replay *r, const struct model *m)
{
    struct cursor at = cursor_of(c);
    struct meter meter = regime_meter(m->terms.regime);
    bool ci = m->runner_per_minute > 0;
    for (size_t i = 0; i < r->mishaps.count; i++) {
        const struct mishap *x = &r->mishaps.items[i];
        switch (x->kind) {
        case MISHAP_JOB:
            month_at(&at, x->at)->ci_minutes += ci ? meter_billed_s(m->ci_meter, x->length_s) / 60 : 0;
            break;
        case MISHAP_LATE:
            if (ci)
                month_at(&at, x->at)->ci_minutes +=
                    (meter_billed_s(m->ci_meter, x->length_s) - meter_billed_s(m->ci_meter, x->usual_s)) / 60;
            break;
        case MISHAP_LAUNCH:
            month_at(&at, x->at)->launches++;
            book_rental(&at, m->terms.regime, x->at, meter_billed_s(meter, x->length_s));
            break;
        case MISHAP_STORM:
            book_storm(&at, x, m, NULL);
            break;
        case MISHAP_ROLLBACK:
            break;
        }
    }
}

struct coverage {
    struct hours base, fleet, bake, storm;
    enum regime regime;
};

static void visit_hours(void *context, instant_t begin, int64_t billed_s)
{
    struct coverage *cover = context;
    hours_book(&cover->bake, cover->regime, begin, billed_s, 1);
}

static void visit_mishaps(struct coverage *cover, const struct replay *r, const struct model *m)
{
    struct meter meter = regime_meter(m->terms.regime);
    for (size_t i = 0; i < r->mishaps.count; i++) {
        const struct mishap *x = &r->mishaps.items[i];
        if (x->kind == MISHAP_LAUNCH)
            hours_book(&cover->bake, cover->regime, x->at, meter_billed_s(meter, x->length_s), 1);
        if (x->kind == MISHAP_STORM)
            book_storm(NULL, x, m, &cover->storm);
    }
}

static int64_t take(int64_t *capacity, int64_t wanted)
{
    int64_t taken = wanted < *capacity ? wanted : *capacity;
    *capacity -= taken;
    return taken;
}

/* What one clock hour used, in billed seconds. */
struct used {
    int64_t base_s, fleet_s, storm_s, bake_s;
};

static int64_t used_s(const struct used *u)
{
    return u->fleet_s + u->storm_s + u->bake_s;
}

static void cover_hour(struct cost_month *month, int64_t *capacity, int64_t base_capacity, const struct used *u)
{
    int64_t base_s = u->base_s;
    int64_t fleet_s = u->fleet_s;
    month->base_s += base_s;
    month->fleet_s += fleet_s;
    month->base_uncovered_s += base_s - take(&base_capacity, base_s);
    month->fleet_uncovered_s += fleet_s - take(capacity, fleet_s);
    month->storm_covered_s += take(capacity, u->storm_s);
    month->covered_s += take(capacity, u->bake_s);
}

static void trace(struct costs *c, instant_t at, int64_t left_s)
{
    if (!c->trace_pool)
        return;
    c->pool = mem_grow(c->pool, &c->pool_cap, c->pool_count + 1, sizeof(*c->pool));
    c->pool[c->pool_count++] = (struct pool_point){at, left_s};
}

static void cover_months(struct costs *c, const struct coverage *cover, const struct model *m)
{
    bool pool = m->reserved_model == MODEL_POOL;
    struct cursor at = cursor_of(c);
    int64_t pool_left = 0;
    int64_t base_pool_left = 0;
    for (size_t h = 0; h < cover->bake.count; h++) {
        instant_t hour = (cover->bake.first + (int64_t)h) * SECONDS_PER_HOUR;
        bool new_month = hour >= at.end;
        struct cost_month *month = month_at(&at, hour);
        struct used u = {.bake_s = cover->bake.seconds[h]};
        if (m->fleet) {
            u.base_s = cover->base.seconds[h];
            u.fleet_s = cover->fleet.seconds[h];
        }
        if (cover->storm.seconds)
            u.storm_s = cover->storm.seconds[h];
        if (!pool) {
            int64_t capacity = m->reserved * SECONDS_PER_HOUR;
            cover_hour(month, &capacity, capacity, &u);
            continue;
        }
        if (new_month || h == 0) {
            if (h)
                trace(c, hour, pool_left);
            pool_left = base_pool_left = month->pool_s = m->reserved * POOL_MONTH_S;
            trace(c, hour, pool_left);
        }
        if (m->reserved && month->ran_out == INSTANT_MAX && used_s(&u) > pool_left)
            month->ran_out = hour;
        cover_hour(month, &pool_left, base_pool_left, &u);
        base_pool_left -= u.base_s < base_pool_left ? u.base_s : base_pool_left;
        if (used_s(&u))
            trace(c, hour + SECONDS_PER_HOUR, pool_left);
    }
}

static void count_before_run_out(struct costs *c, const struct replay *r)
{
    struct cursor at = cursor_of(c);
    for (size_t i = 0; i < r->deployments; i++) {
        struct cost_month *month = month_at(&at, replay_start_s(r, i));
        month->deployments_before_run_out += replay_start_s(r, i) < month->ran_out;
    }
}

/* All that ran, and of it the fleet as it would have run anyway. */
static void keep_hours(struct costs *c, const struct coverage *cover)
{
    hours_release(&c->used);
    hours_release(&c->base);
    hours_add(&c->used, &cover->bake);
    hours_add(&c->used, &cover->fleet);
    hours_add(&c->used, &cover->storm);
    hours_add(&c->base, &cover->base);
}

static int cover(struct costs *c, const struct replay *r, const struct decider *d, const struct model *m,
                 instant_t until, struct err *err)
{
    struct coverage cover = {.regime = m->terms.regime};
    instant_t from = c->first_at;
    instant_t to = until + d->tail_s + 2 * SECONDS_PER_HOUR;
    bool stormy = r->troubled && r->mishaps.storms;
    int code = hours_init(&cover.bake, from, to, err);
    if (!code && m->fleet) {
        code = hours_init(&cover.base, from, to, err);
        if (!code)
            code = hours_init(&cover.fleet, from, to, err);
    }
    if (!code && stormy)
        code = hours_init(&cover.storm, from, to, err);
    if (!code) {
        each_rental(r, d, visit_hours, &cover);
        if (r->troubled)
            visit_mishaps(&cover, r, m);
        if (m->fleet && r->deployments)
            fleet_run(m, r, until, &cover.fleet, &cover.base);
        cover_months(c, &cover, m);
        count_before_run_out(c, r);
        if (m->keep_hours)
            keep_hours(c, &cover);
    }
    hours_release(&cover.bake);
    hours_release(&cover.base);
    hours_release(&cover.fleet);
    hours_release(&cover.storm);
    return code;
}

static void add_up(struct costs *c)
{
    c->total = (struct cost_month){.ran_out = INSTANT_MAX};
    struct cost_month *t = &c->total;
    for (size_t i = 0; i < c->count; i++) {
        const struct cost_month *m = &c->months[i];
        assert(m->covered_s <= m->billed_s && m->covered_s >= 0);
        t->commits += m->commits;
        t->deployments += m->deployments;
        t->launches += m->launches;
        t->waiting_s += m->waiting_s;
        t->lead_s += m->lead_s;
        t->billed_s += m->billed_s;
        t->covered_s += m->covered_s;
        t->ci_minutes += m->ci_minutes;
        t->fsr_s += m->fsr_s;
        t->image_s += m->image_s;
        t->fleet_s += m->fleet_s;
        t->base_s += m->base_s;
        t->fleet_uncovered_s += m->fleet_uncovered_s;
        t->base_uncovered_s += m->base_uncovered_s;
        t->storm_s += m->storm_s;
        t->storm_covered_s += m->storm_covered_s;
        t->deployments_before_run_out += m->deployments_before_run_out;
    }
}

/* The points of a month that begins at `begin` and used nothing; what the one before left stays. */
static void drop_points(struct costs *c, instant_t begin)
{
    while (c->pool_count && c->pool[c->pool_count - 1].at > begin)
        c->pool_count--;
    if (c->pool_count && c->pool[c->pool_count - 1].at == begin)
        c->pool_count--;
}

/* Months behind the last in which anything happened. */
static void drop_empty_tail(struct costs *c)
{
    while (c->count > 1) {
        const struct cost_month *m = &c->months[c->count - 1];
        if (m->deployments || m->launches || m->billed_s || m->image_s || m->fleet_s || m->base_s || m->storm_s ||
            m->ci_minutes)
            return;
        drop_points(c, calendar_month_start(m->month));
        c->count--;
    }
}

int costs_of(struct costs *c, const struct replay *r, const struct decider *d, const struct model *m, struct err *err)
{
    c->count = c->pool_count = 0;
    instant_t until = fleet_until(m, r, d);
    c->first_at = r->deployments ? replay_start_s(r, 0) : until;
    if (r->troubled && r->mishaps.count && r->mishaps.items[0].at < c->first_at)
        c->first_at = r->mishaps.items[0].at;
    extend_to(c, calendar_month(c->first_at));
    copy_replay_months(c, r);
    struct rental_booking booking = {cursor_of(c), m->terms.regime};
    each_rental(r, d, visit_months, &booking);
    if (r->troubled)
        book_mishaps(c, r, m);
    if (m->runner_per_minute || m->fsr_zones)
        book_jobs(c, r, m);
    if (m->image_size)
        book_images(c, r, m, until);
    if (m->reserved || m->fleet || m->keep_hours) {
        int code = cover(c, r, d, m, until, err);
        if (code)
            return code;
    }
    drop_empty_tail(c);
    add_up(c);
    assert(c->total.launches == r->launches && c->total.deployments == (int64_t)r->deployments);
    return 0;
}

void cost_money(const struct model *m, const struct cost_month *month, enum cost_kind kind, struct exact *sum)
{
    int64_t fleet_extra_s = month->fleet_uncovered_s - month->base_uncovered_s;
    switch (kind) {
    case COST_INSTANCE:
        exact_add(sum, (int128)(month->billed_s - month->covered_s) * m->price_per_hour, SECONDS_PER_HOUR);
        break;
    case COST_DEPLOY:
        exact_add(sum, (int128)month->deployments * m->terms.per_deploy, 1);
        break;
    case COST_LAUNCH:
        exact_add(sum, (int128)month->launches * m->terms.launch_cost, 1);
        break;
    case COST_CI:
        exact_add(sum, (int128)month->ci_minutes * m->runner_per_minute, 1);
        break;
    case COST_STORAGE:
        exact_add(sum, month->image_s * m->image_size * m->storage_per_gb_month,
                  GB_UNITS * calendar_month_seconds(month->month));
        break;
    case COST_FSR:
        exact_add(sum, (int128)month->fsr_s * m->fsr_zones * m->fsr_per_hour, SECONDS_PER_HOUR);
        break;
    case COST_LICENCE:
        exact_add(sum,
                  (int128)(month->billed_s + month->fleet_s - month->base_s + month->storm_s) * m->licence_per_hour,
                  SECONDS_PER_HOUR);
        break;
    case COST_NAT:
        exact_add(sum, (int128)month->deployments * m->nat_size * m->nat_per_gb, GB_UNITS);
        break;
    case COST_FLEET:
        exact_add(sum, (int128)fleet_extra_s * m->price_per_hour, SECONDS_PER_HOUR);
        break;
    case COST_STORM:
        exact_add(sum, (int128)(month->storm_s - month->storm_covered_s) * m->price_per_hour, SECONDS_PER_HOUR);
        break;
    case COST_KINDS:
        assert(kind < COST_KINDS);
    }
}

void cost_money_all(const struct model *m, const struct cost_month *month, struct exact *sum)
{
    for (int kind = 0; kind < COST_KINDS; kind++)
        cost_money(m, month, (enum cost_kind)kind, sum);
}

void cost_waiting(const struct model *m, const struct cost_month *month, struct exact *sum)
{
    exact_add(sum, month->waiting_s * m->terms.delay_price_per_commit_hour, SECONDS_PER_HOUR);
}
