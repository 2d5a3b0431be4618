#include "scheduler/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int state_get(const struct state *state, const char *partition, const char *key, struct str *document, int64_t *version,
              struct err *err)
{
    str_clear(document);
    *version = 0;
    return state->backend->get(state->self, partition, key, document, version, err);
}

int state_query(const struct state *state, const char *partition, const char *prefix, state_row *row, void *context,
                struct err *err)
{
    return state->backend->query(state->self, partition, prefix, row, context, err);
}

struct range {
    const char *first, *last;
    state_row *row;
    void *context;
};

static int within(void *context, const char *key, int64_t version, const char *document)
{
    const struct range *r = context;
    bool is = strcmp(key, r->first) >= 0 && strcmp(key, r->last) <= 0;
    return is ? r->row(r->context, key, version, document) : 0;
}

int state_range(const struct state *state, const char *partition, const char *first, const char *last, state_row *row,
                void *context, struct err *err)
{
    char prefix[64];
    size_t same = 0;
    if (state->backend->range)
        return state->backend->range(state->self, partition, first, last, row, context, err);
    while (same + 1 < sizeof(prefix) && first[same] && first[same] == last[same])
        same++;
    str_fit(prefix, sizeof(prefix), "%.*s", (int)same, first);
    struct range range = {first, last, row, context};
    return state_query(state, partition, prefix, within, &range, err);
}

/* The last rows of a query, in a ring. */
struct tail {
    struct tail_row {
        char *key, *document;
        int64_t version;
    } * rows;
    size_t most, seen;
};

static int keep_row(void *context, const char *key, int64_t version, const char *document)
{
    struct tail *t = context;
    struct tail_row *r = &t->rows[t->seen++ % t->most];
    free(r->key);
    free(r->document);
    *r = (struct tail_row){mem_dup(key), mem_dup(document), version};
    return 0;
}

static int tail_by_query(const struct state *state, const char *partition, const char *prefix, size_t most,
                         state_row *row, void *context, struct err *err)
{
    struct tail t = {mem_zero(most, sizeof(*t.rows)), most, 0};
    int code = state_query(state, partition, prefix, keep_row, &t, err);
    for (size_t i = 0; !code && i < most && i < t.seen; i++) {
        const struct tail_row *r = &t.rows[(t.seen - 1 - i) % most];
        code = row(context, r->key, r->version, r->document);
    }
    for (size_t i = 0; i < most; i++) {
        free(t.rows[i].key);
        free(t.rows[i].document);
    }
    free(t.rows);
    return code;
}

int state_tail(const struct state *state, const char *partition, const char *prefix, size_t most, state_row *row,
               void *context, struct err *err)
{
    assert(most > 0);
    if (state->backend->tail)
        return state->backend->tail(state->self, partition, prefix, most, row, context, err);
    return tail_by_query(state, partition, prefix, most, row, context, err);
}

int state_write(const struct state *state, const struct state_write *writes, size_t count, struct err *err)
{
    assert(count > 0 && count <= STATE_WRITES_MAX);
    for (size_t i = 0; i < count; i++) {
        assert(writes[i].action != STATE_PUT || writes[i].document);
        if (writes[i].action == STATE_PUT && strlen(writes[i].document) > STATE_DOCUMENT_MAX)
            return err_set(err, EXIT_FAILED, "the state store takes no item above %zu bytes (%s %s)",
                           STATE_DOCUMENT_MAX, writes[i].partition, writes[i].key);
    }
    return state->backend->write(state->self, writes, count, err);
}

void state_close(struct state *state)
{
    if (state->backend)
        state->backend->close(state->self);
    state->backend = NULL;
}
