/* iam.c - policies from JSON, and the decision. */
#include "sim/iam.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/str.h"
#include "sim/iam_private.h"

#define STATEMENTS_MAX 1000
#define VALUES_MAX     1000

enum { PRINCIPAL_AWS, PRINCIPAL_FEDERATED, PRINCIPAL_SERVICE, PRINCIPALS };

static const char *const principal_kinds[PRINCIPALS] = {"AWS", "Federated", "Service"};

struct statement {
    struct iam_texts principals[PRINCIPALS]; /* of trust policies */
    const char *sid;
    bool deny, not_actions, not_resources;
    struct iam_texts actions, resources;
    struct iam_condition *conditions;
    size_t condition_count;
};

struct iam_policy {
    struct arena arena;
    struct statement *statements;
    size_t count;
    bool variables; /* of the language's version of 2012 */
    bool trust;
    const char **keys;
    size_t key_count, key_cap;
};

/* Where the reader is, for messages. */
struct reader {
    struct iam_policy *policy;
    const char *name, *sid;
    size_t statement; /* from 1 */
    struct err *err;
};

static int wrong(const struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int wrong(const struct reader *r, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 0);
    str_addf(&text, "%.200s: ", r->name);
    if (r->statement)
        str_addf(&text, "statement %zu%s%.60s%s: ", r->statement, *r->sid ? " (" : "", r->sid, *r->sid ? ")" : "");
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    int code = err_set(r->err, EXIT_INPUT, "%s", text.text);
    str_release(&text);
    return code;
}

/* ---- texts ---- */

static void keep_key(struct iam_policy *p, const char *name)
{
    p->keys = mem_grow(p->keys, &p->key_cap, p->key_count + 1, sizeof(*p->keys));
    p->keys[p->key_count++] = name;
}

/* "${name}", "${name, 'default'}", "${*}": at stands behind "${". The bytes that it takes, or 0 with err set. */
static size_t take_variable(struct reader *r, const char *at, struct str *out, bool *varies)
{
    size_t len = strcspn(at, "}");
    size_t name_len = 0;
    if (at[len] != '}' || len == 0) {
        wrong(r, "\"${\" without a name and \"}\" behind it");
        return 0;
    }
    if (len == 1 && strchr("*?$", *at)) {
        str_add_char(out, *at);
        return 2;
    }
    while (name_len < len && at[name_len] != ',' && at[name_len] != ' ')
        name_len++;
    const char *rest = at + name_len + strspn(at + name_len, ", ");
    size_t rest_len = (size_t)(at + len - rest);
    bool has_default = rest_len >= 2 && *rest == '\'' && rest[rest_len - 1] == '\'';
    if (name_len == 0 || (rest_len > 0 && !has_default)) {
        wrong(r, "\"${%.*s}\": a name is wanted, or a name and 'a default'", (int)(len < 100 ? len : 100), at);
        return 0;
    }
    str_add_char(out, IAM_VARIABLE);
    str_add_n(out, at, name_len);
    if (has_default) {
        str_add_char(out, ',');
        str_add_n(out, rest + 1, rest_len - 2);
    }
    str_add_char(out, IAM_END);
    keep_key(r->policy, arena_dup_n(&r->policy->arena, at, name_len));
    *varies = true;
    return len + 1;
}

static int take_text(struct reader *r, const char *text, bool wildcards, bool variables, struct iam_text *out)
{
    struct str pattern;
    int code = 0;
    out->varies = false;
    str_init(&pattern, 0);
    for (const char *at = text; *at && !code;) {
        bool opens = variables && r->policy->variables && at[0] == '$' && at[1] == '{';
        if ((unsigned char)*at < ' ') {
            code = wrong(r, "\"%.60s\" holds a control character", text);
        } else if (opens) {
            size_t taken = take_variable(r, at + 2, &pattern, &out->varies);
            at += 2 + taken;
            code = taken ? 0 : EXIT_INPUT;
        } else {
            str_add_char(&pattern, wildcards && *at == '*' ? IAM_ANY : wildcards && *at == '?' ? IAM_ONE : *at);
            at++;
        }
    }
    out->pattern = arena_dup_n(&r->policy->arena, pattern.text ? pattern.text : "", pattern.len);
    str_release(&pattern);
    return code;
}

/* ---- lists: one item needs no brackets ---- */

