/* OSv's REST handlers, and the modelled application behind every other port. */
#include "sim/guest_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/out.h"

#define CMDLINE_MAX  1024 /* bytes; this many are too many */
#define MEMORY_TOTAL 2147418112
#define MEMORY_FREE  1894748160

/* ---- replies ---- */

static const char *reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 500:
        return "Internal Server Error";
    default:
        return "Status";
    }
}

static void send_at(struct guest_conn *c, int64_t due_ms)
{
    c->state = GUEST_CONN_REPLY;
    c->due_ms = due_ms;
}

void guest_reply(struct guest_conn *c, int status, const char *type, const char *content, size_t len, int64_t now_ms)
{
    str_addf(&c->reply, "HTTP/1.0 %d %s\r\nContent-Length: %zu\r\n", status, reason(status), len);
    if (len)
        str_addf(&c->reply, "Content-Type: %s\r\n", type);
    str_add(&c->reply, "\r\n");
    str_add_n(&c->reply, content, len);
    send_at(c, now_ms);
}

void guest_reply_stock(struct guest_conn *c, int status, int64_t now_ms)
{
    char page[160];
    str_fit(page, sizeof page, "<html><head><title>%s</title></head><body><h1>%d %s</h1></body></html>", reason(status),
            status, reason(status));
    guest_reply(c, status, "text/html", page, strlen(page), now_ms);
}

static void add_quoted(struct str *out, const char *text)
{
    str_add_char(out, '"');
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\')
            str_addf(out, "\\%c", byte);
        else if (byte == '\n')
            str_add(out, "\\n");
        else if (byte < ' ')
            str_addf(out, "\\u%04x", byte);
        else
            str_add_char(out, (char)byte);
    }
    str_add_char(out, '"');
}

static void reply_json(struct guest_conn *c, int status, const char *json, int64_t now_ms)
{
    guest_reply(c, status, "application/json", json, strlen(json), now_ms);
}

static void reply_text(struct guest_conn *c, const char *text, int64_t now_ms)
{
    struct str json;
    str_init(&json, 0);
    add_quoted(&json, text);
    reply_json(c, 200, json.text, now_ms);
    str_release(&json);
}

static void reply_number(struct guest_conn *c, int64_t number, int64_t now_ms)
{
    char text[24];
    str_fit(text, sizeof text, "%" PRId64, number);
    reply_json(c, 200, text, now_ms);
}

void guest_reply_error(struct guest_conn *c, int status, int64_t now_ms, const char *fmt, ...)
{
    struct str message, json;
    str_init(&message, 0);
    str_init(&json, 0);
    va_list args;
    va_start(args, fmt);
    str_vaddf(&message, fmt, args);
    va_end(args);
    str_add(&json, "{\"message\": ");
    add_quoted(&json, message.text);
    str_addf(&json, ", \"code\": %d}", status);
    reply_json(c, status, json.text, now_ms);
    str_release(&message);
    str_release(&json);
}

/* ---- parameters ---- */

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static void add_decoded(struct str *out, const char *text, size_t len, bool plus)
{
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? hex(text[i + 1]) : -1;
        int low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low >= 0) {
            str_add_char(out, (char)(high * 16 + low));
            i += 2;
        } else {
            str_add_char(out, plus && text[i] == '+' ? ' ' : text[i]);
        }
    }
}

/* The named parameter of a query or form; false where there is none. */
static bool find_in(const char *form, size_t len, const char *name, struct str *out)
{
    size_t name_len = strlen(name);
    for (size_t at = 0; at < len;) {
        const char *end = memchr(form + at, '&', len - at);
        size_t pair = end ? (size_t)(end - form) - at : len - at;
        if (pair > name_len && memcmp(form + at, name, name_len) == 0 && form[at + name_len] == '=') {
            add_decoded(out, form + at + name_len + 1, pair - name_len - 1, true);
            return true;
        }
        at += pair + 1;
    }
    return false;
}

