/* Odd names stay names in each language. Expected values come from the languages' own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "billing/budget_escape.h"

static void assert_escaped(void (*escape)(struct str *, const char *), const char *text, const char *expected)
{
    struct str out;
    str_init(&out, 0);
    escape(&out, text);
    assert_string_equal(out.text, expected);
    str_release(&out);
}

static void github_data(struct str *to, const char *text)
{
    escape_github(to, text, false);
}

static void github_property(struct str *to, const char *text)
{
    escape_github(to, text, true);
}

static void github(void **state)
{
    (void)state;
    assert_escaped(github_data, "50 %: a,b\r\n::error::x", "50 %25: a,b%0D%0A::error::x");
    assert_escaped(github_property, "50 %: a,b\r\n", "50 %25%3A a%2Cb%0D%0A");
    assert_escaped(github_property, "\xC3\xA9", "\xC3\xA9");
}

static void xml(void **state)
{
    (void)state;
    assert_escaped(escape_xml, "a<b>&\"c'\n", "a&#60;b&#62;&#38;&#34;c&#39;&#10;");
    assert_escaped(escape_xml, "]]>\xC3\xA9", "]]&#62;\xC3\xA9");
    assert_escaped(escape_xml, "a\x01\x1B[1m", "a\xEF\xBF\xBD\xEF\xBF\xBD[1m");
    assert_escaped(escape_xml, "\xFF\xC3", "\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_escaped(escape_xml, "\xEF\xBF\xBF\xEF\xBF\xBD", "\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void markdown(void **state)
{
    (void)state;
    assert_escaped(escape_markdown, "team-a 1.0/x", "team-a 1.0/x");
    assert_escaped(escape_markdown, "a|b\\*", "a&#124;b&#92;&#42;");
    assert_escaped(escape_markdown, "<b>&amp;\n# `x`", "&#60;b&#62;&#38;amp&#59; &#35; &#96;x&#96;");
    assert_escaped(escape_markdown, "\xE2\x82\xAC\x80", "\xE2\x82\xAC\xEF\xBF\xBD");
}

static void sarif(void **state)
{
    (void)state;
    assert_escaped(escape_sarif, "a {0} }{ b", "a {{0}} }}{{ b");
    assert_escaped(escape_sarif, "[x](http://y) ](", "[x] (http://y) ] (");
    assert_escaped(escape_sarif, "a\nb\x1b[c\\", "a b [c\\");
    assert_escaped(escape_sarif, "\xC3\xA9]", "\xC3\xA9]");
}

static void uri(void **state)
{
    (void)state;
    assert_escaped(escape_uri, "data/my usage%.csv", "data/my%20usage%25.csv");
    assert_escaped(escape_uri, "c:\\\xC3\xA9?#", "c%3A%5C%C3%A9%3F%23");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(github), cmocka_unit_test(xml), cmocka_unit_test(markdown),
        cmocka_unit_test(sarif),  cmocka_unit_test(uri),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
