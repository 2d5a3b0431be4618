/* SQLite: migrations, binding, two connections, damage, and a process killed in the middle of writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"

static const char *const version_one[] = {"CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)", NULL};
static const char *const version_two[] = {"CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)",
                                          "ALTER TABLE t ADD COLUMN w TEXT DEFAULT 'new'; CREATE INDEX tw ON t (w)",
                                          NULL};

static char folder[] = "/tmp/test_db.XXXXXX";
static char path[64];

static void remove_files(void)
{
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char name[80];
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int set_up(void **state)
{
    (void)state;
    remove_files();
    return 0;
}

static struct db *open_or_fail(const char *const *migrations)
{
    struct err err = {0};
    struct db *db = NULL;
    if (db_open(&db, path, migrations, &err))
        fail_msg("%s", err.text);
    return db;
}

static void run(struct db *db, const char *sql)
{
    struct err err = {0};
    if (db_run(db, &err, sql, ""))
        fail_msg("%s", err.text);
}

static int take_number(void *context, sqlite3_stmt *row)
{
    *(int64_t *)context = sqlite3_column_int64(row, 0);
    return 0;
}

static int64_t number(struct db *db, const char *sql)
{
    struct err err = {0};
    int64_t value = -1;
    if (db_query(db, &err, take_number, &value, sql, ""))
        fail_msg("%s", err.text);
    return value;
}

static void migrations_run_once(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    run(db, "INSERT INTO t VALUES (1, 'a')");
    assert_int_equal(number(db, "PRAGMA user_version"), 1);
    db_close(db);
    for (int i = 0; i < 2; i++) {
        db = open_or_fail(version_two);
        assert_int_equal(number(db, "PRAGMA user_version"), 2);
        assert_int_equal(number(db, "SELECT count(*) FROM t WHERE w = 'new'"), 1);
        db_close(db);
    }
}

static void safe_settings(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    assert_int_equal(number(db, "PRAGMA journal_mode = WAL") == 0 && number(db, "PRAGMA synchronous") == 2, 1);
    assert_int_equal(number(db, "PRAGMA foreign_keys"), 1);
    db_close(db);
    assert_int_equal(access(path, F_OK), 0);
    FILE *file = fopen(path, "r");
    char head[20];
    assert_int_equal(fread(head, 1, 20, file), 20);
    fclose(file);
    assert_int_equal(head[18], 2); /* the file format's write version: 2 is WAL */
}

static void a_later_version_is_refused(void **state)
{
    (void)state;
    db_close(open_or_fail(version_two));
    struct err err = {0};
    struct db *db = (struct db *)1;
    assert_int_equal(db_open(&db, path, version_one, &err), EXIT_INPUT);
    assert_ptr_equal(db, (struct db *)1);
    assert_non_null(strstr(err.text, path));
    assert_non_null(strstr(err.text, "later version of the program (schema 2, this one knows 1)"));
    db_close(open_or_fail(version_two));
}

static void a_failed_migration_leaves_nothing(void **state)
{
    (void)state;
    const char *const broken[] = {version_two[0], "CREATE TABLE u (k); INSERT INTO nowhere VALUES (1)", NULL};
    struct db *db = open_or_fail(version_one);
    run(db, "INSERT INTO t VALUES (1, 'kept')");
    db_close(db);
    struct err err = {0};
    assert_int_equal(db_open(&db, path, broken, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "no such table: nowhere"));
    db = open_or_fail(version_one);
    assert_int_equal(number(db, "PRAGMA user_version"), 1);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
    db_close(db);
}

static void what_cannot_be_opened(void **state)
{
    (void)state;
    struct err err = {0};
    struct db *db;
    assert_int_equal(db_open(&db, "/nonexistent/x.db", version_one, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "/nonexistent/x.db: cannot be opened"));
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 500; i++)
        fputs("this is a text\n", file);
    fclose(file);
    assert_int_equal(db_open(&db, path, version_one, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "not a database"));
}

struct row {
    int count;
    int64_t i;
    char s[32], types[8];
};

static int take_row(void *context, sqlite3_stmt *row)
{
    struct row *r = context;
    r->count++;
    r->i = sqlite3_column_int64(row, 0);
    snprintf(r->s, sizeof(r->s), "%s", (const char *)sqlite3_column_text(row, 1));
    snprintf(r->types, sizeof(r->types), "%d%d%d", sqlite3_column_type(row, 0) == SQLITE_INTEGER,
             sqlite3_column_type(row, 2) == SQLITE_NULL, sqlite3_column_type(row, 3) == SQLITE_NULL);
    return r->count == 2 ? 77 : 0;
}

