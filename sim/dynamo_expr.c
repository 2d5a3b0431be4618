#include "sim/dynamo_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"

#define NESTING_MAX 50

void dynamo_scope_init(struct dynamo_scope *scope, const cJSON *request)
{
    *scope = (struct dynamo_scope){.names = cJSON_GetObjectItemCaseSensitive(request, "ExpressionAttributeNames"),
                                   .values = cJSON_GetObjectItemCaseSensitive(request, "ExpressionAttributeValues"),
                                   .used_names = cJSON_CreateObject(),
                                   .used_values = cJSON_CreateObject()};
}

void dynamo_scope_release(struct dynamo_scope *scope)
{
    cJSON_Delete(scope->used_names);
    cJSON_Delete(scope->used_values);
}

static int find_unused(struct dynamo_scope *scope, const cJSON *given, const cJSON *used, const char *what)
{
    for (const cJSON *item = given ? given->child : NULL; item; item = item->next)
        if (!cJSON_HasObjectItem(used, item->string)) {
            (void)snprintf(scope->message, sizeof scope->message,
                           "Value provided in %s unused in expressions: keys: {%.100s}", what, item->string);
            return -1;
        }
    return 0;
}

int dynamo_scope_unused(struct dynamo_scope *scope)
{
    if (find_unused(scope, scope->names, scope->used_names, "ExpressionAttributeNames"))
        return -1;
    return find_unused(scope, scope->values, scope->used_values, "ExpressionAttributeValues");
}

/* ---- operands ---- */

/* What a comparison sees: a value of the request or item, or a size. NULL value: the attribute is not there. */
struct operand {
    const cJSON *value;
    cJSON *owned;     /* of size(): freed by operand_release */
    bool given;       /* a :value */
    struct path path; /* count 0: none */
};

static void operand_release(struct operand *o)
{
    cJSON_Delete(o->owned);
    *o = (struct operand){0};
}

static int read_size(struct reader *r, struct operand *out)
{
    struct path path;
    reader_next(r);
    if (reader_expect(r, "(") || read_path(r, &path) || reader_expect(r, ")"))
        return -1;
    const cJSON *value = r->item ? path_find(&path, r->item) : NULL;
    const char *type = dynamo_type(value);
    if (!value || !type || strcmp(type, "N") == 0 || strcmp(type, "BOOL") == 0 || strcmp(type, "NULL") == 0)
        return 0;
    bool text = type[1] == '\0' && (type[0] == 'S' || type[0] == 'B');
    char number[24];
    str_fit(number, sizeof number, "%zu", text ? dynamo_size(value) : (size_t)cJSON_GetArraySize(value->child));
    out->owned = cJSON_CreateObject();
    json_text(out->owned, "N", number);
    out->value = out->owned;
    return 0;
}

static int read_operand(struct reader *r, struct operand *out)
{
    *out = (struct operand){0};
    if (r->token == TOKEN_VALUE) {
        out->value = read_value(r);
        out->given = true;
        return out->value ? 0 : -1;
    }
    if (reader_word(r, "size") && r->at[strspn(r->at, " \t\r\n")] == '(')
        return read_size(r, out);
    if (read_path(r, &out->path))
        return -1;
    out->value = r->item ? path_find(&out->path, r->item) : NULL;
    return 0;
}

/* ---- comparisons ---- */

/* A value that is given must be of a type that the function takes. */
static int check_type(struct reader *r, const struct operand *o, const char *function, const char *types)
{
    const char *type = o->given ? dynamo_type(o->value) : NULL;
    if (!type || (!type[1] && strchr(types, type[0])))
        return 0;
    return reader_fail(r, "Incorrect operand type for operator or function; operator or function: %s, operand type: %s",
                       function, type);
}

static int check_distinct(struct reader *r, const struct operand *a, const char *mark, const struct operand *b)
{
    if (!a->path.count || a->path.count != b->path.count || !path_overlaps(&a->path, &b->path))
        return 0;
    return reader_fail(r,
                       "The first operand must be distinct from the remaining operands for this operator or function; "
                       "operator: %s, first operand: [%.60s]",
                       mark, a->path.steps[0].name);
}

/* The bounds of BETWEEN, where both are given. */
static int check_bounds(struct reader *r, const struct operand *low, const struct operand *high)
{
    int order = 0;
    if (!low->given || !high->given)
        return 0;
    if (dynamo_type(low->value) != dynamo_type(high->value))
        return reader_fail(r, "The BETWEEN operator requires same data type for lower and upper bounds");
    if (dynamo_order(low->value, high->value, &order) && order > 0)
        return reader_fail(r, "The BETWEEN operator requires upper bound to be greater than or equal to lower bound");
    return 0;
}

