/* Auto Scaling in the modelled cloud: capacity, health, the retry storm, attach and detach, refreshes, zones, words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "tests/support_cloud.h"

static struct sim s;
static char template_id[40];

static int open_cloud(void **state)
{
    (void)state;
    struct simcloud_options options = sim_options(11);
    sim_open(&s, &options);
    return 0;
}

static int close_cloud(void **state)
{
    (void)state;
    sim_close(&s);
    return 0;
}

#define EC2(action, ...) sim_call(&s, AWS_EC2, action, __VA_ARGS__, NULL)
#define ASG(action, ...) sim_call(&s, AWS_AUTOSCALING, action, __VA_ARGS__, NULL)
#define GROUP            "AutoScalingGroupName", "web"
#define ZONES            "AvailabilityZones.member.1", "us-east-1a", "AvailabilityZones.member.2", "us-east-1b"
#define THE_GROUP        "DescribeAutoScalingGroupsResult/AutoScalingGroups/member"

static void make_template(const char *image)
{
    assert_int_equal(EC2("CreateLaunchTemplate", "LaunchTemplateName", "web", "LaunchTemplateData.ImageId", image,
                         "LaunchTemplateData.InstanceType", "m4.large"),
                     0);
    sim_keep(&s, "launchTemplate/launchTemplateId", template_id, sizeof(template_id));
}

static void make_version(const char *image)
{
    assert_int_equal(EC2("CreateLaunchTemplateVersion", "LaunchTemplateId", template_id, "SourceVersion", "1",
                         "LaunchTemplateData.ImageId", image),
                     0);
}

static void make_group(const char *min, const char *max, const char *desired)
{
    make_template(SIMCLOUD_BASE_IMAGE);
    assert_int_equal(ASG("CreateAutoScalingGroup", GROUP, "MinSize", min, "MaxSize", max, "DesiredCapacity", desired,
                         "LaunchTemplate.LaunchTemplateId", template_id, "LaunchTemplate.Version", "1", ZONES),
                     0);
}

static void describe(void)
{
    assert_int_equal(ASG("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1", "web"), 0);
}

static size_t members_with(const char *name, const char *value)
{
    describe();
    size_t count = 0;
    const struct node *set = node_find(s.reply.root, THE_GROUP "/Instances");
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member"))
        count += strcmp(node_get(m, name), value) == 0;
    return count;
}

static size_t in_service(void)
{
    return members_with("LifecycleState", "InService");
}

static void first_member(char id[32])
{
    describe();
    sim_keep(&s, THE_GROUP "/Instances/member/InstanceId", id, 32);
}

/* How many activities of the group have that status and begin so. */
static size_t activities(const char *status, const char *description)
{
    size_t count = 0;
    char token[32] = "";
    do {
        assert_int_equal(ASG("DescribeScalingActivities", GROUP, "NextToken", *token ? token : NULL), 0);
        const struct node *set = node_find(s.reply.root, "DescribeScalingActivitiesResult/Activities");
        for (const struct node *a = node_child(set, "member"); a; a = node_next(a, "member"))
            count += strcmp(node_get(a, "StatusCode"), status) == 0 &&
                     strncmp(node_get(a, "Description"), description, strlen(description)) == 0;
        sim_keep(&s, "DescribeScalingActivitiesResult/NextToken", token, sizeof(token));
    } while (*token);
    return count;
}

/* An image whose command line names a program that is not there. */
static void broken_image(char image[32])
{
    char id[32];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    struct guest *g = simcloud_guest_of(s.cloud, id);
    guest_replace_disk(g, sim_broken_disk(), simcloud_now_ms(s.cloud));
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "broken", "NoReboot", "true"), 0);
    sim_keep(&s, "imageId", image, 32);
    sim_run_s(&s, 300);
    assert_int_equal(EC2("TerminateInstances", "InstanceId.1", id), 0);
    sim_run_s(&s, 60);
}

