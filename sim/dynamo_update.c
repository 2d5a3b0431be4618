/* DynamoDB's update expressions. All right-hand sides see the item as it was. */
#include "sim/dynamo_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

#define CHANGES_MAX 300

enum clause { CLAUSE_SET, CLAUSE_REMOVE, CLAUSE_ADD, CLAUSE_DELETE, CLAUSES };

static const char *const clauses[CLAUSES] = {"SET", "REMOVE", "ADD", "DELETE"};

struct change {
    struct path path;
    cJSON *value; /* NULL: to be removed */
};

struct update {
    struct reader reader;
    struct change *changes;
    size_t count, cap;
    const char *const *keys;
};

static int fail_type(struct update *u, const char *what)
{
    return reader_fail(&u->reader, "An operand in the update expression has an incorrect data type: %s", what);
}

static cJSON *number_value(struct decimal d)
{
    struct str text;
    str_init(&text, 0);
    decimal_text(d, &text);
    cJSON *value = cJSON_CreateObject();
    json_text(value, "N", text.text);
    str_release(&text);
    return value;
}

static bool number_of(const cJSON *value, struct decimal *out)
{
    const char *type = dynamo_type(value);
    return type && strcmp(type, "N") == 0 && decimal_parse(value->child->valuestring, out) == 0;
}

/* ---- terms; what they return is owned ---- */

static int read_term(struct update *u, cJSON **out);

static int read_if_not_exists(struct update *u, cJSON **out)
{
    struct reader *r = &u->reader;
    struct path path;
    cJSON *otherwise = NULL;
    reader_next(r);
    if (reader_expect(r, "(") || read_path(r, &path) || reader_expect(r, ",") || read_term(u, &otherwise))
        return -1;
    if (reader_expect(r, ")")) {
        cJSON_Delete(otherwise);
        return -1;
    }
    const cJSON *there = r->item ? path_find(&path, r->item) : NULL;
    if (there) {
        cJSON_Delete(otherwise);
        otherwise = cJSON_Duplicate(there, true);
    }
    *out = otherwise;
    return 0;
}

static bool is_list(const cJSON *value)
{
    const char *type = dynamo_type(value);
    return type && strcmp(type, "L") == 0;
}

static int read_list_append(struct update *u, cJSON **out)
{
    struct reader *r = &u->reader;
    cJSON *first = NULL, *second = NULL;
    reader_next(r);
    int code = reader_expect(r, "(");
    if (!code)
        code = read_term(u, &first);
    if (!code)
        code = reader_expect(r, ",");
    if (!code)
        code = read_term(u, &second);
    if (!code)
        code = reader_expect(r, ")");
    if (!code && !(first && second && is_list(first) && is_list(second)))
        code = fail_type(u, "list_append wants two lists");
    if (code) {
        cJSON_Delete(first);
        cJSON_Delete(second);
        return -1;
    }
    cJSON *to = first ? first->child : NULL, *from = second ? second->child : NULL;
    while (from && from->child)
        cJSON_AddItemToArray(to, cJSON_DetachItemViaPointer(from, from->child));
    cJSON_Delete(second);
    *out = first;
    return 0;
}

static int read_term(struct update *u, cJSON **out)
{
    struct reader *r = &u->reader;
    if (++r->depth > DYNAMO_DEPTH_MAX)
        return reader_fail(r, "The expression has too many nesting levels");
    bool call = r->token == TOKEN_WORD && r->at[strspn(r->at, " \t\r\n")] == '(';
    int code = 0;
    if (call && strcmp(r->text, "if_not_exists") == 0) {
        code = read_if_not_exists(u, out);
    } else if (call && strcmp(r->text, "list_append") == 0) {
        code = read_list_append(u, out);
    } else if (call) {
        code = reader_fail(r, "Invalid function name; function: %.60s", r->text);
    } else if (r->token == TOKEN_VALUE) {
        const cJSON *value = read_value(r);
        *out = value ? cJSON_Duplicate(value, true) : NULL;
        code = value ? 0 : -1;
    } else {
        struct path path;
        code = read_path(r, &path);
        const cJSON *value = !code && r->item ? path_find(&path, r->item) : NULL;
        if (!code && !value)
            code = reader_fail(r, "The provided expression refers to an attribute that does not exist in the item");
        *out = value ? cJSON_Duplicate(value, true) : NULL;
    }
    r->depth--;
    return code;
}

