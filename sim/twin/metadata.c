/*
 * The instance metadata service, version 2 and version 1 (OSv's cloud-init asks without a token), and what stands in
 * for a container's credentials and for GitHub's OIDC tokens. The twin has one host that asks: the runner.
 * Source: EC2 User Guide, "Use IMDSv2" and "Instance metadata categories".
 */
#include "sim/twin/twin_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/out.h"
#include "base/philox.h"
#include "billing/calendar.h"

#define TOKEN_HEADER  "X-aws-ec2-metadata-token"
#define TTL_HEADER    "X-aws-ec2-metadata-token-ttl-seconds"
#define TTL_MOST_S    21600
#define PURPOSE_TOKEN 0x696d6473u
#define ROLE_NAME     "bakehour-runner"
#define SESSION_S     3600

bool twin_is_metadata(const struct sigv4_request *http)
{
    return strncmp(http->path, "/latest/", 8) == 0;
}

static void give_token(struct twin *t, const struct sigv4_request *http, struct twin_answer *out)
{
    const char *ttl = http_header(http, TTL_HEADER);
    int64_t seconds;
    if (!ttl || num_i64(ttl, strlen(ttl), &seconds) || seconds < 1 || seconds > TTL_MOST_S) {
        twin_text(out, 400, "text/html", "400 - Bad Request");
        return;
    }
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct metadata_token *token = &t->tokens[t->next_token % 256];
    struct philox random = philox_stream(t->options->seed, 0, t->next_token++, PURPOSE_TOKEN);
    for (size_t i = 0; i < sizeof token->text - 1; i++)
        token->text[i] = letters[philox_below(&random, 64)];
    token->text[sizeof token->text - 1] = '\0';
    token->ends_ns = clock_monotonic_ns() + seconds * 1000000000;
    twin_text(out, 200, "text/plain", "%s", token->text);
}

static bool is_known(const struct twin *t, const char *token)
{
    for (size_t i = 0; i < 256; i++)
        if (t->tokens[i].text[0] && strcmp(t->tokens[i].text, token) == 0)
            return t->tokens[i].ends_ns > clock_monotonic_ns();
    return false;
}

static const char *role_of(const struct twin *t)
{
    return t->options->role ? t->options->role : "arn:aws:iam::" SIMCLOUD_ACCOUNT ":role/" ROLE_NAME;
}

static void give_credentials(struct twin *t, bool container, struct twin_answer *out)
{
    int64_t now_ms = twin_now_ms(t);
    const struct sts_session *s = sts_open(simcloud_sts(t->cloud), role_of(t), "i-runner", SESSION_S, now_ms);
    char expires[INSTANT_TEXT_SIZE], updated[INSTANT_TEXT_SIZE];
    cJSON *document = cJSON_CreateObject();
    if (!container) {
        json_text(document, "Code", "Success");
        json_text(document, "LastUpdated", calendar_text(now_ms / 1000, updated));
        json_text(document, "Type", "AWS-HMAC");
    } else {
        json_text(document, "RoleArn", role_of(t));
    }
    json_text(document, "AccessKeyId", s->key_id);
    json_text(document, "SecretAccessKey", s->secret);
    json_text(document, "Token", s->token);
    json_text(document, "Expiration", calendar_text(s->expires_ms / 1000, expires));
    twin_json(out, 200, document);
}

static void give_identity(struct twin *t, struct twin_answer *out)
{
    char pending[INSTANT_TEXT_SIZE];
    cJSON *document = cJSON_CreateObject();
    json_text(document, "accountId", SIMCLOUD_ACCOUNT);
    json_text(document, "architecture", "x86_64");
    json_text(document, "availabilityZone", "us-east-1a");
    json_text(document, "imageId", SIMCLOUD_BASE_IMAGE);
    json_text(document, "instanceId", "i-runner");
    json_text(document, "instanceType", "t3.micro");
    json_text(document, "pendingTime", calendar_text(t->start_ms / 1000, pending));
    json_text(document, "privateIp", "127.0.0.1");
    json_text(document, "region", "us-east-1");
    json_text(document, "version", "2017-09-30");
    twin_json(out, 200, document);
}

static const char *plain_of(const char *path)
{
    static const char *const plain[][2] = {
        {"instance-id", "i-runner"},
        {"instance-type", "t3.micro"},
        {"ami-id", SIMCLOUD_BASE_IMAGE},
        {"local-ipv4", "127.0.0.1"},
        {"public-ipv4", "127.0.0.1"},
        {"hostname", "localhost"},
        {"placement/availability-zone", "us-east-1a"},
        {"placement/region", "us-east-1"},
        {"", "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-ipv4\nplacement/\npublic-ipv4"},
        {"iam/", "security-credentials/"},
        {"placement/", "availability-zone\nregion"},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(path, plain[i][0]) == 0)
            return plain[i][1];
    return NULL;
}

static void give_data(struct twin *t, const char *path, struct twin_answer *out)
{
    static const char roles[] = "iam/security-credentials/";
    const char *role = strrchr(role_of(t), '/') + 1;
    const char *plain = plain_of(path);
    if (plain)
        twin_text(out, 200, "text/plain", "%s", plain);
    else if (strcmp(path, roles) == 0 || strcmp(path, "iam/security-credentials") == 0)
        twin_text(out, 200, "text/plain", "%s", role);
    else if (strncmp(path, roles, strlen(roles)) == 0 && strcmp(path + strlen(roles), role) == 0)
        give_credentials(t, false, out);
    else
        twin_text(out, 404, "text/html", "404 - Not Found");
}

void twin_metadata(struct twin *t, const struct sigv4_request *http, struct twin_answer *out)
{
    static const char data[] = "/latest/meta-data/";
    const char *token = http_header(http, TOKEN_HEADER);
    if (strcmp(http->path, "/latest/api/token") == 0) {
        if (strcmp(http->method, "PUT") != 0)
            twin_text(out, 405, "text/html", "405 - Method Not Allowed");
        else if (http_header(http, "X-Forwarded-For"))
            twin_text(out, 403, "text/html", "403 - Forbidden");
        else
            give_token(t, http, out);
    } else if (strcmp(http->method, "GET") != 0) {
        twin_text(out, 405, "text/html", "405 - Method Not Allowed");
    } else if (token && !is_known(t, token)) {
        twin_text(out, 401, "text/html", "401 - Unauthorized");
    } else if (strcmp(http->path, "/latest/dynamic/instance-identity/document") == 0) {
        give_identity(t, out);
    } else if (strcmp(http->path, "/latest/container-credentials") == 0) {
        give_credentials(t, true, out);
    } else if (strncmp(http->path, data, strlen(data)) == 0) {
        give_data(t, http->path + strlen(data), out);
    } else {
        twin_text(out, 404, "text/html", "404 - Not Found");
    }
}
