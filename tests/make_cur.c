/*
 * make_cur.c - writes a Cost and Usage Report of any size, as AWS would for a month of a busy group: instances that
 * come and go, their volumes, transfer, requests, a reservation, a tax; and beside it the usage that made it.
 *
 *   make_cur BYTES [--usage FILE] [--seed N] [--cur2] [--gzip] > report.csv
 *
 * Legacy column names (or those of CUR 2.0), 107 columns, about 1.2 KB a line, of which most are empty or repeat
 * themselves, as in real reports. Everything is drawn from the seed, so a report can be made again. Instance lines are
 * hour by hour with AWS's ten decimals; the usage file has the same instances as running periods, so that reconcile
 * finds nothing but the reservation's allocation, the tax and the charges that no usage tells of.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/num.h"
#include "base/philox.h"
#include "base/str.h"
#include "billing/calendar.h"
#include "billing/columns.h"
#include "billing/money.h"

#define MONTH_START INT64_C(1714521600) /* 2024-05-01 */
#define MONTH_HOURS 744

static const char *const columns[] = {
    "identity/LineItemId",
    "identity/TimeInterval",
    "bill/InvoiceId",
    "bill/InvoicingEntity",
    "bill/BillingEntity",
    "bill/BillType",
    "bill/PayerAccountId",
    "bill/BillingPeriodStartDate",
    "bill/BillingPeriodEndDate",
    "lineItem/UsageAccountId",
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/ProductCode",
    "lineItem/UsageType",
    "lineItem/Operation",
    "lineItem/AvailabilityZone",
    "lineItem/ResourceId",
    "lineItem/UsageAmount",
    "lineItem/NormalizationFactor",
    "lineItem/NormalizedUsageAmount",
    "lineItem/CurrencyCode",
    "lineItem/UnblendedRate",
    "lineItem/UnblendedCost",
    "lineItem/BlendedRate",
    "lineItem/BlendedCost",
    "lineItem/LineItemDescription",
    "lineItem/TaxType",
    "lineItem/LegalEntity",
    "product/ProductName",
    "product/alarmType",
    "product/availability",
    "product/availabilityZone",
    "product/capacitystatus",
    "product/classicnetworkingsupport",
    "product/clockSpeed",
    "product/currentGeneration",
    "product/databaseEngine",
    "product/dedicatedEbsThroughput",
    "product/durability",
    "product/ecu",
    "product/endpointType",
    "product/enhancedNetworkingSupported",
    "product/fromLocation",
    "product/fromLocationType",
    "product/fromRegionCode",
    "product/gpuMemory",
    "product/group",
    "product/groupDescription",
    "product/instanceFamily",
    "product/instanceType",
    "product/instanceTypeFamily",
    "product/intelAvxAvailable",
    "product/licenseModel",
    "product/location",
    "product/locationType",
    "product/marketoption",
    "product/maxIopsvolume",
    "product/maxThroughputvolume",
    "product/maxVolumeSize",
    "product/memory",
    "product/networkPerformance",
    "product/normalizationSizeFactor",
    "product/operatingSystem",
    "product/operation",
    "product/physicalProcessor",
    "product/preInstalledSw",
    "product/processorArchitecture",
    "product/processorFeatures",
    "product/productFamily",
    "product/region",
    "product/regionCode",
    "product/servicecode",
    "product/servicename",
    "product/sku",
    "product/storage",
    "product/storageClass",
    "product/storageMedia",
    "product/tenancy",
    "product/toLocation",
    "product/toLocationType",
    "product/toRegionCode",
    "product/transferType",
    "product/usagetype",
    "product/vcpu",
    "product/version",
    "product/volumeApiName",
    "product/volumeType",
    "product/vpcnetworkingsupport",
    "pricing/RateCode",
    "pricing/RateId",
    "pricing/currency",
    "pricing/publicOnDemandCost",
    "pricing/publicOnDemandRate",
    "pricing/term",
    "pricing/unit",
    "reservation/AmortizedUpfrontFeeForBillingPeriod",
    "reservation/EffectiveCost",
    "reservation/ReservationARN",
    "reservation/TotalReservedNormalizedUnits",
    "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
    "reservation/UnusedNormalizedUnitQuantity",
    "reservation/UnusedRecurringFee",
    "resourceTags/aws:autoscaling:groupName",
    "resourceTags/user:Environment",
    "resourceTags/user:Name",
    "resourceTags/user:bakehour:run",
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

struct out {
    gzFile packed; /* NULL: plain, to stdout */
    int64_t bytes;
    bool cur2;
    uint64_t line;
};

static void put(struct out *o, const char *text, size_t len)
{
    o->bytes += (int64_t)len;
    size_t wrote = o->packed ? (size_t)gzwrite(o->packed, text, (unsigned)len) : fwrite(text, 1, len, stdout);
    if (wrote != len) {
        perror("make_cur");
        exit(1);
    }
}

/* lineItem/UsageStartDate -> line_item_usage_start_date; tags keep their last part. */
static void put_name(struct out *o, const char *name)
{
    char to[128];
    size_t len = 0;
    for (size_t i = 0; name[i] && len < sizeof(to) - 2; i++) {
        char c = name[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (o->cur2 && (c == '/' || c == ':'))
            c = '_';
        else if (o->cur2 && upper) {
            if (i && name[i - 1] != '/' && !(name[i - 1] >= 'A' && name[i - 1] <= 'Z'))
                to[len++] = '_';
            c = (char)(c - 'A' + 'a');
        }
        to[len++] = c;
    }
    put(o, to, len);
}

static void put_header(struct out *o)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (i)
            put(o, ",", 1);
        put_name(o, columns[i]);
    }
    put(o, "\n", 1);
}

