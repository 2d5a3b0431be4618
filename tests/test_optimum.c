/*
 * The optimum against two searches that know neither phases nor lines: one through every set of starts and launches,
 * billed anew each time, for tiny histories; one through every (start, begin of the rental) for longer ones, silences
 * included. And against what policies reach in the replay.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/outcome.h"
#include "tests/support_optimum.h"

static int128 solve(const struct scene *s, struct optimum *o)
{
    struct err err = {0};
    if (optimum_solve(o, &s->terms, s->arrival, s->count, NULL, &err))
        fail_msg("%s", err.text);
    return o->money + o->waiting;
}

static void every_set_of_starts(void **state)
{
    (void)state;
    size_t n = support_rounds(800);
    for (size_t i = 0; i < n; i++) {
        struct philox p = philox_stream(20151124, 0, i, 1);
        struct scene s = support_scene(&p, support_draw(&p, 0, 9), 7, support_draw(&p, 0, 3) == 0);
        int64_t room = s.terms.bake_s + s.terms.boot_s;
        int128 best = support_exhaustive(&s, room < 4 ? room : 4);
        struct optimum o;
        assert_true(solve(&s, &o) <= best);
        if (room <= 4)
            assert_true(o.money + o.waiting == best);
        support_starts_are_sound(&s, &o);
        optimum_release(&o);
    }
}

static void every_start_and_rental(void **state)
{
    (void)state;
    size_t n = support_rounds(700);
    for (size_t i = 0; i < n; i++) {
        struct philox p = philox_stream(20151125, 0, i, 1);
        struct scene s = support_scene(&p, PICK(&p, 10, 40, 120), FEW_COMMITS, support_draw(&p, 0, 3) == 0);
        struct optimum o;
        if (solve(&s, &o) != support_plain_search(&s, false))
            fail_msg("scene %zu", i);
        support_starts_are_sound(&s, &o);
        optimum_release(&o);
    }
}

/* The lower bound is one, and a finer grid costs no more; the bound is known where the grid divides bake and boot. */
static void certificate(void **state)
{
    (void)state;
    size_t n = support_rounds(1500);
    for (size_t i = 0; i < n; i++) {
        struct philox p = philox_stream(20151126, 0, i, 1);
        bool by_second = support_draw(&p, 0, 2) == 0;
        bool divides = support_draw(&p, 0, 2) > 0;
        struct scene s = support_scene(&p, PICK(&p, 10, 100, 1000), FEW_COMMITS, by_second);
        int64_t g = support_draw(&p, 2, 4);
        s.terms.bake_s *= divides ? g : 1;
        s.terms.boot_s *= divides ? g : 1;
        s.terms.meter.quantum_s *= by_second ? 1 : g;
        s.terms.meter.minimum_s *= divides || !by_second ? g : 1;
        struct optimum coarse;
        struct optimum fine;
        s.terms.grid_s = g;
        int128 coarse_cost = solve(&s, &coarse);
        s.terms.grid_s = 1;
        int128 fine_cost = solve(&s, &fine);
        assert_true(fine.exact && fine.lower_bound == fine_cost);
        assert_true(coarse.lower_bound <= fine_cost && fine_cost <= coarse_cost);
        assert_true(coarse.exact == (coarse.lower_bound == coarse_cost));
        int128 slack = (int128)s.terms.delay_price_per_commit_hour * g * (int128)s.count;
        if (divides)
            assert_true(coarse.lower_bound == (coarse_cost > slack ? coarse_cost - slack : 0));
        optimum_release(&coarse);
        optimum_release(&fine);
    }
}

/* --- by hand: money in 1/3600 of a unit, hours of H seconds cost price * H */

static void expect(const struct scene *s, int64_t cost, const char *starts)
{
    struct optimum o;
    char text[200] = "";
    assert_true(solve(s, &o) == cost);
    for (size_t i = 0; i < o.deployments; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lld%s", i ? " " : "",
                 (long long)(o.start[i] >> 1), o.start[i] & 1 ? "*" : "");
    assert_string_equal(text, starts);
    optimum_release(&o);
}

/* P = 25, H = 60, an hour costs 30 and a commit-second 1 (both doubled: a second of rental costs 1). Waiting 5 lets
 * both bakes fit into one hour. */
