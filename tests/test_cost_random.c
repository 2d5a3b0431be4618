/*
 * What a replay costs, on random scenes: every running period billed by itself, every image followed from bake to
 * deletion, reservations clock hour by clock hour, money in whole numbers of one common denominator. The replay itself
 * is tests/test_replay.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/outcome.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"
#include "tests/support_periods.h"

#define MAX_MONTHS 24

static void draw_history(struct philox *p, struct scene *s, size_t *count)
{
    /* month ends behind 28, 29, 30 and 31 days, and the middle of a month */
    int64_t t = DRAW_OF(p, at(2015, 2, 28, 20, 0), at(2016, 2, 29, 12, 0), at(2015, 4, 30, 22, 0),
                        at(2015, 12, 31, 22, 0), at(2015, 7, 10, 3, 0)) +
                draw(p, 0, 7200);
    int64_t scale = DRAW_OF(p, 60, 900, 7200, 60000);
    *count = (size_t)draw(p, 1, MAX_COMMITS);
    for (size_t i = 0; i < *count; i++) {
        t += draw(p, 0, 3) ? draw(p, 0, scale) : draw(p, 0, 3 * scale);
        s->arrival[i] = t;
    }
}

static void draw_policy(struct philox *p, struct scene *s)
{
    enum keep_kind keep = (enum keep_kind)draw(p, 0, 3);
    s->policy.trigger = draw(p, 0, 1) ? (struct trigger){TRIGGER_EVERY, 0} : (struct trigger){TRIGGER_WINDOW, 900};
    s->policy.keep = (struct keep){keep, keep == KEEP_IDLE ? DRAW_OF(p, 1, 600, 3600, 9000) : 0};
    if (keep == KEEP_HOUR)
        s->model.terms.regime = REGIME_HOURLY;
}

static void draw_terms(struct philox *p, struct model *m)
{
    struct terms *t = &m->terms;
    t->prepare_s = DRAW_OF(p, 0, 1, 600);
    t->boot_s = DRAW_OF(p, 0, 30, 61);
    t->bake_s = DRAW_OF(p, 0, 210, 900, 3600, 3601);
    t->rollout_s = DRAW_OF(p, 0, 180, 3661);
    t->margin_s = DRAW_OF(p, 0, 120);
    t->per_deploy = DRAW_OF(p, 0, 1, 123456789);
    t->delay_price_per_commit_hour = DRAW_OF(p, 0, 1, 7777777777);
    m->price_per_hour = DRAW_OF(p, 1, 670000000, 123456789);
    m->licence_per_hour = DRAW_OF(p, 0, 0, 1, 99999999);
    t->price_per_hour = m->price_per_hour + m->licence_per_hour;
    t->launch_cost = t->price_per_hour < 1000 ? draw(p, 0, 2) : DRAW_OF(p, 0, 1, 33333, 50000000); /* rent: < 3 h */
}

static void draw_model(struct philox *p, struct model *m)
{
    *m = plain_model(draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND);
    draw_terms(p, m);
    m->fleet = DRAW_OF(p, 0, 0, 1, 2, 3, 5);
    m->surge = draw(p, 1, 6);
    m->drain_s = m->fleet ? DRAW_OF(p, 0, 0, 60, 600, 10000) : 0;
    m->reserved = DRAW_OF(p, 0, 1, 1, 2, 3, 6);
    m->reserved_model = draw(p, 0, 1) ? MODEL_POOL : MODEL_CLOCK_HOUR;
    m->runner_per_minute = DRAW_OF(p, 0, 1, 60000000);
    m->image_size = DRAW_OF(p, 0, 1, 2 * GB, 1234567);
    m->retain = DRAW_OF(p, 1, 2, 3, 1000);
    m->storage_per_gb_month = DRAW_OF(p, 1, 500000000, 939400000);
    m->fsr_zones = DRAW_OF(p, 0, 1, 3);
    m->fsr_per_hour = DRAW_OF(p, 7500000000, 1);
    m->nat_size = DRAW_OF(p, 0, 1, 1234567);
    m->nat_per_gb = DRAW_OF(p, 0, 450000000, 1);
}

