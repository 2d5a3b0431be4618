/* Each action of a rollout x each fault: it is survived, or reported with the group back on its good image; reads that
 * lag behind writes; a load balancer that decides. */
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

#ifdef __SANITIZE_ADDRESS__
#define NTH_MOST 1
#else
#define NTH_MOST 2
#endif

static void check(struct rolling *s, enum rollout_result result, const char *what, const struct err *err)
{
    struct group group;
    struct aws_error error;
    bool good = result == ROLLOUT_DONE;
    if (!good && result != ROLLOUT_ROLLED_BACK && result != ROLLOUT_CAPPED)
        fail_msg("%s: %d: %s", what, result, err->text);
    assert_int_equal(cloud_describe_group(&s->cloud, "web", &s->arena, &group, &error), 0);
    int64_t serving = rolling_serving(s, good ? s->image_new : s->image_good);
    if (strcmp(group.template_version, good ? "2" : "1") != 0 || serving != 2 || rolling_outside(s) ||
        tag_value(group.tags, group.tag_count, "bakehour:run"))
        fail_msg("%s: %s, version %s, serving %lld, outside %lld", what, good ? "done" : err->text,
                 group.template_version, (long long)serving, (long long)rolling_outside(s));
    assert_true(journal_fact_i64(s->journal, "rollout.attempts", 0) <= 3);
}

static const char *const actions[] = {
    "DescribeAutoScalingGroups",
    "DescribeInstances",
    "DescribeLaunchTemplateVersions",
    "CreateSchedule",
    "RunInstances",
    "CreateOrUpdateTags",
    "UpdateAutoScalingGroup",
    "AttachInstances",
    "DeleteSchedule",
    "TerminateInstances",
    "DeleteTags",
    "TerminateInstanceInAutoScalingGroup",
    "guest:GET *",
    "StartInstanceRefresh",
    "DescribeInstanceRefreshes",
    "DescribeScalingActivities",
};

static const char *const faults[] = {
    "\"fault\": \"error\", \"code\": \"InternalError\", \"message\": \"m\", \"status\": 500",
    "\"fault\": \"error\", \"code\": \"ServiceUnavailable\", \"message\": \"m\", \"status\": 503",
    "\"fault\": \"error\", \"code\": \"UnauthorizedOperation\", \"message\": \"m\", \"status\": 403",
    "\"fault\": \"http\", \"status\": 502, \"body\": \"html\", \"done\": false",
    "\"fault\": \"http\", \"status\": 503, \"body\": \"cut\", \"done\": true",
    "\"fault\": \"time-out\", \"done\": false",
    "\"fault\": \"time-out\", \"done\": true",
    "\"fault\": \"drop\"",
    "\"fault\": \"drop\", \"done\": false",
    "\"fault\": \"duplicate\"",
    "\"fault\": \"throttle\"",
    "\"fault\": \"capacity\"",
    "\"fault\": \"slow\", \"delay_ms\": 9000",
};

static void one_fault(const char *engine, const char *app, const char *action, const char *fault, int nth, int count)
{
    struct rolling s;
    struct err err;
    char rules[512];
    rolling_open(&s, 1, app, 2, 3);
    s.environment.rollout.engine = engine;
    s.environment.rollout.min_healthy_percent = strcmp(engine, "refresh") == 0 ? 50 : 100;
    str_fit(rules, sizeof rules, "{\"faults\": [{\"action\": \"%s\", \"from\": %d, \"count\": %d, %s}]}", action, nth,
            count, fault);
    rolling_fault(&s, rules);
    enum rollout_result result = rolling_run(&s, 6 * 3600, &err);
    rolling_fault(&s, "{\"clear\": true, \"faults\": []}");
    check(&s, result, rules, &err);
    rolling_close(&s);
}

static void every_action_meets_every_fault(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step", "refresh"};
    for (size_t e = 0; e < 3; e++)
        for (size_t a = 0; a < sizeof actions / sizeof *actions; a++)
            for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
                for (int nth = 1; nth <= NTH_MOST; nth++) {
                    one_fault(engines[e], NEW_APP, actions[a], faults[f], nth, 1);
                    if (e == 0)
                        one_fault(engines[e], NO_START, actions[a], faults[f], nth, 1);
                    if (strstr(faults[f], "UnauthorizedOperation") == NULL)
                        one_fault(engines[e], NEW_APP, actions[a], faults[f], nth, 4); /* outlasts the retries */
                }
}

