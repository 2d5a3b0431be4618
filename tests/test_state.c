/* The state store, by the same tests over each backend; leases and journals above it; a writer killed at every write.
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
#include <sys/wait.h>
#include <unistd.h>

#include "scheduler/journal.h"

static char folder[] = "/tmp/test_state.XXXXXX";
static char path[64];

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[80];
        str_fit(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static struct state open_store(bool file)
{
    struct state state;
    struct err err = {0};
    if (!file)
        state_open_memory(&state);
    else if (state_open_file(&state, path, &err))
        fail_msg("%s", err.text);
    return state;
}

static int put(const struct state *s, const char *partition, const char *key, int64_t version, const char *document)
{
    struct err err;
    struct state_write w = {STATE_PUT, partition, key, version, document};
    return state_write(s, &w, 1, &err);
}

static int64_t version_of(const struct state *s, const char *partition, const char *key, const char *wanted)
{
    struct str text;
    struct err err;
    int64_t version = -5;
    str_init(&text, 0);
    assert_int_equal(state_get(s, partition, key, &text, &version, &err), 0);
    assert_string_equal(text.text, wanted);
    str_release(&text);
    return version;
}

static int join(void *context, const char *key, int64_t version, const char *document)
{
    str_addf(context, "%s=%lld:%s;", key, (long long)version, document);
    return 0;
}

static void conditions_hold(bool file)
{
    remove_files();
    struct state s = open_store(file);
    assert_int_equal(version_of(&s, "a", "k", ""), 0);
    assert_int_equal(put(&s, "a", "k", 1, "x"), STATE_CONFLICT);
    assert_int_equal(put(&s, "a", "k", 0, "x"), 0);
    assert_int_equal(put(&s, "a", "k", 0, "y"), STATE_CONFLICT);
    assert_int_equal(put(&s, "a", "k", 1, "y"), 0);
    assert_int_equal(version_of(&s, "a", "k", "y"), 2);
    assert_int_equal(put(&s, "a", "k", STATE_ANY, "z"), 0);
    struct state_write both[] = {{STATE_PUT, "a", "other", 0, "new"}, {STATE_CHECK, "a", "k", 2, NULL}};
    struct err err;
    assert_int_equal(state_write(&s, both, 2, &err), STATE_CONFLICT);
    assert_int_equal(version_of(&s, "a", "other", ""), 0); /* none of it */
    both[1].version = 3;
    assert_int_equal(state_write(&s, both, 2, &err), 0);
    assert_int_equal(version_of(&s, "a", "other", "new"), 1);
    struct state_write gone = {STATE_DELETE, "a", "k", 3, NULL};
    assert_int_equal(state_write(&s, &gone, 1, &err), 0);
    assert_int_equal(version_of(&s, "a", "k", ""), 0);
    state_close(&s);
}

static void queries_are_sorted_prefixes(bool file)
{
    remove_files();
    struct state s = open_store(file);
    static const char *const keys[] = {"j#2", "d#1", "j#1", "j#10", "j", "jj", "k"};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(put(&s, "p", keys[i], 0, "v"), 0);
    assert_int_equal(put(&s, "q", "j#3", 0, "v"), 0);
    struct str got;
    struct err err;
    str_init(&got, 0);
    assert_int_equal(state_query(&s, "p", "j#", join, &got, &err), 0);
    assert_string_equal(got.text, "j#1=1:v;j#10=1:v;j#2=1:v;");
    str_release(&got);
    state_close(&s);
}

static void both_backends(void **unused)
{
    (void)unused;
    for (int file = 0; file < 2; file++) {
        conditions_hold(file);
        queries_are_sorted_prefixes(file);
    }
}

static void too_large_is_refused(void **unused)
{
    (void)unused;
    struct state s = open_store(false);
    char *large = malloc(STATE_DOCUMENT_MAX + 2);
    assert_non_null(large);
    memset(large, 'x', STATE_DOCUMENT_MAX + 1);
    large[STATE_DOCUMENT_MAX + 1] = '\0';
    assert_int_equal(put(&s, "a", "b", 0, large), EXIT_FAILED);
    free(large);
    state_close(&s);
}

static int64_t clock_ms;

static int64_t read_clock(void *self)
{
    (void)self;
    return clock_ms;
}

static const struct journal_clock test_clock = {read_clock, NULL};

static void one_holder_at_a_time(void **unused)
{
    (void)unused;
    for (int file = 0; file < 2; file++) {
        remove_files();
        struct state s = open_store(file);
        struct lease a;
        struct lease b;
        struct err err;
        char holder[128];
        int64_t until;
        assert_int_equal(lease_take(&a, &s, "prod", "one/1", 1000, 60000, &err), 0);
        assert_int_equal(lease_take(&b, &s, "prod", "two/2", 60999, 60000, &err), LEASE_TAKEN);
        assert_int_equal(b.expires_ms, 61000);
        assert_int_equal(lease_take(&b, &s, "other", "two/2", 5000, 60000, &err), 0);
        assert_int_equal(lease_renew(&a, &s, 30000, &err), 0);
        assert_int_equal(lease_take(&b, &s, "prod", "two/2", 89999, 60000, &err), LEASE_TAKEN);
        assert_int_equal(lease_look(&s, "prod", 89999, holder, &until, &err), 0);
        assert_string_equal(holder, "one/1");
        assert_int_equal(until, 90000);
        assert_int_equal(lease_take(&b, &s, "prod", "two/2", 90000, 60000, &err), 0); /* over: handed on */
        assert_true(b.epoch > a.epoch);
        assert_int_equal(lease_renew(&a, &s, 90001, &err), STATE_CONFLICT); /* a paused holder notices */
        struct state_write back = lease_return(&b);
        assert_int_equal(state_write(&s, &back, 1, &err), 0);
        assert_int_equal(lease_look(&s, "prod", 90002, holder, &until, &err), 0);
        assert_string_equal(holder, "");
        assert_int_equal(lease_take(&a, &s, "prod", "one/1", 90003, 60000, &err), 0);
        state_close(&s);
    }
}

