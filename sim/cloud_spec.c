/* What an instance is to be: read from a call's parameters, laid over a template's, checked against the place. */
#include "sim/cloud_private.h"

#include <stdlib.h>
#include <string.h>

#include "billing/catalog.h"

void sc_spec_release(struct sc_spec *spec)
{
    sc_texts_clear(&spec->security_groups);
    sc_texts_clear(&spec->instance_tags);
    sc_texts_clear(&spec->volume_tags);
}

void sc_spec_init(struct simcloud *cloud, struct sc_spec *spec)
{
    const char *empty = cloud->empty;
    *spec = (struct sc_spec){.image = empty,
                             .type = empty,
                             .key_name = empty,
                             .profile = empty,
                             .user_data = empty,
                             .zone = empty,
                             .subnet = empty,
                             .http_tokens = empty,
                             .shutdown = empty,
                             .volume_type = empty};
}

void sc_spec_copy(struct sc_spec *to, const struct sc_spec *from)
{
    struct sc_texts security_groups = to->security_groups;
    struct sc_texts instance_tags = to->instance_tags;
    struct sc_texts volume_tags = to->volume_tags;
    *to = *from;
    to->security_groups = security_groups;
    to->instance_tags = instance_tags;
    to->volume_tags = volume_tags;
    sc_texts_copy(&to->security_groups, &from->security_groups);
    sc_texts_copy(&to->instance_tags, &from->instance_tags);
    sc_texts_copy(&to->volume_tags, &from->volume_tags);
}

/* Those of `over` win, key by key. */
void sc_pairs_overlay(struct sc_texts *pairs, const struct sc_texts *over)
{
    for (size_t i = 0; i + 1 < over->count; i += 2) {
        size_t at = 0;
        while (at + 1 < pairs->count && strcmp(pairs->items[at], over->items[i]) != 0)
            at += 2;
        if (at + 1 < pairs->count) {
            pairs->items[at + 1] = over->items[i + 1];
        } else {
            sc_texts_add(pairs, over->items[i]);
            sc_texts_add(pairs, over->items[i + 1]);
        }
    }
}

static const char *under(struct sc_call *c, const char *prefix, const char *name)
{
    return *prefix ? sc_pathf(c, "%s%s", prefix, name) : name;
}

static void take(struct sc_call *c, const char *prefix, const char *name, const char **to)
{
    const char *value = sc_param(c, under(c, prefix, name));
    if (value)
        *to = sc_intern(c->cloud, value);
}

static int take_groups(struct sc_call *c, const char *prefix, struct sc_spec *spec)
{
    struct sc_texts ids = sc_param_list(c, under(c, prefix, "SecurityGroupId"));
    struct sc_texts inner = sc_param_list(c, under(c, prefix, "NetworkInterface.1.SecurityGroupId"));
    struct sc_texts names = sc_param_list(c, under(c, prefix, "SecurityGroup"));
    if (ids.count + inner.count + names.count == 0)
        return 0;
    spec->security_groups.count = 0;
    for (size_t i = 0; i < ids.count; i++)
        sc_texts_add(&spec->security_groups, sc_intern(c->cloud, ids.items[i]));
    for (size_t i = 0; i < inner.count; i++)
        sc_texts_add(&spec->security_groups, sc_intern(c->cloud, inner.items[i]));
    for (size_t i = 0; i < names.count; i++) {
        const struct sc_object *group = sc_find_named(c->place, SC_SECURITY_GROUP, names.items[i]);
        if (!group)
            return sc_fail(c, 400, "InvalidGroup.NotFound",
                           "The security group '%.60s' does not exist in default VPC '%s'", names.items[i],
                           c->place->vpc);
        sc_texts_add(&spec->security_groups, group->id);
    }
    return 0;
}

