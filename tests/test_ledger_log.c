/*
 * The shared ledger: what its cache holds is what a file's ledger holds after the same bookings, row for row, whoever
 * books, in whatever order, killed wherever. Over a store in memory, in a file, in the modelled DynamoDB, and (with
 * BAKEHOUR_TEST_DYNAMODB, an address) in a DynamoDB that is not ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/philox.h"
#include "billing/settled.h"
#include "tests/support_ledger_log.h"

static int kinds = IN_SERVER;

/* A table or a column that the log does not carry would be missing from every cache. */
static void the_log_carries_every_column(void **unused)
{
    (void)unused;
    struct str found;
    struct str wanted;
    sqlite3 *handle = NULL;
    ledger_close(open_file("schema.db"));
    str_init(&found, 0);
    str_init(&wanted, 0);
    assert_int_equal(sqlite3_open(in_folder("schema.db"), &handle), SQLITE_OK);
    add_rows(&found, handle,
             "SELECT name || ' ' || (SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info(m.name) ORDER "
             "BY cid)) FROM sqlite_master m WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
    sqlite3_close(handle);
    for (size_t i = 0; i < LEDGER_TABLES; i++)
        str_addf(&wanted, "3:%s %s|\n", ledger_tables[i].table, ledger_tables[i].columns);
    assert_string_equal(found.text, wanted.text);
    str_release(&found);
    str_release(&wanted);
}

/* ---- bookings ---- */

/* The month settled up to now, with a reservation; a use without a price of its own has the catalog's. */
static void settle(struct ledger *l, instant_t now)
{
    static const char held[] = "type,region,hourly_usd,start,end\nm3.medium,us-east-1,0.03,2025-01-01,2027-01-01\n";
    static const char prices[] = "type,region,effective,usd_per_hour\nm3.medium,us-east-1,2010-01-01,0.067\n";
    struct bill_sources sources = {.reserved = "held"};
    struct bill_files files = {.names = names_new()};
    struct ledger_settled done;
    struct err err = {0};
    must(reservations_open_text(&files.reservations, files.names, "held", held, strlen(held), NULL, &err), &err);
    must(catalog_open_text(&files.catalog, "prices", prices, strlen(prices), NULL, &err), &err);
    must(settled_book(l, &files, &sources, calendar_month(now), now, &done, NULL, &err), &err);
    bill_files_release(&files);
}

/* The same bookings for the same numbers. What they do depends on what is booked already, as in life. */
static void book(struct ledger *l, uint32_t seed, uint32_t number)
{
    struct err err = {0};
    struct philox random = philox_stream(seed, number, 0, 0);
    char deployment[40];
    char key[60];
    bool done = false;
    enum ledger_booked booked;
    uint32_t which = philox_u32(&random) % 10;
    instant_t now = DAY_2026 + (instant_t)number * 700 + philox_u32(&random) % 300;
    str_fit(deployment, sizeof(deployment), "production/%u", philox_u32(&random) % 12);
    const struct ledger_scope scope = {deployment, number % 3 ? "production" : "sta\tg\\ing\n", "shop"};
    struct ledger_usage u = {.key = key,
                             .kind = which < 5 ? "instance" : "snapshot",
                             .resource = key,
                             .account = "",
                             .type = which < 5 ? "m3.medium" : "",
                             .region = "us-east-1",
                             .zone = "",
                             .os = "linux",
                             .start = DAY_2026 + (instant_t)(philox_u32(&random) % 9) * 40000,
                             .usd = which == 1 ? -1 : 670000000,
                             .regime = CHOOSE_HOURLY};
    str_fit(key, sizeof(key), "%c-\xC3\xA9%u", which < 5 ? 'i' : 's', philox_u32(&random) % 14);
    switch (which) {
    case 6:
        must(ledger_deployment_begin(l, &scope, "c0ffee", now, 1234567, "an \"estimate\"", now, &err), &err);
        break;
    case 7:
        must(ledger_deployment_end(l, deployment, now, "completed", now, &err), &err);
        break;
    case 8:
        str_fit(key, sizeof(key), "fix %u", philox_u32(&random) % 5);
        must(ledger_adjust(l, key, &scope, "expense:adjustment", now, 5000 + number, "a\tre\\ason", now, &done, &err),
             &err);
        break;
    case 9:
        settle(l, now);
        break;
    default:
        u.start = which < 5 ? DAY_2026 + (instant_t)(key[4] - '0') * 3000 : DAY_2026;
        u.end = u.start + 600 + philox_u32(&random) % 200000;
        u.open = which == 2;
        must(ledger_record(l, &u, &scope, NULL, now, &booked, &err), &err);
    }
}

static void check(struct ledger *l)
{
    struct err err = {0};
    struct diag diag = {.out = stderr};
    must(ledger_check(l, &diag, &err), &err);
}

/* Two writers with a cache each, who never look before they book, and a file that gets the same in the same order. */
static void interleaved(int kind, uint32_t seed, uint32_t count)
{
    struct place *p = open_place(kind);
    struct err err = {0};
    gone("a.db");
    gone("b.db");
    gone("c.db");
    struct ledger *file = open_file("file.db");
    struct ledger *writers[2] = {open_cache(&p->store.log, "a.db"), open_cache(&p->store.log, "b.db")};
    struct philox random = philox_stream(seed, 99, 0, 0);
    for (uint32_t i = 0; i < count; i++) {
        book(writers[philox_u32(&random) % 2], seed, i);
        book(file, seed, i);
    }
    for (size_t i = 0; i < 2; i++)
        must(ledger_refresh(writers[i], &err), &err);
    struct ledger *fresh = open_cache(&p->store.log, "c.db");
    check(fresh);
    check(file);
    ledger_close(fresh);
    ledger_close(writers[0]);
    ledger_close(writers[1]);
    ledger_close(file);
    assert_same("a.db", "file.db");
    assert_same("b.db", "file.db");
    assert_same("c.db", "file.db");
    close_place(p);
}

static void caches_are_the_files_ledger(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < kinds; kind++)
        for (uint32_t seed = 1; seed <= (kind == IN_MEMORY ? 12 : 2); seed++)
            interleaved(kind, seed, kind == IN_SERVER ? 40 : 90);
}

