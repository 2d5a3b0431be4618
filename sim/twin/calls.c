/* AWS's actions: from an HTTP request to its answer, with signature, faults and the stepped clock's waiting. */
#include "sim/twin/twin_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define UNSIGNED_ACTION "AssumeRoleWithWebIdentity"

/* ---- signatures ---- */

static const struct sigv4_key *find_key(void *context, const char *key_id)
{
    struct twin *t = context;
    return access_find(t->keys, key_id, twin_now_ms(t));
}

static bool is_open_to_all(const struct aws_request *request)
{
    return request->service == AWS_STS && strcmp(request->action, UNSIGNED_ACTION) == 0;
}

/* The scope must name the service that the request is for. */
static enum sigv4_result check_scope(const struct sigv4_scope *scope, enum aws_service service, char detail[512])
{
    const char *wanted = aws_service_info(service)->signing;
    if (strcmp(scope->service, wanted) == 0)
        return SIGV4_OK;
    (void)snprintf(detail, 512, "Credential should be scoped to correct service: '%s'.", wanted);
    return SIGV4_SCOPE;
}

static int check_signature(struct twin *t, const struct sigv4_request *http, enum aws_service service,
                           struct sigv4_scope *scope, struct aws_error *error)
{
    char detail[512] = "";
    t->sigv4.find = find_key;
    t->sigv4.context = t;
    int64_t now_s = clock_now_s() + fault_skew_s(t->faults, twin_now_ms(t));
    enum sigv4_result result = sigv4_check(&t->sigv4, http, now_s, scope, detail);
    if (!result)
        result = check_scope(scope, service, detail);
    if (!result)
        return 0;
    twin_signature_error(service, result, detail, error);
    return -1;
}

/* ---- the stepped clock ---- */

static uint64_t hash_of(const struct sigv4_request *http, enum aws_service service)
{
    uint64_t hash = 1469598103934665603u + (uint64_t)service; /* FNV-1a */
    const char *parts[] = {http->method, http->path, http->query};
    for (size_t i = 0; i < 3; i++)
        for (const char *c = parts[i]; *c; c++)
            hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    for (size_t i = 0; i < http->body_len; i++)
        hash = (hash ^ (unsigned char)http->body[i]) * 1099511628211u;
    return hash;
}

static bool is_read(const struct aws_request *request)
{
    if (request->service == AWS_DYNAMODB) /* to read an item again is no waiting: that is how leases are kept */
        return strncmp(request->action, "Describe", 8) == 0;
    const struct simcloud_action *action = simcloud_action_find(request->service, request->action);
    return action && !action->changes;
}

/* The same question again, and nothing has changed since: who asks waits. */
static void wait_with(struct twin *t, const struct sigv4_request *http, const struct aws_request *request)
{
    if (!twin_is_stepped(t))
        return;
    uint64_t hash = is_read(request) ? hash_of(http, request->service) : 0;
    uint64_t changes = simcloud_trace_count(t->cloud);
    if (hash && hash == t->last_read) {
        int64_t until = twin_now_ms(t) + TWIN_POLL_STEP_MS;
        while (simcloud_trace_count(t->cloud) == changes) {
            int64_t next = simcloud_next_event_ms(t->cloud);
            twin_advance(t, next < until ? next : until);
            if (next >= until)
                break;
        }
    }
    t->last_read = hash;
}

/* ---- the call ---- */

static int perform(struct twin *t, const struct simcloud_caller *caller, const struct aws_request *request,
                   struct twin_answer *answer)
{
    struct aws_reply reply;
    struct aws_error error = {0};
    aws_reply_init(&reply);
    int code = simcloud_call(t->cloud, caller, request, &reply, &error);
    str_fit(answer->request_id, sizeof answer->request_id, "%.60s",
            code && *error.request_id ? error.request_id : reply.request_id);
    if (code) {
        twin_answer_error(answer, request->service, &error, reply.json);
        t->refused++;
        twin_log(t, "%s %s: %d %s: %s", aws_service_info(request->service)->name, request->action, answer->status,
                 error.code, error.message);
    } else {
        twin_answer_reply(answer, request->service, &reply);
    }
    aws_reply_release(&reply);
    return code;
}

static void discard(struct twin *t, const struct simcloud_caller *caller, const struct aws_request *request)
{
    struct twin_answer unheard;
    twin_answer_init(&unheard);
    (void)perform(t, caller, request, &unheard);
    twin_answer_release(&unheard);
}

