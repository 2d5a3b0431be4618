/* The transport over loopback: what goes over the wire, every kind of bad answer, time-outs, stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "scheduler/aws/aws.h"
#include "scheduler/aws/http.h"
#include "scheduler/cloud.h"
#include "scheduler/osv.h"
#include "tests/support_http.h"

#define SECRET  "wJalrXUtnFEMI-EXAMPLE-SECRET"
#define SESSION "FwoGZXIvYXdzEXAMPLESESSION"

static struct aws *open_aws(const char *url)
{
    struct aws *aws = NULL;
    struct err err;
    const struct aws_options options = {.region = "eu-west-1", .endpoint_url = url};
    if (aws_open(&aws, &options, &err))
        fail_msg("%s", err.text);
    return aws;
}

static int set_up(void **state)
{
    (void)state;
    static const char *const unset[] = {"AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN", NULL};
    for (size_t i = 0; unset[i]; i++)
        (void)unsetenv(unset[i]);
    (void)setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    (void)setenv("AWS_SESSION_TOKEN", SESSION, 1);
    (void)setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    (void)setenv("no_proxy", "*", 1);
    return 0;
}

static int call(struct aws *aws, struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct transport *t = aws_transport(aws);
    aws_reply_init(reply);
    *error = (struct aws_error){0};
    int failed = t->call(t->self, request, reply, error);
    aws_request_release(request);
    if (failed)
        aws_reply_release(reply);
    assert_null(strstr(error->message, SECRET));
    assert_null(strstr(error->message, SESSION));
    return failed;
}

static void a_query_is_a_signed_form(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"POST / HTTP/1.1\nAction=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Abakehour%3Arun&Filter.1."
         "Value.1=a%20b%2B~\nContent-Type: application/x-www-form-urlencoded; "
         "charset=utf-8\nX-Amz-Security-Token: " SESSION
         "\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\n/eu-west-1/ec2/aws4_request, SignedHeaders=\n"
         "x-amz-security-token\n!Expect\n!" SECRET,
         HTTP_OK("text/xml", "<?xml version=\"1.0\"?><DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/"
                             "2016-11-15/\"><requestId>rq-1</requestId><reservationSet/></DescribeInstancesResponse>"),
         0},
    };
    struct http_script server;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(server.url);
    aws_request_init(&request, AWS_EC2, "DescribeInstances");
    aws_param(&request, "Filter.1.Name", "tag:bakehour:run");
    aws_param(&request, "Filter.1.Value.1", "a b+~");
    assert_int_equal(call(aws, &request, &reply, &error), 0);
    assert_string_equal(reply.request_id, "rq-1");
    assert_non_null(node_find(reply.root, "reservationSet"));
    aws_reply_release(&reply);
    aws_close(aws);
    http_script_done(&server);
}

#define JSON_ERROR(status, type, body)                                                                                 \
    "HTTP/1.1 " status "\r\nx-amzn-ErrorType: " type "\r\nX-Amzn-RequestId: rq-2\r\nConnection: close\r\n\r\n" body

static void json_services_both_ways(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {"POST /schedules/dead-1 HTTP/1.1\nContent-Type: application/json\n{\"State\":\"ENABLED\"}\n!\"Name\"\n"
         "/eu-west-1/scheduler/aws4_request",
         HTTP_OK("application/json", "{\"ScheduleArn\":\"arn:x\"}"), 0},
        {"DELETE /schedules/dead-1?clientToken=t%2F1&groupName=default HTTP/1.1\n!{",
         JSON_ERROR("404 Not Found", "ResourceNotFoundException:http://x", "{\"Message\":\"no such schedule\"}"), 0},
        {"GET /schedules?MaxResults=5&NamePrefix=dead HTTP/1.1", HTTP_OK("application/json", "{\"Schedules\":[]}"), 0},
        {"POST / HTTP/1.1\nX-Amz-Target: DynamoDB_20120810.PutItem\nContent-Type: application/x-amz-json-1.0\n"
         "{\"TableName\":\"t\"}",
         HTTP_STATUS("400 Bad", "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException\","
                                "\"message\":\"The conditional request failed\"}"),
         0},
    };
    struct http_script server;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(server.url);
    aws_request_init(&request, AWS_SCHEDULER, "CreateSchedule");
    request.json = cJSON_Parse("{\"Name\":\"dead-1\",\"State\":\"ENABLED\"}");
    assert_int_equal(call(aws, &request, &reply, &error), 0);
    aws_reply_release(&reply);
    aws_request_init(&request, AWS_SCHEDULER, "DeleteSchedule");
    request.json = cJSON_Parse("{\"Name\":\"dead-1\",\"GroupName\":\"default\",\"ClientToken\":\"t/1\"}");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_string_equal(error.code, "ResourceNotFoundException");
    assert_string_equal(error.message, "no such schedule");
    assert_string_equal(error.request_id, "rq-2");
    aws_request_init(&request, AWS_SCHEDULER, "ListSchedules");
    request.json = cJSON_Parse("{\"NamePrefix\":\"dead\",\"MaxResults\":5}");
    assert_int_equal(call(aws, &request, &reply, &error), 0);
    assert_non_null(cJSON_GetObjectItem(reply.json, "Schedules"));
    aws_reply_release(&reply);
    aws_request_init(&request, AWS_DYNAMODB, "PutItem");
    request.json = cJSON_Parse("{\"TableName\":\"t\"}");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_string_equal(error.code, "ConditionalCheckFailedException");
    assert_int_equal(error.outcome, AWS_REFUSED);
    aws_close(aws);
    http_script_done(&server);
}

static void every_bad_answer_has_a_clear_end(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum aws_outcome outcome;
        const char *code, *message;
    } cases[] = {
        {HTTP_STATUS("400 Bad", "<Response><Errors><Error><Code>InvalidAMIName.Duplicate</Code><Message>taken"
                                "</Message></Error></Errors><RequestID>rq</RequestID></Response>"),
         AWS_REFUSED, "InvalidAMIName.Duplicate", "taken"},
        {HTTP_STATUS("400 Bad", "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>ValidationError</Code>"
                                "<Message>m</Message></Error><RequestId>rq</RequestId></ErrorResponse>"),
         AWS_REFUSED, "ValidationError", "m"},
        {HTTP_STATUS("401 No", "<ErrorResponse><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>s</Message>"
                               "</Error></Errors></ErrorResponse>"),
         AWS_REFUSED, "SignatureDoesNotMatch", "s"},
        {HTTP_STATUS("503 Slow",
                     "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m</Message></Error>"
                     "</Errors></Response>"),
         AWS_REFUSED, "RequestLimitExceeded", "m"},
        {HTTP_STATUS("500 Oh", "<Response><Errors><Error><Code>InternalError</Code><Message>m</Message></Error>"
                               "</Errors></Response>"),
         AWS_UNCERTAIN, "InternalError", "m"},
        {HTTP_STATUS("500 Oh", "<Response><Errors><Error><Code>InsufficientInstanceCapacity</Code><Message>m</Message>"
                               "</Error></Errors></Response>"),
         AWS_REFUSED, "InsufficientInstanceCapacity", "m"},
        {HTTP_STATUS("502 Bad Gateway", "<html><head><title>502</title></head><body>Bad   Gateway</body></html>"),
         AWS_UNCERTAIN, "reply", "502Bad Gateway"},
        {HTTP_STATUS("403 Forbidden", "Proxy says no"), AWS_REFUSED, "reply", "Proxy says no"},
        {HTTP_OK("text/xml", "<DescribeInstancesResponse><reservationSet><item>"), AWS_UNCERTAIN, "reply",
         "HTTP 200 with a body that is not AWS's"},
        {HTTP_OK("text/xml", ""), AWS_UNCERTAIN, "reply", "HTTP 200"},
        {HTTP_OK("text/xml", "<!DOCTYPE x [<!ENTITY a \"b\">]><x>&a;</x>"), AWS_UNCERTAIN, "reply",
         "it declares a document type"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<R>", AWS_UNCERTAIN, "connection", ""},
        {NULL, AWS_UNCERTAIN, "connection", ""},
        {"SSH-2.0-OpenSSH\r\n", AWS_UNCERTAIN, "reply", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct http_step step = {"Action=RunInstances", cases[i].reply, 0};
        struct http_script server;
        struct aws_request request;
        struct aws_reply reply;
        struct aws_error error;
        http_script_start(&server, &step, 1);
        struct aws *aws = open_aws(server.url);
        aws_request_init(&request, AWS_EC2, "RunInstances");
        assert_int_equal(call(aws, &request, &reply, &error), -1);
        if (error.outcome != cases[i].outcome || strcmp(error.code, cases[i].code) != 0 ||
            !strstr(error.message, cases[i].message))
            fail_msg("case %zu: outcome %d, %s: %s", i, error.outcome, error.code, error.message);
        aws_reply_release(&reply);
        aws_close(aws);
        http_script_done(&server);
    }
}

static void a_wrong_clock_is_named(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {NULL,
         "HTTP/1.1 403 No\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n\r\n<Response><Errors><Error>"
         "<Code>RequestExpired</Code><Message>Request has expired.</Message></Error></Errors></Response>",
         0},
    };
    struct http_script server;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(server.url);
    aws_request_init(&request, AWS_EC2, "DescribeInstances");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_non_null(strstr(error.message, "Request has expired. (this machine's clock is "));
    assert_non_null(strstr(error.message, " s ahead of AWS's"));
    aws_close(aws);
    http_script_done(&server);
}

static void nobody_there_means_unsent(void **state)
{
    (void)state;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    struct http_script server;
    http_script_start(&server, NULL, 0);
    char url[64];
    str_fit(url, sizeof url, "%s", server.url);
    http_script_done(&server); /* its port is free again: nobody listens */
    struct aws *aws = open_aws(url);
    aws_request_init(&request, AWS_EC2, "RunInstances");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_int_equal(error.outcome, AWS_UNSENT);
    assert_string_equal(error.code, "connection");
    aws_close(aws);
}

