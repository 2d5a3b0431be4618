/* Elastic Load Balancing's calls about target groups and targets. */
#include "sim/cloud_private.h"

#include <string.h>

#include "base/num.h"

static struct sc_target_group *group_of(struct sc_call *c)
{
    const char *arn;
    if (sc_param_required(c, "TargetGroupArn", &arn))
        return NULL;
    struct sc_target_group *tg = sc_find(c->cloud, c->place, SC_TARGET_GROUP, arn);
    if (!tg)
        sc_fail(c, 400, "TargetGroupNotFound", "Target groups '%.200s' not found", arn);
    return tg;
}

static void put_group(struct sc_call *c, struct node *set, const struct sc_target_group *tg)
{
    struct node *item = sc_node(c, set, "member");
    sc_put(c, item, "TargetGroupArn", tg->o.id);
    sc_put(c, item, "TargetGroupName", tg->o.name);
    sc_put(c, item, "Protocol", tg->protocol);
    sc_puti(c, item, "Port", tg->port);
    sc_put(c, item, "VpcId", tg->vpc);
    sc_put(c, item, "HealthCheckProtocol", tg->health_protocol);
    sc_put(c, item, "HealthCheckPort", tg->health_port);
    sc_putb(c, item, "HealthCheckEnabled", true);
    sc_puti(c, item, "HealthCheckIntervalSeconds", tg->interval_s);
    sc_puti(c, item, "HealthCheckTimeoutSeconds", tg->timeout_s);
    sc_puti(c, item, "HealthyThresholdCount", tg->healthy_threshold);
    sc_puti(c, item, "UnhealthyThresholdCount", tg->unhealthy_threshold);
    if (strcmp(tg->health_protocol, "TCP") != 0) {
        sc_put(c, item, "HealthCheckPath", tg->health_path);
        sc_put(c, sc_node(c, item, "Matcher"), "HttpCode", tg->matcher);
    }
    sc_node(c, item, "LoadBalancerArns");
    sc_put(c, item, "TargetType", tg->target_type);
}

static int bad(struct sc_call *c, const char *what, const char *value)
{
    return sc_fail(c, 400, "ValidationError", "'%.100s' is not a valid %s", value, what);
}

static int read_checks(struct sc_call *c, struct sc_target_group *tg)
{
    if (sc_param_i64(c, "HealthCheckIntervalSeconds", 5, 300, &tg->interval_s) ||
        sc_param_i64(c, "HealthCheckTimeoutSeconds", 2, 120, &tg->timeout_s) ||
        sc_param_i64(c, "HealthyThresholdCount", 2, 10, &tg->healthy_threshold) ||
        sc_param_i64(c, "UnhealthyThresholdCount", 2, 10, &tg->unhealthy_threshold))
        return -1;
    const char *protocol = sc_param_or(c, "HealthCheckProtocol", tg->health_protocol);
    if (strcmp(protocol, "HTTP") != 0 && strcmp(protocol, "HTTPS") != 0 && strcmp(protocol, "TCP") != 0)
        return bad(c, "health check protocol", protocol);
    const char *port = sc_param_or(c, "HealthCheckPort", tg->health_port);
    int64_t number;
    if (strcmp(port, "traffic-port") != 0 && (num_i64(port, strlen(port), &number) || number < 1 || number > 65535))
        return bad(c, "health check port", port);
    const char *path = sc_param_or(c, "HealthCheckPath", tg->health_path);
    if (*path != '/' || strlen(path) > 1024)
        return bad(c, "health check path", path);
    const char *matcher = sc_param_or(c, "Matcher.HttpCode", tg->matcher);
    if (!*matcher || matcher[strspn(matcher, "0123456789,-")])
        return bad(c, "matcher", matcher);
    tg->health_protocol = sc_intern(c->cloud, protocol);
    tg->health_port = sc_intern(c->cloud, port);
    tg->health_path = sc_intern(c->cloud, path);
    tg->matcher = sc_intern(c->cloud, matcher);
    return 0;
}

static const char *new_arn(struct sc_call *c, const char *name)
{
    const char *hex = sc_draw_id(c->cloud, "", c->cloud->numbers + 1, 6);
    return sc_internf(c->cloud, "arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s/%s", c->place->region, c->account,
                      name, hex + 1);
}

