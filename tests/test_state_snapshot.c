/* A snapshot of a partition says what the store itself says, without asking it, until something is written or it is
 * dropped: the same questions to both, over each backend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/philox.h"
#include "scheduler/deployment.h"
#include "scheduler/state_snapshot.h"
#include "tests/support_store.h"

/* ---- the store behind, which counts what it is asked ---- */

struct counting {
    struct state inner;
    int asked;
    bool refuses;
};

static int count(struct counting *c, struct err *err)
{
    c->asked++;
    return c->refuses ? err_set(err, EXIT_FAILED, "refused") : 0;
}

static int counting_get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
                        struct err *err)
{
    struct counting *c = self;
    int code = count(c, err);
    return code ? code : state_get(&c->inner, partition, key, document, version, err);
}

static int counting_query(void *self, const char *partition, const char *prefix, state_row *row, void *context,
                          struct err *err)
{
    struct counting *c = self;
    int code = count(c, err);
    return code ? code : state_query(&c->inner, partition, prefix, row, context, err);
}

static int counting_range(void *self, const char *partition, const char *first, const char *last, state_row *row,
                          void *context, struct err *err)
{
    struct counting *c = self;
    int code = count(c, err);
    return code ? code : state_range(&c->inner, partition, first, last, row, context, err);
}

static int counting_write(void *self, const struct state_write *writes, size_t n, struct err *err)
{
    struct counting *c = self;
    int code = count(c, err);
    return code ? code : state_write(&c->inner, writes, n, err);
}

static void counting_close(void *self)
{
    struct counting *c = self;
    state_close(&c->inner);
}

static int counting_tail(void *self, const char *partition, const char *prefix, size_t most, state_row *row,
                         void *context, struct err *err)
{
    struct counting *c = self;
    int code = count(c, err);
    return code ? code : state_tail(&c->inner, partition, prefix, most, row, context, err);
}

static const struct state_backend counting = {"counting",     counting_get,   counting_query, counting_write,
                                              counting_close, counting_range, counting_tail};

/* ---- questions ---- */

static const char *const partitions[] = {"env#test", "env#tes", "env#test2", "bakes"};
static const char *const keys[] = {"lease",     "current", "d#00000001", "d#00000002", "d#00000010", "d",
                                   "d#0000001", "e",       "bake",       "d#",         "d$",         "zz"};
