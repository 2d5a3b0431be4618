/*
 * transport.h - the one seam between the pipeline and the world: calls to AWS, HTTP to an instance, and time.
 *
 * scheduler/aws/ carries it over HTTPS with libcurl and the machine's clock; sim/ carries it straight into the modelled
 * cloud in virtual time. Everything above (typed operations, retries, waiters, the OSv client, smoke tests, the
 * pipeline) is the same code over both, and so meets the same traps.
 *
 * Not for use by two threads at once. Errors: no exceptions to the rule of wire.h; a transport never retries by itself.
 */
#ifndef SCHEDULER_TRANSPORT_H
#define SCHEDULER_TRANSPORT_H

#include "scheduler/wire.h"

/* One HTTP request to an instance: OSv's REST API, or a smoke test. One reply a connection. */
struct guest_request {
    const char *address; /* "10.0.0.7" */
    uint16_t port;
    bool tls;
    const char *ca_file, *client_cert_file, *client_key_file; /* with tls; NULL: none */
    const char *method;                                       /* "GET" */
    const char *target;                                       /* "/os/version", query included, encoded */
    const char *content_type;                                 /* NULL: none */
    const char *body;                                         /* body_len bytes, or NULL with body_file */
    size_t body_len;
    /* A file sent between two pieces of the body (an upload's multipart frame): head, file, tail. */
    const char *body_head, *body_file, *body_tail;
    size_t reply_max; /* bytes of body; more is an error */
    int64_t connect_ms, total_ms;
    bool silence_is_success; /* reboot, shutdown, power off: the connection drops without a reply */
    const char *save_to;     /* the reply's body goes to this file; NULL: into the reply */
};

struct guest_reply {
    int status;
    struct str body;
    int64_t took_ms;
};

enum guest_outcome {
    GUEST_OK,        /* a reply, whatever its status */
    GUEST_REFUSED,   /* connection refused: nobody listens */
    GUEST_TIMED_OUT, /* connected or not: no reply in time */
    GUEST_DROPPED,   /* the connection ended without a whole reply */
    GUEST_BAD,       /* no HTTP, TLS failed, too long */
};

struct transport {
    void *self;
    /* 0, or -1 with the error set. reply is initialised by the caller. */
    int (*call)(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error);
    enum guest_outcome (*guest)(void *self, const struct guest_request *request, struct guest_reply *reply,
                                struct err *err);
    int64_t (*now_ms)(void *self); /* UTC, unix milliseconds */
    /* Waits; returns early, with true, when the program has been asked to stop (SIGINT, SIGTERM). */
    bool (*sleep_ms)(void *self, int64_t ms);
    /* Calls are made for so long although the program has been asked to stop; 0: no longer. NULL: it cannot be had. */
    void (*linger)(void *self, int64_t ms);
};

#endif
