#include "base/db.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define BUSY_MS 10000
#define LOOK_MS 20

struct cached {
    char *sql;
    sqlite3_stmt *statement;
};

struct db {
    sqlite3 *handle;
    char *path;
    struct cached *cache;
    size_t cache_count, cache_cap;
};

static int fail(const struct db *db, struct err *err, const char *doing)
{
    if ((sqlite3_errcode(db->handle) & 0xFF) == SQLITE_BUSY)
        return err_at(err, EXIT_FAILED, db->path, 0, 0, "%s: another process is writing to it; try again", doing);
    return err_at(err, EXIT_FAILED, db->path, 0, 0, "%s: %s", doing, sqlite3_errmsg(db->handle));
}

static int exec(struct db *db, const char *sql, const char *doing, struct err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(db, err, doing);
}

static int get_version(struct db *db, int *version, struct err *err)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db->handle, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK)
        return fail(db, err, "cannot be read");
    int code = sqlite3_step(s) == SQLITE_ROW ? 0 : fail(db, err, "cannot be read");
    *version = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return code;
}

static int migrate_step(struct db *db, const char *script, int to, struct err *err)
{
    char set[64];
    str_fit(set, sizeof(set), "PRAGMA user_version = %d", to);
    int code = exec(db, script, "the schema cannot be brought up to date", err);
    return code ? code : exec(db, set, "the schema cannot be brought up to date", err);
}

static int check_version(struct db *db, int known, int *version, struct err *err)
{
    int code = get_version(db, version, err);
    if (!code && (*version > known || *version < 0))
        code = err_at(err, EXIT_INPUT, db->path, 0, 0,
                      "was written by a later version of the program (schema %d, this one knows %d); use that one",
                      *version, known);
    return code;
}

/* Asks for the write lock only when there is something to do, and looks again once it is held. */
static int migrate(struct db *db, const char *const *migrations, struct err *err)
{
    static const char *const none[] = {NULL};
    if (!migrations)
        migrations = none;
    int version = 0;
    int known = 0;
    while (migrations[known])
        known++;
    int code = check_version(db, known, &version, err);
    if (code || version == known)
        return code;
    code = db_begin(db, err);
    if (code)
        return code;
    code = check_version(db, known, &version, err);
    for (int i = version; !code && i < known; i++)
        code = migrate_step(db, migrations[i], i + 1, err);
    if (code) {
        db_rollback(db);
        return code;
    }
    return db_commit(db, err);
}

/* SQLite asks its busy handler for everything but the change to WAL, when two processes make the same file at once. */
static int prepare_file(struct db *db, struct err *err)
{
    static const char sql[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";
    for (int waited_ms = 0; waited_ms < BUSY_MS; waited_ms += LOOK_MS) {
        int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return 0;
        if (code != SQLITE_BUSY)
            break;
        sqlite3_sleep(LOOK_MS);
    }
    return exec(db, sql, "cannot be opened", err);
}

int db_open(struct db **out, const char *path, const char *const *migrations, struct err *err)
{
    struct db *db = mem_zero(1, sizeof(*db));
    db->path = mem_dup(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code = 0;
    if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK)
        code = fail(db, err, "cannot be opened");
    if (!code) {
        sqlite3_busy_timeout(db->handle, BUSY_MS);
        code = prepare_file(db, err);
    }
    if (!code)
        code = migrate(db, migrations, err);
    if (code) {
        db_close(db);
        return code;
    }
    *out = db;
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < db->cache_count; i++) {
        sqlite3_finalize(db->cache[i].statement);
        free(db->cache[i].sql);
    }
    sqlite3_close(db->handle);
    free(db->cache);
    free(db->path);
    free(db);
}

static sqlite3_stmt *prepared(struct db *db, const char *sql, struct err *err)
{
    for (size_t i = 0; i < db->cache_count; i++)
        if (strcmp(db->cache[i].sql, sql) == 0) {
            assert(!sqlite3_stmt_busy(db->cache[i].statement)); /* run again from inside its own rows */
            return db->cache[i].statement;
        }
    sqlite3_stmt *statement;
    const char *rest;
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, &rest) != SQLITE_OK) {
        fail(db, err, "a statement cannot be prepared");
        return NULL;
    }
    assert(statement && !*rest); /* one statement, or what follows would be dropped in silence */
    db->cache = mem_grow(db->cache, &db->cache_cap, db->cache_count + 1, sizeof(*db->cache));
    db->cache[db->cache_count++] = (struct cached){mem_dup(sql), statement};
    return statement;
}