typedef int take_item(struct reader *r, const cJSON *item, const void *context, struct iam_text *out);

static int take_list(struct reader *r, const char *what, const cJSON *node, take_item *take, const void *context,
                     struct iam_texts *out)
{
    bool many = cJSON_IsArray(node);
    int count = many ? cJSON_GetArraySize(node) : 1;
    if (count == 0 || count > VALUES_MAX)
        return wrong(r, "%s: 1 to %d values are wanted, not %d", what, VALUES_MAX, count);
    out->items = arena_alloc(&r->policy->arena, (size_t)count * sizeof(*out->items));
    for (const cJSON *item = many ? node->child : node; item; item = many ? item->next : NULL) {
        int code = take(r, item, context, &out->items[out->count++]);
        if (code)
            return code;
    }
    return 0;
}

/* "service:Name" with wildcards in the name, or "*". */
static int take_action(struct reader *r, const cJSON *item, const void *context, struct iam_text *out)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    const char *colon = strchr(text, ':');
    size_t service = colon ? (size_t)(colon - text) : 0;
    (void)context;
    bool good = strcmp(text, "*") == 0;
    if (colon) {
        good = service > 0 && colon[1] != '\0';
        for (size_t i = 0; i < service; i++)
            good = good && (isalnum((unsigned char)text[i]) || text[i] == '-');
        for (const char *at = colon + 1; *at; at++)
            good = good && (isalnum((unsigned char)*at) || *at == '*' || *at == '?');
    }
    if (!good)
        return wrong(r, "Action: \"%.80s\": service:Name is wanted, as ec2:RunInstances", text);
    return take_text(r, text, true, false, out);
}

static int take_resource(struct reader *r, const cJSON *item, const void *context, struct iam_text *out)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    (void)context;
    if (strcmp(text, "*") != 0 && strncmp(text, "arn:", 4) != 0)
        return wrong(r, "Resource: \"%.80s\": an ARN or * is wanted", text);
    return take_text(r, text, true, true, out);
}

/* ---- conditions ---- */

static int take_value(struct reader *r, const cJSON *item, const void *context, struct iam_text *out)
{
    const struct iam_operator *is = context;
    char number[40];
    const char *text = number;
    if (cJSON_IsString(item))
        text = item->valuestring;
    else if (cJSON_IsBool(item))
        text = cJSON_IsTrue(item) ? "true" : "false";
    else if (cJSON_IsNumber(item))
        str_fit(number, sizeof(number), "%.15g", item->valuedouble);
    else
        return wrong(r, "%s: a text, a number or true or false is wanted as value", is->name);
    bool variable = is->kind != IAM_NUMBER && is->kind != IAM_DATE && is->kind != IAM_ADDRESS && is->kind != IAM_NULL &&
                    is->kind != IAM_BINARY;
    int code = take_text(r, text, is->kind == IAM_LIKE || is->kind == IAM_ARN, variable, out);
    const char *wanted = code || out->varies ? NULL : iam_value_wanted(is, text);
    return wanted ? wrong(r, "%s: \"%.80s\": %s is wanted", is->name, text, wanted) : code;
}

/* "ForAllValues:StringEqualsIfExists" */
static int read_operator(struct reader *r, const char *text, struct iam_condition *out)
{
    static const char all[] = "ForAllValues:";
    static const char any[] = "ForAnyValue:";
    static const char exists[] = "IfExists";
    const char *name = text;
    if (strncmp(name, all, sizeof(all) - 1) == 0) {
        out->set = IAM_ALL_VALUES;
        name += sizeof(all) - 1;
    } else if (strncmp(name, any, sizeof(any) - 1) == 0) {
        out->set = IAM_ANY_VALUE;
        name += sizeof(any) - 1;
    }
    size_t len = strlen(name);
    size_t suffix = sizeof(exists) - 1;
    out->if_exists = len > suffix && strcmp(name + len - suffix, exists) == 0;
    out->is = iam_operator_find(name, out->if_exists ? len - suffix : len);
    if (!out->is)
        return wrong(r, "Condition: there is no operator \"%.80s\"", text);
    if (out->is->kind == IAM_NULL && (out->if_exists || out->set != IAM_ONE_VALUE))
        return wrong(r, "Condition: \"%.80s\": Null goes with neither IfExists nor ForAllValues nor ForAnyValue", text);
    return 0;
}

