/* RunInstances, DescribeInstances and what else EC2 does to instances. */
#include "sim/cloud_private.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

#define USER_CODE   "Client.UserInitiatedShutdown"
#define USER_REASON "Client.UserInitiatedShutdown: User initiated shutdown"

/* ---- answers ---- */

static int code_of(int state)
{
    static const int codes[] = {0, 16, 32, 48, 64, 80};
    return codes[state];
}

static void put_state(struct sc_call *c, struct node *parent, const char *name, int state)
{
    struct node *node = sc_node(c, parent, name);
    sc_puti(c, node, "code", code_of(state));
    sc_put(c, node, "name", sc_state_name(SC_INSTANCE, state));
}

static void put_groups(struct sc_call *c, struct node *parent, const struct sc_instance *i)
{
    struct node *set = sc_node(c, parent, "groupSet");
    for (size_t g = 0; g < i->spec.security_groups.count; g++) {
        const char *id = i->spec.security_groups.items[g];
        const struct sc_object *group = sc_find(c->cloud, i->o.place, SC_SECURITY_GROUP, id);
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "groupId", id);
        sc_put(c, item, "groupName", group ? group->name : "");
    }
}

static const char *dns_name(struct sc_call *c, const char *prefix, const char *address, const char *domain)
{
    if (!*address)
        return "";
    char *name = arena_textf(c->arena, "%s-%s", prefix, address);
    for (char *at = name; *at; at++)
        *at = *at == '.' ? '-' : *at;
    return arena_textf(c->arena, "%s.%s.%s", name, c->place->region, domain);
}

static void put_network(struct sc_call *c, struct node *item, const struct sc_instance *i)
{
    if (!*i->private_ip)
        return;
    sc_put(c, item, "subnetId", i->spec.subnet);
    sc_put(c, item, "vpcId", i->o.place->vpc);
    sc_put(c, item, "privateIpAddress", i->private_ip);
    if (*i->public_ip)
        sc_put(c, item, "ipAddress", i->public_ip);
    sc_putb(c, item, "sourceDestCheck", true);
    put_groups(c, item, i);
}

static void put_disk(struct sc_call *c, struct node *item, const struct sc_instance *i)
{
    sc_put(c, item, "rootDeviceType", "ebs");
    sc_put(c, item, "rootDeviceName", "/dev/sda1");
    struct node *set = sc_node(c, item, "blockDeviceMapping");
    const struct sc_volume *v = *i->root_volume ? sc_find(c->cloud, i->o.place, SC_VOLUME, i->root_volume) : NULL;
    if (!v)
        return;
    struct node *mapping = sc_node(c, set, "item");
    sc_put(c, mapping, "deviceName", "/dev/sda1");
    struct node *ebs = sc_node(c, mapping, "ebs");
    sc_put(c, ebs, "volumeId", v->o.id);
    sc_put(c, ebs, "status", "attached");
    sc_put_time(c, ebs, "attachTime", v->attached_ms);
    sc_putb(c, ebs, "deleteOnTermination", v->delete_on_termination);
}

static void put_rest(struct sc_call *c, struct node *item, const struct sc_instance *i)
{
    if (*i->reason_code) {
        struct node *reason = sc_node(c, item, "stateReason");
        sc_put(c, reason, "code", i->reason_code);
        sc_put(c, reason, "message", i->reason);
    }
    sc_put(c, item, "architecture", "x86_64");
    put_disk(c, item, i);
    sc_put(c, item, "virtualizationType", "hvm");
    if (*i->client_token)
        sc_put(c, item, "clientToken", i->client_token);
    sc_put_tag_set(c, item, &i->o.tags);
    sc_put(c, item, "hypervisor", "xen");
    if (*i->spec.profile)
        sc_put(c, sc_node(c, item, "iamInstanceProfile"), "arn", i->spec.profile);
    sc_putb(c, item, "ebsOptimized", i->spec.ebs_optimized);
    sc_putb(c, item, "enaSupport", true);
    struct node *metadata = sc_node(c, item, "metadataOptions");
    sc_put(c, metadata, "state", "applied");
    sc_put(c, metadata, "httpTokens", i->spec.http_tokens);
    sc_puti(c, metadata, "httpPutResponseHopLimit", 1);
    sc_put(c, metadata, "httpEndpoint", "enabled");
}

