/* cloud_templates.c - launch templates with their versions, and launch configurations. */
#include <assert.h>
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

#define DATA "LaunchTemplateData."

/* A public address is asked for on the network interface, where the security groups go then as well. */
static void put_spec(struct call *call, const struct launch_spec *s)
{
    struct aws_request *r = &call->request;
    call_text(call, DATA "ImageId", s->image);
    call_text(call, DATA "InstanceType", s->type);
    call_text(call, DATA "KeyName", s->key_name);
    if (given(s->profile))
        aws_param(r,
                  strncmp(s->profile, "arn:", 4) == 0 ? DATA "IamInstanceProfile.Arn" : DATA "IamInstanceProfile.Name",
                  s->profile);
    if (given(s->user_data))
        aws_param(r, DATA "UserData", base64_text(&r->arena, s->user_data));
    if (s->public_ip) {
        aws_param_i64(r, DATA "NetworkInterface.1.DeviceIndex", 0);
        aws_param_bool(r, DATA "NetworkInterface.1.AssociatePublicIpAddress", s->public_ip > 0);
        call_list(call, DATA "NetworkInterface.1.SecurityGroupId", s->security_groups, s->security_group_count);
    } else {
        call_list(call, DATA "SecurityGroupId", s->security_groups, s->security_group_count);
    }
    if (s->tokens_optional)
        aws_param(r, DATA "MetadataOptions.HttpTokens", "optional");
    call_tags(call, DATA "TagSpecification", 1, "instance", s->tags, s->tag_count);
    call_tags(call, DATA "TagSpecification", 2, "volume", s->tags, s->tag_count);
}

static void read_spec(struct arena *arena, const struct node *data, struct launch_spec *out)
{
    const struct node *card = node_find(data, "networkInterfaceSet/item");
    const char *profile = take_text(arena, data, "iamInstanceProfile/arn");
    *out = (struct launch_spec){
        .image = take_text(arena, data, "imageId"),
        .type = take_text(arena, data, "instanceType"),
        .key_name = take_text(arena, data, "keyName"),
        .profile = *profile ? profile : take_text(arena, data, "iamInstanceProfile/name"),
        .user_data = base64_plain(arena, node_get(data, "userData")),
        .tokens_optional = strcmp(node_get(data, "metadataOptions/httpTokens"), "optional") == 0,
    };
    if (card) {
        out->interface = true;
        const char *address = node_get(card, "associatePublicIpAddress");
        out->public_ip = *address ? (strcmp(address, "true") == 0 ? 1 : -1) : 0;
        out->security_groups = take_texts(arena, card, "groupSet", "groupId", "", &out->security_group_count);
    }
    if (out->security_group_count == 0)
        out->security_groups = take_texts(arena, data, "securityGroupIdSet", "item", "", &out->security_group_count);
    const struct node *specs = node_find(data, "tagSpecificationSet");
    for (const struct node *s = node_child(specs, "item"); s; s = node_next(s, "item"))
        if (strcmp(node_get(s, "resourceType"), "instance") == 0)
            out->tags = take_tags(arena, s, "tagSet", "item", "key", "value", &out->tag_count);
}

static void read_template(struct arena *arena, const struct node *item, struct launch_template *out)
{
    *out = (struct launch_template){
        .id = take_text(arena, item, "launchTemplateId"),
        .name = take_text(arena, item, "launchTemplateName"),
        .default_version = take_number(item, "defaultVersionNumber", 0),
        .latest_version = take_number(item, "latestVersionNumber", 0),
        .created_ms = take_time(item, "createTime"),
    };
    out->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &out->tag_count);
}

static void read_templates(void *context, struct arena *arena, const struct node *root)
{
    struct launch_templates *out = context;
    const struct node *set = node_find(root, "launchTemplates");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        read_template(arena, item, LIST_ADD(arena, out));
}

