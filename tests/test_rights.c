/* Rights: a rehearsal's calls are held to the policy that its configuration gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/support_pipeline.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void deploy_denied(const char *call, bool needed)
{
    struct stage s;
    stage_open(&s, &(struct stage_options){0});
    s.rehearsal.options.denied = call;
    enum pipeline_end end = stage_deploy(&s, commit_a);
    if (needed && end == PIPELINE_COMPLETED)
        fail_msg("a deployment completes without the right to %s", call);
    if (needed && !strstr(s.err.text, "not authorized"))
        fail_msg("without the right to %s: \"%s\"", call, s.err.text);
    if (!needed && end != PIPELINE_COMPLETED)
        fail_msg("a right that a deployment does not use stops it: %s: %s", call, s.err.text);
    stage_close(&s);
}

/* A call that the policy lacks is refused as AWS refuses it, and the deployment says so. */
static void a_call_outside_the_policy_fails(void **state)
{
    (void)state;
    static const char *const needed[] = {"RunInstances",
                                         "CreateImage",
                                         "AttachInstances",
                                         "UpdateAutoScalingGroup",
                                         "CreateLaunchTemplateVersion",
                                         "DescribeAutoScalingGroups"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        deploy_denied(needed[i], true);
    deploy_denied("StartInstanceRefresh", false);
    deploy_denied("CopyImage", false);
}

/* The group's engine is refresh, which attaches nothing: its policy does not grant what the other engine does. */
static void what_is_switched_off_is_not_granted(void **state)
{
    (void)state;
    struct stage s;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error = {0};
    stage_open(&s, &(struct stage_options){.environment = ", \"rollout\": {\"engine\": \"refresh\"}"});
    const struct transport *t = s.rehearsal.world.transport;
    aws_request_init(&request, AWS_AUTOSCALING, "AttachInstances");
    aws_reply_init(&reply);
    aws_param(&request, "AutoScalingGroupName", "group-test");
    aws_param(&request, "InstanceIds.member.1", "i-00000000000000001");
    assert_int_equal(t->call(t->self, &request, &reply, &error), -1);
    assert_string_equal(error.code, "AccessDenied");
    assert_non_null(strstr(error.message, "not authorized to perform: autoscaling:AttachInstances"));
    aws_request_release(&request);
    aws_reply_release(&reply);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_outside_the_policy_fails),
        cmocka_unit_test(what_is_switched_off_is_not_granted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
