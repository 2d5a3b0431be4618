#include "scheduler/osv.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/cloud.h"
#include "scheduler/config.h"
#include "scheduler/digest.h"

#define CONNECT_MS 3000
#define CALL_MS    10000
#define UPLOAD_MS  600000
#define REPLY_MAX  ((size_t)65536)

struct osv osv_configured(struct transport *transport, const struct config *config, const char *address)
{
    const struct config_osv *o = &config->osv;
    return (struct osv){.transport = transport,
                        .address = address,
                        .port = (uint16_t)o->port,
                        .tls = o->tls,
                        .ca_file = *o->ca_file ? o->ca_file : NULL,
                        .client_cert_file = *o->client_cert_file ? o->client_cert_file : NULL,
                        .client_key_file = *o->client_key_file ? o->client_key_file : NULL,
                        .upload_ms = config->image.upload_limit_s * 1000};
}

const char *osv_address(const struct config *config, const struct instance *instance)
{
    return strcmp(config->network.address, "public") == 0 ? instance->public_ip : instance->private_ip;
}

static const char *const outcome_words[] = {
    [GUEST_OK] = "answered",
    [GUEST_REFUSED] = "refuses the connection (it is down, or its REST API does not run)",
    [GUEST_TIMED_OUT] = "did not answer in time",
    [GUEST_DROPPED] = "dropped the connection without an answer",
    [GUEST_BAD] = "gave no proper answer",
};

static struct guest_request request_to(const struct osv *osv, const char *method, const char *target)
{
    return (struct guest_request){
        .address = osv->address,
        .port = osv->port ? osv->port : OSV_PORT,
        .tls = osv->tls,
        .ca_file = osv->ca_file,
        .client_cert_file = osv->client_cert_file,
        .client_key_file = osv->client_key_file,
        .method = method,
        .target = target,
        .reply_max = REPLY_MAX,
        .connect_ms = osv->connect_ms ? osv->connect_ms : CONNECT_MS,
        .total_ms = osv->call_ms ? osv->call_ms : CALL_MS,
    };
}

/* What the guest says of an error: its JSON message, else the beginning of the body. */
static void add_reason(const struct str *body, char to[256])
{
    struct err ignored;
    cJSON *json = json_parse("reply", body->text, body->len, &ignored);
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "message"));
    str_fit(to, 256, "%.200s", message ? message : body->text);
    cJSON_Delete(json);
}

/* Sends; 0 with reply (the caller's to release) only for one of the statuses wanted: 200, or also_status. */
static int ask(const struct osv *osv, const struct guest_request *request, int also_status, struct guest_reply *reply,
               struct err *err)
{
    struct err why = {0};
    *reply = (struct guest_reply){0};
    str_init(&reply->body, request->reply_max);
    enum guest_outcome outcome = osv->transport->guest(osv->transport->self, request, reply, &why);
    int code = 0;
    if (outcome != GUEST_OK) {
        if (!(request->silence_is_success && outcome == GUEST_DROPPED))
            code = err_set(err, EXIT_FAILED, "OSv at %s:%d, %s %s: it %s%s%s", request->address, request->port,
                           request->method, request->target, outcome_words[outcome], *why.text ? ": " : "", why.text);
    } else if (reply->status != 200 && reply->status != also_status) {
        char reason[256];
        add_reason(&reply->body, reason);
        code = err_set(err, EXIT_FAILED, "OSv at %s:%d, %s %s: status %d: %s", request->address, request->port,
                       request->method, request->target, reply->status, reason);
    }
    if (code)
        str_release(&reply->body);
    return code;
}

/* GET of something whose reply is one JSON value. */
static int ask_json(const struct osv *osv, const char *method, const char *target, cJSON **out, struct err *err)
{
    struct guest_request request = request_to(osv, method, target);
    struct guest_reply reply;
    struct err why;
    int code = ask(osv, &request, 0, &reply, err);
    if (code)
        return code;
    *out = json_parse("reply", reply.body.text, reply.body.len, &why);
    if (!*out)
        code = err_set(err, EXIT_FAILED, "OSv at %s:%d, %s %s: the reply is no JSON: %.100s", request.address,
                       request.port, method, target, reply.body.text);
    str_release(&reply.body);
    return code;
}

static int ask_text(const struct osv *osv, const char *method, const char *target, char *to, size_t size,
                    struct err *err)
{
    cJSON *json = NULL;
    int code = ask_json(osv, method, target, &json, err);
    if (code)
        return code;
    const char *text = cJSON_GetStringValue(json);
    if (!text || strlen(text) >= size)
        code = err_set(err, EXIT_FAILED, "OSv at %s, %s: the reply is no text of less than %zu bytes", osv->address,
                       target, size);
    else
        str_fit(to, size, "%s", text);
    cJSON_Delete(json);
    return code;
}

int osv_version(const struct osv *osv, char version[96], struct err *err)
{
    return ask_text(osv, "GET", "/os/version", version, 96, err);
}