static void delays_to_fit_one_hour(void **state)
{
    (void)state;
    struct scene s = {
        .terms = {.bake_s = 25, .meter = {60, 60}, .grid_s = 1, .price_per_hour = 1, .delay_price_per_commit_hour = 2},
        .arrival = {0, 40},
        .count = 2};
    expect(&s, 2 * 35, "5* 40");
    s.terms.grid_s =
        60; /* an hour at 0, extended exactly at its end, and 20 seconds of waiting; one start at 60: 110 */
    expect(&s, 2 * 80, "0* 60");
}

/* Serial, b = 5: keeping the instance past the boundary at 6, twice, saves the commit at 17 nothing, but that of 12
 * holds the server for 1, not 6, and so is over by 17. */
static void pays_idle_hours_to_save_a_boot(void **state)
{
    (void)state;
    struct scene s = {.terms = {.bake_s = 1,
                                .boot_s = 5,
                                .meter = {6, 6},
                                .grid_s = 1,
                                .price_per_hour = 2,
                                .delay_price_per_commit_hour = 3},
                      .arrival = {0, 12, 17},
                      .count = 3};
    expect(&s, 36, "0* 12 17");
}

/* By the second, at 1 a second, a boot of 10: a gap of 10 is kept, a gap of 11 is not. */
static void keeps_for_as_long_as_a_boot(void **state)
{
    (void)state;
    struct scene s = {.terms = {.bake_s = 60,
                                .boot_s = 10,
                                .meter = {1, 60},
                                .grid_s = 1,
                                .price_per_hour = 1,
                                .delay_price_per_commit_hour = 1000},
                      .arrival = {0, 80},
                      .count = 2};
    expect(&s, 70 + 10 + 60, "0* 80");
    s.arrival[1] = 81;
    expect(&s, 70 + 70, "0* 81*");
    s.terms.boot_s = 0;
    s.terms.bake_s = 59;
    expect(&s, 60 + 60, "0* 81*"); /* 59 seconds cost as much as 60; to 140 they would cost 140 */
    s.terms.bake_s = 20;
    s.terms.delay_price_per_commit_hour = 1;
    s.arrival[1] = 45; /* over by 65; by 60, if the first could start 5 later: for 5 */
    expect(&s, 65, "0* 45");
    s.arrival[1] = 40;
    expect(&s, 60, "0* 40");
}

/* Serial, b = 5, P = 1, H = 8: a burst at 220 and 221. Its second commit waits for 5 seconds of boot, which costs more
 * than an hour, unless an empty start has paid for the boot: at 214, so that one hour lasts until 222. */
static void warms_an_instance(void **state)
{
    (void)state;
    struct scene s = {.terms = {.bake_s = 1,
                                .boot_s = 5,
                                .meter = {8, 8},
                                .grid_s = 1,
                                .price_per_hour = 1,
                                .delay_price_per_commit_hour = 50},
                      .arrival = {0, 220, 221},
                      .count = 3};
    expect(&s, 16, "0* 214* 220 221");
    s.terms.delay_price_per_commit_hour = 0;
    s.terms.per_deploy = 1;
    expect(&s, 8 + 3600, "221*");
}

/* Forty years of silence, on a grid of a second, and starts so many that nodes are collected in between. */
static void long_silences_and_histories(void **state)
{
    (void)state;
    struct scene s = {.terms = {.bake_s = 300,
                                .boot_s = 30,
                                .meter = {3600, 3600},
                                .grid_s = 30,
                                .price_per_hour = 1,
                                .delay_price_per_commit_hour = 1000},
                      .arrival = {0, 1262304000},
                      .count = 2};
    expect(&s, 7200, "0* 1262304000*");
    size_t n = 40000;
    int64_t *arrival = mem_array(NULL, n, sizeof(*arrival));
    for (size_t i = 0; i < n; i++)
        arrival[i] = (int64_t)i * 600;
    struct optimum o;
    struct err err;
    s.terms.grid_s = 300; /* one bake of 300 s each 600 s: the instance never ends, six commits a paid hour */
    s.terms.boot_s = 0;
    assert_int_equal(optimum_solve(&o, &s.terms, arrival, n, NULL, &err), 0);
    assert_int_equal(o.deployments, n);
    assert_true(o.waiting == 0);
    assert_int_equal(o.billed_s, (int64_t)n / 6 * 3600 + 3600);
    optimum_release(&o);
    free(arrival);
}

