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

#include "scheduler/aws/aws.h"
#include "scheduler/deployment.h"
#include "scheduler/journal.h"
#include "scheduler/state_copy.h"
#include "scheduler/state_dynamodb.h"
#include "sim/cloud.h"
#include "sim/cloud_transport.h"

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

enum { IN_MEMORY, IN_FILE, IN_DYNAMODB, IN_SERVER };

/* With BAKEHOUR_TEST_DYNAMODB, the address of a DynamoDB that is not ours, the same tests run against that as well. */
static int backends = IN_SERVER;
static struct aws *server;

/* The modelled cloud with reads that lag, as DynamoDB's are where nobody asks for consistency; new with each store. */
static struct simcloud *cloud;
static struct cloud_transport wire;
static struct retry retry;

static struct state open_dynamodb(void)
{
    struct state state;
    struct err err = {0};
    struct simcloud_options options = simcloud_options_default();
    struct retry_settings settings = retry_standard();
    options.lag_min_ms = options.lag_max_ms = 3000;
    simcloud_free(cloud);
    cloud = simcloud_new(&options);
    cloud_transport_init(&wire, cloud, NULL);
    settings.writes_per_s = settings.reads_per_s = 1000;
    retry_init(&retry, &settings, 1);
    struct state_table table = {.name = "bakehour", .transport = &wire.transport, .retry = &retry, .salt = 7};
    bool made = false;
    bool guarded = false;
    assert_int_equal(state_open_dynamodb(&state, &table, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "bakehour state init"));
    if (state_table_make(&table, &made, &guarded, &err))
        fail_msg("%s", err.text);
    assert_true(made && guarded);
    if (state_table_make(&table, &made, &guarded, &err) || made)
        fail_msg("made twice: %s", err.text);
    if (state_open_dynamodb(&state, &table, &err))
        fail_msg("%s", err.text);
    return state;
}

static struct state open_server(void)
{
    static unsigned stores;
    char name[64];
    struct state state;
    struct err err = {0};
    struct retry_settings settings = retry_standard();
    struct aws_options options = {.region = "us-east-1", .endpoint_url = getenv("BAKEHOUR_TEST_DYNAMODB")};
    if (!server && aws_open(&server, &options, &err))
        fail_msg("%s", err.text);
    settings.writes_per_s = settings.reads_per_s = 1000;
    retry_init(&retry, &settings, 1);
    memset(&state, 0, sizeof(state));
    str_fit(name, sizeof(name), "bakehour-test-%ld-%u", (long)getpid(), stores++);
    struct state_table table = {
        .name = name, .transport = aws_transport(server), .retry = &retry, .salt = (uint64_t)getpid() << 20 | stores};
    bool made = false;
    bool guarded = false;
    if (state_table_make(&table, &made, &guarded, &err) || !made || state_open_dynamodb(&state, &table, &err))
        fail_msg("%s", err.text);
    return state;
}

