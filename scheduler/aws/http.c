#include "scheduler/aws/http.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/mem.h"

struct http {
    CURL *curl;
    const volatile sig_atomic_t *stop;
};

/* One request under way. */
struct exchange {
    const struct http *http;
    const struct http_request *request;
    struct http_reply *reply;
    FILE *save, *file;
    size_t saved;
    size_t at[3]; /* bytes sent of head, file, tail */
    bool too_long, not_saved, late;
    int64_t stop_seen_ns;
};

struct http *http_new(const volatile sig_atomic_t *stop)
{
    static bool is_ready;
    if (!is_ready && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        mem_die(0);
    is_ready = true;
    struct http *http = mem_zero(1, sizeof *http);
    http->curl = curl_easy_init();
    http->stop = stop;
    if (!http->curl)
        mem_die(0);
    return http;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    curl_easy_cleanup(http->curl);
    free(http);
}

void http_reply_release(struct http_reply *reply)
{
    if (reply->body.text)
        OPENSSL_cleanse(reply->body.text, reply->body.cap);
    str_release(&reply->body);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t len = size * count;
    size_t so_far = x->save ? x->saved : x->reply->body.len;
    if (len > x->request->reply_max || so_far > x->request->reply_max - len) {
        x->too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (!x->save) {
        str_add_n(&x->reply->body, data, len);
        return len;
    }
    x->saved += len;
    x->not_saved = fwrite(data, 1, len, x->save) != len;
    return x->not_saved ? CURL_WRITEFUNC_ERROR : len;
}

/* The value of a header line "name: value\r\n", where it is that one. */
static void take_header(const char *line, size_t len, const char *name, char *to, size_t size)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return;
    for (n++; n < len && line[n] == ' ';)
        n++;
    while (len > n && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (len - n < size)
        str_fit(to, size, "%.*s", (int)(len - n), line + n);
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t len = size * count;
    char date[64] = "";
    take_header(data, len, "x-amzn-requestid", x->reply->request_id, sizeof x->reply->request_id);
    take_header(data, len, "x-amz-request-id", x->reply->request_id, sizeof x->reply->request_id);
    take_header(data, len, "x-amzn-errortype", x->reply->error_type, sizeof x->reply->error_type);
    take_header(data, len, "date", date, sizeof date);
    if (*date) {
        time_t t = curl_getdate(date, NULL);
        x->reply->date_s = t > 0 ? (int64_t)t : 0;
    }
    return len;
}

static size_t from_text(const char *text, size_t *at, char *to, size_t room)
{
    size_t left = text ? strlen(text) - *at : 0;
    size_t n = left < room ? left : room;
    if (n > 0)
        memcpy(to, text + *at, n);
    *at += n;
    return n;
}

/* Fills the buffer as far as it goes, so that a part's header leaves together with the part's first bytes. */
static size_t on_read(char *to, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
    size_t room = size * count;
    size_t n = from_text(x->request->body_head, &x->at[0], to, room);
    if (n < room) {
        size_t got = fread(to + n, 1, room - n, x->file);
        if (got < room - n && ferror(x->file))
            return CURL_READFUNC_ABORT;
        n += got;
    }
    return n + from_text(x->request->body_tail, &x->at[2], to + n, room - n);
}

static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct exchange *x = context;
    (void)down_all, (void)down, (void)up_all, (void)up;
    if (!x->http->stop || !*x->http->stop)
        return 0;
    int64_t now = clock_monotonic_ns();
    if (!x->stop_seen_ns)
        x->stop_seen_ns = now;
    return now - x->stop_seen_ns >= x->request->stop_grace_ms * 1000000;
}

/* Called when the connection stands, just before the request is signed and written. */
static int on_ready(void *context, char *to, char *from, int to_port, int from_port)
{
    struct exchange *x = context;
    const struct http_request *r = x->request;
    (void)to, (void)from, (void)to_port, (void)from_port;
    x->late =
        (r->send_by_ns && clock_asleep_too_ns() > r->send_by_ns) || (r->send_by_s && clock_now_s() > r->send_by_s);
    return x->late ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static curl_off_t length_of_file(FILE *file)
{
    if (fseek(file, 0, SEEK_END))
        return -1;
    long end = ftell(file);
    rewind(file);
    return end;
}

static int put_body(CURL *curl, struct exchange *x, struct err *err)
{
    const struct http_request *r = x->request;
    if (!r->body_file) {
        if (r->body || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0) {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body ? r->body : "");
        }
        return 0;
    }
    x->file = fopen(r->body_file, "rb");
    curl_off_t length = x->file ? length_of_file(x->file) : -1;
    if (length < 0)
        return err_set(err, EXIT_FAILED, "%s: cannot be read: %s", r->body_file, strerror(errno));
    length += (curl_off_t)((r->body_head ? strlen(r->body_head) : 0) + (r->body_tail ? strlen(r->body_tail) : 0));
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, length);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, x);
    return 0;
}

/* The authorities that servers are held against: AWS's own variable, then curl's and OpenSSL's, then libcurl's own
 * place; where that is empty, since the program was built for another system, the first of the usual ones. NULL:
 * libcurl's. */