/* What is set up gives no credentials: the code says so, that a person is asked and not ten minutes waited (wire.h). */
static void no_credentials_have_a_code(void **state)
{
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    struct aws *aws = open_aws("http://127.0.0.1:9");
    aws_request_init(&request, AWS_EC2, "RunInstances");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_int_equal(error.outcome, AWS_UNSENT);
    assert_string_equal(error.code, AWS_NO_CREDENTIALS);
    aws_close(aws);
    (void)unsetenv("AWS_EC2_METADATA_DISABLED");
    assert_int_equal(set_up(state), 0);
}

/* A request whose time has passed is not written, though the connection stands: by the transport's clock, or the
 * wall's. */
static void what_comes_late_is_not_sent(void **state)
{
    (void)state;
    static const struct http_step steps[] = {{"!POST", NULL, 0},
                                             {"Action=RunInstances", HTTP_OK("text/xml", "<R/>"), 0}};
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    struct http_script server;
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(server.url);
    struct transport *t = aws_transport(aws);
    aws_request_init(&request, AWS_EC2, "RunInstances");
    request.latest_ms = t->now_ms(t->self) - 1;
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_int_equal(error.outcome, AWS_UNSENT);
    assert_string_equal(error.code, "late");
    aws_request_init(&request, AWS_EC2, "RunInstances");
    request.latest_ms = t->now_ms(t->self) + 3600000;
    if (call(aws, &request, &reply, &error))
        fail_msg("%s: %s", error.code, error.message);
    aws_reply_release(&reply);
    aws_close(aws);
    http_script_done(&server);
    /* A clock that was put forward by a minute: as a virtual machine's that stood still, which counts no time
     * meanwhile. */
    struct http *http = http_new(NULL);
    struct http_reply answer;
    struct err err;
    static const struct http_step again[] = {{"!POST", NULL, 0}, {"POST", HTTP_OK("text/xml", "<R/>"), 0}};
    HTTP_SCRIPT(&server, again);
    struct http_request late = {.method = "POST",
                                .url = server.url,
                                .body = "x",
                                .body_len = 1,
                                .connect_ms = 5000,
                                .total_ms = 5000,
                                .reply_max = 100,
                                .send_by_s = clock_now_s() - 60};
    assert_int_equal(http_send(http, &late, &answer, &err), HTTP_LATE);
    http_reply_release(&answer);
    late.send_by_s += 3600;
    assert_int_equal(http_send(http, &late, &answer, &err), HTTP_DONE);
    http_reply_release(&answer);
    http_free(http);
    http_script_done(&server);
}

