#include "sim/twin/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/mem.h"

#define NETWORK_FIRST 100
#define NETWORK_LAST  163
#define EVENTS_MAX    256
#define LINGER_NS     (INT64_C(2) * 1000000000)   /* after the reply: the rest of the upload is read and dropped */
#define IDLE_NS       (INT64_C(600) * 1000000000) /* a connection is held no longer */
#define GIVE_UP_MS    5000                        /* of virtual time, with a stepped clock */
#define FIRST_MAX     GUEST_READ_MAX
#define DUPLICATE_MAX ((size_t)64 << 20)

/* What an epoll event points to. */
enum thing { LISTENER, CONNECTION };

struct listener {
    enum thing thing;
    int fd;
    uint16_t port;
    char address[INET_ADDRSTRLEN];
    struct guest *guest;
};

enum stage { STAGE_HANDSHAKE, STAGE_OPEN, STAGE_WRITING, STAGE_LINGERING };

struct connection {
    enum thing thing;
    int fd;
    enum stage stage;
    SSL *tls;
    struct guest_conn *conn;
    struct guest *guest;
    uint16_t port;
    char address[INET_ADDRSTRLEN];
    bool began, ended; /* the first read is there; the client has sent its last byte */
    struct fault_verdict verdict;
    struct str copy; /* what was sent, where it is to be delivered twice */
    struct str out;  /* the reply, from `sent` on */
    size_t sent;
    int64_t due_ms; /* of the reply, with a fault's delay; GUEST_NEVER: not known yet */
    int64_t silent_since_ms;
    int64_t until_ns;
};

struct net {
    struct net_options options;
    int fd, claim, network;
    SSL_CTX *tls;
    struct listener **listeners;
    size_t listener_count, listener_cap;
    struct connection **connections;
    size_t count, cap;
};

/* ---- TLS ---- */

static int tls_failed(struct err *err, const char *what)
{
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    return err_set(err, EXIT_INPUT, "%s: %s", what, text);
}

static int make_tls(struct net *net, struct err *err)
{
    const struct net_options *o = &net->options;
    /* No context is named for its sessions, as in many a small server: with client certificates asked for, OpenSSL then
     * ends a connection that takes up another's session. Clients must not. */
    net->tls = SSL_CTX_new(TLS_server_method());
    if (!net->tls)
        return tls_failed(err, "TLS");
    SSL_CTX_set_min_proto_version(net->tls, TLS1_2_VERSION);
    SSL_CTX_set_verify(net->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(net->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_load_verify_locations(net->tls, o->ca_file, NULL) != 1)
        return tls_failed(err, o->ca_file);
    if (SSL_CTX_use_certificate_chain_file(net->tls, o->cert_file) != 1)
        return tls_failed(err, o->cert_file);
    if (SSL_CTX_use_PrivateKey_file(net->tls, o->key_file, SSL_FILETYPE_PEM) != 1)
        return tls_failed(err, o->key_file);
    return 0;
}

/* A socket that listens there, or -1. */
static int listen_at(uint32_t address, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 128) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Two twins must not share addresses: each claims a network by a port on its last address, where nobody else has the
 * first one that an instance gets. */
static int claim_network(struct net *net, struct err *err)
{
    for (net->network = NETWORK_FIRST; net->network <= NETWORK_LAST; net->network++) {
        uint32_t base = 127u << 24 | (uint32_t)net->network << 16;
        int first = listen_at(base | 10, GUEST_API_PORT);
        if (first < 0)
            continue;
        close(first);
        net->claim = listen_at(base | 0xfffe, GUEST_API_PORT);
        if (net->claim >= 0)
            return 0;
    }
    return err_set(err, EXIT_FAILED, "no free network from 127.%d to 127.%d: how many twins are running?",
                   NETWORK_FIRST, NETWORK_LAST);
}

int net_network(const struct net *net)
{
    return net->network;
}

int net_new(struct net **out, const struct net_options *options, struct err *err)
{
    struct net *net = mem_zero(1, sizeof *net);
    net->options = *options;
    net->claim = -1;
    net->fd = epoll_create1(EPOLL_CLOEXEC);
    int code = net->fd < 0 ? err_set(err, EXIT_FAILED, "epoll: %s", strerror(errno)) : 0;
    if (!code)
        code = claim_network(net, err);
    if (!code && options->ca_file)
        code = make_tls(net, err);
    if (code) {
        net_free(net);
        return code;
    }
    *out = net;
    return 0;
}

int net_fd(const struct net *net)
{
    return net->fd;
}

/* ---- listeners ---- */

static void watch(struct net *net, int fd, void *thing, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = thing};
    if (epoll_ctl(net->fd, EPOLL_CTL_ADD, fd, &event) != 0)
        (void)epoll_ctl(net->fd, EPOLL_CTL_MOD, fd, &event);
}

