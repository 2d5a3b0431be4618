/*
 * cloud_group.c - Auto Scaling groups and what is done with their members.
 *
 * AttachInstances, DetachInstances and TerminateInstanceInAutoScalingGroup count up or down and know no token: each is
 * made for what the group shows to be undone, once; where the outcome is uncertain the group is read again, and only
 * what is still undone is asked for again. AWS itself refuses to attach a member, or to let go one that is none, so a
 * reading that lags cannot count twice.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define ONCE_ATTEMPTS 4

static void read_members(struct arena *arena, const struct node *item, struct group *out)
{
    const struct node *set = node_find(item, "Instances");
    struct member *members = arena_alloc(arena, (node_count(set, "member") + 1) * sizeof *members);
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member"))
        members[out->member_count++] = (struct member){
            .id = take_text(arena, m, "InstanceId"),
            .zone = take_text(arena, m, "AvailabilityZone"),
            .type = take_text(arena, m, "InstanceType"),
            .lifecycle = take_text(arena, m, "LifecycleState"),
            .healthy = strcmp(node_get(m, "HealthStatus"), "Healthy") == 0,
            .protected = take_bool(m, "ProtectedFromScaleIn"),
            .template_id = take_text(arena, m, "LaunchTemplate/LaunchTemplateId"),
            .template_name = take_text(arena, m, "LaunchTemplate/LaunchTemplateName"),
            .template_version = take_text(arena, m, "LaunchTemplate/Version"),
            .launch_config = take_text(arena, m, "LaunchConfigurationName"),
        };
    out->members = members;
}

static void read_group(struct arena *arena, const struct node *item, struct group *out)
{
    const struct node *mixed = node_find(item, "MixedInstancesPolicy/LaunchTemplate/LaunchTemplateSpecification");
    const struct node *template = mixed ? mixed : node_find(item, "LaunchTemplate");
    *out = (struct group){
        .name = take_text(arena, item, "AutoScalingGroupName"),
        .arn = take_text(arena, item, "AutoScalingGroupARN"),
        .status = take_text(arena, item, "Status"),
        .min = take_number(item, "MinSize", 0),
        .max = take_number(item, "MaxSize", 0),
        .desired = take_number(item, "DesiredCapacity", 0),
        .mixed = mixed != NULL,
        .template_id = take_text(arena, template, "LaunchTemplateId"),
        .template_name = take_text(arena, template, "LaunchTemplateName"),
        .template_version = take_text(arena, template, "Version"),
        .launch_config = take_text(arena, item, "LaunchConfigurationName"),
        .subnets = take_text(arena, item, "VPCZoneIdentifier"),
        .health_check = take_text(arena, item, "HealthCheckType"),
        .grace_s = take_number(item, "HealthCheckGracePeriod", 0),
        .cooldown_s = take_number(item, "DefaultCooldown", 300),
        .warmup_s = take_number(item, "DefaultInstanceWarmup", -1),
        .protects_new = take_bool(item, "NewInstancesProtectedFromScaleIn"),
        .created_ms = take_time(item, "CreatedTime"),
    };
    out->zones = take_texts(arena, item, "AvailabilityZones", "member", "", &out->zone_count);
    out->target_groups = take_texts(arena, item, "TargetGroupARNs", "member", "", &out->target_group_count);
    out->load_balancers = take_texts(arena, item, "LoadBalancerNames", "member", "", &out->load_balancer_count);
    out->suspended = take_texts(arena, item, "SuspendedProcesses", "member", "ProcessName", &out->suspended_count);
    out->tags = take_tags(arena, item, "Tags", "member", "Key", "Value", &out->tag_count);
    read_members(arena, item, out);
}

static void read_groups(void *context, struct arena *arena, const struct node *root)
{
    struct groups *out = context;
    const struct node *set = node_find(root, "DescribeAutoScalingGroupsResult/AutoScalingGroups");
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member"))
        read_group(arena, m, LIST_ADD(arena, out));
}

int cloud_describe_groups(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct groups *out,
                          struct aws_error *error)
{
    struct call call;
    struct groups got = {0};
    char name[64];
    call_begin(&call, c, AWS_AUTOSCALING, "DescribeAutoScalingGroups");
    call_list(&call, "AutoScalingGroupNames.member", lookup->ids, lookup->id_count);
    for (size_t i = 0; i < lookup->filter_count; i++) {
        str_fit(name, sizeof name, "Filters.member.%zu.Name", i + 1);
        aws_param(&call.request, name, lookup->filters[i].key);
        str_fit(name, sizeof name, "Filters.member.%zu.Values.member.1", i + 1);
        aws_param(&call.request, name, lookup->filters[i].value);
    }
    aws_param_i64(&call.request, "MaxRecords", 100);
    if (call_pages(&call, "NextToken", "DescribeAutoScalingGroupsResult/NextToken", read_groups, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

int cloud_describe_group(struct cloud *c, const char *name, struct arena *arena, struct group *out,
                         struct aws_error *error)
{
    const struct lookup lookup = {.ids = &name, .id_count = 1};
    struct groups found;
    if (cloud_describe_groups(c, &lookup, arena, &found, error))
        return -1;
    if (found.count == 0) {
        aws_error_set(error, AWS_REFUSED, 200, "NoSuchGroup",
                      "there is no Auto Scaling group \"%s\" in this account and region", name);
        return -1;
    }
    *out = found.items[0];
    return 0;
}

static void begin_group(struct call *call, struct cloud *c, const char *action, const char *name)
{
    call_begin(call, c, AWS_AUTOSCALING, action);
    aws_param(&call->request, "AutoScalingGroupName", name);
}

int cloud_update_group(struct cloud *c, const char *name, const struct group_change *change, struct aws_error *error)
{
    struct call call;
    const char *prefix =
        change->mixed ? "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification" : "LaunchTemplate";
    char field[128];
    begin_group(&call, c, "UpdateAutoScalingGroup", name);
    if (given(change->template_id)) {
        assert(given(change->template_version));
        str_fit(field, sizeof field, "%s.LaunchTemplateId", prefix);
        aws_param(&call.request, field, change->template_id);
        str_fit(field, sizeof field, "%s.Version", prefix);
        aws_param(&call.request, field, change->template_version);
    }
    call_text(&call, "LaunchConfigurationName", change->launch_config);
    if (change->min >= 0)
        aws_param_i64(&call.request, "MinSize", change->min);
    if (change->max >= 0)
        aws_param_i64(&call.request, "MaxSize", change->max);
    if (change->desired >= 0)
        aws_param_i64(&call.request, "DesiredCapacity", change->desired);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_set_desired(struct cloud *c, const char *name, int64_t desired, struct aws_error *error)
{
    struct call call;
    begin_group(&call, c, "SetDesiredCapacity", name);
    aws_param_i64(&call.request, "DesiredCapacity", desired);
    aws_param_bool(&call.request, "HonorCooldown", false);
    return call_only(&call, RETRY_SAFE, error);
}

static const struct member *member_of(const struct group *group, const char *id)
{
    for (size_t i = 0; i < group->member_count; i++)
        if (strcmp(group->members[i].id, id) == 0)
            return &group->members[i];
    return NULL;
}

static bool is_leaving(const struct member *m)
{
    return strncmp(m->lifecycle, "Terminat", 8) == 0 || strncmp(m->lifecycle, "Detach", 6) == 0;
}

/* The refusals that say: there is nothing to do. Auto Scaling has one code for them all, so the words decide. */
static bool says(const struct aws_error *e, const char *const *phrases)
{
    if (!aws_error_is(e, "ValidationError"))
        return false;
    for (size_t i = 0; phrases[i]; i++)
        if (strstr(e->message, phrases[i]))
            return true;
    return false;
}

