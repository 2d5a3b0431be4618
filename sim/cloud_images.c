/*
 * Images: CreateImage (the trap of NoReboot: only what the guest has flushed is in it), CopyImage, deregistration and
 * launch permissions. An image costs only its snapshot.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

/* OSv's own image: every account's, in every region; its snapshot is nobody's to pay. */
struct sc_image *sc_image_base(struct simcloud *cloud, struct sc_place *place)
{
    struct sc_image *image = sc_new(cloud, place, SC_IMAGE, SIMCLOUD_BASE_IMAGE, "osv-base");
    struct sc_snapshot *s = sc_new(cloud, place, SC_SNAPSHOT, "snap-00000000000000001", "");
    s->disk = guest_disk_base();
    s->size_gb = image->volume_gb = cloud->options.volume_gb;
    s->image = image->o.id;
    image->snapshot = s->o.id;
    image->disk = guest_disk_ref(s->disk);
    image->base = true;
    image->description = sc_intern(cloud, "OSv with REST API and JVM");
    image->volume_type = sc_intern(cloud, "gp3");
    sc_texts_add(&image->launch_permissions, sc_intern(cloud, "all"));
    s->o.state = SNAPSHOT_COMPLETED;
    image->o.state = IMAGE_IS_AVAILABLE;
    image->o.visible_ms = s->o.visible_ms = cloud->now_ms;
    return image;
}

bool sc_image_allowed(const struct sc_image *image, const char *account)
{
    return strcmp(image->o.place->account, account) == 0 || sc_texts_have(&image->launch_permissions, account) ||
           sc_texts_have(&image->launch_permissions, "all");
}

struct sc_image *sc_image_find(const struct simcloud *cloud, const struct sc_place *place, const char *id)
{
    struct sc_image *own = sc_find(cloud, place, SC_IMAGE, id);
    for (size_t p = 0; !own && p < cloud->place_count; p++) {
        const struct sc_place *other = cloud->places[p];
        if (other == place || strcmp(other->region, place->region) != 0)
            continue;
        struct sc_image *image = sc_find(cloud, other, SC_IMAGE, id);
        if (image && sc_image_allowed(image, place->account))
            own = image;
    }
    return own;
}

static void complete(struct simcloud *cloud, struct sc_image *image)
{
    struct sc_snapshot *s = sc_find(cloud, image->o.place, SC_SNAPSHOT, image->snapshot);
    bool failed = image->doomed;
    if (s && s->o.state == SNAPSHOT_PENDING)
        sc_step(cloud, &s->o, failed ? SNAPSHOT_ERROR : SNAPSHOT_COMPLETED, image->o.id);
    if (failed)
        image->reason = sc_intern(cloud, "Client.InternalError: Client error on image creation");
    sc_step(cloud, &image->o, failed ? IMAGE_IS_FAILED : IMAGE_IS_AVAILABLE, "");
}

void sc_image_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    if (o->state == IMAGE_IS_PENDING)
        complete(cloud, (struct sc_image *)o);
    else
        sc_free_object(cloud, o);
}

/* Source: CreateImage's reference: 3 to 128 letters, digits, and ()[] ./-'@_ and spaces. */
static bool name_good(const char *name)
{
    size_t len = strlen(name);
    return len >= 3 && len <= 128 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()[] ./-'@_") == len;
}

static int check_name(struct sc_call *c, const char *name)
{
    if (!name_good(name))
        return sc_fail(c, 400, "InvalidAMIName.Malformed",
                       "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, "
                       "'(', ')', '.', '-', '/' and '_'");
    SC_EACH(sc_image, other, c->place, SC_IMAGE)
    if (other->o.state != IMAGE_DEREGISTERED && strcmp(other->o.name, name) == 0)
        return sc_fail(c, 400, "InvalidAMIName.Duplicate", "AMI name %s is already in use by AMI %s", name,
                       other->o.id);
    return 0;
}

