/* Regions, zones, the default VPC and its subnets, instance types, and the account itself. */
#include "sim/cloud_private.h"

#include <stdlib.h>
#include <string.h>

#include "billing/catalog.h"

static const char *const regions[] = {"us-east-1",      "us-east-2",      "us-west-1",      "us-west-2",
                                      "ca-central-1",   "eu-west-1",      "eu-west-2",      "eu-west-3",
                                      "eu-central-1",   "eu-north-1",     "ap-northeast-1", "ap-northeast-2",
                                      "ap-southeast-1", "ap-southeast-2", "ap-south-1",     "sa-east-1"};

bool sc_region_known(const char *region)
{
    for (size_t i = 0; region && i < sizeof(regions) / sizeof(*regions); i++)
        if (strcmp(regions[i], region) == 0)
            return true;
    return false;
}

int sc_zone_of(const struct sc_place *place, const char *zone)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(place->zones[i], zone) == 0)
            return i;
    return -1;
}

int sc_subnet_of(const struct sc_place *place, const char *subnet)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(place->subnets[i], subnet) == 0)
            return i;
    return -1;
}

/* Filters over what is no object: a head made for the moment. */
struct listed {
    struct sc_object o;
    const char *const *names, *const *values;
    size_t count;
};

static const char *listed_value(struct sc_call *c, const struct sc_object *o, const char *name)
{
    (void)c;
    const struct listed *l = (const struct listed *)o;
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->names[i], name) == 0)
            return l->values[i];
    return NULL;
}

static int listed_fits(struct sc_call *c, struct sc_filters *f, uint64_t number, const char *const *names,
                       const char *const *values, size_t count)
{
    struct listed l = {.o = {.number = number}, .names = names, .values = values, .count = count};
    return sc_filters_match(c, f, &l.o, listed_value);
}

static int describe_regions(struct sc_call *c)
{
    static const char *const names[] = {"region-name", "endpoint"};
    struct sc_filters f;
    struct sc_texts wanted = sc_param_list(c, "RegionName");
    if (sc_filters_read(c, &f, 1, 1000))
        return -1;
    for (size_t i = 0; i < wanted.count; i++)
        if (!sc_region_known(wanted.items[i]))
            return sc_fail(c, 400, "InvalidParameterValue", "Invalid region: [%.60s]", wanted.items[i]);
    struct node *set = sc_node(c, c->out, "regionInfo");
    for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
        const char *endpoint = sc_pathf(c, "ec2.%s.amazonaws.com", regions[i]);
        int fits = wanted.count && !sc_texts_have(&wanted, regions[i])
                       ? 0
                       : listed_fits(c, &f, i + 1, names, (const char *const[]){regions[i], endpoint}, 2);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "regionName", regions[i]);
        sc_put(c, item, "regionEndpoint", endpoint);
        sc_put(c, item, "optInStatus", "opt-in-not-required");
    }
    return 0;
}

static int describe_zones(struct sc_call *c)
{
    static const char *const names[] = {"zone-name", "region-name", "state"};
    struct sc_filters f;
    struct sc_texts wanted = sc_param_list(c, "ZoneName");
    if (sc_filters_read(c, &f, 1, 1000))
        return -1;
    for (size_t i = 0; i < wanted.count; i++)
        if (sc_zone_of(c->place, wanted.items[i]) < 0)
            return sc_fail(c, 400, "InvalidParameterValue", "Invalid availability zone: [%.60s]", wanted.items[i]);
    struct node *set = sc_node(c, c->out, "availabilityZoneInfo");
    for (size_t i = 0; i < 3; i++) {
        const char *zone = c->place->zones[i];
        const char *values[] = {zone, c->place->region, "available"};
        int fits = wanted.count && !sc_texts_have(&wanted, zone) ? 0 : listed_fits(c, &f, i + 1, names, values, 3);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "zoneName", zone);
        sc_put(c, item, "zoneState", "available");
        sc_put(c, item, "regionName", c->place->region);
        sc_put(c, item, "zoneId", sc_pathf(c, "%s-az%zu", c->place->region, i + 1));
        sc_put(c, item, "zoneType", "availability-zone");
    }
    return 0;
}

