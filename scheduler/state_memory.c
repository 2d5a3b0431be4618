/* state_memory.c - the store in memory: a sorted array. Lookup O(log n), insertion O(n). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "scheduler/state.h"

struct item {
    char *partition, *key, *document;
    int64_t version;
};

struct memory {
    struct item *items;
    size_t count, cap;
};

static int compare(const struct item *item, const char *partition, const char *key)
{
    int order = strcmp(item->partition, partition);
    return order ? order : strcmp(item->key, key);
}

/* Where the key is, or belongs. */
static size_t place(const struct memory *m, const char *partition, const char *key)
{
    size_t low = 0;
    for (size_t high = m->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (compare(&m->items[middle], partition, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct item *find(const struct memory *m, const char *partition, const char *key)
{
    size_t at = place(m, partition, key);
    return at < m->count && compare(&m->items[at], partition, key) == 0 ? &m->items[at] : NULL;
}

static int memory_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                      struct err *err)
{
    (void)err;
    const struct item *item = find(self, partition, key);
    if (item) {
        str_add(document, item->document);
        *version = item->version;
    }
    return 0;
}

static int memory_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                        struct err *err)
{
    (void)err;
    const struct memory *m = self;
    size_t len = strlen(prefix);
    for (size_t i = place(m, partition, prefix); i < m->count; i++) {
        const struct item *item = &m->items[i];
        if (strcmp(item->partition, partition) != 0 || strncmp(item->key, prefix, len) != 0)
            break;
        int code = row(context, item->key, item->version, item->document);
        if (code)
            return code;
    }
    return 0;
}

static int memory_tail(void *self, const char *partition, const char *prefix, size_t most, state_row *row,
                       void *context, struct err *err)
{
    (void)err;
    const struct memory *m = self;
    size_t len = strlen(prefix);
    size_t first = place(m, partition, prefix);
    size_t end = first;
    while (end < m->count && strcmp(m->items[end].partition, partition) == 0 &&
           strncmp(m->items[end].key, prefix, len) == 0)
        end++;
    for (size_t i = end; i > first && end - i < most; i--) {
        const struct item *item = &m->items[i - 1];
        int code = row(context, item->key, item->version, item->document);
        if (code)
            return code;
    }
    return 0;
}

static void drop(struct memory *m, size_t at)
{
    struct item *item = &m->items[at];
    free(item->partition);
    free(item->key);
    free(item->document);
    memmove(item, item + 1, (m->count - at - 1) * sizeof(*item));
    m->count--;
}

static void put(struct memory *m, const struct state_write *w)
{
    size_t at = place(m, w->partition, w->key);
    if (at < m->count && compare(&m->items[at], w->partition, w->key) == 0) {
        struct item *item = &m->items[at];
        free(item->document);
        item->document = mem_dup(w->document);
        item->version++;
        return;
    }
    m->items = mem_grow(m->items, &m->cap, m->count + 1, sizeof(*m->items));
    memmove(&m->items[at + 1], &m->items[at], (m->count - at) * sizeof(*m->items));
    m->count++;
    m->items[at] = (struct item){mem_dup(w->partition), mem_dup(w->key), mem_dup(w->document), 1};
}

static int memory_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    struct memory *m = self;
    for (size_t i = 0; i < count; i++) {
        const struct item *item = find(m, writes[i].partition, writes[i].key);
        if (writes[i].version != STATE_ANY && writes[i].version != (item ? item->version : 0)) {
            err_set(err, EXIT_FAILED, "%s %s was changed by another run", writes[i].partition, writes[i].key);
            return STATE_CONFLICT;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct state_write *w = &writes[i];
        if (w->action == STATE_PUT)
            put(m, w);
        else if (w->action == STATE_DELETE && find(m, w->partition, w->key))
            drop(m, place(m, w->partition, w->key));
    }
    return 0;
}

static void memory_close(void *self)
{
    struct memory *m = self;
    while (m->count)
        drop(m, m->count - 1);
    free(m->items);
    free(m);
}

static const struct state_backend backend = {"memory",     memory_get, memory_query, memory_write,
                                             memory_close, NULL,       memory_tail};

void state_open_memory(struct state *out)
{
    *out = (struct state){&backend, mem_zero(1, sizeof(struct memory))};
}
