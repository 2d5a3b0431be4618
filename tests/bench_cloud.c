/*
 * Whole deployments a second in the modelled cloud, in process, and what one costs in calls and events. One deployment:
 * a bake instance is run, an image made of it, the bake instance ended, a template version made, a group of four rolled
 * in waves of two (two launched, attached, two old ones terminated with decrement), the group's template moved on, the
 * image of five deployments ago deregistered with its snapshot, its template version deleted. Between the calls virtual
 * time passes as in life (about 9 min a deployment). User CPU time of one core; median of five rounds.
 *
 *   make bench          or: build/release/tests/bench_cloud [DEPLOYMENTS]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/str.h"
#include "sim/cloud.h"

#define ROUNDS 5
#define KEPT   5

struct bench {
    struct simcloud *cloud;
    struct simcloud_caller caller;
    struct aws_reply reply;
    char images[KEPT][32];
    char template_id[40];
    int64_t calls, number;
};

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
}

static const char *call(struct bench *b, enum aws_service service, const char *action, const char *const *params,
                        const char *path)
{
    struct aws_request request;
    struct aws_error error;
    aws_request_init(&request, service, action);
    for (size_t i = 0; params[i]; i += 2)
        aws_param(&request, params[i], params[i + 1]);
    aws_reply_release(&b->reply);
    aws_reply_init(&b->reply);
    if (simcloud_call(b->cloud, &b->caller, &request, &b->reply, &error)) {
        fprintf(stderr, "%s: %s: %s\n", action, error.code, error.message);
        exit(1);
    }
    aws_request_release(&request);
    b->calls++;
    return path ? node_get(b->reply.root, path) : "";
}

#define CALL(service, action, path, ...) call(b, service, action, (const char *const[]){__VA_ARGS__, NULL}, path)

static void pass_s(struct bench *b, int64_t seconds)
{
    simcloud_advance_to(b->cloud, simcloud_now_ms(b->cloud) + seconds * 1000);
}

static void wait_running(struct bench *b, const char *id)
{
    while (strcmp(CALL(AWS_EC2, "DescribeInstances", "reservationSet/item/instancesSet/item/instanceState/name",
                       "InstanceId.1", id),
                  "running") != 0)
        pass_s(b, 10);
}

static void bake(struct bench *b, char image[32])
{
    char id[32];
    char name[32];
    str_fit(name, sizeof(name), "bake-%lld", (long long)b->number);
    str_fit(id, sizeof(id), "%s",
            CALL(AWS_EC2, "RunInstances", "instancesSet/item/instanceId", "ImageId", SIMCLOUD_BASE_IMAGE,
                 "InstanceType", "m5.large", "MinCount", "1", "MaxCount", "1", "ClientToken", name,
                 "TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "bakehour:run",
                 "TagSpecification.1.Tag.1.Value", name));
    wait_running(b, id);
    pass_s(b, 40);
    str_fit(image, 32, "%s",
            CALL(AWS_EC2, "CreateImage", "imageId", "InstanceId", id, "Name", name, "NoReboot", "true"));
    do
        pass_s(b, 60);
    while (strcmp(CALL(AWS_EC2, "DescribeImages", "imagesSet/item/imageState", "ImageId.1", image), "available") != 0);
    CALL(AWS_EC2, "TerminateInstances", NULL, "InstanceId.1", id);
}

/* The ids of the group's members that are older than the version that is rolled out. */
static size_t old_members(struct bench *b, const char *version, char ids[8][32])
{
    size_t count = 0;
    CALL(AWS_AUTOSCALING, "DescribeAutoScalingGroups", NULL, "AutoScalingGroupNames.member.1", "web");
    const struct node *set =
        node_find(b->reply.root, "DescribeAutoScalingGroupsResult/AutoScalingGroups/member/Instances");
    for (const struct node *m = node_child(set, "member"); m && count < 8; m = node_next(m, "member"))
        if (strcmp(node_get(m, "LifecycleState"), "InService") == 0 &&
            strcmp(node_get(m, "LaunchTemplate/Version"), version) != 0)
            str_fit(ids[count++], 32, "%s", node_get(m, "InstanceId"));
    return count;
}

