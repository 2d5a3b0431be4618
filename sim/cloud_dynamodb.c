#include "sim/cloud_dynamodb_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

#define TABLES_MAX 256
#define TAGS_MAX   50
#define TIDY_EVERY 64 /* calls */

struct dynamodb *dynamodb_new(int64_t lag_ms)
{
    struct dynamodb *db = mem_zero(1, sizeof *db);
    db->lag_ms = lag_ms;
    return db;
}

static void clear(struct dynamodb *db)
{
    for (size_t i = 0; i < db->count; i++)
        dynamo_table_free(db->tables[i]);
    db->count = 0;
    for (size_t i = 0; i < db->token_count; i++)
        free(db->tokens[i].text);
    db->token_count = 0;
}

void dynamodb_free(struct dynamodb *db)
{
    if (!db)
        return;
    clear(db);
    free(db->tables);
    free(db->tokens);
    free(db);
}

/* ---- what all actions use ---- */

int dynamo_refuse(struct dynamo_call *c, const char *code, const char *fmt, ...)
{
    char text[480];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    aws_error_set(c->error, AWS_REFUSED, 400, code, "%s", text);
    return -1;
}

int dynamo_invalid(struct dynamo_call *c, const char *fmt, ...)
{
    char text[480];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    aws_error_set(c->error, AWS_REFUSED, 400, "ValidationException", "%s", text);
    return -1;
}

const char *dynamo_text(const cJSON *object, const char *name)
{
    return json_member(object, name, NULL);
}

/* arn:aws:dynamodb:REGION:ACCOUNT:table/NAME or the name alone. */
static const char *plain_name(const char *name)
{
    const char *table = strncmp(name, "arn:", 4) == 0 ? strstr(name, ":table/") : NULL;
    return table ? table + 7 : name;
}

static struct dynamo_table *find_table(const struct dynamo_call *c, const char *name)
{
    for (size_t i = 0; i < c->db->count; i++) {
        struct dynamo_table *t = c->db->tables[i];
        if (strcmp(t->name, plain_name(name)) == 0 && strcmp(t->account, c->account) == 0 &&
            strcmp(t->region, c->region) == 0)
            return t;
    }
    return NULL;
}

/* Whether it is active or not; NULL: refused. */
static struct dynamo_table *any_table(struct dynamo_call *c, const char *member)
{
    const char *name = dynamo_text(c->in, member);
    struct dynamo_table *t = name ? find_table(c, name) : NULL;
    if (!name)
        (void)dynamo_invalid(c, "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: "
                                "Member must not be null");
    else if (!t)
        (void)dynamo_refuse(c, "ResourceNotFoundException", "Requested resource not found: Table: %.100s not found",
                            plain_name(name));
    return t;
}

struct dynamo_table *dynamo_named_table(struct dynamo_call *c, const cJSON *object)
{
    const char *name = dynamo_text(object, "TableName");
    struct dynamo_table *t = name ? find_table(c, name) : NULL;
    if (!name)
        (void)dynamo_invalid(c, "The parameter 'TableName' is required but was not present in the request");
    else if (!t || t->active_ms > c->now_ms)
        (void)dynamo_refuse(c, "ResourceNotFoundException", "Requested resource not found");
    return t && t->active_ms <= c->now_ms ? t : NULL;
}

/* ---- tables ---- */

static void describe(const struct dynamo_call *c, const struct dynamo_table *t, const char *status, cJSON *out)
{
    char arn[400];
    str_fit(arn, sizeof arn, "arn:aws:dynamodb:%.40s:%.12s:table/%.255s", t->region, t->account, t->name);
    json_text(out, "TableName", t->name);
    json_text(out, "TableArn", arn);
    json_text(out, "TableStatus", status ? status : t->active_ms <= c->now_ms ? "ACTIVE" : "CREATING");
    json_number(out, "CreationDateTime", (double)t->created_ms / 1000);
    cJSON *attributes = json_array(out, "AttributeDefinitions"), *schema = json_array(out, "KeySchema");
    for (int i = 0; t->keys[i]; i++) {
        char type[2] = {t->types[i], '\0'};
        cJSON *attribute = json_object(attributes, NULL), *key = json_object(schema, NULL);
        json_text(attribute, "AttributeName", t->keys[i]);
        json_text(attribute, "AttributeType", type);
        json_text(key, "AttributeName", t->keys[i]);
        json_text(key, "KeyType", i == 0 ? "HASH" : "RANGE");
    }
    size_t live = 0, bytes = 0;
    for (size_t i = 0; i < t->count; i++) {
        live += t->items[i].now != NULL;
        bytes += t->items[i].now ? dynamo_item_size(t->items[i].now) : 0;
    }
    json_number(out, "ItemCount", (double)live);
    json_number(out, "TableSizeBytes", (double)bytes);
    cJSON *capacity = json_object(out, "ProvisionedThroughput");
    json_number(capacity, "ReadCapacityUnits", t->provisioned ? 5 : 0);
    json_number(capacity, "WriteCapacityUnits", t->provisioned ? 5 : 0);
    json_number(capacity, "NumberOfDecreasesToday", 0);
    if (!t->provisioned)
        json_text(json_object(out, "BillingModeSummary"), "BillingMode", "PAY_PER_REQUEST");
}

