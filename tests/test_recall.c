/*
 * A scheduler that was told the past decides as the replay that went through it: at each moment at which a replay
 * looks, by one that goes on and by one that was started just then. Late looks, late pushes, stores that begin in the
 * middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "scheduler/outlook.h"
#include "scheduler/recall.h"
#include "sim/replay.h"
#include "tests/support_draw.h"

#define USD     MONEY_PER_USD
#define ONE     THETA_PER_ONE
#define BEGIN_S ((instant_t)1735689600) /* 2025-01-01T00:00:00Z */
#define DAY     SECONDS_PER_DAY
#define COMMITS 400

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 1
#else
#define ROUNDS 2
#endif

static const struct trigger learning[] = {
    {TRIGGER_SQRT, ONE / 2},        {TRIGGER_RANDOM, 7}, {TRIGGER_PREDICT, ONE / 4}, {TRIGGER_BUDGET_HOURS, 20 * 3600},
    {TRIGGER_BUDGET_USD, 15 * USD}, {TRIGGER_MDP, 0},
};

/* Office hours, in bursts; ties, too. */
static void make_history(struct philox *p, instant_t *at_s, size_t count)
{
    instant_t t = BEGIN_S;
    for (size_t i = 0; i < count; i++) {
        int64_t kind = draw(p, 0, 8);
        t += kind == 0 ? 0 : kind < 4 ? draw(p, 0, 200) : draw(p, 1, 40000);
        if (kind >= 4 && (t % DAY < 8 * 3600 || t % DAY > 18 * 3600))
            t += DAY - t % DAY + 8 * 3600 + draw(p, 0, 3600);
        at_s[i] = t;
    }
}

static struct decider some_decider(struct philox *p, struct trigger trigger)
{
    struct terms t = {.prepare_s = DRAW_OF(p, 0, 120),
                      .boot_s = DRAW_OF(p, 0, 30, 90),
                      .bake_s = DRAW_OF(p, 300, 900, 1700),
                      .rollout_s = DRAW_OF(p, 0, 180),
                      .regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND,
                      .price_per_hour = USD,
                      .per_deploy = DRAW_OF(p, 0, USD / 4),
                      .delay_price_per_commit_hour = DRAW_OF(p, USD / 20, USD / 5, USD)};
    enum keep_kind keep = trigger.kind == TRIGGER_MDP ? KEEP_IDLE : (enum keep_kind)draw(p, 0, 3);
    struct policy policy = {trigger, {keep, keep == KEEP_IDLE ? DRAW_OF(p, 60, 600) : 0}};
    if (keep == KEEP_HOUR)
        t.regime = REGIME_HOURLY;
    return policy_decider(&policy, &t);
}

/* The replay, stepped through once more: what a scheduler sees on the way. */
struct walk {
    struct decider d;
    const instant_t *at_s;
    size_t count, next, known;
    struct replay r;
    struct recall_start starts[COMMITS];
    size_t told;
    instant_t free_at;
    struct rental rental;
};

static void walk_begin(struct walk *w, struct decider d, const instant_t *at_s, size_t count)
{
    struct commits c = {at_s, at_s, count};
    struct err err;
    *w = (struct walk){.d = d, .at_s = at_s, .count = count, .free_at = INSTANT_MIN};
    replay_init(&w->r);
    assert_int_equal(policy_check(&d.policy, &d.terms, &err), 0);
    assert_int_equal(replay_run(&w->r, &w->d, &c, &err), 0);
}

static void walk_started(struct walk *w, instant_t start)
{
    const struct terms *t = &w->d.terms;
    bool launches = !policy_reuses(&w->rental, start + t->prepare_s);
    while (w->known < w->count && w->at_s[w->known] <= start)
        w->known++;
    if (launches)
        w->rental.begin = start + t->prepare_s;
    w->rental.open = true;
    w->rental.busy_until = start + t->prepare_s + (launches ? t->boot_s : 0) + t->bake_s;
    w->rental.kept_until = policy_kept_until(&w->d, w->rental.begin, w->rental.busy_until);
    w->free_at = w->rental.busy_until + t->rollout_s;
    w->starts[w->told++] = (struct recall_start){start, w->free_at, (int64_t)(w->known - w->next)};
    w->next = w->known;
}

