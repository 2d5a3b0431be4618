/*
 * Volumes and snapshots. A snapshot stores what changed since the one its volume came from or was last taken to; when
 * it is deleted, its blocks stay (and are paid) as long as a later one builds on them. Source: EBS user guide, "How EBS
 * snapshots work".
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#define BLOCK_BYTES ((int64_t)512 * 1024)

struct sc_volume *sc_volume_new(struct simcloud *cloud, struct sc_instance *i, int64_t size_gb, const char *type,
                                const char *snapshot, bool delete_on_termination)
{
    struct sc_volume *v = sc_new_id(cloud, i->o.place, SC_VOLUME, "vol-", "");
    v->size_gb = size_gb;
    v->type = type;
    v->snapshot = snapshot;
    v->zone = i->spec.zone;
    v->instance = i->o.id;
    v->attached_ms = v->metered_from_ms = cloud->now_ms;
    v->delete_on_termination = delete_on_termination;
    sc_step(cloud, &v->o, VOLUME_IN_USE, i->o.id);
    return v;
}

void sc_volume_delete(struct simcloud *cloud, struct sc_volume *v)
{
    sc_meter(cloud, METER_VOLUME, &v->o, v->zone, v->type, v->metered_from_ms, v->size_gb);
    sc_step(cloud, &v->o, VOLUME_DELETED, "");
    v->instance = cloud->empty;
    sc_timer_set(cloud, &v->o, SC_STATE_TIMER, v->o.shown_ms);
}

void sc_volume_detach(struct simcloud *cloud, struct sc_instance *i, struct sc_volume *v)
{
    assert(strcmp(v->instance, i->o.id) == 0);
    if (v->delete_on_termination) {
        sc_volume_delete(cloud, v);
        return;
    }
    sc_step(cloud, &v->o, VOLUME_AVAILABLE, i->o.id);
    v->instance = cloud->empty;
}

void sc_volume_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    assert(o->state == VOLUME_DELETED);
    sc_free_object(cloud, o);
}

/* ---- snapshots ---- */

/* What a disk holds that its parent does not, in whole blocks; at least one. */
static int64_t changed_bytes(const struct guest_disk *disk, const struct guest_disk *parent)
{
    int64_t bytes = (int64_t)guest_disk_bytes(disk) - (parent ? (int64_t)guest_disk_bytes(parent) : 0);
    int64_t blocks = bytes > 0 ? (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES : 0;
    return (blocks + 1) * BLOCK_BYTES;
}

struct sc_snapshot *sc_snapshot_new(struct simcloud *cloud, struct sc_place *place, const char *volume,
                                    const char *parent, int64_t size_gb, struct guest_disk *disk)
{
    struct sc_snapshot *s = sc_new_id(cloud, place, SC_SNAPSHOT, "snap-", "");
    struct sc_snapshot *from = *parent ? sc_find(cloud, place, SC_SNAPSHOT, parent) : NULL;
    from = from && !from->freed ? from : NULL;
    s->volume = volume;
    s->parent = from ? from->o.id : cloud->empty;
    s->size_gb = size_gb;
    s->disk = guest_disk_ref(disk);
    s->stored_bytes = changed_bytes(disk, from ? from->disk : NULL);
    s->metered_from_ms = cloud->now_ms;
    if (from)
        from->children++;
    return s;
}

/* Deleted, and nothing builds on it any more: its blocks go; then perhaps its parent's. */
static void free_blocks(struct simcloud *cloud, struct sc_snapshot *s)
{
    while (s && s->o.state == SNAPSHOT_DELETED && s->children == 0) {
        struct sc_snapshot *parent = *s->parent ? sc_find(cloud, s->o.place, SC_SNAPSHOT, s->parent) : NULL;
        if (s->stored_bytes > 0)
            sc_meter(cloud, METER_SNAPSHOT, &s->o, cloud->empty, cloud->empty, s->metered_from_ms, s->stored_bytes);
        sc_trace(cloud, &s->o, "snapshot", "deleted", "freed", "");
        s->freed = true;
        sc_timer_set(cloud, &s->o, SC_STATE_TIMER, s->o.shown_ms);
        if (parent)
            parent->children--;
        s = parent;
    }
}

void sc_snapshot_delete(struct simcloud *cloud, struct sc_snapshot *s)
{
    sc_step(cloud, &s->o, SNAPSHOT_DELETED, "");
    free_blocks(cloud, s);
}

void sc_snapshot_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    assert(o->state == SNAPSHOT_DELETED && ((struct sc_snapshot *)o)->freed);
    sc_free_object(cloud, o);
}