int osv_uptime(const struct osv *osv, int64_t *seconds, struct err *err)
{
    cJSON *json = NULL;
    int code = ask_json(osv, "GET", "/os/uptime", &json, err);
    if (code)
        return code;
    double value = cJSON_GetNumberValue(json); /* NaN for what is no number */
    if (isnan(value) || value < 0 || value > 1e12)
        code = err_set(err, EXIT_FAILED, "OSv at %s: its uptime is no number of seconds", osv->address);
    else
        *seconds = (int64_t)value;
    cJSON_Delete(json);
    return code;
}

int osv_wait_up(const struct osv *osv, int64_t limit_ms, char version[96], struct err *err)
{
    const struct transport *t = osv->transport;
    int64_t begin = t->now_ms(t->self);
    for (int64_t pause = 500;; pause = pause < 5000 ? pause + pause / 2 : 5000) {
        int code = osv_version(osv, version, err);
        if (code == 0)
            return 0;
        if (t->now_ms(t->self) - begin >= limit_ms) {
            struct err last = *err;
            return err_set(err, EXIT_FAILED, "not up within %" PRId64 " s: %s", limit_ms / 1000, last.text);
        }
        if (t->sleep_ms(t->self, pause))
            return code;
    }
}

static void add_encoded(struct str *out, const char *text, const char *plain)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    for (const char *c = text; *c; c++)
        if (strchr(unreserved, *c) || strchr(plain, *c))
            str_add_char(out, *c);
        else
            str_addf(out, "%%%02X", (unsigned char)*c);
}

static int file_target(struct str *out, const char *path, const char *op, struct err *err)
{
    str_init(out, 0);
    if (path[0] != '/' || strstr(path, "..") || strlen(path) > OSV_PATH_MAX)
        return err_set(err, EXIT_FAILED, "\"%.100s\" is no path for OSv: absolute, without \"..\", at most %d bytes",
                       path, OSV_PATH_MAX);
    str_add(out, "/file");
    add_encoded(out, path, "/");
    str_add(out, op);
    return 0;
}

/* The boundary holds the file's own digest: a file that contains it would have to contain its own SHA-256. */
static int send_file(const struct osv *osv, const char *file, const char *target, const char *sha256, struct err *err)
{
    char boundary[DIGEST_TEXT_SIZE + 16];
    char type[DIGEST_TEXT_SIZE + 64];
    char head[512];
    char tail[DIGEST_TEXT_SIZE + 32];
    str_fit(boundary, sizeof boundary, "bakehour-%.48s", sha256);
    str_fit(type, sizeof type, "multipart/form-data; boundary=%s", boundary);
    str_fit(head, sizeof head,
            "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n",
            boundary);
    str_fit(tail, sizeof tail, "\r\n--%s--\r\n", boundary);
    struct guest_request request = request_to(osv, "POST", target);
    request.content_type = type;
    request.body_head = head;
    request.body_file = file;
    request.body_tail = tail;
    request.total_ms = osv->upload_ms ? osv->upload_ms : UPLOAD_MS;
    struct guest_reply reply;
    int code = ask(osv, &request, 0, &reply, err);
    if (code == 0)
        str_release(&reply.body);
    return code;
}

int osv_upload(const struct osv *osv, const char *file, const char *path, struct err *err)
{
    char sha256[DIGEST_TEXT_SIZE];
    int64_t bytes;
    int64_t stored = -1;
    struct str target;
    int code = digest_file(file, sha256, &bytes, err);
    if (code || (code = file_target(&target, path, "", err)))
        return code;
    code = send_file(osv, file, target.text, sha256, err);
    str_release(&target);
    if (code) {
        struct err why = *err;
        return err_set(err, code, "%s (is there a folder for %s in the image?)", why.text, path);
    }
    code = osv_length(osv, path, &stored, err);
    if (code == 0 && stored != bytes)
        code = err_set(err, EXIT_FAILED, "OSv at %s stored %" PRId64 " bytes of %s, which has %" PRId64, osv->address,
                       stored, path, bytes);
    return code;
}

int osv_length(const struct osv *osv, const char *path, int64_t *length, struct err *err)
{
    struct str target;
    struct guest_reply reply;
    struct err ignored;
    int code = file_target(&target, path, "?op=GETFILESTATUS", err);
    if (code)
        return code;
    struct guest_request request = request_to(osv, "GET", target.text);
    code = ask(osv, &request, 404, &reply, err);
    str_release(&target);
    if (code)
        return code;
    cJSON *json = json_parse("reply", reply.body.text, reply.body.len, &ignored);
    double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "length"));
    if (reply.status == 404)
        *length = -1;
    else if (isnan(value) || value < 0 || value > 1e15)
        code = err_set(err, EXIT_FAILED, "OSv at %s does not say how long %s is: %.100s", osv->address, path,
                       reply.body.text);
    else
        *length = (int64_t)value;
    cJSON_Delete(json);
    str_release(&reply.body);
    return code;
}

