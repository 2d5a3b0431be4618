/* Resources, Savings Plans and their rates as anyone may write them: read, billed, the sums checked. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "billing/bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "resource,kind,quantity,unit,region,start,end,usd\nvol,volume,2000,GB,r,2018-09-01,2018-09-01T12:00:00Z,0.09394\n",
    "resource,kind,start,end\nip,address,2024-01-31,2024-02-02\nj,ci-minute,2024-01-31,2024-01-31T00:17:01Z\n",
    "account,plan,family,region,hourly_usd,start,end\nA,ec2-instance,m4,us-east-1,0.05,2018-08-01,2018-08-02\n"
    ",compute,,,0.01,2018-08-01T01:30:00Z,2018-08-01T03:00:00Z\n",
    "type,region,os,effective,usd_per_hour,plan\nm4.large,us-east-1,linux,2017-01-01,0.07,\n"
    "t2.micro,us-east-1,linux,2018-08-01T02:00:00Z,0.01,compute\n",
    NULL,
};

static const char usage_text[] = "account,instance,type,region,start,end\n"
                                 "A,i,m4.large,us-east-1,2018-08-01T00:10:00Z,2018-08-01T04:20:00Z\n"
                                 "B,j,t2.micro,us-east-1,2018-08-01T01:10:00Z,2018-08-01T05:00:00Z\n";
static const char plans_text[] = "account,plan,hourly_usd,start,end\nA,compute,0.03,2018-08-01,2018-08-02\n";
static const char rates_text[] = "type,region,effective,usd_per_hour\nm4.large,us-east-1,2017-01-01,0.07\n";

static void bill_with(struct names *names, const struct resources *resources, const struct plans *plans,
                      const struct plan_rates *rates)
{
    struct usage usage;
    struct catalog *catalog;
    struct bill bill;
    struct err err;
    int code = usage_open_text(&usage, names, "usage", usage_text, strlen(usage_text), NULL, NULL, &err);
    assert(!code);
    code = catalog_builtin(&catalog, &err);
    assert(!code);
    const struct bill_input in = {.names = names,
                                  .usage = &usage,
                                  .resources = resources,
                                  .plans = plans,
                                  .plan_rates = rates,
                                  .catalog = catalog,
                                  .free_tier = {true, 1530000000}};
    if (!bill_make(&bill, &in, NULL, &err)) {
        for (size_t i = 0; i < bill.plan_count; i++)
            assert(bill.plans[i].used_usd + bill.plans[i].unused_usd == bill.plans[i].committed_usd);
        bill_release(&bill);
    }
    catalog_free(catalog);
    usage_release(&usage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct names *names = names_new();
    const char *text = (const char *)data;
    struct resources resources = {0};
    struct plans plans = {0};
    struct plan_rates rates = {0};
    struct err err;
    if (!resources_open_text(&resources, names, "fuzz", text, size, NULL, NULL, &err))
        bill_with(names, &resources, NULL, &rates);
    if (!plans_open_text(&plans, names, "fuzz", text, size, NULL, &err)) {
        int code = plan_rates_open_text(&rates, names, "rates", rates_text, strlen(rates_text), NULL, &err);
        assert(!code);
        bill_with(names, NULL, &plans, &rates);
        plan_rates_release(&rates);
    }
    plans_release(&plans);
    if (!plan_rates_open_text(&rates, names, "fuzz", text, size, NULL, &err)) {
        int code = plans_open_text(&plans, names, "plans", plans_text, strlen(plans_text), NULL, &err);
        assert(!code);
        bill_with(names, NULL, &plans, &rates);
    }
    plans_release(&plans);
    plan_rates_release(&rates);
    resources_release(&resources);
    names_free(names);
    return 0;
}
