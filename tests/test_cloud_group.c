/* Auto Scaling, target groups and schedules over a scripted transport. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_transport.h"

#define OK_REPLY(action) "<" action "Response><return>true</return></" action "Response>"
#define MEMBER(id, lifecycle)                                                                                          \
    "<member><InstanceId>" id "</InstanceId><AvailabilityZone>eu-west-1a</AvailabilityZone><LifecycleState>" lifecycle \
    "</LifecycleState><HealthStatus>Healthy</HealthStatus><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId>"   \
    "<Version>3</Version></LaunchTemplate></member>"
#define GROUP(members)                                                                                                 \
    "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>"                  \
    "<AutoScalingGroupName>web</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>4</MaxSize><DesiredCapacity>2"       \
    "</DesiredCapacity><LaunchTemplate><LaunchTemplateId>lt-1</LaunchTemplateId><Version>3</Version></LaunchTemplate>" \
    "<HealthCheckType>ELB</HealthCheckType><HealthCheckGracePeriod>120</HealthCheckGracePeriod><AvailabilityZones>"    \
    "<member>eu-west-1a</member><member>eu-west-1b</member></AvailabilityZones><VPCZoneIdentifier>s-1,s-2"             \
    "</VPCZoneIdentifier><TargetGroupARNs><member>arn:tg</member></TargetGroupARNs><SuspendedProcesses><member>"       \
    "<ProcessName>AZRebalance</ProcessName></member></SuspendedProcesses><Tags><member><Key>bakehour:run</Key><Value>" \
    "r-1</Value></member></Tags><Instances>" members "</Instances></member></AutoScalingGroups>"                       \
    "</DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"

static void groups_are_read(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeAutoScalingGroups",
         .params = "AutoScalingGroupNames.member.1=web",
         .reply = GROUP(MEMBER("i-1", "InService") MEMBER("i-2", "Pending"))},
        {.action = "DescribeAutoScalingGroups",
         .reply = "<R><DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult></R>"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct group group;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_describe_group(&f.cloud, "web", &arena, &group, &error), 0);
    assert_int_equal(group.min + 10 * group.max + 100 * group.desired, 241);
    assert_int_equal(group.member_count, 2);
    assert_string_equal(group.members[1].lifecycle, "Pending");
    assert_true(group.members[0].healthy);
    assert_string_equal(group.members[0].template_version, "3");
    assert_int_equal(group.zone_count, 2);
    assert_string_equal(group.suspended[0], "AZRebalance");
    assert_string_equal(group.target_groups[0], "arn:tg");
    assert_int_equal(group.warmup_s, -1);
    assert_string_equal(tag_value(group.tags, group.tag_count, "bakehour:run"), "r-1");
    assert_int_equal(cloud_describe_group(&f.cloud, "web", &arena, &group, &error), -1);
    assert_string_equal(error.code, "NoSuchGroup");
    arena_release(&arena);
    fake_done(&f);
}

static void attaching_counts_once(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService"))},
        {.action = "AttachInstances",
         .params = "InstanceIds.member.1=i-2\n!InstanceIds.member.2",
         .code = "time-out",
         .outcome = AWS_UNCERTAIN},
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService"))}, /* the read lags */
        {.action = "AttachInstances",
         .code = "ValidationError",
         .message = "Instance i-2 is already part of AutoScalingGroup:web"},
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService") MEMBER("i-2", "Pending"))},
        /* what the group has already is not asked for at all */
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService") MEMBER("i-2", "Pending"))},
        /* a true refusal stays one */
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService"))},
        {.action = "AttachInstances", .code = "ValidationError", .message = "desired would exceed the maximum"},
    };
    static const char *const ids[] = {"i-1", "i-2"};
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_attach(&f.cloud, "web", ids, 2, &error), 0);
    assert_int_equal(cloud_attach(&f.cloud, "web", ids, 2, &error), 0);
    assert_int_equal(cloud_attach(&f.cloud, "web", ids, 2, &error), -1);
    fake_done(&f);
}

