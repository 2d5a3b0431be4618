/* Auto Scaling's calls about a group's members: attached, detached, terminated, on standby, protected, judged. */
#include "sim/cloud_private.h"

#include <string.h>

static int members_asked(struct sc_call *c, struct sc_group *g, struct sc_instance ***out, size_t *count)
{
    struct sc_texts ids = sc_param_list(c, "InstanceIds");
    *out = arena_alloc(c->arena, (ids.count + 1) * sizeof(struct sc_instance *));
    *count = ids.count;
    if (ids.count == 0)
        return sc_fail(c, 400, "ValidationError", "At least one instance ID is needed");
    for (size_t i = 0; i < ids.count; i++) {
        struct sc_instance *member = sc_find(c->cloud, c->place, SC_INSTANCE, ids.items[i]);
        if (!member || member->group != g->o.name)
            return sc_fail(c, 400, "ValidationError", "The instance %.40s is not part of Auto Scaling group %s.",
                           ids.items[i], g->o.name);
        (*out)[i] = member;
    }
    return 0;
}

/* ---- AttachInstances ---- */

static int may_attach(struct sc_call *c, const struct sc_group *g, const struct sc_instance *i, const char *id)
{
    if (!i)
        return sc_fail(c, 400, "ValidationError", "Invalid Instance ID(s): [%.40s]", id);
    if (*i->group)
        return sc_fail(c, 400, "ValidationError", "Instance %s is already part of AutoScalingGroup:%s", id, i->group);
    if (i->o.state != INSTANCE_RUNS)
        return sc_fail(c, 400, "ValidationError",
                       "Instance %s is not in correct state. Instance(s) must be in "
                       "'running' state.",
                       id);
    if (!sc_texts_have(&g->zones, i->spec.zone))
        return sc_fail(c, 400, "ValidationError",
                       "Instance %s is in availability zone %s, which is not one of the "
                       "group's",
                       id, i->spec.zone);
    return 0;
}

static void attach_one(struct sc_call *c, struct sc_group *g, struct sc_instance *i, int64_t capacity)
{
    struct simcloud *cloud = c->cloud;
    sc_member_join(cloud, g, i);
    struct sc_activity *a = sc_activity_new(
        cloud, g, i->o.id, ACTIVITY_IN_PROGRESS, sc_pathf(c, "Attaching an existing EC2 instance: %s", i->o.id),
        arena_textf(c->arena,
                    "At %s an instance was added in response to a user request to attach "
                    "instances, increasing the capacity from %lld to %lld.",
                    sc_at(cloud), (long long)capacity, (long long)capacity + 1));
    i->activity = a->o.id;
    sc_member_enter(cloud, g, i);
}

static int attach(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    struct sc_texts ids = sc_param_list(c, "InstanceIds");
    if (!g)
        return -1;
    if (g->o.state == GROUP_DELETING)
        return sc_fail(c, 400, "ScalingActivityInProgress", "AutoScalingGroup %s is being deleted", g->o.name);
    if (ids.count == 0 || ids.count > 20)
        return sc_fail(c, 400, "ValidationError", "1 to 20 instance IDs are needed");
    for (size_t i = 0; i < ids.count; i++)
        if (may_attach(c, g, sc_find(c->cloud, c->place, SC_INSTANCE, ids.items[i]), ids.items[i]))
            return -1;
    if (g->desired + (int64_t)ids.count > g->max)
        return sc_fail(c, 400, "ValidationError",
                       "New SetDesiredCapacity value %lld is above max value %lld for the "
                       "AutoScalingGroup.",
                       (long long)g->desired + (long long)ids.count, (long long)g->max);
    for (size_t i = 0; i < ids.count; i++) {
        struct sc_instance *instance = sc_find(c->cloud, c->place, SC_INSTANCE, ids.items[i]);
        if (*instance->group)
            continue; /* named twice */
        attach_one(c, g, instance, g->desired);
        g->desired++;
    }
    return 0;
}

/* ---- leaving ---- */

static int may_shrink(struct sc_call *c, const struct sc_group *g, int64_t by, const char *what)
{
    if (g->desired - by >= g->min)
        return 0;
    return sc_fail(c, 400, "ValidationError",
                   "Currently, desiredSize equals minSize (%lld). %s instance without replacement will violate group's "
                   "min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min "
                   "size.",
                   (long long)g->min, what);
}

