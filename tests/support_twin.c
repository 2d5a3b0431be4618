#include "tests/support_twin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "billing/calendar.h"
#include "sim/twin/sigv4.h"

#define WORDS_MAX 64

static _Noreturn void become(int out, const char *const *args)
{
    const char *program = getenv("BAKEHOUR");
    const char *words[WORDS_MAX] = {program ? program : "./bakehour", "twin", "--listen", "127.0.0.1:0"};
    size_t count = 4;
    for (; args && *args && count < WORDS_MAX - 1; args++)
        words[count++] = *args;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
    dup2(out, 1);
    if (!getenv("TWIN_LOG"))
        dup2(open("/dev/null", O_WRONLY), 2);
    execv(words[0], (char *const *)words);
    _exit(127);
}

bool twin_child_start(struct twin_child *child, const char *const *args)
{
    int out[2];
    int64_t begin = clock_monotonic_ns();
    if (pipe(out))
        return false;
    *child = (struct twin_child){.pid = fork()};
    if (child->pid == 0)
        become(out[1], args);
    close(out[1]);
    char line[128] = "";
    size_t len = 0;
    while (len < sizeof line - 1) {
        ssize_t got = read(out[0], line + len, 1);
        if (got <= 0 || line[len] == '\n')
            break;
        len++;
    }
    close(out[0]);
    child->start_ns = clock_monotonic_ns() - begin;
    unsigned port;
    if (sscanf(line, "listening on http://127.0.0.1:%u", &port) != 1)
        return false;
    child->port = (uint16_t)port;
    return true;
}

int twin_child_stop(struct twin_child *child, int signal_number)
{
    int status = 0;
    kill(child->pid, signal_number);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void sign_request(const struct signing *with, const char *body, struct str *out)
{
    struct sigv4_scope scope = {.region = "us-east-1"};
    char time[20], day[INSTANT_TEXT_SIZE], signature[65];
    (void)calendar_text(clock_now_s() + with->skew_s, day);
    str_fit(scope.key_id, sizeof scope.key_id, "%s", with->key_id ? with->key_id : "TWIN");
    str_fit(scope.service, sizeof scope.service, "%s", with->service);
    str_fit(scope.date, sizeof scope.date, "%.4s%.2s%.2s", day, day + 5, day + 8);
    str_fit(time, sizeof time, "%sT%.2s%.2s%.2sZ", scope.date, day + 11, day + 14, day + 17);
    const char *names = with->token ? "host;x-amz-date;x-amz-security-token" : "host;x-amz-date";
    struct http_header headers[] = {{"Host", with->host}, {"X-Amz-Date", time}, {"X-Amz-Security-Token", with->token}};
    struct sigv4_request request = {"POST", "/", "", headers, with->token ? 3 : 2, body, strlen(body)};
    struct str canonical;
    str_init(&canonical, 0);
    sigv4_canonical(&request, names, &canonical);
    sigv4_sign(with->secret ? with->secret : "bakehour-twin", &scope, time, &canonical, signature);
    str_release(&canonical);
    str_addf(out,
             "POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Date: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: %zu\r\n",
             with->host, time, strlen(body));
    if (with->token)
        str_addf(out, "X-Amz-Security-Token: %s\r\n", with->token);
    str_addf(
        out,
        "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s\r\n\r\n%s",
        scope.key_id, scope.date, scope.region, scope.service, names, signature, body);
}

int dial(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval patience = {10, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(fd, (struct sockaddr *)&to, sizeof to)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return fd;
}

static bool is_whole(const struct str *reply)
{
    const char *end = strstr(reply->text, "\r\n\r\n");
    const char *length = strstr(reply->text, "Content-Length: ");
    if (!end || !length || length > end)
        return false;
    return reply->len >= (size_t)(end + 4 - reply->text) + strtoul(length + 16, NULL, 10);
}

bool exchange(int fd, const char *bytes, size_t len, struct str *reply)
{
    char buffer[65536];
    for (size_t at = 0; at < len;) {
        ssize_t put = send(fd, bytes + at, len - at, MSG_NOSIGNAL);
        if (put <= 0)
            break; /* an answer may be there all the same */
        at += (size_t)put;
    }
    while (!is_whole(reply)) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0)
            return got == 0 && reply->len > 0;
        str_add_n(reply, buffer, (size_t)got);
    }
    return true;
}

