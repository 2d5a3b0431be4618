#include "scheduler/state.h"

#include <assert.h>
#include <string.h>

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
