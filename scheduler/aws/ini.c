#include "scheduler/aws/ini.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/str.h"

struct entry {
    char *kind, *section; /* NULL key: the section itself */
    char *key, *value;
};

struct ini {
    struct entry *entries;
    size_t count, cap;
};

/* Where the parser is. */
struct place {
    const char *name;
    size_t line;
    bool is_config;
    char *kind, *section, *parent; /* parent: the key whose value was empty */
};

struct ini *ini_new(void)
{
    return mem_zero(1, sizeof(struct ini));
}

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void ini_free(struct ini *ini)
{
    if (!ini)
        return;
    for (size_t i = 0; i < ini->count; i++) {
        free(ini->entries[i].kind);
        free(ini->entries[i].section);
        free(ini->entries[i].key);
        wipe(ini->entries[i].value);
    }
    free(ini->entries);
    free(ini);
}

static void add(struct ini *ini, const struct place *at, char *key, const char *value, size_t len)
{
    ini->entries = mem_grow(ini->entries, &ini->cap, ini->count + 1, sizeof *ini->entries);
    ini->entries[ini->count++] =
        (struct entry){mem_dup(at->kind), mem_dup(at->section), key, value ? mem_dup_n(value, len) : NULL};
}

static void trim(const char **from, const char **to)
{
    while (*from < *to && isspace((unsigned char)**from))
        (*from)++;
    while (*to > *from && isspace((unsigned char)(*to)[-1]))
        (*to)--;
}

static bool word_is(const char *from, const char *to, const char *word)
{
    return (size_t)(to - from) == strlen(word) && memcmp(from, word, strlen(word)) == 0;
}

static void enter(struct place *at, const char *kind, const char *from, const char *to)
{
    free(at->kind);
    free(at->section);
    at->kind = mem_dup(kind);
    at->section = mem_dup_n(from, (size_t)(to - from));
}

/* "[profile name]", "[default]", "[services name]"; whatever else is read and never found. */
static int read_section(struct ini *ini, struct place *at, const char *from, const char *to, struct err *err)
{
    const char *end = memchr(from, ']', (size_t)(to - from));
    if (!end)
        return err_at(err, EXIT_INPUT, at->name, at->line, 0, "a section without its closing bracket");
    const char *begin = from + 1;
    trim(&begin, &end);
    const char *word = begin;
    while (word < end && !isspace((unsigned char)*word))
        word++;
    const char *rest = word;
    trim(&rest, &end);
    if (!at->is_config || (rest == end && word_is(begin, word, "default")))
        enter(at, "profile", begin, end);
    else if (word_is(begin, word, "profile") && rest < end)
        enter(at, "profile", rest, end);
    else if (word_is(begin, word, "services") && rest < end)
        enter(at, "services", rest, end);
    else
        enter(at, "", begin, end);
    free(at->parent);
    at->parent = NULL;
    add(ini, at, NULL, NULL, 0);
    return 0;
}

static char *key_name(const char *parent, const char *from, const char *to)
{
    struct str name;
    str_init(&name, 0);
    if (parent) {
        str_add(&name, parent);
        str_add_char(&name, '.');
    }
    for (const char *c = from; c < to; c++)
        str_add_char(&name, (char)tolower((unsigned char)*c));
    return str_detach(&name);
}

static int read_pair(struct ini *ini, struct place *at, const char *from, const char *to, bool indented,
                     struct err *err)
{
    const char *equals = memchr(from, '=', (size_t)(to - from));
    if (!at->section)
        return err_at(err, EXIT_INPUT, at->name, at->line, 0, "a value before the first section");
    if (!equals) {
        if (indented) /* a value that goes on: none of those that are read here does */
            return 0;
        return err_at(err, EXIT_INPUT, at->name, at->line, 0, "neither [section] nor key = value");
    }
    const char *key_end = equals;
    const char *value = equals + 1;
    trim(&from, &key_end);
    for (const char *c = value; c < to; c++)
        if ((*c == '#' || *c == ';') && c > value && isspace((unsigned char)c[-1]))
            to = c;
    trim(&value, &to);
    if (from == key_end)
        return err_at(err, EXIT_INPUT, at->name, at->line, 0, "a value without a key");
    char *key = key_name(indented ? at->parent : NULL, from, key_end);
    if (!indented || !at->parent) {
        free(at->parent);
        at->parent = value == to ? mem_dup(key) : NULL;
    }
    add(ini, at, key, value, (size_t)(to - value));
    return 0;
}

static int read_line(struct ini *ini, struct place *at, const char *from, const char *to, struct err *err)
{
    bool indented = from < to && isspace((unsigned char)*from);
    trim(&from, &to);
    if (from == to || *from == '#' || *from == ';')
        return 0;
    if (memchr(from, '\0', (size_t)(to - from)))
        return err_at(err, EXIT_INPUT, at->name, at->line, 0, "a zero byte");
    return *from == '[' && !indented ? read_section(ini, at, from, to, err)
                                     : read_pair(ini, at, from, to, indented, err);
}

int ini_parse(struct ini *ini, const char *name, const char *text, size_t len, bool is_config, struct err *err)
{
    if (len > INI_BYTES_MAX)
        return err_at(err, EXIT_INPUT, name, 0, 0, "is larger than %zu bytes", INI_BYTES_MAX);
    struct place at = {.name = name, .is_config = is_config};
    const char *end = text + len;
    int code = 0;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    while (text < end && !code) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        at.line++;
        code = read_line(ini, &at, text, stop ? stop : end, err);
        text = stop ? stop + 1 : end;
    }
    free(at.kind);
    free(at.section);
    free(at.parent);
    return code;
}

static const struct entry *find(const struct ini *ini, const char *kind, const char *section, const char *key)
{
    for (size_t i = ini->count; i-- > 0;) {
        const struct entry *e = &ini->entries[i];
        if (strcmp(e->kind, kind) == 0 && strcmp(e->section, section) == 0 &&
            (key ? e->key && strcmp(e->key, key) == 0 : !e->key))
            return e;
    }
    return NULL;
}

const char *ini_get(const struct ini *ini, const char *kind, const char *section, const char *key)
{
    const struct entry *e = find(ini, kind, section, key);
    return e && *e->value ? e->value : NULL;
}

bool ini_has(const struct ini *ini, const char *kind, const char *section)
{
    return find(ini, kind, section, NULL) != NULL;
}

const char *ini_profile(const struct ini *ini, size_t *at)
{
    while (*at < ini->count) {
        const struct entry *e = &ini->entries[(*at)++];
        if (!e->key && strcmp(e->kind, "profile") == 0)
            return e->section;
    }
    return NULL;
}