static void a_group_fills_itself(void **state)
{
    (void)state;
    make_group("1", "4", "2");
    describe();
    assert_string_equal(sim_get(&s, THE_GROUP "/DesiredCapacity"), "2");
    sim_run_s(&s, 60);
    assert_int_equal(in_service(), 2);
    assert_int_equal(members_with("AvailabilityZone", "us-east-1a"), 1);
    assert_int_equal(members_with("AvailabilityZone", "us-east-1b"), 1);
    assert_int_equal(activities("Successful", "Launching a new EC2 instance: i-"), 2);
    assert_string_equal(
        sim_get(&s, "DescribeScalingActivitiesResult/Activities/member/Cause"),
        "At 2026-01-01T00:00:00Z a user request created an AutoScalingGroup changing the desired capacity from 0 to 2. "
        " "
        "At 2026-01-01T00:00:05Z an instance was started in response to a difference between desired and actual "
        "capacity, increasing the capacity from 1 to 2.");
    assert_int_equal(ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", "5"), -1);
    assert_string_equal(s.error.code, "ValidationError");
    assert_string_equal(s.error.message,
                        "New SetDesiredCapacity value 5 is above max value 4 for the AutoScalingGroup.");
    assert_int_equal(ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", "1"), 0);
    sim_run_s(&s, 90);
    assert_int_equal(in_service(), 1);
    assert_int_equal(activities("Successful", "Terminating EC2 instance: i-"), 1);
}

static void a_group_whose_image_cannot_start_storms_without_back_off(void **state)
{
    (void)state;
    char image[32];
    broken_image(image);
    make_template(image);
    assert_int_equal(ASG("CreateAutoScalingGroup", GROUP, "MinSize", "1", "MaxSize", "1",
                         "LaunchTemplate.LaunchTemplateId", template_id, ZONES),
                     0);
    sim_run_s(&s, 3600);
    size_t launched = activities("Successful", "Launching a new EC2 instance: i-");
    /* One cycle: react 5 + pending 17 + boot 9 + noticed 30 + draining none + react 5; terminated in parallel. */
    assert_in_range(launched, 3600 / 80, 3600 / 55);
    assert_in_range(activities("Successful", "Terminating EC2 instance: i-"), launched - 2, launched);
    assert_non_null(strstr(sim_get(&s, "DescribeScalingActivitiesResult/Activities/member/Cause"),
                           "unhealthy instance needing to be replaced"));
    assert_int_equal(ASG("SuspendProcesses", GROUP, "ScalingProcesses.member.1", "Launch"), 0);
    sim_run_s(&s, 300);
    launched = activities("Successful", "Launching a new EC2 instance: i-");
    sim_run_s(&s, 3600);
    assert_int_equal(activities("Successful", "Launching a new EC2 instance: i-"), launched);
    assert_int_equal(in_service(), 0);
}

static void a_launch_that_ec2_refuses_is_tried_again_and_suspended_after_a_day(void **state)
{
    (void)state;
    make_group("1", "2", "1");
    sim_run_s(&s, 60);
    char id[32];
    char image[32];
    first_member(id);
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "soon gone", "NoReboot", "true"), 0);
    sim_keep(&s, "imageId", image, sizeof(image));
    sim_run_s(&s, 300);
    make_version(image);
    assert_int_equal(ASG("UpdateAutoScalingGroup", GROUP, "LaunchTemplate.LaunchTemplateId", template_id,
                         "LaunchTemplate.Version", "2"),
                     0);
    assert_int_equal(EC2("DeregisterImage", "ImageId", image), 0);
    assert_int_equal(ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", "2"), 0);
    sim_run_s(&s, 600);
    assert_in_range(activities("Failed", "Launching a new EC2 instance.  Status Reason: The image id '["), 9, 11);
    sim_run_s(&s, 86400);
    describe();
    assert_string_equal(sim_get(&s, THE_GROUP "/SuspendedProcesses/member/ProcessName"), "Launch");
    assert_int_equal(in_service(), 1);
}

static void attach_raises_and_detach_lowers(void **state)
{
    (void)state;
    char id[32];
    char old[32];
    make_group("1", "2", "1");
    sim_run_s(&s, 60);
    first_member(old);
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    EC2("DescribeInstances", "InstanceId.1", id);
    bool in_zone =
        strcmp(sim_get(&s, "reservationSet/item/instancesSet/item/placement/availabilityZone"), "us-east-1c");
    if (!in_zone) {
        assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1",
                             "Placement.AvailabilityZone", "us-east-1a"),
                         0);
        sim_keep(&s, "instancesSet/item/instanceId", id, sizeof(id));
        sim_run_s(&s, 60);
    }
    assert_int_equal(ASG("AttachInstances", GROUP, "InstanceIds.member.1", id), 0);
    assert_int_equal(in_service(), 2);
    assert_string_equal(sim_get(&s, THE_GROUP "/DesiredCapacity"), "2");
    assert_int_equal(ASG("AttachInstances", GROUP, "InstanceIds.member.1", id), -1);
    assert_int_equal(
        ASG("TerminateInstanceInAutoScalingGroup", "InstanceId", old, "ShouldDecrementDesiredCapacity", "true"), 0);
    assert_string_equal(sim_get(&s, "TerminateInstanceInAutoScalingGroupResult/Activity/StatusCode"), "InProgress");
    sim_run_s(&s, 60);
    assert_int_equal(in_service(), 1);
    first_member(old);
    assert_string_equal(old, id);
    assert_int_equal(
        ASG("DetachInstances", GROUP, "InstanceIds.member.1", id, "ShouldDecrementDesiredCapacity", "true"), -1);
    assert_string_equal(s.error.code, "ValidationError");
    assert_int_equal(
        ASG("DetachInstances", GROUP, "InstanceIds.member.1", id, "ShouldDecrementDesiredCapacity", "false"), 0);
    sim_run_s(&s, 60);
    assert_int_equal(in_service(), 1);
    assert_string_equal(sim_instance_state(&s, id), "running");
}

