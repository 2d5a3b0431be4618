#include "sim/cloud_transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "sim/cloud.h"

#define CALL_MS     80
#define CONNECT_MS  2
#define TIME_OUT_MS 10000
#define SKEW_MAX_S  300 /* what AWS forgives */
#define HTML_BODY   "<html><head><title>%d</title></head><body><h1>Service Unavailable</h1></body></html>"

/* Rests until the machine's clock has come as far as virtual time, at t->speed. */
static void hold_back(const struct cloud_transport *t)
{
    int64_t due_ns = t->paced_ns + (simcloud_now_ms(t->cloud) - t->paced_ms) * 1000000 / t->speed;
    int64_t left_ns;
    while ((left_ns = due_ns - clock_monotonic_ns()) > 0) {
        struct timespec rest = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        (void)nanosleep(&rest, NULL);
    }
}

static void pass(struct cloud_transport *t, int64_t ms)
{
    simcloud_advance_to(t->cloud, simcloud_now_ms(t->cloud) + ms);
    if (t->speed)
        hold_back(t);
}

enum fate { LIVES, DIES_NOW, DEAD };

/* Counts the call; is the caller still alive? */
static enum fate count_call(struct cloud_transport *t)
{
    t->calls++;
    if (!t->kill_after || t->calls < t->kill_after)
        return LIVES;
    return t->calls == t->kill_after && t->kill_done ? DIES_NOW : DEAD;
}

/* ---- calls to AWS ---- */

static int deliver(struct cloud_transport *t, const struct aws_request *request, struct aws_reply *reply,
                   struct aws_error *error)
{
    struct simcloud_caller caller = {t->account, t->region, t->caller_arn};
    return simcloud_call(t->cloud, &caller, request, reply, error);
}

/* Takes effect, and nobody hears of it. */
static void deliver_unheard(struct cloud_transport *t, const struct aws_request *request)
{
    struct aws_reply reply;
    struct aws_error error = {0};
    aws_reply_init(&reply);
    (void)deliver(t, request, &reply, &error);
    aws_reply_release(&reply);
}

static int refuse_skewed(const struct aws_request *request, struct aws_error *error)
{
    bool ec2 = request->service == AWS_EC2;
    aws_error_set(error, AWS_REFUSED, ec2 ? 400 : 403, ec2 ? "RequestExpired" : "SignatureDoesNotMatch",
                  "Signature expired: the clocks differ by more than 5 minutes.");
    return -1;
}

static int suffer(struct cloud_transport *t, const struct fault_verdict *v, const struct aws_request *request,
                  struct aws_error *error)
{
    if (v->kind == FAULT_ERROR) {
        aws_error_set(error, AWS_REFUSED, v->status, v->code, "%s", v->message);
        return -1;
    }
    if (v->done)
        deliver_unheard(t, request);
    switch (v->kind) {
    case FAULT_HTTP:
        aws_error_set(error, v->status >= 500 ? AWS_UNCERTAIN : AWS_REFUSED, v->status, "reply",
                      "HTTP %d with a body that is not AWS's", v->status);
        break;
    case FAULT_TIME_OUT:
        pass(t, TIME_OUT_MS);
        aws_error_set(error, AWS_UNCERTAIN, 0, "time-out", "no answer within %d s", TIME_OUT_MS / 1000);
        break;
    default:
        aws_error_set(error, AWS_UNCERTAIN, 0, "connection", "the connection was lost before the answer");
    }
    return -1;
}

