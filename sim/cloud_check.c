/* The invariants of cloud.h, looked at all over. */
#include "sim/cloud_private.h"

#include <string.h>

static const char *check_instance(const struct simcloud *cloud, const struct sc_instance *i)
{
    int state = i->o.state;
    if ((state == INSTANCE_RUNS) != (i->running_ms >= 0))
        return "an instance is metered exactly while it runs";
    if (i->running_ms > cloud->now_ms || i->launch_ms > cloud->now_ms)
        return "a running period begins in the past";
    if ((state == INSTANCE_IS_PENDING || state == INSTANCE_STOPS || state == INSTANCE_SHUTS_DOWN) &&
        !i->o.timers[SC_STATE_TIMER].at)
        return "an instance between two states has an event that ends it";
    if (state == INSTANCE_RUNS && (!i->guest || guest_phase(i->guest) == GUEST_OFF) && !i->o.timers[SC_GUEST_TIMER].at)
        return "a running instance's guest is on, or its power-off is about to be noticed";
    if (state != INSTANCE_RUNS && i->guest && guest_phase(i->guest) != GUEST_OFF)
        return "an instance that does not run has its guest off";
    if (state != INSTANCE_GONE && !sc_find(cloud, i->o.place, SC_VOLUME, i->root_volume))
        return "an instance that lives has its root volume";
    if ((i->lifecycle == MEMBER_LEFT) != !*i->group)
        return "a member belongs to a group, and nobody else does";
    if (*i->group && !sc_find_named(i->o.place, SC_GROUP, i->group))
        return "a member's group exists";
    return NULL;
}

static const char *check_volume(const struct simcloud *cloud, const struct sc_volume *v)
{
    if ((v->o.state == VOLUME_IN_USE) != (*v->instance != '\0'))
        return "a volume is in use exactly while it is an instance's";
    if (*v->instance) {
        const struct sc_instance *i = sc_find(cloud, v->o.place, SC_INSTANCE, v->instance);
        if (!i || i->o.state == INSTANCE_GONE)
            return "a volume in use belongs to an instance that lives";
    }
    return NULL;
}

static const char *check_snapshot(const struct simcloud *cloud, const struct sc_snapshot *s)
{
    const struct sc_snapshot *parent = *s->parent ? sc_find(cloud, s->o.place, SC_SNAPSHOT, s->parent) : NULL;
    if (*s->parent && !parent && !s->freed)
        return "the blocks a snapshot builds on are there";
    if (s->children < 0 || (s->freed && s->children > 0))
        return "a snapshot's blocks are freed after those that build on them";
    return NULL;
}

static const char *check_image(const struct simcloud *cloud, const struct sc_image *image)
{
    const struct sc_snapshot *s = sc_find(cloud, image->o.place, SC_SNAPSHOT, image->snapshot);
    if (image->o.state == IMAGE_IS_AVAILABLE && (!s || s->o.state != SNAPSHOT_COMPLETED || s->image != image->o.id))
        return "an available image's snapshot is complete, and the image's";
    if (image->o.state == IMAGE_IS_PENDING && !image->o.timers[SC_STATE_TIMER].at)
        return "a pending image has an event that ends it";
    return NULL;
}

static const char *check_group(const struct simcloud *cloud, const struct sc_group *g)
{
    (void)cloud;
    if (g->min < 0 || g->min > g->desired || g->desired > g->max)
        return "a group's desired count is within min and max";
    if (g->o.state == GROUP_LIVES && !*g->launch_config && !*g->template_id)
        return "a group has something to launch";
    return NULL;
}

static const char *check_target(const struct simcloud *cloud, const struct sc_target *t)
{
    if (!sc_find(cloud, t->o.place, SC_TARGET_GROUP, t->target_group))
        return "a target belongs to a target group that exists";
    return NULL;
}

static const char *check_timers(const struct simcloud *cloud)
{
    for (size_t i = 0; i < cloud->heap_count; i++) {
        const struct sc_event *e = &cloud->heap[i];
        const struct sc_timer *timer = &e->object->timers[e->which];
        if (timer->at != i + 1 || timer->ms != e->ms || timer->sequence != e->sequence)
            return "a timer knows its place";
        if (e->ms < cloud->now_ms)
            return "no event is in the past";
    }
    return NULL;
}

static const char *check_object(const struct simcloud *cloud, const struct sc_object *o)
{
    switch (o->kind) {
    case SC_INSTANCE:
        return check_instance(cloud, (const struct sc_instance *)o);
    case SC_VOLUME:
        return check_volume(cloud, (const struct sc_volume *)o);
    case SC_SNAPSHOT:
        return check_snapshot(cloud, (const struct sc_snapshot *)o);
    case SC_IMAGE:
        return check_image(cloud, (const struct sc_image *)o);
    case SC_GROUP:
        return check_group(cloud, (const struct sc_group *)o);
    case SC_TARGET:
        return check_target(cloud, (const struct sc_target *)o);
    default:
        return NULL;
    }
}

const char *simcloud_check(const struct simcloud *cloud)
{
    const char *broken = check_timers(cloud);
    for (size_t p = 0; p < cloud->place_count && !broken; p++)
        for (int kind = 0; kind < SC_KINDS && !broken; kind++) {
            uint64_t number = 0;
            size_t count = 0;
            for (const struct sc_object *o = cloud->places[p]->first[kind]; o && !broken; o = o->next, count++) {
                broken = o->number > number ? check_object(cloud, o) : "objects are in the order of their births";
                number = o->number;
            }
            if (!broken && count != cloud->places[p]->counts[kind])
                broken = "objects are counted";
        }
    return broken;
}
