/* The typed operations over a scripted transport: what is sent, what is read, and what is done when it is uncertain
 * whether it was done. The replies have the shapes of AWS's own API reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support_transport.h"

#define OK_REPLY(action) "<" action "Response><return>true</return></" action "Response>"

static const struct tag tags[] = {{"bakehour:run", "r-1"}, {"bakehour:role", "bake"}};

#define INSTANCE                                                                                                       \
    "<item><instanceId>i-0aa</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>running</name>"   \
    "</instanceState><instanceType>t2.micro</instanceType><launchTime>2026-11-25T02:00:00.500Z</launchTime>"           \
    "<placement><availabilityZone>eu-west-1a</availabilityZone></placement><subnetId>subnet-1</subnetId>"              \
    "<privateIpAddress>10.0.0.7</privateIpAddress><ipAddress>203.0.113.9</ipAddress><groupSet><item><groupId>sg-1"     \
    "</groupId></item></groupSet><rootDeviceName>/dev/sda1</rootDeviceName><blockDeviceMapping><item><deviceName>"     \
    "/dev/sda1</deviceName><ebs><volumeId>vol-1</volumeId></ebs></item></blockDeviceMapping><tagSet><item><key>"       \
    "bakehour:run</key><value>r-1</value></item></tagSet></item>"

static void instances_are_run_and_read(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "RunInstances",
         .params = "ClientToken=tok\nMinCount=1\nMaxCount=1\nImageId=ami-1\nInstanceType=t2.micro\nSubnetId=subnet-1\n"
                   "SecurityGroupId.1=sg-1\nIamInstanceProfile.Name=web\nUserData=I2Nsb3Vk\n"
                   "InstanceInitiatedShutdownBehavior=stop\nMetadataOptions.HttpTokens=optional\n"
                   "TagSpecification.1.ResourceType=instance\nTagSpecification.1.Tag.2.Key=bakehour:role\n"
                   "TagSpecification.2.ResourceType=volume\nTagSpecification.2.Tag.1.Value=r-1\n!KeyName",
         .reply = "<RunInstancesResponse><instancesSet>" INSTANCE "</instancesSet></RunInstancesResponse>"},
        {.action = "DescribeInstances",
         .params = "Filter.1.Name=tag:bakehour:run\nFilter.1.Value.1=r-1\nFilter.2.Name=instance-state-name\n"
                   "Filter.2.Value.1=running\nFilter.2.Value.2=pending\nMaxResults=1000\n!NextToken",
         .reply = "<DescribeInstancesResponse><reservationSet><item><instancesSet>" INSTANCE "</instancesSet></item>"
                  "</reservationSet><nextToken>more</nextToken></DescribeInstancesResponse>"},
        {.action = "DescribeInstances",
         .params = "NextToken=more",
         .reply = "<DescribeInstancesResponse><reservationSet><item><instancesSet>" INSTANCE INSTANCE
                  "</instancesSet></item></reservationSet></DescribeInstancesResponse>"},
        {.action = "DescribeInstances",
         .params = "InstanceId.1=i-9\n!MaxResults",
         .code = "InvalidInstanceID.NotFound"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct instances got;
    struct instance one;
    static const char *const groups[] = {"sg-1"};
    const struct run_order order = {.token = "tok",
                                    .image = "ami-1",
                                    .type = "t2.micro",
                                    .subnet = "subnet-1",
                                    .security_groups = groups,
                                    .security_group_count = 1,
                                    .profile = "web",
                                    .user_data = "#cloud",
                                    .tokens_optional = true,
                                    .tags = tags,
                                    .tag_count = 2};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_run_instances(&f.cloud, &order, &arena, &got, &error), 0);
    assert_int_equal(got.count, 1);
    const struct instance *i = &got.items[0];
    assert_string_equal(i->id, "i-0aa");
    assert_int_equal(i->state, INSTANCE_RUNNING);
    assert_int_equal(i->launch_ms, FAKE_START_MS + 500);
    assert_string_equal(i->private_ip, "10.0.0.7");
    assert_string_equal(i->root_volume, "vol-1");
    assert_string_equal(i->security_groups[0], "sg-1");
    assert_string_equal(tag_value(i->tags, i->tag_count, "bakehour:run"), "r-1");
    assert_null(tag_value(i->tags, i->tag_count, "bakehour"));
    const struct tag filters[] = {
        {"tag:bakehour:run", "r-1"}, {"instance-state-name", "running"}, {"instance-state-name", "pending"}};
    const struct lookup lookup = {.filters = filters, .filter_count = 3};
    assert_int_equal(cloud_describe_instances(&f.cloud, &lookup, &arena, &got, &error), 0);
    assert_int_equal(got.count, 3);
    assert_int_equal(cloud_describe_instance(&f.cloud, "i-9", &arena, &one, &error), 0);
    assert_int_equal(one.state, INSTANCE_UNKNOWN);
    assert_string_equal(one.id, "i-9");
    assert_string_equal(one.private_ip, "");
    arena_release(&arena);
    fake_done(&f);
}

static void an_unacknowledged_launch_is_repeated_with_its_token(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "RunInstances", .params = "ClientToken=tok", .code = "time-out", .outcome = AWS_UNCERTAIN},
        {.action = "RunInstances",
         .params = "ClientToken=tok",
         .reply = "<RunInstancesResponse><instancesSet>" INSTANCE "</instancesSet></RunInstancesResponse>"},
        {.action = "RunInstances", .params = "!ClientToken", .code = "time-out", .outcome = AWS_UNCERTAIN},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct instances got;
    struct run_order order = {.token = "tok", .image = "ami-1"};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_run_instances(&f.cloud, &order, &arena, &got, &error), 0);
    order.token = NULL;
    assert_int_equal(cloud_run_instances(&f.cloud, &order, &arena, &got, &error), -1);
    assert_int_equal(error.outcome, AWS_UNCERTAIN);
    arena_release(&arena);
    fake_done(&f);
}

static void a_template_with_a_public_address(void **state)
{
    (void)state;
    const struct fake_step steps[] = {{.action = "RunInstances",
                                       .params =
                                           "LaunchTemplate.LaunchTemplateId=lt-1\nLaunchTemplate.Version=7\n"
                                           "NetworkInterface.1.DeviceIndex=0\nNetworkInterface.1.SubnetId=s-1\n"
                                           "NetworkInterface.1.AssociatePublicIpAddress=true\n!SubnetId\n!ImageId",
                                       .code = "InsufficientInstanceCapacity",
                                       .status = 500},
                                      {.action = "RunInstances",
                                       .params = "NetworkInterface.1.SubnetId=s-1\n!SubnetId\n"
                                                 "!NetworkInterface.1.AssociatePublicIpAddress",
                                       .code = "InsufficientInstanceCapacity",
                                       .status = 400}};
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct instances got;
    struct run_order order = {
        .template_id = "lt-1", .template_name = "web", .template_version = "7", .subnet = "s-1", .public_ip = 1};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_run_instances(&f.cloud, &order, &arena, &got, &error), -1);
    struct err err;
    assert_int_equal(cloud_err(&err, EXIT_FAILED, "RunInstances", &error), EXIT_FAILED);
    assert_string_equal(err.text, "RunInstances: AWS says InsufficientInstanceCapacity: no");
    order.public_ip = 0; /* the template's interface asks for none, and is there all the same */
    order.interface = true;
    assert_int_equal(cloud_run_instances(&f.cloud, &order, &arena, &got, &error), -1);
    arena_release(&arena);
    fake_done(&f);
}

