/*
 * libmicrohttpd's side of the twin: requests are gathered whole, answered in one go, and sent, cut off, held back or
 * dropped as the answer says. Everything runs in the caller's thread: http_run does what is ready.
 */
#include "sim/twin/twin_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define HELD_NS     (INT64_C(120) * 1000000000) /* an answer that never comes is given up then */
#define POOL_BYTES  ((size_t)64 << 10)          /* of a request's head */
#define IDLE_S      60u
#define CUT_PERCENT 60

struct exchange {
    struct twin *twin;
    char *uri; /* as on the wire; path and query point into it */
    struct str body;
    struct twin_response response;
    bool begun, answered, suspended;
    struct MHD_Connection *connection;
    int64_t due_ns;                   /* INT64_MAX: not waiting */
    struct exchange *next, *previous; /* of those that wait */
};

static int64_t real_delay_ns(const struct twin *t, int64_t virtual_ms)
{
    if (twin_is_stepped(t))
        return 0;
    return (int64_t)((double)virtual_ms * 1e6 / t->options->speed);
}

static void enlist(struct exchange *x)
{
    x->next = x->twin->waiting;
    x->previous = NULL;
    if (x->next)
        x->next->previous = x;
    x->twin->waiting = x;
}

static void delist(struct exchange *x)
{
    if (x->previous)
        x->previous->next = x->next;
    else if (x->twin->waiting == x)
        x->twin->waiting = x->next;
    if (x->next)
        x->next->previous = x->previous;
    x->next = x->previous = NULL;
}

/* ---- sending ---- */

