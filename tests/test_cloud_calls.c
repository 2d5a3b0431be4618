/* Every action of the modelled cloud is called once and succeeds; security groups, tags, templates, launch
 * configurations, permissions, copies and schedules answer errors as AWS does; accounts and regions are apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "tests/support_cloud.h"

static struct sim s;

static int open_cloud(void **state)
{
    (void)state;
    struct simcloud_options options = sim_options(21);
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

static int refused(enum aws_service service, const char *action, const char *query, const char *code)
{
    if (sim_ask(&s, service, action, query) == 0)
        fail_msg("%s %s was not refused", action, query);
    assert_string_equal(s.error.code, code);
    return 0;
}

/* A document to one of the JSON services. */
static int send_document(enum aws_service service, const char *action, const char *text)
{
    struct aws_request request;
    aws_request_init(&request, service, action);
    request.json = cJSON_Parse(text);
    assert_non_null(request.json);
    aws_reply_release(&s.reply);
    aws_reply_init(&s.reply);
    int code = simcloud_call(s.cloud, &s.caller, &request, &s.reply, &s.error);
    aws_request_release(&request);
    return code;
}

/* A document to EventBridge Scheduler. */
static int schedule(const char *action, const char *fmt, ...)
{
    struct str text;
    str_init(&text, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    int code = send_document(AWS_SCHEDULER, action, text.text);
    str_release(&text);
    return code;
}

/* A schedule's document; its target's input with escaped quotes. */
#define WINDOW "\"FlexibleTimeWindow\":{\"Mode\":\"OFF\"}"
#define ROLE   "\"RoleArn\":\"arn:aws:iam::123456789012:role/r\""
#define DOCUMENT(name, at, arn, input)                                                                                 \
    "{\"Name\":\"" name "\",\"ScheduleExpression\":\"at(" at ")\"," WINDOW                                             \
    ",\"ActionAfterCompletion\":\"DELETE\",\"Target\":{\"Arn\":\"arn:aws:scheduler:::aws-sdk:" arn "\"," ROLE          \
    ",\"Input\":\"" input "\"}}"

/* ---- every action ---- */

struct names {
    char instance[40], member[40], image[40], copy[40], snapshot[40], volume[40], group[40], template[40], tg[200],
        refresh[60];
};

static const char *fill(const struct names *n, const char *query, char to[1000])
{
    const struct {
        const char *mark, *value;
    } marks[] = {{"{instance}", n->instance},
                 {"{member}", n->member},
                 {"{image}", n->image},
                 {"{copy}", n->copy},
                 {"{snapshot}", n->snapshot},
                 {"{volume}", n->volume},
                 {"{sg}", n->group},
                 {"{lt}", n->template},
                 {"{tg}", n->tg},
                 {"{base}", SIMCLOUD_BASE_IMAGE}};
    size_t at = 0;
    while (*query) {
        size_t m = 0;
        while (m < sizeof(marks) / sizeof(*marks) && strncmp(query, marks[m].mark, strlen(marks[m].mark)) != 0)
            m++;
        if (m < sizeof(marks) / sizeof(*marks)) {
            at += (size_t)snprintf(to + at, 1000 - at, "%s", marks[m].value);
            query += strlen(marks[m].mark);
        } else {
            to[at++] = *query++;
        }
        assert_true(at < 1000);
    }
    to[at] = '\0';
    return to;
}

struct line {
    enum aws_service service;
    const char *action, *query;
    const char *path; /* what to keep of the answer, and where */
    size_t keep;
    int64_t then_s;
};

#define KEEP(member) offsetof(struct names, member)
#define NONE         NULL, 0

static const struct line script[] = {
    {AWS_EC2, "DescribeRegions", "RegionName.1=us-east-1", NONE, 0},
    {AWS_EC2, "DescribeAvailabilityZones", "", NONE, 0},
    {AWS_EC2, "DescribeVpcs", "", NONE, 0},
    {AWS_EC2, "DescribeSubnets", "Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1a", NONE, 0},
    {AWS_EC2, "DescribeInstanceTypes", "InstanceType.1=t3.micro", NONE, 0},
    {AWS_EC2, "DescribeAccountAttributes", "AttributeName.1=max-instances", NONE, 0},
    {AWS_EC2, "GetInstanceMetadataDefaults", "", NONE, 0},
    {AWS_EC2, "GetEbsEncryptionByDefault", "", NONE, 0},
    {AWS_EC2, "GetEbsDefaultKmsKeyId", "", NONE, 0},
    {AWS_EC2, "CreateSecurityGroup", "GroupName=osv&GroupDescription=OSv", "groupId", KEEP(group), 0},
    {AWS_EC2, "AuthorizeSecurityGroupIngress",
     "GroupId={sg}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=8000&IpPermissions.1.ToPort=8000&"
     "IpPermissions.1.IpRanges.1.CidrIp=203.0.113.7/32&IpPermissions.1.IpRanges.1.Description=runner",
     NONE, 0},
    {AWS_EC2, "DescribeSecurityGroups", "GroupId.1={sg}", NONE, 0},
    {AWS_EC2, "RunInstances",
     "ImageId={base}&MinCount=1&MaxCount=1&InstanceType=m5.large&SecurityGroupId.1={sg}&UserData=eA==&KeyName=k&"
     "IamInstanceProfile.Name=p&Placement.AvailabilityZone=us-east-1a&Monitoring.Enabled=true&EbsOptimized=true&"
     "BlockDeviceMapping.1.DeviceName=/dev/sda1&BlockDeviceMapping.1.Ebs.VolumeSize=20&"
     "BlockDeviceMapping.1.Ebs.DeleteOnTermination=false&TagSpecification.1.ResourceType=volume&"
     "TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b&MetadataOptions.HttpTokens=optional",
     "instancesSet/item/instanceId", KEEP(instance), 60},
    {AWS_EC2, "DescribeInstances", "InstanceId.1={instance}",
     "reservationSet/item/instancesSet/item/blockDeviceMapping/item/ebs/volumeId", KEEP(volume), 0},
    {AWS_EC2, "DescribeInstanceStatus", "InstanceId.1={instance}", NONE, 0},
    {AWS_EC2, "GetConsoleOutput", "InstanceId={instance}", NONE, 0},
    {AWS_EC2, "ModifyInstanceAttribute", "InstanceId={instance}&InstanceInitiatedShutdownBehavior.Value=terminate",
     NONE, 0},
    {AWS_EC2, "RebootInstances", "InstanceId.1={instance}", NONE, 20},
    {AWS_EC2, "StopInstances", "InstanceId.1={instance}", NONE, 30},
    {AWS_EC2, "StartInstances", "InstanceId.1={instance}", NONE, 60},
    {AWS_EC2, "CreateReplaceRootVolumeTask", "InstanceId={instance}&DeleteReplacedRootVolume=false", NONE, 60},
    {AWS_EC2, "DescribeReplaceRootVolumeTasks", "", NONE, 0},
    {AWS_EC2, "DescribeVolumes", "VolumeId.1={volume}", NONE, 0},
    {AWS_EC2, "DeleteVolume", "VolumeId={volume}", NONE, 0},
    {AWS_EC2, "CreateImage", "InstanceId={instance}&Name=one&Description=d", "imageId", KEEP(image), 200},
    {AWS_EC2, "DescribeImages", "ImageId.1={image}", "imagesSet/item/blockDeviceMapping/item/ebs/snapshotId",
     KEEP(snapshot), 0},
    {AWS_EC2, "ModifyImageAttribute", "ImageId={image}&LaunchPermission.Add.1.UserId=210987654321", NONE, 0},
    {AWS_EC2, "DescribeImageAttribute", "ImageId={image}&Attribute=launchPermission", NONE, 0},
    {AWS_EC2, "ModifySnapshotAttribute",
     "SnapshotId={snapshot}&Attribute=createVolumePermission&OperationType=add&UserId.1=210987654321", NONE, 0},
    {AWS_EC2, "DescribeSnapshotAttribute", "SnapshotId={snapshot}&Attribute=createVolumePermission", NONE, 0},
    {AWS_EC2, "DescribeSnapshots", "SnapshotId.1={snapshot}", NONE, 0},
    {AWS_EC2, "CopyImage", "SourceRegion=us-east-1&SourceImageId={image}&Name=copy", "imageId", KEEP(copy), 300},
    {AWS_EC2, "CreateTags", "ResourceId.1={copy}&Tag.1.Key=bakehour:run&Tag.1.Value=r-1", NONE, 0},
    {AWS_EC2, "DescribeTags", "Filter.1.Name=tag:bakehour:run&Filter.1.Value.1=r-*", NONE, 0},
    {AWS_EC2, "DeleteTags", "ResourceId.1={copy}&Tag.1.Key=bakehour:run", NONE, 0},
    {AWS_EC2, "CreateLaunchTemplate",
     "LaunchTemplateName=web&LaunchTemplateData.ImageId={image}&LaunchTemplateData.InstanceType=t2.small&"
     "LaunchTemplateData.NetworkInterface.1.DeviceIndex=0&"
     "LaunchTemplateData.NetworkInterface.1.AssociatePublicIpAddress=true&"
     "LaunchTemplateData.NetworkInterface.1.SecurityGroupId.1={sg}&"
     "LaunchTemplateData.TagSpecification.1.ResourceType=instance&LaunchTemplateData.TagSpecification.1.Tag.1.Key=a&"
     "LaunchTemplateData.TagSpecification.1.Tag.1.Value=b&LaunchTemplateData.IamInstanceProfile.Name=p&"
     "LaunchTemplateData.BlockDeviceMapping.1.DeviceName=/dev/sda1&"
     "LaunchTemplateData.BlockDeviceMapping.1.Ebs.VolumeSize=11",
     "launchTemplate/launchTemplateId", KEEP(template), 0},
    {AWS_EC2, "CreateLaunchTemplateVersion",
     "LaunchTemplateId={lt}&SourceVersion=1&VersionDescription=v&LaunchTemplateData.ImageId={copy}", NONE, 0},
    {AWS_EC2, "DescribeLaunchTemplates", "LaunchTemplateName.1=web", NONE, 0},
    {AWS_EC2, "DescribeLaunchTemplateVersions", "LaunchTemplateId={lt}", NONE, 0},
    {AWS_EC2, "ModifyLaunchTemplate", "LaunchTemplateId={lt}&SetDefaultVersion=2", NONE, 0},
    {AWS_ELBV2, "CreateTargetGroup", "Name=web&Protocol=HTTP&Port=8000&HealthCheckPath=/os/version",
     "CreateTargetGroupResult/TargetGroups/member/TargetGroupArn", KEEP(tg), 0},
    {AWS_ELBV2, "DescribeTargetGroups", "Names.member.1=web", NONE, 0},
    {AWS_ELBV2, "ModifyTargetGroup", "TargetGroupArn={tg}&HealthyThresholdCount=3&Matcher.HttpCode=200-299", NONE, 0},
    {AWS_ELBV2, "ModifyTargetGroupAttributes",
     "TargetGroupArn={tg}&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value=20",
     NONE, 0},
    {AWS_ELBV2, "DescribeTargetGroupAttributes", "TargetGroupArn={tg}", NONE, 0},
    {AWS_ELBV2, "RegisterTargets", "TargetGroupArn={tg}&Targets.member.1.Id={instance}", NONE, 60},
    {AWS_ELBV2, "DescribeTargetHealth", "TargetGroupArn={tg}", NONE, 0},
    {AWS_ELBV2, "DeregisterTargets", "TargetGroupArn={tg}&Targets.member.1.Id={instance}", NONE, 30},
    {AWS_AUTOSCALING, "CreateLaunchConfiguration",
     "LaunchConfigurationName=old&ImageId={base}&InstanceType=t2.micro&SecurityGroups.member.1={sg}&"
     "AssociatePublicIpAddress=false&IamInstanceProfile=p",
     NONE, 0},
    {AWS_AUTOSCALING, "DescribeLaunchConfigurations", "LaunchConfigurationNames.member.1=old", NONE, 0},
    {AWS_AUTOSCALING, "DeleteLaunchConfiguration", "LaunchConfigurationName=old", NONE, 0},
    {AWS_AUTOSCALING, "DescribeTerminationPolicyTypes", "", NONE, 0},
    {AWS_AUTOSCALING, "DescribeAccountLimits", "", NONE, 0},
    {AWS_AUTOSCALING, "CreateAutoScalingGroup",
     "AutoScalingGroupName=web&MinSize=0&MaxSize=4&DesiredCapacity=1&LaunchTemplate.LaunchTemplateId={lt}&"
     "LaunchTemplate.Version=1&AvailabilityZones.member.1=us-east-1a&TargetGroupARNs.member.1={tg}&"
     "Tags.member.1.Key=env&Tags.member.1.Value=prod&Tags.member.1.PropagateAtLaunch=true",
     NONE, 120},
    {AWS_AUTOSCALING, "DescribeAutoScalingGroups",
     "Filters.member.1.Name=tag:env&Filters.member.1.Values.member.1=prod",
     "DescribeAutoScalingGroupsResult/AutoScalingGroups/member/Instances/member/InstanceId", KEEP(member), 0},
    {AWS_AUTOSCALING, "DescribeAutoScalingInstances", "", NONE, 0},
    {AWS_AUTOSCALING, "DescribeScalingActivities", "AutoScalingGroupName=web", NONE, 0},
    {AWS_AUTOSCALING, "CreateOrUpdateTags",
     "Tags.member.1.ResourceId=web&Tags.member.1.ResourceType=auto-scaling-group&Tags.member.1.Key=k&"
     "Tags.member.1.Value=v&Tags.member.1.PropagateAtLaunch=false",
     NONE, 0},
    {AWS_AUTOSCALING, "DescribeTags", "Filters.member.1.Name=auto-scaling-group&Filters.member.1.Values.member.1=web",
     NONE, 0},
    {AWS_AUTOSCALING, "DeleteTags",
     "Tags.member.1.ResourceId=web&Tags.member.1.ResourceType=auto-scaling-group&Tags.member.1.Key=k", NONE, 0},
    {AWS_AUTOSCALING, "AttachInstances", "AutoScalingGroupName=web&InstanceIds.member.1={instance}", NONE, 60},
    {AWS_AUTOSCALING, "SetInstanceProtection",
     "AutoScalingGroupName=web&InstanceIds.member.1={instance}&ProtectedFromScaleIn=true", NONE, 0},
    {AWS_AUTOSCALING, "EnterStandby",
     "AutoScalingGroupName=web&InstanceIds.member.1={instance}&ShouldDecrementDesiredCapacity=true", NONE, 60},
    {AWS_AUTOSCALING, "ExitStandby", "AutoScalingGroupName=web&InstanceIds.member.1={instance}", NONE, 60},
    {AWS_AUTOSCALING, "DetachInstances",
     "AutoScalingGroupName=web&InstanceIds.member.1={instance}&ShouldDecrementDesiredCapacity=true", NONE, 60},
    {AWS_AUTOSCALING, "SetInstanceHealth", "InstanceId={member}&HealthStatus=Healthy", NONE, 0},
    {AWS_AUTOSCALING, "SuspendProcesses", "AutoScalingGroupName=web&ScalingProcesses.member.1=AZRebalance", NONE, 0},
    {AWS_AUTOSCALING, "ResumeProcesses", "AutoScalingGroupName=web", NONE, 0},
    {AWS_AUTOSCALING, "UpdateAutoScalingGroup", "AutoScalingGroupName=web&HealthCheckGracePeriod=30&MaxSize=5", NONE,
     0},
    {AWS_AUTOSCALING, "SetDesiredCapacity", "AutoScalingGroupName=web&DesiredCapacity=2", NONE, 120},
    {AWS_AUTOSCALING, "StartInstanceRefresh",
     "AutoScalingGroupName=web&DesiredConfiguration.LaunchTemplate.LaunchTemplateId={lt}&"
     "DesiredConfiguration.LaunchTemplate.Version=2&Preferences.MinHealthyPercentage=50&"
     "Preferences.CheckpointPercentages.member.1=50&Preferences.CheckpointPercentages.member.2=100",
     NONE, 10},
    {AWS_AUTOSCALING, "DescribeInstanceRefreshes", "AutoScalingGroupName=web", NONE, 0},
    {AWS_AUTOSCALING, "RollbackInstanceRefresh", "AutoScalingGroupName=web", NONE, 1000},
    {AWS_AUTOSCALING, "StartInstanceRefresh", "AutoScalingGroupName=web", NONE, 10},
    {AWS_AUTOSCALING, "CancelInstanceRefresh", "AutoScalingGroupName=web", NONE, 200},
    {AWS_AUTOSCALING, "DescribeAutoScalingGroups", "",
     "DescribeAutoScalingGroupsResult/AutoScalingGroups/member/Instances/member/InstanceId", KEEP(member), 0},
    {AWS_AUTOSCALING, "TerminateInstanceInAutoScalingGroup", "InstanceId={member}&ShouldDecrementDesiredCapacity=true",
     NONE, 60},
    {AWS_AUTOSCALING, "AttachLoadBalancerTargetGroups", "AutoScalingGroupName=web&TargetGroupARNs.member.1={tg}", NONE,
     0},
    {AWS_AUTOSCALING, "DescribeLoadBalancerTargetGroups", "AutoScalingGroupName=web", NONE, 0},
    {AWS_AUTOSCALING, "DetachLoadBalancerTargetGroups", "AutoScalingGroupName=web&TargetGroupARNs.member.1={tg}", NONE,
     0},
    {AWS_AUTOSCALING, "DeleteAutoScalingGroup", "AutoScalingGroupName=web&ForceDelete=true", NONE, 120},
    {AWS_ELBV2, "DeleteTargetGroup", "TargetGroupArn={tg}", NONE, 0},
    {AWS_EC2, "DeleteLaunchTemplateVersions", "LaunchTemplateId={lt}&LaunchTemplateVersion.1=1", NONE, 0},
    {AWS_EC2, "DeleteLaunchTemplate", "LaunchTemplateId={lt}", NONE, 0},
    {AWS_EC2, "DeregisterImage", "ImageId={copy}&DeleteAssociatedSnapshots=true", NONE, 0},
    {AWS_EC2, "DeregisterImage", "ImageId={image}", NONE, 0},
    {AWS_EC2, "DeleteSnapshot", "SnapshotId={snapshot}", NONE, 0},
    {AWS_EC2, "TerminateInstances", "InstanceId.1={instance}", NONE, 60},
    {AWS_EC2, "RevokeSecurityGroupIngress",
     "GroupId={sg}&IpProtocol=tcp&FromPort=8000&ToPort=8000&CidrIp=203.0.113.7/32", NONE, 0},
    {AWS_EC2, "DeleteSecurityGroup", "GroupId={sg}", NONE, 0},
};

static bool in_script(const struct simcloud_action *action)
{
    for (size_t i = 0; i < sizeof(script) / sizeof(*script); i++)
        if (script[i].service == action->service && strcmp(script[i].action, action->name) == 0)
            return true;
    return action->service == AWS_SCHEDULER || action->service == AWS_QUOTAS;
}

static void every_action_succeeds_once(void **state)
{
    (void)state;
    struct names names;
    memset(&names, 0, sizeof(names));
    char query[1000];
    for (size_t i = 0; i < sizeof(script) / sizeof(*script); i++) {
        const struct line *line = &script[i];
        if (sim_ask(&s, line->service, line->action, fill(&names, line->query, query)))
            fail_msg("%s %s: %s: %s", line->action, query, s.error.code, s.error.message);
        if (line->path) {
            char *to = (char *)&names + line->keep;
            sim_keep(&s, line->path, to, line->keep == KEEP(tg) ? sizeof(names.tg) : sizeof(names.instance));
            assert_true(*to);
        }
        sim_run_s(&s, line->then_s);
    }
    const struct simcloud_action *action;
    for (size_t i = 0; (action = simcloud_action_at(i)); i++)
        if (!in_script(action))
            fail_msg("%s is not called", action->name);
    cJSON *left = simcloud_state(s.cloud);
    const cJSON *place = cJSON_GetArrayItem(cJSON_GetObjectItem(left, "places"), 0);
    static const char *const gone[] = {"launch-template", "launch-template-version", "auto-scaling-group",
                                       "activity",        "instance-refresh",        "target-group",
                                       "target",          "launch-configuration"};
    for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(place, gone[i])), 0);
    cJSON_Delete(left);
}

