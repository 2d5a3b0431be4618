/* Auto Scaling's calls about groups: made, changed, described, deleted. */
#include "sim/cloud_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sc_group *sc_group_asked(struct sc_call *c)
{
    const char *name;
    if (sc_param_required(c, "AutoScalingGroupName", &name))
        return NULL;
    struct sc_group *g = sc_find_named(c->place, SC_GROUP, name);
    if (!g)
        sc_fail(c, 400, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '%.200s' not found",
                name);
    return g;
}

static const char *const processes[SC_PROCESSES] = {"Launch",           "Terminate",         "HealthCheck",
                                                    "ReplaceUnhealthy", "AZRebalance",       "AlarmNotification",
                                                    "ScheduledActions", "AddToLoadBalancer", "InstanceRefresh"};

const char *sc_process_name(int process)
{
    return processes[process];
}

/* ---- what a call says of a group, checked before anything changes ---- */

struct wanted {
    int64_t min, max, desired, cooldown_s, grace_s, warmup_s;
    const struct sc_template *template;
    const char *template_version;
    const struct sc_launch_config *config;
    bool elb_health, protect_new;
    struct sc_texts zones, subnets, target_groups, policies; /* in the call's arena; count 0: not said */
};

static int check_launch(struct sc_call *c, const struct sc_spec *spec)
{
    struct sc_launch launch = {.spec = spec};
    struct aws_error error = {0};
    if (sc_launch_check(c->cloud, c->place, spec, 0, &launch, &error) == 0)
        return 0;
    return sc_fail(c, 400, "ValidationError", "You must use a valid fully-formed launch template. %.300s",
                   error.message);
}

int sc_read_template(struct sc_call *c, const char *prefix, const struct sc_template **template, const char **version)
{
    const char *id = sc_param(c, sc_pathf(c, "%sLaunchTemplateId", prefix));
    const char *name = sc_param(c, sc_pathf(c, "%sLaunchTemplateName", prefix));
    if (!id && !name)
        return 0;
    if (id && name)
        return sc_fail(c, 400, "ValidationError",
                       "Valid requests must contain either launchTemplateId or LaunchTemplateName");
    *version = sc_param_or(c, sc_pathf(c, "%sVersion", prefix), "$Default");
    *template = sc_template_find(c->cloud, c->place, id, name);
    const struct sc_version *v = *template ? sc_version_find(*template, *version) : NULL;
    if (!v)
        return sc_fail(c, 400, "ValidationError",
                       "You must use a valid fully-formed launch template. The specified launch template, with "
                       "template %s %.128s and version %.40s, does not exist.",
                       id ? "ID" : "name", id ? id : name, *version);
    *version = sc_intern(c->cloud, *version);
    return check_launch(c, &v->spec);
}

static int read_config(struct sc_call *c, struct wanted *w)
{
    const char *name = sc_param(c, "LaunchConfigurationName");
    if (!name)
        return 0;
    w->config = sc_find_named(c->place, SC_LAUNCH_CONFIG, name);
    if (!w->config)
        return sc_fail(c, 400, "ValidationError",
                       "Launch configuration name not found - Launch configuration %.200s not "
                       "found",
                       name);
    return w->template ? sc_fail(c, 400, "ValidationError",
                                 "Valid requests must contain either LaunchTemplate, "
                                 "LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.")
                       : 0;
}

static int add_zone(struct sc_call *c, struct sc_texts *zones, int zone)
{
    const char *name = c->place->zones[zone];
    if (!sc_texts_have(zones, name))
        zones->items[zones->count++] = name;
    return 0;
}

