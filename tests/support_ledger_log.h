/*
 * support_ledger_log.h - shared ledgers for tests: their log over each kind of store, their caches in a folder of the
 * test's own, and the comparison of two ledgers row for row. What fails fails the test.
 */
#ifndef TESTS_SUPPORT_LEDGER_LOG_H
#define TESTS_SUPPORT_LEDGER_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "billing/ledger_log.h"
#include "scheduler/ledger_store.h"
#include "sim/cloud.h"
#include "sim/cloud_transport.h"

#define DAY_2026 ((instant_t)1767225600) /* 2026-01-01 */

extern char ledger_log_folder[]; /* mkdtemp it first; ledger_log_clear_up at the end */
void ledger_log_clear_up(void);

const char *in_folder(const char *name);
void gone(const char *name); /* with what SQLite keeps beside it */
void must(int code, const struct err *err);

/* IN_SERVER: the DynamoDB at BAKEHOUR_TEST_DYNAMODB. */
enum { IN_MEMORY, IN_FILE, IN_DYNAMODB, IN_SERVER };

struct place {
    struct state state;
    struct simcloud *cloud;
    struct cloud_transport wire;
    struct retry retry;
    struct ledger_store store;
};

struct place *open_place(int kind);
void close_place(struct place *p);
struct ledger *open_cache(const struct ledger_log *log, const char *name);
struct ledger *open_file(const char *name); /* a new one */

#define LEDGER_TABLES 7
extern const struct ledger_table {
    const char *table, *columns;
} ledger_tables[LEDGER_TABLES];
/* A line for each row that sql gives: types and values. */
void add_rows(struct str *to, sqlite3 *handle, const char *sql);
/* Every row of every table is the same. */
void assert_same(const char *a, const char *b);

#endif
