/* Auto Scaling groups' tags, and launch configurations. */
#include "sim/cloud_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- tags ---- */

#define GROUP_TAGS_MAX 50

void sc_put_group_tags(struct sc_call *c, struct node *set, const struct sc_group *g)
{
    for (size_t i = 0; i < g->o.tags.count; i++) {
        struct node *item = sc_node(c, set, "member");
        sc_put(c, item, "ResourceId", g->o.name);
        sc_put(c, item, "ResourceType", "auto-scaling-group");
        sc_put(c, item, "Key", g->o.tags.items[i].key);
        sc_put(c, item, "Value", g->o.tags.items[i].value);
        sc_putb(c, item, "PropagateAtLaunch", g->o.tags.items[i].propagates);
    }
}

static int read_tag(struct sc_call *c, const char *at, struct sc_tags *out)
{
    const char *key = sc_param_or(c, sc_pathf(c, "%s.Key", at), "");
    const char *value = sc_param_or(c, sc_pathf(c, "%s.Value", at), "");
    bool propagates = true;
    if (sc_param_bool(c, sc_pathf(c, "%s.PropagateAtLaunch", at), &propagates))
        return -1;
    if (!*key || strlen(key) > 128 || strncmp(key, "aws:", 4) == 0 || strlen(value) > 256)
        return sc_fail(c, 400, "ValidationError", "The tag key '%.130s' or its value is not valid", key);
    if (out->count >= GROUP_TAGS_MAX && !sc_tag_get(out, key))
        return sc_fail(c, 400, "LimitExceeded", "A group has at most %d tags", GROUP_TAGS_MAX);
    sc_tag_set(c->cloud, out, key, value, propagates);
    return 0;
}

int sc_read_group_tags(struct sc_call *c, const char *group, struct sc_tags *out)
{
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Tags.member.%d", n)); n++) {
        const char *of = sc_param_or(c, sc_pathf(c, "Tags.member.%d.ResourceId", n), group);
        if (strcmp(of, group) != 0)
            return sc_fail(c, 400, "ValidationError", "A tag's ResourceId must be the group's name");
        if (read_tag(c, sc_pathf(c, "Tags.member.%d", n), out))
            return -1;
    }
    return 0;
}

static struct sc_group *tagged(struct sc_call *c, const char *at)
{
    const char *name = sc_param_or(c, sc_pathf(c, "%s.ResourceId", at), "");
    struct sc_group *g = sc_find_named(c->place, SC_GROUP, name);
    if (!g)
        sc_fail(c, 400, "ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '%.200s' not found",
                name);
    return g;
}

/* The whole call is looked at before anything is set: each tag on a copy of its group's, behind those before it. */
static int check_tags(struct sc_call *c)
{
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Tags.member.%d", n)); n++) {
        const struct sc_group *g = tagged(c, sc_pathf(c, "Tags.member.%d", n));
        struct sc_tags copy = {0};
        if (!g)
            return -1;
        for (size_t i = 0; i < g->o.tags.count; i++)
            sc_tag_set(c->cloud, &copy, g->o.tags.items[i].key, g->o.tags.items[i].value, true);
        int code = 0;
        for (int k = 1; k <= n && !code; k++) {
            const char *at = sc_pathf(c, "Tags.member.%d", k);
            code = tagged(c, at) == g ? read_tag(c, at, &copy) : 0;
        }
        free(copy.items);
        if (code)
            return -1;
    }
    return 0;
}

static int create_tags(struct sc_call *c)
{
    if (check_tags(c))
        return -1;
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Tags.member.%d", n)); n++) {
        const char *at = sc_pathf(c, "Tags.member.%d", n);
        if (read_tag(c, at, &tagged(c, at)->o.tags))
            return -1;
    }
    return 0;
}

static int delete_tags(struct sc_call *c)
{
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Tags.member.%d", n)); n++)
        if (!tagged(c, sc_pathf(c, "Tags.member.%d", n)))
            return -1;
    for (int n = 1; sc_param_under(c, sc_pathf(c, "Tags.member.%d", n)); n++) {
        const char *at = sc_pathf(c, "Tags.member.%d", n);
        sc_tag_remove(&tagged(c, at)->o.tags, sc_param_or(c, sc_pathf(c, "%s.Key", at), ""), NULL);
    }
    return 0;
}