static void a_dead_process_holds_nothing(void **unused)
{
    (void)unused;
    struct state s = open_store(false);
    struct lease a;
    struct err err;
    char mine[128];
    char dead[160];
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    lease_holder(mine);
    str_fit(dead, sizeof(dead), "%.*s/%ld", (int)(strrchr(mine, '/') - mine), mine, (long)child);
    assert_int_equal(lease_take(&a, &s, "e", dead, 1000, 60000, &err), 0);
    assert_int_equal(lease_take(&a, &s, "e", mine, 1001, 60000, &err), 0);
    state_close(&s);
}

static struct journal *open_journal(const struct state *s, struct lease *lease, const char *run)
{
    struct journal *j = NULL;
    struct err err = {0};
    if (journal_open(&j, s, lease, run, test_clock, &err))
        fail_msg("%s", err.text);
    return j;
}

static void facts_survive(void **unused)
{
    (void)unused;
    for (int file = 0; file < 2; file++) {
        remove_files();
        clock_ms = 1000;
        struct state s = open_store(file);
        struct lease lease;
        struct err err;
        char token[JOURNAL_TOKEN_SIZE];
        char again[JOURNAL_TOKEN_SIZE];
        assert_int_equal(lease_take(&lease, &s, "e", "a/1", clock_ms, 60000, &err), 0);
        struct journal *j = open_journal(&s, &lease, "r-1");
        journal_token(j, token, "image", "create", 1);
        assert_true(strlen(token) <= 64);
        assert_int_equal(journal_intent(j, "image", "CreateImage", token, &err), 0);
        struct journal_fact facts[] = {{"image.id", "ami-1"}, {"image.n", "-7"}, {"gone", "x"}};
        assert_int_equal(journal_outcome(j, "image", "CreateImage", true, "", facts, 3, &err), 0);
        assert_int_equal(journal_note(j, "image", "gone", NULL, &err), 0);
        journal_free(j);
        clock_ms += 61000; /* the first runner is gone; another goes on */
        struct lease second;
        assert_int_equal(lease_take(&second, &s, "e", "b/2", clock_ms, 60000, &err), 0);
        j = open_journal(&s, &second, "r-1");
        assert_string_equal(journal_fact(j, "image.id"), "ami-1");
        assert_int_equal(journal_fact_i64(j, "image.n", 0), -7);
        assert_null(journal_fact(j, "gone"));
        assert_null(journal_factf(j, "image.%d", 3));
        assert_int_equal(journal_entries(j), 3);
        assert_string_equal(journal_token(j, again, "image", "create", 1), token);
        assert_true(strcmp(journal_token(j, again, "image", "create", 2), token) != 0);
        struct journal *stale = open_journal(&s, &lease, "r-1"); /* the paused holder writes nothing more */
        assert_int_equal(journal_note(stale, "x", "image.id", "ami-2", &err), JOURNAL_STOPPED);
        assert_int_equal(journal_note(stale, "x", "image.id", "ami-2", &err), JOURNAL_STOPPED);
        assert_int_equal(journal_note(j, "x", "ok", "1", &err), 0);
        journal_free(stale);
        journal_free(j);
        state_close(&s);
    }
}

static int count_row(void *context, const char *key, int64_t version, const char *document)
{
    char wanted[24];
    int *n = context;
    (void)version;
    str_fit(wanted, sizeof(wanted), "j#%08d", ++*n);
    assert_string_equal(key, wanted); /* no gaps */
    assert_non_null(strstr(document, "\"facts\""));
    return 0;
}

/* Writes entries until it is killed; says so after each. */
static void write_for_ever(int to)
{
    struct state s = open_store(true);
    struct lease lease;
    struct err err;
    if (lease_take(&lease, &s, "e", "child/1", clock_ms, 600000, &err))
        _exit(1);
    struct journal *j = open_journal(&s, &lease, "r-k");
    for (;;)
        if (journal_note(j, "s", "k", "v", &err) || write(to, "x", 1) != 1)
            _exit(1);
}

static void killed_while_writing(void **unused)
{
    (void)unused;
    remove_files();
    int seen = 0;
    for (int round = 0; round < 8; round++) {
        int ends[2];
        char c;
        int acknowledged = 0;
        clock_ms += 10000000;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(ends[1]);
        close(ends[1]);
        while (acknowledged < round + 1 && read(ends[0], &c, 1) == 1)
            acknowledged++;
        kill(child, SIGKILL);
        while (read(ends[0], &c, 1) == 1)
            acknowledged++;
        waitpid(child, NULL, 0);
        close(ends[0]);
        struct state s = open_store(true);
        struct err err;
        int rows = 0;
        assert_int_equal(journal_each(&s, "r-k", count_row, &rows, &err), 0);
        assert_true(rows == seen + acknowledged || rows == seen + acknowledged + 1);
        seen = rows;
        state_close(&s);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    str_fit(path, sizeof(path), "%s/s", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_backends),        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(one_holder_at_a_time), cmocka_unit_test(a_dead_process_holds_nothing),
        cmocka_unit_test(facts_survive),        cmocka_unit_test(killed_while_writing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files();
    rmdir(folder);
    return failed;
}