static const char *authorities(void)
{
    static const char *const names[] = {"AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"};
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return value;
    }
    const char *built_in = curl_version_info(CURLVERSION_NOW)->cainfo;
    if (built_in && access(built_in, R_OK) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static void put_connection(CURL *curl, const struct http_request *r)
{
    const char *trusted = r->ca_file || r->direct ? r->ca_file : authorities();
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)r->total_ms);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, r->direct ? (long)CURL_HTTP_VERSION_1_0 : (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, r->direct && r->ca_file ? 0L : 2L);
    if (trusted)
        curl_easy_setopt(curl, CURLOPT_CAINFO, trusted);
    if (r->client_cert_file)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, r->client_cert_file);
    if (r->client_key_file)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, r->client_key_file);
    if (r->direct) {
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        /* A server that asks for certificates and names no context for its sessions (SSL_CTX_set_session_id_context(3))
         * ends each connection that would take up an earlier one's: every request is a new one to it. */
        curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    }
    if (r->direct || r->fresh) {
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    }
}

static void put_callbacks(CURL *curl, struct exchange *x, char *message)
{
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, x);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, x);
}

/* A removal header would break the signature, so Expect is taken off only where nothing is signed. */
static struct curl_slist *header_list(const struct http_request *r)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < r->header_count; i++)
        list = curl_slist_append(list, r->headers[i]);
    if (!r->sign)
        list = curl_slist_append(list, "Expect:");
    return list;
}

static enum http_outcome outcome_of(CURL *curl, CURLcode code, const struct exchange *x)
{
    curl_off_t sent_us = 0;
    if (x->too_long)
        return HTTP_TOO_LONG;
    if (x->not_saved)
        return HTTP_BAD;
    (void)curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    switch (code) {
    case CURLE_OK:
        return HTTP_DONE;
    case CURLE_COULDNT_CONNECT:
        return HTTP_REFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* also what libcurl says of a reply that is no HTTP: then it was sent */
        return sent_us > 0 ? HTTP_BAD : HTTP_UNSENT;
    case CURLE_OPERATION_TIMEDOUT:
        return sent_us > 0 || x->request->direct ? HTTP_TIMED_OUT : HTTP_UNSENT;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return HTTP_DROPPED;
    case CURLE_ABORTED_BY_CALLBACK:
        if (x->late)
            return HTTP_LATE;
        return x->stop_seen_ns ? HTTP_STOPPED : HTTP_BAD;
    default:
        return HTTP_BAD;
    }
}

static enum http_outcome perform(CURL *curl, struct exchange *x, struct err *err)
{
    char message[CURL_ERROR_SIZE] = "";
    const struct http_request *r = x->request;
    struct curl_slist *headers = header_list(r);
    curl_easy_setopt(curl, CURLOPT_URL, r->url);
    put_connection(curl, r);
    put_callbacks(curl, x, message);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, r->method);
    if (r->sign) {
        curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, r->sign);
        curl_easy_setopt(curl, CURLOPT_USERPWD, r->key_secret);
    }
    CURLcode code = curl_easy_perform(curl);
    enum http_outcome outcome = outcome_of(curl, code, x);
    long status = 0;
    curl_off_t took_us = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &took_us);
    x->reply->status = (int)status;
    x->reply->took_ms = took_us / 1000;
    if (outcome == HTTP_TOO_LONG)
        err_set(err, EXIT_FAILED, "a reply of more than %zu bytes", r->reply_max);
    else if (outcome == HTTP_BAD && x->not_saved)
        err_set(err, EXIT_FAILED, "%s: cannot be written: %s", r->save_to, strerror(errno));
    else if (outcome != HTTP_DONE)
        err_set(err, EXIT_FAILED, "%s", *message ? message : curl_easy_strerror(code));
    curl_slist_free_all(headers);
    return outcome;
}

enum http_outcome http_send(struct http *http, const struct http_request *request, struct http_reply *reply,
                            struct err *err)
{
    assert(request->connect_ms > 0 && request->total_ms > 0 && request->reply_max > 0);
    struct exchange x = {.http = http, .request = request, .reply = reply};
    *reply = (struct http_reply){0};
    str_init(&reply->body, request->reply_max);
    curl_easy_reset(http->curl); /* connections stay; the secret of the last call goes */
    enum http_outcome outcome = HTTP_BAD;
    if (request->save_to && !(x.save = fopen(request->save_to, "wb")))
        err_set(err, EXIT_FAILED, "%s: cannot be written: %s", request->save_to, strerror(errno));
    else if (put_body(http->curl, &x, err) == 0)
        outcome = perform(http->curl, &x, err);
    curl_easy_reset(http->curl);
    if (x.file)
        (void)fclose(x.file);
    if (x.save && fclose(x.save) && outcome == HTTP_DONE) {
        err_set(err, EXIT_FAILED, "%s: cannot be written: %s", request->save_to, strerror(errno));
        outcome = HTTP_BAD;
    }
    return outcome;
}
