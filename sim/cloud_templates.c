/* Launch templates: names for numbered, immutable versions of what to launch. */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"

struct sc_template *sc_template_find(const struct simcloud *cloud, const struct sc_place *place, const char *id,
                                     const char *name)
{
    if (id && *id)
        return sc_find(cloud, place, SC_TEMPLATE, id);
    return name && *name ? sc_find_named(place, SC_TEMPLATE, name) : NULL;
}

/* Versions are indexed by "template id" + "/" + number. */
static struct sc_version *numbered(const struct sc_template *t, int64_t number)
{
    char id[64];
    (void)snprintf(id, sizeof(id), "%s/%lld", t->o.id, (long long)number);
    return sc_find(t->o.place->cloud, t->o.place, SC_VERSION, id);
}

struct sc_version *sc_version_find(const struct sc_template *t, const char *version)
{
    int64_t number;
    if (!version || !*version || strcmp(version, "$Default") == 0)
        return numbered(t, t->default_version);
    if (strcmp(version, "$Latest") == 0)
        return numbered(t, t->latest_version);
    return num_i64(version, strlen(version), &number) ? NULL : numbered(t, number);
}

static struct sc_template *template_asked(struct sc_call *c, const char *id, const char *name)
{
    if (id && name)
        sc_fail(c, 400, "InvalidParameterCombination",
                "You must specify either a launch template ID or a launch template name, not both");
    else if (id)
        return sc_need(c, SC_TEMPLATE, id);
    else if (!name)
        sc_fail(c, 400, "MissingParameter", "Either launch template ID or launch template name must be specified");
    else {
        struct sc_template *t = sc_template_find(c->cloud, c->place, NULL, name);
        if (t && sc_seen(c->cloud, &t->o))
            return t;
        sc_fail(c, 400, "InvalidLaunchTemplateName.NotFoundException",
                "The specified launch template, with template name %.130s, does not exist.", name);
    }
    return NULL;
}

struct sc_version *sc_version_asked(struct sc_call *c, const char *id, const char *name, const char *version)
{
    struct sc_template *t = template_asked(c, id, name);
    struct sc_version *v = t ? sc_version_find(t, version) : NULL;
    if (t && (!v || !sc_seen(c->cloud, &v->o))) {
        sc_fail(c, 400, "InvalidLaunchTemplateId.VersionNotFound",
                "Could not find the specified version %.40s for the launch template with ID %s.",
                version ? version : "$Default", t->o.id);
        return NULL;
    }
    return v;
}

void sc_set_template_tags(struct simcloud *cloud, struct sc_instance *i, const struct sc_version *version)
{
    char number[24];
    (void)snprintf(number, sizeof(number), "%lld", (long long)version->version);
    i->template_id = version->template_id;
    i->template_name = version->template_name;
    i->template_version = sc_intern(cloud, number);
    sc_tag_set(cloud, &i->o.tags, "aws:ec2launchtemplate:id", version->template_id, false);
    sc_tag_set(cloud, &i->o.tags, "aws:ec2launchtemplate:version", number, false);
}

/* ---- answers ---- */

static void put_template(struct sc_call *c, struct node *item, const struct sc_template *t)
{
    sc_put(c, item, "launchTemplateId", t->o.id);
    sc_put(c, item, "launchTemplateName", t->o.name);
    sc_put_time(c, item, "createTime", t->o.created_ms);
    sc_put(c, item, "createdBy", t->created_by);
    sc_puti(c, item, "defaultVersionNumber", t->default_version);
    sc_puti(c, item, "latestVersionNumber", t->latest_version);
    sc_put_tag_set(c, item, &t->o.tags);
}

static void put_pairs(struct sc_call *c, struct node *set, const char *type, const struct sc_texts *pairs)
{
    if (pairs->count == 0)
        return;
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "resourceType", type);
    struct node *tags = sc_node(c, item, "tagSet");
    for (size_t i = 0; i + 1 < pairs->count; i += 2) {
        struct node *tag = sc_node(c, tags, "item");
        sc_put(c, tag, "key", pairs->items[i]);
        sc_put(c, tag, "value", pairs->items[i + 1]);
    }
}

static void put_given(struct sc_call *c, struct node *parent, const char *name, const char *text)
{
    if (*text)
        sc_put(c, parent, name, text);
}

