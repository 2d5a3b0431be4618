#include "scheduler/state_snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define VERSION_SIZE 32
#define ROWS_MOST    220 /* of the partition's end: what is new, however much came before */
#define LOW_FIRST    "!" /* and what stands before the deployments: the kept bake instance, the unfinished run */
#define LOW_LAST     "d"

struct snapshot {
    struct state_backend backend; /* under the live store's name */
    struct state live, copy;      /* copy: in memory, documents with their versions before them */
    char *partition;
    char *from; /* NULL: everything is here; else the keys from that one on, and those up to LOW_LAST */
    size_t rows;
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
    struct state_write write = {STATE_PUT, s->partition, key, STATE_ANY, text.text};
    int code = s->copy.backend->write(s->copy.self, &write, 1, &err); /* past the limit of what a store takes */
    str_release(&text);
    return code;
}

/* From the end on: the last one is the lowest. */
static int copy_last(void *context, const char *key, int64_t version, const char *document)
{
    struct snapshot *s = context;
    s->rows++;
    free(s->from);
    s->from = mem_dup(key);
    return copy_row(s, key, version, document);
}

/* One query; two where the partition has more. */
static int load(struct snapshot *s, struct err *err)
{
    int code = state_tail(&s->live, s->partition, "", ROWS_MOST, copy_last, s, err);
    if (!code && s->rows == ROWS_MOST)
        return state_range(&s->live, s->partition, LOW_FIRST, LOW_LAST, copy_row, s, err);
    free(s->from);
    s->from = NULL;
    return code;
}

static bool knows_from(const struct snapshot *s, const char *first)
{
    return !s->from || strcmp(first, s->from) >= 0;
}

/* All keys that begin so? */
static bool knows_prefix(const struct snapshot *s, const char *prefix)
{
    return knows_from(s, prefix) || (*prefix >= *LOW_FIRST && *prefix < *LOW_LAST);
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
    if (!answers(s, partition) || !(knows_from(s, key) || strcmp(key, LOW_LAST) <= 0))
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
    if (!answers(s, partition) || !knows_prefix(s, prefix))
        return s->live.backend->query(s->live.self, partition, prefix, row, context, err);
    return state_query(&s->copy, partition, prefix, hand_out, &h, err);
}

static int snapshot_range(void *self, const char *partition, const char *first, const char *last, state_row *row,
                          void *context, struct err *err)
{
    struct snapshot *s = self;
    struct handing h = {row, context};
    if (!answers(s, partition) || !(knows_from(s, first) || strcmp(last, LOW_LAST) <= 0))
        return state_range(&s->live, partition, first, last, row, context, err);
    return state_range(&s->copy, partition, first, last, hand_out, &h, err);
}

struct counting {
    const char *from;
    size_t count;
};

static int count_known(void *context, const char *key, int64_t version, const char *document)
{
    struct counting *c = context;
    (void)version;
    (void)document;
    c->count += strcmp(key, c->from) >= 0;
    return 0;
}

static int snapshot_tail(void *self, const char *partition, const char *prefix, size_t most, state_row *row,
                         void *context, struct err *err)
{
    struct snapshot *s = self;
    struct handing h = {row, context};
    bool knows = answers(s, partition);
    if (knows && !knows_prefix(s, prefix)) {
        struct counting c = {s->from, 0};
        knows = state_query(&s->copy, partition, prefix, count_known, &c, err) == 0 && c.count >= most;
    }
    if (!knows)
        return state_tail(&s->live, partition, prefix, most, row, context, err);
    return state_tail(&s->copy, partition, prefix, most, hand_out, &h, err);
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
    free(s->from);
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
                                        .tail = snapshot_tail,
                                        .write = snapshot_write,
                                        .close = snapshot_close};
    s->live = *state;
    s->partition = mem_dup(partition);
    state_open_memory(&s->copy);
    int code = load(s, err);
    if (code) {
        state_close(&s->copy);
        free(s->from);
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