/* What a scheduler is told that sees so many commits; it forgot the deployments before `first`. */
static instant_t asked(struct recall *r, const struct walk *w, size_t known, size_t first)
{
    struct recall_past past = {.at_s = w->at_s,
                               .commits = known,
                               .pending = known - w->next,
                               .starts = w->starts + first,
                               .count = w->told - first,
                               .free_at = w->free_at};
    instant_t fire = 0;
    struct err err;
    assert_int_equal(recall_fire_at(r, &w->d, &past, &w->rental, &fire, &err), 0);
    return fire;
}

static instant_t asked_anew(const struct walk *w, size_t known)
{
    struct recall *r = recall_new();
    instant_t fire = asked(r, w, known, 0);
    recall_free(r);
    return fire;
}

/* Between two deployments: at each look the same answer, by the one that goes on and (now and then) by a new one. */
static void one_deployment(struct walk *w, struct recall *going, struct philox *p, int rarely)
{
    instant_t start = replay_start_s(&w->r, w->told);
    instant_t now = w->free_at > w->at_s[w->next] ? w->free_at : w->at_s[w->next];
    for (;;) {
        while (w->known < w->count && w->at_s[w->known] <= now)
            w->known++;
        instant_t fire = asked(going, w, w->known, 0);
        if (draw(p, 0, rarely) == 0)
            assert_int_equal(asked_anew(w, w->known), fire);
        bool last = w->known == w->count || w->at_s[w->known] >= start;
        if (last && fire == start)
            break;
        assert_true(w->known < w->count && w->at_s[w->known] <= start);
        now = w->at_s[w->known];
        assert_true(fire > now); /* the replay looked again then */
    }
    size_t late = w->known; /* a scheduler that slept through it is told the second that has passed */
    while (late < w->count && w->at_s[late] < start + 7200)
        late++;
    if (draw(p, 0, rarely) == 0)
        assert_int_equal(asked_anew(w, late), start);
}

static void live_equals_replay(void **state)
{
    (void)state;
    struct philox p = philox_stream(71, 0, 0, 1);
    instant_t at_s[COMMITS];
    for (int round = 0; round < 6 * ROUNDS; round++) {
        struct trigger trigger = learning[round % 6];
        struct walk w;
        struct recall *going = recall_new();
        make_history(&p, at_s, COMMITS);
        walk_begin(&w, some_decider(&p, trigger), at_s, COMMITS);
        while (w.told < w.r.deployments) {
            one_deployment(&w, going, &p, trigger.kind == TRIGGER_MDP ? 100 : 20);
            walk_started(&w, replay_start_s(&w.r, w.told));
        }
        assert_int_equal(w.next, COMMITS);
        assert_true(w.told > 20);
        recall_free(going);
        replay_release(&w.r);
    }
}

static struct decider cautious(void)
{
    struct terms t = {
        .bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = USD, .delay_price_per_commit_hour = USD / 200};
    struct policy policy = {{TRIGGER_PREDICT, ONE / 100}, {KEEP_TERMINATE, 0}};
    return policy_decider(&policy, &t);
}

/* A repository of years, and a store that knows nothing, or one deployment: all before its commits is learned from, and
 * was never waited for. By an outlook that is told the same by hand. */
static void the_first_deployments_have_learned(void **state)
{
    (void)state;
    struct philox p = philox_stream(72, 0, 0, 1);
    instant_t at_s[COMMITS];
    for (int round = 0; round < 8; round++) {
        struct err err;
        struct outlook *o = NULL;
        struct walk w = {.d = cautious(), .at_s = at_s, .next = COMMITS - 1, .free_at = INSTANT_MIN};
        make_history(&p, at_s, COMMITS);
        at_s[COMMITS - 1] += 3600;
        instant_t now = at_s[COMMITS - 1];
        assert_int_equal(outlook_new(&o, &w.d, &err), 0);
        outlook_begin(o, at_s, COMMITS - 1 - (size_t)(round % 2));
        if (round % 2) {
            w.free_at = at_s[COMMITS - 2] + 900;
            w.starts[w.told++] = (struct recall_start){at_s[COMMITS - 2], w.free_at, 1};
            outlook_hear(o, at_s, COMMITS - 1, at_s[COMMITS - 2]);
            outlook_started(o, at_s[COMMITS - 2]);
        }
        outlook_hear(o, at_s, COMMITS, now);
        assert_non_null(outlook_model(o));
        struct pending pending = {1, now, now};
        assert_int_equal(asked_anew(&w, COMMITS), policy_fire_at(outlook_decider(o), now, &pending, &w.rental));
        outlook_free(o);
    }
}