/* The root device only: the modelled guest has one disk. */
static int take_volume(struct sc_call *c, const char *prefix, struct sc_spec *spec)
{
    for (int n = 1;; n++) {
        const char *at = sc_pathf(c, "%sBlockDeviceMapping.%d", prefix, n);
        if (!sc_param_under(c, at))
            return 0;
        const char *device = sc_param_or(c, sc_pathf(c, "%s.DeviceName", at), "");
        if (strcmp(device, "/dev/sda1") != 0 && strcmp(device, "/dev/xvda") != 0)
            return sc_fail(c, 400, "InvalidBlockDeviceMapping",
                           "The modelled cloud has root devices only (/dev/sda1), not '%.40s'", device);
        if (sc_param_i64(c, sc_pathf(c, "%s.Ebs.VolumeSize", at), 1, 16384, &spec->volume_gb))
            return -1;
        take(c, "", sc_pathf(c, "%s.Ebs.VolumeType", at), &spec->volume_type);
        bool delete_too = !spec->keep_volume;
        if (sc_param_bool(c, sc_pathf(c, "%s.Ebs.DeleteOnTermination", at), &delete_too))
            return -1;
        spec->keep_volume = !delete_too;
    }
}

static int take_options(struct sc_call *c, const char *prefix, struct sc_spec *spec)
{
    bool given = false;
    bool public_ip = spec->public_ip > 0;
    const char *name = under(c, prefix, "NetworkInterface.1.AssociatePublicIpAddress");
    given = sc_param(c, name) != NULL;
    if (sc_param_bool(c, name, &public_ip) ||
        sc_param_bool(c, under(c, prefix, "Monitoring.Enabled"), &spec->monitoring) ||
        sc_param_bool(c, under(c, prefix, "EbsOptimized"), &spec->ebs_optimized) ||
        sc_param_bool(c, under(c, prefix, "DisableApiTermination"), &spec->protect))
        return -1;
    if (given)
        spec->public_ip = public_ip ? 1 : -1;
    if (*spec->shutdown && strcmp(spec->shutdown, "stop") != 0 && strcmp(spec->shutdown, "terminate") != 0)
        return sc_fail(c, 400, "InvalidParameterValue",
                       "Value (%.40s) for parameter instanceInitiatedShutdownBehavior is invalid. Must be stop or "
                       "terminate.",
                       spec->shutdown);
    if (*spec->http_tokens && strcmp(spec->http_tokens, "optional") != 0 && strcmp(spec->http_tokens, "required") != 0)
        return sc_fail(c, 400, "InvalidParameterValue",
                       "Value (%.40s) for parameter HttpTokens is invalid. Must be optional or required.",
                       spec->http_tokens);
    return 0;
}

int sc_spec_read(struct sc_call *c, const char *prefix, struct sc_spec *spec)
{
    take(c, prefix, "ImageId", &spec->image);
    take(c, prefix, "InstanceType", &spec->type);
    take(c, prefix, "KeyName", &spec->key_name);
    take(c, prefix, "UserData", &spec->user_data);
    take(c, prefix, "IamInstanceProfile.Arn", &spec->profile);
    take(c, prefix, "IamInstanceProfile.Name", &spec->profile);
    take(c, prefix, "Placement.AvailabilityZone", &spec->zone);
    take(c, prefix, "SubnetId", &spec->subnet);
    take(c, prefix, "NetworkInterface.1.SubnetId", &spec->subnet);
    take(c, prefix, "InstanceInitiatedShutdownBehavior", &spec->shutdown);
    take(c, prefix, "MetadataOptions.HttpTokens", &spec->http_tokens);
    struct sc_texts instance_tags = {0};
    struct sc_texts volume_tags = {0};
    const char *tags = under(c, prefix, "TagSpecification");
    int code = take_groups(c, prefix, spec);
    code = code ? code : take_volume(c, prefix, spec);
    code = code ? code : take_options(c, prefix, spec);
    code = code ? code : sc_param_tags(c, tags, "instance", &instance_tags);
    code = code ? code : sc_param_tags(c, tags, "volume", &volume_tags);
    if (code == 0) {
        sc_pairs_overlay(&spec->instance_tags, &instance_tags);
        sc_pairs_overlay(&spec->volume_tags, &volume_tags);
    }
    sc_texts_clear(&instance_tags);
    sc_texts_clear(&volume_tags);
    return code;
}

