/* The line under the policies: no schedule that keeps the limit costs less, and a fleet does not lift it above them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "sim/bound.h"
#include "sim/frontier.h"
#include "tests/support_draw.h"

#define MAX_COMMITS 40
#define LONGEST_S   7200

static const struct session quiet = {.quiet = true, .program = "bakehour", .now_s = 1767225600};

struct scene {
    int64_t arrival[MAX_COMMITS];
    struct scenario scenario;
};

static void draw_scene(struct philox *p, struct scene *s)
{
    struct model *m = &s->scenario.model;
    size_t count = (size_t)draw(p, 2, MAX_COMMITS);
    int64_t t = 1440000000;
    int64_t scale = DRAW_OF(p, 600, 7200, 40000);
    for (size_t i = 0; i < count; i++)
        s->arrival[i] = t += draw(p, 0, scale);
    s->scenario.commits = (struct commits){s->arrival, s->arrival, count};
    s->scenario.span_from = s->arrival[0];
    s->scenario.span_to = t;
    m->terms = (struct terms){.prepare_s = DRAW_OF(p, 0, 100),
                              .boot_s = DRAW_OF(p, 0, 60),
                              .bake_s = DRAW_OF(p, 300, 1800),
                              .rollout_s = DRAW_OF(p, 0, 180),
                              .regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND,
                              .price_per_hour = 670000000,
                              .per_deploy = DRAW_OF(p, 0, 10000000)};
    m->price_per_hour = m->terms.price_per_hour;
    m->surge = 1;
    m->ci_meter = (struct meter){60, 60};
    m->fsr_meter = (struct meter){60, 3600};
    m->until = INSTANT_MIN;
}

/* Money and waiting at the price that the line was drawn with. */
static double cost_at(const struct bound *b, const struct outcome *o, const struct model *m)
{
    return bound_money(o, m) + (double)b->delay_price * (double)o->costs.total.waiting_s / SECONDS_PER_HOUR;
}

/* Every policy that is as fast at its slowest is a schedule within the limit: it costs no less. Returns how many. */
static int none_is_cheaper(const struct scene *s, int64_t *longest_s)
{
    struct policy_list list = {0};
    struct frontier f;
    struct bound_line front;
    struct err err = {0};
    int within = 0;
    frontier_grid(&list, &s->scenario.model);
    assert_int_equal(frontier_run(&f, &list, &s->scenario, &quiet, &err), 0);
    assert_int_equal(bound_front_find(&front, &s->scenario, &f.idle->outcome, LONGEST_S, &quiet, &err), 0);
    assert_true(front.count > 0);
    for (size_t i = 0; i < front.count; i++) {
        const struct bound *b = &front.at[i];
        assert_true(b->lower > 0.9 * b->cost);
        if (b->outcome.lead.max > *longest_s)
            *longest_s = b->outcome.lead.max;
        for (size_t k = 0; k < f.count; k++) {
            const struct outcome *o = &f.points[k].outcome;
            if (o->lead.max > b->outcome.lead.max)
                continue;
            within++;
            if (cost_at(b, o, &s->scenario.model) < b->lower * (1 - 1e-9) - 1)
                fail_msg("point %zu of %zu, policy %zu: %.0f is less than %.0f", i, front.count, k,
                         cost_at(b, o, &s->scenario.model), b->lower);
        }
    }
    bound_line_release(&front);
    frontier_release(&f);
    policy_list_release(&list);
    return within;
}

static void no_policy_within_a_limit_costs_less(void **state)
{
    int within = 0;
    int64_t longest_s = 0;
    (void)state;
    for (uint64_t i = 0; i < 60; i++) {
        struct philox p = philox_stream(97, 0, i, 1);
        struct scene s = {0};
        draw_scene(&p, &s);
        within += none_is_cheaper(&s, &longest_s);
    }
    assert_true(within > 1000);
    /* the last limit, preparing and rolling out included */
    assert_in_range(longest_s, LONGEST_S - 60, LONGEST_S);
}

/* The sample's spring, billed by the started hour, an instance of each deployment's fleet paid a second time. */
static void a_fleet_does_not_lift_the_line_above_the_policies(void **state)
{
    struct scenario_args args = {.log = "data/sample-history.tsv.gz",
                                 .from = {true, 1741000000},
                                 .to = {true, 1748000000},
                                 .prepare_s = {true, 300},
                                 .boot_s = {true, 60},
                                 .bake_s = {true, 300},
                                 .rollout_s = {true, 300},
                                 .price = {true, 670000000},
                                 .regime = "hourly",
                                 .fleet = 2};
    struct scenario s;
    struct policy_list list = {0};
    struct frontier f;
    struct bound_line front;
    struct err err = {0};
    int slower = 0;
    (void)state;
    if (scenario_load(&s, &args, &quiet, &err))
        fail_msg("%s", err.text);
    frontier_grid(&list, &s.model);
    assert_int_equal(frontier_run(&f, &list, &s, &quiet, &err), 0);
    assert_int_equal(bound_front_find(&front, &s, &f.idle->outcome, LONGEST_S, &quiet, &err), 0);
    assert_true(front.count >= 7);
    for (size_t i = 0; i < front.count; i++)
        for (size_t k = 0; k < f.count; k++) {
            const struct frontier_point *q = &f.points[k];
            if (q->outcome.lead.percentile[STATS_P95] > front.at[i].outcome.lead.percentile[STATS_P95])
                continue;
            slower++;
            assert_true(q->per_month >= front.at[i].per_month);
        }
    assert_true(slower > 50);
    bound_line_release(&front);
    frontier_release(&f);
    policy_list_release(&list);
    scenario_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_policy_within_a_limit_costs_less),
        cmocka_unit_test(a_fleet_does_not_lift_the_line_above_the_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