/* After a failure of attempt n: true to look and go on. */
static bool look_again(struct cloud *c, int n, bool nothing_to_do, struct aws_error *error)
{
    if ((error->outcome != AWS_UNCERTAIN && !nothing_to_do) || n >= ONCE_ATTEMPTS)
        return false;
    struct aws_error why = *error;
    if (cloud_pause(c, nothing_to_do ? 1000 : retry_pause_ms(c->retry, n), error))
        return false;
    *error = why;
    return true;
}

int cloud_attach(struct cloud *c, const char *name, const char *const *ids, size_t count, struct aws_error *error)
{
    static const char *const there_already[] = {"already part of", "already a member", "already attached", NULL};
    for (int n = 1;; n++) {
        struct arena arena = {0};
        struct group group;
        struct call call;
        if (cloud_describe_group(c, name, &arena, &group, error)) {
            arena_release(&arena);
            return -1;
        }
        begin_group(&call, c, "AttachInstances", name);
        size_t undone = 0;
        char field[48];
        for (size_t i = 0; i < count; i++)
            if (!member_of(&group, ids[i])) {
                str_fit(field, sizeof field, "InstanceIds.member.%zu", ++undone);
                aws_param(&call.request, field, ids[i]);
            }
        int failed = undone ? call_send(&call, RETRY_ONCE, error) : 0;
        call_end(&call);
        arena_release(&arena);
        if (!failed)
            return 0;
        bool already = says(error, there_already);
        if (already && count == 1)
            return 0;
        if (!look_again(c, n, already, error))
            return -1;
    }
}