int cloud_describe_templates(struct cloud *c, const struct lookup *lookup, struct arena *arena,
                             struct launch_templates *out, struct aws_error *error)
{
    struct call call;
    struct launch_templates got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeLaunchTemplates");
    call_lookup(&call, "LaunchTemplateId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_templates, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

/* The one of that name: what a creation that was not acknowledged left behind. */
static int template_by_name(struct cloud *c, const char *name, struct arena *arena, struct launch_template *out,
                            struct aws_error *error)
{
    const struct tag filter = {"launch-template-name", name};
    const struct lookup lookup = {.filters = &filter, .filter_count = 1};
    struct launch_templates found;
    if (cloud_describe_templates(c, &lookup, arena, &found, error))
        return -1;
    if (found.count == 0) {
        aws_error_set(error, AWS_REFUSED, 0, "InvalidLaunchTemplateName.AlreadyExistsException",
                      "the launch template %s exists and is not shown", name);
        return -1;
    }
    *out = found.items[0];
    return 0;
}

int cloud_create_template(struct cloud *c, const char *name, const char *description, const struct launch_spec *spec,
                          const char *token, const struct tag *tags, size_t tag_count, struct arena *arena,
                          struct launch_template *out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CreateLaunchTemplate");
    aws_param(&call.request, "LaunchTemplateName", name);
    call_text(&call, "VersionDescription", description);
    call_text(&call, "ClientToken", token);
    put_spec(&call, spec);
    call_tags(&call, "TagSpecification", 1, "launch-template", tags, tag_count);
    int failed = call_send(&call, RETRY_SAFE, error);
    if (!failed)
        read_template(arena, node_find(call.reply.root, "launchTemplate"), out);
    call_end(&call);
    if (failed && aws_error_is(error, "InvalidLaunchTemplateName.AlreadyExistsException"))
        return template_by_name(c, name, arena, out, error);
    return failed;
}

static void read_version(struct arena *arena, const struct node *item, struct template_version *out)
{
    *out = (struct template_version){
        .template_id = take_text(arena, item, "launchTemplateId"),
        .template_name = take_text(arena, item, "launchTemplateName"),
        .description = take_text(arena, item, "versionDescription"),
        .version = take_number(item, "versionNumber", 0),
        .created_ms = take_time(item, "createTime"),
        .is_default = take_bool(item, "defaultVersion"),
    };
    read_spec(arena, node_find(item, "launchTemplateData"), &out->spec);
}

int cloud_create_template_version(struct cloud *c, const char *template_id, const char *source, const char *description,
                                  const struct launch_spec *spec, const char *token, struct arena *arena,
                                  struct template_version *out, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "CreateLaunchTemplateVersion");
    aws_param(&call.request, "LaunchTemplateId", template_id);
    call_text(&call, "SourceVersion", source);
    call_text(&call, "VersionDescription", description);
    call_text(&call, "ClientToken", token);
    put_spec(&call, spec);
    int failed = call_send(&call, given(token) ? RETRY_SAFE : RETRY_ONCE, error);
    if (!failed)
        read_version(arena, node_find(call.reply.root, "launchTemplateVersion"), out);
    call_end(&call);
    return failed;
}

static void read_versions(void *context, struct arena *arena, const struct node *root)
{
    struct template_versions *out = context;
    const struct node *set = node_find(root, "launchTemplateVersionSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        read_version(arena, item, LIST_ADD(arena, out));
}

static void sort_versions(struct template_versions *list)
{
    for (size_t i = 1; i < list->count; i++) { /* AWS gives them newest first: turned round in place */
        struct template_version item = list->items[i];
        size_t at = i;
        for (; at > 0 && list->items[at - 1].version > item.version; at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = item;
    }
}

int cloud_describe_template_versions(struct cloud *c, const char *template_id, const char *version, struct arena *arena,
                                     struct template_versions *out, struct aws_error *error)
{
    struct call call;
    struct template_versions got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeLaunchTemplateVersions");
    aws_param(&call.request, "LaunchTemplateId", template_id);
    call_text(&call, "LaunchTemplateVersion.1", version);
    if (call_pages(&call, "NextToken", "nextToken", read_versions, &got, arena, error))
        return -1;
    sort_versions(&got);
    *out = got;
    return 0;
}

int cloud_default_template_version(struct cloud *c, const char *template_id, int64_t version, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "ModifyLaunchTemplate");
    aws_param(&call.request, "LaunchTemplateId", template_id);
    aws_param_i64(&call.request, "SetDefaultVersion", version);
    return call_only(&call, RETRY_SAFE, error);
}

/* The call succeeds and says in its answer which versions it did not delete. */
static int undeleted(const struct node *root, struct aws_error *error)
{
    const struct node *item = node_find(root, "unsuccessfullyDeletedLaunchTemplateVersionSet/item");
    const char *code = node_get(item, "responseError/code");
    if (!item || strstr(code, "DoesNotExist") || strstr(code, "doesNotExist"))
        return 0;
    aws_error_set(error, AWS_REFUSED, 200, *code ? code : "reply", "version %s: %s", node_get(item, "versionNumber"),
                  node_get(item, "responseError/message"));
    return -1;
}

int cloud_delete_template_version(struct cloud *c, const char *template_id, int64_t version, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "DeleteLaunchTemplateVersions");
    aws_param(&call.request, "LaunchTemplateId", template_id);
    aws_param_i64(&call.request, "LaunchTemplateVersion.1", version);
    int failed = call_send(&call, RETRY_GONE, error);
    if (!failed)
        failed = undeleted(call.reply.root, error);
    else if (retry_not_found(error))
        failed = 0;
    call_end(&call);
    return failed;
}

int cloud_delete_template(struct cloud *c, const char *template_id, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "DeleteLaunchTemplate");
    aws_param(&call.request, "LaunchTemplateId", template_id);
    return call_only(&call, RETRY_GONE, error) && !retry_not_found(error) ? -1 : 0;
}