static int bind(const struct db *db, sqlite3_stmt *s, const char *types, va_list args, struct err *err)
{
    assert((size_t)sqlite3_bind_parameter_count(s) == strlen(types));
    int code = SQLITE_OK;
    for (int i = 1; *types && code == SQLITE_OK; i++, types++) {
        assert(strchr("isnb", *types));
        if (*types == 'b') {
            const void *bytes = va_arg(args, const void *);
            code = sqlite3_bind_blob64(s, i, bytes, va_arg(args, size_t), SQLITE_TRANSIENT);
        } else if (*types == 'i')
            code = sqlite3_bind_int64(s, i, va_arg(args, int64_t));
        else if (*types == 's')
            code = sqlite3_bind_text(s, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        else
            code = sqlite3_bind_null(s, i);
    }
    if (code == SQLITE_OK)
        return 0;
    sqlite3_clear_bindings(s);
    return fail(db, err, "a value cannot be stored");
}

static int step_all(struct db *db, sqlite3_stmt *s, db_row *row, void *context, struct err *err)
{
    int code = 0;
    int got;
    while (!code && (got = sqlite3_step(s)) != SQLITE_DONE) {
        if (got != SQLITE_ROW)
            code = fail(db, err, "a statement failed");
        else if (row)
            code = row(context, s);
    }
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return code;
}

int db_take_i64(void *context, sqlite3_stmt *row)
{
    *(int64_t *)context = sqlite3_column_int64(row, 0);
    return 0;
}

int db_query(struct db *db, struct err *err, db_row *row, void *context, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = prepared(db, sql, err);
    if (!s)
        return EXIT_FAILED;
    va_list args;
    va_start(args, types);
    int code = bind(db, s, types, args, err);
    va_end(args);
    return code ? code : step_all(db, s, row, context, err);
}

int db_run(struct db *db, struct err *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = prepared(db, sql, err);
    if (!s)
        return EXIT_FAILED;
    va_list args;
    va_start(args, types);
    int code = bind(db, s, types, args, err);
    va_end(args);
    return code ? code : step_all(db, s, NULL, NULL, err);
}

int db_begin(struct db *db, struct err *err)
{
    return exec(db, "BEGIN IMMEDIATE", "cannot be written", err);
}

int db_commit(struct db *db, struct err *err)
{
    int code = exec(db, "COMMIT", "cannot be written", err);
    if (code)
        db_rollback(db);
    return code;
}

void db_wait(struct db *db, int ms)
{
    sqlite3_busy_timeout(db->handle, ms);
}

void db_rollback(struct db *db)
{
    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* SQLite's own way, which other processes that have the file open understand. */
int db_empty(struct db *db, struct err *err)
{
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_RESET_DATABASE, 1, 0);
    int code = exec(db, "VACUUM", "cannot be emptied", err);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_RESET_DATABASE, 0, 0);
    return code;
}

static int first_problem(void *context, sqlite3_stmt *row)
{
    struct str *problem = context;
    const char *text = (const char *)sqlite3_column_text(row, 0);
    if (text && strcmp(text, "ok") != 0)
        str_addf(problem, "%s%s", problem->len ? "; " : "", text);
    return 0;
}

int db_check(struct db *db, struct err *err)
{
    struct str problem;
    str_init(&problem, 512);
    int code = db_query(db, err, first_problem, &problem, "PRAGMA integrity_check(5)", "");
    if (!code)
        code = db_query(db, err, first_problem, &problem, "PRAGMA foreign_key_check", "");
    if (!code && problem.len)
        code = err_at(err, EXIT_FAILED, db->path, 0, 0, "is damaged: %s", problem.text);
    str_release(&problem);
    return code;
}
