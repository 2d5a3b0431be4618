#include "scheduler/state_dynamodb.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define CONFLICTS_MAX 12 /* transactions that met others: about half a minute of pauses */
#define TABLE_WAIT_MS ((int64_t)180000)

struct store {
    struct state_table table;
    char *name, *region;
    uint64_t writes;
};

/* One call in progress; reply stays until call_close. */
struct call {
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
};

static cJSON *call_open(struct call *call, const struct store *s, const char *action)
{
    aws_request_init(&call->request, AWS_DYNAMODB, action);
    call->request.region = s->region;
    call->request.json = cJSON_CreateObject();
    aws_reply_init(&call->reply);
    return call->request.json;
}

static cJSON *call_open_table(struct call *call, const struct store *s, const char *action)
{
    cJSON *json = call_open(call, s, action);
    cJSON_AddStringToObject(json, "TableName", s->name);
    return json;
}

static int call_send(struct call *call, const struct store *s, enum retry_class kind)
{
    struct retry_how how = {.kind = kind};
    return retry_call(s->table.retry, s->table.transport, &call->request, &how, &call->reply, &call->error);
}

static void call_close(struct call *call)
{
    aws_request_release(&call->request);
    aws_reply_release(&call->reply);
}

static int call_failed(const struct call *call, const struct store *s, struct err *err)
{
    const struct aws_error *e = &call->error;
    if (aws_error_is(e, "ResourceNotFoundException"))
        return err_set(err, EXIT_INPUT, "there is no DynamoDB table \"%s\": bakehour state init makes it", s->name);
    return err_set(err, EXIT_FAILED, "the state store: %s: %s: %s", call->request.action, e->code, e->message);
}

/* ---- attributes ---- */

static void put_attribute(cJSON *object, const char *name, const char *type, const char *value)
{
    cJSON_AddStringToObject(cJSON_AddObjectToObject(object, name), type, value);
}

static void put_number(cJSON *object, const char *name, int64_t value)
{
    char text[24];
    str_fit(text, sizeof(text), "%lld", (long long)value);
    put_attribute(object, name, "N", text);
}

static void put_key(cJSON *object, const char *partition, const char *key)
{
    cJSON *to = cJSON_AddObjectToObject(object, "Key");
    put_attribute(to, "pk", "S", partition);
    put_attribute(to, "sk", "S", key);
}

/* NULL where the attribute is missing or of another type. */
static const char *take_attribute(const cJSON *item, const char *name, const char *type)
{
    const cJSON *attribute = cJSON_GetObjectItemCaseSensitive(item, name);
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(attribute, type));
}

static int bad_item(const struct store *s, struct err *err)
{
    return err_set(err, EXIT_FAILED,
                   "the table \"%s\" holds an item that is none of Bakehour's: is it another's table?", s->name);
}

static int take_version(const cJSON *item, int64_t *version)
{
    const char *text = take_attribute(item, "v", "N");
    return text ? num_i64(text, strlen(text), version) : -1;
}

/* ---- reading ---- */

static int dynamodb_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                        struct err *err)
{
    struct store *s = self;
    struct call call;
    cJSON *json = call_open_table(&call, s, "GetItem");
    put_key(json, partition, key);
    cJSON_AddTrueToObject(json, "ConsistentRead");
    int code = call_send(&call, s, RETRY_READ) ? call_failed(&call, s, err) : 0;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(call.reply.json, "Item");
    if (!code && item) {
        const char *text = take_attribute(item, "doc", "S");
        if (!text || take_version(item, version))
            code = bad_item(s, err);
        else
            str_add(document, text);
    }
    call_close(&call);
    return code;
}

static int hand_out(const struct store *s, const cJSON *items, state_row *row, void *context, struct err *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        int64_t version;
        const char *key = take_attribute(item, "sk", "S");
        const char *text = take_attribute(item, "doc", "S");
        if (!key || !text || take_version(item, &version))
            return bad_item(s, err);
        int code = row(context, key, version, text);
        if (code)
            return code;
    }
    return 0;
}

/* Which keys: those that begin with first, or with `last` those between the two. most: so many from the end, the last
 * one first; 0: all. */
struct keys {
    const char *partition, *first, *last;
    size_t most;
};

static void ask_page(cJSON *json, const struct keys *keys, cJSON *from)
{
    cJSON_AddTrueToObject(json, "ConsistentRead");
    cJSON_AddStringToObject(json, "KeyConditionExpression",
                            keys->last     ? "pk = :p AND sk BETWEEN :s AND :e"
                            : *keys->first ? "pk = :p AND begins_with(sk, :s)"
                                           : "pk = :p");
    cJSON *values = cJSON_AddObjectToObject(json, "ExpressionAttributeValues");
    put_attribute(values, ":p", "S", keys->partition);
    if (keys->last || *keys->first)
        put_attribute(values, ":s", "S", keys->first);
    if (keys->last)
        put_attribute(values, ":e", "S", keys->last);
    if (keys->most) {
        cJSON_AddFalseToObject(json, "ScanIndexForward");
        cJSON_AddNumberToObject(json, "Limit", (double)keys->most);
    }
    if (from)
        cJSON_AddItemToObject(json, "ExclusiveStartKey", from);
}