static void binding(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    struct err err = {0};
    struct row r = {0};
    assert_int_equal(
        db_query(db, &err, take_row, &r, "SELECT ?, ?, ?, ?", "issn", INT64_MIN, "it's; DROP", (const char *)NULL), 0);
    assert_int_equal(r.count, 1);
    assert_true(r.i == INT64_MIN);
    assert_string_equal(r.s, "it's; DROP");
    assert_string_equal(r.types, "111");
    /* The same text again: nothing is left of the first binding. */
    assert_int_equal(db_query(db, &err, take_row, &(struct row){0}, "SELECT ?, ?, ?, ?", "nnss", "x", "y"), 0);
    db_close(db);
}

static int run_it_again(void *context, sqlite3_stmt *row)
{
    (void)row;
    struct err err;
    return db_query(context, &err, run_it_again, context, "SELECT 1 UNION SELECT 2", "");
}

/* What would lose data in silence: a letter too few, a second statement, a statement inside its own rows. */
static void misuse_is_a_bug(void **state)
{
    (void)state;
    for (int misuse = 0; misuse < 4; misuse++) {
        remove_files();
        pid_t child = fork();
        if (child == 0) {
            struct err err;
            struct db *db;
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
            if (db_open(&db, path, version_one, &err))
                _exit(1);
            int code = misuse == 0   ? db_run(db, &err, "INSERT INTO t VALUES (?, ?)", "i", (int64_t)1)
                       : misuse == 1 ? db_run(db, &err, "INSERT INTO t VALUES (?, 'x')", "d", 1.0)
                       : misuse == 2 ? db_run(db, &err, "DELETE FROM t; DELETE FROM t", "")
                                     : run_it_again(db, NULL);
            _exit(code);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

static void rows_stop_when_told(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    run(db, "INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    struct err err = {0};
    struct row r = {0};
    assert_int_equal(db_query(db, &err, take_row, &r, "SELECT k, v, 1, 1 FROM t ORDER BY k", ""), 77);
    assert_int_equal(r.count, 2);
    assert_int_equal(r.i, 2);
    r = (struct row){.count = 5};
    assert_int_equal(db_query(db, &err, take_row, &r, "SELECT k, v, 1, 1 FROM t ORDER BY k", ""), 0);
    assert_int_equal(r.count, 8); /* from the first row again */
    db_close(db);
}

static void errors_carry_the_reason(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    struct err err = {0};
    assert_int_equal(db_run(db, &err, "INSERT INTO nowhere VALUES (1)", ""), EXIT_FAILED);
    assert_non_null(strstr(err.text, "no such table"));
    run(db, "INSERT INTO t VALUES (1, 'a')");
    assert_int_equal(db_run(db, &err, "INSERT INTO t VALUES (?, ?)", "is", (int64_t)1, "b"), EXIT_FAILED);
    assert_non_null(strstr(err.text, "UNIQUE constraint failed"));
    assert_int_equal(db_run(db, &err, "INSERT INTO t VALUES (?, ?)", "is", (int64_t)2, "b"), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 2);
    db_close(db);
}

static void rollback_and_commit(void **state)
{
    (void)state;
    struct db *db = open_or_fail(version_one);
    struct err err = {0};
    assert_int_equal(db_begin(db, &err), 0);
    run(db, "INSERT INTO t VALUES (1, 'a')");
    db_rollback(db);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(db_begin(db, &err), 0);
    assert_int_equal(db_begin(db, &err), EXIT_FAILED); /* not within another */
    run(db, "INSERT INTO t VALUES (1, 'a')");
    assert_int_equal(db_commit(db, &err), 0);
    assert_int_equal(db_commit(db, &err), EXIT_FAILED);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
    db_close(db);
}

static void a_second_connection_waits_then_says_who(void **state)
{
    (void)state;
    struct db *one = open_or_fail(version_one);
    struct err err = {0};
    assert_int_equal(db_begin(one, &err), 0);
    run(one, "INSERT INTO t VALUES (1, 'a')");
    struct db *two = open_or_fail(version_one); /* opening needs no write lock when the schema is up to date */
    assert_int_equal(number(two, "SELECT count(*) FROM t"), 0);
    db_wait(two, 50);
    assert_int_equal(db_begin(two, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, "another process is writing to it"));
    assert_int_equal(db_run(two, &err, "DELETE FROM t", ""), EXIT_FAILED);
    assert_non_null(strstr(err.text, "another process is writing to it"));
    assert_int_equal(db_commit(one, &err), 0);
    assert_int_equal(db_begin(two, &err), 0);
    assert_int_equal(number(two, "SELECT count(*) FROM t"), 1);
    db_rollback(two);
    db_close(two);
    db_close(one);
}

static void a_lock_that_is_let_go_is_waited_for(void **state)
{
    (void)state;
    db_close(open_or_fail(version_one));
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        struct db *db;
        if (db_open(&db, path, version_one, &err) || db_begin(db, &err) || write(ready[1], "x", 1) != 1)
            _exit(1);
        usleep(300000);
        if (db_run(db, &err, "INSERT INTO t VALUES (1, 'child')", "") || db_commit(db, &err))
            _exit(1);
        _exit(0);
    }
    char x;
    assert_int_equal(read(ready[0], &x, 1), 1);
    struct db *db = open_or_fail(version_one);
    struct err err = {0};
    assert_int_equal(db_begin(db, &err), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 1);
    db_rollback(db);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ready[0]);
    close(ready[1]);
    db_close(db);
}

static void damage_is_found(void **state)
{
    (void)state;
    const char *const schema[] = {"CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT); CREATE INDEX tv ON t (v)", NULL};
    struct db *db = open_or_fail(schema);
    struct err err = {0};
    assert_int_equal(db_begin(db, &err), 0);
    for (int64_t k = 0; k < 2000; k++)
        assert_int_equal(db_run(db, &err, "INSERT INTO t VALUES (?, 'some text to fill pages ' || ?)", "ii", k, k), 0);
    assert_int_equal(db_commit(db, &err), 0);
    assert_int_equal(db_check(db, &err), 0);
    db_close(db); /* the WAL goes into the file */
    int fd = open(path, O_RDWR);
    char noise[200];
    memset(noise, 0x5A, sizeof(noise));
    assert_int_equal(pwrite(fd, noise, sizeof(noise), 4096 * 5 + 20), sizeof(noise));
    close(fd);
    db = open_or_fail(schema);
    assert_int_equal(db_check(db, &err), EXIT_FAILED);
    assert_non_null(strstr(err.text, path));
    db_close(db);
}

static void broken_references_are_found(void **state)
{
    (void)state;
    const char *const schema[] = {"CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE c (k REFERENCES p (k))", NULL};
    struct db *db = open_or_fail(schema);
    struct err err = {0};
    assert_int_equal(db_run(db, &err, "INSERT INTO c VALUES (1)", ""), EXIT_FAILED);
    run(db, "PRAGMA foreign_keys = OFF");
    run(db, "INSERT INTO c VALUES (1)");
    assert_int_equal(db_check(db, &err), EXIT_FAILED);
    db_close(db);
}

/* Writes for ever: rows of a pair are written in one transaction; says in the pipe what is committed. */
static void write_until_killed(int tell)
{
    struct err err;
    struct db *db;
    if (db_open(&db, path, version_one, &err))
        _exit(1);
    for (int64_t k = 0;; k += 2) {
        if (db_begin(db, &err) || db_run(db, &err, "INSERT INTO t VALUES (?, 'x')", "i", k) ||
            db_run(db, &err, "INSERT INTO t VALUES (?, 'y')", "i", k + 1) || db_commit(db, &err))
            _exit(1);
        if (write(tell, &k, sizeof(k)) != sizeof(k))
            _exit(1);
    }
}

static void a_killed_writer_leaves_what_it_committed(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        remove_files();
        int tell[2];
        assert_int_equal(pipe(tell), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(tell[1]);
        close(tell[1]);
        int64_t last = -1;
        int64_t k;
        for (int i = 0; i < 10 + 7 * round; i++)
            assert_int_equal(read(tell[0], &last, sizeof(last)), sizeof(last));
        usleep((useconds_t)(round * 700));
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(tell[0], &k, sizeof(k)) == sizeof(k))
            last = k;
        close(tell[0]);
        struct db *db = open_or_fail(version_one);
        struct err err = {0};
        assert_int_equal(db_check(db, &err), 0);
        int64_t rows = number(db, "SELECT count(*) FROM t");
        assert_int_equal(rows % 2, 0); /* no half of a pair */
        /* All that was told is there, and at most the one pair that was committed but not told. */
        assert_true(rows == last + 2 || rows == last + 4);
        assert_int_equal(number(db, "SELECT max(k) FROM t"), rows - 1);
        db_close(db);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/t.db", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(migrations_run_once, set_up),
        cmocka_unit_test_setup(safe_settings, set_up),
        cmocka_unit_test_setup(a_later_version_is_refused, set_up),
        cmocka_unit_test_setup(a_failed_migration_leaves_nothing, set_up),
        cmocka_unit_test_setup(what_cannot_be_opened, set_up),
        cmocka_unit_test_setup(binding, set_up),
        cmocka_unit_test_setup(misuse_is_a_bug, set_up),
        cmocka_unit_test_setup(rows_stop_when_told, set_up),
        cmocka_unit_test_setup(errors_carry_the_reason, set_up),
        cmocka_unit_test_setup(rollback_and_commit, set_up),
        cmocka_unit_test_setup(a_second_connection_waits_then_says_who, set_up),
        cmocka_unit_test_setup(a_lock_that_is_let_go_is_waited_for, set_up),
        cmocka_unit_test_setup(damage_is_found, set_up),
        cmocka_unit_test_setup(broken_references_are_found, set_up),
        cmocka_unit_test_setup(a_killed_writer_leaves_what_it_committed, set_up),
    };
    int failed = cmocka_run_group_tests_name("db", tests, NULL, NULL);
    remove_files();
    rmdir(folder);
    return failed;
}