/* The body's first part, and then the end comes too early. */
static ssize_t read_cut(void *context, uint64_t at, char *to, size_t most)
{
    const struct exchange *x = context;
    size_t end = x->response.answer.body.len * CUT_PERCENT / 100;
    if (at >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = end - (size_t)at < most ? end - (size_t)at : most;
    memcpy(to, x->response.answer.body.text + at, len);
    return (ssize_t)len;
}

static struct MHD_Response *make_response(struct exchange *x)
{
    const struct twin_answer *a = &x->response.answer;
    if (x->response.delivery == DELIVER_CUT)
        return MHD_create_response_from_callback(a->body.len, 1024, read_cut, x, NULL);
    return MHD_create_response_from_buffer(a->body.len, a->body.text, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result send_answer(struct exchange *x, struct MHD_Connection *connection)
{
    const struct twin_answer *a = &x->response.answer;
    struct MHD_Response *response = make_response(x);
    char now[24];
    str_fit(now, sizeof now, "%lld", (long long)twin_now_ms(x->twin));
    (void)MHD_add_response_header(response, "Content-Type", a->content_type);
    (void)MHD_add_response_header(response, "x-bakehour-now-ms", now);
    if (*a->request_id)
        (void)MHD_add_response_header(response, "x-amzn-RequestId", a->request_id);
    if (*a->error_type)
        (void)MHD_add_response_header(response, "x-amzn-ErrorType", a->error_type);
    if (a->status == 503)
        (void)MHD_add_response_header(response, "Retry-After", "1");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- answering ---- */

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct sigv4_request *http = context;
    (void)kind;
    if (http->header_count < SIGV4_HEADERS_MAX)
        ((struct http_header *)http->headers)[http->header_count++] = (struct http_header){name, value ? value : ""};
    return MHD_YES;
}

static void answer(struct exchange *x, struct MHD_Connection *connection, const char *method)
{
    struct http_header headers[SIGV4_HEADERS_MAX];
    char *mark = strchr(x->uri, '?');
    if (mark)
        *mark = '\0';
    struct sigv4_request http = {method, x->uri, mark ? mark + 1 : "", headers, 0, x->body.text, x->body.len};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &http);
    struct twin *t = x->twin;
    twin_catch_up(t);
    if (x->body.full)
        twin_text(&x->response.answer, 413, "text/xml;charset=UTF-8",
                  "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Type>Sender</Type><Code>RequestEntityTooLarge</Code>"
                  "<Message>The request is larger than is taken here.</Message></Error></ErrorResponse>");
    else if (strncmp(http.path, "/_twin/", 7) == 0)
        twin_admin(t, &http, &x->response.answer);
    else if (twin_is_metadata(&http))
        twin_metadata(t, &http, &x->response.answer);
    else
        twin_call(t, &http, &x->response);
}

/* Too many at once: a word, and the connection is free for another. */
static void refuse_load(struct exchange *x)
{
    x->twin->refused++;
    twin_log(x->twin, "more than %d connections: refused", TWIN_CONNECTIONS_SOFT);
    twin_text(
        &x->response.answer, 503, "text/xml;charset=UTF-8",
        "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit "
        "exceeded.</Message></Error></Errors><RequestID>overload</RequestID></Response>");
}

static enum MHD_Result deliver(struct exchange *x, struct MHD_Connection *connection)
{
    int64_t delay_ns = real_delay_ns(x->twin, x->response.delay_ms);
    if (x->response.delivery == DELIVER_NEVER)
        delay_ns = HELD_NS;
    if (delay_ns > 0 && !x->suspended) {
        x->suspended = true;
        x->connection = connection;
        x->due_ns = clock_monotonic_ns() + delay_ns;
        enlist(x);
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    if (x->response.delivery == DELIVER_DROP || x->response.delivery == DELIVER_NEVER)
        return MHD_NO; /* the socket is closed */
    return send_answer(x, connection);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **state)
{
    (void)context;
    (void)url;
    (void)version;
    struct exchange *x = *state;
    if (!x->begun) {
        x->begun = true;
        return MHD_YES;
    }
    if (*upload_size) {
        str_add_n(&x->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!x->answered) {
        x->answered = true;
        if (x->twin->connections > TWIN_CONNECTIONS_SOFT)
            refuse_load(x);
        else
            answer(x, connection, method);
    }
    return deliver(x, connection);
}

/* Each request begins here, with its target as it is on the wire. */
static void *begin(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    struct exchange *x = mem_zero(1, sizeof *x);
    x->twin = context;
    x->uri = mem_dup(uri);
    x->due_ns = INT64_MAX;
    str_init(&x->body, TWIN_JSON_MAX + 1);
    twin_answer_init(&x->response.answer);
    return x;
}

static void finish(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode reason)
{
    (void)context;
    (void)connection;
    (void)reason;
    struct exchange *x = *state;
    if (!x)
        return;
    delist(x);
    free(x->uri);
    str_release(&x->body);
    twin_answer_release(&x->response.answer);
    free(x);
    *state = NULL;
}

static void count_connection(void *context, struct MHD_Connection *connection, void **state,
                             enum MHD_ConnectionNotificationCode code)
{
    struct twin *t = context;
    (void)connection;
    (void)state;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        t->connections++;
    else
        t->connections--;
}

static void complain(void *context, const char *fmt, va_list args)
{
    char text[512];
    (void)vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    twin_log(context, "http: %s", text);
}

int http_start(struct twin *t, struct err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(t->options->port)};
    if (inet_pton(AF_INET, t->options->host, &at.sin_addr) != 1)
        return err_set(err, EXIT_INPUT, "--listen: \"%s\" is no IPv4 address", t->options->host);
    t->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, t->options->port, NULL,
                                 NULL, handle, t, MHD_OPTION_EXTERNAL_LOGGER, complain, t, MHD_OPTION_SOCK_ADDR,
                                 (struct sockaddr *)&at, MHD_OPTION_CONNECTION_LIMIT, (unsigned)TWIN_CONNECTIONS_HARD,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                                 MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u, MHD_OPTION_URI_LOG_CALLBACK, begin, t,
                                 MHD_OPTION_NOTIFY_COMPLETED, finish, t, MHD_OPTION_NOTIFY_CONNECTION, count_connection,
                                 t, MHD_OPTION_END);
    if (!t->daemon)
        return err_set(err, EXIT_FAILED, "cannot listen on %s:%u: is another one running?", t->options->host,
                       t->options->port);
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(t->daemon, MHD_DAEMON_INFO_BIND_PORT);
    t->port = info ? info->port : t->options->port;
    return 0;
}

void http_stop(struct twin *t)
{
    if (!t->daemon)
        return;
    for (struct exchange *x = t->waiting; x; x = t->waiting) {
        delist(x);
        MHD_resume_connection(x->connection);
    }
    MHD_stop_daemon(t->daemon);
    t->daemon = NULL;
}

int http_fd(const struct twin *t)
{
    return MHD_get_daemon_info(t->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t http_due_ns(const struct twin *t)
{
    int64_t due = INT64_MAX;
    for (const struct exchange *x = t->waiting; x; x = x->next)
        if (x->due_ns < due)
            due = x->due_ns;
    return due;
}

void http_run(struct twin *t)
{
    int64_t now_ns = clock_monotonic_ns();
    for (struct exchange *x = t->waiting; x;) {
        struct exchange *next = x->next;
        if (x->due_ns <= now_ns) {
            delist(x);
            MHD_resume_connection(x->connection);
        }
        x = next;
    }
    (void)MHD_run(t->daemon);
}