/* ---- errors ---- */

static void quotas_are_told(void **state)
{
    (void)state;
    assert_int_equal(
        send_document(AWS_QUOTAS, "GetServiceQuota", "{\"ServiceCode\": \"ec2\", \"QuotaCode\": \"L-1216C47A\"}"), 0);
    const cJSON *quota = cJSON_GetObjectItem(s.reply.json, "Quota");
    assert_true(cJSON_GetObjectItem(quota, "Value")->valuedouble == 1000);
    assert_string_equal(cJSON_GetObjectItem(quota, "QuotaCode")->valuestring, "L-1216C47A");
    assert_int_equal(send_document(AWS_QUOTAS, "GetServiceQuota", "{\"ServiceCode\": \"ec2\", \"QuotaCode\": \"L-0\"}"),
                     -1);
    assert_string_equal(s.error.code, "NoSuchResourceException");
    assert_int_equal(send_document(AWS_QUOTAS, "ListServices", "{}"), -1);
    assert_string_equal(s.error.code, "UnknownOperationException");
}

static void security_groups_refuse_as_ec2_does(void **state)
{
    (void)state;
    assert_int_equal(EC2("CreateSecurityGroup", "GroupName", "a", "GroupDescription", "d"), 0);
    refused(AWS_EC2, "CreateSecurityGroup", "GroupName=a&GroupDescription=d", "InvalidGroup.Duplicate");
    refused(AWS_EC2, "CreateSecurityGroup", "GroupName=b", "MissingParameter");
    refused(AWS_EC2, "DescribeSecurityGroups", "GroupName.1=zzz", "InvalidGroup.NotFound");
    refused(AWS_EC2, "DescribeSecurityGroups", "GroupId.1=zzz", "InvalidGroupId.Malformed");
    static const char rule[] = "GroupName=a&IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=10.0.0.0/8";
    assert_int_equal(sim_ask(&s, AWS_EC2, "AuthorizeSecurityGroupIngress", rule), 0);
    char id[40];
    sim_keep(&s, "securityGroupRuleSet/item/securityGroupRuleId", id, sizeof(id));
    refused(AWS_EC2, "AuthorizeSecurityGroupIngress", rule, "InvalidPermission.Duplicate");
    static const char *const bad[] = {"IpProtocol=xyz&FromPort=80&ToPort=80&CidrIp=10.0.0.0/8",
                                      "IpProtocol=tcp&FromPort=81&ToPort=80&CidrIp=10.0.0.0/8",
                                      "IpProtocol=tcp&FromPort=80&ToPort=70000&CidrIp=10.0.0.0/8",
                                      "IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=10.0.0.0/33",
                                      "IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=10.0.0/8",
                                      "IpProtocol=tcp&FromPort=80&ToPort=80&CidrIp=10.0.0.256/8"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        char query[200];
        str_fit(query, sizeof(query), "GroupName=a&%s", bad[i]);
        refused(AWS_EC2, "AuthorizeSecurityGroupIngress", query, "InvalidParameterValue");
    }
    assert_int_equal(EC2("RevokeSecurityGroupIngress", "GroupName", "a", "SecurityGroupRuleId.1", id), 0);
    refused(AWS_EC2, "RevokeSecurityGroupIngress", rule, "InvalidPermission.NotFound");
    refused(AWS_EC2, "DeleteSecurityGroup", "GroupName=default", "CannotDelete");
    refused(AWS_EC2, "DeleteSecurityGroup", "", "MissingParameter");
}

