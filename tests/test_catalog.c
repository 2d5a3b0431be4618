/* Catalogs, reserved offers, prices of resources, instance types: look-ups and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "billing/instance_type.h"
#include "billing/offers.h"
#include "billing/resource_price.h"
#include "tests/support_bill.h"

static void the_sample_by_date(void **state)
{
    (void)state;
    static const struct {
        const char *type, *region, *when, *price;
    } cases[] = {
        {"t2.micro", "us-east-1", "2015-08-01", "0.013"},  {"t2.micro", "us-east-1", "2016-11-30T23:59:59Z", "0.013"},
        {"t2.micro", "us-east-1", "2016-12-01", "0.012"},  {"t2.micro", "us-east-1", "2026-01-01", "0.0116"},
        {"t2.micro", "eu-west-1", "2017-10-26", "0.0126"}, {"m3.medium", "us-east-1", "2014-03-31", "0.113"},
        {"m3.medium", "us-east-1", "2014-04-01", "0.07"},  {"m4.large", "eu-west-1", "2016-02-01", "0.132"},
        {"m5.large", "us-east-1", "2018-01-01", "0.096"},  {"t3.micro", "us-east-1", "2018-08-21", "0.0104"},
        {"c5.large", "eu-west-1", "2018-01-01", "0.096"}};
    struct catalog *c;
    struct err err;
    assert_int_equal(catalog_builtin(&c, &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct catalog_price price;
        assert_int_equal(catalog_find(c, cases[i].type, cases[i].region, "linux", at(cases[i].when), &price, &err), 0);
        assert_int_equal(price.usd_per_hour, usd(cases[i].price));
    }
    assert_int_equal(catalog_next_change(c, "t2.micro", "us-east-1", "linux", at("2015-08-01")), at("2016-12-01"));
    assert_int_equal(catalog_next_change(c, "t2.micro", "us-east-1", "linux", at("2017-10-26")), INSTANT_MAX);
    assert_int_equal(catalog_next_change(c, "t2.micro", "mars", "linux", 0), INSTANT_MAX);
    catalog_free(c);
}

static void assert_not_found(const struct catalog *c, const char *type, const char *region, const char *os,
                             const char *when, const char *hint)
{
    struct catalog_price price;
    struct err err = {0};
    assert_int_equal(catalog_find(c, type, region, os, at(when), &price, &err), -1);
    assert_non_null(strstr(err.text, hint));
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    struct catalog *c;
    struct err err;
    assert_int_equal(catalog_builtin(&c, &err), 0);
    assert_not_found(c, "t2.mirco", "us-east-1", "linux", "2018-01-01", "did you mean t2.micro?");
    assert_not_found(c, "t2.micro", "us-west-9", "linux", "2018-01-01", "us-east-1 linux");
    assert_not_found(c, "t2.micro", "us-east-1", "windows", "2018-01-01", "us-east-1 linux");
    assert_not_found(c, "t2.micro", "us-east-1", "linux", "2010-01-01", "the first one is from 2014-07-06");
    catalog_free(c);
}

static int open_text(const char *text, struct err *err)
{
    struct catalog *c;
    int code = catalog_open_text(&c, "c.csv", text, strlen(text), NULL, err);
    if (!code)
        catalog_free(c);
    return code;
}

static void bad_catalogs_are_refused(void **state)
{
    (void)state;
#define HEAD "type,region,effective,usd_per_hour\n"
    static const struct {
        const char *text, *hint;
    } cases[] = {
        {"", "is empty"},
        {"type,region,usd_per_hour\n", "effective"},
        {HEAD "a,b,2015-01-01,-1\n", "1 bad place"},
        {HEAD "a,b,2015-01-01,free\nc,d,someday,1\n,b,2015-01-01,1\n", "3 bad places"},
        {HEAD "a,b,2015-01-01,1000001\n", "1 bad"},
        {HEAD "a,b,2015-01-01\n", "1 bad"},
        {HEAD "a,b,2015-01-01,1\na,b,2015-01-01,2\n", "1 bad"},
        {"type,region,os,effective,usd_per_hour\na,b,beos,2015-01-01,1\n", "1 bad"},
        {"{\"formatVersion\": \"v1.0\"}", "is JSON, but no AWS price list"},
        {"\xEF\xBB\xBF \n{}", "is JSON, but no AWS price list"},
        {"{\"products\": {}}", "has no on-demand prices of instances in USD"},
        {"\"FormatVersion\",\"v1.0\"\n\"Disclaimer\",\"...\"\n", "no line begins with \"SKU\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {0};
        assert_int_equal(open_text(cases[i].text, &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, cases[i].hint));
    }
    struct err err;
    assert_int_equal(open_text(HEAD, &err), 0);
    assert_int_equal(open_text("# a comment\n" HEAD "\"a\",b,2015-01-01,1\na,b,2015-01-01,1\n", &err), 0);
}

static void reserved_offers(void **state)
{
    (void)state;
    struct offers *o;
    struct err err;
    assert_int_equal(offers_builtin(&o, &err), 0);
    struct offer like = {
        .type = "m4.large", .region = "us-east-1", .os = "linux", .years = 1, .payment = PAYMENT_NO_UPFRONT};
    assert_int_equal(offers_find(o, &like, at("2016-01-01"))->hourly_usd, usd("0.087"));
    assert_int_equal(offers_find(o, &like, at("2018-01-01"))->hourly_usd, usd("0.062"));
    assert_null(offers_find(o, &like, at("2015-01-01")));
    like.payment = PAYMENT_ALL_UPFRONT; /* 8,760 x 0.058 */
    assert_int_equal(offers_find(o, &like, at("2018-01-01"))->upfront_usd, usd("508.08"));
    assert_int_equal(offers_count(o), 12);
    offers_free(o);
}

static void resources(void **state)
{
    (void)state;
    struct resource_price price;
    struct err err = {0};
    assert_int_equal(resource_price_find("snapshot", "us-east-1", at("2018-01-01"), &price, &err), 0);
    assert_int_equal(price.usd, usd("0.05"));
    assert_string_equal(price.unit, "GB-month");
    assert_int_equal(resource_price_find("public-ipv4", "eu-west-1", at("2024-01-31"), &price, &err), 0);
    assert_int_equal(price.usd, 0);
    assert_int_equal(resource_price_find("public-ipv4", "eu-west-1", at("2024-02-01"), &price, &err), 0);
    assert_int_equal(price.usd, usd("0.005"));
    assert_int_equal(resource_price_find("teapot", "eu-west-1", 0, &price, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "snapshot, volume, public-ipv4, fsr"));
}

static void instance_types(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        size_t family_len;
        int64_t factor4;
        bool flexible;
    } cases[] = {{"m4.xlarge", 2, 32, true},       {"t2.nano", 2, 1, true},         {"t2.micro", 2, 2, true},
                 {"m4.small", 2, 4, true},         {"m5.112xlarge", 2, 3584, true}, {"g4dn.xlarge", 4, 32, false},
                 {"inf1.24xlarge", 4, 768, false}, {"m5.metal", 8, 0, false},       {"custom", 6, 0, false},
                 {".large", 0, 16, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct instance_type t = instance_type_of(cases[i].type);
        assert_int_equal(t.family_len, cases[i].family_len);
        assert_int_equal(t.factor4, cases[i].factor4);
        assert_int_equal(t.flexible, cases[i].flexible);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_by_date),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(bad_catalogs_are_refused),
        cmocka_unit_test(reserved_offers),
        cmocka_unit_test(resources),
        cmocka_unit_test(instance_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
