#include "scheduler/sinks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/out.h"
#include "billing/calendar.h"
#include "scheduler/aws/http.h"
#include "scheduler/document.h"

#define POST_MS        3000
#define STOP_MS        1000 /* for all that is sent once we are asked to stop, to all sinks together */
#define STOP_LEAST_MS  20   /* less is not worth a connection */
#define REPLY_MAX      ((size_t)64 << 10)
#define FAILURES_MAX   3
#define LINE_MAX_BYTES ((size_t)64 << 10)
#define BULK_MAX       ((size_t)512 << 10) /* Loggly takes 5 MB */

struct sink {
    const struct config_sink *config;
    char *url, *header; /* secrets, perhaps: never shown */
    struct str bulk;
    int failures;
    bool said;
};

struct sinks {
    const struct config *config;
    const char *environment;
    struct ci_context ci;
    const struct session *session;
    struct http *http; /* NULL: the caller's post is used */
    const volatile sig_atomic_t *stop;
    int64_t stop_left_ms; /* of STOP_MS */
    sinks_post *post;
    void *post_context;
    struct sink *items;
    size_t count;
};

static bool is_stopping(const struct sinks *s)
{
    return s->stop && *s->stop;
}

/* Its reply says nothing that is used but the status. */
static int http_post(void *context, const char *url, const char *header, const char *body, size_t len)
{
    struct sinks *all = context;
    const char *const headers[] = {"Content-Type: application/json", header};
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = *header ? 2 : 1,
                                         .body = body,
                                         .body_len = len,
                                         .connect_ms = POST_MS,
                                         .total_ms = POST_MS,
                                         .stop_grace_ms = all->stop_left_ms,
                                         .reply_max = REPLY_MAX,
                                         .fresh = true};
    struct http_reply reply = {0};
    struct err err;
    enum http_outcome outcome = http_send(all->http, &request, &reply, &err);
    if (is_stopping(all)) /* the signal came before, or meanwhile: then it is not known how long ago */
        all->stop_left_ms -= reply.took_ms < all->stop_left_ms ? reply.took_ms : all->stop_left_ms;
    int status = outcome == HTTP_DONE || outcome == HTTP_TOO_LONG ? reply.status : -1;
    http_reply_release(&reply);
    return status;
}

static bool is(const struct sink *s, const char *kind)
{
    return strcmp(s->config->kind, kind) == 0;
}

/* Without the line break that a file's content ends with; one in the middle could end a header: no value at all. */
static char *from_environment(const char *name)
{
    const char *value = *name ? getenv(name) : NULL;
    value = value ? value + strspn(value, " \t\r\n") : "";
    size_t len = strlen(value);
    while (len && strchr(" \t\r\n", value[len - 1]))
        len--;
    char *kept = mem_dup_n(value, len);
    if (strpbrk(kept, "\r\n"))
        *kept = '\0';
    return kept;
}

static void open_sink(struct sink *s, const struct config_sink *config)
{
    struct str header;
    char *token = from_environment(config->token_env);
    s->config = config;
    str_init(&s->bulk, BULK_MAX);
    str_init(&header, 4096);
    s->url = *config->url_env ? from_environment(config->url_env) : mem_dup(config->url);
    if (is(s, "newrelic") && !*s->url) {
        free(s->url);
        s->url = mem_dup("https://api.newrelic.com/v2/applications/deployments.json");
    }
    if (*token)
        str_addf(&header, is(s, "newrelic") ? "Api-Key: %s" : "Authorization: Bearer %s", token);
    s->header = str_detach(&header);
    free(token);
}

struct sinks *sinks_open(const struct config *c, const char *environment, const struct ci_context *ci,
                         const struct session *session, const volatile sig_atomic_t *stop, sinks_post *post,
                         void *post_context)
{
    struct sinks *s = mem_zero(1, sizeof(*s));
    *s = (struct sinks){.config = c,
                        .environment = environment,
                        .ci = *ci,
                        .session = session,
                        .http = post ? NULL : http_new(stop),
                        .stop = stop,
                        .stop_left_ms = STOP_MS,
                        .post = post ? post : http_post,
                        .post_context = post ? post_context : s,
                        .count = c->sinks.count};
    s->items = mem_zero(s->count + 1, sizeof(*s->items));
    for (size_t i = 0; i < s->count; i++)
        open_sink(&s->items[i], &c->sinks.items[i]);
    return s;
}

/* Said once, by kind and place in the configuration: the address may be a secret. */
static void failed(struct sinks *all, struct sink *s, const char *why)
{
    s->failures++;
    if (!s->said)
        session_note(all->session, "the sink %zu (%s) failed: %s; deployments go on without it",
                     (size_t)(s - all->items) + 1, s->config->kind, why);
    s->said = true;
}