/* What the console calls the state transition reason: for what somebody asked for, with its time. */
static const char *transition_of(struct sc_call *c, const struct sc_instance *i)
{
    char at[INSTANT_TEXT_SIZE];
    if (!i->told_ms || strcmp(i->reason_code, "Client.InstanceInitiatedShutdown") == 0)
        return i->reason;
    calendar_text(i->told_ms / 1000, at);
    return arena_textf(&c->cloud->scratch, "User initiated (%.10s %.8s GMT)", at, at + 11);
}

static void put_instance(struct sc_call *c, struct node *set, const struct sc_instance *i)
{
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "instanceId", i->o.id);
    sc_put(c, item, "imageId", i->spec.image);
    put_state(c, item, "instanceState", sc_shown(c->cloud, &i->o));
    sc_put(c, item, "privateDnsName", dns_name(c, "ip", i->private_ip, "compute.internal"));
    sc_put(c, item, "dnsName", dns_name(c, "ec2", i->public_ip, "compute.amazonaws.com"));
    sc_put(c, item, "reason", transition_of(c, i));
    if (*i->spec.key_name)
        sc_put(c, item, "keyName", i->spec.key_name);
    sc_puti(c, item, "amiLaunchIndex", i->ami_index);
    sc_put(c, item, "instanceType", i->spec.type);
    sc_put_time(c, item, "launchTime", i->launch_ms);
    struct node *placement = sc_node(c, item, "placement");
    sc_put(c, placement, "availabilityZone", i->spec.zone);
    sc_put(c, placement, "groupName", "");
    sc_put(c, placement, "tenancy", "default");
    sc_put(c, sc_node(c, item, "monitoring"), "state", i->spec.monitoring ? "enabled" : "disabled");
    put_network(c, item, i);
    put_rest(c, item, i);
}

static struct node *put_reservation(struct sc_call *c, struct node *at, const struct sc_instance *i)
{
    sc_put(c, at, "reservationId", i->reservation);
    sc_put(c, at, "ownerId", i->o.place->account);
    sc_node(c, at, "groupSet");
    return sc_node(c, at, "instancesSet");
}

/* ---- RunInstances ---- */

static int template_spec(struct sc_call *c, struct sc_spec *spec, struct sc_version **out)
{
    *out = NULL;
    if (!sc_param_under(c, "LaunchTemplate"))
        return 0;
    *out = sc_version_asked(c, sc_param(c, "LaunchTemplate.LaunchTemplateId"),
                            sc_param(c, "LaunchTemplate.LaunchTemplateName"), sc_param(c, "LaunchTemplate.Version"));
    if (!*out)
        return -1;
    sc_spec_copy(spec, &(*out)->spec);
    return 0;
}

int sc_run_spec(struct sc_call *c, struct sc_spec *spec, struct sc_version **version)
{
    int code = template_spec(c, spec, version);
    return code ? code : sc_spec_read(c, "", spec);
}

