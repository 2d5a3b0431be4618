/* The replay (closed form) and the modelled cloud (state machines) agree on the bill, to the last unit: the same bake
 * instances, launched and ended at the moments that the replay gives, cost the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/cost.h"
#include "tests/support_bill.h"
#include "tests/support_cloud.h"
#include "tests/support_draw.h"

#define COMMITS 300

static void run_until(struct sim *s, int64_t at_s)
{
    simcloud_advance_to(s->cloud, at_s * 1000);
}

static void launch(struct sim *s, char id[32])
{
    assert_int_equal(sim_call(s, AWS_EC2, "RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount",
                              "1", "InstanceType", "m4.large", NULL),
                     0);
    sim_keep(s, "instancesSet/item/instanceId", id, 32);
    run_until(s, simcloud_now_ms(s->cloud) / 1000); /* it runs at once: only running is paid */
}

/* Each rental from its launch to the end that its keep gives it. */
static money_t bill_of_cloud(const struct replay *r, const struct terms *t, bool keep_hour)
{
    struct sim s;
    struct simcloud_options options = sim_options(1);
    options.start_ms = (replay_start_s(r, 0) - 3600) * 1000;
    options.times.pending_ms = 0;
    sim_open(&s, &options);
    for (size_t i = 0; i < r->deployments;) {
        char id[32];
        int64_t begin = replay_start_s(r, i) + t->prepare_s;
        assert_true(replay_launched(r, i));
        run_until(&s, begin);
        launch(&s, id);
        size_t last = i;
        while (last + 1 < r->deployments && !replay_launched(r, last + 1))
            last++;
        int64_t end = replay_baked_s(r, t, last);
        if (keep_hour)
            end = begin + (end - begin + 3599) / 3600 * 3600;
        run_until(&s, end);
        assert_int_equal(sim_call(&s, AWS_EC2, "TerminateInstances", "InstanceId.1", id, NULL), 0);
        i = last + 1;
    }
    struct simcloud_bill bill;
    struct err err;
    assert_int_equal(simcloud_bill(s.cloud, NULL, &bill, &err), 0);
    money_t usd_of = bill.instances_usd;
    simcloud_bill_release(&bill);
    sim_close(&s);
    return usd_of;
}

static money_t bill_of_replay(const struct replay *r, const struct decider *d, const struct terms *t)
{
    struct model m = {.terms = *t, .price_per_hour = t->price_per_hour, .until = INSTANT_MIN};
    struct costs c;
    struct err err;
    struct exact sum = {0};
    money_t out;
    costs_init(&c);
    assert_int_equal(costs_of(&c, r, d, &m, &err), 0);
    for (size_t i = 0; i < c.count; i++)
        cost_money(&m, &c.months[i], COST_INSTANCE, &sum);
    assert_int_equal(exact_round(&sum, &out), 0);
    exact_release(&sum);
    costs_release(&c);
    return out;
}

static void replay_and_cloud_agree(void **state)
{
    (void)state;
    static const struct {
        const char *trigger, *keep, *start, *price;
        enum regime regime;
    } cases[] = {{"idle", "terminate", "2016-02-01T00:00:00Z", "0.12", REGIME_HOURLY},
                 {"idle", "hour", "2016-02-01T00:00:00Z", "0.12", REGIME_HOURLY},
                 {"every", "terminate", "2016-02-01T00:00:00Z", "0.12", REGIME_HOURLY},
                 {"window:900", "hour", "2016-02-01T00:00:00Z", "0.12", REGIME_HOURLY},
                 {"count:3", "terminate", "2018-02-01T00:00:00Z", "0.10", REGIME_SECOND},
                 {"idle", "terminate", "2018-02-01T00:00:00Z", "0.10", REGIME_SECOND}};
    int64_t arrivals[COMMITS];
    for (uint32_t seed = 0; seed < 5; seed++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
            struct philox p = philox_stream(seed, 0, i, 77);
            int64_t t = at(cases[i].start) + 7200;
            for (size_t n = 0; n < COMMITS; n++)
                arrivals[n] = t += DRAW_OF(&p, 0, 30, 400, 900, 3000, 9000) + draw(&p, 0, 50);
            struct terms terms = {.prepare_s = 360,
                                  .boot_s = 90,
                                  .bake_s = 240,
                                  .rollout_s = 330,
                                  .regime = cases[i].regime,
                                  .price_per_hour = usd(cases[i].price)};
            struct policy policy;
            struct replay r;
            struct err err;
            struct commits commits = {arrivals, arrivals, COMMITS};
            assert_int_equal(policy_parse_trigger(cases[i].trigger, &policy.trigger, &err), 0);
            assert_int_equal(policy_parse_keep(cases[i].keep, &policy.keep, &err), 0);
            struct decider d = policy_decider(&policy, &terms);
            replay_init(&r);
            assert_int_equal(replay_run(&r, &d, &commits, &err), 0);
            assert_true(bill_of_cloud(&r, &terms, *cases[i].keep == 'h') == bill_of_replay(&r, &d, &terms));
            replay_release(&r);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(replay_and_cloud_agree)};
    return cmocka_run_group_tests_name("cloud_replay", tests, NULL, NULL);
}