const char *body_of(const struct str *reply)
{
    const char *end = strstr(reply->text, "\r\n\r\n");
    return end ? end + 4 : "";
}

static int talk(uint16_t port, const struct str *request, struct str *body)
{
    struct str reply;
    int fd = dial("127.0.0.1", port);
    int status = 0;
    str_init(&reply, 0);
    str_clear(body);
    if (fd >= 0 && exchange(fd, request->text, request->len, &reply) && sscanf(reply.text, "HTTP/1.1 %d", &status) == 1)
        str_add(body, body_of(&reply));
    if (fd >= 0)
        close(fd);
    str_release(&reply);
    return status;
}

int call_twin(uint16_t port, const struct signing *with, const char *form, struct str *body)
{
    struct signing known = *with;
    char host[32];
    str_fit(host, sizeof host, "127.0.0.1:%u", port);
    known.host = host;
    struct str request;
    str_init(&request, 0);
    sign_request(&known, form, &request);
    int status = talk(port, &request, body);
    str_release(&request);
    return status;
}

int get_twin(uint16_t port, const char *method, const char *path, const char *body, struct str *reply)
{
    struct str request;
    str_init(&request, 0);
    str_addf(&request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", method, path);
    if (body)
        str_addf(&request, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        str_add(&request, "\r\n");
    int status = talk(port, &request, reply);
    str_release(&request);
    return status;
}

const char *element(const char *body, const char *name, char *to, size_t size)
{
    char begin[80];
    str_fit(begin, sizeof begin, "<%s>", name);
    const char *at = strstr(body, begin);
    size_t len = at ? strcspn(at + strlen(begin), "<") : 0;
    str_fit(to, size, "%.*s", (int)len, at ? at + strlen(begin) : "");
    return to;
}

int twin_test_app(int argc, char **argv)
{
    char text[100] = "";
    FILE *file = fopen(argv[2], "r");
    bool good = file && fgets(text, sizeof text, file) && strncmp(text, "good", 4) == 0;
    if (file)
        fclose(file);
    if (!good)
        return 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(argv[4], NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    inet_pton(AF_INET, argv[3], &at.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 16)) {
        close(fd);
        return 1;
    }
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        char request[1000], reply[400];
        if (peer < 0)
            continue;
        (void)recv(peer, request, sizeof request, 0);
        int len = snprintf(reply, sizeof reply, "HTTP/1.0 200 OK\r\n\r\n%s %s %s %s", text, argc > 5 ? argv[5] : "",
                           argc > 6 ? argv[6] : "", getenv("AWS_SECRET_ACCESS_KEY") ? "secret" : "no-secret");
        (void)send(peer, reply, (size_t)len, MSG_NOSIGNAL);
        close(peer);
    }
}

struct client {
    int fd;
    size_t sent;
    struct str reply;
    bool done;
};

int twin_storm(uint16_t port, int count, const struct str *request, int status)
{
    struct client *clients = calloc((size_t)count, sizeof *clients);
    struct pollfd *polls = calloc((size_t)count, sizeof *polls);
    int open = 0, fit = 0;
    for (int i = 0; i < count; i++) {
        clients[i].fd = dial("127.0.0.1", port);
        str_init(&clients[i].reply, 0);
        open += clients[i].fd >= 0;
        if (clients[i].fd >= 0)
            send(clients[i].fd, request->text, request->len, MSG_NOSIGNAL);
    }
    for (int left = open; left > 0;) {
        for (int i = 0; i < count; i++)
            polls[i] = (struct pollfd){clients[i].done ? -1 : clients[i].fd, POLLIN, 0};
        if (poll(polls, (nfds_t)count, 10000) <= 0)
            break;
        for (int i = 0; i < count; i++) {
            if (!(polls[i].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            char buffer[65536];
            ssize_t got = recv(clients[i].fd, buffer, sizeof buffer, 0);
            if (got > 0)
                str_add_n(&clients[i].reply, buffer, (size_t)got);
            int seen = 0;
            sscanf(clients[i].reply.text, "HTTP/1.1 %d", &seen);
            if (got <= 0 || strstr(clients[i].reply.text, "</")) {
                clients[i].done = true;
                fit += seen == status;
                left--;
            }
        }
    }
    for (int i = 0; i < count; i++) {
        if (clients[i].fd >= 0)
            close(clients[i].fd);
        str_release(&clients[i].reply);
    }
    free(clients);
    free(polls);
    return fit;
}