/* From the query, else from a form body. out is initialised here; the caller releases it. An embedded zero ends it. */
static bool param(const struct guest_conn *c, const char *name, struct str *out)
{
    static const char form[] = "application/x-www-form-urlencoded";
    str_init(out, GUEST_DISK_MAX);
    const char *query = strchr(c->target.text, '?');
    if (query && find_in(query + 1, strlen(query + 1), name, out))
        return true;
    return strncmp(c->content_type.text, form, strlen(form)) == 0 && find_in(c->body.text, c->body.len, name, out);
}

/* ---- files ---- */

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_status(struct str *out, const char *path, const struct disk_entry *entry)
{
    str_addf(out,
             "{\"accessTime\": %" PRId64 ", \"blockSize\": 512, \"group\": \"osv\", \"length\": %zu, "
             "\"modificationTime\": %" PRId64 ", \"owner\": \"osv\", \"pathSuffix\": ",
             entry ? entry->mtime_s : 0, entry && entry->blob ? entry->blob->len : 0, entry ? entry->mtime_s : 0);
    add_quoted(out, last_name(path));
    str_addf(out, ", \"permission\": \"%o\", \"replication\": 1, \"type\": \"%s\"}",
             (unsigned)(entry ? entry->mode : 0755), entry && entry->blob ? "FILE" : "DIRECTORY");
}

static void list_one(void *context, const struct disk_entry *entry)
{
    struct str *out = context;
    str_add(out, out->len > 1 ? ", " : "");
    add_status(out, entry->path, entry);
}

static void file_get(struct guest_conn *c, const char *path, const char *op, int64_t now_ms)
{
    const struct guest *g = c->guest;
    struct live_entry found = live_find(g, path);
    struct str out;
    str_init(&out, 0);
    if (strcmp(op, "GET") == 0) {
        if (found.entry && found.entry->blob)
            guest_reply(c, 200, "text/plain", found.entry->blob->bytes, found.entry->blob->len, now_ms);
        else
            guest_reply_error(c, 404, now_ms, "Page not found");
    } else if (strcmp(op, "GETFILESTATUS") != 0 && strcmp(op, "LISTSTATUS") != 0) {
        guest_reply_error(c, 400, now_ms, "Bad op parameter %.100s", op);
    } else if (!found.is) {
        guest_reply_error(c, 404, now_ms, "Not found: '%s'", path);
    } else if (strcmp(op, "GETFILESTATUS") == 0) {
        add_status(&out, path, found.entry);
        reply_json(c, 200, out.text, now_ms);
    } else if (!found.folder) {
        guest_reply_error(c, 400, now_ms, "Failed listing '%s' Not a directory", path);
    } else {
        str_add_char(&out, '[');
        live_list(g, path, list_one, &out);
        str_add_char(&out, ']');
        reply_json(c, 200, out.text, now_ms);
    }
    str_release(&out);
}

static void reply_empty(struct guest_conn *c, int64_t now_ms)
{
    guest_reply(c, 200, "", "", 0, now_ms);
}

static void file_delete(struct guest_conn *c, const char *path, const char *op, int64_t now_ms)
{
    struct live_entry found = live_find(c->guest, path);
    if (strcmp(op, "DELETE") != 0)
        guest_reply_error(c, 400, now_ms, "Bad op parameter %.100s", op);
    else if (!found.is)
        guest_reply_error(c, 404, now_ms, "Not found: '%s'", path);
    else if (!found.entry || found.folder)
        guest_reply_error(c, 400, now_ms, "Failed deleting boost::filesystem::remove: Directory not empty: \"%s\"",
                          path);
    else {
        live_remove(c->guest, path, now_ms);
        reply_empty(c, now_ms);
    }
}

