/*
 * The fast replay against tests/support_reference.c, which steps second by second and was written from the rules
 * alone; and against policy_fire_at driven event by event, as production drives it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/philox.h"
#include "sim/outcome.h"
#include "tests/support_reference.h"

#define MAX_COMMITS 60

struct scene {
    int64_t raw[MAX_COMMITS], arrival[MAX_COMMITS], ready[MAX_COMMITS];
    size_t count;
    struct policy policy;
    struct model model;
    int64_t push_gap_s;
};

static int64_t draw(struct philox *p, int64_t low, int64_t high)
{
    return low + (int64_t)philox_below(p, (uint64_t)(high - low + 1));
}

static int64_t pick(struct philox *p, const int64_t *of, size_t count)
{
    return of[philox_below(p, count)];
}

#define PICK(p, ...) pick(p, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Bursts, pauses, equal times, clocks that run backwards, around the end of a month. */
static void make_history(struct philox *p, struct scene *s)
{
    static const int64_t origins[] = {0, 1000, 1427839200 /* 2015-03-31T22:00Z */, 1456780000, 1700000000};
    int64_t t = pick(p, origins, 5) + draw(p, 0, 7200);
    int64_t scale = PICK(p, 5, 60, 600, 4000);
    s->count = (size_t)draw(p, 1, MAX_COMMITS);
    for (size_t i = 0; i < s->count; i++) {
        if (draw(p, 0, 9) == 0)
            t += draw(p, 0, 30000);
        else if (draw(p, 0, 3))
            t += draw(p, 0, scale);
        s->raw[i] = draw(p, 0, 7) ? t : t - draw(p, 0, t < 5000 ? t : 5000);
    }
    for (size_t i = 0; i < s->count; i++)
        s->arrival[i] = i && s->arrival[i - 1] > s->raw[i] ? s->arrival[i - 1] : s->raw[i];
    s->push_gap_s = PICK(p, 0, 0, 0, 1, 60, 600);
}

static void make_terms(struct philox *p, struct scene *s)
{
    struct model *m = &s->model;
    *m = (struct model){.until = INSTANT_MIN};
    struct terms *t = &m->terms;
    t->prepare_s = PICK(p, 0, 0, 1, 100, 600, 4000);
    t->boot_s = PICK(p, 0, 1, 30, 60, 400, 3600);
    t->bake_s = PICK(p, 0, 1, 59, 60, 300, 900, 1800, 3599, 3600, 3601, 5000);
    t->rollout_s = PICK(p, 0, 0, 10, 300, 2000);
    t->regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND;
    t->price_per_hour = PICK(p, 1, 130000000, 10000000000, 36000000000, 123456789);
    m->price_per_hour = t->price_per_hour;
    t->per_deploy = PICK(p, 0, 0, 1, 5000000000, 10000000000);
    t->delay_price_per_commit_hour = PICK(p, 10000000000, 2000000000, 50000000000, 7777777777, 360000000000);
    t->launch_cost = PICK(p, 0, 0, 1, 100000000, 3000000);
    t->margin_s = PICK(p, 0, 0, 1, 120, 1800, 3600);
    m->reserved = PICK(p, 0, 1, 1, 2);
    m->reserved_model = draw(p, 0, 1) ? MODEL_POOL : MODEL_CLOCK_HOUR;
}

static void make_policy(struct philox *p, struct scene *s, int pair)
{
    enum trigger_kind trigger = (enum trigger_kind)(pair / 4);
    enum keep_kind keep = (enum keep_kind)(pair % 4);
    int64_t arg = 0;
    if (trigger == TRIGGER_COUNT)
        arg = PICK(p, 1, 2, 3, 7, 100);
    if (trigger == TRIGGER_WINDOW)
        arg = PICK(p, 0, 1, 60, 900, 3600, 10000);
    if (trigger == TRIGGER_TRAIN)
        arg = PICK(p, 1, 7, 900, 3600, 86400);
    if (trigger == TRIGGER_AREA)
        arg = PICK(p, 0, 1, 2500000000, 10000000000, 15000000000, 29999999999);
    s->policy = (struct policy){{trigger, arg}, {keep, keep == KEEP_IDLE ? PICK(p, 0, 1, 60, 600, 3600, 7000) : 0}};
    if (keep == KEEP_HOUR)
        s->model.terms.regime = REGIME_HOURLY;
    if (keep == KEEP_RENT && s->model.terms.launch_cost > s->model.terms.price_per_hour)
        s->model.terms.launch_cost = s->model.terms.price_per_hour; /* a tail of an hour and the boot at most */
    if (trigger == TRIGGER_AREA && s->model.terms.delay_price_per_commit_hour < s->model.terms.price_per_hour / 4)
        s->model.terms.delay_price_per_commit_hour = s->model.terms.price_per_hour;
}

