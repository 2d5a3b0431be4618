/* Growing strings: the cap, the full flag, long formats, handing over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static void starts_empty_and_grows(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 0);
    assert_string_equal(s.text, "");
    assert_int_equal(s.max, STR_MAX);
    str_add(&s, "ab");
    str_add_char(&s, 'c');
    str_addf(&s, "-%d-%s", 7, "x");
    str_add_n(&s, "yz!", 2);
    assert_string_equal(s.text, "abc-7-xyz");
    assert_int_equal(s.len, 9);
    assert_false(s.full);
    str_release(&s);
    assert_string_equal(s.text, "");
}

static void keeps_bytes_behind_a_nul(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 0);
    str_add_n(&s, "a\0b", 3);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.text, "a\0b", 4);
    str_release(&s);
}

static void the_cap_cuts_and_says_so(void **state)
{
    (void)state;
    for (size_t max = 1; max <= 300; max++) {
        struct str s;
        str_init(&s, max);
        for (size_t i = 0; i < max; i++)
            str_add_char(&s, 'x');
        assert_false(s.full);
        assert_int_equal(s.len, max);
        str_add(&s, "");
        assert_false(s.full);
        str_add(&s, "yz");
        assert_true(s.full);
        assert_int_equal(s.len, max);
        assert_int_equal(strlen(s.text), max);
        str_release(&s);
    }
}

static void what_fits_of_a_long_text_is_kept(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 5);
    str_add(&s, "abc");
    str_add(&s, "defg");
    assert_string_equal(s.text, "abcde");
    assert_true(s.full);
    str_clear(&s);
    assert_false(s.full);
    assert_string_equal(s.text, "");
    str_addf(&s, "%s", "123456789");
    assert_string_equal(s.text, "12345");
    assert_true(s.full);
    str_release(&s);
}

/* Around the size of the buffer on the stack (256) the two ways of formatting must agree. */
static void long_formats(void **state)
{
    (void)state;
    char expected[1200];
    for (size_t len = 0; len < 1100; len++) {
        memset(expected, 'q', len);
        expected[len] = '\0';
        struct str s;
        str_init(&s, 0);
        str_addf(&s, "%s|%d", expected, 42);
        assert_int_equal(s.len, len + 3);
        assert_memory_equal(s.text, expected, len);
        assert_string_equal(s.text + len, "|42");
        str_release(&s);
    }
}

static void detach_hands_over(void **state)
{
    (void)state;
    struct str s;
    str_init(&s, 10);
    char *nothing = str_detach(&s);
    assert_string_equal(nothing, "");
    str_add(&s, "mine");
    char *text = str_detach(&s);
    assert_int_equal(s.len, 0);
    assert_int_equal(s.max, 10);
    str_add(&s, "other");
    assert_string_equal(text, "mine");
    assert_string_equal(s.text, "other");
    str_release(&s);
    free(text);
    free(nothing);
}

static void two_empty_strings_do_not_share(void **state)
{
    (void)state;
    struct str a;
    struct str b;
    str_init(&a, 0);
    str_init(&b, 0);
    str_add(&a, "a");
    assert_string_equal(b.text, "");
    str_clear(&b);
    assert_string_equal(a.text, "a");
    str_release(&a);
    str_release(&b);
}

static void fit(void **state)
{
    (void)state;
    char small[4];
    str_fit(small, sizeof(small), "%d", 123);
    assert_string_equal(small, "123");
}

/* RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF. */
static void lengths_of_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"a", 1},        {"\xC3\xA9", 2},     {"\xE2\x82\xAC", 3}, {"\xF0\x9F\x98\x80", 4}, {"\xC3", 0},
                 {"\xC0\x80", 0}, {"\xE0\x80\x80", 0}, {"\xED\xA0\x80", 0}, {"\xF4\x90\x80\x80", 0}, {"\x80", 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(str_utf8_length(cases[i].text), cases[i].length);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_empty_and_grows),
        cmocka_unit_test(keeps_bytes_behind_a_nul),
        cmocka_unit_test(the_cap_cuts_and_says_so),
        cmocka_unit_test(what_fits_of_a_long_text_is_kept),
        cmocka_unit_test(long_formats),
        cmocka_unit_test(detach_hands_over),
        cmocka_unit_test(two_empty_strings_do_not_share),
        cmocka_unit_test(fit),
        cmocka_unit_test(lengths_of_utf8),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
