/* cloud_rights_ec2.c - the calls of EC2 that ask for several permissions: launching, images, root volumes, tags. */
#include <string.h>

#include "sim/cloud_rights.h"

#define RUN "ec2:RunInstances"

static const char *textf(struct rights *r, const char *a, const char *b)
{
    return arena_textf(r->c->arena, "%s%s", a, b);
}

static const char *image_arn(struct rights *r, const char *region, const char *kind, const char *id)
{
    return arena_textf(r->c->arena, "arn:aws:ec2:%s::%s/%s", region, kind, id);
}

/* What is tagged as it is made. */
static int tag_at_birth(struct rights *r, const char *creator, const char *arn, const struct sc_texts *pairs)
{
    size_t mark = r->key_count;
    if (pairs->count == 0)
        return 0;
    rights_request_tags(r, pairs);
    rights_key(r, "ec2:CreateAction", creator);
    int code = rights_ask(r, "ec2:CreateTags", arn);
    r->key_count = mark;
    return code;
}

/* A new thing: with the tags that it gets. */
static int ask_new(struct rights *r, const char *action, const char *arn, const struct sc_texts *pairs)
{
    size_t mark = r->key_count;
    rights_request_tags(r, pairs);
    int code = rights_ask(r, action, arn);
    r->key_count = mark;
    return code;
}

/* ---- keys of images ---- */

static const char *key_arn(struct rights *r, const char *key)
{
    if (strncmp(key, "arn:", 4) == 0)
        return key;
    return rights_arn(r, "kms", textf(r, strncmp(key, "alias/", 6) == 0 ? "" : "key/", key));
}

/* AWS's own key is everybody's in the account, by its own policy. */
static int ask_key(struct rights *r, const char *key, const char *const *actions)
{
    size_t mark = r->key_count;
    int code = 0;
    if (!*key || strstr(key, "alias/aws/ebs"))
        return 0;
    rights_key(r, "kms:ViaService", arena_textf(r->c->arena, "ec2.%s.amazonaws.com", r->c->place->region));
    rights_key(r, "kms:CallerAccount", r->c->account);
    for (size_t i = 0; actions[i] && !code; i++) {
        size_t inner = r->key_count;
        if (strcmp(actions[i], "kms:CreateGrant") == 0)
            rights_key(r, "kms:GrantIsForAWSResource", "true");
        code = rights_ask(r, actions[i], key_arn(r, key));
        r->key_count = inner;
    }
    r->key_count = mark;
    return code;
}

/* ---- RunInstances ---- */

static int ask_from(struct rights *r, bool from_template, const char *resource)
{
    size_t mark = r->key_count;
    rights_key(r, "ec2:IsLaunchTemplateResource", from_template ? "true" : "false");
    int code = rights_ask(r, RUN, resource);
    r->key_count = mark;
    return code;
}

static int ask_network(struct rights *r, const struct sc_spec *spec, bool templated)
{
    struct sc_call *c = r->c;
    const char *subnet = *spec->subnet ? spec->subnet : c->place->subnets[0];
    int code = ask_from(r, templated && !sc_param(c, "SubnetId"), rights_arn(r, "ec2", textf(r, "subnet/", subnet)));
    if (!code && spec->security_groups.count == 0)
        code = rights_ask_object(r, RUN, SC_SECURITY_GROUP, sc_default_security_group(c->cloud, c->place)->o.id);
    for (size_t i = 0; !code && i < spec->security_groups.count; i++)
        code = rights_ask_object(r, RUN, SC_SECURITY_GROUP, spec->security_groups.items[i]);
    if (!code)
        code = rights_ask(r, RUN, rights_arn(r, "ec2", "network-interface/*"));
    if (!code && *spec->key_name)
        code = rights_ask(r, RUN, rights_arn(r, "ec2", textf(r, "key-pair/", spec->key_name)));
    return code;
}