/* What differs from line to line. */
struct line {
    const char *type, *product, *usage_type, *operation, *zone, *resource, *unit, *instance_type, *description, *family;
    const char *reservation, *group, *run;
    int64_t start, end;
    char amount[40], cost[40], effective[40], normalized[40], rate[40];
    char total_units[40], unused_units[40], unused_recurring[40], upfront[40];
};

struct value {
    const char *name, *value;
};

static const struct value fixed[] = {
    {"bill/InvoicingEntity", "Amazon Web Services, Inc."},
    {"bill/BillingEntity", "AWS"},
    {"bill/InvoiceId", "1700000001"},
    {"bill/BillType", "Anniversary"},
    {"bill/PayerAccountId", "111122223333"},
    {"bill/BillingPeriodStartDate", "2024-05-01T00:00:00Z"},
    {"bill/BillingPeriodEndDate", "2024-06-01T00:00:00Z"},
    {"lineItem/UsageAccountId", "111122223333"},
    {"lineItem/CurrencyCode", "USD"},
    {"lineItem/LegalEntity", "Amazon Web Services, Inc."},
    {"product/location", "US East (N. Virginia)"},
    {"product/locationType", "AWS Region"},
    {"product/region", "us-east-1"},
    {"product/regionCode", "us-east-1"},
    {"product/servicecode", "AmazonEC2"},
    {"product/servicename", "Amazon Elastic Compute Cloud"},
    {"pricing/currency", "USD"},
    {"resourceTags/user:Environment", "production"},
};
static const struct value machine[] = {
    {"product/ProductName", "Amazon Elastic Compute Cloud"},
    {"product/capacitystatus", "Used"},
    {"product/classicnetworkingsupport", "false"},
    {"product/clockSpeed", "3.1 GHz"},
    {"product/currentGeneration", "Yes"},
    {"product/dedicatedEbsThroughput", "Up to 2120 Mbps"},
    {"product/ecu", "8"},
    {"product/enhancedNetworkingSupported", "Yes"},
    {"product/instanceFamily", "General purpose"},
    {"product/instanceTypeFamily", "m5"},
    {"product/intelAvxAvailable", "Yes"},
    {"product/licenseModel", "No License required"},
    {"product/marketoption", "OnDemand"},
    {"product/memory", "8 GiB"},
    {"product/networkPerformance", "Up to 10 Gigabit"},
    {"product/normalizationSizeFactor", "4"},
    {"product/operatingSystem", "Linux"},
    {"product/physicalProcessor", "Intel Xeon Platinum 8175"},
    {"product/preInstalledSw", "NA"},
    {"product/processorArchitecture", "64-bit"},
    {"product/processorFeatures", "Intel AVX; Intel AVX2; Intel AVX512; Intel Turbo"},
    {"product/storage", "EBS only"},
    {"product/tenancy", "Shared"},
    {"product/vcpu", "2"},
    {"product/vpcnetworkingsupport", "true"},
    {"product/sku", "JG5TAV9UXXEU3Q7B"},
    {"pricing/RateCode", "JG5TAV9UXXEU3Q7B.JRTCKXETXF.6YS6EN2CT7"},
    {"pricing/RateId", "4981658079"},
    {"pricing/term", "OnDemand"},
};

