#include "sim/twin/reply.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

#define XML_TYPE      "text/xml;charset=UTF-8"
#define DYNAMODB_TYPE "application/x-amz-json-1.0"
#define QUOTAS_TYPE   "application/x-amz-json-1.1"
#define REST_TYPE     "application/json"

void twin_answer_init(struct twin_answer *a)
{
    *a = (struct twin_answer){.status = 200, .content_type = XML_TYPE};
    str_init(&a->body, 0);
}

void twin_answer_release(struct twin_answer *a)
{
    str_release(&a->body);
}

/* EC2 puts <requestId> first; the others end with <ResponseMetadata>. */
static void add_request_id(struct twin_answer *a, enum aws_service service, struct aws_reply *reply)
{
    struct node *root = reply->root;
    if (service == AWS_EC2) {
        struct node *id = node_new(&reply->arena, "requestId");
        id->text = arena_dup(&reply->arena, a->request_id);
        id->next = root->child;
        root->child = id;
        if (!root->last_child)
            root->last_child = id;
        return;
    }
    struct node *metadata = node_add(&reply->arena, root, "ResponseMetadata");
    node_text(&reply->arena, metadata, "RequestId", a->request_id);
}

static const char *json_type(enum aws_service service)
{
    return service == AWS_DYNAMODB ? DYNAMODB_TYPE : service == AWS_QUOTAS ? QUOTAS_TYPE : REST_TYPE;
}

void twin_answer_reply(struct twin_answer *a, enum aws_service service, struct aws_reply *reply)
{
    const struct aws_service_info *info = aws_service_info(service);
    a->status = 200;
    if (reply->root) {
        a->content_type = XML_TYPE;
        add_request_id(a, service, reply);
        node_xml(reply->root, info->namespace, &a->body);
        return;
    }
    a->content_type = json_type(service);
    char *text = reply->json ? cJSON_PrintUnformatted(reply->json) : NULL;
    str_add(&a->body, text ? text : "{}");
    free(text);
}

/* ---- errors ---- */

static void add_xml_error(struct twin_answer *a, enum aws_service service, const struct aws_error *error)
{
    struct arena arena = {0};
    bool ec2 = service == AWS_EC2;
    struct node *root = node_new(&arena, ec2 ? "Response" : "ErrorResponse");
    struct node *outer = ec2 ? node_add(&arena, root, "Errors") : root;
    struct node *inner = node_add(&arena, outer, "Error");
    if (!ec2)
        node_text(&arena, inner, "Type", error->http_status >= 500 ? "Receiver" : "Sender");
    node_text(&arena, inner, "Code", error->code);
    node_text(&arena, inner, "Message", error->message);
    node_text(&arena, root, ec2 ? "RequestID" : "RequestId", a->request_id);
    node_xml(root, ec2 ? NULL : aws_service_info(service)->namespace, &a->body);
    arena_release(&arena);
}

/* The namespace that stands before DynamoDB's codes. */
static const char *prefix_of(const char *code)
{
    static const char *const coral[] = {"ValidationException",
                                        "SerializationException",
                                        "UnknownOperationException",
                                        "MissingAuthenticationTokenException",
                                        "UnrecognizedClientException",
                                        "InvalidSignatureException",
                                        "IncompleteSignatureException",
                                        "ExpiredTokenException",
                                        NULL};
    for (size_t i = 0; coral[i]; i++)
        if (strcmp(code, coral[i]) == 0)
            return "com.amazon.coral.service#";
    return "com.amazonaws.dynamodb.v20120810#";
}

static void add_json_error(struct twin_answer *a, enum aws_service service, const struct aws_error *error,
                           const cJSON *more)
{
    bool dynamodb = service == AWS_DYNAMODB;
    cJSON *document = more ? cJSON_Duplicate(more, true) : cJSON_CreateObject();
    a->content_type = json_type(service);
    if (dynamodb) {
        char type[160];
        str_fit(type, sizeof type, "%s%s", prefix_of(error->code), error->code);
        json_text(document, "__type", type);
        json_text(document, strcmp(error->code, "TransactionCanceledException") == 0 ? "Message" : "message",
                  error->message);
    } else if (service == AWS_QUOTAS) {
        json_text(document, "__type", error->code);
        json_text(document, "Message", error->message);
    } else {
        str_fit(a->error_type, sizeof a->error_type, "%s", error->code);
        json_text(document, "Message", error->message);
    }
    char *text = cJSON_PrintUnformatted(document);
    str_add(&a->body, text);
    free(text);
    cJSON_Delete(document);
}

void twin_answer_error(struct twin_answer *a, enum aws_service service, const struct aws_error *error,
                       const cJSON *more)
{
    a->status = error->http_status ? error->http_status : 400;
    if (aws_service_info(service)->protocol == PROTOCOL_QUERY) {
        a->content_type = XML_TYPE;
        add_xml_error(a, service, error);
    } else {
        add_json_error(a, service, error, more);
    }
}

/* What the Query services, EC2 apart, the JSON services and EC2 say; statuses of Query, JSON (EventBridge Scheduler;
 * DynamoDB has 400 for all) and EC2. */
static const struct {
    const char *query, *json, *ec2;
    int query_status, json_status, ec2_status;
} said[] = {
    [SIGV4_MISSING] = {"MissingAuthenticationToken", "MissingAuthenticationTokenException",
                       "MissingAuthenticationToken", 403, 403, 403},
    [SIGV4_INCOMPLETE] = {"IncompleteSignature", "IncompleteSignatureException", "IncompleteSignature", 400, 403, 400},
    [SIGV4_UNKNOWN_KEY] = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", 403, 403, 401},
    [SIGV4_TOKEN_EXPIRED] = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", 403, 403, 400},
    [SIGV4_EXPIRED] = {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired", 403, 403, 400},
    [SIGV4_NOT_YET] = {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired", 403, 403, 400},
    [SIGV4_SCOPE] = {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403, 403},
    [SIGV4_UNSIGNED] = {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403, 403},
    [SIGV4_MISMATCH] = {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403, 403, 403},
};

void twin_signature_error(enum aws_service service, enum sigv4_result result, const char *detail,
                          struct aws_error *error)
{
    assert(result > SIGV4_OK && result <= SIGV4_MISMATCH);
    bool json = aws_service_info(service)->protocol != PROTOCOL_QUERY;
    const char *code = service == AWS_EC2 ? said[result].ec2 : json ? said[result].json : said[result].query;
    int status = service == AWS_EC2                                 ? said[result].ec2_status
                 : service == AWS_DYNAMODB || service == AWS_QUOTAS ? 400
                 : json                                             ? said[result].json_status
                                                                    : said[result].query_status;
    if (service == AWS_EC2 && result == SIGV4_UNKNOWN_KEY)
        detail = "AWS was not able to validate the provided access credentials";
    aws_error_set(error, AWS_REFUSED, status, code, "%s", detail);
}
