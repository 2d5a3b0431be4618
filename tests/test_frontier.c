/* Domination and recommendation against the header's sentences taken word by word; the grid; dollars a month. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/frontier.h"
#include "tests/support_draw.h"

#define USD          MONEY_PER_USD
#define MONTH_S      2629746 /* 365.2425 x 86,400 / 12 */
#define MAX_COMMITS  60
#define MAX_POLICIES 14
#define MAX_POINTS   (MAX_POLICIES + 2)

static const struct policy every = {{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}};
static const struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};

struct scene {
    int64_t arrival[MAX_COMMITS];
    struct scenario scenario;
    struct policy_list list;
};

static struct session quiet(void)
{
    return (struct session){.out = stdout, .err = stderr, .quiet = true};
}

static bool same(const struct policy *a, const struct policy *b)
{
    return a->trigger.kind == b->trigger.kind && a->trigger.arg == b->trigger.arg && a->keep.kind == b->keep.kind &&
           a->keep.idle_s == b->keep.idle_s;
}

static struct policy draw_policy(struct philox *p, enum regime regime)
{
    struct policy policy = {{(enum trigger_kind)draw(p, 0, 5), 0}, {(enum keep_kind)draw(p, 0, 3), 0}};
    if (policy.trigger.kind == TRIGGER_COUNT)
        policy.trigger.arg = DRAW_OF(p, 1, 2, 5);
    if (policy.trigger.kind == TRIGGER_WINDOW || policy.trigger.kind == TRIGGER_TRAIN)
        policy.trigger.arg = DRAW_OF(p, 1, 600, 3600);
    if (policy.trigger.kind == TRIGGER_AREA)
        policy.trigger.arg = DRAW_OF(p, 0, THETA_PER_ONE / 2, THETA_PER_ONE);
    if (policy.keep.kind == KEEP_IDLE)
        policy.keep.idle_s = DRAW_OF(p, 60, 1800);
    if (policy.keep.kind == KEEP_HOUR && regime == REGIME_SECOND)
        policy.keep.kind = KEEP_RENT;
    return policy;
}

static void draw_scene(struct philox *p, struct scene *s)
{
    struct scenario *of = &s->scenario;
    struct model *m = &of->model;
    size_t count = (size_t)draw(p, 1, MAX_COMMITS);
    int64_t t = 1440000000;
    int64_t scale = DRAW_OF(p, 10, 600, 7200, 40000);
    for (size_t i = 0; i < count; i++)
        s->arrival[i] = t += draw(p, 0, scale);
    *of = (struct scenario){.commits = {s->arrival, s->arrival, count}, .span_from = s->arrival[0], .span_to = t};
    m->terms = (struct terms){.prepare_s = DRAW_OF(p, 0, 100),
                              .boot_s = DRAW_OF(p, 0, 30),
                              .bake_s = DRAW_OF(p, 0, 300, 1800),
                              .rollout_s = DRAW_OF(p, 0, 180),
                              .regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND,
                              .price_per_hour = DRAW_OF(p, 1, 670000000, 123456789),
                              .per_deploy = DRAW_OF(p, 0, 0, 1000000),
                              .delay_price_per_commit_hour = DRAW_OF(p, 1, 10000000, 5000000000)};
    m->price_per_hour = m->terms.price_per_hour;
    m->surge = 1;
    m->until = INSTANT_MIN;
    if (m->terms.delay_price_per_commit_hour < m->price_per_hour / 1000)
        m->terms.delay_price_per_commit_hour = m->price_per_hour; /* so that `area` comes to its threshold */
    for (int64_t n = draw(p, 0, MAX_POLICIES); n > 0; n--)
        policy_list_add(&s->list, draw(p, 0, 9) ? draw_policy(p, m->terms.regime) : draw(p, 0, 1) ? every : idle);
}

/* The list without repetitions, then the baselines that it lacks. */
static size_t expected_policies(const struct policy_list *list, struct policy *to)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count + 2; i++) {
        const struct policy *p = i < list->count ? &list->items[i] : i == list->count ? &every : &idle;
        bool there = false;
        for (size_t k = 0; k < count; k++)
            there |= same(&to[k], p);
        if (!there)
            to[count++] = *p;
    }
    return count;
}

struct figures {
    money_t money, cost, per_month;
    int64_t p50, p95;
};

