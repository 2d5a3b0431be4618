#include "sim/twin/access.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

#define KEYS_MAX       1000
#define FILE_MAX_BYTES ((size_t)1 << 20)

struct key {
    char *name, *key_id, *secret, *token, *account, *arn;
    size_t line;
};

struct access {
    struct key *keys;
    size_t count, cap;
    struct sts *sts;
    char *account;
    struct sigv4_key found;
};

static struct key *add(struct access *keys, const char *name, size_t line)
{
    keys->keys = mem_grow(keys->keys, &keys->cap, keys->count + 1, sizeof *keys->keys);
    struct key *key = &keys->keys[keys->count++];
    *key = (struct key){.name = mem_dup(name), .line = line};
    return key;
}

static void release(struct key *key)
{
    free(key->name);
    free(key->key_id);
    free(key->secret);
    free(key->token);
    free(key->account);
    free(key->arn);
}

struct access *access_new(struct sts *sts, const char *account)
{
    struct access *keys = mem_zero(1, sizeof *keys);
    keys->sts = sts;
    keys->account = mem_dup(account);
    struct key *key = add(keys, "twin", 0);
    key->key_id = mem_dup(TWIN_KEY_ID);
    key->secret = mem_dup(TWIN_SECRET);
    return keys;
}

void access_free(struct access *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++)
        release(&keys->keys[i]);
    free(keys->keys);
    free(keys->account);
    free(keys);
}

/* ---- the file ---- */

static char *trimmed(const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    return mem_dup_n(text, len);
}

static void set(char **field, char *value)
{
    free(*field);
    *field = value;
}

static void set_named(struct key *key, const char *name, char *value)
{
    if (strcmp(name, "aws_access_key_id") == 0)
        set(&key->key_id, value);
    else if (strcmp(name, "aws_secret_access_key") == 0)
        set(&key->secret, value);
    else if (strcmp(name, "aws_session_token") == 0)
        set(&key->token, value);
    else if (strcmp(name, "account") == 0)
        set(&key->account, value);
    else if (strcmp(name, "arn") == 0)
        set(&key->arn, value);
    else
        free(value); /* region, output and what else the file may say */
}

/* One line, without its end. */
static int read_line(struct access *keys, struct key **at, const char *path, size_t number, const char *line,
                     size_t len, struct err *err)
{
    char *text = trimmed(line, len);
    size_t n = strlen(text);
    int code = 0;
    char *equals = strchr(text, '=');
    if (n == 0 || text[0] == '#' || text[0] == ';') {
        free(text);
        return 0;
    }
    if (text[0] == '[' && text[n - 1] == ']') {
        text[n - 1] = '\0';
        *at = keys->count <= KEYS_MAX ? add(keys, text + 1, number) : NULL;
        code = *at ? 0 : err_at(err, EXIT_INPUT, path, number, 0, "more than %d keys", KEYS_MAX);
    } else if (!equals || !*at) {
        code = err_at(err, EXIT_INPUT, path, number, 1, "[name] or name = value is wanted");
    } else {
        char *name = trimmed(text, (size_t)(equals - text));
        set_named(*at, name, trimmed(equals + 1, strlen(equals + 1)));
        free(name);
    }
    free(text);
    return code;
}

static int check(const struct access *keys, size_t from, const char *path, struct err *err)
{
    for (size_t i = from; i < keys->count; i++) {
        const struct key *key = &keys->keys[i];
        if (!key->key_id || !*key->key_id || !key->secret || !*key->secret)
            return err_at(err, EXIT_INPUT, path, key->line, 0,
                          "[%.60s] lacks aws_access_key_id or aws_secret_access_key", key->name);
        if (key->account && (strlen(key->account) != 12 || strspn(key->account, "0123456789") != 12))
            return err_at(err, EXIT_INPUT, path, key->line, 0, "[%.60s] account: twelve digits are wanted", key->name);
        if (strlen(key->secret) > 200)
            return err_at(err, EXIT_INPUT, path, key->line, 0, "[%.60s] has a secret of over 200 bytes", key->name);
    }
    return 0;
}

int access_read(struct access *keys, const char *path, struct err *err)
{
    char *text;
    size_t len;
    int code = file_read(path, FILE_MAX_BYTES, &text, &len, err);
    if (code)
        return code;
    size_t from = keys->count, number = 0;
    struct key *at = NULL;
    for (size_t i = 0; i < len && !code;) {
        const char *end = memchr(text + i, '\n', len - i);
        size_t line = end ? (size_t)(end - text) - i : len - i;
        code = read_line(keys, &at, path, ++number, text + i, line, err);
        i += line + 1;
    }
    free(text);
    return code ? code : check(keys, from, path, err);
}

/* ---- look-up ---- */

static const struct key *find(const struct access *keys, const char *key_id)
{
    for (size_t i = keys->count; i-- > 0;)
        if (keys->keys[i].key_id && strcmp(keys->keys[i].key_id, key_id) == 0)
            return &keys->keys[i];
    return NULL;
}

const struct sigv4_key *access_find(struct access *keys, const char *key_id, int64_t now_ms)
{
    const struct key *key = find(keys, key_id);
    if (key) {
        keys->found = (struct sigv4_key){key->secret, key->token, INT64_MAX};
        return &keys->found;
    }
    const struct sts_session *session = sts_find(keys->sts, key_id);
    if (!session)
        return NULL;
    keys->found = (struct sigv4_key){session->secret, session->token, session->expires_ms > now_ms ? INT64_MAX : 0};
    return &keys->found;
}

void access_owner(const struct access *keys, const char *key_id, const char **account, const char **arn)
{
    static char usual[64];
    const struct key *key = find(keys, key_id);
    const struct sts_session *session = key ? NULL : sts_find(keys->sts, key_id);
    *account = key && key->account ? key->account : session ? session->account : keys->account;
    str_fit(usual, sizeof usual, "arn:aws:iam::%.12s:user/twin", *account);
    *arn = key && key->arn ? key->arn : session ? session->arn : usual;
}