/* Subnets name zones; both given must agree. */
static int read_zones(struct sc_call *c, struct wanted *w)
{
    struct sc_texts asked = sc_param_list(c, "AvailabilityZones");
    w->zones.items = arena_alloc(c->arena, 3 * sizeof(const char *));
    w->subnets.items = arena_alloc(c->arena, 3 * sizeof(const char *));
    for (size_t i = 0; i < asked.count; i++) {
        int zone = sc_zone_of(c->place, asked.items[i]);
        if (zone < 0)
            return sc_fail(c, 400, "ValidationError", "Invalid availability zone: [%.60s]", asked.items[i]);
        add_zone(c, &w->zones, zone);
    }
    const char *subnets = sc_param_or(c, "VPCZoneIdentifier", "");
    size_t by_name = w->zones.count;
    for (const char *at = subnets; *at;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        if (len == 0)
            break;
        const char *id = arena_dup_n(c->arena, at, len);
        int zone = sc_subnet_of(c->place, id);
        if (zone < 0)
            return sc_fail(c, 400, "ValidationError", "The subnet ID '%.60s' does not exist", id);
        if (by_name && !sc_texts_have(&w->zones, c->place->zones[zone]))
            return sc_fail(c, 400, "ValidationError",
                           "The availability zones of the specified subnets and the Auto "
                           "Scaling group do not match");
        if (!sc_texts_have(&w->subnets, c->place->subnets[zone]))
            w->subnets.items[w->subnets.count++] = c->place->subnets[zone];
        add_zone(c, &w->zones, zone);
        at += len;
    }
    return 0;
}

static int read_lists(struct sc_call *c, struct wanted *w)
{
    struct sc_texts arns = sc_param_list(c, "TargetGroupARNs");
    struct sc_texts policies = sc_param_list(c, "TerminationPolicies");
    for (size_t i = 0; i < arns.count; i++)
        if (!sc_find(c->cloud, c->place, SC_TARGET_GROUP, arns.items[i]))
            return sc_fail(c, 400, "ValidationError",
                           "Provided Target Groups may not be valid. Please ensure they exist "
                           "and try again.");
    for (size_t i = 0; i < policies.count; i++)
        if (!sc_policy_known(policies.items[i]))
            return sc_fail(c, 400, "ValidationError", "Termination policy '%.60s' is not valid", policies.items[i]);
    w->target_groups = arns;
    w->policies = policies;
    return read_zones(c, w);
}

static int read_wanted(struct sc_call *c, struct wanted *w)
{
    const char *health = sc_param(c, "HealthCheckType");
    if (sc_param_i64(c, "MinSize", 0, 10000, &w->min) || sc_param_i64(c, "MaxSize", 0, 10000, &w->max) ||
        sc_param_i64(c, "DesiredCapacity", 0, 10000, &w->desired) ||
        sc_param_i64(c, "DefaultCooldown", 0, 1000000, &w->cooldown_s) ||
        sc_param_i64(c, "HealthCheckGracePeriod", 0, 1000000, &w->grace_s) ||
        sc_param_i64(c, "DefaultInstanceWarmup", -1, 1000000, &w->warmup_s) ||
        sc_param_bool(c, "NewInstancesProtectedFromScaleIn", &w->protect_new) ||
        sc_read_template(c, "LaunchTemplate.", &w->template, &w->template_version) || read_config(c, w) ||
        read_lists(c, w))
        return -1;
    if (health && strcmp(health, "EC2") != 0 && strcmp(health, "ELB") != 0)
        return sc_fail(c, 400, "ValidationError", "Health check type '%.40s' is not valid: EC2 or ELB", health);
    if (health)
        w->elb_health = *health == 'E' && health[1] == 'L';
    if (w->min > w->max)
        return sc_fail(c, 400, "ValidationError", "Max bound, %lld, must be greater than or equal to min bound, %lld",
                       (long long)w->max, (long long)w->min);
    return 0;
}

static void copy_interned(struct simcloud *cloud, struct sc_texts *to, const struct sc_texts *from)
{
    if (from->count == 0)
        return;
    to->count = 0;
    for (size_t i = 0; i < from->count; i++)
        sc_texts_add(to, sc_intern(cloud, from->items[i]));
}

static void apply(struct sc_call *c, struct sc_group *g, const struct wanted *w)
{
    struct simcloud *cloud = c->cloud;
    g->min = w->min;
    g->max = w->max;
    g->cooldown_s = w->cooldown_s;
    g->grace_s = w->grace_s;
    g->warmup_s = w->warmup_s;
    g->elb_health = w->elb_health;
    g->protect_new = w->protect_new;
    copy_interned(cloud, &g->zones, &w->zones);
    if (w->zones.count)
        g->subnets.count = 0;
    copy_interned(cloud, &g->subnets, &w->subnets);
    copy_interned(cloud, &g->target_groups, &w->target_groups);
    copy_interned(cloud, &g->policies, &w->policies);
    if (w->template) {
        g->template_id = w->template->o.id;
        g->template_name = w->template->o.name;
        g->template_version = w->template_version;
        g->launch_config = cloud->empty;
    } else if (w->config) {
        g->template_id = g->template_name = g->template_version = cloud->empty;
        g->launch_config = w->config->o.name;
    }
}

