#include "tests/support_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

/* The whole request: head and as many bytes as its Content-Length says. */
static void read_request(int fd, struct str *out)
{
    char block[16384];
    str_clear(out);
    for (;;) {
        const char *end = strstr(out->text, "\r\n\r\n");
        if (end) {
            const char *length = strstr(out->text, "\r\nContent-Length:");
            size_t want = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
            if (out->len >= (size_t)(end - out->text) + 4 + want)
                return;
        }
        ssize_t got = read(fd, block, sizeof block);
        if (got <= 0)
            return;
        str_add_n(out, block, (size_t)got);
    }
}

static void check(struct http_script *s, const char *want)
{
    while (want && *want) {
        size_t len = strcspn(want, "\n");
        char line[1024];
        str_fit(line, sizeof line, "%.*s", (int)len, want);
        bool must_not = line[0] == '!';
        if (!!strstr(s->last.text, line + must_not) == must_not)
            str_addf(&s->wrong, "step %zu: \"%s\" in:\n%s\n", s->played + 1, line, s->last.text);
        want += len + (want[len] == '\n');
    }
}

static void *serve(void *context)
{
    struct http_script *s = context;
    while (s->played < s->count) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            break;
        const struct http_step *step = &s->steps[s->played];
        read_request(fd, &s->last);
        check(s, step->want);
        const struct timespec pause = {step->delay_ms / 1000, step->delay_ms % 1000 * 1000000L};
        (void)nanosleep(&pause, NULL);
        s->played++;
        for (size_t at = 0; step->reply && at < strlen(step->reply);) {
            ssize_t sent = send(fd, step->reply + at, strlen(step->reply) - at, MSG_NOSIGNAL);
            if (sent <= 0)
                break;
            at += (size_t)sent;
        }
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
    return NULL;
}

void http_script_start(struct http_script *s, const struct http_step *steps, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    *s = (struct http_script){.steps = steps, .count = count};
    str_init(&s->last, 0);
    str_init(&s->wrong, 65536);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    s->port = ntohs(address.sin_port);
    str_fit(s->url, sizeof s->url, "http://127.0.0.1:%u", s->port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void http_script_done(struct http_script *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    if (s->wrong.len)
        fail_msg("%s", s->wrong.text);
    assert_int_equal(s->played, s->count);
    str_release(&s->last);
    str_release(&s->wrong);
}