/* ---- many at once ---- */

struct several {
    uint32_t seed, from, count;
};

static int book_several(struct ledger *l, void *context, struct err *err)
{
    const struct several *s = context;
    (void)err;
    for (uint32_t i = s->from; i < s->from + s->count; i++)
        book(l, s->seed, i);
    return 0;
}

static void a_transaction_is_one_entry(void **unused)
{
    (void)unused;
    struct place *p = open_place(IN_MEMORY);
    struct err err = {0};
    int64_t number = 0;
    struct several s = {5, 0, 60};
    struct ledger *file = open_file("file.db");
    gone("a.db");
    gone("b.db");
    struct ledger *a = open_cache(&p->store.log, "a.db");
    struct ledger *b = open_cache(&p->store.log, "b.db");
    must(ledger_together(a, book_several, &s, DAY_2026, &err), &err);
    must(ledger_together(file, book_several, &s, DAY_2026, &err), &err);
    s.from = 60; /* b has not looked: it is carried out twice, and counts once */
    must(ledger_together(b, book_several, &s, DAY_2026, &err), &err);
    must(ledger_together(file, book_several, &s, DAY_2026, &err), &err);
    must(ledger_log_number(b, &number, &err), &err);
    assert_int_equal(number, 2);
    ledger_close(a);
    ledger_close(b);
    ledger_close(file);
    assert_same("b.db", "file.db");
    close_place(p);
}

/* More than an item holds: random keys do not deflate. */
static int book_much(struct ledger *l, void *context, struct err *err)
{
    const struct several *s = context;
    struct philox random = philox_stream(s->seed, 1, 0, 0);
    const struct ledger_scope scope = {"", "", ""};
    for (uint32_t i = 0; i < s->count; i++) {
        char key[300];
        size_t len = 0;
        while (len < 240)
            key[len++] = (char)('!' + philox_u32(&random) % 90);
        key[len] = '\0';
        int code = ledger_remark(l, key, "override", &scope, "a word", DAY_2026 + i, err);
        if (code)
            return code;
    }
    return 0;
}

