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
