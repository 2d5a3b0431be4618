/*
 * Deterministic simulation: for each seed a random driver calls the modelled cloud, lets time pass, kills guests and
 * spoils images; every invariant is looked at after every event. Each seed runs twice and must leave the same trace.
 * What instances, volumes and addresses have used is metered a second time, here, from nothing but the trace, and
 * priced by simple arithmetic: that must be the bill, to the last unit. Half-way each cloud is saved and loaded.
 *
 * BAKEHOUR_SEEDS=N runs N seeds instead of the few of `make check`; BAKEHOUR_SEED=S only that one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/str.h"
#include "sim/fault.h"
#include "tests/support_bill.h"
#include "tests/support_cloud.h"
#include "tests/support_draw.h"

#if defined(__SANITIZE_ADDRESS__)
#define SEEDS 150
#else
#define SEEDS 3000
#endif
#define STEPS 60
#define IDS   64

/* ---- the observer: it sees trace entries, and what type it had asked for ---- */

struct seen {
    char id[40];
    int64_t since_ms; /* running, or stored; -1: it is not */
    bool big;         /* m4.large, else t2.micro */
};

struct observer {
    struct seen items[4096];
    size_t count;
    int64_t now_ms;
    int128 instance_units; /* price x billed seconds */
    int64_t volume_s, address_s;
    bool by_hour;
    bool tell;
    bool next_big; /* the type of what the driver itself launches; groups launch m4.large */
};

static struct seen *find(struct observer *o, const char *id)
{
    for (size_t i = o->count; i > 0; i--)
        if (strcmp(o->items[i - 1].id, id) == 0)
            return &o->items[i - 1];
    assert_true(o->count < sizeof(o->items) / sizeof(*o->items));
    struct seen *s = &o->items[o->count++];
    str_fit(s->id, sizeof(s->id), "%s", id);
    s->since_ms = -1;
    s->big = true;
    return s;
}

static int64_t whole_seconds(int64_t from_ms, int64_t to_ms)
{
    return (to_ms - from_ms + 999) / 1000;
}

static void end_period(struct observer *o, struct seen *s, int64_t at_ms, bool instance)
{
    int64_t seconds = whole_seconds(s->since_ms, at_ms);
    seconds = seconds > 0 ? seconds : 1;
    int64_t at_least_60 = seconds < 60 ? 60 : seconds;
    if (!instance) {
        o->volume_s += at_least_60;
        return;
    }
    o->address_s += at_least_60;
    int64_t billed = o->by_hour ? (seconds + 3599) / 3600 * 3600 : at_least_60;
    o->instance_units +=
        (int128)(s->big ? usd(o->by_hour ? "0.12" : "0.10") : usd(o->by_hour ? "0.013" : "0.0116")) * billed;
}

static void traced(void *context, const struct simcloud_trace_entry *e)
{
    struct observer *o = context;
    o->now_ms = e->ms;
    if (o->tell)
        (void)fprintf(stderr, "# %lld %s %s %s -> %s %s\n", (long long)e->ms, e->kind, e->id, e->from, e->to,
                      e->detail);
    bool instance = strcmp(e->kind, "instance") == 0;
    if (!instance && strcmp(e->kind, "volume") != 0)
        return;
    struct seen *s = find(o, e->id);
    if (instance && strcmp(e->to, "pending") == 0 && !*e->from)
        s->big = o->next_big;
    const char *on = instance ? "running" : "in-use";
    const char *off = instance ? "running" : "deleting";
    if (strcmp(e->to, on) == 0) {
        if (s->since_ms < 0)
            s->since_ms = e->ms;
    } else if (s->since_ms >= 0 && strcmp(instance ? e->from : e->to, off) == 0) {
        end_period(o, s, e->ms, instance);
        s->since_ms = -1;
    }
}

static void end_all(struct observer *o, int64_t now_ms)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->items[i].since_ms >= 0)
            end_period(o, &o->items[i], now_ms, o->items[i].id[0] == 'i');
}

/* ---- the driver ---- */

struct driver {
    struct sim s;
    struct philox p;
    struct observer *observer;
    struct fault_set *faults;
    char ids[IDS][200]; /* whatever answers have named */
    size_t id_count;
    int64_t names;
};

static void remember(struct driver *d, const char *id)
{
    if (!*id || strlen(id) >= sizeof(d->ids[0]))
        return;
    size_t at = d->id_count < IDS ? d->id_count++ : philox_below(&d->p, IDS);
    str_fit(d->ids[at], sizeof(d->ids[at]), "%s", id);
}

