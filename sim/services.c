#include "sim/services.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/str.h"

#define NAMES_MAX    160
#define NAME_LEN_MAX 4096

/* What a column's option is an offset into. */
struct target {
    struct scenario_args scenario;
};

static const struct opt columns[] = {SCENARIO_OPTIONS(struct target), OPT_END};

/* Of the whole organisation: reservations are shared, policies are compared by the same draws' seed. */
static const char *const shared_columns[] = {"reserved", "reserved-model", "seed", NULL};
static const char *const history_columns[] = {"repo", "log", "workload", NULL};
static const char *const file_columns[] = {"calibration", "catalog", NULL};
static const char *const price_columns[] = {"price", "instance", "region", "os", "date", "catalog", "regime", NULL};

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static const struct opt *option_of(const char *name)
{
    for (const struct opt *o = columns; o->name; o++)
        if (o->kind == OPT_VALUE && strcmp(o->name, name) == 0)
            return one_of(name, shared_columns) ? NULL : o;
    return NULL;
}

/* Where in a list something stands, and what it is read for. */
struct place {
    struct services *services;
    const struct scenario_args *given;
    struct diag *diag;
    const char *file, *folder;
    size_t line, column;
    bool on_disk; /* paths are looked at */
};

static void bad_column(const struct place *at, const char *name)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    names[count++] = "service";
    for (const struct opt *o = columns; o->name && count + 1 < NAMES_MAX; o++)
        if (option_of(o->name))
            names[count++] = o->name;
    names[count] = NULL;
    const char *near = opt_nearest(name, names);
    if (one_of(name, shared_columns))
        diag_at(at->diag, at->file, at->line, at->column,
                "\"%s\" belongs to the whole organisation: give --%s to the command", name, name);
    else
        diag_at(at->diag, at->file, at->line, at->column,
                "\"%.60s\" is neither service nor an option of a scenario%s%s%s", name, near ? "; is " : "",
                near ? near : "", near ? " meant?" : "");
}

static char *resolve(const struct place *at, const char *path)
{
    struct arena *texts = &at->services->texts;
    if (!at->folder || path[0] == '/' || strcmp(at->folder, ".") == 0)
        return arena_dup(texts, path);
    return arena_textf(texts, "%s/%s", at->folder, path);
}

