/*
 * The engine of an Auto Scaling group. It looks when something that concerns it has changed (with the reaction times of
 * struct simcloud_times), and then, in this order: notices members that are unhealthy and takes them out; puts those
 * that run into service; launches what is missing or terminates what is too much; mends the balance of zones; moves an
 * instance refresh on. A failed start is replaced without back-off, as in life: that is the retry storm.
 *
 * Members are the instances whose `group` is the group's name. Capacity counts Pending and InService.
 */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#define EC2_CAUSE "an EC2 health check indicating it has been terminated or stopped."
#define ELB_CAUSE "an ELB system health check failure."

void sc_group_look_at(struct simcloud *cloud, struct sc_group *g, int64_t ms)
{
    struct sc_timer *timer = &g->o.timers[SC_STATE_TIMER];
    if (!timer->at || timer->ms > ms)
        sc_timer_set(cloud, &g->o, SC_STATE_TIMER, ms);
}

void sc_group_soon(struct simcloud *cloud, struct sc_group *g)
{
    sc_group_look_at(cloud, g, cloud->now_ms + sc_draw_ms(cloud, &g->o, cloud->options.times.react_ms));
}

struct sc_group *sc_group_of(const struct sc_instance *i)
{
    return *i->group ? sc_find_named(i->o.place, SC_GROUP, i->group) : NULL;
}

bool sc_group_suspended(const struct sc_group *g, enum sc_process process)
{
    return (g->suspended >> process & 1) != 0;
}

static bool counts(const struct sc_instance *i, const struct sc_group *g)
{
    return i->group == g->o.name && (i->lifecycle == MEMBER_PENDING || i->lifecycle == MEMBER_IN_SERVICE);
}

int64_t sc_group_capacity(const struct sc_group *g)
{
    int64_t count = 0;
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    count += counts(i, g);
    return count;
}

int64_t sc_group_members(const struct sc_group *g)
{
    int64_t count = 0;
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    count += i->group == g->o.name;
    return count;
}

/* ---- in and out of service ---- */

void sc_member_register(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    if (sc_group_suspended(g, PROCESS_ADD_TO_LOAD_BALANCER))
        return;
    for (size_t n = 0; n < g->target_groups.count; n++) {
        struct sc_target_group *tg = sc_find(cloud, g->o.place, SC_TARGET_GROUP, g->target_groups.items[n]);
        if (tg)
            sc_target_register(cloud, tg, i, tg->port);
    }
}

void sc_member_in_service(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    sc_member_step(cloud, i, MEMBER_IN_SERVICE);
    i->in_service_ms = cloud->now_ms;
    sc_member_register(cloud, g, i);
    struct sc_activity *a = sc_activity_of(cloud, i);
    if (a)
        sc_activity_end(cloud, a, ACTIVITY_SUCCESSFUL, "");
    i->activity = cloud->empty;
    sc_group_soon(cloud, g);
}

void sc_member_enter(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    const struct simcloud_times *times = &cloud->options.times;
    int64_t takes_ms = cloud->at_once ? 0 : times->enter_ms;
    int64_t booted_ms = i->running_ms + i->boot_lasts;
    int64_t due_ms = i->joined_ms + takes_ms;
    if (i->joined_ms <= booted_ms) /* its own launch, which began with its reaction: that is part of the wave */
        due_ms = booted_ms + (takes_ms > times->react_ms ? takes_ms - times->react_ms : 0);
    if (takes_ms > 0 && cloud->now_ms < due_ms)
        sc_group_look_at(cloud, g, due_ms);
    else
        sc_member_in_service(cloud, g, i);
}

void sc_member_unregister(struct simcloud *cloud, const struct sc_group *g, const struct sc_instance *i)
{
    for (size_t n = 0; n < g->target_groups.count; n++) {
        struct sc_target_group *tg = sc_find(cloud, g->o.place, SC_TARGET_GROUP, g->target_groups.items[n]);
        struct sc_target *t = tg ? sc_target_find(cloud, tg, i->o.id, 0) : NULL;
        if (t)
            sc_target_deregister(cloud, t);
    }
}

