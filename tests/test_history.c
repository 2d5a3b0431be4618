/* The reader of logs. */
#include <glob.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/str.h"
#include "tests/support_history.h"

static void test_takes_the_first_column(void **state)
{
    (void)state;
    static const char text[] = "#committer_unix\thash\n"
                               "5\tabc\t7\r\n"
                               "\n"
                               "5\r\n"
                               "  \t \r\n"
                               "# 99\n"
                               "3\tclock ran backwards\n"
                               "9\n"
                               "0\n"
                               "0000000012";
    static const int64_t expected[] = {5, 5, 5, 9, 9, 12};
    struct got g = got_from_text(text, &history_everything);
    assert_got_arrivals(&g, expected, 6);
    assert_int_equal(g.history.corrected, 2);
    assert_int_equal(g.history.skipped, 0);
    assert_int_equal(g.history.left_out, 0);
    assert_false(g.history.shallow);
    assert_string_equal(g.history.source, log_path);
    assert_string_equal(g.reports, "");
    got_release(&g);
    g = got_from_text("\xEF\xBB\xBF"
                      "7\n8\n",
                      &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){7, 8}, 2);
    got_release(&g);
}

struct bad_line {
    const char *line, *why;
};

static void test_each_bad_line_is_told(void **state)
{
    (void)state;
    static const struct bad_line cases[] = {
        {"123.5", "\"123.5\" is not a whole number"},
        {"\tsecond column only", "the first column is empty"},
        {"abc", "\"abc\" is not a whole number"},
        {"12a", "\"12a\" is not"},
        {" 12", "\" 12\" is not"},
        {"+12", "\"+12\" is not"},
        {"0x10", "\"0x10\" is not"},
        {"12 abcdef", "separated by tabs"},
        {"12,abcdef", "separated by tabs"},
        {"-", "\"-\" is not"},
        {"-1", "-1 is negative"},
        {"99999999999999999999", "too large"},
        {"-99999999999999999999", "is not a whole number"},
        {"1700000000000", "it looks like milliseconds"},
        {"1800086401", "1800086401 (2027-01-16T08:00:01Z) is in the future"},
        {"\033[31m", "\"\\x1b[31m\" is not"},
        {"00000000000000000000000000000000000000000000000000000000000000001", "longer than 64 characters"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        char where[300];
        str_fit(text, sizeof(text), "# x\n1\n%s\n2\n", cases[i].line);
        str_fit(where, sizeof(where), "%s:3:1: ", log_path);
        struct got g = got_from_text(text, &history_everything);
        assert_true(strncmp(g.reports, where, strlen(where)) == 0);
        assert_text_has(g.reports, cases[i].why);
        assert_got_refused(g, EXIT_INPUT, "1 bad line of 3; --skip-bad passes over it");
        g = got_from_text(text, &history_skipping);
        assert_got_arrivals(&g, (const int64_t[]){1, 2}, 2);
        assert_int_equal(g.history.skipped, 1);
        got_release(&g);
    }
}

static void test_the_last_good_second(void **state)
{
    (void)state;
    struct got g = got_from_text("1800086400\n", &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){1800086400}, 1);
    got_release(&g);
}

static void test_twenty_reports_at_the_most(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 0);
    for (int i = 0; i < 45; i++)
        str_add(&text, i % 9 ? "x\n" : "5\n");
    struct got g = got_from_text(text.text, &history_everything);
    size_t lines = 0;
    for (const char *c = g.reports; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 21);
    assert_text_has(g.reports, "log.tsv:2:1: ");
    assert_text_has(g.reports, "... and 20 more\n");
    assert_got_refused(g, EXIT_INPUT, "40 bad lines of 45; --skip-bad passes over them");
    str_release(&text);
}

static void test_nul_bytes_and_long_lines(void **state)
{
    (void)state;
    struct got g = got_from_bytes("1\n2\ta\0b\n3\n\0\n", 12, &history_everything);
    assert_text_has(g.reports, ":2:4: a NUL byte");
    assert_text_has(g.reports, ":4:1: a NUL byte");
    assert_got_refused(g, EXIT_INPUT, "2 bad lines of 4");
    size_t len = 3000000;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    text[0] = '4';
    text[1] = '\t';
    memcpy(text + len - 4, "\n6\n", sizeof("\n6\n"));
    g = got_from_bytes(text, len - 1, &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){4, 6}, 2);
    got_release(&g);
    memset(text, '1', len - 4);
    g = got_from_bytes(text, len - 1, &history_skipping);
    assert_got_arrivals(&g, (const int64_t[]){6}, 1);
    assert_text_has(g.reports, "longer than 64 characters: \"1111111111");
    assert_true(g.reports_len < 500);
    got_release(&g);
    free(text);
}

