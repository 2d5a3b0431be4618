/* The parser of what git rev-list writes: independent of chunks, and either whole times or "garbled". */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "sim/history_private.h"

#define NOW_S INT64_C(1800000000)
#define SHA   "0123456789abcdef0123456789abcdef01234567"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "1700000300 " SHA "\n1700000200 " SHA "\n1700000100 " SHA "\n",
    "0 " SHA "\n1700000000 " SHA "0123456789abcdef01234567\n5 " SHA "\n",
    "18446744073709551615 " SHA "\n1900000000 " SHA "\n1800086400 " SHA "\n",
    "commit " SHA "\n",
    "",
    NULL,
};

static struct history_revs parse(const char *text, size_t size, uint64_t key, FILE *reports)
{
    struct history_revs revs = {.garbled = false};
    struct session session = {.now_s = NOW_S, .program = "fuzz", .err = reports};
    struct history_options options = {.from = INSTANT_MIN, .to = INSTANT_MAX};
    history_reading_begin(&revs.reading, &options, &session);
    revs.reading.name = "repo";
    struct history_lines lines = {.line = history_revs_line, .context = &revs};
    struct philox random = philox_stream(7, 0, key, 0);
    while (size) {
        size_t part = key ? 1 + (size_t)philox_below(&random, size) : size;
        char *chunk = mem_dup_n(text, part);
        history_lines_feed(&lines, chunk, part);
        free(chunk);
        text += part;
        size -= part;
    }
    history_lines_end(&lines);
    return revs;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines + (size && text[size - 1] != '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    if (!null)
        null = fopen("/dev/null", "w");
    assert(null);
    const char *text = (const char *)data;
    struct history_revs whole = parse(text, size, 0, null);
    struct history_revs parts = parse(text, size, 1 + size, null);
    assert(whole.garbled == parts.garbled && whole.reading.count == parts.reading.count);
    assert(whole.reading.diag.count == parts.reading.diag.count);
    for (size_t i = 0; i < whole.reading.count; i++) {
        assert(whole.reading.time_s[i] == parts.reading.time_s[i]);
        assert(whole.reading.time_s[i] >= 0 && whole.reading.time_s[i] <= NOW_S + 86400);
    }
    assert(whole.garbled || whole.reading.count + whole.reading.diag.count == count_lines(text, size));
    history_reading_release(&whole.reading);
    history_reading_release(&parts.reading);
    return 0;
}