static bool tag_asked(const struct sc_filters *f, const struct sc_group *g, const struct sc_tag *tag)
{
    for (size_t i = 0; i < f->count; i++) {
        const char *is = strcmp(f->items[i].name, "auto-scaling-group") == 0 ? g->o.name
                         : strcmp(f->items[i].name, "key") == 0              ? tag->key
                         : strcmp(f->items[i].name, "value") == 0            ? tag->value
                         : tag->propagates                                   ? "true"
                                                                             : "false";
        if (!sc_texts_have(&f->items[i].values, is))
            return false;
    }
    return true;
}

static int describe_tags(struct sc_call *c)
{
    struct sc_filters f;
    if (sc_filters_read(c, &f, 1, 100))
        return -1;
    struct node *set = sc_node(c, c->out, "Tags");
    uint64_t place = 0;
    SC_EACH(sc_group, g, c->place, SC_GROUP)
    for (size_t i = 0; i < g->o.tags.count; i++) {
        if (!tag_asked(&f, g, &g->o.tags.items[i]) || ++place <= f.after)
            continue;
        if (f.matched >= f.max) {
            f.more = true;
            continue;
        }
        f.matched++;
        f.last = place;
        struct node *item = sc_node(c, set, "member");
        sc_put(c, item, "ResourceId", g->o.name);
        sc_put(c, item, "ResourceType", "auto-scaling-group");
        sc_put(c, item, "Key", g->o.tags.items[i].key);
        sc_put(c, item, "Value", g->o.tags.items[i].value);
        sc_putb(c, item, "PropagateAtLaunch", g->o.tags.items[i].propagates);
    }
    sc_filters_end(c, &f);
    return 0;
}

const struct sc_action sc_actions_group_tags[] = {
    {{AWS_AUTOSCALING, "CreateOrUpdateTags", true, "Tags"}, create_tags, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DeleteTags", true, "Tags"}, delete_tags, NULL, BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeTags", false, "Filters MaxRecords NextToken"}, describe_tags, NULL, BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};

/* ---- launch configurations: immutable, named, of the old days ---- */

static int read_config(struct sc_call *c, struct sc_spec *spec)
{
    static const char *const texts[] = {"ImageId",  "InstanceType",       "KeyName",
                                        "UserData", "IamInstanceProfile", "MetadataOptions.HttpTokens"};
    const char **to[] = {&spec->image,     &spec->type,    &spec->key_name,
                         &spec->user_data, &spec->profile, &spec->http_tokens};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        *to[i] = sc_intern(c->cloud, sc_param_or(c, texts[i], ""));
    struct sc_texts groups = sc_param_list(c, "SecurityGroups");
    for (size_t i = 0; i < groups.count; i++)
        sc_texts_add(&spec->security_groups, sc_intern(c->cloud, groups.items[i]));
    bool public_ip = false;
    if (sc_param_bool(c, "AssociatePublicIpAddress", &public_ip) ||
        sc_param_bool(c, "EbsOptimized", &spec->ebs_optimized) ||
        sc_param_bool(c, "InstanceMonitoring.Enabled", &spec->monitoring) ||
        sc_param_i64(c, "BlockDeviceMappings.member.1.Ebs.VolumeSize", 1, 16384, &spec->volume_gb))
        return -1;
    if (sc_param(c, "AssociatePublicIpAddress"))
        spec->public_ip = public_ip ? 1 : -1;
    if (!*spec->image || !*spec->type)
        return sc_fail(c, 400, "ValidationError",
                       "Valid requests must contain either the InstanceID parameter or both "
                       "the ImageId and InstanceType parameters.");
    return 0;
}

static int create_config(struct sc_call *c)
{
    const char *name;
    if (sc_param_required(c, "LaunchConfigurationName", &name))
        return -1;
    if (c->cloud->options.no_launch_configurations)
        return sc_fail(c, 400, "UnsupportedOperation",
                       "The Launch Configuration creation operation is not available in "
                       "your account. Use launch templates to create configuration templates for your Auto Scaling "
                       "groups.");
    if (sc_find_named(c->place, SC_LAUNCH_CONFIG, name))
        return sc_fail(c, 400, "AlreadyExists",
                       "Launch Configuration by this name already exists - A launch "
                       "configuration already exists with the name %.200s",
                       name);
    if (c->place->counts[SC_LAUNCH_CONFIG] >= 200)
        return sc_fail(c, 400, "LimitExceeded", "Limit for resource launch configurations (200) reached");
    struct sc_spec spec;
    struct aws_error error = {0};
    sc_spec_init(c->cloud, &spec);
    struct sc_launch launch = {.spec = &spec};
    int code = read_config(c, &spec);
    if (!code && sc_launch_check(c->cloud, c->place, &spec, 0, &launch, &error))
        code = sc_fail(c, 400, "ValidationError", "%.400s", error.message);
    if (!code) {
        const char *hex = sc_draw_id(c->cloud, "", c->cloud->numbers + 1, 9);
        const char *arn =
            sc_internf(c->cloud, "arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/%s",
                       c->place->region, c->account, hex + 1, name);
        struct sc_launch_config *config = sc_new(c->cloud, c->place, SC_LAUNCH_CONFIG, arn, name);
        sc_spec_copy(&config->spec, &spec);
        sc_trace(c->cloud, &config->o, "launch-configuration", "", "created", spec.image);
    }
    sc_spec_release(&spec);
    return code;
}