static struct state open_store(int kind)
{
    struct state state;
    struct err err = {0};
    if (kind >= IN_DYNAMODB)
        return kind == IN_SERVER ? open_server() : open_dynamodb();
    if (kind == IN_MEMORY)
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

static void conditions_hold(int kind)
{
    remove_files();
    struct state s = open_store(kind);
    assert_int_equal(version_of(&s, "a", "k", ""), 0);
    assert_int_equal(put(&s, "a", "k", 1, "x"), STATE_CONFLICT);
    assert_int_equal(put(&s, "a", "k", 0, "x"), 0);
    assert_int_equal(put(&s, "a", "k", 0, "y"), STATE_CONFLICT);
    assert_int_equal(put(&s, "a", "k", 1, "y"), 0);
    assert_int_equal(version_of(&s, "a", "k", "y"), 2);
    assert_int_equal(put(&s, "a", "k", STATE_ANY, "z"), 0);
    struct err err;
    struct state_write gone = {STATE_DELETE, "a", "k", 3, NULL};
    struct state_write check = {STATE_CHECK, "a", "k", 2, NULL};
    assert_int_equal(state_write(&s, &check, 1, &err), STATE_CONFLICT);
    check.version = 3;
    assert_int_equal(state_write(&s, &check, 1, &err), 0);
    if (kind == IN_SERVER) { /* the emulator knows no transactions */
        assert_int_equal(state_write(&s, &gone, 1, &err), 0);
        assert_int_equal(state_write(&s, &gone, 1, &err), STATE_CONFLICT);
        assert_int_equal(version_of(&s, "a", "k", ""), 0);
        state_close(&s);
        return;
    }
    struct state_write both[] = {{STATE_PUT, "a", "other", 0, "new"}, {STATE_CHECK, "a", "k", 2, NULL}};
    assert_int_equal(state_write(&s, both, 2, &err), STATE_CONFLICT);
    assert_int_equal(version_of(&s, "a", "other", ""), 0); /* none of it */
    both[1].version = 3;
    assert_int_equal(state_write(&s, both, 2, &err), 0);
    assert_int_equal(version_of(&s, "a", "other", "new"), 1);
    assert_int_equal(state_write(&s, &gone, 1, &err), 0);
    assert_int_equal(state_write(&s, &gone, 1, &err), STATE_CONFLICT);
    assert_int_equal(version_of(&s, "a", "k", ""), 0);
    state_close(&s);
}

static void queries_are_sorted_prefixes(int kind)
{
    remove_files();
    struct state s = open_store(kind);
    static const char *const keys[] = {"j#2", "d#1", "j#1", "j#10", "j", "jj", "k"};
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(put(&s, "p", keys[i], 0, "v"), 0);
    assert_int_equal(put(&s, "q", "j#3", 0, "v"), 0);
    struct str got;
    struct err err;
    str_init(&got, 0);
    assert_int_equal(state_query(&s, "p", "j#", join, &got, &err), 0);
    assert_string_equal(got.text, "j#1=1:v;j#10=1:v;j#2=1:v;");
    str_clear(&got);
    assert_int_equal(state_tail(&s, "p", "j#", 2, join, &got, &err), 0);
    assert_string_equal(got.text, "j#2=1:v;j#10=1:v;");
    str_clear(&got);
    assert_int_equal(state_tail(&s, "p", "", 99, join, &got, &err), 0);
    assert_string_equal(got.text, "k=1:v;jj=1:v;j#2=1:v;j#10=1:v;j#1=1:v;j=1:v;d#1=1:v;");
    str_clear(&got);
    assert_int_equal(state_tail(&s, "p", "x", 3, join, &got, &err), 0);
    assert_string_equal(got.text, "");
    str_release(&got);
    state_close(&s);
}

static void every_backend(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < backends; kind++) {
        conditions_hold(kind);
        queries_are_sorted_prefixes(kind);
    }
}

/* Answers that get lost after the write was done, requests delivered twice, transactions that meet others, throttling,
 * gateways that fail: each write counts once. */