static struct figures figures_of(const struct policy *policy, const struct scenario *s)
{
    struct outcome o;
    struct replay scratch;
    struct err err;
    replay_init(&scratch);
    assert_int_equal(outcome_run(&o, policy, &s->model, &s->commits, &scratch, false, &err), 0);
    struct figures f = {o.money, o.cost, 0, o.lead.percentile[STATS_P50], o.lead.percentile[STATS_P95]};
    int64_t span_s = s->span_to - s->span_from;
    f.per_month = (money_t)((double)o.money * MONTH_S / (double)(span_s > 86400 ? span_s : 86400));
    outcome_release(&o);
    replay_release(&scratch);
    return f;
}

/* Another one is no worse in all three, and better in one, or the same in all and named before it. */
static bool dominated(const struct figures *all, size_t count, size_t i)
{
    const struct figures *b = &all[i];
    for (size_t k = 0; k < count; k++) {
        const struct figures *a = &all[k];
        bool no_worse = a->per_month <= b->per_month && a->p50 <= b->p50 && a->p95 <= b->p95;
        bool one_better = a->per_month < b->per_month || a->p50 < b->p50 || a->p95 < b->p95;
        if (k != i && no_worse && (one_better || k < i))
            return true;
    }
    return false;
}

static bool near(money_t a, money_t b, money_t by)
{
    return a - b <= by && b - a <= by;
}

static struct given draw_given(struct philox *p, int64_t value)
{
    return draw(p, 0, 1) ? (struct given){true, value} : (struct given){false, 0};
}

static void check_recommendation(struct philox *p, const struct frontier *f, const struct figures *all, size_t idle_at)
{
    size_t some = (size_t)draw(p, 0, (int64_t)f->count - 1);
    struct limits limits = {.max_lead_s = draw_given(p, all[some].p95 - draw(p, 0, 1)),
                            .max_per_month = draw_given(p, f->points[some].per_month - draw(p, 0, 1)),
                            .by_cost = draw(p, 0, 3) == 0};
    bool none = !limits.max_lead_s.is && !limits.max_per_month.is && !limits.by_cost;
    bool fastest = !limits.by_cost && limits.max_per_month.is && !limits.max_lead_s.is;
    int64_t least = INT64_MAX;
    const struct frontier_point *best = frontier_recommend(f, &limits);
    int64_t got = INT64_MAX;
    for (size_t i = 0; i < f->count; i++) {
        bool fits = (!limits.max_lead_s.is || all[i].p95 <= limits.max_lead_s.value) &&
                    (!limits.max_per_month.is || all[i].per_month <= limits.max_per_month.value) &&
                    (!none || all[i].p95 <= all[idle_at].p95);
        int64_t merit = limits.by_cost ? all[i].cost : fastest ? all[i].p95 : all[i].per_month;
        if (fits && merit < least)
            least = merit;
        if (best == &f->points[i]) {
            assert_true(fits);
            assert_true(limits.by_cost || !f->points[i].dominated);
            got = merit;
        }
    }
    assert_true((best != NULL) == (least != INT64_MAX));
    assert_true(got == least);
    struct str reason;
    str_init(&reason, 0);
    frontier_reason(f, &limits, best, &reason);
    assert_non_null(strstr(reason.text, !best            ? "None of the"
                                        : limits.by_cost ? "the least money and waiting together"
                                        : fastest        ? "the fastest"
                                                         : "the cheapest"));
    str_release(&reason);
}

static void check_scene(struct philox *p, const struct scene *s)
{
    struct policy policies[MAX_POINTS];
    struct figures all[MAX_POINTS] = {0};
    size_t count = expected_policies(&s->list, policies);
    struct frontier f;
    struct err err = {0};
    struct session session = quiet();
    size_t idle_at = 0;
    if (frontier_run(&f, &s->list, &s->scenario, &session, &err))
        fail_msg("%s", err.text);
    assert_int_equal(f.count, count);
    for (size_t i = 0; i < count; i++) {
        all[i] = figures_of(&policies[i], &s->scenario);
        assert_true(same(&f.points[i].outcome.policy, &policies[i]));
        assert_true(f.points[i].outcome.money == all[i].money);
        assert_true(near(f.points[i].per_month, all[i].per_month, all[i].per_month / 1000000000000 + 32));
        all[i].per_month = f.points[i].per_month; /* to the last digit: of two that are equal the first stands */
        idle_at = same(&policies[i], &idle) ? i : idle_at;
        assert_true(same(&policies[i], &every) == (f.every == &f.points[i]));
        assert_true(same(&policies[i], &idle) == (f.idle == &f.points[i]));
    }
    for (size_t i = 0; i < count; i++) {
        struct policy plain = {policies[i].trigger, {KEEP_TERMINATE, 0}};
        const struct frontier_point *found = frontier_without_reuse(&f, &f.points[i]);
        assert_int_equal(f.points[i].dominated, dominated(all, count, i));
        for (size_t k = 0; k < count; k++)
            assert_true(same(&policies[k], &plain) == (found == &f.points[k]));
    }
    for (int n = 0; n < 8; n++)
        check_recommendation(p, &f, all, idle_at);
    frontier_release(&f);
    assert_null(f.points);
}

