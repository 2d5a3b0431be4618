/* cloud_images.c - images and their snapshots. CreateImage has no token: the unique name stands in for it. */
#include <assert.h>
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define WAIT_LIMIT_MS   ((int64_t)1800000) /* images take minutes, now and then half an hour */
#define CREATE_ATTEMPTS 3
#define DELETE_ATTEMPTS 6 /* a snapshot stays "in use" for some seconds after its image is gone */

static enum image_state read_state(const char *name)
{
    if (strcmp(name, "available") == 0)
        return IMAGE_AVAILABLE;
    if (strcmp(name, "pending") == 0 || strcmp(name, "transient") == 0)
        return IMAGE_PENDING;
    return *name && strcmp(name, "deregistered") != 0 ? IMAGE_FAILED : IMAGE_GONE;
}

static void read_image(struct arena *arena, const struct node *item, struct image *out)
{
    const char *code = node_get(item, "stateReason/code");
    *out = (struct image){
        .id = take_text(arena, item, "imageId"),
        .name = take_text(arena, item, "name"),
        .owner = take_text(arena, item, "imageOwnerId"),
        .architecture = take_text(arena, item, "architecture"),
        .state_reason = *code ? arena_textf(arena, "%s: %s", code, node_get(item, "stateReason/message")) : "",
        .root_device = take_text(arena, item, "rootDeviceName"),
        .state = read_state(node_get(item, "imageState")),
        .created_ms = take_time(item, "creationDate"),
        .ena = take_bool(item, "enaSupport"),
        .imds = take_text(arena, item, "imdsSupport"),
    };
    out->snapshots = take_texts(arena, item, "blockDeviceMapping", "item", "ebs/snapshotId", &out->snapshot_count);
    const struct node *disk = node_find(item, "blockDeviceMapping");
    for (disk = node_child(disk, "item"); disk; disk = node_next(disk, "item"))
        out->size_gb += take_number(disk, "ebs/volumeSize", 0);
    size_t disks = 0;
    const char *const *encrypted = take_texts(arena, item, "blockDeviceMapping", "item", "ebs/encrypted", &disks);
    for (size_t i = 0; i < disks; i++)
        out->encrypted = out->encrypted || strcmp(encrypted[i], "true") == 0;
    out->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &out->tag_count);
}

