/*
 * guest.h - an OSv guest in virtual time: its disk, its boot, the application it starts, its REST API byte by byte.
 *
 *      off --power_on--> booting --boot_ms--> up --/os/reboot--> rebooting --reboot_ms--> up
 *       ^                   |                 |
 *       +--- the program is missing, /os/shutdown, /os/poweroff, power cut ---+
 *
 * A state machine without a clock, a socket or a thread: whoever owns it says what time it is (unix milliseconds,
 * never backwards). The modelled cloud holds one for each instance; the twin puts it behind real sockets, the
 * in-process transport in front of the pipeline's client. The REST API's faults are reproduced as they are in OSv's
 * sources (modules/httpserver-api, read 2026-11) and as observed on v0.57.0-398.
 *
 * A disk is what outlives the guest: files, folders, the command line. What was written is on the disk only at the next
 * multiple of flush_ms since power-on (ZFS), at a clean shutdown at once, and never for /tmp. The command line is
 * written past the file system, at once. Disks are immutable, shared and counted; images and snapshots hold them.
 *
 * Ownership: guest_new..guest_free; guest_disk_ref..guest_disk_unref; a connection belongs to whoever opened it and
 * must be closed before its guest goes. Errors: none but what the guest answers. Cost: a request a few microseconds.
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define GUEST_NEVER     INT64_MAX
#define GUEST_API_PORT  8000
#define GUEST_READ_MAX  8192                /* bytes that OSv's server takes in one read */
#define GUEST_DISK_MAX  ((size_t)512 << 20) /* bytes of files; more fails as a full disk does: no reply */
#define GUEST_FILES_MAX 4096

/* ---- disks ---- */

struct guest_disk;

struct guest_disk *guest_disk_base(void); /* the OSv base image: REST server and JVM, nothing else to run */
struct guest_disk *guest_disk_ref(struct guest_disk *disk);
void guest_disk_unref(struct guest_disk *disk); /* NULL is fine */
size_t guest_disk_bytes(const struct guest_disk *disk);
const char *guest_disk_cmdline(const struct guest_disk *disk);
/* A file's bytes; NULL where there is none. They live as long as the disk. */
const char *guest_disk_file(const struct guest_disk *disk, const char *path, size_t *len);
/* For --state: a disk as bytes, and back (NULL: damaged). */
void guest_disk_encode(const struct guest_disk *disk, struct str *out);
struct guest_disk *guest_disk_decode(const char *bytes, size_t len);
/* A disk made of another and one more file and command line (NULL: as it was): for tests and `--group`. */
struct guest_disk *guest_disk_with(const struct guest_disk *disk, const char *path, const char *bytes, size_t len,
                                   const char *cmdline);

/* ---- guests ---- */

enum guest_phase { GUEST_OFF, GUEST_BOOTING, GUEST_UP, GUEST_REBOOTING, GUEST_STUCK /* runs, and never answers */ };

/* The application that the command line starts, as far as it can be known without running it. */
enum guest_app { GUEST_APP_NONE, GUEST_APP_STARTING, GUEST_APP_RUNNING, GUEST_APP_FAILED };

struct guest_settings {
    int64_t boot_ms;     /* power-on to the first answer */
    int64_t reboot_ms;   /* silence at /os/reboot */
    int64_t flush_ms;    /* between two flushes of the file system */
    int64_t ns_per_byte; /* how fast an upload is taken */
    int64_t cmdline_ms;  /* a new command line is acknowledged so late; it is in place at once */
    bool real_app;       /* the application is a real process: guest_app_is() says what became of it */
};

struct guest_settings guest_settings_default(void); /* as observed: 8 s, 4.6 s, 5 s, 8 MiB in 6.3 s */

struct guest;

/* Called after each change of phase, of the application, or of guest_next_ms(), whoever caused it. It must not call
 * back into the guest but to read. */
typedef void guest_changed(void *context, struct guest *guest, int64_t now_ms);

struct guest *guest_new(const struct guest_settings *settings, struct guest_disk *disk /* taken over a reference */,
                        guest_changed *changed, void *context);
void guest_free(struct guest *g); /* NULL is fine */

void guest_power_on(struct guest *g, int64_t now_ms);  /* off -> booting */
void guest_power_cut(struct guest *g, int64_t now_ms); /* at once; what was not flushed is lost */
void guest_shutdown(struct guest *g, int64_t now_ms);  /* clean: flushed, then off */
void guest_reboot(struct guest *g, int64_t now_ms);    /* as /os/reboot: not flushed */
void guest_stick(struct guest *g, int64_t now_ms);     /* a fault: never answers again until its power is cut */
void guest_kill_app(struct guest *g, int64_t now_ms);  /* a fault: the application ends, and with it the guest */

/* When something changes by itself; GUEST_NEVER: not without being asked. guest_advance makes it so. */
int64_t guest_next_ms(const struct guest *g);
void guest_advance(struct guest *g, int64_t now_ms);

enum guest_phase guest_phase(const struct guest *g);
enum guest_app guest_app(const struct guest *g);
void guest_app_is(struct guest *g, enum guest_app app, int64_t now_ms); /* with real_app: what the process did */
/* Would a health check (a GET) on this port be answered with status 200..399? 0 where nothing answers. */
int guest_probe(const struct guest *g, uint16_t port, const char *target);
int64_t guest_up_since_ms(const struct guest *g); /* of the kernel; GUEST_NEVER where it is not up */

/* What a snapshot taken now holds: a reference. Only what was flushed, unless the guest is off. */
struct guest_disk *guest_snapshot(const struct guest *g, int64_t now_ms);
/* A fresh root volume: reboots from it (ReplaceRootVolume), or waits for power where it is off. */
void guest_replace_disk(struct guest *g, struct guest_disk *disk /* taken over */, int64_t now_ms);

/* What the command line names, for --run-app: the file to run and its arguments; false where it names none. The texts
 * live until the guest changes. A -jar's file is the artifact; arguments are what follows. */
struct guest_program {
    const char *path, *args;
    const char *bytes;
    size_t len;
};
bool guest_program(const struct guest *g, struct guest_program *out);

/* For --state: phase, times, files not flushed yet. A guest restored has no connections. NULL: damaged. */
void guest_encode(const struct guest *g, struct str *out);
struct guest *guest_decode(const struct guest_settings *settings, const char *bytes, size_t len, guest_changed *changed,
                           void *context);

/* ---- one connection to a port of the guest ---- */

struct guest_conn;

enum guest_conn_state {
    GUEST_CONN_READING, /* more bytes are awaited */
    GUEST_CONN_SILENT,  /* nothing will ever come; the client gives up, or the guest resets it at close_ms */
    GUEST_CONN_REPLY,   /* reply is to be sent at reply_ms, then the connection closed */
    GUEST_CONN_DROPPED, /* closed without a reply at close_ms */
};

/* NULL: connection refused. */
struct guest_conn *guest_connect(struct guest *g, uint16_t port, int64_t now_ms);
/* One read of the server: at most GUEST_READ_MAX bytes; longer input is taken in such pieces. */
void guest_conn_read(struct guest_conn *c, const char *bytes, size_t len, int64_t now_ms);
void guest_conn_end(struct guest_conn *c, int64_t now_ms); /* the client has sent its last byte */
enum guest_conn_state guest_conn_state(const struct guest_conn *c);
int64_t guest_conn_due_ms(const struct guest_conn *c); /* of the reply or of the close; GUEST_NEVER while silent */
const struct str *guest_conn_reply(const struct guest_conn *c);
void guest_conn_close(struct guest_conn *c); /* and frees it */

#endif