/* One that begins so, mostly; now and then any other, or nonsense. */
static const char *some(struct driver *d, const char *prefix)
{
    static char nonsense[] = "i-0123456789abcdef0";
    if (d->id_count == 0 || philox_below(&d->p, 30) == 0)
        return nonsense;
    for (int i = 0; i < 40; i++) {
        const char *id = d->ids[philox_below(&d->p, d->id_count)];
        if (strncmp(id, prefix, strlen(prefix)) == 0)
            return id;
    }
    return strcmp(prefix, "ami-") == 0 ? SIMCLOUD_BASE_IMAGE : nonsense;
}

static const char *number(struct driver *d, int64_t low, int64_t high)
{
    static char text[8][24];
    static int at;
    at = (at + 1) % 8;
    str_fit(text[at], sizeof(text[at]), "%lld", (long long)draw(&d->p, low, high));
    return text[at];
}

static const char *yes_no(struct driver *d)
{
    return philox_below(&d->p, 2) ? "true" : "false";
}

#define EC2(action, ...) sim_call(&d->s, AWS_EC2, action, __VA_ARGS__, NULL)
#define ASG(action, ...) sim_call(&d->s, AWS_AUTOSCALING, action, __VA_ARGS__, NULL)
#define GROUP            "AutoScalingGroupName", philox_below(&d->p, 2) ? "web" : "api"

static void run_some(struct driver *d)
{
    char name[32];
    bool big = philox_below(&d->p, 2);
    d->observer->next_big = big;
    str_fit(name, sizeof(name), "t%lld", (long long)draw(&d->p, 1, 40));
    if (EC2("RunInstances", "ImageId", some(d, "ami-"), "MinCount", "1", "MaxCount", number(d, 1, 3), "InstanceType",
            big ? "m4.large" : "t2.micro", "ClientToken", philox_below(&d->p, 2) ? name : NULL,
            "InstanceInitiatedShutdownBehavior", philox_below(&d->p, 2) ? "terminate" : "stop", "DryRun",
            philox_below(&d->p, 10) ? NULL : "true") == 0)
        remember(d, sim_get(&d->s, "instancesSet/item/instanceId"));
    d->observer->next_big = true;
}

static void make_image(struct driver *d)
{
    char name[32];
    str_fit(name, sizeof(name), "image-%lld", (long long)draw(&d->p, 1, 30));
    if (EC2("CreateImage", "InstanceId", some(d, "i-"), "Name", name, "NoReboot", yes_no(d)) == 0)
        remember(d, sim_get(&d->s, "imageId"));
}

static void drop_image(struct driver *d)
{
    EC2("DeregisterImage", "ImageId", some(d, "ami-"), "DeleteAssociatedSnapshots", yes_no(d));
    if (EC2("DescribeSnapshots", "Owner.1", "self", "MaxResults", "5") == 0)
        remember(d, sim_get(&d->s, "snapshotSet/item/snapshotId"));
    EC2("DeleteSnapshot", "SnapshotId", some(d, "snap-"));
}

static void copy_image(struct driver *d)
{
    char name[32];
    str_fit(name, sizeof(name), "copy-%lld", (long long)d->names++);
    d->s.caller.region = "eu-west-1";
    EC2("CopyImage", "SourceRegion", "us-east-1", "SourceImageId", some(d, "ami-"), "Name", name, "ClientToken",
        number(d, 1, 9));
    d->s.caller.region = "us-east-1";
}

static void power(struct driver *d)
{
    static const char *const actions[] = {"StopInstances", "StartInstances", "RebootInstances", "TerminateInstances",
                                          "TerminateInstances"};
    EC2(actions[philox_below(&d->p, 5)], "InstanceId.1", some(d, "i-"));
}

static void template(struct driver *d)
{
    if (EC2("CreateLaunchTemplate", "LaunchTemplateName", "one", "LaunchTemplateData.ImageId", SIMCLOUD_BASE_IMAGE,
            "LaunchTemplateData.InstanceType", "m4.large") == 0)
        remember(d, sim_get(&d->s, "launchTemplate/launchTemplateId"));
    EC2("CreateLaunchTemplateVersion", "LaunchTemplateName", "one", "SourceVersion", "1", "LaunchTemplateData.ImageId",
        some(d, "ami-"));
    if (philox_below(&d->p, 4) == 0)
        EC2("DeleteLaunchTemplateVersions", "LaunchTemplateName", "one", "LaunchTemplateVersion.1", number(d, 1, 9));
}

