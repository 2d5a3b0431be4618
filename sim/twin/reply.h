/*
 * reply.h - answers in each service's own shape: XML or JSON, success or error, and what each says to a bad signature.
 *
 * Pure; texts go into the caller's strings. Sources: the API references' "Common Errors" and botocore's service models.
 */
#ifndef SIM_TWIN_REPLY_H
#define SIM_TWIN_REPLY_H

#include "scheduler/wire.h"
#include "sim/twin/sigv4.h"

struct twin_answer {
    int status;
    const char *content_type;
    char error_type[128]; /* for the header x-amzn-ErrorType; "": none */
    char request_id[64];
    struct str body;
};

void twin_answer_init(struct twin_answer *a);
void twin_answer_release(struct twin_answer *a);

/* The request id goes into the tree: reply is changed. */
void twin_answer_reply(struct twin_answer *a, enum aws_service service, struct aws_reply *reply);
/* more: further members of a JSON service's error (a transaction's reasons), or NULL. */
void twin_answer_error(struct twin_answer *a, enum aws_service service, const struct aws_error *error,
                       const cJSON *more);
void twin_signature_error(enum aws_service service, enum sigv4_result result, const char *detail,
                          struct aws_error *error);

#endif