static int read_condition(struct reader *r, const cJSON *node, struct statement *s)
{
    size_t count = 0;
    if (!cJSON_IsObject(node))
        return wrong(r, "Condition: an object is wanted");
    for (const cJSON *block = node->child; block; block = block->next) {
        if (!cJSON_IsObject(block))
            return wrong(r, "Condition: %.80s: an object is wanted", block->string);
        count += (size_t)cJSON_GetArraySize(block);
    }
    s->conditions = arena_alloc(&r->policy->arena, (count + 1) * sizeof(*s->conditions));
    for (const cJSON *block = node->child; block; block = block->next) {
        struct iam_condition form = {.is = NULL};
        int code = read_operator(r, block->string, &form);
        for (const cJSON *item = block->child; item && !code; item = item->next) {
            struct iam_condition *c = &s->conditions[s->condition_count++];
            *c = form;
            c->key = arena_dup(&r->policy->arena, item->string);
            keep_key(r->policy, c->key);
            if (!strchr(c->key, ':'))
                code = wrong(r, "Condition: \"%.80s\" is no condition key: service:name is wanted", c->key);
            else
                code = take_list(r, block->string, item, take_value, form.is, &c->values);
        }
        if (code)
            return code;
    }
    return 0;
}

/* ---- statements ---- */

/* Every member is known and comes once. */
static int check_members(const struct reader *r, const cJSON *object, const char *const *known)
{
    for (const cJSON *item = object->child; item; item = item->next) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], item->string) != 0)
            i++;
        if (!known[i] && (strcmp(item->string, "Principal") == 0 || strcmp(item->string, "NotPrincipal") == 0))
            return wrong(r, "\"%s\" belongs in a trust policy or a resource's, not in a policy of permissions",
                         item->string);
        if (!known[i])
            return wrong(r, "there is no element \"%.60s\"", item->string);
        for (const cJSON *other = item->next; other; other = other->next)
            if (strcmp(other->string, item->string) == 0)
                return wrong(r, "\"%s\" comes twice", item->string);
    }
    return 0;
}

/* Either NAME or NotNAME. */
static int read_either(struct reader *r, const cJSON *node, const char *name, const char *not_name, take_item *take,
                       struct iam_texts *out, bool *negated)
{
    const cJSON *plain = cJSON_GetObjectItemCaseSensitive(node, name);
    const cJSON *not_those = cJSON_GetObjectItemCaseSensitive(node, not_name);
    if (!plain == !not_those)
        return wrong(r, "either \"%s\" or \"%s\" is wanted", name, not_name);
    *negated = not_those != NULL;
    return take_list(r, plain ? name : not_name, plain ? plain : not_those, take, NULL, out);
}

static int read_sid(struct reader *r, const cJSON *node, struct statement *s)
{
    const cJSON *sid = cJSON_GetObjectItemCaseSensitive(node, "Sid");
    s->sid = "";
    if (!sid)
        return 0;
    if (!cJSON_IsString(sid))
        return wrong(r, "Sid: a text is wanted");
    r->sid = s->sid = arena_dup(&r->policy->arena, sid->valuestring);
    for (const char *at = s->sid; *at; at++)
        if (!isalnum((unsigned char)*at))
            return wrong(r, "Sid: letters and digits are wanted");
    for (size_t i = 0; i + 1 < r->statement; i++)
        if (*s->sid && strcmp(r->policy->statements[i].sid, s->sid) == 0)
            return wrong(r, "the Sid is that of statement %zu, too", i + 1);
    return 0;
}

static int take_principal(struct reader *r, const cJSON *item, const void *context, struct iam_text *out)
{
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    (void)context;
    if (!*text || strpbrk(text, "*?"))
        return wrong(r, "Principal: \"%.80s\": one principal by its whole name is wanted", text);
    return take_text(r, text, false, false, out);
}

/* {"Federated": "arn:..."}; everybody ("*") is nobody's role. */
static int read_principals(struct reader *r, const cJSON *node, struct statement *s)
{
    if (!node || !cJSON_IsObject(node) || !node->child)
        return wrong(r, "Principal: an object with AWS, Federated or Service is wanted");
    for (const cJSON *item = node->child; item; item = item->next) {
        int kind = 0;
        while (kind < PRINCIPALS && strcmp(principal_kinds[kind], item->string) != 0)
            kind++;
        if (kind == PRINCIPALS || s->principals[kind].count)
            return wrong(r, "Principal: \"%.40s\": AWS, Federated or Service is wanted, each once", item->string);
        int code = take_list(r, "Principal", item, take_principal, NULL, &s->principals[kind]);
        if (code)
            return code;
    }
    return 0;
}