static int put_run(struct sc_call *c, const struct sc_texts *ids)
{
    struct node *set = NULL;
    for (size_t n = 0; n < ids->count; n++) {
        const struct sc_instance *i = sc_find(c->cloud, c->place, SC_INSTANCE, ids->items[n]);
        if (!i)
            return sc_fail(c, 400, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", ids->items[n]);
        if (!set)
            set = put_reservation(c, c->out, i);
        put_instance(c, set, i);
    }
    return 0;
}

static int launch_all(struct sc_call *c, const struct sc_launch *launch, int64_t count,
                      const struct sc_version *version)
{
    struct simcloud *cloud = c->cloud;
    const char *reservation = sc_draw_id(cloud, "r-", cloud->numbers + 1, 4);
    for (int64_t n = 0; n < count; n++) {
        struct sc_instance *i = sc_launch_instance(cloud, c->place, launch);
        i->reservation = reservation;
        i->ami_index = n;
        i->client_token = sc_intern(cloud, sc_param_or(c, "ClientToken", ""));
        if (version)
            sc_set_template_tags(cloud, i, version);
        sc_texts_add(&c->results, i->o.id);
    }
    return put_run(c, &c->results);
}

static int run_with(struct sc_call *c, struct sc_spec *spec)
{
    int64_t min = 0;
    int64_t max = 0;
    const char *unused;
    struct sc_version *version;
    struct sc_launch launch = {.spec = spec};
    if (sc_param_required(c, "MinCount", &unused) || sc_param_required(c, "MaxCount", &unused) ||
        sc_param_i64(c, "MinCount", 1, 1000, &min) || sc_param_i64(c, "MaxCount", 1, 1000, &max))
        return -1;
    if (min > max)
        return sc_fail(c, 400, "InvalidParameterCombination", "MinCount may not be greater than MaxCount");
    if (sc_run_spec(c, spec, &version) || sc_launch_check(c->cloud, c->place, spec, min, &launch, c->error))
        return -1;
    int64_t room = sc_launch_room(c->cloud, c->place);
    max = max > room ? room : max;
    if (sc_commit(c) || sc_charge(c, BUCKET_EC2_RUN_ITEMS, max))
        return -1;
    return launch_all(c, &launch, max, version);
}

static int run_instances(struct sc_call *c)
{
    if (c->replayed)
        return put_run(c, &c->replayed->results);
    struct sc_spec spec;
    sc_spec_init(c->cloud, &spec);
    int code = run_with(c, &spec);
    sc_spec_release(&spec);
    return code;
}

/* ---- DescribeInstances ---- */

static const char *group_ids(struct sc_call *c, const struct sc_instance *i)
{
    const char *text = "";
    for (size_t g = 0; g < i->spec.security_groups.count; g++)
        text = arena_textf(c->arena, "%s%s\n", text, i->spec.security_groups.items[g]);
    return text;
}

static const char *instance_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_instance *i = (const struct sc_instance *)o;
    if (strcmp(name, "instance-state-name") == 0)
        return sc_state_name(SC_INSTANCE, sc_shown(c->cloud, o));
    if (strcmp(name, "instance-state-code") == 0)
        return arena_textf(c->arena, "%d", code_of(sc_shown(c->cloud, o)));
    if (strcmp(name, "instance.group-id") == 0 || strcmp(name, "network-interface.group-id") == 0)
        return group_ids(c, i);
    const struct {
        const char *name, *value;
    } plain[] = {{"instance-id", o->id},
                 {"image-id", i->spec.image},
                 {"instance-type", i->spec.type},
                 {"client-token", i->client_token},
                 {"reservation-id", i->reservation},
                 {"availability-zone", i->spec.zone},
                 {"subnet-id", i->spec.subnet},
                 {"vpc-id", o->place->vpc},
                 {"key-name", i->spec.key_name},
                 {"private-ip-address", i->private_ip},
                 {"ip-address", i->public_ip},
                 {"owner-id", o->place->account},
                 {"root-device-type", "ebs"},
                 {"block-device-mapping.volume-id", i->root_volume},
                 {"architecture", "x86_64"}};
    for (size_t n = 0; n < sizeof(plain) / sizeof(*plain); n++)
        if (strcmp(name, plain[n].name) == 0)
            return plain[n].value;
    return NULL;
}

static int describe_instances(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "InstanceId");
    if (sc_filters_read(c, &f, 5, 1000))
        return -1;
    if (ids.count && f.max)
        return sc_fail(c, 400, "InvalidParameterCombination",
                       "The parameter instancesSet cannot be used with the parameter maxResults");
    if (sc_need_all(c, SC_INSTANCE, &ids, &wanted))
        return -1;
    struct node *set = sc_node(c, c->out, "reservationSet");
    struct node *instances = NULL;
    const char *reservation = NULL;
    SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
    {
        if ((ids.count && !sc_texts_have(&ids, i->o.id)) || !sc_seen(c->cloud, &i->o))
            continue;
        int fits = sc_filters_match(c, &f, &i->o, instance_value);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        if (reservation != i->reservation)
            instances = put_reservation(c, sc_node(c, set, "item"), i);
        reservation = i->reservation;
        put_instance(c, instances, i);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int describe_instance_status(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    bool all = false;
    struct sc_texts ids = sc_param_list(c, "InstanceId");
    if (sc_filters_read(c, &f, 5, 1000) || sc_param_bool(c, "IncludeAllInstances", &all) ||
        sc_need_all(c, SC_INSTANCE, &ids, &wanted))
        return -1;
    struct node *set = sc_node(c, c->out, "instanceStatusSet");
    SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
    {
        int state = sc_shown(c->cloud, &i->o);
        if ((ids.count && !sc_texts_have(&ids, i->o.id)) || !sc_seen(c->cloud, &i->o) ||
            (!all && state != INSTANCE_RUNS))
            continue;
        int fits = sc_filters_match(c, &f, &i->o, instance_value);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "instanceId", i->o.id);
        sc_put(c, item, "availabilityZone", i->spec.zone);
        put_state(c, item, "instanceState", state);
        bool answers = i->guest && guest_phase(i->guest) == GUEST_UP;
        const char *status = state != INSTANCE_RUNS ? "not-applicable" : answers ? "ok" : "initializing";
        sc_put(c, sc_node(c, item, "systemStatus"), "status", state == INSTANCE_RUNS ? "ok" : status);
        sc_put(c, sc_node(c, item, "instanceStatus"), "status", status);
    }
    sc_filters_end(c, &f);
    return 0;
}