/* --- no policy is cheaper */

static struct policy draw_policy(struct philox *p, size_t pair)
{
    enum trigger_kind trigger = (enum trigger_kind)(pair / 4);
    enum keep_kind keep = (enum keep_kind)(pair % 4);
    int64_t arg = 0;
    if (trigger == TRIGGER_COUNT)
        arg = PICK(p, 1, 2, 5);
    if (trigger == TRIGGER_WINDOW || trigger == TRIGGER_TRAIN)
        arg = PICK(p, 60, 600, 1800, 3600, 7200);
    if (trigger == TRIGGER_AREA)
        arg = PICK(p, 1, 5000000000, 10000000000, 20000000000);
    return (struct policy){{trigger, arg}, {keep, keep == KEEP_IDLE ? PICK(p, 0, 60, 600, 3600) : 0}};
}

static void replay_history(struct philox *p, struct scene *s)
{
    struct optimum_terms *t = &s->terms;
    t->bake_s = PICK(p, 60, 300, 900, 2400, 3600, 3660);
    t->boot_s = PICK(p, 0, 60, 600);
    t->grid_s = 60;
    t->price_per_hour = PICK(p, 130000000, 10000000000);
    t->delay_price_per_commit_hour = PICK(p, 1000000000, 10000000000, 100000000000);
    t->per_deploy = PICK(p, 0, 1000000000);
    s->count = (size_t)support_draw(p, 1, FEW_COMMITS);
    int64_t at = 1445000040; /* a multiple of 60 */
    for (size_t i = 0; i < s->count; i++) {
        at += 60 * support_draw(p, 0, PICK(p, 0, 5, 30, 200));
        s->arrival[i] = at;
    }
}

/* Where a policy's starts lie off the grid, the lower bound still holds. */
static void no_policy_is_cheaper(void **state)
{
    (void)state;
    size_t n = support_rounds(20);
    struct replay scratch;
    replay_init(&scratch);
    for (size_t i = 0; i < n * 24; i++) {
        struct philox p = philox_stream(20151127, 0, i, 1);
        struct scene s = {0};
        replay_history(&p, &s);
        struct policy policy = draw_policy(&p, i % 24);
        enum regime regime = policy.keep.kind == KEEP_HOUR || support_draw(&p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND;
        s.terms.meter = regime_meter(regime);
        struct model model = {.terms = {.bake_s = s.terms.bake_s,
                                        .boot_s = s.terms.boot_s,
                                        .regime = regime,
                                        .price_per_hour = s.terms.price_per_hour,
                                        .per_deploy = s.terms.per_deploy,
                                        .delay_price_per_commit_hour = s.terms.delay_price_per_commit_hour},
                              .price_per_hour = s.terms.price_per_hour,
                              .until = INSTANT_MIN};
        struct commits commits = {s.arrival, s.arrival, s.count};
        struct outcome reached;
        struct err err = {0};
        if (outcome_run(&reached, &policy, &model, &commits, &scratch, false, &err))
            fail_msg("%s", err.text);
        bool on_grid = true;
        for (size_t k = 0; k < scratch.deployments; k++)
            on_grid = on_grid && replay_start_s(&scratch, k) % 60 == 0;
        struct optimum o;
        int128 cost = solve(&s, &o);
        /* the outcome is rounded to a whole unit */
        assert_true((on_grid ? cost : o.lower_bound) <= ((int128)reached.cost + 1) * 3600);
        support_starts_are_sound(&s, &o);
        optimum_release(&o);
        outcome_release(&reached);
    }
    replay_release(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_of_starts),
        cmocka_unit_test(every_start_and_rental),
        cmocka_unit_test(certificate),
        cmocka_unit_test(delays_to_fit_one_hour),
        cmocka_unit_test(pays_idle_hours_to_save_a_boot),
        cmocka_unit_test(keeps_for_as_long_as_a_boot),
        cmocka_unit_test(warms_an_instance),
        cmocka_unit_test(long_silences_and_histories),
        cmocka_unit_test(no_policy_is_cheaper),
    };
    return cmocka_run_group_tests_name("optimum", tests, NULL, NULL);
}
