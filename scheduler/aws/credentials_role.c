/* credentials_role.c - roles, by STS: assumed with other credentials, or with a token of an identity provider (CI). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"
#include "scheduler/aws/credentials.h"
#include "scheduler/aws/message.h"
#include "scheduler/cloud.h"

#define SESSION_NAME    "bakehour"
#define ROLE_SECONDS    "BAKEHOUR_ROLE_SECONDS"
#define SESSION_LEAST_S 900 /* what AWS lets a role's session last */
#define SESSION_MOST_S  43200
#define STS_REGION      "us-east-1" /* where no region is set: the global endpoint's */

static int read_answer(const struct node *result, const char *role, const char *how, struct credentials *out,
                       struct err *err)
{
    const char *key_id = node_get(result, "Credentials/AccessKeyId");
    const char *secret = node_get(result, "Credentials/SecretAccessKey");
    const char *session = node_get(result, "Credentials/SessionToken");
    if (!*key_id || !*secret || !*session)
        return err_set(err, EXIT_FAILED, "STS gave no credentials for the role %.100s", role);
    *out = (struct credentials){.key_id = mem_dup(key_id), .secret = mem_dup(secret), .session = mem_dup(session)};
    out->expires_s = cloud_time_ms(node_get(result, "Credentials/Expiration")) / 1000;
    str_fit(out->source, sizeof out->source, "role %.90s %s", role, how);
    return 0;
}

/* The tree's texts hold the new secret: they are wiped with it. */
static void wipe_tree(struct node *node)
{
    for (; node; node = node->next) {
        union {
            const char *given;
            char *own; /* the arena's, ours to write */
        } text = {.given = node->text};
        if (*text.given)
            OPENSSL_cleanse(text.own, strlen(text.own));
        wipe_tree(node->child);
    }
}

/* What STS refuses is mended by a person, if not within IAM's minute. */
static int refused(const char *action, const char *role, const struct aws_error *error, struct err *err)
{
    bool web = strcmp(action, "AssumeRole") != 0;
    cloud_err(err, EXIT_INPUT, action, error);
    struct err why = *err;
    return err_set(
        err, EXIT_INPUT,
        "%s. Role %s: does it exist, does its trust policy name %s, and%s? 'bakehour config iam' prints both policies",
        why.text, role, web ? "this token's issuer and subject" : "whoever asks (aws sts get-caller-identity)",
        web ? " is the token's audience sts.amazonaws.com" : " may that one call sts:AssumeRole");
}

static int call_sts(const struct credential_search *search, struct aws_request *request, const struct credentials *by,
                    const char *role, const char *how, struct credentials *out, struct err *err)
{
    struct str endpoint;
    struct aws_reply reply;
    struct aws_error error;
    char result[64];
    const char *region = settings_region(search->settings);
    region = region ? region : STS_REGION;
    str_init(&endpoint, 0);
    aws_reply_init(&reply);
    settings_endpoint(search->settings, AWS_STS, region, &endpoint);
    const struct message_route route = {.endpoint = endpoint.text, .region = region, .by = by, .now_s = search->now_s};
    str_fit(result, sizeof result, "%sResult", request->action);
    int code = 0;
    if (message_exchange(search->http, &route, request, &reply, &error))
        code = error.outcome == AWS_REFUSED && !aws_error_transient(&error)
                   ? refused(request->action, role, &error, err)
                   : cloud_err(err, EXIT_FAILED, request->action, &error);
    else
        code = read_answer(node_find(reply.root, result), role, how, out, err);
    wipe_tree(reply.root);
    aws_reply_release(&reply);
    str_release(&endpoint);
    return code;
}

int source_role(const struct credential_search *search, const char *profile, const struct credentials *by,
                struct credentials *out, struct err *err)
{
    const char *role = settings_get(search->settings, profile, "role_arn");
    const char *name = settings_get(search->settings, profile, "role_session_name");
    struct aws_request request;
    aws_request_init(&request, AWS_STS, "AssumeRole");
    aws_param(&request, "RoleArn", role);
    aws_param(&request, "RoleSessionName", name ? name : SESSION_NAME);
    aws_param(&request, "ExternalId", settings_get(search->settings, profile, "external_id"));
    aws_param(&request, "DurationSeconds", settings_get(search->settings, profile, "duration_seconds"));
    int code = call_sts(search, &request, by, role, "assumed", out, err);
    aws_request_release(&request);
    return code;
}

