/* ledger_private.h - what the files of the ledger share. Internal to billing/ledger*.c. */
#ifndef BILLING_LEDGER_PRIVATE_H
#define BILLING_LEDGER_PRIVATE_H

#include "base/db.h"
#include "billing/ledger.h"

#define LEDGER_APPLICATION_ID 1112231500 /* "BKLD" less one bit: in the file's header, beside the schema's version */

struct ledger {
    struct db *db;
    char *path;
    bool batch; /* a transaction is open for all that comes */
};

extern const char *const ledger_migrations[];

struct ledger_posting {
    const char *account, *unit;
    instant_t at, until;
    int64_t amount;
};

struct ledger_entry {
    const char *key, *kind;
    int64_t usage; /* id; 0: none */
    const struct ledger_scope *scope;
    const char *resource, *memo;
    instant_t booked;
};

/* Inside a transaction. *inserted: false where the key stands already; then nothing is done. Postings of nothing are
 * left out. */
int ledger_post(struct ledger *ledger, const struct ledger_entry *entry, const struct ledger_posting *postings,
                size_t count, bool *inserted, struct err *err) MUST_USE;
int ledger_start(struct ledger *ledger, struct err *err) MUST_USE;
/* Ends a transaction: notes the time and commits where code is 0, else rolls back; returns the code of the whole. */
int ledger_finish(struct ledger *ledger, int code, instant_t now, struct err *err) MUST_USE;

/* The day of an instant, since 1970-01-01. */
int64_t ledger_day(instant_t at);

/* One row of the table usage. Texts live until ledger_usage_row_release. */
struct ledger_usage_row {
    int64_t id, bookings;
    bool unpriced;
    struct ledger_usage usage;
    struct ledger_scope scope;
    char *texts[11];
};
#define LEDGER_USAGE_COLUMNS                                                                                           \
    "id, bookings, unpriced, key, kind, resource, account, type, region, zone, os, deployment, environment, project, " \
    "quantity, usd, regime, start, until, open"
void ledger_usage_row_read(struct ledger_usage_row *out, sqlite3_stmt *row);
void ledger_usage_row_release(struct ledger_usage_row *row);
struct charge_use ledger_charge_use(const struct ledger_usage *usage);

#endif