static void file_write(struct guest_conn *c, const char *path, int64_t now_ms)
{
    struct guest *g = c->guest;
    struct str content, overwrite, all;
    (void)param(c, "content", &content);
    (void)param(c, "overwrite", &overwrite);
    struct live_entry found = live_find(g, path);
    str_init(&all, GUEST_DISK_MAX);
    if (strcmp(overwrite.text, "true") != 0 && found.entry && found.entry->blob)
        str_add_n(&all, found.entry->blob->bytes, found.entry->blob->len);
    str_add_n(&all, content.text, content.len);
    if (found.folder || !live_can_write(g, path) || all.full || !live_put(g, path, all.text, all.len, 0777, now_ms))
        guest_reply_error(c, 500, now_ms, "basic_ios::clear: iostream error");
    else
        reply_empty(c, now_ms);
    str_release(&content);
    str_release(&overwrite);
    str_release(&all);
}

static bool is_path(const char *path)
{
    return path[0] == '/' && path[1] && !strstr(path, "..") && !strstr(path, "//") && path[strlen(path) - 1] != '/';
}

static void file_move(struct guest_conn *c, const char *path, bool copy, int64_t now_ms)
{
    struct guest *g = c->guest;
    struct str to;
    bool has = param(c, "destination", &to) && to.len;
    struct live_entry found = live_find(g, path);
    if (!has)
        guest_reply_error(c, 400, now_ms, "Missing mandatory parameter: destination");
    else if (!found.entry || !found.entry->blob)
        guest_reply_error(c, copy ? 404 : 400, now_ms,
                          copy ? "Not found: '%s'" : "Failed renaming No such file or directory", path);
    else if (!is_path(to.text) || !live_can_write(g, to.text) || live_find(g, to.text).folder)
        guest_reply_error(c, 400, now_ms, "Failed renaming No such file or directory");
    else {
        if (copy)
            (void)live_put(g, to.text, found.entry->blob->bytes, found.entry->blob->len, 0777, now_ms);
        else if (strcmp(path, to.text) != 0)
            live_rename(g, path, to.text, now_ms);
        reply_empty(c, now_ms);
    }
    str_release(&to);
}

static void file_put(struct guest_conn *c, const char *path, const char *op, int64_t now_ms)
{
    if (strcmp(op, "WRITE") == 0)
        file_write(c, path, now_ms);
    else if (strcmp(op, "RENAME") == 0 || strcmp(op, "COPY") == 0)
        file_move(c, path, op[0] == 'C', now_ms);
    else if (strcmp(op, "MKDIRS") != 0)
        guest_reply_error(c, 400, now_ms, "Bad op parameter %.100s", op);
    else {
        live_mkdir(c->guest, path, now_ms);
        reply_empty(c, now_ms);
    }
}

static void handle_file(struct guest_conn *c, const char *path, int64_t now_ms)
{
    const char *method = c->method.text;
    if (strcmp(method, "POST") == 0) {
        /* No multipart: nothing is written, and all is well. */
        str_add(&c->reply, "HTTP/1.0 200 OK\r\n\r\n");
        send_at(c, now_ms);
        return;
    }
    struct str op;
    (void)param(c, "op", &op);
    if (!op.len)
        guest_reply_error(c, 400, now_ms, "missing mandatory parameters");
    else if (strcmp(method, "GET") == 0)
        file_get(c, path, op.text, now_ms);
    else if (strcmp(method, "PUT") == 0)
        file_put(c, path, op.text, now_ms);
    else if (strcmp(method, "DELETE") == 0)
        file_delete(c, path, op.text, now_ms);
    else
        guest_reply_error(c, 404, now_ms, "Not found");
    str_release(&op);
}

/* The path of a target under /file, decoded, without a slash at its end; false where it is none. */
static bool file_path(const struct guest_conn *c, struct str *path)
{
    str_init(path, GUEST_HEAD_MAX);
    const char *target = c->target.text;
    if (strncmp(target, "/file/", 6) != 0)
        return false;
    add_decoded(path, target + 5, strcspn(target + 5, "?"), false);
    while (path->len > 1 && path->text[path->len - 1] == '/')
        path->text[--path->len] = '\0';
    return strlen(path->text) == path->len && (path->len == 1 || is_path(path->text));
}

