/* cloud_instances.c - EC2 instances, their root volumes, volumes. */
#include <assert.h>
#include <string.h>

#include "billing/calendar.h"
#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define WAIT_LIMIT_MS ((int64_t)600000) /* AWS's waiters: 15 s x 40 */

static const char *const state_names[] = {
    [INSTANCE_PENDING] = "pending",
    [INSTANCE_RUNNING] = "running",
    [INSTANCE_STOPPING] = "stopping",
    [INSTANCE_STOPPED] = "stopped",
    [INSTANCE_SHUTTING_DOWN] = "shutting-down",
    [INSTANCE_TERMINATED] = "terminated",
    [INSTANCE_UNKNOWN] = "unknown",
};

const char *instance_state_name(enum instance_state state)
{
    return state_names[state];
}

static enum instance_state read_state(const char *name)
{
    for (int i = 0; i < INSTANCE_UNKNOWN; i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum instance_state)i;
    return INSTANCE_UNKNOWN;
}

static const char *root_volume_of(const struct node *item)
{
    const char *device = node_get(item, "rootDeviceName");
    const struct node *map = node_find(item, "blockDeviceMapping");
    for (const struct node *m = node_child(map, "item"); m; m = node_next(m, "item"))
        if (strcmp(node_get(m, "deviceName"), device) == 0)
            return node_get(m, "ebs/volumeId");
    return "";
}

static const char *reason_of(struct arena *arena, const struct node *item)
{
    const char *code = node_get(item, "stateReason/code");
    const char *message = node_get(item, "stateReason/message");
    if (strncmp(message, code, strlen(code)) == 0)
        return arena_dup(arena, message);
    return *message ? arena_textf(arena, "%s: %s", code, message) : arena_dup(arena, code);
}

/* "User initiated (2016-11-23 14:29:56 GMT)" */
static int64_t ended_of(const struct node *item)
{
    char text[INSTANT_TEXT_SIZE];
    struct err err;
    instant_t at;
    const char *open = strchr(node_get(item, "reason"), '(');
    if (!open || strlen(open) < 25 || strncmp(open + 20, " GMT)", 5) != 0)
        return 0;
    str_fit(text, sizeof(text), "%.10sT%.8sZ", open + 1, open + 12);
    return calendar_parse(text, &at, &err) == 0 ? at * 1000 : 0;
}

static void read_instance(struct arena *arena, const struct node *item, struct instance *out)
{
    *out = (struct instance){
        .id = take_text(arena, item, "instanceId"),
        .image = take_text(arena, item, "imageId"),
        .type = take_text(arena, item, "instanceType"),
        .zone = take_text(arena, item, "placement/availabilityZone"),
        .subnet = take_text(arena, item, "subnetId"),
        .vpc = take_text(arena, item, "vpcId"),
        .state = read_state(node_get(item, "instanceState/name")),
        .state_reason = reason_of(arena, item),
        .private_ip = take_text(arena, item, "privateIpAddress"),
        .public_ip = take_text(arena, item, "ipAddress"),
        .root_device = take_text(arena, item, "rootDeviceName"),
        .root_volume = arena_dup(arena, root_volume_of(item)),
        .client_token = take_text(arena, item, "clientToken"),
        .launch_ms = take_time(item, "launchTime"),
        .ended_ms = ended_of(item),
    };
    out->security_groups = take_texts(arena, item, "groupSet", "item", "groupId", &out->security_group_count);
    out->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &out->tag_count);
}

