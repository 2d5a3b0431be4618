#include "scheduler/aws/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/out.h"
#include "scheduler/aws/xml.h"

#define CONNECT_MS    5000
#define TOTAL_MS      20000 /* well inside a lease's margin */
#define STOP_GRACE_MS 1500  /* a call under way when asked to stop: an answer is worth some of the five seconds */
#define REPLY_MAX     ((size_t)32 << 20)

/* ---- out ---- */

static void add_encoded(struct str *out, const char *text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (const char *c = text; *c; c++)
        if (strchr(unreserved, *c))
            str_add_char(out, *c);
        else
            str_addf(out, "%%%02X", (unsigned char)*c);
}

static void put_form(const struct aws_request *r, struct message *m)
{
    m->method = "POST";
    str_add(&m->target, "/");
    str_addf(&m->body, "Action=%s&Version=%s", r->action, aws_service_info(r->service)->version);
    for (size_t i = 0; i < r->param_count; i++) {
        str_add_char(&m->body, '&');
        add_encoded(&m->body, r->params[i].name);
        str_add_char(&m->body, '=');
        add_encoded(&m->body, r->params[i].value);
    }
    str_fit(m->content_type, sizeof m->content_type, "application/x-www-form-urlencoded; charset=utf-8");
}

static void put_document(const struct cJSON *json, struct str *out)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    str_add(out, text ? text : "{}");
    free(text);
}

/* What goes into the URL by the API's model: the name into the path, the rest of a GET or DELETE into the query, whose
 * names are in the order of their bytes here, as a signature wants them. */
struct rest_action {
    const char *action, *method;
    bool has_body;
    const char *query[4][2]; /* member, its name in the query */
};

static const struct rest_action rest_actions[] = {
    {"CreateSchedule", "POST", true, {{NULL}}},
    {"UpdateSchedule", "PUT", true, {{NULL}}},
    {"DeleteSchedule", "DELETE", false, {{"ClientToken", "clientToken"}, {"GroupName", "groupName"}}},
    {"GetSchedule", "GET", false, {{"GroupName", "groupName"}}},
    {"ListSchedules",
     "GET",
     false,
     {{"MaxResults", "MaxResults"},
      {"NamePrefix", "NamePrefix"},
      {"NextToken", "NextToken"},
      {"GroupName", "ScheduleGroup"}}},
};

static void put_query(const struct rest_action *a, const cJSON *json, struct str *target)
{
    char sign = '?';
    for (size_t i = 0; i < 4 && a->query[i][0]; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, a->query[i][0]);
        if (!cJSON_IsString(item) && !cJSON_IsNumber(item))
            continue;
        str_addf(target, "%c%s=", sign, a->query[i][1]);
        if (cJSON_IsString(item))
            add_encoded(target, item->valuestring);
        else
            str_addf(target, "%d", item->valueint);
        sign = '&';
    }
}

static void put_rest(const struct aws_request *r, struct message *m)
{
    const struct rest_action *a = NULL;
    for (size_t i = 0; i < sizeof rest_actions / sizeof *rest_actions; i++)
        if (strcmp(rest_actions[i].action, r->action) == 0)
            a = &rest_actions[i];
    assert(a);
    m->method = a->method;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->json, "Name"));
    str_add(&m->target, "/schedules");
    if (name) {
        str_add_char(&m->target, '/');
        add_encoded(&m->target, name);
    }
    if (!a->has_body) {
        put_query(a, r->json, &m->target);
        return;
    }
    cJSON *document = cJSON_Duplicate(r->json, true);
    cJSON_DeleteItemFromObjectCaseSensitive(document, "Name");
    put_document(document, &m->body);
    cJSON_Delete(document);
    str_fit(m->content_type, sizeof m->content_type, "application/json");
}

void message_of(const struct aws_request *request, struct message *out)
{
    *out = (struct message){0};
    str_init(&out->target, 0);
    str_init(&out->body, 0);
    switch (aws_service_info(request->service)->protocol) {
    case PROTOCOL_QUERY:
        put_form(request, out);
        break;
    case PROTOCOL_REST:
        put_rest(request, out);
        break;
    case PROTOCOL_JSON:
        out->method = "POST";
        str_add(&out->target, "/");
        put_document(request->json, &out->body);
        str_fit(out->content_type, sizeof out->content_type, "application/x-amz-json-1.%c",
                request->service == AWS_DYNAMODB ? '0' : '1');
        str_fit(out->header, sizeof out->header, "X-Amz-Target: %s.%s", aws_service_info(request->service)->namespace,
                request->action);
        break;
    }
}

void message_release(struct message *m)
{
    if (m->body.text)
        OPENSSL_cleanse(m->body.text, m->body.cap); /* a web identity token may be in it */
    str_release(&m->body);
    str_release(&m->target);
}

/* ---- back ---- */

