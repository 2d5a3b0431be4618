/* The engines that let the group launch, the hour's end, load balancers, and what a dead runner leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_rollout.h"

#define NEW_APP  "#!bakehour-app\nbody=new\n"
#define NO_START "#!bakehour-app\nstart=fail\n"
#define DIES     "#!bakehour-app\ndie_after_ms=120000\n"

static int64_t fact(const struct rolling *s, const char *key)
{
    return journal_fact_i64(s->journal, key, 0);
}

static void see(struct rolling *s, struct group *group)
{
    struct aws_error error;
    assert_int_equal(cloud_describe_group(&s->cloud, "web", &s->arena, group, &error), 0);
}

static void check(struct rolling *s, const char *version, const char *image, int64_t count)
{
    struct group group;
    struct schedules found;
    struct aws_error error;
    see(s, &group);
    assert_null(tag_value(group.tags, group.tag_count, "bakehour:run"));
    assert_string_equal(group.template_version, version);
    assert_int_equal(rolling_serving(s, image), count);
    assert_int_equal(rolling_outside(s), 0);
    assert_int_equal(cloud_list_schedules(&s->cloud, NULL, "", &s->arena, &found, &error), 0);
    assert_int_equal(found.count, 0);
}

static void the_other_engines_roll_too(void **state)
{
    (void)state;
    static const char *const engines[] = {"refresh", "step"};
    for (size_t i = 0; i < 2; i++) {
        struct rolling s;
        struct err err;
        rolling_open(&s, 1, NEW_APP, 3, 5);
        s.environment.rollout.engine = engines[i];
        s.environment.rollout.min_healthy_percent = i == 0 ? 66 : 100;
        enum rollout_result result = rolling_run(&s, 7200, &err);
        if (result != ROLLOUT_DONE)
            fail_msg("%s: %d: %s", engines[i], result, err.text);
        check(&s, "2", s.image_new, 3);
        /* refresh lets its canary go and the group launches all; step keeps its first wave of two, the group launches
         * one */
        assert_int_equal(fact(&s, "rollout.launched"), i == 0 ? 1 + 3 : 2 + 1);
        assert_int_equal(fact(&s, "rollout.by_group"), i == 0 ? 3 : 1);
        rolling_close(&s);
    }
}

/* The group's maximum has room for one more at a time: each wave is of one, as the plan says, whatever surge says. */
static void no_wave_is_beyond_the_maximum(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step"};
    for (size_t i = 0; i < 2; i++) {
        struct rolling s;
        struct err err;
        struct rollout_plan plan;
        rolling_open(&s, 1, NEW_APP, 4, 5);
        s.environment.rollout.engine = engines[i];
        s.environment.rollout.surge = 3;
        assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
        assert_int_equal(plan.waves, 4);
        assert_int_equal(plan.raised_max, 0);
        if (rolling_run(&s, 7200, &err) != ROLLOUT_DONE)
            fail_msg("%s: %s", engines[i], err.text);
        check(&s, "2", s.image_new, 4);
        assert_int_equal(fact(&s, "rollout.waves"), 4);
        rolling_close(&s);
    }
}

/* Somebody else's refresh is waited for, and a later one as long again; where no dead-man is wanted none is missed. */
static void a_blocked_refresh_begins_later(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 1, NEW_APP, 3, 5);
    s.environment.rollout.engine = "refresh";
    s.environment.rollout.min_healthy_percent = 66;
    s.environment.rollout.dead_man_role = "";
    rolling_fault(&s, "{\"faults\": [{\"action\": \"StartInstanceRefresh\", \"from\": 1, \"count\": 12, \"fault\": "
                      "\"error\", \"code\": \"InstanceRefreshInProgress\", \"message\": \"m\", \"status\": 400}]}");
    while (!fact(&s, "rollout.blocked_ms")) {
        int64_t again_ms = 0;
        assert_int_equal(rollout_advance(&s.order, &again_ms, &err), ROLLOUT_WAIT);
        sim_run_s(&s.sim, 5);
    }
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_DONE);
    assert_int_equal(fact(&s, "rollout.blocked_ms"), 0);
    assert_int_equal(fact(&s, "rollout.unguarded_ms"), 0);
    check(&s, "2", s.image_new, 3);
    rolling_close(&s);
}

static void a_canary_keeps_broken_images_away(void **state)
{
    (void)state;
    static const char *const engines[] = {"refresh", "step"};
    for (size_t i = 0; i < 2; i++) {
        struct rolling s;
        struct err err;
        rolling_open(&s, 2, NO_START, 3, 5);
        s.environment.rollout.engine = engines[i];
        assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_CAPPED);
        assert_int_equal(fact(&s, "rollout.launched"), 3);
        check(&s, "1", s.image_good, 3);
        rolling_close(&s);
    }
}