static void read_configs(void *context, struct arena *arena, const struct node *root)
{
    struct launch_configs *out = context;
    const struct node *set = node_find(root, "DescribeLaunchConfigurationsResult/LaunchConfigurations");
    for (const struct node *m = node_child(set, "member"); m; m = node_next(m, "member")) {
        struct launch_config *config = LIST_ADD(arena, out);
        const char *address = node_get(m, "AssociatePublicIpAddress");
        *config = (struct launch_config){
            .name = take_text(arena, m, "LaunchConfigurationName"),
            .created_ms = take_time(m, "CreatedTime"),
            .spec.image = take_text(arena, m, "ImageId"),
            .spec.type = take_text(arena, m, "InstanceType"),
            .spec.key_name = take_text(arena, m, "KeyName"),
            .spec.profile = take_text(arena, m, "IamInstanceProfile"),
            .spec.user_data = base64_plain(arena, node_get(m, "UserData")),
            .spec.public_ip = *address ? (strcmp(address, "true") == 0 ? 1 : -1) : 0,
            .spec.tokens_optional = strcmp(node_get(m, "MetadataOptions/HttpTokens"), "optional") == 0,
        };
        config->spec.security_groups =
            take_texts(arena, m, "SecurityGroups", "member", "", &config->spec.security_group_count);
    }
}

int cloud_describe_launch_configs(struct cloud *c, const char *const *names, size_t count, struct arena *arena,
                                  struct launch_configs *out, struct aws_error *error)
{
    struct call call;
    struct launch_configs got = {0};
    call_begin(&call, c, AWS_AUTOSCALING, "DescribeLaunchConfigurations");
    call_list(&call, "LaunchConfigurationNames.member", names, count);
    if (call_pages(&call, "NextToken", "DescribeLaunchConfigurationsResult/NextToken", read_configs, &got, arena,
                   error))
        return -1;
    *out = got;
    return 0;
}

/* The name is taken: ours from an earlier attempt, or somebody else's? */
static int taken_config(struct cloud *c, const char *name, const struct launch_spec *spec, struct aws_error *error)
{
    struct aws_error why = *error;
    struct arena arena = {0};
    struct launch_configs found;
    int failed = cloud_describe_launch_configs(c, &name, 1, &arena, &found, error);
    if (!failed && (found.count != 1 || strcmp(found.items[0].spec.image, spec->image) != 0 ||
                    strcmp(found.items[0].spec.type, spec->type) != 0)) {
        *error = why;
        failed = -1;
    }
    arena_release(&arena);
    return failed;
}

int cloud_create_launch_config(struct cloud *c, const char *name, const struct launch_spec *spec,
                               struct aws_error *error)
{
    assert(given(spec->image) && given(spec->type));
    struct call call;
    call_begin(&call, c, AWS_AUTOSCALING, "CreateLaunchConfiguration");
    struct aws_request *r = &call.request;
    aws_param(r, "LaunchConfigurationName", name);
    aws_param(r, "ImageId", spec->image);
    aws_param(r, "InstanceType", spec->type);
    call_text(&call, "KeyName", spec->key_name);
    call_list(&call, "SecurityGroups.member", spec->security_groups, spec->security_group_count);
    call_text(&call, "IamInstanceProfile", spec->profile);
    if (given(spec->user_data))
        aws_param(r, "UserData", base64_text(&r->arena, spec->user_data));
    if (spec->public_ip)
        aws_param_bool(r, "AssociatePublicIpAddress", spec->public_ip > 0);
    if (spec->tokens_optional)
        aws_param(r, "MetadataOptions.HttpTokens", "optional");
    if (call_only(&call, RETRY_SAFE, error) == 0)
        return 0;
    return aws_error_is(error, "AlreadyExists") ? taken_config(c, name, spec, error) : -1;
}

int cloud_delete_launch_config(struct cloud *c, const char *name, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_AUTOSCALING, "DeleteLaunchConfiguration");
    aws_param(&call.request, "LaunchConfigurationName", name);
    if (call_only(&call, RETRY_GONE, error) == 0)
        return 0;
    return aws_error_is(error, "ValidationError") && strstr(error->message, "not found") ? 0 : -1;
}