static void large_transactions_lie_in_parts(void **unused)
{
    (void)unused;
    static const int where[] = {IN_MEMORY, IN_DYNAMODB};
    for (size_t i = 0; i < 2; i++) {
        struct place *p = open_place(where[i]);
        struct err err = {0};
        struct several s = {5, 0, 2500};
        struct ledger *file = open_file("file.db");
        gone("a.db");
        gone("b.db");
        struct ledger *a = open_cache(&p->store.log, "a.db");
        must(ledger_together(a, book_much, &s, DAY_2026, &err), &err);
        must(ledger_together(file, book_much, &s, DAY_2026, &err), &err);
        struct ledger *b = open_cache(&p->store.log, "b.db");
        s.count = 20000; /* some 4 MB that do not deflate: refused, and nothing of it is there */
        s.seed = 6;
        assert_int_equal(ledger_together(a, book_much, &s, DAY_2026, &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, "book it in parts"));
        ledger_close(a);
        ledger_close(b);
        ledger_close(file);
        assert_same("a.db", "file.db");
        assert_same("b.db", "file.db");
        close_place(p);
    }
}

/* ---- segments ---- */

static int count_row(void *context, const char *key, int64_t version, const char *document)
{
    (void)key;
    (void)version;
    (void)document;
    ++*(int *)context;
    return 0;
}

static void segments_say_the_same(void **unused)
{
    (void)unused;
    struct place *p = open_place(IN_MEMORY);
    struct err err = {0};
    int segments = 0;
    const struct ledger_scope scope = {"", "", ""};
    gone("a.db");
    gone("b.db");
    gone("c.db");
    struct ledger *a = open_cache(&p->store.log, "a.db");
    for (int i = 0; i < 3 * LEDGER_SEGMENT + 40; i++) {
        char key[40];
        str_fit(key, sizeof(key), "remark %d", i);
        must(ledger_remark(a, key, "override", &scope, "a word", DAY_2026 + i, &err), &err);
    }
    ledger_close(a);
    must(state_query(&p->state, "ledger", "s#", count_row, &segments, &err), &err);
    assert_int_equal(segments, 3);
    ledger_close(open_cache(&p->store.log, "b.db"));
    assert_same("a.db", "b.db");
    /* the entries of the first and the last are not read where the segments stand; the middle one is missing */
    struct state_write holes[] = {{STATE_DELETE, "ledger", "e#0000000007", STATE_ANY, NULL},
                                  {STATE_DELETE, "ledger", "e#0000000700", STATE_ANY, NULL},
                                  {STATE_DELETE, "ledger", "s#0000000257", STATE_ANY, NULL}};
    must(state_write(&p->state, holes, 3, &err), &err);
    ledger_close(open_cache(&p->store.log, "c.db"));
    assert_same("a.db", "c.db");
    /* an entry that nothing replaces */
    struct state_write hole = {STATE_DELETE, "ledger", "e#0000000300", STATE_ANY, NULL};
    struct ledger *none = NULL;
    must(state_write(&p->state, &hole, 1, &err), &err);
    gone("c.db");
    assert_int_equal(ledger_open_log(&none, &p->store.log, in_folder("c.db"), LEDGER_READ, &err), EXIT_FAILED);
    if (!strstr(err.text, "e#0000000300 is missing"))
        fail_msg("%s", err.text);
    close_place(p);
}

/* ---- killed ---- */

/* A booking under a key of its own: done again it does nothing. */
static void book_once(struct ledger *l, uint32_t number)
{
    struct err err = {0};
    char key[40];
    enum ledger_booked booked;
    const struct ledger_scope scope = {"production/1", "production", "shop"};
    str_fit(key, sizeof(key), "i-%u", number);
    const struct ledger_usage u = {.key = key,
                                   .kind = "instance",
                                   .resource = key,
                                   .account = "",
                                   .type = "m3.medium",
                                   .region = "us-east-1",
                                   .zone = "",
                                   .os = "linux",
                                   .start = DAY_2026,
                                   .end = DAY_2026 + 1000 * (instant_t)number,
                                   .usd = 670000000,
                                   .regime = CHOOSE_HOURLY};
    must(ledger_record(l, &u, &scope, NULL, DAY_2026, &booked, &err), &err);
}

struct dying {
    const struct ledger_log *log;
    ledger_log_entry *each;
    void *context;
    int reads_left, appends_left; /* below zero: lives */
};

