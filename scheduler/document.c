#include "scheduler/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

cJSON *document_new(void)
{
    cJSON *doc = cJSON_CreateObject();
    if (!doc)
        mem_die(sizeof(cJSON));
    return doc;
}

void document_text(cJSON *doc, struct str *to)
{
    char *text = cJSON_PrintUnformatted(doc);
    if (!text)
        mem_die(0);
    str_add(to, text);
    free(text);
    cJSON_Delete(doc);
}

int document_parse(cJSON **out, const char *what, const char *text, struct err *err)
{
    *out = cJSON_Parse(text);
    if (*out && cJSON_IsObject(*out)) {
        int64_t schema = document_i64(*out, "schema");
        if (schema <= DOCUMENT_SCHEMA)
            return 0;
        cJSON_Delete(*out);
        *out = NULL;
        return err_set(err, EXIT_INPUT,
                       "the state store's %s was written by a later version of the program (schema %lld, this one "
                       "knows %d); use that one",
                       what, (long long)schema, DOCUMENT_SCHEMA);
    }
    cJSON_Delete(*out);
    *out = NULL;
    return err_set(err, EXIT_FAILED, "the state store holds a damaged %s", what);
}

const char *document_get(const cJSON *doc, const char *name)
{
    return json_member(doc, name, "");
}

int64_t document_i64(const cJSON *doc, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, name);
    return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : 0;
}
