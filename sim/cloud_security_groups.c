/* Security groups: who may reach an instance's ports. Inbound rules over address ranges. */
#include "sim/cloud_private.h"

#include <string.h>

#include "base/num.h"

static struct sc_security_group *group_new(struct simcloud *cloud, struct sc_place *place, const char *name,
                                           const char *description)
{
    struct sc_security_group *g = sc_new_id(cloud, place, SC_SECURITY_GROUP, "sg-", name);
    g->description = sc_intern(cloud, description);
    g->vpc = place->vpc;
    return g;
}

struct sc_security_group *sc_default_security_group(struct simcloud *cloud, struct sc_place *place)
{
    struct sc_object *first = place->first[SC_SECURITY_GROUP];
    return first ? (struct sc_security_group *)first : group_new(cloud, place, "default", "default VPC security group");
}

static const char *rule_part(struct sc_call *c, const char *rule, int part)
{
    for (; part > 0 && *rule; part--) {
        rule += strcspn(rule, "\t");
        rule += *rule == '\t';
    }
    return arena_dup_n(c->arena, rule, strcspn(rule, "\t"));
}

static const char *group_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    const struct sc_security_group *g = (const struct sc_security_group *)o;
    if (strcmp(name, "group-id") == 0)
        return o->id;
    if (strcmp(name, "group-name") == 0)
        return o->name;
    if (strcmp(name, "vpc-id") == 0)
        return g->vpc;
    if (strcmp(name, "description") == 0)
        return g->description;
    int part = strcmp(name, "ip-permission.cidr") == 0        ? 3
               : strcmp(name, "ip-permission.from-port") == 0 ? 1
               : strcmp(name, "ip-permission.to-port") == 0   ? 2
               : strcmp(name, "ip-permission.protocol") == 0  ? 0
                                                              : -1;
    if (part < 0)
        return strcmp(name, "owner-id") == 0 ? o->place->account : NULL;
    const char *all = "";
    for (size_t i = 0; i < g->rules.count; i++)
        all = arena_textf(c->arena, "%s%s\n", all, rule_part(c, g->rules.items[i], part));
    return all;
}

static void put_rule(struct sc_call *c, struct node *set, const char *rule)
{
    struct node *item = sc_node(c, set, "item");
    const char *protocol = rule_part(c, rule, 0);
    sc_put(c, item, "ipProtocol", protocol);
    if (strcmp(protocol, "-1") != 0) {
        sc_put(c, item, "fromPort", rule_part(c, rule, 1));
        sc_put(c, item, "toPort", rule_part(c, rule, 2));
    }
    struct node *range = sc_node(c, sc_node(c, item, "ipRanges"), "item");
    sc_put(c, range, "cidrIp", rule_part(c, rule, 3));
    const char *description = rule_part(c, rule, 4);
    if (*description)
        sc_put(c, range, "description", description);
    sc_node(c, item, "groups");
}