static int die_at_entry(void *context, int64_t number, const char *text, size_t len, struct err *err)
{
    struct dying *d = context;
    if (d->reads_left >= 0 && d->reads_left-- == 0)
        raise(SIGKILL);
    return d->each(d->context, number, text, len, err);
}

static int dying_read(void *self, int64_t from, ledger_log_entry *each, void *context, struct err *err)
{
    struct dying *d = self;
    d->each = each;
    d->context = context;
    return d->log->read(d->log->self, from, die_at_entry, d, err);
}

static int dying_append(void *self, int64_t number, const char *text, size_t len, struct err *err)
{
    struct dying *d = self;
    int code = d->log->append(d->log->self, number, text, len, err);
    if (d->appends_left >= 0 && d->appends_left-- == 0)
        raise(SIGKILL);
    return code;
}

static void dying_pause(void *self, int go)
{
    const struct dying *d = self;
    d->log->pause(d->log->self, go);
}

/* In a child, which does not come back: SQLite's files must not be open across the fork. */
static void child_books(int reads, int appends, uint32_t count)
{
    struct place *p = open_place(IN_MEMORY);
    struct err err = {0};
    state_close(&p->state);
    must(state_open_file(&p->state, in_folder("shared.db"), &err), &err);
    struct dying d = {&p->store.log, NULL, NULL, reads, appends};
    struct ledger_log log = {"the log", &d, dying_read, dying_append, dying_pause, NULL};
    struct ledger *l = open_cache(&log, "a.db");
    for (uint32_t i = 0; i < count; i++)
        book_once(l, i);
    ledger_close(l);
    _exit(0);
}

static bool child_died(int reads, int appends, uint32_t count)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        child_books(reads, appends, count);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Killed after each append, before the file knows of it, and while an empty disk is filled; the one after goes on. */
static void killed_anywhere(void **unused)
{
    (void)unused;
    const uint32_t count = 30;
    struct err err = {0};
    gone("shared.db");
    gone("a.db");
    int kills = 0;
    while (kills < 2 * (int)count && child_died(-1, 0, count)) /* each life appends one entry and dies */
        kills++;
    assert_int_equal(kills, count);
    struct ledger *file = open_file("file.db");
    for (uint32_t i = 0; i < count; i++)
        book_once(file, i);
    ledger_close(file);
    assert_same("a.db", "file.db");
    for (int at = 0; at <= kills; at += 3) {
        gone("a.db");
        assert_int_equal(child_died(at, -1, 0), at < kills);
        struct state state;
        struct ledger_store store;
        struct ledger *l = NULL;
        must(state_open_file(&state, in_folder("shared.db"), &err), &err);
        ledger_store_init(&store, &state, "the log", NULL, NULL);
        must(ledger_open_log(&l, &store.log, in_folder("a.db"), LEDGER_READ, &err), &err);
        check(l);
        ledger_close(l);
        state_close(&state);
    }
}

/* Processes that share one cache and one log, killed at random moments; then everything is booked again. */
static void killed_at_random(void **unused)
{
    (void)unused;
    struct err err = {0};
    struct philox random = philox_stream(11, 0, 0, 0);
    gone("shared.db");
    gone("a.db");
    for (int round = 0; round < 12; round++) {
        pid_t children[2];
        for (size_t i = 0; i < 2; i++)
            if (!(children[i] = fork()))
                child_books(-1, -1, 60);
        usleep(1000 + philox_u32(&random) % 30000);
        for (size_t i = 0; i < 2; i++) {
            kill(children[i], SIGKILL);
            waitpid(children[i], NULL, 0);
        }
    }
    assert_false(child_died(-1, -1, 60));
    struct state state;
    struct ledger_store store;
    must(state_open_file(&state, in_folder("shared.db"), &err), &err);
    ledger_store_init(&store, &state, "the log", NULL, NULL);
    gone("b.db");
    struct ledger *b = open_cache(&store.log, "b.db");
    check(b);
    ledger_close(b);
    assert_same("a.db", "b.db");
    state_close(&state);
}

/* ---- caches of something else ---- */