static struct sc_image *image_new(struct sc_call *c, const char *name, struct guest_disk *disk /* taken over */,
                                  int64_t ms, const char *volume, const char *parent, int64_t size_gb)
{
    struct simcloud *cloud = c->cloud;
    struct sc_image *image = sc_new_id(cloud, c->place, SC_IMAGE, "ami-", name);
    struct sc_snapshot *s = sc_snapshot_new(cloud, c->place, volume, parent, size_gb, disk);
    image->disk = disk;
    image->snapshot = s->o.id;
    image->volume_gb = size_gb;
    image->description = sc_intern(cloud, sc_param_or(c, "Description", ""));
    s->image = image->o.id;
    int64_t takes_ms = sc_draw_ms(cloud, &image->o, ms);
    if (cloud->options.faults) {
        struct fault_verdict v = fault_of_fate(cloud->options.faults, FATE_IMAGE, image->o.id, name, cloud->now_ms);
        image->doomed = v.kind == FAULT_FAILS;
        takes_ms += v.delay_ms;
    }
    sc_trace(cloud, &image->o, "image", "", "pending", image->o.name);
    sc_timer_set(cloud, &image->o, SC_STATE_TIMER, cloud->now_ms + takes_ms);
    return image;
}

/* The account's own key, which AWS makes and no other account may use. */
static const char *default_key(const struct sc_call *c)
{
    return sc_intern(c->cloud, arena_textf(c->arena, "arn:aws:kms:%s:%s:alias/aws/ebs", c->place->region, c->account));
}

static void encrypt(struct sc_call *c, struct sc_image *image, const char *key)
{
    struct sc_snapshot *s = sc_find(c->cloud, c->place, SC_SNAPSHOT, image->snapshot);
    image->kms_key = s->kms_key = key;
}

static void tag_both(struct sc_call *c, struct sc_image *image, struct sc_texts *image_tags,
                     struct sc_texts *snapshot_tags)
{
    struct sc_snapshot *s = sc_find(c->cloud, c->place, SC_SNAPSHOT, image->snapshot);
    sc_put_tags(c->cloud, &image->o, image_tags);
    sc_put_tags(c->cloud, &s->o, snapshot_tags);
    sc_texts_clear(image_tags);
    sc_texts_clear(snapshot_tags);
}

/* Reboots unless told not to: the guest is shut down cleanly first, so that all it wrote is there. */
static struct guest_disk *capture(struct simcloud *cloud, struct sc_instance *i, bool no_reboot)
{
    if (i->o.state == INSTANCE_RUNS && !no_reboot) {
        i->rebooting = true;
        guest_shutdown(i->guest, cloud->now_ms);
        struct guest_disk *disk = guest_snapshot(i->guest, cloud->now_ms);
        guest_power_on(i->guest, cloud->now_ms);
        i->rebooting = false;
        sc_guest_changed(i, i->guest, cloud->now_ms);
        return disk;
    }
    return guest_snapshot(i->guest, cloud->now_ms);
}

static int create_image(struct sc_call *c)
{
    const char *id;
    const char *name;
    bool no_reboot = false;
    struct sc_texts image_tags = {0};
    struct sc_texts snapshot_tags = {0};
    if (sc_param_required(c, "InstanceId", &id) || sc_param_required(c, "Name", &name) ||
        sc_param_bool(c, "NoReboot", &no_reboot))
        return -1;
    struct sc_instance *i = sc_need(c, SC_INSTANCE, id);
    if (!i || check_name(c, name))
        return -1;
    bool stopped = i->o.state == INSTANCE_STOPPED_IS;
    if (!i->guest || (!stopped && i->o.state != INSTANCE_RUNS))
        return sc_fail(c, 400, "IncorrectInstanceState",
                       "The instance '%s' is not in a state from which an image can "
                       "be created: %s",
                       id, sc_state_name(SC_INSTANCE, i->o.state));
    if (sc_param_tags(c, "TagSpecification", "image", &image_tags) ||
        sc_param_tags(c, "TagSpecification", "snapshot", &snapshot_tags) || sc_commit(c)) {
        sc_texts_clear(&image_tags);
        sc_texts_clear(&snapshot_tags);
        return -1;
    }
    struct sc_volume *v = sc_find(c->cloud, c->place, SC_VOLUME, i->root_volume);
    assert(v);
    struct guest_disk *disk = capture(c->cloud, i, no_reboot || stopped);
    struct sc_image *image = image_new(c, name, disk, c->cloud->options.times.image_ms, v->o.id,
                                       *v->snapshot_base ? v->snapshot_base : v->snapshot, v->size_gb);
    image->source_instance = i->o.id;
    image->volume_type = v->type;
    image->imds = sc_intern(c->cloud, "");
    v->snapshot_base = image->snapshot;
    const struct sc_image *from = sc_image_find(c->cloud, c->place, i->spec.image);
    if (from && *from->kms_key)
        encrypt(c, image, from->kms_key);
    else if (c->cloud->options.encrypt_default)
        encrypt(c, image, default_key(c));
    tag_both(c, image, &image_tags, &snapshot_tags);
    sc_put(c, c->out, "imageId", image->o.id);
    return 0;
}