void sc_group_set_desired(struct simcloud *cloud, struct sc_group *g, int64_t desired, const char *cause)
{
    if (desired == g->desired)
        return;
    if (!*g->change_cause)
        g->changed_from = g->desired;
    g->change_cause = sc_intern(cloud, cause);
    g->changed_ms = cloud->now_ms;
    sc_trace(cloud, &g->o, "group", "", "desired", arena_textf(&cloud->scratch, "%lld", (long long)desired));
    g->desired = desired;
    sc_group_soon(cloud, g);
}

/* ---- CreateAutoScalingGroup ---- */

static const char *group_arn(struct sc_call *c, const char *name)
{
    const char *hex = sc_draw_id(c->cloud, "", c->cloud->numbers + 1, 8);
    return sc_internf(c->cloud, "arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s",
                      c->place->region, c->account, hex + 1, name);
}

static int check_new(struct sc_call *c, const char *name, const struct wanted *w)
{
    if (strlen(name) > 255 || strpbrk(name, ":\n\t"))
        return sc_fail(c, 400, "ValidationError", "The group name '%.60s' is not valid", name);
    if (sc_find_named(c->place, SC_GROUP, name))
        return sc_fail(c, 400, "AlreadyExists",
                       "AutoScalingGroup by this name already exists - A group with the name "
                       "%.200s already exists",
                       name);
    if (!w->template && !w->config)
        return sc_fail(c, 400, "ValidationError",
                       "Valid requests must contain either LaunchTemplate, "
                       "LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.");
    if (w->zones.count == 0)
        return sc_fail(c, 400, "ValidationError", "At least one Availability Zone or VPC Subnet is required.");
    if (w->desired < w->min || w->desired > w->max)
        return sc_fail(c, 400, "ValidationError",
                       "Desired capacity:%lld must be between the specified min size:%lld and "
                       "max size:%lld",
                       (long long)w->desired, (long long)w->min, (long long)w->max);
    return 0;
}

static int create_group(struct sc_call *c)
{
    const char *name;
    const char *unused;
    struct wanted w = {.cooldown_s = 300, .warmup_s = -1, .desired = -1};
    if (sc_param_required(c, "AutoScalingGroupName", &name) || sc_param_required(c, "MinSize", &unused) ||
        sc_param_required(c, "MaxSize", &unused) || read_wanted(c, &w))
        return -1;
    if (w.desired < 0)
        w.desired = w.min;
    struct sc_group tagged = {0};
    if (check_new(c, name, &w) || sc_read_group_tags(c, name, &tagged.o.tags)) {
        free(tagged.o.tags.items);
        return -1;
    }
    struct sc_group *g = sc_new(c->cloud, c->place, SC_GROUP, group_arn(c, name), name);
    g->o.tags = tagged.o.tags;
    sc_texts_add(&g->policies, sc_intern(c->cloud, "Default"));
    apply(c, g, &w);
    sc_trace(c->cloud, &g->o, "group", "", "lives", g->o.name);
    if (w.desired > 0)
        sc_group_set_desired(c->cloud, g, w.desired, "a user request created an AutoScalingGroup");
    return 0;
}

/* ---- UpdateAutoScalingGroup, SetDesiredCapacity ---- */

static int update_group(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    if (!g)
        return -1;
    if (g->o.state == GROUP_DELETING)
        return sc_fail(c, 400, "ScalingActivityInProgress", "AutoScalingGroup %s is being deleted", g->o.name);
    struct wanted w = {.min = g->min,
                       .max = g->max,
                       .desired = -1,
                       .cooldown_s = g->cooldown_s,
                       .grace_s = g->grace_s,
                       .warmup_s = g->warmup_s,
                       .elb_health = g->elb_health,
                       .protect_new = g->protect_new};
    if (read_wanted(c, &w))
        return -1;
    int64_t desired = w.desired >= 0 ? w.desired : g->desired;
    if (w.desired >= 0 && (desired < w.min || desired > w.max))
        return sc_fail(c, 400, "ValidationError",
                       "Desired capacity:%lld must be between the specified min size:%lld and "
                       "max size:%lld",
                       (long long)desired, (long long)w.min, (long long)w.max);
    desired = desired < w.min ? w.min : desired > w.max ? w.max : desired;
    apply(c, g, &w);
    sc_trace(c->cloud, &g->o, "group", "", "updated", *g->launch_config ? g->launch_config : g->template_version);
    sc_group_set_desired(c->cloud, g, desired,
                         sc_pathf(c,
                                  "a user request update of AutoScalingGroup constraints to min: %lld, max: %lld, "
                                  "desired: %lld",
                                  (long long)g->min, (long long)g->max, (long long)desired));
    sc_group_soon(c->cloud, g);
    return 0;
}

