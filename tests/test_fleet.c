/* What a rollout adds: the fleet's running periods one by one, and by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/fleet.h"
#include "tests/support_draw.h"
#include "tests/support_periods.h"

#define MOST 12 /* deployments */

/* Deployments as a replay packs them. */
struct deployments {
    int64_t start[MOST];
    struct replay replay;
};

static void deploy(struct deployments *d, int64_t start_s, bool launched)
{
    d->replay.start = d->start;
    d->start[d->replay.deployments++] = start_s * 2 + launched;
}

static struct decider idle_decider(const struct model *m)
{
    struct policy policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    return policy_decider(&policy, &m->terms);
}

static int64_t sum_of(const struct hours *h)
{
    int64_t sum = 0;
    for (size_t i = 0; i < h->count; i++)
        sum += h->seconds[i];
    return sum;
}

static void run(const struct model *m, const struct replay *r, int64_t until, struct hours *rolled,
                struct hours *undisturbed)
{
    struct err err;
    assert_int_equal(hours_init(rolled, replay_start_s(r, 0), until + 7200, &err), 0);
    assert_int_equal(hours_init(undisturbed, replay_start_s(r, 0), until + 7200, &err), 0);
    fleet_run(m, r, until, rolled, undisturbed);
}

/* facts: ten m5.large at 0.096 running twice for ten minutes of roll and drain cost 0.16 USD. */
static void ten_instances_by_the_second(void **state)
{
    (void)state;
    struct model m = {.terms = {.bake_s = 100, .rollout_s = 400, .regime = REGIME_SECOND},
                      .fleet = 10,
                      .surge = 10,
                      .drain_s = 200,
                      .until = INSTANT_MIN};
    struct deployments d = {0};
    deploy(&d, 1000000000, true);
    struct decider decider = idle_decider(&m);
    int64_t until = fleet_until(&m, &d.replay, &decider);
    assert_int_equal(until, 1000000000 + 100 + 400 + 200);
    struct hours rolled;
    struct hours undisturbed;
    run(&m, &d.replay, until, &rolled, &undisturbed);
    int64_t extra_s = sum_of(&rolled) - sum_of(&undisturbed);
    assert_int_equal(sum_of(&undisturbed), 10 * 700);
    assert_int_equal(extra_s, 10 * 600);
    assert_true(extra_s * 960000000 / 3600 == MONEY_PER_USD * 16 / 100);
    hours_release(&rolled);
    hours_release(&undisturbed);
}

/*
 * One instance, by the hour, from 00:00; deployments that start at 00:00 and 00:20 are baked ten minutes later and
 * replace it at once. Undisturbed it opens 00:00, 01:00 and 02:00. Rolled: 00:00, 00:10, 00:30, 01:30, and 02:30 only
 * where the books are open longer than that.
 */
static void one_instance_by_the_hour(void **state)
{
    (void)state;
    const int64_t day = 1440000000 / 86400 * 86400;
    struct model m = {.terms = {.bake_s = 600, .regime = REGIME_HOURLY}, .fleet = 1, .surge = 1};
    struct deployments d = {0};
    deploy(&d, day, true);
    deploy(&d, day + 1200, true);
    for (int later = 0; later < 2; later++) {
        m.until = day + 2 * 3600 + (later ? 2400 : 600);
        struct decider decider = idle_decider(&m);
        assert_int_equal(fleet_until(&m, &d.replay, &decider), m.until);
        struct hours rolled;
        struct hours undisturbed;
        run(&m, &d.replay, m.until, &rolled, &undisturbed);
        for (int64_t h = 0; h < 3; h++)
            assert_int_equal(undisturbed.seconds[h], 3600);
        assert_int_equal(rolled.seconds[0], 3 * 3600);
        assert_int_equal(rolled.seconds[1], 3600);
        assert_int_equal(rolled.seconds[2], later ? 3600 : 0);
        hours_release(&rolled);
        hours_release(&undisturbed);
    }
}