static struct ref_model reference_model(const struct scene *s)
{
    const struct terms *t = &s->model.terms;
    return (struct ref_model){
        .prepare_s = t->prepare_s,
        .boot_s = t->boot_s,
        .bake_s = t->bake_s,
        .rollout_s = t->rollout_s,
        .trigger = (enum ref_trigger)s->policy.trigger.kind,
        .trigger_arg = s->policy.trigger.arg,
        .keep = (enum ref_keep)s->policy.keep.kind,
        .keep_arg = s->policy.keep.idle_s,
        .margin_s = t->margin_s,
        .second_regime = t->regime == REGIME_SECOND,
        .price_per_hour = t->price_per_hour,
        .per_deploy = t->per_deploy,
        .delay_price_per_commit_hour = t->delay_price_per_commit_hour,
        .launch_cost = t->launch_cost,
        .push_gap_s = s->push_gap_s,
        .reserved_count = s->model.reserved,
        .reserved_clock_hour = s->model.reserved_model == MODEL_CLOCK_HOUR,
    };
}

static void same_deployments(const struct ref_result *ref, const struct replay *r, const struct terms *t)
{
    assert_int_equal(r->deployments, ref->deployments);
    for (size_t i = 0; i < ref->deployments; i++) {
        assert_int_equal(replay_start_s(r, i), ref->start_s[i]);
        assert_int_equal(replay_launched(r, i), ref->launched[i]);
        assert_int_equal(replay_baked_s(r, t, i) + t->rollout_s, ref->end_s[i]);
    }
    for (size_t i = 0; i < ref->commits; i++)
        assert_int_equal(r->lead_s[i], ref->lead_s[i]);
}

static const struct ref_month *month_of(const struct ref_result *ref, int month)
{
    static const struct ref_month none;
    for (size_t i = 0; i < ref->month_count; i++)
        if (ref->months[i].year * 12 + ref->months[i].month - 1 == month)
            return &ref->months[i];
    return &none;
}

static void same_months(const struct ref_result *ref, const struct outcome *o)
{
    int64_t unit_s = ref->billed_units == o->costs.total.billed_s ? 1 : 3600;
    size_t booked = 0;
    for (size_t i = 0; i < o->costs.count; i++) {
        const struct cost_month *m = &o->costs.months[i];
        const struct ref_month *want = month_of(ref, m->month);
        booked += want->month != 0;
        assert_int_equal(m->commits, want->commits);
        assert_int_equal(m->deployments, want->deployments);
        assert_int_equal(m->launches, want->launches);
        assert_int_equal(m->billed_s, want->billed_units * unit_s);
        assert_int_equal(m->covered_s, want->covered_units * unit_s);
        assert_int_equal((int64_t)m->waiting_s, want->waiting_commit_s);
    }
    assert_int_equal(booked, ref->month_count);
}

/* Money anew, from the reference's counts: units x price / 3600 or x price, plus K and launches. */
static void same_money(const struct ref_result *ref, const struct outcome *o, const struct model *m)
{
    bool hourly = m->terms.regime == REGIME_HOURLY;
    int128 paid_s = (int128)(ref->billed_units - ref->covered_units) * (hourly ? 3600 : 1);
    int128 waiting_s = 0;
    for (size_t i = 0; i < ref->commits; i++)
        waiting_s += ref->wait_s[i];
    int128 fixed = (int128)ref->deployments * m->terms.per_deploy + (int128)ref->launches * m->terms.launch_cost;
    int128 money = paid_s * m->terms.price_per_hour + fixed * 3600;
    int128 waiting = waiting_s * m->terms.delay_price_per_commit_hour;
    assert_true(o->money == (money_t)num_div_half_even(money, 3600));
    assert_true(o->waiting == (money_t)num_div_half_even(waiting, 3600));
    assert_true(o->cost == (money_t)num_div_half_even(money + waiting, 3600));
}