static int read_back(const struct osv *osv, const char *path, int64_t length, const char *save_to, struct err *err)
{
    struct str target;
    int code = file_target(&target, path, "?op=GET", err);
    if (code)
        return code;
    struct guest_request request = request_to(osv, "GET", target.text);
    struct guest_reply reply;
    request.save_to = save_to;
    request.reply_max = (size_t)length + 1;
    request.total_ms = osv->upload_ms ? osv->upload_ms : UPLOAD_MS;
    code = ask(osv, &request, 0, &reply, err);
    str_release(&target);
    if (code == 0)
        str_release(&reply.body);
    return code;
}

int osv_verify(const struct osv *osv, const char *path, int64_t length, const char *sha256, struct err *err)
{
    return osv_verify_with(osv, path, length, sha256, NULL, NULL, err);
}

int osv_verify_with(const struct osv *osv, const char *path, int64_t length, const char *sha256, osv_inspect *inspect,
                    void *context, struct err *err)
{
    int64_t stored = -1;
    int code = osv_length(osv, path, &stored, err);
    if (code)
        return code;
    if (stored != length)
        return err_set(err, EXIT_FAILED, "OSv at %s: %s has %" PRId64 " bytes, not %" PRId64, osv->address, path,
                       stored, length);
    if (!sha256 && !inspect)
        return 0;
    const char *folder = getenv("TMPDIR");
    char file[1024];
    if (snprintf(file, sizeof file, "%s/bakehour-XXXXXX", folder && *folder ? folder : "/tmp") >= (int)sizeof file)
        return err_set(err, EXIT_FAILED, "TMPDIR is too long a path");
    int fd = mkstemp(file);
    if (fd < 0)
        return err_set(err, EXIT_FAILED, "%s: no temporary file for what %s holds", file, path);
    (void)close(fd);
    char got[DIGEST_TEXT_SIZE];
    int64_t bytes;
    code = read_back(osv, path, length, file, err);
    if (code == 0)
        code = digest_file(file, got, &bytes, err);
    if (code == 0 && (bytes != length || (sha256 && strcmp(got, sha256) != 0)))
        code =
            err_set(err, EXIT_FAILED, "OSv at %s: %s is not what was uploaded: its SHA-256 is %.12s..., not %.12s...",
                    osv->address, path, got, sha256 ? sha256 : "(any)");
    if (code == 0 && inspect)
        code = inspect(context, file, err);
    (void)unlink(file);
    return code;
}

int osv_delete(const struct osv *osv, const char *path, struct err *err)
{
    struct str target;
    struct guest_reply reply;
    int code = file_target(&target, path, "?op=DELETE", err);
    if (code)
        return code;
    struct guest_request request = request_to(osv, "DELETE", target.text);
    code = ask(osv, &request, 404, &reply, err);
    str_release(&target);
    if (code == 0)
        str_release(&reply.body);
    return code;
}

int osv_cmdline(const struct osv *osv, char line[OSV_CMDLINE_MAX + 1], struct err *err)
{
    return ask_text(osv, "GET", "/os/cmdline", line, OSV_CMDLINE_MAX + 1, err);
}

int osv_set_cmdline(const struct osv *osv, const char *line, struct err *err)
{
    size_t len = strlen(line);
    if (len == 0 || len > OSV_CMDLINE_MAX)
        return err_set(err, EXIT_FAILED, "a command line of %zu bytes: OSv takes 1 to %d", len, OSV_CMDLINE_MAX);
    struct str target;
    struct guest_reply reply;
    char now[OSV_CMDLINE_MAX + 1] = "";
    str_init(&target, 0);
    str_add(&target, "/os/cmdline?cmdline=");
    add_encoded(&target, line, "");
    struct guest_request request = request_to(osv, "POST", target.text);
    int code = ask(osv, &request, 0, &reply, err);
    if (code == 0) {
        str_release(&reply.body);
        code = osv_cmdline(osv, now, err);
    }
    str_release(&target);
    if (code == 0 && strcmp(now, line) != 0)
        code = err_set(err, EXIT_FAILED, "OSv at %s has the command line \"%.300s\", not \"%.300s\"", osv->address, now,
                       line);
    return code;
}

static int power(const struct osv *osv, const char *target, struct err *err)
{
    struct guest_request request = request_to(osv, "POST", target);
    struct guest_reply reply;
    request.silence_is_success = true;
    int code = ask(osv, &request, 0, &reply, err);
    if (code == 0)
        str_release(&reply.body);
    return code;
}

int osv_reboot(const struct osv *osv, struct err *err)
{
    return power(osv, "/os/reboot", err);
}

int osv_shutdown(const struct osv *osv, struct err *err)
{
    return power(osv, "/os/shutdown", err);
}

int osv_poweroff(const struct osv *osv, struct err *err)
{
    return power(osv, "/os/poweroff", err);
}

int osv_make_durable(const struct osv *osv, enum osv_order order, int64_t flush_ms, struct err *err)
{
    if (order == OSV_SHUTDOWN)
        return osv_shutdown(osv, err);
    if (flush_ms < OSV_FLUSH_LEAST_MS)
        flush_ms = OSV_FLUSH_LEAST_MS;
    if (osv->transport->sleep_ms(osv->transport->self, flush_ms))
        return err_set(err, EXIT_FAILED, "asked to stop while OSv at %s writes to its disk", osv->address);
    return 0;
}
