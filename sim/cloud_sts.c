#include "sim/cloud_sts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "base/philox.h"
#include "billing/calendar.h"

#define SESSIONS_MAX  10000
#define LEAST_S       900
#define MOST_S        43200
#define USUAL_S       3600
#define REMEMBERED_MS 3600000
#define PURPOSE_STS   0x737473u
#define TOKEN_MAX     20000

struct session_entry {
    struct sts_session shown; /* its texts are owned */
};

struct sts {
    struct session_entry *sessions; /* in the order in which they were opened */
    size_t count, cap;
    uint32_t seed;
    uint64_t opened;
};

struct sts *sts_new(uint32_t seed)
{
    struct sts *sts = mem_zero(1, sizeof *sts);
    sts->seed = seed;
    return sts;
}

static void release(struct session_entry *entry)
{
    free((char *)entry->shown.key_id);
    free((char *)entry->shown.secret);
    free((char *)entry->shown.token);
    free((char *)entry->shown.account);
    free((char *)entry->shown.arn);
    free((char *)entry->shown.user_id);
}

void sts_free(struct sts *sts)
{
    if (!sts)
        return;
    for (size_t i = 0; i < sts->count; i++)
        release(&sts->sessions[i]);
    free(sts->sessions);
    free(sts);
}

static int refuse(struct aws_error *error, int status, const char *code, const char *message)
{
    aws_error_set(error, AWS_REFUSED, status, code, "%s", message);
    return -1;
}

static char *drawn(struct philox *random, const char *prefix, const char *letters, size_t len)
{
    struct str out;
    str_init(&out, 0);
    str_add(&out, prefix);
    size_t kinds = strlen(letters);
    while (out.len < len)
        str_add_char(&out, letters[philox_below(random, kinds)]);
    return str_detach(&out);
}

static void forget_old(struct sts *sts, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < sts->count; i++) {
        bool full = sts->count - i + kept >= SESSIONS_MAX;
        if (full || sts->sessions[i].shown.expires_ms + REMEMBERED_MS < now_ms)
            release(&sts->sessions[i]);
        else
            sts->sessions[kept++] = sts->sessions[i];
    }
    sts->count = kept;
}

/* arn:aws:iam::123456789012:role/path/name -> the account and the name; false where it is none. */
static bool read_role(const char *arn, char account[13], const char **name)
{
    static const char prefix[] = "arn:aws:iam::";
    size_t len = strlen(prefix);
    if (strncmp(arn, prefix, len) != 0 || strspn(arn + len, "0123456789") != 12 ||
        strncmp(arn + len + 12, ":role/", 6) != 0 || !arn[len + 18])
        return false;
    str_fit(account, 13, "%.12s", arn + len);
    const char *slash = strrchr(arn, '/');
    *name = slash + 1;
    return **name != '\0';
}

static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char any[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const struct sts_session *sts_open(struct sts *sts, const char *role_arn, const char *name, int64_t seconds,
                                   int64_t now_ms)
{
    char account[13];
    const char *role;
    if (!read_role(role_arn, account, &role))
        return NULL;
    forget_old(sts, now_ms);
    struct philox random = philox_stream(sts->seed, 0, sts->opened++, PURPOSE_STS);
    sts->sessions = mem_grow(sts->sessions, &sts->cap, sts->count + 1, sizeof *sts->sessions);
    struct sts_session *s = &sts->sessions[sts->count++].shown;
    s->key_id = drawn(&random, "ASIA", upper, 20);
    s->secret = drawn(&random, "", any, 40);
    s->token = drawn(&random, "IQoJb3JpZ2luX2Vj", any, 300);
    s->account = mem_dup(account);
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "arn:aws:sts::%s:assumed-role/%s/%s", account, role, name);
    s->arn = str_detach(&text);
    char *role_id = drawn(&random, "AROA", upper, 21);
    str_addf(&text, "%s:%s", role_id, name);
    s->user_id = str_detach(&text);
    free(role_id);
    str_release(&text);
    s->expires_ms = now_ms + seconds * 1000;
    return s;
}

const struct sts_session *sts_find(const struct sts *sts, const char *key_id)
{
    for (size_t i = sts->count; i-- > 0;)
        if (strcmp(sts->sessions[i].shown.key_id, key_id) == 0)
            return &sts->sessions[i].shown;
    return NULL;
}

/* ---- actions ---- */