static void group(struct driver *d)
{
    template(d);
    ASG("CreateAutoScalingGroup", GROUP, "MinSize", number(d, 0, 2), "MaxSize", number(d, 2, 6),
        "LaunchTemplate.LaunchTemplateName", "one", "LaunchTemplate.Version", number(d, 1, 3),
        "AvailabilityZones.member.1", "us-east-1a", "AvailabilityZones.member.2",
        philox_below(&d->p, 2) ? "us-east-1b" : NULL, "TerminationPolicies.member.1",
        philox_below(&d->p, 2) ? "ClosestToNextInstanceHour" : NULL, "TargetGroupARNs.member.1",
        philox_below(&d->p, 2) ? some(d, "arn:aws:elasticloadbalancing") : NULL, "HealthCheckType",
        philox_below(&d->p, 2) ? "ELB" : "EC2", "HealthCheckGracePeriod", number(d, 0, 200));
    if (philox_below(&d->p, 8) == 0)
        ASG("DeleteAutoScalingGroup", GROUP, "ForceDelete", yes_no(d));
}

static void resize(struct driver *d)
{
    ASG("UpdateAutoScalingGroup", GROUP, "MinSize", philox_below(&d->p, 2) ? number(d, 0, 3) : NULL, "MaxSize",
        philox_below(&d->p, 2) ? number(d, 1, 6) : NULL, "DesiredCapacity", number(d, 0, 5),
        "LaunchTemplate.LaunchTemplateName", philox_below(&d->p, 2) ? "one" : NULL, "LaunchTemplate.Version",
        philox_below(&d->p, 2) ? number(d, 1, 6) : NULL, "AvailabilityZones.member.1",
        philox_below(&d->p, 3) ? NULL : "us-east-1c");
    ASG("SetDesiredCapacity", GROUP, "DesiredCapacity", number(d, 0, 6), "HonorCooldown", yes_no(d));
}

static void member(struct driver *d)
{
    char id[40];
    ASG("DescribeAutoScalingInstances", "MaxRecords", number(d, 1, 50));
    str_fit(id, sizeof(id), "%.39s",
            sim_get(&d->s, "DescribeAutoScalingInstancesResult/AutoScalingInstances/member/InstanceId"));
    remember(d, id);
    const char *one = *id ? id : some(d, "i-");
    switch (philox_below(&d->p, 7)) {
    case 0:
        ASG("AttachInstances", GROUP, "InstanceIds.member.1", some(d, "i-"));
        return;
    case 1:
        ASG("DetachInstances", GROUP, "InstanceIds.member.1", one, "ShouldDecrementDesiredCapacity", yes_no(d));
        return;
    case 2:
        ASG("TerminateInstanceInAutoScalingGroup", "InstanceId", one, "ShouldDecrementDesiredCapacity", yes_no(d));
        return;
    case 3:
        ASG("SetInstanceHealth", "InstanceId", one, "HealthStatus", "Unhealthy", "ShouldRespectGracePeriod", yes_no(d));
        return;
    case 4:
        ASG("EnterStandby", GROUP, "InstanceIds.member.1", one, "ShouldDecrementDesiredCapacity", yes_no(d));
        return;
    case 5:
        ASG("ExitStandby", GROUP, "InstanceIds.member.1", one);
        return;
    default:
        ASG("SetInstanceProtection", GROUP, "InstanceIds.member.1", one, "ProtectedFromScaleIn", yes_no(d));
    }
}

static void process(struct driver *d)
{
    static const char *const names[] = {"Launch",      "Terminate",         "HealthCheck",    "ReplaceUnhealthy",
                                        "AZRebalance", "AddToLoadBalancer", "InstanceRefresh"};
    const char *name = names[philox_below(&d->p, 7)];
    ASG(philox_below(&d->p, 3) ? "ResumeProcesses" : "SuspendProcesses", GROUP, "ScalingProcesses.member.1", name);
    if (philox_below(&d->p, 4) == 0)
        ASG("ResumeProcesses", GROUP);
}

static void refresh(struct driver *d)
{
    ASG("StartInstanceRefresh", GROUP, "DesiredConfiguration.LaunchTemplate.LaunchTemplateName", "one",
        "DesiredConfiguration.LaunchTemplate.Version", number(d, 1, 6), "Preferences.AutoRollback", yes_no(d),
        "Preferences.MinHealthyPercentage", number(d, 0, 100), "Preferences.InstanceWarmup", number(d, 0, 120),
        "Preferences.MaxHealthyPercentage", philox_below(&d->p, 2) ? number(d, 100, 150) : NULL);
    if (philox_below(&d->p, 3) == 0)
        ASG(philox_below(&d->p, 2) ? "CancelInstanceRefresh" : "RollbackInstanceRefresh", GROUP);
    ASG("DescribeInstanceRefreshes", GROUP);
}

