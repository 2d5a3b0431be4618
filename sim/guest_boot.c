/*
 * What a command line makes a guest do. OSv's loader takes options up to the first word that is none, then runs the
 * programs, which ';' and '&' divide. Unless --noinit is given the scripts of /init run first: they start the REST
 * server.
 */
#include "sim/guest_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define START_MS_DEFAULT 1500
#define APP_MARK         "#!bakehour-app"
#define APP_MARK_MAX     4096 /* bytes of the artifact that are looked at for settings */
#define WORDS_MAX        256

struct words {
    char *word[WORDS_MAX];
    size_t count;
};

static void words_release(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->word[i]);
}

/* Words are divided by blanks; quotes keep blanks inside; '&', ';' and '&!' stand for themselves. */
static void split(struct words *w, const char *line)
{
    w->count = 0;
    struct str word;
    str_init(&word, 0);
    while (*line && w->count < WORDS_MAX) {
        line += strspn(line, " \t\r\n");
        if (!*line)
            break;
        if (strchr("&;", *line)) {
            w->word[w->count++] = mem_dup_n(line, 1);
            line += line[0] == '&' && line[1] == '!' ? 2 : 1;
            continue;
        }
        char quote = '\0';
        str_clear(&word);
        for (; *line && (quote || !strchr(" \t\r\n&;", *line)); line++) {
            if (quote ? *line == quote : *line == '"' || *line == '\'')
                quote = quote ? '\0' : *line;
            else
                str_add_char(&word, *line);
        }
        w->word[w->count++] = mem_dup(word.text);
    }
    str_release(&word);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The program as a file: as it is named, or from the folders in which libraries are looked for. */
static const struct disk_entry *find_program(const struct guest *g, const char *name)
{
    static const char *const folders[] = {"", "/", "/usr/lib/", "/usr/lib/jvm/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct str path;
        str_init(&path, 0);
        str_add(&path, folders[i]);
        str_add(&path, name);
        const struct disk_entry *entry = path.text[0] == '/' ? live_find(g, path.text).entry : NULL;
        str_release(&path);
        if (entry && entry->blob)
            return entry;
    }
    return NULL;
}

/* A zip ends with its end-of-central-directory record: 22 bytes and a comment of the length that it says. Source:
 * PKWARE's APPNOTE.TXT, 4.3.16. */
static bool is_corrupt_zip(const struct blob *blob)
{
    const unsigned char *bytes = (const unsigned char *)blob->bytes;
    if (blob->len < 4 || memcmp(bytes, "PK\x03\x04", 4) != 0)
        return false;
    for (size_t at = blob->len >= 22 ? blob->len - 22 : 0; at > 0 && blob->len - at <= 22 + 65535; at--)
        if (memcmp(bytes + at, "PK\x05\x06", 4) == 0 &&
            at + 22 + bytes[at + 20] + ((size_t)bytes[at + 21] << 8) == blob->len)
            return false;
    return true;
}

static void take_setting(struct boot_plan *plan, const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len);
    if (!equals)
        return;
    size_t name = (size_t)(equals - line);
    const char *value = equals + 1;
    size_t value_len = len - name - 1;
    int64_t number = 0;
    bool numeric = num_i64(value, value_len, &number) == 0 && number >= 0 && number <= 1000000000;
    if (name == 5 && memcmp(line, "start", 5) == 0)
        plan->start_fails = value_len == 4 && memcmp(value, "fail", 4) == 0;
    else if (name == 8 && memcmp(line, "start_ms", 8) == 0 && numeric)
        plan->start_ms = number;
    else if (name == 12 && memcmp(line, "die_after_ms", 12) == 0 && numeric)
        plan->die_after_ms = number;
    else if (name == 6 && memcmp(line, "status", 6) == 0 && numeric && number >= 100 && number <= 599)
        plan->status = (int)number;
    else if (name == 4 && memcmp(line, "body", 4) == 0) {
        free(plan->body);
        plan->body = mem_dup_n(value, value_len);
    }
}