static void draw_scene(struct philox *p, struct scene *s, size_t *count)
{
    draw_model(p, &s->model);
    draw_policy(p, s);
    draw_history(p, s, count);
    if (draw(p, 0, 2) == 0)
        s->model.until = s->arrival[*count - 1] + draw(p, -100000, 4000000);
    else if (draw(p, 0, 2) == 0) /* just behind the end of a month */
        s->model.until = calendar_month_start(calendar_month(s->arrival[*count - 1]) + 1) + draw(p, 0, 3600);
}

/* The same figures, from the periods. Index 0 is the month of the first start. */
struct books {
    int first_month;
    struct cost_month months[MAX_MONTHS];
    int64_t first_hour;
    size_t hours;
    int64_t *base, *fleet, *bake; /* billed seconds by clock hour */
};

static struct cost_month *month_of(struct books *b, int64_t t)
{
    int index = calendar_month(t) - b->first_month;
    assert_in_range(index, 0, MAX_MONTHS - 1);
    return &b->months[index];
}

static int64_t *bill(struct books *b, struct periods *p, enum regime regime)
{
    int64_t *seconds = mem_zero(b->hours, sizeof(*seconds));
    periods_bill(p, regime, b->first_hour, b->hours, seconds);
    periods_release(p);
    return seconds;
}

static void open_books(struct books *b, const struct scene *s, int64_t until)
{
    const struct replay *r = &s->replay;
    enum regime regime = s->model.terms.regime;
    struct periods p = {0};
    *b = (struct books){.first_month = calendar_month(replay_start_s(r, 0))};
    b->first_hour = replay_start_s(r, 0) / 3600;
    b->hours = (size_t)((until + 30000) / 3600 - b->first_hour + 2);
    periods_of_bakes(&p, r, &s->model, &s->policy);
    for (size_t i = 0; i < p.count; i++)
        month_of(b, p.items[i].begin)->launches++;
    b->bake = bill(b, &p, regime);
    periods_of_fleet(&p, r, &s->model, until);
    b->fleet = bill(b, &p, regime);
    periods_undisturbed(&p, r, &s->model, until);
    b->base = bill(b, &p, regime);
}