static void a_cache_of_another_ledger_is_filled_anew(void **unused)
{
    (void)unused;
    struct place *one = open_place(IN_MEMORY);
    struct place *two = open_place(IN_MEMORY);
    struct err err = {0};
    gone("a.db");
    gone("b.db");
    struct ledger *a = open_cache(&one->store.log, "a.db");
    for (uint32_t i = 0; i < 30; i++)
        book(a, 1, i);
    ledger_close(a);
    struct ledger *b = open_cache(&two->store.log, "b.db");
    for (uint32_t i = 0; i < 9; i++)
        book(b, 2, i);
    ledger_close(b);
    ledger_close(open_cache(&two->store.log, "a.db")); /* shorter, and other entries */
    assert_same("a.db", "b.db");
    ledger_close(open_cache(&one->store.log, "b.db"));
    a = open_cache(&one->store.log, "a.db");
    book(a, 1, 30);
    must(ledger_refresh(a, &err), &err);
    ledger_close(a);
    ledger_close(open_cache(&one->store.log, "b.db"));
    assert_same("a.db", "b.db");
    close_place(one);
    close_place(two);
}

static int open_code(const struct ledger_log *log, const char *name, struct err *err)
{
    struct ledger *l = NULL;
    int code = ledger_open_log(&l, log, in_folder(name), LEDGER_READ, err);
    if (!code)
        ledger_close(l);
    return code;
}

static void what_is_none_is_refused(void **unused)
{
    (void)unused;
    static const char *const documents[] = {
        "{\"schema\":1,\"rows\":\"L\\t1\\nE\\t1\\tk\\n\"}",
        "{\"schema\":1,\"rows\":\"L\\t1\\nS\\tlast\\tmany\\n\"}",
        "{\"schema\":1,\"rows\":\"L\\t1\\nS\\tlast\\t1\"}",
        "{\"schema\":1,\"rows\":\"L\\t1\\nS\\tl\\\\qast\\t1\\n\"}",
        "{\"schema\":1,\"rows\":\"X\\t1\\n\"}",
        "{\"schema\":1,\"rows\":\"L\\t1\\nP\\t9\\t1\\texpense:x\\tusd\\t0\\t0\\t5\\n\"}", /* of no entry */
        "{\"schema\":1,\"len\":10,\"z\":\"AAAA\"}",
        "{\"schema\":1,\"len\":99999999999,\"z\":\"AAAA\"}",
        "{\"schema\":1,\"len\":10,\"z\":\"A\"}",
        "{\"schema\":1,\"len\":10,\"parts\":2}",
        "{}",
    };
    struct err err = {0};
    struct place *p = open_place(IN_MEMORY);
    gone("a.db");
    assert_int_equal(open_code(&p->store.log, "a.db", &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "is empty"));
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        struct state_write w = {STATE_PUT, "ledger", "e#0000000001", STATE_ANY, documents[i]};
        must(state_write(&p->state, &w, 1, &err), &err);
        if (open_code(&p->store.log, "a.db", &err) != EXIT_FAILED)
            fail_msg("taken: %s", documents[i]);
    }
    struct state_write later = {STATE_PUT, "ledger", "e#0000000001", STATE_ANY, "{\"schema\":2,\"rows\":\"L\\t1\\n\"}"};
    must(state_write(&p->state, &later, 1, &err), &err);
    assert_int_equal(open_code(&p->store.log, "a.db", &err), EXIT_INPUT);
    later.document = "{\"schema\":1,\"rows\":\"L\\t2\\n\"}";
    must(state_write(&p->state, &later, 1, &err), &err);
    assert_int_equal(open_code(&p->store.log, "a.db", &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "later version"));
    close_place(p);
}

/* ---- moving ---- */

static void there_and_back(void **unused)
{
    (void)unused;
    struct err err = {0};
    size_t moved = 0;
    struct ledger *file = open_file("file.db");
    for (uint32_t i = 0; i < 120; i++)
        book(file, 3, i);
    for (int kind = 0; kind < kinds; kind++) {
        struct place *p = open_place(kind);
        must(ledger_move(file, &p->store.log, NULL, &moved, &err), &err);
        assert_true(moved > 120);
        must(ledger_move(file, &p->store.log, NULL, &moved, &err), &err); /* it is there */
        gone("a.db");
        struct ledger *a = open_cache(&p->store.log, "a.db");
        struct ledger *back = open_file("back.db");
        must(ledger_move(a, NULL, back, &moved, &err), &err);
        must(ledger_move(a, NULL, back, &moved, &err), &err);
        check(back);
        assert_same("a.db", "file.db");
        assert_same("back.db", "file.db");
        book(back, 4, 6);
        assert_int_equal(ledger_move(a, NULL, back, &moved, &err), EXIT_INPUT);
        assert_int_equal(ledger_move(back, &p->store.log, NULL, &moved, &err), EXIT_INPUT);
        ledger_close(back);
        ledger_close(a);
        close_place(p);
    }
    ledger_close(file);
}

