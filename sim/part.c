#include "sim/part.h"

#include <string.h>

#define POLICIES_MAX 1000

void part_bad(struct part_reader *r, const char *what)
{
    if (!r->code)
        r->code = err_at(r->err, EXIT_INPUT, r->name, 0, 0, "\"%s\" is missing or wrong; is it %s?", what, r->kind);
}

const cJSON *part_get(const cJSON *from, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(from, name);
}

int64_t part_i64(struct part_reader *r, const cJSON *from, const char *name, int64_t low, int64_t high)
{
    const cJSON *item = part_get(from, name);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1e300;
    if (value < (double)low || value > (double)high || value != (double)(int64_t)value) {
        part_bad(r, name);
        return low;
    }
    return (int64_t)value;
}

bool part_bool(struct part_reader *r, const cJSON *from, const char *name)
{
    const cJSON *item = part_get(from, name);
    if (!cJSON_IsBool(item))
        part_bad(r, name);
    return cJSON_IsTrue(item);
}

const char *part_text(struct part_reader *r, const cJSON *from, const char *name, size_t max)
{
    const char *text = cJSON_GetStringValue(part_get(from, name));
    if (!text || !*text || strlen(text) > max) {
        part_bad(r, name);
        return "";
    }
    return text;
}

cJSON *part_head(struct part_reader *r, const cJSON *document, const char *schema)
{
    const char *said = cJSON_GetStringValue(part_get(document, "schema"));
    const cJSON *head = part_get(document, "head");
    if (!said || strcmp(said, schema) != 0)
        part_bad(r, "schema");
    if (!cJSON_IsObject(head))
        part_bad(r, "head");
    return r->code ? NULL : cJSON_Duplicate(head, true);
}

void part_policies(struct part_reader *r, const cJSON *array, int least, struct policy_list *out)
{
    int count = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    if (count < least || count > POLICIES_MAX) {
        part_bad(r, "policies");
        return;
    }
    for (const cJSON *item = array->child; item && !r->code; item = item->next) {
        struct err detail;
        struct policy policy = {0};
        if (policy_parse_trigger(part_text(r, item, "trigger", PART_TEXT_MAX), &policy.trigger, &detail))
            part_bad(r, "trigger");
        if (policy_parse_keep(part_text(r, item, "keep", PART_TEXT_MAX), &policy.keep, &detail))
            part_bad(r, "keep");
        policy_list_add(out, policy);
    }
}