/* ---- changes of state ---- */

static int needed(struct sc_call *c, struct sc_object ***out, size_t *count)
{
    struct sc_texts ids = sc_param_list(c, "InstanceId");
    if (ids.count == 0)
        return sc_fail(c, 400, "MissingParameter", "The request must contain the parameter InstanceId");
    *count = ids.count;
    return sc_need_all(c, SC_INSTANCE, &ids, out);
}

static void put_change(struct sc_call *c, struct node *set, const struct sc_instance *i, int before)
{
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "instanceId", i->o.id);
    put_state(c, item, "currentState", i->o.state);
    put_state(c, item, "previousState", before);
}

static int terminate_instances(struct sc_call *c)
{
    struct sc_object **found = NULL;
    size_t count = 0;
    if (needed(c, &found, &count))
        return -1;
    for (size_t n = 0; n < count; n++)
        if (((struct sc_instance *)found[n])->spec.protect)
            return sc_fail(c, 400, "OperationNotPermitted",
                           "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance "
                           "attribute and try again.",
                           found[n]->id);
    if (sc_commit(c) || sc_charge(c, BUCKET_EC2_TERMINATE_ITEMS, (int64_t)count))
        return -1;
    struct node *set = sc_node(c, c->out, "instancesSet");
    for (size_t n = 0; n < count; n++) {
        struct sc_instance *i = (struct sc_instance *)found[n];
        int before = i->o.state;
        sc_instance_terminate(c->cloud, i, USER_CODE, USER_REASON);
        put_change(c, set, i, before);
    }
    return 0;
}

static int refuse_state(struct sc_call *c, const struct sc_instance *i, const char *what)
{
    return sc_fail(c, 400, "IncorrectInstanceState", "The instance '%s' is not in a state from which it can be %s.",
                   i->o.id, what);
}

static int stop_instances(struct sc_call *c)
{
    struct sc_object **found = NULL;
    size_t count = 0;
    bool force = false;
    if (needed(c, &found, &count) || sc_param_bool(c, "Force", &force))
        return -1;
    for (size_t n = 0; n < count; n++) {
        int state = found[n]->state;
        if (state != INSTANCE_RUNS && state != INSTANCE_STOPS && state != INSTANCE_STOPPED_IS)
            return refuse_state(c, (struct sc_instance *)found[n], "stopped");
    }
    if (sc_commit(c))
        return -1;
    struct node *set = sc_node(c, c->out, "instancesSet");
    for (size_t n = 0; n < count; n++) {
        struct sc_instance *i = (struct sc_instance *)found[n];
        int before = i->o.state;
        if (before == INSTANCE_RUNS)
            sc_instance_stop(c->cloud, i, force, USER_CODE, USER_REASON);
        put_change(c, set, i, before);
    }
    return 0;
}

static int start_instances(struct sc_call *c)
{
    struct sc_object **found = NULL;
    size_t count = 0;
    if (needed(c, &found, &count))
        return -1;
    for (size_t n = 0; n < count; n++) {
        int state = found[n]->state;
        if (state != INSTANCE_STOPPED_IS && state != INSTANCE_RUNS && state != INSTANCE_IS_PENDING)
            return refuse_state(c, (struct sc_instance *)found[n], "started");
    }
    if (sc_launch_room(c->cloud, c->place) < (int64_t)count)
        return sc_fail(c, 400, "InstanceLimitExceeded", "Starting %zu more instances exceeds your instance limit",
                       count);
    if (sc_commit(c))
        return -1;
    struct node *set = sc_node(c, c->out, "instancesSet");
    for (size_t n = 0; n < count; n++) {
        struct sc_instance *i = (struct sc_instance *)found[n];
        int before = i->o.state;
        if (before == INSTANCE_STOPPED_IS)
            sc_instance_start(c->cloud, i);
        put_change(c, set, i, before);
    }
    return 0;
}

static int reboot_instances(struct sc_call *c)
{
    struct sc_object **found = NULL;
    size_t count = 0;
    if (needed(c, &found, &count))
        return -1;
    for (size_t n = 0; n < count; n++)
        if (found[n]->state != INSTANCE_RUNS)
            return refuse_state(c, (struct sc_instance *)found[n], "rebooted");
    if (sc_commit(c))
        return -1;
    for (size_t n = 0; n < count; n++)
        guest_reboot(((struct sc_instance *)found[n])->guest, c->cloud->now_ms);
    sc_putb(c, c->out, "return", true);
    return 0;
}