static void images_are_shared_and_copied_across_regions_and_accounts(void **state)
{
    (void)state;
    char id[32];
    char image[32];
    char query[200];
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(EC2("CreateImage", "InstanceId", id, "Name", "one", "NoReboot", "true"), 0);
    sim_keep(&s, "imageId", image, sizeof(image));
    str_fit(query, sizeof(query), "SourceRegion=us-east-1&SourceImageId=%s&Name=one&ClientToken=t", image);
    s.caller.region = "eu-west-1";
    refused(AWS_EC2, "CopyImage", query, "InvalidRequest");
    sim_run_s(&s, 200);
    assert_int_equal(sim_ask(&s, AWS_EC2, "CopyImage", query), 0);
    char copy[32];
    sim_keep(&s, "imageId", copy, sizeof(copy));
    assert_int_equal(sim_ask(&s, AWS_EC2, "CopyImage", query), 0);
    assert_string_equal(sim_get(&s, "imageId"), copy);
    assert_int_equal(EC2("DescribeImages", "ImageId.1", image), -1);
    assert_string_equal(s.error.code, "InvalidAMIID.NotFound");
    sim_run_s(&s, 300);
    assert_int_equal(EC2("RunInstances", "ImageId", copy, "MinCount", "1", "MaxCount", "1"), 0);
    s.caller.region = "us-east-1";
    s.caller.account = "210987654321";
    assert_int_equal(EC2("RunInstances", "ImageId", image, "MinCount", "1", "MaxCount", "1"), -1);
    assert_string_equal(s.error.code, "InvalidAMIID.NotFound");
    s.caller.account = SIMCLOUD_ACCOUNT;
    assert_int_equal(EC2("ModifyImageAttribute", "ImageId", image, "LaunchPermission.Add.1.UserId", "210987654321"), 0);
    assert_int_equal(EC2("ModifyImageAttribute", "ImageId", image, "LaunchPermission.Add.1.UserId", "me"), -1);
    assert_string_equal(s.error.code, "InvalidAMIAttributeItemValue");
    s.caller.account = "210987654321";
    assert_int_equal(EC2("RunInstances", "ImageId", image, "MinCount", "1", "MaxCount", "1"), 0);
    assert_int_equal(EC2("DescribeImages", "ImageId.1", image), 0);
    assert_string_equal(sim_get(&s, "imagesSet/item/imageOwnerId"), SIMCLOUD_ACCOUNT);
    assert_int_equal(EC2("DeregisterImage", "ImageId", image), -1);
    assert_string_equal(s.error.code, "AuthFailure");
    assert_int_equal(EC2("DescribeInstances", "MaxResults", "50"), 0);
    assert_int_equal(sim_count(&s, "reservationSet", "item"), 1);
}