int source_role_web(const struct credential_search *search, const struct web_role *role, const char *token,
                    struct credentials *out, struct err *err)
{
    int64_t seconds;
    struct aws_request request;
    char *bare = mem_dup_n(token, strcspn(token, "\r\n"));
    aws_request_init(&request, AWS_STS, "AssumeRoleWithWebIdentity");
    aws_param(&request, "RoleArn", role->arn);
    aws_param(&request, "RoleSessionName", role->session_name ? role->session_name : SESSION_NAME);
    aws_param(&request, "DurationSeconds", role->seconds);
    aws_param(&request, "WebIdentityToken", bare);
    int code = 0;
    if (role->seconds && (num_i64(role->seconds, strlen(role->seconds), &seconds) || seconds < SESSION_LEAST_S ||
                          seconds > SESSION_MOST_S))
        code = err_set(err, EXIT_INPUT, "%s: a role's session lasts 900 to 43200 seconds, not \"%.40s\"",
                       role->seconds_from, role->seconds);
    else
        code = call_sts(search, &request, NULL, role->arn, "by web identity", out, err);
    for (size_t i = 0; i < request.param_count; i++) {
        union {
            const char *given;
            char *own;
        } value = {.given = request.params[i].value};
        if (strcmp(request.params[i].name, "WebIdentityToken") == 0)
            OPENSSL_cleanse(value.own, strlen(value.own));
    }
    aws_request_release(&request);
    OPENSSL_cleanse(bare, strlen(bare));
    free(bare);
    return code;
}

/* GitHub hands each job a token of its own when the workflow has `permissions: id-token: write`. */
static int github_token(const struct credential_search *search, const char *url, char **token, struct err *err)
{
    const char *bearer = environment("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    struct str target;
    struct str header;
    struct http_reply reply = {0};
    struct err why = {0};
    if (!bearer)
        return err_set(err, EXIT_INPUT,
                       "ACTIONS_ID_TOKEN_REQUEST_URL is set and ACTIONS_ID_TOKEN_REQUEST_TOKEN is not");
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://127.0.0.1:", 17) != 0)
        return err_set(err, EXIT_INPUT, "ACTIONS_ID_TOKEN_REQUEST_URL is not https");
    str_init(&target, 0);
    str_init(&header, 0);
    str_addf(&target, "%s%caudience=sts.amazonaws.com", url, strchr(url, '?') ? '&' : '?');
    str_addf(&header, "Authorization: bearer %s", bearer);
    const char *const headers[] = {header.text};
    const struct http_request request = {.method = "GET",
                                         .url = target.text,
                                         .headers = headers,
                                         .header_count = 1,
                                         .connect_ms = 5000,
                                         .total_ms = 15000,
                                         .reply_max = CREDENTIALS_MAX};
    int code = 0;
    if (http_send(search->http, &request, &reply, &why) != HTTP_DONE)
        code = err_set(err, EXIT_FAILED, "GitHub's token service: %s", why.text);
    else if (reply.status != 200)
        code = err_set(err, EXIT_FAILED, "GitHub's token service: status %d", reply.status);
    if (!code) {
        cJSON *json = json_parse("answer", reply.body.text, reply.body.len, &why);
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, "value");
        if (cJSON_IsString(value) && *value->valuestring) {
            *token = mem_dup(value->valuestring);
            OPENSSL_cleanse(value->valuestring, strlen(value->valuestring));
        } else {
            code = err_set(err, EXIT_FAILED, "GitHub's token service gave no token");
        }
        cJSON_Delete(json);
    }
    http_reply_release(&reply);
    OPENSSL_cleanse(header.text, header.len);
    str_release(&header);
    str_release(&target);
    return code;
}

int source_web_identity(const struct credential_search *search, struct credentials *out, struct err *err)
{
    const struct web_role role = {environment("AWS_ROLE_ARN"), environment("AWS_ROLE_SESSION_NAME"),
                                  environment(ROLE_SECONDS), ROLE_SECONDS};
    const char *file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *github = environment("ACTIONS_ID_TOKEN_REQUEST_URL");
    char *token = NULL;
    size_t len = 0;
    if (!file && !(role.arn && github))
        return SOURCE_NOT_SET;
    if (!role.arn)
        return err_set(err, EXIT_INPUT, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
    int code = file ? file_read(file, CREDENTIALS_MAX, &token, &len, err) : github_token(search, github, &token, err);
    if (!code && token)
        code = source_role_web(search, &role, token, out, err);
    if (token)
        OPENSSL_cleanse(token, strlen(token));
    free(token);
    return code;
}
