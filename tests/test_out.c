/* Tables, JSON out and in, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/str.h"

static struct table *sample(void)
{
    struct table *t = table_new();
    table_column(t, "Policy", "policy", ALIGN_LEFT);
    table_column(t, "$/month", "usd_per_month", ALIGN_RIGHT);
    table_optional_column(t, "p95 lead", "lead_p95_s", ALIGN_RIGHT);
    table_optional_column(t, "Note", "note", ALIGN_LEFT);
    table_cell(t, "every");
    table_cell(t, "%d.%02d", 100, 5);
    table_cell(t, "17 min");
    table_cell(t, "the \"original\", 2015");
    table_cell(t, "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC");
    table_cell(t, "9");
    table_cell(t, "1 h");
    table_cell(t, "x");
    return t;
}

static char *printed(const struct table *t, struct session s)
{
    char *text = NULL;
    size_t len = 0;
    s.out = open_memstream(&text, &len);
    table_print(t, &s);
    fclose(s.out);
    return text;
}

static void prints(struct table *t, struct session s, const char *expected)
{
    char *text = printed(t, s);
    assert_string_equal(text, expected);
    free(text);
    table_free(t);
}

static void aligned_by_display_columns(void **state)
{
    (void)state;
    prints(sample(), (struct session){0},
           "Policy  $/month  p95 lead  Note\n"
           "every    100.05    17 min  the \"original\", 2015\n"
           "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC         9       1 h  x\n");
}

static void optional_columns_go_from_the_right(void **state)
{
    (void)state;
    const char *without_note = "Policy  $/month  p95 lead\nevery    100.05    17 min\n"
                               "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC         9       1 h\n";
    const char *bare = "Policy  $/month\nevery    100.05\n\xC3\xA9t\xC3\xA9 \xE2\x82\xAC         9\n";
    struct table *t = sample();
    char *full = printed(t, (struct session){.width = 47}); /* 25 + 2 + 20 columns */
    assert_non_null(strstr(full, "Note"));
    free(full);
    table_free(t);
    prints(sample(), (struct session){.width = 46}, without_note);
    prints(sample(), (struct session){.width = 25}, without_note);
    prints(sample(), (struct session){.width = 24}, bare);
    prints(sample(), (struct session){.width = 3}, bare);
}

static void csv_has_every_column(void **state)
{
    (void)state;
    prints(sample(), (struct session){.csv = true, .width = 3},
           "policy,usd_per_month,lead_p95_s,note\n"
           "every,100.05,17 min,\"the \"\"original\"\", 2015\"\n"
           "\xC3\xA9t\xC3\xA9 \xE2\x82\xAC,9,1 h,x\n");
}

static void csv_of_one_column_keeps_empty_records(void **state)
{
    (void)state;
    struct table *t = table_new();
    table_column(t, "N", "n", ALIGN_LEFT);
    table_cell(t, "%s", "");
    table_cell(t, "b");
    prints(t, (struct session){.csv = true}, "n\n\"\"\nb\n");
}

static void colour_and_emphasis(void **state)
{
    (void)state;
    struct table *t = table_new();
    table_column(t, "N", "n", ALIGN_RIGHT);
    table_cell(t, "1");
    table_row_bold(t);
    table_cell(t, "22");
    table_row_dim(t);
    table_cell(t, "3");
    char *plain = printed(t, (struct session){.color = true, .no_color = true});
    assert_string_equal(plain, " N\n 1\n22\n 3\n");
    free(plain);
    prints(t, (struct session){.color = true}, "\033[2m N\033[0m\n\033[1m 1\033[0m\n\033[2m22\033[0m\n 3\n");
}

static void control_characters_stay_out_of_tables(void **state)
{
    (void)state;
    struct table *t = table_new();
    table_column(t, "N", "n", ALIGN_LEFT);
    table_cell(t, "a\033[31m\nb");
    prints(t, (struct session){0}, "N\na?[31m?b\n");
}

static char *json_text_of(cJSON *document)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    json_print(document, out);
    fclose(out);
    return text;
}

static void json_numbers_are_exact(void **state)
{
    (void)state;
    cJSON *document = json_document("plan");
    json_i64(document, "most", INT64_MAX);
    json_i64(document, "least", INT64_MIN);
    json_i64(document, "odd", 9007199254740993); /* 2^53 + 1 has no double */
    char *text = json_text_of(document);
    assert_non_null(strstr(text, "\"schema\":\t\"bakehour.plan/1\""));
    assert_non_null(strstr(text, "9223372036854775807"));
    assert_non_null(strstr(text, "-9223372036854775808"));
    assert_non_null(strstr(text, "9007199254740993"));
    assert_int_equal(text[strlen(text) - 1], '\n');
    free(text);
}

