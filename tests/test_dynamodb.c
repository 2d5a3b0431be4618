/* The modelled DynamoDB in process: numbers, conditions, updates, keys, consistency. Expected values are those of the
 * Developer Guide's rules, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "sim/cloud_dynamodb.h"
#include "sim/dynamo_expr.h"
#include "sim/dynamo_value.h"

static cJSON *json(const char *text)
{
    struct err err = {0};
    cJSON *document = json_parse("test", text, strlen(text), &err);
    if (!document)
        fail_msg("%s: %s", text, err.text);
    return document;
}

/* ---- numbers ---- */

static void numbers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text, *plain;
    } cases[] = {{"1.50", "1.5"},
                 {"-0", "0"},
                 {"00012", "12"},
                 {".25", "0.25"},
                 {"1e3", "1000"},
                 {"12.5E-3", "0.0125"},
                 {"99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
                 {"123456789012345678901234567890.12345678", "123456789012345678901234567890.12345678"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decimal d;
        struct str text;
        str_init(&text, 0);
        assert_int_equal(decimal_parse(cases[i].text, &d), 0);
        decimal_text(d, &text);
        assert_string_equal(text.text, cases[i].plain);
        str_release(&text);
    }
    static const char *const bad[] = {
        "", "-", ".", "1.2.3", "x", "1e", "1e999", "999999999999999999999999999999999999999", " 1", "0x10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct decimal d;
        if (decimal_parse(bad[i], &d) == 0)
            fail_msg("%s is taken", bad[i]);
    }
}

static int order_of(const char *a, const char *b)
{
    struct decimal x, y;
    assert_int_equal(decimal_parse(a, &x), 0);
    assert_int_equal(decimal_parse(b, &y), 0);
    return decimal_order(x, y);
}

static void numbers_have_an_order_and_a_sum(void **state)
{
    (void)state;
    assert_int_equal(order_of("9", "10"), -1);
    assert_int_equal(order_of("-9", "-10"), 1);
    assert_int_equal(order_of("1e20", "99999999999999999999"), 1);
    assert_int_equal(order_of("0.1", "0.10"), 0);
    assert_int_equal(order_of("-1", "0"), -1);
    struct decimal a, b, sum;
    struct str text;
    str_init(&text, 0);
    assert_int_equal(decimal_parse("0.1", &a), 0);
    assert_int_equal(decimal_parse("0.2", &b), 0);
    assert_int_equal(decimal_add(a, b, &sum), 0);
    decimal_text(sum, &text);
    assert_string_equal(text.text, "0.3");
    assert_int_equal(decimal_parse("1e60", &a), 0);
    assert_int_equal(decimal_add(a, b, &sum), -1);
    str_release(&text);
}

/* ---- conditions ---- */

static const char item_text[] =
    "{\"pk\":{\"S\":\"k\"},\"n\":{\"N\":\"7\"},\"t\":{\"S\":\"hello\"},\"b\":{\"BOOL\":true},"
    "\"l\":{\"L\":[{\"S\":\"x\"},{\"N\":\"2\"}]},\"m\":{\"M\":{\"a\":{\"N\":\"3\"}}},"
    "\"ss\":{\"SS\":[\"p\",\"q\"]},\"status\":{\"S\":\"up\"}}";
static const char given[] = "{\"ExpressionAttributeNames\":{\"#s\":\"status\"},\"ExpressionAttributeValues\":"
                            "{\":7\":{\"N\":\"7.0\"},\":8\":{\"N\":\"8\"},\":x\":{\"S\":\"x\"},\":he\":{\"S\":\"he\"},"
                            "\":p\":{\"S\":\"p\"},\":up\":{\"S\":\"up\"},\":S\":{\"S\":\"S\"},\":t\":{\"BOOL\":true}}}";

static int condition(const char *text, bool *holds, char message[400])
{
    cJSON *request = json(given), *item = json(item_text);
    struct dynamo_scope scope;
    dynamo_scope_init(&scope, request);
    int code = dynamo_condition(&scope, "ConditionExpression", text, item, holds);
    memcpy(message, scope.message, 400);
    dynamo_scope_release(&scope);
    cJSON_Delete(request);
    cJSON_Delete(item);
    return code;
}

static void conditions_hold_or_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {{"n = :7", true},
                 {"n <> :8 AND n < :8", true},
                 {"n BETWEEN :7 AND :8", true},
                 {"n IN (:8, :7)", true},
                 {"n > :x", false}, /* other types have no order */
                 {"n < :t", false},
                 {"gone = :7", false},
                 {"gone <> :7", true},
                 {"gone < :7", false},
                 {"attribute_exists(m.a) and attribute_not_exists(m.z)", true},
                 {"attribute_type(t, :S)", true},
                 {"begins_with(t, :he)", true},
                 {"begins_with(n, :he)", false},
                 {"contains(l, :x) AND contains(ss, :p) AND contains(t, :he)", true},
                 {"contains(ss, :x)", false},
                 {"size(t) < :8 AND size(l) < :7", true},
                 {"l[0] = :x AND m.a < :7", true},
                 {"#s = :up", true},
                 {"b = :t", true},
                 {"NOT n = :7 OR n = :7 AND n = :8", false}, /* AND binds closer, NOT closest */
                 {"NOT (n = :8 OR n = :7)", false},
                 {"NOT NOT n = :7", true},
                 {"((n = :7) OR n = :8)", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool holds = false;
        char message[400];
        if (condition(cases[i].text, &holds, message) || holds != cases[i].holds)
            fail_msg("%s: %d %s", cases[i].text, holds, message);
    }
}

static void bad_conditions_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {{"", "can not be empty"},
                 {"n =", "Syntax error"},
                 {"n = :nope", "attribute value: :nope"},
                 {"#nope = :7", "attribute name: #nope"},
                 {"status = :up", "reserved keyword: status"},
                 {"n = :7 n", "Syntax error; token: \"n\""},
                 {"(n = :7", "Syntax error"},
                 {"n ! :7", "Syntax error"},
                 {"frobnicate(n)", "function: frobnicate"},
                 {"n BETWEEN :7", "Syntax error"},
                 {"n IN ()", "Syntax error"},
                 {"((n = :7))", "redundant parentheses"},
                 {"n = n", "must be distinct"},
                 {"n BETWEEN :8 AND :7", "upper bound"},
                 {"n BETWEEN :7 AND :x", "same data type"},
                 {"begins_with(t, :7)", "operand type: N"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool holds;
        char message[400];
        if (condition(cases[i].text, &holds, message) == 0 || !strstr(message, cases[i].part))
            fail_msg("%s: %s", cases[i].text, message);
    }
    /* Deep nesting ends, too. */
    char deep[500];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    bool holds;
    char message[400];
    assert_int_equal(condition(deep, &holds, message), -1);
}

/* ---- updates ---- */

static void update(const char *text, const char *wanted, const char *part)
{
    static const char *const keys[] = {"pk", NULL};
    cJSON *request = json("{\"ExpressionAttributeValues\":{\":1\":{\"N\":\"1\"},\":l\":{\"L\":[{\"S\":\"z\"}]},"
                          "\":s\":{\"SS\":[\"p\",\"r\"]},\":x\":{\"S\":\"x\"}}}");
    cJSON *item =
        json("{\"pk\":{\"S\":\"k\"},\"n\":{\"N\":\"7\"},\"l\":{\"L\":[{\"N\":\"0\"},{\"N\":\"1\"},{\"N\":\"2\"}]},"
             "\"s\":{\"SS\":[\"p\",\"q\"]},\"m\":{\"M\":{}}}");
    cJSON *out = NULL;
    struct dynamo_scope scope;
    dynamo_scope_init(&scope, request);
    int code = dynamo_update(&scope, text, item, keys, &out);
    bool told = part && strstr(scope.message, part);
    if (code ? !told : part != NULL)
        fail_msg("%s: %d %s", text, code, scope.message);
    if (wanted) {
        cJSON *expected = json(wanted);
        for (const cJSON *value = expected->child; value; value = value->next) {
            const cJSON *got = cJSON_GetObjectItemCaseSensitive(out, value->string);
            if (cJSON_IsNull(value) ? got != NULL : !got || !dynamo_equal(got, value))
                fail_msg("%s: %s is not as expected", text, value->string);
        }
        cJSON_Delete(expected);
    }
    cJSON_Delete(out);
    dynamo_scope_release(&scope);
    cJSON_Delete(request);
    cJSON_Delete(item);
}

static void updates_change_the_item(void **state)
{
    (void)state;
    update("SET n = n + :1, a = n", "{\"n\":{\"N\":\"8\"},\"a\":{\"N\":\"7\"}}", NULL); /* all see the old item */
    update("SET n = n - :1", "{\"n\":{\"N\":\"6\"}}", NULL);
    update("SET a = if_not_exists(n, :1), b = if_not_exists(z, :x)", "{\"a\":{\"N\":\"7\"},\"b\":{\"S\":\"x\"}}", NULL);
    update("SET l = list_append(l, :l)", "{\"l\":{\"L\":[{\"N\":\"0\"},{\"N\":\"1\"},{\"N\":\"2\"},{\"S\":\"z\"}]}}",
           NULL);
    update("REMOVE l[0], l[2], n", "{\"l\":{\"L\":[{\"N\":\"1\"}]},\"n\":null}", NULL);
    update("ADD n :1, c :1, s :s", "{\"n\":{\"N\":\"8\"},\"c\":{\"N\":\"1\"},\"s\":{\"SS\":[\"p\",\"q\",\"r\"]}}",
           NULL);
    update("DELETE s :s", "{\"s\":{\"SS\":[\"q\"]}}", NULL);
    update(
        "SET m.a = :x, l[7] = :x",
        "{\"m\":{\"M\":{\"a\":{\"S\":\"x\"}}},\"l\":{\"L\":[{\"N\":\"0\"},{\"N\":\"1\"},{\"N\":\"2\"},{\"S\":\"x\"}]}}",
        NULL);
    update("set n = :1 remove m add c :1", "{\"n\":{\"N\":\"1\"},\"m\":null}", NULL);
}

static void bad_updates_are_told(void **state)
{
    (void)state;
    update("SET pk = :x", NULL, "part of the key");
    update("SET n = :1, n = :1", NULL, "overlap");
    update("SET m = :1, m.a = :1", NULL, "overlap");
    update("ADD z :1 DELETE z.a :s", NULL, "overlap");
    update("SET n = :1 SET m = :1", NULL, "only be used once");
    update("SET z = y + :1", NULL, "does not exist in the item");
    update("SET n = n + :x", NULL, "incorrect data type");
    update("ADD n :x", NULL, "incorrect data type");
    update("SET z.a = :1", NULL, "invalid for update");
    update("SET n", NULL, "Syntax error");
    update("REMOVE n[0]", NULL, "invalid for update");
    update("REMOVE z.a", NULL, "invalid for update");
    update("DELETE n.r :s", NULL, "invalid for update");
    update("FROB n", NULL, "Syntax error");
    update("SET n = list_append(n, :l)", NULL, "incorrect data type");
}

/* ---- tables ---- */

struct bench {
    struct dynamodb *db;
    struct aws_reply reply;
    struct aws_error error;
    int64_t now_ms;
};

static int call(struct bench *b, const char *action, const char *text)
{
    struct aws_request request;
    aws_request_init(&request, AWS_DYNAMODB, action);
    request.json = json(text);
    aws_reply_release(&b->reply);
    b->error = (struct aws_error){0};
    int code = dynamodb_call(b->db, "123456789012", "us-east-1", &request, b->now_ms, &b->reply, &b->error);
    aws_request_release(&request);
    return code;
}

static void refused(struct bench *b, const char *action, const char *text, const char *code)
{
    assert_int_equal(call(b, action, text), -1);
    assert_string_equal(b->error.code, code);
}

static struct bench table_with_lag(int64_t lag_ms)
{
    struct bench b = {.db = dynamodb_new(lag_ms), .now_ms = 1000000};
    assert_int_equal(call(&b, "CreateTable",
                          "{\"TableName\":\"tab\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"}],"
                          "\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"}],"
                          "\"BillingMode\":\"PAY_PER_REQUEST\"}"),
                     0);
    b.now_ms += DYNAMODB_TABLE_CREATE_MS;
    return b;
}

