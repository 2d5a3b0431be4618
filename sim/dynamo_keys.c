/* Key conditions: the partition key equals a value, and the sort key is compared with one or two. */
#include "sim/dynamo_private.h"

#include <stdio.h>
#include <string.h>

static const cJSON *want_value(struct reader *r)
{
    if (r->token == TOKEN_VALUE)
        return read_value(r);
    (void)reader_unexpected(r);
    return NULL;
}

/* How the sort key is compared; r stands behind its path. */
static int read_how(struct reader *r, struct dynamo_range *out)
{
    if (reader_word(r, "BETWEEN")) {
        reader_next(r);
        out->low = want_value(r);
        if (!out->low)
            return -1;
        if (!reader_word(r, "AND"))
            return reader_unexpected(r);
        reader_next(r);
        out->high = want_value(r);
        (void)snprintf(out->mark, sizeof out->mark, "[");
        return out->high ? 0 : -1;
    }
    if (r->token != TOKEN_MARK || !strchr("=<>", r->text[0]) || strcmp(r->text, "<>") == 0)
        return reader_unexpected(r);
    (void)snprintf(out->mark, sizeof out->mark, "%.2s", r->text);
    reader_next(r);
    out->low = want_value(r);
    return out->low ? 0 : -1;
}

static int read_begins(struct reader *r, struct path *path, struct dynamo_range *how)
{
    reader_next(r);
    if (reader_expect(r, "(") || read_path(r, path) || reader_expect(r, ","))
        return -1;
    how->low = want_value(r);
    (void)snprintf(how->mark, sizeof how->mark, "b");
    return how->low ? reader_expect(r, ")") : -1;
}

static int read_comparison(struct reader *r, const char *const *keys, struct dynamo_range *out)
{
    struct path path;
    struct dynamo_range how = {0};
    if (reader_word(r, "begins_with") ? read_begins(r, &path, &how) : read_path(r, &path) ? -1 : read_how(r, &how))
        return -1;
    bool partition = path.count == 1 && strcmp(path.steps[0].name, keys[0]) == 0;
    bool sort = path.count == 1 && keys[1] && strcmp(path.steps[0].name, keys[1]) == 0;
    if (partition && strcmp(how.mark, "=") != 0)
        return reader_fail(r, "Query key condition not supported");
    if (!partition && !sort)
        return reader_fail(r, "Query condition missed key schema element");
    if (partition ? out->partition != NULL : *out->mark != '\0')
        return reader_fail(r, "KeyConditionExpressions must only contain one condition per key");
    if (partition) {
        out->partition = how.low;
    } else {
        how.partition = out->partition;
        *out = how;
    }
    return 0;
}

/* Comparisons with AND between them, in brackets or not. */
static int read_clauses(struct reader *r, const char *const *keys, struct dynamo_range *out)
{
    if (++r->depth > DYNAMO_DEPTH_MAX)
        return reader_fail(r, "The expression has too many nesting levels");
    for (;;) {
        int code;
        if (reader_mark(r, "(")) {
            reader_next(r);
            code = read_clauses(r, keys, out);
            if (!code)
                code = reader_expect(r, ")");
        } else {
            code = read_comparison(r, keys, out);
        }
        if (code || !reader_word(r, "AND"))
            return code;
        reader_next(r);
    }
}

int dynamo_key_condition(struct dynamo_scope *scope, const char *text, const char *const *keys,
                         struct dynamo_range *out)
{
    struct reader r;
    *out = (struct dynamo_range){0};
    reader_begin(&r, scope, "KeyConditionExpression", text, NULL);
    if (r.failed || read_clauses(&r, keys, out))
        return -1;
    if (r.token != TOKEN_END)
        return reader_unexpected(&r);
    return out->partition ? 0 : reader_fail(&r, "Query condition missed key schema element: %.60s", keys[0]);
}

bool dynamo_in_range(const struct dynamo_range *range, const char *const *keys, const cJSON *key)
{
    int order;
    if (!dynamo_equal(cJSON_GetObjectItemCaseSensitive(key, keys[0]), range->partition))
        return false;
    if (!*range->mark)
        return true;
    const cJSON *sort = cJSON_GetObjectItemCaseSensitive(key, keys[1]);
    if (range->mark[0] == 'b') {
        const char *type = dynamo_type(sort);
        return type && type == dynamo_type(range->low) && type[0] != 'N' && !type[1] &&
               strncmp(sort->child->valuestring, range->low->child->valuestring,
                       strlen(range->low->child->valuestring)) == 0;
    }
    if (!dynamo_order(sort, range->low, &order))
        return false;
    switch (range->mark[0]) {
    case '=':
        return order == 0;
    case '<':
        return order < 0 || (range->mark[1] && order == 0);
    case '>':
        return order > 0 || (range->mark[1] && order == 0);
    default:
        return order >= 0 && dynamo_order(sort, range->high, &order) && order <= 0;
    }
}