static bool compare(const struct operand *a, const char *mark, const struct operand *b)
{
    bool equal = a->value && b->value && dynamo_equal(a->value, b->value);
    if (strcmp(mark, "=") == 0)
        return equal;
    if (strcmp(mark, "<>") == 0)
        return !equal;
    int order;
    if (!a->value || !b->value || !dynamo_order(a->value, b->value, &order))
        return false;
    return mark[0] == '<' ? order < 0 || (mark[1] && order == 0) : order > 0 || (mark[1] && order == 0);
}

static int read_between(struct reader *r, const struct operand *a, bool *holds)
{
    struct operand low, high = {0};
    reader_next(r);
    int code = read_operand(r, &low);
    if (!code && !reader_word(r, "AND"))
        code = reader_unexpected(r);
    if (!code) {
        reader_next(r);
        code = read_operand(r, &high);
    }
    if (!code)
        code = check_bounds(r, &low, &high);
    *holds = !code && compare(a, ">=", &low) && compare(a, "<=", &high);
    operand_release(&low);
    operand_release(&high);
    return code;
}

static int read_in(struct reader *r, const struct operand *a, bool *holds)
{
    *holds = false;
    reader_next(r);
    if (reader_expect(r, "("))
        return -1;
    for (;;) {
        struct operand b;
        int code = read_operand(r, &b);
        *holds |= !code && compare(a, "=", &b);
        operand_release(&b);
        if (code)
            return -1;
        if (!reader_mark(r, ","))
            return reader_expect(r, ")");
        reader_next(r);
    }
}

static int read_comparison(struct reader *r, bool *holds)
{
    struct operand a, b = {0};
    if (read_operand(r, &a))
        return -1;
    int code = 0;
    if (reader_word(r, "BETWEEN")) {
        code = read_between(r, &a, holds);
    } else if (reader_word(r, "IN")) {
        code = read_in(r, &a, holds);
    } else if (r->token == TOKEN_MARK && strchr("=<>", r->text[0])) {
        char mark[3];
        str_fit(mark, sizeof mark, "%.2s", r->text);
        reader_next(r);
        code = read_operand(r, &b);
        if (!code)
            code = check_distinct(r, &a, mark, &b);
        *holds = !code && compare(&a, mark, &b);
    } else {
        code = reader_unexpected(r);
    }
    operand_release(&a);
    operand_release(&b);
    return code;
}

/* ---- functions ---- */

enum function { EXISTS, EXISTS_NOT, HAS_TYPE, BEGINS_WITH, CONTAINS, FUNCTIONS };

static const char *const functions[FUNCTIONS] = {"attribute_exists", "attribute_not_exists", "attribute_type",
                                                 "begins_with", "contains"};

static bool holds_text(const cJSON *value)
{
    const char *type = dynamo_type(value);
    return type && !type[1] && (type[0] == 'S' || type[0] == 'B');
}

static bool contains(const cJSON *value, const cJSON *part)
{
    const char *type = dynamo_type(value);
    const char *part_type = dynamo_type(part);
    if (!type || !part_type)
        return false;
    if (holds_text(value))
        return type == part_type && strstr(value->child->valuestring, part->child->valuestring);
    if (type[0] == 'L' && !type[1]) {
        for (const cJSON *item = value->child->child; item; item = item->next)
            if (dynamo_equal(item, part))
                return true;
        return false;
    }
    if (type[1] != 'S' || part_type[1] || type[0] != part_type[0])
        return false;
    for (const cJSON *item = value->child->child; item; item = item->next)
        if (strcmp(item->valuestring, part->child->valuestring) == 0)
            return true;
    return false;
}

static bool apply(enum function function, const cJSON *value, const cJSON *argument)
{
    switch (function) {
    case EXISTS:
        return value != NULL;
    case EXISTS_NOT:
        return value == NULL;
    case HAS_TYPE:
        return value && holds_text(argument) && strcmp(dynamo_type(value), argument->child->valuestring) == 0;
    case BEGINS_WITH:
        return value && argument && holds_text(value) && dynamo_type(value) == dynamo_type(argument) &&
               strncmp(value->child->valuestring, argument->child->valuestring, strlen(argument->child->valuestring)) ==
                   0;
    default:
        return value && argument && contains(value, argument);
    }
}

static int read_function(struct reader *r, enum function function, bool *holds)
{
    struct path path;
    struct operand argument = {0};
    reader_next(r);
    if (reader_expect(r, "(") || read_path(r, &path))
        return -1;
    int code = 0;
    if (function >= HAS_TYPE) {
        code = reader_expect(r, ",");
        if (!code)
            code = read_operand(r, &argument);
        if (!code && function != CONTAINS)
            code = check_type(r, &argument, functions[function], function == HAS_TYPE ? "S" : "SB");
    }
    *holds = !code && apply(function, r->item ? path_find(&path, r->item) : NULL, argument.value);
    operand_release(&argument);
    return code ? code : reader_expect(r, ")");
}

