/*
 * http.h - one HTTP request by libcurl, with a cap and a time-out on everything.
 *
 * TLS is verified (a server that proves itself by a private authority, ca_file, need not bear its address as a name:
 * instances come and go). No redirects. Calls that change something go over a connection of their own: libcurl sends a
 * request again by itself when a reused connection breaks, and nobody would know that it was done twice.
 * Signing is libcurl's (SigV4): POST bodies in memory, query strings sorted and encoded by the caller.
 *
 * Ownership: http_new..http_free; a reply's body is the caller's to release. Errors: the outcome, with err in words; no
 * header and no body stands in them. Cost: a connection is reused for reads.
 */
#ifndef SCHEDULER_AWS_HTTP_H
#define SCHEDULER_AWS_HTTP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct http;

/* stop: set by a signal handler; NULL: none. A request then ends within grace_ms. */
struct http *http_new(const volatile sig_atomic_t *stop);
void http_free(struct http *http);

struct http_request {
    const char *method, *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *body; /* body_len bytes, or NULL */
    size_t body_len;
    const char *body_head, *body_file, *body_tail; /* instead: a file between two texts */
    const char *sign;                              /* "aws:amz:eu-west-1:ec2"; NULL: not signed */
    const char *key_secret;                        /* "KEY:SECRET" */
    const char *ca_file, *client_cert_file, *client_key_file;
    int64_t connect_ms, total_ms;
    int64_t stop_grace_ms; /* how long a request that is under way may go on when asked to stop */
    size_t reply_max;
    const char *save_to;
    int64_t send_by_ns; /* of clock_asleep_too_ns; later it is not sent any more, though connected; 0: whenever */
    int64_t send_by_s;  /* likewise of the wall clock, which a machine that stood still puts right; 0: whenever */
    bool direct;        /* no proxy, HTTP/1.0, a connection of its own: instances, metadata */
    bool fresh;         /* a connection of its own */
};

struct http_reply {
    int status;
    struct str body;
    char request_id[64]; /* X-Amzn-RequestId */
    char error_type[96]; /* X-Amzn-ErrorType */
    int64_t date_s;      /* Date; 0: none */
    int64_t took_ms;
};

enum http_outcome {
    HTTP_DONE,      /* a whole reply, whatever its status */
    HTTP_REFUSED,   /* nobody listens */
    HTTP_UNSENT,    /* no connection: unknown host, unreachable, TLS failed */
    HTTP_LATE,      /* not sent: its time had passed */
    HTTP_TIMED_OUT, /* nothing, or not all of it, in time; it may have been done */
    HTTP_DROPPED,   /* the connection ended early; it may have been done */
    HTTP_TOO_LONG,  /* more than reply_max */
    HTTP_BAD,       /* no HTTP; or a file that cannot be read or written */
    HTTP_STOPPED,   /* asked to stop */
};

enum http_outcome http_send(struct http *http, const struct http_request *request, struct http_reply *reply,
                            struct err *err);
void http_reply_release(struct http_reply *reply); /* the body is wiped: it may hold secrets */

#endif