static int create_target_group(struct sc_call *c)
{
    const char *name;
    int64_t port = 80;
    struct sc_target_group like = {.interval_s = 30, .timeout_s = 5, .healthy_threshold = 5, .unhealthy_threshold = 2};
    like.health_port = "traffic-port";
    like.health_path = "/";
    like.matcher = "200";
    if (sc_param_required(c, "Name", &name) || sc_param_i64(c, "Port", 1, 65535, &port))
        return -1;
    const char *protocol = sc_param_or(c, "Protocol", "HTTP");
    like.health_protocol = strcmp(protocol, "TCP") == 0 ? "TCP" : "HTTP";
    if (strlen(name) > 32 || name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")])
        return sc_fail(c, 400, "ValidationError",
                       "Target group name '%.60s' cannot be longer than '32' characters and "
                       "may contain letters, digits and hyphens",
                       name);
    if (strcmp(protocol, "HTTP") != 0 && strcmp(protocol, "HTTPS") != 0 && strcmp(protocol, "TCP") != 0)
        return bad(c, "protocol", protocol);
    if (strcmp(sc_param_or(c, "TargetType", "instance"), "instance") != 0)
        return sc_fail(c, 400, "ValidationError", "The modelled cloud has targets of type instance only");
    if (read_checks(c, &like))
        return -1;
    struct sc_target_group *tg = sc_find_named(c->place, SC_TARGET_GROUP, name);
    if (tg && (tg->port != port || strcmp(tg->protocol, protocol) != 0))
        return sc_fail(c, 400, "DuplicateTargetGroupName",
                       "A target group with the same name '%s' exists, but with different settings", name);
    if (!tg) {
        tg = sc_new(c->cloud, c->place, SC_TARGET_GROUP, new_arn(c, name), name);
        struct sc_object head = tg->o;
        *tg = like;
        tg->o = head;
        tg->port = port;
        tg->protocol = sc_intern(c->cloud, protocol);
        tg->vpc = c->place->vpc;
        tg->target_type = sc_intern(c->cloud, "instance");
        tg->drain_s = 300;
    }
    put_group(c, sc_node(c, c->out, "TargetGroups"), tg);
    return 0;
}

static int describe_target_groups(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_texts arns = sc_param_list(c, "TargetGroupArns");
    struct sc_texts names = sc_param_list(c, "Names");
    if (sc_filters_read(c, &f, 1, 400))
        return -1;
    for (size_t i = 0; i < arns.count; i++)
        if (!sc_find(c->cloud, c->place, SC_TARGET_GROUP, arns.items[i]))
            return sc_fail(c, 400, "TargetGroupNotFound", "One or more target groups not found");
    for (size_t i = 0; i < names.count; i++)
        if (!sc_find_named(c->place, SC_TARGET_GROUP, names.items[i]))
            return sc_fail(c, 400, "TargetGroupNotFound", "One or more target groups not found");
    struct node *set = sc_node(c, c->out, "TargetGroups");
    SC_EACH(sc_target_group, tg, c->place, SC_TARGET_GROUP)
    {
        if ((arns.count && !sc_texts_have(&arns, tg->o.id)) || (names.count && !sc_texts_have(&names, tg->o.name)))
            continue;
        if (sc_filters_match(c, &f, &tg->o, NULL))
            put_group(c, set, tg);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int modify_target_group(struct sc_call *c)
{
    struct sc_target_group *tg = group_of(c);
    if (!tg)
        return -1;
    struct sc_target_group changed = *tg;
    if (read_checks(c, &changed))
        return -1;
    struct sc_object head = tg->o;
    *tg = changed;
    tg->o = head;
    put_group(c, sc_node(c, c->out, "TargetGroups"), tg);
    return 0;
}

static int delete_target_group(struct sc_call *c)
{
    const char *arn;
    if (sc_param_required(c, "TargetGroupArn", &arn))
        return -1;
    struct sc_target_group *tg = sc_find(c->cloud, c->place, SC_TARGET_GROUP, arn);
    if (!tg)
        return 0; /* idempotent, as documented */
    SC_EACH(sc_group, g, c->place, SC_GROUP)
    if (sc_texts_have(&g->target_groups, arn))
        return sc_fail(c, 400, "ResourceInUse", "Target group '%s' is currently in use by an Auto Scaling group", arn);
    struct sc_target *after;
    for (struct sc_target *t = (struct sc_target *)c->place->first[SC_TARGET]; t; t = after) {
        after = (struct sc_target *)t->o.next;
        if (t->target_group == tg->o.id)
            sc_free_object(c->cloud, &t->o);
    }
    sc_free_object(c->cloud, &tg->o);
    return 0;
}

static void put_attributes(struct sc_call *c, const struct sc_target_group *tg)
{
    struct node *set = sc_node(c, c->out, "Attributes");
    struct node *item = sc_node(c, set, "member");
    sc_put(c, item, "Key", "deregistration_delay.timeout_seconds");
    sc_puti(c, item, "Value", tg->drain_s);
    item = sc_node(c, set, "member");
    sc_put(c, item, "Key", "stickiness.enabled");
    sc_put(c, item, "Value", "false");
}

static int describe_attributes(struct sc_call *c)
{
    struct sc_target_group *tg = group_of(c);
    if (!tg)
        return -1;
    put_attributes(c, tg);
    return 0;
}

static int modify_attributes(struct sc_call *c)
{
    struct sc_target_group *tg = group_of(c);
    if (!tg)
        return -1;
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Attributes.member.%d", n)); n++) {
        const char *key = sc_param_or(c, sc_pathf(c, "Attributes.member.%d.Key", n), "");
        if (strcmp(key, "deregistration_delay.timeout_seconds") != 0)
            return sc_fail(c, 400, "ValidationError", "Target group attribute key '%.60s' is not recognized", key);
        if (sc_param_i64(c, sc_pathf(c, "Attributes.member.%d.Value", n), 0, 3600, &tg->drain_s))
            return -1;
    }
    put_attributes(c, tg);
    return 0;
}

/* Targets.member.N.Id and .Port; the number of them, or -1. */
struct asked {
    const char *id;
    int64_t port; /* 0: not said */
};

static int read_targets(struct sc_call *c, struct asked **out, size_t *count)
{
    size_t n = 0;
    while (sc_param_under(c, sc_pathf(c, "Targets.member.%zu", n + 1)))
        n++;
    *out = arena_alloc(c->arena, (n + 1) * sizeof **out);
    *count = n;
    for (size_t i = 0; i < n; i++) {
        (*out)[i].id = sc_param_or(c, sc_pathf(c, "Targets.member.%zu.Id", i + 1), "");
        if (sc_param_i64(c, sc_pathf(c, "Targets.member.%zu.Port", i + 1), 1, 65535, &(*out)[i].port))
            return -1;
    }
    return 0;
}

static int register_targets(struct sc_call *c)
{
    struct asked *asked = NULL;
    size_t count = 0;
    struct sc_target_group *tg = group_of(c);
    if (!tg || read_targets(c, &asked, &count))
        return -1;
    if (count == 0)
        return sc_fail(c, 400, "ValidationError", "At least one target must be specified");
    for (size_t i = 0; i < count; i++) {
        const struct sc_instance *instance = sc_find(c->cloud, c->place, SC_INSTANCE, asked[i].id);
        if (!instance)
            return sc_fail(c, 400, "InvalidTarget", "The following targets are not valid instances: '%.40s'",
                           asked[i].id);
        if (instance->o.state != INSTANCE_RUNS)
            return sc_fail(c, 400, "InvalidTarget",
                           "The following targets are not in a running state and cannot be registered: '%.40s'",
                           asked[i].id);
    }
    for (size_t i = 0; i < count; i++)
        sc_target_register(c->cloud, tg, sc_find(c->cloud, c->place, SC_INSTANCE, asked[i].id),
                           asked[i].port ? asked[i].port : tg->port);
    return 0;
}

static int deregister_targets(struct sc_call *c)
{
    struct asked *asked = NULL;
    size_t count = 0;
    struct sc_target_group *tg = group_of(c);
    if (!tg || read_targets(c, &asked, &count))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (strncmp(asked[i].id, "i-", 2) != 0)
            return sc_fail(c, 400, "InvalidTarget", "The following targets are not valid instances: '%.40s'",
                           asked[i].id);
    for (size_t i = 0; i < count; i++) {
        struct sc_target *t = sc_target_find(c->cloud, tg, asked[i].id, asked[i].port);
        if (t)
            sc_target_deregister(c->cloud, t);
    }
    return 0;
}

static const char *reason_of(struct sc_call *c, const struct sc_target *t, const char **description)
{
    switch (t->o.state) {
    case TARGET_INITIAL:
        *description = t->fails ? "Initial health checks in progress" : "Target registration is in progress";
        return t->fails ? "Elb.InitialHealthChecking" : "Elb.RegistrationInProgress";
    case TARGET_UNHEALTHY:
        *description = t->status ? sc_pathf(c, "Health checks failed with these codes: [%lld]", (long long)t->status)
                                 : "Request timed out";
        return t->status ? "Target.ResponseCodeMismatch" : "Target.Timeout";
    case TARGET_DRAINING:
        *description = "Target deregistration is in progress";
        return "Target.DeregistrationInProgress";
    case TARGET_UNUSED:
        *description = "Target is in the stopped state";
        return "Target.InvalidState";
    default:
        return NULL;
    }
}

static void put_health(struct sc_call *c, struct node *set, const char *id, int64_t port, const struct sc_target *t)
{
    struct node *item = sc_node(c, set, "member");
    struct node *target = sc_node(c, item, "Target");
    sc_put(c, target, "Id", id);
    sc_puti(c, target, "Port", port);
    sc_put(c, item, "HealthCheckPort", sc_pathf(c, "%lld", (long long)port));
    struct node *health = sc_node(c, item, "TargetHealth");
    const char *description = "Target is not registered to the target group";
    const char *reason = t ? reason_of(c, t, &description) : "Target.NotRegistered";
    sc_put(c, health, "State", t ? sc_state_name(SC_TARGET, t->o.state) : "unused");
    if (!reason)
        return;
    sc_put(c, health, "Reason", reason);
    sc_put(c, health, "Description", description);
}

static int describe_health(struct sc_call *c)
{
    struct asked *asked = NULL;
    size_t count = 0;
    struct sc_target_group *tg = group_of(c);
    if (!tg || read_targets(c, &asked, &count))
        return -1;
    struct node *set = sc_node(c, c->out, "TargetHealthDescriptions");
    for (size_t i = 0; i < count; i++) {
        const struct sc_target *t = sc_target_find(c->cloud, tg, asked[i].id, asked[i].port);
        put_health(c, set, asked[i].id, t ? t->port : asked[i].port ? asked[i].port : tg->port, t);
    }
    if (count == 0)
        SC_EACH(sc_target, t, c->place, SC_TARGET)
    if (t->target_group == tg->o.id)
        put_health(c, set, t->instance, t->port, t);
    return 0;
}

#define CHECKS                                                                                                         \
    "HealthCheckProtocol HealthCheckPort HealthCheckEnabled HealthCheckPath HealthCheckIntervalSeconds "               \
    "HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount Matcher "

const struct sc_action sc_actions_targets[] = {
    {{AWS_ELBV2, "CreateTargetGroup", true, CHECKS "Name Protocol ProtocolVersion Port VpcId TargetType Tags"},
     create_target_group,
     NULL,
     BUCKET_ELB},
    {{AWS_ELBV2, "DescribeTargetGroups", false, "LoadBalancerArn TargetGroupArns Names Marker PageSize"},
     describe_target_groups,
     NULL,
     BUCKET_ELB},
    {{AWS_ELBV2, "ModifyTargetGroup", true, CHECKS "TargetGroupArn"}, modify_target_group, NULL, BUCKET_ELB},
    {{AWS_ELBV2, "DeleteTargetGroup", true, "TargetGroupArn"}, delete_target_group, NULL, BUCKET_ELB},
    {{AWS_ELBV2, "DescribeTargetGroupAttributes", false, "TargetGroupArn"}, describe_attributes, NULL, BUCKET_ELB},
    {{AWS_ELBV2, "ModifyTargetGroupAttributes", true, "TargetGroupArn Attributes"},
     modify_attributes,
     NULL,
     BUCKET_ELB},
    {{AWS_ELBV2, "RegisterTargets", true, "TargetGroupArn Targets"}, register_targets, NULL, BUCKET_ELB},
    {{AWS_ELBV2, "DeregisterTargets", true, "TargetGroupArn Targets"}, deregister_targets, NULL, BUCKET_ELB},
    {{AWS_ELBV2, "DescribeTargetHealth", false, "TargetGroupArn Targets Include"}, describe_health, NULL, BUCKET_ELB},
    {{0}, NULL, NULL, 0},
};