#define IMAGES(state_name)                                                                                             \
    "<DescribeImagesResponse><imagesSet><item><imageId>ami-7</imageId><name>web-1</name><imageState>" state_name       \
    "</imageState><creationDate>2026-11-25T02:00:00.000Z</creationDate><enaSupport>true</enaSupport>"                  \
    "<blockDeviceMapping><item><ebs><snapshotId>snap-1</snapshotId></ebs></item><item><virtualName>ephemeral0"         \
    "</virtualName></item></blockDeviceMapping></item></imagesSet></DescribeImagesResponse>"
#define NO_IMAGES "<DescribeImagesResponse><imagesSet/></DescribeImagesResponse>"

static void an_image_is_made_once(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        /* not acknowledged, and not there: made again; acknowledged too late: found by its name */
        {.action = "CreateImage",
         .params = "Name=web-1\nNoReboot=true",
         .code = "reply",
         .status = 502,
         .outcome = AWS_UNCERTAIN},
        {.action = "DescribeImages",
         .params = "Owner.1=self\nFilter.1.Name=name\nFilter.1.Value.1=web-1",
         .reply = NO_IMAGES},
        {.action = "CreateImage", .code = "InvalidAMIName.Duplicate"},
        {.action = "DescribeImages", .reply = NO_IMAGES}, /* the read lags */
        {.action = "DescribeImages", .reply = IMAGES("pending")},
        /* throttled: surely not made */
        {.action = "CreateImage", .code = "RequestLimitExceeded", .status = 503},
        {.action = "CreateImage",
         .params = "TagSpecification.1.ResourceType=image\nTagSpecification.2.ResourceType=snapshot",
         .reply = "<CreateImageResponse><imageId>ami-8</imageId></CreateImageResponse>"},
        /* dropped after it took effect */
        {.action = "CreateImage", .code = "connection", .outcome = AWS_UNCERTAIN},
        {.action = "DescribeImages", .reply = IMAGES("available")},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    const char *id = NULL;
    const struct image_order order = {
        .instance = "i-1", .name = "web-1", .no_reboot = true, .tags = tags, .tag_count = 2};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_create_image(&f.cloud, &order, &arena, &id, &error), 0);
    assert_string_equal(id, "ami-7");
    assert_int_equal(cloud_create_image(&f.cloud, &order, &arena, &id, &error), 0);
    assert_string_equal(id, "ami-8");
    assert_int_equal(cloud_create_image(&f.cloud, &order, &arena, &id, &error), 0);
    assert_string_equal(id, "ami-7");
    arena_release(&arena);
    fake_done(&f);
}