static int set_desired(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    const char *unused;
    int64_t desired = 0;
    bool honour = false;
    if (!g || sc_param_required(c, "DesiredCapacity", &unused) ||
        sc_param_i64(c, "DesiredCapacity", 0, 10000, &desired) || sc_param_bool(c, "HonorCooldown", &honour))
        return -1;
    if (desired < g->min)
        return sc_fail(c, 400, "ValidationError",
                       "New SetDesiredCapacity value %lld is below min value %lld for the "
                       "AutoScalingGroup.",
                       (long long)desired, (long long)g->min);
    if (desired > g->max)
        return sc_fail(c, 400, "ValidationError",
                       "New SetDesiredCapacity value %lld is above max value %lld for the "
                       "AutoScalingGroup.",
                       (long long)desired, (long long)g->max);
    if (honour && c->cloud->now_ms < g->cooled_ms)
        return sc_fail(c, 400, "ScalingActivityInProgress",
                       "Scaling activity is in progress and blocks this action: the "
                       "cooldown of AutoScalingGroup %s lasts",
                       g->o.name);
    sc_group_set_desired(c->cloud, g, desired, "a user request explicitly set group desired capacity");
    return 0;
}

/* ---- DeleteAutoScalingGroup ---- */

void sc_group_free(struct simcloud *cloud, struct sc_group *g)
{
    struct sc_object *after;
    for (struct sc_object *o = g->o.place->first[SC_ACTIVITY]; o; o = after) {
        after = o->next;
        if (((struct sc_activity *)o)->group == g->o.name)
            sc_free_object(cloud, o);
    }
    for (struct sc_object *o = g->o.place->first[SC_REFRESH]; o; o = after) {
        after = o->next;
        if (((struct sc_refresh *)o)->group == g->o.name)
            sc_free_object(cloud, o);
    }
    sc_trace(cloud, &g->o, "group", "", "deleted", g->o.name);
    sc_free_object(cloud, &g->o);
}

static int delete_group(struct sc_call *c)
{
    struct sc_group *g = sc_group_asked(c);
    bool force = false;
    if (!g || sc_param_bool(c, "ForceDelete", &force))
        return -1;
    int64_t members = sc_group_members(g);
    if (members > 0 && !force)
        return sc_fail(c, 400, "ResourceInUse",
                       "You cannot delete an AutoScalingGroup while there are instances or "
                       "pending Spot instance request(s) still in the group.");
    if (members == 0) {
        sc_group_free(c->cloud, g);
        return 0;
    }
    g->min = g->desired = 0;
    g->refresh = c->cloud->empty;
    if (g->o.state != GROUP_DELETING)
        sc_step(c->cloud, &g->o, GROUP_DELETING, g->o.name);
    sc_group_look_at(c->cloud, g, c->cloud->now_ms);
    return 0;
}

/* ---- DescribeAutoScalingGroups ---- */

static void put_template(struct sc_call *c, struct node *parent, const char *id, const char *name, const char *version)
{
    struct node *node = sc_node(c, parent, "LaunchTemplate");
    sc_put(c, node, "LaunchTemplateId", id);
    sc_put(c, node, "LaunchTemplateName", name);
    sc_put(c, node, "Version", version);
}

