/* JSON as a stream: the path of every event, in pieces of any size; what is no JSON, nests too deep or is too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_stream.h"
#include "base/str.h"

static void add_path(struct str *to, const struct json_stream *s)
{
    for (size_t i = 0; i < s->depth; i++)
        str_addf(to, "/%s", s->keys[i].text);
}

static int begin(struct json_stream *s)
{
    str_add(s->context, "+");
    add_path(s->context, s);
    str_add(s->context, "\n");
    return 0;
}

static int end(struct json_stream *s)
{
    str_add(s->context, "-");
    add_path(s->context, s);
    str_add(s->context, "\n");
    return 0;
}

static int scalar(struct json_stream *s, enum json_kind kind, const char *text, size_t len)
{
    static const char *const kinds[] = {"string", "number", "true", "false", "null"};
    add_path(s->context, s);
    str_addf(s->context, " %s %.*s\n", kinds[kind], (int)len, text);
    return len == 4 && memcmp(text, "stop", 4) == 0 ? err_set(s->err, 42, "stopped") : 0;
}

static int read_text(struct str *to, const char *text, size_t len, struct err *err)
{
    struct source *source;
    struct json_stream s = {.context = to, .begin = begin, .end = end, .scalar = scalar};
    int code = source_open_text(&source, "t.json", text, len, err);
    assert_int_equal(code, 0);
    code = json_stream_read(&s, source, err);
    source_close(source);
    return code;
}

static void events(void **state)
{
    (void)state;
    static const char text[] = "{ \"a\" : { \"b\\u00e9\" : [1, -2.5e3, {\"c\":\"d\"}, []], \"e\" : null },\n"
                               "  \"f\" : true, \"g\":false, \"h\":\"\" }";
    static const char expected[] = "+\n"
                                   "+/a\n"
                                   "+/a/b\xC3\xA9\n"
                                   "/a/b\xC3\xA9 number 1\n"
                                   "/a/b\xC3\xA9 number -2.5e3\n"
                                   "+/a/b\xC3\xA9\n"
                                   "/a/b\xC3\xA9/c string d\n"
                                   "-/a/b\xC3\xA9\n"
                                   "+/a/b\xC3\xA9\n"
                                   "-/a/b\xC3\xA9\n"
                                   "-/a/b\xC3\xA9\n"
                                   "/a/e null null\n"
                                   "-/a\n"
                                   "/f true true\n"
                                   "/g false false\n"
                                   "/h string \n"
                                   "-\n";
    struct str got;
    struct err err = {0};
    str_init(&got, 0);
    assert_int_equal(read_text(&got, text, sizeof(text) - 1, &err), 0);
    assert_string_equal(got.text, expected);
    str_release(&got);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\n\"a\": 1,\n\"b\" 2}", "t.json:3: is no JSON"},
        {"{\"a\": 1", "is no JSON: parse error: premature EOF"},
        {"", "premature EOF"},
        {"{\"a\": \"\xFF\"}", "invalid bytes in UTF8 string"},
        {"[1,]", "t.json:1: is no JSON"},
        {"[01]", "t.json:1: is no JSON"},
        {"{\"a\":1}}", "t.json:1: is no JSON"},
        {"[\"stop\", 1]", "stopped"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str got;
        struct err err = {0};
        str_init(&got, 0);
        assert_int_equal(read_text(&got, cases[i].text, strlen(cases[i].text), &err), i == 7 ? 42 : EXIT_INPUT);
        if (!strstr(err.text, cases[i].message))
            fail_msg("%s: %s", cases[i].text, err.text);
        str_release(&got);
    }
}

static void depth_and_length_have_caps(void **state)
{
    (void)state;
    struct str text;
    struct str got;
    struct err err = {0};
    for (int depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        str_init(&text, 0);
        str_init(&got, 0);
        for (int i = 0; i < depth; i++)
            str_add(&text, i % 2 ? "{\"k\":" : "[");
        str_add(&text, "1");
        for (int i = depth - 1; i >= 0; i--)
            str_add(&text, i % 2 ? "}" : "]");
        assert_int_equal(read_text(&got, text.text, text.len, &err), depth > JSON_DEPTH_MAX ? EXIT_INPUT : 0);
        str_release(&text);
        str_release(&got);
    }
    assert_string_equal(err.text, "t.json:1: nests deeper than 64");
    str_init(&text, 0);
    str_init(&got, 0);
    str_add(&text, "[\"");
    for (size_t i = 0; i < 2 * JSON_TEXT_MAX; i++)
        str_add_char(&text, 'x');
    str_add(&text, "\"]");
    assert_int_equal(read_text(&got, text.text, text.len, &err), EXIT_INPUT);
    assert_string_equal(err.text, "t.json:1: a text is longer than 1048576 bytes");
    str_release(&text);
    str_release(&got);
    str_init(&text, 0);
    str_add(&text, "{\"");
    for (size_t i = 0; i < 3 * JSON_KEY_MAX; i++)
        str_add_char(&text, 'k');
    str_add(&text, "\":1}");
    str_init(&got, 0);
    assert_int_equal(read_text(&got, text.text, text.len, &err), 0); /* the key is cut, and the reader lives */
    assert_true(got.len < 3 * JSON_KEY_MAX);
    str_release(&text);
    str_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(depth_and_length_have_caps),
    };
    return cmocka_run_group_tests_name("json_stream", tests, NULL, NULL);
}
