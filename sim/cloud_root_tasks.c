/* CreateReplaceRootVolumeTask: a running instance gets a fresh root volume and reboots from it, in the same paid hour.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

static void replace(struct simcloud *cloud, struct sc_root_task *t, struct sc_instance *i)
{
    struct sc_volume *old = sc_find(cloud, i->o.place, SC_VOLUME, i->root_volume);
    struct sc_volume *v = sc_volume_new(cloud, i, old->size_gb, old->type, t->snapshot, old->delete_on_termination);
    old->delete_on_termination = t->delete_old;
    sc_volume_detach(cloud, i, old);
    i->root_volume = v->o.id;
    if (*t->image)
        i->spec.image = t->image;
    guest_replace_disk(i->guest, guest_disk_ref(t->disk), cloud->now_ms);
    sc_step(cloud, &t->o, TASK_SUCCEEDED, i->o.id);
}

void sc_root_task_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    struct sc_root_task *t = (struct sc_root_task *)o;
    if (o->state == TASK_SUCCEEDED || o->state == TASK_FAILED) {
        sc_free_object(cloud, o);
        return;
    }
    if (o->state == TASK_PENDING) {
        sc_step(cloud, o, TASK_IN_PROGRESS, t->instance);
        sc_timer_set(cloud, o, SC_STATE_TIMER, cloud->now_ms + sc_draw_ms(cloud, o, cloud->options.times.root_ms));
        return;
    }
    struct sc_instance *i = sc_find(cloud, o->place, SC_INSTANCE, t->instance);
    if (i && i->o.state == INSTANCE_RUNS)
        replace(cloud, t, i);
    else
        sc_step(cloud, o, TASK_FAILED, t->instance);
    t->completed_ms = cloud->now_ms;
    sc_timer_set(cloud, o, SC_STATE_TIMER, cloud->now_ms + cloud->options.times.forget_ms);
}

static void put_task(struct sc_call *c, struct node *item, const struct sc_root_task *t)
{
    sc_put(c, item, "replaceRootVolumeTaskId", t->o.id);
    sc_put(c, item, "instanceId", t->instance);
    sc_put(c, item, "taskState", sc_state_name(SC_ROOT_TASK, sc_shown(c->cloud, &t->o)));
    sc_put_time(c, item, "startTime", t->o.created_ms);
    if (t->completed_ms)
        sc_put_time(c, item, "completeTime", t->completed_ms);
    sc_put_tag_set(c, item, &t->o.tags);
    if (*t->image)
        sc_put(c, item, "imageId", t->image);
    sc_put(c, item, "snapshotId", t->snapshot);
    sc_putb(c, item, "deleteReplacedRootVolume", t->delete_old);
}

/* From an image, a snapshot, or (neither) as the volume was made. */
static int find_source(struct sc_call *c, const struct sc_instance *i, struct sc_image **image,
                       struct sc_snapshot **snapshot)
{
    const char *image_id = sc_param(c, "ImageId");
    const char *snapshot_id = sc_param(c, "SnapshotId");
    *image = NULL;
    *snapshot = NULL;
    if (image_id && snapshot_id)
        return sc_fail(c, 400, "InvalidParameterCombination", "Specify either an image or a snapshot, not both");
    if (snapshot_id) {
        if (!(*snapshot = sc_need(c, SC_SNAPSHOT, snapshot_id)))
            return -1;
        if ((*snapshot)->o.state != SNAPSHOT_COMPLETED)
            return sc_fail(c, 400, "IncorrectState", "Snapshot is in invalid state - %s",
                           sc_state_name(SC_SNAPSHOT, (*snapshot)->o.state));
        return 0;
    }
    if (image_id && !(*image = sc_need(c, SC_IMAGE, image_id)))
        return -1;
    if (!image_id)
        *image = sc_image_find(c->cloud, c->place, i->spec.image);
    if (!*image || (*image)->o.state != IMAGE_IS_AVAILABLE)
        return sc_fail(c, 400, "InvalidAMIID.Unavailable", "The image ID '%s' is not available",
                       image_id ? image_id : i->spec.image);
    return 0;
}