static int read_sum(struct update *u, cJSON **out)
{
    struct reader *r = &u->reader;
    cJSON *a = NULL, *b = NULL;
    if (read_term(u, &a))
        return -1;
    if (!reader_mark(r, "+") && !reader_mark(r, "-")) {
        *out = a;
        return 0;
    }
    bool minus = reader_mark(r, "-");
    reader_next(r);
    int code = read_term(u, &b);
    struct decimal x = {0, 0}, y = {0, 0};
    if (!code && !(number_of(a, &x) && number_of(b, &y)))
        code = fail_type(u, "a sum wants numbers");
    if (!code) {
        y.mantissa = minus ? -y.mantissa : y.mantissa;
        code = decimal_add(x, y, &x) ? reader_fail(r, "Number overflow. Attempting to store a number with magnitude "
                                                      "larger than supported range")
                                     : 0;
    }
    cJSON_Delete(a);
    cJSON_Delete(b);
    if (!code)
        *out = number_value(x);
    return code;
}

/* ---- clauses ---- */

static int add_change(struct update *u, const struct path *path, cJSON *value)
{
    const char *wrong = NULL;
    for (size_t i = 0; u->keys[i] && !wrong; i++)
        if (strcmp(path->steps[0].name, u->keys[i]) == 0)
            wrong = "part of the key";
    for (size_t i = 0; i < u->count && !wrong; i++)
        if (path_overlaps(path, &u->changes[i].path))
            wrong = "overlaps";
    if (wrong || u->count == CHANGES_MAX) {
        cJSON_Delete(value);
        if (wrong && wrong[0] == 'p')
            return reader_fail(&u->reader,
                               "One or more parameter values were invalid: Cannot update attribute %.60s. This "
                               "attribute is part of the key",
                               path->steps[0].name);
        return reader_fail(&u->reader, wrong ? "Two document paths overlap with each other; must remove or rewrite one "
                                               "of these paths"
                                             : "The expression has too many operators");
    }
    u->changes = mem_grow(u->changes, &u->cap, u->count + 1, sizeof *u->changes);
    u->changes[u->count++] = (struct change){*path, value};
    return 0;
}

static int read_set(struct update *u, const struct path *path)
{
    cJSON *value = NULL;
    if (reader_expect(&u->reader, "=") || read_sum(u, &value))
        return -1;
    return add_change(u, path, value);
}

static bool has_text(const cJSON *list, const char *text)
{
    for (const cJSON *item = list->child; item; item = item->next)
        if (strcmp(item->valuestring, text) == 0)
            return true;
    return false;
}

static bool is_set(const cJSON *value)
{
    const char *type = dynamo_type(value);
    return type && type[1] == 'S';
}

static cJSON *united(const cJSON *old, const cJSON *more)
{
    cJSON *out = cJSON_Duplicate(old, true);
    for (const cJSON *item = more->child->child; item; item = item->next)
        if (!has_text(out->child, item->valuestring))
            cJSON_AddItemToArray(out->child, cJSON_Duplicate(item, true));
    return out;
}

/* NULL: nothing is left. */
static cJSON *without(const cJSON *old, const cJSON *gone)
{
    cJSON *out = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(out, old->child->string);
    for (const cJSON *item = old->child->child; item; item = item->next)
        if (!has_text(gone->child, item->valuestring))
            cJSON_AddItemToArray(list, cJSON_Duplicate(item, true));
    if (list->child)
        return out;
    cJSON_Delete(out);
    return NULL;
}

