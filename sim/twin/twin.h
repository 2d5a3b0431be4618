/*
 * twin.h - the modelled cloud behind the real wire protocols, on loopback.
 *
 *      HTTP 127.0.0.1:4566 --> request.c -> sigv4.c -> sim/fault -> sim/cloud --> reply.c
 *      HTTP 127.100.x.y:8000 -> net.c --> sim/guest (OSv's REST API, byte by byte)
 *      processes <------------- apps.c   (--run-app)
 *
 * One thread: an epoll over libmicrohttpd's descriptor and the guests' sockets, and the clock. Virtual time begins at
 * the machine's and runs `speed` times as fast. With a stepped clock (speed 0) it stands still but for these: POST
 * /_twin/advance; a reply of a guest that is due later (nothing else can happen before); a read that is repeated word
 * for word, which is a client that waits: the clock moves to the next change, at most POLL_STEP_MS. A connection that a
 * guest will never answer is given up after 5 s of virtual time then. So a stepped run depends on nothing but the
 * requests: same seed, same requests, same trace.
 *
 * Signatures are checked against the machine's clock (that is what clients sign with), sessions against the virtual.
 */
#ifndef SIM_TWIN_TWIN_H
#define SIM_TWIN_TWIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/session.h"
#include "sim/cloud.h"

#define TWIN_PORT         4566
#define TWIN_GROUPS_MAX   64
#define TWIN_POLICIES_MAX 64
#define TWIN_POLL_STEP_MS 15000

struct twin_options {
    char host[64]; /* 127.0.0.0/8 */
    uint16_t port; /* 0: any free one */
    double speed;  /* 0: stepped */
    uint32_t seed;
    struct calibration calibration;
    int64_t lag_ms;         /* reads lag writes by up to this */
    int64_t spread_percent; /* latencies vary by this */
    bool no_throttle;
    const char *faults, *state, *run_app, *credentials, *role; /* NULL: none */
    uint16_t app_port;
    const char *guest_ca, *guest_cert, *guest_key; /* all or none */
    struct twin_group {
        char account[13], region[32]; /* "": the usual ones */
        char name[128];
        int64_t count;
    } groups[TWIN_GROUPS_MAX];
    size_t group_count;
    struct twin_policy {
        char principal[65]; /* a user's or role's name; "": whoever has no policy of his own */
        const char *file;
        bool trust; /* who may take the role of that name */
    } policies[TWIN_POLICIES_MAX];
    size_t policy_count;
};

struct twin_options twin_options_default(void);

/* Serves until SIGINT or SIGTERM; prints "listening on http://HOST:PORT" to session->out when it is ready. */
int twin_serve(const struct twin_options *options, struct session *session, struct err *err) MUST_USE;

#endif