static void books_end(void **state)
{
    (void)state;
    struct model m = {.terms = {.prepare_s = 1, .boot_s = 10, .bake_s = 100, .rollout_s = 1000}, .drain_s = 5000};
    struct deployments d = {0};
    deploy(&d, 500000, true);
    deploy(&d, 600000, false);
    m.until = INSTANT_MIN;
    struct decider decider = idle_decider(&m);
    assert_int_equal(fleet_until(&m, &d.replay, &decider), 601101); /* no fleet, no draining; no boot: it reuses */
    m.fleet = 1;
    assert_int_equal(fleet_until(&m, &d.replay, &decider), 606101);
    m.until = 606100;
    assert_int_equal(fleet_until(&m, &d.replay, &decider), 606101);
    m.until = 606102;
    assert_int_equal(fleet_until(&m, &d.replay, &decider), 606102);
}

static void draw_model(struct philox *p, struct model *m)
{
    *m = (struct model){.until = INSTANT_MIN};
    m->terms.regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND;
    m->terms.prepare_s = DRAW_OF(p, 0, 100);
    m->terms.boot_s = DRAW_OF(p, 0, 30);
    m->terms.bake_s = DRAW_OF(p, 0, 1, 300, 3600);
    m->terms.rollout_s = DRAW_OF(p, 0, 0, 1, 5, 300, 3599, 7001);
    m->fleet = draw(p, 1, 7);
    m->surge = draw(p, 1, 9);
    m->drain_s = DRAW_OF(p, 0, 0, 1, 59, 60, 600, 3600, 20000, 90000);
}

static void draw_deployments(struct philox *p, const struct model *m, struct deployments *d)
{
    const struct terms *t = &m->terms;
    int64_t at = 1427839200 + draw(p, 0, 3600); /* 2015-03-31T22:00Z */
    int64_t more = draw(p, 0, MOST - 1);
    deploy(d, at, true);
    for (int64_t i = 0; i < more; i++) {
        at += t->prepare_s + (replay_launched(&d->replay, (size_t)i) ? t->boot_s : 0) + t->bake_s + t->rollout_s;
        at += draw(p, 0, 1) * draw(p, 0, DRAW_OF(p, 10, 1000, 12000));
        deploy(d, at, draw(p, 0, 1));
    }
}

static void same_hours(const struct hours *h, const struct periods *periods, enum regime regime)
{
    int64_t *expected = mem_zero(h->count, sizeof(*expected));
    periods_bill(periods, regime, h->first, h->count, expected);
    assert_memory_equal(h->seconds, expected, h->count * sizeof(*expected));
    free(expected);
}

static void period_by_period(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        struct philox p = philox_stream(11, 0, i, 1);
        struct model m;
        struct deployments d = {0};
        draw_model(&p, &m);
        draw_deployments(&p, &m, &d);
        if (draw(&p, 0, 2) == 0)
            m.until = replay_start_s(&d.replay, d.replay.deployments - 1) + draw(&p, -5000, 200000);
        struct decider decider = idle_decider(&m);
        int64_t until = fleet_until(&m, &d.replay, &decider);
        assert_int_equal(until, periods_until(&d.replay, &m));
        struct hours rolled;
        struct hours undisturbed;
        struct periods expected = {0};
        run(&m, &d.replay, until, &rolled, &undisturbed);
        periods_of_fleet(&expected, &d.replay, &m, until);
        assert_int_equal(expected.count, m.fleet * (int64_t)(d.replay.deployments + 1));
        same_hours(&rolled, &expected, m.terms.regime);
        periods_release(&expected);
        periods_undisturbed(&expected, &d.replay, &m, until);
        same_hours(&undisturbed, &expected, m.terms.regime);
        assert_true(sum_of(&rolled) >= sum_of(&undisturbed));
        periods_release(&expected);
        hours_release(&rolled);
        hours_release(&undisturbed);
    }
}

/*
 * hour-end, rollout 400, draining 200, the old ones begun at 0. One instance, baked at 1000: the wave and the draining
 * take 600, so the new one starts at 3000 and the old one ends at 3600 with its paid hour; served at 3400. Two, one at
 * a time: waves of 200 and draining 200; the first 3200 to 3600; the second, not before 3400, would have to wait for
 * 7200: within the limit it starts at 6800, else at once, at 3400, and the old one opens a second hour.
 */