static void reads_may_lag(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step", "refresh"};
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct rolling s;
        struct err err;
        struct simcloud_options options = sim_options(seed);
        options.lag_min_ms = 0;
        options.lag_max_ms = 1000 * (1 + seed % 12);
        options.times.spread_percent = 30;
        rolling_open_with(&s, &options, seed % 4 ? NEW_APP : NO_START, 2, 3 + seed % 2);
        s.environment.rollout.engine = engines[seed % 3];
        s.environment.rollout.min_healthy_percent = seed % 3 == 2 ? 50 : 100;
        enum rollout_result result = rolling_run(&s, 6 * 3600, &err);
        sim_run_s(&s.sim, 60);
        char what[32];
        str_fit(what, sizeof what, "seed %u", seed);
        assert_int_equal(result == ROLLOUT_DONE, seed % 4 != 0);
        check(&s, result, what, &err);
        rolling_close(&s);
    }
}

/* A target group beside the group: its health decides once an instance is attached, or from the beginning where the
 * runner cannot reach the subnet. */
static void a_load_balancer_decides(void **state)
{
    (void)state;
    static const struct {
        const char *probe, *app;
        enum rollout_result want;
    } cases[] = {{"auto", NEW_APP, ROLLOUT_DONE},
                 {"load-balancer", NEW_APP, ROLLOUT_DONE},
                 {"load-balancer", NO_START, ROLLOUT_CAPPED},
                 {"load-balancer", "#!bakehour-app\nstatus=500\n", ROLLOUT_CAPPED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rolling s;
        struct err err;
        char arn[256];
        rolling_open(&s, 3, cases[i].app, 2, 4);
        s.environment.rollout.probe = cases[i].probe;
        s.environment.smoke.count = strcmp(cases[i].probe, "auto") == 0;
        assert_int_equal(sim_call(&s.sim, AWS_ELBV2, "CreateTargetGroup", "Name", "web", "Protocol", "HTTP", "Port",
                                  "8080", "HealthCheckPath", "/", "HealthCheckIntervalSeconds", "10", NULL),
                         0);
        sim_keep(&s.sim, "CreateTargetGroupResult/TargetGroups/member/TargetGroupArn", arn, sizeof arn);
        assert_int_equal(sim_call(&s.sim, AWS_AUTOSCALING, "AttachLoadBalancerTargetGroups", "AutoScalingGroupName",
                                  "web", "TargetGroupARNs.member.1", arn, NULL),
                         0);
        sim_run_s(&s.sim, 120);
        enum rollout_result result = rolling_run(&s, 6 * 3600, &err);
        if (result != cases[i].want)
            fail_msg("case %zu: %d: %s", i, result, err.text);
        check(&s, result, cases[i].probe, &err);
        rolling_close(&s);
    }
}

/* The compatible way: launch configurations in place of template versions. */
static void launch_configurations_serve_too(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step"};
    for (size_t i = 0; i < 2; i++) {
        struct rolling s;
        struct err err;
        struct aws_error error;
        struct group group;
        rolling_open(&s, 4, NEW_APP, 2, 4);
        const struct launch_spec good = {.image = s.image_good, .type = "t2.micro"};
        const struct launch_spec next = {.image = s.image_new, .type = "t2.micro"};
        struct group_change change = GROUP_CHANGE_NONE;
        change.launch_config = "web-1";
        assert_int_equal(cloud_create_launch_config(&s.cloud, "web-1", &good, &error), 0);
        assert_int_equal(cloud_create_launch_config(&s.cloud, "web-2", &next, &error), 0);
        assert_int_equal(cloud_update_group(&s.cloud, "web", &change, &error), 0);
        s.environment.rollout.engine = engines[i];
        s.order.configuration = true;
        s.order.version_good = "web-1";
        s.order.version_new = "web-2";
        enum rollout_result result = rolling_run(&s, 7200, &err);
        if (result != ROLLOUT_DONE)
            fail_msg("%s: %d: %s", engines[i], result, err.text);
        assert_int_equal(cloud_describe_group(&s.cloud, "web", &s.arena, &group, &error), 0);
        assert_string_equal(group.launch_config, "web-2");
        assert_int_equal(rolling_serving(&s, s.image_new), 2);
        assert_int_equal(rolling_outside(&s), 0);
        rolling_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_meets_every_fault),
        cmocka_unit_test(reads_may_lag),
        cmocka_unit_test(a_load_balancer_decides),
        cmocka_unit_test(launch_configurations_serve_too),
    };
    return cmocka_run_group_tests_name("rollout_faults", tests, NULL, NULL);
}