static void a_write_counts_once(void **unused)
{
    (void)unused;
    static const char rules[] =
        "[{\"action\":\"dynamodb:*\",\"fault\":\"drop\",\"probability\":0.2},"
        "{\"action\":\"dynamodb:*\",\"fault\":\"duplicate\",\"probability\":0.2},"
        "{\"action\":\"dynamodb:*\",\"fault\":\"http\",\"status\":503,\"done\":true,\"probability\":0.1},"
        "{\"action\":\"*\",\"fault\":\"throttle\",\"probability\":0.1},"
        "{\"action\":\"dynamodb:*\",\"fault\":\"error\",\"code\":\"TransactionCanceledException\","
        "\"message\":\"Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[TransactionConflict]\",\"probability\":0.2}]";
    struct err err = {0};
    struct state s = open_store(IN_DYNAMODB);
    cJSON *document = cJSON_Parse(rules);
    wire.faults = fault_set_new(5, 0);
    assert_int_equal(fault_set_add(wire.faults, "rules", document, &err), 0);
    cJSON_Delete(document);
    int lost = 0;
    int64_t version = 0;
    for (int n = 0; n < 200; n++) {
        struct state_write both[] = {{STATE_PUT, "p", "k", version, "x"}, {STATE_PUT, "p", "other", STATE_ANY, "y"}};
        int code = state_write(&s, both, n % 2 ? 2 : 1, &err);
        if (code) { /* every attempt lost its answer: what is true is read */
            assert_int_equal(code, EXIT_FAILED);
            lost++;
            struct str text;
            str_init(&text, 0);
            int64_t now = 0;
            while (state_get(&s, "p", "k", &text, &now, &err))
                ;
            str_release(&text);
            assert_true(now == version || now == version + 1);
            version = now;
            continue;
        }
        version++;
    }
    fault_set_free(wire.faults);
    wire.faults = NULL;
    assert_int_equal(version_of(&s, "p", "k", "x"), version);
    assert_true(version > 150 && lost < 40);
    state_close(&s);
}

static int64_t clock_ms;

static int64_t read_clock(void *self)
{
    (void)self;
    return clock_ms;
}

static const struct journal_clock test_clock = {read_clock, NULL};

static struct journal *open_journal(const struct state *s, struct lease *lease, const char *run)
{
    struct journal *j = NULL;
    struct err err = {0};
    if (journal_open(&j, s, lease, run, test_clock, &err))
        fail_msg("%s", err.text);
    return j;
}

static void a_store_is_copied(void **unused)
{
    (void)unused;
    static const char *const names[] = {"e", "f"};
    struct err err = {0};
    struct lease lease;
    struct deployment d = {.run = "r-1", .kind = "deploy", .state = "running", .environment = "e", .commit = "c0ffee"};
    remove_files();
    struct state from = open_store(IN_FILE);
    struct state to = open_store(IN_DYNAMODB);
    clock_ms = 1000;
    assert_int_equal(lease_take(&lease, &from, "e", "a/1", clock_ms, 60000, &err), 0);
    struct journal *j = open_journal(&from, &lease, "r-1");
    assert_int_equal(deployment_begin(&from, &lease, &d, clock_ms, &err), 0);
    lease.version = 0; /* the journal keeps it: look at what is stored */
    journal_free(j);
    assert_int_equal(put(&from, "run#r-1", "j#00000001", STATE_ANY, "{\"facts\":{}}"), 0);
    assert_int_equal(put(&from, "bakes", "k", 0, "{}"), 0);
    size_t copied;
    assert_int_equal(state_copy(&from, &to, names, 2, clock_ms, &copied, &err), EXIT_INPUT); /* a run is at work */
    char holder[128];
    int64_t id = lease_id(&from, "e");
    assert_int_equal(lease_break(&from, "e", id + 1, holder, &err), EXIT_INPUT);
    assert_int_equal(lease_break(&from, "e", id, holder, &err), 0);
    assert_string_equal(holder, "a/1");
    assert_int_equal(lease_break(&from, "e", id, holder, &err), EXIT_INPUT); /* nobody's any more */
    for (int again = 0; again < 2; again++)                                  /* the second continues the first */
        assert_int_equal(state_copy(&from, &to, names, 2, clock_ms, &copied, &err), 0);
    struct deployments list;
    assert_int_equal(deployments_list(&to, "e", &list, &err), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].commit, "c0ffee");
    deployments_release(&list);
    assert_int_equal(version_of(&to, "run#r-1", "j#00000001", "{\"facts\":{}}"), 2);
    assert_int_equal(version_of(&to, "bakes", "k", "{}"), 2);
    char run[80];
    assert_int_equal(deployment_current(&to, "e", run, &err), 0);
    assert_string_equal(run, "r-1");
    assert_int_equal(version_of(&to, "env#e", "lease", ""), 0);
    assert_int_equal(put(&to, "env#f", "d#00000001", 0, "{\"number\":1,\"run\":\"r-9\"}"), 0);
    assert_int_equal(state_copy(&from, &to, names, 2, clock_ms, &copied, &err), EXIT_INPUT);
    state_close(&from);
    state_close(&to);
}