static int read_statement(struct reader *r, const cJSON *node, struct statement *s)
{
    static const char *const known[] = {"Sid",      "Effect",      "Action",    "NotAction",
                                        "Resource", "NotResource", "Condition", NULL};
    static const char *const of_trust[] = {"Sid", "Effect", "Principal", "Action", "NotAction", "Condition", NULL};
    r->sid = "";
    if (!cJSON_IsObject(node))
        return wrong(r, "an object is wanted");
    int code = read_sid(r, node, s);
    if (!code)
        code = check_members(r, node, r->policy->trust ? of_trust : known);
    if (code)
        return code;
    const cJSON *effect = cJSON_GetObjectItemCaseSensitive(node, "Effect");
    const cJSON *condition = cJSON_GetObjectItemCaseSensitive(node, "Condition");
    const char *says = cJSON_IsString(effect) ? effect->valuestring : "";
    s->deny = strcmp(says, "Deny") == 0;
    if (!s->deny && strcmp(says, "Allow") != 0)
        return wrong(r, "Effect: \"%.40s\": Allow or Deny is wanted", says);
    code = read_either(r, node, "Action", "NotAction", take_action, &s->actions, &s->not_actions);
    if (!code && r->policy->trust)
        code = read_principals(r, cJSON_GetObjectItemCaseSensitive(node, "Principal"), s);
    else if (!code)
        code = read_either(r, node, "Resource", "NotResource", take_resource, &s->resources, &s->not_resources);
    return !code && condition ? read_condition(r, condition, s) : code;
}

static int read_version(struct reader *r, const cJSON *document)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(document, "Version");
    const char *says = cJSON_IsString(version) ? version->valuestring : "";
    r->policy->variables = strcmp(says, "2012-10-17") == 0;
    if (version && !r->policy->variables && strcmp(says, "2008-10-17") != 0)
        return wrong(r, "Version: \"%.40s\": 2012-10-17 is wanted (or 2008-10-17, which knows no variables)", says);
    return 0;
}

static int read_document(struct reader *r, const cJSON *document)
{
    static const char *const known[] = {"Version", "Statement", NULL};
    if (!cJSON_IsObject(document))
        return wrong(r, "an object with \"Statement\" is wanted");
    int code = check_members(r, document, known);
    if (!code)
        code = read_version(r, document);
    if (code)
        return code;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(document, "Statement");
    bool many = cJSON_IsArray(list);
    int count = many ? cJSON_GetArraySize(list) : 1;
    if (!list || count == 0 || count > STATEMENTS_MAX)
        return wrong(r, "Statement: 1 to %d of them are wanted", STATEMENTS_MAX);
    r->policy->statements = arena_alloc(&r->policy->arena, (size_t)count * sizeof(*r->policy->statements));
    for (const cJSON *item = many ? list->child : list; item && !code; item = many ? item->next : NULL) {
        r->statement = ++r->policy->count;
        code = read_statement(r, item, &r->policy->statements[r->statement - 1]);
    }
    return code;
}

static int read_policy(struct iam_policy **out, const char *name, const cJSON *document, bool trust, struct err *err)
{
    struct iam_policy *policy = mem_zero(1, sizeof(*policy));
    policy->trust = trust;
    struct reader r = {.policy = policy, .name = name, .sid = "", .err = err};
    arena_init(&policy->arena);
    int code = read_document(&r, document);
    if (code)
        iam_policy_free(policy);
    else
        *out = policy;
    return code;
}

int iam_policy_read(struct iam_policy **out, const char *name, const cJSON *document, struct err *err)
{
    return read_policy(out, name, document, false, err);
}

int iam_trust_read(struct iam_policy **out, const char *name, const cJSON *document, struct err *err)
{
    return read_policy(out, name, document, true, err);
}