static const char *base64(struct sc_call *c, const char *text, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_alloc(c->arena, (len + 2) / 3 * 4 + 1);
    size_t at = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)text[i] << 16;
        bits |= i + 1 < len ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
        bits |= i + 2 < len ? (unsigned char)text[i + 2] : 0;
        out[at++] = digits[bits >> 18];
        out[at++] = digits[bits >> 12 & 63];
        out[at++] = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        out[at++] = i + 2 < len ? digits[bits & 63] : '=';
    }
    return out;
}

/* OSv's console as far as it is modelled: its banner, and what became of the program. */
static int get_console_output(struct sc_call *c)
{
    const char *id;
    struct sc_instance *i;
    if (sc_param_required(c, "InstanceId", &id) || !(i = sc_need(c, SC_INSTANCE, id)))
        return -1;
    struct str text;
    str_init(&text, 0);
    if (i->guest) {
        str_add(&text, "OSv v0.57.0-398-g0e34e4dc\n");
        if (guest_phase(i->guest) == GUEST_OFF)
            str_addf(&text, "%s\npower off\n",
                     guest_app(i->guest) == GUEST_APP_FAILED ? "program exited" : "shut down");
    }
    sc_put(c, c->out, "instanceId", i->o.id);
    sc_put_time(c, c->out, "timestamp", c->cloud->now_ms);
    sc_put(c, c->out, "output", base64(c, text.text, text.len));
    str_release(&text);
    return 0;
}

static int modify_instance_attribute(struct sc_call *c)
{
    const char *id;
    struct sc_instance *i;
    if (sc_param_required(c, "InstanceId", &id) || !(i = sc_need(c, SC_INSTANCE, id)))
        return -1;
    const char *shutdown = sc_param(c, "InstanceInitiatedShutdownBehavior.Value");
    bool protect = i->spec.protect;
    struct sc_texts groups = sc_param_list(c, "GroupId");
    struct sc_object **found;
    if (sc_param_bool(c, "DisableApiTermination.Value", &protect) || sc_need_all(c, SC_SECURITY_GROUP, &groups, &found))
        return -1;
    if (shutdown && strcmp(shutdown, "stop") != 0 && strcmp(shutdown, "terminate") != 0)
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid value '%.40s' for InstanceInitiatedShutdownBehavior.",
                       shutdown);
    if (sc_commit(c))
        return -1;
    i->spec.protect = protect;
    if (shutdown)
        i->spec.shutdown = sc_intern(c->cloud, shutdown);
    if (groups.count)
        i->spec.security_groups.count = 0;
    for (size_t n = 0; n < groups.count; n++)
        sc_texts_add(&i->spec.security_groups, found[n]->id);
    sc_putb(c, c->out, "return", true);
    return 0;
}

#define SPEC_PARAMETERS                                                                                                \
    "ImageId InstanceType KeyName SecurityGroupId SecurityGroup UserData IamInstanceProfile Placement SubnetId "       \
    "NetworkInterface BlockDeviceMapping Monitoring EbsOptimized DisableApiTermination MetadataOptions "               \
    "InstanceInitiatedShutdownBehavior TagSpecification "

const struct sc_action sc_actions_instances[] = {
    {{AWS_EC2, "RunInstances", true, SPEC_PARAMETERS "MinCount MaxCount ClientToken LaunchTemplate"},
     run_instances,
     "ClientToken",
     BUCKET_EC2_RUN},
    {{AWS_EC2, "DescribeInstances", false, "InstanceId Filter MaxResults NextToken"},
     describe_instances,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeInstanceStatus", false, "InstanceId Filter MaxResults NextToken IncludeAllInstances"},
     describe_instance_status,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "TerminateInstances", true, "InstanceId"}, terminate_instances, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "StopInstances", true, "InstanceId Force Hibernate"}, stop_instances, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "StartInstances", true, "InstanceId"}, start_instances, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "RebootInstances", true, "InstanceId"}, reboot_instances, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "GetConsoleOutput", false, "InstanceId Latest"}, get_console_output, NULL, BUCKET_EC2_READ},
    {{AWS_EC2, "ModifyInstanceAttribute", true,
      "InstanceId Attribute Value DisableApiTermination InstanceInitiatedShutdownBehavior GroupId"},
     modify_instance_attribute,
     NULL,
     BUCKET_EC2_CHANGE},
    {{0}, NULL, NULL, 0},
};