static void say_http(struct twin_response *out, const struct fault_verdict *v)
{
    struct twin_answer *a = &out->answer;
    a->status = v->status;
    a->content_type = v->body == FAULT_BODY_JSON ? "application/json" : "text/html";
    if (v->body == FAULT_BODY_JSON)
        str_addf(&a->body, "{\"message\": \"%d\"}", v->status);
    else if (v->body != FAULT_BODY_EMPTY)
        str_addf(&a->body,
                 "<html>\n<head><title>%d</title></head>\n<body>\n<center><h1>%d Service Unavailable</h1></center>\n"
                 "<hr><center>gateway</center>\n</body>\n</html>\n",
                 v->status, v->status);
    out->delivery = v->body == FAULT_BODY_CUT ? DELIVER_CUT : DELIVER_WHOLE;
}

static void suffer(struct twin *t, const struct fault_verdict *v, const struct simcloud_caller *caller,
                   const struct aws_request *request, struct twin_response *out)
{
    struct aws_error error = {0};
    twin_log(t, "%s %s: a fault strikes, the call %s effect", aws_service_info(request->service)->name, request->action,
             v->done && v->kind != FAULT_ERROR ? "takes" : "has no");
    switch (v->kind) {
    case FAULT_ERROR:
        aws_error_set(&error, AWS_REFUSED, v->status, v->code, "%s", v->message);
        twin_answer_error(&out->answer, request->service, &error, NULL);
        return;
    case FAULT_DUPLICATE:
        discard(t, caller, request);
        (void)perform(t, caller, request, &out->answer);
        return;
    default:
        break;
    }
    if (v->done)
        discard(t, caller, request);
    if (v->kind == FAULT_HTTP)
        say_http(out, v);
    else
        out->delivery = v->kind == FAULT_TIME_OUT ? DELIVER_NEVER : DELIVER_DROP;
}

static void refuse(struct twin *t, enum aws_service service, const struct aws_request *request,
                   const struct aws_error *error, struct twin_answer *answer)
{
    t->refused++;
    twin_answer_error(answer, service, error, NULL);
    twin_log(t, "%s %s: %d %s: %s", aws_service_info(service)->name, *request->action ? request->action : "(none)",
             answer->status, error->code, error->message);
}

/* Done now, and answered when it takes its time: on a stepped clock that is now, too. */
static void perform_in_time(struct twin *t, const struct simcloud_caller *caller, const struct aws_request *request,
                            struct twin_response *out)
{
    int64_t takes_ms = perform(t, caller, request, &out->answer) ? 0 : simcloud_takes_ms(t->cloud, request);
    out->delay_ms += takes_ms;
    if (twin_is_stepped(t) && takes_ms)
        twin_advance(t, twin_now_ms(t) + takes_ms);
}

static void answer_call(struct twin *t, const struct sigv4_request *http, const struct aws_request *request,
                        const struct simcloud_caller *caller, struct twin_response *out)
{
    wait_with(t, http, request);
    struct fault_verdict v = fault_of_call(t->faults, request, twin_now_ms(t));
    out->delay_ms = v.delay_ms;
    if (v.kind == FAULT_NONE || v.kind == FAULT_SLOW)
        perform_in_time(t, caller, request, out);
    else
        suffer(t, &v, caller, request, out);
}

void twin_call(struct twin *t, const struct sigv4_request *http, struct twin_response *out)
{
    enum aws_service service;
    char region[33];
    struct aws_request request;
    struct aws_error error = {0};
    struct sigv4_scope scope = {.region = ""};
    struct simcloud_caller caller = {SIMCLOUD_ACCOUNT, "us-east-1", ""};
    t->requests++;
    str_fit(out->answer.request_id, sizeof out->answer.request_id, "00000000-0000-4000-8000-%012llx",
            (unsigned long long)t->requests);
    (void)twin_service(http, &service, region);
    int code = twin_read(http, service, &request, &error);
    if (!(code == 0 && is_open_to_all(&request))) {
        struct aws_error unsigned_error;
        if (check_signature(t, http, service, &scope, &unsigned_error)) {
            error = unsigned_error; /* who is not known is told nothing else */
            code = -1;
        }
        if (!code)
            access_owner(t->keys, scope.key_id, &caller.account, &caller.arn);
    }
    if (*scope.region)
        caller.region = scope.region;
    if (code)
        refuse(t, service, &request, &error, &out->answer);
    else
        answer_call(t, http, &request, &caller, out);
    aws_request_release(&request);
}