static void targets(struct driver *d)
{
    if (sim_call(&d->s, AWS_ELBV2, "CreateTargetGroup", "Name", "tg", "Protocol", "HTTP", "Port", "8000",
                 "HealthCheckPath", "/os/version", "HealthCheckIntervalSeconds", number(d, 5, 30), NULL) == 0)
        remember(d, sim_get(&d->s, "CreateTargetGroupResult/TargetGroups/member/TargetGroupArn"));
    const char *arn = some(d, "arn:aws:elasticloadbalancing");
    sim_call(&d->s, AWS_ELBV2, philox_below(&d->p, 2) ? "RegisterTargets" : "DeregisterTargets", "TargetGroupArn", arn,
             "Targets.member.1.Id", some(d, "i-"), NULL);
    sim_call(&d->s, AWS_ELBV2, "DescribeTargetHealth", "TargetGroupArn", arn, NULL);
    sim_call(&d->s, AWS_ELBV2, "ModifyTargetGroupAttributes", "TargetGroupArn", arn, "Attributes.member.1.Key",
             "deregistration_delay.timeout_seconds", "Attributes.member.1.Value", number(d, 0, 300), NULL);
    if (philox_below(&d->p, 10) == 0)
        sim_call(&d->s, AWS_ELBV2, "DeleteTargetGroup", "TargetGroupArn", arn, NULL);
}

static void reads(struct driver *d)
{
    EC2("DescribeInstances", "MaxResults", number(d, 5, 9), "Filter.1.Name", "instance-state-name", "Filter.1.Value.1",
        "r*");
    EC2("DescribeTags", "MaxResults", "5");
    EC2("DescribeVolumes", "MaxResults", "50");
    ASG("DescribeAutoScalingGroups", "MaxRecords", number(d, 1, 3));
    ASG("DescribeScalingActivities", GROUP);
}

static void root_and_tags(struct driver *d)
{
    EC2("CreateReplaceRootVolumeTask", "InstanceId", some(d, "i-"), "DeleteReplacedRootVolume", yes_no(d), "ImageId",
        philox_below(&d->p, 2) ? some(d, "ami-") : NULL);
    EC2("CreateTags", "ResourceId.1", some(d, "i-"), "Tag.1.Key", number(d, 1, 9), "Tag.1.Value", "x");
    EC2("DeleteTags", "ResourceId.1", some(d, "i-"), "Tag.1.Key", number(d, 1, 9));
    if (EC2("DescribeVolumes", "MaxResults", "5") == 0)
        remember(d, sim_get(&d->s, "volumeSet/item/volumeId"));
    EC2("DeleteVolume", "VolumeId", some(d, "vol-"));
}

/* What happens to guests: they are stuck, die, or are told to boot nothing. */
static void harm(struct driver *d)
{
    struct guest *g = simcloud_guest_of(d->s.cloud, some(d, "i-"));
    int64_t now = simcloud_now_ms(d->s.cloud);
    if (!g)
        return;
    switch (philox_below(&d->p, 4)) {
    case 0:
        guest_stick(g, now);
        break;
    case 1:
        guest_kill_app(g, now);
        break;
    case 2:
        guest_shutdown(g, now);
        break;
    default:
        guest_replace_disk(g, sim_broken_disk(), now);
    }
}

static void step(struct driver *d)
{
    static void (*const menu[])(struct driver *) = {
        run_some, run_some, make_image, drop_image, copy_image,    power, group, resize,  member,
        member,   process,  refresh,    targets,    root_and_tags, reads, harm,  template};
    menu[philox_below(&d->p, sizeof(menu) / sizeof(*menu))](d);
    int64_t seconds = DRAW_OF(&d->p, 0, 0, 1, 7, 20, 45, 130, 600, 4000);
    simcloud_advance_to(d->s.cloud, simcloud_now_ms(d->s.cloud) + seconds * 1000 + draw(&d->p, 0, 999));
}