/* Takes one member out, by the action given. Done when the group no longer has it, or it is on its way out. */
static int take_out(struct cloud *c, const char *name, const char *id, const char *action, bool decrement,
                    struct aws_error *error)
{
    static const char *const gone_already[] = {"not found",      "No managed instance", "is not part of",
                                               "not in service", "is not in a valid",   NULL};
    bool detach = strcmp(action, "DetachInstances") == 0;
    for (int n = 1;; n++) {
        struct arena arena = {0};
        struct group group;
        int failed = cloud_describe_group(c, name, &arena, &group, error);
        const struct member *m = failed ? NULL : member_of(&group, id);
        bool is_done = !failed && (!m || is_leaving(m));
        arena_release(&arena);
        if (failed || is_done)
            return failed;
        struct call call;
        call_begin(&call, c, AWS_AUTOSCALING, action);
        if (detach) {
            aws_param(&call.request, "AutoScalingGroupName", name);
            aws_param(&call.request, "InstanceIds.member.1", id);
        } else {
            aws_param(&call.request, "InstanceId", id);
        }
        aws_param_bool(&call.request, "ShouldDecrementDesiredCapacity", decrement);
        if (call_only(&call, RETRY_ONCE, error) == 0)
            return 0;
        if (!look_again(c, n, says(error, gone_already), error))
            return -1;
    }
}

int cloud_detach(struct cloud *c, const char *name, const char *id, bool decrement, struct aws_error *error)
{
    return take_out(c, name, id, "DetachInstances", decrement, error);
}

int cloud_terminate_member(struct cloud *c, const char *name, const char *id, bool decrement, struct aws_error *error)
{
    return take_out(c, name, id, "TerminateInstanceInAutoScalingGroup", decrement, error);
}

