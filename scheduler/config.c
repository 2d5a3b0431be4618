/* config.c - reads bakehour.json by the table of config_schema.c. */
#include "scheduler/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/opt.h"
#include "base/out.h"
#include "billing/calendar.h"
#include "scheduler/config_check.h"
#include "scheduler/config_schema.h"
#include "scheduler/ledger_place.h"

struct reader {
    struct config *config;
    struct diag *diag;
};

static void report(struct reader *r, const cJSON *node, bool of_key, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void report(struct reader *r, const cJSON *node, bool of_key, const char *fmt, ...)
{
    struct str text;
    size_t line = 0;
    size_t column = 0;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    config_position(r->config, node, of_key, &line, &column);
    diag_at(r->diag, r->config->file, line, column, "%s", text.text);
    str_release(&text);
}

static const char *keep_text(struct reader *r, const char *text)
{
    return arena_dup(&r->config->arena, text);
}

static void read_text(struct reader *r, const struct config_key *k, const cJSON *node, void *field)
{
    if (!cJSON_IsString(node)) {
        report(r, node, false, "\"%s\" must be a text", k->name);
        return;
    }
    if (k->required && !*node->valuestring) {
        report(r, node, false, "\"%s\" must not be empty", k->name);
        return;
    }
    if (k->choices) {
        size_t i = 0;
        while (k->choices[i] && strcmp(k->choices[i], node->valuestring) != 0)
            i++;
        const char *near = k->choices[i] ? NULL : opt_nearest(node->valuestring, k->choices);
        if (!k->choices[i]) {
            struct str all;
            str_init(&all, 0);
            for (i = 0; k->choices[i]; i++)
                str_addf(&all, "%s%s", i ? ", " : "", k->choices[i]);
            report(r, node, false, "\"%s\" cannot be \"%.60s\"%s%s%s; there are: %s", k->name, node->valuestring,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", all.text);
            str_release(&all);
            return;
        }
    }
    *(const char **)field = keep_text(r, node->valuestring);
}

static void read_texts(struct reader *r, const struct config_key *k, const cJSON *node, struct config_texts *out)
{
    const cJSON *item;
    size_t count = cJSON_IsString(node) ? 1 : (size_t)cJSON_GetArraySize(node);
    if (!cJSON_IsString(node) && !cJSON_IsArray(node)) {
        report(r, node, false, "\"%s\" must be a list of texts, or one text", k->name);
        return;
    }
    out->items = arena_alloc(&r->config->arena, (count + 1) * sizeof(*out->items));
    out->count = 0;
    if (cJSON_IsString(node)) {
        out->items[out->count++] = keep_text(r, node->valuestring);
        return;
    }
    cJSON_ArrayForEach(item, node)
    {
        if (cJSON_IsString(item))
            out->items[out->count++] = keep_text(r, item->valuestring);
        else
            report(r, item, false, "\"%s\" must hold texts only", k->name);
    }
    if (k->required && !out->count)
        report(r, node, false, "\"%s\" must not be empty", k->name);
}

static void read_pairs(struct reader *r, const struct config_key *k, const cJSON *node, struct config_pairs *out)
{
    const cJSON *item;
    if (!cJSON_IsObject(node)) {
        report(r, node, false, "\"%s\" must be an object of texts", k->name);
        return;
    }
    out->items = arena_alloc(&r->config->arena, ((size_t)cJSON_GetArraySize(node) + 1) * sizeof(*out->items));
    out->count = 0;
    cJSON_ArrayForEach(item, node)
    {
        if (!cJSON_IsString(item)) {
            report(r, item, false, "\"%s\" must be a text", item->string);
            continue;
        }
        out->items[out->count].name = keep_text(r, item->string);
        out->items[out->count++].value = keep_text(r, item->valuestring);
    }
}

static void read_count(struct reader *r, const struct config_key *k, const cJSON *node, int64_t *out)
{
    double value = cJSON_IsNumber(node) ? node->valuedouble : -1;
    if (!cJSON_IsNumber(node) || value < (double)k->least || value > (double)k->most ||
        value != (double)(int64_t)value) {
        report(r, node, false, "\"%s\" must be a whole number from %lld to %lld", k->name, (long long)k->least,
               (long long)k->most);
        return;
    }
    *out = (int64_t)value;
}

static void read_duration(struct reader *r, const struct config_key *k, const cJSON *node, int64_t *out, bool millis)
{
    struct err err;
    char least[INSTANT_TEXT_SIZE];
    char most[INSTANT_TEXT_SIZE];
    int64_t value = -1;
    int64_t scale = millis ? 1000 : 1;
    bool good = false;
    if (cJSON_IsNumber(node) && node->valuedouble >= 0 && node->valuedouble <= 1e9 &&
        node->valuedouble == (double)(int64_t)node->valuedouble) {
        value = (int64_t)node->valuedouble * scale;
        good = true;
    } else if (cJSON_IsString(node)) {
        const char *text = node->valuestring;
        size_t len = strlen(text);
        if (millis && len > 2 && strcmp(text + len - 2, "ms") == 0)
            good = num_i64(text, len - 2, &value) == 0;
        else if (duration_parse(text, &value, &err) == 0) {
            value *= scale;
            good = true;
        }
    }
    if (good && value >= k->least && value <= k->most) {
        *out = value;
        return;
    }
    if (millis)
        report(r, node, false, "\"%s\" must be a time such as \"250ms\" or \"5s\", up to %lld s", k->name,
               (long long)k->most / 1000);
    else
        report(r, node, false, "\"%s\" must be a duration such as \"90s\" or \"15m\", from %s to %s", k->name,
               duration_text(k->least, least), duration_text(k->most, most));
}

static void read_money(struct reader *r, const struct config_key *k, const cJSON *node, money_t *out)
{
    struct err err;
    char text[32];
    const char *given = cJSON_IsString(node) ? node->valuestring : text;
    if (cJSON_IsNumber(node))
        str_fit(text, sizeof(text), "%.10g", node->valuedouble);
    if ((!cJSON_IsString(node) && !cJSON_IsNumber(node)) || money_parse_price(given, out, &err))
        report(r, node, false, "\"%s\" must be an amount in USD such as \"0.013\"", k->name);
}

static void read_object(struct reader *r, const struct config_key *keys, const cJSON *node, void *out, bool defaults);

static void read_list(struct reader *r, const struct config_key *k, const cJSON *node, void *field)
{
    struct {
        void *items;
        size_t count;
    } list;
    const cJSON *item;
    if (!cJSON_IsArray(node)) {
        report(r, node, false, "\"%s\" must be a list of objects", k->name);
        return;
    }
    list.items = arena_alloc(&r->config->arena, ((size_t)cJSON_GetArraySize(node) + 1) * k->item_size);
    list.count = 0;
    cJSON_ArrayForEach(item, node)
    {
        if (cJSON_IsObject(item))
            read_object(r, k->keys, item, (char *)list.items + list.count++ * k->item_size, true);
        else
            report(r, item, false, "\"%s\" must hold objects", k->name);
    }
    if (k->required && !list.count)
        report(r, node, false, "\"%s\" must hold at least one", k->name);
    memcpy(field, &list, sizeof(list));
}

static void read_value(struct reader *r, const struct config_key *k, const cJSON *node, void *field)
{
    switch (k->type) {
    case CONFIG_TEXT:
    case CONFIG_CHOICE:
        read_text(r, k, node, field);
        break;
    case CONFIG_TEXTS:
        read_texts(r, k, node, field);
        break;
    case CONFIG_PAIRS:
        read_pairs(r, k, node, field);
        break;
    case CONFIG_BOOL:
        if (cJSON_IsBool(node))
            *(bool *)field = cJSON_IsTrue(node);
        else
            report(r, node, false, "\"%s\" must be true or false", k->name);
        break;
    case CONFIG_COUNT:
        read_count(r, k, node, field);
        break;
    case CONFIG_DURATION:
    case CONFIG_MILLIS:
        read_duration(r, k, node, field, k->type == CONFIG_MILLIS);
        break;
    case CONFIG_MONEY:
        read_money(r, k, node, field);
        break;
    case CONFIG_OBJECT:
        if (cJSON_IsObject(node))
            read_object(r, k->keys, node, field, !k->inherit);
        else
            report(r, node, false, "\"%s\" must be an object", k->name);
        break;
    case CONFIG_LIST:
        read_list(r, k, node, field);
        break;
    case CONFIG_RAW:
        *(const cJSON **)field = node;
        break;
    case CONFIG_END:
        break;
    }
}

/* What a key that is not there leaves behind. */
static void set_default(struct reader *r, const struct config_key *k, void *field)
{
    if (k->type == CONFIG_TEXT || k->type == CONFIG_CHOICE)
        *(const char **)field = "";
    if (k->type == CONFIG_OBJECT && !k->inherit)
        read_object(r, k->keys, NULL, field, true);
    if (!k->standard)
        return;
    cJSON *standard = cJSON_Parse(k->standard);
    if (!standard)
        mem_die(0);
    read_value(r, k, standard, field);
    cJSON_Delete(standard);
}

static const struct config_key *find_key(const struct config_key *keys, const char *name)
{
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

static void check_names(struct reader *r, const struct config_key *keys, const cJSON *node)
{
    const char *names[64];
    size_t count = 0;
    const cJSON *item;
    for (const struct config_key *k = keys; k->name; k++)
        names[count++] = k->name;
    names[count] = NULL;
    cJSON_ArrayForEach(item, node)
    {
        const char *near = find_key(keys, item->string) ? NULL : opt_nearest(item->string, names);
        if (!find_key(keys, item->string))
            report(r, item, true, "unknown key \"%.60s\"%s%s%s", item->string, near ? "; did you mean \"" : "",
                   near ? near : "", near ? "\"?" : "");
        for (const cJSON *before = node->child; before != item; before = before->next)
            if (strcmp(before->string, item->string) == 0) {
                report(r, item, true, "\"%.60s\" stands here a second time", item->string);
                break;
            }
    }
}

/* node NULL: everything at its default. */
static void read_object(struct reader *r, const struct config_key *keys, const cJSON *node, void *out, bool defaults)
{
    if (node)
        check_names(r, keys, node);
    for (const struct config_key *k = keys; k->name; k++) {
        void *field = (char *)out + k->offset;
        const cJSON *given = cJSON_GetObjectItemCaseSensitive(node, k->name);
        if (k->inherit)
            memcpy(field, (const char *)r->config + k->inherit - 1,
                   strcmp(k->name, "policy") == 0    ? sizeof(struct config_policy)
                   : strcmp(k->name, "rollout") == 0 ? sizeof(struct config_rollout)
                                                     : sizeof(struct config_storm));
        else if (defaults)
            set_default(r, k, field);
        if (given)
            read_value(r, k, given, field);
        else if (k->required && node)
            report(r, node, false, "\"%s\" is missing: %s", k->name, k->doc);
    }
}

/* Comments become blanks, so that positions stay; inside texts nothing is touched. */
static int blank_comments(char *text, const char *name, struct err *err)
{
    size_t line = 1;
    bool quoted = false;
    for (char *at = text; *at; at++) {
        if (*at == '\n')
            line++;
        if (quoted) {
            if (*at == '\\' && at[1])
                at++;
            else if (*at == '"' || *at == '\n')
                quoted = false;
        } else if (*at == '"') {
            quoted = true;
        } else if (at[0] == '/' && at[1] == '/') {
            while (*at && *at != '\n')
                *at++ = ' ';
            at--;
        } else if (at[0] == '/' && at[1] == '*') {
            const char *end = strstr(at + 2, "*/");
            if (!end)
                return err_at(err, EXIT_INPUT, name, line, 0, "a comment that begins here does not end");
            for (; at < end + 2; at++) {
                if (*at == '\n')
                    line++;
                else
                    *at = ' ';
            }
            at--;
        }
    }
    return 0;
}

/* A comma behind the last of a list is let be, so that lines can be put in and out. */
static void blank_last_commas(char *text)
{
    bool quoted = false;
    char *comma = NULL;
    for (char *at = text; *at; at++) {
        if (quoted) {
            if (*at == '\\' && at[1])
                at++;
            else if (*at == '"')
                quoted = false;
            continue;
        }
        if (comma && (*at == '}' || *at == ']'))
            *comma = ' ';
        quoted = *at == '"';
        if (*at == ',')
            comma = at;
        else if (!strchr(" \t\r\n", *at))
            comma = NULL;
    }
}

static int parse(struct config *c, const char *text, size_t len, struct diag *diag, struct err *err)
{
    if (memchr(text, '\0', len))
        return err_at(err, EXIT_INPUT, c->file, 0, 0, "holds a NUL byte; it is no text");
    c->text = mem_dup_n(text, len);
    int code = blank_comments(c->text, c->file, err);
    if (code)
        return code;
    blank_last_commas(c->text);
    c->document = json_parse(c->file, c->text, len, err);
    if (!c->document)
        return EXIT_INPUT;
    struct reader r = {c, diag};
    if (!cJSON_IsObject(c->document))
        return err_at(err, EXIT_INPUT, c->file, 1, 1, "must be an object: { ... }");
    read_object(&r, config_schema, c->document, c, true);
    config_check(c, diag);
    return 0;
}

int config_parse(struct config **out, const char *name, const char *text, size_t len, FILE *reports, struct err *err)
{
    struct config *c = mem_zero(1, sizeof(*c));
    struct diag diag = {.out = reports, .most = 50};
    c->file = mem_dup(name);
    arena_init(&c->arena);
    int code = parse(c, text, len, &diag, err);
    diag_close(&diag);
    if (!code && diag.count)
        code = err_set(err, EXIT_INPUT, "%s: %zu bad place%s; nothing was done", name, diag.count,
                       diag.count == 1 ? "" : "s");
    if (code) {
        config_free(c);
        return code;
    }
    *out = c;
    return 0;
}

int config_open(struct config **out, const char *path, const struct session *session, struct err *err)
{
    char *text;
    size_t len;
    if (strcmp(path, "-") != 0 && access(path, F_OK) != 0 && errno == ENOENT)
        return err_at(err, EXIT_INPUT, path, 0, 0,
                      "there is no such file here; 'bakehour config init' writes one to start from");
    int code = file_read(path, CONFIG_MAX, &text, &len, err);
    if (code)
        return code;
    code = config_parse(out, path, text, len, session->err, err);
    free(text);
    if (!code)
        ledger_place_where((*out)->region, NULL);
    return code;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    cJSON_Delete(c->document);
    free(c->text);
    free(c->file);
    arena_release(&c->arena);
    free(c);
}

const struct config_environment *config_environment(const struct config *c, const char *name, struct err *err)
{
    const char *names[64];
    size_t count = 0;
    if (!name || !*name)
        return &c->environments.items[0];
    for (size_t i = 0; i < c->environments.count; i++) {
        if (strcmp(c->environments.items[i].name, name) == 0)
            return &c->environments.items[i];
        if (count < 63)
            names[count++] = c->environments.items[i].name;
    }
    names[count] = NULL;
    struct str all;
    const char *near = opt_nearest(name, names);
    str_init(&all, 512);
    for (size_t i = 0; i < count; i++)
        str_addf(&all, "%s%s", i ? ", " : "", names[i]);
    err_set(err, EXIT_INPUT, "%s has no environment \"%.60s\"%s%s%s; there are: %s", c->file, name,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", all.text);
    str_release(&all);
    return NULL;
}

const struct config_environment *config_next_environment(const struct config *c, const struct config_environment *e)
{
    return e + 1 < c->environments.items + c->environments.count ? e + 1 : NULL;
}

bool config_copies(const struct config *c, const struct config_environment *e)
{
    return strcmp(e->region, c->region) != 0 || *e->kms_key;
}

static const char *variable(const struct config *c, const struct config_environment *e, const char *commit,
                            const char *name, size_t len)
{
    const struct config_pair built_in[] = {
        {"artifact", c->image.artifact_path}, {"project", c->project}, {"environment", e->name}, {"commit", commit}};
    const struct {
        const struct config_pair *items;
        size_t count;
    } sources[] = {
        {e->variables.items, e->variables.count}, {c->image.variables.items, c->image.variables.count}, {built_in, 4}};
    for (size_t s = 0; s < 3; s++)
        for (size_t i = 0; i < sources[s].count; i++)
            if (strncmp(sources[s].items[i].name, name, len) == 0 && !sources[s].items[i].name[len])
                return sources[s].items[i].value;
    return NULL;
}

int config_command_line(const struct config *c, const struct config_environment *e, const char *commit, struct str *out,
                        struct err *err)
{
    size_t begin = out->len;
    for (const char *at = c->image.command_line; *at;) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            str_add_char(out, *at++);
            continue;
        }
        const char *value = variable(c, e, commit, at + 1, (size_t)(end - at - 1));
        if (!value)
            return err_set(err, EXIT_INPUT,
                           "image.command_line names {%.*s}, which is neither a variable nor artifact, project, "
                           "environment or commit",
                           (int)(end - at - 1 < 60 ? end - at - 1 : 60), at + 1);
        str_add(out, value);
        at = end + 1;
    }
    if (out->len - begin > CONFIG_COMMAND_LINE)
        return err_set(err, EXIT_INPUT, "the command line has %zu bytes; OSv's loader takes %d", out->len - begin,
                       CONFIG_COMMAND_LINE);
    for (const char *at = out->text + begin; *at; at++)
        if ((unsigned char)*at < ' ' || (unsigned char)*at >= 127)
            return err_set(err, EXIT_INPUT, "the command line holds a character that OSv's loader does not take");
    return 0;
}
