/* Any bytes as a JSON document: parsed or refused with a position inside the text; what is printed parses again. */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

const char *const fuzz_seeds[] = {
    "{\"schema\": \"bakehour.plan/1\", \"policies\": [{\"cost_usd\": \"1.0000000000\", \"n\": 12}]}",
    "[1, -2.5e3, true, false, null, \"\\u00e9\\n\"]",
    "{\"a\": {\"a\": {\"a\": []}}} x",
    "[[[[[[[[[[[[[[[[[[[[",
    NULL,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    cJSON *document = json_parse("fuzz", (const char *)data, size, &err);
    if (!document) {
        assert(err.code == EXIT_INPUT && strncmp(err.text, "fuzz:", 5) == 0);
        size_t lines = 1;
        for (size_t i = 0; i < size; i++)
            lines += data[i] == '\n';
        unsigned long line = strtoul(err.text + 5, NULL, 10);
        assert(line >= 1 && line <= lines);
        return 0;
    }
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    json_print(document, out);
    fclose(out);
    cJSON *again = json_parse("fuzz", text, len, &err);
    assert(again);
    cJSON_Delete(again);
    free(text);
    /* The same bytes as a text value: whatever they are, the document is valid. */
    char *value = strndup((const char *)data, size);
    document = json_document("fuzz");
    json_text(document, "value", value);
    free(value);
    out = open_memstream(&text, &len);
    json_print(document, out);
    fclose(out);
    again = json_parse("fuzz", text, len, &err);
    assert(again);
    cJSON_Delete(again);
    free(text);
    return 0;
}
