/*
 * cloud_dynamodb.h - the modelled DynamoDB, as far as a state store with conditional writes needs it.
 *
 * Tables with a partition key and, where wanted, a sort key; no secondary indexes. CreateTable, DescribeTable,
 * ListTables, DeleteTable, UpdateTimeToLive, DescribeTimeToLive, UpdateContinuousBackups, DescribeContinuousBackups,
 * TagResource, ListTagsOfResource; PutItem, GetItem, UpdateItem, DeleteItem, Query, Scan, BatchGetItem, BatchWriteItem,
 * TransactGetItems, TransactWriteItems (all or nothing; ClientRequestToken remembered for ten minutes).
 *
 * A table takes TABLE_CREATE_MS to become ACTIVE. Reads that do not ask for ConsistentRead see what stood lag_ms ago.
 * Items whose time to live has passed go two days later, as DynamoDB's own word is "within a few days": until then they
 * are read. Numbers of a request are kept by account and region.
 *
 * Ownership: struct dynamodb is its maker's. Errors: AWS's codes without a namespace; a cancelled transaction leaves
 * its reasons in reply->json. Cost: an item is found by binary search; a write copies the item.
 */
#ifndef SIM_CLOUD_DYNAMODB_H
#define SIM_CLOUD_DYNAMODB_H

#include <stdint.h>

#include "base/str.h"
#include "scheduler/wire.h"

#define DYNAMODB_TABLE_CREATE_MS 8000

struct dynamodb;

struct dynamodb *dynamodb_new(int64_t lag_ms);
void dynamodb_free(struct dynamodb *db);

int dynamodb_call(struct dynamodb *db, const char *account, const char *region, const struct aws_request *request,
                  int64_t now_ms, struct aws_reply *reply, struct aws_error *error);

cJSON *dynamodb_json(const struct dynamodb *db); /* everything, for /_twin/state and --state; the caller's */
int dynamodb_read(struct dynamodb *db, const cJSON *document) MUST_USE; /* -1: it is no state */

#endif