static void listen_on(struct net *net, const char *address, uint16_t port, struct guest *guest)
{
    struct in_addr to;
    if (inet_pton(AF_INET, address, &to) != 1 || ntohl(to.s_addr) >> 24 != 127)
        return;
    int fd = listen_at(ntohl(to.s_addr), port);
    if (fd < 0)
        return; /* somebody else has it: clients meet whoever that is */
    struct listener *l = mem_zero(1, sizeof *l);
    *l = (struct listener){.thing = LISTENER, .fd = fd, .port = port, .guest = guest};
    str_fit(l->address, sizeof l->address, "%s", address);
    net->listeners = mem_grow(net->listeners, &net->listener_cap, net->listener_count + 1, sizeof(struct listener *));
    net->listeners[net->listener_count++] = l;
    watch(net, fd, l, EPOLLIN);
}

static void unlisten(struct net *net, size_t i)
{
    close(net->listeners[i]->fd);
    free(net->listeners[i]);
    net->listeners[i] = net->listeners[--net->listener_count];
}

static void update_port(struct net *net, const char *address, uint16_t port, struct guest *guest)
{
    if (!port)
        return;
    enum guest_phase phase = guest_phase(guest);
    bool wanted = phase != GUEST_OFF && (phase != GUEST_UP || guest_probe(guest, port, "/") != 0);
    size_t i = 0;
    while (i < net->listener_count && !(net->listeners[i]->guest == guest && net->listeners[i]->port == port))
        i++;
    bool is = i < net->listener_count;
    if (wanted && !is)
        listen_on(net, address, port, guest);
    else if (!wanted && is)
        unlisten(net, i);
}

void net_update(struct net *net, const char *address, struct guest *guest, int64_t now_ms)
{
    (void)now_ms;
    update_port(net, address, net->options.api_port, guest);
    update_port(net, address, net->options.app_port, guest);
}

void net_forget(struct net *net, struct guest *guest, int64_t now_ms)
{
    (void)now_ms;
    for (size_t i = net->listener_count; i-- > 0;)
        if (net->listeners[i]->guest == guest)
            unlisten(net, i);
}

/* ---- connections ---- */

static void hang_up(struct net *net, size_t i)
{
    struct connection *c = net->connections[i];
    if (c->tls)
        SSL_free(c->tls);
    if (c->conn)
        guest_conn_close(c->conn);
    close(c->fd);
    str_release(&c->copy);
    str_release(&c->out);
    free(c);
    net->connections[i] = net->connections[--net->count];
}

void net_free(struct net *net)
{
    if (!net)
        return;
    while (net->count)
        hang_up(net, 0);
    while (net->listener_count)
        unlisten(net, 0);
    free(net->connections);
    free(net->listeners);
    if (net->tls)
        SSL_CTX_free(net->tls);
    if (net->fd >= 0)
        close(net->fd);
    if (net->claim >= 0)
        close(net->claim);
    free(net);
}