void sc_put_member(struct sc_call *c, struct node *item, const struct sc_instance *i)
{
    sc_put(c, item, "InstanceId", i->o.id);
    sc_put(c, item, "InstanceType", i->spec.type);
    sc_put(c, item, "AvailabilityZone", i->spec.zone);
    sc_put(c, item, "LifecycleState", sc_member_state_name(i->lifecycle));
    if (*i->launch_config)
        sc_put(c, item, "LaunchConfigurationName", i->launch_config);
    else if (*i->template_id)
        put_template(c, item, i->template_id, i->template_name, i->template_version);
    sc_putb(c, item, "ProtectedFromScaleIn", i->protected_in);
}

static void put_members(struct sc_call *c, struct node *item, const struct sc_group *g)
{
    struct node *set = sc_node(c, item, "Instances");
    SC_EACH(sc_instance, i, g->o.place, SC_INSTANCE)
    {
        if (i->group != g->o.name)
            continue;
        struct node *member = sc_node(c, set, "member");
        sc_put_member(c, member, i);
        sc_put(c, member, "HealthStatus", i->unhealthy ? "Unhealthy" : "Healthy");
    }
}

static void put_suspended(struct sc_call *c, struct node *item, const struct sc_group *g)
{
    struct node *set = sc_node(c, item, "SuspendedProcesses");
    for (int p = 0; p < SC_PROCESSES; p++) {
        if (!sc_group_suspended(g, (enum sc_process)p))
            continue;
        struct node *member = sc_node(c, set, "member");
        sc_put(c, member, "ProcessName", processes[p]);
        sc_put(c, member, "SuspensionReason",
               g->suspended_by_aws && p == PROCESS_LAUNCH ? "AdministrativeSuspension: no successful launch in 24 hours"
                                                          : "User suspended");
    }
}

static const char *subnet_list(struct sc_call *c, const struct sc_group *g)
{
    const char *all = "";
    for (size_t i = 0; i < g->subnets.count; i++)
        all = arena_textf(c->arena, "%s%s%s", all, i ? "," : "", g->subnets.items[i]);
    return all;
}