static int transport_call(void *self, const struct aws_request *request, struct aws_reply *reply,
                          struct aws_error *error)
{
    struct cloud_transport *t = self;
    enum fate fate = count_call(t);
    if (fate != LIVES) {
        if (fate == DIES_NOW)
            deliver_unheard(t, request);
        aws_error_set(error, AWS_UNSENT, 0, "killed", "the program was killed at call %lld", (long long)t->calls);
        return -1;
    }
    if (request->latest_ms && simcloud_now_ms(t->cloud) > request->latest_ms) {
        aws_error_set(error, AWS_UNSENT, 0, "late", "not sent: %lld ms after its last moment",
                      (long long)(simcloud_now_ms(t->cloud) - request->latest_ms));
        return -1;
    }
    struct fault_verdict v = fault_of_call(t->faults, request, simcloud_now_ms(t->cloud));
    int64_t skew_s = fault_skew_s(t->faults, simcloud_now_ms(t->cloud));
    pass(t, t->call_ms / 2);
    int code;
    if (skew_s > SKEW_MAX_S || skew_s < -SKEW_MAX_S) {
        code = refuse_skewed(request, error);
    } else if (v.kind == FAULT_NONE || v.kind == FAULT_SLOW || v.kind == FAULT_DUPLICATE) {
        if (v.kind == FAULT_DUPLICATE)
            deliver_unheard(t, request);
        code = deliver(t, request, reply, error);
        pass(t, code ? 0 : simcloud_takes_ms(t->cloud, request));
    } else {
        code = suffer(t, &v, request, error);
    }
    pass(t, t->call_ms - t->call_ms / 2 + v.delay_ms);
    return code;
}

/* ---- requests to an instance ---- */

static void send_file(struct guest_conn *c, const struct guest_request *r, const char *file, size_t len, int64_t now)
{
    struct str body;
    str_init(&body, GUEST_DISK_MAX);
    str_add(&body, r->body_head ? r->body_head : "");
    str_add_n(&body, file, len);
    str_add(&body, r->body_tail ? r->body_tail : "");
    guest_conn_read(c, body.text, body.len, now);
    str_release(&body);
}

/* The request as bytes: the head in one read, then the body. 0, or -1 where the file cannot be read. */
static int send_request(struct guest_conn *c, const struct guest_request *r, int64_t now, struct err *err)
{
    char *file = NULL;
    size_t file_len = 0;
    if (r->body_file && file_read(r->body_file, GUEST_DISK_MAX, &file, &file_len, err))
        return -1;
    size_t framed = (r->body_head ? strlen(r->body_head) : 0) + file_len + (r->body_tail ? strlen(r->body_tail) : 0);
    size_t length = r->body_file ? framed : r->body_len;
    bool has_body = r->body_file || r->body || strcmp(r->method, "GET") != 0;
    struct str head;
    str_init(&head, 0);
    str_addf(&head, "%s %s HTTP/1.1\r\nHost: %s:%u\r\nAccept: */*\r\n", r->method, r->target, r->address, r->port);
    if (r->content_type)
        str_addf(&head, "Content-Type: %s\r\n", r->content_type);
    if (has_body)
        str_addf(&head, "Content-Length: %zu\r\n", length);
    str_add(&head, "\r\n");
    guest_conn_read(c, head.text, head.len, now);
    str_release(&head);
    if (r->body_file)
        send_file(c, r, file, file_len, now);
    else if (r->body)
        guest_conn_read(c, r->body, r->body_len, now);
    free(file);
    return 0;
}

/* Time passes until the connection has ended one way or another, or the deadline is there. */
static void await(struct cloud_transport *t, const struct guest_conn *c, int64_t deadline_ms)
{
    for (int64_t now = simcloud_now_ms(t->cloud); now < deadline_ms; now = simcloud_now_ms(t->cloud)) {
        int64_t due = guest_conn_due_ms(c);
        enum guest_conn_state state = guest_conn_state(c);
        if ((state == GUEST_CONN_REPLY || state == GUEST_CONN_DROPPED) && due <= now)
            return;
        int64_t next = simcloud_next_event_ms(t->cloud);
        int64_t to = due < deadline_ms ? due : deadline_ms;
        to = next < to ? next : to;
        simcloud_advance_to(t->cloud, to > now ? to : now + (next > now));
    }
}

