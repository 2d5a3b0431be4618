/* support_http.h - a server on loopback that plays a script, in a thread: one connection a step. */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct http_step {
    const char *want;  /* lines, each of which must stand in the request; NULL: whatever */
    const char *reply; /* the bytes sent back; NULL: closed without an answer */
    int delay_ms;      /* before the answer */
};

struct http_script {
    const struct http_step *steps;
    size_t count;
    size_t played;
    uint16_t port;
    char url[64];     /* http://127.0.0.1:PORT */
    struct str last;  /* the last request */
    struct str wrong; /* what was not as wanted; empty: nothing */
    int listener;
    pthread_t thread;
};

void http_script_start(struct http_script *s, const struct http_step *steps, size_t count);
void http_script_done(struct http_script *s); /* asserts that all of it was played as wanted */

#define HTTP_SCRIPT(s, steps)     http_script_start((s), (steps), sizeof(steps) / sizeof *(steps))
#define HTTP_OK(type, body)       "HTTP/1.1 200 OK\r\nContent-Type: " type "\r\nConnection: close\r\n\r\n" body
#define HTTP_STATUS(status, body) "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n" body

#endif