static void a_refresh_replaces_all_and_takes_the_version_over(void **state)
{
    (void)state;
    make_group("3", "4", "3");
    sim_run_s(&s, 60);
    make_version(SIMCLOUD_BASE_IMAGE);
    assert_int_equal(ASG("StartInstanceRefresh", GROUP, "DesiredConfiguration.LaunchTemplate.LaunchTemplateId",
                         template_id, "DesiredConfiguration.LaunchTemplate.Version", "2", "Preferences.AutoRollback",
                         "true", "Preferences.MinHealthyPercentage", "66", "Preferences.InstanceWarmup", "10"),
                     0);
    assert_int_equal(ASG("StartInstanceRefresh", GROUP), -1);
    assert_string_equal(s.error.code, "InstanceRefreshInProgress");
    size_t least = 3;
    for (int i = 0; i < 100; i++) {
        sim_run_s(&s, 5);
        size_t now = in_service();
        least = now < least ? now : least;
    }
    assert_int_equal(least, 2);
    assert_int_equal(ASG("DescribeInstanceRefreshes", GROUP), 0);
    assert_string_equal(sim_get(&s, "DescribeInstanceRefreshesResult/InstanceRefreshes/member/Status"), "Successful");
    assert_int_equal(members_with("LaunchTemplate/Version", "2"), 3);
    assert_string_equal(sim_get(&s, THE_GROUP "/LaunchTemplate/Version"), "2");
}

static void a_refresh_to_a_broken_image_goes_back_by_itself(void **state)
{
    (void)state;
    char image[32];
    broken_image(image);
    make_group("2", "3", "2");
    sim_run_s(&s, 60);
    make_version(image);
    assert_int_equal(ASG("StartInstanceRefresh", GROUP, "DesiredConfiguration.LaunchTemplate.LaunchTemplateId",
                         template_id, "DesiredConfiguration.LaunchTemplate.Version", "2", "Preferences.AutoRollback",
                         "true", "Preferences.MinHealthyPercentage", "50", "Preferences.InstanceWarmup", "60"),
                     0);
    sim_run_s(&s, 3000);
    assert_int_equal(ASG("DescribeInstanceRefreshes", GROUP), 0);
    assert_string_equal(sim_get(&s, "DescribeInstanceRefreshesResult/InstanceRefreshes/member/Status"), "InProgress");
    sim_run_s(&s, 3000);
    assert_int_equal(ASG("DescribeInstanceRefreshes", GROUP), 0);
    assert_string_equal(sim_get(&s, "DescribeInstanceRefreshesResult/InstanceRefreshes/member/Status"),
                        "RollbackSuccessful");
    assert_int_equal(members_with("LaunchTemplate/Version", "1"), 2);
    assert_string_equal(sim_get(&s, THE_GROUP "/LaunchTemplate/Version"), "1");
}