static void templates_keep_their_versions(void **state)
{
    (void)state;
    static const char make[] = "LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-00000000000000001&ClientToken=t";
    refused(AWS_EC2, "CreateLaunchTemplate", "LaunchTemplateName=web", "MissingParameter");
    refused(AWS_EC2, "CreateLaunchTemplate", "LaunchTemplateName=w&LaunchTemplateData.ImageId=ami-1",
            "InvalidLaunchTemplateName.MalformedException");
    assert_int_equal(sim_ask(&s, AWS_EC2, "CreateLaunchTemplate", make), 0);
    char id[40];
    sim_keep(&s, "launchTemplate/launchTemplateId", id, sizeof(id));
    assert_int_equal(sim_ask(&s, AWS_EC2, "CreateLaunchTemplate", make), 0);
    assert_string_equal(sim_get(&s, "launchTemplate/launchTemplateId"), id);
    refused(AWS_EC2, "CreateLaunchTemplate", "LaunchTemplateName=web&LaunchTemplateData.ImageId=ami-2",
            "InvalidLaunchTemplateName.AlreadyExistsException");
    assert_int_equal(EC2("CreateLaunchTemplateVersion", "LaunchTemplateName", "web", "SourceVersion", "1",
                         "LaunchTemplateData.InstanceType", "m4.large"),
                     0);
    assert_string_equal(sim_get(&s, "launchTemplateVersion/versionNumber"), "2");
    assert_string_equal(sim_get(&s, "launchTemplateVersion/launchTemplateData/imageId"), SIMCLOUD_BASE_IMAGE);
    assert_int_equal(
        EC2("DescribeLaunchTemplateVersions", "LaunchTemplateId", id, "LaunchTemplateVersion.1", "$Latest"), 0);
    assert_string_equal(sim_get(&s, "launchTemplateVersionSet/item/launchTemplateData/instanceType"), "m4.large");
    refused(AWS_EC2, "DescribeLaunchTemplateVersions", "LaunchTemplateName=web&LaunchTemplateVersion.1=9",
            "InvalidLaunchTemplateId.VersionNotFound");
    refused(AWS_EC2, "DescribeLaunchTemplates", "LaunchTemplateName.1=zzz",
            "InvalidLaunchTemplateName.NotFoundException");
    refused(AWS_EC2, "DescribeLaunchTemplates", "LaunchTemplateId.1=lt-0123456789abcdef0",
            "InvalidLaunchTemplateId.NotFound");
    assert_int_equal(EC2("DeleteLaunchTemplateVersions", "LaunchTemplateId", id, "LaunchTemplateVersion.1", "1"), 0);
    assert_string_equal(sim_get(&s, "unsuccessfullyDeletedLaunchTemplateVersionSet/item/responseError/code"),
                        "unexpectedError");
    assert_int_equal(EC2("RunInstances", "LaunchTemplate.LaunchTemplateId", id, "LaunchTemplate.Version", "2",
                         "MinCount", "1", "MaxCount", "1"),
                     0);
    assert_string_equal(sim_get(&s, "instancesSet/item/instanceType"), "m4.large");
}