static void put_config(struct sc_call *c, struct node *item, const struct sc_launch_config *l)
{
    sc_put(c, item, "LaunchConfigurationName", l->o.name);
    sc_put(c, item, "LaunchConfigurationARN", l->o.id);
    sc_put(c, item, "ImageId", l->spec.image);
    sc_put(c, item, "KeyName", l->spec.key_name);
    sc_put_list(c, item, "SecurityGroups", "member", &l->spec.security_groups);
    sc_put(c, item, "UserData", l->spec.user_data);
    sc_put(c, item, "InstanceType", l->spec.type);
    sc_node(c, item, "BlockDeviceMappings");
    sc_putb(c, sc_node(c, item, "InstanceMonitoring"), "Enabled", l->spec.monitoring);
    if (*l->spec.profile)
        sc_put(c, item, "IamInstanceProfile", l->spec.profile);
    sc_put_time(c, item, "CreatedTime", l->o.created_ms);
    sc_putb(c, item, "EbsOptimized", l->spec.ebs_optimized);
    if (l->spec.public_ip)
        sc_putb(c, item, "AssociatePublicIpAddress", l->spec.public_ip > 0);
    if (*l->spec.http_tokens)
        sc_put(c, sc_node(c, item, "MetadataOptions"), "HttpTokens", l->spec.http_tokens);
}

static int describe_configs(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_texts names = sc_param_list(c, "LaunchConfigurationNames");
    if (sc_filters_read(c, &f, 1, 100))
        return -1;
    struct node *set = sc_node(c, c->out, "LaunchConfigurations");
    SC_EACH(sc_launch_config, l, c->place, SC_LAUNCH_CONFIG)
    if ((!names.count || sc_texts_have(&names, l->o.name)) && sc_filters_match(c, &f, &l->o, NULL))
        put_config(c, sc_node(c, set, "member"), l);
    sc_filters_end(c, &f);
    return 0;
}

static int delete_config(struct sc_call *c)
{
    const char *name;
    if (sc_param_required(c, "LaunchConfigurationName", &name))
        return -1;
    struct sc_launch_config *l = sc_find_named(c->place, SC_LAUNCH_CONFIG, name);
    if (!l)
        return sc_fail(c, 400, "ValidationError",
                       "Launch configuration name not found - Launch configuration %.200s not "
                       "found",
                       name);
    SC_EACH(sc_group, g, c->place, SC_GROUP)
    if (g->launch_config == l->o.name)
        return sc_fail(c, 400, "ResourceInUse",
                       "Cannot delete launch configuration %s because it is attached to "
                       "AutoScalingGroup %s",
                       l->o.name, g->o.name);
    sc_free_object(c->cloud, &l->o);
    return 0;
}

const struct sc_action sc_actions_launch_configs[] = {
    {{AWS_AUTOSCALING, "CreateLaunchConfiguration", true,
      "LaunchConfigurationName ImageId InstanceType KeyName SecurityGroups UserData IamInstanceProfile EbsOptimized "
      "AssociatePublicIpAddress InstanceMonitoring BlockDeviceMappings MetadataOptions"},
     create_config,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DescribeLaunchConfigurations", false, "LaunchConfigurationNames MaxRecords NextToken"},
     describe_configs,
     NULL,
     BUCKET_AUTOSCALING},
    {{AWS_AUTOSCALING, "DeleteLaunchConfiguration", true, "LaunchConfigurationName"},
     delete_config,
     NULL,
     BUCKET_AUTOSCALING},
    {{0}, NULL, NULL, 0},
};
