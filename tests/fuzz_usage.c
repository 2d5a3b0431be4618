/* Usage records as anyone may write them: billed under both regimes, with the bill's own sums checked. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    ("account,instance,type,region,zone,os,start,end\n"
     "A,i-1,t2.micro,us-east-1,us-east-1a,linux,2017-09-30T23:10:00Z,2017-10-02T01:00:07Z\n"
     "A,i-2,m4.large,eu-west-1,,linux,2016-11-30T22:00:00Z,2016-12-01T02:59:59Z\n"),
    "instance,type,region,start,end\r\n\"i,1\",t2.small,us-east-1,2015-08-01,2015-08-02\r\n",
    "instance,type,region,start,end\ni,t2.micro,us-east-1,0001-01-01,9999-12-31T23:59:59Z\n",
    "# none\ninstance,type,region,start,end\n",
    NULL,
};

static void bill_of(struct names *names, const struct usage *usage, enum regime_choice regime)
{
    struct catalog *catalog;
    struct bill bill;
    struct err err;
    int code = catalog_builtin(&catalog, &err);
    assert(code == 0);
    struct bill_input in = {.names = names, .usage = usage, .catalog = catalog, .regime = regime};
    code = bill_make(&bill, &in, NULL, &err);
    if (!code) {
        assert(bill.total_usd == bill.by_kind_usd[BILL_ON_DEMAND]);
        bill_release(&bill);
    }
    catalog_free(catalog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct names *names = names_new();
    struct usage usage;
    struct err err;
    if (!usage_open_text(&usage, names, "fuzz", (const char *)data, size, NULL, NULL, &err)) {
        bill_of(names, &usage, CHOOSE_AUTO);
        bill_of(names, &usage, CHOOSE_SECOND);
        usage_release(&usage);
    }
    names_free(names);
    return 0;
}