/* Codes with which AWS says that it failed itself: whether anything was done is open. All others are refusals. */
static bool is_internal(const char *code)
{
    static const char *const codes[] = {"InternalError",
                                        "InternalFailure",
                                        "InternalServiceError",
                                        "InternalServerError",
                                        "InternalServerException",
                                        "InternalServiceException",
                                        "ServiceUnavailable",
                                        "ServiceUnavailableException",
                                        "Unavailable",
                                        NULL};
    for (size_t i = 0; codes[i]; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static bool is_about_time(const char *code)
{
    static const char *const codes[] = {"RequestExpired",   "SignatureDoesNotMatch",     "RequestTimeTooSkewed",
                                        "AuthFailure",      "InvalidSignatureException", "RequestInTheFuture",
                                        "SignatureExpired", "InvalidClientTokenId",      NULL};
    for (size_t i = 0; codes[i]; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static void hint_at_clock(const struct http_reply *http, int64_t now_s, struct aws_error *error)
{
    int64_t off_s = http->date_s ? now_s - http->date_s : 0;
    size_t len = strlen(error->message);
    if (is_about_time(error->code) && (off_s > 120 || off_s < -120))
        (void)snprintf(error->message + len, sizeof error->message - len,
                       " (this machine's clock is %lld s %s AWS's: signatures are good for 5 minutes; set the clock)",
                       (long long)(off_s < 0 ? -off_s : off_s), off_s < 0 ? "behind" : "ahead of");
}

static void say(const struct http_reply *http, int64_t now_s, const char *code, const char *message,
                struct aws_error *error)
{
    bool open = http->status >= 500 && is_internal(code);
    aws_error_set(error, open ? AWS_UNCERTAIN : AWS_REFUSED, http->status, code, "%s", message);
    hint_at_clock(http, now_s, error);
}

/* The first words of a body that is not AWS's, for people: printable, without markup. */
static void first_words(const struct str *body, char to[128])
{
    size_t n = 0;
    bool in_tag = false;
    for (size_t i = 0; i < body->len && n < 120; i++) {
        unsigned char c = (unsigned char)body->text[i];
        in_tag = c == '<' || (in_tag && c != '>');
        if (in_tag || c == '>' || (c <= ' ' && (n == 0 || to[n - 1] == ' ')))
            continue;
        to[n++] = c <= ' ' ? ' ' : c < 0x7f ? (char)c : '?';
    }
    to[n] = '\0';
}

/* Not AWS's own answer: a proxy, a gateway, half a document. Beyond 500, and for what is cut off, all is open. */
static void say_foreign(const struct http_reply *http, const char *why, struct aws_error *error)
{
    char words[128];
    first_words(&http->body, words);
    bool open = http->status >= 500 || http->status == 200;
    aws_error_set(error, open ? AWS_UNCERTAIN : AWS_REFUSED, http->status, "reply",
                  "HTTP %d with a body that is not AWS's (%s)%s%s", http->status, why, *words ? ": " : "", words);
}

/* <Response><Errors><Error>, <ErrorResponse><Error>, and moto's <ErrorResponse><Errors><Error>. */
static const struct node *error_node(const struct node *root)
{
    const struct node *node = node_find(root, "Errors/Error");
    return node ? node : node_find(root, "Error");
}

static void take_request_id(const struct node *root, const struct http_reply *http, char to[64])
{
    static const char *const paths[] = {"requestId", "ResponseMetadata/RequestId", "RequestID", "RequestId", NULL};
    const char *id = "";
    for (size_t i = 0; paths[i] && !*id; i++)
        id = node_get(root, paths[i]);
    str_fit(to, 64, "%.63s", *id ? id : http->request_id);
}

static int read_xml(const struct http_reply *http, int64_t now_s, struct aws_reply *reply, struct aws_error *error)
{
    struct err why;
    struct node *root = NULL;
    if (xml_parse(&reply->arena, http->body.text, http->body.len, &root, &why)) {
        say_foreign(http, why.text, error);
        return -1;
    }
    const struct node *refusal = error_node(root);
    if (http->status == 200 && !refusal) {
        reply->root = root;
        reply->date_s = http->date_s;
        take_request_id(root, http, reply->request_id);
        return 0;
    }
    const char *code = node_get(refusal, "Code");
    if (*code)
        say(http, now_s, code, node_get(refusal, "Message"), error);
    else
        say_foreign(http, "no error code in it", error);
    take_request_id(root, http, error->request_id);
    return -1;
}

/* "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "ValidationException:http://..." */
static void bare_code(const char *type, char to[96])
{
    const char *hash = strrchr(type, '#');
    const char *begin = hash ? hash + 1 : type;
    str_fit(to, 96, "%.*s", (int)(strcspn(begin, ":") < 90 ? strcspn(begin, ":") : 90), begin);
}

static int read_json(const struct http_reply *http, int64_t now_s, struct aws_reply *reply, struct aws_error *error)
{
    struct err why = {0};
    static const char empty[] = "{}";
    const char *text = http->body.len ? http->body.text : empty;
    cJSON *json = json_parse("answer", text, http->body.len ? http->body.len : 2, &why);
    if (json && http->status >= 200 && http->status < 300) {
        reply->json = json;
        reply->date_s = http->date_s;
        str_fit(reply->request_id, sizeof reply->request_id, "%s", http->request_id);
        return 0;
    }
    char code[96] = "";
    const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "__type"));
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));
    if (!message)
        message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "Message"));
    bare_code(*http->error_type ? http->error_type : type ? type : "", code);
    if (*code)
        say(http, now_s, code, message ? message : "no message", error);
    else
        say_foreign(http, json ? "no error type in it" : "no JSON", error);
    str_fit(error->request_id, sizeof error->request_id, "%s", http->request_id);
    cJSON_Delete(json);
    return -1;
}

