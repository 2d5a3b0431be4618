#include "scheduler/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct aws_service_info services[AWS_SERVICES] = {
    [AWS_EC2] = {"EC2", "ec2", "2016-11-15", "EC2", "ec2", "http://ec2.amazonaws.com/doc/2016-11-15/", PROTOCOL_QUERY},
    [AWS_AUTOSCALING] = {"Auto Scaling", "autoscaling", "2011-01-01", "AUTO_SCALING", "autoscaling",
                         "http://autoscaling.amazonaws.com/doc/2011-01-01/", PROTOCOL_QUERY},
    [AWS_ELBV2] = {"Elastic Load Balancing", "elasticloadbalancing", "2015-12-01", "ELASTIC_LOAD_BALANCING_V2",
                   "elasticloadbalancing", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", PROTOCOL_QUERY},
    [AWS_STS] = {"STS", "sts", "2011-06-15", "STS", "sts", "https://sts.amazonaws.com/doc/2011-06-15/", PROTOCOL_QUERY},
    [AWS_SCHEDULER] = {"EventBridge Scheduler", "scheduler", "2021-06-30", "SCHEDULER", "scheduler", "", PROTOCOL_REST},
    [AWS_DYNAMODB] = {"DynamoDB", "dynamodb", "20120810", "DYNAMODB", "dynamodb", "DynamoDB_20120810", PROTOCOL_JSON},
    [AWS_QUOTAS] = {"Service Quotas", "servicequotas", "2019-06-24", "SERVICE_QUOTAS", "servicequotas",
                    "ServiceQuotasV20190624", PROTOCOL_JSON},
};

const struct aws_service_info *aws_service_info(enum aws_service service)
{
    assert(service >= 0 && service < AWS_SERVICES);
    return &services[service];
}

struct node *node_new(struct arena *arena, const char *name)
{
    struct node *node = arena_alloc(arena, sizeof *node);
    node->name = arena_dup(arena, name);
    node->text = "";
    return node;
}

struct node *node_add(struct arena *arena, struct node *parent, const char *name)
{
    struct node *node = node_new(arena, name);
    if (parent->last_child)
        parent->last_child->next = node;
    else
        parent->child = node;
    parent->last_child = node;
    return node;
}

void node_text(struct arena *arena, struct node *parent, const char *name, const char *text)
{
    if (text)
        node_add(arena, parent, name)->text = arena_dup(arena, text);
}