static void letting_go_counts_once(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService"))},
        {.action = "TerminateInstanceInAutoScalingGroup",
         .params = "InstanceId=i-1\nShouldDecrementDesiredCapacity=true",
         .code = "connection",
         .outcome = AWS_UNCERTAIN},
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "Terminating"))},
        {.action = "DescribeAutoScalingGroups", .reply = GROUP("")}, /* gone already */
        {.action = "DescribeAutoScalingGroups", .reply = GROUP(MEMBER("i-1", "InService"))},
        {.action = "DetachInstances",
         .params = "AutoScalingGroupName=web\nShouldDecrementDesiredCapacity=false",
         .code = "ValidationError",
         .message = "The instance i-1 is not part of Auto Scaling group web."},
        {.action = "DescribeAutoScalingGroups", .reply = GROUP("")},
    };
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_terminate_member(&f.cloud, "web", "i-1", true, &error), 0);
    assert_int_equal(cloud_terminate_member(&f.cloud, "web", "i-1", true, &error), 0);
    assert_int_equal(cloud_detach(&f.cloud, "web", "i-1", false, &error), 0);
    fake_done(&f);
}

static void groups_are_changed(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "UpdateAutoScalingGroup",
         .params = "LaunchTemplate.LaunchTemplateId=lt-1\nLaunchTemplate.Version=4\nMaxSize=5\n!MinSize\n"
                   "!DesiredCapacity",
         .code = "ResourceContention",
         .status = 500},
        {.action = "UpdateAutoScalingGroup", .reply = OK_REPLY("UpdateAutoScalingGroup")},
        {.action = "UpdateAutoScalingGroup",
         .params = "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.Version=4\n!LaunchTemplate.Version",
         .reply = OK_REPLY("UpdateAutoScalingGroup")},
        {.action = "CreateOrUpdateTags",
         .params = "Tags.member.1.ResourceId=web\nTags.member.1.ResourceType=auto-scaling-group\n"
                   "Tags.member.1.Key=bakehour:max\nTags.member.1.Value=4\nTags.member.1.PropagateAtLaunch=false",
         .reply = OK_REPLY("CreateOrUpdateTags")},
        {.action = "DeleteTags",
         .params = "Tags.member.1.Key=bakehour:max\n!Tags.member.1.Value",
         .reply = OK_REPLY("DeleteTags")},
        {.action = "SuspendProcesses",
         .params = "ScalingProcesses.member.1=Launch\nScalingProcesses.member.2=ReplaceUnhealthy",
         .reply = OK_REPLY("SuspendProcesses")},
    };
    static const char *const processes[] = {"Launch", "ReplaceUnhealthy"};
    const struct tag tag = {"bakehour:max", "4"};
    struct fake f;
    struct aws_error error;
    struct group_change change = GROUP_CHANGE_NONE;
    FAKE_SCRIPT(&f, steps);
    change.template_id = "lt-1";
    change.template_version = "4";
    change.max = 5;
    assert_int_equal(cloud_update_group(&f.cloud, "web", &change, &error), 0);
    change.mixed = true;
    assert_int_equal(cloud_update_group(&f.cloud, "web", &change, &error), 0);
    assert_int_equal(cloud_tag_group(&f.cloud, "web", &tag, 1, &error), 0);
    assert_int_equal(cloud_untag_group(&f.cloud, "web", &tag, 1, &error), 0);
    assert_int_equal(cloud_suspend(&f.cloud, "web", processes, 2, &error), 0);
    fake_done(&f);
}

#define ACTIVITY(id, status, description, start)                                                                       \
    "<member><ActivityId>" id "</ActivityId><StatusCode>" status "</StatusCode><Description>" description              \
    "</Description><Cause>At 2026 ...</Cause><StartTime>" start "</StartTime></member>"
#define ACTIVITIES(list, token)                                                                                        \
    "<R><DescribeScalingActivitiesResult><Activities>" list "</Activities>" token                                      \
    "</DescribeScalingActivitiesResult></R>"

static void activities_are_read_as_far_as_they_are_wanted(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeScalingActivities",
         .reply = ACTIVITIES(
             ACTIVITY("a3", "Failed", "Launching a new EC2 instance.  Status Reason: ...", "2026-11-25T02:03:00Z")
                 ACTIVITY("a2", "Successful", "Launching a new EC2 instance: i-0ab12", "2026-11-25T02:01:00.123Z"),
             "<NextToken>n</NextToken>")},
        {.action = "DescribeScalingActivities",
         .params = "NextToken=n",
         .reply =
             ACTIVITIES(ACTIVITY("a1", "Successful", "Terminating EC2 instance: i-0ff - x", "2026-11-25T01:59:59Z"),
                        "<NextToken>m</NextToken>")},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct activities got;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_activities(&f.cloud, "web", FAKE_START_MS, &arena, &got, &error), 0);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.items[0].instance, "");
    assert_string_equal(got.items[1].instance, "i-0ab12");
    assert_int_equal(got.items[1].start_ms, FAKE_START_MS + 60123);
    arena_release(&arena);
    fake_done(&f);
}