static enum guest_outcome keep_body(const struct guest_request *r, const char *body, size_t len,
                                    struct guest_reply *reply, struct err *err)
{
    if (r->reply_max && len > r->reply_max) {
        err_set(err, EXIT_FAILED, "%s%s: a reply of more than %zu bytes", r->address, r->target, r->reply_max);
        return GUEST_BAD;
    }
    if (!r->save_to) {
        str_add_n(&reply->body, body, len);
        return GUEST_OK;
    }
    FILE *out = fopen(r->save_to, "wb");
    bool wrote = out && fwrite(body, 1, len, out) == len;
    if (out && fclose(out) != 0)
        wrote = false;
    if (!wrote)
        err_set(err, EXIT_FAILED, "%s: cannot be written", r->save_to);
    return wrote ? GUEST_OK : GUEST_BAD;
}

/* The reply is the guest's own: its form is known. */
static enum guest_outcome take_reply(const struct guest_request *r, const struct str *bytes, struct guest_reply *reply,
                                     struct err *err)
{
    const char *space = strchr(bytes->text, ' ');
    const char *body = strstr(bytes->text, "\r\n\r\n");
    int64_t status = 0;
    if (!space || !body || num_i64(space + 1, 3, &status)) {
        err_set(err, EXIT_FAILED, "%s%s: the reply is no HTTP", r->address, r->target);
        return GUEST_BAD;
    }
    reply->status = (int)status;
    body += 4;
    return keep_body(r, body, bytes->len - (size_t)(body - bytes->text), reply, err);
}

static enum guest_outcome end_of(struct cloud_transport *t, const struct guest_conn *c, const struct guest_request *r,
                                 struct guest_reply *reply, struct err *err)
{
    bool due = guest_conn_due_ms(c) <= simcloud_now_ms(t->cloud);
    enum guest_conn_state state = guest_conn_state(c);
    if (state == GUEST_CONN_REPLY && due)
        return take_reply(r, guest_conn_reply(c), reply, err);
    if (state == GUEST_CONN_DROPPED && due) {
        err_set(err, EXIT_FAILED, "%s%s: the connection ended without a reply", r->address, r->target);
        return GUEST_DROPPED;
    }
    err_set(err, EXIT_FAILED, "%s%s: no reply within %lld ms", r->address, r->target, (long long)r->total_ms);
    return GUEST_TIMED_OUT;
}

/* One try, without faults. */
static enum guest_outcome visit(struct cloud_transport *t, const struct guest_request *r, struct guest_reply *reply,
                                struct err *err)
{
    int64_t begin = simcloud_now_ms(t->cloud);
    struct guest *guest = simcloud_guest_at(t->cloud, r->address);
    if (!guest) {
        pass(t, r->connect_ms);
        err_set(err, EXIT_FAILED, "%s: no connection within %lld ms", r->address, (long long)r->connect_ms);
        return GUEST_TIMED_OUT;
    }
    pass(t, CONNECT_MS);
    guest = simcloud_guest_at(t->cloud, r->address);
    struct guest_conn *c = guest ? guest_connect(guest, r->port, simcloud_now_ms(t->cloud)) : NULL;
    if (!c) {
        err_set(err, EXIT_FAILED, "%s:%u: connection refused", r->address, r->port);
        return GUEST_REFUSED;
    }
    enum guest_outcome outcome = GUEST_BAD;
    if (send_request(c, r, simcloud_now_ms(t->cloud), err) == 0) {
        await(t, c, begin + r->total_ms);
        outcome = end_of(t, c, r, reply, err);
    }
    guest_conn_close(c);
    return outcome;
}

static void visit_unheard(struct cloud_transport *t, const struct guest_request *r)
{
    struct guest_reply reply = {0};
    struct err err = {0};
    struct guest_request quiet = *r;
    quiet.save_to = NULL;
    str_init(&reply.body, GUEST_DISK_MAX);
    (void)visit(t, &quiet, &reply, &err);
    str_release(&reply.body);
}

