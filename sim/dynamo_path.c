/* Words, marks and paths of DynamoDB's expressions. */
#include "sim/dynamo_private.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int reader_fail(struct reader *r, const char *fmt, ...)
{
    if (r->failed)
        return -1;
    r->failed = true;
    char text[300];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)snprintf(r->scope->message, sizeof r->scope->message, "Invalid %.40s: %s", r->what, text);
    return -1;
}

int reader_unexpected(struct reader *r)
{
    if (r->token == TOKEN_END)
        return reader_fail(r, "Syntax error; unexpected end of the expression");
    return reader_fail(r, "Syntax error; token: \"%.60s\"", r->text);
}

/* Letters, digits and underscores; how many fit the token. */
static void take_word(struct reader *r, size_t from)
{
    size_t len = from;
    while (isalnum((unsigned char)r->at[len]) || r->at[len] == '_')
        len++;
    if (len == from || len >= TOKEN_MAX) {
        r->token = TOKEN_BAD;
        len = len >= TOKEN_MAX ? TOKEN_MAX - 1 : len;
    }
    memcpy(r->text, r->at, len);
    r->text[len] = '\0';
    r->at += len;
}

void reader_next(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
    char c = *r->at;
    r->text[0] = '\0';
    if (!c) {
        r->token = TOKEN_END;
    } else if (isdigit((unsigned char)c)) {
        r->token = TOKEN_NUMBER;
        take_word(r, 0);
    } else if (isalpha((unsigned char)c) || c == '_') {
        r->token = TOKEN_WORD;
        take_word(r, 0);
    } else if (c == '#' || c == ':') {
        r->token = c == '#' ? TOKEN_NAME : TOKEN_VALUE;
        take_word(r, 1);
    } else {
        bool two = (c == '<' && (r->at[1] == '>' || r->at[1] == '=')) || (c == '>' && r->at[1] == '=');
        r->token = strchr("=<>().,[]+-", c) ? TOKEN_MARK : TOKEN_BAD;
        (void)snprintf(r->text, sizeof r->text, "%.*s", two ? 2 : 1, r->at);
        r->at += two ? 2 : 1;
    }
}

void reader_begin(struct reader *r, struct dynamo_scope *scope, const char *what, const char *text, const cJSON *item)
{
    *r = (struct reader){.scope = scope, .what = what, .at = text, .item = item};
    reader_next(r);
    if (r->token == TOKEN_END)
        (void)reader_fail(r, "The expression can not be empty;");
}

bool reader_word(const struct reader *r, const char *word)
{
    return r->token == TOKEN_WORD && strcasecmp(r->text, word) == 0;
}

bool reader_mark(const struct reader *r, const char *mark)
{
    return r->token == TOKEN_MARK && strcmp(r->text, mark) == 0;
}

int reader_expect(struct reader *r, const char *mark)
{
    if (!reader_mark(r, mark))
        return reader_unexpected(r);
    reader_next(r);
    return 0;
}

/* ---- paths ---- */

static int read_step(struct reader *r, struct path_step *step)
{
    const char *name = r->text;
    if (r->token == TOKEN_NAME) {
        const cJSON *known = cJSON_GetObjectItemCaseSensitive(r->scope->names, r->text);
        if (!cJSON_IsString(known))
            return reader_fail(r,
                               "An expression attribute name used in the document path is not defined; attribute "
                               "name: %.60s",
                               r->text);
        if (!cJSON_HasObjectItem(r->scope->used_names, r->text))
            cJSON_AddTrueToObject(r->scope->used_names, r->text);
        name = known->valuestring;
    } else if (r->token != TOKEN_WORD) {
        return reader_unexpected(r);
    } else if (dynamo_is_reserved(r->text)) {
        return reader_fail(r, "Attribute name is a reserved keyword; reserved keyword: %.60s", r->text);
    }
    if (!*name || strlen(name) >= sizeof step->name)
        return reader_fail(r, "An attribute name is empty or longer than 255 bytes");
    (void)snprintf(step->name, sizeof step->name, "%s", name);
    reader_next(r);
    return 0;
}