static void reset(int fd)
{
    struct linger now = {1, 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static void accept_one(struct net *net, struct listener *l, int fd, int64_t now_ms)
{
    struct guest_conn *conn = net->count < NET_CONNECTIONS_MAX ? guest_connect(l->guest, l->port, now_ms) : NULL;
    if (!conn) {
        reset(fd);
        return;
    }
    int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct connection *c = mem_zero(1, sizeof *c);
    *c = (struct connection){.thing = CONNECTION,
                             .fd = fd,
                             .stage = STAGE_OPEN,
                             .conn = conn,
                             .guest = l->guest,
                             .port = l->port,
                             .verdict = {.done = true},
                             .due_ms = GUEST_NEVER,
                             .silent_since_ms = now_ms,
                             .until_ns = clock_monotonic_ns() + IDLE_NS};
    str_fit(c->address, sizeof c->address, "%s", l->address);
    str_init(&c->copy, DUPLICATE_MAX);
    str_init(&c->out, 2 * GUEST_DISK_MAX);
    bool mute = guest_conn_state(conn) == GUEST_CONN_SILENT;
    if (net->tls && l->port == net->options.api_port && !mute) {
        c->tls = SSL_new(net->tls);
        SSL_set_fd(c->tls, fd);
        c->stage = STAGE_HANDSHAKE;
    }
    net->connections = mem_grow(net->connections, &net->cap, net->count + 1, sizeof(struct connection *));
    net->connections[net->count++] = c;
    watch(net, fd, c, EPOLLIN | EPOLLRDHUP);
}

static void accept_all(struct net *net, struct listener *l, int64_t now_ms)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept(l->fd, NULL, NULL);
        if (fd < 0)
            return;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        accept_one(net, l, fd, now_ms);
    }
}

enum { IO_AGAIN = -1, IO_FAILED = -2 };

static ssize_t tls_result(struct connection *c, int result)
{
    if (result > 0)
        return result;
    int why = SSL_get_error(c->tls, result);
    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return IO_AGAIN;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : IO_FAILED;
}

static ssize_t read_some(struct connection *c, char *to, size_t size)
{
    if (c->tls)
        return tls_result(c, SSL_read(c->tls, to, (int)size));
    ssize_t got = recv(c->fd, to, size, 0);
    return got >= 0 ? got : errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_FAILED;
}

static ssize_t write_some(struct connection *c, const char *from, size_t size)
{
    if (size > 1 << 20)
        size = 1 << 20;
    if (c->tls)
        return tls_result(c, SSL_write(c->tls, from, (int)size));
    ssize_t put = send(c->fd, from, size, MSG_NOSIGNAL);
    return put >= 0 ? put : errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_FAILED;
}

/* ---- faults ---- */

static void say(struct connection *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct connection *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    str_vaddf(&c->out, fmt, args);
    va_end(args);
}

static void say_fault(struct connection *c)
{
    const struct fault_verdict *v = &c->verdict;
    char body[256] = "";
    if (v->kind == FAULT_ERROR)
        str_fit(body, sizeof body, "{\"message\": \"%.100s\", \"code\": %d}", v->code, v->status);
    else if (v->body != FAULT_BODY_EMPTY)
        str_fit(body, sizeof body, "<html><body><h1>%d</h1></body></html>", v->status);
    size_t cut = v->kind == FAULT_HTTP && v->body == FAULT_BODY_CUT ? strlen(body) / 2 : 0;
    say(c, "HTTP/1.0 %d Fault\r\nContent-Length: %zu\r\n\r\n%.*s", v->status, strlen(body), (int)(strlen(body) - cut),
        body);
}

/* The first line is there: is something to go wrong with it? */
static void judge(struct net *net, struct connection *c, const char *bytes, size_t len, int64_t now_ms)
{
    char line[FIRST_MAX + 1];
    memcpy(line, bytes, len);
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    char *target = strchr(line, ' ');
    if (!target)
        return;
    *target++ = '\0';
    target[strcspn(target, " ")] = '\0';
    c->verdict = fault_of_guest(net->options.faults, line, target, c->address, now_ms);
}