static const char *const prefixes[] = {"", "d", "d#", "d#0000000", "c", "lease", "x", "zzz"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static int add_row(void *context, const char *key, int64_t version, const char *document)
{
    str_addf(context, "%s=%lld:%zu:", key, (long long)version, strlen(document));
    str_add(context, document);
    str_add(context, ";");
    return 0;
}

static void ask_get(const struct state *s, const char *partition, const char *key, struct str *to)
{
    struct str text;
    struct err err = {0};
    int64_t version = -5;
    str_init(&text, 0);
    str_add(&text, "rest of an earlier answer");
    if (state_get(s, partition, key, &text, &version, &err))
        fail_msg("%s", err.text);
    add_row(to, key, version, text.text);
    str_release(&text);
}

/* Every question to a partition, and every answer. The caller frees it. */
static char *all_answers(const struct state *s, const char *partition)
{
    struct str to;
    struct err err = {0};
    str_init(&to, 0);
    for (size_t k = 0; k < COUNT(keys); k++)
        ask_get(s, partition, keys[k], &to);
    for (size_t p = 0; p < COUNT(prefixes); p++) {
        str_addf(&to, "\n%s*: ", prefixes[p]);
        assert_int_equal(state_query(s, partition, prefixes[p], add_row, &to, &err), 0);
    }
    for (size_t p = 0; p < COUNT(prefixes); p++)
        for (size_t most = 1; most < 200; most = most * 3 + 1) {
            str_addf(&to, "\n%s*%zu: ", prefixes[p], most);
            assert_int_equal(state_tail(s, partition, prefixes[p], most, add_row, &to, &err), 0);
        }
    for (size_t a = 0; a < COUNT(keys); a++)
        for (size_t b = 0; b < COUNT(keys); b++) {
            if (strcmp(keys[a], keys[b]) > 0)
                continue; /* DynamoDB refuses a range that ends before it begins */
            str_addf(&to, "\n%s..%s: ", keys[a], keys[b]);
            assert_int_equal(state_range(s, partition, keys[a], keys[b], add_row, &to, &err), 0);
        }
    return str_detach(&to);
}

static void expect_same(const struct state *s, const struct state *plain, const char *partition, const char *where)
{
    char *wanted = all_answers(plain, partition);
    char *got = all_answers(s, partition);
    if (strcmp(wanted, got) != 0)
        fail_msg("%s, %s:\nthe store says %.2000s\nthe snapshot says %.2000s", where, partition, wanted, got);
    free(wanted);
    free(got);
}

/* ---- what is there ---- */

static void fill(const struct state *s, struct philox *random, int writes)
{
    struct err err;
    for (int n = 0; n < writes; n++) {
        const char *partition = partitions[philox_below(random, COUNT(partitions))];
        const char *key = keys[philox_below(random, COUNT(keys))];
        char document[64];
        str_fit(document, sizeof(document), n % 7 ? "{\"n\":%d,\"t\":\"7 \\u00e4 \"}" : "%d 12 words", n);
        if (philox_below(random, 5) == 0) {
            struct state_write gone = {STATE_DELETE, partition, key, STATE_ANY, NULL};
            assert_int_equal(state_write(s, &gone, 1, &err), 0);
        } else {
            assert_int_equal(test_put(s, partition, key, STATE_ANY, document), 0);
        }
    }
}

/* The largest document that a store takes. */
static void put_largest(const struct state *s)
{
    char *large = mem_alloc(STATE_DOCUMENT_MAX + 1);
    memset(large, 'x', STATE_DOCUMENT_MAX);
    large[STATE_DOCUMENT_MAX] = '\0';
    assert_int_equal(test_put(s, "env#test", "e", STATE_ANY, large), 0);
    free(large);
}

static void the_same_answers(enum test_store_kind kind, uint32_t seed)
{
    struct test_store store;
    struct philox random = philox_stream(seed, 0, 0, 0);
    struct err err = {0};
    char where[64];
    str_fit(where, sizeof(where), "backend %d, seed %u", (int)kind, seed);
    test_store_open(&store, kind);
    const struct state *plain = &store.state;
    fill(plain, &random, 60);
    if (seed == 1)
        put_largest(plain);
    struct counting c = {.inner = store.state};
    struct state s = {&counting, &c};
    assert_int_equal(state_snapshot(&s, "env#test", &err), 0);
    assert_string_equal(s.backend->name, "counting");
    assert_int_equal(c.asked, 1);
    expect_same(&s, plain, "env#test", where);
    assert_int_equal(c.asked, 1);
    for (size_t p = 1; p < COUNT(partitions); p++) /* the others are asked for */
        expect_same(&s, plain, partitions[p], where);
    assert_true(c.asked > 1);
    fill(&s, &random, 10); /* from the first write on the store answers */
    int before = c.asked;
    expect_same(&s, plain, "env#test", where);
    assert_true(c.asked > before);
    state_close(&s);
    memset(&store.state, 0, sizeof(store.state));
    test_store_close(&store);
}

static void every_backend_says_the_same(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < test_store_kinds(); kind++)
        for (uint32_t seed = 1; seed <= (kind == IN_SERVER ? 1U : 12U); seed++)
            the_same_answers((enum test_store_kind)kind, seed);
}

/* A long history: what is new comes from two queries, what is older is asked for, and all is as the store says. */
static void a_long_history(enum test_store_kind kind)
{
    static const char *const others[] = {"bake", "current", "lease", "zz", "d", "d$", "c"};
    struct test_store store;
    struct err err = {0};
    test_store_open(&store, kind);
    const struct state *plain = &store.state;
    for (int n = 1; n <= 330; n++) {
        char key[24];
        str_fit(key, sizeof(key), "d#%08d", n);
        assert_int_equal(test_put(plain, "env#test", key, 0, "{\"number\":1}"), 0);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(test_put(plain, "env#test", others[i], 0, "{}"), 0);
    struct counting c = {.inner = store.state};
    struct state s = {&counting, &c};
    assert_int_equal(state_snapshot(&s, "env#test", &err), 0);
    assert_int_equal(c.asked, 2);
    struct deployments list;
    struct kept_bake kept;
    struct deployment d;
    char run[80];
    int64_t version;
    bool found;
    assert_int_equal(deployments_recent(&s, "test", 201, &list, &err), 0);
    assert_int_equal(list.count, 201);
    deployments_release(&list);
    assert_int_equal(deployment_find(&s, "test", 0, &d, &found, &err), 0);
    assert_true(found);
    assert_int_equal(deployment_current(&s, "test", run, &err), 0);
    assert_int_equal(kept_bake_get(&s, "test", &kept, &version, &err), 0);
    assert_int_equal(version, 1);
    assert_int_equal(c.asked, 2); /* all that a decision asks for */
    expect_same(&s, plain, "env#test", "a long history");
    assert_int_equal(deployments_list(&s, "test", &list, &err), 0);
    assert_int_equal(list.count, 330);
    deployments_release(&list);
    assert_true(c.asked > 2);
    state_close(&s);
    memset(&store.state, 0, sizeof(store.state));
    test_store_close(&store);
}

static void every_backend_has_a_long_history(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < test_store_kinds(); kind++)
        a_long_history((enum test_store_kind)kind);
}