static int copied(struct sc_call *c, const char *id)
{
    sc_put(c, c->out, "imageId", id);
    return 0;
}

/* Who copies another account's image reads its snapshot. */
static bool may_read(const struct sc_call *c, const struct sc_image *source)
{
    const struct sc_snapshot *s = sc_find(c->cloud, source->o.place, SC_SNAPSHOT, source->snapshot);
    return source->base || strcmp(source->o.place->account, c->account) == 0 ||
           (s && sc_texts_have(&s->shared_with, c->account));
}

/* An encrypted source makes an encrypted copy, by the key given or the account's own. A key is of its region. */
static int copy_key(struct sc_call *c, const struct sc_image *source, const char **key)
{
    bool encrypted = false;
    const char *given = sc_param(c, "KmsKeyId");
    *key = c->cloud->empty;
    if (sc_param_bool(c, "Encrypted", &encrypted))
        return -1;
    if (given && !encrypted)
        return sc_fail(c, 400, "InvalidParameterDependency",
                       "The parameter KmsKeyId requires the parameter Encrypted to be set.");
    if (!encrypted && !*source->kms_key && !c->cloud->options.encrypt_default)
        return 0;
    if (given && strncmp(given, "arn:", 4) == 0 && !strstr(given, arena_textf(c->arena, ":%s:", c->place->region)))
        return sc_fail(c, 400, "InvalidParameterValue", "The KMS key %.100s is not in the region %s", given,
                       c->place->region);
    *key = given ? sc_intern(c->cloud, given) : default_key(c);
    return 0;
}

static int copy_image(struct sc_call *c)
{
    const char *key;
    const char *region;
    const char *id;
    const char *name;
    struct sc_texts image_tags = {0};
    struct sc_texts snapshot_tags = {0};
    if (c->replayed)
        return copied(c, c->replayed->results.items[0]);
    if (sc_param_required(c, "SourceRegion", &region) || sc_param_required(c, "SourceImageId", &id) ||
        sc_param_required(c, "Name", &name))
        return -1;
    if (!sc_region_known(region))
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid region: %.60s", region);
    struct sc_image *source = sc_image_find(c->cloud, sc_place(c->cloud, c->account, region), id);
    if (!source || !sc_seen(c->cloud, &source->o) || source->o.state == IMAGE_DEREGISTERED)
        return sc_fail(c, 400, "InvalidAMIID.NotFound", "The image id '[%.60s]' does not exist", id);
    if (source->o.state != IMAGE_IS_AVAILABLE)
        return sc_fail(c, 400, "InvalidRequest", "Image %s is not in available state", id);
    if (!may_read(c, source))
        return sc_fail(c, 400, "InvalidRequest", "You do not have permission to access the storage of this ami");
    if (copy_key(c, source, &key))
        return -1;
    if (check_name(c, name))
        return -1;
    if (sc_param_tags(c, "TagSpecification", "image", &image_tags) ||
        sc_param_tags(c, "TagSpecification", "snapshot", &snapshot_tags) || sc_commit(c)) {
        sc_texts_clear(&image_tags);
        sc_texts_clear(&snapshot_tags);
        return -1;
    }
    struct sc_image *image = image_new(c, name, guest_disk_ref(source->disk), c->cloud->options.times.copy_ms,
                                       c->cloud->empty, c->cloud->empty, source->volume_gb);
    image->source_image = source->o.id;
    image->source_region = sc_intern(c->cloud, region);
    image->volume_type = source->volume_type;
    image->imds = source->imds;
    if (*key)
        encrypt(c, image, key);
    tag_both(c, image, &image_tags, &snapshot_tags);
    sc_texts_add(&c->results, image->o.id);
    return copied(c, image->o.id);
}