static void put_interface(struct sc_call *c, struct node *parent, const struct sc_spec *spec)
{
    if (spec->public_ip == 0)
        return;
    struct node *item = sc_node(c, sc_node(c, parent, "networkInterfaceSet"), "item");
    sc_puti(c, item, "deviceIndex", 0);
    sc_putb(c, item, "associatePublicIpAddress", spec->public_ip > 0);
    if (spec->security_groups.count)
        sc_put_list(c, item, "groupSet", "groupId", &spec->security_groups);
}

void sc_put_spec(struct sc_call *c, struct node *parent, const struct sc_spec *spec)
{
    put_given(c, parent, "imageId", spec->image);
    put_given(c, parent, "instanceType", spec->type);
    put_given(c, parent, "keyName", spec->key_name);
    put_given(c, parent, "userData", spec->user_data);
    put_given(c, parent, "instanceInitiatedShutdownBehavior", spec->shutdown);
    if (*spec->profile)
        sc_put(c, sc_node(c, parent, "iamInstanceProfile"), strncmp(spec->profile, "arn:", 4) == 0 ? "arn" : "name",
               spec->profile);
    if (*spec->zone)
        sc_put(c, sc_node(c, parent, "placement"), "availabilityZone", spec->zone);
    if (spec->volume_gb || *spec->volume_type) {
        struct node *item = sc_node(c, sc_node(c, parent, "blockDeviceMappingSet"), "item");
        sc_put(c, item, "deviceName", "/dev/sda1");
        struct node *ebs = sc_node(c, item, "ebs");
        if (spec->volume_gb)
            sc_puti(c, ebs, "volumeSize", spec->volume_gb);
        put_given(c, ebs, "volumeType", spec->volume_type);
        sc_putb(c, ebs, "deleteOnTermination", !spec->keep_volume);
    }
    put_interface(c, parent, spec);
    if (spec->security_groups.count && spec->public_ip == 0)
        sc_put_list(c, parent, "securityGroupIdSet", "item", &spec->security_groups);
    if (*spec->http_tokens)
        sc_put(c, sc_node(c, parent, "metadataOptions"), "httpTokens", spec->http_tokens);
    if (spec->monitoring)
        sc_putb(c, sc_node(c, parent, "monitoring"), "enabled", true);
    if (spec->instance_tags.count + spec->volume_tags.count) {
        struct node *set = sc_node(c, parent, "tagSpecificationSet");
        put_pairs(c, set, "instance", &spec->instance_tags);
        put_pairs(c, set, "volume", &spec->volume_tags);
    }
}

static void put_version(struct sc_call *c, struct node *item, const struct sc_version *v)
{
    const struct sc_template *t = sc_find(c->cloud, v->o.place, SC_TEMPLATE, v->template_id);
    sc_put(c, item, "launchTemplateId", v->template_id);
    sc_put(c, item, "launchTemplateName", v->template_name);
    sc_puti(c, item, "versionNumber", v->version);
    if (*v->description)
        sc_put(c, item, "versionDescription", v->description);
    sc_put_time(c, item, "createTime", v->o.created_ms);
    sc_put(c, item, "createdBy", v->created_by);
    sc_putb(c, item, "defaultVersion", t && t->default_version == v->version);
    sc_put_spec(c, sc_node(c, item, "launchTemplateData"), &v->spec);
}

/* ---- calls ---- */

static struct sc_version *version_new(struct sc_call *c, struct sc_template *t, const struct sc_spec *spec)
{
    struct simcloud *cloud = c->cloud;
    int64_t number = ++t->latest_version;
    const char *id = sc_internf(cloud, "%s/%lld", t->o.id, (long long)number);
    struct sc_version *v = sc_new(cloud, c->place, SC_VERSION, id, "");
    v->template_id = t->o.id;
    v->template_name = t->o.name;
    v->description = sc_intern(cloud, sc_param_or(c, "VersionDescription", ""));
    v->created_by = sc_intern(cloud, c->arn);
    v->version = number;
    sc_spec_copy(&v->spec, spec);
    sc_trace(cloud, &v->o, "launch-template-version", "", "created", v->spec.image);
    return v;
}