static bool is_mangled(const struct connection *c)
{
    enum fault_kind kind = c->verdict.kind;
    return kind != FAULT_NONE && kind != FAULT_SLOW && kind != FAULT_DUPLICATE;
}

/* The guest has done with the request: what is to be sent, and when. */
static void settle(struct connection *c, int64_t due_ms)
{
    enum fault_kind kind = c->verdict.kind;
    if (c->due_ms != GUEST_NEVER || kind == FAULT_TIME_OUT)
        return;
    c->due_ms = due_ms + c->verdict.delay_ms;
    if (kind == FAULT_ERROR || kind == FAULT_HTTP)
        say_fault(c);
    else if (kind != FAULT_DROP && c->conn && guest_conn_state(c->conn) == GUEST_CONN_REPLY)
        str_add_n(&c->out, guest_conn_reply(c->conn)->text, guest_conn_reply(c->conn)->len);
}

static void deliver_again(struct connection *c, int64_t now_ms)
{
    struct guest_conn *again = guest_connect(c->guest, c->port, now_ms);
    if (!again)
        return;
    guest_conn_close(c->conn);
    c->conn = again;
    c->verdict.kind = FAULT_NONE;
    guest_conn_read(again, c->copy.text, c->copy.len, now_ms);
}

/* ---- progress ---- */

static void feed(struct net *net, struct connection *c, const char *bytes, size_t len, int64_t now_ms)
{
    if (!c->began)
        judge(net, c, bytes, len, now_ms);
    c->began = true;
    if (is_mangled(c) && !c->verdict.done) {
        settle(c, now_ms);
        return;
    }
    if (c->verdict.kind == FAULT_DUPLICATE)
        str_add_n(&c->copy, bytes, len);
    guest_conn_read(c->conn, bytes, len, now_ms);
}

/* Reads what is there. False: the connection is done with. */
static bool take_input(struct net *net, struct connection *c, int64_t now_ms)
{
    char buffer[GUEST_READ_MAX];
    if (c->stage == STAGE_HANDSHAKE) {
        ssize_t shaken = tls_result(c, SSL_accept(c->tls));
        if (shaken == IO_AGAIN)
            return true;
        if (shaken <= 0)
            return false;
        c->stage = STAGE_OPEN;
    }
    for (int i = 0; i < 64; i++) {
        ssize_t got = read_some(c, buffer, sizeof buffer);
        if (got == IO_AGAIN)
            return true;
        if (got == IO_FAILED || (got == 0 && c->stage == STAGE_LINGERING))
            return false;
        if (got == 0) {
            if (!c->ended && c->stage == STAGE_OPEN)
                guest_conn_end(c->conn, now_ms);
            c->ended = true;
            watch(net, c->fd, c, c->stage == STAGE_WRITING ? EPOLLOUT : 0);
            return guest_conn_state(c->conn) != GUEST_CONN_SILENT && c->verdict.kind != FAULT_TIME_OUT;
        }
        if (c->stage == STAGE_OPEN)
            feed(net, c, buffer, (size_t)got, now_ms);
    }
    return true;
}

/* What the guest has made of it by now. */
static void look(struct connection *c, int64_t now_ms)
{
    if (c->stage != STAGE_OPEN)
        return;
    enum guest_conn_state state = guest_conn_state(c->conn);
    int64_t due = guest_conn_due_ms(c->conn);
    if (state == GUEST_CONN_READING || state == GUEST_CONN_SILENT || due == GUEST_NEVER)
        return;
    if (c->verdict.kind == FAULT_DUPLICATE && state == GUEST_CONN_REPLY)
        deliver_again(c, now_ms);
    state = guest_conn_state(c->conn);
    if (state == GUEST_CONN_REPLY || state == GUEST_CONN_DROPPED)
        settle(c, guest_conn_due_ms(c->conn));
    /* The guest went down before the reply was due. */
    if (state == GUEST_CONN_DROPPED && !is_mangled(c) && guest_conn_due_ms(c->conn) <= now_ms) {
        str_clear(&c->out);
        c->due_ms = now_ms;
    }
}