static void same_figures(const struct ref_result *ref, const struct outcome *o, const struct model *m)
{
    int64_t unit_s = m->terms.regime == REGIME_HOURLY ? 3600 : 1;
    assert_int_equal(o->costs.total.launches, ref->launches);
    assert_int_equal(o->costs.total.billed_s, ref->billed_units * unit_s);
    assert_int_equal(o->costs.total.covered_s, ref->covered_units * unit_s);
    for (int p = 0; p < STATS_RANKS; p++)
        assert_int_equal(o->lead.percentile[p], ref_percentile(ref->lead_s, ref->commits, stats_percent[p]));
    assert_int_equal(o->lead.max, ref_percentile(ref->lead_s, ref->commits, 100));
}

/* As production would: at each arrival, and at each moment it was told to look again, ask the policy. */
static void same_as_live(const struct scene *s, const struct replay *r)
{
    struct decider d = policy_decider(&s->policy, &s->model.terms);
    struct rental rental = {0};
    int64_t free_at = 0;
    size_t next = 0;
    for (size_t k = 0; k < r->deployments; k++) {
        size_t end = next;
        struct pending p = {0};
        int64_t fire = POLICY_NEVER;
        while (end < s->count && s->ready[end] <= fire) {
            int64_t now = s->ready[end];
            for (; end < s->count && s->ready[end] == now; end++) {
                p.oldest = p.count ? p.oldest : now;
                p.count++;
                p.arrival_sum += s->arrival[end];
            }
            bool take_one = s->policy.trigger.kind == TRIGGER_EVERY;
            int64_t from = free_at > now && !take_one ? free_at : now;
            struct pending at = p;
            at.oldest = s->policy.trigger.kind == TRIGGER_AREA && from > p.oldest ? from : p.oldest;
            fire = policy_fire_at(&d, free_at, &at, &rental);
            if (fire < now)
                fire = now;
            if (take_one)
                break;
        }
        if (fire == POLICY_NEVER) /* count: what is left goes when it has all arrived */
            fire = free_at > s->ready[s->count - 1] ? free_at : s->ready[s->count - 1];
        assert_int_equal(fire, replay_start_s(r, k));
        int64_t bake_at = fire + d.terms.prepare_s;
        bool launch = !policy_reuses(&rental, bake_at);
        assert_int_equal(launch, replay_launched(r, k));
        rental.begin = launch ? bake_at : rental.begin;
        rental.busy_until = bake_at + (launch ? d.terms.boot_s : 0) + d.terms.bake_s;
        rental.kept_until = policy_kept_until(&d, rental.begin, rental.busy_until);
        rental.open = true;
        free_at = rental.busy_until + d.terms.rollout_s;
        if (s->policy.trigger.kind == TRIGGER_EVERY) {
            int64_t push = s->ready[next];
            next++;
            while (s->push_gap_s && next < s->count && s->ready[next] == push)
                next++;
        } else {
            while (next < s->count && s->ready[next] <= fire)
                next++;
        }
    }
    assert_int_equal(next, s->count);
}

static void check_scene(struct scene *s)
{
    struct commits commits = {s->arrival, s->arrival, s->count};
    memcpy(s->ready, s->arrival, sizeof(s->ready));
    if (s->push_gap_s) {
        replay_merge_pushes(s->arrival, s->count, s->push_gap_s, s->ready);
        commits.ready_s = s->ready;
    }
    struct ref_model rm = reference_model(s);
    struct ref_result ref;
    ref_simulate(&rm, s->raw, s->count, &ref);
    struct replay scratch;
    replay_init(&scratch);
    struct outcome o;
    struct err err = {0};
    int code = outcome_run(&o, &s->policy, &s->model, &commits, &scratch, false, &err);
    if (code)
        fail_msg("%s", err.text);
    same_deployments(&ref, &scratch, &s->model.terms);
    same_figures(&ref, &o, &s->model);
    same_months(&ref, &o);
    same_money(&ref, &o, &s->model);
    same_as_live(s, &scratch);
    outcome_release(&o);
    replay_release(&scratch);
    ref_result_release(&ref);
}

