/* iam_condition.c - the condition operators. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "billing/calendar.h"
#include "sim/iam_private.h"

#define DECIMALS 6 /* of numbers */

static const struct iam_operator operators[] = {
    {"StringEquals", IAM_STRING, IAM_EQUAL, false},
    {"StringNotEquals", IAM_STRING, IAM_EQUAL, true},
    {"StringEqualsIgnoreCase", IAM_STRING_ANY_CASE, IAM_EQUAL, false},
    {"StringNotEqualsIgnoreCase", IAM_STRING_ANY_CASE, IAM_EQUAL, true},
    {"StringLike", IAM_LIKE, IAM_EQUAL, false},
    {"StringNotLike", IAM_LIKE, IAM_EQUAL, true},
    {"NumericEquals", IAM_NUMBER, IAM_EQUAL, false},
    {"NumericNotEquals", IAM_NUMBER, IAM_EQUAL, true},
    {"NumericLessThan", IAM_NUMBER, IAM_LESS, false},
    {"NumericLessThanEquals", IAM_NUMBER, IAM_LESS_OR_EQUAL, false},
    {"NumericGreaterThan", IAM_NUMBER, IAM_GREATER, false},
    {"NumericGreaterThanEquals", IAM_NUMBER, IAM_GREATER_OR_EQUAL, false},
    {"DateEquals", IAM_DATE, IAM_EQUAL, false},
    {"DateNotEquals", IAM_DATE, IAM_EQUAL, true},
    {"DateLessThan", IAM_DATE, IAM_LESS, false},
    {"DateLessThanEquals", IAM_DATE, IAM_LESS_OR_EQUAL, false},
    {"DateGreaterThan", IAM_DATE, IAM_GREATER, false},
    {"DateGreaterThanEquals", IAM_DATE, IAM_GREATER_OR_EQUAL, false},
    {"Bool", IAM_BOOL, IAM_EQUAL, false},
    {"BinaryEquals", IAM_BINARY, IAM_EQUAL, false},
    {"IpAddress", IAM_ADDRESS, IAM_EQUAL, false},
    {"NotIpAddress", IAM_ADDRESS, IAM_EQUAL, true},
    {"ArnEquals", IAM_ARN, IAM_EQUAL, false},
    {"ArnLike", IAM_ARN, IAM_EQUAL, false},
    {"ArnNotEquals", IAM_ARN, IAM_EQUAL, true},
    {"ArnNotLike", IAM_ARN, IAM_EQUAL, true},
    {"Null", IAM_NULL, IAM_EQUAL, false},
};

const struct iam_operator *iam_operator_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
        if (strlen(operators[i].name) == len && strncmp(operators[i].name, name, len) == 0)
            return &operators[i];
    return NULL;
}

/* ---- values ---- */

static bool read_number(const char *text, int64_t *out)
{
    return num_decimal(text, strlen(text), DECIMALS, out) == 0;
}

static bool read_date(const char *text, int64_t *out)
{
    struct err err;
    return num_i64(text, strlen(text), out) == 0 || calendar_parse(text, out, &err) == 0;
}

struct range {
    unsigned char bytes[16];
    int family, bits;
};

/* An address, or a range of them: "203.0.113.0/24", "2001:db8::/64". */
static bool read_range(const char *text, struct range *out)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    int64_t bits = -1;
    if (len == 0 || len >= sizeof(address) || (slash && (num_i64(slash + 1, strlen(slash + 1), &bits) || bits < 0)))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    out->family = strchr(address, ':') ? AF_INET6 : AF_INET;
    int most = out->family == AF_INET6 ? 128 : 32;
    if (inet_pton(out->family, address, out->bytes) != 1 || bits > most)
        return false;
    out->bits = slash ? (int)bits : most;
    return true;
}