static bool is_name(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    return len >= 3 && len <= 255 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

static char type_of_attribute(const cJSON *attributes, const char *name)
{
    for (const cJSON *a = attributes ? attributes->child : NULL; a; a = a->next) {
        const char *attribute = dynamo_text(a, "AttributeName"), *type = dynamo_text(a, "AttributeType");
        if (attribute && type && strcmp(attribute, name) == 0 && strlen(type) == 1 && strchr("SNB", type[0]))
            return type[0];
    }
    return '\0';
}

static int read_schema(struct dynamo_call *c, struct dynamo_table *t)
{
    const cJSON *schema = cJSON_GetObjectItemCaseSensitive(c->in, "KeySchema");
    const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(c->in, "AttributeDefinitions");
    int count = cJSON_IsArray(schema) ? cJSON_GetArraySize(schema) : 0;
    if (count < 1 || count > 2)
        return dynamo_invalid(c, "KeySchema holds a HASH key and at most one RANGE key");
    int i = 0;
    for (const cJSON *key = schema->child; key; key = key->next, i++) {
        const char *name = dynamo_text(key, "AttributeName"), *type = dynamo_text(key, "KeyType");
        if (!name || !*name || strlen(name) > 255 || !type || strcmp(type, i == 0 ? "HASH" : "RANGE") != 0)
            return dynamo_invalid(c, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
        t->keys[i] = mem_dup(name);
        t->types[i] = type_of_attribute(attributes, name);
        if (!t->types[i])
            return dynamo_invalid(c,
                                  "One or more parameter values were invalid: Some index key attributes are not "
                                  "defined in AttributeDefinitions. Keys: [%.60s]",
                                  name);
    }
    if (cJSON_GetArraySize(attributes) != count)
        return dynamo_invalid(c,
                              "One or more parameter values were invalid: Number of attributes in KeySchema does not "
                              "exactly match number of attributes defined in AttributeDefinitions");
    if (cJSON_HasObjectItem(c->in, "GlobalSecondaryIndexes") || cJSON_HasObjectItem(c->in, "LocalSecondaryIndexes"))
        return dynamo_invalid(c, "The twin's tables have no secondary indexes");
    return 0;
}

/* The Tags of the request; one of the same key is replaced. */
static int add_tags(struct dynamo_call *c, struct dynamo_table *t)
{
    const cJSON *tags = cJSON_GetObjectItemCaseSensitive(c->in, "Tags");
    for (const cJSON *one = cJSON_IsArray(tags) ? tags->child : NULL; one; one = one->next) {
        const char *key = dynamo_text(one, "Key");
        if (!key || !dynamo_text(one, "Value") || cJSON_GetArraySize(t->tags) >= TAGS_MAX)
            return dynamo_invalid(c, "A tag has a Key and a Value, and a table at most %d of them", TAGS_MAX);
        int i = 0;
        for (const cJSON *old = t->tags->child; old && strcmp(dynamo_text(old, "Key"), key) != 0; old = old->next)
            i++;
        cJSON_DeleteItemFromArray(t->tags, i);
        cJSON_AddItemToArray(t->tags, cJSON_Duplicate(one, true));
    }
    return 0;
}

static int read_billing(struct dynamo_call *c, struct dynamo_table *t)
{
    const char *mode = dynamo_text(c->in, "BillingMode");
    bool capacity = cJSON_HasObjectItem(c->in, "ProvisionedThroughput");
    t->provisioned = !mode || strcmp(mode, "PROVISIONED") == 0;
    if (!t->provisioned && strcmp(mode, "PAY_PER_REQUEST") != 0)
        return dynamo_invalid(c, "BillingMode is PROVISIONED or PAY_PER_REQUEST");
    if (t->provisioned != capacity)
        return dynamo_invalid(c, t->provisioned
                                     ? "One or more parameter values were invalid: ReadCapacityUnits and "
                                       "WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
                                     : "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
                                       "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    return add_tags(c, t);
}

static int create_table(struct dynamo_call *c)
{
    const char *name = dynamo_text(c->in, "TableName");
    if (!is_name(name))
        return dynamo_invalid(c, "TableName must be at least 3 characters long and at most 255 characters long, of "
                                 "letters, digits, '_', '-' and '.'");
    if (find_table(c, name))
        return dynamo_refuse(c, "ResourceInUseException", "Table already exists: %.255s", name);
    if (c->db->count == TABLES_MAX)
        return dynamo_refuse(c, "LimitExceededException", "Subscriber limit exceeded: too many tables");
    struct dynamo_table *t = dynamo_table_new(c->account, c->region, name);
    t->created_ms = c->now_ms;
    t->active_ms = c->now_ms + DYNAMODB_TABLE_CREATE_MS;
    if (read_schema(c, t) || read_billing(c, t)) {
        dynamo_table_free(t);
        return -1;
    }
    c->db->tables = mem_grow(c->db->tables, &c->db->cap, c->db->count + 1, sizeof(struct dynamo_table *));
    c->db->tables[c->db->count++] = t;
    describe(c, t, NULL, json_object(c->out, "TableDescription"));
    return 0;
}

static int describe_table(struct dynamo_call *c)
{
    const struct dynamo_table *t = any_table(c, "TableName");
    if (t)
        describe(c, t, NULL, json_object(c->out, "Table"));
    return t ? 0 : -1;
}

static int delete_table(struct dynamo_call *c)
{
    struct dynamo_table *t = any_table(c, "TableName");
    if (!t)
        return -1;
    if (t->active_ms > c->now_ms)
        return dynamo_refuse(c, "ResourceInUseException",
                             "Attempt to change a resource which is still in use: Table is being created: %.255s",
                             t->name);
    describe(c, t, "DELETING", json_object(c->out, "TableDescription"));
    size_t i = 0;
    while (c->db->tables[i] != t)
        i++;
    c->db->tables[i] = c->db->tables[--c->db->count];
    dynamo_table_free(t);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_tables(struct dynamo_call *c)
{
    const char *names[TABLES_MAX] = {NULL};
    size_t count = 0;
    const char *after = dynamo_text(c->in, "ExclusiveStartTableName");
    const cJSON *limit = cJSON_GetObjectItemCaseSensitive(c->in, "Limit");
    size_t most =
        cJSON_IsNumber(limit) && limit->valuedouble >= 1 && limit->valuedouble < 100 ? (size_t)limit->valuedouble : 100;
    for (size_t i = 0; i < c->db->count; i++) {
        const struct dynamo_table *t = c->db->tables[i];
        if (strcmp(t->account, c->account) == 0 && strcmp(t->region, c->region) == 0 &&
            (!after || strcmp(t->name, after) > 0))
            names[count++] = t->name;
    }
    qsort(names, count, sizeof *names, by_name);
    cJSON *list = json_array(c->out, "TableNames");
    for (size_t i = 0; i < count && i < most; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(names[i]));
    if (count > most)
        json_text(c->out, "LastEvaluatedTableName", names[most - 1]);
    return 0;
}

static int update_ttl(struct dynamo_call *c)
{
    struct dynamo_table *t = dynamo_named_table(c, c->in);
    cJSON *order = cJSON_GetObjectItemCaseSensitive(c->in, "TimeToLiveSpecification");
    const char *attribute = dynamo_text(order, "AttributeName");
    bool enabled = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(order, "Enabled"));
    if (!t)
        return -1;
    if (!attribute || !*attribute)
        return dynamo_invalid(c, "TimeToLiveSpecification.AttributeName is missing");
    if (enabled == (t->ttl != NULL))
        return dynamo_invalid(c, enabled ? "TimeToLive is already enabled" : "TimeToLive is already disabled");
    free(t->ttl);
    t->ttl = enabled ? mem_dup(attribute) : NULL;
    cJSON_AddItemToObject(c->out, "TimeToLiveSpecification", cJSON_Duplicate(order, true));
    return 0;
}

static int describe_ttl(struct dynamo_call *c)
{
    const struct dynamo_table *t = dynamo_named_table(c, c->in);
    if (!t)
        return -1;
    cJSON *out = json_object(c->out, "TimeToLiveDescription");
    json_text(out, "TimeToLiveStatus", t->ttl ? "ENABLED" : "DISABLED");
    if (t->ttl)
        json_text(out, "AttributeName", t->ttl);
    return 0;
}

static void show_backups(struct dynamo_call *c, const struct dynamo_table *t)
{
    cJSON *out = json_object(c->out, "ContinuousBackupsDescription");
    json_text(out, "ContinuousBackupsStatus", "ENABLED");
    json_text(json_object(out, "PointInTimeRecoveryDescription"), "PointInTimeRecoveryStatus",
              t->backups ? "ENABLED" : "DISABLED");
}

static int update_backups(struct dynamo_call *c)
{
    struct dynamo_table *t = any_table(c, "TableName");
    const cJSON *order = cJSON_GetObjectItemCaseSensitive(c->in, "PointInTimeRecoverySpecification");
    const cJSON *enabled = cJSON_GetObjectItemCaseSensitive(order, "PointInTimeRecoveryEnabled");
    if (!t)
        return -1;
    if (t->active_ms > c->now_ms)
        return dynamo_refuse(c, "ContinuousBackupsUnavailableException",
                             "Backups are being enabled for the table: %.255s. Please retry later", t->name);
    if (!cJSON_IsBool(enabled))
        return dynamo_invalid(c, "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled is missing");
    t->backups = cJSON_IsTrue(enabled);
    show_backups(c, t);
    return 0;
}

static int describe_backups(struct dynamo_call *c)
{
    const struct dynamo_table *t = any_table(c, "TableName");
    if (t)
        show_backups(c, t);
    return t ? 0 : -1;
}

static int tag(struct dynamo_call *c)
{
    struct dynamo_table *t = any_table(c, "ResourceArn");
    return t ? add_tags(c, t) : -1;
}

static int list_tags(struct dynamo_call *c)
{
    const struct dynamo_table *t = any_table(c, "ResourceArn");
    if (t)
        cJSON_AddItemToObject(c->out, "Tags", cJSON_Duplicate(t->tags, true));
    return t ? 0 : -1;
}

/* ---- dispatch ---- */

static const struct {
    const char *name;
    int (*perform)(struct dynamo_call *c);
} actions[] = {
    {"PutItem", dynamo_put_item},
    {"GetItem", dynamo_get_item},
    {"UpdateItem", dynamo_update_item},
    {"DeleteItem", dynamo_delete_item},
    {"Query", dynamo_query},
    {"Scan", dynamo_scan},
    {"BatchGetItem", dynamo_batch_get},
    {"BatchWriteItem", dynamo_batch_write},
    {"TransactGetItems", dynamo_transact_get},
    {"TransactWriteItems", dynamo_transact_write},
    {"CreateTable", create_table},
    {"DescribeTable", describe_table},
    {"DeleteTable", delete_table},
    {"ListTables", list_tables},
    {"UpdateTimeToLive", update_ttl},
    {"DescribeTimeToLive", describe_ttl},
    {"UpdateContinuousBackups", update_backups},
    {"DescribeContinuousBackups", describe_backups},
    {"TagResource", tag},
    {"ListTagsOfResource", list_tags},
};

int dynamodb_call(struct dynamodb *db, const char *account, const char *region, const struct aws_request *request,
                  int64_t now_ms, struct aws_reply *reply, struct aws_error *error)
{
    size_t i = 0, count = sizeof actions / sizeof *actions;
    while (i < count && strcmp(actions[i].name, request->action) != 0)
        i++;
    if (i == count) {
        aws_error_set(error, AWS_REFUSED, 400, "UnknownOperationException", "An unknown operation was requested.");
        return -1;
    }
    if (db->calls++ % TIDY_EVERY == 0 || strcmp(request->action, "Scan") == 0)
        for (size_t t = 0; t < db->count; t++)
            dynamo_table_tidy(db->tables[t], db->lag_ms, now_ms);
    struct dynamo_call c = {.db = db,
                            .account = account,
                            .region = region,
                            .in = request->json ? cJSON_Duplicate(request->json, true) : cJSON_CreateObject(),
                            .out = cJSON_CreateObject(),
                            .now_ms = now_ms,
                            .error = error};
    int code = actions[i].perform(&c);
    cJSON_Delete(c.in);
    /* An error's further members: a transaction's reasons, the item that was in the way. */
    bool tells = !code || strcmp(error->code, "TransactionCanceledException") == 0 ||
                 strcmp(error->code, "ConditionalCheckFailedException") == 0;
    reply->json = tells ? c.out : NULL;
    if (!tells)
        cJSON_Delete(c.out);
    return code;
}

/* ---- as a document ---- */

static void table_json(const struct dynamo_table *t, cJSON *out)
{
    json_text(out, "account", t->account);
    json_text(out, "region", t->region);
    json_text(out, "name", t->name);
    json_text(out, "partition", t->keys[0]);
    json_text(out, "sort", t->keys[1]);
    char types[3] = {t->types[0], t->types[1], '\0'};
    json_text(out, "types", types);
    json_text(out, "ttl", t->ttl);
    json_bool(out, "backups", t->backups);
    json_bool(out, "provisioned", t->provisioned);
    json_i64(out, "created_ms", t->created_ms);
    json_i64(out, "active_ms", t->active_ms);
    cJSON_AddItemToObject(out, "tags", cJSON_Duplicate(t->tags, true));
    cJSON *items = json_array(out, "items");
    for (size_t i = 0; i < t->count; i++)
        if (t->items[i].now)
            cJSON_AddItemToArray(items, cJSON_Duplicate(t->items[i].now, true));
}

cJSON *dynamodb_json(const struct dynamodb *db)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *tables = json_array(document, "tables");
    for (size_t i = 0; i < db->count; i++)
        table_json(db->tables[i], json_object(tables, NULL));
    return document;
}

static int64_t number_at(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9e15 ? (int64_t)item->valuedouble : 0;
}

static int read_items(struct dynamo_table *t, const cJSON *items)
{
    for (const cJSON *item = items ? items->child : NULL; item; item = item->next) {
        cJSON *copy = cJSON_Duplicate(item, true);
        const char *wrong = dynamo_table_check_key(t, copy, false);
        for (cJSON *value = copy->child; value && !wrong; value = value->next)
            wrong = dynamo_check(value, 0);
        if (wrong) {
            cJSON_Delete(copy);
            return -1;
        }
        dynamo_table_put(t, copy, t->created_ms);
    }
    return 0;
}

static int read_table(struct dynamodb *db, const cJSON *in)
{
    const char *account = dynamo_text(in, "account"), *region = dynamo_text(in, "region");
    const char *name = dynamo_text(in, "name"), *partition = dynamo_text(in, "partition");
    const char *sort = dynamo_text(in, "sort"), *types = dynamo_text(in, "types");
    if (!account || !region || !is_name(name) || !partition || !types || strlen(types) != (sort ? 2 : 1) ||
        strspn(types, "SNB") != strlen(types) || db->count == TABLES_MAX)
        return -1;
    struct dynamo_table *t = dynamo_table_new(account, region, name);
    t->keys[0] = mem_dup(partition);
    t->keys[1] = sort ? mem_dup(sort) : NULL;
    memcpy(t->types, types, strlen(types));
    const char *ttl = dynamo_text(in, "ttl");
    t->ttl = ttl ? mem_dup(ttl) : NULL;
    t->backups = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(in, "backups"));
    t->provisioned = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(in, "provisioned"));
    t->created_ms = number_at(in, "created_ms");
    t->active_ms = number_at(in, "active_ms");
    const cJSON *tags = cJSON_GetObjectItemCaseSensitive(in, "tags");
    for (const cJSON *one = tags ? tags->child : NULL; one; one = one->next)
        if (dynamo_text(one, "Key") && dynamo_text(one, "Value"))
            cJSON_AddItemToArray(t->tags, cJSON_Duplicate(one, true));
    db->tables = mem_grow(db->tables, &db->cap, db->count + 1, sizeof(struct dynamo_table *));
    db->tables[db->count++] = t;
    return read_items(t, cJSON_GetObjectItemCaseSensitive(in, "items"));
}

int dynamodb_read(struct dynamodb *db, const cJSON *document)
{
    const cJSON *tables = cJSON_GetObjectItemCaseSensitive(document, "tables");
    clear(db);
    int code = cJSON_IsArray(tables) ? 0 : -1;
    for (const cJSON *table = code ? NULL : tables->child; table && !code; table = table->next)
        code = read_table(db, table);
    return code;
}