static void the_member_closest_to_its_next_hour_goes(void **state)
{
    (void)state;
    char ids[3][32];
    make_template(SIMCLOUD_BASE_IMAGE);
    assert_int_equal(ASG("CreateAutoScalingGroup", GROUP, "MinSize", "0", "MaxSize", "5",
                         "LaunchTemplate.LaunchTemplateId", template_id, "AvailabilityZones.member.1", "us-east-1a",
                         "TerminationPolicies.member.1", "ClosestToNextInstanceHour"),
                     0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1",
                             "Placement.AvailabilityZone", "us-east-1a"),
                         0);
        sim_keep(&s, "instancesSet/item/instanceId", ids[i], 32);
        sim_run_s(&s, 1500); /* at the end they run 4483, 2983 and 1483 s */
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(ASG("AttachInstances", GROUP, "InstanceIds.member.1", ids[i]), 0);
    assert_int_equal(ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", "2"), 0);
    sim_run_s(&s, 90);
    assert_string_equal(sim_instance_state(&s, ids[1]), "terminated");
}

static void what_no_zone_can_balance_is_left_and_the_rest_is_mended(void **state)
{
    (void)state;
    make_group("0", "8", "4");
    sim_run_s(&s, 60);
    assert_int_equal(ASG("UpdateAutoScalingGroup", GROUP, "AvailabilityZones.member.1", "us-east-1a",
                         "AvailabilityZones.member.2", "us-east-1b", "AvailabilityZones.member.3", "us-east-1c"),
                     0);
    sim_run_s(&s, 600);
    assert_int_equal(in_service(), 4);
    assert_int_equal(members_with("AvailabilityZone", "us-east-1c"), 1);
    assert_int_equal(activities("Successful", "Launching a new EC2 instance: i-"), 5);
    assert_non_null(strstr(sim_get(&s, "DescribeScalingActivitiesResult/Activities/member/Cause"), "shrinking"));
}