static int describe_security_groups(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_object **wanted;
    struct sc_texts ids = sc_param_list(c, "GroupId");
    struct sc_texts names = sc_param_list(c, "GroupName");
    if (sc_filters_read(c, &f, 5, 1000) || sc_need_all(c, SC_SECURITY_GROUP, &ids, &wanted))
        return -1;
    for (size_t i = 0; i < names.count; i++)
        if (!sc_find_named(c->place, SC_SECURITY_GROUP, names.items[i]))
            return sc_fail(c, 400, "InvalidGroup.NotFound", "The security group '%.100s' does not exist",
                           names.items[i]);
    struct node *set = sc_node(c, c->out, "securityGroupInfo");
    SC_EACH(sc_security_group, g, c->place, SC_SECURITY_GROUP)
    {
        if ((ids.count && !sc_texts_have(&ids, g->o.id)) || (names.count && !sc_texts_have(&names, g->o.name)))
            continue;
        int fits = sc_filters_match(c, &f, &g->o, group_value);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "ownerId", c->account);
        sc_put(c, item, "groupId", g->o.id);
        sc_put(c, item, "groupName", g->o.name);
        sc_put(c, item, "groupDescription", g->description);
        sc_put(c, item, "vpcId", g->vpc);
        struct node *rules = sc_node(c, item, "ipPermissions");
        for (size_t i = 0; i < g->rules.count; i++)
            put_rule(c, rules, g->rules.items[i]);
        put_rule(c, sc_node(c, item, "ipPermissionsEgress"), "-1\t-1\t-1\t0.0.0.0/0\t");
        sc_put_tag_set(c, item, &g->o.tags);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int create_security_group(struct sc_call *c)
{
    const char *name;
    const char *description;
    struct sc_texts tags = {0};
    if (sc_param_required(c, "GroupName", &name) || sc_param_required(c, "GroupDescription", &description))
        return -1;
    if (strncmp(name, "sg-", 3) == 0 || strlen(name) > 255)
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid security group name '%.60s'", name);
    const char *vpc = sc_param(c, "VpcId");
    if (vpc && strcmp(vpc, c->place->vpc) != 0)
        return sc_fail(c, 400, "InvalidVpcID.NotFound", "The vpc ID '%.60s' does not exist", vpc);
    if (sc_find_named(c->place, SC_SECURITY_GROUP, name))
        return sc_fail(c, 400, "InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name,
                       c->place->vpc);
    if (sc_param_tags(c, "TagSpecification", "security-group", &tags) || sc_commit(c)) {
        sc_texts_clear(&tags);
        return -1;
    }
    struct sc_security_group *g = group_new(c->cloud, c->place, name, description);
    sc_put_tags(c->cloud, &g->o, &tags);
    sc_texts_clear(&tags);
    sc_put(c, c->out, "groupId", g->o.id);
    sc_put_tag_set(c, c->out, &g->o.tags);
    return 0;
}

static struct sc_security_group *group_asked(struct sc_call *c)
{
    const char *id = sc_param(c, "GroupId");
    const char *name = sc_param(c, "GroupName");
    if (id)
        return sc_need(c, SC_SECURITY_GROUP, id);
    struct sc_security_group *g = name ? sc_find_named(c->place, SC_SECURITY_GROUP, name) : NULL;
    if (!g && name)
        sc_fail(c, 400, "InvalidGroup.NotFound", "The security group '%.100s' does not exist", name);
    else if (!g)
        sc_fail(c, 400, "MissingParameter", "The request must contain the parameter groupName or groupId");
    return g;
}

static int delete_security_group(struct sc_call *c)
{
    struct sc_security_group *g = group_asked(c);
    if (!g)
        return -1;
    if (strcmp(g->o.name, "default") == 0)
        return sc_fail(c, 400, "CannotDelete",
                       "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", g->o.id);
    SC_EACH(sc_instance, i, c->place, SC_INSTANCE)
    if (i->o.state != INSTANCE_GONE && sc_texts_have(&i->spec.security_groups, g->o.id))
        return sc_fail(c, 400, "DependencyViolation", "resource %s has a dependent object", g->o.id);
    if (sc_commit(c))
        return -1;
    sc_putb(c, c->out, "return", true);
    sc_free_object(c->cloud, &g->o);
    return 0;
}

static bool cidr_good(const char *cidr)
{
    int64_t bits = -1;
    const char *slash = strchr(cidr, '/');
    if (!slash || num_i64(slash + 1, strlen(slash + 1), &bits) || bits < 0 || bits > 32)
        return false;
    const char *at = cidr;
    for (int part = 0; part < 4; part++) {
        int64_t n;
        size_t len = strspn(at, "0123456789");
        if (len == 0 || len > 3 || num_i64(at, len, &n) || n > 255)
            return false;
        at += len;
        if (*at != (part < 3 ? '.' : '/'))
            return false;
        at++;
    }
    return true;
}

/* The rules of IpPermissions.N, and of the older IpProtocol, FromPort, ToPort, CidrIp. */
static int read_rule(struct sc_call *c, const char *at, const char *cidr, const char *description, struct sc_texts *out)
{
    const char *protocol = sc_param_or(c, sc_pathf(c, "%sIpProtocol", at), "");
    int64_t from = -1;
    int64_t to = -1;
    if (sc_param_i64(c, sc_pathf(c, "%sFromPort", at), -1, 65535, &from) ||
        sc_param_i64(c, sc_pathf(c, "%sToPort", at), -1, 65535, &to))
        return -1;
    bool known = strcmp(protocol, "tcp") == 0 || strcmp(protocol, "udp") == 0 || strcmp(protocol, "icmp") == 0 ||
                 strcmp(protocol, "-1") == 0;
    if (!known)
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid value '%.20s' for IP protocol. Unknown protocol.",
                       protocol);
    if (strcmp(protocol, "-1") == 0)
        from = to = -1;
    else if (strcmp(protocol, "icmp") != 0 && (from < 0 || to < from))
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid TCP/UDP port range (%lld:%lld)", (long long)from,
                       (long long)to);
    if (!cidr_good(cidr))
        return sc_fail(c, 400, "InvalidParameterValue", "CIDR block %.40s is malformed", cidr);
    if (strpbrk(description, "\t\n"))
        return sc_fail(c, 400, "InvalidParameterValue", "Invalid rule description");
    sc_texts_add(out, sc_internf(c->cloud, "%s\t%lld\t%lld\t%s\t%s", protocol, (long long)from, (long long)to, cidr,
                                 description));
    return 0;
}