static void close_books(struct books *b)
{
    free(b->bake);
    free(b->fleet);
    free(b->base);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Fleet first, then the bake instance, from what each clock hour (or the month) has; alone: the fleet undisturbed. */
static void cover(struct books *b, const struct model *m)
{
    bool pool = m->reserved_model == MODEL_POOL;
    int64_t left = 0;
    int64_t alone = 0;
    for (size_t h = 0; h < b->hours; h++) {
        int64_t t = (b->first_hour + (int64_t)h) * 3600;
        struct cost_month *month = month_of(b, t);
        if (!pool)
            left = alone = m->reserved * 3600;
        else if (h == 0 || calendar_month(t) != calendar_month(t - 3600))
            left = alone = m->reserved * 744 * 3600;
        bool fits = b->fleet[h] + b->bake[h] <= left;
        if (pool && m->reserved && !fits && !month->ran_out)
            month->ran_out = t;
        month->billed_s += b->bake[h];
        month->fleet_s += b->fleet[h];
        month->base_s += b->base[h];
        int64_t fleet_s = least(b->fleet[h], left);
        int64_t bake_s = least(b->bake[h], left - fleet_s);
        int64_t base_s = least(b->base[h], alone);
        month->fleet_uncovered_s += b->fleet[h] - fleet_s;
        month->base_uncovered_s += b->base[h] - base_s;
        month->covered_s += bake_s;
        left -= fleet_s + bake_s;
        alone -= base_s;
    }
}

static int64_t baked_s(const struct scene *s, size_t i)
{
    const struct terms *t = &s->model.terms;
    return replay_start_s(&s->replay, i) + t->prepare_s + (replay_launched(&s->replay, i) ? t->boot_s : 0) + t->bake_s;
}

static int64_t round_up(int64_t n, int64_t to)
{
    while (n % to)
        n++;
    return n;
}

/* An image is there from its bake until `retain` later ones have been baked. */
static void follow_images(struct books *b, const struct scene *s, int64_t until)
{
    size_t retain = (size_t)s->model.retain;
    for (size_t i = 0; i < s->replay.deployments; i++) {
        int64_t gone = i + retain < s->replay.deployments ? baked_s(s, i + retain) : until;
        for (int k = 0; k < MAX_MONTHS; k++) {
            int64_t from = calendar_month_start(b->first_month + k);
            int64_t to = calendar_month_start(b->first_month + k + 1);
            from = from < baked_s(s, i) ? baked_s(s, i) : from;
            to = least(to, gone);
            b->months[k].image_s += to > from ? to - from : 0;
        }
    }
}

static void count_jobs(struct books *b, const struct scene *s)
{
    const struct terms *t = &s->model.terms;
    int64_t fsr_s = round_up(t->rollout_s, 60);
    for (size_t i = 0; i < s->replay.deployments; i++) {
        struct cost_month *month = month_of(b, replay_start_s(&s->replay, i));
        int64_t job_s = baked_s(s, i) - replay_start_s(&s->replay, i) + t->rollout_s;
        month->deployments++;
        month->ci_minutes += job_s ? round_up(job_s, 60) / 60 : 1;
        month->fsr_s += fsr_s < 3600 ? 3600 : fsr_s;
        if (!month->ran_out || replay_start_s(&s->replay, i) < month->ran_out)
            month->deployments_before_run_out++;
    }
}

/* Every denominator that appears divides this: GB, seconds of an hour, seconds of months of 28, 29, 30 and 31 days. */
#define COMMON ((int128)GB * 86400 * (4 * 7 * 29 * 15 * 31))

static int128 part(int128 numerator, int64_t denominator)
{
    assert_true(COMMON % denominator == 0);
    return numerator * (COMMON / denominator);
}

static int128 kind_money(const struct model *m, const struct cost_month *c, int days, int kind)
{
    switch ((enum cost_kind)kind) {
    case COST_INSTANCE:
        return part((int128)(c->billed_s - c->covered_s) * m->price_per_hour, 3600);
    case COST_DEPLOY:
        return part((int128)c->deployments * m->terms.per_deploy, 1);
    case COST_LAUNCH:
        return part((int128)c->launches * m->terms.launch_cost, 1);
    case COST_CI:
        return part((int128)c->ci_minutes * m->runner_per_minute, 1);
    case COST_STORAGE:
        return part(c->image_s * m->image_size * m->storage_per_gb_month, GB * 86400 * days);
    case COST_FSR:
        return part((int128)c->fsr_s * m->fsr_zones * m->fsr_per_hour, 3600);
    case COST_LICENCE:
        return part((int128)(c->billed_s + c->fleet_s - c->base_s) * m->licence_per_hour, 3600);
    case COST_NAT:
        return part((int128)c->deployments * m->nat_size * m->nat_per_gb, GB);
    case COST_STORM:
        return 0;
    case COST_FLEET:
        return part((int128)(c->fleet_uncovered_s - c->base_uncovered_s) * m->price_per_hour, 3600);
    case COST_KINDS:
        break;
    }
    fail();
    return 0;
}

/* Below zero too: a rollout can move an opened hour to a month whose pool has room for it. */
static money_t half_even(int128 n)
{
    if (n < 0)
        return -half_even(-n);
    int128 whole = n / COMMON;
    int128 rest = n % COMMON;
    if (rest * 2 > COMMON || (rest * 2 == COMMON && whole % 2))
        whole++;
    return (money_t)whole;
}

static void same_money(const struct books *b, const struct scene *s)
{
    const struct outcome *o = &s->outcome;
    int128 sum = 0;
    int128 waiting_s = 0;
    for (int kind = 0; kind < COST_KINDS; kind++) {
        int128 of_kind = 0;
        for (int k = 0; k < MAX_MONTHS; k++) {
            int days = calendar_days_in_month((b->first_month + k) / 12, (b->first_month + k) % 12 + 1);
            of_kind += kind_money(&s->model, &b->months[k], days, kind);
        }
        assert_true(o->by_kind[kind] == half_even(of_kind));
        sum += of_kind;
    }
    assert_true(o->money == half_even(sum));
    for (size_t i = 0, k = 0; i < s->replay.deployments; i++) {
        int64_t start_s = replay_start_s(&s->replay, i);
        do /* every takes one commit, the others all that are there */
            waiting_s += start_s - s->arrival[k++];
        while (s->policy.trigger.kind != TRIGGER_EVERY && k < s->commits.count && s->arrival[k] <= start_s);
    }
    int128 waiting = part(waiting_s * s->model.terms.delay_price_per_commit_hour, 3600);
    assert_true(o->waiting == half_even(waiting));
    assert_true(o->cost == half_even(sum + waiting));
}

static void same_month(const struct cost_month *got, const struct cost_month *want, const struct model *m)
{
    bool matched = m->reserved || m->fleet;
    assert_int_equal(got->deployments, want->deployments);
    assert_int_equal(got->launches, want->launches);
    assert_int_equal(got->billed_s, want->billed_s);
    assert_int_equal(got->covered_s, want->covered_s);
    assert_int_equal(got->fleet_s, want->fleet_s);
    assert_int_equal(got->base_s, want->base_s);
    assert_int_equal(got->fleet_uncovered_s, want->fleet_uncovered_s);
    assert_int_equal(got->base_uncovered_s, want->base_uncovered_s);
    assert_true(got->image_s == (m->image_size ? want->image_s : 0));
    assert_int_equal(got->ci_minutes, m->runner_per_minute || m->fsr_zones ? want->ci_minutes : 0);
    assert_int_equal(got->fsr_s, m->runner_per_minute || m->fsr_zones ? want->fsr_s : 0);
    assert_true(got->ran_out == (want->ran_out ? want->ran_out : INSTANT_MAX));
    if (matched)
        assert_int_equal(got->deployments_before_run_out, want->deployments_before_run_out);
    if (m->reserved && m->reserved_model == MODEL_POOL)
        assert_int_equal(got->pool_s, m->reserved * 744 * 3600);
}

static void same_counts(const struct cost_month *a, const struct cost_month *b)
{
    assert_int_equal(a->commits, b->commits);
    assert_int_equal(a->deployments, b->deployments);
    assert_int_equal(a->launches, b->launches);
    assert_true(a->waiting_s == b->waiting_s && a->lead_s == b->lead_s && a->image_s == b->image_s);
    assert_int_equal(a->billed_s, b->billed_s);
    assert_int_equal(a->covered_s, b->covered_s);
    assert_int_equal(a->ci_minutes, b->ci_minutes);
    assert_int_equal(a->fsr_s, b->fsr_s);
    assert_int_equal(a->fleet_s, b->fleet_s);
    assert_int_equal(a->base_s, b->base_s);
    assert_int_equal(a->fleet_uncovered_s, b->fleet_uncovered_s);
    assert_int_equal(a->base_uncovered_s, b->base_uncovered_s);
    assert_int_equal(a->deployments_before_run_out, b->deployments_before_run_out);
}

static void same_months(struct books *b, const struct scene *s)
{
    const struct costs *c = &s->outcome.costs;
    struct cost_month nothing = {0};
    assert_int_equal(c->months[0].month, b->first_month);
    for (size_t k = 0; k < MAX_MONTHS; k++) {
        if (k < c->count) {
            assert_int_equal(c->months[k].month, b->first_month + (int)k);
            same_month(&c->months[k], &b->months[k], &s->model);
        } else { /* a month that is not listed cost nothing */
            nothing.image_s = s->model.image_size ? 0 : b->months[k].image_s;
            same_counts(&b->months[k], &nothing);
        }
    }
}

/* The sums over months and over kinds are the totals, exactly. */
static void sums_agree(const struct scene *s)
{
    const struct costs *c = &s->outcome.costs;
    struct exact by_month = {0};
    struct exact by_kind = {0};
    struct cost_month t = {0};
    for (size_t i = 0; i < c->count; i++) {
        const struct cost_month *m = &c->months[i];
        cost_money_all(&s->model, m, &by_month);
        t.commits += m->commits;
        t.deployments += m->deployments;
        t.launches += m->launches;
        t.waiting_s += m->waiting_s;
        t.lead_s += m->lead_s;
        t.billed_s += m->billed_s;
        t.covered_s += m->covered_s;
        t.ci_minutes += m->ci_minutes;
        t.fsr_s += m->fsr_s;
        t.image_s += m->image_s;
        t.fleet_s += m->fleet_s;
        t.base_s += m->base_s;
        t.fleet_uncovered_s += m->fleet_uncovered_s;
        t.base_uncovered_s += m->base_uncovered_s;
        t.deployments_before_run_out += m->deployments_before_run_out;
    }
    for (int kind = 0; kind < COST_KINDS; kind++)
        for (size_t i = 0; i < c->count; i++)
            cost_money(&s->model, &c->months[i], (enum cost_kind)kind, &by_kind);
    assert_int_equal(exact_compare(&by_month, &s->outcome.money_exact), 0);
    assert_int_equal(exact_compare(&by_kind, &s->outcome.money_exact), 0);
    same_counts(&c->total, &t);
    assert_int_equal(t.commits, s->commits.count);
    exact_release(&by_month);
    exact_release(&by_kind);
}

/* A point for each clock hour that used some of the pool, one at the month's begin and one at its end. */
static void same_pool(const struct books *b, const struct scene *s)
{
    const struct costs *c = &s->outcome.costs;
    if (!s->model.reserved || s->model.reserved_model != MODEL_POOL) {
        assert_true(c->pool_count == 0 || !s->model.reserved);
        return;
    }
    size_t n = 0;
    int64_t full = s->model.reserved * 744 * 3600;
    int64_t left = full;
    for (size_t h = 0; h < b->hours; h++) {
        int64_t t = (b->first_hour + (int64_t)h) * 3600;
        bool turn = h && calendar_month(t) != calendar_month(t - 3600);
        int64_t used = b->fleet[h] + b->bake[h];
        if (h == 0 || turn) {
            n += turn; /* what was left of the month before */
            if (n < c->pool_count)
                assert_true(c->pool[n].at == t && c->pool[n].left_s == full);
            if (turn && n <= c->pool_count)
                assert_true(c->pool[n - 1].at == t && c->pool[n - 1].left_s == left);
            n++;
            left = full;
        }
        left -= least(left, used);
        if (used) {
            assert_true(n < c->pool_count && c->pool[n].at == t + 3600 && c->pool[n].left_s == left);
            n++;
        }
    }
    assert_true(n >= c->pool_count);
    assert_true(c->pool[c->pool_count - 1].at <= calendar_month_start(b->first_month + (int)c->count));
}

static void literally(void **state)
{
    (void)state;
    int ran_out = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        struct philox p = philox_stream(2015, 0, i, 1);
        struct scene s = {0};
        struct books b;
        size_t count = 0;
        draw_scene(&p, &s, &count);
        run(&s, count);
        int64_t until = periods_until(&s.replay, &s.model);
        open_books(&b, &s, until);
        cover(&b, &s.model);
        follow_images(&b, &s, until);
        count_jobs(&b, &s);
        same_months(&b, &s);
        same_money(&b, &s);
        sums_agree(&s);
        same_pool(&b, &s);
        ran_out += b.months[0].ran_out || b.months[1].ran_out;
        close_books(&b);
        release(&s);
    }
    assert_true(ran_out > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literally),
    };
    return cmocka_run_group_tests_name("cost of random scenes", tests, NULL, NULL);
}