static void word_by_word(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 500; i++) {
        struct philox p = philox_stream(41, 0, i, 1);
        struct scene s = {0};
        draw_scene(&p, &s);
        check_scene(&p, &s);
        policy_list_release(&s.list);
    }
}

/* Points as if they had been run. */
static void put(struct frontier *f, size_t i, money_t usd, int64_t p50, int64_t p95, money_t cost)
{
    struct outcome *o = &f->points[i].outcome;
    o->money = usd * USD;
    o->cost = cost * USD;
    f->points[i].per_month = usd * USD;
    o->lead.percentile[STATS_P50] = p50;
    o->lead.percentile[STATS_P95] = p95;
}

static void recommends(const struct frontier *f, struct limits limits, int expected)
{
    const struct frontier_point *best = frontier_recommend(f, &limits);
    assert_true(best == (expected < 0 ? NULL : &f->points[expected]));
}

static void recommended_by_hand(void **state)
{
    (void)state;
    struct frontier_point points[4] = {0};
    struct frontier f = {.points = points, .count = 4, .every = &points[0], .idle = &points[1]};
    put(&f, 0, 40, 1000, 9000, 90); /* every */
    put(&f, 1, 30, 900, 1800, 70);  /* idle */
    put(&f, 2, 10, 1500, 2400, 60);
    put(&f, 3, 20, 1200, 1800, 65);
    struct given no = {false, 0};
    recommends(&f, (struct limits){no, no, false}, 3);           /* the cheapest not slower than idle */
    recommends(&f, (struct limits){{true, 2400}, no, false}, 2); /* the limit itself is within */
    recommends(&f, (struct limits){{true, 2399}, no, false}, 3);
    recommends(&f, (struct limits){{true, 1799}, no, false}, -1);
    recommends(&f, (struct limits){no, {true, 30 * USD}, false}, 3); /* as fast as idle, and cheaper */
    recommends(&f, (struct limits){no, {true, 20 * USD - 1}, false}, 2);
    recommends(&f, (struct limits){no, {true, 10 * USD - 1}, false}, -1);
    recommends(&f, (struct limits){{true, 2000}, {true, 30 * USD}, false}, 3); /* both: the cheapest */
    recommends(&f, (struct limits){{true, 2000}, {true, 15 * USD}, false}, -1);
    recommends(&f, (struct limits){no, no, true}, 2);
    recommends(&f, (struct limits){{true, 2000}, no, true}, 3); /* least cost within the limit */
}

static size_t grid_of(struct terms terms, struct policy_list *list)
{
    struct err err;
    *list = (struct policy_list){0};
    struct model model = {.terms = terms};
    frontier_grid(list, &model);
    for (size_t i = 0; i < list->count; i++) {
        if (policy_check(&list->items[i], &terms, &err))
            fail_msg("policy %zu: %s", i, err.text);
        for (size_t k = 0; k < i; k++)
            assert_false(same(&list->items[i], &list->items[k]));
    }
    return list->count;
}

static size_t of_keep(const struct policy_list *list, enum keep_kind keep)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->items[i].keep.kind == keep;
    return n;
}

/* every, idle, 5 counts, 8 windows, 4 trains; with a delay price 4 thetas. Each with terminate and what else works. And
 * with a delay price the four that learn, kept as the regime has it. */
static void the_grid(void **state)
{
    (void)state;
    struct policy_list list;
    struct terms t = {.bake_s = 300, .regime = REGIME_HOURLY, .price_per_hour = USD};
    assert_int_equal(grid_of(t, &list), 2 * 19);
    assert_true(same(&list.items[0], &every));
    assert_int_equal(of_keep(&list, KEEP_TERMINATE), 19);
    assert_int_equal(of_keep(&list, KEEP_HOUR), 19);
    policy_list_release(&list);
    t.delay_price_per_commit_hour = 1;
    assert_int_equal(grid_of(t, &list), 2 * 23 + 4);
    assert_int_equal(of_keep(&list, KEEP_HOUR), 23 + 4);
    policy_list_release(&list);
    t.regime = REGIME_SECOND;
    assert_int_equal(grid_of(t, &list), 2 * 23 + 4);
    assert_int_equal(of_keep(&list, KEEP_RENT), 23 + 4);
    policy_list_release(&list);
    t.price_per_hour = 0; /* nothing to weigh the rent against */
    assert_int_equal(grid_of(t, &list), 23 + 4);
    assert_int_equal(of_keep(&list, KEEP_TERMINATE), 23 + 4);
    policy_list_release(&list);
}

