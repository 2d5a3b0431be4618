/*
 * support_twin.h - a twin as a child process, and a client that signs: for tests and benchmarks.
 *
 * The program is $BAKEHOUR, else ./bakehour. Signing uses the twin's own sigv4.c (which is held against AWS's vectors);
 * independent clients (libcurl, botocore) are in tests/cli/twin.t.
 */
#ifndef TESTS_SUPPORT_TWIN_H
#define TESTS_SUPPORT_TWIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct twin_child {
    pid_t pid;
    uint16_t port;
    int64_t start_ns; /* how long it took to be ready */
};

/* args: further words, ended by NULL; messages go to /dev/null unless TWIN_LOG is set. False: it did not come up. */
bool twin_child_start(struct twin_child *child, const char *const *args);
int twin_child_stop(struct twin_child *child, int signal_number); /* its exit code; -1: by the signal */

/* A whole HTTP request into out. service "ec2"; body a form ("Action=..."), or a document with target (X-Amz-Target).
 */
struct signing {
    const char *key_id, *secret, *token; /* NULL: TWIN's */
    const char *service, *host;
    int64_t skew_s;
};
void sign_request(const struct signing *with, const char *body, struct str *out);

int dial(const char *address, uint16_t port); /* a connected, blocking socket with a time-out of 10 s; -1 */
/* Sends the bytes and reads until the server closes or, for a reply with Content-Length, until it is whole. False:
 * none. */
bool exchange(int fd, const char *bytes, size_t len, struct str *reply);
/* One request, signed, to the twin at port; the status, or 0. The reply's body is in *body. */
int call_twin(uint16_t port, const struct signing *with, const char *form, struct str *body);
int get_twin(uint16_t port, const char *method, const char *path, const char *body, struct str *reply);
const char *body_of(const struct str *reply);
/* The text of the first <name> element of a body; "" where there is none. Into to. */
const char *element(const char *body, const char *name, char *to, size_t size);

/* count connections at once, each with the request, none closed before the last is answered. How many had `status`. */
int twin_storm(uint16_t port, int count, const struct str *request, int status);

/* An application to be started by a twin: PROGRAM --app FILE ADDRESS PORT ARGS...; a FILE that begins with "good" is
 * served with the arguments, another one ends at once with 1. */
int twin_test_app(int argc, char **argv);

#endif
