/*
 * make_price_list.c - writes an AWS price list in JSON of any size: products first, then on-demand terms, then reserved
 * ones (each product has eleven, most of them with one rate, some with two), as the file of EC2 is.
 *
 *   make_price_list BYTES > index.json
 *
 * Instance number n is of type t<n / 40>.large in one of 8 regions, one of 4 systems, one of which is plain Linux; its
 * price on demand is (n % 9000 + 1) / 10000 USD, so a test can look it up.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int64_t written;

#define PUT(...)                                                                                                       \
    do {                                                                                                               \
        int len_ = printf(__VA_ARGS__);                                                                                \
        if (len_ < 0)                                                                                                  \
            exit(1);                                                                                                   \
        written += len_;                                                                                               \
    } while (0)

static const char *const regions[] = {"us-east-1", "us-west-2",      "eu-west-1",      "eu-central-1",
                                      "sa-east-1", "ap-southeast-1", "ap-northeast-1", "ca-central-1"};
static const char *const systems[] = {"Linux", "Windows", "RHEL", "SUSE"};
static const char *const operations[] = {"RunInstances", "RunInstances:0002", "RunInstances:0010", "RunInstances:000g"};

static void put_sku(char to[17], int64_t n)
{
    static const char letters[] = "23456789ABCDEFGHJKMNPQRSTUVWXYZV";
    uint64_t h = (uint64_t)(n + 1) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 31;
    for (int i = 0; i < 12; i++)
        to[i] = letters[(h >> (5 * i)) & 31];
    for (int i = 0; i < 4; i++)
        to[12 + i] = letters[((uint64_t)n >> (5 * i)) & 31];
    to[16] = '\0';
}

static void put_product(int64_t n, int last)
{
    char sku[17];
    put_sku(sku, n);
    const char *os = systems[n / 8 % 4];
    PUT("    \"%s\" : {\n      \"sku\" : \"%s\",\n      \"productFamily\" : \"Compute Instance\",\n"
        "      \"attributes\" : {\n        \"servicecode\" : \"AmazonEC2\",\n        \"locationType\" : \"AWS "
        "Region\",\n"
        "        \"instanceType\" : \"t%" PRId64 ".large\",\n        \"currentGeneration\" : \"Yes\",\n"
        "        \"instanceFamily\" : \"General purpose\",\n        \"vcpu\" : \"2\",\n"
        "        \"physicalProcessor\" : \"Intel Xeon Platinum 8175\",\n        \"clockSpeed\" : \"3.1 GHz\",\n"
        "        \"memory\" : \"8 GiB\",\n        \"storage\" : \"EBS only\",\n"
        "        \"networkPerformance\" : \"Up to 10 Gigabit\",\n        \"processorArchitecture\" : \"64-bit\",\n"
        "        \"tenancy\" : \"%s\",\n        \"operatingSystem\" : \"%s\",\n"
        "        \"licenseModel\" : \"No License required\",\n        \"usagetype\" : \"BoxUsage:t%" PRId64
        ".large\",\n"
        "        \"operation\" : \"%s\",\n        \"capacitystatus\" : \"Used\",\n        \"preInstalledSw\" : "
        "\"NA\",\n"
        "        \"regionCode\" : \"%s\",\n        \"servicename\" : \"Amazon Elastic Compute Cloud\"\n      }\n    "
        "}%s\n",
        sku, sku, n / 40, n % 40 < 32 ? "Shared" : "Dedicated", os, n / 40, operations[n / 8 % 4], regions[n % 8],
        last ? "" : ",");
}

static void put_dimension(const char *sku, const char *term, const char *code, const char *unit, const char *price,
                          const char *behind)
{
    PUT("            \"%s.%s.%s\" : {\n              \"rateCode\" : \"%s.%s.%s\",\n"
        "              \"description\" : \"%s of an instance hour, or the sum paid for it\",\n"
        "              \"beginRange\" : \"0\",\n              \"endRange\" : \"Inf\",\n              \"unit\" : "
        "\"%s\",\n"
        "              \"appliesTo\" : [ ],\n              \"pricePerUnit\" : {\n                \"USD\" : \"%s\"\n"
        "              }\n            }%s\n",
        sku, term, code, sku, term, code, price, unit, price, behind);
}

static void put_term_head(const char *sku, const char *term)
{
    PUT("        \"%s.%s\" : {\n          \"offerTermCode\" : \"%s\",\n          \"sku\" : \"%s\",\n"
        "          \"effectiveDate\" : \"2024-05-01T00:00:00Z\",\n          \"priceDimensions\" : {\n",
        sku, term, term, sku);
}

static void put_on_demand(int64_t n, int last)
{
    char sku[17];
    char price[40];
    put_sku(sku, n);
    snprintf(price, sizeof(price), "0.%04" PRId64 "000000", n % 9000 + 1);
    PUT("      \"%s\" : {\n", sku);
    put_term_head(sku, "JRTCKXETXF");
    put_dimension(sku, "JRTCKXETXF", "6YS6EN2CT7", "Hrs", price, "");
    PUT("          },\n          \"termAttributes\" : { }\n        }\n      }%s\n", last ? "" : ",");
}

static const struct {
    const char *code, *lease, *class, *payment;
    int upfront;
} terms[] = {
    {"4NA7Y494T4", "1yr", "standard", "No Upfront", 0},
    {"HU7G6KETJZ", "1yr", "standard", "Partial Upfront", 1},
    {"6QCMYABX3D", "1yr", "standard", "All Upfront", 1},
    {"BPH4J8HBKS", "3yr", "standard", "No Upfront", 0},
    {"38NPMPTW36", "3yr", "standard", "Partial Upfront", 1},
    {"NQ3QZPMQV9", "3yr", "standard", "All Upfront", 1},
    {"7NE97W5U4E", "1yr", "convertible", "No Upfront", 0},
    {"CUZHX8X6JH", "1yr", "convertible", "Partial Upfront", 1},
    {"VJWZNREJX2", "1yr", "convertible", "All Upfront", 1},
    {"Z2E3P23VKM", "3yr", "convertible", "No Upfront", 0},
    {"R5XV2EPZQZ", "3yr", "convertible", "Partial Upfront", 1},
};

static void put_reserved(int64_t n, int last)
{
    char sku[17];
    put_sku(sku, n);
    PUT("      \"%s\" : {\n", sku);
    size_t count = sizeof(terms) / sizeof(*terms);
    for (size_t i = 0; i < count; i++) {
        put_term_head(sku, terms[i].code);
        put_dimension(sku, terms[i].code, "6YS6EN2CT7", "Hrs", "0.0290000000", terms[i].upfront ? "," : "");
        if (terms[i].upfront)
            put_dimension(sku, terms[i].code, "2TG2D8R56U", "Quantity", "254", "");
        PUT("          },\n          \"termAttributes\" : {\n            \"LeaseContractLength\" : \"%s\",\n"
            "            \"OfferingClass\" : \"%s\",\n            \"PurchaseOption\" : \"%s\"\n          }\n        "
            "}%s\n",
            terms[i].lease, terms[i].class, terms[i].payment, i + 1 < count ? "," : "");
    }
    PUT("      }%s\n", last ? "" : ",");
}

int main(int argc, char **argv)
{
    int64_t bytes = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
    if (bytes <= 0) {
        fputs("usage: make_price_list BYTES > index.json\n", stderr);
        return 2;
    }
    PUT("{\n  \"formatVersion\" : \"v1.0\",\n  \"disclaimer\" : \"made up, for tests\",\n  \"offerCode\" : "
        "\"AmazonEC2\",\n"
        "  \"version\" : \"20240501203045\",\n  \"publicationDate\" : \"2024-05-01T20:30:45Z\",\n  \"products\" : {\n");
    int64_t count = bytes / 14200 + 1; /* bytes that one product and its terms take, about */
    for (int64_t n = 0; n < count; n++)
        put_product(n, n + 1 == count);
    PUT("  },\n  \"terms\" : {\n    \"OnDemand\" : {\n");
    for (int64_t n = 0; n < count; n++)
        put_on_demand(n, n + 1 == count);
    PUT("    },\n    \"Reserved\" : {\n");
    for (int64_t n = 0; n < count; n++)
        put_reserved(n, n + 1 == count);
    PUT("    }\n  },\n  \"attributesList\" : { }\n}\n");
    fprintf(stderr, "%" PRId64 " bytes, %" PRId64 " products\n", written, count);
    return fflush(stdout) != 0;
}