static void json_shapes(void **state)
{
    (void)state;
    cJSON *document = json_document("x");
    cJSON *list = json_array(document, "list");
    json_bool(json_object(list, NULL), "yes", true);
    json_number(json_object(list, NULL), "half", 0.5);
    json_text(document, "none", NULL);
    char *text = json_text_of(document);
    struct err err = {0};
    cJSON *back = json_parse("x", text, strlen(text), &err);
    assert_non_null(back);
    const cJSON *items = cJSON_GetObjectItem(back, "list");
    assert_int_equal(cJSON_GetArraySize(items), 2);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(items, 0), "yes")));
    assert_true(cJSON_GetObjectItem(cJSON_GetArrayItem(items, 1), "half")->valuedouble == 0.5);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(back, "none")));
    cJSON_Delete(back);
    free(text);
}

/* What is no UTF-8 (RFC 3629) is replaced byte by byte; the rest passes untouched. */
static void json_texts_are_utf8(void **state)
{
    (void)state;
#define FFFD "\xEF\xBF\xBD"
    const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        {"latin \xE9t\xE9", "latin " FFFD "t" FFFD},
        {"\xC0\xAF", FFFD FFFD},                   /* overlong */
        {"\xE0\x80\xAF", FFFD FFFD FFFD},          /* overlong */
        {"\xED\xA0\x80", FFFD FFFD FFFD},          /* surrogate */
        {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* beyond U+10FFFF */
        {"\xF4\x8F\xBF\xBF\xED\x9F\xBF", "\xF4\x8F\xBF\xBF\xED\x9F\xBF"},
        {"cut \xE2\x82", "cut " FFFD FFFD},
        {"\x80", FFFD},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cJSON *document = json_document("x");
        json_text(document, "t", cases[i].text);
        assert_string_equal(cJSON_GetObjectItem(document, "t")->valuestring, cases[i].expected);
        cJSON_Delete(document);
    }
}

