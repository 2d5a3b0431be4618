/*
 * A policy on paper costs what its replay does: deployments, billed seconds, waiting, whatever the steps in which the
 * shadow is carried on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scheduler/shadow.h"
#include "sim/outcome.h"
#include "tests/support_draw.h"

#define USD     MONEY_PER_USD
#define ONE     THETA_PER_ONE
#define BEGIN_S ((instant_t)1735689600)
#define COMMITS 200

static void draw_scene(struct philox *p, instant_t at_s[COMMITS], struct model *m, struct policy *policy)
{
    static const struct trigger triggers[] = {{TRIGGER_IDLE, 0},
                                              {TRIGGER_WINDOW, 900},
                                              {TRIGGER_AREA, ONE / 2},
                                              {TRIGGER_AREA, 2 * ONE},
                                              {TRIGGER_TRAIN, 700}};
    instant_t t = BEGIN_S;
    for (size_t i = 0; i < COMMITS; i++)
        at_s[i] = t += DRAW_OF(p, 0, 1, 60, 500, 3000, 20000);
    *m = (struct model){.until = INSTANT_MIN};
    m->terms = (struct terms){.prepare_s = DRAW_OF(p, 0, 300),
                              .boot_s = DRAW_OF(p, 0, 45),
                              .bake_s = DRAW_OF(p, 60, 900, 4000),
                              .rollout_s = DRAW_OF(p, 0, 200),
                              .regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND,
                              .price_per_hour = 36 * USD / 10,
                              .per_deploy = DRAW_OF(p, 0, USD),
                              .launch_cost = DRAW_OF(p, 0, USD / 2),
                              .delay_price_per_commit_hour = 36 * USD / 10};
    m->price_per_hour = m->terms.price_per_hour;
    enum keep_kind keep = (enum keep_kind)draw(p, 0, 3);
    if (keep == KEEP_HOUR)
        m->terms.regime = REGIME_HOURLY;
    *policy = (struct policy){triggers[draw(p, 0, 4)], {keep, keep == KEEP_IDLE ? DRAW_OF(p, 60, 2000) : 0}};
}

static void on_paper_as_replayed(void **state)
{
    (void)state;
    struct philox p = philox_stream(91, 0, 0, 1);
    instant_t at_s[COMMITS];
    struct replay scratch;
    replay_init(&scratch);
    for (int round = 0; round < 400; round++) {
        struct model m;
        struct policy policy;
        struct outcome o;
        struct err err;
        struct commits c = {at_s, at_s, COMMITS};
        draw_scene(&p, at_s, &m, &policy);
        assert_int_equal(outcome_run(&o, &policy, &m, &c, &scratch, false, &err), 0);
        struct decider d = policy_decider(&policy, &m.terms);
        struct shadow whole;
        struct shadow stepped;
        shadow_init(&whole, &d, 0);
        shadow_init(&stepped, &d, 0);
        shadow_advance(&whole, at_s, COMMITS, INSTANT_MAX);
        for (size_t i = 0; i < COMMITS; i++) /* told of each second's commits together, as policies are */
            if (i + 1 == COMMITS || at_s[i + 1] > at_s[i])
                shadow_advance(&stepped, at_s, i + 1, at_s[i]);
        shadow_advance(&stepped, at_s, COMMITS, INSTANT_MAX);
        assert_int_equal(whole.deployments, o.costs.total.deployments);
        assert_int_equal(stepped.deployments, whole.deployments);
        /* the rental's tail is in the first deployment of the shadow, and in the last one's of the replay: the same */
        assert_int_equal(whole.billed_s, o.costs.total.billed_s);
        assert_true(whole.spent > (double)o.cost - 2 && whole.spent < (double)o.cost + 2);
        assert_true(stepped.spent > whole.spent - 1 && stepped.spent < whole.spent + 1);
        outcome_release(&o);
    }
    replay_release(&scratch);
}

/* Two wait since 100 and 160; at 400 they have waited 300 + 240 s, at 3.6 USD a commit-hour: 0.54 USD. A launch: 3.6.
 */
static void what_is_pending_counts(void **state)
{
    (void)state;
    static const instant_t at_s[] = {BEGIN_S + 100, BEGIN_S + 160};
    struct terms t = {.bake_s = 600,
                      .regime = REGIME_HOURLY,
                      .price_per_hour = 36 * USD / 10,
                      .delay_price_per_commit_hour = 36 * USD / 10};
    struct policy window = {{TRIGGER_WINDOW, 1000}, {KEEP_TERMINATE, 0}};
    struct decider d = policy_decider(&window, &t);
    struct shadow s;
    shadow_init(&s, &d, 0);
    shadow_advance(&s, at_s, 2, BEGIN_S + 400);
    assert_int_equal(s.deployments, 0);
    assert_int_equal((int64_t)(shadow_cost(&s, BEGIN_S + 400) + 0.5), 54 * USD / 100);
    assert_int_equal((int64_t)(shadow_cost_due(&s, BEGIN_S + 400) + 0.5), 54 * USD / 100 + 36 * USD / 10);
    shadow_advance(&s, at_s, 2, BEGIN_S + 1100);
    assert_int_equal(s.deployments, 1);
    assert_int_equal((int64_t)(shadow_cost(&s, BEGIN_S + 2000) + 0.5), 194 * USD / 100 + 36 * USD / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_paper_as_replayed),
        cmocka_unit_test(what_is_pending_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