bool guest_api_upload_begins(struct guest_conn *c, int64_t now_ms)
{
    struct str path;
    bool is = file_path(c, &path) && strcmp(c->method.text, "POST") == 0;
    bool can = is && live_can_write(c->guest, path.text);
    str_release(&path);
    if (!is) {
        guest_api_handle(c, now_ms);
    } else if (!can) {
        c->state = GUEST_CONN_SILENT; /* the temporary file cannot be opened, and nobody says so */
        c->due_ms = GUEST_NEVER;
    }
    return is && can;
}

void guest_api_uploaded(struct guest_conn *c, int64_t now_ms)
{
    struct guest *g = c->guest;
    struct str path;
    bool is = file_path(c, &path);
    int64_t took_ms = (int64_t)c->body.len * g->settings.ns_per_byte / 1000000;
    int64_t due_ms = c->began_ms + took_ms > now_ms ? c->began_ms + took_ms : now_ms;
    if (!is || live_find(g, path.text).folder) {
        static const char message[] = "Failed renaming Is a directory";
        guest_reply(c, 500, "text/html", message, strlen(message), due_ms);
    } else if (!live_put(g, path.text, c->body.text, c->body.len, 0644, due_ms)) {
        c->state = GUEST_CONN_SILENT;
        c->due_ms = GUEST_NEVER;
    } else {
        str_add(&c->reply, "HTTP/1.0 200 OK\r\n\r\n");
        send_at(c, due_ms);
    }
    str_release(&path);
}

/* ---- the machine ---- */

static void set_cmdline(struct guest_conn *c, int64_t now_ms)
{
    struct guest *g = c->guest;
    struct str line;
    if (!param(c, "cmdline", &line)) {
        guest_reply_error(c, 400, now_ms, "Missing mandatory parameter 'cmdline'");
    } else if (line.len >= CMDLINE_MAX) {
        guest_reply_error(c, 400, now_ms, "command line too long");
    } else {
        free(g->cmdline);
        g->cmdline = mem_dup(line.text);
        reply_text(c, g->cmdline, now_ms + g->settings.cmdline_ms);
    }
    str_release(&line);
}

static void set_hostname(struct guest_conn *c, int64_t now_ms)
{
    struct str name;
    if (!param(c, "name", &name) || name.len > 64) {
        guest_reply_error(c, 400, now_ms, "Missing mandatory parameter 'name'");
    } else {
        free(c->guest->hostname);
        c->guest->hostname = mem_dup(name.text);
        reply_empty(c, now_ms);
    }
    str_release(&name);
}

static void reboot(struct guest_conn *c, int64_t now_ms)
{
    c->state = GUEST_CONN_SILENT;
    guest_reboot(c->guest, now_ms);
}

static void power_off(struct guest_conn *c, int64_t now_ms)
{
    if (strstr(c->target.text, "shutdown"))
        guest_shutdown(c->guest, now_ms);
    else
        guest_power_cut(c->guest, now_ms);
}

static void jvm(struct guest_conn *c, int64_t now_ms)
{
    const struct guest *g = c->guest;
    if (!g->plan.java || g->app != GUEST_APP_RUNNING)
        guest_reply_error(c, 404, now_ms, "Not found");
    else if (strncmp(c->target.text, "/jvm/version", 12) == 0)
        reply_text(c, "1.8.0_402", now_ms);
    else
        reply_json(c, 200, "[{\"count\": 0, \"name\": \"Copy\", \"time\": 0}]", now_ms);
}

static void uptime(struct guest_conn *c, int64_t now_ms)
{
    reply_number(c, (now_ms - c->guest->kernel_ms) / 1000, now_ms);
}