static void launch_configurations_are_refused_where_accounts_are_new(void **state)
{
    (void)state;
    static const char make[] = "LaunchConfigurationName=a&ImageId=ami-00000000000000001&InstanceType=t2.micro";
    assert_int_equal(sim_ask(&s, AWS_AUTOSCALING, "CreateLaunchConfiguration", make), 0);
    refused(AWS_AUTOSCALING, "CreateLaunchConfiguration", make, "AlreadyExists");
    refused(AWS_AUTOSCALING, "CreateLaunchConfiguration", "LaunchConfigurationName=b&ImageId=ami-00000000000000001",
            "ValidationError");
    assert_int_equal(ASG("CreateAutoScalingGroup", "AutoScalingGroupName", "g", "MinSize", "0", "MaxSize", "1",
                         "LaunchConfigurationName", "a", "AvailabilityZones.member.1", "us-east-1a"),
                     0);
    refused(AWS_AUTOSCALING, "DeleteLaunchConfiguration", "LaunchConfigurationName=a", "ResourceInUse");
    refused(AWS_AUTOSCALING, "DeleteLaunchConfiguration", "LaunchConfigurationName=b", "ValidationError");
    refused(
        AWS_AUTOSCALING, "CreateAutoScalingGroup",
        "AutoScalingGroupName=g&MinSize=0&MaxSize=1&LaunchConfigurationName=a&AvailabilityZones.member.1=us-east-1a",
        "AlreadyExists");
    refused(AWS_AUTOSCALING, "CreateAutoScalingGroup", "AutoScalingGroupName=h&MinSize=2&MaxSize=1", "ValidationError");
    refused(AWS_AUTOSCALING, "UpdateAutoScalingGroup", "AutoScalingGroupName=zzz", "ValidationError");
    close_cloud(NULL);
    struct simcloud_options options = sim_options(21);
    options.no_launch_configurations = true;
    sim_open(&s, &options);
    refused(AWS_AUTOSCALING, "CreateLaunchConfiguration", make, "UnsupportedOperation");
}