static const char *value_of(const struct line *l, const char *name, const char *start, const char *end, const char *id)
{
    const struct value own[] = {
        {"identity/LineItemId", id},
        {"lineItem/LineItemType", l->type},
        {"lineItem/UsageStartDate", start},
        {"lineItem/UsageEndDate", end},
        {"lineItem/ProductCode", l->product},
        {"lineItem/UsageType", l->usage_type},
        {"product/usagetype", l->usage_type},
        {"lineItem/Operation", l->operation},
        {"product/operation", l->operation},
        {"lineItem/AvailabilityZone", l->zone},
        {"lineItem/ResourceId", l->resource},
        {"lineItem/UsageAmount", l->amount},
        {"lineItem/NormalizedUsageAmount", l->normalized},
        {"lineItem/UnblendedRate", l->rate},
        {"lineItem/UnblendedCost", l->cost},
        {"lineItem/BlendedRate", l->rate},
        {"lineItem/BlendedCost", l->cost},
        {"lineItem/LineItemDescription", l->description},
        {"product/instanceType", l->instance_type},
        {"product/productFamily", l->family},
        {"pricing/publicOnDemandCost", l->cost},
        {"pricing/publicOnDemandRate", l->rate},
        {"pricing/unit", l->unit},
        {"reservation/ReservationARN", l->reservation},
        {"reservation/EffectiveCost", l->effective},
        {"reservation/TotalReservedNormalizedUnits", l->total_units},
        {"reservation/UnusedNormalizedUnitQuantity", l->unused_units},
        {"reservation/UnusedRecurringFee", l->unused_recurring},
        {"reservation/AmortizedUpfrontFeeForBillingPeriod", l->upfront},
        {"resourceTags/aws:autoscaling:groupName", l->group},
        {"resourceTags/user:bakehour:run", l->run},
    };
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (strcmp(own[i].name, name) == 0)
            return own[i].value ? own[i].value : "";
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        if (strcmp(fixed[i].name, name) == 0)
            return fixed[i].value;
    for (size_t i = 0; i < sizeof(machine) / sizeof(*machine) && *l->instance_type; i++)
        if (strcmp(machine[i].name, name) == 0)
            return machine[i].value;
    return "";
}

static void put_line(struct out *o, const struct line *l)
{
    char start[INSTANT_TEXT_SIZE];
    char end[INSTANT_TEXT_SIZE];
    char id[64];
    struct str text;
    str_init(&text, 0);
    calendar_text(l->start, start);
    calendar_text(l->end, end);
    str_fit(id, sizeof(id), "%016" PRIx64 "%016" PRIx64 "%020" PRIu64, o->line * 0x9E3779B97F4A7C15U,
            (o->line ^ 77) * 0xBF58476D1CE4E5B9U, o->line);
    o->line++;
    for (int i = 0; i < COLUMNS; i++) {
        const char *value =
            strcmp(columns[i], "identity/TimeInterval") == 0 ? NULL : value_of(l, columns[i], start, end, id);
        str_add(&text, i ? "," : "");
        if (!value)
            str_addf(&text, "%s/%s", start, end);
        else
            str_addf(&text, strpbrk(value, ",\"") ? "\"%s\"" : "%s", value);
    }
    str_add(&text, "\n");
    put(o, text.text, text.len);
    str_release(&text);
}

/* Ten decimals, as AWS has them. */
static void decimal(char to[40], int128 numerator, int64_t denominator)
{
    char text[MONEY_TEXT_SIZE];
    str_fit(to, 40, "%s", money_text((money_t)num_div_half_even(numerator, denominator), text));
}