int iam_policy_parse(struct iam_policy **out, const char *name, const char *text, size_t len, struct err *err)
{
    cJSON *document = len <= IAM_POLICY_BYTES ? json_parse(name, text, len, err) : NULL;
    if (!document)
        return len <= IAM_POLICY_BYTES
                   ? EXIT_INPUT
                   : err_at(err, EXIT_INPUT, name, 0, 0, "a policy of more than %zu bytes", IAM_POLICY_BYTES);
    int code = iam_policy_read(out, name, document, err);
    cJSON_Delete(document);
    return code;
}

void iam_policy_free(struct iam_policy *policy)
{
    if (!policy)
        return;
    free(policy->keys);
    arena_release(&policy->arena);
    free(policy);
}

const char *iam_policy_key(const struct iam_policy *policy, size_t n)
{
    return n < policy->key_count ? policy->keys[n] : NULL;
}

/* ---- the decision ---- */

static bool names_action(const struct statement *s, const char *action)
{
    bool named = false;
    for (size_t i = 0; i < s->actions.count && !named; i++)
        named = iam_like(s->actions.items[i].pattern, action, true);
    return named != s->not_actions;
}

static bool names_resource(const struct statement *s, const struct iam_request *request, struct arena *scratch)
{
    bool named = false;
    for (size_t i = 0; i < s->resources.count && !named; i++) {
        const char *pattern = iam_fill(&s->resources.items[i], request, scratch);
        named = pattern && iam_arn_like(pattern, request->resource);
    }
    return named != s->not_resources;
}

static bool conditions_hold(const struct statement *s, const struct iam_request *request, struct arena *scratch)
{
    for (size_t i = 0; i < s->condition_count; i++)
        if (!iam_holds(&s->conditions[i], request, scratch))
            return false;
    return true;
}

static bool applies(const struct statement *s, const struct iam_request *request, struct arena *scratch)
{
    return names_action(s, request->action) && names_resource(s, request, scratch) &&
           conditions_hold(s, request, scratch);
}

/* "123456789012", "arn:aws:iam::123456789012:root": of the account that the ARN is of. */
static bool is_of_account(const char *text, const char *arn)
{
    const char *at = arn;
    for (int i = 0; i < 4 && at; i++) {
        at = strchr(at, ':');
        at = at ? at + 1 : NULL;
    }
    size_t len = at ? strcspn(at, ":") : 0;
    const char *number = strncmp(text, "arn:aws:iam::", 13) == 0 ? text + 13 : text;
    if (len != 12 || strncmp(number, at, len) != 0)
        return false;
    return number == text ? text[12] == '\0' : strcmp(number + 12, ":root") == 0;
}

static bool names_principal(const struct statement *s, const char *kind, const char *principal)
{
    for (int k = 0; k < PRINCIPALS; k++)
        for (size_t i = 0; i < s->principals[k].count && strcmp(principal_kinds[k], kind) == 0; i++) {
            const char *text = s->principals[k].items[i].pattern;
            if (strcmp(text, principal) == 0 || (k == PRINCIPAL_AWS && is_of_account(text, principal)))
                return true;
        }
    return false;
}

enum iam_verdict iam_decide_trust(const struct iam_policy *trust, const char *kind, const char *principal,
                                  const struct iam_request *request)
{
    struct arena scratch;
    enum iam_verdict verdict = IAM_SILENT;
    arena_init(&scratch);
    assert(trust->trust);
    for (size_t i = 0; i < trust->count && verdict != IAM_DENIED; i++) {
        const struct statement *s = &trust->statements[i];
        if (names_action(s, request->action) && names_principal(s, kind, principal) &&
            conditions_hold(s, request, &scratch))
            verdict = s->deny ? IAM_DENIED : IAM_ALLOWED;
    }
    arena_release(&scratch);
    return verdict;
}

enum iam_verdict iam_decide(const struct iam_policy *const *policies, size_t count, const struct iam_request *request)
{
    struct arena scratch;
    enum iam_verdict verdict = IAM_SILENT;
    arena_init(&scratch);
    for (size_t p = 0; p < count && verdict != IAM_DENIED; p++) {
        for (size_t i = 0; i < policies[p]->count && verdict != IAM_DENIED; i++) {
            const struct statement *s = &policies[p]->statements[i];
            if ((s->deny || verdict == IAM_SILENT) && applies(s, request, &scratch))
                verdict = s->deny ? IAM_DENIED : IAM_ALLOWED;
        }
    }
    arena_release(&scratch);
    return verdict;
}
