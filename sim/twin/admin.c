/* What the twin shows and takes beside AWS's APIs, under /_twin/. */
#include "sim/twin/twin_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/out.h"
#include "billing/calendar.h"
#include "sim/cloud_dynamodb.h"

#define TRACE_USUAL   1000
#define TRACE_MOST    1000000
#define ADVANCE_MOST  (INT64_C(366) * 86400 * 1000)
#define TOKEN_USUAL_S 300
#define TOKEN_MOST_S  86400

void twin_text(struct twin_answer *a, int status, const char *type, const char *fmt, ...)
{
    a->status = status;
    a->content_type = type;
    va_list args;
    va_start(args, fmt);
    str_vaddf(&a->body, fmt, args);
    va_end(args);
}

void twin_json(struct twin_answer *a, int status, cJSON *document)
{
    char *text = cJSON_Print(document);
    twin_text(a, status, "application/json", "%s\n", text ? text : "{}");
    free(text);
    cJSON_Delete(document);
}

static void fail(struct twin_answer *a, int status, const char *message)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "error", message);
    twin_json(a, status, document);
}

static void add_clock(const struct twin *t, cJSON *document)
{
    char text[INSTANT_TEXT_SIZE];
    json_i64(document, "now_ms", twin_now_ms(t));
    json_text(document, "now", calendar_text(twin_now_ms(t) / 1000, text));
    json_number(document, "speed", t->options->speed);
    json_bool(document, "stepped", twin_is_stepped(t));
    int64_t next = simcloud_next_event_ms(t->cloud);
    if (next == SIMCLOUD_NEVER)
        cJSON_AddNullToObject(document, "next_event_ms");
    else
        json_i64(document, "next_event_ms", next);
}

static void show_clock(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    (void)http;
    cJSON *document = json_document("twin-clock");
    add_clock(t, document);
    twin_json(a, 200, document);
}

static void show_state(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    (void)http;
    cJSON *document = json_document("twin-state");
    add_clock(t, document);
    json_i64(document, "requests", (int64_t)t->requests);
    json_i64(document, "refused", (int64_t)t->refused);
    const char *denied;
    json_i64(document, "denied", (int64_t)simcloud_denials(t->cloud, &denied));
    json_text(document, "last_denied", *denied ? denied : NULL);
    json_i64(document, "guest_connections", (int64_t)net_count(t->net));
    json_i64(document, "processes", t->apps ? (int64_t)apps_count(t->apps) : 0);
    const char *broken = simcloud_check(t->cloud);
    json_text(document, "broken_invariant", broken);
    cJSON_AddItemToObject(document, "cloud", simcloud_state(t->cloud));
    cJSON_AddItemToObject(document, "dynamodb", dynamodb_json(simcloud_dynamodb(t->cloud)));
    twin_json(a, 200, document);
}

static void show_bill(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    struct simcloud_bill bill;
    struct err err = {0};
    struct str account;
    str_init(&account, 64);
    bool one = twin_query_value(http->query, "account", &account);
    if (simcloud_bill(t->cloud, one ? account.text : NULL, &bill, &err)) {
        fail(a, 500, err.text);
    } else {
        twin_json(a, 200, simcloud_bill_json(&bill));
        simcloud_bill_release(&bill);
    }
    str_release(&account);
}

static void show_trace(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    struct str text;
    str_init(&text, 32);
    int64_t most = TRACE_USUAL;
    if (twin_query_value(http->query, "most", &text) &&
        (num_i64(text.text, text.len, &most) || most < 1 || most > TRACE_MOST)) {
        fail(a, 400, "most: 1 to 1000000");
        str_release(&text);
        return;
    }
    str_release(&text);
    char hash[32];
    str_fit(hash, sizeof hash, "%016llx", (unsigned long long)simcloud_trace_hash(t->cloud));
    cJSON *document = json_document("twin-trace");
    json_text(document, "hash", hash);
    json_i64(document, "entries", (int64_t)simcloud_trace_count(t->cloud));
    cJSON_AddItemToObject(document, "trace", simcloud_trace(t->cloud, (size_t)most));
    twin_json(a, 200, document);
}

static void show_faults(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    (void)http;
    cJSON *document = json_document("twin-faults");
    cJSON_AddItemToObject(document, "faults", fault_set_json(t->faults));
    twin_json(a, 200, document);
}

/* What the cloud's table knows; STS and DynamoDB have their own. */
static void show_actions(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    (void)t;
    (void)http;
    cJSON *document = json_document("twin-actions");
    cJSON *list = json_array(document, "actions");
    const struct simcloud_action *action = simcloud_action_at(0);
    for (size_t i = 0; action; action = simcloud_action_at(++i)) {
        cJSON *item = json_object(list, NULL);
        json_text(item, "service", aws_service_info(action->service)->signing);
        json_text(item, "name", action->name);
        json_bool(item, "changes", action->changes);
        json_text(item, "parameters", action->parameters);
    }
    twin_json(a, 200, document);
}

static void add_faults(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    struct err err = {0};
    cJSON *document = json_parse("faults", http->body, http->body_len, &err);
    int code = document ? fault_set_add(t->faults, "faults", document, &err) : EXIT_INPUT;
    cJSON_Delete(document);
    if (code)
        fail(a, 400, err.text);
    else
        show_faults(t, http, a);
}

