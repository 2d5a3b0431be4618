/* AWS's price lists, JSON and CSV: every field, both rates of a reserved term, tiers, index files, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "billing/price_list.h"
#include "billing/product.h"
#include "tests/support_prices.h"

#define LINUX                                                                                                          \
    "product|JG5TAV9UXXEU3Q7B|Compute Instance|m5.large||US East (N. Virginia)|AWS Region|Linux|Shared|NA|No License " \
    "required|Used|OnDemand|BoxUsage:m5.large|RunInstances\n"
#define WINDOWS                                                                                                        \
    "product|7W6DNQ55YG9FCPXZ|Compute Instance|m5.large|eu-west-1|EU (Ireland)|AWS Region|Windows|Shared|NA|No "       \
    "License required|Used||EU-BoxUsage:m5.large|RunInstances:0002\n"
#define DEDICATED                                                                                                      \
    "product|DEDICATEDAAAAAAA|Compute Instance|m5.large|us-east-1|US East (N. Virginia)|AWS "                          \
    "Region|Linux|Dedicated|NA|No License required|Used||DedicatedUsage:m5.large|RunInstances\n"
#define TRANSFER "product|TRANSFERBBBBBBBB|Data Transfer||us-east-1|||||||||DataTransfer-Out-Bytes|\n"
#define RATES                                                                                                          \
    "rate|JG5TAV9UXXEU3Q7B|OnDemand|JRTCKXETXF|6YS6EN2CT7|Hrs|0|Inf||||2024-05-01T00:00:00Z|0.0960000000\n"            \
    "rate|7W6DNQ55YG9FCPXZ|OnDemand|JRTCKXETXF|6YS6EN2CT7|Hrs|0|Inf||||2024-05-01T00:00:00Z|0.1990000000\n"            \
    "rate|DEDICATEDAAAAAAA|OnDemand|JRTCKXETXF|6YS6EN2CT7|Hrs|0|Inf||||2024-05-01T00:00:00Z|0.1060000000\n"            \
    "rate|TRANSFERBBBBBBBB|OnDemand|JRTCKXETXF|3YQ8YZBDFE|GB|0|10240||||2024-05-01T00:00:00Z|0.0900000000\n"           \
    "rate|TRANSFERBBBBBBBB|OnDemand|JRTCKXETXF|5GQ8YZBDFF|GB|10240|Inf||||2024-05-01T00:00:00Z|0.0850000000|rounded\n" \
    "rate|JG5TAV9UXXEU3Q7B|Reserved|4NA7Y494T4|6YS6EN2CT7|Hrs|0|Inf|1yr|No Upfront|standard|2024-05-01T00:00:00Z|"     \
    "0.0600000000\n"                                                                                                   \
    "rate|JG5TAV9UXXEU3Q7B|Reserved|HU7G6KETJZ|6YS6EN2CT7|Hrs|0|Inf|1yr|Partial Upfront|standard|"                     \
    "2024-05-01T00:00:00Z|0.0290000000\n"                                                                              \
    "rate|JG5TAV9UXXEU3Q7B|Reserved|HU7G6KETJZ|2TG2D8R56U|Quantity|||1yr|Partial Upfront|standard|"                    \
    "2024-05-01T00:00:00Z|254.0000000000\n"

static void json(void **state)
{
    (void)state;
    struct str got;
    str_init(&got, 0);
    price_list_events(&got, "index.json", price_list_json);
    assert_string_equal(got.text, LINUX WINDOWS DEDICATED TRANSFER RATES
                        "AmazonEC2 20240501203045 2024-05-01T20:30:45Z: 4 products, 8 rates, 0 links\n");
    str_release(&got);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of text, sorted, each once. */
static void sorted(struct str *to, const char *text)
{
    char *lines[64] = {0};
    size_t count = 0;
    char *copy = strdup(text);
    for (char *at = copy, *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        assert_true(count < 64);
        lines[count++] = at;
    }
    qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++)
        if (!i || strcmp(lines[i], lines[i - 1]) != 0)
            str_addf(to, "%s\n", lines[i]);
    free(copy);
}

/* The CSV tells the same, in the order of its rows. */
static void csv(void **state)
{
    (void)state;
    struct str events;
    struct str got;
    struct str expected;
    str_init(&events, 0);
    str_init(&got, 0);
    str_init(&expected, 0);
    price_list_events(&events, "index.csv", price_list_csv);
    sorted(&got, events.text);
    sorted(&expected, LINUX WINDOWS DEDICATED TRANSFER RATES
           "AmazonEC2 20240501203045 2024-05-01T20:30:45Z: 5 products, 8 rates, 0 links\n");
    assert_string_equal(got.text, expected.text);
    str_release(&events);
    str_release(&got);
    str_release(&expected);
}