static int read_rules(struct sc_call *c, struct sc_texts *out)
{
    if (sc_param(c, "CidrIp"))
        return read_rule(c, "", sc_param(c, "CidrIp"), "", out);
    for (int n = 1; sc_param_under(c, sc_pathf(c, "IpPermissions.%d", n)); n++)
        for (int r = 1; sc_param_under(c, sc_pathf(c, "IpPermissions.%d.IpRanges.%d", n, r)); r++) {
            const char *range = sc_pathf(c, "IpPermissions.%d.IpRanges.%d", n, r);
            if (read_rule(c, sc_pathf(c, "IpPermissions.%d.", n), sc_param_or(c, sc_pathf(c, "%s.CidrIp", range), ""),
                          sc_param_or(c, sc_pathf(c, "%s.Description", range), ""), out))
                return -1;
        }
    return out->count ? 0 : sc_fail(c, 400, "MissingParameter", "The request must contain the parameter ipPermissions");
}

/* Where a rule of that protocol, ports and range stands, whatever its description; the count where it does not. */
static size_t find_rule(const struct sc_security_group *g, const char *rule)
{
    size_t len = (size_t)(strrchr(rule, '\t') - rule);
    size_t i = 0;
    while (i < g->rules.count && strncmp(g->rules.items[i], rule, len + 1) != 0)
        i++;
    return i;
}

static void put_rule_result(struct sc_call *c, struct node *set, const struct sc_security_group *g, const char *id,
                            const char *rule)
{
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "securityGroupRuleId", id);
    sc_put(c, item, "groupId", g->o.id);
    sc_put(c, item, "groupOwnerId", c->account);
    sc_putb(c, item, "isEgress", false);
    sc_put(c, item, "ipProtocol", rule_part(c, rule, 0));
    sc_put(c, item, "fromPort", rule_part(c, rule, 1));
    sc_put(c, item, "toPort", rule_part(c, rule, 2));
    sc_put(c, item, "cidrIpv4", rule_part(c, rule, 3));
}

static int add_rules(struct sc_call *c, struct sc_security_group *g, const struct sc_texts *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        if (find_rule(g, rules->items[i]) < g->rules.count)
            return sc_fail(c, 400, "InvalidPermission.Duplicate",
                           "the specified rule \"peer: %s, %s, from port: %s, to port: %s, ALLOW\" already exists",
                           rule_part(c, rules->items[i], 3), rule_part(c, rules->items[i], 0),
                           rule_part(c, rules->items[i], 1), rule_part(c, rules->items[i], 2));
    if (g->rules.count + rules->count > 60)
        return sc_fail(c, 400, "RulesPerSecurityGroupLimitExceeded",
                       "The maximum number of rules per security group has been reached.");
    if (sc_commit(c))
        return -1;
    sc_putb(c, c->out, "return", true);
    struct node *set = sc_node(c, c->out, "securityGroupRuleSet");
    for (size_t i = 0; i < rules->count; i++) {
        const char *id = sc_draw_id(c->cloud, "sgr-", ++c->cloud->numbers, 5);
        sc_texts_add(&g->rules, rules->items[i]);
        sc_texts_add(&g->rule_ids, id);
        put_rule_result(c, set, g, id, rules->items[i]);
    }
    sc_trace(c->cloud, &g->o, "security-group", "", "opened", rules->items[0]);
    return 0;
}

