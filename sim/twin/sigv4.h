/*
 * sigv4.h - checks AWS Signature Version 4 of a request, from its bytes on the wire.
 *
 *   canonical request = method, path encoded once more, query decoded and encoded anew and sorted, signed headers
 *                       (lower case, trimmed, runs of blanks made one), their names, SHA-256 of the body
 *   string to sign    = AWS4-HMAC-SHA256, time, scope, SHA-256 of the canonical request
 *   signature         = HMAC over it with a key derived from secret, date, region and service
 *
 * Source: IAM User Guide, "Create a signed AWS API request"; vectors: the SigV4 test suite. Independent of the client's
 * signing (libcurl): OpenSSL's digests only. Pure but for the key store. Texts in the result point into the request.
 * Cost: about 20 microseconds; the last derived key is kept in the struct sigv4.
 */
#ifndef SIM_TWIN_SIGV4_H
#define SIM_TWIN_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SIGV4_HEADERS_MAX 64
#define SIGV4_SKEW_S      300

struct http_header {
    const char *name, *value;
};

struct sigv4_request {
    const char *method, *path, *query; /* as on the wire; query without '?', "" where there is none */
    const struct http_header *headers;
    size_t header_count;
    const char *body;
    size_t body_len;
};

/* What is known of an access key. */
struct sigv4_key {
    const char *secret;
    const char *token;  /* NULL: a long-term key, without one */
    int64_t expires_ms; /* INT64_MAX: never */
};

enum sigv4_result {
    SIGV4_OK,
    SIGV4_MISSING,       /* no signature at all */
    SIGV4_INCOMPLETE,    /* the Authorization header lacks a part */
    SIGV4_UNKNOWN_KEY,   /* access key or session token unknown */
    SIGV4_TOKEN_EXPIRED, /* of a session */
    SIGV4_EXPIRED,       /* signed too long ago */
    SIGV4_NOT_YET,       /* signed in the future */
    SIGV4_SCOPE,         /* of another service, or another day than the request's */
    SIGV4_UNSIGNED,      /* a header that must be signed is not: host, x-amz-* */
    SIGV4_MISMATCH,
};

/* The pieces of the Authorization header. */
struct sigv4_scope {
    char key_id[129], date[9], region[33], service[33];
};

struct sigv4 {
    const struct sigv4_key *(*find)(void *context, const char *key_id);
    void *context;
    char cached_for[256];
    unsigned char cached_key[32];
};

/* Reads the scope alone, so that a service can be told before anything is checked. False: there is none. */
bool sigv4_scope(const struct sigv4_request *request, struct sigv4_scope *out);
/* detail: for the error's message. now_s: the server's clock. */
enum sigv4_result sigv4_check(struct sigv4 *s, const struct sigv4_request *request, int64_t now_s,
                              struct sigv4_scope *scope, char detail[512]);

const char *http_header(const struct sigv4_request *request, const char *name); /* NULL where there is none */

/* The parts, for tests. */
void sigv4_canonical(const struct sigv4_request *request, const char *signed_headers, struct str *out);
void sigv4_sign(const char *secret, const struct sigv4_scope *scope, const char *time, const struct str *canonical,
                char signature[65]);

#endif