static void release(struct bench *b)
{
    aws_reply_release(&b->reply);
    dynamodb_free(b->db);
}

static bool has_item(const struct bench *b)
{
    return cJSON_HasObjectItem(b->reply.json, "Item");
}

#define PUT_A "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"N\":\"1\"}}}"
#define KEY_A "\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"a\"}}"

static void reads_may_lag_unless_they_are_consistent(void **state)
{
    (void)state;
    struct bench b = table_with_lag(1000);
    assert_int_equal(call(&b, "PutItem", PUT_A), 0);
    assert_int_equal(call(&b, "GetItem", "{" KEY_A "}"), 0);
    assert_false(has_item(&b));
    assert_int_equal(call(&b, "GetItem", "{" KEY_A ",\"ConsistentRead\":true}"), 0);
    assert_true(has_item(&b));
    b.now_ms += 1000;
    assert_int_equal(call(&b, "GetItem", "{" KEY_A "}"), 0);
    assert_true(has_item(&b));
    assert_int_equal(call(&b, "DeleteItem", "{" KEY_A "}"), 0);
    assert_int_equal(call(&b, "GetItem", "{" KEY_A "}"), 0);
    assert_true(has_item(&b));
    b.now_ms += 1000;
    assert_int_equal(call(&b, "GetItem", "{" KEY_A "}"), 0);
    assert_false(has_item(&b));
    release(&b);
}

