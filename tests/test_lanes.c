/* Many policies at once: the totals of each are those of its own replay, on every path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/wide.h"
#include "sim/lanes.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"

#ifdef __SANITIZE_ADDRESS__
#define SCENES 300
#else
#define SCENES 3000
#endif
#define POLICIES_MAX 40

static void draw_terms(struct model *m, struct philox *p)
{
    *m = plain_model(draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND);
    m->terms.prepare_s = DRAW_OF(p, 0, 60, 600);
    m->terms.boot_s = DRAW_OF(p, 0, 30, 400);
    m->terms.bake_s = DRAW_OF(p, 0, 20, 200, 1800);
    m->terms.rollout_s = DRAW_OF(p, 0, 100, 1000);
    m->terms.price_per_hour = m->price_per_hour = USD / 10;
}

static void same_as_replay(void **state)
{
    (void)state;
    for (int i = 0; i < SCENES; i++) {
        struct philox p = philox_stream(41, (uint32_t)i, 0, 0);
        struct model m;
        int64_t arrival[MAX_COMMITS];
        int64_t ready[MAX_COMMITS];
        struct policy policies[POLICIES_MAX];
        struct decider deciders[POLICIES_MAX];
        struct lanes_total totals[POLICIES_MAX];
        struct err err;
        draw_terms(&m, &p);
        size_t commits = (size_t)draw(&p, 1, MAX_COMMITS);
        size_t count = (size_t)draw(&p, 1, POLICIES_MAX);
        int64_t t = DRAW_OF(&p, 0, 1700000000);
        int64_t scale = DRAW_OF(&p, 5, 300, 4000);
        bool kept = draw(&p, 0, 1) && m.terms.regime == REGIME_SECOND;
        for (size_t k = 0; k < commits; k++)
            arrival[k] = t += draw(&p, 0, scale);
        replay_merge_pushes(arrival, commits, draw(&p, 0, 400), ready);
        struct commits c = {arrival, draw(&p, 0, 1) ? ready : arrival, commits};
        for (size_t k = 0; k < count; k++) {
            policies[k] = (struct policy){{TRIGGER_WINDOW, draw(&p, 0, 4000)}, {KEEP_TERMINATE, 0}};
            if (draw(&p, 0, 4) == 0)
                policies[k].trigger = (struct trigger){TRIGGER_IDLE, 0};
            if (kept && draw(&p, 0, 2))
                policies[k].keep = (struct keep){draw(&p, 0, 1) ? KEEP_IDLE : KEEP_RENT, draw(&p, 0, 2000)};
            deciders[k] = policy_decider(&policies[k], &m.terms);
            assert_true(lanes_can(&deciders[k]));
        }
        wide_choose((enum wide)draw(&p, WIDE_PORTABLE, WIDE_512));
        lanes_run(deciders, count, &c, totals);
        wide_choose(WIDE_512);
        for (size_t k = 0; k < count; k++) {
            struct outcome o;
            struct replay r;
            replay_init(&r);
            assert_int_equal(outcome_run(&o, &policies[k], &m, &c, &r, false, &err), 0);
            assert_int_equal(totals[k].deployments, o.costs.total.deployments);
            assert_int_equal(totals[k].launches, o.costs.total.launches);
            assert_true(totals[k].waiting_s == o.costs.total.waiting_s);
            assert_true(totals[k].lead_s == o.costs.total.lead_s);
            assert_true(totals[k].billed_s == o.costs.total.billed_s);
            outcome_release(&o);
            replay_release(&r);
        }
    }
}

static void what_lanes_can(void **state)
{
    (void)state;
    const struct terms hourly = {.regime = REGIME_HOURLY};
    const struct policy cannot[] = {{{TRIGGER_COUNT, 3}, {KEEP_TERMINATE, 0}},
                                    {{TRIGGER_IDLE, 0}, {KEEP_HOUR, 0}},
                                    {{TRIGGER_IDLE, 0}, {KEEP_IDLE, 60}}};
    for (size_t i = 0; i < 3; i++) {
        struct decider d = policy_decider(&cannot[i], &hourly);
        assert_false(lanes_can(&d));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_replay), cmocka_unit_test(what_lanes_can)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