int cloud_suspend(struct cloud *c, const char *name, const char *const *processes, size_t count,
                  struct aws_error *error)
{
    struct call call;
    begin_group(&call, c, "SuspendProcesses", name);
    call_list(&call, "ScalingProcesses.member", processes, count);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_resume(struct cloud *c, const char *name, const char *const *processes, size_t count, struct aws_error *error)
{
    struct call call;
    begin_group(&call, c, "ResumeProcesses", name);
    call_list(&call, "ScalingProcesses.member", processes, count);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_protect_members(struct cloud *c, const char *name, const char *const *ids, size_t count, bool protected,
                          struct aws_error *error)
{
    struct call call;
    begin_group(&call, c, "SetInstanceProtection", name);
    call_list(&call, "InstanceIds.member", ids, count);
    aws_param_bool(&call.request, "ProtectedFromScaleIn", protected);
    return call_only(&call, RETRY_SAFE, error);
}

static int group_tags(struct cloud *c, const char *action, const char *name, const struct tag *tags, size_t count,
                      enum retry_class kind, struct aws_error *error)
{
    struct call call;
    struct str field;
    call_begin(&call, c, AWS_AUTOSCALING, action);
    str_init(&field, 0);
    for (size_t i = 0; i < count; i++) {
        const char *const members[][2] = {{"ResourceId", name},
                                          {"ResourceType", "auto-scaling-group"},
                                          {"Key", tags[i].key},
                                          {"Value", kind == RETRY_GONE ? NULL : tags[i].value},
                                          {"PropagateAtLaunch", kind == RETRY_GONE ? NULL : "false"}};
        for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
            str_clear(&field);
            str_addf(&field, "Tags.member.%zu.%s", i + 1, members[m][0]);
            aws_param(&call.request, field.text, members[m][1]);
        }
    }
    str_release(&field);
    return call_only(&call, kind, error);
}

int cloud_tag_group(struct cloud *c, const char *name, const struct tag *tags, size_t count, struct aws_error *error)
{
    return group_tags(c, "CreateOrUpdateTags", name, tags, count, RETRY_SAFE, error);
}

int cloud_untag_group(struct cloud *c, const char *name, const struct tag *tags, size_t count, struct aws_error *error)
{
    return group_tags(c, "DeleteTags", name, tags, count, RETRY_GONE, error);
}

struct activity_reader {
    struct activities list;
    int64_t since_ms;
    bool enough;
};

/* "Launching a new EC2 instance: i-0123", "Terminating EC2 instance: i-0123 - ..." */
static const char *instance_named(struct arena *arena, const char *description)
{
    const char *id = strstr(description, "i-");
    size_t len = 2;
    if (!id)
        return "";
    while (isxdigit((unsigned char)id[len]))
        len++;
    return len > 2 ? arena_dup_n(arena, id, len) : "";
}

static void read_activities(void *context, struct arena *arena, const struct node *root)
{
    struct activity_reader *reader = context;
    const struct node *set = node_find(root, "DescribeScalingActivitiesResult/Activities");
    for (const struct node *m = node_child(set, "member"); m && !reader->enough; m = node_next(m, "member")) {
        int64_t start_ms = take_time(m, "StartTime");
        if (start_ms < reader->since_ms) {
            reader->enough = true;
            break;
        }
        *LIST_ADD(arena, &reader->list) = (struct activity){
            .id = take_text(arena, m, "ActivityId"),
            .status = take_text(arena, m, "StatusCode"),
            .status_message = take_text(arena, m, "StatusMessage"),
            .description = take_text(arena, m, "Description"),
            .cause = take_text(arena, m, "Cause"),
            .instance = instance_named(arena, node_get(m, "Description")),
            .start_ms = start_ms,
            .end_ms = take_time(m, "EndTime"),
        };
    }
}

int cloud_activities(struct cloud *c, const char *name, int64_t since_ms, struct arena *arena, struct activities *out,
                     struct aws_error *error)
{
    struct call call;
    struct activity_reader reader = {.since_ms = since_ms};
    struct arena token = {0};
    int failed = 0;
    begin_group(&call, c, "DescribeScalingActivities", name);
    aws_param_i64(&call.request, "MaxRecords", 100);
    size_t own = call.request.param_count;
    for (;;) { /* newest first: the pages that are too old are not asked for */
        failed = call_send(&call, RETRY_READ, error);
        if (failed)
            break;
        read_activities(&reader, arena, call.reply.root);
        const char *next = take_text(&token, call.reply.root, "DescribeScalingActivitiesResult/NextToken");
        if (!*next || reader.enough)
            break;
        call.request.param_count = own;
        aws_param(&call.request, "NextToken", next);
    }
    if (!failed)
        *out = reader.list;
    arena_release(&token);
    call_end(&call);
    return failed;
}