/* Two reservations in a pool and one instance of a fleet: 2 x 744 h less 730.485 h, whole hours: 757. */
static void a_pool_is_paced(void **state)
{
    (void)state;
    struct model m = {.terms = {.bake_s = 300, .regime = REGIME_HOURLY, .price_per_hour = USD},
                      .fleet = 1,
                      .reserved = 2,
                      .reserved_model = MODEL_POOL};
    struct policy_list list = {0};
    char text[POLICY_TEXT_SIZE];
    frontier_grid(&list, &m);
    assert_int_equal(list.count, 2 * 19 + 1);
    assert_string_equal(policy_trigger_text(list.items[2 * 19].trigger, text), "budget:757h");
    assert_int_equal(list.items[2 * 19].keep.kind, KEEP_HOUR);
    policy_list_release(&list);
    m.reserved_model = MODEL_CLOCK_HOUR; /* what a clock hour does not use is lost: nothing to pace */
    frontier_grid(&list, &m);
    assert_int_equal(list.count, 2 * 19);
    policy_list_release(&list);
}

/* A launch worth more than ten years of rent: the grid does without `rent`, it does not fail. */
static void the_grid_is_always_allowed(void **state)
{
    (void)state;
    struct policy_list list;
    struct terms t = {.regime = REGIME_SECOND, .price_per_hour = 1, .launch_cost = USD};
    assert_int_equal(grid_of(t, &list), 19);
    policy_list_release(&list);
}

static void per_month(int64_t span_s, int128 numerator, int64_t denominator, money_t expected)
{
    struct scenario s = {.span_from = 1000, .span_to = 1000 + span_s};
    struct exact money = {0};
    money_t got = -1;
    exact_add(&money, numerator, denominator);
    assert_int_equal(scenario_per_month(&s, &money, &got), 0);
    exact_release(&money);
    assert_true(got == expected);
}

static void dollars_a_month(void **state)
{
    (void)state;
    per_month(MONTH_S, 123, 1, 123);
    per_month((int64_t)12 * MONTH_S, 12 * USD, 1, USD); /* a year of 365.2425 days */
    per_month(2 * MONTH_S, 1, 1, 0);                    /* a half, to even */
    per_month(2 * MONTH_S, 3, 1, 2);
    per_month(2 * MONTH_S, 1000001, 1000000, 1);        /* 0.5000005: the fraction counts */
    per_month((int64_t)31 * 86400, USD, 1, 9818346774); /* 2629746 / 2678400 = 0.98183467741935... */
    per_month(86400, USD, 1, 304368750000);             /* 30.436875 days */
    per_month(3600, USD, 1, 304368750000);              /* less than a day counts as one */
    per_month(0, USD, 1, 304368750000);
    struct scenario s = {.span_from = 0, .span_to = 86400};
    struct exact money = {0};
    money_t got;
    exact_add(&money, (int128)INT64_MAX / 30, 1);
    assert_int_equal(scenario_per_month(&s, &money, &got), -1);
    exact_release(&money);
}

static void too_much_money_is_said(void **state)
{
    (void)state;
    int64_t arrival[] = {0, 100, 200, 300, 400};
    struct scenario s = {.commits = {arrival, arrival, 5}, .span_to = 400};
    s.model =
        (struct model){.terms = {.per_deploy = MONEY_INPUT_MAX * 10, .regime = REGIME_HOURLY}, .until = INSTANT_MIN};
    struct policy_list list = {0};
    struct frontier f;
    struct err err = {0};
    struct session session = quiet();
    assert_int_equal(frontier_run(&f, &list, &s, &session, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "900 million USD"));
    frontier_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_by_word),
        cmocka_unit_test(recommended_by_hand),
        cmocka_unit_test(the_grid),
        cmocka_unit_test(a_pool_is_paced),
        cmocka_unit_test(the_grid_is_always_allowed),
        cmocka_unit_test(dollars_a_month),
        cmocka_unit_test(too_much_money_is_said),
    };
    return cmocka_run_group_tests_name("frontier", tests, NULL, NULL);
}
