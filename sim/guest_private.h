/*
 * guest_private.h - the insides of a guest, shared by guest.c (phases), guest_disk.c (disks), guest_files.c (the live
 * file system), guest_boot.c (command line, application), guest_http.c (bytes), guest_api.c (REST handlers).
 */
#ifndef SIM_GUEST_PRIVATE_H
#define SIM_GUEST_PRIVATE_H

#include "sim/guest.h"

/* Bytes of a file: immutable, counted. */
struct blob {
    size_t refs, len;
    char sha256[65]; /* hexadecimal; "" until asked for */
    char bytes[];
};

struct blob *blob_new(const char *bytes, size_t len);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob);
const char *blob_sha256(struct blob *blob);

/* A file or, without bytes, a folder. */
struct disk_entry {
    char *path;
    struct blob *blob;
    int64_t mtime_s;
    int mode;
};

struct guest_disk {
    size_t refs;
    struct disk_entry *entries; /* ascending by path */
    size_t count, bytes;
    char *cmdline;
};

const struct disk_entry *disk_find(const struct guest_disk *disk, const char *path);

/* What was done to the live file system and may not be on the disk yet; oldest first. */
struct change {
    struct disk_entry entry;
    bool gone;          /* deleted */
    int64_t durable_ms; /* GUEST_NEVER: /tmp */
};

/* disk with the changes that are durable at until_ms, and cmdline: a new one. */
struct guest_disk *disk_apply(const struct guest_disk *disk, const struct change *changes, size_t count,
                              int64_t until_ms, const char *cmdline);

/* What the command line asks for. */
struct boot_plan {
    bool api;     /* the REST server runs */
    bool asserts; /* it is started twice */
    bool runs;    /* there is a program, and it is there */
    char *path;   /* of the artifact: the jar, else the program; NULL: only the REST server runs */
    char *args;   /* what follows it */
    struct blob *blob;
    bool corrupt; /* a jar without its end */
    bool java;
    int64_t start_ms, die_after_ms; /* GUEST_NEVER */
    bool start_fails;
    int status;
    char *body; /* NULL: the usual one */
};

struct guest {
    struct guest_settings settings;
    struct guest_disk *disk;
    struct change *changes;
    size_t change_count, change_cap;
    char *cmdline; /* on the disk, at once */
    char *hostname;
    struct str dmesg;
    enum guest_phase phase;
    enum guest_app app;
    struct boot_plan plan; /* of the last boot */
    bool api_dead;         /* an exception ended the REST server */
    int64_t phase_end_ms, app_end_ms, kernel_ms;
    uint64_t epoch; /* counts the times that all connections were lost */
    int64_t epoch_ms;
    size_t conns;
    bool orphan; /* freed by its owner; the last connection frees it */
    guest_changed *changed;
    void *context;
};

/* guest_files.c: paths are absolute and normal. */
struct live_entry {
    bool is, folder;
    const struct disk_entry *entry;
};
struct live_entry live_find(const struct guest *g, const char *path);
bool live_can_write(const struct guest *g, const char *path); /* its folder is there and takes files */
bool live_put(struct guest *g, const char *path, const char *bytes, size_t len, int mode, int64_t now_ms);
void live_mkdir(struct guest *g, const char *path, int64_t now_ms);
void live_remove(struct guest *g, const char *path, int64_t now_ms);
void live_rename(struct guest *g, const char *from, const char *to, int64_t now_ms);
void live_settle(struct guest *g, int64_t until_ms, bool lose_rest);
typedef void live_visit(void *context, const struct disk_entry *entry);
void live_list(const struct guest *g, const char *folder, live_visit *visit, void *context);

/* guest_boot.c */
void boot_plan_make(struct boot_plan *plan, const struct guest *g);
void boot_plan_release(struct boot_plan *plan);

/* guest.c: what the REST API can do to the machine. */
void guest_touched(struct guest *g, int64_t now_ms);

/* guest_http.c, guest_api.c */
#define GUEST_HEAD_MAX    ((size_t)64 << 10)
#define GUEST_HEADERS_MAX 100

struct guest_conn {
    struct guest *guest;
    uint64_t epoch;
    uint16_t port;
    enum guest_conn_state state;
    int64_t began_ms, due_ms;
    int step; /* of the head's parser */
    struct str method, target, head_line, content_type, body, reply;
    bool has_length, multipart, in_body, kept_reading;
    size_t headers;
    uint64_t content_length;
    /* multipart */
    struct str boundary;
    int mode, empty_lines;
    uint64_t header_length, position, file_length;
};

void guest_api_handle(struct guest_conn *c, int64_t now_ms);
bool guest_api_upload_begins(struct guest_conn *c, int64_t now_ms); /* false: answered already */
void guest_api_uploaded(struct guest_conn *c, int64_t now_ms);
void guest_app_handle(struct guest_conn *c, int64_t now_ms);
void guest_reply_stock(struct guest_conn *c, int status, int64_t now_ms);
void guest_reply(struct guest_conn *c, int status, const char *type, const char *content, size_t len, int64_t now_ms);
void guest_reply_error(struct guest_conn *c, int status, int64_t now_ms, const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
