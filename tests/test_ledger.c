/* The ledger: booking once, booking differences, sums, what runs at an instant, faults that the check must find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "billing/ledger.h"
#include "tests/support_bill.h"

static char path[] = "/tmp/test_ledger.XXXXXX";

static void remove_files(void)
{
    const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static struct ledger *open_new(void)
{
    struct ledger *l = NULL;
    struct err err = {0};
    remove_files();
    if (ledger_open(&l, path, LEDGER_WRITE, &err))
        fail_msg("%s", err.text);
    return l;
}

static struct catalog *prices(void)
{
    static const char text[] = "type,region,os,effective,usd_per_hour\nm5.large,us-east-1,linux,2010-01-01,0.096\n"
                               "m4.large,us-east-1,linux,2010-01-01,0.12\nm4.large,us-east-1,linux,2018-08-16,0.1\n";
    struct catalog *c = NULL;
    struct err err = {0};
    assert_int_equal(catalog_open_text(&c, "prices", text, sizeof(text) - 1, NULL, &err), 0);
    return c;
}

static const struct ledger_scope scope_a = {"d-1", "production", "shop"};
static const struct ledger_scope scope_b = {"d-2", "production", "shop"};

static struct ledger_usage instance(const char *key, const char *start, const char *end)
{
    return (struct ledger_usage){.key = key,
                                 .kind = "instance",
                                 .resource = key,
                                 .account = "",
                                 .type = "m5.large",
                                 .region = "us-east-1",
                                 .zone = "",
                                 .os = "linux",
                                 .start = at(start),
                                 .end = at(end),
                                 .usd = -1};
}

static enum ledger_booked book(struct ledger *l, const struct ledger_usage *u, const struct ledger_scope *scope)
{
    struct catalog *c = prices();
    struct err err = {0};
    enum ledger_booked booked;
    if (ledger_record(l, u, scope, c, u->end, &booked, &err))
        fail_msg("%s", err.text);
    catalog_free(c);
    return booked;
}

static int64_t sum(struct ledger *l, const char *from, const char *to, const char *deployment, const char *account)
{
    const struct ledger_filter f = {.from = at(from), .to = at(to), .deployment = deployment, .account = account};
    struct err err = {0};
    int64_t out = 0;
    assert_int_equal(ledger_sum(l, &f, &out, &err), 0);
    return out;
}

static void assert_sound(struct ledger *l)
{
    struct diag diag = {.out = stderr};
    struct err err = {0};
    assert_int_equal(ledger_check(l, &diag, &err), 0);
    assert_int_equal(diag.count, 0);
}

#define ALL_OF "2018-01-01", "2019-01-01"

/* 1,000 s of m5.large by the second: 0.096 x 1000 / 3600 = 0.02666..., half to even in 1e-10. */
static void a_use_is_booked_once(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T10:16:40Z");
    assert_int_equal(book(l, &u, &scope_a), LEDGER_NEW);
    assert_int_equal(book(l, &u, &scope_a), LEDGER_UNCHANGED);
    assert_int_equal(book(l, &u, &scope_b), LEDGER_UNCHANGED);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("0.0266666667"));
    assert_int_equal(sum(l, ALL_OF, NULL, "payable:aws"), -usd("0.0266666667"));
    assert_int_equal(sum(l, ALL_OF, "d-1", "expense:instance"), usd("0.0266666667"));
    assert_int_equal(sum(l, ALL_OF, "d-2", "expense:instance"), 0);
    assert_int_equal(sum(l, ALL_OF, NULL, "time:instance"), 1000);
    assert_sound(l);
    ledger_close(l);
}

/* The second deployment pays for what it added, and both together what the whole costs: 3,000 s, 0.08. */
static void a_use_that_goes_on_books_the_difference(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-01T23:50:00Z", "2018-08-02T00:06:40Z");
    u.open = true;
    assert_int_equal(book(l, &u, &scope_a), LEDGER_NEW);
    u.end = at("2018-08-02T00:40:00Z");
    u.open = false;
    assert_int_equal(book(l, &u, &scope_b), LEDGER_CHANGED);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("0.08"));
    assert_int_equal(sum(l, ALL_OF, "d-1", "expense:"), usd("0.0266666667"));
    assert_int_equal(sum(l, ALL_OF, "d-2", "expense:"), usd("0.0533333333"));
    assert_int_equal(sum(l, "2018-08-01", "2018-08-02", NULL, "time:instance"), 600);
    assert_int_equal(sum(l, "2018-08-01", "2018-08-02", NULL, "expense:"), usd("0.016"));
    u.open = true; /* an old word: it is known to have ended */
    assert_int_equal(book(l, &u, &scope_b), LEDGER_UNCHANGED);
    u.open = false;
    u.end = at("2018-08-02T00:00:00Z"); /* a better word about the end */
    assert_int_equal(book(l, &u, &scope_b), LEDGER_CHANGED);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("0.016"));
    assert_sound(l);
    ledger_close(l);
}

