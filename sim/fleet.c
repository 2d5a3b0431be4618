#include "sim/fleet.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct fleet_slot {
    int64_t left_s; /* of the paid hour, at the bake's end */
    int64_t instance;
};

void fleet_init(struct fleet *f, const struct model *m)
{
    *f = (struct fleet){.model = m};
    f->begin = mem_zero((size_t)m->fleet, sizeof(*f->begin));
    if (m->hour_end)
        f->order = mem_zero((size_t)m->fleet, sizeof(*f->order));
}

void fleet_release(struct fleet *f)
{
    free(f->begin);
    free(f->order);
    *f = (struct fleet){0};
}

void fleet_begin(struct fleet *f, instant_t from)
{
    for (int64_t i = 0; i < f->model->fleet; i++)
        f->begin[i] = from;
}

static void replace(struct fleet *f, struct hours *rolled, int64_t instance, instant_t starts, instant_t ends)
{
    struct meter meter = regime_meter(f->model->terms.regime);
    if (rolled)
        hours_book(rolled, f->model->terms.regime, f->begin[instance], meter_billed_s(meter, ends - f->begin[instance]),
                   1);
    f->begin[instance] = starts;
}

static int64_t surge_of(const struct model *m)
{
    return m->surge < m->fleet ? m->surge : m->fleet;
}

static void roll_naive(struct fleet *f, struct hours *rolled, instant_t at, int64_t length_s)
{
    const struct model *m = f->model;
    int64_t surge = surge_of(m);
    int64_t waves = (m->fleet + surge - 1) / surge;
    for (int64_t j = 0; j < waves; j++) {
        int64_t end = (j + 1) * surge < m->fleet ? (j + 1) * surge : m->fleet;
        for (int64_t i = j * surge; i < end; i++)
            replace(f, rolled, i, at + length_s * j / waves, at + length_s * (j + 1) / waves + m->drain_s);
    }
}

static int by_hour_left(const void *a, const void *b)
{
    const struct fleet_slot *x = a;
    const struct fleet_slot *y = b;
    if (x->left_s != y->left_s)
        return x->left_s < y->left_s ? -1 : 1;
    return (x->instance > y->instance) - (x->instance < y->instance);
}

/* Seconds from `at` to the end of the hour that is paid then; 0 on the boundary itself. */
static int64_t hour_left(instant_t begin, instant_t at)
{
    int64_t over = (at - begin) % SECONDS_PER_HOUR;
    return over > 0 ? SECONDS_PER_HOUR - over : -over;
}

static instant_t roll_hour_end(struct fleet *f, struct hours *rolled, instant_t baked)
{
    const struct model *m = f->model;
    int64_t surge = surge_of(m);
    int64_t waves = (m->fleet + surge - 1) / surge;
    for (int64_t i = 0; i < m->fleet; i++)
        f->order[i] = (struct fleet_slot){hour_left(f->begin[i], baked), i};
    qsort(f->order, (size_t)m->fleet, sizeof(*f->order), by_hour_left);
    instant_t ready = baked;
    for (int64_t j = 0; j < waves; j++) {
        int64_t wave_s = m->terms.rollout_s * (j + 1) / waves - m->terms.rollout_s * j / waves;
        int64_t first = f->order[j * surge].instance;
        instant_t starts = ready + hour_left(f->begin[first], ready + wave_s + m->drain_s);
        if (starts > baked + m->limit_s)
            starts = ready;
        int64_t end = (j + 1) * surge < m->fleet ? (j + 1) * surge : m->fleet;
        for (int64_t i = j * surge; i < end; i++)
            replace(f, rolled, f->order[i].instance, starts, starts + wave_s + m->drain_s);
        ready = starts + wave_s;
    }
    return ready;
}

instant_t fleet_roll(struct fleet *f, struct hours *rolled, instant_t baked)
{
    if (f->model->hour_end)
        return roll_hour_end(f, rolled, baked);
    roll_naive(f, rolled, baked, f->model->terms.rollout_s);
    return baked + f->model->terms.rollout_s;
}

void fleet_roll_back(struct fleet *f, struct hours *rolled, instant_t at)
{
    roll_naive(f, rolled, at, f->model->failures.rollback_s);
}

/* What happened to the deployment's rollout: NULL when it went well. `at` is a place in the mishaps that moves on. */
static const struct mishap *trouble(const struct mishaps *went, size_t *at, size_t deployment)
{
    const struct mishap *found = NULL;
    for (; *at < went->count && went->items[*at].deployment <= deployment; ++*at) {
        const struct mishap *m = &went->items[*at];
        if (m->deployment == deployment && (m->kind == MISHAP_STORM || m->kind == MISHAP_ROLLBACK))
            found = m;
    }
    return found;
}

void fleet_run(const struct model *m, const struct replay *r, instant_t until, struct hours *rolled,
               struct hours *undisturbed)
{
    struct meter meter = regime_meter(m->terms.regime);
    instant_t from = replay_start_s(r, 0);
    hours_book(undisturbed, m->terms.regime, from, meter_billed_s(meter, until - from), m->fleet);
    struct fleet fleet;
    fleet_init(&fleet, m);
    fleet_begin(&fleet, from);
    size_t at = 0;
    for (size_t i = 0; i < r->deployments; i++) {
        const struct mishap *went = r->troubled ? trouble(&r->mishaps, &at, i) : NULL;
        if (went && went->kind == MISHAP_STORM)
            continue;
        fleet_roll(&fleet, rolled, replay_baked_s(r, &m->terms, i));
        if (went)
            fleet_roll_back(&fleet, rolled, went->at);
    }
    for (int64_t i = 0; i < m->fleet; i++)
        replace(&fleet, rolled, i, until, until);
    fleet_release(&fleet);
}

instant_t fleet_until(const struct model *m, const struct replay *r, const struct decider *d)
{
    instant_t until = INSTANT_MIN;
    if (r->deployments)
        until = replay_baked_s(r, &d->terms, r->deployments - 1) + m->terms.rollout_s;
    if (r->troubled && r->mishaps.ended_at > until)
        until = r->mishaps.ended_at;
    until += m->fleet ? m->drain_s : 0;
    return m->until > until ? m->until : until;
}