static volatile sig_atomic_t asked_to_stop;

static void stopping_is_prompt(void **state)
{
    (void)state;
    struct aws *aws = NULL;
    struct err err;
    struct aws_request request;
    struct aws_reply reply;
    struct aws_error error;
    const struct aws_options options = {
        .region = "eu-west-1", .endpoint_url = "http://127.0.0.1:9", .stop = &asked_to_stop};
    assert_int_equal(aws_open(&aws, &options, &err), 0);
    struct transport *t = aws_transport(aws);
    assert_false(t->sleep_ms(t->self, 20));
    asked_to_stop = 1;
    int64_t begin = clock_monotonic_ns();
    assert_true(t->sleep_ms(t->self, 60000));
    assert_true(clock_monotonic_ns() - begin < 1000000000);
    aws_request_init(&request, AWS_EC2, "RunInstances");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_string_equal(error.code, "stopped");
    assert_int_equal(error.outcome, AWS_UNSENT);
    /* But for what is still done on the way out: it is sent (to nobody, here), for so long. */
    t->linger(t->self, 30000);
    aws_request_init(&request, AWS_EC2, "RevokeSecurityGroupIngress");
    assert_int_equal(call(aws, &request, &reply, &error), -1);
    assert_string_not_equal(error.code, "stopped");
    assert_true(t->sleep_ms(t->self, 60000));
    for (int64_t ms = 0; ms < 2; ms++) {
        t->linger(t->self, ms);
        (void)usleep(5000); /* a millisecond is over by then */
        aws_request_init(&request, AWS_EC2, "RevokeSecurityGroupIngress");
        assert_int_equal(call(aws, &request, &reply, &error), -1);
        assert_string_equal(error.code, "stopped");
    }
    asked_to_stop = 0;
    aws_close(aws);
}