static void test_sixty_four_characters(void **state)
{
    (void)state;
    struct got g =
        got_from_text("0000000000000000000000000000000000000000000000000000000000000007\r\n", &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){7}, 1);
    got_release(&g);
}

static void test_empty_logs_and_windows(void **state)
{
    (void)state;
    assert_got_refused(got_from_text("", &history_everything), EXIT_INPUT, "no commits at all");
    assert_got_refused(got_from_text("# nothing\n\n  \n", &history_everything), EXIT_INPUT, "no commits at all");
    assert_got_refused(got_from_text("x\ny\n", &history_skipping), EXIT_INPUT, "all of the 2 lines are bad");
    struct history_options late = {.from = 86400, .to = 172800};
    assert_got_refused(got_from_text("1\n86399\n172800\n", &late), EXIT_INPUT,
                       "none of its 3 commits arrived from 1970-01-02T00:00:00Z to before 1970-01-03T00:00:00Z; they "
                       "arrived from 1970-01-01T00:00:01Z to 1970-01-03T00:00:00Z");
    struct got g = got_from_text("1\n86400\n5\n172799\n172800\n172801\n", &late);
    assert_got_arrivals(&g, (const int64_t[]){86400, 86400, 172799}, 3);
    assert_int_equal(g.history.left_out, 3);
    assert_int_equal(g.history.corrected, 1);
    got_release(&g);
}

static void test_what_is_no_log(void **state)
{
    (void)state;
    assert_got_refused(got_from(folder_name, NULL, NULL, &history_everything), EXIT_INPUT, "is a folder");
    assert_got_refused(got_from(folder_path("missing.tsv"), NULL, NULL, &history_everything), EXIT_INPUT,
                       "missing.tsv: cannot be opened: No such file");
}

static size_t gzip_file(const char *text)
{
    gzFile f = gzopen(log_path, "wb9");
    assert_non_null(f);
    assert_int_equal(gzputs(f, text), strlen(text));
    assert_int_equal(gzclose(f), Z_OK);
    struct stat st;
    assert_int_equal(stat(log_path, &st), 0);
    return (size_t)st.st_size;
}

static char *slurp(size_t len)
{
    char *bytes = mem_alloc(len);
    FILE *f = fopen(log_path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(bytes, 1, len, f), len);
    fclose(f);
    return bytes;
}

static void test_gzip(void **state)
{
    (void)state;
    size_t size = gzip_file("10\ta\n20\tb\n15\tc\n");
    char *bytes = slurp(size);
    struct got g = got_from(log_path, NULL, NULL, &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){10, 20, 20}, 3);
    got_release(&g);
    char *twice = mem_alloc(2 * size);
    memcpy(twice, bytes, size);
    memcpy(twice + size, bytes, size);
    g = got_from_bytes(twice, 2 * size, &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){10, 20, 20, 20, 20, 20}, 6);
    got_release(&g);
    for (size_t cut = 2; cut < size; cut++)
        assert_got_refused(got_from_bytes(bytes, cut, &history_everything), EXIT_INPUT,
                           "the gzip data stops before its end");
    for (size_t i = size - 8; i < size; i++) { /* checksum and length */
        memcpy(twice, bytes, size);
        twice[i] ^= 0x10;
        assert_got_refused(got_from_bytes(twice, size, &history_everything), EXIT_INPUT, "the gzip data is corrupt");
    }
    free(twice);
    free(bytes);
}

static void test_stdin(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);
    log_write("1\n2\n", 4);
    int fd = open(log_path, O_RDONLY);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    struct got g = got_from("-", NULL, NULL, &history_everything);
    assert_got_arrivals(&g, (const int64_t[]){1, 2}, 2);
    assert_string_equal(g.history.source, "stdin");
    got_release(&g);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* still open */
    close(STDIN_FILENO);
    assert_got_refused(got_from("-", NULL, NULL, &history_everything), EXIT_INPUT, "stdin: cannot be opened");
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