/* ---- what ends it ---- */

struct desk {
    struct test_store store;
    struct counting c;
    struct state s;
};

static void open_desk(struct desk *d)
{
    struct err err = {0};
    test_store_open(&d->store, IN_MEMORY);
    d->c = (struct counting){.inner = d->store.state};
    d->s = (struct state){&counting, &d->c};
    assert_int_equal(test_put(&d->s, "env#test", "lease", 0, "mine"), 0);
    assert_int_equal(state_snapshot(&d->s, "env#test", &err), 0);
    /* somebody else, meanwhile */
    assert_int_equal(test_put(&d->store.state, "env#test", "lease", 1, "theirs"), 0);
}

static void close_desk(struct desk *d)
{
    state_close(&d->s);
}

static void expect(const struct desk *d, const char *wanted)
{
    struct str text;
    str_init(&text, 0);
    ask_get(&d->s, "env#test", "lease", &text);
    assert_string_equal(text.text, wanted);
    str_release(&text);
}

static void it_is_dropped(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    expect(&d, "lease=1:4:mine;");
    state_snapshot_drop(&d.s);
    expect(&d, "lease=2:6:theirs;");
    close_desk(&d);
    struct state plain; /* what is no snapshot stays as it is */
    state_open_memory(&plain);
    state_snapshot_drop(&plain);
    assert_int_equal(test_put(&plain, "p", "k", 0, "v"), 0);
    state_close(&plain);
    plain = (struct state){NULL, NULL};
    state_snapshot_drop(&plain);
}

/* The condition is the store's: an old answer takes no lease. */
static void a_write_is_not_fooled(void **unused)
{
    (void)unused;
    struct desk d;
    open_desk(&d);
    expect(&d, "lease=1:4:mine;");
    assert_int_equal(test_put(&d.s, "env#test", "lease", 1, "mine again"), STATE_CONFLICT);
    expect(&d, "lease=2:6:theirs;"); /* and what failed shows that the answer was old */
    close_desk(&d);
}

static int stop_at_second(void *context, const char *key, int64_t version, const char *document)
{
    (void)key;
    (void)version;
    (void)document;
    return ++*(int *)context == 2 ? 77 : 0;
}

static void a_row_stops_it(void **unused)
{
    (void)unused;
    struct test_store store;
    struct err err = {0};
    int rows = 0;
    test_store_open(&store, IN_MEMORY);
    for (size_t k = 0; k < 4; k++)
        assert_int_equal(test_put(&store.state, "env#test", keys[k], 0, "v"), 0);
    assert_int_equal(state_snapshot(&store.state, "env#test", &err), 0);
    assert_int_equal(state_query(&store.state, "env#test", "", stop_at_second, &rows, &err), 77);
    assert_int_equal(rows, 2);
    rows = 0;
    assert_int_equal(state_range(&store.state, "env#test", "a", "z", stop_at_second, &rows, &err), 77);
    assert_int_equal(rows, 2);
    test_store_close(&store);
}

static void a_failure_leaves_the_store(void **unused)
{
    (void)unused;
    struct test_store store;
    struct err err = {0};
    test_store_open(&store, IN_MEMORY);
    struct counting c = {.inner = store.state, .refuses = true};
    struct state s = {&counting, &c};
    assert_int_equal(state_snapshot(&s, "env#test", &err), EXIT_FAILED);
    assert_string_equal(err.text, "refused");
    assert_ptr_equal(s.backend, &counting);
    assert_ptr_equal(s.self, &c);
    test_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_backend_says_the_same),
        cmocka_unit_test(every_backend_has_a_long_history),
        cmocka_unit_test(it_is_dropped),
        cmocka_unit_test(a_write_is_not_fooled),
        cmocka_unit_test(a_row_stops_it),
        cmocka_unit_test(a_failure_leaves_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
