/* HTTP requests to the twin: which service, what is asked, is it signed. First line: METHOD TARGET; then headers
 * "Name: value" to an empty line; then the body. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/twin/reply.h"
#include "sim/twin/request.h"
#include "tests/fuzz.h"

#define SIGNED(service)                                                                                                \
    "Host: ec2.amazonaws.com\nX-Amz-Date: 20150830T123600Z\nAuthorization: AWS4-HMAC-SHA256 "                          \
    "Credential=AKIDEXAMPLE/20150830/us-east-1/" service "/aws4_request, SignedHeaders=host;x-amz-date, "              \
    "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31\n"

const char *const fuzz_seeds[] = {
    "POST /\n" SIGNED("ec2") "\nAction=RunInstances&Version=2016-11-15&TagSpecification.1.Tag.1.Key=a%20b",
    "GET /?Action=DescribeInstances&Version=2016-11-15&Filter.1.Value.1=%2B+x\n" SIGNED("ec2") "\n",
    "POST /\n" SIGNED("dynamodb") "X-Amz-Target: DynamoDB_20120810.PutItem\n\n{\"TableName\": \"t\", \"Item\": {}}",
    "POST /schedules/a%2Fb?groupName=x\n" SIGNED("scheduler") "\n{\"ScheduleExpression\": \"at(2026-01-01T00:00:00)\"}",
    "GET /schedules?NamePrefix=a&MaxResults=5\nHost: scheduler.us-east-1.amazonaws.com\n\n",
    "POST /a/./b/../c//d\nHost: sts.amazonaws.com:443\nX-Amz-Security-Token: x\n\nAction=AssumeRole&Version=2011-06-15",
    NULL,
};

static const struct sigv4_key *find(void *context, const char *key_id)
{
    static const struct sigv4_key key = {"secret", NULL, INT64_MAX};
    (void)context;
    return *key_id ? &key : NULL;
}

/* Takes a line off; NULL: there is none. */
static char *take_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return line;
}

static void read_headers(char **at, struct http_header *headers, size_t *count)
{
    for (char *line = take_line(at); line && *line; line = take_line(at)) {
        char *colon = strstr(line, ": ");
        if (!colon || *count == SIGV4_HEADERS_MAX)
            continue;
        *colon = '\0';
        headers[(*count)++] = (struct http_header){line, colon + 2};
    }
}

static void answer(const struct sigv4_request *http)
{
    enum aws_service service;
    char region[33], detail[512] = "";
    (void)twin_service(http, &service, region);
    struct aws_request request;
    struct aws_error error = {0};
    struct twin_answer a;
    twin_answer_init(&a);
    int code = twin_read(http, service, &request, &error);
    assert(code ? *error.code && error.http_status >= 400 : *request.action != '\0');
    if (code)
        twin_answer_error(&a, service, &error, NULL);
    struct sigv4 s = {find, NULL, "", {0}};
    struct sigv4_scope scope;
    enum sigv4_result result = sigv4_check(&s, http, 1440938160, &scope, detail);
    if (result)
        twin_signature_error(service, result, detail, &error);
    aws_request_release(&request);
    twin_answer_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_dup_n((const char *)data, size);
    char *at = text;
    struct http_header headers[SIGV4_HEADERS_MAX];
    size_t count = 0;
    char *first = take_line(&at);
    char *target = first ? strchr(first, ' ') : NULL;
    if (target) {
        *target++ = '\0';
        char *query = strchr(target, '?');
        if (query)
            *query++ = '\0';
        read_headers(&at, headers, &count);
        size_t body = size - (size_t)(at - text);
        struct sigv4_request http = {first, target, query ? query : "", headers, count, at, body};
        answer(&http);
    }
    free(text);
    return 0;
}