static int ask_instance(struct rights *r, const struct sc_spec *spec, bool templated)
{
    size_t mark = r->key_count;
    rights_key(r, "ec2:InstanceType", *spec->type ? spec->type : "m1.small");
    rights_key(r, "ec2:MetadataHttpTokens", *spec->http_tokens ? spec->http_tokens : "optional");
    rights_key(r, "ec2:Tenancy", "default");
    rights_key(r, "ec2:IsLaunchTemplateResource", templated && !sc_param(r->c, "InstanceType") ? "true" : "false");
    int code = ask_new(r, RUN, rights_arn(r, "ec2", "instance/*"), &spec->instance_tags);
    r->key_count = mark;
    if (code)
        return code;
    return ask_new(r, RUN, rights_arn(r, "ec2", "volume/*"), &spec->volume_tags);
}

static int ask_profile(struct rights *r, const char *profile)
{
    const char *slash = strrchr(profile, '/');
    if (!*profile)
        return 0;
    return rights_pass_role(
        r, arena_textf(r->c->arena, "arn:aws:iam::%s:role/%s", r->c->account, slash ? slash + 1 : profile),
        "ec2.amazonaws.com");
}

static int ask_image(struct rights *r, const char *id)
{
    static const char *const actions[] = {"kms:Decrypt",
                                          "kms:DescribeKey",
                                          "kms:GenerateDataKeyWithoutPlaintext",
                                          "kms:ReEncryptFrom",
                                          "kms:ReEncryptTo",
                                          "kms:CreateGrant",
                                          NULL};
    const struct sc_image *image = sc_image_find(r->c->cloud, r->c->place, id);
    int code = rights_ask_object(r, RUN, SC_IMAGE, id);
    return !code && image ? ask_key(r, image->kms_key, actions) : code;
}

/* template: NULL: none. */
static int ask_launch(struct rights *r, const struct sc_spec *spec, const char *template_id)
{
    size_t mark = r->key_count;
    int code = 0;
    if (template_id) {
        rights_key(r, "ec2:LaunchTemplate", rights_arn(r, "ec2", textf(r, "launch-template/", template_id)));
        code = rights_ask_object(r, RUN, SC_TEMPLATE, template_id);
    }
    if (!code && *spec->image)
        code = ask_image(r, spec->image);
    if (!code)
        code = ask_network(r, spec, template_id != NULL);
    if (!code)
        code = ask_instance(r, spec, template_id != NULL);
    r->key_count = mark;
    if (!code)
        code = tag_at_birth(r, "RunInstances", rights_arn(r, "ec2", "instance/*"), &spec->instance_tags);
    if (!code)
        code = tag_at_birth(r, "RunInstances", rights_arn(r, "ec2", "volume/*"), &spec->volume_tags);
    return code ? code : ask_profile(r, spec->profile);
}

int rights_run(struct rights *r)
{
    struct sc_spec spec;
    struct sc_version *version;
    sc_spec_init(r->c->cloud, &spec);
    int code = sc_run_spec(r->c, &spec, &version);
    if (!code)
        code = ask_launch(r, &spec, version ? version->template_id : NULL);
    sc_spec_release(&spec);
    return code;
}

/* Whoever gives a group a launch template must be allowed to launch from it. */
int rights_group_template(struct rights *r, const char *prefix)
{
    const struct sc_template *template = NULL;
    const char *version = NULL;
    int code = sc_read_template(r->c, prefix, &template, &version);
    const struct sc_version *v = !code && template ? sc_version_find(template, version) : NULL;
    return v ? ask_launch(r, &v->spec, template->o.id) : code;
}

int rights_launch_configuration(struct rights *r)
{
    const char *profile = sc_param_or(r->c, "IamInstanceProfile", "");
    const char *name = sc_param_or(r->c, "LaunchConfigurationName", "");
    const struct sc_object *old = sc_find_named(r->c->place, SC_LAUNCH_CONFIG, name);
    const char *arn =
        old ? old->id : rights_arn(r, "autoscaling", textf(r, "launchConfiguration:*:launchConfigurationName/", name));
    int code = rights_ask(r, textf(r, "autoscaling:", r->c->request->action), arn);
    return code ? code : ask_profile(r, profile);
}

/* ---- images ---- */