static void read_reservation(struct arena *arena, const struct node *reservation, struct instances *out)
{
    const struct node *set = node_find(reservation, "instancesSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        read_instance(arena, item, LIST_ADD(arena, out));
}

static void read_instances(void *context, struct arena *arena, const struct node *root)
{
    const struct node *set = node_find(root, "reservationSet");
    for (const struct node *r = node_child(set, "item"); r; r = node_next(r, "item"))
        read_reservation(arena, r, context);
}

/* A public address is asked for on the network interface; subnet and groups then go there too, as they must where a
 * template names one. */
static void put_network(struct call *call, const struct run_order *o)
{
    if (o->public_ip == 0 && !o->interface) {
        call_text(call, "SubnetId", o->subnet);
        call_list(call, "SecurityGroupId", o->security_groups, o->security_group_count);
        return;
    }
    aws_param_i64(&call->request, "NetworkInterface.1.DeviceIndex", 0);
    if (o->public_ip)
        aws_param_bool(&call->request, "NetworkInterface.1.AssociatePublicIpAddress", o->public_ip > 0);
    call_text(call, "NetworkInterface.1.SubnetId", o->subnet);
    call_list(call, "NetworkInterface.1.SecurityGroupId", o->security_groups, o->security_group_count);
}

static void put_run_order(struct call *call, const struct run_order *o)
{
    struct aws_request *r = &call->request;
    int count = o->count ? o->count : 1;
    call_text(call, "ClientToken", o->token);
    aws_param_i64(r, "MinCount", count);
    aws_param_i64(r, "MaxCount", count);
    call_text(call, "ImageId", o->image);
    call_text(call, "InstanceType", o->type);
    call_text(call, "LaunchTemplate.LaunchTemplateId", o->template_id);
    if (!given(o->template_id))
        call_text(call, "LaunchTemplate.LaunchTemplateName", o->template_name);
    call_text(call, "LaunchTemplate.Version", o->template_version);
    call_text(call, "Placement.AvailabilityZone", o->zone);
    put_network(call, o);
    call_text(call, "KeyName", o->key_name);
    call_text(call,
              given(o->profile) && strncmp(o->profile, "arn:", 4) == 0 ? "IamInstanceProfile.Arn"
                                                                       : "IamInstanceProfile.Name",
              o->profile);
    if (given(o->user_data))
        aws_param(r, "UserData", base64_text(&r->arena, o->user_data));
    aws_param(r, "InstanceInitiatedShutdownBehavior", o->shutdown_terminates ? "terminate" : "stop");
    if (o->tokens_optional)
        aws_param(r, "MetadataOptions.HttpTokens", "optional");
    call_tags(call, "TagSpecification", 1, "instance", o->tags, o->tag_count);
    call_tags(call, "TagSpecification", 2, "volume", o->tags, o->tag_count);
}

int cloud_run_instances(struct cloud *c, const struct run_order *order, struct arena *arena, struct instances *out,
                        struct aws_error *error)
{
    assert(!order->token || strlen(order->token) <= 64);
    struct call call;
    struct instances got = {0};
    call_begin(&call, c, AWS_EC2, "RunInstances");
    put_run_order(&call, order);
    int failed = call_send(&call, given(order->token) ? RETRY_SAFE : RETRY_ONCE, error);
    if (!failed) {
        read_reservation(arena, call.reply.root, &got);
        *out = got;
    }
    call_end(&call);
    return failed;
}

int cloud_describe_instances(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct instances *out,
                             struct aws_error *error)
{
    struct call call;
    struct instances got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeInstances");
    call_lookup(&call, "InstanceId", lookup);
    if (lookup->id_count == 0)
        aws_param_i64(&call.request, "MaxResults", 1000);
    if (call_pages(&call, "NextToken", "nextToken", read_instances, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

int cloud_describe_instance(struct cloud *c, const char *id, struct arena *arena, struct instance *out,
                            struct aws_error *error)
{
    const struct lookup lookup = {.ids = &id, .id_count = 1};
    struct instances list = {0};
    if (cloud_describe_instances(c, &lookup, arena, &list, error) && !retry_not_found(error))
        return -1;
    if (list.count > 0)
        *out = list.items[0];
    else
        read_instance(arena, NULL, out);
    if (!*out->id)
        out->id = arena_dup(arena, id);
    return 0;
}

static int act_on(struct cloud *c, const char *action, const char *id, const char *flag, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, action);
    aws_param(&call.request, "InstanceId.1", id);
    if (flag)
        aws_param_bool(&call.request, flag, true);
    return call_only(&call, RETRY_SAFE, error);
}

int cloud_start_instance(struct cloud *c, const char *id, struct aws_error *error)
{
    return act_on(c, "StartInstances", id, NULL, error);
}

int cloud_stop_instance(struct cloud *c, const char *id, bool force, struct aws_error *error)
{
    return act_on(c, "StopInstances", id, force ? "Force" : NULL, error);
}

int cloud_reboot_instance(struct cloud *c, const char *id, struct aws_error *error)
{
    return act_on(c, "RebootInstances", id, NULL, error);
}

static bool ended_already(struct cloud *c, const char *id, const struct aws_error *error)
{
    struct arena arena = {0};
    struct instance instance = {.state = INSTANCE_RUNNING};
    struct aws_error ignored;
    if (!may_be_gone(c, error))
        return false;
    bool seen = cloud_describe_instance(c, id, &arena, &instance, &ignored) == 0;
    arena_release(&arena);
    return seen && (instance.state == INSTANCE_UNKNOWN || instance.state == INSTANCE_TERMINATED);
}

/* One id that EC2 does not know, or that is not ours, makes it refuse them all: then each goes by itself. */
int cloud_terminate_instances(struct cloud *c, const char *const *ids, size_t count, struct aws_error *error)
{
    if (count == 0)
        return 0;
    if (count > 1) {
        struct call call;
        call_begin(&call, c, AWS_EC2, "TerminateInstances");
        call_list(&call, "InstanceId", ids, count);
        if (call_only(&call, RETRY_SAFE, error) == 0)
            return 0;
        if (!retry_not_found(error) && !may_be_gone(c, error))
            return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (act_on(c, "TerminateInstances", ids[i], NULL, error) && !retry_not_found(error) &&
            !ended_already(c, ids[i], error))
            return -1;
    return 0;
}

int cloud_console(struct cloud *c, const char *id, struct arena *arena, const char **out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "GetConsoleOutput");
    aws_param(&call.request, "InstanceId", id);
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        *out = base64_plain(arena, node_get(call.reply.root, "output"));
    call_end(&call);
    return failed;
}

int cloud_metadata_tokens(struct cloud *c, struct arena *arena, const char **out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "GetInstanceMetadataDefaults");
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        *out = take_text(arena, call.reply.root, "accountLevel/httpTokens");
    call_end(&call);
    return failed;
}

struct instance_wait {
    struct cloud *cloud;
    const char *id;
    enum instance_state want;
    bool seen;
};

static enum wait_state look_at_instance(void *context, struct aws_error *error)
{
    struct instance_wait *w = context;
    struct arena arena = {0};
    struct instance instance = {.state = INSTANCE_UNKNOWN};
    enum wait_state state = WAIT_ON;
    if (cloud_describe_instance(w->cloud, w->id, &arena, &instance, error)) {
        state = WAIT_FAILED;
    } else if (instance.state == w->want ||
               (w->want == INSTANCE_TERMINATED && w->seen && instance.state == INSTANCE_UNKNOWN)) {
        state = WAIT_MET;
    } else if (w->want != INSTANCE_TERMINATED &&
               (instance.state == INSTANCE_TERMINATED || instance.state == INSTANCE_SHUTTING_DOWN)) {
        aws_error_set(error, AWS_REFUSED, 0, "state", "%s is %s and will not be %s again: %s", w->id,
                      state_names[instance.state], state_names[w->want],
                      *instance.state_reason ? instance.state_reason : "no reason given");
        state = WAIT_FAILED;
    }
    if (state != WAIT_FAILED && instance.state != INSTANCE_UNKNOWN)
        w->seen = true;
    arena_release(&arena);
    return state;
}

int cloud_wait_instance(struct cloud *c, const char *id, enum instance_state state, int64_t limit_ms,
                        struct aws_error *error)
{
    const struct wait_terms terms = {2000, 15000, limit_ms ? limit_ms : WAIT_LIMIT_MS};
    struct instance_wait wait = {c, id, state, false};
    char what[96];
    (void)snprintf(what, sizeof what, "%s %s", id, state_names[state]);
    return wait_until(c->transport, &terms, look_at_instance, &wait, what, error);
}

static void read_root_task(struct arena *arena, const struct node *item, struct root_task *out)
{
    *out = (struct root_task){
        .id = take_text(arena, item, "replaceRootVolumeTaskId"),
        .instance = take_text(arena, item, "instanceId"),
        .state = take_text(arena, item, "taskState"),
        .start = take_text(arena, item, "startTime"),
        .image = take_text(arena, item, "imageId"),
        .snapshot = take_text(arena, item, "snapshotId"),
    };
}

int cloud_replace_root(struct cloud *c, const char *instance, const char *image, const char *snapshot,
                       const char *token, const struct tag *tags, size_t tag_count, struct arena *arena,
                       struct root_task *out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CreateReplaceRootVolumeTask");
    aws_param(&call.request, "InstanceId", instance);
    call_text(&call, "ImageId", image);
    call_text(&call, "SnapshotId", snapshot);
    call_text(&call, "ClientToken", token);
    aws_param_bool(&call.request, "DeleteReplacedRootVolume", true);
    call_tags(&call, "TagSpecification", 1, "replace-root-volume-task", tags, tag_count);
    int failed = call_send(&call, given(token) ? RETRY_SAFE : RETRY_ONCE, error);
    if (!failed)
        read_root_task(arena, node_find(call.reply.root, "replaceRootVolumeTask"), out);
    call_end(&call);
    return failed;
}

int cloud_describe_root_task(struct cloud *c, const char *task, struct arena *arena, struct root_task *out,
                             struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "DescribeReplaceRootVolumeTasks");
    aws_param(&call.request, "ReplaceRootVolumeTaskId.1", task);
    int failed = call_send(&call, RETRY_READ, error);
    if (!failed)
        read_root_task(arena, node_find(call.reply.root, "replaceRootVolumeTaskSet/item"), out);
    call_end(&call);
    return failed;
}

static void read_volumes(void *context, struct arena *arena, const struct node *root)
{
    struct volumes *out = context;
    const struct node *set = node_find(root, "volumeSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item")) {
        struct volume *v = LIST_ADD(arena, out);
        *v = (struct volume){
            .id = take_text(arena, item, "volumeId"),
            .state = take_text(arena, item, "status"),
            .instance = take_text(arena, item, "attachmentSet/item/instanceId"),
            .snapshot = take_text(arena, item, "snapshotId"),
            .zone = take_text(arena, item, "availabilityZone"),
            .size_gb = take_number(item, "size", 0),
        };
        v->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &v->tag_count);
    }
}

int cloud_describe_volumes(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct volumes *out,
                           struct aws_error *error)
{
    struct call call;
    struct volumes got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeVolumes");
    call_lookup(&call, "VolumeId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_volumes, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

static bool volume_is_gone(struct cloud *c, const char *id, const struct aws_error *error)
{
    struct arena arena = {0};
    struct lookup lookup = {.ids = &id, .id_count = 1};
    struct volumes found;
    struct aws_error look;
    if (!may_be_gone(c, error))
        return false;
    bool gone = cloud_describe_volumes(c, &lookup, &arena, &found, &look) && retry_not_found(&look);
    arena_release(&arena);
    return gone;
}

int cloud_delete_volume(struct cloud *c, const char *id, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "DeleteVolume");
    aws_param(&call.request, "VolumeId", id);
    bool done = call_only(&call, RETRY_GONE, error) == 0 || retry_not_found(error) || volume_is_gone(c, id, error);
    return done ? 0 : -1;
}
