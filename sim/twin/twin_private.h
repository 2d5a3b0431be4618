/* twin_private.h - the parts of the twin's server: twin.c holds them together, http.c is libmicrohttpd's side, calls.c
 * answers AWS's actions, admin.c /_twin/ and metadata.c the instance metadata service. */
#ifndef SIM_TWIN_TWIN_PRIVATE_H
#define SIM_TWIN_TWIN_PRIVATE_H

#include <microhttpd.h>

#include "sim/fault.h"
#include "sim/twin/apps.h"
#include "sim/twin/access.h"
#include "sim/twin/net.h"
#include "sim/twin/reply.h"
#include "sim/twin/request.h"
#include "sim/twin/twin.h"

#define TWIN_CONNECTIONS_SOFT 1000 /* above this many requests are refused, politely */
#define TWIN_CONNECTIONS_HARD 1500

struct exchange;

struct metadata_token {
    char text[57];
    int64_t ends_ns;
};

struct twin {
    const struct twin_options *options;
    struct session *session;
    struct simcloud *cloud;
    struct fault_set *faults;
    struct access *keys;
    struct sigv4 sigv4;
    struct net *net;
    struct apps *apps; /* NULL: none */
    struct MHD_Daemon *daemon;
    uint16_t port;
    int64_t start_ms, start_ns; /* of the clock */
    unsigned connections;
    struct exchange *waiting; /* of http.c: answers that are held back */
    /* A stepped clock's memory of the last read. */
    uint64_t last_read, last_trace;
    /* The log's rate limit. */
    int64_t log_second;
    int log_lines;
    struct metadata_token tokens[256];
    size_t next_token;
    uint64_t requests, refused;
    uint64_t saved_changes;
    int64_t next_save_ns;
};

/* How the answer leaves. */
enum twin_delivery { DELIVER_WHOLE, DELIVER_CUT, DELIVER_NEVER, DELIVER_DROP };

struct twin_response {
    struct twin_answer answer;
    enum twin_delivery delivery;
    int64_t delay_ms; /* virtual */
};

int64_t twin_now_ms(const struct twin *t);
bool twin_is_stepped(const struct twin *t);
void twin_catch_up(struct twin *t); /* the cloud's clock to the twin's */
void twin_advance(struct twin *t, int64_t to_ms);
void twin_log(struct twin *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

void twin_call(struct twin *t, const struct sigv4_request *http, struct twin_response *out);
void twin_admin(struct twin *t, const struct sigv4_request *http, struct twin_answer *out);
bool twin_is_metadata(const struct sigv4_request *http);
void twin_metadata(struct twin *t, const struct sigv4_request *http, struct twin_answer *out);

void twin_text(struct twin_answer *a, int status, const char *type, const char *fmt, ...) PRINTF_LIKE(4, 5);
void twin_json(struct twin_answer *a, int status, cJSON *document); /* and frees it */

int http_start(struct twin *t, struct err *err) MUST_USE;
void http_stop(struct twin *t);
void http_run(struct twin *t);
int http_fd(const struct twin *t);
int64_t http_due_ns(const struct twin *t); /* when an answer that waits is due, in the machine's time; INT64_MAX */

#endif