/* The new image and its new snapshot. */
static int ask_new_image(struct rights *r, const char *action, const char *creator)
{
    struct sc_texts image = {0};
    struct sc_texts snapshot = {0};
    const char *region = r->c->place->region;
    int code = sc_param_tags(r->c, "TagSpecification", "image", &image);
    if (!code)
        code = sc_param_tags(r->c, "TagSpecification", "snapshot", &snapshot);
    if (!code)
        code = ask_new(r, action, image_arn(r, region, "image", "*"), &image);
    if (!code)
        code = ask_new(r, action, image_arn(r, region, "snapshot", "*"), &snapshot);
    if (!code)
        code = tag_at_birth(r, creator, image_arn(r, region, "image", "*"), &image);
    if (!code)
        code = tag_at_birth(r, creator, image_arn(r, region, "snapshot", "*"), &snapshot);
    sc_texts_clear(&image);
    sc_texts_clear(&snapshot);
    return code;
}

int rights_create_image(struct rights *r)
{
    int code = rights_ask_object(r, "ec2:CreateImage", SC_INSTANCE, sc_param_or(r->c, "InstanceId", ""));
    return code ? code : ask_new_image(r, "ec2:CreateImage", "CreateImage");
}

int rights_copy_image(struct rights *r)
{
    static const char *const to_read[] = {"kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom", NULL};
    static const char *const to_write[] = {"kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptTo",
                                           "kms:CreateGrant", NULL};
    struct sc_call *c = r->c;
    const char *region = sc_param_or(c, "SourceRegion", c->place->region);
    const char *id = sc_param_or(c, "SourceImageId", "");
    const struct sc_image *source =
        sc_region_known(region) ? sc_image_find(c->cloud, sc_place(c->cloud, c->account, region), id) : NULL;
    int code = rights_ask(r, "ec2:CopyImage", image_arn(r, region, "image", id));
    if (!code && source)
        code = rights_ask(r, "ec2:CopyImage", image_arn(r, region, "snapshot", source->snapshot));
    if (!code)
        code = ask_new_image(r, "ec2:CopyImage", "CopyImage");
    if (!code && source)
        code = ask_key(r, source->kms_key, to_read);
    return code ? code : ask_key(r, sc_param_or(c, "KmsKeyId", ""), to_write);
}

int rights_replace_root(struct rights *r)
{
    static const char action[] = "ec2:CreateReplaceRootVolumeTask";
    const char *task = rights_arn(r, "ec2", "replace-root-volume-task/*");
    const char *image = sc_param(r->c, "ImageId");
    const char *snapshot = sc_param(r->c, "SnapshotId");
    struct sc_texts tags = {0};
    int code = rights_ask_object(r, action, SC_INSTANCE, sc_param_or(r->c, "InstanceId", ""));
    if (!code && image)
        code = rights_ask_object(r, action, SC_IMAGE, image);
    if (!code && snapshot)
        code = rights_ask_object(r, action, SC_SNAPSHOT, snapshot);
    if (!code)
        code = sc_param_tags(r->c, "TagSpecification", "replace-root-volume-task", &tags);
    if (!code)
        code = ask_new(r, action, task, &tags);
    if (!code)
        code = ask_new(r, action, rights_arn(r, "ec2", "volume/*"), &tags);
    if (!code)
        code = tag_at_birth(r, action + 4, task, &tags);
    sc_texts_clear(&tags);
    return code;
}

/* ---- tags of what is there ---- */

static int ask_tags(struct rights *r, const char *action)
{
    struct sc_texts pairs = {0};
    struct sc_texts ids = sc_param_list(r->c, "ResourceId");
    int code = sc_param_pairs(r->c, "Tag", &pairs);
    size_t mark = r->key_count;
    rights_request_tags(r, &pairs);
    for (size_t i = 0; i < ids.count && !code; i++) {
        enum sc_kind kind;
        if (sc_kind_of_id(ids.items[i], &kind))
            code = rights_ask_object(r, action, kind, ids.items[i]);
    }
    r->key_count = mark;
    sc_texts_clear(&pairs);
    return code;
}

int rights_create_tags(struct rights *r)
{
    return ask_tags(r, "ec2:CreateTags");
}

int rights_delete_tags(struct rights *r)
{
    return ask_tags(r, "ec2:DeleteTags");
}
