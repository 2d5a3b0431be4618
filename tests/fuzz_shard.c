/* Shard files: whatever the bytes, a report or a message; a report writes itself and is read back the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mc_report.h"
#include "tests/fuzz.h"

#define HEAD                                                                                                           \
    "{\"schema\":\"bakehour.shard/1\",\"head\":{},\"hourly\":true,\"fails\":true,\"reserved\":false,\"delay\":true,"   \
    "\"corrected\":0,\"runs\":2,\"seed\":1,\"shard\":0,\"shards\":1,\"done\":2,\"policies\":["
#define F4            "\"1 2 4\",\"2 10 50\",\"0 0 0\",\"1 -3 9\","
#define F36           F4 F4 F4 F4 F4 F4 F4 F4 F4
#define FIGURES       "[" F36 "\"1 2 4\",\"1 2 4\"]" /* as many as MC_FIGURES */
#define MONTH(number) "{\"month\":" number ",\"figures\":[" F4 "\"1 2 4\",\"1 2 4\"]}"
#define POLICY(t, k)                                                                                                   \
    "{\"trigger\":\"" t "\",\"keep\":\"" k "\",\"figures\":" FIGURES ",\"months\":[" MONTH("5") "," MONTH("6") "]}"
#define PAIRS "\"pairs\":[" F4 F4 "\"1 2 4\"]}"

const char *const fuzz_seeds[] = {
    HEAD POLICY("window:900", "hour") "," POLICY("every", "terminate") "," POLICY("idle", "terminate") "]," PAIRS,
    HEAD "]," PAIRS,
    "{\"schema\":\"bakehour.shard/1\"}",
    "[]",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mc_report r;
    struct err err = {0};
    static_assert(MC_FIGURES == 38 && MC_MONTH_FIGURES == 6, "the seeds have as many");
    int code = mc_report_parse(&r, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || (code == EXIT_INPUT && err.text[0]));
    if (code) {
        assert(size != strlen(fuzz_seeds[0]) || memcmp(data, fuzz_seeds[0], size) != 0);
        return 0;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    mc_report_write(&r, out);
    fclose(out);
    struct mc_report again;
    assert(mc_report_parse(&again, "again", text, len, &err) == 0);
    assert(again.result.count == r.result.count && again.seed == r.seed);
    mc_report_release(&again);
    mc_report_release(&r);
    free(text);
    return 0;
}