static void send_to(struct sinks *all, struct sink *s, const char *body, size_t len)
{
    char why[64];
    if (s->failures >= FAILURES_MAX || (is_stopping(all) && all->stop_left_ms <= STOP_LEAST_MS))
        return;
    if (!*s->url) {
        failed(all, s, "its address is not in the environment");
        s->failures = FAILURES_MAX;
        return;
    }
    int status = all->post(all->post_context, s->url, s->header, body, len);
    if (status >= 200 && status < 300) {
        s->failures = 0;
        return;
    }
    if (status < 0)
        str_fit(why, sizeof(why), "no answer");
    else
        str_fit(why, sizeof(why), "status %d", status);
    failed(all, s, why);
}

static void append(struct sinks *all, struct sink *s, const char *line, size_t len)
{
    int fd = s->failures < FAILURES_MAX ? open(s->config->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -2;
    if (fd == -2)
        return;
    if (fd < 0 || write(fd, line, len) != (ssize_t)len)
        failed(all, s, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static cJSON *event(const struct sinks *all, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    char at[INSTANT_TEXT_SIZE];
    cJSON *doc = document_new();
    json_text(doc, "time", calendar_text(at_ms / 1000, at));
    json_text(doc, "kind", kind);
    json_text(doc, "text", text);
    json_text(doc, "project", all->config->project);
    json_text(doc, "environment", all->environment);
    if (*all->ci.system) {
        cJSON *ci = json_object(doc, "ci");
        json_text(ci, "system", all->ci.system);
        json_text(ci, "repository", all->ci.repository);
        json_text(ci, "branch", all->ci.branch);
        json_text(ci, "job", all->ci.job);
        json_text(ci, "url", all->ci.url);
    }
    if (detail)
        cJSON_AddItemToObject(doc, "detail", cJSON_Duplicate(detail, 1));
    return doc;
}

static bool wants(const struct sink *s, const char *kind)
{
    bool ends = strcmp(kind, "completed") == 0 || strcmp(kind, "rolled-back") == 0 || strcmp(kind, "capped") == 0 ||
                strcmp(kind, "failed") == 0 || strcmp(kind, "broken") == 0;
    for (size_t i = 0; i < s->config->events.count; i++)
        if (strcmp(s->config->events.items[i], kind) == 0)
            return true;
    if (s->config->events.count)
        return false;
    if (is(s, "newrelic"))
        return strcmp(kind, "completed") == 0;
    return is(s, "slack") ? ends || strcmp(kind, "started") == 0 : true;
}

/* Slack reads <, > and & as its own marks. */
static void add_escaped(struct str *to, const char *text)
{
    for (; *text; text++)
        if (*text == '&')
            str_add(to, "&amp;");
        else if (*text == '<')
            str_add(to, "&lt;");
        else if (*text == '>')
            str_add(to, "&gt;");
        else
            str_add_char(to, *text);
}

/* What each kind of sink is sent, from the whole event. */
static void put_body(const struct sinks *all, const struct sink *s, const char *text, const cJSON *detail,
                     const char *line, struct str *body)
{
    cJSON *doc;
    if (is(s, "slack")) {
        struct str said;
        str_init(&said, 4096);
        str_addf(&said, "%s (%s): ", all->config->project, all->environment);
        add_escaped(&said, text);
        doc = document_new();
        json_text(doc, "text", said.text);
        str_release(&said);
        document_text(doc, body);
    } else if (is(s, "newrelic")) {
        doc = document_new();
        cJSON *marker = json_object(doc, "deployment");
        json_text(marker, "revision", document_get(detail, "commit"));
        json_text(marker, "description", text);
        json_text(marker, "user", *all->ci.actor ? all->ci.actor : "bakehour");
        document_text(doc, body);
    } else {
        str_add(body, line);
        str_add_char(body, '\n');
    }
}

static void flush(struct sinks *all, struct sink *s)
{
    if (s->bulk.len)
        send_to(all, s, s->bulk.text, s->bulk.len);
    str_clear(&s->bulk);
}

void sinks_tell(struct sinks *all, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    struct str line;
    if (!all || !all->count)
        return;
    str_init(&line, LINE_MAX_BYTES);
    document_text(event(all, at_ms, kind, text, detail), &line);
    if (line.full) { /* half a document is none */
        str_release(&line);
        str_init(&line, LINE_MAX_BYTES);
        document_text(event(all, at_ms, kind, "(too long to be sent)", NULL), &line);
    }
    for (size_t i = 0; i < all->count; i++) {
        struct sink *s = &all->items[i];
        struct str body;
        if (!wants(s, kind))
            continue;
        str_init(&body, 128 << 10);
        put_body(all, s, text, detail, line.text, &body);
        if (is(s, "file")) {
            append(all, s, body.text, body.len);
        } else if (is(s, "loggly")) {
            if (s->bulk.len + body.len > BULK_MAX)
                flush(all, s);
            str_add(&s->bulk, body.text);
            if (strcmp(kind, "step") != 0)
                flush(all, s);
        } else {
            send_to(all, s, body.text, body.len);
        }
        str_release(&body);
    }
    str_release(&line);
}

void sinks_close(struct sinks *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++) {
        flush(all, &all->items[i]);
        str_release(&all->items[i].bulk);
        free(all->items[i].url);
        free(all->items[i].header);
    }
    http_free(all->http);
    free(all->items);
    free(all);
}