static int read_index(struct reader *r, struct path_step *step)
{
    int64_t index;
    if (r->token != TOKEN_NUMBER || num_i64(r->text, strlen(r->text), &index) || index > 100000)
        return reader_unexpected(r);
    *step = (struct path_step){.index = (int)index};
    reader_next(r);
    return reader_expect(r, "]");
}

int read_path(struct reader *r, struct path *out)
{
    out->count = 0;
    if (read_step(r, &out->steps[out->count++]))
        return -1;
    while (reader_mark(r, ".") || reader_mark(r, "[")) {
        bool index = reader_mark(r, "[");
        reader_next(r);
        if (out->count == PATH_STEPS)
            return reader_fail(r, "The document path has too many nesting elements");
        struct path_step *step = &out->steps[out->count++];
        if (index ? read_index(r, step) : read_step(r, step))
            return -1;
    }
    return 0;
}

const cJSON *read_value(struct reader *r)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(r->scope->values, r->text);
    if (!value) {
        (void)reader_fail(r, "An expression attribute value used in expression is not defined; attribute value: %.60s",
                          r->text);
        return NULL;
    }
    if (!cJSON_HasObjectItem(r->scope->used_values, r->text))
        cJSON_AddTrueToObject(r->scope->used_values, r->text);
    reader_next(r);
    return value;
}

/* A step down from a value: into its map or list. */
static const cJSON *step_down(const cJSON *value, const struct path_step *step)
{
    const char *type = dynamo_type(value);
    if (!type || type[1])
        return NULL;
    if (*step->name)
        return type[0] == 'M' ? cJSON_GetObjectItemCaseSensitive(value->child, step->name) : NULL;
    return type[0] == 'L' ? cJSON_GetArrayItem(value->child, step->index) : NULL;
}

const cJSON *path_find(const struct path *path, const cJSON *item)
{
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(item, path->steps[0].name);
    for (size_t i = 1; i < path->count && at; i++)
        at = step_down(at, &path->steps[i]);
    return at;
}

bool path_overlaps(const struct path *a, const struct path *b)
{
    size_t count = a->count < b->count ? a->count : b->count;
    for (size_t i = 0; i < count; i++)
        if (strcmp(a->steps[i].name, b->steps[i].name) != 0 || a->steps[i].index != b->steps[i].index)
            return false;
    return true;
}

void path_text(const struct path *path, struct str *out)
{
    for (size_t i = 0; i < path->count; i++)
        if (*path->steps[i].name)
            str_addf(out, "%s%s", i ? "." : "", path->steps[i].name);
        else
            str_addf(out, "[%d]", path->steps[i].index);
}

static void put(cJSON *object, const char *name, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddItemToObject(object, name, value);
}

int path_set(struct reader *r, const struct path *path, cJSON *item, cJSON *value)
{
    const struct path_step *last = &path->steps[path->count - 1];
    if (path->count == 1) {
        put(item, last->name, value);
        return 0;
    }
    struct path parent = *path;
    parent.count--;
    cJSON *holder = (cJSON *)path_find(&parent, item);
    const char *type = dynamo_type(holder);
    bool fits = type && !type[1] && type[0] == (*last->name ? 'M' : 'L');
    if (!fits) {
        cJSON_Delete(value);
        return reader_fail(r, "The document path provided in the update expression is invalid for update");
    }
    if (*last->name)
        put(holder->child, last->name, value);
    else if (last->index < cJSON_GetArraySize(holder->child))
        cJSON_ReplaceItemInArray(holder->child, last->index, value);
    else
        cJSON_AddItemToArray(holder->child, value);
    return 0;
}

int path_remove(struct reader *r, const struct path *path, cJSON *item)
{
    const struct path_step *last = &path->steps[path->count - 1];
    if (path->count == 1) {
        cJSON_DeleteItemFromObjectCaseSensitive(item, last->name);
        return 0;
    }
    struct path parent = *path;
    parent.count--;
    cJSON *holder = (cJSON *)path_find(&parent, item);
    const char *type = dynamo_type(holder);
    if (!type || type[1] || type[0] != (*last->name ? 'M' : 'L'))
        return reader_fail(r, "The document path provided in the update expression is invalid for update");
    if (*last->name)
        cJSON_DeleteItemFromObjectCaseSensitive(holder->child, last->name);
    else
        cJSON_DeleteItemFromArray(holder->child, last->index);
    return 0;
}