static void read_images(void *context, struct arena *arena, const struct node *root)
{
    struct images *out = context;
    const struct node *set = node_find(root, "imagesSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        read_image(arena, item, LIST_ADD(arena, out));
}

int cloud_describe_images(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct images *out,
                          struct aws_error *error)
{
    struct call call;
    struct images got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeImages");
    if (lookup->id_count == 0)
        aws_param(&call.request, "Owner.1", "self");
    call_lookup(&call, "ImageId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_images, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

int cloud_describe_image(struct cloud *c, const char *id, struct arena *arena, struct image *out,
                         struct aws_error *error)
{
    static const char *const gone[] = {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", NULL};
    const struct lookup lookup = {.ids = &id, .id_count = 1};
    struct images list = {0};
    if (cloud_describe_images(c, &lookup, arena, &list, error) && !error_among(error, gone))
        return -1;
    if (list.count > 0)
        *out = list.items[0];
    else
        read_image(arena, NULL, out);
    if (!*out->id)
        out->id = arena_dup(arena, id);
    return 0;
}

/* The account's own image of that name, or NULL in *id. Looks for `settle` ms where it must be there. */
static int find_by_name(struct cloud *c, const char *name, int64_t settle_ms, struct arena *arena, const char **id,
                        struct aws_error *error)
{
    const struct tag filter = {"name", name};
    const struct lookup lookup = {.filters = &filter, .filter_count = 1};
    int64_t begin = c->transport->now_ms(c->transport->self);
    for (;;) {
        struct images found;
        if (cloud_describe_images(c, &lookup, arena, &found, error))
            return -1;
        *id = found.count > 0 ? found.items[0].id : NULL;
        if (*id || c->transport->now_ms(c->transport->self) - begin >= settle_ms)
            return 0;
        if (cloud_pause(c, 1000, error))
            return -1;
    }
}

static int create_once(struct cloud *c, const struct image_order *o, struct arena *arena, const char **id,
                       struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CreateImage");
    aws_param(&call.request, "InstanceId", o->instance);
    aws_param(&call.request, "Name", o->name);
    call_text(&call, "Description", o->description);
    aws_param_bool(&call.request, "NoReboot", o->no_reboot);
    call_tags(&call, "TagSpecification", 1, "image", o->tags, o->tag_count);
    call_tags(&call, "TagSpecification", 2, "snapshot", o->tags, o->tag_count);
    int failed = call_send(&call, RETRY_ONCE, error);
    if (!failed)
        *id = take_text(arena, call.reply.root, "imageId");
    call_end(&call);
    return failed;
}

int cloud_create_image(struct cloud *c, const struct image_order *order, struct arena *arena, const char **id,
                       struct aws_error *error)
{
    assert(strlen(order->name) >= 3 && strlen(order->name) <= 128);
    for (int attempt = 1;; attempt++) {
        if (create_once(c, order, arena, id, error) == 0)
            return 0;
        bool taken = aws_error_is(error, "InvalidAMIName.Duplicate");
        if (!taken && error->outcome != AWS_UNCERTAIN)
            return -1;
        struct aws_error why = *error;
        int64_t settle_ms = taken ? c->retry->settings.settle_ms : 0;
        if (find_by_name(c, order->name, settle_ms, arena, id, error))
            return -1;
        if (*id)
            return 0;
        *error = why;
        if (taken || attempt == CREATE_ATTEMPTS) /* the name is another account's business, or AWS is down */
            return -1;
        if (cloud_pause(c, retry_pause_ms(c->retry, attempt), error))
            return -1;
    }
}

struct image_wait {
    struct cloud *cloud;
    const char *id;
    bool seen;
};

static enum wait_state look_at_image(void *context, struct aws_error *error)
{
    struct image_wait *w = context;
    struct arena arena = {0};
    struct image image = {.state = IMAGE_GONE};
    enum wait_state state = WAIT_ON;
    if (cloud_describe_image(w->cloud, w->id, &arena, &image, error)) {
        state = WAIT_FAILED;
    } else if (image.state == IMAGE_AVAILABLE) {
        state = WAIT_MET;
    } else if (image.state == IMAGE_FAILED || (image.state == IMAGE_GONE && w->seen)) {
        aws_error_set(error, AWS_REFUSED, 0, "state", "%s %s: %s", w->id,
                      image.state == IMAGE_FAILED ? "failed" : "is gone",
                      *image.state_reason ? image.state_reason : "no reason given");
        state = WAIT_FAILED;
    }
    if (state != WAIT_FAILED && image.state != IMAGE_GONE)
        w->seen = true;
    arena_release(&arena);
    return state;
}

int cloud_wait_image(struct cloud *c, const char *id, int64_t limit_ms, struct aws_error *error)
{
    const struct wait_terms terms = {5000, 15000, limit_ms ? limit_ms : WAIT_LIMIT_MS};
    struct image_wait wait = {c, id, false};
    return wait_until(c->transport, &terms, look_at_image, &wait, id, error);
}

int cloud_copy_image(struct cloud *c, const struct copy_order *order, struct arena *arena, const char **id,
                     struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CopyImage");
    aws_param(&call.request, "SourceRegion", order->source_region);
    aws_param(&call.request, "SourceImageId", order->source_image);
    aws_param(&call.request, "Name", order->name);
    call_text(&call, "Description", order->description);
    call_text(&call, "ClientToken", order->token);
    if (order->encrypted)
        aws_param_bool(&call.request, "Encrypted", true);
    call_text(&call, "KmsKeyId", order->kms_key);
    call_tags(&call, "TagSpecification", 1, "image", order->tags, order->tag_count);
    call_tags(&call, "TagSpecification", 2, "snapshot", order->tags, order->tag_count);
    int failed = call_send(&call, given(order->token) ? RETRY_SAFE : RETRY_ONCE, error);
    if (!failed)
        *id = take_text(arena, call.reply.root, "imageId");
    call_end(&call);
    return failed;
}

static bool snapshot_is_gone(struct cloud *c, const char *id, const struct aws_error *error)
{
    struct arena arena = {0};
    struct lookup lookup = {.ids = &id, .id_count = 1};
    struct snapshots found;
    struct aws_error look;
    if (!may_be_gone(c, error))
        return false;
    bool gone = cloud_describe_snapshots(c, &lookup, &arena, &found, &look) && retry_not_found(&look);
    arena_release(&arena);
    return gone;
}

int cloud_delete_snapshot(struct cloud *c, const char *id, struct aws_error *error)
{
    for (int attempt = 1;; attempt++) {
        struct call call;
        call_begin(&call, c, AWS_EC2, "DeleteSnapshot");
        aws_param(&call.request, "SnapshotId", id);
        if (call_only(&call, RETRY_GONE, error) == 0 || retry_not_found(error) || snapshot_is_gone(c, id, error))
            return 0;
        if (!aws_error_is(error, "InvalidSnapshot.InUse") || attempt == DELETE_ATTEMPTS)
            return -1;
        if (cloud_pause(c, 1000 * attempt, error))
            return -1;
    }
}

/* Does the answer say that the snapshot went with its image? */
static bool went_too(const struct node *root, const char *snapshot)
{
    const struct node *set = node_find(root, "deleteSnapshotResultSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        if (strcmp(node_get(item, "snapshotId"), snapshot) == 0)
            return strcmp(node_get(item, "returnCode"), "success") == 0;
    return false;
}

static bool image_is_gone(struct cloud *c, const char *id, const struct aws_error *error)
{
    struct arena arena = {0};
    struct image image = {.state = IMAGE_AVAILABLE};
    struct aws_error look;
    if (!may_be_gone(c, error))
        return false;
    bool seen = cloud_describe_image(c, id, &arena, &image, &look) == 0;
    arena_release(&arena);
    return seen && image.state == IMAGE_GONE;
}

/* A snapshot that is gone must not be asked for again: where a policy goes by tags, EC2 answers that we may not, since
 * what is not there has none. Endpoints older than the parameter leave snapshots behind, and say nothing of them. */
int cloud_remove_image(struct cloud *c, const struct image *image, struct aws_error *error)
{
    static const char *const gone[] = {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", NULL};
    struct call call;
    call_begin(&call, c, AWS_EC2, "DeregisterImage");
    aws_param(&call.request, "ImageId", image->id);
    aws_param_bool(&call.request, "DeleteAssociatedSnapshots", true);
    int code = call_send(&call, RETRY_GONE, error);
    if (code && (error_among(error, gone) || image_is_gone(c, image->id, error)))
        code = 0;
    for (size_t i = 0; i < image->snapshot_count && !code; i++)
        if (!went_too(call.reply.root, image->snapshots[i]))
            code = cloud_delete_snapshot(c, image->snapshots[i], error);
    call_end(&call);
    return code;
}

int cloud_share_image(struct cloud *c, const struct image *image, const char *account, bool allowed,
                      struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "ModifyImageAttribute");
    aws_param(&call.request, "ImageId", image->id);
    aws_param(&call.request, allowed ? "LaunchPermission.Add.1.UserId" : "LaunchPermission.Remove.1.UserId", account);
    if (call_only(&call, RETRY_SAFE, error))
        return -1;
    for (size_t i = 0; i < image->snapshot_count; i++) {
        call_begin(&call, c, AWS_EC2, "ModifySnapshotAttribute");
        aws_param(&call.request, "SnapshotId", image->snapshots[i]);
        aws_param(&call.request,
                  allowed ? "CreateVolumePermission.Add.1.UserId" : "CreateVolumePermission.Remove.1.UserId", account);
        if (call_only(&call, RETRY_SAFE, error))
            return -1;
    }
    return 0;
}

static void read_snapshots(void *context, struct arena *arena, const struct node *root)
{
    struct snapshots *out = context;
    const struct node *set = node_find(root, "snapshotSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item")) {
        struct snapshot *s = LIST_ADD(arena, out);
        *s = (struct snapshot){
            .id = take_text(arena, item, "snapshotId"),
            .state = take_text(arena, item, "status"),
            .volume = take_text(arena, item, "volumeId"),
            .description = take_text(arena, item, "description"),
            .progress = take_text(arena, item, "progress"),
            .kms_key = take_text(arena, item, "kmsKeyId"),
            .started_ms = take_time(item, "startTime"),
            .size_gb = take_number(item, "volumeSize", 0),
        };
        s->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &s->tag_count);
    }
}

int cloud_describe_snapshots(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct snapshots *out,
                             struct aws_error *error)
{
    struct call call;
    struct snapshots got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeSnapshots");
    if (lookup->id_count == 0)
        aws_param(&call.request, "Owner.1", "self");
    call_lookup(&call, "SnapshotId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_snapshots, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}