/* Source: CreateLaunchTemplate's reference. */
static int check_name(struct sc_call *c, const char *name)
{
    size_t len = strlen(name);
    if (len < 3 || len > 128 ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()./_-") != len)
        return sc_fail(c, 400, "InvalidLaunchTemplateName.MalformedException",
                       "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, "
                       "and the following characters: - ( ) . / _.");
    if (sc_find_named(c->place, SC_TEMPLATE, name))
        return sc_fail(c, 400, "InvalidLaunchTemplateName.AlreadyExistsException",
                       "Launch template name already in use.");
    return 0;
}

static int create_template(struct sc_call *c)
{
    const char *name;
    struct sc_texts tags = {0};
    struct sc_spec spec;
    if (c->replayed) {
        struct sc_template *t = sc_need(c, SC_TEMPLATE, c->replayed->results.items[0]);
        if (!t)
            return -1;
        put_template(c, sc_node(c, c->out, "launchTemplate"), t);
        return 0;
    }
    if (sc_param_required(c, "LaunchTemplateName", &name) || check_name(c, name))
        return -1;
    sc_spec_init(c->cloud, &spec);
    int code = sc_param_under(c, "LaunchTemplateData")
                   ? sc_spec_read(c, "LaunchTemplateData.", &spec)
                   : sc_fail(c, 400, "MissingParameter", "The request must contain the parameter LaunchTemplateData");
    code = code ? code : sc_param_tags(c, "TagSpecification", "launch-template", &tags);
    code = code ? code : sc_commit(c);
    if (!code) {
        struct sc_template *t = sc_new_id(c->cloud, c->place, SC_TEMPLATE, "lt-", name);
        t->created_by = sc_intern(c->cloud, c->arn);
        t->default_version = 1;
        sc_put_tags(c->cloud, &t->o, &tags);
        version_new(c, t, &spec);
        sc_texts_add(&c->results, t->o.id);
        put_template(c, sc_node(c, c->out, "launchTemplate"), t);
    }
    sc_texts_clear(&tags);
    sc_spec_release(&spec);
    return code;
}

static int new_version_of(struct sc_call *c, struct sc_template *t, struct sc_spec *spec)
{
    const char *source = sc_param(c, "SourceVersion");
    if (source && *source) {
        const struct sc_version *from = sc_version_find(t, source);
        if (!from)
            return sc_fail(c, 400, "InvalidLaunchTemplateId.VersionNotFound",
                           "Could not find the specified version %.40s for the launch template with ID %s.", source,
                           t->o.id);
        sc_spec_copy(spec, &from->spec);
    }
    if (sc_spec_read(c, "LaunchTemplateData.", spec) || sc_commit(c))
        return -1;
    if (c->place->counts[SC_VERSION] >= 1000000)
        return sc_fail(c, 400, "VersionLimitExceeded", "The limit of versions has been reached");
    const struct sc_version *v = version_new(c, t, spec);
    sc_texts_add(&c->results, v->o.id);
    put_version(c, sc_node(c, c->out, "launchTemplateVersion"), v);
    return 0;
}

static int create_version(struct sc_call *c)
{
    if (c->replayed) {
        const struct sc_version *v = sc_find(c->cloud, c->place, SC_VERSION, c->replayed->results.items[0]);
        if (!v)
            return sc_fail(c, 400, "InvalidLaunchTemplateId.VersionNotFound", "The version is gone");
        put_version(c, sc_node(c, c->out, "launchTemplateVersion"), v);
        return 0;
    }
    struct sc_template *t = template_asked(c, sc_param(c, "LaunchTemplateId"), sc_param(c, "LaunchTemplateName"));
    if (!t)
        return -1;
    struct sc_spec spec;
    sc_spec_init(c->cloud, &spec);
    int code = new_version_of(c, t, &spec);
    sc_spec_release(&spec);
    return code;
}

static const char *template_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_template *t = (const struct sc_template *)o;
    (void)c;
    (void)t;
    if (strcmp(name, "launch-template-name") == 0)
        return o->name;
    return strcmp(name, "create-time") == 0 ? sc_iso(c->arena, o->created_ms, true) : NULL;
}