static void targets_are_checked_drained_and_believed(void **state)
{
    (void)state;
    char arn[256];
    char id[32];
    assert_int_equal(sim_call(&s, AWS_ELBV2, "CreateTargetGroup", "Name", "web", "Protocol", "HTTP", "Port", "8000",
                              "HealthCheckPath", "/os/version", "HealthCheckIntervalSeconds", "10", NULL),
                     0);
    sim_keep(&s, "CreateTargetGroupResult/TargetGroups/member/TargetGroupArn", arn, sizeof(arn));
    make_template(SIMCLOUD_BASE_IMAGE);
    assert_int_equal(ASG("CreateAutoScalingGroup", GROUP, "MinSize", "0", "MaxSize", "2", "DesiredCapacity", "1",
                         "LaunchTemplate.LaunchTemplateId", template_id, ZONES, "TargetGroupARNs.member.1", arn,
                         "HealthCheckType", "ELB", "HealthCheckGracePeriod", "120"),
                     0);
    sim_run_s(&s, 24);
    first_member(id);
    assert_int_equal(sim_call(&s, AWS_ELBV2, "DescribeTargetHealth", "TargetGroupArn", arn, NULL), 0);
#define HEALTH "DescribeTargetHealthResult/TargetHealthDescriptions/member/TargetHealth/"
    assert_string_equal(sim_get(&s, HEALTH "State"), "initial");
    sim_run_s(&s, 40);
    assert_int_equal(sim_call(&s, AWS_ELBV2, "DescribeTargetHealth", "TargetGroupArn", arn, NULL), 0);
    assert_string_equal(sim_get(&s, HEALTH "State"), "healthy");
    guest_stick(simcloud_guest_of(s.cloud, id), simcloud_now_ms(s.cloud));
    sim_run_s(&s, 25);
    assert_int_equal(sim_call(&s, AWS_ELBV2, "DescribeTargetHealth", "TargetGroupArn", arn, NULL), 0);
    assert_string_equal(sim_get(&s, HEALTH "State"), "unhealthy");
    assert_string_equal(sim_get(&s, HEALTH "Reason"), "Target.Timeout");
    sim_run_s(&s, 40); /* the grace period lasts still */
    assert_string_equal(sim_instance_state(&s, id), "running");
    sim_run_s(&s, 60);
    assert_string_equal(sim_instance_state(&s, id), "terminated");
    sim_run_s(&s, 60);
    assert_int_equal(in_service(), 1);
    first_member(id);
    assert_int_equal(ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", "0"), 0);
    sim_run_s(&s, 60);
    assert_int_equal(activities("WaitingForELBConnectionDraining", "Terminating EC2 instance"), 1);
    assert_string_equal(sim_instance_state(&s, id), "running");
    sim_run_s(&s, 300);
    assert_string_equal(sim_instance_state(&s, id), "terminated");
}

static void a_schedule_ends_what_nobody_ends(void **state)
{
    (void)state;
    char id[32];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    struct aws_request request;
    aws_request_init(&request, AWS_SCHEDULER, "CreateSchedule");
    char text[700];
    str_fit(
        text, sizeof(text),
        "{\"Name\":\"end\",\"ScheduleExpression\":\"at(2026-01-01T00:10:00)\",\"FlexibleTimeWindow\":{\"Mode\":\"OFF\"}"
        ","
        "\"ActionAfterCompletion\":\"DELETE\",\"Target\":{\"Arn\":\"arn:aws:scheduler:::aws-sdk:ec2:"
        "terminateInstances\",\"RoleArn\":\"arn:aws:iam::123456789012:role/r\",\"Input\":\"{\\\"InstanceIds\\\":[\\\"%s"
        "\\\"]}\"}}",
        id);
    request.json = cJSON_Parse(text);
    assert_int_equal(simcloud_call(s.cloud, &s.caller, &request, &s.reply, &s.error), 0);
    assert_int_equal(simcloud_call(s.cloud, &s.caller, &request, &s.reply, &s.error), -1);
    assert_string_equal(s.error.code, "ConflictException");
    aws_request_release(&request);
    sim_run_s(&s, 9 * 60 - 1);
    assert_string_equal(sim_instance_state(&s, id), "running");
    sim_run_s(&s, 40);
    assert_string_equal(sim_instance_state(&s, id), "terminated");
    aws_request_init(&request, AWS_SCHEDULER, "GetSchedule");
    request.json = cJSON_Parse("{\"Name\":\"end\"}");
    assert_int_equal(simcloud_call(s.cloud, &s.caller, &request, &s.reply, &s.error), -1);
    assert_string_equal(s.error.code, "ResourceNotFoundException");
    aws_request_release(&request);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cloud, close_cloud)
    const struct CMUnitTest tests[] = {
        TEST(a_group_fills_itself),
        TEST(a_group_whose_image_cannot_start_storms_without_back_off),
        TEST(a_launch_that_ec2_refuses_is_tried_again_and_suspended_after_a_day),
        TEST(attach_raises_and_detach_lowers),
        TEST(a_refresh_replaces_all_and_takes_the_version_over),
        TEST(a_refresh_to_a_broken_image_goes_back_by_itself),
        TEST(the_member_closest_to_its_next_hour_goes),
        TEST(what_no_zone_can_balance_is_left_and_the_rest_is_mended),
        TEST(targets_are_checked_drained_and_believed),
        TEST(a_schedule_ends_what_nobody_ends),
    };
    return cmocka_run_group_tests_name("cloud_groups", tests, NULL, NULL);
}