#define REFRESHES(status, version, start)                                                                              \
    "<R><DescribeInstanceRefreshesResult><InstanceRefreshes><member><InstanceRefreshId>r-1</InstanceRefreshId>"        \
    "<Status>" status "</Status><StartTime>" start                                                                     \
    "</StartTime><DesiredConfiguration><LaunchTemplate><Version>" version                                              \
    "</Version></LaunchTemplate></DesiredConfiguration></member></InstanceRefreshes>"                                  \
    "</DescribeInstanceRefreshesResult></R>"

static void a_refresh_is_started_once(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "StartInstanceRefresh",
         .params = "DesiredConfiguration.LaunchTemplate.Version=4\nPreferences.MinHealthyPercentage=90\n"
                   "Preferences.AutoRollback=true\nPreferences.CheckpointPercentages.member.1=50\n"
                   "Preferences.CheckpointPercentages.member.2=100\nPreferences.CheckpointDelay=60\n"
                   "!Preferences.MaxHealthyPercentage",
         .code = "time-out",
         .outcome = AWS_UNCERTAIN},
        {.action = "DescribeInstanceRefreshes", .reply = REFRESHES("Pending", "4", "")},
        {.action = "StartInstanceRefresh", .code = "InstanceRefreshInProgress"},
        {.action = "DescribeInstanceRefreshes", .reply = REFRESHES("InProgress", "3", "2026-11-25T01:00:00Z")},
        {.action = "StartInstanceRefresh", .code = "InstanceRefreshInProgress"},
        {.action = "DescribeInstanceRefreshes", .reply = REFRESHES("InProgress", "3", "2026-11-25T01:00:00Z")},
        {.action = "StartInstanceRefresh", .code = "InstanceRefreshInProgress"},
        {.action = "DescribeInstanceRefreshes", .reply = REFRESHES("InProgress", "3", "2026-11-25T01:00:00Z")},
        {.action = "RollbackInstanceRefresh", .code = "ActiveInstanceRefreshNotFound"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    const char *id = NULL;
    const struct refresh_order order = {.group = "web",
                                        .template_id = "lt-1",
                                        .template_version = "4",
                                        .min_healthy_percent = 90,
                                        .max_healthy_percent = -1,
                                        .warmup_s = -1,
                                        .checkpoint_percent = 50,
                                        .checkpoint_delay_s = 60,
                                        .auto_rollback = true};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_start_refresh(&f.cloud, &order, &arena, &id, &error), 0);
    assert_string_equal(id, "r-1");
    assert_int_equal(cloud_start_refresh(&f.cloud, &order, &arena, &id, &error), -1);
    assert_string_equal(error.code, "InstanceRefreshInProgress");
    assert_int_equal(cloud_rollback_refresh(&f.cloud, "web", &error), 0);
    arena_release(&arena);
    fake_done(&f);
}

static void targets_and_their_delay(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeTargetHealth",
         .params = "TargetGroupArn=arn:tg",
         .reply = "<R><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id><Port>80</Port>"
                  "</Target><TargetHealth><State>unhealthy</State><Reason>Target.Timeout</Reason></TargetHealth>"
                  "</member></TargetHealthDescriptions></DescribeTargetHealthResult></R>"},
        {.action = "DescribeTargetGroupAttributes",
         .reply = "<R><DescribeTargetGroupAttributesResult><Attributes><member><Key>x</Key><Value>1</Value></member>"
                  "<member><Key>deregistration_delay.timeout_seconds</Key><Value>20</Value></member></Attributes>"
                  "</DescribeTargetGroupAttributesResult></R>"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct targets got;
    int64_t delay = 0;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_target_health(&f.cloud, "arn:tg", &arena, &got, &error), 0);
    assert_string_equal(got.items[0].state, "unhealthy");
    assert_int_equal(got.items[0].port, 80);
    assert_int_equal(cloud_deregistration_delay(&f.cloud, "arn:tg", &delay, &error), 0);
    assert_int_equal(delay, 20);
    arena_release(&arena);
    fake_done(&f);
}

