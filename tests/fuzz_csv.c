/* Any bytes as a CSV file: the reader ends, keeps its promises, and what it read is the same after a rewrite. */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"

const char *const fuzz_seeds[] = {
    "a,b\n1,2\n",
    "\xEF\xBB\xBF# note\r\na,\"b\"\r\n\"x,\"\"y\"\"\",\"two\nlines\"\r\n",
    "a,b\n1\n1,2,3\n\"x\"y,2\n\"open,1\n",
    "a,b\n#,\n,#\n\"#\",\"\"\n",
    NULL,
};

/* Reads everything; writes good records to out (NULL: nowhere). Returns how many were good. */
static size_t read_all(const char *text, size_t len, FILE *out)
{
    struct err err = {0};
    struct csv *csv;
    if (csv_open_text(&csv, "fuzz", text, len, "a", &err)) {
        assert(err.code == EXIT_INPUT && err.text[0]);
        return 0;
    }
    size_t good = 0;
    size_t calls = 0;
    size_t line = 0;
    int got;
    if (out)
        fputs("a,b\n", out);
    while ((got = csv_next(csv, &err)) != 0) {
        calls++;
        assert(calls <= len); /* every call but the last takes at least a byte */
        assert(csv_line(csv) >= line);
        line = csv_line(csv);
        if (got < 0)
            continue;
        good++;
        const char *a = csv_field(csv, "a");
        const char *b = csv_field(csv, "b");
        assert(a && csv_column_at(csv, "a") >= 1 && csv_line_at(csv, "a") >= line);
        if (!out)
            continue;
        csv_write(out, a);
        fputc(',', out);
        csv_write(out, b ? b : "");
        fputc('\n', out);
    }
    csv_close(csv);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *once = NULL;
    char *twice = NULL;
    size_t once_len = 0;
    size_t twice_len = 0;
    FILE *out = open_memstream(&once, &once_len);
    size_t good = read_all((const char *)data, size, out);
    fclose(out);
    out = open_memstream(&twice, &twice_len);
    size_t again = read_all(once, once_len, out);
    fclose(out);
    assert(good == again);
    assert(once_len == twice_len && memcmp(once, twice, once_len) == 0);
    free(once);
    free(twice);
    return 0;
}
