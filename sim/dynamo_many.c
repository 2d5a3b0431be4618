/* Query and Scan, page by page, and batches. */
#include "sim/cloud_dynamodb_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/out.h"

#define PAGE_BYTES      ((size_t)1 << 20)
#define BATCH_GET_MAX   100
#define BATCH_WRITE_MAX 25

struct page {
    struct dynamo_call *call;
    struct dynamo_table *table;
    struct dynamo_scope scope;
    struct dynamo_range range;
    bool query, consistent, forward, count_only;
    const char *filter, *projection;
    int64_t limit; /* 0: none */
    int64_t seen, matched;
    size_t bytes;
    cJSON *items;
    const struct dynamo_item *last; /* the last one looked at, where the page ends before the table does */
};

static int invalid(struct page *p)
{
    return dynamo_invalid(p->call, "%s", p->scope.message);
}

static int take_item(struct page *p, const cJSON *item)
{
    bool holds = true;
    if (p->filter && dynamo_condition(&p->scope, "FilterExpression", p->filter, item, &holds))
        return invalid(p);
    if (!holds)
        return 0;
    p->matched++;
    if (p->count_only)
        return 0;
    cJSON *shown = NULL;
    if (!p->projection)
        shown = cJSON_Duplicate(item, true);
    else if (dynamo_project(&p->scope, p->projection, item, &shown))
        return invalid(p);
    cJSON_AddItemToArray(p->items, shown);
    return 0;
}

/* One place of the table. *full: the page ends here. */
static int look_at(struct page *p, const struct dynamo_item *place, bool *full)
{
    const cJSON *item = dynamo_table_see(place, p->consistent, p->call->db->lag_ms, p->call->now_ms);
    if (!item || (p->query && !dynamo_in_range(&p->range, (const char *const *)p->table->keys, place->key)))
        return 0;
    p->seen++;
    p->bytes += dynamo_item_size(item);
    *full = (p->limit && p->seen >= p->limit) || p->bytes >= PAGE_BYTES;
    p->last = *full ? place : NULL;
    return take_item(p, item);
}

/* From where on: behind ExclusiveStartKey, in the page's direction. */
static int begin_at(struct page *p, size_t *at)
{
    cJSON *start = cJSON_GetObjectItemCaseSensitive(p->call->in, "ExclusiveStartKey");
    *at = p->forward ? 0 : p->table->count;
    if (!start)
        return 0;
    for (cJSON *value = start->child; value; value = value->next)
        if (dynamo_check(value, 0))
            return dynamo_invalid(p->call, "The provided starting key is invalid");
    if (dynamo_table_check_key(p->table, start, true))
        return dynamo_invalid(p->call, "The provided starting key is invalid");
    bool found;
    *at = dynamo_table_find(p->table, start, &found) + (p->forward && found);
    return 0;
}

static int walk(struct page *p)
{
    size_t at;
    bool full = false;
    int code = begin_at(p, &at);
    while (!code && !full && (p->forward ? at < p->table->count : at > 0)) {
        code = look_at(p, &p->table->items[p->forward ? at : at - 1], &full);
        at = p->forward ? at + 1 : at - 1;
    }
    /* What was not met must still be right: an empty table has no item to try the expressions on. */
    bool ignored;
    if (!code && p->filter && dynamo_condition(&p->scope, "FilterExpression", p->filter, NULL, &ignored))
        code = invalid(p);
    cJSON *nothing = NULL;
    if (!code && p->projection && dynamo_project(&p->scope, p->projection, NULL, &nothing))
        code = invalid(p);
    cJSON_Delete(nothing);
    if (!code && dynamo_scope_unused(&p->scope))
        code = invalid(p);
    return code;
}

static void answer_page(struct page *p)
{
    cJSON *out = p->call->out;
    if (!p->count_only)
        cJSON_AddItemToObject(out, "Items", p->items);
    else
        cJSON_Delete(p->items);
    json_number(out, "Count", (double)p->matched);
    json_number(out, "ScannedCount", (double)p->seen);
    if (p->last)
        cJSON_AddItemToObject(out, "LastEvaluatedKey", cJSON_Duplicate(p->last->key, true));
}

static int read_order(struct page *p)
{
    struct dynamo_call *c = p->call;
    const cJSON *limit = cJSON_GetObjectItemCaseSensitive(c->in, "Limit");
    const char *select = dynamo_text(c->in, "Select");
    if (limit && !(cJSON_IsNumber(limit) && limit->valuedouble >= 1 && limit->valuedouble <= 1e9))
        return dynamo_invalid(c, "Limit must be greater than or equal to 1");
    if (cJSON_HasObjectItem(c->in, "IndexName"))
        return dynamo_invalid(c, "The table does not have the specified index: %.60s", dynamo_text(c->in, "IndexName"));
    if (cJSON_HasObjectItem(c->in, "KeyConditions") || cJSON_HasObjectItem(c->in, "ScanFilter"))
        return dynamo_invalid(c, "the legacy API is not known here: use expressions");
    p->limit = limit ? (int64_t)limit->valuedouble : 0;
    p->count_only = select && strcmp(select, "COUNT") == 0;
    p->consistent = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->in, "ConsistentRead"));
    p->forward = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(c->in, "ScanIndexForward"));
    p->filter = dynamo_text(c->in, "FilterExpression");
    p->projection = dynamo_text(c->in, "ProjectionExpression");
    cJSON *values = cJSON_GetObjectItemCaseSensitive(c->in, "ExpressionAttributeValues");
    for (cJSON *value = values ? values->child : NULL; value; value = value->next)
        if (dynamo_check(value, 0))
            return dynamo_invalid(c, "ExpressionAttributeValues contains invalid value: %s for key %.60s",
                                  dynamo_check(value, 0), value->string);
    return 0;
}