static void guests_are_spoken_to_plainly(void **state)
{
    (void)state;
    char path[] = "/tmp/bakehour-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static char block[65536];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 20; i++) /* over a megabyte: libcurl would ask with Expect first */
        assert_int_equal(write(fd, block, sizeof block), (ssize_t)sizeof block);
    (void)close(fd);
    const struct http_step steps[] = {
        {"POST /file/app.jar HTTP/1.0\nContent-Type: multipart/form-data; boundary=bakehour-\nContent-Length: 1310\n"
         "!Expect\n!Transfer-Encoding\n!Authorization",
         "HTTP/1.0 200 OK\r\n\r\n", 0},
        {"GET /file/app.jar?op=GETFILESTATUS HTTP/1.0",
         "HTTP/1.0 200 OK\r\nContent-Length: 19\r\n\r\n{\"length\": 1310720}", 0},
        {"GET /os/version HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n\"v0.57\"", 700},
        {"POST /os/reboot HTTP/1.0\nContent-Length: 0", NULL, 0},
    };
    struct http_script server;
    struct err err;
    char version[96];
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(NULL);
    struct osv osv = {.transport = aws_transport(aws), .address = "127.0.0.1", .port = server.port, .call_ms = 300};
    if (osv_upload(&osv, path, "/app.jar", &err))
        fail_msg("%s", err.text);
    assert_int_equal(osv_version(&osv, version, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "did not answer in time"));
    osv.call_ms = 0;
    assert_int_equal(osv_reboot(&osv, &err), 0);
    (void)unlink(path);
    aws_close(aws);
    http_script_done(&server);
}

static void replies_have_a_cap(void **state)
{
    (void)state;
    const struct http_step steps[] = {{NULL, "HTTP/1.0 200 OK\r\n\r\n0123456789", 0}};
    struct http_script server;
    struct err err;
    HTTP_SCRIPT(&server, steps);
    struct aws *aws = open_aws(NULL);
    struct transport *t = aws_transport(aws);
    const struct guest_request request = {.address = "127.0.0.1",
                                          .port = server.port,
                                          .method = "GET",
                                          .target = "/",
                                          .reply_max = 9,
                                          .connect_ms = 1000,
                                          .total_ms = 1000};
    struct guest_reply reply = {0};
    str_init(&reply.body, 0);
    assert_int_equal(t->guest(t->self, &request, &reply, &err), GUEST_BAD);
    assert_string_equal(err.text, "a reply of more than 9 bytes");
    str_release(&reply.body);
    aws_close(aws);
    http_script_done(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_a_signed_form),         cmocka_unit_test(json_services_both_ways),
        cmocka_unit_test(every_bad_answer_has_a_clear_end), cmocka_unit_test(a_wrong_clock_is_named),
        cmocka_unit_test(what_comes_late_is_not_sent),      cmocka_unit_test(no_credentials_have_a_code),
        cmocka_unit_test(nobody_there_means_unsent),        cmocka_unit_test(stopping_is_prompt),
        cmocka_unit_test(guests_are_spoken_to_plainly),     cmocka_unit_test(replies_have_a_cap),
    };
    return cmocka_run_group_tests_name("aws", tests, set_up, NULL);
}
