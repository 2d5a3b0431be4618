/* support_transport.h - a transport that plays a script: each call must be the next one, and gets its answer. */
#ifndef TESTS_SUPPORT_TRANSPORT_H
#define TESTS_SUPPORT_TRANSPORT_H

#include "scheduler/cloud.h"
#include "scheduler/transport.h"

struct fake_step {
    const char *action;
    const char *params;  /* lines "Name=value" that must be in the request, in any order; "!Name": must not be there;
                            for the JSON services: texts that must stand in the document. NULL: whatever */
    const char *reply;   /* XML ('<...') or JSON ('{...'); NULL: an error */
    const char *code;    /* of the error */
    const char *message; /* NULL: "no" */
    int status;          /* 0: 400 */
    enum aws_outcome outcome;
};

struct fake_guest_step {
    const char *method, *target; /* target: its beginning */
    enum guest_outcome outcome;
    int status;
    const char *body;
    int64_t took_ms;
};

struct fake {
    const struct fake_step *steps;
    size_t count, at;
    const struct fake_guest_step *guest;
    size_t guest_count, guest_at;
    int64_t now_ms;
    int64_t slept_ms;
    int sleeps, sleeps_until_stop; /* 0: never asked to stop */
    int64_t call_takes_ms;
    struct transport transport;
    struct retry retry;
    struct cloud cloud;
    struct str sent; /* the last guest request as it stood: head, file and tail included */
};

#define FAKE_START_MS 1795572000000 /* 2026-11-25T02:00:00Z */

void fake_init(struct fake *f, const struct fake_step *steps, size_t count);
void fake_done(struct fake *f); /* the script must have been played to its end */
#define FAKE_SCRIPT(f, steps) fake_init((f), (steps), sizeof(steps) / sizeof *(steps))

#endif
