/* Reservations as anyone may write them, over fixed usage. Covered and on-demand are together what is
 * metered (the bill itself asserts that no reservation gives more than it has). */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "billing/bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "account,type,region,zone,os,count,model,upfront_usd,hourly_usd,start,end\n"
    ",m4.large,r,,linux,2,clock-hour,10,0.05,2017-09-01,2018-09-01\n"
    ",m4.xlarge,r,z,linux,1,clock-hour,0,0.1,2017-10-01T12:34:56Z,2017-10-02T07:08:09Z\n",
    "type,region,model,start,end\nm4.large,r,pool,2017-09-15,2017-10-15\nm4.xlarge,r,pool,2017-01-01,2018-01-01\n",
    "type,region,start,end\nm4.2xlarge,r,0001-01-01,9999-12-31T23:59:59Z\n",
    NULL,
};

static const char usage_text[] = "instance,type,region,zone,start,end\n"
                                 "a,m4.large,r,z,2017-10-01T20:15:00Z,2017-10-02T09:00:01Z\n"
                                 "b,m4.xlarge,r,z,2017-10-01T21:00:00Z,2017-10-02T03:30:00Z\n"
                                 "c,m4.large,r,y,2017-10-01T22:59:59Z,2017-10-01T23:00:09Z\n"
                                 "a,m4.large,r,z,2017-10-02T09:30:00Z,2017-10-02T09:30:20Z\n";
static const char catalog_text[] = "type,region,effective,usd_per_hour\nm4.large,r,2010-01-01,0.1\n"
                                   "m4.xlarge,r,2010-01-01,0.2\n";

static int128 units_of(const struct bill *bill, enum bill_kind a, enum bill_kind b)
{
    int128 sum = 0;
    for (size_t i = 0; i < bill->count; i++)
        if (bill->lines[i].kind == a || bill->lines[i].kind == b)
            sum += bill->lines[i].hours_numerator;
    return sum;
}

/* Covered and on-demand together; -1 where there is no bill. Reservations must not change it. */
static int128 bill_units(struct names *names, const struct usage *usage, const struct reservations *held)
{
    struct catalog *catalog;
    struct bill bill;
    struct err err;
    int code = catalog_open_text(&catalog, "catalog", catalog_text, strlen(catalog_text), NULL, &err);
    assert(code == 0);
    struct bill_input in = {.names = names, .usage = usage, .reservations = held, .catalog = catalog};
    code = bill_make(&bill, &in, NULL, &err);
    int128 units = -1;
    if (!code)
        units = units_of(&bill, BILL_ON_DEMAND, BILL_RESERVED);
    if (!code)
        bill_release(&bill);
    catalog_free(catalog);
    return units;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct names *names = names_new();
    struct reservations held;
    struct usage usage;
    struct err err;
    if (!reservations_open_text(&held, names, "fuzz", (const char *)data, size, NULL, &err)) {
        int code = usage_open_text(&usage, names, "usage", usage_text, strlen(usage_text), NULL, NULL, &err);
        assert(code == 0);
        int128 with = bill_units(names, &usage, &held);
        assert(with < 0 || with == bill_units(names, &usage, NULL));
        usage_release(&usage);
        reservations_release(&held);
    }
    names_free(names);
    return 0;
}