static void a_lease_has_one_holder(void **state)
{
    (void)state;
    static const char take[] =
        "{" KEY_A ",\"UpdateExpression\":\"SET holder = :me, ends = :ends\",\"ConditionExpression\":"
        "\"attribute_not_exists(pk) OR ends < :now\",\"ExpressionAttributeValues\":{\":me\":{\"S\":\"%s\"},"
        "\":ends\":{\"N\":\"%d\"},\":now\":{\"N\":\"%d\"}}}";
    char text[500];
    struct bench b = table_with_lag(0);
    str_fit(text, sizeof text, take, "one", 100, 50);
    assert_int_equal(call(&b, "UpdateItem", text), 0);
    str_fit(text, sizeof text, take, "two", 160, 99);
    refused(&b, "UpdateItem", text, "ConditionalCheckFailedException");
    str_fit(text, sizeof text, take, "two", 160, 101);
    assert_int_equal(call(&b, "UpdateItem", text), 0);
    release(&b);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct bench b = table_with_lag(0);
    refused(&b, "PutItem", "{\"TableName\":\"none\",\"Item\":{\"pk\":{\"S\":\"a\"}}}", "ResourceNotFoundException");
    refused(&b, "PutItem", "{\"Item\":{}}", "ValidationException");
    refused(&b, "PutItem", "{\"TableName\":\"tab\",\"Item\":{\"v\":{\"S\":\"a\"}}}", "ValidationException");
    refused(&b, "PutItem", "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"N\":\"1\"}}}", "ValidationException");
    refused(&b, "PutItem", "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"\"}}}", "ValidationException");
    refused(&b, "PutItem", "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"N\":\"x\"}}}",
            "ValidationException");
    refused(&b, "PutItem", "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"Q\":\"x\"}}}",
            "ValidationException");
    refused(&b, "GetItem", "{\"TableName\":\"tab\",\"Key\":{\"pk\":{\"S\":\"a\"},\"x\":{\"S\":\"b\"}}}",
            "ValidationException");
    refused(&b, "Frobnicate", "{}", "UnknownOperationException");
    char *large = malloc(500000);
    int len = snprintf(large, 500000, "{\"TableName\":\"tab\",\"Item\":{\"pk\":{\"S\":\"a\"},\"v\":{\"S\":\"");
    memset(large + len, 'x', 409600);
    memcpy(large + len + 409600, "\"}}}", 5);
    refused(&b, "PutItem", large, "ValidationException");
    free(large);
    release(&b);
}