/* Pushed late: pending, though older than the last start. It counts, and a further look anew says the same. */
static void a_late_push_is_pending(void **state)
{
    (void)state;
    struct philox p = philox_stream(73, 0, 0, 1);
    instant_t at_s[COMMITS];
    struct walk w;
    make_history(&p, at_s, COMMITS);
    struct terms t = {
        .bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = USD, .delay_price_per_commit_hour = USD / 20};
    struct policy policy = {{TRIGGER_SQRT, 20 * ONE}, {KEEP_TERMINATE, 0}};
    walk_begin(&w, policy_decider(&policy, &t), at_s, COMMITS);
    while (w.told < w.r.deployments - 1)
        walk_started(&w, replay_start_s(&w.r, w.told));
    struct recall *going = recall_new();
    size_t known =
        w.known + 1; /* the one that starts the last batch, and one more that the last start should have had */
    instant_t alone = asked(going, &w, known, 0);
    w.next--;
    instant_t both = asked(going, &w, known, 0);
    assert_true(both < alone); /* more wait, so less longer */
    assert_int_equal(asked_anew(&w, known), both);
    w.next++;
    assert_int_equal(asked(going, &w, known, 0), alone);
    recall_free(going);
    replay_release(&w.r);
}

/* Not only new things were told: terms, a commit or a start of the past, a deployment that failed meanwhile. */
static void change(struct walk *w, instant_t *at_s, int what)
{
    if (what == 0)
        w->d.terms.per_deploy += USD / 20;
    else if (what == 1)
        for (size_t k = 2; k < 12; k++)
            w->starts[w->told - k].start = w->starts[w->told - 12].start; /* that saves most of their instances */
    else if (what == 2)
        w->free_at += 900;
    else
        at_s[w->known - 5] = at_s[w->known - 6];
}

static void what_changed_is_told_anew(void **state)
{
    (void)state;
    struct philox p = philox_stream(74, 0, 0, 1);
    instant_t at_s[COMMITS];
    struct walk w;
    int mattered = 0;
    struct terms t = {.bake_s = 900, .regime = REGIME_SECOND, .price_per_hour = USD, .per_deploy = USD / 20};
    struct policy policy = {{TRIGGER_BUDGET_USD, 180 * USD}, {KEEP_IDLE, 7200}};
    make_history(&p, at_s, COMMITS);
    walk_begin(&w, policy_decider(&policy, &t), at_s, COMMITS);
    struct recall *going = recall_new();
    while (w.told + 1 < w.r.deployments) {
        walk_started(&w, replay_start_s(&w.r, w.told));
        if (w.told < 30)
            continue;
        instant_t before = asked(going, &w, w.known + 1, 0);
        change(&w, at_s, (int)(w.told % 4));
        instant_t after = asked_anew(&w, w.known + 1);
        mattered += before != after;
        assert_int_equal(asked(going, &w, w.known + 1, 0), after);
        assert_int_equal(asked(going, &w, w.known + 1, 0), after);
    }
    assert_true(mattered > 5);
    recall_free(going);
    replay_release(&w.r);
}

/* A store that lost its first deployments: what lies before the first one that it knows was never waited for. */
static void a_store_that_begins_late(void **state)
{
    (void)state;
    struct philox p = philox_stream(75, 0, 0, 1);
    instant_t at_s[COMMITS];
    struct walk w;
    make_history(&p, at_s, COMMITS);
    walk_begin(&w, some_decider(&p, (struct trigger){TRIGGER_SQRT, ONE}), at_s, COMMITS);
    while (w.told + 1 < w.r.deployments) {
        walk_started(&w, replay_start_s(&w.r, w.told));
        if (w.told < 50 || w.told % 7)
            continue;
        struct recall *late = recall_new();
        assert_int_equal(asked(late, &w, w.known + 1, 40), asked_anew(&w, w.known + 1)); /* sqrt keeps no accounts */
        recall_free(late);
    }
    replay_release(&w.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_equals_replay),       cmocka_unit_test(the_first_deployments_have_learned),
        cmocka_unit_test(a_late_push_is_pending),   cmocka_unit_test(what_changed_is_told_anew),
        cmocka_unit_test(a_store_that_begins_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