static void too_large_is_refused(void **unused)
{
    (void)unused;
    struct state s = open_store(IN_MEMORY);
    char *large = malloc(STATE_DOCUMENT_MAX + 2);
    assert_non_null(large);
    memset(large, 'x', STATE_DOCUMENT_MAX + 1);
    large[STATE_DOCUMENT_MAX + 1] = '\0';
    assert_int_equal(put(&s, "a", "b", 0, large), EXIT_FAILED);
    free(large);
    state_close(&s);
}

static void one_holder_at_a_time(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < backends; kind++) {
        remove_files();
        struct state s = open_store(kind);
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

/* A store that a later version has written is refused before anything is changed in it. */
static void a_later_schema_is_refused(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < IN_SERVER; kind++) {
        static const char later[] = "{\"schema\":2,\"holder\":\"\",\"epoch\":0,\"expires_ms\":0}";
        remove_files();
        struct state s = open_store(kind);
        struct lease lease;
        struct err err = {0};
        struct deployments list;
        assert_int_equal(put(&s, "env#e", "lease", 0, later), 0);
        assert_int_equal(lease_take(&lease, &s, "e", "a/1", 1000, 60000, &err), EXIT_INPUT);
        assert_non_null(
            strstr(err.text, "lease was written by a later version of the program (schema 2, this one knows 1)"));
        assert_int_equal(version_of(&s, "env#e", "lease", later), 1);
        assert_int_equal(put(&s, "env#f", "d#00000001", 0, "{\"schema\":7,\"number\":1}"), 0);
        assert_int_equal(deployments_list(&s, "f", &list, &err), EXIT_INPUT);
        assert_non_null(strstr(err.text, "deployment was written by a later version of the program (schema 7"));
        state_close(&s);
    }
}

static void a_dead_process_holds_nothing(void **unused)
{
    (void)unused;
    struct state s = open_store(IN_MEMORY);
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
    /* The same host's name and number elsewhere (containers share the one, and begin the other anew) is another's. */
    static const char *const elsewhere[] = {"", "another boot pid:[1]"};
    for (size_t i = 0; i < 4; i++) {
        char text[400];
        str_fit(text, sizeof(text), "{\"holder\":\"%s\",\"where\":\"%s\",\"epoch\":9,\"expires_ms\":70000}",
                i % 2 ? mine : dead, elsewhere[i / 2]);
        assert_int_equal(put(&s, "env#e", "lease", STATE_ANY, text), 0);
        assert_int_equal(lease_take(&a, &s, "e", mine, 1002, 60000, &err), LEASE_TAKEN);
        assert_int_equal(lease_take(&a, &s, "e", mine, 70000, 60000, &err), 0);
    }
    state_close(&s);
}

static void facts_survive(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < IN_SERVER; kind++) {
        remove_files();
        clock_ms = 1000;
        struct state s = open_store(kind);
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
    struct state s = open_store(IN_FILE);
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
        struct state s = open_store(IN_FILE);
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
    backends = getenv("BAKEHOUR_TEST_DYNAMODB") ? IN_SERVER + 1 : IN_SERVER;
    if (!mkdtemp(folder))
        return 1;
    str_fit(path, sizeof(path), "%s/s", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend),
        cmocka_unit_test(a_write_counts_once),
        cmocka_unit_test(a_store_is_copied),
        cmocka_unit_test(too_large_is_refused),
        cmocka_unit_test(one_holder_at_a_time),
        cmocka_unit_test(a_dead_process_holds_nothing),
        cmocka_unit_test(a_later_schema_is_refused),
        cmocka_unit_test(facts_survive),
        cmocka_unit_test(killed_while_writing),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files();
    rmdir(folder);
    simcloud_free(cloud);
    aws_close(server);
    return failed;
}