/* A policy, for ?principal=NAME or (without) for whoever has none of his own; {"clear": true} takes all away. */
static void add_policy(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    struct err err = {0};
    struct str principal;
    cJSON *document = json_parse("policy", http->body, http->body_len, &err);
    bool clear = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(document, "clear"));
    str_init(&principal, 128);
    (void)twin_query_value(http->query, "principal", &principal);
    int code = document ? 0 : EXIT_INPUT;
    if (clear)
        simcloud_revoke_all(t->cloud);
    else if (!code)
        code = simcloud_grant(t->cloud, NULL, principal.text ? principal.text : "", "policy", document, &err);
    cJSON_Delete(document);
    str_release(&principal);
    if (code)
        fail(a, 400, err.text);
    else
        show_clock(t, http, a);
}

/* {"ms": 15000}, {"to_ms": 1790000000000} or {"events": 1}. */
static void advance(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    struct err err = {0};
    cJSON *document = json_parse("advance", http->body, http->body_len, &err);
    const cJSON *ms = cJSON_GetObjectItemCaseSensitive(document, "ms");
    const cJSON *to = cJSON_GetObjectItemCaseSensitive(document, "to_ms");
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(document, "events");
    double now = (double)twin_now_ms(t);
    double target = cJSON_IsNumber(ms) ? now + ms->valuedouble : cJSON_IsNumber(to) ? to->valuedouble : now;
    double count = cJSON_IsNumber(events) ? events->valuedouble : 0;
    cJSON_Delete(document);
    if (!twin_is_stepped(t)) {
        fail(a, 409, "the clock is not stepped (--speed step)");
        return;
    }
    if (!(target >= now && target - now <= (double)ADVANCE_MOST && count >= 0 && count <= 100000)) {
        fail(a, 400, "{\"ms\": N}, {\"to_ms\": T} or {\"events\": N} is wanted; not backwards, and at most a year");
        return;
    }
    for (int64_t i = 0; i < (int64_t)count && simcloud_next_event_ms(t->cloud) != SIMCLOUD_NEVER; i++)
        twin_advance(t, simcloud_next_event_ms(t->cloud));
    if ((int64_t)target > twin_now_ms(t))
        twin_advance(t, (int64_t)target);
    show_clock(t, http, a);
}

static void add_base64url(struct str *out, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t bits = 0;
    unsigned have = 0;
    for (; *text; text++) {
        bits = bits << 8 | (unsigned char)*text;
        for (have += 8; have >= 6; have -= 6)
            str_add_char(out, letters[bits >> (have - 6) & 63]);
    }
    if (have)
        str_add_char(out, letters[bits << (6 - have) & 63]);
}

/* How long a token is good; 0: what was asked for is no time. */
static int64_t token_seconds(const char *query)
{
    struct str text;
    int64_t seconds = TOKEN_USUAL_S;
    str_init(&text, 32);
    if (twin_query_value(query, "seconds", &text) &&
        (num_i64(text.text, text.len, &seconds) || seconds < 1 || seconds > TOKEN_MOST_S))
        seconds = 0;
    str_release(&text);
    return seconds;
}

/* As GitHub's ACTIONS_ID_TOKEN_REQUEST_URL answers; nobody has signed it. */
static void show_oidc(struct twin *t, const struct sigv4_request *http, struct twin_answer *a)
{
    const char *bearer = http_header(http, "Authorization");
    if (!bearer || strncasecmp(bearer, "bearer ", 7) != 0) {
        fail(a, 401, "an Authorization header with a bearer token is wanted");
        return;
    }
    int64_t seconds = token_seconds(http->query);
    if (!seconds) {
        fail(a, 400, "seconds: 1 to 86400");
        return;
    }
    struct str audience, token, claims;
    str_init(&audience, 1024);
    str_init(&token, 0);
    str_init(&claims, 0);
    if (!twin_query_value(http->query, "audience", &audience))
        str_add(&audience, "sts.amazonaws.com");
    cJSON *document = cJSON_CreateObject();
    json_text(document, "iss", "https://token.actions.githubusercontent.com");
    json_text(document, "sub", "repo:example/application:ref:refs/heads/main");
    json_text(document, "aud", audience.text);
    json_i64(document, "exp", twin_now_ms(t) / 1000 + seconds);
    char *text = cJSON_PrintUnformatted(document);
    cJSON_Delete(document);
    add_base64url(&token, "{\"alg\":\"none\",\"typ\":\"JWT\"}");
    str_add_char(&token, '.');
    add_base64url(&token, text);
    str_add(&token, ".");
    free(text);
    document = cJSON_CreateObject();
    json_text(document, "value", token.text);
    twin_json(a, 200, document);
    str_release(&audience);
    str_release(&token);
    str_release(&claims);
}

static const struct page {
    const char *method, *path;
    void (*show)(struct twin *t, const struct sigv4_request *http, struct twin_answer *a);
} pages[] = {
    {"GET", "/_twin/state", show_state},     {"GET", "/_twin/bill", show_bill},     {"GET", "/_twin/trace", show_trace},
    {"GET", "/_twin/faults", show_faults},   {"POST", "/_twin/faults", add_faults}, {"GET", "/_twin/clock", show_clock},
    {"GET", "/_twin/actions", show_actions}, {"POST", "/_twin/advance", advance},   {"GET", "/_twin/oidc", show_oidc},
    {"POST", "/_twin/policies", add_policy},
};

void twin_admin(struct twin *t, const struct sigv4_request *http, struct twin_answer *out)
{
    /* A page in somebody's browser has no business here. */
    if (http_header(http, "Origin")) {
        fail(out, 403, "not from a browser");
        return;
    }
    bool known = false;
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        if (strcmp(http->path, pages[i].path) != 0)
            continue;
        known = true;
        if (strcmp(http->method, pages[i].method) == 0) {
            pages[i].show(t, http, out);
            return;
        }
    }
    fail(out, known ? 405 : 404,
         known ? "another method is wanted"
               : "here are: GET state, bill, trace, faults, clock, actions, oidc; POST faults, policies, advance");
}