static void left(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    sc_member_step(cloud, i, MEMBER_LEFT);
    struct sc_activity *a = sc_activity_of(cloud, i);
    if (a)
        sc_activity_end(cloud, a, ACTIVITY_SUCCESSFUL, "");
    i->group = i->activity = cloud->empty;
    i->unhealthy = i->unhealthy_by_user = i->protected_in = i->replacing = false;
    sc_group_soon(cloud, g);
}

static void end_member(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    if (i->o.state == INSTANCE_GONE)
        left(cloud, g, i);
    else if (i->o.state != INSTANCE_SHUTS_DOWN)
        sc_instance_terminate(cloud, i, "Server.ScheduledStop", "Terminated by Auto Scaling");
}

/* Terminating and Detaching members go on when what they wait for is over. */
static void move_on(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    if (sc_targets_view(cloud, i, &g->target_groups) == TARGETS_DRAINING)
        return;
    struct sc_activity *a = sc_activity_of(cloud, i);
    if (a && a->o.state == ACTIVITY_DRAINING)
        sc_step(cloud, &a->o, ACTIVITY_IN_PROGRESS, i->o.id);
    if (i->lifecycle == MEMBER_DETACHING)
        left(cloud, g, i);
    else
        end_member(cloud, g, i);
}

struct sc_activity *sc_member_leave(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i, int lifecycle,
                                    const char *cause)
{
    const char *what = lifecycle == MEMBER_DETACHING ? "Detaching" : "Terminating";
    struct sc_activity *launching = sc_activity_of(cloud, i);
    if (launching)
        sc_activity_end(cloud, launching, ACTIVITY_CANCELLED, "The instance was taken out before it was in service");
    struct sc_activity *a = sc_activity_new(cloud, g, i->o.id, ACTIVITY_IN_PROGRESS,
                                            arena_textf(&cloud->scratch, "%s EC2 instance: %s", what, i->o.id), cause);
    sc_member_step(cloud, i, lifecycle);
    i->activity = a->o.id;
    sc_member_unregister(cloud, g, i);
    if (sc_targets_view(cloud, i, &g->target_groups) == TARGETS_DRAINING)
        sc_step(cloud, &a->o, ACTIVITY_DRAINING, i->o.id);
    move_on(cloud, g, i);
    sc_group_soon(cloud, g);
    return a;
}

/* ---- health ---- */

static int64_t grace_end_ms(const struct sc_group *g, const struct sc_instance *i)
{
    return i->in_service_ms + g->grace_s * 1000;
}

void sc_member_unhealthy(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i, int64_t at_ms)
{
    if (i->unhealthy)
        return;
    i->unhealthy = true;
    i->noticed_ms = at_ms;
    sc_trace(cloud, &i->o, "member", "healthy", "unhealthy", g->o.name);
    sc_group_look_at(cloud, g, at_ms);
}

/* The group hears of a member that does not run any more after a while: health checks are not continuous. */
void sc_group_instance_changed(struct simcloud *cloud, struct sc_instance *i)
{
    struct sc_group *g = sc_group_of(i);
    if (!g)
        return;
    if (i->o.state == INSTANCE_RUNS || i->lifecycle == MEMBER_TERMINATING) {
        sc_group_look_at(cloud, g, cloud->now_ms);
        return;
    }
    bool checked = i->lifecycle == MEMBER_IN_SERVICE || i->lifecycle == MEMBER_PENDING;
    if (checked && i->o.state != INSTANCE_IS_PENDING && !sc_group_suspended(g, PROCESS_HEALTH_CHECK))
        sc_member_unhealthy(cloud, g, i, cloud->now_ms + sc_draw_ms(cloud, &i->o, cloud->options.times.health_ms));
}

void sc_group_target_changed(struct simcloud *cloud, struct sc_instance *i)
{
    struct sc_group *g = sc_group_of(i);
    if (g)
        sc_group_look_at(cloud, g, cloud->now_ms);
}