static void images_are_awaited_and_removed(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeImages", .params = "ImageId.1=ami-7\n!Owner.1", .code = "InvalidAMIID.NotFound"},
        {.action = "DescribeImages", .reply = IMAGES("pending")},
        {.action = "DescribeImages", .reply = IMAGES("available")},
        {.action = "DescribeImages", .reply = IMAGES("failed")},
        {.action = "DescribeImages", .reply = IMAGES("available")},
        {.action = "DeregisterImage",
         .params = "ImageId=ami-7\nDeleteAssociatedSnapshots=true",
         .code = "InvalidAMIID.Unavailable"},
        {.action = "DeleteSnapshot", .params = "SnapshotId=snap-1", .code = "InvalidSnapshot.InUse"},
        {.action = "DeleteSnapshot", .code = "InvalidSnapshot.NotFound"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct image image;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_wait_image(&f.cloud, "ami-7", 0, &error), 0);
    assert_int_equal(cloud_wait_image(&f.cloud, "ami-7", 0, &error), -1);
    assert_string_equal(error.message, "ami-7 failed: no reason given");
    assert_int_equal(cloud_describe_image(&f.cloud, "ami-7", &arena, &image, &error), 0);
    assert_int_equal(image.snapshot_count, 1);
    assert_true(image.ena);
    assert_int_equal(cloud_remove_image(&f.cloud, &image, &error), 0);
    arena_release(&arena);
    fake_done(&f);
}