static int describe_templates(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "LaunchTemplateId");
    struct sc_texts names = sc_param_list(c, "LaunchTemplateName");
    if (sc_filters_read(c, &f, 1, 200) || sc_need_all(c, SC_TEMPLATE, &ids, &wanted))
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (!template_asked(c, NULL, names.items[i]))
            return -1;
    struct node *set = sc_node(c, c->out, "launchTemplates");
    SC_EACH(sc_template, t, c->place, SC_TEMPLATE)
    {
        bool by_id = ids.count && sc_texts_have(&ids, t->o.id);
        bool by_name = names.count && sc_texts_have(&names, t->o.name);
        if ((ids.count + names.count && !by_id && !by_name) || !sc_seen(c->cloud, &t->o))
            continue;
        int fits = sc_filters_match(c, &f, &t->o, template_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_template(c, sc_node(c, set, "item"), t);
    }
    sc_filters_end(c, &f);
    return 0;
}

static const char *version_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_version *v = (const struct sc_version *)o;
    if (strcmp(name, "image-id") == 0)
        return v->spec.image;
    if (strcmp(name, "instance-type") == 0)
        return v->spec.type;
    if (strcmp(name, "is-default-version") == 0) {
        const struct sc_template *t = sc_find(c->cloud, o->place, SC_TEMPLATE, v->template_id);
        return t && t->default_version == v->version ? "true" : "false";
    }
    return strcmp(name, "create-time") == 0 ? sc_iso(c->arena, o->created_ms, true) : NULL;
}

static int versions_asked(struct sc_call *c, struct sc_template *t, const struct sc_texts *asked, struct node *set)
{
    for (size_t i = 0; i < asked->count; i++) {
        const struct sc_version *v = t ? sc_version_find(t, asked->items[i]) : NULL;
        if (!v || !sc_seen(c->cloud, &v->o))
            return sc_fail(c, 400, "InvalidLaunchTemplateId.VersionNotFound",
                           "Could not find the specified version %.40s for the launch template with ID %s.",
                           asked->items[i], t ? t->o.id : "");
        put_version(c, sc_node(c, set, "item"), v);
    }
    return 0;
}

/* Without a template only "$Latest" and "$Default" of all of them may be asked for. */
static int versions_of_all(struct sc_call *c, const struct sc_texts *asked, struct node *set)
{
    for (size_t i = 0; i < asked->count; i++)
        if (asked->items[i][0] != '$')
            return sc_fail(c, 400, "MissingParameter",
                           "Either launch template ID or launch template name must be specified");
    SC_EACH(sc_template, t, c->place, SC_TEMPLATE)
    if (sc_seen(c->cloud, &t->o) && versions_asked(c, t, asked, set))
        return -1;
    return 0;
}

