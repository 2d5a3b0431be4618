/* Transactions: all or nothing, and the same token twice is once. */
#include "sim/cloud_dynamodb_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

#define ITEMS_MAX      100
#define TOKENS_MAX     1000
#define TOKEN_LIVES_MS (INT64_C(10) * 60 * 1000)

static const struct {
    const char *name;
    enum dynamo_kind kind;
} kinds[] = {
    {"Put", DYNAMO_PUT}, {"Update", DYNAMO_UPDATE}, {"Delete", DYNAMO_DELETE}, {"ConditionCheck", DYNAMO_CHECK}};

static int plan_one(struct dynamo_call *c, cJSON *entry, struct dynamo_write *w)
{
    if (!entry->child || entry->child->next)
        return dynamo_invalid(c, "TransactItems can only contain one of Check, Put, Update or Delete");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(entry->child->string, kinds[i].name) == 0)
            return dynamo_write_plan(c, kinds[i].kind, entry->child, w);
    return dynamo_invalid(c, "TransactItems can only contain one of Check, Put, Update or Delete");
}

static bool is_twice(const struct dynamo_write *writes, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (writes[j].table == writes[i].table &&
            dynamo_table_order(writes[i].table, writes[j].key, writes[i].key) == 0)
            return true;
    return false;
}

/* The reasons, one for each item, into the answer and the message. */
static int cancel(struct dynamo_call *c, const cJSON *entries, const struct dynamo_write *writes, size_t count)
{
    struct str message;
    str_init(&message, 400);
    cJSON *reasons = json_array(c->out, "CancellationReasons");
    const cJSON *entry = entries->child;
    for (size_t i = 0; i < count; i++, entry = entry->next) {
        cJSON *reason = json_object(reasons, NULL);
        const char *shown = dynamo_text(entry->child, "ReturnValuesOnConditionCheckFailure");
        json_text(reason, "Code", writes[i].holds ? "None" : "ConditionalCheckFailed");
        if (!writes[i].holds)
            json_text(reason, "Message", "The conditional request failed");
        if (!writes[i].holds && shown && strcmp(shown, "ALL_OLD") == 0 && writes[i].old)
            cJSON_AddItemToObject(reason, "Item", cJSON_Duplicate(writes[i].old, true));
        str_addf(&message, "%s%s", i ? ", " : "", writes[i].holds ? "None" : "ConditionalCheckFailed");
    }
    int code = dynamo_refuse(c, "TransactionCanceledException",
                             "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]",
                             message.text);
    str_release(&message);
    return code;
}

static int plan_all(struct dynamo_call *c, cJSON *entries, struct dynamo_write *writes, size_t *count)
{
    bool holds = true;
    for (cJSON *entry = entries->child; entry; entry = entry->next) {
        size_t i = (*count)++;
        if (plan_one(c, entry, &writes[i]))
            return -1;
        if (is_twice(writes, i))
            return dynamo_invalid(c, "Transaction request cannot include multiple operations on one item");
        holds = holds && writes[i].holds;
    }
    return holds ? 0 : cancel(c, entries, writes, *count);
}

/* ---- tokens ---- */

static uint64_t hash_of(const cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    free(text);
    return hash;
}

static void forget_tokens(struct dynamodb *db, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < db->token_count; i++)
        if (db->tokens[i].made_ms + TOKEN_LIVES_MS < now_ms || db->token_count - i + kept > TOKENS_MAX)
            free(db->tokens[i].text);
        else
            db->tokens[kept++] = db->tokens[i];
    db->token_count = kept;
}

static const struct dynamo_token *find_token(const struct dynamodb *db, const char *text)
{
    for (size_t i = 0; i < db->token_count; i++)
        if (strcmp(db->tokens[i].text, text) == 0)
            return &db->tokens[i];
    return NULL;
}

static void keep_token(struct dynamodb *db, const char *text, uint64_t request, int64_t now_ms)
{
    db->tokens = mem_grow(db->tokens, &db->token_cap, db->token_count + 1, sizeof *db->tokens);
    db->tokens[db->token_count++] = (struct dynamo_token){mem_dup(text), request, now_ms};
}

int dynamo_transact_write(struct dynamo_call *c)
{
    cJSON *entries = cJSON_GetObjectItemCaseSensitive(c->in, "TransactItems");
    int size = cJSON_IsArray(entries) ? cJSON_GetArraySize(entries) : 0;
    if (size < 1 || size > ITEMS_MAX)
        return dynamo_invalid(c, "TransactItems holds 1 to %d items", ITEMS_MAX);
    const char *token = dynamo_text(c->in, "ClientRequestToken");
    uint64_t request = hash_of(entries);
    forget_tokens(c->db, c->now_ms);
    const struct dynamo_token *known = token ? find_token(c->db, token) : NULL;
    if (known && known->request != request)
        return dynamo_refuse(c, "IdempotentParameterMismatchException",
                             "The request has the same client token as another one, and other parameters");
    if (known)
        return 0;
    struct dynamo_write *writes = mem_zero((size_t)size, sizeof *writes);
    size_t count = 0;
    int code = plan_all(c, entries, writes, &count);
    if (!code && token)
        keep_token(c->db, token, request, c->now_ms);
    for (size_t i = 0; i < count; i++) {
        if (!code)
            dynamo_write_do(c, &writes[i]);
        dynamo_write_release(&writes[i]);
    }
    free(writes);
    return code;
}

int dynamo_transact_get(struct dynamo_call *c)
{
    cJSON *entries = cJSON_GetObjectItemCaseSensitive(c->in, "TransactItems");
    int size = cJSON_IsArray(entries) ? cJSON_GetArraySize(entries) : 0;
    if (size < 1 || size > ITEMS_MAX)
        return dynamo_invalid(c, "TransactItems holds 1 to %d items", ITEMS_MAX);
    cJSON *responses = json_array(c->out, "Responses");
    for (cJSON *entry = entries->child; entry; entry = entry->next) {
        cJSON *get = cJSON_GetObjectItemCaseSensitive(entry, "Get"), *item;
        if (!get)
            return dynamo_invalid(c, "TransactItems can only contain Get");
        if (dynamo_read_one(c, get, true, &item))
            return -1;
        cJSON *response = json_object(responses, NULL);
        if (item)
            cJSON_AddItemToObject(response, "Item", item);
    }
    return 0;
}
