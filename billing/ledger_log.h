/*
 * ledger_log.h - one ledger for many machines: a log of transactions that all share, and on each machine a file.
 *
 *      log (shared)     1 . 2 . 3 . 4 ...            append-only; a number stands once
 *      file (a cache)   the rows of 1..N             an ordinary ledger, so that all that ledger.h asks is SQL
 *
 * A transaction is carried out on the file, the rows that it made are taken from it, and it is rolled back. Then the
 * rows are appended to the log under the number N + 1; only when they stand there are they applied to the file, like
 * anybody's. Where another runner's entry has that number, it is applied first and the transaction is carried out
 * anew. So every file is a prefix of the same history, row for row, whoever fills it and however often it is killed.
 *
 * An entry is text, a line a row: its letter and the columns in the order of the schema, tabs between them; in texts \t
 * \n and \\ stand for tab, line feed and backslash, \N for no value.
 *      R price   D deployment   U usage   E entry   P posting   S state
 * D and U say how the row stands now, the others are new. `total` follows from P.
 *
 * Numbered invariants:
 *   1. The file holds the entries 1..N whole; N and a digest of entry N stand in its table `mirror`.
 *   2. A file whose entry N is not the log's is another ledger's cache: it is emptied and filled again.
 *   3. Nothing is in the file that is not in the log.
 *
 * Ownership: a log is the caller's and outlives the ledger. Errors as in ledger.h; LEDGER_CONFLICT stays inside.
 * Cost: opening asks the log once for what came after N; a transaction appends once. Several processes may share a
 * file.
 */
#ifndef BILLING_LEDGER_LOG_H
#define BILLING_LEDGER_LOG_H

#include "billing/ledger.h"

/* text lives until the function returns; non-zero stops and is returned. */
typedef int ledger_log_entry(void *context, int64_t number, const char *text, size_t len, struct err *err);

#define LEDGER_CONFLICT 1003 /* beside the exit codes: another runner's transaction came first */

struct ledger_log {
    const char *name; /* for messages: "dynamodb:TABLE" */
    void *self;
    /* The entries from a number on, in order, without gaps. */
    int (*read)(void *self, int64_t from, ledger_log_entry *each, void *context, struct err *err);
    /* LEDGER_CONFLICT where there is an entry of that number. Durable when it returns 0. */
    int (*append)(void *self, int64_t number, const char *text, size_t len, struct err *err);
    /* A little while, the longer the more often it was in vain. */
    void (*pause)(void *self, int go);
    void (*close)(void *self); /* with the ledger; NULL: nothing to do */
};

#define LEDGER_LOG_ENTRY_MAX ((size_t)48 << 20) /* the text of one transaction */

/* cache: the file; made when missing. LEDGER_READ: EXIT_INPUT where the log is empty. */
int ledger_open_log(struct ledger **out, const struct ledger_log *log, const char *cache, enum ledger_mode mode,
                    struct err *err) MUST_USE;
/* What others have booked since. Nothing to do where the file is the ledger. */
int ledger_refresh(struct ledger *ledger, struct err *err) MUST_USE;
/* How many entries of the log the file holds; 0 where the file is the ledger. */
int ledger_log_number(struct ledger *ledger, int64_t *number, struct err *err) MUST_USE;

/* Moves a whole ledger: every row of `from`, as entries, into the log, or into a file's ledger that has none. A log or
 * a file that holds them already is left as it is, a log that holds the first of them gets the rest; EXIT_INPUT where
 * something else stands there. *moved: rows written. */
int ledger_move(struct ledger *from, const struct ledger_log *to_log, struct ledger *to_file, size_t *moved,
                struct err *err) MUST_USE;
/* The same between two that are open, wherever they lie. */
int ledger_move_between(struct ledger *from, struct ledger *to, size_t *moved, struct err *err) MUST_USE;

#endif
