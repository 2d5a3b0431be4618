#include "tests/support_ledger_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "scheduler/aws/aws.h"
#include "scheduler/state_dynamodb.h"

char ledger_log_folder[] = "/tmp/test_ledger_log.XXXXXX";

const char *in_folder(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    str_fit(path, 128, "%s/%s", ledger_log_folder, name);
    return path;
}

void gone(const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char file[160];
        str_fit(file, sizeof(file), "%s%s", in_folder(name), ends[i]);
        unlink(file);
    }
}

void must(int code, const struct err *err)
{
    if (code)
        fail_msg("%d: %s", code, err->text);
}

/* ---- stores ---- */

static struct aws *server;

static void open_table(struct place *p, int kind)
{
    struct err err = {0};
    struct simcloud_options options = simcloud_options_default();
    struct retry_settings settings = retry_standard();
    static unsigned stores;
    char name[64];
    bool made = false;
    bool guarded = false;
    settings.table_writes_per_s = settings.table_reads_per_s = 5000;
    settings.burst = 1000;
    retry_init(&p->retry, &settings, 3);
    str_fit(name, sizeof(name), "ledger-test-%ld-%u", (long)getpid(), stores++);
    struct state_table table = {.name = name, .retry = &p->retry, .salt = (uint64_t)getpid() << 20 | stores};
    if (kind == IN_DYNAMODB) {
        options.lag_min_ms = options.lag_max_ms = 3000;
        p->cloud = simcloud_new(&options);
        cloud_transport_init(&p->wire, p->cloud, NULL);
        table.transport = &p->wire.transport;
    } else {
        struct aws_options aws = {.region = "us-east-1", .endpoint_url = getenv("BAKEHOUR_TEST_DYNAMODB")};
        if (!server)
            must(aws_open(&server, &aws, &err), &err);
        table.transport = aws_transport(server);
    }
    must(state_table_make(&table, &made, &guarded, &err), &err);
    must(state_open_dynamodb(&p->state, &table, &err), &err);
    ledger_store_init(&p->store, &p->state, "the log", table.transport, &p->retry);
}

struct place *open_place(int kind)
{
    struct place *p = mem_zero(1, sizeof(*p));
    struct err err = {0};
    if (kind >= IN_DYNAMODB) {
        open_table(p, kind);
        return p;
    }
    gone("state.db");
    if (kind == IN_FILE)
        must(state_open_file(&p->state, in_folder("state.db"), &err), &err);
    else
        state_open_memory(&p->state);
    ledger_store_init(&p->store, &p->state, "the log", NULL, NULL);
    return p;
}

void close_place(struct place *p)
{
    state_close(&p->state);
    if (p->cloud)
        simcloud_free(p->cloud);
    free(p);
}

struct ledger *open_cache(const struct ledger_log *log, const char *name)
{
    struct ledger *l = NULL;
    struct err err = {0};
    must(ledger_open_log(&l, log, in_folder(name), LEDGER_WRITE, &err), &err);
    return l;
}

struct ledger *open_file(const char *name)
{
    struct ledger *l = NULL;
    struct err err = {0};
    gone(name);
    must(ledger_open(&l, in_folder(name), LEDGER_WRITE, &err), &err);
    return l;
}

/* ---- every row of a file, as text ---- */

const struct ledger_table ledger_tables[LEDGER_TABLES] = {
    {"deployment", "id,environment,project,revision,started,ended,outcome,estimate_usd,basis"},
    {"entry", "id,key,kind,booked,usage,deployment,environment,project,resource,memo"},
    {"posting", "entry,line,account,unit,at,until,amount"},
    {"price", "type,region,os,effective,seen,usd_per_hour"},
    {"state", "name,value"},
    {"total", "day,environment,project,account,unit,amount"},
    {"usage", "id,key,kind,resource,account,type,region,zone,os,deployment,environment,project,quantity,usd,regime,"
              "start,until,open,bookings,unpriced"},
};

void add_rows(struct str *to, sqlite3 *handle, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(handle, sql, -1, &s, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    while (sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            str_addf(to, "%d:%s|", sqlite3_column_type(s, i), text ? text : "");
        }
        str_add(to, "\n");
    }
    sqlite3_finalize(s);
}

static char *dump(const char *name)
{
    struct str to;
    sqlite3 *handle = NULL;
    str_init(&to, 0);
    assert_int_equal(sqlite3_open(in_folder(name), &handle), SQLITE_OK);
    for (size_t i = 0; i < LEDGER_TABLES; i++) {
        char sql[600];
        str_fit(sql, sizeof(sql), "SELECT '%s', %s FROM %s ORDER BY 2, 3", ledger_tables[i].table,
                ledger_tables[i].columns, ledger_tables[i].table);
        add_rows(&to, handle, sql);
    }
    sqlite3_close(handle);
    return str_detach(&to);
}

void assert_same(const char *a, const char *b)
{
    char *x = dump(a);
    char *y = dump(b);
    if (strcmp(x, y) != 0) {
        size_t at = 0;
        while (x[at] == y[at])
            at++;
        size_t from = at > 200 ? at - 200 : 0;
        fail_msg("%s and %s differ:\n%.400s\n--\n%.400s", a, b, x + from, y + from);
    }
    assert_true(strlen(x) > 0);
    free(x);
    free(y);
}

void ledger_log_clear_up(void)
{
    static const char *const names[] = {"state.db",  "shared.db", "file.db", "back.db",
                                        "schema.db", "a.db",      "b.db",    "c.db"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        gone(names[i]);
    aws_close(server);
    server = NULL;
    rmdir(ledger_log_folder);
}