/* The settings of a modelled application stand in its artifact, after its mark, a line each. */
static void read_settings(struct boot_plan *plan)
{
    size_t mark = strlen(APP_MARK);
    const char *bytes = plan->blob->bytes;
    size_t len = plan->blob->len < APP_MARK_MAX ? plan->blob->len : APP_MARK_MAX;
    if (len < mark || memcmp(bytes, APP_MARK, mark) != 0)
        return;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(bytes + at, '\n', len - at);
        size_t line = end ? (size_t)(end - bytes) - at : len - at;
        take_setting(plan, bytes + at, line > 0 && bytes[at + line - 1] == '\r' ? line - 1 : line);
        at += line + 1;
    }
}

static char *join(const struct words *w, size_t from, size_t to)
{
    struct str out;
    str_init(&out, 0);
    for (size_t i = from; i < to; i++) {
        if (i > from)
            str_add_char(&out, ' ');
        str_add(&out, w->word[i]);
    }
    return str_detach(&out);
}

static void name_artifact(struct boot_plan *plan, const struct disk_entry *entry, const struct words *w, size_t from,
                          size_t to)
{
    free(plan->path);
    free(plan->args);
    blob_unref(plan->blob);
    plan->path = mem_dup(entry->path);
    plan->args = join(w, from, to);
    plan->blob = blob_ref(entry->blob);
    read_settings(plan);
}

/* java [options] -jar FILE args...; without -jar (a class path) the JVM itself is what runs. */
static bool plan_java(struct boot_plan *plan, const struct guest *g, const struct words *w, size_t from, size_t to)
{
    plan->java = true;
    for (size_t i = from + 1; i < to; i++) {
        if (strcmp(w->word[i], "-jar") != 0)
            continue;
        const struct disk_entry *jar = i + 1 < to ? find_program(g, w->word[i + 1]) : NULL;
        if (!jar)
            return false;
        name_artifact(plan, jar, w, i + 2, to);
        plan->corrupt = is_corrupt_zip(jar->blob);
        return !plan->corrupt;
    }
    return true;
}

/* One program, words from..to; false where it cannot run. */
static bool plan_program(struct boot_plan *plan, const struct guest *g, const struct words *w, size_t from, size_t to)
{
    const struct disk_entry *entry = find_program(g, w->word[from]);
    if (!entry)
        return false;
    const char *name = base_name(entry->path);
    if (strcmp(name, "libhttpserver-api.so") == 0) {
        plan->asserts |= plan->api;
        plan->api = true;
        return true;
    }
    if (strcmp(name, "java.so") == 0)
        return plan_java(plan, g, w, from, to);
    name_artifact(plan, entry, w, from + 1, to);
    return true;
}

void boot_plan_make(struct boot_plan *plan, const struct guest *g)
{
    *plan = (struct boot_plan){
        .api = true, .start_ms = START_MS_DEFAULT, .die_after_ms = GUEST_NEVER, .status = 200, .runs = true};
    struct words w;
    split(&w, g->cmdline);
    size_t at = 0;
    for (; at < w.count && strncmp(w.word[at], "--", 2) == 0; at++)
        if (strcmp(w.word[at], "--noinit") == 0)
            plan->api = false;
    size_t programs = 0;
    while (at < w.count && plan->runs) {
        size_t end = at;
        while (end < w.count && !strchr("&;", w.word[end][0]))
            end++;
        if (end > at) {
            plan->runs = plan_program(plan, g, &w, at, end);
            programs++;
        }
        at = end + 1;
    }
    plan->runs = plan->runs && programs > 0;
    words_release(&w);
}

void boot_plan_release(struct boot_plan *plan)
{
    free(plan->path);
    free(plan->args);
    free(plan->body);
    blob_unref(plan->blob);
    *plan = (struct boot_plan){0};
}
