/* Single items: get, put, update, delete; each write is worked out first, and done only when all of it holds. */
#include "sim/cloud_dynamodb_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/out.h"

static int check_item(struct dynamo_call *c, const struct dynamo_table *t, cJSON *item, bool key_only)
{
    if (!cJSON_IsObject(item))
        return dynamo_invalid(c,
                              "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member "
                              "must not be null",
                              key_only ? "key" : "item");
    for (cJSON *value = item->child; value; value = value->next) {
        const char *wrong = dynamo_check(value, 0);
        if (wrong)
            return dynamo_invalid(c, "%s", wrong);
    }
    const char *wrong = dynamo_table_check_key(t, item, key_only);
    if (wrong)
        return dynamo_invalid(c, "%s", wrong);
    if (dynamo_item_size(item) > DYNAMO_ITEM_MAX)
        return dynamo_invalid(c, "Item size has exceeded the maximum allowed size");
    return 0;
}

static int check_values(struct dynamo_call *c, cJSON *order)
{
    cJSON *values = cJSON_GetObjectItemCaseSensitive(order, "ExpressionAttributeValues");
    for (cJSON *value = values ? values->child : NULL; value; value = value->next) {
        const char *wrong = dynamo_check(value, 0);
        if (wrong)
            return dynamo_invalid(c, "ExpressionAttributeValues contains invalid value: %s for key %.60s", wrong,
                                  value->string);
    }
    return 0;
}

/* What will stand there. */
static int plan_item(struct dynamo_call *c, enum dynamo_kind kind, cJSON *order, struct dynamo_scope *scope,
                     struct dynamo_write *w)
{
    if (kind == DYNAMO_PUT) {
        w->item = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(order, "Item"), true);
        return 0;
    }
    if (kind != DYNAMO_UPDATE)
        return 0;
    const char *text = dynamo_text(order, "UpdateExpression");
    cJSON *from = w->old ? cJSON_Duplicate(w->old, true) : cJSON_Duplicate(w->key, true);
    int code = 0;
    if (text) {
        code = dynamo_update(scope, text, from, (const char *const *)w->table->keys, &w->item);
        cJSON_Delete(from);
        if (code)
            return dynamo_invalid(c, "%s", scope->message);
        if (dynamo_item_size(w->item) > DYNAMO_ITEM_MAX)
            return dynamo_invalid(c, "Item size to update has exceeded the maximum allowed size");
    } else {
        w->item = from;
    }
    return code;
}

static int plan_checked(struct dynamo_call *c, enum dynamo_kind kind, cJSON *order, struct dynamo_scope *scope,
                        struct dynamo_write *w)
{
    const char *condition = dynamo_text(order, "ConditionExpression");
    if (kind == DYNAMO_CHECK && !condition)
        return dynamo_invalid(c, "The expression can not be empty;");
    w->old = dynamo_table_get(w->table, w->key);
    if (condition && dynamo_condition(scope, "ConditionExpression", condition, w->old, &w->holds))
        return dynamo_invalid(c, "%s", scope->message);
    /* A condition that does not hold comes before whatever is wrong with the update itself. */
    if (!w->holds && kind == DYNAMO_UPDATE)
        return 0;
    if (plan_item(c, kind, order, scope, w))
        return -1;
    return dynamo_scope_unused(scope) ? dynamo_invalid(c, "%s", scope->message) : 0;
}

int dynamo_write_plan(struct dynamo_call *c, enum dynamo_kind kind, cJSON *order, struct dynamo_write *out)
{
    *out = (struct dynamo_write){.table = dynamo_named_table(c, order), .changes = kind != DYNAMO_CHECK, .holds = true};
    if (!out->table)
        return -1;
    static const char *const old_ways[] = {"Expected", "AttributeUpdates", "ConditionalOperator"};
    for (size_t i = 0; i < sizeof old_ways / sizeof *old_ways; i++)
        if (cJSON_HasObjectItem(order, old_ways[i]))
            return dynamo_invalid(c, "%s is of the legacy API, which the twin does not know: use expressions",
                                  old_ways[i]);
    cJSON *given = cJSON_GetObjectItemCaseSensitive(order, kind == DYNAMO_PUT ? "Item" : "Key");
    if (check_item(c, out->table, given, kind != DYNAMO_PUT) || check_values(c, order))
        return -1;
    out->key = dynamo_table_key(out->table, given);
    struct dynamo_scope scope;
    dynamo_scope_init(&scope, order);
    int code = plan_checked(c, kind, order, &scope, out);
    dynamo_scope_release(&scope);
    return code;
}

void dynamo_write_do(struct dynamo_call *c, struct dynamo_write *w)
{
    if (!w->changes)
        return;
    if (w->item)
        dynamo_table_put(w->table, w->item, c->now_ms);
    else
        dynamo_table_delete(w->table, w->key, c->now_ms);
    w->item = NULL;
}