bool sc_type_known(const struct simcloud *cloud, const char *type)
{
    for (size_t i = 0; i < catalog_count(cloud->catalog); i++)
        if (strcmp(catalog_at(cloud->catalog, i)->type, type) == 0)
            return true;
    return false;
}

static int refuse(struct aws_error *error, const char *code, const char *fmt, const char *what)
{
    aws_error_set(error, AWS_REFUSED, 400, code, fmt, what); // fmt is one of the literals below
    return -1;
}

static int check_place(const struct sc_place *place, const struct sc_spec *spec, struct sc_launch *out,
                       struct aws_error *error)
{
    int at = -1;
    if (*spec->subnet) {
        at = sc_subnet_of(place, spec->subnet);
        if (at < 0)
            return refuse(error, "InvalidSubnetID.NotFound", "The subnet ID '%.60s' does not exist", spec->subnet);
    }
    if (*spec->zone) {
        int zone = sc_zone_of(place, spec->zone);
        if (zone < 0)
            return refuse(error, "InvalidParameterValue", "Invalid availability zone: [%.60s]", spec->zone);
        if (at >= 0 && zone != at)
            return refuse(error, "InvalidParameterValue", "The subnet is not in the availability zone %.60s",
                          spec->zone);
        at = zone;
    }
    out->zone = at >= 0 ? place->zones[at] : NULL;
    out->subnet = at >= 0 ? place->subnets[at] : NULL;
    return 0;
}

static int64_t running_count(const struct sc_place *place)
{
    int64_t count = 0;
    SC_EACH(sc_instance, i, place, SC_INSTANCE)
    count += i->o.state == INSTANCE_IS_PENDING || i->o.state == INSTANCE_RUNS;
    return count;
}

int64_t sc_launch_room(const struct simcloud *cloud, const struct sc_place *place)
{
    int64_t limit = cloud->options.instance_limit ? cloud->options.instance_limit : 1000;
    return limit - running_count(place);
}

int sc_launch_check(struct simcloud *cloud, struct sc_place *place, const struct sc_spec *spec, int64_t count,
                    struct sc_launch *out, struct aws_error *error)
{
    if (!*spec->image)
        return refuse(error, "MissingParameter", "The request must contain the parameter %s", "ImageId");
    if (strncmp(spec->image, "ami-", 4) != 0)
        return refuse(error, "InvalidAMIID.Malformed", "Invalid id: \"%.60s\" (expecting \"ami-...\")", spec->image);
    struct sc_image *image = sc_image_find(cloud, place, spec->image);
    if (!image || !sc_seen(cloud, &image->o) || image->o.state == IMAGE_DEREGISTERED)
        return refuse(error, "InvalidAMIID.NotFound", "The image id '[%.60s]' does not exist", spec->image);
    if (image->o.state != IMAGE_IS_AVAILABLE)
        return refuse(error, "InvalidAMIID.Unavailable", "The image ID '%.60s' is not available", spec->image);
    if (*spec->type && !sc_type_known(cloud, spec->type))
        return refuse(error, "InvalidParameterValue", "Invalid value '%.60s' for InstanceType.", spec->type);
    for (size_t i = 0; i < spec->security_groups.count; i++)
        if (!sc_find(cloud, place, SC_SECURITY_GROUP, spec->security_groups.items[i]))
            return refuse(error, "InvalidGroup.NotFound", "The security group '%.60s' does not exist",
                          spec->security_groups.items[i]);
    if (check_place(place, spec, out, error))
        return -1;
    int64_t room = sc_launch_room(cloud, place);
    if (room < count) {
        long long limit = cloud->options.instance_limit ? cloud->options.instance_limit : 1000;
        long long more = count;
        aws_error_set(error, AWS_REFUSED, 400, "InstanceLimitExceeded",
                      "You have requested more instances (%lld) than your current instance limit of %lld allows for "
                      "the specified instance type. Please visit http://aws.amazon.com/contact-us/ec2-request to "
                      "request an adjustment to this limit.",
                      limit - room + more, limit);
        return -1;
    }
    out->image = image;
    return 0;
}