static const char *param(const struct aws_request *r, const char *name)
{
    const char *value = aws_param_get(r, name);
    return value ? value : "";
}

static bool is_session_name(const char *name)
{
    size_t len = strlen(name);
    return len >= 2 && len <= 64 &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-") == len;
}

static int read_order(const struct aws_request *r, int64_t *seconds, struct aws_error *error)
{
    char account[13];
    const char *role;
    const char *duration = aws_param_get(r, "DurationSeconds");
    *seconds = USUAL_S;
    if (!read_role(param(r, "RoleArn"), account, &role))
        return refuse(error, 400, "ValidationError", "RoleArn: no ARN of a role");
    if (!is_session_name(param(r, "RoleSessionName")))
        return refuse(error, 400, "ValidationError",
                      "RoleSessionName: 2 to 64 letters, digits or any of _+=,.@- are wanted");
    if (duration && (num_i64(duration, strlen(duration), seconds) || *seconds < LEAST_S || *seconds > MOST_S))
        return refuse(error, 400, "ValidationError", "DurationSeconds: 900 to 43200 is wanted");
    return 0;
}

static void add_session(struct aws_reply *reply, struct node *result, const struct sts_session *s)
{
    char expires[INSTANT_TEXT_SIZE];
    struct node *user = node_add(&reply->arena, result, "AssumedRoleUser");
    node_text(&reply->arena, user, "AssumedRoleId", s->user_id);
    node_text(&reply->arena, user, "Arn", s->arn);
    struct node *credentials = node_add(&reply->arena, result, "Credentials");
    node_text(&reply->arena, credentials, "AccessKeyId", s->key_id);
    node_text(&reply->arena, credentials, "SecretAccessKey", s->secret);
    node_text(&reply->arena, credentials, "SessionToken", s->token);
    node_text(&reply->arena, credentials, "Expiration", calendar_text(s->expires_ms / 1000, expires));
}

static struct node *begin(struct aws_reply *reply, const char *action)
{
    reply->root = node_new(&reply->arena, arena_textf(&reply->arena, "%sResponse", action));
    return node_add(&reply->arena, reply->root, arena_textf(&reply->arena, "%sResult", action));
}

static int assume_role(struct sts *sts, const struct aws_request *r, int64_t now_ms, struct aws_reply *reply,
                       struct aws_error *error)
{
    int64_t seconds;
    if (read_order(r, &seconds, error))
        return -1;
    const struct sts_session *s = sts_open(sts, param(r, "RoleArn"), param(r, "RoleSessionName"), seconds, now_ms);
    add_session(reply, begin(reply, "AssumeRole"), s);
    return 0;
}

/* base64url without padding; what is none ends it. */
static char *decode_part(const char *text, size_t len)
{
    struct str out;
    str_init(&out, TOKEN_MAX);
    uint32_t bits = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
        const char *at = c ? strchr(any, c) : NULL;
        if (!at)
            break;
        bits = bits << 6 | (uint32_t)(at - any);
        have += 6;
        if (have >= 8) {
            have -= 8;
            str_add_char(&out, (char)(bits >> have & 0xff));
        }
    }
    return str_detach(&out);
}