int message_read(const struct aws_request *request, const struct http_reply *http, int64_t now_s,
                 struct aws_reply *reply, struct aws_error *error)
{
    *error = (struct aws_error){0};
    if (aws_service_info(request->service)->protocol == PROTOCOL_QUERY)
        return read_xml(http, now_s, reply, error);
    return read_json(http, now_s, reply, error);
}

/* ---- there and back ---- */

static bool is_read(const char *action)
{
    return strncmp(action, "Describe", 8) == 0 || strncmp(action, "Get", 3) == 0 || strncmp(action, "List", 4) == 0;
}

static void say_unanswered(enum http_outcome outcome, const char *endpoint, const struct err *why,
                           struct aws_error *error)
{
    switch (outcome) {
    case HTTP_REFUSED:
    case HTTP_UNSENT:
        aws_error_set(error, AWS_UNSENT, 0, "connection", "%s: %s", endpoint, why->text);
        break;
    case HTTP_LATE:
        aws_error_set(error, AWS_UNSENT, 0, "late",
                      "%s: not sent: the program stood still for too long after it had looked at its lease", endpoint);
        break;
    case HTTP_TIMED_OUT:
        aws_error_set(error, AWS_UNCERTAIN, 0, "time-out", "%s: %s", endpoint, why->text);
        break;
    case HTTP_STOPPED:
        aws_error_set(error, AWS_UNCERTAIN, 0, "stopped", "asked to stop before the answer came");
        break;
    case HTTP_DROPPED:
        aws_error_set(error, AWS_UNCERTAIN, 0, "connection", "%s: %s", endpoint, why->text);
        break;
    default:
        aws_error_set(error, AWS_UNCERTAIN, 0, "reply", "%s: %s", endpoint, why->text);
    }
}

static enum http_outcome send_message(struct http *http, const struct message_route *route,
                                      const struct aws_request *request, const struct message *m,
                                      struct http_reply *answer, struct err *err)
{
    struct str url;
    struct str secret;
    struct str token;
    char type[96];
    char scope[128];
    const char *headers[3];
    struct http_request r = {
        .method = m->method,
        .headers = headers,
        .body = m->body.len ? m->body.text : NULL,
        .body_len = m->body.len,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .stop_grace_ms = route->stop_grace_ms ? route->stop_grace_ms : STOP_GRACE_MS,
        .reply_max = REPLY_MAX,
        .send_by_ns = route->send_by_ns,
        .send_by_s = route->send_by_s,
        .fresh = !is_read(request->action),
    };
    str_init(&url, 0);
    str_init(&secret, 0);
    str_init(&token, 0);
    str_addf(&url, "%s%s", route->endpoint, m->target.text);
    r.url = url.text;
    if (*m->content_type) {
        str_fit(type, sizeof type, "Content-Type: %s", m->content_type);
        headers[r.header_count++] = type;
    }
    if (*m->header)
        headers[r.header_count++] = m->header;
    if (route->by) {
        str_fit(scope, sizeof scope, "aws:amz:%.60s:%s", route->region, aws_service_info(request->service)->signing);
        str_addf(&secret, "%s:%s", route->by->key_id, route->by->secret);
        r.sign = scope;
        r.key_secret = secret.text;
        if (route->by->session) {
            str_addf(&token, "X-Amz-Security-Token: %s", route->by->session);
            headers[r.header_count++] = token.text;
        }
    }
    enum http_outcome outcome = http_send(http, &r, answer, err);
    OPENSSL_cleanse(secret.text, secret.len);
    OPENSSL_cleanse(token.text, token.len);
    str_release(&url);
    str_release(&secret);
    str_release(&token);
    return outcome;
}

int message_exchange(struct http *http, const struct message_route *route, const struct aws_request *request,
                     struct aws_reply *reply, struct aws_error *error)
{
    struct message m;
    struct http_reply answer = {0};
    struct err why = {0};
    message_of(request, &m);
    enum http_outcome outcome = send_message(http, route, request, &m, &answer, &why);
    int failed = -1;
    if (outcome == HTTP_DONE)
        failed = message_read(request, &answer, route->now_s, reply, error);
    else
        say_unanswered(outcome, route->endpoint, &why, error);
    http_reply_release(&answer);
    message_release(&m);
    return failed;
}