static size_t rounds(void)
{
    const char *text = getenv("REPLAY_ROUNDS");
    int64_t n = 200;
    if (text && num_i64(text, strlen(text), &n))
        fail_msg("REPLAY_ROUNDS is no number");
    return (size_t)n;
}

/* 24 pairs of trigger and keep, each on `rounds` random histories and terms. */
static void all_pairs(void **state)
{
    (void)state;
    size_t n = rounds();
    for (size_t i = 0; i < n * 24; i++) {
        struct philox p = philox_stream(20151123, 0, i, 1);
        struct scene s = {0};
        make_history(&p, &s);
        make_terms(&p, &s);
        make_policy(&p, &s, (int)(i % 24));
        check_scene(&s);
    }
}

/* facts: with bakes of 15 minutes an hour holds four; the fifth opens another. Counted by hand. */
static void five_bakes_in_a_row(void **state)
{
    (void)state;
    int64_t at[] = {0, 900, 1800, 2700, 3600};
    struct commits commits = {at, at, 5};
    struct policy policy = {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}};
    struct model model = {.terms = {.bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = MONEY_PER_USD},
                          .price_per_hour = MONEY_PER_USD,
                          .until = INSTANT_MIN};
    struct replay scratch;
    replay_init(&scratch);
    struct outcome o;
    struct err err;
    assert_int_equal(outcome_run(&o, &policy, &model, &commits, &scratch, false, &err), 0);
    assert_int_equal(o.costs.total.launches, 2); /* the fifth begins at the boundary, which is not before it */
    assert_int_equal(o.costs.total.billed_s, 2 * 3600);
    assert_true(o.money == 2 * MONEY_PER_USD);
    outcome_release(&o);
    replay_release(&scratch);
}

/* theory: w = $0.60 a commit-hour, a launch costs $1: one commit waits 6,000 s, and 3,000 s when a second came at 0. */
static void area_by_hand(void **state)
{
    (void)state;
    int64_t at[] = {10000, 10000};
    for (size_t n = 1; n <= 2; n++) {
        struct commits commits = {at, at, n};
        struct policy policy = {{TRIGGER_AREA, THETA_PER_ONE}, {KEEP_TERMINATE, 0}};
        struct model model = {.terms = {.bake_s = 900,
                                        .regime = REGIME_HOURLY,
                                        .price_per_hour = MONEY_PER_USD,
                                        .delay_price_per_commit_hour = MONEY_PER_USD * 6 / 10},
                              .price_per_hour = MONEY_PER_USD,
                              .until = INSTANT_MIN};
        struct replay scratch;
        replay_init(&scratch);
        struct outcome o;
        struct err err;
        assert_int_equal(outcome_run(&o, &policy, &model, &commits, &scratch, false, &err), 0);
        assert_int_equal(o.first_start, 10000 + 6000 / (int64_t)n);
        outcome_release(&o);
        replay_release(&scratch);
    }
}

static void never_reached_is_refused(void **state)
{
    (void)state;
    struct policy policy = {{TRIGGER_AREA, THETA_PER_ONE}, {KEEP_TERMINATE, 0}};
    struct terms terms = {.bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = MONEY_PER_USD};
    struct err err;
    assert_int_equal(policy_check(&policy, &terms, &err), EXIT_INPUT);
    terms.delay_price_per_commit_hour = 1; /* 1e-10 USD a commit-hour: the year 9999 comes first */
    assert_int_equal(policy_check(&policy, &terms, &err), 0);
    int64_t at[] = {1000000000};
    struct commits commits = {at, at, 1};
    struct model model = {.terms = terms, .price_per_hour = MONEY_PER_USD, .until = INSTANT_MIN};
    struct replay scratch;
    replay_init(&scratch);
    struct outcome o;
    assert_int_equal(outcome_run(&o, &policy, &model, &commits, &scratch, false, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "9999"));
    outcome_release(&o);
    replay_release(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pairs),
        cmocka_unit_test(five_bakes_in_a_row),
        cmocka_unit_test(area_by_hand),
        cmocka_unit_test(never_reached_is_refused),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