static void an_hour_costs_what_it_did_when_it_opened(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-15T23:30:00Z", "2018-08-16T00:45:00Z");
    u.type = "m4.large";
    u.regime = CHOOSE_HOURLY;
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, "2018-08-15", "2018-08-16", NULL, "expense:"), usd("0.12"));
    assert_int_equal(sum(l, "2018-08-16", "2018-08-17", NULL, "expense:"), usd("0.1"));
    u.key = u.resource = "i-2";
    u.regime = CHOOSE_SECOND; /* 1,800 s at 0.12, 2,700 s at 0.1 */
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("0.22") + usd("0.135"));
    assert_sound(l);
    ledger_close(l);
}

static void a_key_stands_for_one_use(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
    struct err err = {0};
    enum ledger_booked booked;
    book(l, &u, &scope_a);
    u.type = "m4.large";
    assert_int_equal(ledger_record(l, &u, &scope_a, NULL, 0, &booked, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "stands for another use"));
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("0.096"));
    ledger_close(l);
}

static void a_start_that_is_known_better(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-02T10:00:00Z", "2018-08-02T11:00:00Z");
    u.open = true; /* first seen running */
    book(l, &u, &scope_a);
    u.start = at("2018-08-01T23:00:00Z"); /* its launch is found */
    assert_int_equal(book(l, &u, &scope_a), LEDGER_CHANGED);
    assert_int_equal(book(l, &u, &scope_a), LEDGER_UNCHANGED);
    assert_int_equal(sum(l, "2018-08-01", "2018-08-02", NULL, "expense:"), usd("0.096"));
    assert_int_equal(sum(l, "2018-08-02", "2018-08-03", NULL, "expense:"), 11 * usd("0.096"));
    assert_sound(l);
    ledger_close(l);
}

static void other_kinds(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("vol-1", "2018-09-01", "2018-09-01T12:00:00Z");
    u.kind = "volume"; /* vector 29: 2,000 GB for 43,200 s of a 30-day month at 0.09394 */
    u.quantity = (int64_t)2000 * CHARGE_QUANTITY;
    u.usd = usd("0.09394");
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:volume"), usd("3.1313333333"));
    u = instance("job-1", "2018-09-01T10:00:00Z", "2018-09-01T10:16:01Z");
    u.kind = "ci-minute"; /* 17 started minutes at 0.006 */
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:ci-minute"), usd("0.102"));
    assert_int_equal(sum(l, ALL_OF, NULL, "payable:ci"), -usd("0.102"));
    u = instance("eip-1", "2024-01-31T23:00:00Z", "2024-02-01T02:00:00Z");
    u.kind = "public-ipv4"; /* free until 2024-02-01, then 0.005 an hour */
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, "2024-01-01", "2025-01-01", NULL, "expense:"), usd("0.01"));
    u = instance("fsr-1", "2018-09-01T10:00:00Z", "2018-09-01T10:05:00Z");
    u.kind = "fsr"; /* an hour at least, in two zones */
    u.quantity = 2 * CHARGE_QUANTITY;
    book(l, &u, &scope_a);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:fsr"), usd("1.5"));
    assert_sound(l);
    ledger_close(l);
}