/* ---- calls ---- */

static const char *volume_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_volume *v = (const struct sc_volume *)o;
    if (strcmp(name, "volume-id") == 0)
        return o->id;
    if (strcmp(name, "status") == 0)
        return sc_state_name(SC_VOLUME, sc_shown(c->cloud, o));
    if (strcmp(name, "attachment.instance-id") == 0)
        return v->instance;
    if (strcmp(name, "snapshot-id") == 0)
        return v->snapshot;
    if (strcmp(name, "volume-type") == 0)
        return v->type;
    return strcmp(name, "availability-zone") == 0 ? v->zone : NULL;
}

static void put_volume(struct sc_call *c, struct node *set, const struct sc_volume *v)
{
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "volumeId", v->o.id);
    sc_puti(c, item, "size", v->size_gb);
    sc_put(c, item, "snapshotId", v->snapshot);
    sc_put(c, item, "availabilityZone", v->zone);
    sc_put(c, item, "status", sc_state_name(SC_VOLUME, sc_shown(c->cloud, &v->o)));
    sc_put_time(c, item, "createTime", v->o.created_ms);
    struct node *attachments = sc_node(c, item, "attachmentSet");
    if (*v->instance) {
        struct node *a = sc_node(c, attachments, "item");
        sc_put(c, a, "volumeId", v->o.id);
        sc_put(c, a, "instanceId", v->instance);
        sc_put(c, a, "device", "/dev/sda1");
        sc_put(c, a, "status", "attached");
        sc_put_time(c, a, "attachTime", v->attached_ms);
        sc_putb(c, a, "deleteOnTermination", v->delete_on_termination);
    }
    sc_put_tag_set(c, item, &v->o.tags);
    sc_put(c, item, "volumeType", v->type);
    sc_putb(c, item, "encrypted", false);
}

