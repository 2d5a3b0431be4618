/* DynamoDB: requests, their expressions, and state from outside. First line: the action; then the document. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "sim/cloud_dynamodb.h"
#include "tests/fuzz.h"

const char *const fuzz_seeds[] = {
    "PutItem\n{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"l\":{\"L\":[{\"N\":\"1.50\"}"
    "]}},"
    "\"ConditionExpression\":\"attribute_not_exists(pk) OR (n < :x AND NOT contains(l[0], :x))\","
    "\"ExpressionAttributeValues\":{\":x\":{\"N\":\"-5e3\"}}}",
    "UpdateItem\n{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"k\"},\"sk\":{\"N\":\"1\"}},\"UpdateExpression\":"
    "\"SET n = n + :x, #o.b = if_not_exists(m, :x), l = list_append(l, :l) REMOVE gone, l[1] ADD c :x DELETE s :s\","
    "\"ExpressionAttributeNames\":{\"#o\":\"owner\"},\"ExpressionAttributeValues\":{\":x\":{\"N\":\"1\"},"
    "\":l\":{\"L\":[]},\":s\":{\"SS\":[\"a\"]}},\"ReturnValues\":\"UPDATED_NEW\"}",
    "Query\n{\"TableName\":\"tab\",\"KeyConditionExpression\":\"(pk = :p) AND sk BETWEEN :a AND :b\","
    "\"FilterExpression\":\"size(l) > :a AND begins_with(t, :p) AND attribute_type(l, :p) AND n IN (:a, :b)\","
    "\"ProjectionExpression\":\"pk, l[0], "
    "m.a.b\",\"ExpressionAttributeValues\":{\":p\":{\"S\":\"k\"},\":a\":{\"N\":\"0\"},"
    "\":b\":{\"N\":\"9\"}},\"Limit\":1}",
    "TransactWriteItems\n{\"TransactItems\":[{\"Put\":{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"q\"},"
    "\"sk\":{\"N\":\"2\"}}}},{\"ConditionCheck\":{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"k\"},\"sk\":{\"N\":"
    "\"1\"}},"
    "\"ConditionExpression\":\"attribute_exists(pk)\"}}],\"ClientRequestToken\":\"t\"}",
    "BatchWriteItem\n{\"RequestItems\":{\"tab\":[{\"PutRequest\":{\"Item\":{\"pk\":{\"S\":\"z\"},\"sk\":{\"N\":\"3\"}}}"
    "}]}}",
    "BatchGetItem\n{\"RequestItems\":{\"tab\":{\"Keys\":[{\"pk\":{\"S\":\"k\"},\"sk\":{\"N\":\"1\"}}]}}}",
    "CreateTable\n{\"TableName\":\"more\",\"KeySchema\":[{\"AttributeName\":\"a\",\"KeyType\":\"HASH\"}],"
    "\"AttributeDefinitions\":[{\"AttributeName\":\"a\",\"AttributeType\":\"S\"}],\"BillingMode\":\"PAY_PER_REQUEST\","
    "\"Tags\":[{\"Key\":\"k\",\"Value\":\"v\"}]}",
    "TagResource\n{\"ResourceArn\":\"arn:aws:dynamodb:us-east-1:1:table/"
    "tab\",\"Tags\":[{\"Key\":\"a\",\"Value\":\"b\"}]}",
    "UpdateTimeToLive\n{\"TableName\":\"tab\",\"TimeToLiveSpecification\":{\"AttributeName\":\"n\",\"Enabled\":true}}",
    "Scan\n{\"TableName\":\"tab\",\"ExclusiveStartKey\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}},\"Select\":"
    "\"COUNT\"}",
    "state\n{\"tables\":[{\"account\":\"1\",\"region\":\"r\",\"name\":\"tab\",\"partition\":\"p\",\"sort\":null,"
    "\"types\":\"S\","
    "\"tags\":[],\"items\":[{\"p\":{\"S\":\"x\"}}]}]}",
    NULL,
};

static int call(struct dynamodb *db, const char *action, const char *text, size_t len, int64_t now_ms)
{
    struct err err = {0};
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error = {0};
    aws_request_init(&request, AWS_DYNAMODB, action);
    aws_reply_init(&reply);
    request.json = json_parse("fuzz", text, len, &err);
    int code = -1;
    if (request.json) {
        code = dynamodb_call(db, "1", "us-east-1", &request, now_ms, &reply, &error);
        assert(code ? *error.code != '\0' : reply.json != NULL);
    }
    aws_request_release(&request);
    aws_reply_release(&reply);
    return code;
}

static void call_text(struct dynamodb *db, const char *action, const char *text)
{
    int code = call(db, action, text, strlen(text), 0);
    assert(code == 0);
    (void)code;
}

static struct dynamodb *prepared(void)
{
    struct dynamodb *db = dynamodb_new(0);
    call_text(db, "CreateTable",
              "{\"TableName\":\"tab\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{"
              "\"AttributeName\":\"sk\","
              "\"KeyType\":\"RANGE\"}],\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"
              "{\"AttributeName\":\"sk\",\"AttributeType\":\"N\"}],\"BillingMode\":\"PAY_PER_REQUEST\"}");
    static const char item[] =
        "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"k\"},\"sk\":{\"N\":\"1\"},\"n\":{\"N\":\"7\"},"
        "\"l\":{\"L\":[{\"S\":\"x\"},{\"N\":\"2\"}]},\"m\":{\"M\":{\"a\":{\"M\":{\"b\":{\"S\":\"y\"}}}}},"
        "\"s\":{\"SS\":[\"a\",\"b\"]}}}";
    int code = call(db, "PutItem", item, strlen(item), 100000);
    assert(code == 0);
    (void)code;
    return db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    if (!end)
        return 0;
    char *action = mem_dup_n((const char *)data, (size_t)(end - data));
    const char *text = (const char *)end + 1;
    size_t len = size - (size_t)(end - data) - 1;
    struct dynamodb *db = prepared();
    if (strcmp(action, "state") == 0) {
        struct err err = {0};
        cJSON *document = json_parse("fuzz", text, len, &err);
        bool taken = document && dynamodb_read(db, document) == 0;
        assert(taken || size > 0);
        cJSON_Delete(document);
    } else {
        (void)call(db, action, text, len, 200000);
    }
    /* Whatever was asked, what is there can be written down and read again. */
    cJSON *shown = dynamodb_json(db);
    struct dynamodb *again = dynamodb_new(0);
    int code = dynamodb_read(again, shown);
    assert(code == 0 || strcmp(action, "state") == 0);
    (void)code;
    cJSON_Delete(shown);
    dynamodb_free(again);
    dynamodb_free(db);
    free(action);
    return 0;
}
