/* Claims on an open port: who is last closes it, whoever comes meanwhile waits; and which ranges may be opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "scheduler/deployment.h"
#include "scheduler/port.h"

#define NOW 1767225600000

static const struct port port = {"sg-1", "198.51.100.7/32", 8000};

/* A run of an environment that is not finished. */
static void begin(const struct state *state, const char *environment, const char *run)
{
    struct lease lease = {.version = 0};
    struct err err = {0};
    struct deployment d = {.number = 0};
    str_fit(d.run, sizeof(d.run), "%s", run);
    str_fit(d.state, sizeof(d.state), "running");
    str_fit(d.environment, sizeof(d.environment), "%s", environment);
    assert_int_equal(lease_take(&lease, state, environment, "host/1", NOW, 300000, &err), 0);
    assert_int_equal(deployment_begin(state, &lease, &d, NOW, &err), 0);
}

static int claim(const struct state *state, const char *environment, const char *run, int64_t now_ms)
{
    struct err err = {0};
    return port_claim(state, &port, environment, run, now_ms, &err);
}

static bool is_last(const struct state *state, const char *environment, int64_t now_ms)
{
    struct err err = {0};
    bool last = false;
    assert_int_equal(port_leave(state, &port, environment, now_ms, &last, &err), 0);
    return last;
}

static void close_for(const struct state *state, const char *environment)
{
    struct err err = {0};
    assert_int_equal(port_closed(state, &port, environment, &err), 0);
}

static size_t claims(const struct state *state, size_t *counting)
{
    struct arena arena;
    struct port_claims list = {0};
    struct err err = {0};
    arena_init(&arena);
    assert_int_equal(port_claims(state, port.group, port.port, NOW, &arena, &list, &err), 0);
    size_t count = list.count;
    *counting = 0;
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(list.items[i].cidr, port.cidr);
        *counting += list.items[i].counts;
    }
    arena_release(&arena);
    return count;
}

static void the_last_one_closes(void **state)
{
    (void)state;
    struct state s;
    size_t counting;
    state_open_memory(&s);
    begin(&s, "a", "r-a");
    begin(&s, "b", "r-b");
    assert_int_equal(claim(&s, "a", "r-a", NOW), 0);
    assert_int_equal(claim(&s, "a", "r-a", NOW), 0);
    assert_int_equal(claim(&s, "b", "r-b", NOW), 0);
    assert_int_equal(claims(&s, &counting), 2);
    assert_int_equal(counting, 2);
    assert_false(is_last(&s, "a", NOW));
    assert_true(is_last(&s, "b", NOW));
    /* While it closes, nobody claims; afterwards, and when it died over it, somebody may. */
    assert_int_equal(claim(&s, "a", "r-a", NOW + 1), PORT_CLOSING);
    assert_int_equal(claim(&s, "a", "r-a", NOW + LEASE_MARGIN_MS - 1), PORT_CLOSING);
    close_for(&s, "b");
    assert_int_equal(claims(&s, &counting), 0);
    assert_int_equal(claim(&s, "a", "r-a", NOW + 2), 0);
    assert_true(is_last(&s, "a", NOW + 3));
    assert_int_equal(claim(&s, "b", "r-b", NOW + 3 + LEASE_MARGIN_MS), 0);
    /* Its own closing, cut off, holds nobody up. */
    assert_true(is_last(&s, "b", NOW + 4 + LEASE_MARGIN_MS));
    assert_int_equal(claim(&s, "b", "r-b", NOW + 5 + LEASE_MARGIN_MS), 0);
    state_close(&s);
}

/* Runs that are over need nothing, though nobody took their claims away. */
static void the_dead_do_not_count(void **state)
{
    (void)state;
    struct state s;
    size_t counting;
    state_open_memory(&s);
    begin(&s, "a", "r-a");
    begin(&s, "b", "r-b2");
    assert_int_equal(claim(&s, "b", "r-b1", NOW), 0); /* another run of b is at work by now */
    assert_int_equal(claim(&s, "c", "r-c", NOW), 0);  /* c has none */
    assert_int_equal(claim(&s, "a", "r-a", NOW), 0);
    assert_int_equal(claims(&s, &counting), 3);
    assert_int_equal(counting, 1);
    assert_true(is_last(&s, "a", NOW));
    state_close(&s);
}

/* A store in which somebody else writes between our reading and our writing, `rivals` times. */
static struct state inner;
static int rivals;

static int get(void *self, const char *partition, const char *key, struct str *document, int64_t *version,
               struct err *err)
{
    (void)self;
    int code = state_get(&inner, partition, key, document, version, err);
    if (strncmp(partition, "port#", 5) == 0 && rivals > 0) {
        struct err ignored = {0};
        rivals--;
        assert_int_equal(port_claim(&inner, &port, "b", "r-b", NOW, &ignored), 0);
    }
    return code;
}

static int query(void *self, const char *partition, const char *prefix, state_row *row, void *context, struct err *err)
{
    (void)self;
    return state_query(&inner, partition, prefix, row, context, err);
}

static int put(void *self, const struct state_write *writes, size_t count, struct err *err)
{
    (void)self;
    return state_write(&inner, writes, count, err);
}

static void whoever_comes_meanwhile_is_seen(void **state)
{
    (void)state;
    static const struct state_backend backend = {"rival", get, query, put, NULL, NULL, NULL};
    struct state s = {&backend, NULL};
    struct err err = {0};
    bool last = true;
    state_open_memory(&inner);
    begin(&inner, "a", "r-a");
    begin(&inner, "b", "r-b");
    assert_int_equal(claim(&s, "a", "r-a", NOW), 0);
    rivals = 3;
    assert_false(is_last(&s, "a", NOW)); /* b claimed while we looked */
    rivals = 1000;
    assert_int_equal(port_leave(&s, &port, "a", NOW, &last, &err), EXIT_FAILED);
    state_close(&inner);
}

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *cidr;
        bool narrow, wide;
    } cases[] = {
        {"198.51.100.7/32", true, true},
        {"2001:db8::1/128", true, true},
        {"198.51.100.0/24", false, true},
        {"10.0.0.0/8", false, true},
        {"2001:db8::/32", false, true},
        {"0.0.0.0/0", false, false},
        {"::/0", false, false},
        {"0.0.0.0/1", false, false},
        {"128.0.0.0/7", false, false},
        {"2001:d00::/24", false, false},
        {"198.51.100.7/24", false, false},
        {"198.51.100.7/31", false, false}, /* EC2 would write .6/31 */
        {"198.51.100.6/31", false, true},
        {"198.51.100.7/33", false, false},
        {"198.51.100.7/-1", false, false},
        {"198.51.100.7", false, false},
        {"198.51.100.7/", false, false},
        {"198.51.100/32", false, false},
        {"198.51.100.07/32", false, false},
        {" 198.51.100.7/32", false, false},
        {"2001:DB8::1/128", false, false}, /* EC2 writes it small */
        {"2001:db8:0::1/128", false, false},
        {"2001:db8::1/129", false, false},
        {"example.com/32", false, false},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/128", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        bool narrow = !port_cidr_fault(cases[i].cidr, false);
        bool wide = !port_cidr_fault(cases[i].cidr, true);
        if (narrow != cases[i].narrow || wide != cases[i].wide)
            fail_msg("%s: %d %d", cases[i].cidr, narrow, wide);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_closes),
        cmocka_unit_test(the_dead_do_not_count),
        cmocka_unit_test(whoever_comes_meanwhile_is_seen),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
