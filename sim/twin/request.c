#include "sim/twin/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/out.h"

/* ---- which service ---- */

static bool service_of_signing(const char *name, enum aws_service *service)
{
    for (int i = 0; i < AWS_SERVICES; i++)
        if (strcmp(name, aws_service_info((enum aws_service)i)->signing) == 0) {
            *service = (enum aws_service)i;
            return true;
        }
    return false;
}

/* ec2.us-east-1.amazonaws.com: the first label. */
static bool service_of_host(const char *host, enum aws_service *service)
{
    char label[64];
    size_t len = strcspn(host, ".:");
    if (len == 0 || len >= sizeof label)
        return false;
    memcpy(label, host, len);
    label[len] = '\0';
    return service_of_signing(label, service);
}

static bool service_of_version(const char *text, enum aws_service *service)
{
    struct str version;
    str_init(&version, 256);
    bool found = false;
    if (twin_query_value(text, "Version", &version))
        for (int i = 0; i < AWS_SERVICES && !found; i++) {
            found = strcmp(version.text, aws_service_info((enum aws_service)i)->version) == 0;
            if (found)
                *service = (enum aws_service)i;
        }
    str_release(&version);
    return found;
}

bool twin_service(const struct sigv4_request *http, enum aws_service *service, char region[33])
{
    struct sigv4_scope scope;
    region[0] = '\0';
    *service = AWS_EC2;
    if (sigv4_scope(http, &scope)) {
        str_fit(region, 33, "%s", scope.region);
        if (service_of_signing(scope.service, service))
            return true;
    }
    const char *host = http_header(http, "Host");
    const char *target = http_header(http, "X-Amz-Target");
    if (target && strncmp(target, "DynamoDB_", 9) == 0)
        *service = AWS_DYNAMODB;
    else if (target && strncmp(target, "ServiceQuotas", 13) == 0)
        *service = AWS_QUOTAS;
    else if (strncmp(http->path, "/schedule", 9) == 0)
        *service = AWS_SCHEDULER;
    else if (!(host && service_of_host(host, service)))
        return service_of_version(*http->query ? http->query : http->body, service);
    return true;
}

/* ---- texts ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int twin_decode(const char *text, size_t len, bool plus, struct str *out)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '+' && plus ? ' ' : text[i];
        int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return -1;
        str_add_char(out, c);
    }
    return 0;
}

bool twin_query_value(const char *query, const char *name, struct str *out)
{
    size_t name_len = strlen(name);
    while (*query) {
        size_t len = strcspn(query, "&");
        if (len > name_len && query[name_len] == '=' && strncmp(query, name, name_len) == 0) {
            str_clear(out);
            return twin_decode(query + name_len + 1, len - name_len - 1, true, out) == 0;
        }
        query += len + (query[len] == '&');
    }
    return false;
}

static int refuse(struct aws_error *error, int status, const char *code, const char *message)
{
    aws_error_set(error, AWS_REFUSED, status, code, "%s", message);
    return -1;
}

/* ---- the Query services ---- */

static int malformed(struct aws_error *error)
{
    return refuse(error, 400, "MalformedQueryString", "The query string contains a syntax error.");
}

/* name=value&...: parameters but Action, which names the request. */
static int read_form(struct aws_request *out, const char *text, size_t len, struct aws_error *error)
{
    struct str name, value;
    str_init(&name, TWIN_BODY_MAX);
    str_init(&value, TWIN_BODY_MAX);
    int code = memchr(text, '\0', len) ? malformed(error) : 0;
    for (size_t at = 0; at < len && !code;) {
        const char *end = memchr(text + at, '&', len - at);
        size_t pair = end ? (size_t)(end - text) - at : len - at;
        const char *equals = memchr(text + at, '=', pair);
        size_t name_len = equals ? (size_t)(equals - text) - at : pair;
        str_clear(&name);
        str_clear(&value);
        if (twin_decode(text + at, name_len, true, &name) ||
            (equals && twin_decode(equals + 1, pair - name_len - 1, true, &value)) ||
            out->param_count >= TWIN_PARAMS_MAX)
            code = malformed(error);
        else if (name.len)
            aws_param(out, name.text, value.text);
        at += pair + 1;
    }
    str_release(&name);
    str_release(&value);
    return code;
}

static int check_version(const struct aws_request *out, struct aws_error *error)
{
    const struct aws_service_info *info = aws_service_info(out->service);
    const char *version = aws_param_get(out, "Version");
    if (!version)
        return refuse(error, 400, "MissingParameter", "The request must contain the parameter Version");
    if (strcmp(version, info->version) == 0)
        return 0;
    if (out->service == AWS_EC2)
        aws_error_set(error, AWS_REFUSED, 400, "NoSuchVersion",
                      "The requested version (%.40s) of service AmazonEC2 does not exist", version);
    else
        aws_error_set(error, AWS_REFUSED, 400, "InvalidAction", "Could not find operation %.100s for version %.40s",
                      out->action, version);
    return -1;
}

