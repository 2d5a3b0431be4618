/* credentials_remote.c - credentials that the place we run in hands out: containers (ECS, EKS) and EC2's metadata. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/out.h"
#include "scheduler/aws/credentials.h"

#define CONTAINER_HOST "http://169.254.170.2"
#define METADATA_HOST  "http://169.254.169.254"
#define METADATA_PATH  "/latest/meta-data/iam/security-credentials/"

struct ask {
    const char *method, *url, *header;
    int64_t limit_ms;
};

static enum http_outcome send_ask(const struct credential_search *search, const struct ask *ask,
                                  struct http_reply *reply, struct err *err)
{
    const struct http_request request = {
        .method = ask->method,
        .url = ask->url,
        .headers = &ask->header,
        .header_count = ask->header != NULL,
        .connect_ms = ask->limit_ms,
        .total_ms = ask->limit_ms,
        .reply_max = CREDENTIALS_MAX,
        .direct = true,
    };
    return http_send(search->http, &request, reply, err);
}

/* Only https, the loopback and the addresses that containers are served at may see the token. */
static bool may_be_asked(const char *url)
{
    static const char *const hosts[] = {"http://127.0.0.1",
                                        "http://localhost",
                                        "http://[::1]",
                                        CONTAINER_HOST,
                                        "http://169.254.170.23",
                                        "http://[fd00:ec2::23]",
                                        NULL};
    if (strncmp(url, "https://", 8) == 0)
        return true;
    for (size_t i = 0; hosts[i]; i++) {
        size_t len = strlen(hosts[i]);
        if (strncmp(url, hosts[i], len) != 0 || strchr(url + 7, '@'))
            continue;
        if (url[len] == '\0' || url[len] == ':' || url[len] == '/')
            return true;
    }
    return false;
}

static int authorization(struct str *header, struct err *err)
{
    const char *file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char *text = NULL;
    size_t len = 0;
    int code = file ? file_read(file, CREDENTIALS_MAX, &text, &len, err) : 0;
    if (!code && (text || token)) {
        token = text ? text : token;
        str_addf(header, "Authorization: %.*s", (int)strcspn(token, "\r\n"), token);
    }
    if (text)
        OPENSSL_cleanse(text, len);
    free(text);
    return code;
}

int source_container(const struct credential_search *search, struct credentials *out, struct err *err)
{
    const char *relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    struct str url;
    struct str header;
    if (!relative && !full)
        return SOURCE_NOT_SET;
    if (!relative && !may_be_asked(full))
        return err_set(err, EXIT_INPUT,
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor an address on this host "
                       "or of a container service");
    str_init(&url, 0);
    str_init(&header, CREDENTIALS_MAX);
    if (relative)
        str_addf(&url, "%s%s", search->container_host ? search->container_host : CONTAINER_HOST, relative);
    else
        str_add(&url, full);
    struct http_reply reply = {0};
    struct err why;
    int code = authorization(&header, err);
    if (!code) {
        const struct ask ask = {"GET", url.text, header.len ? header.text : NULL, 5000};
        if (send_ask(search, &ask, &reply, &why) != HTTP_DONE)
            code = err_set(err, EXIT_FAILED, "container credentials: %s", why.text);
        else if (reply.status != 200)
            code = err_set(err, EXIT_FAILED, "container credentials: status %d", reply.status);
        else
            code = credentials_read_json(reply.body.text, reply.body.len, false, "container credentials", out, err);
    }
    http_reply_release(&reply);
    OPENSSL_cleanse(header.text, header.cap);
    str_release(&header);
    str_release(&url);
    return code;
}

static int metadata_get(const struct credential_search *search, const char *host, const char *path, const char *token,
                        struct http_reply *reply, struct err *err)
{
    struct str url;
    struct str header;
    struct err why;
    str_init(&url, 0);
    str_init(&header, 4096);
    str_addf(&url, "%s%s", host, path);
    str_addf(&header, "X-aws-ec2-metadata-token: %s", token);
    const struct ask ask = {"GET", url.text, header.text, 2000};
    int code = 0;
    if (send_ask(search, &ask, reply, &why) != HTTP_DONE)
        code = err_set(err, EXIT_FAILED, "instance metadata: %s", why.text);
    else if (reply->status != 200)
        code = err_set(err, EXIT_FAILED, "instance metadata: status %d%s", reply->status,
                       reply->status == 404 ? " (has this instance a role?)" : "");
    OPENSSL_cleanse(header.text, header.cap);
    str_release(&header);
    str_release(&url);
    return code;
}

static int metadata_role(const struct credential_search *search, const char *host, const char *token,
                         struct credentials *out, struct err *err)
{
    struct http_reply role = {0};
    struct http_reply answer = {0};
    int code = metadata_get(search, host, METADATA_PATH, token, &role, err);
    if (!code) {
        char path[256];
        char what[160];
        int len = (int)strcspn(role.body.text, "\r\n");
        str_fit(path, sizeof path, METADATA_PATH "%.*s", len < 100 ? len : 100, role.body.text);
        str_fit(what, sizeof what, "instance metadata, role %.*s", len < 100 ? len : 100, role.body.text);
        code = metadata_get(search, host, path, token, &answer, err);
        if (!code)
            code = credentials_read_json(answer.body.text, answer.body.len, false, what, out, err);
    }
    http_reply_release(&role);
    http_reply_release(&answer);
    return code;
}

/* Where nobody answers there is no metadata service: most machines are no instances. */
int source_instance(const struct credential_search *search, struct credentials *out, struct err *err)
{
    const char *host = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (environment_is_true("AWS_EC2_METADATA_DISABLED"))
        return SOURCE_NOT_SET;
    struct str url;
    str_init(&url, 0);
    str_add(&url, host ? host : METADATA_HOST);
    while (url.len > 0 && url.text[url.len - 1] == '/')
        url.text[--url.len] = '\0';
    char *base = mem_dup(url.text);
    str_add(&url, "/latest/api/token");
    const struct ask ask = {"PUT", url.text, "X-aws-ec2-metadata-token-ttl-seconds: 21600", 1000};
    struct http_reply reply = {0};
    struct err why;
    int code = SOURCE_NOT_SET;
    if (send_ask(search, &ask, &reply, &why) == HTTP_DONE)
        code = reply.status == 200
                   ? metadata_role(search, base, reply.body.text, out, err)
                   : err_set(err, EXIT_FAILED, "instance metadata gives no token: status %d", reply.status);
    http_reply_release(&reply);
    str_release(&url);
    free(base);
    return code;
}