/* ---- logic ---- */

static int read_or(struct reader *r, bool *holds);

static int read_primary(struct reader *r, bool *holds)
{
    if (reader_mark(r, "(")) {
        reader_next(r);
        int code = read_or(r, holds);
        if (!code && r->grouped)
            code = reader_fail(r, "The expression has redundant parentheses;");
        r->grouped = true;
        return code ? code : reader_expect(r, ")");
    }
    r->grouped = false;
    bool call = r->token == TOKEN_WORD && r->at[strspn(r->at, " \t\r\n")] == '(';
    for (int i = 0; i < FUNCTIONS && call; i++)
        if (strcmp(r->text, functions[i]) == 0)
            return read_function(r, (enum function)i, holds);
    if (call && strcmp(r->text, "size") != 0)
        return reader_fail(r, "Invalid function name; function: %.60s", r->text);
    return read_comparison(r, holds);
}

static int read_not(struct reader *r, bool *holds)
{
    bool negated = false, any = reader_word(r, "NOT");
    for (; reader_word(r, "NOT"); negated = !negated)
        reader_next(r);
    if (++r->depth > NESTING_MAX)
        return reader_fail(r, "The expression has too many nesting levels");
    int code = read_primary(r, holds);
    r->depth--;
    *holds = *holds != negated;
    r->grouped = r->grouped && !any;
    return code;
}

static int read_and(struct reader *r, bool *holds)
{
    int code = read_not(r, holds);
    while (!code && reader_word(r, "AND")) {
        bool other = false;
        reader_next(r);
        code = read_not(r, &other);
        r->grouped = false;
        *holds = *holds && other;
    }
    return code;
}

static int read_or(struct reader *r, bool *holds)
{
    int code = read_and(r, holds);
    while (!code && reader_word(r, "OR")) {
        bool other = false;
        reader_next(r);
        code = read_and(r, &other);
        r->grouped = false;
        *holds = *holds || other;
    }
    return code;
}

int dynamo_condition(struct dynamo_scope *scope, const char *what, const char *text, const cJSON *item, bool *holds)
{
    struct reader r;
    bool result = false;
    reader_begin(&r, scope, what, text, item);
    if (r.failed || read_or(&r, &result))
        return -1;
    if (r.token != TOKEN_END)
        return reader_unexpected(&r);
    *holds = result;
    return 0;
}

/* ---- projections ---- */

/* The value at the path, put where it stood: maps on the way are made anew, lists are closed up. */
static void project_one(cJSON *out, const struct path *path, const cJSON *item)
{
    const cJSON *value = path_find(path, item);
    if (!value)
        return;
    cJSON *holder = out;
    for (size_t i = 0; i + 1 < path->count; i++) {
        const struct path_step *step = &path->steps[i];
        const char *kind = *path->steps[i + 1].name ? "M" : "L";
        cJSON *inner = *step->name ? cJSON_GetObjectItemCaseSensitive(holder, step->name) : NULL;
        if (!inner) {
            inner = cJSON_CreateObject();
            cJSON_AddItemToObject(inner, kind, kind[0] == 'M' ? cJSON_CreateObject() : cJSON_CreateArray());
            if (*step->name)
                cJSON_AddItemToObject(holder, step->name, inner);
            else
                cJSON_AddItemToArray(holder, inner);
        }
        holder = inner->child;
    }
    const struct path_step *last = &path->steps[path->count - 1];
    if (*last->name && cJSON_IsObject(holder)) {
        cJSON_DeleteItemFromObjectCaseSensitive(holder, last->name);
        cJSON_AddItemToObject(holder, last->name, cJSON_Duplicate(value, true));
    } else if (!*last->name && cJSON_IsArray(holder)) {
        cJSON_AddItemToArray(holder, cJSON_Duplicate(value, true));
    }
}

int dynamo_project(struct dynamo_scope *scope, const char *text, const cJSON *item, cJSON **out)
{
    struct reader r;
    cJSON *projected = cJSON_CreateObject();
    reader_begin(&r, scope, "ProjectionExpression", text, item);
    int code = r.failed ? -1 : 0;
    while (!code) {
        struct path path;
        code = read_path(&r, &path);
        if (!code && item)
            project_one(projected, &path, item);
        if (code || !reader_mark(&r, ","))
            break;
        reader_next(&r);
    }
    if (!code && r.token != TOKEN_END)
        code = reader_unexpected(&r);
    if (code)
        cJSON_Delete(projected);
    else
        *out = projected;
    return code;
}