static struct simcloud_options options_of(struct driver *d, uint32_t seed)
{
    struct simcloud_options options = sim_options(seed);
    static const char *const starts[] = {"2016-02-01T00:00:00Z", "2018-03-01T00:00:00Z", "2025-03-01T00:00:00Z"};
    const char *start = starts[seed % 3];
    d->observer->by_hour = seed % 3 == 0;
    options.start_ms = at(start) * 1000;
    options.times.spread_percent = (int64_t)philox_below(&d->p, 40);
    options.lag_max_ms = philox_below(&d->p, 2) ? 3000 : 0;
    options.throttle = philox_below(&d->p, 4) == 0;
    options.instance_limit = philox_below(&d->p, 4) == 0 ? 6 : 0;
    options.hooks.context = d->observer;
    options.hooks.traced = traced;
    if (philox_below(&d->p, 2)) {
        struct err err;
        static const char rules[] = "[{\"action\":\"boot\",\"fault\":\"never-boots\",\"probability\":0.1},"
                                    "{\"action\":\"life\",\"fault\":\"dies\",\"after_ms\":90000,\"probability\":0.2},"
                                    "{\"action\":\"image\",\"fault\":\"fails\",\"probability\":0.2}]";
        cJSON *document = json_parse("rules", rules, strlen(rules), &err);
        d->faults = fault_set_new(seed, options.start_ms);
        assert_int_equal(fault_set_add(d->faults, "rules", document, &err), 0);
        cJSON_Delete(document);
    }
    options.faults = d->faults;
    return options;
}

static void check_bill(struct driver *d)
{
    struct simcloud_bill bill;
    struct err err;
    end_all(d->observer, simcloud_now_ms(d->s.cloud));
    if (simcloud_bill(d->s.cloud, NULL, &bill, &err))
        fail_msg("%s", err.text);
    assert_true(bill.instances_usd == num_div_half_even(d->observer->instance_units, 3600));
    bool paid_addresses = strcmp(calendar_date_text(simcloud_now_ms(d->s.cloud) / 1000, (char[24]){0}), "2024") > 0;
    assert_true(bill.address_usd ==
                (paid_addresses ? num_div_half_even((int128)usd("0.005") * d->observer->address_s, 3600) : 0));
    int64_t month_s = calendar_month_seconds(calendar_month(simcloud_now_ms(d->s.cloud) / 1000));
    assert_true(bill.storage_usd == num_div_half_even((int128)usd("0.8") * d->observer->volume_s, month_s));
    simcloud_bill_release(&bill);
}

static uint64_t one_run(uint32_t seed, const char *save_to)
{
    struct driver *d = mem_zero(1, sizeof *d);
    d->observer = mem_zero(1, sizeof *d->observer);
    d->observer->next_big = true;
    d->observer->tell = getenv("BAKEHOUR_SEED") != NULL;
    d->p = philox_stream(seed, 0, 0, 0xd817e);
    struct simcloud_options options = options_of(d, seed);
    sim_open(&d->s, &options);
    for (int i = 0; i < STEPS; i++) {
        if (d->observer->tell)
            (void)fprintf(stderr, "# step %d at %lld\n", i, (long long)simcloud_now_ms(d->s.cloud));
        step(d);
        if (i == STEPS / 2 && save_to) {
            struct err err;
            if (simcloud_save(d->s.cloud, save_to, &err) || simcloud_load(d->s.cloud, save_to, &err))
                fail_msg("%s", err.text);
        }
    }
    check_bill(d);
    uint64_t hash = simcloud_trace_hash(d->s.cloud);
    sim_close(&d->s);
    fault_set_free(d->faults);
    free(d->observer);
    free(d);
    return hash;
}

static void every_seed_holds_its_invariants_and_its_bill_twice(void **state)
{
    (void)state;
    char in_memory[] = "/dev/shm/bakehour-random-XXXXXX"; /* where waiting for the disk takes no time */
    char on_disk[] = "/tmp/bakehour-random-XXXXXX";
    char *path = in_memory;
    int fd = mkstemp(path);
    if (fd < 0)
        fd = mkstemp(path = on_disk);
    assert_true(fd >= 0);
    close(fd);
    const char *asked = getenv("BAKEHOUR_SEEDS");
    const char *only = getenv("BAKEHOUR_SEED");
    long seeds = asked ? strtol(asked, NULL, 10) : SEEDS;
    long first = only ? strtol(only, NULL, 10) : 1;
    for (long seed = first; seed < first + (only ? 1 : seeds); seed++) {
        uint64_t once = one_run((uint32_t)seed, NULL);
        uint64_t twice = one_run((uint32_t)seed, seed % 4 == 0 ? path : NULL);
        if (once != twice)
            fail_msg("seed %ld: two runs, two traces", seed);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_seed_holds_its_invariants_and_its_bill_twice)};
    return cmocka_run_group_tests_name("cloud_random", tests, NULL, NULL);
}