static void check_health(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    if (i->unhealthy || i->lifecycle != MEMBER_IN_SERVICE || sc_group_suspended(g, PROCESS_HEALTH_CHECK))
        return;
    if (i->o.state != INSTANCE_RUNS && i->o.state != INSTANCE_IS_PENDING) {
        sc_member_unhealthy(cloud, g, i, cloud->now_ms);
        return;
    }
    if (!g->elb_health || sc_targets_view(cloud, i, &g->target_groups) != TARGETS_UNHEALTHY)
        return;
    if (cloud->now_ms < grace_end_ms(g, i)) {
        sc_group_look_at(cloud, g, grace_end_ms(g, i));
        return;
    }
    i->unhealthy_by_elb = true;
    sc_member_unhealthy(cloud, g, i, cloud->now_ms);
}

static void replace_unhealthy(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    if (!i->unhealthy || sc_group_suspended(g, PROCESS_REPLACE_UNHEALTHY) || sc_group_suspended(g, PROCESS_TERMINATE))
        return;
    if (cloud->now_ms < i->noticed_ms) {
        sc_group_look_at(cloud, g, i->noticed_ms);
        return;
    }
    const char *why = i->unhealthy_by_user ? "a user health-check." : i->unhealthy_by_elb ? ELB_CAUSE : EC2_CAUSE;
    g->unhealthy_gone++;
    sc_member_leave(cloud, g, i, MEMBER_TERMINATING,
                    arena_textf(&cloud->scratch, "At %s an instance was taken out of service in response to %s",
                                sc_at(cloud), why));
}

/* ---- launching ---- */

/* The zone of the group with the fewest members; of equals the first after the one that was used last. */
static int emptiest_zone(const struct sc_group *g)
{
    int64_t members[3] = {0};
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    if (i->group == g->o.name && i->lifecycle != MEMBER_TERMINATING)
        members[sc_zone_of(g->o.place, i->spec.zone)]++;
    int best = -1;
    for (size_t n = 0; n < g->zones.count; n++) {
        int zone = sc_zone_of(g->o.place, g->zones.items[n]);
        if (best < 0 || members[zone] < members[best])
            best = zone;
    }
    assert(best >= 0);
    return best;
}

/* What the group launches: of an instance refresh under way, else its own. */
const struct sc_spec *sc_group_spec(const struct simcloud *cloud, const struct sc_group *g,
                                    const struct sc_version **version, const struct sc_launch_config **config)
{
    const struct sc_refresh *r = sc_refresh_active(g);
    const char *template_id = g->template_id;
    const char *template_version = g->template_version;
    const char *config_name = g->launch_config;
    if (r)
        sc_refresh_wants(r, &template_id, &template_version, &config_name);
    *version = NULL;
    *config = NULL;
    if (*config_name) {
        *config = sc_find_named(g->o.place, SC_LAUNCH_CONFIG, config_name);
        return *config ? &(*config)->spec : NULL;
    }
    const struct sc_template *t = sc_template_find(cloud, g->o.place, template_id, NULL);
    *version = t ? sc_version_find(t, template_version) : NULL;
    return *version ? &(*version)->spec : NULL;
}

static void launch_failed(struct simcloud *cloud, struct sc_group *g, const char *message, const char *cause)
{
    const char *whole = arena_textf(&cloud->scratch, "%s. Launching EC2 instance failed.", message);
    struct sc_activity *a =
        sc_activity_new(cloud, g, "", ACTIVITY_PRE_IN_SERVICE,
                        arena_textf(&cloud->scratch, "Launching a new EC2 instance.  Status Reason: %s", whole), cause);
    sc_activity_end(cloud, a, ACTIVITY_FAILED, whole);
    if (g->failures++ == 0)
        g->failing_since_ms = cloud->now_ms;
    g->retry_at_ms = cloud->now_ms + cloud->options.times.retry_ms;
    sc_group_look_at(cloud, g, g->retry_at_ms);
    /* A group whose launches have not succeeded once in 24 hours is suspended by AWS. */
    if (cloud->now_ms - g->failing_since_ms >= (int64_t)86400 * 1000) {
        g->suspended |= (int64_t)1 << PROCESS_LAUNCH;
        g->suspended_by_aws = true;
    }
}