void node_textf(struct arena *arena, struct node *parent, const char *name, const char *fmt, ...)
{
    struct str text;
    str_init(&text, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    node_text(arena, parent, name, text.text);
    str_release(&text);
}

void node_bool(struct arena *arena, struct node *parent, const char *name, bool value)
{
    node_text(arena, parent, name, value ? "true" : "false");
}

void node_i64(struct arena *arena, struct node *parent, const char *name, int64_t value)
{
    node_add(arena, parent, name)->text = arena_textf(arena, "%" PRId64, value);
}

static const struct node *first_named(const struct node *node, const char *name, size_t len)
{
    for (; node; node = node->next)
        if (strncmp(node->name, name, len) == 0 && node->name[len] == '\0')
            return node;
    return NULL;
}

const struct node *node_find(const struct node *node, const char *path)
{
    while (node && *path) {
        size_t len = strcspn(path, "/");
        node = first_named(node->child, path, len);
        path += len + (path[len] == '/');
    }
    return node;
}

const char *node_get(const struct node *node, const char *path)
{
    const struct node *found = node_find(node, path);
    return found ? found->text : "";
}

const struct node *node_child(const struct node *node, const char *name)
{
    return node ? first_named(node->child, name, strlen(name)) : NULL;
}

const struct node *node_next(const struct node *node, const char *name)
{
    return node ? first_named(node->next, name, strlen(name)) : NULL;
}

size_t node_count(const struct node *node, const char *name)
{
    size_t count = 0;
    for (const struct node *child = node_child(node, name); child; child = node_next(child, name))
        count++;
    return count;
}

static void add_escaped(struct str *out, const char *text)
{
    for (const char *c = text; *c;) {
        size_t plain = 0;
        while ((unsigned char)c[plain] >= ' ' && (unsigned char)c[plain] < 0x7f && !strchr("<>&\"'", c[plain]))
            plain++;
        str_add_n(out, c, plain);
        c += plain;
        if (!*c)
            break;
        size_t len = str_utf8_length(c);
        if (len > 1 || *c == '\t' || *c == '\n')
            str_add_n(out, c, len);
        else if (strchr("<>&\"'\r", *c))
            str_addf(out, "&#%d;", *c);
        else
            str_add(out, *c == 0x7f ? "\x7f" : STR_UTF8_REPLACEMENT);
        c += len > 0 ? len : 1;
    }
}

static void add_node(const struct node *node, const char *xmlns, struct str *out)
{
    str_add_char(out, '<');
    str_add(out, node->name);
    if (xmlns && *xmlns) {
        str_add(out, " xmlns=\"");
        add_escaped(out, xmlns);
        str_add_char(out, '"');
    }
    if (!node->child && !*node->text) {
        str_add(out, "/>");
        return;
    }
    str_add_char(out, '>');
    add_escaped(out, node->text);
    for (const struct node *child = node->child; child; child = child->next)
        add_node(child, NULL, out);
    str_add(out, "</");
    str_add(out, node->name);
    str_add_char(out, '>');
}

void node_xml(const struct node *root, const char *xmlns, struct str *out)
{
    str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    add_node(root, xmlns, out);
}

void aws_request_init(struct aws_request *r, enum aws_service service, const char *action)
{
    *r = (struct aws_request){.service = service};
    r->action = arena_dup(&r->arena, action);
}

void aws_request_release(struct aws_request *r)
{
    arena_release(&r->arena);
    free(r->params);
    cJSON_Delete(r->json);
    *r = (struct aws_request){0};
}

void aws_param(struct aws_request *r, const char *name, const char *value)
{
    if (!value)
        return;
    r->params = mem_grow(r->params, &r->param_cap, r->param_count + 1, sizeof *r->params);
    r->params[r->param_count++] = (struct aws_param){arena_dup(&r->arena, name), arena_dup(&r->arena, value)};
}

void aws_paramf(struct aws_request *r, const char *name, const char *fmt, ...)
{
    struct str value;
    str_init(&value, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&value, fmt, args);
    va_end(args);
    aws_param(r, name, value.text);
    str_release(&value);
}

void aws_param_bool(struct aws_request *r, const char *name, bool value)
{
    aws_param(r, name, value ? "true" : "false");
}

void aws_param_i64(struct aws_request *r, const char *name, int64_t value)
{
    aws_paramf(r, name, "%" PRId64, value);
}

const char *aws_param_get(const struct aws_request *r, const char *name)
{
    for (size_t i = 0; i < r->param_count; i++)
        if (strcmp(r->params[i].name, name) == 0)
            return r->params[i].value;
    return NULL;
}

const char *aws_param_at(const struct aws_request *r, const char *prefix, size_t n)
{
    char name[256];
    const char *value = NULL;
    if (snprintf(name, sizeof name, "%s.%zu", prefix, n) < (int)sizeof name)
        value = aws_param_get(r, name);
    if (!value && snprintf(name, sizeof name, "%s.member.%zu", prefix, n) < (int)sizeof name)
        value = aws_param_get(r, name);
    return value;
}

void aws_reply_init(struct aws_reply *r)
{
    *r = (struct aws_reply){0};
}

void aws_reply_release(struct aws_reply *r)
{
    arena_release(&r->arena);
    cJSON_Delete(r->json);
    aws_reply_init(r);
}

void aws_error_set(struct aws_error *e, enum aws_outcome outcome, int http_status, const char *code, const char *fmt,
                   ...)
{
    *e = (struct aws_error){.outcome = outcome, .http_status = http_status};
    (void)snprintf(e->code, sizeof e->code, "%s", code);
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(e->message, sizeof e->message, fmt, args);
    va_end(args);
}

bool aws_error_is(const struct aws_error *e, const char *code)
{
    return strcmp(e->code, code) == 0;
}

/* Source: the SDKs' standard retry mode (AWS SDKs and Tools Reference Guide, "Retry behavior"). */
bool aws_error_throttled(const struct aws_error *e)
{
    static const char *const codes[] = {"Throttling",
                                        "ThrottlingException",
                                        "ThrottledException",
                                        "RequestThrottledException",
                                        "TooManyRequestsException",
                                        "ProvisionedThroughputExceededException",
                                        "TransactionInProgressException",
                                        "RequestLimitExceeded",
                                        "BandwidthLimitExceeded",
                                        "LimitExceededException",
                                        "RequestThrottled",
                                        "SlowDown",
                                        "PriorRequestNotComplete",
                                        "EC2ThrottledException",
                                        NULL};
    for (size_t i = 0; codes[i]; i++)
        if (aws_error_is(e, codes[i]))
            return true;
    return e->http_status == 429;
}

bool aws_error_transient(const struct aws_error *e)
{
    int status = e->http_status;
    return aws_error_throttled(e) || status == 500 || status == 502 || status == 503 || status == 504 ||
           aws_error_is(e, "RequestTimeout") || aws_error_is(e, "RequestTimeoutException") ||
           aws_error_is(e, "time-out") || aws_error_is(e, "connection") || aws_error_is(e, "reply");
}