static void put_instance_hour(struct out *o, const char *id, bool covered, int64_t start_s, int64_t seconds)
{
    struct line l = {.type = covered ? "DiscountedUsage" : "Usage",
                     .product = "AmazonEC2",
                     .usage_type = "BoxUsage:m5.large",
                     .operation = "RunInstances",
                     .zone = "us-east-1a",
                     .resource = id,
                     .unit = "Hrs",
                     .instance_type = "m5.large",
                     .family = "Compute Instance",
                     .description = covered ? "Linux/UNIX (Amazon VPC), m5.large reserved instance applied"
                                            : "$0.096 per On Demand Linux m5.large Instance Hour",
                     .reservation = covered ? "arn:aws:ec2:us-east-1:111122223333:reserved-instances/0b1c2d3e" : "",
                     .group = "web-production",
                     .run = "r-20240501-0001",
                     .start = start_s - start_s % SECONDS_PER_HOUR};
    l.end = l.start + SECONDS_PER_HOUR;
    decimal(l.amount, (int128)seconds * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.normalized, (int128)seconds * 4 * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.rate, covered ? 0 : 960000000, 1);
    decimal(l.cost, covered ? 0 : (int128)seconds * 960000000, SECONDS_PER_HOUR);
    if (covered)
        decimal(l.effective, (int128)seconds * 600000000, SECONDS_PER_HOUR);
    put_line(o, &l);
}

static void put_other(struct out *o, struct philox *tape, const char *id, int64_t start)
{
    static const struct {
        const char *product, *usage_type, *operation, *unit, *family, *description;
    } kinds[] = {
        {"AmazonEC2", "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "Storage",
         "$0.08 per GB-month of General Purpose (gp3) provisioned storage - US East (N. Virginia)"},
        {"AmazonEC2", "DataTransfer-Regional-Bytes", "InterZone-In", "GB", "Data Transfer",
         "$0.010 per GB - regional data transfer - in/out/between EC2 AZs or using elastic IPs or ELB"},
        {"AmazonVPC", "PublicIPv4:InUseAddress", "AssociateAddressVPC", "Hrs", "",
         "$0.005 per In-use public IPv4 address per hour"},
        {"AmazonS3", "Requests-Tier1", "PutObject", "Requests", "API Request",
         "$0.005 per 1,000 PUT, COPY, POST, or LIST requests"},
    };
    size_t k = philox_below(tape, 8);
    k = k < 3 ? 0 : k < 5 ? 1 : k < 6 ? 2 : 3;
    char volume[32];
    str_fit(volume, sizeof(volume), "vol-%s", id + 2);
    struct line l = {.type = "Usage",
                     .product = kinds[k].product,
                     .usage_type = kinds[k].usage_type,
                     .operation = kinds[k].operation,
                     .zone = "",
                     .resource = k == 0   ? volume
                                 : k == 3 ? "bakehour-artifacts"
                                          : id,
                     .unit = kinds[k].unit,
                     .instance_type = "",
                     .family = kinds[k].family,
                     .description = kinds[k].description,
                     .group = "web-production",
                     .start = start,
                     .end = start + SECONDS_PER_HOUR};
    int64_t amount = 1 + (int64_t)philox_below(tape, 900000000);
    decimal(l.amount, amount, 1);
    decimal(l.rate, 800000000, 1);
    decimal(l.cost, (int128)amount * 8, 100);
    put_line(o, &l);
}

/* The reservation's fee line: 5 of them at 0.06 an hour; what was used was counted. */
static void put_fee(struct out *o, int64_t covered_s)
{
    int64_t total_s = (int64_t)5 * MONTH_HOURS * SECONDS_PER_HOUR;
    struct line l = {.type = "RIFee",
                     .product = "AmazonEC2",
                     .usage_type = "HeavyUsage:m5.large",
                     .operation = "RunInstances",
                     .zone = "",
                     .resource = "",
                     .unit = "Hrs",
                     .instance_type = "m5.large",
                     .family = "Compute Instance",
                     .description = "USD 0.06 hourly fee per Linux/UNIX (Amazon VPC), m5.large instance",
                     .reservation = "arn:aws:ec2:us-east-1:111122223333:reserved-instances/0b1c2d3e",
                     .start = MONTH_START,
                     .end = MONTH_START + (int64_t)MONTH_HOURS * SECONDS_PER_HOUR};
    decimal(l.amount, (int128)total_s * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.normalized, (int128)total_s * 4 * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.cost, (int128)total_s * 600000000, SECONDS_PER_HOUR);
    decimal(l.total_units, (int128)total_s * 4 * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.unused_units, (int128)(total_s - covered_s) * 4 * MONEY_PER_USD, SECONDS_PER_HOUR);
    decimal(l.unused_recurring, (int128)(total_s - covered_s) * 600000000, SECONDS_PER_HOUR);
    decimal(l.upfront, 0, 1);
    put_line(o, &l);
}