static int describe_volumes(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "VolumeId");
    if (sc_filters_read(c, &f, 5, 1000) || sc_need_all(c, SC_VOLUME, &ids, &wanted))
        return -1;
    struct node *set = sc_node(c, c->out, "volumeSet");
    for (struct sc_object *o = c->place->first[SC_VOLUME]; o; o = o->next) {
        if ((ids.count && !sc_texts_have(&ids, o->id)) || !sc_seen(c->cloud, o))
            continue;
        int fits = sc_filters_match(c, &f, o, volume_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_volume(c, set, (struct sc_volume *)o);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int delete_volume(struct sc_call *c)
{
    const char *id;
    struct sc_volume *v;
    if (sc_param_required(c, "VolumeId", &id) || !(v = sc_need(c, SC_VOLUME, id)))
        return -1;
    if (v->o.state == VOLUME_IN_USE)
        return sc_fail(c, 400, "VolumeInUse", "Volume %s is currently attached to %s", v->o.id, v->instance);
    if (v->o.state == VOLUME_DELETED)
        return sc_fail(c, 400, "InvalidVolume.NotFound", "The volume '%s' does not exist.", v->o.id);
    if (sc_commit(c))
        return -1;
    sc_volume_delete(c->cloud, v);
    sc_putb(c, c->out, "return", true);
    return 0;
}

static const char *snapshot_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_snapshot *s = (const struct sc_snapshot *)o;
    if (strcmp(name, "snapshot-id") == 0)
        return o->id;
    if (strcmp(name, "volume-id") == 0)
        return s->volume;
    if (strcmp(name, "status") == 0)
        return sc_state_name(SC_SNAPSHOT, sc_shown(c->cloud, o));
    if (strcmp(name, "owner-id") == 0)
        return o->place->account;
    return strcmp(name, "description") == 0 ? s->description : NULL;
}

static void put_snapshot(struct sc_call *c, struct node *set, const struct sc_snapshot *s)
{
    struct node *item = sc_node(c, set, "item");
    int state = sc_shown(c->cloud, &s->o);
    sc_put(c, item, "snapshotId", s->o.id);
    sc_put(c, item, "volumeId", *s->volume ? s->volume : "vol-ffffffff");
    sc_put(c, item, "status", sc_state_name(SC_SNAPSHOT, state));
    sc_put_time(c, item, "startTime", s->o.created_ms);
    sc_put(c, item, "progress", state == SNAPSHOT_COMPLETED ? "100%" : "0%");
    sc_put(c, item, "ownerId", s->o.place->account);
    sc_puti(c, item, "volumeSize", s->size_gb);
    sc_put(c, item, "description", s->description);
    sc_putb(c, item, "encrypted", *s->kms_key != '\0');
    if (*s->kms_key)
        sc_put(c, item, "kmsKeyId", s->kms_key);
    sc_put_tag_set(c, item, &s->o.tags);
}

static bool snapshot_there(const struct sc_call *c, const struct sc_object *o)
{
    return sc_seen(c->cloud, o) && sc_shown(c->cloud, o) != SNAPSHOT_DELETED;
}

static int describe_snapshots(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "SnapshotId");
    struct sc_texts owners = sc_param_list(c, "Owner");
    if (sc_filters_read(c, &f, 5, 1000) || sc_need_all(c, SC_SNAPSHOT, &ids, &wanted))
        return -1;
    for (size_t i = 0; i < ids.count; i++)
        if (!snapshot_there(c, wanted[i]))
            return sc_fail(c, 400, "InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", ids.items[i]);
    bool own = owners.count == 0 || sc_texts_have(&owners, "self") || sc_texts_have(&owners, c->account);
    struct node *set = sc_node(c, c->out, "snapshotSet");
    for (struct sc_object *o = own ? c->place->first[SC_SNAPSHOT] : NULL; o; o = o->next) {
        if ((ids.count && !sc_texts_have(&ids, o->id)) || !snapshot_there(c, o))
            continue;
        int fits = sc_filters_match(c, &f, o, snapshot_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_snapshot(c, set, (struct sc_snapshot *)o);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int delete_snapshot(struct sc_call *c)
{
    const char *id;
    struct sc_snapshot *s;
    if (sc_param_required(c, "SnapshotId", &id) || !(s = sc_need(c, SC_SNAPSHOT, id)))
        return -1;
    if (s->o.state == SNAPSHOT_DELETED)
        return sc_fail(c, 400, "InvalidSnapshot.NotFound", "The snapshot '%s' does not exist.", id);
    if (*s->image)
        return sc_fail(c, 400, "InvalidSnapshot.InUse", "The snapshot %s is currently in use by %s", id, s->image);
    if (sc_commit(c))
        return -1;
    sc_snapshot_delete(c->cloud, s);
    sc_putb(c, c->out, "return", true);
    return 0;
}

static int modify_snapshot_attribute(struct sc_call *c)
{
    const char *id;
    struct sc_snapshot *s;
    if (sc_param_required(c, "SnapshotId", &id) || !(s = sc_need(c, SC_SNAPSHOT, id)))
        return -1;
    if (strstr(s->kms_key, ":alias/aws/ebs"))
        return sc_fail(c, 400, "OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared");
    if (sc_commit(c) || sc_modify_permissions(c, "CreateVolumePermission", &s->shared_with))
        return -1;
    sc_putb(c, c->out, "return", true);
    return 0;
}

static int describe_snapshot_attribute(struct sc_call *c)
{
    const char *id;
    const char *attribute;
    struct sc_snapshot *s;
    if (sc_param_required(c, "SnapshotId", &id) || sc_param_required(c, "Attribute", &attribute) ||
        !(s = sc_need(c, SC_SNAPSHOT, id)))
        return -1;
    if (strcmp(attribute, "createVolumePermission") != 0)
        return sc_fail(c, 400, "InvalidParameterValue", "The modelled cloud knows createVolumePermission only");
    sc_put(c, c->out, "snapshotId", s->o.id);
    sc_put_permissions(c, "createVolumePermission", &s->shared_with);
    return 0;
}

const struct sc_action sc_actions_volumes[] = {
    {{AWS_EC2, "DescribeVolumes", false, "VolumeId Filter MaxResults NextToken"},
     describe_volumes,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DeleteVolume", true, "VolumeId"}, delete_volume, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeSnapshots", false, "SnapshotId Owner RestorableBy Filter MaxResults NextToken"},
     describe_snapshots,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DeleteSnapshot", true, "SnapshotId"}, delete_snapshot, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "ModifySnapshotAttribute", true,
      "SnapshotId Attribute CreateVolumePermission OperationType UserId UserGroup"},
     modify_snapshot_attribute,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeSnapshotAttribute", false, "SnapshotId Attribute"},
     describe_snapshot_attribute,
     NULL,
     BUCKET_EC2_READ},
    {{0}, NULL, NULL, 0},
};