static bool within(const struct range *range, const struct range *address)
{
    if (range->family != address->family || address->bits < range->bits)
        return false;
    int whole = range->bits / 8;
    unsigned rest = (unsigned)range->bits % 8;
    if (memcmp(range->bytes, address->bytes, (size_t)whole) != 0)
        return false;
    return rest == 0 || (range->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_bool(const char *text)
{
    return strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0;
}

const char *iam_value_wanted(const struct iam_operator *is, const char *text)
{
    int64_t number;
    struct range range;
    switch (is->kind) {
    case IAM_NUMBER:
        return read_number(text, &number) ? NULL : "a number";
    case IAM_DATE:
        return read_date(text, &number) ? NULL : "a date as 2026-11-25T00:00:00Z, or unix seconds";
    case IAM_BOOL:
    case IAM_NULL:
        return is_bool(text) ? NULL : "true or false";
    case IAM_ADDRESS:
        return read_range(text, &range) ? NULL : "an address, or a range as 203.0.113.0/24";
    default:
        return NULL;
    }
}

/* ---- one value against one of the policy's ---- */

static bool relates(enum iam_relation relation, int64_t value, int64_t to)
{
    switch (relation) {
    case IAM_LESS:
        return value < to;
    case IAM_LESS_OR_EQUAL:
        return value <= to;
    case IAM_GREATER:
        return value > to;
    case IAM_GREATER_OR_EQUAL:
        return value >= to;
    default:
        return value == to;
    }
}

static bool number_fits(const struct iam_operator *is, const char *pattern, const char *value)
{
    int64_t a;
    int64_t b;
    bool (*read)(const char *, int64_t *) = is->kind == IAM_NUMBER ? read_number : read_date;
    return read(value, &a) && read(pattern, &b) && relates(is->relation, a, b);
}

static bool address_fits(const char *pattern, const char *value)
{
    struct range range;
    struct range address;
    return read_range(pattern, &range) && read_range(value, &address) && within(&range, &address);
}

static bool fits(const struct iam_operator *is, const char *pattern, const char *value)
{
    switch (is->kind) {
    case IAM_STRING_ANY_CASE:
        return strcasecmp(pattern, value) == 0;
    case IAM_LIKE:
        return iam_like(pattern, value, false);
    case IAM_NUMBER:
    case IAM_DATE:
        return number_fits(is, pattern, value);
    case IAM_BOOL:
        return strcasecmp(pattern, value) == 0;
    case IAM_ADDRESS:
        return address_fits(pattern, value);
    case IAM_ARN:
        return iam_arn_like(pattern, value);
    default:
        return strcmp(pattern, value) == 0;
    }
}

/* Negated: none of the policy's values fits. */
static bool value_holds(const struct iam_condition *c, const char *value, const struct iam_request *request,
                        struct arena *scratch)
{
    bool any = false;
    for (size_t i = 0; i < c->values.count && !any; i++) {
        const char *pattern = iam_fill(&c->values.items[i], request, scratch);
        any = pattern && fits(c->is, pattern, value);
    }
    return any != c->is->negated;
}

static bool null_holds(const struct iam_condition *c, bool there)
{
    for (size_t i = 0; i < c->values.count; i++)
        if (strcasecmp(c->values.items[i].pattern, there ? "false" : "true") == 0)
            return true;
    return false;
}

bool iam_holds(const struct iam_condition *c, const struct iam_request *request, struct arena *scratch)
{
    const struct iam_key *key = iam_find_key(request, c->key, strlen(c->key));
    if (c->is->kind == IAM_NULL)
        return null_holds(c, key != NULL);
    if (!key)
        return c->if_exists || c->set == IAM_ALL_VALUES || (c->set == IAM_ONE_VALUE && c->is->negated);
    if (c->set == IAM_ONE_VALUE && key->count > 1) /* such keys want a set operator: never true by oversight */
        return false;
    size_t holding = 0;
    for (size_t i = 0; i < key->count; i++)
        holding += value_holds(c, key->values[i], request, scratch);
    return c->set == IAM_ANY_VALUE ? holding > 0 : holding == key->count;
}
