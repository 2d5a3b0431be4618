/*
 * Scaling activities, in AWS's words (Auto Scaling user guide, "Verify a scaling activity" and its troubleshooting
 * pages; the words of instance refreshes and rebalancing are from what groups have been seen to say).
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

#define KEPT 1000 /* activities of a group; AWS keeps those of six weeks */

static void forget_oldest(struct simcloud *cloud, struct sc_group *g)
{
    if (g->activity_count <= KEPT)
        return;
    SC_EACH(sc_activity, a, g->o.place, SC_ACTIVITY)
    if (a->group == g->o.name && a->ended_ms) {
        sc_free_object(cloud, &a->o);
        g->activity_count--;
        return;
    }
}

static const char *activity_id(struct simcloud *cloud)
{
    struct philox_block counter = {{0xac7, (uint32_t)(cloud->numbers + 1), (uint32_t)((cloud->numbers + 1) >> 32), 7}};
    struct philox_block b = philox4x32_10(counter, cloud->options.seed, 0xac7);
    return sc_internf(cloud, "%08x-%04x-4%03x-8%03x-%08x%04x", b.word[0], b.word[1] & 0xffff, b.word[1] >> 20,
                      b.word[2] & 0xfff, b.word[3], b.word[2] >> 16);
}

struct sc_activity *sc_activity_new(struct simcloud *cloud, struct sc_group *g, const char *instance, int state,
                                    const char *description, const char *cause)
{
    struct sc_activity *a = sc_new(cloud, g->o.place, SC_ACTIVITY, activity_id(cloud), "");
    a->group = g->o.name;
    a->instance = sc_intern(cloud, instance);
    a->description = sc_intern(cloud, description);
    a->cause = sc_intern(cloud, cause);
    a->o.state = state;
    a->progress = state == ACTIVITY_PRE_IN_SERVICE ? 30 : 50;
    const struct sc_instance *i = *a->instance ? sc_find(cloud, g->o.place, SC_INSTANCE, instance) : NULL;
    a->zone = i ? i->spec.zone : cloud->empty;
    a->subnet = i ? i->spec.subnet : cloud->empty;
    g->activity_count++;
    sc_trace(cloud, &a->o, "activity", "", sc_state_name(SC_ACTIVITY, state), a->description);
    forget_oldest(cloud, g);
    return a;
}

void sc_activity_end(struct simcloud *cloud, struct sc_activity *a, int state, const char *message)
{
    if (a->o.state >= ACTIVITY_SUCCESSFUL)
        return;
    sc_step(cloud, &a->o, state, message);
    a->message = sc_intern(cloud, message);
    a->progress = 100;
    a->ended_ms = cloud->now_ms;
    struct sc_group *g = sc_find_named(a->o.place, SC_GROUP, a->group);
    if (g)
        g->cooled_ms = cloud->now_ms + g->cooldown_s * 1000;
}

struct sc_activity *sc_activity_of(struct simcloud *cloud, const struct sc_instance *i)
{
    return *i->activity ? sc_find(cloud, i->o.place, SC_ACTIVITY, i->activity) : NULL;
}

const char *sc_at(struct simcloud *cloud)
{
    return sc_iso(&cloud->scratch, cloud->now_ms, false);
}

/* "At T a user request ... changing the desired capacity from 1 to 2.  " while that change is being carried out. */
const char *sc_change_cause(struct simcloud *cloud, const struct sc_group *g)
{
    if (!*g->change_cause)
        return "";
    return arena_textf(&cloud->scratch, "At %s %s changing the desired capacity from %lld to %lld.  ",
                       sc_iso(&cloud->scratch, g->changed_ms, false), g->change_cause, (long long)g->changed_from,
                       (long long)g->desired);
}

static void put_details(struct sc_call *c, struct node *item, const struct sc_activity *a)
{
    if (*a->subnet)
        sc_put(c, item, "Details",
               sc_pathf(c, "{\"Subnet ID\":\"%s\",\"Availability Zone\":\"%s\"}", a->subnet, a->zone));
}

void sc_put_activity(struct sc_call *c, struct node *item, const struct sc_activity *a)
{
    sc_put(c, item, "ActivityId", a->o.id);
    sc_put(c, item, "AutoScalingGroupName", a->group);
    sc_put(c, item, "Description", a->description);
    sc_put(c, item, "Cause", a->cause);
    sc_put_time(c, item, "StartTime", a->o.created_ms);
    if (a->ended_ms)
        sc_put_time(c, item, "EndTime", a->ended_ms);
    sc_put(c, item, "StatusCode", sc_state_name(SC_ACTIVITY, a->o.state));
    if (*a->message)
        sc_put(c, item, "StatusMessage", a->message);
    sc_puti(c, item, "Progress", a->progress);
    put_details(c, item, a);
}

/* Newest first, so pages go downwards in numbers. */
static bool after_page(const struct sc_activity *a, const struct sc_filters *f)
{
    return f->after == 0 || a->o.number < f->after;
}

static int describe_activities(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_texts ids = sc_param_list(c, "ActivityIds");
    const char *name = sc_param(c, "AutoScalingGroupName");
    if (sc_filters_read(c, &f, 1, 100))
        return -1;
    if (name && !sc_find_named(c->place, SC_GROUP, name) && !sc_param(c, "IncludeDeletedGroups"))
        return sc_fail(c, 400, "ValidationError",
                       "AutoScalingGroup name not found - AutoScalingGroup '%.200s' not found", name);
    struct node *set = sc_node(c, c->out, "Activities");
    struct sc_object *last = c->place->last[SC_ACTIVITY];
    for (struct sc_activity *a = (struct sc_activity *)last; a; a = (struct sc_activity *)a->o.prev) {
        if ((name && strcmp(a->group, name) != 0) || (ids.count && !sc_texts_have(&ids, a->o.id)) || !after_page(a, &f))
            continue;
        if (f.matched >= f.max) {
            f.more = true;
            break;
        }
        f.matched++;
        f.last = a->o.number;
        sc_put_activity(c, sc_node(c, set, "member"), a);
    }
    sc_filters_end(c, &f);
    return 0;
}

const struct sc_action sc_actions_activities[] = {
    {{AWS_AUTOSCALING, "DescribeScalingActivities", false,
      "AutoScalingGroupName ActivityIds IncludeDeletedGroups MaxRecords NextToken"},
     describe_activities,
     NULL,
     BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};
