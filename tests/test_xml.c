/* XML from outside: what is kept, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/aws/xml.h"

static int parse(struct arena *arena, const char *text, struct node **root, struct err *err)
{
    return xml_parse(arena, text, strlen(text), root, err);
}

static void trees_keep_names_and_texts(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct node *root;
    struct err err;
    assert_int_equal(
        parse(&arena,
              "<?xml version=\"1.0\"?>\n<n:Response xmlns:n=\"http://x/\">\n  <set>\n    <item key=\"k\">a&amp;b"
              "</item>\n    <item><![CDATA[<c>]]></item>\n    <item/>\n  </set>\n</n:Response>\n",
              &root, &err),
        0);
    assert_string_equal(root->name, "Response");
    assert_string_equal(root->text, "");
    assert_int_equal(node_count(node_find(root, "set"), "item"), 3);
    assert_string_equal(node_get(root, "set/item"), "a&b");
    assert_string_equal(node_next(node_find(root, "set/item"), "item")->text, "<c>");
    arena_release(&arena);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>",
        "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>",
        "<x>&undefined;</x>",
        "<x><y></x></y>",
        "<x>",
        "",
        "{}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena arena = {0};
        struct node *root = NULL;
        struct err err;
        assert_int_equal(parse(&arena, texts[i], &root, &err), EXIT_FAILED);
        assert_null(root);
        assert_int_equal(strncmp(err.text, "XML, line ", 10), 0);
        arena_release(&arena);
    }
}

static void depth_has_a_cap(void **state)
{
    (void)state;
    for (int depth = XML_DEPTH_MAX; depth <= XML_DEPTH_MAX + 1; depth++) {
        struct arena arena = {0};
        struct node *root = NULL;
        struct err err;
        struct str text;
        str_init(&text, 0);
        for (int i = 0; i < depth; i++)
            str_add(&text, "<a>");
        for (int i = 0; i < depth; i++)
            str_add(&text, "</a>");
        assert_int_equal(parse(&arena, text.text, &root, &err), depth > XML_DEPTH_MAX ? EXIT_FAILED : 0);
        if (depth > XML_DEPTH_MAX)
            assert_non_null(strstr(err.text, "nested too deeply"));
        str_release(&text);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_keep_names_and_texts),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(depth_has_a_cap),
    };
    return cmocka_run_group_tests_name("xml", tests, NULL, NULL);
}