/* False: the connection is done with. */
static bool put_output(struct net *net, struct connection *c)
{
    while (c->sent < c->out.len) {
        ssize_t put = write_some(c, c->out.text + c->sent, c->out.len - c->sent);
        if (put == IO_AGAIN) {
            watch(net, c->fd, c, EPOLLOUT | (c->ended ? 0 : EPOLLIN));
            return true;
        }
        if (put <= 0)
            return false;
        c->sent += (size_t)put;
    }
    if (c->ended || c->out.len == 0)
        return false;
    if (c->tls)
        (void)SSL_shutdown(c->tls);
    (void)shutdown(c->fd, SHUT_WR);
    c->stage = STAGE_LINGERING;
    c->until_ns = clock_monotonic_ns() + LINGER_NS;
    watch(net, c->fd, c, EPOLLIN | EPOLLRDHUP);
    return true;
}

/* One look at everything that is open. */
static void look_at_all(struct net *net, int64_t now_ms)
{
    int64_t now_ns = clock_monotonic_ns();
    for (size_t i = net->count; i-- > 0;) {
        struct connection *c = net->connections[i];
        look(c, now_ms);
        bool alive = c->until_ns > now_ns;
        if (alive && c->stage == STAGE_OPEN && c->due_ms <= now_ms)
            c->stage = STAGE_WRITING;
        if (alive && c->stage == STAGE_WRITING)
            alive = put_output(net, c);
        if (!alive)
            hang_up(net, i);
    }
}

/* An event may point to a listener that this round has closed. */
static bool is_listener(const struct net *net, const void *thing)
{
    for (size_t i = 0; i < net->listener_count; i++)
        if (net->listeners[i] == thing)
            return true;
    return false;
}

void net_run(struct net *net, int64_t now_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(net->fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        void *thing = events[i].data.ptr;
        if (is_listener(net, thing)) {
            accept_all(net, thing, now_ms);
            continue;
        }
        struct connection *c = thing;
        size_t at = 0;
        while (at < net->count && net->connections[at] != c)
            at++;
        if (at == net->count)
            continue;
        if ((events[i].events & (EPOLLERR | EPOLLHUP)) || (!c->ended && !take_input(net, c, now_ms)))
            hang_up(net, at);
    }
    look_at_all(net, now_ms);
}

int64_t net_due_ms(const struct net *net)
{
    int64_t due = GUEST_NEVER;
    for (size_t i = 0; i < net->count; i++)
        if (net->connections[i]->stage == STAGE_OPEN && net->connections[i]->due_ms < due)
            due = net->connections[i]->due_ms;
    return due;
}

/* Nothing will come of it without more input, and the client has said what it had to say. */
static bool is_silent(const struct connection *c)
{
    return c->stage == STAGE_OPEN && c->due_ms == GUEST_NEVER &&
           (guest_conn_state(c->conn) == GUEST_CONN_SILENT || c->verdict.kind == FAULT_TIME_OUT);
}

size_t net_silent(const struct net *net)
{
    size_t silent = 0;
    for (size_t i = 0; i < net->count; i++)
        silent += is_silent(net->connections[i]);
    return silent;
}

size_t net_count(const struct net *net)
{
    return net->count;
}

size_t net_give_up(struct net *net, int64_t now_ms)
{
    size_t gone = 0;
    for (size_t i = net->count; i-- > 0;)
        if (is_silent(net->connections[i]) && net->connections[i]->silent_since_ms + GIVE_UP_MS <= now_ms) {
            hang_up(net, i);
            gone++;
        }
    return gone;
}
