#include "sim/dynamo_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define TTL_GRACE_S (2 * 86400)

struct dynamo_table *dynamo_table_new(const char *account, const char *region, const char *name)
{
    struct dynamo_table *t = mem_zero(1, sizeof *t);
    t->account = mem_dup(account);
    t->region = mem_dup(region);
    t->name = mem_dup(name);
    t->tags = cJSON_CreateArray();
    return t;
}

static void release(struct dynamo_item *item)
{
    cJSON_Delete(item->now);
    cJSON_Delete(item->before);
    cJSON_Delete(item->key);
}

void dynamo_table_free(struct dynamo_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        release(&t->items[i]);
    free(t->items);
    free(t->account);
    free(t->region);
    free(t->name);
    free(t->keys[0]);
    free(t->keys[1]);
    free(t->ttl);
    cJSON_Delete(t->tags);
    free(t);
}

const char *dynamo_table_check_key(const struct dynamo_table *t, const cJSON *item, bool only)
{
    int count = 0;
    for (int i = 0; t->keys[i]; i++, count++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(item, t->keys[i]);
        const char *type = dynamo_type(value);
        if (!value)
            return only ? "The provided key element does not match the schema"
                        : "One or more parameter values were invalid: Missing the key in the item";
        if (!type || type[1] || type[0] != t->types[i])
            return only ? "The provided key element does not match the schema"
                        : "One or more parameter values were invalid: Type mismatch for key";
        if (!*value->child->valuestring)
            return "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
                   "an empty string value.";
        if (strlen(value->child->valuestring) > (i == 0 ? 2048u : 1024u))
            return "One or more parameter values were invalid: Size of the key has exceeded its limit";
    }
    return only && cJSON_GetArraySize(item) != count ? "The provided key element does not match the schema" : NULL;
}

int dynamo_table_order(const struct dynamo_table *t, const cJSON *a, const cJSON *b)
{
    int order = 0;
    for (int i = 0; t->keys[i] && order == 0; i++)
        if (!dynamo_order(cJSON_GetObjectItemCaseSensitive(a, t->keys[i]),
                          cJSON_GetObjectItemCaseSensitive(b, t->keys[i]), &order))
            order = 0;
    return order;
}

size_t dynamo_table_find(const struct dynamo_table *t, const cJSON *key, bool *found)
{
    size_t low = 0, high = t->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = dynamo_table_order(t, t->items[middle].key, key);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const cJSON *dynamo_table_see(const struct dynamo_item *item, bool consistent, int64_t lag_ms, int64_t now_ms)
{
    return consistent || item->written_ms + lag_ms <= now_ms ? item->now : item->before;
}

const cJSON *dynamo_table_get(const struct dynamo_table *t, const cJSON *key)
{
    bool found;
    size_t at = dynamo_table_find(t, key, &found);
    return found ? t->items[at].now : NULL;
}

cJSON *dynamo_table_key(const struct dynamo_table *t, const cJSON *item)
{
    cJSON *key = cJSON_CreateObject();
    for (int i = 0; t->keys[i]; i++)
        cJSON_AddItemToObject(key, t->keys[i],
                              cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(item, t->keys[i]), true));
    return key;
}

static void write_at(struct dynamo_item *item, cJSON *now, int64_t now_ms)
{
    cJSON_Delete(item->before);
    item->before = item->now;
    item->now = now;
    item->written_ms = now_ms;
}

void dynamo_table_put(struct dynamo_table *t, cJSON *item, int64_t now_ms)
{
    bool found;
    size_t at = dynamo_table_find(t, item, &found);
    if (!found) {
        t->items = mem_grow(t->items, &t->cap, t->count + 1, sizeof *t->items);
        memmove(t->items + at + 1, t->items + at, (t->count - at) * sizeof *t->items);
        t->items[at] = (struct dynamo_item){.key = dynamo_table_key(t, item)};
        t->count++;
    }
    write_at(&t->items[at], item, now_ms);
}

void dynamo_table_delete(struct dynamo_table *t, const cJSON *key, int64_t now_ms)
{
    bool found;
    size_t at = dynamo_table_find(t, key, &found);
    if (found && t->items[at].now)
        write_at(&t->items[at], NULL, now_ms);
}

static bool is_over(const struct dynamo_table *t, const cJSON *item, int64_t now_ms)
{
    const cJSON *value = t->ttl ? cJSON_GetObjectItemCaseSensitive(item, t->ttl) : NULL;
    const char *type = dynamo_type(value);
    int64_t end_s;
    return value && type && strcmp(type, "N") == 0 &&
           num_i64(value->child->valuestring, strlen(value->child->valuestring), &end_s) == 0 &&
           end_s + TTL_GRACE_S < now_ms / 1000;
}

void dynamo_table_tidy(struct dynamo_table *t, int64_t lag_ms, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct dynamo_item *item = &t->items[i];
        if (item->now && is_over(t, item->now, now_ms))
            write_at(item, NULL, now_ms);
        if (!item->now && item->written_ms + lag_ms <= now_ms)
            release(item);
        else
            t->items[kept++] = *item;
    }
    t->count = kept;
}

size_t dynamo_item_size(const cJSON *item)
{
    size_t size = 0;
    for (const cJSON *value = item->child; value; value = value->next)
        size += strlen(value->string) + dynamo_size(value);
    return size;
}