static void wave(struct bench *b, const char *version)
{
    char new_ids[2][32];
    char old_ids[8][32];
    static const char *const zones[] = {"us-east-1a", "us-east-1b"};
    for (int i = 0; i < 2; i++)
        str_fit(new_ids[i], 32, "%s",
                CALL(AWS_EC2, "RunInstances", "instancesSet/item/instanceId", "LaunchTemplate.LaunchTemplateId",
                     b->template_id, "LaunchTemplate.Version", version, "MinCount", "1", "MaxCount", "1",
                     "Placement.AvailabilityZone", zones[i]));
    for (int i = 0; i < 2; i++)
        wait_running(b, new_ids[i]);
    pass_s(b, 30);
    CALL(AWS_AUTOSCALING, "AttachInstances", NULL, "AutoScalingGroupName", "web", "InstanceIds.member.1", new_ids[0],
         "InstanceIds.member.2", new_ids[1]);
    size_t count = old_members(b, version, old_ids);
    assert(count >= 2);
    for (size_t i = 0; i < 2 && i < count; i++)
        CALL(AWS_AUTOSCALING, "TerminateInstanceInAutoScalingGroup", NULL, "InstanceId", old_ids[i],
             "ShouldDecrementDesiredCapacity", "true");
    pass_s(b, 60);
}

static void deploy(struct bench *b)
{
    char image[32];
    char version[24];
    char old_version[24];
    b->number++;
    bake(b, image);
    str_fit(version, sizeof(version), "%s",
            CALL(AWS_EC2, "CreateLaunchTemplateVersion", "launchTemplateVersion/versionNumber", "LaunchTemplateId",
                 b->template_id, "SourceVersion", "1", "LaunchTemplateData.ImageId", image));
    wave(b, version);
    wave(b, version);
    CALL(AWS_AUTOSCALING, "UpdateAutoScalingGroup", NULL, "AutoScalingGroupName", "web",
         "LaunchTemplate.LaunchTemplateId", b->template_id, "LaunchTemplate.Version", version);
    char *slot = b->images[b->number % KEPT];
    if (*slot) {
        CALL(AWS_EC2, "DeregisterImage", NULL, "ImageId", slot, "DeleteAssociatedSnapshots", "true");
        str_fit(old_version, sizeof(old_version), "%lld", (long long)(b->number + 1 - KEPT));
        CALL(AWS_EC2, "DeleteLaunchTemplateVersions", NULL, "LaunchTemplateId", b->template_id,
             "LaunchTemplateVersion.1", old_version);
    }
    str_fit(slot, 32, "%s", image);
}

static double round_of(int64_t deployments, uint32_t seed, bool last)
{
    struct bench bench = {.caller = {SIMCLOUD_ACCOUNT, "us-east-1", ""}};
    struct bench *b = &bench;
    struct simcloud_options options = simcloud_options_default();
    struct err err;
    options.seed = seed;
    options.times.spread_percent = 10;
    b->cloud = simcloud_new(&options);
    aws_reply_init(&b->reply);
    if (simcloud_add_group(b->cloud, &b->caller, "web", 4, &err))
        exit(1);
    str_fit(b->template_id, sizeof(b->template_id), "%s",
            CALL(AWS_EC2, "DescribeLaunchTemplates", "launchTemplates/item/launchTemplateId", "LaunchTemplateName.1",
                 "web"));
    double begin = cpu_s();
    for (int64_t i = 0; i < deployments; i++)
        deploy(b);
    double took = cpu_s() - begin;
    if (last)
        printf("  one deployment: %.1f calls, %.1f trace entries, %.0f s of virtual time\n",
               (double)b->calls / (double)deployments, (double)simcloud_trace_count(b->cloud) / (double)deployments,
               (double)(simcloud_now_ms(b->cloud) - options.start_ms) / 1000 / (double)deployments);
    aws_reply_release(&b->reply);
    simcloud_free(b->cloud);
    return (double)deployments / took;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int64_t deployments = argc > 1 ? strtoll(argv[1], NULL, 10) : 5000;
    double rates[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        rates[i] = round_of(deployments, (uint32_t)i + 1, i == ROUNDS - 1);
    qsort(rates, ROUNDS, sizeof(*rates), by_value);
    printf("  modelled cloud: %.0f deployments a second of CPU time, median of %d rounds of %lld (wanted: 2,000)\n",
           rates[ROUNDS / 2], ROUNDS, (long long)deployments);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("  peak memory %ld KB\n", usage.ru_maxrss);
    return 0;
}