/* With DeleteAssociatedSnapshots its snapshot goes too; without, it is left, and paid. */
static int deregister_image(struct sc_call *c)
{
    const char *id;
    struct sc_image *image;
    bool with_snapshots = false;
    if (sc_param_required(c, "ImageId", &id) || !(image = sc_need(c, SC_IMAGE, id)) ||
        sc_param_bool(c, "DeleteAssociatedSnapshots", &with_snapshots))
        return -1;
    if (image->o.state == IMAGE_DEREGISTERED)
        return sc_fail(c, 400, "InvalidAMIID.Unavailable", "The image ID '%s' is no longer available", id);
    if (image->o.place != c->place || image->base)
        return sc_fail(c, 400, "AuthFailure", "Not authorized for image:%s", id);
    if (sc_commit(c))
        return -1;
    struct sc_snapshot *s = sc_find(c->cloud, c->place, SC_SNAPSHOT, image->snapshot);
    sc_step(c->cloud, &image->o, IMAGE_DEREGISTERED, "");
    sc_timer_set(c->cloud, &image->o, SC_STATE_TIMER, image->o.shown_ms);
    sc_putb(c, c->out, "return", true);
    if (!s)
        return 0;
    s->image = c->cloud->empty;
    if (!with_snapshots)
        return 0;
    sc_snapshot_delete(c->cloud, s);
    struct node *results = sc_node(c, c->out, "deleteSnapshotResultSet");
    struct node *item = sc_node(c, results, "item");
    sc_put(c, item, "snapshotId", s->o.id);
    sc_put(c, item, "returnCode", "success");
    return 0;
}

static const char *image_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_image *image = (const struct sc_image *)o;
    if (strcmp(name, "name") == 0)
        return o->name;
    if (strcmp(name, "image-id") == 0)
        return o->id;
    if (strcmp(name, "state") == 0)
        return sc_state_name(SC_IMAGE, sc_shown(c->cloud, o));
    if (strcmp(name, "owner-id") == 0)
        return o->place->account;
    if (strcmp(name, "description") == 0)
        return image->description;
    if (strcmp(name, "block-device-mapping.snapshot-id") == 0)
        return image->snapshot;
    if (strcmp(name, "is-public") == 0)
        return sc_texts_have(&image->launch_permissions, "all") ? "true" : "false";
    if (strcmp(name, "architecture") == 0)
        return "x86_64";
    if (strcmp(name, "root-device-type") == 0)
        return "ebs";
    return strcmp(name, "image-type") == 0 ? "machine" : NULL;
}

static void put_image(struct sc_call *c, struct node *set, const struct sc_image *image)
{
    struct node *item = sc_node(c, set, "item");
    int state = sc_shown(c->cloud, &image->o);
    sc_put(c, item, "imageId", image->o.id);
    sc_put(c, item, "imageLocation", arena_textf(c->arena, "%s/%s", image->o.place->account, image->o.name));
    sc_put(c, item, "imageState", sc_state_name(SC_IMAGE, state));
    sc_put(c, item, "imageOwnerId", image->o.place->account);
    sc_put_time(c, item, "creationDate", image->o.created_ms);
    sc_putb(c, item, "isPublic", sc_texts_have(&image->launch_permissions, "all"));
    sc_put(c, item, "architecture", "x86_64");
    sc_put(c, item, "imageType", "machine");
    sc_put(c, item, "name", image->o.name);
    sc_put(c, item, "description", image->description);
    sc_put(c, item, "rootDeviceType", "ebs");
    sc_put(c, item, "rootDeviceName", "/dev/sda1");
    struct node *mapping = sc_node(c, sc_node(c, item, "blockDeviceMapping"), "item");
    sc_put(c, mapping, "deviceName", "/dev/sda1");
    struct node *ebs = sc_node(c, mapping, "ebs");
    sc_put(c, ebs, "snapshotId", image->snapshot);
    sc_puti(c, ebs, "volumeSize", image->volume_gb);
    sc_putb(c, ebs, "deleteOnTermination", true);
    sc_put(c, ebs, "volumeType", image->volume_type);
    sc_putb(c, ebs, "encrypted", *image->kms_key != '\0');
    sc_put(c, item, "virtualizationType", "hvm");
    sc_put(c, item, "hypervisor", "xen");
    sc_putb(c, item, "enaSupport", true);
    if (*image->imds)
        sc_put(c, item, "imdsSupport", image->imds);
    if (*image->source_instance)
        sc_put(c, item, "sourceInstanceId", image->source_instance);
    if (*image->reason) {
        struct node *reason = sc_node(c, item, "stateReason");
        sc_put(c, reason, "code", "Client.InternalError");
        sc_put(c, reason, "message", image->reason);
    }
    sc_put_tag_set(c, item, &image->o.tags);
}