static const char *shrinking(struct sc_call *c, int64_t from, bool decrement)
{
    return decrement ? sc_pathf(c, ", shrinking the capacity from %lld to %lld", (long long)from, (long long)from - 1)
                     : "";
}

static int required_bool(struct sc_call *c, const char *name, bool *out)
{
    const char *unused;
    return sc_param_required(c, name, &unused) || sc_param_bool(c, name, out) ? -1 : 0;
}

static int detach(struct sc_call *c)
{
    bool decrement = false;
    struct sc_instance **members = NULL;
    size_t count = 0;
    struct sc_group *g = sc_group_asked(c);
    if (!g || required_bool(c, "ShouldDecrementDesiredCapacity", &decrement) || members_asked(c, g, &members, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (members[i]->lifecycle != MEMBER_IN_SERVICE && members[i]->lifecycle != MEMBER_STANDBY)
            return sc_fail(c, 400, "ValidationError", "The instance %s is not in InService or Standby.",
                           members[i]->o.id);
    if (decrement && may_shrink(c, g, (int64_t)count, "Detaching"))
        return -1;
    struct node *set = sc_node(c, c->out, "Activities");
    for (size_t i = 0; i < count; i++) {
        bool standby = members[i]->lifecycle == MEMBER_STANDBY;
        const char *cause = arena_textf(c->arena, "At %s instance %s was detached in response to a user request%s.",
                                        sc_at(c->cloud), members[i]->o.id, shrinking(c, g->desired, decrement));
        struct sc_activity *a = sc_member_leave(c->cloud, g, members[i], MEMBER_DETACHING, cause);
        if (decrement && !standby)
            g->desired--;
        sc_put_activity(c, sc_node(c, set, "member"), a);
    }
    return 0;
}

static int terminate_member(struct sc_call *c)
{
    const char *id;
    bool decrement = false;
    if (sc_param_required(c, "InstanceId", &id) || required_bool(c, "ShouldDecrementDesiredCapacity", &decrement))
        return -1;
    struct sc_instance *i = sc_find(c->cloud, c->place, SC_INSTANCE, id);
    struct sc_group *g = i ? sc_group_of(i) : NULL;
    if (!g)
        return sc_fail(c, 400, "ValidationError",
                       "Instance Id not found - No managed instance found for instance ID: "
                       "%.40s",
                       id);
    if (i->lifecycle == MEMBER_TERMINATING || i->lifecycle == MEMBER_DETACHING)
        return sc_fail(c, 400, "ScalingActivityInProgress", "Instance %s is already leaving AutoScalingGroup %s", id,
                       g->o.name);
    bool counted = i->lifecycle != MEMBER_STANDBY;
    if (decrement && counted && may_shrink(c, g, 1, "Terminating"))
        return -1;
    const char *cause = arena_textf(c->arena,
                                    "At %s instance %s was taken out of service in response to a user "
                                    "request%s.",
                                    sc_at(c->cloud), id, shrinking(c, g->desired, decrement));
    struct sc_activity *a = sc_member_leave(c->cloud, g, i, MEMBER_TERMINATING, cause);
    if (decrement && counted)
        g->desired--;
    sc_put_activity(c, sc_node(c, c->out, "Activity"), a);
    return 0;
}

/* ---- standby ---- */

static int enter_standby(struct sc_call *c)
{
    bool decrement = false;
    struct sc_instance **members = NULL;
    size_t count = 0;
    struct sc_group *g = sc_group_asked(c);
    if (!g || required_bool(c, "ShouldDecrementDesiredCapacity", &decrement) || members_asked(c, g, &members, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (members[i]->lifecycle != MEMBER_IN_SERVICE)
            return sc_fail(c, 400, "ValidationError", "The instance %s is not in InService.", members[i]->o.id);
    if (decrement && may_shrink(c, g, (int64_t)count, "Standing by"))
        return -1;
    struct node *set = sc_node(c, c->out, "Activities");
    for (size_t i = 0; i < count; i++) {
        if (members[i]->lifecycle != MEMBER_IN_SERVICE)
            continue;
        const char *cause = arena_textf(c->arena,
                                        "At %s instance %s was moved to standby in response to a user "
                                        "request%s.",
                                        sc_at(c->cloud), members[i]->o.id, shrinking(c, g->desired, decrement));
        struct sc_activity *a =
            sc_activity_new(c->cloud, g, members[i]->o.id, ACTIVITY_IN_PROGRESS,
                            sc_pathf(c, "Moving EC2 instance to Standby: %s", members[i]->o.id), cause);
        sc_member_step(c->cloud, members[i], MEMBER_STANDBY);
        sc_member_unregister(c->cloud, g, members[i]);
        sc_activity_end(c->cloud, a, ACTIVITY_SUCCESSFUL, "");
        g->desired -= decrement;
        sc_put_activity(c, sc_node(c, set, "member"), a);
    }
    sc_group_soon(c->cloud, g);
    return 0;
}

static int exit_standby(struct sc_call *c)
{
    struct sc_instance **members = NULL;
    size_t count = 0;
    struct sc_group *g = sc_group_asked(c);
    if (!g || members_asked(c, g, &members, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (members[i]->lifecycle != MEMBER_STANDBY)
            return sc_fail(c, 400, "ValidationError", "The instance %s is not in Standby.", members[i]->o.id);
    if (g->desired + (int64_t)count > g->max)
        return sc_fail(c, 400, "ValidationError",
                       "New SetDesiredCapacity value %lld is above max value %lld for the "
                       "AutoScalingGroup.",
                       (long long)g->desired + (long long)count, (long long)g->max);
    struct node *set = sc_node(c, c->out, "Activities");
    for (size_t i = 0; i < count; i++) {
        if (members[i]->lifecycle != MEMBER_STANDBY)
            continue;
        const char *cause =
            arena_textf(c->arena,
                        "At %s instance %s was moved out of standby in response to a user request, increasing "
                        "the capacity from %lld to %lld.",
                        sc_at(c->cloud), members[i]->o.id, (long long)g->desired, (long long)g->desired + 1);
        struct sc_activity *a =
            sc_activity_new(c->cloud, g, members[i]->o.id, ACTIVITY_PRE_IN_SERVICE,
                            sc_pathf(c, "Moving EC2 instance out of Standby: %s", members[i]->o.id), cause);
        members[i]->activity = a->o.id;
        sc_member_step(c->cloud, members[i], MEMBER_PENDING);
        members[i]->joined_ms = c->cloud->now_ms;
        g->desired++;
        sc_put_activity(c, sc_node(c, set, "member"), a);
    }
    sc_group_look_at(c->cloud, g, c->cloud->now_ms);
    return 0;
}

/* ---- health and protection ---- */

static int set_health(struct sc_call *c)
{
    const char *id;
    const char *status;
    bool respect = true;
    if (sc_param_required(c, "InstanceId", &id) || sc_param_required(c, "HealthStatus", &status) ||
        sc_param_bool(c, "ShouldRespectGracePeriod", &respect))
        return -1;
    struct sc_instance *i = sc_find(c->cloud, c->place, SC_INSTANCE, id);
    struct sc_group *g = i ? sc_group_of(i) : NULL;
    if (!g)
        return sc_fail(c, 400, "ValidationError",
                       "Instance Id not found - No managed instance found for instance ID %.40s", id);
    bool healthy = strcmp(status, "Healthy") == 0;
    if (!healthy && strcmp(status, "Unhealthy") != 0)
        return sc_fail(c, 400, "ValidationError", "Health status '%.40s' is not valid: Healthy or Unhealthy", status);
    if (healthy) {
        i->unhealthy = i->unhealthy_by_user = i->unhealthy_by_elb = false;
        return 0;
    }
    if (respect && c->cloud->now_ms < i->in_service_ms + g->grace_s * 1000)
        return 0;
    i->unhealthy_by_user = true;
    sc_member_unhealthy(c->cloud, g, i, c->cloud->now_ms + c->cloud->options.times.react_ms);
    return 0;
}

static int set_protection(struct sc_call *c)
{
    bool protect = false;
    struct sc_instance **members = NULL;
    size_t count = 0;
    struct sc_group *g = sc_group_asked(c);
    if (!g || required_bool(c, "ProtectedFromScaleIn", &protect) || members_asked(c, g, &members, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        members[i]->protected_in = protect;
    if (!protect)
        sc_group_soon(c->cloud, g);
    return 0;
}

static int describe_members(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_texts ids = sc_param_list(c, "InstanceIds");
    if (sc_filters_read(c, &f, 1, 50))
        return -1;
    struct node *set = sc_node(c, c->out, "AutoScalingInstances");
    SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
    {
        if (!*i->group || (ids.count && !sc_texts_have(&ids, i->o.id)) || !sc_filters_match(c, &f, &i->o, NULL))
            continue;
        struct node *item = sc_node(c, set, "member");
        sc_put_member(c, item, i);
        sc_put(c, item, "AutoScalingGroupName", i->group);
        sc_put(c, item, "HealthStatus", i->unhealthy ? "UNHEALTHY" : "HEALTHY");
    }
    sc_filters_end(c, &f);
    return 0;
}

/* ---- target groups of a group ---- */

static int attach_target_groups(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    struct sc_texts arns = sc_param_list(c, "TargetGroupARNs");
    if (!g)
        return -1;
    for (size_t i = 0; i < arns.count; i++)
        if (!sc_find(c->cloud, c->place, SC_TARGET_GROUP, arns.items[i]))
            return sc_fail(c, 400, "ValidationError",
                           "Provided Target Groups may not be valid. Please ensure they exist "
                           "and try again.");
    for (size_t i = 0; i < arns.count; i++)
        if (!sc_texts_have(&g->target_groups, arns.items[i]))
            sc_texts_add(&g->target_groups, sc_intern(c->cloud, arns.items[i]));
    SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
    if (i->group == g->o.name && i->lifecycle == MEMBER_IN_SERVICE)
        sc_member_register(c->cloud, g, i);
    return 0;
}

static int detach_target_groups(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    struct sc_texts arns = sc_param_list(c, "TargetGroupARNs");
    if (!g)
        return -1;
    for (size_t n = 0; n < arns.count; n++) {
        struct sc_target_group *tg = sc_find(c->cloud, c->place, SC_TARGET_GROUP, arns.items[n]);
        SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
        {
            struct sc_target *t = tg && i->group == g->o.name ? sc_target_find(c->cloud, tg, i->o.id, 0) : NULL;
            if (t)
                sc_target_deregister(c->cloud, t);
        }
        sc_texts_remove(&g->target_groups, arns.items[n]);
    }
    return 0;
}

static int describe_target_groups(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    if (!g)
        return -1;
    struct node *set = sc_node(c, c->out, "LoadBalancerTargetGroups");
    for (size_t n = 0; n < g->target_groups.count; n++) {
        struct node *item = sc_node(c, set, "member");
        sc_put(c, item, "LoadBalancerTargetGroupARN", g->target_groups.items[n]);
        sc_put(c, item, "State", g->elb_health ? "InService" : "Added");
    }
    return 0;
}

#define MEMBERS "AutoScalingGroupName InstanceIds "

const struct sc_action sc_actions_members[] = {
    {{AWS_AUTOSCALING, "AttachInstances", true, MEMBERS}, attach, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DetachInstances", true, MEMBERS "ShouldDecrementDesiredCapacity"},
     detach,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "TerminateInstanceInAutoScalingGroup", true, "InstanceId ShouldDecrementDesiredCapacity"},
     terminate_member,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "EnterStandby", true, MEMBERS "ShouldDecrementDesiredCapacity"},
     enter_standby,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "ExitStandby", true, MEMBERS}, exit_standby, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "SetInstanceHealth", true, "InstanceId HealthStatus ShouldRespectGracePeriod"},
     set_health,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "SetInstanceProtection", true, MEMBERS "ProtectedFromScaleIn"},
     set_protection,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeAutoScalingInstances", false, "InstanceIds MaxRecords NextToken"},
     describe_members,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "AttachLoadBalancerTargetGroups", true, "AutoScalingGroupName TargetGroupARNs"},
     attach_target_groups,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DetachLoadBalancerTargetGroups", true, "AutoScalingGroupName TargetGroupARNs"},
     detach_target_groups,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeLoadBalancerTargetGroups", false, "AutoScalingGroupName MaxRecords NextToken"},
     describe_target_groups,
     NULL,
     BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};