static void put_tax(struct out *o)
{
    struct line l = {.type = "Tax",
                     .product = "AmazonEC2",
                     .usage_type = "",
                     .operation = "",
                     .zone = "",
                     .resource = "",
                     .unit = "",
                     .instance_type = "",
                     .description = "Tax for product code AmazonEC2",
                     .start = MONTH_START,
                     .end = MONTH_START + (int64_t)MONTH_HOURS * SECONDS_PER_HOUR};
    decimal(l.amount, MONEY_PER_USD, 1);
    decimal(l.cost, 1234500000000, 1);
    put_line(o, &l);
}

static void put_usage(FILE *usage, const char *id, int64_t start, int64_t end)
{
    char from[INSTANT_TEXT_SIZE];
    char to[INSTANT_TEXT_SIZE];
    fprintf(usage, "111122223333,%s,m5.large,us-east-1,us-east-1a,linux,%s,%s\n", id, calendar_text(start, from),
            calendar_text(end, to));
}

/* Instances begin through the month and live for minutes (bakes) or days; five at a time are covered, as AWS would: the
 * first five of each hour. */
static void put_month(struct out *o, FILE *usage, int64_t bytes, uint64_t seed)
{
    static int covered_in[MONTH_HOURS];
    struct philox tape = philox_stream(1, 0, seed, 1);
    int64_t covered_s = 0;
    for (uint64_t n = 0; o->bytes < bytes; n++) {
        char id[24];
        str_fit(id, sizeof(id), "i-%017" PRIx64, (n + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 4);
        bool bake = philox_below(&tape, 3) == 0;
        int64_t start = MONTH_START + (int64_t)philox_below(&tape, (uint32_t)(MONTH_HOURS - 1) * 3600U);
        int64_t length =
            bake ? 60 + (int64_t)philox_below(&tape, 900) : 600 + (int64_t)philox_below(&tape, 4U * 86400U);
        int64_t end = start + length;
        end = end > MONTH_START + (int64_t)MONTH_HOURS * SECONDS_PER_HOUR
                  ? MONTH_START + (int64_t)MONTH_HOURS * SECONDS_PER_HOUR
                  : end;
        if (end - start < 60)
            continue;
        if (usage)
            put_usage(usage, id, start, end);
        for (int64_t at = start; at < end;) {
            int64_t hour = at - at % SECONDS_PER_HOUR;
            int64_t stop = hour + SECONDS_PER_HOUR < end ? hour + SECONDS_PER_HOUR : end;
            int *covered = &covered_in[(hour - MONTH_START) / SECONDS_PER_HOUR];
            bool whole = stop - at == SECONDS_PER_HOUR && *covered < 5;
            *covered += whole;
            covered_s += whole ? SECONDS_PER_HOUR : 0;
            put_instance_hour(o, id, whole, at, stop - at);
            if (philox_below(&tape, 2))
                put_other(o, &tape, id, hour);
            at = stop;
        }
    }
    put_fee(o, covered_s);
    put_tax(o);
}

int main(int argc, char **argv)
{
    struct out o = {0};
    FILE *usage = NULL;
    uint64_t seed = 1;
    int64_t bytes = 0;
    bool packed = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--usage") == 0 && i + 1 < argc)
            usage = fopen(argv[++i], "w");
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--cur2") == 0)
            o.cur2 = true;
        else if (strcmp(argv[i], "--gzip") == 0)
            packed = true;
        else
            bytes = strtoll(argv[i], NULL, 10);
    }
    if (bytes <= 0) {
        fputs("usage: make_cur BYTES [--usage FILE] [--seed N] [--cur2] [--gzip] > report.csv\n", stderr);
        return 2;
    }
    if (packed) {
        o.packed = gzdopen(1, "wb6");
        (void)gzbuffer(o.packed, 1U << 18);
    }
    if (usage)
        fputs("account,instance,type,region,zone,os,start,end\n", usage);
    put_header(&o);
    put_month(&o, usage, bytes, seed);
    if (usage)
        fclose(usage);
    return (o.packed ? gzclose(o.packed) != Z_OK : fflush(stdout) != 0) ? 1 : 0;
}