static int read_pages(struct store *s, const struct keys *keys, state_row *row, void *context, struct err *err)
{
    cJSON *from = NULL;
    struct keys left = *keys; /* a megabyte may be less than what was asked for */
    int code;
    do {
        struct call call;
        ask_page(call_open_table(&call, s, "Query"), &left, from);
        code = call_send(&call, s, RETRY_READ) ? call_failed(&call, s, err) : 0;
        if (!code)
            code = hand_out(s, cJSON_GetObjectItemCaseSensitive(call.reply.json, "Items"), row, context, err);
        size_t got = (size_t)cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(call.reply.json, "Items"));
        bool enough = keys->most && got >= left.most;
        left.most -= keys->most && !enough ? got : 0;
        from = code || enough ? NULL : cJSON_DetachItemFromObjectCaseSensitive(call.reply.json, "LastEvaluatedKey");
        call_close(&call);
    } while (!code && from);
    return code;
}

static int dynamodb_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                          struct err *err)
{
    const struct keys keys = {partition, prefix, NULL, 0};
    return read_pages(self, &keys, row, context, err);
}

static int dynamodb_range(void *self, const char *partition, const char *first, const char *last, state_row *row,
                          void *context, struct err *err)
{
    const struct keys keys = {partition, first, last, 0};
    return read_pages(self, &keys, row, context, err);
}

static int dynamodb_tail(void *self, const char *partition, const char *prefix, size_t most, state_row *row,
                         void *context, struct err *err)
{
    const struct keys keys = {partition, prefix, NULL, most};
    return read_pages(self, &keys, row, context, err);
}

/* ---- writing ---- */

static void put_condition(cJSON *to, cJSON *values, const struct state_write *w)
{
    if (w->version == 0)
        cJSON_AddStringToObject(to, "ConditionExpression", "attribute_not_exists(pk)");
    else if (w->version > 0)
        cJSON_AddStringToObject(to, "ConditionExpression", "v = :v");
    if (w->version > 0)
        put_number(values, ":v", w->version);
}

/* The members of UpdateItem and DeleteItem, and of a transaction's Update, Delete and ConditionCheck, which are alike.
 */
static void put_write(cJSON *to, const struct store *s, const struct state_write *w, const char *token)
{
    cJSON_AddStringToObject(to, "TableName", s->name);
    put_key(to, w->partition, w->key);
    cJSON *values = cJSON_CreateObject();
    put_condition(to, values, w);
    if (w->action == STATE_PUT) {
        cJSON_AddStringToObject(to, "UpdateExpression", "SET doc = :d, t = :t, v = if_not_exists(v, :zero) + :one");
        put_attribute(values, ":t", "S", token);
        put_attribute(values, ":d", "S", w->document);
        put_number(values, ":zero", 0);
        put_number(values, ":one", 1);
    }
    if (values->child)
        cJSON_AddItemToObject(to, "ExpressionAttributeValues", values);
    else
        cJSON_Delete(values);
}

/*
 * What a cancelled transaction's message says of each item: "... specific reasons [ConditionalCheckFailed, None]". True
 * when a condition failed; another reason (TransactionConflict, throttling) is worth another go.
 */
static bool condition_failed(const struct aws_error *e)
{
    return strstr(e->message, "ConditionalCheckFailed") != NULL;
}

static bool worth_another_go(const struct aws_error *e)
{
    return aws_error_is(e, "TransactionInProgressException") || aws_error_is(e, "TransactionConflictException") ||
           (aws_error_is(e, "TransactionCanceledException") && !condition_failed(e));
}

/* A check without a condition asks nothing, and DynamoDB refuses it. */
static bool asks_nothing(const struct state_write *w)
{
    return w->action == STATE_CHECK && w->version == STATE_ANY;
}

#define TOKEN_SIZE 37

static void next_token(struct store *s, char token[TOKEN_SIZE])
{
    str_fit(token, TOKEN_SIZE, "%016llx-%llx", (unsigned long long)s->table.salt, (unsigned long long)++s->writes);
}

static int conflict(const struct state_write *w, bool several, struct err *err)
{
    err_set(err, EXIT_FAILED, "%s %s%s was changed by another run", w->partition, w->key,
            several ? ", or what goes with it," : "");
    return STATE_CONFLICT;
}

