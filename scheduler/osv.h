/*
 * osv.h - a client for OSv's REST API that cannot be fooled by it.
 *
 * The API answers 200 to uploads that it stored wrongly or not at all, hangs on a missing folder, and drops the
 * connection at reboot (facts in docs/guide.md, "OSv"). So: an upload is one part that ends in CRLF, with a length and
 * no Expect; what was stored is checked by length and, where asked, by digest; the command line is read back; every
 * call has a time-out. A running guest flushes its file system every few seconds only: osv_make_durable says how what
 * was uploaded gets into an image.
 *
 *      OSV_SHUTDOWN   /os/shutdown unmounts; wait for `stopped`; create the image from the stopped instance
 *      OSV_FLUSH      wait out two flush intervals; create the image with NoReboot; verify it by booting it
 *
 * Ownership: struct osv is a value; its texts are the caller's. Errors: EXIT_FAILED, saying what the guest did.
 * Source: OSv's modules/httpserver-api, v0.57.0-398.
 */
#ifndef SCHEDULER_OSV_H
#define SCHEDULER_OSV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "scheduler/transport.h"

#define OSV_PORT           8000
#define OSV_CMDLINE_MAX    1023 /* bytes */
#define OSV_FLUSH_LEAST_MS ((int64_t)10000)
#define OSV_PATH_MAX       1024

struct osv {
    struct transport *transport;
    const char *address; /* "10.0.0.7" */
    uint16_t port;
    bool tls;
    const char *ca_file, *client_cert_file, *client_key_file;
    int64_t connect_ms, call_ms; /* 0: 3 s, 10 s */
    int64_t upload_ms;           /* 0: 10 min, for each file */
};

#define OSV_PROBE_MS 2000 /* connect_ms and call_ms where it is only asked whether it answers */

struct config;
struct instance;

/* The API of an instance as bakehour.json has it, and the address at which the runner reaches it. Texts stay theirs. */
struct osv osv_configured(struct transport *transport, const struct config *config, const char *address);
const char *osv_address(const struct config *config, const struct instance *instance);

enum osv_order { OSV_SHUTDOWN, OSV_FLUSH };

/* Anything at all that answers as OSv does: 0 and its version. */
int osv_version(const struct osv *osv, char version[96], struct err *err) MUST_USE;
int osv_uptime(const struct osv *osv, int64_t *seconds, struct err *err) MUST_USE;
/* Asks until it answers, at most limit_ms; EXIT_FAILED when it does not, or when asked to stop. */
int osv_wait_up(const struct osv *osv, int64_t limit_ms, char version[96], struct err *err) MUST_USE;

/* A local file to an absolute path of the guest, then its length there. The folder must exist (a missing one hangs the
 * server until the time-out). One that is there already is replaced. */
int osv_upload(const struct osv *osv, const char *file, const char *path, struct err *err) MUST_USE;
int osv_length(const struct osv *osv, const char *path, int64_t *length, struct err *err) MUST_USE; /* -1: not there */
/* Reads the file back and compares: length, and SHA-256 in hexadecimal (NULL: the length alone). */
int osv_verify(const struct osv *osv, const char *path, int64_t length, const char *sha256, struct err *err) MUST_USE;
/* The same, and what was read back is looked at by inspect too, as a local file; its error is the result's. */
typedef int osv_inspect(void *context, const char *file, struct err *err);
int osv_verify_with(const struct osv *osv, const char *path, int64_t length, const char *sha256, osv_inspect *inspect,
                    void *context, struct err *err) MUST_USE;
int osv_delete(const struct osv *osv, const char *path, struct err *err) MUST_USE; /* not there: done */

/* The whole line; read back and compared. */
int osv_set_cmdline(const struct osv *osv, const char *line, struct err *err) MUST_USE;
int osv_cmdline(const struct osv *osv, char line[OSV_CMDLINE_MAX + 1], struct err *err) MUST_USE;

/* No reply is their success. reboot and poweroff do not flush. */
int osv_reboot(const struct osv *osv, struct err *err) MUST_USE;
int osv_shutdown(const struct osv *osv, struct err *err) MUST_USE;
int osv_poweroff(const struct osv *osv, struct err *err) MUST_USE;

/* OSV_SHUTDOWN: asks for a clean shutdown (then await `stopped`). OSV_FLUSH: sleeps flush_ms, at least 10 s. */
int osv_make_durable(const struct osv *osv, enum osv_order order, int64_t flush_ms, struct err *err) MUST_USE;

#endif