static void memory_free(struct guest_conn *c, int64_t now_ms)
{
    int64_t used = 0;
    for (size_t i = 0; i < c->guest->change_count; i++)
        used += c->guest->changes[i].entry.blob ? (int64_t)c->guest->changes[i].entry.blob->len : 0;
    reply_number(c, MEMORY_FREE - used, now_ms);
}

static void memory_total(struct guest_conn *c, int64_t now_ms)
{
    reply_number(c, MEMORY_TOTAL, now_ms);
}

static void tell(struct guest_conn *c, int64_t now_ms)
{
    const struct guest *g = c->guest;
    const char *target = c->target.text;
    const char *text = strncmp(target, "/os/version", 11) == 0    ? "v0.57.0-398-g0e34e4dc"
                       : strncmp(target, "/os/vendor", 10) == 0   ? "Cloudius Systems"
                       : strncmp(target, "/os/hostname", 12) == 0 ? g->hostname
                       : strncmp(target, "/os/dmesg", 9) == 0     ? g->dmesg.text
                       : strncmp(target, "/os/cmdline", 11) == 0  ? g->cmdline
                                                                  : "OSv";
    reply_text(c, text, now_ms);
}

static const struct route {
    const char *method, *path;
    void (*handle)(struct guest_conn *c, int64_t now_ms);
} routes[] = {
    {"GET", "/os/name", tell},
    {"GET", "/os/version", tell},
    {"GET", "/os/vendor", tell},
    {"GET", "/os/hostname", tell},
    {"PUT", "/os/hostname", set_hostname},
    {"GET", "/os/dmesg", tell},
    {"GET", "/os/uptime", uptime},
    {"GET", "/os/memory/total", memory_total},
    {"GET", "/os/memory/free", memory_free},
    {"GET", "/os/cmdline", tell},
    {"POST", "/os/cmdline", set_cmdline},
    {"POST", "/os/reboot", reboot},
    {"POST", "/os/shutdown", power_off},
    {"POST", "/os/poweroff", power_off},
    {"GET", "/jvm/version", jvm},
    {"GET", "/jvm/memory/gc", jvm},
};

/* Is there a ".." in the path? */
static bool contains_parent(const char *path, size_t len)
{
    for (size_t i = 0; i + 1 < len; i++)
        if (path[i] == '.' && path[i + 1] == '.')
            return true;
    return false;
}

void guest_api_handle(struct guest_conn *c, int64_t now_ms)
{
    const char *target = c->target.text;
    size_t len = strcspn(target, "?");
    if (contains_parent(target, len)) {
        guest_reply_stock(c, 400, now_ms);
        return;
    }
    struct str path;
    bool is_file = file_path(c, &path);
    if (is_file)
        handle_file(c, path.text, now_ms);
    str_release(&path);
    if (is_file)
        return;
    while (len > 1 && target[len - 1] == '/')
        len--;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].method, c->method.text) == 0 && strlen(routes[i].path) == len &&
            memcmp(routes[i].path, target, len) == 0) {
            routes[i].handle(c, now_ms);
            return;
        }
    guest_reply_error(c, 404, now_ms, "Not found");
}

/* ---- the application ---- */

void guest_app_handle(struct guest_conn *c, int64_t now_ms)
{
    struct guest *g = c->guest;
    struct str body;
    str_init(&body, 0);
    if (g->plan.body) {
        str_add(&body, g->plan.body);
    } else {
        str_addf(&body, "{\"app\":\"%s\",\"artifact_sha256\":\"%s\",\"args\":", g->plan.status < 400 ? "ok" : "bad",
                 blob_sha256(g->plan.blob));
        add_quoted(&body, g->plan.args);
        str_add_char(&body, '}');
    }
    guest_reply(c, g->plan.status, "application/json", body.text, body.len, now_ms);
    str_release(&body);
}
