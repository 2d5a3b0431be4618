/*
 * retry.h - calls that may fail and be tried again: retries, client-side rate limits, waiters.
 *
 * Retries are those of the SDKs' standard mode (AWS SDKs and Tools Reference Guide, "Retry behavior"): 3 attempts,
 * random x 2^n seconds of at most 20 s between them, a quota of tokens that stops a client from hammering a service
 * that is down. What may be tried again depends on what a second go would do:
 *
 *      RETRY_READ   nothing                        every transient failure
 *      RETRY_SAFE   the same again (a token, or    every transient failure; "not found" for a while too, since reads
 *                   what it asks for is absolute)  lag writes and the id in the call came out of an answer
 *      RETRY_GONE   the same again: a removal      likewise, but "not found" is what was wanted
 *      RETRY_ONCE   perhaps a second thing         only what surely was not done: throttled, or never sent. Where it
 *                                                  is AWS_UNCERTAIN the caller looks (by name, by tag) before it goes
 * on
 *
 * Rate limits: one token bucket for each service and kind of call, halved when AWS throttles, growing back slowly
 * (additive increase, multiplicative decrease). Time, sleep and chance come in: the transport's clock, a seed.
 *
 * Ownership: struct retry is a value of its owner; nothing to release. Not for two threads at once.
 */
#ifndef SCHEDULER_RETRY_H
#define SCHEDULER_RETRY_H

#include "base/philox.h"
#include "scheduler/transport.h"

enum retry_class { RETRY_READ, RETRY_SAFE, RETRY_GONE, RETRY_ONCE };

struct retry_settings {
    int attempts;        /* 3: AWS_MAX_ATTEMPTS, max_attempts */
    int64_t base_ms;     /* 1,000 */
    int64_t cap_ms;      /* 20,000 */
    int64_t settle_ms;   /* 20,000: how long a changing call's "not found" may be a lagging read */
    double reads_per_s;  /* 20: the client's own limits, each service for itself */
    double writes_per_s; /* 5 */
    double burst;        /* 40 calls */
    /* DynamoDB is made for more: a partition takes 3,000 read and 1,000 write units a second (a write of an entry with
     * its lease is 4), and a throttled call is worth another go sooner and more often (the SDKs: 10 attempts from
     * 50 ms on). */
    int table_attempts;                           /* 10 */
    int64_t table_base_ms;                        /* 50 */
    double table_reads_per_s, table_writes_per_s; /* 500, 200 */
};

struct retry_bucket {
    double tokens, rate, most; /* rate: calls a second, now; most: where it grows back to */
    int64_t at_ms;             /* of the last filling */
    bool used;
};

struct retry {
    struct retry_settings settings;
    struct philox random;
    int quota; /* tokens left of 500 */
    struct retry_bucket bucket[AWS_SERVICES][2];
    int64_t attempts_made, retries_made, throttled; /* counted for reports */
};

struct retry_settings retry_standard(void);
void retry_init(struct retry *r, const struct retry_settings *settings, uint32_t seed);

/* Called before each attempt of a call that is no read; non-zero: the call is not made, and error says why. *latest_ms
 * (by the transport's clock, 0: any): so long what it found may be relied on. A call that the program has not begun to
 * send by then, as it stood still, fails as AWS_UNSENT, "late", and is tried again: which asks again. */
typedef int retry_before(void *context, const struct aws_request *request, int64_t *latest_ms, struct aws_error *error);

struct retry_how {
    enum retry_class kind;
    retry_before *before; /* NULL: none */
    void *context;
};

/* 0, or -1 with error: that of the last attempt. reply is initialised by the caller and holds the answer. Asked to
 * stop while it waits, it returns the failure at hand, or code "stopped" (AWS_UNSENT) where there was none yet. */
int retry_call(struct retry *r, const struct transport *t, const struct aws_request *request,
               const struct retry_how *how, struct aws_reply *reply, struct aws_error *error) MUST_USE;

/* How long to wait after attempt n (from 1) failed: random x min(base x 2^(n-1), cap). */
int64_t retry_pause_ms(struct retry *r, int attempt);

bool retry_not_found(const struct aws_error *e); /* "InvalidInstanceID.NotFound" and its kin */
bool retry_stopped(const struct aws_error *e);

/* ---- waiters ---- */

enum wait_state { WAIT_ON, WAIT_MET, WAIT_FAILED /* the look set error */ };

struct wait_terms {
    int64_t first_ms; /* pause after the first look */
    int64_t most_ms;  /* pauses grow by half each time up to this */
    int64_t limit_ms; /* in all */
};

typedef enum wait_state wait_look(void *context, struct aws_error *error);

/* Looks until the look says so; -1 with code "time-out" after limit_ms, "stopped" when asked to stop. */
int wait_until(const struct transport *t, const struct wait_terms *terms, wait_look *look, void *context,
               const char *what, struct aws_error *error) MUST_USE;

#endif
