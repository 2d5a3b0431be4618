#include "sim/twin/sigv4.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/mem.h"
#include "base/num.h"
#include "billing/calendar.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define PAIRS_MAX  1024
#define TIME_CHARS 16 /* 20150830T123600Z */

const char *http_header(const struct sigv4_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

/* ---- encoding ---- */

static void add_encoded(struct str *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    if (isalnum(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~') {
        str_add_char(out, (char)byte);
        return;
    }
    str_add_char(out, '%');
    str_add_char(out, digits[byte >> 4]);
    str_add_char(out, digits[byte & 15]);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Decoded, then encoded in the one canonical way. */
static void add_reencoded(struct str *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low >= 0) {
            add_encoded(out, (unsigned char)(high * 16 + low));
            i += 2;
        } else {
            add_encoded(out, text[i] == '+' ? ' ' : (unsigned char)text[i]);
        }
    }
}

/* Takes the last segment off. */
static void step_up(struct str *path)
{
    while (path->len > 0 && path->text[path->len - 1] != '/')
        path->len--;
    if (path->len > 0)
        path->len--;
    path->text[path->len] = '\0';
}

/* RFC 3986's "remove dot segments", empty segments fall out; then each byte is encoded. */
static void add_path(struct str *out, const char *path)
{
    struct str normal;
    str_init(&normal, 0);
    bool slash_last = true;
    for (const char *at = path; *at;) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        bool dot = len == 1 && at[0] == '.';
        bool up = len == 2 && at[0] == '.' && at[1] == '.';
        if (up)
            step_up(&normal);
        if (len && !dot && !up) {
            str_add_char(&normal, '/');
            str_add_n(&normal, at, len);
        }
        at += len;
        slash_last = *at == '/' || dot || up || len == 0;
    }
    if (slash_last || normal.len == 0)
        str_add_char(&normal, '/');
    for (size_t i = 0; i < normal.len; i++)
        if (normal.text[i] == '/')
            str_add_char(out, '/');
        else
            add_encoded(out, (unsigned char)normal.text[i]);
    str_release(&normal);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names and values are encoded, so that their bytes order them: '=' would stand between, hence \x01, below all. */
static char *canonical_pair(const char *pair, size_t len)
{
    struct str out;
    str_init(&out, 0);
    const char *equals = memchr(pair, '=', len);
    size_t name = equals ? (size_t)(equals - pair) : len;
    add_reencoded(&out, pair, name);
    str_add_char(&out, '\x01');
    if (equals)
        add_reencoded(&out, equals + 1, len - name - 1);
    return str_detach(&out);
}

static void add_query(struct str *out, const char *query)
{
    char *pairs[PAIRS_MAX] = {NULL};
    size_t count = 0;
    while (*query && count < PAIRS_MAX) {
        size_t len = strcspn(query, "&");
        if (len)
            pairs[count++] = canonical_pair(query, len);
        query += len + (query[len] == '&');
    }
    qsort(pairs, count, sizeof *pairs, by_text);
    for (size_t i = 0; i < count; i++) {
        char *mark = strchr(pairs[i], '\x01');
        *mark = '=';
        if (i > 0)
            str_add_char(out, '&');
        str_add(out, pairs[i]);
        free(pairs[i]);
    }
}

static void add_value(struct str *out, const char *value)
{
    value += strspn(value, " \t");
    for (; *value; value++) {
        size_t blanks = strspn(value, " \t");
        if (blanks && !value[blanks])
            break;
        if (blanks) {
            str_add_char(out, ' ');
            value += blanks - 1;
        } else {
            str_add_char(out, *value);
        }
    }
}

static void add_header(struct str *out, const struct sigv4_request *request, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        str_add_char(out, (char)tolower((unsigned char)name[i]));
    str_add_char(out, ':');
    bool first = true;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (strlen(header->name) != len || strncasecmp(header->name, name, len) != 0)
            continue;
        if (!first)
            str_add_char(out, ',');
        add_value(out, header->value);
        first = false;
    }
    str_add_char(out, '\n');
}

static void add_hex(struct str *out, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        str_addf(out, "%02x", bytes[i]);
}

void sigv4_canonical(const struct sigv4_request *request, const char *signed_headers, struct str *out)
{
    str_add(out, request->method);
    str_add_char(out, '\n');
    add_path(out, request->path);
    str_add_char(out, '\n');
    add_query(out, request->query);
    str_add_char(out, '\n');
    for (const char *at = signed_headers; *at;) {
        size_t len = strcspn(at, ";");
        add_header(out, request, at, len);
        at += len + (at[len] == ';');
    }
    str_add_char(out, '\n');
    str_add(out, signed_headers);
    str_add_char(out, '\n');
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)request->body, request->body_len, digest);
    add_hex(out, digest, sizeof digest);
}

/* ---- signing ---- */

static void mac(const void *key, size_t key_len, const char *text, size_t len, unsigned char out[32])
{
    unsigned int out_len = 32;
    unsigned char *made = HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, len, out, &out_len);
    assert(made && out_len == 32);
    (void)made;
}

