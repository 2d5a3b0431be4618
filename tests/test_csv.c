/* CSV: quoting, what is passed over, positions, errors that do not stop the reader, and write-then-read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/mem.h"
#include "base/philox.h"
#include "base/str.h"

static struct csv *open_text(const char *text, const char *required)
{
    struct err err = {0};
    struct csv *csv = NULL;
    int code = csv_open_text(&csv, "t.csv", text, strlen(text), required, &err);
    if (code)
        fail_msg("%s", err.text);
    return csv;
}

static void next(struct csv *csv)
{
    struct err err = {0};
    int got = csv_next(csv, &err);
    if (got != 1)
        fail_msg("csv_next gave %d: %s", got, err.text);
}

static void at_end(struct csv *csv)
{
    struct err err = {0};
    assert_int_equal(csv_next(csv, &err), 0);
    assert_int_equal(csv_next(csv, &err), 0);
    csv_close(csv);
}

static void by_name(void **state)
{
    (void)state;
    struct csv *csv = open_text("b, a ,c\n1,2,3\n,,\n", "a,b");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "2");
    assert_string_equal(csv_field(csv, "b"), "1");
    assert_string_equal(csv_field(csv, "c"), "3");
    assert_null(csv_field(csv, "d"));
    assert_null(csv_field(csv, " a "));
    assert_string_equal(csv_name(csv), "t.csv");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "");
    at_end(csv);
}

static void quotes(void **state)
{
    (void)state;
    struct csv *csv = open_text("a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\nlines\",\"\"\n\"#\",\"\r\n\"", "a,b");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "x,y");
    assert_string_equal(csv_field(csv, "b"), "say \"hi\"");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "two\nlines");
    assert_string_equal(csv_field(csv, "b"), "");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "#");
    assert_string_equal(csv_field(csv, "b"), "\r\n");
    at_end(csv);
}

static void what_is_passed_over(void **state)
{
    (void)state;
    struct csv *csv = open_text("\xEF\xBB\xBF# made by hand\r\n\r\n\na,b\r\n#1,2,3\n\n3,#4\r\n5,6", "a,b");
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "3");
    assert_string_equal(csv_field(csv, "b"), "#4");
    assert_int_equal(csv_line(csv), 7);
    next(csv);
    assert_string_equal(csv_field(csv, "b"), "6");
    at_end(csv);
}

/* U+FF41 starts with the first byte of the byte-order mark, U+FEC1 with the first, "\xEF\xBB" with two of it. */
static void only_a_byte_order_mark_is_one(void **state)
{
    (void)state;
    const char *const names[] = {"\xEF\xBD\x81", "\xEF\xBB\x81", "\xEF"};
    for (size_t i = 0; i < 3; i++) {
        char text[32];
        str_fit(text, sizeof(text), "%s,b\n1,2\n", names[i]);
        struct csv *csv = open_text(text, names[i]);
        next(csv);
        assert_string_equal(csv_field(csv, names[i]), "1");
        at_end(csv);
    }
}

static void positions(void **state)
{
    (void)state;
    struct csv *csv = open_text("a,b,c\n1,\"22\",3\n\n\xC3\xA9\xE2\x82\xAC,\"x\ny\nzz\",4\n5,6,7\n", "a");
    next(csv);
    assert_int_equal(csv_line(csv), 2);
    assert_int_equal(csv_column_at(csv, "a"), 1);
    assert_int_equal(csv_column_at(csv, "b"), 3);
    assert_int_equal(csv_column_at(csv, "c"), 8);
    assert_int_equal(csv_column_at(csv, "none"), 1);
    next(csv);
    assert_int_equal(csv_line(csv), 4);
    assert_int_equal(csv_column_at(csv, "b"), 4); /* two characters, not five bytes, stand before the comma */
    assert_int_equal(csv_line_at(csv, "b"), 4);
    assert_int_equal(csv_line_at(csv, "c"), 6);
    assert_int_equal(csv_column_at(csv, "c"), 5);
    assert_int_equal(csv_line_at(csv, "none"), 4);
    next(csv);
    assert_int_equal(csv_line(csv), 7);
    at_end(csv);
}

