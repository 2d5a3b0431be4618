#include "scheduler/step_guest.h"

#include <string.h>

#include "scheduler/osv.h"

#define PROBE_MS 2000

static struct osv osv_of(struct pipeline *p, const char *address)
{
    const struct config_osv *o = &p->config->osv;
    return (struct osv){.transport = p->w->transport,
                        .address = address,
                        .port = (uint16_t)o->port,
                        .tls = o->tls,
                        .ca_file = *o->ca_file ? o->ca_file : NULL,
                        .client_cert_file = *o->client_cert_file ? o->client_cert_file : NULL,
                        .client_key_file = *o->client_key_file ? o->client_key_file : NULL,
                        .upload_ms = p->config->image.upload_limit_s * 1000};
}

bool guest_answers(struct pipeline *p, const char *address, struct err *err)
{
    char version[96];
    struct osv osv = osv_of(p, address);
    osv.connect_ms = osv.call_ms = PROBE_MS;
    return osv_version(&osv, version, err) == 0;
}

int guest_put(struct pipeline *p, const char *address, const char *from, const char *to, struct err *err)
{
    struct osv osv = osv_of(p, address);
    return osv_upload(&osv, from, to, err);
}

int guest_clear(struct pipeline *p, const char *address, const char *files, struct err *err)
{
    struct osv osv = osv_of(p, address);
    char *list = arena_dup(&p->calls, files);
    char *save = NULL;
    int code = 0;
    for (char *path = strtok_r(list, "\n", &save); !code && path; path = strtok_r(NULL, "\n", &save)) {
        int64_t length = 0;
        code = osv_delete(&osv, path, err);
        if (!code)
            code = osv_length(&osv, path, &length, err);
        if (!code && length >= 0)
            code = err_set(err, EXIT_FAILED, "%s is still there after it was deleted", path);
    }
    return code;
}

int guest_command_line(struct pipeline *p, const char *address, const char *line, struct err *err)
{
    struct osv osv = osv_of(p, address);
    return osv_set_cmdline(&osv, line, err);
}

int guest_shut_down(struct pipeline *p, const char *address, struct err *err)
{
    struct osv osv = osv_of(p, address);
    return osv_shutdown(&osv, err);
}