cJSON *sts_claims(const char *token)
{
    const char *first = strchr(token, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    if (!second || strlen(token) > TOKEN_MAX)
        return NULL;
    char *text = decode_part(first + 1, (size_t)(second - first) - 1);
    struct err err;
    cJSON *claims = json_parse("token", text, strlen(text), &err);
    free(text);
    if (claims && !cJSON_IsObject(claims)) {
        cJSON_Delete(claims);
        claims = NULL;
    }
    return claims;
}

static int assume_web(struct sts *sts, const struct aws_request *r, int64_t now_ms, struct aws_reply *reply,
                      struct aws_error *error)
{
    int64_t seconds;
    if (read_order(r, &seconds, error))
        return -1;
    cJSON *claims = sts_claims(param(r, "WebIdentityToken"));
    if (!claims)
        return refuse(error, 400, "InvalidIdentityToken", "No OpenIDConnect provider's token: it is no JSON Web Token");
    const cJSON *exp = cJSON_GetObjectItemCaseSensitive(claims, "exp");
    if (cJSON_IsNumber(exp) && exp->valuedouble * 1000 <= (double)now_ms) {
        cJSON_Delete(claims);
        return refuse(error, 400, "ExpiredTokenException",
                      "Token expired: current date/time must be before the "
                      "expiration date/time");
    }
    const struct sts_session *s = sts_open(sts, param(r, "RoleArn"), param(r, "RoleSessionName"), seconds, now_ms);
    struct node *result = begin(reply, "AssumeRoleWithWebIdentity");
    add_session(reply, result, s);
    node_text(&reply->arena, result, "SubjectFromWebIdentityToken", json_member(claims, "sub", ""));
    node_text(&reply->arena, result, "Audience", json_member(claims, "aud", ""));
    node_text(&reply->arena, result, "Provider", json_member(claims, "iss", ""));
    cJSON_Delete(claims);
    return 0;
}

static int identity(const struct sts *sts, const char *account, const char *arn, struct aws_reply *reply)
{
    const char *user_id = "AIDATWINTWINTWINTWIN1";
    for (size_t i = 0; i < sts->count; i++)
        if (strcmp(sts->sessions[i].shown.arn, arn) == 0)
            user_id = sts->sessions[i].shown.user_id;
    struct node *result = begin(reply, "GetCallerIdentity");
    node_text(&reply->arena, result, "Arn", arn);
    node_text(&reply->arena, result, "UserId", user_id);
    node_text(&reply->arena, result, "Account", account);
    return 0;
}

int sts_call(struct sts *sts, const char *account, const char *arn, const struct aws_request *request, int64_t now_ms,
             struct aws_reply *reply, struct aws_error *error)
{
    if (strcmp(request->action, "GetCallerIdentity") == 0)
        return identity(sts, account, arn, reply);
    if (strcmp(request->action, "AssumeRole") == 0)
        return assume_role(sts, request, now_ms, reply, error);
    if (strcmp(request->action, "AssumeRoleWithWebIdentity") == 0)
        return assume_web(sts, request, now_ms, reply, error);
    aws_error_set(error, AWS_REFUSED, 400, "InvalidAction", "Could not find operation %.100s for version 2011-06-15",
                  request->action);
    return -1;
}

/* ---- as text ---- */

void sts_encode(const struct sts *sts, struct str *out)
{
    cJSON *document = cJSON_CreateObject();
    json_i64(document, "opened", (int64_t)sts->opened);
    cJSON *list = json_array(document, "sessions");
    for (size_t i = 0; i < sts->count; i++) {
        const struct sts_session *s = &sts->sessions[i].shown;
        cJSON *item = json_object(list, NULL);
        json_text(item, "key_id", s->key_id);
        json_text(item, "secret", s->secret);
        json_text(item, "token", s->token);
        json_text(item, "account", s->account);
        json_text(item, "arn", s->arn);
        json_text(item, "user_id", s->user_id);
        json_i64(item, "expires_ms", s->expires_ms);
    }
    char *text = cJSON_PrintUnformatted(document);
    str_add(out, text);
    free(text);
    cJSON_Delete(document);
}

static int decode_session(struct sts *sts, const cJSON *item)
{
    const cJSON *expires = cJSON_GetObjectItemCaseSensitive(item, "expires_ms");
    if (!cJSON_IsNumber(expires) || sts->count >= SESSIONS_MAX)
        return -1;
    sts->sessions = mem_grow(sts->sessions, &sts->cap, sts->count + 1, sizeof *sts->sessions);
    sts->sessions[sts->count++].shown = (struct sts_session){mem_dup(json_member(item, "key_id", "")),
                                                             mem_dup(json_member(item, "secret", "")),
                                                             mem_dup(json_member(item, "token", "")),
                                                             mem_dup(json_member(item, "account", "")),
                                                             mem_dup(json_member(item, "arn", "")),
                                                             mem_dup(json_member(item, "user_id", "")),
                                                             (int64_t)expires->valuedouble};
    return 0;
}

int sts_decode(struct sts *sts, const char *text, size_t len)
{
    struct err err;
    cJSON *document = json_parse("state", text, len, &err);
    const cJSON *opened = cJSON_GetObjectItemCaseSensitive(document, "opened");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "sessions");
    int code = cJSON_IsNumber(opened) && cJSON_IsArray(list) ? 0 : -1;
    if (!code)
        sts->opened = (uint64_t)opened->valuedouble;
    for (const cJSON *item = code ? NULL : list->child; item && !code; item = item->next)
        code = decode_session(sts, item);
    cJSON_Delete(document);
    return code;
}