static int describe_subnets(struct sc_call *c)
{
    static const char *const names[] = {"subnet-id", "availability-zone", "availabilityZone", "vpc-id",
                                        "state",     "default-for-az",    "defaultForAz"};
    struct sc_filters f;
    struct sc_texts wanted = sc_param_list(c, "SubnetId");
    if (sc_filters_read(c, &f, 5, 1000))
        return -1;
    for (size_t i = 0; i < wanted.count; i++)
        if (sc_subnet_of(c->place, wanted.items[i]) < 0)
            return sc_fail(c, 400, "InvalidSubnetID.NotFound", "The subnet ID '%.60s' does not exist", wanted.items[i]);
    struct node *set = sc_node(c, c->out, "subnetSet");
    for (size_t i = 0; i < 3; i++) {
        const char *id = c->place->subnets[i];
        const char *zone = c->place->zones[i];
        const char *values[] = {id, zone, zone, c->place->vpc, "available", "true", "true"};
        int fits = wanted.count && !sc_texts_have(&wanted, id) ? 0 : listed_fits(c, &f, i + 1, names, values, 7);
        if (fits < 0)
            return -1;
        if (!fits)
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "subnetId", id);
        sc_put(c, item, "state", "available");
        sc_put(c, item, "vpcId", c->place->vpc);
        sc_put(c, item, "cidrBlock", sc_pathf(c, "172.31.%zu.0/18", i * 64));
        sc_puti(c, item, "availableIpAddressCount", 16379);
        sc_put(c, item, "availabilityZone", zone);
        sc_putb(c, item, "defaultForAz", true);
        sc_putb(c, item, "mapPublicIpOnLaunch", c->place->subnet_public);
        sc_put(c, item, "ownerId", c->account);
    }
    sc_filters_end(c, &f);
    return 0;
}

static int describe_vpcs(struct sc_call *c)
{
    static const char *const names[] = {"vpc-id", "is-default", "isDefault", "state", "cidr"};
    struct sc_filters f;
    struct sc_texts wanted = sc_param_list(c, "VpcId");
    if (sc_filters_read(c, &f, 5, 1000))
        return -1;
    for (size_t i = 0; i < wanted.count; i++)
        if (strcmp(wanted.items[i], c->place->vpc) != 0)
            return sc_fail(c, 400, "InvalidVpcID.NotFound", "The vpc ID '%.60s' does not exist", wanted.items[i]);
    struct node *set = sc_node(c, c->out, "vpcSet");
    const char *values[] = {c->place->vpc, "true", "true", "available", "172.31.0.0/16"};
    int fits = listed_fits(c, &f, 1, names, values, 5);
    if (fits <= 0)
        return fits;
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "vpcId", c->place->vpc);
    sc_put(c, item, "state", "available");
    sc_put(c, item, "cidrBlock", "172.31.0.0/16");
    sc_putb(c, item, "isDefault", true);
    sc_put(c, item, "instanceTenancy", "default");
    sc_put(c, item, "ownerId", c->account);
    return 0;
}

/* By the size: t2.micro 1, t3.micro 2, large 2, xlarge 4, 4xlarge 16. */
static int64_t vcpus_of(const char *type)
{
    const char *size = strchr(type, '.') ? strchr(type, '.') + 1 : "";
    int64_t times = 0;
    while (*size >= '0' && *size <= '9')
        times = times * 10 + *size++ - '0';
    if (strcmp(size, "xlarge") == 0)
        return 4 * (times ? times : 1);
    if (strcmp(size, "large") == 0 || (strcmp(size, "medium") == 0 && *type == 't'))
        return 2;
    return type[0] == 't' && type[1] >= '3' ? 2 : 1;
}

static int put_type(struct sc_call *c, struct sc_filters *f, struct node *set, size_t number, const char *type)
{
    static const char *const names[] = {"instance-type", "hypervisor", "current-generation"};
    bool nitro = strncmp(type, "t3", 2) == 0 || strncmp(type, "m5", 2) == 0 || strncmp(type, "c5", 2) == 0;
    const char *values[] = {type, nitro ? "nitro" : "xen", "true"};
    int fits = listed_fits(c, f, number, names, values, 3);
    if (fits <= 0)
        return fits;
    struct node *item = sc_node(c, set, "item");
    sc_put(c, item, "instanceType", type);
    sc_putb(c, item, "currentGeneration", true);
    sc_put(c, item, "hypervisor", nitro ? "nitro" : "xen");
    sc_put(c, sc_node(c, item, "supportedUsageClasses"), "item", "on-demand");
    sc_puti(c, sc_node(c, item, "vCpuInfo"), "defaultVCpus", vcpus_of(type));
    sc_put(c, sc_node(c, sc_node(c, item, "processorInfo"), "supportedArchitectures"), "item", "x86_64");
    return 1;
}