/* Terms before products, attributes of the term behind its rates, two currencies, a rate code without a member. */
static void other_orders(void **state)
{
    (void)state;
    static const char text[] =
        "{\"terms\":{\"Reserved\":{\"S1\":{\"S1.T\":{\"priceDimensions\":{\"S1.T.D\":{\"pricePerUnit\":{\"CNY\":\"9\","
        "\"USD\":"
        "\"1.5\"},\"unit\":\"Hrs\"},\"S1.T.E\":{\"pricePerUnit\":{\"CNY\":\"3\"},\"unit\":\"Hrs\"},"
        "\"S1.T.F\":{\"pricePerUnit\":{\"USD\":\"2\",\"CNY\":\"8\"},\"unit\":\"Hrs\"}},\"effectiveDate\":"
        "\"2024-05-01T00:00:00Z\",\"offerTermCode\":\"T\",\"termAttributes\":{\"LeaseContractLength\":\"3yr\","
        "\"PurchaseOption\":\"All "
        "Upfront\",\"OfferingClass\":\"convertible\"}}}}},\"products\":{\"S1\":{\"attributes\":"
        "{\"Instance Type\":\"t3.micro\",\"instancetype\":\"t3.nano\"}}},\"offerCode\":\"X\"}";
    struct str got;
    str_init(&got, 0);
    price_list_events(&got, "t.json", text);
    assert_string_equal(got.text,
                        "rate|S1|Reserved|T|D|Hrs|||3yr|All Upfront|convertible|2024-05-01T00:00:00Z|1.5000000000\n"
                        "rate|S1|Reserved|T|F|Hrs|||3yr|All Upfront|convertible|2024-05-01T00:00:00Z|2.0000000000\n"
                        "product|S1||t3.nano|||||||||||\n"
                        "X  : 1 products, 2 rates, 0 links\n");
    str_release(&got);
}

