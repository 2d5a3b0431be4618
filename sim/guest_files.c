/* The live file system of a guest: its disk under what was changed since and not flushed yet. */
#include "sim/guest_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FOLD_AFTER 64 /* changes; then the durable ones go into the disk */

static bool is_volatile(const char *path)
{
    return strncmp(path, "/tmp/", 5) == 0;
}

struct live_entry live_find(const struct guest *g, const char *path)
{
    if (strcmp(path, "/") == 0)
        return (struct live_entry){.is = true, .folder = true};
    for (size_t i = g->change_count; i-- > 0;) {
        const struct change *change = &g->changes[i];
        if (strcmp(change->entry.path, path) == 0)
            return (struct live_entry){!change->gone, !change->gone && !change->entry.blob,
                                       change->gone ? NULL : &change->entry};
    }
    const struct disk_entry *entry = disk_find(g->disk, path);
    return (struct live_entry){entry != NULL, entry && !entry->blob, entry};
}

/* The folder that holds path; the caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    assert(slash);
    return slash == path ? mem_dup("/") : mem_dup_n(path, (size_t)(slash - path));
}

bool live_can_write(const struct guest *g, const char *path)
{
    static const char *const refused[] = {"/dev", "/proc", "/sys"};
    char *folder = folder_of(path);
    bool can = live_find(g, folder).folder;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        size_t len = strlen(refused[i]);
        can = can && !(strncmp(folder, refused[i], len) == 0 && (folder[len] == '\0' || folder[len] == '/'));
    }
    free(folder);
    return can;
}

static void change_release(struct change *change)
{
    free(change->entry.path);
    blob_unref(change->entry.blob);
}

void live_settle(struct guest *g, int64_t until_ms, bool lose_rest)
{
    size_t durable = 0;
    for (size_t i = 0; i < g->change_count; i++)
        durable += g->changes[i].durable_ms <= until_ms;
    if (durable || strcmp(g->cmdline, g->disk->cmdline) != 0) {
        struct guest_disk *disk = disk_apply(g->disk, g->changes, g->change_count, until_ms, g->cmdline);
        guest_disk_unref(g->disk);
        g->disk = disk;
    }
    size_t kept = 0;
    for (size_t i = 0; i < g->change_count; i++)
        if (lose_rest || g->changes[i].durable_ms <= until_ms)
            change_release(&g->changes[i]);
        else
            g->changes[kept++] = g->changes[i];
    g->change_count = kept;
}

/* ZFS writes out what has gathered at each multiple of flush_ms since the kernel came up. */
static int64_t durable_at(const struct guest *g, const char *path, int64_t now_ms)
{
    if (is_volatile(path))
        return GUEST_NEVER;
    int64_t since = now_ms > g->kernel_ms ? now_ms - g->kernel_ms : 0;
    return g->kernel_ms + (since / g->settings.flush_ms + 1) * g->settings.flush_ms;
}

static void add_change(struct guest *g, const char *path, struct blob *blob, int mode, bool gone, int64_t now_ms)
{
    if (g->change_count >= FOLD_AFTER)
        live_settle(g, now_ms, false);
    int64_t durable_ms = durable_at(g, path, now_ms);
    struct change *same = NULL;
    for (size_t i = 0; i < g->change_count; i++)
        if (g->changes[i].durable_ms == durable_ms && strcmp(g->changes[i].entry.path, path) == 0)
            same = &g->changes[i];
    if (!same) {
        g->changes = mem_grow(g->changes, &g->change_cap, g->change_count + 1, sizeof *g->changes);
        same = &g->changes[g->change_count++];
        *same = (struct change){.entry = {.path = mem_dup(path)}, .durable_ms = durable_ms};
    }
    blob_unref(same->entry.blob);
    same->entry.blob = blob;
    same->entry.mode = mode;
    same->entry.mtime_s = now_ms / 1000;
    same->gone = gone;
}

static size_t live_bytes(const struct guest *g)
{
    size_t bytes = g->disk->bytes;
    for (size_t i = 0; i < g->change_count; i++)
        bytes += g->changes[i].entry.blob ? g->changes[i].entry.blob->len : 0;
    return bytes;
}

bool live_put(struct guest *g, const char *path, const char *bytes, size_t len, int mode, int64_t now_ms)
{
    if (live_bytes(g) + len > GUEST_DISK_MAX || g->disk->count + g->change_count >= GUEST_FILES_MAX)
        return false;
    add_change(g, path, blob_new(bytes, len), mode, false, now_ms);
    return true;
}

void live_mkdir(struct guest *g, const char *path, int64_t now_ms)
{
    for (const char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        char *part = slash ? mem_dup_n(path, (size_t)(slash - path)) : mem_dup(path);
        if (!live_find(g, part).is && g->disk->count + g->change_count < GUEST_FILES_MAX)
            add_change(g, part, NULL, 0755, false, now_ms);
        free(part);
        if (!slash)
            return;
    }
}

void live_remove(struct guest *g, const char *path, int64_t now_ms)
{
    add_change(g, path, NULL, 0, true, now_ms);
}

void live_rename(struct guest *g, const char *from, const char *to, int64_t now_ms)
{
    const struct disk_entry *entry = live_find(g, from).entry;
    assert(entry && entry->blob);
    struct blob *blob = blob_ref(entry->blob);
    int mode = entry->mode;
    live_remove(g, from, now_ms);
    add_change(g, to, blob, mode, false, now_ms);
}

/* Is path right inside the folder? */
static bool is_inside(const char *path, const char *folder)
{
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' && path[len + 1] && !strchr(path + len + 1, '/');
}

void live_list(const struct guest *g, const char *folder, live_visit *visit, void *context)
{
    for (size_t i = 0; i < g->disk->count; i++) {
        const struct disk_entry *entry = &g->disk->entries[i];
        if (is_inside(entry->path, folder) && live_find(g, entry->path).entry == entry)
            visit(context, entry);
    }
    for (size_t i = 0; i < g->change_count; i++) {
        const struct disk_entry *entry = &g->changes[i].entry;
        if (is_inside(entry->path, folder) && live_find(g, entry->path).entry == entry)
            visit(context, entry);
    }
}
