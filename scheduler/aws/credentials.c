#include "scheduler/aws/credentials.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/cloud.h"

#define DEPTH_MAX 5 /* profiles that lean on others */

static void wipe(char **text)
{
    if (*text)
        OPENSSL_cleanse(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void credentials_release(struct credentials *c)
{
    wipe(&c->key_id);
    wipe(&c->secret);
    wipe(&c->session);
    *c = (struct credentials){0};
}

static void take(struct credentials *out, const char *key_id, const char *secret, const char *session)
{
    *out = (struct credentials){
        .key_id = mem_dup(key_id), .secret = mem_dup(secret), .session = session && *session ? mem_dup(session) : NULL};
}

int source_environment(struct credentials *out, struct err *err)
{
    const char *key_id = environment("AWS_ACCESS_KEY_ID");
    const char *secret = environment("AWS_SECRET_ACCESS_KEY");
    if (!key_id && !secret)
        return SOURCE_NOT_SET;
    if (!key_id || !secret)
        return err_set(err, EXIT_INPUT, "%s is set in the environment and %s is not",
                       key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                       key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    take(out, key_id, secret, environment("AWS_SESSION_TOKEN"));
    str_fit(out->source, sizeof out->source, "environment");
    return 0;
}

static const char *member(const cJSON *json, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
    return text && *text ? text : NULL;
}

/* cJSON frees its texts without wiping them. */
static void wipe_json(cJSON *json)
{
    for (cJSON *item = json ? json->child : NULL; item; item = item->next)
        if (cJSON_IsString(item))
            OPENSSL_cleanse(item->valuestring, strlen(item->valuestring));
    cJSON_Delete(json);
}

static int judge_json(const cJSON *json, bool is_process, const char *what, struct credentials *out, struct err *err)
{
    const char *key_id = member(json, "AccessKeyId");
    const char *secret = member(json, "SecretAccessKey");
    const char *expires = member(json, "Expiration");
    const char *code = member(json, "Code");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "Version");
    if (is_process && (!cJSON_IsNumber(version) || version->valueint != 1))
        return err_set(err, EXIT_FAILED, "%s: its answer has no \"Version\": 1", what);
    if (code && strcmp(code, "Success") != 0)
        return err_set(err, EXIT_FAILED, "%s: it says %.60s", what, code);
    if (!key_id || !secret)
        return err_set(err, EXIT_FAILED, "%s: its answer has no AccessKeyId and SecretAccessKey", what);
    if (expires && cloud_time_ms(expires) == 0)
        return err_set(err, EXIT_FAILED, "%s: its Expiration is no time", what);
    const char *session = member(json, "SessionToken");
    take(out, key_id, secret, session ? session : member(json, "Token"));
    out->expires_s = expires ? cloud_time_ms(expires) / 1000 : 0;
    str_fit(out->source, sizeof out->source, "%.100s", what);
    return 0;
}

int credentials_read_json(const char *text, size_t len, bool is_process, const char *what, struct credentials *out,
                          struct err *err)
{
    struct err ignored; /* it might quote what must not be shown */
    cJSON *json = json_parse("answer", text, len, &ignored);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return err_set(err, EXIT_FAILED, "%s: its answer is no JSON object", what);
    }
    int code = judge_json(json, is_process, what, out, err);
    wipe_json(json);
    return code;
}

/* ---- shared files ---- */

static int profile_keys(const struct credential_search *search, const char *profile, struct credentials *out,
                        struct err *err)
{
    const char *key_id = settings_get(search->settings, profile, "aws_access_key_id");
    const char *secret = settings_get(search->settings, profile, "aws_secret_access_key");
    if (!key_id && !secret)
        return SOURCE_NOT_SET;
    if (!key_id || !secret)
        return err_set(err, EXIT_INPUT,
                       "AWS profile \"%.60s\" has only one of aws_access_key_id and "
                       "aws_secret_access_key",
                       profile);
    take(out, key_id, secret, settings_get(search->settings, profile, "aws_session_token"));
    str_fit(out->source, sizeof out->source, "profile %.100s", profile);
    return 0;
}

static int named_source(const struct credential_search *search, const char *name, struct credentials *out,
                        struct err *err)
{
    if (strcmp(name, "Environment") == 0)
        return source_environment(out, err);
    if (strcmp(name, "EcsContainer") == 0)
        return source_container(search, out, err);
    if (strcmp(name, "Ec2InstanceMetadata") == 0)
        return source_instance(search, out, err);
    return err_set(err, EXIT_INPUT, "credential_source = %.60s: it is Environment, EcsContainer or Ec2InstanceMetadata",
                   name);
}

/* Whom the role is assumed by. A profile may lean on its own keys. */
static int role_source(const struct credential_search *search, const char *profile, int depth, struct credentials *out,
                       struct err *err)
{
    const char *other = settings_get(search->settings, profile, "source_profile");
    const char *named = settings_get(search->settings, profile, "credential_source");
    if (!other && !named)
        return err_set(err, EXIT_INPUT,
                       "AWS profile \"%.60s\" has a role_arn and neither source_profile, "
                       "credential_source nor web_identity_token_file",
                       profile);
    int code;
    if (!other)
        code = named_source(search, named, out, err);
    else if (strcmp(other, profile) == 0)
        code = profile_keys(search, profile, out, err);
    else if (!settings_has_profile(search->settings, other))
        return err_set(err, EXIT_INPUT, "AWS profile \"%.60s\" names the source_profile \"%.60s\", which is not there",
                       profile, other);
    else
        code = source_profile(search, other, depth + 1, out, err);
    if (code == SOURCE_NOT_SET)
        code = err_set(err, EXIT_INPUT, "AWS profile \"%.60s\": its source \"%.60s\" has no credentials", profile,
                       other ? other : named);
    return code;
}

static int profile_role(const struct credential_search *search, const char *profile, const char *role, int depth,
                        struct credentials *out, struct err *err)
{
    const char *token_file = settings_get(search->settings, profile, "web_identity_token_file");
    if (token_file) {
        const struct web_role web = {role, settings_get(search->settings, profile, "role_session_name"),
                                     settings_get(search->settings, profile, "duration_seconds"), "duration_seconds"};
        char *token = NULL;
        size_t len = 0;
        int code = file_read(token_file, CREDENTIALS_MAX, &token, &len, err);
        if (!code)
            code = source_role_web(search, &web, token, out, err);
        wipe(&token);
        return code;
    }
    if (settings_get(search->settings, profile, "mfa_serial"))
        return err_set(err, EXIT_INPUT,
                       "AWS profile \"%.60s\" asks for a one-time password (mfa_serial), which cannot "
                       "be asked for here; use a session made beforehand",
                       profile);
    struct credentials by = {0};
    int code = role_source(search, profile, depth, &by, err);
    if (!code)
        code = source_role(search, profile, &by, out, err);
    credentials_release(&by);
    return code;
}

int source_profile(const struct credential_search *search, const char *profile, int depth, struct credentials *out,
                   struct err *err)
{
    if (depth > DEPTH_MAX)
        return err_set(err, EXIT_INPUT,
                       "AWS profile \"%.60s\": more than %d profiles lean on each other; is it a circle?", profile,
                       DEPTH_MAX);
    const char *role = settings_get(search->settings, profile, "role_arn");
    if (role)
        return profile_role(search, profile, role, depth, out, err);
    int code = profile_keys(search, profile, out, err);
    if (code != SOURCE_NOT_SET)
        return code;
    const char *command = settings_get(search->settings, profile, "credential_process");
    if (command)
        return source_process(command, out, err);
    if (settings_get(search->settings, profile, "sso_session") ||
        settings_get(search->settings, profile, "sso_start_url"))
        return err_set(err, EXIT_INPUT,
                       "AWS profile \"%.60s\" signs in by IAM Identity Center; hand its credentials on "
                       "with credential_process = aws configure export-credentials",
                       profile);
    return SOURCE_NOT_SET;
}

int credentials_find(const struct credential_search *search, struct credentials *out, struct err *err)
{
    const char *profile = settings_profile(search->settings);
    int code = search->profile_named ? SOURCE_NOT_SET : source_environment(out, err);
    if (code == SOURCE_NOT_SET && !search->profile_named)
        code = source_web_identity(search, out, err);
    if (code == SOURCE_NOT_SET)
        code = source_profile(search, profile, 0, out, err);
    if (code == SOURCE_NOT_SET && search->profile_named)
        return err_set(err, EXIT_INPUT, "AWS profile \"%.60s\" has no credentials", profile);
    if (code == SOURCE_NOT_SET)
        code = source_container(search, out, err);
    if (code == SOURCE_NOT_SET)
        code = source_instance(search, out, err);
    if (code == SOURCE_NOT_SET)
        code = err_set(err, EXIT_FAILED,
                       "no AWS credentials: none in the environment (AWS_ACCESS_KEY_ID, AWS_ROLE_ARN), in profile "
                       "\"%.60s\" of the shared files, from a container or from instance metadata",
                       profile);
    return code;
}
