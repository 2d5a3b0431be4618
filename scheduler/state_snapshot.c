#include "scheduler/state_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VERSION_SIZE 32

struct snapshot {
    struct state_backend backend; /* under the live store's name */
    struct state live, copy;      /* copy: in memory, documents with their versions before them */
    char *partition;
    bool valid;
};

static int copy_row(void *context, const char *key, int64_t version, const char *document)
{
    struct snapshot *s = context;
    struct str text;
    struct err err;
    str_init(&text, STATE_DOCUMENT_MAX + VERSION_SIZE);
    str_addf(&text, "%lld ", (long long)version);
    str_add(&text, document);
    struct state_write write = {STATE_PUT, s->partition, key, 0, text.text};
    int code = s->copy.backend->write(s->copy.self, &write, 1, &err); /* past the limit of what a store takes */
    str_release(&text);
    return code;
}

static const char *split(const char *text, int64_t *version)
{
    char *end;
    *version = strtoll(text, &end, 10);
    return end + 1;
}

static bool answers(const struct snapshot *s, const char *partition)
{
    return s->valid && strcmp(partition, s->partition) == 0;
}

static int snapshot_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                        struct err *err)
{
    struct snapshot *s = self;
    struct str text;
    if (!answers(s, partition))
        return s->live.backend->get(s->live.self, partition, key, document, version, err);
    str_init(&text, STATE_DOCUMENT_MAX + VERSION_SIZE);
    int code = state_get(&s->copy, partition, key, &text, version, err);
    if (!code && *version)
        str_add(document, split(text.text, version));
    str_release(&text);
    return code;
}

struct handing {
    state_row *row;
    void *context;
};

static int hand_out(void *context, const char *key, int64_t version, const char *document)
{
    const struct handing *h = context;
    const char *text = split(document, &version);
    return h->row(h->context, key, version, text);
}

static int snapshot_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                          struct err *err)
{
    struct snapshot *s = self;
    struct handing h = {row, context};
    if (!answers(s, partition))
        return s->live.backend->query(s->live.self, partition, prefix, row, context, err);
    return state_query(&s->copy, partition, prefix, hand_out, &h, err);
}

static int snapshot_range(void *self, const char *partition, const char *first, const char *last, state_row *row,
                          void *context, struct err *err)
{
    struct snapshot *s = self;
    struct handing h = {row, context};
    if (!answers(s, partition))
        return state_range(&s->live, partition, first, last, row, context, err);
    return state_range(&s->copy, partition, first, last, hand_out, &h, err);
}

static int snapshot_write(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    struct snapshot *s = self;
    s->valid = false;
    return s->live.backend->write(s->live.self, writes, count, err);
}

static void snapshot_close(void *self)
{
    struct snapshot *s = self;
    state_close(&s->live);
    state_close(&s->copy);
    free(s->partition);
    free(s);
}

int state_snapshot(struct state *state, const char *partition, struct err *err)
{
    struct snapshot *s = mem_zero(1, sizeof(*s));
    s->backend = (struct state_backend){.name = state->backend->name,
                                        .get = snapshot_get,
                                        .query = snapshot_query,
                                        .range = snapshot_range,
                                        .write = snapshot_write,
                                        .close = snapshot_close};
    s->live = *state;
    s->partition = mem_dup(partition);
    state_open_memory(&s->copy);
    int code = state_query(&s->live, partition, "", copy_row, s, err);
    if (code) {
        state_close(&s->copy);
        free(s->partition);
        free(s);
        return code;
    }
    s->valid = true;
    *state = (struct state){&s->backend, s};
    return 0;
}

void state_snapshot_drop(struct state *state)
{
    if (state->backend && state->backend->get == snapshot_get)
        ((struct snapshot *)state->self)->valid = false;
}
