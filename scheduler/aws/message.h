/*
 * message.h - a call of wire.h as HTTP, and the HTTP answer as a reply or an error of wire.h.
 *
 *      Query (EC2, Auto Scaling, ELBv2, STS)   POST /, a form, signed; XML back
 *      REST  (EventBridge Scheduler)           POST|PUT|GET|DELETE /schedules/NAME?..., JSON both ways
 *      JSON  (DynamoDB)                        POST /, X-Amz-Target, JSON 1.0 both ways
 *
 * Whatever comes back gives a clear end: AWS's errors in each of their forms; a gateway's HTML; cut-off XML (it may
 * have been done); signatures refused because a clock is wrong (the message says by how much). Pure but for
 * message_exchange. Ownership as in wire.h.
 */
#ifndef SCHEDULER_AWS_MESSAGE_H
#define SCHEDULER_AWS_MESSAGE_H

#include "scheduler/aws/credentials.h"
#include "scheduler/aws/http.h"
#include "scheduler/wire.h"

struct message {
    const char *method;
    struct str target; /* path and query, sorted and encoded */
    struct str body;
    char content_type[64];
    char header[128]; /* X-Amz-Target; "": none */
};

void message_of(const struct aws_request *request, struct message *out);
void message_release(struct message *m);

/* The answer's meaning: 0 with reply, -1 with error. http->body is read, not taken. now_s: for the hint on clocks. */
int message_read(const struct aws_request *request, const struct http_reply *http, int64_t now_s,
                 struct aws_reply *reply, struct aws_error *error) MUST_USE;

struct message_route {
    const char *endpoint; /* "https://ec2.eu-west-1.amazonaws.com" */
    const char *region;
    const struct credentials *by; /* NULL: not signed (AssumeRoleWithWebIdentity) */
    int64_t now_s;
    int64_t stop_grace_ms;         /* how long it may go on when asked to stop; 0: the usual 1.5 s */
    int64_t send_by_ns, send_by_s; /* http.h */
};

int message_exchange(struct http *http, const struct message_route *route, const struct aws_request *request,
                     struct aws_reply *reply, struct aws_error *error) MUST_USE;

#endif
