/* The reader for logs: what it finds does not depend on how the bytes arrive, and agrees with a plainer reading. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "sim/history_private.h"

#define NOW_S INT64_C(1800000000)

/* A first column, a blank line and a second column longer than what is kept of a line. */
#define FORTY(c)   c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define LONG_LINES FORTY("1111") "\n" FORTY("    ") "\n1\t" FORTY("2222") "\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_seeds[];

const char *const fuzz_seeds[] = {
    "#committer_unix\thash12\n1315268187\t89118e41a87f\t0\n1315293672\t1249945c15f3\t1\n",
    "\xEF\xBB\xBF# a comment\r\n0\r\n1\tx\r\n\r\n5\r\n4\t\t\t\r\n4",
    "1700000000000\n-5\n123.5\nabc\n\tx\n99999999999999999999\n1800086400\n1800086401\n",
    "10\n20\n20\n20\n15\n30\n1 2\n1,2\n   \n\t\t\n# 7\n",
    "0000000000000000000000000000000000000000000000000000000000000001\ttoo long?\n",
    LONG_LINES,
    "",
    NULL,
};

struct result {
    struct history_reading reading;
    char *reports;
    size_t reports_len;
};

/* Chunks of random sizes from a stream keyed by key; key 0: all at once. */
static struct result parse(const char *text, size_t size, uint64_t key)
{
    struct result r = {.reports = NULL};
    struct session session = {.now_s = NOW_S, .program = "fuzz"};
    struct history_options options = {.from = INSTANT_MIN, .to = INSTANT_MAX};
    session.err = open_memstream(&r.reports, &r.reports_len);
    assert(session.err);
    history_reading_begin(&r.reading, &options, &session);
    r.reading.name = "log";
    struct history_lines lines = {.line = history_log_line, .context = &r.reading};
    struct philox random = philox_stream(7, 0, key, 0);
    while (size) {
        size_t most = key % 3 == 1 ? 4 : size;
        size_t part = key ? 1 + (size_t)philox_below(&random, most < size ? most : size) : size;
        char *chunk = mem_dup_n(text, part); /* of its own, so that reading past it shows */
        history_lines_feed(&lines, chunk, part);
        free(chunk);
        text += part;
        size -= part;
    }
    history_lines_end(&lines);
    diag_close(&r.reading.diag);
    fclose(session.err);
    return r;
}

static void result_free(struct result *r)
{
    history_reading_release(&r->reading);
    free(r->reports);
}

static void assert_same(const struct result *a, const struct result *b)
{
    assert(a->reading.count == b->reading.count && a->reading.diag.count == b->reading.diag.count);
    for (size_t i = 0; i < a->reading.count; i++)
        assert(a->reading.time_s[i] == b->reading.time_s[i]);
    assert(a->reports_len == b->reports_len && memcmp(a->reports, b->reports, a->reports_len) == 0);
}

/* 1: a commit, 0: nothing, -1: bad; written without the reader's own functions. */
static int plain_line(const char *line, size_t len, int64_t *out)
{
    bool short_enough = len <= HISTORY_HEAD_MAX;
    if (len && line[len - 1] == '\r')
        len--;
    if (len && line[0] == '#')
        return 0;
    size_t spaces = 0;
    while (spaces < len && (line[spaces] == ' ' || line[spaces] == '\t'))
        spaces++;
    if (spaces == len && short_enough)
        return 0;
    if (memchr(line, '\0', len))
        return -1;
    size_t field = 0;
    while (field < len && line[field] != '\t')
        field++;
    size_t at = field && line[0] == '-';
    if (field > HISTORY_FIELD_MAX || at == field)
        return -1;
    long double value = 0;
    for (; at < field; at++) {
        if (line[at] < '0' || line[at] > '9')
            return -1;
        value = value * 10 + (line[at] - '0');
    }
    if ((line[0] == '-' && value > 0) || value > NOW_S + 86400)
        return -1;
    *out = (int64_t)value;
    return 1;
}

static void assert_plain(const struct result *r, const char *text, size_t size)
{
    size_t count = 0;
    size_t bad = 0;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        const char *end = memchr(text, '\n', size);
        if (size > HISTORY_HEAD_MAX && (!end || end - text >= HISTORY_HEAD_MAX))
            return; /* the mark shifts what is kept of a very long line */
        text += 3;
        size -= 3;
    }
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t len = end ? (size_t)(end - text) : size;
        int64_t t = 0;
        int kind = plain_line(text, len, &t);
        bad += kind < 0;
        if (kind > 0) {
            assert(count < r->reading.count && r->reading.time_s[count] == t);
            count++;
        }
        len += end != NULL;
        text += len;
        size -= len;
    }
    assert(count == r->reading.count && bad == r->reading.diag.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct result whole = parse(text, size, 0);
    for (uint64_t key = 1; key <= 2; key++) {
        struct result parts = parse(text, size, key + 3 * (uint64_t)size);
        assert_same(&whole, &parts);
        result_free(&parts);
    }
    assert_plain(&whole, text, size);
    result_free(&whole);
    return 0;
}
