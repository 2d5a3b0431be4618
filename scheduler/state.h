/*
 * state.h - what must outlive a run: leases, journals, deployments, bakes. One interface, several backends.
 *
 * A store is a table of small JSON documents under two keys, a partition and a sort key, each with a version that
 * counts its writes. Three operations carry everything: get, query by prefix, and a write of up to STATE_WRITES_MAX
 * items, all or none, each under a condition. That is what SQLite gives on one host and what DynamoDB gives to many
 * (TransactWriteItems with ConditionExpression), so lease, journal and records above are the same code over both.
 *
 *      partition      sort key        document
 *      env#NAME       lease           who works on the environment, until when          (scheduler/lease.h)
 *      env#NAME       current         the run that is not finished                      (scheduler/deployment.h)
 *      env#NAME       d#00000012      a deployment and how it ended
 *      env#NAME       bake            the live bake instance, kept inside its paid hour
 *      run#ID         j#00000034      one entry of the journal                          (scheduler/journal.h)
 *      bakes          KEY             an image that exists already, by its bake key
 *      ledger         e#0000000034    one transaction of the shared ledger              (scheduler/ledger_store.h)
 *
 * Numbered invariants:
 *   1. A write is durable when it returns 0 (file: WAL, synchronous FULL).
 *   2. Versions grow by one a write; an absent item has version 0.
 *   3. A write whose condition fails changes nothing and returns STATE_CONFLICT.
 *
 * Ownership: a struct state is the caller's from state_open_* to state_close. Documents go to the caller's struct str.
 * Errors: EXIT_* codes with the reason, or STATE_CONFLICT. Not for two threads at once; several processes may share a
 * file.
 */
#ifndef SCHEDULER_STATE_H
#define SCHEDULER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define STATE_WRITES_MAX   16
#define STATE_DOCUMENT_MAX ((size_t)256 << 10) /* below DynamoDB's 400 KB an item */
#define STATE_CONFLICT     1000                /* beside the exit codes: somebody else was there first */

enum state_action {
    STATE_PUT,    /* write the document */
    STATE_CHECK,  /* only the condition */
    STATE_DELETE, /* gone afterwards */
};

#define STATE_ANY (-1) /* as a version: no condition; 0: absent; n: exactly that one */

struct state_write {
    enum state_action action;
    const char *partition, *key;
    int64_t version;      /* the condition */
    const char *document; /* of STATE_PUT */
};

/* A row of a query: return non-zero to stop, which is returned. */
typedef int state_row(void *context, const char *key, int64_t version, const char *document);

struct state_backend {
    const char *name; /* "file", "memory", "dynamodb" */
    int (*get)(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
               struct err *err);
    int (*query)(void *self, const char *partition, const char *prefix, state_row *row, void *context, struct err *err);
    int (*write)(void *self, const struct state_write *writes, size_t count, struct err *err);
    void (*close)(void *self);
    /* From key `first` to key `last`, both included; NULL: by a query. */
    int (*range)(void *self, const char *partition, const char *first, const char *last, state_row *row, void *context,
                 struct err *err);
    /* At most `most` of those that begin with prefix, the last key first; NULL: by a query. */
    int (*tail)(void *self, const char *partition, const char *prefix, size_t most, state_row *row, void *context,
                struct err *err);
};

struct state {
    const struct state_backend *backend;
    void *self;
};

/* SQLite in a file, made with its folder when missing. Network file systems are refused: their locks do not hold. */
int state_open_file(struct state *out, const char *path, struct err *err) MUST_USE;
/* In memory, for rehearsals and enumerations. */
void state_open_memory(struct state *out);
void state_close(struct state *state);

/* *version 0 and an empty document where there is no such item. */
int state_get(const struct state *state, const char *partition, const char *key, struct str *document, int64_t *version,
              struct err *err) MUST_USE;
/* Items whose sort key begins with prefix, in the order of their keys. */
int state_query(const struct state *state, const char *partition, const char *prefix, state_row *row, void *context,
                struct err *err) MUST_USE;
/* Items from `first` to `last`, both included, likewise: what is new since a key, without what came before. */
int state_range(const struct state *state, const char *partition, const char *first, const char *last, state_row *row,
                void *context, struct err *err) MUST_USE;
/* The last `most` items whose sort key begins with prefix, the last key first: what is new, however much came before.
 */
int state_tail(const struct state *state, const char *partition, const char *prefix, size_t most, state_row *row,
               void *context, struct err *err) MUST_USE;
int state_write(const struct state *state, const struct state_write *writes, size_t count, struct err *err) MUST_USE;

#endif
