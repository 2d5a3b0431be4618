/* cloud_network.c - security groups, as far as the port of OSv's REST API goes, and subnets. */
#include <string.h>

#include "scheduler/cloud.h"
#include "scheduler/cloud_private.h"

static void read_ranges(struct arena *arena, const struct node *permission, const char *set, const char *cidr,
                        struct rule **rules, size_t *count)
{
    const struct node *ranges = node_find(permission, set);
    for (const struct node *range = node_child(ranges, "item"); range; range = node_next(range, "item")) {
        *rules = list_room(arena, *rules, *count, sizeof **rules);
        (*rules)[(*count)++] = (struct rule){
            .protocol = take_text(arena, permission, "ipProtocol"),
            .cidr = take_text(arena, range, cidr),
            .description = take_text(arena, range, "description"),
            .from_port = (int)take_number(permission, "fromPort", -1),
            .to_port = (int)take_number(permission, "toPort", -1),
        };
    }
}

static void read_groups(void *context, struct arena *arena, const struct node *root)
{
    struct security_groups *out = context;
    const struct node *set = node_find(root, "securityGroupInfo");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item")) {
        struct security_group *group = LIST_ADD(arena, out);
        *group = (struct security_group){
            .id = take_text(arena, item, "groupId"),
            .name = take_text(arena, item, "groupName"),
            .vpc = take_text(arena, item, "vpcId"),
        };
        struct rule *rules = NULL;
        const struct node *permissions = node_find(item, "ipPermissions");
        for (const struct node *p = node_child(permissions, "item"); p; p = node_next(p, "item")) {
            read_ranges(arena, p, "ipRanges", "cidrIp", &rules, &group->rule_count);
            read_ranges(arena, p, "ipv6Ranges", "cidrIpv6", &rules, &group->rule_count);
        }
        group->rules = rules;
        group->tags = take_tags(arena, item, "tagSet", "item", "key", "value", &group->tag_count);
    }
}

int cloud_describe_security_groups(struct cloud *c, const struct lookup *lookup, struct arena *arena,
                                   struct security_groups *out, struct aws_error *error)
{
    struct call call;
    struct security_groups got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeSecurityGroups");
    call_lookup(&call, "GroupId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_groups, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}

static void put_rule(struct call *call, const char *group, int port, const char *cidr, const char *description)
{
    struct aws_request *r = &call->request;
    bool v6 = strchr(cidr, ':') != NULL;
    aws_param(r, "GroupId", group);
    aws_param(r, "IpPermissions.1.IpProtocol", "tcp");
    aws_param_i64(r, "IpPermissions.1.FromPort", port);
    aws_param_i64(r, "IpPermissions.1.ToPort", port);
    aws_param(r, v6 ? "IpPermissions.1.Ipv6Ranges.1.CidrIpv6" : "IpPermissions.1.IpRanges.1.CidrIp", cidr);
    call_text(call, v6 ? "IpPermissions.1.Ipv6Ranges.1.Description" : "IpPermissions.1.IpRanges.1.Description",
              description);
}

int cloud_open_port(struct cloud *c, const char *group, int port, const char *cidr, const char *description,
                    struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "AuthorizeSecurityGroupIngress");
    put_rule(&call, group, port, cidr, description);
    return call_only(&call, RETRY_GONE, error) && !aws_error_is(error, "InvalidPermission.Duplicate") ? -1 : 0;
}

int cloud_close_port(struct cloud *c, const char *group, int port, const char *cidr, struct aws_error *error)
{
    struct call call;
    call_begin(&call, c, AWS_EC2, "RevokeSecurityGroupIngress");
    put_rule(&call, group, port, cidr, NULL);
    return call_only(&call, RETRY_GONE, error) && !retry_not_found(error) ? -1 : 0;
}

static void read_subnets(void *context, struct arena *arena, const struct node *root)
{
    struct subnets *out = context;
    const struct node *set = node_find(root, "subnetSet");
    for (const struct node *item = node_child(set, "item"); item; item = node_next(item, "item"))
        *LIST_ADD(arena, out) = (struct subnet){
            .id = take_text(arena, item, "subnetId"),
            .zone = take_text(arena, item, "availabilityZone"),
            .vpc = take_text(arena, item, "vpcId"),
            .free_addresses = take_number(item, "availableIpAddressCount", 0),
            .public_ip = take_bool(item, "mapPublicIpOnLaunch"),
        };
}

int cloud_describe_subnets(struct cloud *c, const struct lookup *lookup, struct arena *arena, struct subnets *out,
                           struct aws_error *error)
{
    struct call call;
    struct subnets got = {0};
    call_begin(&call, c, AWS_EC2, "DescribeSubnets");
    call_lookup(&call, "SubnetId", lookup);
    if (call_pages(&call, "NextToken", "nextToken", read_subnets, &got, arena, error))
        return -1;
    *out = got;
    return 0;
}
