/* The progress line: its text, and when it is drawn at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/progress.h"

#define SECOND 1000000000

static void line_is(int64_t total, int64_t done, int64_t elapsed_ns, const char *expected)
{
    struct progress p = {.what = "replay", .total = total, .begin_ns = 5};
    char line[80];
    progress_line(&p, done, 5 + elapsed_ns, line, sizeof(line));
    assert_string_equal(line, expected);
}

static void text(void **state)
{
    (void)state;
    line_is(200, 50, (int64_t)10 * SECOND, "replay:  25 %, 30 s left");
    line_is(200, 200, (int64_t)10 * SECOND, "replay: 100 %, 0 s left");
    line_is(200, 0, (int64_t)10 * SECOND, "replay:   0 %");
    line_is(200, 300, (int64_t)10 * SECOND, "replay: 100 %, 0 s left");
    line_is(0, 1234, (int64_t)3 * SECOND, "replay: 1234, 3 s");
}

static void short_room_is_respected(void **state)
{
    (void)state;
    struct progress p = {.what = "replay", .total = 10};
    char line[9] = "........";
    progress_line(&p, 5, SECOND, line, 5);
    assert_string_equal(line, "repl");
    assert_int_equal(line[5], '.');
}

/* What is written on err when work that began two seconds ago goes through three steps. */
static char *drawn(bool live, bool quiet, int64_t ago_ns)
{
    char *text = NULL;
    size_t len = 0;
    struct session s = {.live = live, .quiet = quiet, .err = open_memstream(&text, &len)};
    struct progress p;
    progress_begin(&p, &s, "work", 100);
    p.begin_ns -= ago_ns;
    p.next_ns -= ago_ns;
    for (int i = 1; i <= 3; i++)
        progress_at(&p, i * 25);
    progress_end(&p);
    progress_end(&p);
    fclose(s.err);
    return text;
}

static void drawn_only_where_it_is_seen(void **state)
{
    (void)state;
    char *text = drawn(true, false, (int64_t)2 * SECOND);
    assert_memory_equal(text, "\rwork:  25 %, ", 14);
    assert_string_equal(text + strlen(text) - 4, "\r\033[K");
    assert_null(strstr(text, "50 %")); /* not again within a tenth of a second */
    free(text);
    const struct {
        bool live, quiet;
        int64_t ago_ns;
    } silent[] = {{false, false, (int64_t)2 * SECOND}, {true, true, (int64_t)2 * SECOND}, {true, false, 0}};
    for (size_t i = 0; i < 3; i++) {
        text = drawn(silent[i].live, silent[i].quiet, silent[i].ago_ns);
        assert_string_equal(text, "");
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(short_room_is_respected),
        cmocka_unit_test(drawn_only_where_it_is_seen),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