static int authorize_ingress(struct sc_call *c)
{
    struct sc_texts rules = {0};
    struct sc_security_group *g = group_asked(c);
    int code = !g || read_rules(c, &rules) ? -1 : add_rules(c, g, &rules);
    sc_texts_clear(&rules);
    return code;
}

static void remove_rule(struct sc_security_group *g, size_t at)
{
    for (size_t i = at; i + 1 < g->rules.count; i++) {
        g->rules.items[i] = g->rules.items[i + 1];
        g->rule_ids.items[i] = g->rule_ids.items[i + 1];
    }
    g->rules.count--;
    g->rule_ids.count--;
}

static int rules_by_id(struct sc_call *c, const struct sc_security_group *g, struct sc_texts *out)
{
    struct sc_texts ids = sc_param_list(c, "SecurityGroupRuleId");
    for (size_t i = 0; i < ids.count; i++) {
        size_t at = 0;
        while (at < g->rule_ids.count && strcmp(g->rule_ids.items[at], ids.items[i]) != 0)
            at++;
        if (at == g->rule_ids.count)
            return sc_fail(c, 400, "InvalidSecurityGroupRuleId.NotFound",
                           "The security group rule ID '%.60s' does not exist", ids.items[i]);
        sc_texts_add(out, g->rules.items[at]);
    }
    return 0;
}

static int revoke_ingress(struct sc_call *c)
{
    struct sc_texts rules = {0};
    struct sc_security_group *g = group_asked(c);
    int code = g ? 0 : -1;
    if (!code)
        code = sc_param_under(c, "SecurityGroupRuleId") ? rules_by_id(c, g, &rules) : read_rules(c, &rules);
    for (size_t i = 0; !code && i < rules.count; i++)
        if (find_rule(g, rules.items[i]) == g->rules.count)
            code = sc_fail(c, 400, "InvalidPermission.NotFound",
                           "The specified rule does not exist in this security group.");
    code = code ? code : sc_commit(c);
    for (size_t i = 0; !code && i < rules.count; i++) {
        size_t at = find_rule(g, rules.items[i]);
        if (at < g->rules.count)
            remove_rule(g, at);
    }
    if (!code) {
        sc_trace(c->cloud, &g->o, "security-group", "", "closed", rules.count ? rules.items[0] : "");
        sc_putb(c, c->out, "return", true);
    }
    sc_texts_clear(&rules);
    return code;
}

#define RULES "GroupId GroupName IpPermissions IpProtocol FromPort ToPort CidrIp "

const struct sc_action sc_actions_security_groups[] = {
    {{AWS_EC2, "DescribeSecurityGroups", false, "GroupId GroupName Filter MaxResults NextToken"},
     describe_security_groups,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "CreateSecurityGroup", true, "GroupName GroupDescription VpcId TagSpecification"},
     create_security_group,
     NULL,
     BUCKET_EC2_CHANGE},
    {{AWS_EC2, "DeleteSecurityGroup", true, "GroupId GroupName"}, delete_security_group, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "AuthorizeSecurityGroupIngress", true, RULES}, authorize_ingress, NULL, BUCKET_EC2_CHANGE},
    {{AWS_EC2, "RevokeSecurityGroupIngress", true, RULES "SecurityGroupRuleId"},
     revoke_ingress,
     NULL,
     BUCKET_EC2_CHANGE},
    {{0}, NULL, NULL, 0},
};