void dynamo_write_release(struct dynamo_write *w)
{
    cJSON_Delete(w->key);
    cJSON_Delete(w->item);
    *w = (struct dynamo_write){0};
}

/* ---- what a write answers ---- */

/* The attributes of `of` whose values differ in `from`. */
static cJSON *differences(const cJSON *of, const cJSON *from)
{
    cJSON *out = cJSON_CreateObject();
    for (const cJSON *value = of ? of->child : NULL; value; value = value->next) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(from, value->string);
        if (!other || !dynamo_equal(value, other))
            cJSON_AddItemToObject(out, value->string, cJSON_Duplicate(value, true));
    }
    return out;
}

static int answer_write(struct dynamo_call *c, enum dynamo_kind kind, const char *wanted, cJSON *old, const cJSON *item)
{
    bool update = kind == DYNAMO_UPDATE;
    cJSON *shown = NULL;
    if (!wanted || strcmp(wanted, "NONE") == 0)
        shown = NULL;
    else if (strcmp(wanted, "ALL_OLD") == 0)
        shown = old ? cJSON_Duplicate(old, true) : NULL;
    else if (update && strcmp(wanted, "ALL_NEW") == 0)
        shown = cJSON_Duplicate(item, true);
    else if (update && strcmp(wanted, "UPDATED_NEW") == 0)
        shown = differences(item, old);
    else if (update && strcmp(wanted, "UPDATED_OLD") == 0)
        shown = differences(old, item);
    else
        return dynamo_invalid(c, "Return values set to invalid value");
    if (shown && shown->child)
        cJSON_AddItemToObject(c->out, "Attributes", shown);
    else
        cJSON_Delete(shown);
    return 0;
}

static int write_one(struct dynamo_call *c, enum dynamo_kind kind)
{
    struct dynamo_write w;
    int code = dynamo_write_plan(c, kind, c->in, &w);
    if (!code && !w.holds) {
        const char *shown = dynamo_text(c->in, "ReturnValuesOnConditionCheckFailure");
        if (shown && strcmp(shown, "ALL_OLD") == 0 && w.old)
            cJSON_AddItemToObject(c->out, "Item", cJSON_Duplicate(w.old, true));
        code = dynamo_refuse(c, "ConditionalCheckFailedException", "The conditional request failed");
    }
    if (!code) {
        cJSON *old = w.old ? cJSON_Duplicate(w.old, true) : NULL;
        code = answer_write(c, kind, dynamo_text(c->in, "ReturnValues"), old, w.item);
        cJSON_Delete(old);
    }
    if (!code)
        dynamo_write_do(c, &w);
    dynamo_write_release(&w);
    return code;
}

int dynamo_put_item(struct dynamo_call *c)
{
    return write_one(c, DYNAMO_PUT);
}

int dynamo_update_item(struct dynamo_call *c)
{
    return write_one(c, DYNAMO_UPDATE);
}

int dynamo_delete_item(struct dynamo_call *c)
{
    return write_one(c, DYNAMO_DELETE);
}

/* ---- reading ---- */

int dynamo_read_one(struct dynamo_call *c, cJSON *order, bool consistent, cJSON **out)
{
    struct dynamo_table *t = dynamo_named_table(c, order);
    cJSON *key = cJSON_GetObjectItemCaseSensitive(order, "Key");
    const char *projection = dynamo_text(order, "ProjectionExpression");
    *out = NULL;
    if (!t || check_item(c, t, key, true))
        return -1;
    bool found;
    size_t at = dynamo_table_find(t, key, &found);
    const cJSON *item = found ? dynamo_table_see(&t->items[at], consistent, c->db->lag_ms, c->now_ms) : NULL;
    struct dynamo_scope scope;
    dynamo_scope_init(&scope, order);
    int code = 0;
    if (projection) {
        code = dynamo_project(&scope, projection, item, out);
        if (!item && !code) {
            cJSON_Delete(*out);
            *out = NULL;
        }
    } else if (item) {
        *out = cJSON_Duplicate(item, true);
    }
    if (!code)
        code = dynamo_scope_unused(&scope);
    if (code) {
        cJSON_Delete(*out);
        *out = NULL;
        code = dynamo_invalid(c, "%s", scope.message);
    }
    dynamo_scope_release(&scope);
    return code;
}

int dynamo_get_item(struct dynamo_call *c)
{
    cJSON *item;
    bool consistent = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c->in, "ConsistentRead"));
    if (dynamo_read_one(c, c->in, consistent, &item))
        return -1;
    if (item)
        cJSON_AddItemToObject(c->out, "Item", item);
    return 0;
}
