/* Catalogs as anyone may write them: every price that was read is found again at its own date. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "billing/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    ("type,region,os,effective,usd_per_hour\nt2.micro,us-east-1,linux,2014-07-06,0.013\n"
     "t2.micro,us-east-1,linux,2016-12-01,0.012\nt2.micro,us-east-1,suse,2016-12-01,0.112\n"),
    "# mine\nusd_per_hour,effective,region,type\n.5,2015-08-01T12:00:00Z,r,\"a \"\"b\"\"\"\n",
    "\"FormatVersion\",\"v1.0\"\n",
    "{\"formatVersion\": \"v1.0\"}",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *c;
    struct err err;
    if (catalog_open_text(&c, "fuzz", (const char *)data, size, NULL, &err))
        return 0;
    for (size_t i = 0; i < catalog_count(c); i++) {
        const struct catalog_price *p = catalog_at(c, i);
        struct catalog_price found;
        int code = catalog_find(c, p->type, p->region, p->os, p->effective, &found, &err);
        assert(code == 0 && found.effective == p->effective && found.usd_per_hour == p->usd_per_hour);
        assert(catalog_next_change(c, p->type, p->region, p->os, p->effective) > p->effective);
        code = catalog_find(c, p->type, "nowhere else", p->os, p->effective, &found, &err);
        assert(code == -1);
    }
    catalog_free(c);
    return 0;
}