static int set_up(void **unused)
{
    (void)unused;
    kinds = getenv("BAKEHOUR_TEST_DYNAMODB") ? IN_SERVER + 1 : IN_SERVER;
    return mkdtemp(ledger_log_folder) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    ledger_log_clear_up();
    return 0;
}

/* ---- measured: LEDGER_BENCH=10000 (make bench) ---- */

static double cpu_s(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static double since_s(int64_t begin_ns)
{
    return (double)(clock_monotonic_ns() - begin_ns) / 1e9;
}

/* A deployment as the pipeline books it: its estimate, the bake instance and the image, its end. */
static void book_deployment(struct ledger *l, uint32_t number)
{
    struct err err = {0};
    char deployment[40];
    char key[60];
    enum ledger_booked booked;
    instant_t now = DAY_2026 + (instant_t)number * 900;
    str_fit(deployment, sizeof(deployment), "production/%u", number);
    const struct ledger_scope scope = {deployment, "production", "shop"};
    struct ledger_usage u = {.key = key,
                             .kind = "instance",
                             .resource = key + 9,
                             .account = "",
                             .type = "m3.medium",
                             .region = "us-east-1",
                             .zone = "",
                             .os = "linux",
                             .start = now + 60,
                             .end = now + 660,
                             .usd = 670000000,
                             .regime = CHOOSE_HOURLY};
    must(ledger_deployment_begin(l, &scope, "c0ffee", now, 1234567, "estimate", now, &err), &err);
    str_fit(key, sizeof(key), "instance:i-%017x", number);
    must(ledger_record(l, &u, &scope, NULL, now + 700, &booked, &err), &err);
    str_fit(key, sizeof(key), "snapshot:ami-%017x", number);
    u.kind = "snapshot";
    u.type = "";
    must(ledger_record(l, &u, &scope, NULL, now + 700, &booked, &err), &err);
    must(ledger_deployment_end(l, deployment, now + 720, "completed", now + 720, &err), &err);
}

/* Booked one by one, then loaded into a cache that is empty. */
static void a_cache_is_loaded(void **unused)
{
    (void)unused;
    const char *text = getenv("LEDGER_BENCH");
    uint32_t count = text ? (uint32_t)strtoul(text, NULL, 10) : 10;
    struct place *p = open_place(kinds - 1);
    int64_t entries = 0;
    struct err err = {0};
    gone("a.db");
    gone("b.db");
    struct ledger *a = open_cache(&p->store.log, "a.db");
    int64_t begin_ns = clock_monotonic_ns();
    for (uint32_t n = 0; n < count; n++)
        book_deployment(a, n);
    double booked = since_s(begin_ns);
    must(ledger_log_number(a, &entries, &err), &err);
    ledger_close(a);
    begin_ns = clock_monotonic_ns();
    double cpu = cpu_s();
    struct ledger *b = open_cache(&p->store.log, "b.db");
    double loaded = since_s(begin_ns);
    cpu = cpu_s() - cpu;
    ledger_close(b);
    assert_same("a.db", "b.db");
    if (text)
        printf(
            "# %u deployments, %lld entries: booked one by one in %.1f s (%.2f ms each), loaded into an empty cache in "
            "%.2f s (%.2f s of CPU)\n",
            count, (long long)entries, booked, booked * 1000 / count, loaded, cpu);
    close_place(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_carries_every_column),
        cmocka_unit_test(caches_are_the_files_ledger),
        cmocka_unit_test(a_transaction_is_one_entry),
        cmocka_unit_test(large_transactions_lie_in_parts),
        cmocka_unit_test(segments_say_the_same),
        cmocka_unit_test(killed_anywhere),
        cmocka_unit_test(killed_at_random),
        cmocka_unit_test(a_cache_of_another_ledger_is_filled_anew),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(a_cache_is_loaded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