static enum guest_outcome suffer_visit(struct cloud_transport *t, const struct fault_verdict *v,
                                       const struct guest_request *r, struct guest_reply *reply, struct err *err)
{
    int64_t begin = simcloud_now_ms(t->cloud);
    if (v->done && v->kind != FAULT_ERROR)
        visit_unheard(t, r);
    switch (v->kind) {
    case FAULT_ERROR:
        reply->status = v->status;
        str_addf(&reply->body, "{\"message\": \"%s\", \"code\": %d}", v->code, v->status);
        return GUEST_OK;
    case FAULT_HTTP:
        reply->status = v->status;
        if (v->body == FAULT_BODY_HTML || v->body == FAULT_BODY_CUT)
            str_addf(&reply->body, HTML_BODY, v->status);
        if (v->body != FAULT_BODY_CUT)
            return GUEST_OK;
        err_set(err, EXIT_FAILED, "%s%s: the reply was cut off", r->address, r->target);
        return GUEST_DROPPED;
    case FAULT_TIME_OUT: {
        int64_t end = begin + r->total_ms;
        int64_t now = simcloud_now_ms(t->cloud);
        pass(t, end > now ? end - now : 0);
        err_set(err, EXIT_FAILED, "%s%s: no reply within %lld ms", r->address, r->target, (long long)r->total_ms);
        return GUEST_TIMED_OUT;
    }
    default:
        err_set(err, EXIT_FAILED, "%s%s: the connection ended without a reply", r->address, r->target);
        return GUEST_DROPPED;
    }
}

static enum guest_outcome transport_guest(void *self, const struct guest_request *r, struct guest_reply *reply,
                                          struct err *err)
{
    struct cloud_transport *t = self;
    enum fate fate = count_call(t);
    int64_t begin = simcloud_now_ms(t->cloud);
    if (fate != LIVES) {
        if (fate == DIES_NOW)
            visit_unheard(t, r);
        err_set(err, EXIT_FAILED, "the program was killed at call %lld", (long long)t->calls);
        return GUEST_REFUSED;
    }
    if (r->tls != t->guest_tls) {
        err_set(err, EXIT_FAILED, "%s:%u: %s", r->address, r->port, r->tls ? "TLS failed" : "the reply is no HTTP");
        return GUEST_BAD;
    }
    struct fault_verdict v = fault_of_guest(t->faults, r->method, r->target, r->address, begin);
    enum guest_outcome outcome;
    if (v.kind == FAULT_NONE || v.kind == FAULT_SLOW || v.kind == FAULT_DUPLICATE) {
        if (v.kind == FAULT_DUPLICATE)
            visit_unheard(t, r);
        outcome = visit(t, r, reply, err);
    } else {
        outcome = suffer_visit(t, &v, r, reply, err);
    }
    pass(t, v.delay_ms);
    reply->took_ms = simcloud_now_ms(t->cloud) - begin;
    if (outcome == GUEST_OK && v.delay_ms && reply->took_ms > r->total_ms) {
        err_set(err, EXIT_FAILED, "%s%s: no reply within %lld ms", r->address, r->target, (long long)r->total_ms);
        return GUEST_TIMED_OUT;
    }
    return outcome;
}

/* ---- time ---- */

static int64_t transport_now_ms(void *self)
{
    const struct cloud_transport *t = self;
    return simcloud_now_ms(t->cloud);
}

static bool transport_sleep_ms(void *self, int64_t ms)
{
    struct cloud_transport *t = self;
    if (t->kill_after && t->calls >= t->kill_after)
        return true;
    pass(t, ms > 0 ? ms : 0);
    return false;
}

void cloud_transport_init(struct cloud_transport *t, struct simcloud *cloud, struct fault_set *faults)
{
    *t = (struct cloud_transport){.cloud = cloud,
                                  .faults = faults,
                                  .account = SIMCLOUD_ACCOUNT,
                                  .region = "us-east-1",
                                  .caller_arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/twin",
                                  .call_ms = CALL_MS};
    t->transport = (struct transport){t, transport_call, transport_guest, transport_now_ms, transport_sleep_ms, NULL};
}

void cloud_transport_pace(struct cloud_transport *t, int64_t speed)
{
    t->speed = speed;
    t->paced_ms = simcloud_now_ms(t->cloud);
    t->paced_ns = clock_monotonic_ns();
}
