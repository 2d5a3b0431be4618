/* Parts of an organisation: whatever the bytes, an organisation or a message; what was read is written and read back
 * the same, and adds up or says why not. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/organisation.h"
#include "tests/fuzz.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define KEY "\"key\":\"" A16 A16 A16 A16 "\","
#define HEAD(reserved)                                                                                                 \
    "{\"schema\":\"bakehour.organisation-part/1\",\"head\":{}," KEY "\"hourly\":true,\"delay\":false,\"shard\":0,"     \
    "\"shards\":2,\"services\":2,\"max_lead_s\":-1,\"max_usd\":\"-1\",\"reserved\":" reserved ",\"pool\":false,"       \
    "\"price\":\"670000000\",\"every\":0,\"idle\":1,\"policies\":[{\"trigger\":\"every\",\"keep\":\"terminate\"},"     \
    "{\"trigger\":\"idle\",\"keep\":\"terminate\"}],"
#define FIGURES "\"3 2 7200 5 1340000000 0 1340000000 100 4000 600 900 1\""
#define RECORDS RECORDS_OF(FIGURES)
#define RECORDS_OF(figures)                                                                                            \
    "\"records\":[{\"index\":1,\"service\":\"b\",\"source\":\"b.tsv\"," KEY "\"commits\":5,\"corrected\":0,"           \
    "\"first\":1700000000,\"last\":1700009000,\"from\":1700000000,\"to\":1700009000,\"shallow\":false,"                \
    "\"shares\":true,\"own_terms\":false,\"best\":1,\"figures\":[" figures "," figures "]}],"
#define MUCH                                                                                                           \
    "\"1099511627776 9223372036854775807 9223372036854775807 1099511627776 9223372036854775807 9223372036854775807 "   \
    "9223372036854775807 9223372036854775807 999999999999999999999999999999 1099511627776 1099511627776 1\""
#define MUCH_HOURS "{\"used\":\"9000000 4503599627370496*2000\",\"base\":\"9000100 4503599627370496*2000\"}"
#define HOURS      "{\"used\":\"472222 3600 0*3 7200\",\"base\":\"0\"}"

const char *const fuzz_seeds[] = {
    HEAD("1") RECORDS "\"hours\":[" HOURS "," HOURS "," HOURS "]}",
    HEAD("0") RECORDS "\"hours\":[]}",
    HEAD("1000000") RECORDS_OF(MUCH) "\"hours\":[" MUCH_HOURS "," MUCH_HOURS "," MUCH_HOURS "]}",
    HEAD("1") RECORDS_OF(
        "\"9223372036854775807 -9223372036854775808 1 1 -9223372036854775808 1 1 1 1 1 1 1\"") "\"hours\":[" HOURS
                                                                                               "," HOURS "," HOURS "]}",
    "{\"schema\":\"bakehour.organisation-part/1\"}",
    "[]",
    NULL,
};

/* In each form; what it says is the tests' business. */
static void report(const struct organisation *o)
{
    char *text = NULL;
    size_t len = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &len);
    for (int form = 0; form < 4; form++) {
        struct session session = {.out = out, .err = out, .program = "fuzz", .json = form == 1, .csv = form > 1};
        int code =
            organisation_report(o, "organisation", form == 2 ? ORG_POLICIES : ORG_SERVICES, true, &session, &err);
        assert(code == 0 || err.text[0]);
    }
    fclose(out);
    free(text);
}

/* With the same records at other places, where these are free. */
static void merge(struct organisation *o, struct organisation *more)
{
    struct err err = {0};
    struct org_total t;
    for (size_t i = 0; i + 1 < more->count; i++)
        if (!more->services[i].figures && more->services[i + 1].figures && !o->services[i].figures) {
            more->services[i] = more->services[i + 1];
            more->services[i + 1] = (struct org_service){0};
        }
    if (organisation_merge(o, more, "again", &err) == 0)
        for (size_t p = 0; p <= o->policies.count; p++)
            assert(organisation_total(o, p, &t, &err) == 0 || err.text[0]);
    else
        assert(err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct organisation o;
    struct err err = {0};
    int code = organisation_parse(&o, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || (code == EXIT_INPUT && err.text[0]));
    if (code) {
        for (int i = 0; i < 2; i++)
            assert(size != strlen(fuzz_seeds[i]) || memcmp(data, fuzz_seeds[i], size) != 0);
        return 0;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    organisation_write(&o, out);
    fclose(out);
    struct organisation again;
    assert(organisation_parse(&again, "again", text, len, &err) == 0);
    for (size_t p = 0; p <= o.policies.count; p++) {
        struct org_total t;
        struct org_total t_again;
        code = organisation_total(&o, p, &t, &err);
        assert(code == organisation_total(&again, p, &t_again, &err));
        assert(code || (t.money == t_again.money && t.covered_s == t_again.covered_s));
    }
    report(&o);
    merge(&o, &again);
    organisation_release(&again);
    organisation_release(&o);
    free(text);
    return 0;
}