static int put_again(struct sc_call *c)
{
    const struct sc_root_task *t = sc_find(c->cloud, c->place, SC_ROOT_TASK, c->replayed->results.items[0]);
    if (!t)
        return sc_fail(c, 400, "InvalidReplaceRootVolumeTaskID.NotFound", "The task is gone");
    put_task(c, sc_node(c, c->out, "replaceRootVolumeTask"), t);
    return 0;
}

static int create_task(struct sc_call *c)
{
    const char *id;
    struct sc_instance *i;
    struct sc_image *image;
    struct sc_snapshot *snapshot;
    bool delete_old = false;
    struct sc_texts tags = {0};
    if (c->replayed)
        return put_again(c);
    if (sc_param_required(c, "InstanceId", &id) || !(i = sc_need(c, SC_INSTANCE, id)) ||
        sc_param_bool(c, "DeleteReplacedRootVolume", &delete_old) || find_source(c, i, &image, &snapshot))
        return -1;
    if (i->o.state != INSTANCE_RUNS)
        return sc_fail(c, 400, "IncorrectInstanceState", "The instance '%s' is not in the 'running' state.", id);
    SC_EACH(sc_root_task, other, c->place, SC_ROOT_TASK)
    if (other->instance == i->o.id && (other->o.state == TASK_PENDING || other->o.state == TASK_IN_PROGRESS))
        return sc_fail(c, 400, "ReplaceRootVolumeTaskInProgress",
                       "A root volume replacement task is in progress for the instance '%s'", id);
    if (sc_param_tags(c, "TagSpecification", "replace-root-volume-task", &tags) || sc_commit(c)) {
        sc_texts_clear(&tags);
        return -1;
    }
    assert(image || snapshot);
    struct sc_root_task *t = sc_new_id(c->cloud, c->place, SC_ROOT_TASK, "replacevol-", "");
    t->instance = i->o.id;
    t->image = image && sc_param(c, "ImageId") ? image->o.id : c->cloud->empty;
    t->snapshot = image ? image->snapshot : snapshot->o.id;
    t->disk = guest_disk_ref(image ? image->disk : snapshot->disk);
    t->delete_old = delete_old;
    sc_put_tags(c->cloud, &t->o, &tags);
    sc_texts_clear(&tags);
    sc_trace(c->cloud, &t->o, "root-task", "", "pending", i->o.id);
    sc_timer_set(c->cloud, &t->o, SC_STATE_TIMER, c->cloud->now_ms + 1000);
    sc_texts_add(&c->results, t->o.id);
    put_task(c, sc_node(c, c->out, "replaceRootVolumeTask"), t);
    return 0;
}

static const char *task_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    (void)c;
    return strcmp(name, "instance-id") == 0 ? ((const struct sc_root_task *)o)->instance : NULL;
}

static int describe_tasks(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "ReplaceRootVolumeTaskId");
    if (sc_filters_read(c, &f, 1, 50) || sc_need_all(c, SC_ROOT_TASK, &ids, &wanted))
        return -1;
    struct node *set = sc_node(c, c->out, "replaceRootVolumeTaskSet");
    SC_EACH(sc_root_task, t, c->place, SC_ROOT_TASK)
    {
        if ((ids.count && !sc_texts_have(&ids, t->o.id)) || !sc_seen(c->cloud, &t->o))
            continue;
        int fits = sc_filters_match(c, &f, &t->o, task_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_task(c, sc_node(c, set, "item"), t);
    }
    sc_filters_end(c, &f);
    return 0;
}

const struct sc_action sc_actions_root_tasks[] = {
    {{AWS_EC2, "CreateReplaceRootVolumeTask", true,
      "InstanceId ImageId SnapshotId ClientToken TagSpecification DeleteReplacedRootVolume"},
     create_task,
     "ClientToken",
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeReplaceRootVolumeTasks", false, "ReplaceRootVolumeTaskId Filter MaxResults NextToken"},
     describe_tasks,
     NULL,
     BUCKET_EC2_READ},
    {{0}, NULL, NULL, 0},
};