static int describe_types(struct sc_call *c)
{
    struct sc_filters f;
    struct sc_texts wanted = sc_param_list(c, "InstanceType");
    if (sc_filters_read(c, &f, 5, 100))
        return -1;
    for (size_t i = 0; i < wanted.count; i++)
        if (!sc_type_known(c->cloud, wanted.items[i]))
            return sc_fail(c, 400, "InvalidInstanceType", "The following supplied instance types do not exist: [%.60s]",
                           wanted.items[i]);
    struct node *set = sc_node(c, c->out, "instanceTypeSet");
    const char *last = "";
    for (size_t i = 0; i < catalog_count(c->cloud->catalog); i++) {
        const char *type = catalog_at(c->cloud->catalog, i)->type;
        if (strcmp(type, last) == 0 || (wanted.count && !sc_texts_have(&wanted, type)))
            continue;
        last = type;
        if (put_type(c, &f, set, i + 1, type) < 0)
            return -1;
    }
    sc_filters_end(c, &f);
    return 0;
}

static int describe_account_attributes(struct sc_call *c)
{
    struct sc_texts wanted = sc_param_list(c, "AttributeName");
    int64_t limit = c->cloud->options.instance_limit ? c->cloud->options.instance_limit : 1000;
    const struct {
        const char *name, *value;
    } all[] = {{"supported-platforms", "VPC"},
               {"default-vpc", c->place->vpc},
               {"max-instances", sc_pathf(c, "%lld", (long long)limit)},
               {"vpc-max-security-groups-per-interface", "5"},
               {"max-elastic-ips", "5"},
               {"vpc-max-elastic-ips", "5"}};
    struct node *set = sc_node(c, c->out, "accountAttributeSet");
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        if (wanted.count && !sc_texts_have(&wanted, all[i].name))
            continue;
        struct node *item = sc_node(c, set, "item");
        sc_put(c, item, "attributeName", all[i].name);
        struct node *values = sc_node(c, item, "attributeValueSet");
        sc_put(c, sc_node(c, values, "item"), "attributeValue", all[i].value);
    }
    return 0;
}

static int get_metadata_defaults(struct sc_call *c)
{
    struct node *level = sc_node(c, c->out, "accountLevel");
    sc_put(c, level, "httpTokens", c->cloud->options.tokens_required ? "required" : "optional");
    return 0;
}

static int get_encryption_default(struct sc_call *c)
{
    sc_putb(c, c->out, "ebsEncryptionByDefault", c->cloud->options.encrypt_default);
    return 0;
}

/* The account's own key: AWS's, unless somebody has chosen another one. */
static int get_default_key(struct sc_call *c)
{
    sc_put(c, c->out, "kmsKeyId", "alias/aws/ebs");
    return 0;
}

const struct sc_action sc_actions_network[] = {
    {{AWS_EC2, "DescribeRegions", false, "RegionName AllRegions Filter"}, describe_regions, NULL, BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeAvailabilityZones", false, "ZoneName ZoneId AllAvailabilityZones Filter"},
     describe_zones,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeSubnets", false, "SubnetId Filter MaxResults NextToken"},
     describe_subnets,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeVpcs", false, "VpcId Filter MaxResults NextToken"}, describe_vpcs, NULL, BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeInstanceTypes", false, "InstanceType Filter MaxResults NextToken"},
     describe_types,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "DescribeAccountAttributes", false, "AttributeName"},
     describe_account_attributes,
     NULL,
     BUCKET_EC2_READ},
    {{AWS_EC2, "GetInstanceMetadataDefaults", false, ""}, get_metadata_defaults, NULL, BUCKET_EC2_READ},
    {{AWS_EC2, "GetEbsEncryptionByDefault", false, ""}, get_encryption_default, NULL, BUCKET_EC2_READ},
    {{AWS_EC2, "GetEbsDefaultKmsKeyId", false, ""}, get_default_key, NULL, BUCKET_EC2_READ},
    {{0}, NULL, NULL, 0},
};
