/* Rollouts against the modelled cloud in process: the whole of them, broken images, the cap, and a kill at every call.
 */
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
#define BAD_APP  "#!bakehour-app\nstatus=500\n"

static int64_t fact(const struct rolling *s, const char *key)
{
    return journal_fact_i64(s->journal, key, 0);
}

static const char *named_version(struct rolling *s)
{
    struct group group;
    struct aws_error error;
    assert_int_equal(cloud_describe_group(&s->cloud, "web", &s->arena, &group, &error), 0);
    assert_null(tag_value(group.tags, group.tag_count, "bakehour:run"));
    return group.template_version;
}

static int64_t schedules_left(struct rolling *s)
{
    struct schedules found;
    struct aws_error error;
    assert_int_equal(cloud_list_schedules(&s->cloud, NULL, "", &s->arena, &found, &error), 0);
    return (int64_t)found.count;
}

static void check_done(struct rolling *s, int64_t group)
{
    assert_string_equal(named_version(s), "2");
    assert_int_equal(rolling_serving(s, s->image_new), group);
    assert_int_equal(rolling_outside(s), 0);
    assert_int_equal(schedules_left(s), 0);
}

static void check_back(struct rolling *s, int64_t group)
{
    assert_string_equal(named_version(s), "1");
    assert_int_equal(rolling_serving(s, s->image_good), group);
    assert_int_equal(rolling_outside(s), 0);
    assert_int_equal(schedules_left(s), 0);
}

static void a_group_gets_the_new_image(void **state)
{
    (void)state;
    static const struct {
        int64_t group, max, surge, waves;
        const char *canary;
    } cases[] = {{2, 4, 0, 1, "with-wave"}, {2, 3, 0, 2, "with-wave"}, {2, 2, 0, 2, "with-wave"},
                 {5, 8, 0, 2, "with-wave"}, {5, 8, 2, 3, "alone"},     {1, 2, 0, 1, "with-wave"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rolling s;
        struct err err;
        rolling_open(&s, 1, NEW_APP, cases[i].group, cases[i].max);
        s.environment.rollout.surge = cases[i].surge;
        s.environment.rollout.canary = cases[i].canary;
        enum rollout_result result = rolling_run(&s, 3600, &err);
        if (result != ROLLOUT_DONE)
            fail_msg("case %zu: %d: %s", i, result, err.text);
        check_done(&s, cases[i].group);
        assert_int_equal(fact(&s, "rollout.waves"), cases[i].waves);
        assert_int_equal(fact(&s, "rollout.launched"), cases[i].group);
        assert_int_equal(fact(&s, "rollout.attempts"), 0);
        rolling_close(&s);
    }
}

static void a_broken_image_is_capped(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 2, NO_START, 2, 4);
    assert_int_equal(rolling_run(&s, 3600, &err), ROLLOUT_CAPPED);
    assert_non_null(strstr(err.text, "3 launches of"));
    assert_int_equal(fact(&s, "rollout.attempts"), 3);
    assert_int_equal(fact(&s, "rollout.launched"), 3);
    assert_true(fact(&s, "rollout.failed_s") <= 3 * 600);
    check_back(&s, 2);
    rolling_close(&s);
}

static void a_wrong_answer_is_rolled_back(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 3, BAD_APP, 2, 4);
    assert_int_equal(rolling_run(&s, 3600, &err), ROLLOUT_ROLLED_BACK);
    assert_non_null(strstr(err.text, "answers 500, not 200"));
    check_back(&s, 2);
    rolling_close(&s);
}

static void another_artifact_is_noticed_on_the_canary(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 4, NEW_APP, 2, 4);
    s.sha256[0] = s.sha256[0] == '0' ? '1' : '0';
    assert_int_equal(rolling_run(&s, 3600, &err), ROLLOUT_ROLLED_BACK);
    assert_non_null(strstr(err.text, "is not what was uploaded"));
    check_back(&s, 2);
    rolling_close(&s);
}