static void json_errors_have_a_position(void **state)
{
    (void)state;
    const struct {
        const char *text, *where;
    } cases[] = {
        {"{\n  \"a\": 1,\n  oops\n}", "c.json:3:"},        {"[1, 2} ", "c.json:1:6: "}, {"{} x", "c.json:1:4: "},
        {"[\"\xC3\xA9\xE2\x82\xAC\", ?]", "c.json:1:8: "}, {"", "c.json:1:1: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = {0};
        assert_null(json_parse("c.json", cases[i].text, strlen(cases[i].text), &err));
        assert_int_equal(err.code, EXIT_INPUT);
        if (strncmp(err.text, cases[i].where, strlen(cases[i].where)) != 0)
            fail_msg("case %zu: %s", i, err.text);
    }
    struct err err = {0};
    assert_null(json_parse("c.json", "{}\0", 3, &err));
    cJSON *fine = json_parse("c.json", " {} \n", 5, &err);
    assert_non_null(fine);
    cJSON_Delete(fine);
}

static void depth_bombs_are_refused(void **state)
{
    (void)state;
    const char *const bombs[] = {"[", "{\"a\":", "[[{\"\":"};
    for (size_t i = 0; i < 3; i++) {
        size_t unit = strlen(bombs[i]);
        size_t len = unit * 100000;
        char *text = mem_alloc(len);
        for (size_t at = 0; at < len; at += unit)
            memcpy(text + at, bombs[i], unit);
        struct err err = {0};
        assert_null(json_parse("bomb", text, len, &err));
        assert_int_equal(err.code, EXIT_INPUT);
        free(text);
    }
}

static void files_are_capped(void **state)
{
    (void)state;
    char path[] = "/tmp/test_out.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char *block = mem_zero(200000, 1);
    memset(block, 'x', 200000);
    block[77] = '\0';
    assert_int_equal(write(fd, block, 200000), 200000);
    close(fd);
    struct err err = {0};
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(file_read(path, 200000, &text, &len, &err), 0);
    assert_int_equal(len, 200000);
    assert_memory_equal(text, block, len);
    assert_int_equal(text[len], 0);
    free(text);
    text = NULL;
    len = 5;
    assert_int_equal(file_read(path, 199999, &text, &len, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "is larger than 199999 bytes"));
    assert_null(text);
    assert_int_equal(len, 5);
    assert_int_equal(file_read("/", 10, &text, &len, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "Is a directory"));
    assert_int_equal(file_read("/nonexistent", 10, &text, &len, &err), EXIT_INPUT);
    assert_int_equal(file_read("/dev/zero", 100000, &text, &len, &err), EXIT_INPUT);
    assert_int_equal(file_read("/dev/null", 10, &text, &len, &err), 0);
    assert_int_equal(len, 0);
    assert_string_equal(text, "");
    free(text);
    free(block);
    unlink(path);
}

static void is_in_file(const char *path, const char *expected)
{
    char *text;
    size_t len;
    struct err err = {0};
    assert_int_equal(file_read(path, 1000, &text, &len, &err), 0);
    assert_string_equal(text, expected);
    free(text);
}

/* A disk that takes no more than 1,000 bytes. */
static void no_room(const char *path)
{
    char text[2000];
    struct err err = {0};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit little = {1000, before.rlim_max};
    memset(text, 'x', sizeof(text));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    int code = file_replace(path, text, sizeof(text), NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(code, EXIT_FAILED);
    assert_non_null(strstr(err.text, "cannot be written: File too large"));
}

/* Whole or not at all: where it cannot be, what was there is, and nothing lies about. */
static void a_file_is_replaced(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_out.XXXXXX";
    char path[64];
    char part[64];
    char within[64];
    struct err err = {0};
    assert_non_null(mkdtemp(folder));
    str_fit(path, sizeof(path), "%s/file", folder);
    str_fit(part, sizeof(part), "%s/file.part", folder);
    str_fit(within, sizeof(within), "%s/file/file", folder);
    assert_int_equal(file_replace(path, "one\n", 4, "--out", &err), 0);
    is_in_file(path, "one\n");
    no_room(path);
    is_in_file(path, "one\n");
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(symlink(path, part), 0); /* what stands in the new text's place is not written through */
    assert_int_equal(file_replace(path, "three", 5, NULL, &err), EXIT_FAILED);
    is_in_file(path, "one\n");
    assert_int_equal(file_replace(part, "what a crash has left", 21, NULL, &err), 0);
    assert_int_equal(file_replace(path, "two and more", 3, "--out", &err), 0);
    is_in_file(path, "two");
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(file_replace(within, "x", 1, "--out", &err), EXIT_FAILED); /* a file is no folder */
    assert_non_null(strstr(err.text, "--out: "));
    assert_non_null(strstr(err.text, "/file/file cannot be written: Not a directory"));
    assert_int_equal(mkdir(part, 0700), 0); /* its place is taken */
    assert_int_equal(file_replace(path, "three", 5, NULL, &err), EXIT_FAILED);
    assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    is_in_file(path, "two");
    assert_int_equal(rmdir(part), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder is not replaced, and the new text goes away */
    assert_int_equal(file_replace(path, "three", 5, NULL, &err), EXIT_FAILED);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
    char long_path[5000];
    memset(long_path, 'a', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_int_equal(file_replace(long_path, "x", 1, NULL, &err), EXIT_FAILED);
}

static void members_that_are_texts(void **state)
{
    (void)state;
    cJSON *object = cJSON_Parse("{\"a\": \"text\", \"A\": \"other\", \"n\": 1, \"empty\": \"\", \"none\": null}");
    static const char otherwise[] = "otherwise";
    assert_string_equal(json_member(object, "a", otherwise), "text");
    assert_string_equal(json_member(object, "A", otherwise), "other");
    assert_string_equal(json_member(object, "empty", otherwise), "");
    assert_ptr_equal(json_member(object, "n", otherwise), otherwise);
    assert_ptr_equal(json_member(object, "none", otherwise), otherwise);
    assert_ptr_equal(json_member(object, "b", NULL), NULL);
    assert_ptr_equal(json_member(NULL, "a", otherwise), otherwise);
    cJSON_Delete(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_by_display_columns), cmocka_unit_test(optional_columns_go_from_the_right),
        cmocka_unit_test(csv_has_every_column),       cmocka_unit_test(csv_of_one_column_keeps_empty_records),
        cmocka_unit_test(colour_and_emphasis),        cmocka_unit_test(control_characters_stay_out_of_tables),
        cmocka_unit_test(json_numbers_are_exact),     cmocka_unit_test(json_shapes),
        cmocka_unit_test(json_texts_are_utf8),        cmocka_unit_test(json_errors_have_a_position),
        cmocka_unit_test(depth_bombs_are_refused),    cmocka_unit_test(files_are_capped),
        cmocka_unit_test(a_file_is_replaced),         cmocka_unit_test(members_that_are_texts),
    };
    return cmocka_run_group_tests_name("out", tests, NULL, NULL);
}
