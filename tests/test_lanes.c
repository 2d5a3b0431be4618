/* Many policies at once: each replay is what replay_run makes of it, start by start, lead by lead, month by month; and
 * what the commands go through gives the outcomes of outcome_run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/wide.h"
#include "sim/outcomes.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"

#ifdef __SANITIZE_ADDRESS__
#define SCENES 300
#else
#define SCENES 3000
#endif
#define COMMITS_MAX  1200 /* several blocks */
#define POLICIES_MAX 40

struct many {
    struct model m;
    int64_t arrival[COMMITS_MAX], ready[COMMITS_MAX];
    struct commits c;
    struct policy policies[POLICIES_MAX];
    size_t count;
};

static void draw_terms(struct model *m, struct philox *p)
{
    *m = plain_model(draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND);
    m->terms.prepare_s = DRAW_OF(p, 0, 60, 600);
    m->terms.boot_s = DRAW_OF(p, 0, 30, 400);
    m->terms.bake_s = DRAW_OF(p, 0, 20, 200, 1800, 3600, 3601, 9000);
    m->terms.rollout_s = DRAW_OF(p, 0, 100, 1000);
    m->terms.margin_s = DRAW_OF(p, 0, 0, 300);
    m->terms.launch_cost = DRAW_OF(p, 0, USD / 100);
    m->terms.price_per_hour = m->price_per_hour = USD / 10;
}

static struct keep draw_keep(const struct model *m, struct philox *p)
{
    static const enum keep_kind by_second[] = {KEEP_TERMINATE, KEEP_IDLE, KEEP_RENT};
    static const enum keep_kind by_hour[] = {KEEP_TERMINATE, KEEP_IDLE, KEEP_HOUR};
    enum keep_kind kind = (m->terms.regime == REGIME_HOURLY ? by_hour : by_second)[draw(p, 0, 2)];
    return (struct keep){kind, kind == KEEP_IDLE ? draw(p, 0, 2000) : 0};
}

static void draw_many(struct many *s, struct philox *p)
{
    draw_terms(&s->m, p);
    size_t commits = (size_t)draw(p, 1, COMMITS_MAX);
    int64_t t = DRAW_OF(p, 0, 1700000000);
    int64_t scale = DRAW_OF(p, 0, 5, 300, 4000, 100000);
    s->count = (size_t)draw(p, 1, POLICIES_MAX);
    for (size_t k = 0; k < commits; k++)
        s->arrival[k] = t += draw(p, 0, scale);
    replay_merge_pushes(s->arrival, commits, draw(p, 0, 400), s->ready);
    s->c = (struct commits){s->arrival, draw(p, 0, 1) ? s->ready : s->arrival, commits};
    for (size_t k = 0; k < s->count; k++) {
        s->policies[k] = (struct policy){{TRIGGER_WINDOW, draw(p, 0, 4000)}, draw_keep(&s->m, p)};
        if (draw(p, 0, 4) == 0)
            s->policies[k].trigger = (struct trigger){TRIGGER_IDLE, 0};
    }
}

static void assert_same_replay(const struct replay *a, const struct replay *b)
{
    assert_int_equal(a->commits, b->commits);
    assert_int_equal(a->deployments, b->deployments);
    assert_memory_equal(a->start, b->start, a->deployments * sizeof(*a->start));
    assert_memory_equal(a->lead_s, b->lead_s, a->commits * sizeof(*a->lead_s));
    assert_int_equal(a->launches, b->launches);
    assert_true(a->waiting_s == b->waiting_s && a->lead_sum_s == b->lead_sum_s);
    assert_int_equal(a->month_count, b->month_count);
    for (size_t i = 0; i < a->month_count; i++) {
        const struct replay_month *x = &a->months[i];
        const struct replay_month *y = &b->months[i];
        assert_true(x->month == y->month && x->commits == y->commits && x->deployments == y->deployments &&
                    x->waiting_s == y->waiting_s && x->lead_s == y->lead_s);
    }
}

static void same_as_replay(void **state)
{
    (void)state;
    static struct many s;
    struct replay lanes[LANES_MAX];
    struct replay one;
    struct err err;
    if (!wide_has_avx2())
        skip();
    memset(lanes, 0, sizeof(lanes));
    replay_init(&one);
    for (int i = 0; i < SCENES; i++) {
        struct philox p = philox_stream(41, (uint32_t)i, 0, 0);
        struct decider deciders[POLICIES_MAX];
        const struct decider *pass[LANES_MAX];
        size_t n = 0;
        draw_many(&s, &p);
        for (size_t k = 0; k < s.count && n < LANES_MAX; k++) {
            deciders[k] = policy_decider(&s.policies[k], &s.m.terms);
            assert_true(lanes_can(&deciders[k]) != LANES_NONE);
            if (lanes_can(&deciders[k]) == lanes_can(&deciders[0]))
                pass[n++] = &deciders[k];
        }
        wide_choose(i % 2 ? WIDE_256 : WIDE_512);
        assert_int_equal(lanes_run(pass, n, &s.c, lanes, &err), 0);
        wide_choose(WIDE_512);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(replay_run(&one, pass[k], &s.c, &err), 0);
            assert_same_replay(&lanes[k], &one);
        }
    }
    for (size_t k = 0; k < LANES_MAX; k++)
        replay_release(&lanes[k]);
    replay_release(&one);
}

