/* Lists of services: whatever the bytes, services with one history and a name each, or reports. */
#include <assert.h>
#include <string.h>

#include "sim/services.h"
#include "tests/fuzz.h"

const char *const fuzz_seeds[] = {
    "service,log,repo,branch,fleet,price\na,a.tsv,,,2,0.5\n,,b,main,,\n",
    "[{\"service\": \"a\", \"log\": \"a.tsv\", \"fleet\": 3, \"prepare\": null}, {\"repo\": \"b\"}]",
    "{\"services\": [{\"workload\": \"w.json\", \"bake\": \"5m\"}, 7]}",
    "# ours\na.tsv\nb/c.tsv.gz\r\n\n",
    "log,fleet,reserved,priec\n\"a\n.tsv\",x,1,2\n",
    "log\n\"",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct services s = {0};
    struct scenario_args given = {0};
    struct diag diag = {0};
    struct err err = {0};
    int code = services_add_text(&s, "fuzz", (const char *)data, size, &given, &diag, &err);
    assert(code == 0 || (code == EXIT_INPUT && err.text[0]));
    if (!code)
        code = services_finish(&s, &diag, &err);
    assert(code == 0 || (code == EXIT_INPUT && err.text[0]));
    for (size_t i = 0; i < s.count && !code; i++) {
        const struct scenario_args *a = &s.items[i].args;
        assert(s.items[i].name && *s.items[i].name && s.items[i].source && s.items[i].where && s.items[i].terms);
        assert(!!a->log + !!a->repo + !!a->workload == 1 && !a->reserved);
    }
    assert(code || (s.count && !diag.count));
    services_release(&s);
    return 0;
}