/* Arrival i is the largest time among 0..i, found afresh for each. */
static void check_selection(const int64_t *times, size_t count, struct history_options options)
{
    struct str text;
    str_init(&text, 0);
    int64_t expected[64];
    size_t kept = 0;
    size_t corrected = 0;
    for (size_t i = 0; i < count; i++) {
        str_addf(&text, "%" PRId64 "\n", times[i]);
        int64_t most = 0;
        for (size_t j = 0; j <= i; j++)
            most = times[j] > most ? times[j] : most;
        if (most >= options.from && most < options.to) {
            expected[kept++] = most;
            corrected += times[i] != most;
        }
    }
    struct got g = got_from_text(text.text, &options);
    assert_int_equal(g.code, kept ? 0 : EXIT_INPUT);
    if (kept) {
        assert_got_arrivals(&g, expected, kept);
        assert_int_equal(g.history.corrected, corrected);
        assert_int_equal(g.history.left_out, count - kept);
    }
    got_release(&g);
    str_release(&text);
}

static void test_running_maximum_by_force(void **state)
{
    (void)state;
    for (uint64_t run = 0; run < 400; run++) {
        struct philox random = philox_stream(11, 0, run, 0);
        int64_t times[64];
        size_t count = 1 + (size_t)philox_below(&random, 64);
        uint64_t spread = 1 + philox_below(&random, 100);
        for (size_t i = 0; i < count; i++)
            times[i] = (int64_t)(i * philox_below(&random, 4) + philox_below(&random, spread));
        int64_t from = (int64_t)philox_below(&random, 150) - 20;
        int64_t to = from + (int64_t)philox_below(&random, 150);
        check_selection(times, count, (struct history_options){.from = from, .to = to});
        check_selection(times, count, history_everything);
    }
}

/* The first line that a command writes, as numbers. */
static void ask(const char *command, unsigned long *a, unsigned long *b)
{
    char script[4096];
    str_fit(script, sizeof(script), "{ %s; } >answer", command);
    folder_shell(script);
    FILE *answer = fopen(folder_path("answer"), "r");
    assert_non_null(answer);
    assert_int_equal(fscanf(answer, "%lu %lu", a, b), 2);
    fclose(answer);
}

static void test_real_logs(void **state)
{
    (void)state;
    const char *logs = getenv("BAKEHOUR_COMMIT_LOGS");
    logs = logs ? logs : "../shared/commit-logs";
    char *absolute = realpath(logs, NULL);
    if (!absolute) {
        printf("# skipped: the real logs are not here (%s); BAKEHOUR_COMMIT_LOGS names their folder\n",
               logs); /* cmocka's skip() reads as a failure in TAP */
        return;
    }
    char pattern[1024];
    glob_t found;
    str_fit(pattern, sizeof(pattern), "%s/*.tsv.gz", absolute);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *file = found.gl_pathv[i];
        char command[2048];
        str_fit(command, sizeof(command),
                "gzip -dc '%s' | awk '/^[0-9]/ { n++; if ($1 < m) c++; else m = $1 } END { print n + 0, c + 0 }'",
                file);
        unsigned long lines;
        unsigned long corrected;
        ask(command, &lines, &corrected);
        struct got g = got_from(file, NULL, NULL, &history_everything);
        assert_int_equal(g.code, 0);
        assert_int_equal(g.history.count, lines);
        assert_int_equal(g.history.corrected, corrected);
        got_release(&g);
    }
    size_t files = found.gl_pathc;
    globfree(&found);
    free(absolute);
    printf("# %zu real logs\n", files);
}

static void test_no_file_is_left_open(void **state)
{
    int before = dup(STDIN_FILENO);
    close(before);
    test_gzip(state);
    test_what_is_no_log(state);
    test_takes_the_first_column(state);
    int after = dup(STDIN_FILENO); /* the lowest number that is free */
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_the_first_column),
        cmocka_unit_test(test_each_bad_line_is_told),
        cmocka_unit_test(test_the_last_good_second),
        cmocka_unit_test(test_twenty_reports_at_the_most),
        cmocka_unit_test(test_nul_bytes_and_long_lines),
        cmocka_unit_test(test_sixty_four_characters),
        cmocka_unit_test(test_empty_logs_and_windows),
        cmocka_unit_test(test_what_is_no_log),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_running_maximum_by_force),
        cmocka_unit_test(test_real_logs),
        cmocka_unit_test(test_no_file_is_left_open),
    };
    return cmocka_run_group_tests_name("history", tests, folder_begin, folder_end);
}