static void put_group(struct sc_call *c, struct node *item, const struct sc_group *g, bool with_members)
{
    sc_put(c, item, "AutoScalingGroupName", g->o.name);
    sc_put(c, item, "AutoScalingGroupARN", g->o.id);
    if (*g->launch_config)
        sc_put(c, item, "LaunchConfigurationName", g->launch_config);
    else
        put_template(c, item, g->template_id, g->template_name, g->template_version);
    sc_puti(c, item, "MinSize", g->min);
    sc_puti(c, item, "MaxSize", g->max);
    sc_puti(c, item, "DesiredCapacity", g->desired);
    sc_puti(c, item, "DefaultCooldown", g->cooldown_s);
    sc_put_list(c, item, "AvailabilityZones", "member", &g->zones);
    sc_node(c, item, "LoadBalancerNames");
    sc_put_list(c, item, "TargetGroupARNs", "member", &g->target_groups);
    sc_put(c, item, "HealthCheckType", g->elb_health ? "ELB" : "EC2");
    sc_puti(c, item, "HealthCheckGracePeriod", g->grace_s);
    if (with_members)
        put_members(c, item, g);
    sc_put_time(c, item, "CreatedTime", g->o.created_ms);
    put_suspended(c, item, g);
    sc_put(c, item, "VPCZoneIdentifier", subnet_list(c, g));
    if (g->o.state == GROUP_DELETING)
        sc_put(c, item, "Status", "Delete in progress");
    sc_put_group_tags(c, sc_node(c, item, "Tags"), g);
    sc_put_list(c, item, "TerminationPolicies", "member", &g->policies);
    sc_putb(c, item, "NewInstancesProtectedFromScaleIn", g->protect_new);
    sc_put(c, item, "ServiceLinkedRoleARN",
           sc_pathf(c, "arn:aws:iam::%s:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                    c->account));
    if (g->warmup_s >= 0)
        sc_puti(c, item, "DefaultInstanceWarmup", g->warmup_s);
}

static const char *group_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    (void)c;
    (void)o;
    (void)name;
    return NULL;
}

static int describe_groups(struct sc_call *c)
{
    struct sc_filters f;
    bool with_members = true;
    struct sc_texts names = sc_param_list(c, "AutoScalingGroupNames");
    if (sc_filters_read(c, &f, 1, 100) || sc_param_bool(c, "IncludeInstances", &with_members))
        return -1;
    if (names.count == 0 && !sc_param(c, "MaxRecords"))
        f.max = 50;
    struct node *set = sc_node(c, c->out, "AutoScalingGroups");
    SC_EACH(sc_group, g, c->place, SC_GROUP)
    {
        if (names.count && !sc_texts_have(&names, g->o.name))
            continue;
        int fits = sc_filters_match(c, &f, &g->o, group_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_group(c, sc_node(c, set, "member"), g, with_members);
    }
    sc_filters_end(c, &f);
    return 0;
}

/* ---- processes ---- */

static int read_processes(struct sc_call *c, int64_t *bits)
{
    struct sc_texts names = sc_param_list(c, "ScalingProcesses");
    *bits = names.count ? 0 : ((int64_t)1 << SC_PROCESSES) - 1;
    for (size_t n = 0; n < names.count; n++) {
        int p = 0;
        while (p < SC_PROCESSES && strcmp(processes[p], names.items[n]) != 0)
            p++;
        if (p == SC_PROCESSES)
            return sc_fail(c, 400, "ValidationError", "%.60s is not a valid process type", names.items[n]);
        *bits |= (int64_t)1 << p;
    }
    return 0;
}

static int suspend(struct sc_call *c)
{
    int64_t bits;
    struct sc_group *g = sc_group_asked(c);
    if (!g || read_processes(c, &bits))
        return -1;
    g->suspended |= bits;
    sc_trace(c->cloud, &g->o, "group", "", "suspended", sc_pathf(c, "%lld", (long long)g->suspended));
    return 0;
}

/* Acts on the backlog at once. */
static int resume(struct sc_call *c)
{
    int64_t bits;
    struct sc_group *g = sc_group_asked(c);
    if (!g || read_processes(c, &bits))
        return -1;
    g->suspended &= ~bits;
    if (bits >> PROCESS_LAUNCH & 1) {
        g->failures = 0;
        g->suspended_by_aws = false;
    }
    sc_trace(c->cloud, &g->o, "group", "", "resumed", sc_pathf(c, "%lld", (long long)g->suspended));
    sc_group_look_at(c->cloud, g, c->cloud->now_ms);
    return 0;
}

static int describe_policies(struct sc_call *c)
{
    struct node *set = sc_node(c, c->out, "TerminationPolicyTypes");
    for (size_t i = 0; sc_policy_name(i); i++)
        sc_put(c, set, "member", sc_policy_name(i));
    return 0;
}

static int describe_limits(struct sc_call *c)
{
    sc_puti(c, c->out, "MaxNumberOfAutoScalingGroups", 500);
    sc_puti(c, c->out, "MaxNumberOfLaunchConfigurations", 200);
    sc_puti(c, c->out, "NumberOfAutoScalingGroups", (int64_t)c->place->counts[SC_GROUP]);
    sc_puti(c, c->out, "NumberOfLaunchConfigurations", (int64_t)c->place->counts[SC_LAUNCH_CONFIG]);
    return 0;
}

#define GROUP                                                                                                          \
    "AutoScalingGroupName LaunchConfigurationName LaunchTemplate MinSize MaxSize DesiredCapacity DefaultCooldown "     \
    "AvailabilityZones HealthCheckType HealthCheckGracePeriod VPCZoneIdentifier TerminationPolicies "                  \
    "NewInstancesProtectedFromScaleIn DefaultInstanceWarmup "

const struct sc_action sc_actions_groups[] = {
    {{AWS_AUTOSCALING, "CreateAutoScalingGroup", true, GROUP "TargetGroupARNs Tags"},
     create_group,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "UpdateAutoScalingGroup", true, GROUP}, update_group, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "SetDesiredCapacity", true, "AutoScalingGroupName DesiredCapacity HonorCooldown"},
     set_desired,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DeleteAutoScalingGroup", true, "AutoScalingGroupName ForceDelete"},
     delete_group,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeAutoScalingGroups", false,
      "AutoScalingGroupNames IncludeInstances Filters MaxRecords NextToken"},
     describe_groups,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "SuspendProcesses", true, "AutoScalingGroupName ScalingProcesses"},
     suspend,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "ResumeProcesses", true, "AutoScalingGroupName ScalingProcesses"},
     resume,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeTerminationPolicyTypes", false, ""}, describe_policies, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeAccountLimits", false, ""}, describe_limits, NULL, BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};