static void index_files(void **state)
{
    (void)state;
    static const char text[] =
        "{\"formatVersion\":\"v1.0\",\"publicationDate\":\"2024-05-01T20:30:45Z\",\"offers\":{\"AmazonEC2\":{"
        "\"offerCode\":"
        "\"AmazonEC2\",\"versionIndexUrl\":\"/offers/v1.0/aws/AmazonEC2/index.json\",\"currentVersionUrl\":"
        "\"/offers/v1.0/aws/AmazonEC2/current/index.json\"}},\"regions\":{\"us-east-1\":{\"regionCode\":\"us-east-1\","
        "\"currentVersionUrl\":\"/offers/v1.0/aws/AmazonEC2/20240501203045/us-east-1/index.json\"}},\"versions\":{"
        "\"20240501203045\":{\"versionEffectiveBeginDate\":\"2024-05-01T00:00:00Z\",\"offerVersionUrl\":"
        "\"/offers/v1.0/aws/AmazonEC2/20240501203045/index.json\"}}}";
    struct str got;
    str_init(&got, 0);
    price_list_events(&got, "index.json", text);
    assert_string_equal(got.text, "link|0|AmazonEC2|/offers/v1.0/aws/AmazonEC2/current/index.json\n"
                                  "link|1|us-east-1|/offers/v1.0/aws/AmazonEC2/20240501203045/us-east-1/index.json\n"
                                  "link|2|20240501203045|/offers/v1.0/aws/AmazonEC2/20240501203045/index.json\n"
                                  "  2024-05-01T20:30:45Z: 0 products, 0 rates, 3 links\n");
    str_release(&got);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t: is empty"},
        {"type,region\n", "t:1:1: is no AWS price list"},
        {"{\"a\":1}", "t: is JSON, but no AWS price list"},
        {"{\"terms\":{\"savingsPlan\":[{\"sku\":\"S\"}]}}", "t: is a list of Savings Plans"},
        {"{\"products\":{", "t:1: is no JSON"},
        {"\"FormatVersion\",\"v1.0\"\n", "t: has no header: no line begins with \"SKU\""},
        {"\"FormatVersion\",\"v1.0\"\nSKU,TermType\n", "t:2:1: the header has no column for \"offertermcode\""},
        {"\"FormatVersion\",\"v1.0\"\nSKU,OfferTermCode,RateCode,TermType,EffectiveDate,PricePerUnit,Currency\na,b\n",
         "t:3:1: 2 fields where the header has 7 columns"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct price_list_sink sink = {0};
        struct price_list_stats stats;
        struct diag diag = {0};
        struct err err = {0};
        struct source *source;
        assert_int_equal(source_open_text(&source, "t", cases[i].text, strlen(cases[i].text), &err), 0);
        assert_int_equal(price_list_read(source, &sink, &diag, &stats, &err), EXIT_INPUT);
        if (strncmp(err.text, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s", cases[i].text, err.text);
        source_close(source);
    }
}

/* Bad rates are reported each by itself and left out; another currency is counted. */
static void bad_rates(void **state)
{
    (void)state;
    static const char text[] = "FormatVersion,v1.0\n"
                               "SKU,OfferTermCode,RateCode,TermType,EffectiveDate,PricePerUnit,Currency\n"
                               "S,T,S.T.A,OnDemand,2024-05-01,0.1,USD\n"
                               "S,T,S.T.B,OnDemand,someday,0.1,USD\n"
                               "S,T,S.T.C,OnDemand,2024-05-01,free,USD\n"
                               "S,T,S.T.D,OnDemand,2024-05-01,-1,USD\n"
                               "S,,S.T.E,OnDemand,2024-05-01,1,USD\n"
                               "S,T,S.T.F,OnDemand,2024-05-01,0.1,CNY\n";
    const struct price_list_sink sink = {0};
    struct price_list_stats stats;
    char *messages = NULL;
    size_t len = 0;
    struct diag diag = {.out = open_memstream(&messages, &len)};
    struct err err = {0};
    struct source *source;
    assert_int_equal(source_open_text(&source, "t", text, sizeof(text) - 1, &err), 0);
    assert_int_equal(price_list_read(source, &sink, &diag, &stats, &err), 0);
    fclose(diag.out);
    assert_string_equal(messages,
                        "t:4: the rate S.T.B: \"someday\" is no UTC time; write 2015-08-01T12:00:00Z or 2015-08-01\n"
                        "t:5: the rate S.T.C: its price is no amount in USD\n"
                        "t:6: the rate S.T.D: its price is no amount in USD\n"
                        "t:7: the rate S..E: has no SKU, offer term or rate code\n");
    assert_int_equal(stats.rates, 1);
    assert_int_equal(stats.other_currency, 1);
    source_close(source);
    free(messages);
}

static void which_products_are_plain(void **state)
{
    (void)state;
    static const struct {
        enum product_field field;
        const char *value;
        bool plain;
    } cases[] = {
        {PRODUCT_SKU, "S", true},
        {PRODUCT_FAMILY, "Compute Instance (bare metal)", true},
        {PRODUCT_FAMILY, "Dedicated Host", false},
        {PRODUCT_TYPE, "", false},
        {PRODUCT_TENANCY, "Dedicated", false},
        {PRODUCT_TENANCY, "", true},
        {PRODUCT_SOFTWARE, "SQL Web", false},
        {PRODUCT_SOFTWARE, "NA", true},
        {PRODUCT_CAPACITY, "UnusedCapacityReservation", false},
        {PRODUCT_MARKET, "CapacityBlock", false},
        {PRODUCT_LICENSE, "Bring your own license", false},
        {PRODUCT_LOCATION_TYPE, "AWS Outposts", false},
        {PRODUCT_USAGE_TYPE, "EU-BoxUsage", true},
        {PRODUCT_USAGE_TYPE, "UnusedBox:m5.large", false},
        {PRODUCT_USAGE_TYPE, "UnusedBoxUsage:m5.large", false},
        {PRODUCT_USAGE_TYPE, "DedicatedUsage:m5.large", false},
        {PRODUCT_REGION, "", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct price_list_product p = {{[PRODUCT_SKU] = "S",
                                        [PRODUCT_FAMILY] = "Compute Instance",
                                        [PRODUCT_TYPE] = "m5.large",
                                        [PRODUCT_REGION] = "us-east-1",
                                        [PRODUCT_LOCATION] = "",
                                        [PRODUCT_LOCATION_TYPE] = "AWS Region",
                                        [PRODUCT_OS] = "Linux",
                                        [PRODUCT_TENANCY] = "Shared",
                                        [PRODUCT_SOFTWARE] = "NA",
                                        [PRODUCT_LICENSE] = "No License required",
                                        [PRODUCT_CAPACITY] = "Used",
                                        [PRODUCT_MARKET] = "OnDemand",
                                        [PRODUCT_USAGE_TYPE] = "BoxUsage:m5.large",
                                        [PRODUCT_OPERATION] = "RunInstances"}};
        p.fields[cases[i].field] = cases[i].value;
        if (product_is_plain(&p) != cases[i].plain)
            fail_msg("case %zu: %s", i, cases[i].value);
    }
    struct price_list_product old = {{0}};
    old.fields[PRODUCT_REGION] = "";
    old.fields[PRODUCT_LOCATION] = "South America (Sao Paulo)";
    assert_string_equal(product_region(&old), "sa-east-1");
    char os[PRODUCT_OS_MAX];
    assert_string_equal(product_os("Red Hat Enterprise Linux with HA", os), "red-hat-enterprise-linux-with-ha");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json),
        cmocka_unit_test(csv),
        cmocka_unit_test(other_orders),
        cmocka_unit_test(index_files),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(bad_rates),
        cmocka_unit_test(which_products_are_plain),
    };
    return cmocka_run_group_tests_name("price_list", tests, NULL, NULL);
}