static int read_query(const struct sigv4_request *http, struct aws_request *out, struct aws_error *error)
{
    if (strcmp(http->method, "POST") != 0 && strcmp(http->method, "GET") != 0)
        return refuse(error, 405, "MethodNotAllowed", "Only GET and POST are answered here.");
    if (strcmp(http->path, "/") != 0 && *http->path)
        return refuse(error, 404, "InvalidAction", "The Query API is at /.");
    int code = read_form(out, http->query, strlen(http->query), error);
    if (!code && strcmp(http->method, "POST") == 0)
        code = read_form(out, http->body, http->body_len, error);
    if (code)
        return code;
    const char *action = aws_param_get(out, "Action");
    if (!action || !*action)
        return refuse(error, 400, "MissingAction", "The request must contain the parameter Action");
    if (strlen(action) > 128)
        return refuse(error, 400, "InvalidAction", "The action is not valid for this web service.");
    out->action = action;
    return check_version(out, error);
}

/* ---- DynamoDB, Service Quotas ---- */

static int read_document(const struct sigv4_request *http, struct aws_request *out, struct aws_error *error)
{
    struct err err = {0};
    out->json = json_parse("request", http->body_len ? http->body : "{}", http->body_len ? http->body_len : 2, &err);
    if (out->json && cJSON_IsObject(out->json))
        return 0;
    return refuse(error, 400, "SerializationException", "The document is no JSON object.");
}

static int read_json(const struct sigv4_request *http, struct aws_request *out, struct aws_error *error)
{
    const char *prefix = aws_service_info(out->service)->namespace;
    size_t len = strlen(prefix);
    const char *target = http_header(http, "X-Amz-Target");
    if (strcmp(http->method, "POST") != 0 || !target || strncmp(target, prefix, len) != 0 || target[len] != '.' ||
        !target[len + 1] || strlen(target) > 100)
        return refuse(error, 400, "UnknownOperationException", "An unknown operation was requested.");
    out->action = arena_dup(&out->arena, target + len + 1);
    return read_document(http, out, error);
}

/* ---- EventBridge Scheduler ---- */

static const struct rest {
    const char *method, *path; /* the path's end is {name}, where it ends in a slash */
    const char *action, *name; /* the member that the path's end goes into */
} rests[] = {
    {"POST", "/schedules/", "CreateSchedule", "Name"},
    {"PUT", "/schedules/", "UpdateSchedule", "Name"},
    {"DELETE", "/schedules/", "DeleteSchedule", "Name"},
    {"GET", "/schedules/", "GetSchedule", "Name"},
    {"GET", "/schedules", "ListSchedules", NULL},
    {"POST", "/schedule-groups/", "CreateScheduleGroup", "Name"},
    {"DELETE", "/schedule-groups/", "DeleteScheduleGroup", "Name"},
    {"GET", "/schedule-groups/", "GetScheduleGroup", "Name"},
    {"GET", "/schedule-groups", "ListScheduleGroups", NULL},
    {"POST", "/tags/", "TagResource", "ResourceArn"},
    {"DELETE", "/tags/", "UntagResource", "ResourceArn"},
    {"GET", "/tags/", "ListTagsForResource", "ResourceArn"},
};

/* What stands in the query, and its member. */
static const char *const rest_query[][2] = {
    {"groupName", "GroupName"},   {"ScheduleGroup", "GroupName"}, {"clientToken", "ClientToken"},
    {"NamePrefix", "NamePrefix"}, {"NextToken", "NextToken"},     {"State", "State"},
    {"TagKeys", "TagKeys"},
};

static const struct rest *find_rest(const struct sigv4_request *http)
{
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        size_t len = strlen(rests[i].path);
        if (strcmp(http->method, rests[i].method) != 0 || strncmp(http->path, rests[i].path, len) != 0)
            continue;
        if (rests[i].name ? http->path[len] != '\0' : http->path[len] == '\0' || strcmp(http->path + len, "/") == 0)
            return &rests[i];
    }
    return NULL;
}

static void set_member(cJSON *json, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(json, name);
    json_text(json, name, value);
}

static int read_rest(const struct sigv4_request *http, struct aws_request *out, struct aws_error *error)
{
    const struct rest *rest = find_rest(http);
    if (!rest)
        return refuse(error, 404, "UnknownOperationException", "An unknown operation was requested.");
    out->action = rest->action;
    if (read_document(http, out, error)) {
        error->http_status = 400;
        return -1;
    }
    struct str value;
    str_init(&value, TWIN_BODY_MAX);
    int code = 0;
    if (rest->name) {
        const char *name = http->path + strlen(rest->path);
        code = twin_decode(name, strlen(name), false, &value);
        if (!code)
            set_member(out->json, rest->name, value.text);
    }
    for (size_t i = 0; i < sizeof rest_query / sizeof *rest_query; i++)
        if (twin_query_value(http->query, rest_query[i][0], &value))
            set_member(out->json, rest_query[i][1], value.text);
    int64_t most;
    if (twin_query_value(http->query, "MaxResults", &value) && num_i64(value.text, value.len, &most) == 0)
        json_i64(out->json, "MaxResults", most);
    str_release(&value);
    return code ? refuse(error, 400, "ValidationException", "The path holds a zero byte.") : 0;
}

int twin_read(const struct sigv4_request *http, enum aws_service service, struct aws_request *out,
              struct aws_error *error)
{
    aws_request_init(out, service, "");
    size_t most = service == AWS_DYNAMODB ? TWIN_JSON_MAX : TWIN_BODY_MAX;
    if (http->body_len > most)
        return refuse(error, 413, "RequestEntityTooLarge", "The request is larger than is taken here.");
    switch (aws_service_info(service)->protocol) {
    case PROTOCOL_JSON:
        return read_json(http, out, error);
    case PROTOCOL_REST:
        return read_rest(http, out, error);
    default:
        return read_query(http, out, error);
    }
}
