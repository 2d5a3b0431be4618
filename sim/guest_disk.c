#include "sim/guest_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/mem.h"
#include "sim/guest_codec.h"

struct blob *blob_new(const char *bytes, size_t len)
{
    struct blob *blob = mem_alloc(sizeof *blob + len + 1);
    *blob = (struct blob){.refs = 1, .len = len};
    if (len)
        memcpy(blob->bytes, bytes, len);
    blob->bytes[len] = '\0';
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    if (blob)
        blob->refs++;
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob && --blob->refs == 0)
        free(blob);
}

const char *blob_sha256(struct blob *blob)
{
    if (!*blob->sha256) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256((const unsigned char *)blob->bytes, blob->len, digest);
        for (size_t i = 0; i < sizeof digest; i++)
            str_fit(blob->sha256 + 2 * i, 3, "%02x", digest[i]);
    }
    return blob->sha256;
}

/* ---- the base image ---- */

#define BASE_MTIME_S 1790000000 /* 2026-09-21 */
#define BASE_CMDLINE "--noinit /libhttpserver-api.so"

static const char *const base_folders[] = {"/data", "/dev",   "/etc", "/java",    "/proc",        "/sys",
                                           "/tmp",  "/tools", "/usr", "/usr/lib", "/usr/lib/jvm", "/usr/mgmt"};
static const char *const base_files[] = {"/java.so", "/libhttpserver-api.so", "/tools/ls.so", "/usr/lib/jvm/java.so",
                                         "/usr/mgmt/api.json"};

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct disk_entry *)a)->path, ((const struct disk_entry *)b)->path);
}

static struct guest_disk *disk_new(size_t room, const char *cmdline)
{
    struct guest_disk *disk = mem_zero(1, sizeof *disk);
    disk->refs = 1;
    disk->entries = mem_zero(room ? room : 1, sizeof *disk->entries);
    disk->cmdline = mem_dup(cmdline);
    return disk;
}

static void disk_push(struct guest_disk *disk, const struct disk_entry *entry)
{
    disk->entries[disk->count++] = (struct disk_entry){
        .path = mem_dup(entry->path), .blob = blob_ref(entry->blob), .mtime_s = entry->mtime_s, .mode = entry->mode};
    disk->bytes += entry->blob ? entry->blob->len : 0;
}

struct guest_disk *guest_disk_base(void)
{
    struct guest_disk *disk = disk_new(COUNT_OF(base_folders) + COUNT_OF(base_files), BASE_CMDLINE);
    struct disk_entry entry = {.mtime_s = BASE_MTIME_S, .mode = 0755};
    for (size_t i = 0; i < COUNT_OF(base_folders); i++) {
        char path[64];
        str_fit(path, sizeof path, "%s", base_folders[i]);
        entry.path = path;
        disk_push(disk, &entry);
    }
    for (size_t i = 0; i < COUNT_OF(base_files); i++) {
        char path[64];
        str_fit(path, sizeof path, "%s", base_files[i]);
        entry.path = path;
        entry.blob = blob_new(path, strlen(path));
        disk_push(disk, &entry);
        blob_unref(entry.blob);
    }
    qsort(disk->entries, disk->count, sizeof *disk->entries, by_path);
    return disk;
}

struct guest_disk *guest_disk_ref(struct guest_disk *disk)
{
    disk->refs++;
    return disk;
}

void guest_disk_unref(struct guest_disk *disk)
{
    if (!disk || --disk->refs > 0)
        return;
    for (size_t i = 0; i < disk->count; i++) {
        free(disk->entries[i].path);
        blob_unref(disk->entries[i].blob);
    }
    free(disk->entries);
    free(disk->cmdline);
    free(disk);
}

size_t guest_disk_bytes(const struct guest_disk *disk)
{
    return disk->bytes;
}

const char *guest_disk_cmdline(const struct guest_disk *disk)
{
    return disk->cmdline;
}

const struct disk_entry *disk_find(const struct guest_disk *disk, const char *path)
{
    size_t low = 0, high = disk->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(disk->entries[middle].path, path);
        if (order == 0)
            return &disk->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *guest_disk_file(const struct guest_disk *disk, const char *path, size_t *len)
{
    const struct disk_entry *entry = disk_find(disk, path);
    if (!entry || !entry->blob)
        return NULL;
    *len = entry->blob->len;
    return entry->blob->bytes;
}

/* The newest durable change of the path, or NULL. */
static const struct change *change_of(const struct change *changes, size_t count, int64_t until_ms, const char *path)
{
    for (size_t i = count; i-- > 0;)
        if (changes[i].durable_ms <= until_ms && strcmp(changes[i].entry.path, path) == 0)
            return &changes[i];
    return NULL;
}

struct guest_disk *disk_apply(const struct guest_disk *disk, const struct change *changes, size_t count,
                              int64_t until_ms, const char *cmdline)
{
    struct guest_disk *out = disk_new(disk->count + count, cmdline);
    for (size_t i = 0; i < disk->count; i++)
        if (!change_of(changes, count, until_ms, disk->entries[i].path))
            disk_push(out, &disk->entries[i]);
    for (size_t i = 0; i < count; i++)
        if (change_of(changes, count, until_ms, changes[i].entry.path) == &changes[i] && !changes[i].gone)
            disk_push(out, &changes[i].entry);
    qsort(out->entries, out->count, sizeof *out->entries, by_path);
    return out;
}

struct guest_disk *guest_disk_with(const struct guest_disk *disk, const char *path, const char *bytes, size_t len,
                                   const char *cmdline)
{
    struct change change = {
        .entry = {.path = mem_dup(path), .blob = blob_new(bytes, len), .mtime_s = BASE_MTIME_S, .mode = 0644}};
    struct guest_disk *out = disk_apply(disk, &change, 1, 0, cmdline ? cmdline : disk->cmdline);
    free(change.entry.path);
    blob_unref(change.entry.blob);
    return out;
}

/* ---- as bytes ---- */

#define DISK_MAGIC 0x424b4431 /* BKD1 */

void guest_disk_encode(const struct guest_disk *disk, struct str *out)
{
    code_i64(out, DISK_MAGIC);
    code_text(out, disk->cmdline);
    code_i64(out, (int64_t)disk->count);
    for (size_t i = 0; i < disk->count; i++)
        code_entry(out, &disk->entries[i]);
}

struct guest_disk *guest_disk_decode(const char *bytes, size_t len)
{
    struct decoder d = {bytes, len, false};
    if (decode_i64(&d) != DISK_MAGIC)
        return NULL;
    char *cmdline = decode_text(&d);
    int64_t count = decode_i64(&d);
    struct guest_disk *disk = NULL;
    if (!d.bad && count >= 0 && count <= GUEST_FILES_MAX) {
        disk = disk_new((size_t)count, cmdline);
        for (int64_t i = 0; i < count && !d.bad; i++) {
            struct disk_entry entry;
            if (decode_entry(&d, &entry))
                disk_push(disk, &entry);
            free(entry.path);
            blob_unref(entry.blob);
        }
    }
    free(cmdline);
    if (disk && (d.bad || d.left)) {
        guest_disk_unref(disk);
        disk = NULL;
    }
    if (disk)
        qsort(disk->entries, disk->count, sizeof *disk->entries, by_path);
    return disk;
}