static void tag_member(struct simcloud *cloud, const struct sc_group *g, struct sc_instance *i)
{
    for (size_t t = 0; t < g->o.tags.count; t++)
        if (g->o.tags.items[t].propagates)
            sc_tag_set(cloud, &i->o.tags, g->o.tags.items[t].key, g->o.tags.items[t].value, false);
    sc_tag_set(cloud, &i->o.tags, "aws:autoscaling:groupName", g->o.name, false);
}

void sc_member_join(struct simcloud *cloud, struct sc_group *g, struct sc_instance *i)
{
    i->group = g->o.name;
    i->joined_ms = cloud->now_ms;
    i->in_service_ms = -1;
    i->unhealthy = i->unhealthy_by_user = i->unhealthy_by_elb = i->replacing = false;
    i->protected_in = g->protect_new;
    sc_member_step(cloud, i, MEMBER_PENDING);
    tag_member(cloud, g, i);
}

static bool launch_one(struct simcloud *cloud, struct sc_group *g, const char *cause)
{
    const struct sc_version *version;
    const struct sc_launch_config *config;
    struct aws_error error = {0};
    struct sc_place *place = g->o.place;
    const struct sc_spec *spec = sc_group_spec(cloud, g, &version, &config);
    struct sc_launch launch = {.spec = spec};
    if (!spec)
        aws_error_set(&error, AWS_REFUSED, 400, "ValidationError", "The launch template or its version does not exist");
    if (!spec || sc_launch_check(cloud, place, spec, 1, &launch, &error)) {
        launch_failed(cloud, g, error.message, cause);
        return false;
    }
    int zone = emptiest_zone(g);
    launch.zone = place->zones[zone];
    launch.subnet = place->subnets[zone];
    g->failures = 0;
    struct sc_instance *i = sc_launch_instance(cloud, place, &launch);
    i->reservation = sc_draw_id(cloud, "r-", i->o.number, 4);
    sc_member_join(cloud, g, i);
    if (version)
        sc_set_template_tags(cloud, i, version);
    i->launch_config = config ? config->o.name : cloud->empty;
    i->activity = sc_activity_new(cloud, g, i->o.id, ACTIVITY_PRE_IN_SERVICE,
                                  arena_textf(&cloud->scratch, "Launching a new EC2 instance: %s", i->o.id), cause)
                      ->o.id;
    return true;
}

static const char *launch_cause(struct simcloud *cloud, struct sc_group *g, int64_t capacity, int64_t wanted)
{
    const char *now = sc_at(cloud);
    if (sc_refresh_active(g) && !*g->change_cause && g->unhealthy_gone == 0)
        return arena_textf(&cloud->scratch, "At %s an instance was launched in response to an instance refresh.", now);
    if (g->unhealthy_gone > 0 && !*g->change_cause) {
        g->unhealthy_gone--;
        return arena_textf(
            &cloud->scratch,
            "At %s an instance was launched in response to an unhealthy instance needing to be replaced.", now);
    }
    return arena_textf(&cloud->scratch,
                       "%sAt %s an instance was started in response to a difference between desired and actual "
                       "capacity, increasing the capacity from %lld to %lld.",
                       sc_change_cause(cloud, g), now, (long long)capacity, (long long)wanted);
}

/* ---- terminating what is too much ---- */

static void shrink_one(struct simcloud *cloud, struct sc_group *g, int64_t capacity)
{
    struct sc_instance *i = sc_policy_choose(cloud, g);
    if (!i)
        return;
    const char *now = sc_at(cloud);
    sc_member_leave(
        cloud, g, i, MEMBER_TERMINATING,
        arena_textf(&cloud->scratch,
                    "%sAt %s an instance was taken out of service in response to a difference between "
                    "desired and actual capacity, shrinking the capacity from %lld to %lld.  At %s instance "
                    "%s was selected for termination.",
                    sc_change_cause(cloud, g), now, (long long)capacity, (long long)g->desired, now, i->o.id));
}

/* ---- the balance of zones ---- */

static bool unbalanced(const struct sc_group *g)
{
    int64_t members[3] = {0};
    int64_t low = INT64_MAX;
    int64_t high = 0;
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    if (counts(i, g))
        members[sc_zone_of(g->o.place, i->spec.zone)]++;
    for (size_t n = 0; n < g->zones.count; n++) {
        int64_t here = members[sc_zone_of(g->o.place, g->zones.items[n])];
        low = here < low ? here : low;
        high = here > high ? here : high;
    }
    return g->zones.count > 1 && high - low > 1;
}

