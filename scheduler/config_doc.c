/* config_doc.c - what the table of keys says to people: the commented starter, the reference; and where a value stands.
 */
#include <string.h>

#include "scheduler/config_schema.h"

#define DOC_WIDTH 100

/* Comment lines of at most DOC_WIDTH columns. */
static void add_comment(struct str *out, int depth, const char *text)
{
    while (*text) {
        size_t room = (size_t)(DOC_WIDTH - depth * 4 - 3);
        size_t len = strlen(text);
        if (len > room) {
            len = room;
            while (len > 0 && text[len] != ' ')
                len--;
        }
        str_addf(out, "%*s// %.*s\n", depth * 4, "", (int)len, text);
        text += len + (text[len] == ' ');
    }
}

static bool is_active(const struct config_key *k)
{
    return k->sample != NULL;
}

static void add_keys(struct str *out, const struct config_key *keys, int depth, bool dead, const char *project);

static void add_nested(struct str *out, const struct config_key *k, int depth, bool dead, const char *project)
{
    bool list = k->type == CONFIG_LIST;
    const char *mark = dead ? "// " : "";
    str_addf(out, "%*s%s\"%s\": %s\n", depth * 4, "", mark, k->name, list ? "[{" : "{");
    add_keys(out, k->keys, depth + 1, dead, project);
    str_addf(out, "%*s%s%s,\n", depth * 4, "", mark, list ? "}]" : "}");
}

static void add_keys(struct str *out, const struct config_key *keys, int depth, bool dead, const char *project)
{
    for (const struct config_key *k = keys; k->name; k++) {
        bool off = dead || !is_active(k);
        add_comment(out, depth, k->doc);
        if (k->keys && k->type == CONFIG_OBJECT && !k->inherit) {
            add_nested(out, k, depth, off, project);
        } else if (k->keys && k->type == CONFIG_LIST && is_active(k) && !dead) {
            add_nested(out, k, depth, false, project);
        } else {
            const char *value = k->sample                               ? k->sample
                                : k->standard                           ? k->standard
                                : k->type == CONFIG_PAIRS || k->inherit ? "{}"
                                                                        : "[]";
            if (depth == 1 && strcmp(k->name, "project") == 0)
                str_addf(out, "    \"project\": \"%s\",\n", project);
            else
                str_addf(out, "%*s%s\"%s\": %s%s\n", depth * 4, "", off ? "// " : "", k->name, value, ",");
        }
        if (depth == 1)
            str_add(out, "\n");
    }
}

void config_starter(struct str *out, const char *project)
{
    str_add(out,
            "// Bakehour's configuration: JSON with comments. What is commented out stands at its default.\n"
            "// 'bakehour config check' says what is wrong with it, 'bakehour deploy --dry-run' what it would do.\n"
            "{\n");
    add_keys(out, config_schema, 1, false, project);
    if (out->len > 1 && out->text[out->len - 1] == '\n' && out->text[out->len - 2] == '\n')
        out->text[--out->len] = '\0';
    str_add(out, "}\n");
}

static const char *type_name(const struct config_key *k)
{
    static const char *const names[] = {
        "",         "text", "choice", "list of texts", "texts by name",   "true/false", "number",
        "duration", "time", "USD",    "object",        "list of objects", "see below"};
    return names[k->type];
}

static void add_reference(struct str *out, const struct config_key *keys, const char *prefix)
{
    for (const struct config_key *k = keys; k->name; k++) {
        char path[128];
        str_fit(path, sizeof(path), "%s%s%s", prefix, k->name, k->type == CONFIG_LIST ? "[]" : "");
        str_addf(out, "%s\t%s\t%s\t%s\n", path, type_name(k),
                 k->required   ? "(required)"
                 : k->standard ? k->standard
                               : "",
                 k->doc);
        if (k->keys && !k->inherit) {
            char next[132];
            str_fit(next, sizeof(next), "%s.", path);
            add_reference(out, k->keys, next);
        }
    }
}

void config_reference(struct str *out)
{
    add_reference(out, config_schema, "");
}

/* ---- positions ---- */

/* Walks the text of a document that cJSON has accepted, counting nodes in document order as cJSON's tree has them. */
struct walk {
    const char *at;
    size_t seen, wanted;
    const char *key, *value; /* of the wanted node */
};

static void skip_blanks(struct walk *w)
{
    while (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r')
        w->at++;
}

static void skip_text(struct walk *w)
{
    for (w->at++; *w->at && *w->at != '"'; w->at++)
        if (*w->at == '\\' && w->at[1])
            w->at++;
    if (*w->at)
        w->at++;
}

static void walk_value(struct walk *w, const char *key, int depth);

static void walk_items(struct walk *w, char close, int depth)
{
    w->at++;
    for (skip_blanks(w); *w->at && *w->at != close; skip_blanks(w)) {
        const char *key = NULL;
        if (close == '}') {
            key = w->at;
            skip_text(w);
            skip_blanks(w);
            if (*w->at == ':')
                w->at++;
            skip_blanks(w);
        }
        const char *before = w->at;
        walk_value(w, key, depth + 1);
        skip_blanks(w);
        if (*w->at == ',')
            w->at++;
        else if (w->at == before)
            return;
    }
    if (*w->at)
        w->at++;
}

static void walk_value(struct walk *w, const char *key, int depth)
{
    if (depth > 1000)
        return;
    if (w->seen++ == w->wanted) {
        w->key = key ? key : w->at;
        w->value = w->at;
    }
    if (*w->at == '{' || *w->at == '[')
        walk_items(w, *w->at == '{' ? '}' : ']', depth);
    else if (*w->at == '"')
        skip_text(w);
    else
        while (*w->at && !strchr(",]} \t\r\n", *w->at))
            w->at++;
}

/* The number of `wanted` in document order; true when it was found. */
static bool count_to(const cJSON *node, const cJSON *wanted, size_t *count)
{
    if (node == wanted)
        return true;
    ++*count;
    for (const cJSON *child = node->child; child; child = child->next)
        if (count_to(child, wanted, count))
            return true;
    return false;
}

void config_position(const struct config *c, const cJSON *node, bool of_key, size_t *line, size_t *column)
{
    struct walk w = {.at = c->text};
    *line = *column = 0;
    if (!c->document || !node || !count_to(c->document, node, &w.wanted))
        return;
    skip_blanks(&w);
    walk_value(&w, NULL, 0);
    if (!w.value)
        return;
    *line = *column = 1;
    for (const char *at = c->text; at < (of_key ? w.key : w.value); at++) {
        ++*column;
        if (*at == '\n') {
            ++*line;
            *column = 1;
        }
    }
}