static int read_add(struct update *u, const struct path *path, const cJSON *old, const cJSON *value)
{
    struct decimal x = {0, 0}, y;
    if (number_of(value, &y) && (!old || number_of(old, &x))) {
        if (decimal_add(x, y, &x))
            return reader_fail(&u->reader, "Number overflow");
        return add_change(u, path, number_value(x));
    }
    if (!is_set(value) || (old && dynamo_type(old) != dynamo_type(value)))
        return fail_type(u, "ADD wants a number or a set of the attribute's own type");
    return add_change(u, path, old ? united(old, value) : cJSON_Duplicate(value, true));
}

static int read_delete(struct update *u, const struct path *path, const cJSON *old, const cJSON *value)
{
    if (!is_set(value) || (old && dynamo_type(old) != dynamo_type(value)))
        return fail_type(u, "DELETE wants a set of the attribute's own type");
    return add_change(u, path, old ? without(old, value) : NULL);
}

static int read_change(struct update *u, enum clause clause)
{
    struct reader *r = &u->reader;
    struct path path;
    if (read_path(r, &path))
        return -1;
    if (clause == CLAUSE_SET)
        return read_set(u, &path);
    if (clause == CLAUSE_REMOVE)
        return add_change(u, &path, NULL);
    const cJSON *value = r->token == TOKEN_VALUE ? read_value(r) : NULL;
    if (!value)
        return r->failed ? -1 : reader_unexpected(r);
    const cJSON *old = r->item ? path_find(&path, r->item) : NULL;
    return clause == CLAUSE_ADD ? read_add(u, &path, old, value) : read_delete(u, &path, old, value);
}

static int read_clauses(struct update *u)
{
    struct reader *r = &u->reader;
    bool seen[CLAUSES] = {false};
    while (r->token != TOKEN_END) {
        int clause = 0;
        while (clause < CLAUSES && !reader_word(r, clauses[clause]))
            clause++;
        if (clause == CLAUSES)
            return reader_unexpected(r);
        if (seen[clause])
            return reader_fail(r, "The \"%s\" section can only be used once in an update expression;", clauses[clause]);
        seen[clause] = true;
        do {
            reader_next(r);
            if (read_change(u, (enum clause)clause))
                return -1;
        } while (reader_mark(r, ","));
    }
    return 0;
}

/* Elements of lists go from the highest index down, so that those left keep their places. */
static int apply(struct update *u, cJSON *item)
{
    for (size_t i = 0; i < u->count; i++) {
        cJSON *value = u->changes[i].value;
        u->changes[i].value = NULL;
        if (value && path_set(&u->reader, &u->changes[i].path, item, value))
            return -1;
        if (value)
            u->changes[i].path.count = 0;
    }
    for (;;) {
        struct change *highest = NULL;
        for (size_t i = 0; i < u->count; i++) {
            struct change *c = &u->changes[i];
            if (c->path.count && (!highest || c->path.steps[c->path.count - 1].index >
                                                  highest->path.steps[highest->path.count - 1].index))
                highest = c;
        }
        if (!highest)
            return 0;
        if (path_remove(&u->reader, &highest->path, item))
            return -1;
        highest->path.count = 0;
    }
}

int dynamo_update(struct dynamo_scope *scope, const char *text, const cJSON *item, const char *const *keys, cJSON **out)
{
    struct update u = {.keys = keys};
    reader_begin(&u.reader, scope, "UpdateExpression", text, item);
    int code = u.reader.failed ? -1 : read_clauses(&u);
    if (!code) {
        cJSON *changed = item ? cJSON_Duplicate(item, true) : cJSON_CreateObject();
        code = apply(&u, changed);
        if (code)
            cJSON_Delete(changed);
        else
            *out = changed;
    }
    for (size_t i = 0; i < u.count; i++)
        cJSON_Delete(u.changes[i].value);
    free(u.changes);
    return code;
}
