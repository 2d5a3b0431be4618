/* ledger_private.h - what the files of the ledger share. Internal to billing/ledger*.c. */
#ifndef BILLING_LEDGER_PRIVATE_H
#define BILLING_LEDGER_PRIVATE_H

#include "base/db.h"
#include "base/str.h"
#include "billing/ledger.h"
#include "billing/ledger_log.h"

#define LEDGER_APPLICATION_ID 1112231500 /* "BKLD" less one bit: in the file's header, beside the schema's version */

struct ledger {
    struct db *db;
    char *path, *cache; /* cache: the file of a shared ledger */
    bool inside;        /* a transaction is open for all that comes */
    /* of a shared ledger (ledger_log.h), whose file is a cache; NULL: the file is the ledger */
    const struct ledger_log *log;
    bool watched; /* what a transaction touches is noted */
};

/* Entries of a settling have keys from here to there (an index that a look for them walks). */
#define SETTLE_KEY     "settle:"
#define SETTLE_KEY_END "settle;"
#define POOL_PREFIX    "pool:"

/* The last settling of a month: one that booked something in it, or that found nothing to book (an entry without
 * postings, whose memo is the month). */
struct ledger_month_settled {
    int64_t id; /* of its last entry; 0: never settled */
    instant_t booked;
    bool newer; /* a use of the month was booked since */
};
int ledger_month_settled(struct ledger *ledger, int month, struct ledger_month_settled *out, struct err *err) MUST_USE;

/* Books each use that runs as one that runs up to `at`, still open; back: those that are booked beyond `at`, too, as
 * up to there. Inside a transaction; prices are the ledger's own. */
int ledger_uses_up_to(struct ledger *ledger, instant_t at, bool back, struct err *err) MUST_USE;

extern const char *const ledger_migrations[];
int ledger_open_file(struct ledger **out, const char *path, enum ledger_mode mode, struct err *err) MUST_USE;

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
/* Before a transaction on a shared ledger: what it touches is noted. */
int ledger_log_watch(struct ledger *ledger, struct err *err) MUST_USE;
/* Hands the open transaction's rows to the log, rolls back, and applies them as anybody's. */
int ledger_log_commit(struct ledger *ledger, struct err *err) MUST_USE;

/* The rows that an open transaction touched as the text of an entry; *rows: how many. */
int ledger_rows_touched(struct ledger *ledger, struct str *text, size_t *rows, struct err *err) MUST_USE;
int ledger_rows_forget(struct ledger *ledger, struct err *err) MUST_USE; /* what was touched */
/* Inside a transaction: the rows of an entry's text into the tables. EXIT_FAILED for a text that is none. */
int ledger_rows_apply(struct ledger *ledger, const char *text, size_t len, struct err *err) MUST_USE;
/* The whole ledger as entries, always the same ones for the same ledger. */
int ledger_rows_all(struct ledger *ledger, ledger_log_entry *each, void *context, size_t *rows,
                    struct err *err) MUST_USE;

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

/* Zeroed is empty. */
struct ledger_usage_rows {
    struct ledger_usage_row *items;
    size_t count, cap;
};
db_row ledger_usage_rows_take; /* adds a row of LEDGER_USAGE_COLUMNS to the struct ledger_usage_rows */
void ledger_usage_rows_release(struct ledger_usage_rows *rows);
struct charge_use ledger_charge_use(const struct ledger_usage *usage);

#endif