static void derive(const char *secret, const struct sigv4_scope *scope, unsigned char key[32])
{
    char first[512];
    str_fit(first, sizeof first, "AWS4%s", secret);
    mac(first, strlen(first), scope->date, strlen(scope->date), key);
    mac(key, 32, scope->region, strlen(scope->region), key);
    mac(key, 32, scope->service, strlen(scope->service), key);
    mac(key, 32, "aws4_request", 12, key);
}

static void finish(const unsigned char key[32], const struct sigv4_scope *scope, const char *time,
                   const struct str *canonical, char signature[65])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)canonical->text, canonical->len, digest);
    struct str text, out;
    str_init(&text, 1024);
    str_addf(&text, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n", time, scope->date, scope->region, scope->service);
    add_hex(&text, digest, sizeof digest);
    mac(key, 32, text.text, text.len, digest);
    str_release(&text);
    str_init(&out, 65);
    add_hex(&out, digest, sizeof digest);
    memcpy(signature, out.text, 65);
    str_release(&out);
}

void sigv4_sign(const char *secret, const struct sigv4_scope *scope, const char *time, const struct str *canonical,
                char signature[65])
{
    unsigned char key[32];
    derive(secret, scope, key);
    finish(key, scope, time, canonical, signature);
}

/* ---- the Authorization header ---- */

struct authorization {
    struct sigv4_scope scope;
    char signed_headers[1024];
    char signature[65];
    bool has_credential, has_headers, has_signature;
};

/* Copies up to `end`; false where it does not fit or is empty. */
static bool take(char *to, size_t size, const char *from, size_t len)
{
    if (len == 0 || len >= size)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

/* KEY/20150830/us-east-1/ec2/aws4_request */
static bool read_credential(struct sigv4_scope *scope, const char *text, size_t len)
{
    const char *part[5];
    size_t part_len[5], count = 0;
    while (count < 5) {
        const char *slash = memchr(text, '/', len);
        size_t n = slash ? (size_t)(slash - text) : len;
        part[count] = text;
        part_len[count++] = n;
        if (!slash)
            break;
        text += n + 1;
        len -= n + 1;
    }
    return count == 5 && part_len[4] == 12 && memcmp(part[4], "aws4_request", 12) == 0 &&
           take(scope->key_id, sizeof scope->key_id, part[0], part_len[0]) && part_len[1] == 8 &&
           take(scope->date, sizeof scope->date, part[1], part_len[1]) &&
           take(scope->region, sizeof scope->region, part[2], part_len[2]) &&
           take(scope->service, sizeof scope->service, part[3], part_len[3]);
}

static void read_part(struct authorization *a, const char *text, size_t len)
{
    static const char credential[] = "Credential=", headers[] = "SignedHeaders=", signature[] = "Signature=";
    if (len > 11 && memcmp(text, credential, 11) == 0)
        a->has_credential = read_credential(&a->scope, text + 11, len - 11);
    else if (len > 14 && memcmp(text, headers, 14) == 0)
        a->has_headers = take(a->signed_headers, sizeof a->signed_headers, text + 14, len - 14);
    else if (len == 10 + 64 && memcmp(text, signature, 10) == 0)
        a->has_signature = take(a->signature, sizeof a->signature, text + 10, 64);
}

static bool read_authorization(const char *text, struct authorization *a)
{
    *a = (struct authorization){0};
    size_t algorithm = strlen(ALGORITHM);
    if (strncmp(text, ALGORITHM, algorithm) != 0 || text[algorithm] != ' ')
        return false;
    for (text += algorithm; *text;) {
        text += strspn(text, " ,");
        size_t len = strcspn(text, ", ");
        read_part(a, text, len);
        text += len;
    }
    return true;
}

bool sigv4_scope(const struct sigv4_request *request, struct sigv4_scope *out)
{
    const char *text = http_header(request, "Authorization");
    struct authorization a;
    if (!text || !read_authorization(text, &a) || !a.has_credential)
        return false;
    *out = a.scope;
    return true;
}

static bool is_signed(const char *signed_headers, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = signed_headers; *at;) {
        size_t n = strcspn(at, ";");
        if (n == len && strncasecmp(at, name, len) == 0)
            return true;
        at += n + (at[n] == ';');
    }
    return false;
}

/* The name of a header that ought to be signed and is not; NULL: all are. */
static const char *unsigned_header(const struct sigv4_request *request, const char *signed_headers)
{
    if (!is_signed(signed_headers, "host"))
        return "host";
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        if (strncasecmp(name, "x-amz-", 6) == 0 && !is_signed(signed_headers, name))
            return name;
    }
    return NULL;
}

/* 20150830T123600Z; -1 where it is none. */
static int64_t read_time(const char *text)
{
    if (!text || strlen(text) != TIME_CHARS || text[8] != 'T' || text[15] != 'Z')
        return -1;
    char plain[32];
    instant_t t;
    struct err err = {0};
    str_fit(plain, sizeof plain, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6, text + 9, text + 11,
            text + 13);
    return calendar_parse(plain, &t, &err) ? -1 : t;
}

