/*
 * request.h - which service an HTTP request is meant for, and what it asks: from bytes to a struct aws_request.
 *
 * The service is told by the credential scope, else by the host's name, X-Amz-Target or the path; the Query services
 * take a form (body, or query string), EventBridge Scheduler path, query and a document, DynamoDB a document.
 * Pure. Errors: AWS's own, in the service's manner (struct aws_error); the request may be released either way.
 */
#ifndef SIM_TWIN_REQUEST_H
#define SIM_TWIN_REQUEST_H

#include "scheduler/wire.h"
#include "sim/twin/sigv4.h"

#define TWIN_BODY_MAX   ((size_t)1 << 20)  /* of the Query services and EventBridge Scheduler */
#define TWIN_JSON_MAX   ((size_t)16 << 20) /* of DynamoDB */
#define TWIN_PARAMS_MAX 4000

/* The service and, where the scope says so, the region ("" else). False: nothing tells; EC2 is assumed. */
bool twin_service(const struct sigv4_request *http, enum aws_service *service, char region[33]);

/* 0, or -1 with the error set. out is initialised here, in any case. */
int twin_read(const struct sigv4_request *http, enum aws_service service, struct aws_request *out,
              struct aws_error *error);

/* %XX (and, with plus, '+') decoded into out; -1 where a zero byte comes of it. */
int twin_decode(const char *text, size_t len, bool plus, struct str *out);

/* The value of a parameter of a query string, decoded into out; false where there is none. */
bool twin_query_value(const char *query, const char *name, struct str *out);

#endif