static void schedules_are_made_moved_and_listed(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "CreateSchedule",
         .params = "\"Name\":\"bakehour-i-1\"\n\"ScheduleExpression\":\"at(2026-11-25T03:00:01)\"\n"
                   "\"ScheduleExpressionTimezone\":\"UTC\"\n\"ActionAfterCompletion\":\"DELETE\"\n"
                   "\"FlexibleTimeWindow\":{\"Mode\":\"OFF\"}\n\"RoleArn\":\"arn:role\"\n\"ClientToken\":\"t\"\n"
                   "\"Input\":\"{\\\"InstanceIds\\\":[\\\"i-1\\\"]}\"",
         .code = "ConflictException",
         .status = 409},
        {.action = "UpdateSchedule", .params = "at(2026-11-25T03:00:01)", .reply = "{\"ScheduleArn\":\"a\"}"},
        {.action = "ListSchedules",
         .params = "\"NamePrefix\":\"bakehour-\"",
         .reply = "{\"Schedules\":[{\"Name\":\"bakehour-i-1\",\"State\":\"ENABLED\"}],\"NextToken\":\"n\"}"},
        {.action = "ListSchedules",
         .params = "\"NextToken\":\"n\"",
         .reply = "{\"Schedules\":[{\"Name\":\"bakehour-i-2\"}]}"},
        {.action = "GetSchedule",
         .reply = "{\"Name\":\"bakehour-i-1\",\"ScheduleExpression\":\"at(2026-11-25T03:00:01)\",\"Target\":{\"Arn\":"
                  "\"arn:aws:scheduler:::aws-sdk:ec2:terminateInstances\"}}"},
        {.action = "DeleteSchedule", .code = "ResourceNotFoundException", .status = 404},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct schedules got;
    struct schedule one;
    const struct schedule_order order = {.name = "bakehour-i-1",
                                         .at_ms = FAKE_START_MS + 3600001,
                                         .target = "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                                         .role = "arn:role",
                                         .input = "{\"InstanceIds\":[\"i-1\"]}",
                                         .token = "t"};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_create_schedule(&f.cloud, &order, &error), 0);
    assert_int_equal(cloud_list_schedules(&f.cloud, NULL, "bakehour-", &arena, &got, &error), 0);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.items[1].name, "bakehour-i-2");
    assert_int_equal(cloud_describe_schedule(&f.cloud, NULL, "bakehour-i-1", &arena, &one, &error), 0);
    assert_int_equal(one.at_ms, FAKE_START_MS + 3601000);
    assert_int_equal(cloud_delete_schedule(&f.cloud, NULL, "bakehour-i-1", &error), 0);
    arena_release(&arena);
    fake_done(&f);
}

static void times_are_read_in_each_form(void **state)
{
    (void)state;
    assert_int_equal(cloud_time_ms("2026-11-25T02:00:00.000Z"), FAKE_START_MS);
    assert_int_equal(cloud_time_ms("2026-11-25T02:00:00Z"), FAKE_START_MS);
    assert_int_equal(cloud_time_ms("2026-11-25T02:00:00.123456Z"), FAKE_START_MS + 123);
    assert_int_equal(cloud_time_ms("2026-11-25T03:00:00.5+01:00"), FAKE_START_MS + 500);
    assert_int_equal(cloud_time_ms(""), 0);
    assert_int_equal(cloud_time_ms("2026-13-25T02:00:00.000Z"), 0);
    assert_int_equal(cloud_time_ms("yesterday, at a quarter past"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_read),
        cmocka_unit_test(attaching_counts_once),
        cmocka_unit_test(letting_go_counts_once),
        cmocka_unit_test(groups_are_changed),
        cmocka_unit_test(activities_are_read_as_far_as_they_are_wanted),
        cmocka_unit_test(a_refresh_is_started_once),
        cmocka_unit_test(targets_and_their_delay),
        cmocka_unit_test(schedules_are_made_moved_and_listed),
        cmocka_unit_test(times_are_read_in_each_form),
    };
    return cmocka_run_group_tests_name("cloud_group", tests, NULL, NULL);
}