struct check {
    const struct many *scene;
    bool seen[POLICIES_MAX];
};

static char *json_of(const struct outcome *o, const struct model *m)
{
    cJSON *json = outcome_json(o, m, 0);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    return text;
}

static int same_outcome(void *context, size_t at, struct outcome *o, struct err *err)
{
    struct check *check = context;
    const struct many *s = check->scene;
    struct outcome alone;
    struct replay r;
    replay_init(&r);
    assert_false(check->seen[at]);
    check->seen[at] = true;
    assert_int_equal(outcome_run(&alone, &s->policies[at], &s->m, &s->c, &r, false, err), 0);
    char *a = json_of(o, &s->m);
    char *b = json_of(&alone, &s->m);
    assert_string_equal(a, b);
    assert_true(o->first_start == alone.first_start && o->last_end == alone.last_end);
    cJSON_free(a);
    cJSON_free(b);
    outcome_release(&alone);
    outcome_release(o);
    replay_release(&r);
    return 0;
}

/* What simulate, plan, sweeps and Monte Carlo call, with policies that lanes cannot do among the others. */
static void outcomes_are_the_same(void **state)
{
    (void)state;
    static struct many s;
    struct outcomes scratch;
    struct err err;
    outcomes_init(&scratch);
    for (int i = 0; i < SCENES / 10; i++) {
        struct philox p = philox_stream(42, (uint32_t)i, 0, 0);
        struct check check = {.scene = &s};
        draw_many(&s, &p);
        for (size_t k = 0; k < s.count; k++)
            if (draw(&p, 0, 3) == 0)
                s.policies[k].trigger = (struct trigger){draw(&p, 0, 1) ? TRIGGER_COUNT : TRIGGER_TRAIN, 3};
        wide_choose((enum wide)draw(&p, WIDE_PORTABLE, WIDE_512));
        assert_int_equal(outcomes_each(&scratch, s.policies, s.count, &s.m, &s.c, same_outcome, &check, &err), 0);
        wide_choose(WIDE_512);
        for (size_t k = 0; k < s.count; k++)
            assert_true(check.seen[k]);
    }
    assert_true(!wide_has_avx2() || scratch.side_by_side > 0);
    outcomes_release(&scratch);
}

static int no_taker(void *context, size_t at, struct outcome *o, struct err *err)
{
    (void)context, (void)at;
    outcome_release(o);
    return err_set(err, EXIT_FAILED, "the taker's own");
}

/* A policy that cannot be fails before any is replayed; the taker's error comes through. */
static void errors(void **state)
{
    (void)state;
    const struct policy policies[] = {{{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}}};
    struct model m = plain_model(REGIME_SECOND);
    int64_t arrival[] = {5, 10};
    struct commits c = {arrival, arrival, 2};
    struct outcomes scratch;
    struct err err;
    outcomes_init(&scratch);
    assert_int_equal(outcomes_each(&scratch, policies, 2, &m, &c, no_taker, NULL, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "hour"));
    assert_int_equal(outcomes_each(&scratch, policies, 1, &m, &c, no_taker, NULL, &err), EXIT_FAILED);
    assert_string_equal(err.text, "the taker's own");
    outcomes_release(&scratch);
}

/* What they cannot do, and at which date they leave it to others. */
static void what_lanes_can(void **state)
{
    (void)state;
    const struct terms hourly = {.regime = REGIME_HOURLY, .bake_s = 5 * SECONDS_PER_HOUR};
    const struct policy cannot[] = {{{TRIGGER_COUNT, 3}, {KEEP_TERMINATE, 0}},
                                    {{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}},
                                    {{TRIGGER_TRAIN, 60}, {KEEP_IDLE, 60}},
                                    {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}}};
    for (size_t i = 0; i < 4; i++) {
        struct decider d = policy_decider(&cannot[i], &hourly);
        assert_int_equal(lanes_can(&d), LANES_NONE);
    }
    if (!wide_has_avx2())
        skip();
    const struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    struct decider d = policy_decider(&idle, &hourly);
    const struct decider *pass[] = {&d};
    int64_t late[] = {INSTANT_MAX - 1000};
    struct commits c = {late, late, 1};
    struct replay r = {0};
    struct err err;
    assert_int_equal(lanes_run(pass, 1, &c, &r, &err), EXIT_INPUT);
    replay_release(&r);
}

/* What ends in time, but is kept beyond the calendar. */
static void kept_too_long(void **state)
{
    (void)state;
    const struct terms hourly = {.regime = REGIME_HOURLY, .bake_s = 60};
    const struct policy policies[] = {{{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}},
                                      {{TRIGGER_IDLE, 0}, {KEEP_IDLE, 500}},
                                      {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}}};
    if (!wide_has_avx2())
        skip();
    for (size_t i = 0; i < 3; i++) {
        struct decider d = policy_decider(&policies[i], &hourly);
        const struct decider *pass[] = {&d};
        int64_t late[] = {INSTANT_MAX - POLICY_DURATION_MAX - 100};
        struct commits c = {late, late, 1};
        struct replay r = {0};
        struct err err;
        assert_int_equal(lanes_run(pass, 1, &c, &r, &err), i ? EXIT_INPUT : 0);
        replay_release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_replay), cmocka_unit_test(outcomes_are_the_same),
                                       cmocka_unit_test(errors), cmocka_unit_test(what_lanes_can),
                                       cmocka_unit_test(kept_too_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
