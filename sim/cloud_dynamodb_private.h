/* cloud_dynamodb_private.h - one call of DynamoDB under way; shared by cloud_dynamodb.c (tables), dynamo_items.c
 * (single items), dynamo_many.c (queries, batches) and dynamo_transact.c. */
#ifndef SIM_CLOUD_DYNAMODB_PRIVATE_H
#define SIM_CLOUD_DYNAMODB_PRIVATE_H

#include "sim/cloud_dynamodb.h"
#include "sim/dynamo_expr.h"
#include "sim/dynamo_table.h"

struct dynamo_token {
    char *text;
    uint64_t request; /* its hash */
    int64_t made_ms;
};

struct dynamodb {
    struct dynamo_table **tables;
    size_t count, cap;
    int64_t lag_ms;
    uint64_t calls;
    struct dynamo_token *tokens;
    size_t token_count, token_cap;
};

struct dynamo_call {
    struct dynamodb *db;
    const char *account, *region;
    cJSON *in; /* the request's document: numbers in it are normalised in place */
    cJSON *out;
    int64_t now_ms;
    struct aws_error *error;
};

int dynamo_refuse(struct dynamo_call *c, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4); /* -1 */
int dynamo_invalid(struct dynamo_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3); /* ValidationException */
const char *dynamo_text(const cJSON *object, const char *name);                    /* NULL: no text there */
/* The table that object's TableName (a name or an ARN) means, active; NULL: refused. */
struct dynamo_table *dynamo_named_table(struct dynamo_call *c, const cJSON *object);

/* A write, checked and worked out, and not yet done. */
struct dynamo_write {
    struct dynamo_table *table;
    cJSON *key;
    cJSON *item;      /* what will stand there; NULL: nothing */
    bool changes;     /* false: a condition check only */
    bool holds;       /* its condition */
    const cJSON *old; /* what stands there; NULL: nothing */
};
enum dynamo_kind { DYNAMO_PUT, DYNAMO_UPDATE, DYNAMO_DELETE, DYNAMO_CHECK };
int dynamo_write_plan(struct dynamo_call *c, enum dynamo_kind kind, cJSON *order, struct dynamo_write *out);
void dynamo_write_do(struct dynamo_call *c, struct dynamo_write *w);
void dynamo_write_release(struct dynamo_write *w);
/* An item as an order (Key, ProjectionExpression, ConsistentRead) wants it; *out NULL where there is none. */
int dynamo_read_one(struct dynamo_call *c, cJSON *order, bool consistent, cJSON **out);

int dynamo_put_item(struct dynamo_call *c);
int dynamo_get_item(struct dynamo_call *c);
int dynamo_update_item(struct dynamo_call *c);
int dynamo_delete_item(struct dynamo_call *c);
int dynamo_query(struct dynamo_call *c);
int dynamo_scan(struct dynamo_call *c);
int dynamo_batch_get(struct dynamo_call *c);
int dynamo_batch_write(struct dynamo_call *c);
int dynamo_transact_get(struct dynamo_call *c);
int dynamo_transact_write(struct dynamo_call *c);

#endif