/* One more in the emptiest zone first (above the maximum, if need be); the look that sees it in service shrinks the
 * fullest. */
static void rebalance(struct simcloud *cloud, struct sc_group *g)
{
    if (sc_group_suspended(g, PROCESS_AZ_REBALANCE) || sc_group_suspended(g, PROCESS_LAUNCH) ||
        sc_group_suspended(g, PROCESS_TERMINATE) || sc_refresh_active(g) || !unbalanced(g))
        return;
    launch_one(cloud, g,
               arena_textf(&cloud->scratch,
                           "At %s instances were launched to balance instances in zones %s with other zones resulting "
                           "in more than desired number of instances in the group.",
                           sc_at(cloud), g->o.place->zones[emptiest_zone(g)]));
}

/* ---- one look ---- */

static void each_member(struct simcloud *cloud, struct sc_group *g)
{
    struct sc_instance *after;
    for (struct sc_instance *i = (struct sc_instance *)g->o.place->first[SC_INSTANCE]; i; i = after) {
        after = (struct sc_instance *)i->o.next;
        if (i->group != g->o.name)
            continue;
        if (i->lifecycle == MEMBER_TERMINATING || i->lifecycle == MEMBER_DETACHING) {
            move_on(cloud, g, i);
            continue;
        }
        if (i->lifecycle == MEMBER_PENDING && i->o.state == INSTANCE_RUNS)
            sc_member_enter(cloud, g, i);
        check_health(cloud, g, i);
        replace_unhealthy(cloud, g, i);
    }
}

static bool all_in_service(const struct sc_group *g)
{
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    if (i->group == g->o.name && i->lifecycle != MEMBER_IN_SERVICE && i->lifecycle != MEMBER_STANDBY)
        return false;
    return true;
}

static void fill(struct simcloud *cloud, struct sc_group *g)
{
    int64_t capacity = sc_group_capacity(g);
    int64_t wanted = g->desired + sc_refresh_surge(g);
    bool may_launch = !sc_group_suspended(g, PROCESS_LAUNCH);
    while (capacity < wanted && may_launch) {
        if (g->failures > 0 && cloud->now_ms < g->retry_at_ms) {
            sc_group_look_at(cloud, g, g->retry_at_ms);
            return;
        }
        if (!launch_one(cloud, g, launch_cause(cloud, g, capacity, wanted)))
            return;
        capacity++;
    }
    bool settled = all_in_service(g);
    if (capacity > wanted && !sc_group_suspended(g, PROCESS_TERMINATE) && !(sc_refresh_active(g) && !settled))
        for (; capacity > wanted; capacity--)
            shrink_one(cloud, g, capacity);
    if (capacity != wanted || !settled)
        return;
    g->change_cause = cloud->empty;
    g->unhealthy_gone = 0;
    rebalance(cloud, g);
}

static void delete_all(struct simcloud *cloud, struct sc_group *g)
{
    struct sc_instance *after;
    for (struct sc_instance *i = (struct sc_instance *)g->o.place->first[SC_INSTANCE]; i; i = after) {
        after = (struct sc_instance *)i->o.next;
        if (i->group != g->o.name)
            continue;
        if (i->lifecycle == MEMBER_TERMINATING || i->lifecycle == MEMBER_DETACHING)
            move_on(cloud, g, i);
        else
            sc_member_leave(
                cloud, g, i, MEMBER_TERMINATING,
                arena_textf(&cloud->scratch, "At %s a user request force deleted the AutoScalingGroup.", sc_at(cloud)));
    }
    if (sc_group_members(g) == 0)
        sc_group_free(cloud, g);
}

void sc_group_event(struct simcloud *cloud, struct sc_object *o, int which)
{
    (void)which;
    struct sc_group *g = (struct sc_group *)o;
    if (o->state == GROUP_DELETING) {
        delete_all(cloud, g);
        return;
    }
    each_member(cloud, g);
    sc_refresh_look(cloud, g);
    fill(cloud, g);
}