static void schedules_end_by_tag_and_mend_a_group(void **state)
{
    (void)state;
    char id[32];
    struct err err;
    assert_int_equal(simcloud_add_group(s.cloud, &s.caller, "web", 2, &err), 0);
    sim_instance(&s, SIMCLOUD_BASE_IMAGE, id);
    assert_int_equal(EC2("CreateTags", "ResourceId.1", id, "Tag.1.Key", "bakehour:outside", "Tag.1.Value", "n"), 0);
    assert_int_equal(
        schedule("CreateSchedule",
                 DOCUMENT("tag", "2026-01-01T00:10:00", "ssm:startAutomationExecution",
                          "{\\\"DocumentName\\\":\\\"AWS-TerminateEC2Instance\\\",\\\"Targets\\\":[{\\\"Key\\\":"
                          "\\\"tag:bakehour:outside\\\",\\\"Values\\\":[\\\"n\\\"]}]}")),
        0);
    assert_int_equal(schedule("CreateSchedule",
                              DOCUMENT("mend", "2026-01-01T00:20:00", "autoscaling:updateAutoScalingGroup",
                                       "{\\\"AutoScalingGroupName\\\":\\\"web\\\",\\\"DesiredCapacity\\\":1,"
                                       "\\\"LaunchTemplate\\\":{\\\"LaunchTemplateName\\\":\\\"web\\\",\\\"Version\\\":"
                                       "\\\"1\\\"}}")),
                     0);
    assert_int_equal(
        schedule("UpdateSchedule",
                 DOCUMENT("tag", "2026-01-01T00:15:00", "ssm:startAutomationExecution",
                          "{\\\"DocumentName\\\":\\\"AWS-TerminateEC2Instance\\\",\\\"Targets\\\":[{\\\"Key\\\":"
                          "\\\"tag:bakehour:outside\\\",\\\"Values\\\":[\\\"n\\\"]}]}")),
        0);
    assert_int_equal(schedule("ListSchedules", "{\"NamePrefix\":\"ta\"}"), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(s.reply.json, "Schedules")), 1);
    assert_int_equal(schedule("GetSchedule", "{\"Name\":\"tag\"}"), 0);
    assert_string_equal(cJSON_GetObjectItem(s.reply.json, "ScheduleExpression")->valuestring,
                        "at(2026-01-01T00:15:00)");
    simcloud_advance_to(s.cloud, 1767225600000 + 899 * 1000);
    assert_string_equal(sim_instance_state(&s, id), "running");
    sim_run_s(&s, 60);
    assert_string_equal(sim_instance_state(&s, id), "terminated");
    sim_run_s(&s, 400);
    assert_int_equal(ASG("DescribeAutoScalingGroups", "AutoScalingGroupNames.member.1", "web"), 0);
    assert_string_equal(sim_get(&s, "DescribeAutoScalingGroupsResult/AutoScalingGroups/member/DesiredCapacity"), "1");
    assert_int_equal(schedule("ListSchedules", "{}"), 0);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(s.reply.json, "Schedules")), 0);
}