static bool ends(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* The last part of a path, without the endings of logs. */
static char *name_of(struct arena *texts, const char *path)
{
    static const char *const endings[] = {".gz", ".tsv", ".json", ".git"};
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    size_t begin = len;
    while (begin && path[begin - 1] != '/')
        begin--;
    char *name = arena_dup_n(texts, path + begin, len - begin);
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (ends(name, endings[i]))
            name[strlen(name) - strlen(endings[i])] = '\0';
    return name;
}

static struct service *begin_service(const struct place *at)
{
    struct services *s = at->services;
    s->items = mem_grow(s->items, &s->cap, s->count + 1, sizeof(*s->items));
    struct service *one = &s->items[s->count];
    *one = (struct service){.args = *at->given, .terms = ""};
    one->where = at->line ? arena_textf(&s->texts, "%s:%zu", at->file, at->line) : at->file;
    return one;
}

static void check_path(const struct place *at, const char *path)
{
    struct stat st;
    if (at->on_disk && stat(path, &st))
        diag_at(at->diag, at->file, at->line, at->column, "%s: %s", path, strerror(errno));
}

/* One cell, or one member of an object; what is empty is as if it were not there. */
static void set_value(const struct place *at, struct service *one, const char *column, const char *value)
{
    struct arena *texts = &at->services->texts;
    if (!*value)
        return;
    if (strcmp(column, "service") == 0) {
        one->name = arena_dup(texts, value);
        return;
    }
    const struct opt *o = option_of(column);
    bool history = one_of(column, history_columns);
    bool file = one_of(column, file_columns);
    struct target target = {one->args};
    struct err detail;
    const char *kept = history || file ? resolve(at, value) : arena_dup(texts, value);
    if (o->set((char *)&target + o->offset, kept, &detail)) {
        diag_at(at->diag, at->file, at->line, at->column, "%s: %s", column, detail.text);
        return;
    }
    if (history)
        check_path(at, kept);
    one->args = target.scenario;
    one->own_price |= one_of(column, price_columns);
    one->own_files |= file || strcmp(column, "workload") == 0;
    if (!history && strcmp(column, "branch") != 0)
        one->terms = arena_textf(texts, "%s%s%s=%s", one->terms, *one->terms ? " " : "", column, value);
}

static void end_service(const struct place *at, struct service *one)
{
    const struct scenario_args *a = &one->args;
    struct arena *texts = &at->services->texts;
    const char *path = a->log ? a->log : a->repo ? a->repo : a->workload;
    if (!!a->log + !!a->repo + !!a->workload != 1) {
        diag_at(at->diag, at->file, at->line, 0,
                path ? "more than one of log, repo and workload" : "no log, repo or workload");
        return;
    }
    if (strcmp(path, "-") == 0) {
        diag_at(at->diag, at->file, at->line, 0, "a service's history cannot come from stdin");
        return;
    }
    one->source = a->branch ? arena_textf(texts, "%s (%s)", path, a->branch) : path;
    if (!one->name)
        one->name = name_of(texts, path);
    if (!*one->name)
        one->name = path;
    if (strlen(one->name) > NAME_LEN_MAX) {
        diag_at(at->diag, at->file, at->line, 0, "a name of more than %d bytes", NAME_LEN_MAX);
        return;
    }
    if (at->services->count == SERVICES_MAX)
        diag_at(at->diag, at->file, at->line, 0, "more than %d services", SERVICES_MAX);
    else
        at->services->count++;
}

static bool is_log(const char *path)
{
    return ends(path, ".tsv") || ends(path, ".gz");
}

static void add_history(const struct place *at, bool log, const char *path)
{
    struct service *one = begin_service(at);
    const char *kept = arena_dup(&at->services->texts, path);
    check_path(at, kept);
    *(log ? &one->args.log : &one->args.repo) = kept;
    if (!at->line)
        one->where = kept;
    end_service(at, one);
}

/* --- lists --- */

static void read_row(const struct place *list, const struct csv *csv)
{
    struct place at = *list;
    at.line = csv_line(csv);
    struct service *one = begin_service(&at);
    for (size_t c = 0; c < csv_columns(csv); c++) {
        const char *column = csv_header(csv, c);
        if (!option_of(column) && strcmp(column, "service") != 0)
            continue; /* reported with the header */
        at.column = csv_column_at(csv, column);
        set_value(&at, one, column, csv_at(csv, c));
    }
    end_service(&at, one);
}

static int read_csv(const struct place *list, const char *text, size_t len, struct err *err)
{
    struct csv *csv;
    int code = csv_open_text(&csv, list->file, text, len, "", err);
    if (code)
        return code;
    struct place at = *list;
    for (size_t c = 0; c < csv_columns(csv); c++)
        if (!option_of(csv_header(csv, c)) && strcmp(csv_header(csv, c), "service") != 0)
            bad_column(&at, csv_header(csv, c));
    size_t broken_line = 0;
    for (int got; (got = csv_next(csv, err)) != 0;) {
        if (got > 0) {
            read_row(list, csv);
            continue;
        }
        list->diag->count++;
        if (list->diag->out)
            fprintf(list->diag->out, "%s\n", err->text);
        if (broken_line == csv_line(csv))
            break; /* it does not get over it */
        broken_line = csv_line(csv);
    }
    csv_close(csv);
    return 0;
}

static void read_member(const struct place *at, struct service *one, const cJSON *member)
{
    char number[40];
    const char *value = cJSON_GetStringValue(member);
    if (!option_of(member->string) && strcmp(member->string, "service") != 0) {
        bad_column(at, member->string);
        return;
    }
    if (cJSON_IsNumber(member)) {
        str_fit(number, sizeof(number), "%.15g", member->valuedouble);
        value = number;
    }
    if (value)
        set_value(at, one, member->string, value);
    else if (!cJSON_IsNull(member))
        diag_at(at->diag, at->file, at->line, 0, "%s: neither text nor number", member->string);
}

/* An object is told by its number, as if each had a line. */
static int read_json(const struct place *list, const char *text, size_t len, struct err *err)
{
    cJSON *document = json_parse(list->file, text, len, err);
    if (!document)
        return EXIT_INPUT;
    const cJSON *array = cJSON_IsArray(document) ? document : cJSON_GetObjectItemCaseSensitive(document, "services");
    struct place at = *list;
    if (!cJSON_IsArray(array))
        diag_at(list->diag, list->file, 0, 0, "is no array of services, nor an object with one called \"services\"");
    else
        for (const cJSON *item = array->child; item; item = item->next) {
            at.line++;
            if (!cJSON_IsObject(item)) {
                diag_at(list->diag, list->file, 0, 0, "service %zu is no object", at.line);
                continue;
            }
            struct service *one = begin_service(&at);
            for (const cJSON *member = item->child; member; member = member->next)
                read_member(&at, one, member);
            end_service(&at, one);
        }
    cJSON_Delete(document);
    return 0;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void read_lines(const struct place *list, const char *text, size_t len)
{
    struct place at = *list;
    for (size_t begin = 0; begin < len;) {
        const char *line = text + begin;
        const char *end = memchr(line, '\n', len - begin);
        size_t n = end ? (size_t)(end - line) : len - begin;
        begin += n + 1;
        at.line++;
        while (n && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
            n--;
        if (!n || line[0] == '#')
            continue;
        if (memchr(line, '\0', n)) {
            diag_at(at.diag, at.file, at.line, 0, "a NUL byte in the line");
            continue;
        }
        char *path = resolve(&at, arena_dup_n(&at.services->texts, line, n));
        add_history(&at, !is_folder(path) && (is_log(path) || !at.on_disk), path);
    }
}

/* The first line that is neither empty nor a comment names a history among its columns. */
static bool has_header(const char *text, size_t len)
{
    struct csv *csv;
    struct err ignored;
    if (csv_open_text(&csv, "", text, len, "", &ignored))
        return false;
    bool found = false;
    for (size_t c = 0; c < csv_columns(csv); c++)
        found |= one_of(csv_header(csv, c), history_columns);
    csv_close(csv);
    return found;
}

static int read_list(const struct place *list, const char *text, size_t len, struct err *err)
{
    size_t begin = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (begin < len && strchr(" \t\r\n", text[begin]) && text[begin])
        begin++;
    if (begin < len && (text[begin] == '[' || text[begin] == '{'))
        return read_json(list, text + begin, len - begin, err);
    if (has_header(text, len))
        return read_csv(list, text, len, err);
    read_lines(list, text, len);
    return 0;
}

int services_add_text(struct services *s, const char *name, const char *text, size_t len,
                      const struct scenario_args *given, struct diag *diag, struct err *err)
{
    struct place at = {.services = s, .given = given, .diag = diag, .file = arena_dup(&s->texts, name)};
    return read_list(&at, text, len, err);
}

static int add_list(const struct place *at, const char *path, struct err *err)
{
    char *text;
    size_t len;
    struct place list = *at;
    int code = file_read(path, SERVICES_LIST_MAX, &text, &len, err);
    if (code)
        return code;
    const char *slash = strrchr(path, '/');
    if (slash)
        list.folder = slash == path ? "/" : arena_dup_n(&at->services->texts, path, (size_t)(slash - path));
    if (strcmp(path, "-") == 0)
        list.file = "stdin";
    code = read_list(&list, text, len, err);
    free(text);
    return code;
}

/* --- folders --- */

static bool has(const char *folder, const char *entry)
{
    struct str path;
    str_init(&path, 0);
    str_addf(&path, "%s/%s", folder, entry);
    bool there = access(path.text, F_OK) == 0;
    str_release(&path);
    return there;
}

static bool is_repository(const char *path)
{
    return has(path, ".git") || (has(path, "HEAD") && has(path, "objects") && has(path, "refs"));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_folder(const struct place *at, const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return err_at(err, EXIT_INPUT, path, 0, 0, "cannot be opened: %s", strerror(errno));
    char **entries = NULL;
    size_t count = 0;
    size_t cap = 0;
    const char *slash = ends(path, "/") ? "" : "/";
    /* cppcheck-suppress readdirCalled ; no other thread reads this folder's stream */
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        entries = mem_grow(entries, &cap, count + 1, sizeof(*entries));
        entries[count++] = arena_textf(&at->services->texts, "%s%s%s", path, slash, entry->d_name);
    }
    closedir(dir);
    if (count)
        qsort(entries, count, sizeof(*entries), by_text);
    size_t before = at->services->count;
    for (size_t i = 0; i < count; i++) {
        bool folder = is_folder(entries[i]);
        if (folder ? is_repository(entries[i]) : is_log(entries[i]))
            add_history(at, !folder, entries[i]);
    }
    free(entries);
    if (at->services->count == before)
        diag_at(at->diag, path, 0, 0, "the folder holds no log (*.tsv, *.tsv.gz) and no git repository");
    return 0;
}

int services_add(struct services *s, const char *path, const struct scenario_args *given, struct diag *diag,
                 struct err *err)
{
    struct place at = {.services = s, .given = given, .diag = diag, .on_disk = true};
    at.file = arena_dup(&s->texts, path);
    if (is_folder(path)) {
        if (!is_repository(path))
            return add_folder(&at, path, err);
        add_history(&at, false, path);
        return 0;
    }
    if (!is_log(path))
        return add_list(&at, path, err);
    add_history(&at, true, path);
    return 0;
}

struct named {
    const struct service *service;
};

static int by_name(const void *a, const void *b)
{
    const struct service *x = ((const struct named *)a)->service;
    const struct service *y = ((const struct named *)b)->service;
    int order = strcmp(x->name, y->name);
    return order ? order : x < y ? -1 : x > y;
}

int services_finish(struct services *s, struct diag *diag, struct err *err)
{
    struct named *order = mem_zero(s->count + 1, sizeof(*order));
    for (size_t i = 0; i < s->count; i++)
        order[i].service = &s->items[i];
    qsort(order, s->count, sizeof(*order), by_name);
    for (size_t i = 1; i < s->count; i++)
        if (strcmp(order[i - 1].service->name, order[i].service->name) == 0)
            diag_at(diag, order[i].service->where, 0, 0,
                    "a service called \"%s\" is there already, from %s; a list gives names in its column \"service\"",
                    order[i].service->name, order[i - 1].service->where);
    free(order);
    diag_close(diag);
    if (diag->count)
        return err_set(err, EXIT_INPUT, "%zu bad place%s in the list of services", diag->count,
                       diag->count == 1 ? "" : "s");
    return s->count ? 0 : err_set(err, EXIT_INPUT, "there is no service in the list");
}

void services_release(struct services *s)
{
    free(s->items);
    arena_release(&s->texts);
    *s = (struct services){0};
}
