/* Text that keeps to a width: expected lines are counted by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>

#include <cmocka.h>

#include "base/page.h"

struct result {
    char *text;
    size_t len;
};

static struct session page(struct result *r, int width)
{
    return (struct session){.out = open_memstream(&r->text, &r->len), .width = width};
}

static void gives(struct session *s, struct result *r, const char *expected)
{
    fclose(s->out);
    assert_string_equal(r->text, expected);
    free(r->text);
}

/* The text on a page so wide, later lines indented. */
static void shows(int width, int indent, const char *text, const char *expected)
{
    struct result r;
    struct session s = page(&r, width);
    page_say(&s, indent, "%s", text);
    gives(&s, &r, expected);
}

static void words_go_to_the_next_line(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 10);
    page_say(&s, 2, "one two %s four", "three");
    gives(&s, &r, "one two\n  three\n  four\n");
    shows(10, 0, "exactly te", "exactly te\n");
    shows(10, 4, "  key one two", "  key one\n    two\n");
}

static void a_unit_stays_with_its_number(void **state)
{
    (void)state;
    shows(10, 0, "it took 54 s, 9 min (7 %)", "it took\n54 s,\n9 min\n(7 %)\n");
    shows(10, 0, "it took 54 secs and a few s", "it took 54\nsecs and a\nfew s\n");
    shows(10, 0, "it was few s ago", "it was few\ns ago\n"); /* behind no number it is a word */
}

static void a_label_hangs(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 12);
    page_wrap(&s, "Cost: ", "a b c d e");
    gives(&s, &r, "Cost: a b c\n      d e\n");
}

static void wide_words_and_breaks_stay(void **state)
{
    (void)state;
    shows(6, 1, "a incomprehensible b", "a\n incomprehensible\n b\n");
    shows(20, 0, "one\ntwo\n\nthree", "one\ntwo\n\nthree\n");
    shows(20, 0, "", "\n");
}

static void percent_signs_and_utf8(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 10);
    page_say(&s, 0, "there is 9 %% of it");
    gives(&s, &r, "there is\n9 % of it\n");
    shows(6, 0, "\xc3\xa4\xc3\xb6\xc3\xbc ab c", "\xc3\xa4\xc3\xb6\xc3\xbc ab\nc\n");
}

static void eighty_columns_without_a_terminal(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 0);
    char text[121];
    for (size_t i = 0; i < 120; i++)
        text[i] = i % 2 ? ' ' : 'x';
    text[119] = '\0';
    page_say(&s, 0, "%s", text);
    fclose(s.out);
    assert_int_equal(r.text[79], '\n'); /* forty letters, thirty-nine spaces */
    free(r.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_go_to_the_next_line),
        cmocka_unit_test(a_unit_stays_with_its_number),
        cmocka_unit_test(a_label_hangs),
        cmocka_unit_test(wide_words_and_breaks_stay),
        cmocka_unit_test(percent_signs_and_utf8),
        cmocka_unit_test(eighty_columns_without_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