static void hour_ends_by_hand(void **state)
{
    (void)state;
    struct model m = {.terms = {.rollout_s = 400, .regime = REGIME_HOURLY},
                      .fleet = 1,
                      .surge = 1,
                      .drain_s = 200,
                      .hour_end = true,
                      .limit_s = 7200};
    static const struct {
        int64_t fleet, limit_s, served, first, second, paid_h;
    } cases[] = {{1, 7200, 3400, 3000, 0, 1},
                 {1, 1999, 1400, 1000, 0, 1},
                 {1, 2000, 3400, 3000, 0, 1},
                 {2, 7200, 7000, 3200, 6800, 3},
                 {2, 3600, 3600, 3200, 3400, 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fleet fleet;
        struct hours hours;
        struct err err;
        m.fleet = cases[i].fleet;
        m.limit_s = cases[i].limit_s;
        assert_int_equal(hours_init(&hours, 0, 20000, &err), 0);
        fleet_init(&fleet, &m);
        fleet_begin(&fleet, 0);
        assert_int_equal(fleet_roll(&fleet, &hours, 1000), cases[i].served);
        assert_int_equal(fleet.begin[0], cases[i].first);
        if (m.fleet == 2)
            assert_int_equal(fleet.begin[1], cases[i].second);
        assert_int_equal(sum_of(&hours), cases[i].paid_h * 3600);
        fleet_release(&fleet);
        hours_release(&hours);
    }
}

/* Of two whose hours end at other times the one with less left goes first. */
static void hour_ends_in_order(void **state)
{
    (void)state;
    struct model m = {.terms = {.rollout_s = 200, .regime = REGIME_HOURLY},
                      .fleet = 2,
                      .surge = 1,
                      .hour_end = true,
                      .limit_s = 3600};
    struct fleet fleet;
    fleet_init(&fleet, &m);
    fleet.begin[0] = 3000; /* its hour ends at 6600, */
    fleet.begin[1] = 1000; /* and this one's at 4600 */
    assert_int_equal(fleet_roll(&fleet, NULL, 4000), 6600);
    assert_int_equal(fleet.begin[1], 4500);
    assert_int_equal(fleet.begin[0], 6500);
    fleet_release(&fleet);
}

/* By the second, rollout and rollback 100 each: what went well adds 100 s, what was rolled back 200, a storm nothing.
 */
static void rollbacks_and_storms(void **state)
{
    (void)state;
    struct model m = {.terms = {.bake_s = 1000, .rollout_s = 100, .regime = REGIME_SECOND},
                      .fleet = 3,
                      .surge = 3,
                      .failures = {.rollback_s = 100}};
    struct mishap items[] = {
        {.kind = MISHAP_STORM, .deployment = 1, .at = 21000, .launches = 3, .slots = 3, .length_s = 60},
        {.kind = MISHAP_ROLLBACK, .deployment = 2, .at = 31150}};
    struct deployments d = {0};
    for (int64_t i = 1; i <= 3; i++)
        deploy(&d, i * 10000, true);
    d.replay.troubled = true;
    d.replay.mishaps = (struct mishaps){.items = items, .count = 2, .ended_at = 31250};
    struct decider decider = idle_decider(&m);
    int64_t until = fleet_until(&m, &d.replay, &decider);
    struct hours rolled;
    struct hours undisturbed;
    assert_int_equal(until, 31250);
    run(&m, &d.replay, until, &rolled, &undisturbed);
    assert_int_equal(sum_of(&rolled) - sum_of(&undisturbed), 3 * (100 + 0 + 200));
    hours_release(&rolled);
    hours_release(&undisturbed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_instances_by_the_second),
        cmocka_unit_test(one_instance_by_the_hour),
        cmocka_unit_test(books_end),
        cmocka_unit_test(period_by_period),
        cmocka_unit_test(hour_ends_by_hand),
        cmocka_unit_test(hour_ends_in_order),
        cmocka_unit_test(rollbacks_and_storms),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