static void a_use_without_a_price_is_kept(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
    struct err err = {0};
    size_t count;
    char *first;
    u.type = "x9.huge";
    assert_int_equal(book(l, &u, &scope_a), LEDGER_NEW);
    assert_int_equal(ledger_unpriced(l, &count, &first, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(first, "instance x9.huge in us-east-1");
    free(first);
    u.usd = usd("2");
    assert_int_equal(book(l, &u, &scope_a), LEDGER_CHANGED);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("2"));
    assert_int_equal(ledger_unpriced(l, &count, &first, &err), 0);
    assert_int_equal(count, 0);
    assert_null(first);
    assert_sound(l);
    ledger_close(l);
}

static void spent_up_to_an_instant(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct err err = {0};
    struct ledger_spent s;
    struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
    book(l, &u, &scope_a);
    assert_int_equal(ledger_spent(l, NULL, NULL, at("2018-08-01"), at("2018-08-01T10:30:00Z"), &s, &err), 0);
    assert_int_equal(s.usd, usd("0.048"));
    assert_int_equal(s.instance_s, 1800);
    u = instance("i-2", "2018-08-31T10:00:00Z", "2018-08-31T10:00:00Z");
    u.open = true; /* launched; nobody has said more */
    book(l, &u, &scope_b);
    assert_int_equal(ledger_spent(l, "production", "shop", at("2018-08-01"), at("2018-09-01"), &s, &err), 0);
    assert_int_equal(s.usd, usd("0.096") + 14 * usd("0.096"));
    assert_int_equal(ledger_spent(l, NULL, NULL, at("2018-09-01"), at("2018-09-01T01:00:00Z"), &s, &err), 0);
    assert_int_equal(s.usd, usd("0.096"));
    assert_int_equal(ledger_spent(l, "staging", NULL, at("2018-08-01"), at("2018-09-01"), &s, &err), 0);
    assert_int_equal(s.usd, 0);
    ledger_close(l);
}

static int take_deployment(void *context, const struct ledger_deployment *d, struct err *err)
{
    (void)err;
    struct ledger_deployment *out = context;
    *out = *d;
    assert_string_equal(d->id, "d-1");
    assert_string_equal(d->commit, "abc");
    assert_string_equal(d->outcome, "completed");
    assert_string_equal(d->basis, "three runs");
    return 0;
}

static void estimate_against_actual(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct err err = {0};
    struct ledger_deployment d = {0};
    instant_t start = at("2018-08-01T10:00:00Z");
    for (int i = 0; i < 2; i++) { /* a pipeline that was resumed says everything twice */
        assert_int_equal(ledger_deployment_begin(l, &scope_a, "abc", start, usd("0.05"), "three runs", start, &err), 0);
        struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
        book(l, &u, &scope_a);
        assert_int_equal(ledger_deployment_end(l, "d-1", start + 4000 + i, "completed", start, &err), 0);
    }
    assert_int_equal(ledger_deployments(l, NULL, at("2018-08-01"), at("2018-09-01"), take_deployment, &d, &err), 0);
    assert_int_equal(d.estimate_usd, usd("0.05"));
    assert_int_equal(d.actual_usd, usd("0.096"));
    assert_int_equal(d.ended, start + 4000);
    assert_int_equal(sum(l, ALL_OF, NULL, "plan:estimate"), usd("0.05"));
    assert_sound(l);
    ledger_close(l);
}

static void adjustments_are_entries(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    struct err err = {0};
    bool booked;
    instant_t when = at("2018-08-05");
    assert_int_equal(ledger_adjust(l, "credit-1", &scope_a, "expense:adjustment", when, -usd("1.5"), "goodwill", when,
                                   &booked, &err),
                     0);
    assert_true(booked);
    assert_int_equal(ledger_adjust(l, "credit-1", &scope_a, "expense:adjustment", when, -usd("1.5"), "goodwill", when,
                                   &booked, &err),
                     0);
    assert_false(booked);
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), -usd("1.5"));
    assert_int_equal(ledger_adjust(l, "x", &scope_a, "payable:aws", when, 1, "no", when, &booked, &err), EXIT_INPUT);
    assert_int_equal(ledger_adjust(l, "x", &scope_a, "expense:tax", when, 1, "", when, &booked, &err), EXIT_INPUT);
    assert_int_equal(ledger_adjust(l, "x", &scope_a, "expense:tax", when, 0, "no", when, &booked, &err), EXIT_INPUT);
    assert_sound(l);
    ledger_close(l);
}

