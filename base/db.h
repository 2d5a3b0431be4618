/*
 * db.h - SQLite, opened the one safe way.
 *
 * WAL, synchronous FULL, foreign keys on, a busy time-out, the schema brought up to date in one transaction.
 * Ownership: struct db is the caller's from db_open to db_close; statements live inside it and are reused by their
 * text. Errors carry the file and SQLite's own words. Not for use by two threads at once.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/err.h"

struct db;

/* migrations: SQL scripts, ended by NULL; script i brings the schema from version i to i + 1. A file of a later
 * version than the program knows is refused. path may be ":memory:". */
int db_open(struct db **out, const char *path, const char *const *migrations, struct err *err) MUST_USE;
void db_close(struct db *db);
void db_wait(struct db *db, int ms); /* how long a file that another process writes is waited for; 10 s unless told */

/*
 * Runs one statement (two in one text, or a letter too many, are a bug). types has a letter for each parameter:
 * i int64_t, s text (NULL: SQL NULL), b bytes (two arguments: pointer, size_t), n SQL NULL (no argument). db_query
 * hands each row to `row` (NULL: rows are passed over) until it returns non-zero, which is returned.
 */
typedef int db_row(void *context, sqlite3_stmt *row);
int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...) MUST_USE;
int db_query(struct db *db, struct err *err, db_row *row, void *context, const char *sql, const char *types,
             ...) MUST_USE;
db_row db_take_i64; /* a row's first column to the int64_t that is the context */

int db_begin(struct db *db, struct err *err) MUST_USE; /* BEGIN IMMEDIATE */
int db_commit(struct db *db, struct err *err) MUST_USE;
void db_rollback(struct db *db);
int db_empty(struct db *db,
             struct err *err) MUST_USE; /* nothing is left, the schema neither: db_close it, and open it anew */
int db_check(struct db *db, struct err *err) MUST_USE; /* integrity and foreign keys */

#endif