static bool owner_asked(const struct sc_call *c, const struct sc_texts *owners, const struct sc_image *image)
{
    if (owners->count == 0)
        return true;
    bool own = image->o.place == c->place;
    return (own && sc_texts_have(owners, "self")) || sc_texts_have(owners, image->o.place->account);
}

static int describe_place(struct sc_call *c, struct sc_filters *f, struct node *set, const struct sc_place *place,
                          const struct sc_texts *ids, const struct sc_texts *owners)
{
    SC_EACH(sc_image, image, place, SC_IMAGE)
    {
        if ((ids->count && !sc_texts_have(ids, image->o.id)) || !owner_asked(c, owners, image))
            continue;
        if (!sc_seen(c->cloud, &image->o) || sc_shown(c->cloud, &image->o) == IMAGE_DEREGISTERED)
            continue;
        if (place != c->place && (image->base || !sc_image_allowed(image, c->account)))
            continue;
        int fits = sc_filters_match(c, f, &image->o, image_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_image(c, set, image);
    }
    return 0;
}

static int describe_images(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "ImageId");
    struct sc_texts owners = sc_param_list(c, "Owner");
    if (sc_filters_read(c, &f, 1, 1000) || sc_need_all(c, SC_IMAGE, &ids, &wanted))
        return -1;
    for (size_t i = 0; i < ids.count; i++)
        if (sc_shown(c->cloud, wanted[i]) == IMAGE_DEREGISTERED)
            return sc_fail(c, 400, "InvalidAMIID.NotFound", "The image id '[%s]' does not exist", ids.items[i]);
    struct node *set = sc_node(c, c->out, "imagesSet");
    for (size_t p = 0; p < c->cloud->place_count; p++) {
        const struct sc_place *place = c->cloud->places[p];
        if (strcmp(place->region, c->place->region) == 0 && describe_place(c, &f, set, place, &ids, &owners))
            return -1;
    }
    sc_filters_end(c, &f);
    return 0;
}

/* ---- permissions ---- */

static int take_permissions(struct sc_call *c, const char *prefix, struct sc_texts *list, bool add)
{
    for (int n = 1;; n++) {
        const char *at = sc_pathf(c, "%s.%d", prefix, n);
        if (!sc_param_under(c, at))
            return 0;
        const char *who = sc_param_or(c, sc_pathf(c, "%s.UserId", at), sc_param(c, sc_pathf(c, "%s.Group", at)));
        if (!who || (strcmp(who, "all") != 0 && (strlen(who) != 12 || strspn(who, "0123456789") != 12)))
            return sc_fail(c, 400, "InvalidAMIAttributeItemValue", "Invalid attribute item value \"%.40s\" for userId",
                           who ? who : "");
        sc_texts_remove(list, who);
        if (add)
            sc_texts_add(list, sc_intern(c->cloud, who));
    }
}