static int raw(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

static size_t faults_after(const char *sql)
{
    struct ledger *l = open_new();
    struct err err = {0};
    struct diag diag = {0};
    struct ledger_usage u = instance("i-1", "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
    book(l, &u, &scope_a);
    ledger_close(l);
    if (sql)
        assert_int_equal(raw(sql), SQLITE_OK);
    assert_int_equal(ledger_open(&l, path, LEDGER_READ, &err), 0);
    int code = ledger_check(l, &diag, &err);
    assert_int_equal(code, diag.count ? EXIT_FAILED : 0);
    ledger_close(l);
    return diag.count;
}

static void the_check_finds_faults(void **state)
{
    (void)state;
    assert_int_equal(faults_after(NULL), 0);
    assert_true(faults_after("INSERT INTO posting VALUES (1, 9, 'expense:instance', 'usd', 0, 0, 5)") >= 1);
    assert_true(faults_after("UPDATE total SET amount = amount + 1") >= 1);
    assert_true(faults_after("DELETE FROM total") >= 1);
    assert_int_equal(faults_after("UPDATE usage SET bookings = 2"), 1);
    assert_int_equal(faults_after("UPDATE usage SET until = until + 3600"), 1);
    assert_int_equal(faults_after("UPDATE price SET usd_per_hour = 1"), 1);
    assert_int_equal(
        faults_after("INSERT INTO entry VALUES (7, 'e', 'x', 0, NULL, '', '', '', '', '');"
                     "INSERT INTO posting VALUES (7, 1, 'a', 'usd', 0, 0, 5), (7, 2, 'b', 'usd', 0, 0, -5)"),
        0);
}

static void nothing_is_edited(void **state)
{
    (void)state;
    assert_int_equal(faults_after(NULL), 0);
    assert_int_not_equal(raw("UPDATE posting SET amount = 1"), SQLITE_OK);
    assert_int_not_equal(raw("DELETE FROM posting"), SQLITE_OK);
    assert_int_not_equal(raw("UPDATE entry SET memo = 'x'"), SQLITE_OK);
    assert_int_not_equal(raw("DELETE FROM entry"), SQLITE_OK);
    assert_int_not_equal(raw("UPDATE usage SET type = 'x'"), SQLITE_OK);
    assert_int_not_equal(raw("DELETE FROM usage"), SQLITE_OK);
}

static void a_missing_or_foreign_file_is_said(void **state)
{
    (void)state;
    struct ledger *l = NULL;
    struct err err = {0};
    bool any;
    instant_t last;
    remove_files();
    assert_int_equal(ledger_open(&l, path, LEDGER_READ, &err), EXIT_INPUT);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(ledger_open(&l, path, LEDGER_READ, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "is empty"));
    assert_int_equal(raw("CREATE TABLE other (x)"), SQLITE_OK);
    assert_int_equal(ledger_open(&l, path, LEDGER_WRITE, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "is no ledger"));
    l = open_new();
    assert_int_equal(ledger_last(l, &any, &last, &err), 0);
    assert_false(any);
    assert_int_equal(ledger_synced(l, 100, &err), 0);
    assert_int_equal(ledger_synced(l, 50, &err), 0);
    assert_int_equal(ledger_last(l, &any, &last, &err), 0);
    assert_true(any && last == 100);
    ledger_close(l);
}

static void write_many(int who, int count)
{
    struct ledger *l = NULL;
    struct err err = {0};
    if (ledger_open(&l, path, LEDGER_WRITE, &err))
        _exit(2);
    for (int i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "i-%d-%d", i % 3 ? who : 9, i);
        struct ledger_usage u = instance(key, "2018-08-01T10:00:00Z", "2018-08-01T11:00:00Z");
        enum ledger_booked booked;
        u.usd = usd("1");
        if (ledger_record(l, &u, &scope_a, NULL, u.end, &booked, &err))
            _exit(3);
    }
    ledger_close(l);
    _exit(0);
}

/* Two processes; every third use is booked by both. */
static void two_writers(void **state)
{
    (void)state;
    struct ledger *l = open_new();
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        if ((pids[i] = fork()) == 0)
            write_many(i, 30);
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(sum(l, ALL_OF, NULL, "expense:"), usd("50"));
    assert_sound(l);
    ledger_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_use_is_booked_once),
        cmocka_unit_test(a_use_that_goes_on_books_the_difference),
        cmocka_unit_test(an_hour_costs_what_it_did_when_it_opened),
        cmocka_unit_test(a_key_stands_for_one_use),
        cmocka_unit_test(a_start_that_is_known_better),
        cmocka_unit_test(other_kinds),
        cmocka_unit_test(a_use_without_a_price_is_kept),
        cmocka_unit_test(spent_up_to_an_instant),
        cmocka_unit_test(estimate_against_actual),
        cmocka_unit_test(adjustments_are_entries),
        cmocka_unit_test(the_check_finds_faults),
        cmocka_unit_test(nothing_is_edited),
        cmocka_unit_test(a_missing_or_foreign_file_is_said),
        cmocka_unit_test(two_writers),
    };
    int fd = mkstemp(path);
    if (fd >= 0)
        close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files();
    return failed;
}