static int describe_versions(struct sc_call *c)
{
    struct sc_filters f;
    int64_t min = 0;
    int64_t max = INT64_MAX;
    const char *id = sc_param(c, "LaunchTemplateId");
    const char *name = sc_param(c, "LaunchTemplateName");
    struct sc_texts asked = sc_param_list(c, "LaunchTemplateVersion");
    if (sc_filters_read(c, &f, 1, 200) || sc_param_i64(c, "MinVersion", 0, INT64_MAX, &min) ||
        sc_param_i64(c, "MaxVersion", 0, INT64_MAX, &max))
        return -1;
    struct node *set = sc_node(c, c->out, "launchTemplateVersionSet");
    if (!id && !name && asked.count)
        return versions_of_all(c, &asked, set);
    struct sc_template *t = template_asked(c, id, name);
    if (!t)
        return -1;
    if (asked.count)
        return versions_asked(c, t, &asked, set);
    SC_EACH(sc_version, v, c->place, SC_VERSION)
    {
        if (v->template_id != t->o.id || v->version < min || v->version > max || !sc_seen(c->cloud, &v->o))
            continue;
        int fits = sc_filters_match(c, &f, &v->o, version_value);
        if (fits < 0)
            return -1;
        if (fits)
            put_version(c, sc_node(c, set, "item"), v);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int modify_template(struct sc_call *c)
{
    struct sc_template *t = template_asked(c, sc_param(c, "LaunchTemplateId"), sc_param(c, "LaunchTemplateName"));
    const char *version = sc_param(c, "SetDefaultVersion");
    if (!t)
        return -1;
    const struct sc_version *v = version ? sc_version_find(t, version) : NULL;
    if (version && !v)
        return sc_fail(c, 400, "InvalidLaunchTemplateId.VersionNotFound",
                       "Could not find the specified version %.40s for the launch template with ID %s.", version,
                       t->o.id);
    if (sc_commit(c))
        return -1;
    if (v)
        t->default_version = v->version;
    put_template(c, sc_node(c, c->out, "launchTemplate"), t);
    return 0;
}

static void put_deleted(struct sc_call *c, struct node *set, const struct sc_template *t, const char *version,
                        const char *code, const char *message)
{
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "launchTemplateId", t->o.id);
    sc_put(c, item, "launchTemplateName", t->o.name);
    sc_put(c, item, "versionNumber", version);
    if (!code)
        return;
    struct node *error = sc_node(c, item, "responseError");
    sc_put(c, error, "code", code);
    sc_put(c, error, "message", message);
}

static int delete_versions(struct sc_call *c)
{
    struct sc_template *t = template_asked(c, sc_param(c, "LaunchTemplateId"), sc_param(c, "LaunchTemplateName"));
    struct sc_texts asked = sc_param_list(c, "LaunchTemplateVersion");
    if (!t)
        return -1;
    if (asked.count == 0 || asked.count > 200)
        return sc_fail(c, 400, "MissingParameter", "1 to 200 launch template versions are needed");
    if (sc_commit(c))
        return -1;
    struct node *good = sc_node(c, c->out, "successfullyDeletedLaunchTemplateVersionSet");
    struct node *bad = sc_node(c, c->out, "unsuccessfullyDeletedLaunchTemplateVersionSet");
    for (size_t i = 0; i < asked.count; i++) {
        struct sc_version *v = sc_version_find(t, asked.items[i]);
        if (!v) {
            put_deleted(c, bad, t, asked.items[i], "launchTemplateVersionDoesNotExist",
                        "The specified launch template version does not exist");
        } else if (v->version == t->default_version) {
            put_deleted(c, bad, t, asked.items[i], "unexpectedError",
                        "Cannot delete the default version of a launch template");
        } else {
            put_deleted(c, good, t, asked.items[i], NULL, NULL);
            sc_trace(c->cloud, &v->o, "launch-template-version", "", "deleted", "");
            sc_free_object(c->cloud, &v->o);
        }
    }
    return 0;
}

static int delete_template(struct sc_call *c)
{
    struct sc_template *t = template_asked(c, sc_param(c, "LaunchTemplateId"), sc_param(c, "LaunchTemplateName"));
    if (!t || sc_commit(c))
        return -1;
    put_template(c, sc_node(c, c->out, "launchTemplate"), t);
    struct sc_version *after;
    for (struct sc_version *v = (struct sc_version *)c->place->first[SC_VERSION]; v; v = after) {
        after = (struct sc_version *)v->o.next;
        if (v->template_id == t->o.id)
            sc_free_object(c->cloud, &v->o);
    }
    sc_free_object(c->cloud, &t->o);
    return 0;
}

#define WHICH "LaunchTemplateId LaunchTemplateName "

const struct sc_action sc_actions_templates[] = {
    {{AWS_EC2, "CreateLaunchTemplate", true,
      "LaunchTemplateName VersionDescription LaunchTemplateData TagSpecification ClientToken"},
     create_template,
     "ClientToken",
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "CreateLaunchTemplateVersion", true,
      WHICH "SourceVersion VersionDescription LaunchTemplateData ClientToken ResolveAlias"},
     create_version,
     "ClientToken",
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DescribeLaunchTemplates", false, WHICH "Filter MaxResults NextToken"},
     describe_templates,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeLaunchTemplateVersions", false,
      WHICH "LaunchTemplateVersion MinVersion MaxVersion Filter MaxResults NextToken ResolveAlias"},
     describe_versions,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "ModifyLaunchTemplate", true, WHICH "SetDefaultVersion ClientToken"},
     modify_template,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DeleteLaunchTemplateVersions", true, WHICH "LaunchTemplateVersion"},
     delete_versions,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DeleteLaunchTemplate", true, WHICH}, delete_template, NULL, BUCKET_EC2_CHANGE},
    {{0}, NULL, NULL, 0},
};
