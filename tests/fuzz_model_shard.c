/* Shards of simulate --model: whatever the bytes, a shard or a message; one that was read is written and read back. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim/des_report.h"
#include "tests/fuzz.h"

#define MODEL                                                                                                          \
    "\"{\\\"commits\\\": 100, \\\"arrivals\\\": {\\\"mean_gap_s\\\": 300}, \\\"batch\\\": {\\\"commits\\\": 8}, "      \
    "\\\"stages\\\": [{\\\"servers\\\": 3, \\\"steps\\\": [{\\\"seconds\\\": 60}]}]}\""
#define HEAD                                                                                                           \
    "{\"schema\":\"bakehour.model-shard/1\",\"file\":\"m.json\",\"model\":" MODEL                                      \
    ",\"history\":\"\",\"seed\":1,\"runs\":4,\"shard\":0,\"shards\":2,\"figures\":["
#define F5 "\"2 10 50\",\"0 0 0\",\"1 -3 9\",\"1 2 4\",\"2 4 8\""

const char *const fuzz_seeds[] = {
    HEAD F5 "," F5 "," F5 "," F5 "," F5 "," F5 ",\"2 4 8\"]}",
    HEAD "]}",
    "{\"schema\":\"bakehour.model-shard/1\"}",
    "[]",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct des_total t;
    struct err err = {0};
    int code = des_total_parse(&t, "fuzz", (const char *)data, size, &err);
    assert(code == 0 || (code == EXIT_INPUT && err.text[0]));
    static_assert(DES_FIGURES == 31, "the first seed has as many");
    if (code) {
        assert(size != strlen(fuzz_seeds[0]) || memcmp(data, fuzz_seeds[0], size) != 0);
        return 0;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    des_total_write(&t, out);
    fclose(out);
    struct des_total again;
    assert(des_total_parse(&again, "again", text, len, &err) == 0);
    assert(again.runs == t.runs && again.seed == t.seed && again.model.stage_count == t.model.stage_count);
    bool same = strcmp(again.text, t.text) == 0 && strcmp(again.history, t.history) == 0; /* else it was no UTF-8 */
    assert(!same || des_total_merge(&again, &t, "itself", &err) == 0);
    des_total_release(&again);
    des_total_release(&t);
    free(text);
    return 0;
}
