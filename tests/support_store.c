#include "tests/support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/aws/aws.h"
#include "scheduler/state_dynamodb.h"

static struct aws *server; /* one client for all stores of a test; it ends with the process */

static void close_server(void)
{
    aws_close(server);
    server = NULL;
}

int test_store_kinds(void)
{
    return getenv("BAKEHOUR_TEST_DYNAMODB") ? IN_SERVER + 1 : IN_SERVER;
}

static void open_table(struct test_store *s, const struct state_table *table)
{
    struct err err = {0};
    bool made = false;
    bool guarded = false;
    if (state_table_make(table, &made, &guarded, &err) || !made || state_open_dynamodb(&s->state, table, &err))
        fail_msg("%s", err.text);
}

static void open_dynamodb(struct test_store *s)
{
    struct simcloud_options options = simcloud_options_default();
    struct retry_settings settings = retry_standard();
    options.lag_min_ms = options.lag_max_ms = 3000;
    s->cloud = simcloud_new(&options);
    cloud_transport_init(&s->wire, s->cloud, NULL);
    settings.writes_per_s = settings.reads_per_s = 1000;
    retry_init(&s->retry, &settings, 1);
    open_table(
        s, &(struct state_table){.name = "bakehour", .transport = &s->wire.transport, .retry = &s->retry, .salt = 7});
}

static void open_server(struct test_store *s)
{
    static unsigned stores;
    char name[64];
    struct err err = {0};
    struct retry_settings settings = retry_standard();
    struct aws_options options = {.region = "us-east-1", .endpoint_url = getenv("BAKEHOUR_TEST_DYNAMODB")};
    if (!server && (aws_open(&server, &options, &err) || atexit(close_server)))
        fail_msg("%s", err.text);
    settings.writes_per_s = settings.reads_per_s = 1000;
    retry_init(&s->retry, &settings, 1);
    str_fit(name, sizeof(name), "bakehour-test-%ld-s%u", (long)getpid(), stores++);
    open_table(s, &(struct state_table){.name = name,
                                        .transport = aws_transport(server),
                                        .retry = &s->retry,
                                        .salt = (uint64_t)getpid() << 20 | stores});
}

static void open_file(struct test_store *s)
{
    struct err err = {0};
    str_fit(s->folder, sizeof(s->folder), "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    str_fit(s->path, sizeof(s->path), "%s/s", s->folder);
    if (state_open_file(&s->state, s->path, &err))
        fail_msg("%s", err.text);
}

void test_store_open(struct test_store *s, enum test_store_kind kind)
{
    memset(s, 0, sizeof(*s));
    switch (kind) {
    case IN_MEMORY:
        state_open_memory(&s->state);
        break;
    case IN_FILE:
        open_file(s);
        break;
    case IN_DYNAMODB:
        open_dynamodb(s);
        break;
    case IN_SERVER:
        open_server(s);
        break;
    }
}

void test_store_close(struct test_store *s)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    state_close(&s->state);
    simcloud_free(s->cloud);
    for (size_t i = 0; *s->path && i < 3; i++) {
        char name[80];
        str_fit(name, sizeof(name), "%s%s", s->path, ends[i]);
        unlink(name);
    }
    if (*s->folder)
        rmdir(s->folder);
    memset(s, 0, sizeof(*s));
}

int test_put(const struct state *s, const char *partition, const char *key, int64_t version, const char *document)
{
    struct err err;
    struct state_write w = {STATE_PUT, partition, key, version, document};
    return state_write(s, &w, 1, &err);
}