static void terminating_the_unknown_is_done(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "TerminateInstances",
         .params = "InstanceId.1=i-1\nInstanceId.2=i-2",
         .code = "InvalidInstanceID.NotFound"},
        {.action = "TerminateInstances",
         .params = "InstanceId.1=i-1\n!InstanceId.2",
         .reply = OK_REPLY("TerminateInstances")},
        {.action = "TerminateInstances", .params = "InstanceId.1=i-2", .code = "InvalidInstanceID.NotFound"},
    };
    static const char *const ids[] = {"i-1", "i-2"};
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    f.retry.settings.settle_ms = 0;
    assert_int_equal(cloud_terminate_instances(&f.cloud, ids, 2, &error), 0);
    assert_int_equal(cloud_terminate_instances(&f.cloud, ids, 0, &error), 0);
    fake_done(&f);
}

static void an_instance_that_died_is_not_waited_for(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "DescribeInstances", .code = "InvalidInstanceID.NotFound"},
        {.action = "DescribeInstances",
         .reply = "<R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceState><name>"
                  "pending</name></instanceState></item></instancesSet></item></reservationSet></R>"},
        {.action = "DescribeInstances",
         .reply = "<R><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId><instanceState><name>"
                  "terminated</name></instanceState><stateReason><code>Client.VolumeLimitExceeded</code><message>"
                  "Client.VolumeLimitExceeded: Volume limit exceeded</message></stateReason></item></instancesSet>"
                  "</item></reservationSet></R>"},
    };
    struct fake f;
    struct aws_error error;
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_wait_instance(&f.cloud, "i-1", INSTANCE_RUNNING, 0, &error), -1);
    assert_string_equal(error.message, "i-1 is terminated and will not be running again: "
                                       "Client.VolumeLimitExceeded: Volume limit exceeded");
    fake_done(&f);
}

static void ports_open_and_close(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "AuthorizeSecurityGroupIngress",
         .params = "GroupId=sg-1\nIpPermissions.1.IpProtocol=tcp\nIpPermissions.1.FromPort=8000\n"
                   "IpPermissions.1.ToPort=8000\nIpPermissions.1.IpRanges.1.CidrIp=203.0.113.7/32\n"
                   "IpPermissions.1.IpRanges.1.Description=bakehour r-1",
         .code = "InvalidPermission.Duplicate"},
        {.action = "RevokeSecurityGroupIngress",
         .params = "IpPermissions.1.Ipv6Ranges.1.CidrIpv6=2001:db8::1/128\n!IpPermissions.1.IpRanges.1.CidrIp",
         .code = "InvalidPermission.NotFound"},
        {.action = "DescribeSecurityGroups",
         .reply = "<R><securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions><item><ipProtocol>tcp</ipProtocol>"
                  "<fromPort>8000</fromPort><toPort>8000</toPort><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item>"
                  "<item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item><item><ipProtocol>-1</ipProtocol>"
                  "<ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item></ipPermissions></item>"
                  "</securityGroupInfo></R>"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct security_groups got;
    const struct lookup all = {0};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_open_port(&f.cloud, "sg-1", 8000, "203.0.113.7/32", "bakehour r-1", &error), 0);
    assert_int_equal(cloud_close_port(&f.cloud, "sg-1", 8000, "2001:db8::1/128", &error), 0);
    assert_int_equal(cloud_describe_security_groups(&f.cloud, &all, &arena, &got, &error), 0);
    assert_int_equal(got.items[0].rule_count, 3);
    assert_string_equal(got.items[0].rules[1].cidr, "10.0.0.0/8");
    assert_int_equal(got.items[0].rules[2].from_port, -1);
    arena_release(&arena);
    fake_done(&f);
}