static void schedules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const char ids[] = "{\\\"InstanceIds\\\":[]}";
    static const struct {
        const char *name, *at, *arn, *input;
    } bad[] = {{"a b", "at(2026-01-01T00:10:00)", "ec2:terminateInstances", ids},
               {"x", "at(2025-01-01T00:10:00)", "ec2:terminateInstances", ids},
               {"x", "rate(5 minutes)", "ec2:terminateInstances", ids},
               {"x", "at(2026-13-01T00:10:00)", "ec2:terminateInstances", ids},
               {"x", "at(2026-01-01T00:10:00)", "ec2:runInstances", ids},
               {"x", "at(2026-01-01T00:10:00)", "ec2:terminateInstances", "nonsense"},
               {"x", "at(2026-01-01T00:10:00)", "ssm:startAutomationExecution", ids}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(schedule("CreateSchedule",
                                  "{\"Name\":\"%s\",\"ScheduleExpression\":\"%s\"," WINDOW
                                  ",\"Target\":{\"Arn\":\"arn:aws:scheduler:::aws-sdk:%s\"," ROLE ",\"Input\":\"%s\"}}",
                                  bad[i].name, bad[i].at, bad[i].arn, bad[i].input),
                         -1);
        assert_string_equal(s.error.code, "ValidationException");
    }
    assert_int_equal(schedule("DeleteSchedule", "{\"Name\":\"x\"}"), -1);
    assert_string_equal(s.error.code, "ResourceNotFoundException");
    assert_int_equal(schedule("CreateSchedule", "[]"), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_cloud, close_cloud)
    const struct CMUnitTest tests[] = {
        TEST(every_action_succeeds_once),
        TEST(quotas_are_told),
        TEST(security_groups_refuse_as_ec2_does),
        TEST(images_are_shared_and_copied_across_regions_and_accounts),
        TEST(templates_keep_their_versions),
        TEST(launch_configurations_are_refused_where_accounts_are_new),
        TEST(schedules_end_by_tag_and_mend_a_group),
        TEST(schedules_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("cloud_calls", tests, NULL, NULL);
}
