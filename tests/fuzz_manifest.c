/* Manifests of cost reports as anyone may write them: each file that is handed out is there, and what is not here is
 * named. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "billing/cost_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "{\"assemblyId\": \"a\", \"compression\": \"GZIP\", \"reportKeys\": [\"p/r/20180801-20180901/a/fuzz_manifest.c\"]}",
    "{\"dataFiles\": [\"s3://bucket/prefix/fuzz.c\", \"/tests/fuzz.h\"]}",
    "{\"reportKeys\": [\"../../../../../../../etc/none\", \"s3://bucket\", 7, null, {}]}",
    "{\"reportKeys\": {}}",
    NULL,
};

static int take(void *context, const char *file, struct err *err)
{
    size_t *count = context;
    (void)err;
    assert(access(file, R_OK) == 0);
    ++*count;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t count = 0;
    int code = cost_manifest_parse("tests/m.json", (const char *)data, size, take, &count, &err);
    assert(code == 0 || code == EXIT_INPUT);
    assert(code == 0 || *err.text);
    return 0;
}