int sc_modify_permissions(struct sc_call *c, const char *prefix, struct sc_texts *list)
{
    if (take_permissions(c, sc_pathf(c, "%s.Add", prefix), list, true) ||
        take_permissions(c, sc_pathf(c, "%s.Remove", prefix), list, false))
        return -1;
    const char *operation = sc_param(c, "OperationType");
    if (!operation)
        return 0;
    if (strcmp(operation, "add") != 0 && strcmp(operation, "remove") != 0)
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid operation type '%.40s'", operation);
    struct sc_texts users = sc_param_list(c, "UserId");
    struct sc_texts groups = sc_param_list(c, "UserGroup");
    for (size_t i = 0; i < users.count + groups.count; i++) {
        const char *who = i < users.count ? users.items[i] : groups.items[i - users.count];
        sc_texts_remove(list, who);
        if (*operation == 'a')
            sc_texts_add(list, sc_intern(c->cloud, who));
    }
    return 0;
}

void sc_put_permissions(struct sc_call *c, const char *name, const struct sc_texts *list)
{
    struct node *set = sc_node(c, c->out, name);
    for (size_t i = 0; i < list->count; i++)
        sc_put(c, sc_node(c, set, "item"), strcmp(list->items[i], "all") == 0 ? "group" : "userId", list->items[i]);
}

static int modify_image_attribute(struct sc_call *c)
{
    const char *id;
    struct sc_image *image;
    if (sc_param_required(c, "ImageId", &id) || !(image = sc_need(c, SC_IMAGE, id)))
        return -1;
    if (image->o.place != c->place || image->base)
        return sc_fail(c, 400, "AuthFailure", "Not authorized for image:%s", id);
    const char *imds = sc_param(c, "ImdsSupport.Value");
    if (imds && strcmp(imds, "v2.0") != 0)
        return sc_fail(c, 400, "InvalidParameterValue", "Value (%.40s) for parameter imdsSupport is invalid", imds);
    const char *description = sc_param(c, "Description.Value");
    if (sc_commit(c) || sc_modify_permissions(c, "LaunchPermission", &image->launch_permissions))
        return -1;
    if (description)
        image->description = sc_intern(c->cloud, description);
    if (imds)
        image->imds = sc_intern(c->cloud, imds);
    sc_putb(c, c->out, "return", true);
    return 0;
}

static int describe_image_attribute(struct sc_call *c)
{
    const char *id;
    const char *attribute;
    struct sc_image *image;
    if (sc_param_required(c, "ImageId", &id) || sc_param_required(c, "Attribute", &attribute) ||
        !(image = sc_need(c, SC_IMAGE, id)))
        return -1;
    if (image->o.place != c->place)
        return sc_fail(c, 400, "AuthFailure", "Not authorized for image:%s", id);
    sc_put(c, c->out, "imageId", image->o.id);
    if (strcmp(attribute, "launchPermission") == 0)
        sc_put_permissions(c, "launchPermission", &image->launch_permissions);
    else if (strcmp(attribute, "description") == 0)
        sc_put(c, sc_node(c, c->out, "description"), "value", image->description);
    else if (strcmp(attribute, "imdsSupport") == 0)
        sc_put(c, sc_node(c, c->out, "imdsSupport"), "value", image->imds);
    else
        return sc_fail(c, 400, "InvalidParameterValue",
                       "The modelled cloud knows launchPermission, description and "
                       "imdsSupport");
    return 0;
}

const struct sc_action sc_actions_images[] = {
    {{AWS_EC2, "CreateImage", true, "InstanceId Name Description NoReboot TagSpecification"},
     create_image,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "CopyImage", true,
      "SourceRegion SourceImageId Name Description ClientToken Encrypted KmsKeyId TagSpecification"},
     copy_image,
     "ClientToken",
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DeregisterImage", true, "ImageId DeleteAssociatedSnapshots"},
     deregister_image,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeImages", false, "ImageId Owner ExecutableBy Filter MaxResults NextToken"},
     describe_images,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "ModifyImageAttribute", true,
      "ImageId Attribute LaunchPermission Description ImdsSupport OperationType UserId UserGroup"},
     modify_image_attribute,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeImageAttribute", false, "ImageId Attribute"}, describe_image_attribute, NULL, BUCKET_EC2_READ},
    {{0}, NULL, NULL, 0},
};