/* It starts, answers, and dies after two minutes: past the canary, into the group, and out again. */
/* Is it among those that the group gave up? */
static bool is_sick(const struct rolling *s, const char *id)
{
    for (int64_t i = 0; i < fact(s, "rollout.sick"); i++)
        if (strcmp(journal_factf(s->journal, "rollout.sick.%lld", (long long)i), id) == 0)
            return true;
    return false;
}

static void what_dies_later_is_capped_too(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step", "refresh"};
    for (size_t i = 0; i < 3; i++) {
        struct rolling s;
        struct err err;
        rolling_open(&s, 3, DIES, i == 2 ? 8 : 4, 10);
        s.environment.rollout.engine = engines[i];
        s.environment.rollout.drain_s = 300;
        s.environment.rollout.min_healthy_percent = i == 2 ? 90 : 100;
        enum rollout_result result = rolling_run(&s, 4 * 3600, &err);
        if (result != ROLLOUT_CAPPED && result != ROLLOUT_ROLLED_BACK)
            fail_msg("%s: %d: %s", engines[i], result, err.text);
        check(&s, "1", s.image_good, i == 2 ? 8 : 4);
        if (i == 1) /* those that were attached are counted as those that the group launched */
            assert_true(is_sick(&s, journal_fact(s.journal, "rollout.launch.0")));
        rolling_close(&s);
    }
}

static void step_needs_its_dead_man(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 4, NEW_APP, 2, 4);
    s.environment.rollout.engine = "step";
    s.environment.rollout.dead_man_role = "";
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_ROLLED_BACK);
    assert_non_null(strstr(err.text, "engine step needs rollout.dead_man"));
    check(&s, "1", s.image_good, 2);
    rolling_close(&s);
}

static void old_ones_go_at_the_end_of_their_hour(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    struct group group;
    struct instance before;
    struct aws_error error;
    rolling_open(&s, 5, NEW_APP, 2, 4);
    s.environment.rollout.replace = "hour-end";
    s.order.regime = REGIME_HOURLY;
    see(&s, &group);
    assert_int_equal(cloud_describe_instance(&s.cloud, group.members[0].id, &s.arena, &before, &error), 0);
    sim_run_s(&s.sim, 3600 + 600);
    int64_t begin_ms = simcloud_now_ms(s.sim.cloud);
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_DONE);
    check(&s, "2", s.image_new, 2);
    int64_t hours_end_ms = before.launch_ms + ((begin_ms - before.launch_ms) / 3600000 + 1) * 3600000;
    int64_t now_ms = simcloud_now_ms(s.sim.cloud);
    assert_in_range(now_ms, hours_end_ms - 90000, hours_end_ms); /* the last one went inside its paid hour */
    assert_true(fact(&s, "rollout.beside_s") <= 2 * 330);
    rolling_close(&s);
}

/* Back to the image before, as any other rollout: new and good change places. */
static void a_rollback_is_a_rollout_the_other_way(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 6, NEW_APP, 2, 4);
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_DONE);
    rolling_restart_as(&s, "r-20260101T000000-000002");
    s.order.version_new = "1";
    s.order.version_good = "2";
    s.order.image_new = s.image_good;
    s.order.image_good = s.image_new;
    s.order.sha256 = "";
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_DONE);
    check(&s, "1", s.image_good, 2);
    rolling_close(&s);
}

static void a_plan_changes_nothing(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    struct rollout_plan plan;
    rolling_open(&s, 7, NEW_APP, 5, 8);
    int64_t members = rolling_living(&s, s.image_good);
    assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
    assert_int_equal(plan.group, 5);
    assert_int_equal(plan.surge, 3);
    assert_int_equal(plan.waves, 2);
    assert_int_equal(plan.raised_max, 0);
    assert_int_equal(plan.cap_attempts, 3);
    assert_int_equal(plan.cap_instance_s, 3 * 600);
    assert_true(plan.dead_man);
    assert_int_equal(plan.worst_instance_s, 3 * 600);
    s.environment.rollout.dead_man_role = "";
    s.environment.rollout.surge = 4;
    s.environment.rollout.canary = "alone";
    s.order.regime = REGIME_HOURLY;
    s.order.cap_instance_s = 2 * 3600 + 1800; /* what the money buys: two whole hours */
    assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
    assert_int_equal(plan.cap_attempts, 2);
    assert_int_equal(plan.surge, 2);
    assert_int_equal(plan.waves, 3);
    assert_int_equal(plan.worst_instance_s, INT64_MAX);
    assert_non_null(strstr(plan.worst, "until the next run or `bakehour gc`"));
    s.environment.rollout.engine = "step"; /* whose canary, alone, is a wave of its own: 1 + 2 + 2 */
    assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
    assert_int_equal(plan.waves, 3);
    s.order.cap_instance_s = 0; /* 1 + 3 + 1 */
    assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
    assert_int_equal(plan.surge, 3);
    assert_int_equal(plan.waves, 3);
    s.environment.rollout.canary = "with-wave"; /* 3 + 2 */
    assert_int_equal(rollout_plan(&s.order, &plan, &err), 0);
    assert_int_equal(plan.waves, 2);
    assert_int_equal(rolling_living(&s, s.image_good), members);
    rolling_close(&s);
}