static void bad_headers(void **state)
{
    (void)state;
    const struct {
        const char *text, *required, *message;
    } cases[] = {
        {"", "a,b", "t.csv: is empty; a header with the columns a,b is needed"},
        {"# only\n\n", "a", "t.csv: is empty; a header with the columns a is needed"},
        {"a,c\n", "a,b,c", "t.csv:1:1: the header has no column \"b\"; it needs: a,b,c"},
        {"\na,b, a\n", "a", "t.csv:2:5: the column \"a\" stands in the header twice"},
        {"a,\"b\n", "a", "t.csv:1:3: a quoted field is not closed before the end"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = {0};
        struct csv *csv = (struct csv *)1;
        assert_int_equal(csv_open_text(&csv, "t.csv", cases[i].text, strlen(cases[i].text), cases[i].required, &err),
                         EXIT_INPUT);
        assert_string_equal(err.text, cases[i].message);
        assert_ptr_equal(csv, (struct csv *)1);
    }
}

/* Each bad record is reported by itself, at its place, and the good ones around it are still read. */
static void bad_records_do_not_stop_the_reader(void **state)
{
    (void)state;
    static const char text[] = "a,b\n"
                               "1,2,3\n"
                               "ok,1\n"
                               "\"x\"y,2\n"
                               "only\n"
                               "n\0l,5\n"
                               "q,\"n\0\",1,1,1\n"
                               "ok,2\n"
                               "7,\"open\n8,9\n";
    const char *const expected[] = {
        "t.csv:2:1: 3 fields where the header has 2 columns",
        "ok 1",
        "t.csv:4:4: text behind a closing quote; double a quote inside a field (\"\")",
        "t.csv:5:1: 1 fields where the header has 2 columns",
        "t.csv:6:2: a NUL byte in the text",
        "t.csv:7:5: a NUL byte in the text",
        "ok 2",
        "t.csv:9:3: a quoted field is not closed before the end",
    };
    struct err err = {0};
    struct csv *csv;
    assert_int_equal(csv_open_text(&csv, "t.csv", text, sizeof(text) - 1, "a,b", &err), 0);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        int got = csv_next(csv, &err);
        if (expected[i][0] == 'o') {
            assert_int_equal(got, 1);
            assert_string_equal(csv_field(csv, "a"), "ok");
            assert_string_equal(csv_field(csv, "b"), expected[i] + 3);
        } else {
            assert_int_equal(got, -1);
            assert_int_equal(err.code, EXIT_INPUT);
            assert_string_equal(err.text, expected[i]);
        }
    }
    at_end(csv);
}

static void caps(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 0);
    str_add(&text, "a\n");
    for (size_t i = 0; i < CSV_RECORD_MAX; i++)
        str_add_char(&text, 'x');
    str_add(&text, "y\nok\n\"");
    for (size_t i = 0; i <= CSV_RECORD_MAX; i++)
        str_add_char(&text, 'x');
    str_add(&text, "\"\nok\n");
    for (int i = 0; i < CSV_COLUMNS_MAX + 5; i++)
        str_add_char(&text, ',');
    str_add(&text, "\nok\n");
    struct csv *csv = open_text(text.text, "a");
    struct err err = {0};
    const char *const errors[] = {"longer than 1048576 bytes", "longer than 1048576 bytes", "more than 2048 columns"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(csv_next(csv, &err), -1);
        assert_non_null(strstr(err.text, errors[i]));
        next(csv);
        assert_string_equal(csv_field(csv, "a"), "ok");
    }
    at_end(csv);
    str_release(&text);
}

static void files(void **state)
{
    (void)state;
    struct err err = {0};
    struct csv *csv;
    assert_int_equal(csv_open(&csv, "/nonexistent/x.csv", "a", &err), EXIT_INPUT);
    assert_string_equal(err.text, "/nonexistent/x.csv: cannot be opened: No such file or directory");
    assert_int_equal(csv_open(&csv, "/", "a", &err), EXIT_INPUT);
    assert_string_equal(err.text, "/: cannot be read: Is a directory");
    char path[] = "/tmp/test_csv.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "\xEF\xBB\xBF"
                               "a,b\n1,\"2\n3\"\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_equal(csv_open(&csv, path, "a,b", &err), 0);
    next(csv);
    assert_string_equal(csv_field(csv, "a"), "1");
    assert_string_equal(csv_field(csv, "b"), "2\n3");
    at_end(csv);
    unlink(path);
}

/* Fields drawn from a byte tape, of the characters that matter; zeros give the simplest (empty) fields. */
static char *draw_field(struct philox *tape)
{
    static const char alphabet[] = "a,\"\r\n# \xEF\xBB\xBF\t'";
    size_t len = philox_below(tape, 6);
    char field[8];
    for (size_t i = 0; i < len; i++)
        field[i] = alphabet[philox_below(tape, sizeof(alphabet) - 1)];
    return mem_dup_n(field, len);
}

