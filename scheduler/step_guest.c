#include "scheduler/step_guest.h"

#include <string.h>

#include "scheduler/osv.h"

static struct osv osv_of(struct pipeline *p, const char *address)
{
    return osv_configured(p->w->transport, p->config, address);
}

bool guest_answers(struct pipeline *p, const char *address, struct err *err)
{
    char version[96];
    struct osv osv = osv_of(p, address);
    osv.connect_ms = osv.call_ms = OSV_PROBE_MS;
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
