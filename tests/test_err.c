/* Messages: position, cutting, escape sequences, counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void set_returns_the_code(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_set(&err, EXIT_WAIT, "in %d s", 9), 75);
    assert_int_equal(err.code, 75);
    assert_string_equal(err.text, "in 9 s");
}

static void positions(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(err_at(&err, EXIT_INPUT, "a.csv", 3, 14, "bad %s", "row"), 2);
    assert_string_equal(err.text, "a.csv:3:14: bad row");
    err_at(&err, EXIT_INPUT, "a.csv", 3, 0, "bad");
    assert_string_equal(err.text, "a.csv:3: bad");
    err_at(&err, EXIT_INPUT, "a.csv", 0, 14, "bad");
    assert_string_equal(err.text, "a.csv: bad");
}

static void long_messages_end_in_dots(void **state)
{
    (void)state;
    struct err err;
    char text[3000];
    memset(text, 'x', sizeof(text));
    for (size_t len = 1000; len < 1100; len++) {
        err_set(&err, 1, "%.*s", (int)len, text);
        if (len < sizeof(err.text)) {
            assert_int_equal(strlen(err.text), len);
            assert_int_equal(err.text[len - 1], 'x');
        } else {
            assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
            assert_string_equal(err.text + sizeof(err.text) - 5, "x...");
        }
    }
    err_at(&err, 1, "f", 1, 2, "%.*s", 2999, text);
    assert_memory_equal(err.text, "f:1:2: xxx", 10);
    assert_string_equal(err.text + sizeof(err.text) - 5, "x...");
}

static void a_character_is_not_cut_in_half(void **state)
{
    (void)state;
    struct err err;
    for (int shift = 0; shift < 3; shift++) {
        char text[3000] = "aaa";
        for (size_t at = (size_t)shift; at + 3 < 2900; at += 3)
            memcpy(text + at, "\xE2\x82\xAC", 4); /* the euro sign */
        err_set(&err, 1, "%s", text);
        size_t len = strlen(err.text);
        assert_string_equal(err.text + len - 3, "...");
        assert_int_equal((len - 3 - (size_t)shift) % 3, 0);
        assert_true(len >= sizeof(err.text) - 4);
    }
}

static void a_long_file_name_leaves_room_for_the_message(void **state)
{
    (void)state;
    struct err err;
    char name[4000];
    memset(name, 'd', sizeof(name) - 1);
    memcpy(name + sizeof(name) - 9, "last.csv", 9);
    err_at(&err, 2, name, 5, 6, "why");
    assert_memory_equal(err.text, "...d", 4);
    assert_non_null(strstr(err.text, "last.csv:5:6: why"));
}

static void escape_sequences_do_not_get_through(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, 1, "a\033[31mb\rc\x7F\td\n\xC3\xA9");
    assert_string_equal(err.text, "a?[31mb?c?\td\n\xC3\xA9");
}

static void a_message_may_quote_itself(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, 1, "inner");
    err_at(&err, 2, "f", 1, 0, "outer (%s)", err.text);
    assert_string_equal(err.text, "f:1: outer (inner)");
}

static char *reports(size_t most, size_t count, size_t *counted)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct diag diag = {.out = out, .most = most};
    for (size_t i = 1; i <= count; i++)
        diag_at(&diag, "u.csv", i, 2, "no %s", "date\nhere");
    diag_close(&diag);
    fclose(out);
    *counted = diag.count;
    return text;
}

static void diag_writes_one_line_each(void **state)
{
    (void)state;
    size_t counted;
    char *text = reports(0, 2, &counted);
    assert_string_equal(text, "u.csv:1:2: no date here\nu.csv:2:2: no date here\n");
    assert_int_equal(counted, 2);
    free(text);
}

static void diag_holds_back_and_says_how_many(void **state)
{
    (void)state;
    size_t counted;
    char *text = reports(2, 2, &counted);
    assert_null(strstr(text, "more"));
    free(text);
    text = reports(2, 7, &counted);
    assert_string_equal(text, "u.csv:1:2: no date here\nu.csv:2:2: no date here\n... and 5 more\n");
    assert_int_equal(counted, 7);
    free(text);
}

static void diag_without_a_stream_counts(void **state)
{
    (void)state;
    struct diag diag = {.most = 1};
    diag_at(&diag, "f", 1, 1, "x");
    diag_at(&diag, "f", 1, 1, "x");
    diag_close(&diag);
    assert_int_equal(diag.count, 2);
}

static void the_codes_are_the_contract(void **state)
{
    (void)state;
    const int codes[] = {EXIT_DONE,        EXIT_FAILED,    EXIT_INPUT,           EXIT_OVER, EXIT_FORECAST_OVER,
                         EXIT_ROLLED_BACK, EXIT_STORM_CAP, EXIT_ROLLBACK_FAILED, EXIT_WAIT};
    const int expected[] = {0, 1, 2, 3, 4, 5, 6, 7, 75};
    assert_memory_equal(codes, expected, sizeof(codes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_the_code),
        cmocka_unit_test(positions),
        cmocka_unit_test(long_messages_end_in_dots),
        cmocka_unit_test(a_character_is_not_cut_in_half),
        cmocka_unit_test(a_long_file_name_leaves_room_for_the_message),
        cmocka_unit_test(escape_sequences_do_not_get_through),
        cmocka_unit_test(a_message_may_quote_itself),
        cmocka_unit_test(diag_writes_one_line_each),
        cmocka_unit_test(diag_holds_back_and_says_how_many),
        cmocka_unit_test(diag_without_a_stream_counts),
        cmocka_unit_test(the_codes_are_the_contract),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