static void round_trip(struct philox *tape)
{
    enum { ROWS = 4, COLUMNS = 3 };
    char *fields[ROWS][COLUMNS];
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    const char *end = philox_below(tape, 2) ? "\r\n" : "\n";
    fprintf(out, "a,b,c%s", end);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            fields[r][c] = draw_field(tape);
            csv_write(out, fields[r][c]);
            fputs(c + 1 < COLUMNS ? "," : end, out);
        }
    fclose(out);
    struct csv *csv = open_text(text, "a,b,c");
    const char *const names[] = {"a", "b", "c"};
    for (int r = 0; r < ROWS; r++) {
        next(csv);
        for (int c = 0; c < COLUMNS; c++) {
            assert_string_equal(csv_field(csv, names[c]), fields[r][c]);
            free(fields[r][c]);
        }
    }
    at_end(csv);
    free(text);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct philox tape = philox_stream(1, 0, seed, 1);
        round_trip(&tape);
    }
}

struct seen {
    char text[256];
};

static void see(void *context, const char *first, const char *second)
{
    struct seen *seen = context;
    size_t len = strlen(seen->text);
    str_fit(seen->text + len, sizeof(seen->text) - len, "%s=%s;", first, second);
}

static void files_of_others(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF\"FormatVersion\",\"v1.0\"\nalone\n\"SKU\",b,b\n#1,\"say \"\"hi\"\"\",3\n";
    struct seen seen = {""};
    const struct csv_foreign shape = {.header_from = "sku", .preamble = see, .context = &seen};
    struct err err = {0};
    struct source *source;
    struct csv *csv;
    assert_int_equal(source_open_text(&source, "t.csv", text, sizeof(text) - 1, &err), 0);
    assert_int_equal(csv_open_foreign(&csv, source, &shape, &err), 0);
    assert_string_equal(seen.text, "FormatVersion=v1.0;alone=;");
    assert_int_equal(csv_columns(csv), 3);
    assert_string_equal(csv_header(csv, 1), "b");
    next(csv);
    assert_string_equal(csv_at(csv, 0), "#1"); /* no comment */
    assert_string_equal(csv_field(csv, "b"), "say \"hi\"");
    assert_int_equal(csv_len_at(csv, 1), 8);
    assert_string_equal(csv_at(csv, 2), "3");
    assert_int_equal(csv_line(csv), 4);
    at_end(csv);
    assert_int_equal(source_open_text(&source, "t.csv", "a,b\n1,2\n", 8, &err), 0);
    assert_int_equal(csv_open_foreign(&csv, source, &shape, &err), EXIT_INPUT);
    assert_string_equal(err.text, "t.csv: has no header: no line begins with \"sku\"");
}

/* Records that begin, end and break at every place of the buffers that they are read through. */
static void records_across_buffers(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 0);
    str_add(&text, "n,a,b\n");
    for (int i = 0; i < 20000; i++)
        str_addf(&text, "%d,\"%.*s\"\"\n,\",%.*s\r\n", i, i % 61,
                 "0123456789012345678901234567890123456789012345678901234567890", i % 7, "abcdefg");
    struct csv *csv = open_text(text.text, "n,a,b");
    for (int i = 0; i < 20000; i++) {
        char n[16];
        str_fit(n, sizeof(n), "%d", i);
        next(csv);
        assert_string_equal(csv_field(csv, "n"), n);
        size_t len = (size_t)(i % 61);
        assert_int_equal(strlen(csv_field(csv, "a")), len + 3);
        assert_string_equal(csv_field(csv, "a") + len, "\"\n,");
        assert_int_equal(strlen(csv_field(csv, "b")), i % 7);
        assert_int_equal(csv_line(csv), 2 + 2 * i);
        assert_int_equal(csv_line_at(csv, "b"), 3 + 2 * i);
    }
    at_end(csv);
    str_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(quotes),
        cmocka_unit_test(what_is_passed_over),
        cmocka_unit_test(only_a_byte_order_mark_is_one),
        cmocka_unit_test(positions),
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(bad_records_do_not_stop_the_reader),
        cmocka_unit_test(caps),
        cmocka_unit_test(files),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(files_of_others),
        cmocka_unit_test(records_across_buffers),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