static int read_range(struct page *p)
{
    const char *text = dynamo_text(p->call->in, "KeyConditionExpression");
    if (!text)
        return dynamo_invalid(p->call, "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                                       "in the request.");
    if (dynamo_key_condition(&p->scope, text, (const char *const *)p->table->keys, &p->range))
        return invalid(p);
    return 0;
}

static int page(struct dynamo_call *c, bool query)
{
    struct page p = {.call = c, .query = query, .table = dynamo_named_table(c, c->in)};
    if (!p.table || read_order(&p))
        return -1;
    dynamo_scope_init(&p.scope, c->in);
    p.items = cJSON_CreateArray();
    int code = query ? read_range(&p) : 0;
    if (!code)
        code = walk(&p);
    if (code)
        cJSON_Delete(p.items);
    else
        answer_page(&p);
    dynamo_scope_release(&p.scope);
    return code;
}

int dynamo_query(struct dynamo_call *c)
{
    return page(c, true);
}

int dynamo_scan(struct dynamo_call *c)
{
    return page(c, false);
}

/* ---- batches ---- */

/* An order for a single item, as if it were a request of its own; the caller deletes it. */
static cJSON *order_for(const char *table, const cJSON *from)
{
    cJSON *order = from ? cJSON_Duplicate(from, true) : cJSON_CreateObject();
    cJSON_DeleteItemFromObjectCaseSensitive(order, "TableName");
    json_text(order, "TableName", table);
    return order;
}

static int get_keys(struct dynamo_call *c, const cJSON *entry, cJSON *found)
{
    bool consistent = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry, "ConsistentRead"));
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(entry, "Keys");
    int code = 0;
    for (const cJSON *key = cJSON_IsArray(keys) ? keys->child : NULL; key && !code; key = key->next) {
        cJSON *order = order_for(entry->string, entry), *item;
        cJSON_DeleteItemFromObjectCaseSensitive(order, "Keys");
        cJSON_AddItemToObject(order, "Key", cJSON_Duplicate(key, true));
        code = dynamo_read_one(c, order, consistent, &item);
        if (!code && item)
            cJSON_AddItemToArray(found, item);
        cJSON_Delete(order);
    }
    return code;
}

int dynamo_batch_get(struct dynamo_call *c)
{
    const cJSON *tables = cJSON_GetObjectItemCaseSensitive(c->in, "RequestItems");
    cJSON *responses = json_object(c->out, "Responses");
    int count = 0;
    for (const cJSON *entry = cJSON_IsObject(tables) ? tables->child : NULL; entry; entry = entry->next)
        count += cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(entry, "Keys"));
    if (count < 1 || count > BATCH_GET_MAX)
        return dynamo_invalid(c, "Too many items requested for the BatchGetItem call");
    int code = 0;
    for (const cJSON *entry = tables->child; entry && !code; entry = entry->next)
        code = get_keys(c, entry, json_array(responses, entry->string));
    cJSON_AddObjectToObject(c->out, "UnprocessedKeys");
    return code;
}

static int plan_batch(struct dynamo_call *c, const cJSON *tables, struct dynamo_write *writes, size_t *count)
{
    for (const cJSON *entry = tables->child; entry; entry = entry->next)
        for (const cJSON *request = entry->child; request; request = request->next) {
            const cJSON *put = cJSON_GetObjectItemCaseSensitive(request, "PutRequest");
            const cJSON *gone = cJSON_GetObjectItemCaseSensitive(request, "DeleteRequest");
            if (*count == BATCH_WRITE_MAX || (put != NULL) == (gone != NULL))
                return dynamo_invalid(c, "A batch holds at most %d PutRequests and DeleteRequests", BATCH_WRITE_MAX);
            cJSON *order = order_for(entry->string, put ? put : gone);
            int code = dynamo_write_plan(c, put ? DYNAMO_PUT : DYNAMO_DELETE, order, &writes[(*count)++]);
            cJSON_Delete(order);
            if (code)
                return -1;
        }
    return *count ? 0 : dynamo_invalid(c, "The batch is empty");
}

static bool twice(const struct dynamo_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (writes[i].table == writes[j].table && writes[i].key && writes[j].key &&
                dynamo_table_order(writes[i].table, writes[i].key, writes[j].key) == 0)
                return true;
    return false;
}

int dynamo_batch_write(struct dynamo_call *c)
{
    const cJSON *tables = cJSON_GetObjectItemCaseSensitive(c->in, "RequestItems");
    struct dynamo_write writes[BATCH_WRITE_MAX] = {{0}};
    size_t count = 0;
    if (!cJSON_IsObject(tables))
        return dynamo_invalid(c, "RequestItems is missing");
    int code = plan_batch(c, tables, writes, &count);
    if (!code && twice(writes, count))
        code = dynamo_invalid(c, "Provided list of item keys contains duplicates");
    for (size_t i = 0; i < count; i++) {
        if (!code)
            dynamo_write_do(c, &writes[i]);
        dynamo_write_release(&writes[i]);
    }
    cJSON_AddObjectToObject(c->out, "UnprocessedItems");
    return code;
}