static void templates_grow_versions(void **state)
{
    (void)state;
    const struct fake_step steps[] = {
        {.action = "CreateLaunchTemplateVersion",
         .params = "LaunchTemplateId=lt-1\nSourceVersion=3\nClientToken=t\nLaunchTemplateData.ImageId=ami-7\n"
                   "LaunchTemplateData.TagSpecification.1.Tag.1.Key=bakehour:run\n!LaunchTemplateData.InstanceType",
         .reply = "<R><launchTemplateVersion><launchTemplateId>lt-1</launchTemplateId><versionNumber>4</versionNumber>"
                  "<launchTemplateData><imageId>ami-7</imageId></launchTemplateData></launchTemplateVersion></R>"},
        {.action = "DescribeLaunchTemplateVersions",
         .params = "LaunchTemplateId=lt-1\n!LaunchTemplateVersion.1",
         .reply = "<R><launchTemplateVersionSet><item><versionNumber>10</versionNumber></item><item><versionNumber>9"
                  "</versionNumber><defaultVersion>true</defaultVersion><launchTemplateData><imageId>ami-6</imageId>"
                  "<userData>I2Nsb3Vk</userData><securityGroupIdSet><item>sg-1</item></securityGroupIdSet>"
                  "<networkInterfaceSet><item><associatePublicIpAddress>true</associatePublicIpAddress><groupSet>"
                  "<groupId>sg-2</groupId></groupSet></item></networkInterfaceSet></launchTemplateData></item>"
                  "</launchTemplateVersionSet></R>"},
        {.action = "DeleteLaunchTemplateVersions",
         .reply = "<R><unsuccessfullyDeletedLaunchTemplateVersionSet><item><versionNumber>9</versionNumber>"
                  "<responseError><code>launchTemplateVersionIsDefault</code><message>default</message></responseError>"
                  "</item></unsuccessfullyDeletedLaunchTemplateVersionSet></R>"},
        {.action = "CreateLaunchConfiguration",
         .params = "LaunchConfigurationName=lc\nSecurityGroups.member.1=sg-1",
         .code = "AlreadyExists"},
        {.action = "DescribeLaunchConfigurations",
         .params = "LaunchConfigurationNames.member.1=lc",
         .reply = "<R><DescribeLaunchConfigurationsResult><LaunchConfigurations><member><LaunchConfigurationName>lc"
                  "</LaunchConfigurationName><ImageId>ami-7</ImageId><InstanceType>t2.micro</InstanceType></member>"
                  "</LaunchConfigurations></DescribeLaunchConfigurationsResult></R>"},
    };
    struct fake f;
    struct aws_error error;
    struct arena arena = {0};
    struct template_version version;
    struct template_versions all;
    static const char *const groups[] = {"sg-1"};
    struct launch_spec spec = {.image = "ami-7", .tags = tags, .tag_count = 1};
    FAKE_SCRIPT(&f, steps);
    assert_int_equal(cloud_create_template_version(&f.cloud, "lt-1", "3", NULL, &spec, "t", &arena, &version, &error),
                     0);
    assert_int_equal(version.version, 4);
    assert_int_equal(cloud_describe_template_versions(&f.cloud, "lt-1", NULL, &arena, &all, &error), 0);
    assert_int_equal(all.items[0].version, 9);
    assert_string_equal(all.items[0].spec.user_data, "#cloud");
    assert_string_equal(all.items[0].spec.security_groups[0], "sg-2");
    assert_int_equal(all.items[0].spec.public_ip, 1);
    assert_int_equal(cloud_delete_template_version(&f.cloud, "lt-1", 9, &error), -1);
    assert_string_equal(error.code, "launchTemplateVersionIsDefault");
    spec = (struct launch_spec){
        .image = "ami-7", .type = "t2.micro", .security_groups = groups, .security_group_count = 1};
    assert_int_equal(cloud_create_launch_config(&f.cloud, "lc", &spec, &error), 0);
    arena_release(&arena);
    fake_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests_here[] = {
        cmocka_unit_test(instances_are_run_and_read),
        cmocka_unit_test(an_unacknowledged_launch_is_repeated_with_its_token),
        cmocka_unit_test(a_template_with_a_public_address),
        cmocka_unit_test(an_image_is_made_once),
        cmocka_unit_test(images_are_awaited_and_removed),
        cmocka_unit_test(terminating_the_unknown_is_done),
        cmocka_unit_test(an_instance_that_died_is_not_waited_for),
        cmocka_unit_test(ports_open_and_close),
        cmocka_unit_test(templates_grow_versions),
    };
    return cmocka_run_group_tests_name("cloud", tests_here, NULL, NULL);
}
