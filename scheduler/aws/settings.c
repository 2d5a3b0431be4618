#include "scheduler/aws/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/out.h"

struct aws_settings {
    struct ini *config, *credentials;
    char *profile, *region, *endpoint_url;
};

const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool environment_is_true(const char *name)
{
    const char *value = environment(name);
    return value && strcasecmp(value, "true") == 0;
}

/* A file that is not there holds nothing. */
static int read_shared(struct ini *ini, const char *variable, const char *file, bool is_config, struct err *err)
{
    const char *named = environment(variable);
    const char *home = environment("HOME");
    struct str path;
    char *text = NULL;
    size_t len = 0;
    if (!named && !home)
        return 0;
    str_init(&path, 4096);
    if (named && strncmp(named, "~/", 2) == 0 && home)
        str_addf(&path, "%s%s", home, named + 1);
    else if (named)
        str_add(&path, named);
    else
        str_addf(&path, "%s/.aws/%s", home, file);
    FILE *there = fopen(path.text, "rb");
    int code = 0;
    if (there) {
        (void)fclose(there);
        code = file_read(path.text, INI_BYTES_MAX, &text, &len, err);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        code = err_at(err, EXIT_INPUT, path.text, 0, 0, "cannot be read: %s", strerror(errno));
    }
    if (text) {
        code = ini_parse(ini, path.text, text, len, is_config, err);
        OPENSSL_cleanse(text, len);
        free(text);
    }
    str_release(&path);
    return code;
}

/* The names of the profiles there are, for the message about one that is not. */
static void list_profiles(const struct aws_settings *s, struct str *out)
{
    const struct ini *files[] = {s->config, s->credentials};
    for (int i = 0; i < 2; i++) {
        size_t at = 0;
        for (const char *name; (name = ini_profile(files[i], &at)) && out->len < 300;)
            if (!strstr(out->text, name))
                str_addf(out, "%s%s", out->len ? ", " : "", name);
    }
}

static int check_profile(const struct aws_settings *s, struct err *err)
{
    if (settings_has_profile(s, s->profile))
        return 0;
    struct str names;
    str_init(&names, 1024);
    list_profiles(s, &names);
    int code = err_set(err, EXIT_INPUT, "there is no AWS profile \"%.100s\"; the shared files have: %s", s->profile,
                       names.len ? names.text : "none");
    str_release(&names);
    return code;
}

int settings_load(struct aws_settings **out, const char *profile, const char *region, const char *endpoint_url,
                  struct err *err)
{
    struct aws_settings *s = mem_zero(1, sizeof *s);
    const char *named = profile ? profile : environment("AWS_PROFILE");
    named = named ? named : environment("AWS_DEFAULT_PROFILE");
    s->config = ini_new();
    s->credentials = ini_new();
    s->profile = mem_dup(named ? named : "default");
    s->endpoint_url = endpoint_url ? mem_dup(endpoint_url) : NULL;
    int code = read_shared(s->config, "AWS_CONFIG_FILE", "config", true, err);
    if (!code)
        code = read_shared(s->credentials, "AWS_SHARED_CREDENTIALS_FILE", "credentials", false, err);
    if (!code && named && strcmp(named, "default") != 0)
        code = check_profile(s, err);
    if (code) {
        settings_free(s);
        return code;
    }
    region = region ? region : environment("AWS_REGION");
    region = region ? region : environment("AWS_DEFAULT_REGION");
    settings_set_region(s, region ? region : settings_get(s, NULL, "region"));
    *out = s;
    return 0;
}

void settings_free(struct aws_settings *s)
{
    if (!s)
        return;
    ini_free(s->config);
    ini_free(s->credentials);
    free(s->profile);
    free(s->region);
    free(s->endpoint_url);
    free(s);
}

const char *settings_profile(const struct aws_settings *s)
{
    return s->profile;
}

const char *settings_get(const struct aws_settings *s, const char *profile, const char *key)
{
    profile = profile ? profile : s->profile;
    const char *value = ini_get(s->credentials, "profile", profile, key);
    return value ? value : ini_get(s->config, "profile", profile, key);
}

bool settings_has_profile(const struct aws_settings *s, const char *profile)
{
    return ini_has(s->config, "profile", profile) || ini_has(s->credentials, "profile", profile);
}

const char *settings_region(const struct aws_settings *s)
{
    return s->region;
}

void settings_set_region(struct aws_settings *s, const char *region)
{
    char *copy = region ? mem_dup(region) : NULL;
    free(s->region);
    s->region = copy;
}

/* In the shared files a service goes by its id in lower case: "auto_scaling", "elastic_load_balancing_v2". */
static const char *configured_endpoint(const struct aws_settings *s, enum aws_service service)
{
    const struct aws_service_info *info = aws_service_info(service);
    char variable[96];
    char key[96];
    size_t n = 0;
    if (environment_is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
        return NULL;
    str_fit(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", info->variable);
    const char *url = environment(variable);
    if (url || (url = environment("AWS_ENDPOINT_URL")))
        return url;
    for (; n < 60 && info->variable[n]; n++)
        key[n] =
            (char)(info->variable[n] >= 'A' && info->variable[n] <= 'Z' ? info->variable[n] + 32 : info->variable[n]);
    key[n] = '\0';
    str_fit(variable, sizeof variable, "%.60s.endpoint_url", key);
    const char *services = settings_get(s, NULL, "services");
    url = services ? ini_get(s->config, "services", services, variable) : NULL;
    return url ? url : settings_get(s, NULL, "endpoint_url");
}

void settings_endpoint(const struct aws_settings *s, enum aws_service service, const char *region, struct str *url)
{
    const char *set = s->endpoint_url ? s->endpoint_url : configured_endpoint(s, service);
    if (!set) {
        str_addf(url, "https://%s.%s.amazonaws.com%s", aws_service_info(service)->signing, region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
        return;
    }
    size_t len = strlen(set);
    while (len > 0 && set[len - 1] == '/')
        len--;
    str_add_n(url, set, len);
}

int settings_attempts(const struct aws_settings *s)
{
    const char *text = environment("AWS_MAX_ATTEMPTS");
    int64_t attempts;
    text = text ? text : settings_get(s, NULL, "max_attempts");
    if (!text || num_i64(text, strlen(text), &attempts) || attempts < 1 || attempts > 20)
        return 3;
    return (int)attempts;
}
