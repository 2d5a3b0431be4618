/*
 * wire.h - a call to AWS and its answer, as plain trees: what goes over the wire, without the wire.
 *
 *      struct aws_request                        struct aws_reply
 *        service  EC2                              root  <DescribeInstancesResponse>
 *        action   "DescribeInstances"                      <reservationSet><item>...
 *        params   InstanceId.1 = i-0123
 *
 * The typed operations of scheduler/cloud.h build requests and read replies; a transport (scheduler/transport.h)
 * carries them: over HTTPS to AWS or the twin, or straight into the modelled cloud. Both sides see the same names as
 * AWS's own API models: Query parameters in their flat form ("TagSpecification.1.Tag.1.Key"), XML elements as they are
 * ("reservationSet/item/instancesSet/item/instanceId"). The JSON services (DynamoDB, EventBridge Scheduler) carry
 * a document each way instead.
 *
 * Ownership: request and reply are the caller's from _init to _release; texts and nodes live in their arenas.
 */
#ifndef SCHEDULER_WIRE_H
#define SCHEDULER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum aws_service {
    AWS_EC2,
    AWS_AUTOSCALING,
    AWS_ELBV2,
    AWS_STS,
    AWS_SCHEDULER,
    AWS_DYNAMODB,
    AWS_QUOTAS,
    AWS_SERVICES
};

enum aws_protocol {
    PROTOCOL_QUERY, /* a form POST to /, XML back */
    PROTOCOL_REST,  /* EventBridge Scheduler: POST|PUT|GET|DELETE /schedules/NAME, JSON both ways */
    PROTOCOL_JSON,  /* DynamoDB, Service Quotas: POST / with X-Amz-Target, JSON both ways */
};

struct aws_service_info {
    const char *name;      /* "EC2", for messages */
    const char *signing;   /* "ec2": the service in the credential scope and in the host's name */
    const char *version;   /* "2016-11-15" */
    const char *variable;  /* AWS_ENDPOINT_URL_<this> */
    const char *iam;       /* the prefix of its actions in a policy: "ec2" */
    const char *namespace; /* of its XML; the prefix of the JSON services' X-Amz-Target */
    enum aws_protocol protocol;
};

const struct aws_service_info *aws_service_info(enum aws_service service);

/* ---- trees ---- */

struct node {
    const char *name;
    const char *text; /* "" where there is none; never NULL */
    struct node *child, *last_child, *next;
};

struct node *node_new(struct arena *arena, const char *name);
struct node *node_add(struct arena *arena, struct node *parent, const char *name);
void node_text(struct arena *arena, struct node *parent, const char *name, const char *text); /* NULL: left out */
void node_textf(struct arena *arena, struct node *parent, const char *name, const char *fmt, ...) PRINTF_LIKE(4, 5);
void node_bool(struct arena *arena, struct node *parent, const char *name, bool value);
void node_i64(struct arena *arena, struct node *parent, const char *name, int64_t value);

/* path: names separated by '/'; the first that fits at each step. NULL where there is none. */
const struct node *node_find(const struct node *node, const char *path);
const char *node_get(const struct node *node, const char *path);          /* its text; "" where there is none */
const struct node *node_child(const struct node *node, const char *name); /* the first of that name; node may be NULL */
const struct node *node_next(const struct node *node, const char *name);  /* the next sibling of that name */
size_t node_count(const struct node *node, const char *name);

/* The tree as an XML document; xmlns stands on the root. Text is escaped, control characters that XML 1.0 cannot
 * carry come out as U+FFFD. */
void node_xml(const struct node *root, const char *xmlns, struct str *out);

/* ---- requests ---- */

struct aws_param {
    const char *name, *value;
};

struct aws_request {
    enum aws_service service;
    const char *action;
    const char *region; /* NULL: the transport's own */
    int64_t latest_ms;  /* by the transport's clock: it is not sent any more after that; 0: whenever */
    struct arena arena;
    struct aws_param *params; /* in the order in which they were added */
    size_t param_count, param_cap;
    cJSON *json; /* of the JSON services; owned */
};

void aws_request_init(struct aws_request *r, enum aws_service service, const char *action);
void aws_request_release(struct aws_request *r);
void aws_param(struct aws_request *r, const char *name, const char *value); /* NULL value: left out */
void aws_paramf(struct aws_request *r, const char *name, const char *fmt, ...) PRINTF_LIKE(3, 4);
void aws_param_bool(struct aws_request *r, const char *name, bool value);
void aws_param_i64(struct aws_request *r, const char *name, int64_t value);
const char *aws_param_get(const struct aws_request *r, const char *name); /* NULL where there is none */
/* The value of prefix.N (EC2) or prefix.member.N, counted from 1; NULL where there is none. */
const char *aws_param_at(const struct aws_request *r, const char *prefix, size_t n);

/* ---- answers ---- */

struct aws_reply {
    struct arena arena;
    struct node *root; /* <ActionResponse>; NULL for the JSON services */
    cJSON *json;       /* owned */
    char request_id[64];
    int64_t date_s; /* AWS's clock when it answered, by its Date header; 0: it said none */
};

void aws_reply_init(struct aws_reply *r);
void aws_reply_release(struct aws_reply *r);

/* How a call ended. */
enum aws_outcome {
    AWS_DONE,
    AWS_REFUSED,  /* AWS answered with an error: nothing was done (a 5xx from a gateway is AWS_UNCERTAIN) */
    AWS_UNSENT,   /* it never left: no credentials, no connection */
    AWS_UNCERTAIN /* it left and no proper answer came: it may have been done */
};

/* A code of ours: the credentials that are set up are refused, missing or malformed. */
#define AWS_NO_CREDENTIALS "no-credentials"

struct aws_error {
    enum aws_outcome outcome;
    int http_status;   /* 0: no answer */
    char code[96];     /* AWS's: "InvalidInstanceID.NotFound"; ours in lower case: "time-out", "connection", "reply" */
    char message[512]; /* for people */
    char request_id[64];
};

void aws_error_set(struct aws_error *e, enum aws_outcome outcome, int http_status, const char *code, const char *fmt,
                   ...) PRINTF_LIKE(5, 6);
bool aws_error_is(const struct aws_error *e, const char *code);
bool aws_error_throttled(const struct aws_error *e); /* the codes that the SDKs' standard mode names */
bool aws_error_transient(const struct aws_error *e); /* throttled, 500, 502, 503, 504, time-outs, lost connections */

#endif