/*
 * One item alone: half the write units of a transaction. Where an earlier attempt got no answer, or the request
 * was delivered twice, the condition is found broken; the item tells by whom: it carries the token of its last write.
 */
static int was_ours(struct store *s, const struct state_write *w, const char *token, bool *ours, struct err *err)
{
    struct call call;
    cJSON *json = call_open_table(&call, s, "GetItem");
    put_key(json, w->partition, w->key);
    cJSON_AddTrueToObject(json, "ConsistentRead");
    int code = call_send(&call, s, RETRY_READ) ? call_failed(&call, s, err) : 0;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(call.reply.json, "Item");
    const char *last = take_attribute(item, "t", "S");
    *ours = w->action == STATE_DELETE ? !item : last && strcmp(last, token) == 0;
    call_close(&call);
    return code;
}

static int write_one(struct store *s, const struct state_write *w, struct err *err)
{
    struct call call;
    char token[TOKEN_SIZE];
    next_token(s, token);
    put_write(call_open(&call, s, w->action == STATE_PUT ? "UpdateItem" : "DeleteItem"), s, w, token);
    int64_t retries = s->table.retry->retries_made;
    int code = 0;
    if (call_send(&call, s, RETRY_SAFE)) {
        bool ours = false;
        bool broken = aws_error_is(&call.error, "ConditionalCheckFailedException");
        if (broken && (w->action == STATE_PUT || s->table.retry->retries_made > retries))
            code = was_ours(s, w, token, &ours, err);
        if (!code && !ours)
            code = broken ? conflict(w, false, err) : call_failed(&call, s, err);
    }
    call_close(&call);
    return code;
}

static int check_one(struct store *s, const struct state_write *w, struct err *err)
{
    int64_t version = 0;
    struct str document;
    str_init(&document, STATE_DOCUMENT_MAX + 1);
    int code = dynamodb_get(s, w->partition, w->key, &document, &version, err);
    str_release(&document);
    return code || version == w->version ? code : conflict(w, false, err);
}

static int write_all(struct store *s, const struct state_write *writes, size_t count, struct err *err)
{
    static const char *const names[] = {
        [STATE_PUT] = "Update", [STATE_CHECK] = "ConditionCheck", [STATE_DELETE] = "Delete"};
    struct call call;
    char token[TOKEN_SIZE];
    next_token(s, token);
    cJSON *json = call_open(&call, s, "TransactWriteItems");
    cJSON_AddStringToObject(json, "ClientRequestToken", token);
    cJSON *items = cJSON_AddArrayToObject(json, "TransactItems");
    for (size_t i = 0; i < count; i++) {
        if (asks_nothing(&writes[i]))
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(items, item);
        put_write(cJSON_AddObjectToObject(item, names[writes[i].action]), s, &writes[i], token);
    }
    int failed = -1;
    for (int go = 1; go <= CONFLICTS_MAX && failed; go++) {
        failed = call_send(&call, s, RETRY_SAFE);
        if (!failed || !worth_another_go(&call.error) ||
            s->table.transport->sleep_ms(s->table.transport->self, retry_pause_ms(s->table.retry, go) / 4 + 20))
            break;
    }
    int code = 0;
    if (failed && aws_error_is(&call.error, "TransactionCanceledException") && condition_failed(&call.error))
        code = conflict(&writes[0], true, err);
    else if (failed)
        code = call_failed(&call, s, err);
    call_close(&call);
    return code;
}

static int dynamodb_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    if (count > 1)
        return write_all(self, writes, count, err);
    if (asks_nothing(writes))
        return 0;
    return (writes->action == STATE_CHECK ? check_one : write_one)(self, writes, err);
}

/* ---- the table ---- */

static void dynamodb_close(void *self)
{
    struct store *s = self;
    free(s->name);
    free(s->region);
    free(s);
}

static const struct state_backend backend = {"dynamodb",     dynamodb_get,   dynamodb_query, dynamodb_write,
                                             dynamodb_close, dynamodb_range, dynamodb_tail};

static struct store *store_new(const struct state_table *table)
{
    struct store *s = mem_zero(1, sizeof(*s));
    s->table = *table;
    s->name = mem_dup(table->name);
    s->region = table->region ? mem_dup(table->region) : NULL;
    return s;
}

