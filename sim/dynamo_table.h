/*
 * dynamo_table.h - a table's items in the order of their keys.
 *
 * Owned by cloud_dynamodb.c. An item is a cJSON object and the table's; what stood before a write is kept beside it for
 * as long as reads may lag.
 */
#ifndef SIM_DYNAMO_TABLE_H
#define SIM_DYNAMO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "sim/dynamo_value.h"

#define DYNAMO_ITEM_MAX ((size_t)400 << 10)

struct dynamo_item {
    cJSON *now;    /* NULL: deleted */
    cJSON *before; /* what readers that may lag see until written_ms + lag; NULL: nothing stood there */
    cJSON *key;    /* owned: the key's attributes */
    int64_t written_ms;
};

struct dynamo_table {
    char *account, *region, *name;
    char *keys[3]; /* partition, sort (or NULL), NULL */
    char types[2]; /* 'S', 'N', 'B' */
    char *ttl;     /* the attribute; NULL: none */
    bool backups, provisioned;
    int64_t created_ms, active_ms;
    cJSON *tags; /* array */
    struct dynamo_item *items;
    size_t count, cap;
};

struct dynamo_table *dynamo_table_new(const char *account, const char *region, const char *name);
void dynamo_table_free(struct dynamo_table *t);

/* NULL, or what is wrong with the key of an item; with `only` nothing else may stand in it. */
const char *dynamo_table_check_key(const struct dynamo_table *t, const cJSON *item, bool only);
int dynamo_table_order(const struct dynamo_table *t, const cJSON *a, const cJSON *b); /* by their keys */
/* Where the key stands or would stand; *found says which. */
size_t dynamo_table_find(const struct dynamo_table *t, const cJSON *key, bool *found);
/* The item as a reader sees it; NULL: there is none. */
const cJSON *dynamo_table_see(const struct dynamo_item *item, bool consistent, int64_t lag_ms, int64_t now_ms);
const cJSON *dynamo_table_get(const struct dynamo_table *t, const cJSON *key);
void dynamo_table_put(struct dynamo_table *t, cJSON *item, int64_t now_ms); /* takes it over */
void dynamo_table_delete(struct dynamo_table *t, const cJSON *key, int64_t now_ms);
/* Forgets what was deleted long ago, and what has lived its time. */
void dynamo_table_tidy(struct dynamo_table *t, int64_t lag_ms, int64_t now_ms);
size_t dynamo_item_size(const cJSON *item);
cJSON *dynamo_table_key(const struct dynamo_table *t, const cJSON *item); /* a copy of the key's attributes */

#endif
