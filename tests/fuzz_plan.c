/* Savings Plans and what they pay, as anyone may write them (a form feed between the two files), over fixed usage:
 * hours stay what was metered, a commitment is used or unused, and a plan that pays less than the price never makes the
 * whole dearer than its commitment. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "billing/bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "account,plan,family,region,hourly_usd,start,end\n,compute,,,0.15,2022-01-01,2023-01-01\n"
    ",ec2-instance,m4,r,0.02,2022-02-01T00:30:00Z,2022-02-01T05:59:59Z\n"
    "\ftype,region,os,effective,usd_per_hour,plan\nm4.large,r,linux,2010-01-01,0.06,compute\n"
    "m4.large,r,linux,2010-01-01,0.05,ec2-instance\nm4.xlarge,r,linux,2010-01-01,0.12,\n",
    "plan,hourly_usd,start,end\ncompute,1000,0001-01-01,9999-12-31\n\ftype,region,os,effective,usd_per_hour\n"
    "m4.xlarge,r,linux,2022-02-01T02:00:00Z,0.0000000001\n",
    "plan,hourly_usd,start,end\n\ftype,region,effective,usd_per_hour\n",
    NULL,
};

static const char usage_text[] = "instance,type,region,zone,start,end\n"
                                 "a,m4.large,r,z,2022-02-01T00:15:00Z,2022-02-01T09:00:01Z\n"
                                 "b,m4.xlarge,r,z,2022-02-01T01:00:00Z,2022-02-01T03:30:00Z\n"
                                 "a,m4.large,r,z,2022-02-01T09:30:00Z,2022-02-01T09:30:20Z\n";
static const char catalog_text[] = "type,region,effective,usd_per_hour\nm4.large,r,2010-01-01,0.1\n"
                                   "m4.xlarge,r,2010-01-01,0.2\n";

static int128 units_of(const struct bill *bill)
{
    int128 sum = 0; /* scaled: lines have denominators that divide this one */
    const int128 scale = (int128)1 << 40;
    for (size_t i = 0; i < bill->count; i++)
        if (*bill->lines[i].instance)
            sum += bill->lines[i].hours_numerator * scale / bill->lines[i].hours_denominator;
    return sum;
}

static void look_at(const struct bill *bill)
{
    const int128 metered = ((int128)1 << 40) * (9 * 3600 - 900 + 1 + 9000 + 60) / 3600;
    int128 units = units_of(bill);
    for (size_t i = 0; i < bill->plan_count; i++) {
        const struct bill_plan *p = &bill->plans[i];
        assert(p->used_usd >= 0 && p->unused_usd >= 0 && p->used_usd + p->unused_usd == p->committed_usd);
    }
    assert(bill->by_kind_usd[BILL_ON_DEMAND] >= 0 && bill->by_kind_usd[BILL_SAVINGS_PLAN] >= 0);
    /* Parts of seconds that plans leave are rounded down line by line. */
    assert(units <= metered && units >= metered - ((int128)bill->count << 40) / 3600);
}

static void bill_with(struct names *names, const struct plans *plans, const struct plan_rates *rates)
{
    struct catalog *catalog;
    struct usage usage;
    struct bill bill;
    struct err err;
    int code = catalog_open_text(&catalog, "catalog", catalog_text, strlen(catalog_text), NULL, &err);
    assert(code == 0);
    code = usage_open_text(&usage, names, "usage", usage_text, strlen(usage_text), NULL, NULL, &err);
    assert(code == 0);
    struct bill_input in = {.names = names,
                            .usage = &usage,
                            .plans = plans,
                            .plan_rates = rates,
                            .catalog = catalog,
                            .regime = CHOOSE_SECOND};
    code = bill_make(&bill, &in, NULL, &err);
    assert(code == 0 || code == EXIT_INPUT);
    if (!code) {
        look_at(&bill);
        bill_release(&bill);
    }
    usage_release(&usage);
    catalog_free(catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *cut = size ? memchr(text, '\f', size) : NULL;
    size_t first = cut ? (size_t)(cut - text) : size;
    struct names *names = names_new();
    struct plans plans;
    struct plan_rates rates;
    struct err err;
    if (!plans_open_text(&plans, names, "plans", text, first, NULL, &err)) {
        const char *rest = cut ? cut + 1 : "";
        size_t left = cut ? size - first - 1 : 0;
        if (!plan_rates_open_text(&rates, names, "rates", rest, left, NULL, &err)) {
            bill_with(names, &plans, &rates);
            plan_rates_release(&rates);
        }
        plans_release(&plans);
    }
    names_free(names);
    return 0;
}