/* ---- the check ---- */

static enum sigv4_result say(enum sigv4_result result, char detail[512], const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum sigv4_result say(enum sigv4_result result, char detail[512], const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, 512, fmt, args);
    va_end(args);
    return result;
}

static enum sigv4_result check_time(const char *time, int64_t signed_s, int64_t now_s, char detail[512])
{
    char now[INSTANT_TEXT_SIZE];
    (void)calendar_text(now_s, now);
    if (signed_s < now_s - SIGV4_SKEW_S)
        return say(SIGV4_EXPIRED, detail, "Signature expired: %s is now earlier than %s - 5 min.", time, now);
    if (signed_s > now_s + SIGV4_SKEW_S)
        return say(SIGV4_NOT_YET, detail, "Signature not yet current: %s is still later than %s + 5 min.", time, now);
    return SIGV4_OK;
}

static enum sigv4_result check_key(const struct sigv4_key *key, const char *token, int64_t now_s, char detail[512])
{
    bool fits = key && (key->token ? token && strcmp(token, key->token) == 0 : !token || !*token);
    if (!fits)
        return say(SIGV4_UNKNOWN_KEY, detail, "The security token included in the request is invalid.");
    if (key->expires_ms != INT64_MAX && key->expires_ms / 1000 <= now_s)
        return say(SIGV4_TOKEN_EXPIRED, detail, "The security token included in the request is expired");
    return SIGV4_OK;
}

static const unsigned char *signing_key(struct sigv4 *s, const char *secret, const struct sigv4_scope *scope)
{
    char wanted[256];
    int len = snprintf(wanted, sizeof wanted, "%s/%s/%s/%s/%.100s", scope->key_id, scope->date, scope->region,
                       scope->service, secret);
    if (len >= (int)sizeof wanted || strcmp(wanted, s->cached_for) != 0) {
        derive(secret, scope, s->cached_key);
        memcpy(s->cached_for, len >= (int)sizeof wanted ? "" : wanted, len >= (int)sizeof wanted ? 1 : (size_t)len + 1);
    }
    return s->cached_key;
}

static enum sigv4_result check_signature(struct sigv4 *s, const struct sigv4_request *request,
                                         const struct authorization *a, const char *secret, const char *time,
                                         char detail[512])
{
    struct str canonical;
    char signature[65];
    str_init(&canonical, 0);
    sigv4_canonical(request, a->signed_headers, &canonical);
    finish(signing_key(s, secret, &a->scope), &a->scope, time, &canonical, signature);
    str_release(&canonical);
    if (CRYPTO_memcmp(signature, a->signature, 64) == 0)
        return SIGV4_OK;
    return say(SIGV4_MISMATCH, detail,
               "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
               "Access Key and signing method. Consult the service documentation for details.");
}

static enum sigv4_result read_request(const struct sigv4_request *request, struct authorization *a, const char **time,
                                      int64_t *signed_s, char detail[512])
{
    const char *text = http_header(request, "Authorization");
    if (!text)
        return say(SIGV4_MISSING, detail, "Request is missing Authentication Token");
    if (!read_authorization(text, a))
        return say(SIGV4_INCOMPLETE, detail, "Authorization header requires the algorithm " ALGORITHM ".");
    if (!a->has_credential || !a->has_signature || !a->has_headers)
        return say(SIGV4_INCOMPLETE, detail, "Authorization header requires '%s' parameter.",
                   !a->has_credential  ? "Credential"
                   : !a->has_signature ? "Signature"
                                       : "SignedHeaders");
    *time = http_header(request, "X-Amz-Date");
    *signed_s = read_time(*time);
    if (*signed_s < 0)
        return say(SIGV4_INCOMPLETE, detail,
                   "Authorization header requires existence of an 'X-Amz-Date' header in ISO 8601 basic form.");
    return SIGV4_OK;
}

enum sigv4_result sigv4_check(struct sigv4 *s, const struct sigv4_request *request, int64_t now_s,
                              struct sigv4_scope *scope, char detail[512])
{
    struct authorization a;
    const char *time = "";
    int64_t signed_s = 0;
    enum sigv4_result result = read_request(request, &a, &time, &signed_s, detail);
    if (result)
        return result;
    *scope = a.scope;
    const struct sigv4_key *key = s->find(s->context, a.scope.key_id);
    result = check_key(key, http_header(request, "X-Amz-Security-Token"), now_s, detail);
    if (!result)
        result = check_time(time, signed_s, now_s, detail);
    if (!result && strncmp(time, a.scope.date, 8) != 0)
        result = say(SIGV4_SCOPE, detail,
                     "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                     "from HTTP: '%s' != '%.8s', from '%s'.",
                     a.scope.date, time, time);
    const char *missing = result ? NULL : unsigned_header(request, a.signed_headers);
    if (missing)
        result = say(SIGV4_UNSIGNED, detail, "'%.60s' must be a 'SignedHeader' in the AWS Authorization.", missing);
    return result ? result : check_signature(s, request, &a, key->secret, time, detail);
}