/* The journal is lost with its machine; what the group says of itself is enough. */
static void tags_alone_restore_a_group(void **state)
{
    (void)state;
    for (int64_t n = 1;; n += 3) {
        struct rolling s;
        struct err err;
        bool found = false;
        int64_t again_ms = 0;
        rolling_open(&s, 8, NEW_APP, 2, 3);
        s.wire.kill_after = s.wire.calls + n;
        s.wire.kill_done = n % 2;
        bool killed = rolling_run(&s, 7200, &err) == ROLLOUT_STOP;
        s.wire.kill_after = 0;
        journal_free(s.journal);
        state_close(&s.state);
        state_open_memory(&s.state);
        s.lease = (struct lease){0};
        const struct journal_clock clock = {s.wire.transport.now_ms, s.wire.transport.self};
        assert_int_equal(lease_take(&s.lease, &s.state, "production", "b/1", simcloud_now_ms(s.sim.cloud),
                                    INT64_C(1000000000), &err),
                         0);
        assert_int_equal(journal_open(&s.journal, &s.state, &s.lease, "r-2", clock, &err), 0);
        s.order.journal = s.journal;
        enum rollout_result result;
        while ((result = rollout_recover(&s.order, &found, &again_ms, &err)) == ROLLOUT_WAIT)
            (void)s.wire.transport.sleep_ms(s.wire.transport.self, again_ms - simcloud_now_ms(s.sim.cloud));
        if (result != ROLLOUT_DONE)
            fail_msg("call %lld: %d: %s", (long long)n, result, err.text);
        struct group group;
        see(&s, &group);
        assert_int_equal(group.desired, 2);
        assert_int_equal(group.max, 3);
        assert_null(tag_value(group.tags, group.tag_count, "bakehour:desired"));
        const char *image = strcmp(group.template_version, "1") == 0 ? s.image_good : s.image_new;
        int64_t in_service = 0;
        for (size_t i = 0; i < group.member_count; i++) {
            struct instance member;
            struct aws_error error;
            if (strcmp(group.members[i].lifecycle, "InService") != 0)
                continue;
            in_service++;
            assert_int_equal(cloud_describe_instance(&s.cloud, group.members[i].id, &s.arena, &member, &error), 0);
            assert_string_equal(member.image, image);
        }
        assert_int_equal(in_service, 2);
        rolling_close(&s);
        if (!killed)
            break;
    }
}

/* The runner dies at call n, before it or after its effect, and never comes back; three days pass. */
static void a_dead_runner_leaves_nothing_running(void **state)
{
    (void)state;
    static const char *const apps[] = {NEW_APP, NO_START};
    static const char *const engines[] = {"attach", "step", "refresh"};
    for (size_t e = 0; e < 3; e++)
        for (int which = 0; which < 2; which++)
            for (int done = 0; done < 2; done++)
                for (int64_t n = 1;; n++) {
                    struct rolling s;
                    struct err err;
                    struct group group;
                    rolling_open(&s, 9, apps[which], 2, 3);
                    s.environment.rollout.engine = engines[e];
                    s.environment.rollout.min_healthy_percent = 50;
                    s.wire.kill_after = s.wire.calls + n;
                    s.wire.kill_done = done;
                    bool killed = rolling_run(&s, 7200, &err) == ROLLOUT_STOP;
                    s.wire.kill_after = 0;
                    sim_run_s(&s.sim, INT64_C(72) * 3600);
                    see(&s, &group);
                    if (rolling_outside(&s) || group.suspended_count || (which == 1 && rolling_living(&s, s.image_new)))
                        fail_msg("%s, app %d, done %d, call %lld: outside %lld, new %lld", engines[e], which, done,
                                 (long long)n, (long long)rolling_outside(&s),
                                 (long long)rolling_living(&s, s.image_new));
                    int64_t good = rolling_living(&s, s.image_good);
                    int64_t next = rolling_living(&s, s.image_new);
                    assert_in_range(good + next, 2, 3);
                    assert_true(which == 0 || good >= 2);
                    rolling_close(&s);
                    if (!killed)
                        break;
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_engines_roll_too),
        cmocka_unit_test(no_wave_is_beyond_the_maximum),
        cmocka_unit_test(a_blocked_refresh_begins_later),
        cmocka_unit_test(a_canary_keeps_broken_images_away),
        cmocka_unit_test(what_dies_later_is_capped_too),
        cmocka_unit_test(step_needs_its_dead_man),
        cmocka_unit_test(old_ones_go_at_the_end_of_their_hour),
        cmocka_unit_test(a_rollback_is_a_rollout_the_other_way),
        cmocka_unit_test(a_plan_changes_nothing),
        cmocka_unit_test(tags_alone_restore_a_group),
        cmocka_unit_test(a_dead_runner_leaves_nothing_running),
    };
    return cmocka_run_group_tests_name("rollout_engines", tests, NULL, NULL);
}