/* "ACTIVE", "CREATING", ...; "" where there is none. The keys must be ours. */
static int table_status(const struct store *s, char status[32], struct err *err)
{
    struct call call;
    call_open_table(&call, s, "DescribeTable");
    int code = 0;
    status[0] = '\0';
    if (call_send(&call, s, RETRY_READ)) {
        code = aws_error_is(&call.error, "ResourceNotFoundException") ? 0 : call_failed(&call, s, err);
    } else {
        const cJSON *table = cJSON_GetObjectItemCaseSensitive(call.reply.json, "Table");
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(table, "TableStatus"));
        const cJSON *keys = cJSON_GetObjectItemCaseSensitive(table, "KeySchema");
        const char *first =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(keys, 0), "AttributeName"));
        const char *second =
            cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(keys, 1), "AttributeName"));
        bool ours = text && first && second && strcmp(first, "pk") == 0 && strcmp(second, "sk") == 0;
        if (!ours || strlen(text) > 31)
            code = err_set(err, EXIT_INPUT, "the DynamoDB table \"%s\" is not Bakehour's: its keys are not pk and sk",
                           s->name);
        else
            str_fit(status, 32, "%s", text);
    }
    call_close(&call);
    return code;
}

int state_open_dynamodb(struct state *out, const struct state_table *table, struct err *err)
{
    struct store *s = store_new(table);
    char status[32] = "";
    int code = table->unasked ? 0 : table_status(s, status, err);
    if (!code && !table->unasked && !*status)
        code = err_set(err, EXIT_INPUT, "there is no DynamoDB table \"%s\": bakehour state init makes it", s->name);
    if (code)
        dynamodb_close(s);
    else
        *out = (struct state){&backend, s};
    return code;
}

static void put_name(cJSON *array, const char *name, const char *label, const char *value)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "AttributeName", name);
    cJSON_AddStringToObject(object, label, value);
    cJSON_AddItemToArray(array, object);
}

static int create_table(const struct store *s, bool *made, struct err *err)
{
    struct call call;
    cJSON *json = call_open_table(&call, s, "CreateTable");
    cJSON *attributes = cJSON_AddArrayToObject(json, "AttributeDefinitions");
    put_name(attributes, "pk", "AttributeType", "S");
    put_name(attributes, "sk", "AttributeType", "S");
    cJSON *keys = cJSON_AddArrayToObject(json, "KeySchema");
    put_name(keys, "pk", "KeyType", "HASH");
    put_name(keys, "sk", "KeyType", "RANGE");
    cJSON_AddStringToObject(json, "BillingMode", "PAY_PER_REQUEST");
    *made = call_send(&call, s, RETRY_SAFE) == 0;
    /* in use: somebody else, or our own first try, was quicker */
    int code = *made || aws_error_is(&call.error, "ResourceInUseException") ? 0 : call_failed(&call, s, err);
    call_close(&call);
    return code;
}

static int await_table(const struct store *s, struct err *err)
{
    struct transport *t = s->table.transport;
    int64_t until_ms = t->now_ms(t->self) + TABLE_WAIT_MS;
    char status[32];
    for (;;) {
        int code = table_status(s, status, err);
        if (code || strcmp(status, "ACTIVE") == 0)
            return code;
        if (t->now_ms(t->self) >= until_ms)
            return err_set(err, EXIT_FAILED, "the DynamoDB table \"%s\" is still %s after 3 minutes", s->name,
                           *status ? status : "not there");
        if (t->sleep_ms(t->self, 2000))
            return err_set(err, EXIT_FAILED, "stopped while the DynamoDB table \"%s\" was being made", s->name);
    }
}

/* Sends a call that an emulator may not know: *known is false then. */
static int send_if_known(struct call *call, const struct store *s, bool *known, struct err *err)
{
    int code = 0;
    if (call_send(call, s, RETRY_SAFE)) {
        *known = !aws_error_is(&call->error, "UnknownOperationException");
        if (*known && !strstr(call->error.message, "already enabled"))
            code = call_failed(call, s, err);
    }
    call_close(call);
    return code;
}

/* Point-in-time recovery and the time to live: what is on already stays on. */
static int protect_table(const struct store *s, bool *guarded, struct err *err)
{
    struct call call;
    bool known = true;
    cJSON *json = call_open_table(&call, s, "UpdateContinuousBackups");
    cJSON_AddTrueToObject(cJSON_AddObjectToObject(json, "PointInTimeRecoverySpecification"),
                          "PointInTimeRecoveryEnabled");
    *guarded = true;
    int code = send_if_known(&call, s, guarded, err);
    if (code)
        return code;
    json = call_open_table(&call, s, "UpdateTimeToLive");
    cJSON *live = cJSON_AddObjectToObject(json, "TimeToLiveSpecification");
    cJSON_AddStringToObject(live, "AttributeName", "expires");
    cJSON_AddTrueToObject(live, "Enabled");
    return send_if_known(&call, s, &known, err);
}

int state_table_make(const struct state_table *table, bool *made, bool *guarded, struct err *err)
{
    struct store *s = store_new(table);
    char status[32];
    *made = *guarded = false;
    int code = table_status(s, status, err);
    if (!code && !*status)
        code = create_table(s, made, err);
    if (!code)
        code = await_table(s, err);
    if (!code)
        code = protect_table(s, guarded, err);
    dynamodb_close(s);
    return code;
}