static void transactions_are_done_once(void **state)
{
    (void)state;
    static const char order[] =
        "{\"ClientRequestToken\":\"t-1\",\"TransactItems\":[{\"Update\":{" KEY_A ",\"UpdateExpression\":\"ADD n :1\","
        "\"ExpressionAttributeValues\":{\":1\":{\"N\":\"%d\"}}}}]}";
    char text[400];
    struct bench b = table_with_lag(0);
    for (int i = 0; i < 2; i++) {
        str_fit(text, sizeof text, order, 1);
        assert_int_equal(call(&b, "TransactWriteItems", text), 0);
    }
    assert_int_equal(call(&b, "GetItem", "{" KEY_A "}"), 0);
    char *shown = cJSON_PrintUnformatted(b.reply.json);
    assert_string_equal(shown, "{\"Item\":{\"pk\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"}}}");
    free(shown);
    str_fit(text, sizeof text, order, 2);
    refused(&b, "TransactWriteItems", text, "IdempotentParameterMismatchException");
    b.now_ms += 11 * 60 * 1000;
    assert_int_equal(call(&b, "TransactWriteItems", text), 0); /* the token is forgotten after ten minutes */
    release(&b);
}

static void time_to_live_takes_two_days(void **state)
{
    (void)state;
    struct bench b = table_with_lag(0);
    assert_int_equal(
        call(&b, "UpdateTimeToLive",
             "{\"TableName\":\"tab\",\"TimeToLiveSpecification\":{\"AttributeName\":\"v\",\"Enabled\":true}}"),
        0);
    assert_int_equal(call(&b, "PutItem", PUT_A), 0); /* v = 1: over since 1970 */
    assert_int_equal(call(&b, "Scan", "{\"TableName\":\"tab\"}"), 0);
    assert_int_equal(cJSON_GetObjectItem(b.reply.json, "Count")->valueint, 1);
    b.now_ms = (2 * 86400 + 2) * INT64_C(1000);
    assert_int_equal(call(&b, "Scan", "{\"TableName\":\"tab\"}"), 0);
    assert_int_equal(cJSON_GetObjectItem(b.reply.json, "Count")->valueint, 0);
    release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(numbers_have_an_order_and_a_sum),
        cmocka_unit_test(conditions_hold_or_not),
        cmocka_unit_test(bad_conditions_are_told),
        cmocka_unit_test(updates_change_the_item),
        cmocka_unit_test(bad_updates_are_told),
        cmocka_unit_test(reads_may_lag_unless_they_are_consistent),
        cmocka_unit_test(a_lease_has_one_holder),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(transactions_are_done_once),
        cmocka_unit_test(time_to_live_takes_two_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