static void it_is_called_off_in_the_middle(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    int64_t again_ms = 0;
    rolling_open(&s, 5, NEW_APP, 3, 4);
    while (fact(&s, "rollout.removed") < 1) {
        assert_int_equal(rollout_advance(&s.order, &again_ms, &err), ROLLOUT_WAIT);
        (void)s.wire.transport.sleep_ms(s.wire.transport.self, 1000);
    }
    assert_int_equal(rollout_restore(&s.order, "the person says so", &err), 0);
    assert_int_equal(rolling_run(&s, 7200, &err), ROLLOUT_ROLLED_BACK);
    assert_string_equal(err.text, "the person says so");
    check_back(&s, 3);
    rolling_close(&s);
}

static void a_group_that_is_not_there_is_left_alone(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 7, NEW_APP, 1, 2);
    s.environment.group = "nowhere";
    assert_int_equal(rolling_run(&s, 3600, &err), ROLLOUT_ROLLED_BACK);
    assert_non_null(strstr(err.text, "there is no Auto Scaling group \"nowhere\""));
    assert_int_equal(rolling_living(&s, s.image_new), 0);
    rolling_close(&s);
}

/* More than one call of AttachInstances takes, more members than one filter. */
static void a_large_group_rolls_in_waves(void **state)
{
    (void)state;
    struct rolling s;
    struct err err;
    rolling_open(&s, 8, NEW_APP, 210, 300);
    s.order.cap_attempts = 105;
    s.order.cap_instance_s = 105 * 3600;
    enum rollout_result result = rolling_run(&s, 24 * 3600, &err);
    if (result != ROLLOUT_DONE)
        fail_msg("%d: %s", result, err.text);
    check_done(&s, 210);
    assert_int_equal(fact(&s, "rollout.waves"), 11); /* of 20 at the most */
    rolling_close(&s);
}

/* Killed at call n, before it or after its effect; then a new process goes on with the journal. */
static void a_kill_at_every_call(void **state)
{
    (void)state;
    static const char *const apps[] = {NEW_APP, NO_START};
    static const enum rollout_result want[] = {ROLLOUT_DONE, ROLLOUT_CAPPED};
    for (int which = 0; which < 2; which++)
        for (int done = 0; done < 2; done++)
            for (int64_t n = 1;; n++) {
                struct rolling s;
                struct err err;
                rolling_open(&s, 6, apps[which], 2, 3);
                s.wire.kill_after = s.wire.calls + n;
                s.wire.kill_done = done;
                enum rollout_result result = rolling_run(&s, 7200, &err);
                bool killed = result == ROLLOUT_STOP;
                s.wire.kill_after = 0;
                if (killed) {
                    rolling_restart(&s);
                    result = rolling_run(&s, 7200, &err);
                }
                if (result != want[which])
                    fail_msg("app %d, done %d, call %lld: %d: %s", which, done, (long long)n, result, err.text);
                if (which == 0)
                    check_done(&s, 2);
                else
                    check_back(&s, 2);
                assert_true(fact(&s, "rollout.attempts") <= 3);
                assert_true(fact(&s, "rollout.launched") <= 3);
                rolling_close(&s);
                if (!killed)
                    break;
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_gets_the_new_image),
        cmocka_unit_test(a_broken_image_is_capped),
        cmocka_unit_test(a_wrong_answer_is_rolled_back),
        cmocka_unit_test(another_artifact_is_noticed_on_the_canary),
        cmocka_unit_test(it_is_called_off_in_the_middle),
        cmocka_unit_test(a_kill_at_every_call),
        cmocka_unit_test(a_group_that_is_not_there_is_left_alone),
        cmocka_unit_test(a_large_group_rolls_in_waves),
    };
    return cmocka_run_group_tests_name("rollout", tests, NULL, NULL);
}
