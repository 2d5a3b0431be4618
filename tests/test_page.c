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

static void words_go_to_the_next_line(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 10);
    page_say(&s, 2, "one two %s four", "three");
    gives(&s, &r, "one two\n  three\n  four\n");
    s = page(&r, 10);
    page_say(&s, 0, "exactly te");
    gives(&s, &r, "exactly te\n");
    s = page(&r, 10);
    page_say(&s, 4, "  key one two");
    gives(&s, &r, "  key one\n    two\n");
}

static void a_unit_stays_with_its_number(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 10);
    page_say(&s, 0, "it took 54 s, 9 min (7 %%)");
    gives(&s, &r, "it took\n54 s,\n9 min\n(7 %)\n");
    s = page(&r, 10);
    page_say(&s, 0, "it took 54 secs and a few s");
    gives(&s, &r, "it took 54\nsecs and a\nfew s\n");
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
    struct result r;
    struct session s = page(&r, 6);
    page_say(&s, 1, "a incomprehensible b");
    gives(&s, &r, "a\n incomprehensible\n b\n");
    s = page(&r, 20);
    page_say(&s, 0, "one\ntwo\n\nthree");
    gives(&s, &r, "one\ntwo\n\nthree\n");
    s = page(&r, 20);
    page_say(&s, 0, "%s", "");
    gives(&s, &r, "\n");
}

static void percent_signs_and_utf8(void **state)
{
    (void)state;
    struct result r;
    struct session s = page(&r, 10);
    page_say(&s, 0, "there is 9 %% of it");
    gives(&s, &r, "there is\n9 % of it\n");
    s = page(&r, 6);
    page_say(&s, 0, "\xc3\xa4\xc3\xb6\xc3\xbc ab c");
    gives(&s, &r, "\xc3\xa4\xc3\xb6\xc3\xbc ab\nc\n");
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
