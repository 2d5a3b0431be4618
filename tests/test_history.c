/* The readers of logs and of git repositories, the latter with real git in a temporary folder. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/str.h"
#include "sim/history.h"

#define NOW_S 1800000000
#define T0    1700000000

static char folder[] = "/tmp/bakehour-history-XXXXXX";
static char path[256]; /* of the log under test */

/* What a reader gave: the caller releases it. */
struct got {
    int code;
    struct history history;
    struct err err;
    char *reports;
    size_t reports_len;
};

static const struct history_options everything = {.from = INSTANT_MIN, .to = INSTANT_MAX};
static const struct history_options skipping = {.skip_bad = true, .from = INSTANT_MIN, .to = INSTANT_MAX};

static struct got read_with(const char *log, const char *repo, const char *branch,
                            const struct history_options *options)
{
    struct got g = {.code = 0};
    struct session session = {.program = "bakehour", .now_s = NOW_S, .out = stdout};
    session.err = open_memstream(&g.reports, &g.reports_len);
    g.code = log ? history_read_log(&g.history, log, options, &session, &g.err)
                 : history_read_repo(&g.history, repo, branch, options, &session, &g.err);
    fclose(session.err);
    return g;
}

static void release(struct got *g)
{
    if (!g->code)
        history_release(&g->history);
    free(g->reports);
}

static void write_bytes(const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static struct got read_bytes(const void *bytes, size_t len, const struct history_options *options)
{
    write_bytes(bytes, len);
    return read_with(path, NULL, NULL, options);
}

static struct got read_text(const char *text, const struct history_options *options)
{
    return read_bytes(text, strlen(text), options);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not stand in: %s", part, text);
}

static void assert_arrivals(const struct got *g, const int64_t *expected, size_t count)
{
    if (g->code)
        fail_msg("%s", g->err.text);
    assert_int_equal(g->history.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(g->history.arrival_s[i], expected[i]);
}

/* Fails with EXIT_INPUT (or another code) and a message that has the text. */
static void assert_refused(struct got g, int code, const char *text)
{
    assert_int_equal(g.code, code);
    assert_int_equal(g.err.code, code);
    assert_has(g.err.text, text);
    assert_true(g.history.count == 0 && !g.history.arrival_s && !g.history.source);
    release(&g);
}

static void shell(const char *script)
{
    struct str command;
    str_init(&command, 0);
    str_addf(&command, "set -e; cd %s; %s", folder, script);
    if (system(command.text) != 0)
        fail_msg("this failed: %s", script);
    str_release(&command);
}

/* The path of something in the folder; good until the eighth call after. */
static const char *at(const char *name)
{
    static char texts[8][256];
    static size_t next;
    char *text = texts[next++ % 8];
    str_fit(text, sizeof(texts[0]), "%s/%s", folder, name);
    return text;
}

static int begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    str_fit(path, sizeof(path), "%s/log.tsv", folder);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "A", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@example.invalid", 1);
    setenv("GIT_COMMITTER_NAME", "A", 1);
    setenv("GIT_COMMITTER_EMAIL", "a@example.invalid", 1);
    setenv("LC_ALL", "C", 1);
    /* import REPOSITORY BRANCH TIME...: a chain of commits with these times, oldest first. */
    shell("cat > import <<'END'\n"
          "#!/bin/sh\n"
          "repository=$1 branch=$2; shift 2\n"
          "[ -d \"$repository\" ] || git init -q -b main \"$repository\"\n"
          "for time; do printf 'commit refs/heads/%s\\ncommitter A <a@b> %s +0000\\ndata 1\\nx\\n' \"$branch\" $time\n"
          "done | git -C \"$repository\" fast-import --quiet --date-format=raw-permissive --force\n"
          "END\nchmod +x import");
    return 0;
}

static int end(void **state)
{
    (void)state;
    shell("rm -rf \"$PWD\"");
    return 0;
}

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
    struct got g = read_text(text, &everything);
    assert_arrivals(&g, expected, 6);
    assert_int_equal(g.history.corrected, 2);
    assert_int_equal(g.history.skipped, 0);
    assert_int_equal(g.history.left_out, 0);
    assert_false(g.history.shallow);
    assert_string_equal(g.history.source, path);
    assert_string_equal(g.reports, "");
    release(&g);
    g = read_text("\xEF\xBB\xBF"
                  "7\n8\n",
                  &everything);
    assert_arrivals(&g, (const int64_t[]){7, 8}, 2);
    release(&g);
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
        str_fit(where, sizeof(where), "%s:3:1: ", path);
        struct got g = read_text(text, &everything);
        assert_true(strncmp(g.reports, where, strlen(where)) == 0);
        assert_has(g.reports, cases[i].why);
        assert_refused(g, EXIT_INPUT, "1 bad line of 3; --skip-bad passes over it");
        g = read_text(text, &skipping);
        assert_arrivals(&g, (const int64_t[]){1, 2}, 2);
        assert_int_equal(g.history.skipped, 1);
        release(&g);
    }
}

static void test_the_last_good_second(void **state)
{
    (void)state;
    struct got g = read_text("1800086400\n", &everything);
    assert_arrivals(&g, (const int64_t[]){1800086400}, 1);
    release(&g);
}

static void test_twenty_reports_at_the_most(void **state)
{
    (void)state;
    struct str text;
    str_init(&text, 0);
    for (int i = 0; i < 45; i++)
        str_add(&text, i % 9 ? "x\n" : "5\n");
    struct got g = read_text(text.text, &everything);
    size_t lines = 0;
    for (const char *c = g.reports; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 21);
    assert_has(g.reports, "log.tsv:2:1: ");
    assert_has(g.reports, "... and 20 more\n");
    assert_refused(g, EXIT_INPUT, "40 bad lines of 45; --skip-bad passes over them");
    str_release(&text);
}

static void test_nul_bytes_and_long_lines(void **state)
{
    (void)state;
    struct got g = read_bytes("1\n2\ta\0b\n3\n\0\n", 12, &everything);
    assert_has(g.reports, ":2:4: a NUL byte");
    assert_has(g.reports, ":4:1: a NUL byte");
    assert_refused(g, EXIT_INPUT, "2 bad lines of 4");
    size_t len = 3000000;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    memcpy(text, "4\t", 2);
    memcpy(text + len - 4, "\n6\n", 4);
    g = read_bytes(text, len - 1, &everything);
    assert_arrivals(&g, (const int64_t[]){4, 6}, 2);
    release(&g);
    memset(text, '1', len - 4);
    g = read_bytes(text, len - 1, &skipping);
    assert_arrivals(&g, (const int64_t[]){6}, 1);
    assert_has(g.reports, "longer than 64 characters: \"1111111111");
    assert_true(g.reports_len < 500);
    release(&g);
    free(text);
}

static void test_sixty_four_characters(void **state)
{
    (void)state;
    struct got g = read_text("0000000000000000000000000000000000000000000000000000000000000007\r\n", &everything);
    assert_arrivals(&g, (const int64_t[]){7}, 1);
    release(&g);
}

static void test_empty_logs_and_windows(void **state)
{
    (void)state;
    assert_refused(read_text("", &everything), EXIT_INPUT, "no commits at all");
    assert_refused(read_text("# nothing\n\n  \n", &everything), EXIT_INPUT, "no commits at all");
    assert_refused(read_text("x\ny\n", &skipping), EXIT_INPUT, "all of the 2 lines are bad");
    struct history_options late = {.from = 86400, .to = 2 * 86400};
    assert_refused(read_text("1\n86399\n172800\n", &late), EXIT_INPUT,
                   "none of its 3 commits arrived from 1970-01-02T00:00:00Z to before 1970-01-03T00:00:00Z; they "
                   "arrived from 1970-01-01T00:00:01Z to 1970-01-03T00:00:00Z");
    struct got g = read_text("1\n86400\n5\n172799\n172800\n172801\n", &late);
    assert_arrivals(&g, (const int64_t[]){86400, 86400, 172799}, 3);
    assert_int_equal(g.history.left_out, 3);
    assert_int_equal(g.history.corrected, 1);
    release(&g);
}

static void test_what_is_no_log(void **state)
{
    (void)state;
    assert_refused(read_with(folder, NULL, NULL, &everything), EXIT_INPUT, "is a folder");
    assert_refused(read_with(at("missing.tsv"), NULL, NULL, &everything), EXIT_INPUT,
                   "missing.tsv: cannot be opened: No such file");
}

static size_t gzip_file(const char *text)
{
    gzFile f = gzopen(path, "wb9");
    assert_non_null(f);
    assert_int_equal(gzputs(f, text), strlen(text));
    assert_int_equal(gzclose(f), Z_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (size_t)st.st_size;
}

static char *slurp(size_t len)
{
    char *bytes = mem_alloc(len);
    FILE *f = fopen(path, "rb");
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
    struct got g = read_with(path, NULL, NULL, &everything);
    assert_arrivals(&g, (const int64_t[]){10, 20, 20}, 3);
    release(&g);
    char *twice = mem_alloc(2 * size);
    memcpy(twice, bytes, size);
    memcpy(twice + size, bytes, size);
    g = read_bytes(twice, 2 * size, &everything);
    assert_arrivals(&g, (const int64_t[]){10, 20, 20, 20, 20, 20}, 6);
    release(&g);
    for (size_t cut = 2; cut < size; cut++)
        assert_refused(read_bytes(bytes, cut, &everything), EXIT_INPUT, "the gzip data stops before its end");
    for (size_t i = size - 8; i < size; i++) { /* checksum and length */
        memcpy(twice, bytes, size);
        twice[i] ^= 0x10;
        assert_refused(read_bytes(twice, size, &everything), EXIT_INPUT, "the gzip data is corrupt");
    }
    free(twice);
    free(bytes);
}

static void test_stdin(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);
    write_bytes("1\n2\n", 4);
    int fd = open(path, O_RDONLY);
    assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    close(fd);
    struct got g = read_with("-", NULL, NULL, &everything);
    assert_arrivals(&g, (const int64_t[]){1, 2}, 2);
    assert_string_equal(g.history.source, "stdin");
    release(&g);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0); /* still open */
    close(STDIN_FILENO);
    assert_refused(read_with("-", NULL, NULL, &everything), EXIT_INPUT, "stdin: cannot be opened");
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
    struct got g = read_text(text.text, &options);
    assert_int_equal(g.code, kept ? 0 : EXIT_INPUT);
    if (kept) {
        assert_arrivals(&g, expected, kept);
        assert_int_equal(g.history.corrected, corrected);
        assert_int_equal(g.history.left_out, count - kept);
    }
    release(&g);
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
        check_selection(times, count, everything);
    }
}

/* The first line that a command writes, as numbers. */
static void ask(const char *command, unsigned long *a, unsigned long *b)
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%lu %lu", a, b), 2);
    pclose(pipe);
}

static void test_real_logs(void **state)
{
    (void)state;
    const char *logs = getenv("BAKEHOUR_COMMIT_LOGS");
    logs = logs ? logs : "../shared/commit-logs";
    DIR *dir = opendir(logs);
    if (!dir) {
        printf("# SKIP the real logs: there is no %s\n", logs);
        skip();
    }
    size_t files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!strstr(entry->d_name, ".tsv.gz"))
            continue;
        char file[1024];
        char command[2048];
        str_fit(file, sizeof(file), "%s/%s", logs, entry->d_name);
        str_fit(command, sizeof(command),
                "gzip -dc '%s' | awk '/^[0-9]/ { n++; if ($1 < m) c++; else m = $1 } END { print n + 0, c + 0 }'",
                file);
        unsigned long lines;
        unsigned long corrected;
        ask(command, &lines, &corrected);
        struct got g = read_with(file, NULL, NULL, &everything);
        assert_int_equal(g.code, 0);
        assert_int_equal(g.history.count, lines);
        assert_int_equal(g.history.corrected, corrected);
        release(&g);
        files++;
    }
    closedir(dir);
    printf("# %zu real logs\n", files);
}

static void assert_repo(const char *dir, const char *branch, const int64_t *expected, size_t count, const char *source)
{
    struct got g = read_with(NULL, dir, branch, &everything);
    assert_arrivals(&g, expected, count);
    assert_has(g.history.source, source);
    assert_string_equal(g.reports, "");
    release(&g);
}

static void test_first_parents(void **state)
{
    (void)state;
    shell("./import line main 1700000000 1700000100 1700000050 1700000300; cd line; git checkout -q main;"
          "git checkout -q -b side main~2; export GIT_COMMITTER_DATE='1700000320 +0000';"
          "git commit -q --allow-empty -m s; git checkout -q main; export GIT_COMMITTER_DATE='1700000400 +0000';"
          "git merge -q --no-ff -m m side; git pack-refs --all; mkdir below; git worktree add -q ../tree side");
    static const int64_t whole[] = {T0, T0 + 100, T0 + 100, T0 + 300, T0 + 400};
    static const int64_t side[] = {T0, T0 + 100, T0 + 320};
    struct got g = read_with(NULL, at("line"), NULL, &everything);
    assert_arrivals(&g, whole, 5);
    assert_int_equal(g.history.corrected, 1);
    release(&g);
    assert_repo(at("line"), NULL, whole, 5, "line (main)");
    assert_repo(at("line/below"), NULL, whole, 5, "below (main)");
    assert_repo(at("line/.git"), NULL, whole, 5, "(main)");
    assert_repo(at("line"), "side", side, 3, "line (side)");
    assert_repo(at("line"), "main~2", whole, 3, "line (main~2)");
    assert_repo(at("tree"), NULL, side, 3, "tree (side)");
    shell("git -C line checkout -q --detach main~1");
    assert_repo(at("line"), NULL, whole, 4, "line (detached HEAD)");
}

static void test_identical_times_and_windows(void **state)
{
    (void)state;
    shell("./import same main $(yes 1700000000 | head -n 40) 1600000000 1700000001");
    struct history_options window = {.from = T0, .to = T0 + 1};
    struct got g = read_with(NULL, at("same"), NULL, &window);
    assert_int_equal(g.code, 0);
    assert_int_equal(g.history.count, 41); /* git's own --since would stop at the commit of 1600000000 */
    assert_int_equal(g.history.corrected, 1);
    assert_int_equal(g.history.left_out, 1);
    assert_int_equal(g.history.arrival_s[0], T0);
    assert_int_equal(g.history.arrival_s[40], T0);
    release(&g);
    window.from = T0 + 2;
    window.to = INSTANT_MAX;
    assert_refused(read_with(NULL, at("same"), NULL, &window), EXIT_INPUT, "none of its 42 commits");
}

static void test_bare_and_shallow(void **state)
{
    (void)state;
    shell("./import origin main 1700000000 1700000100 1700000200; git clone -q --bare origin bare.git;"
          "git clone -q --depth 2 \"file://$PWD/origin\" shallow; git clone -q origin clone;"
          "git -C clone checkout -q --detach; git -C clone branch -q -D main");
    static const int64_t times[] = {T0, T0 + 100, T0 + 200};
    assert_repo(at("bare.git"), NULL, times, 3, "bare.git (main)");
    assert_repo(at("clone"), "origin/main", times, 3, "clone (origin/main)");
    assert_refused(read_with(NULL, at("clone"), "main", &everything), EXIT_INPUT, "there are: origin/main");
    struct got g = read_with(NULL, at("shallow"), NULL, &everything);
    assert_arrivals(&g, times + 1, 2);
    assert_true(g.history.shallow);
    release(&g);
    g = read_with(NULL, at("bare.git"), NULL, &everything);
    assert_false(g.history.shallow);
    release(&g);
}

static void test_no_such_branch(void **state)
{
    (void)state;
    shell("./import many main 1700000000; for b in dev release-1 release-2 feature/login 'odd;$(id>hit)&' x y z;"
          " do git -C many branch \"$b\" main; done; git -C many tag v1 main");
    assert_refused(read_with(NULL, at("many"), "login", &everything), EXIT_INPUT,
                   "no branch or other revision \"login\"; there are: feature/login, ");
    assert_refused(read_with(NULL, at("many"), "relase-2", &everything), EXIT_INPUT,
                   "there are: release-2, release-1, dev, feature/login, main and 4 more");
    assert_refused(read_with(NULL, at("many"), "--all", &everything), EXIT_INPUT, "no branch or other revision");
    assert_refused(read_with(NULL, at("many"), "", &everything), EXIT_INPUT, "no branch or other revision");
    static const int64_t times[] = {T0};
    assert_repo(at("many"), "odd;$(id>hit)&", times, 1, "(odd;$(id>hit)&)");
    assert_repo(at("many"), "v1", times, 1, "(v1)");
    shell("test ! -e hit; test ! -e many/hit");
}

static void test_no_commits_yet(void **state)
{
    (void)state;
    shell("git init -q empty; ./import orphan main 1700000000; git -C orphan checkout -q --orphan new");
    assert_refused(read_with(NULL, at("empty"), NULL, &everything), EXIT_INPUT, "the repository has no commits yet");
    assert_refused(read_with(NULL, at("empty"), "main", &everything), EXIT_INPUT, "the repository has no commits yet");
    assert_refused(read_with(NULL, at("orphan"), NULL, &everything), EXIT_INPUT,
                   "the branch checked out has no commits yet; --branch takes: main");
}

static void test_no_repository(void **state)
{
    (void)state;
    setenv("GIT_CEILING_DIRECTORIES", "/", 1);
    shell("mkdir -p plain; : > file");
    assert_refused(read_with(NULL, at("plain"), NULL, &everything), EXIT_INPUT, "not a git repository");
    assert_refused(read_with(NULL, at("missing"), NULL, &everything), EXIT_INPUT, "cannot change to");
    assert_refused(read_with(NULL, at("file"), NULL, &everything), EXIT_INPUT, "cannot change to");
    assert_refused(read_with(NULL, "", NULL, &everything), EXIT_INPUT, "is empty");
    unsetenv("GIT_CEILING_DIRECTORIES");
}

static void test_environment_does_not_lead_astray(void **state)
{
    (void)state;
    static const char *const names[] = {"GIT_DIR",        "GIT_WORK_TREE",    "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
                                        "GIT_COMMON_DIR", "GIT_SHALLOW_FILE", "GIT_PREFIX"};
    shell("./import mine main 1700000000 1700000007; ./import other main 1600000000");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        setenv(names[i], at("other/.git"), 1);
    setenv("GIT_FLUSH", "1", 1);
    assert_repo(at("mine"), NULL, (const int64_t[]){T0, T0 + 7}, 2, "(main)");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unsetenv(names[i]);
    unsetenv("GIT_FLUSH");
}

static void test_commits_in_the_future(void **state)
{
    (void)state;
    shell("./import future main 1700000000 1900000000 1700000100; git -C future rev-parse main~1 > sha");
    char sha[64];
    FILE *f = fopen(at("sha"), "r");
    assert_non_null(f);
    assert_non_null(fgets(sha, sizeof(sha), f));
    fclose(f);
    sha[strcspn(sha, "\n")] = '\0';
    char where[400];
    str_fit(where, sizeof(where), "%s: commit %s: 1900000000 (2030-03-17T17:46:40Z) is in the future\n", at("future"),
            sha);
    struct got g = read_with(NULL, at("future"), NULL, &everything);
    assert_string_equal(g.reports, where);
    assert_refused(g, EXIT_INPUT, "1 bad commit of 3; --skip-bad passes over it");
    g = read_with(NULL, at("future"), NULL, &skipping);
    assert_arrivals(&g, (const int64_t[]){T0, T0 + 100}, 2);
    assert_int_equal(g.history.skipped, 1);
    assert_int_equal(g.history.corrected, 0);
    release(&g);
}

/* A git of our own first on the PATH: for rev-list it runs the script, for the rest the real one. */
static struct got read_with_git(const char *script)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "mkdir -p fake; real=$(command -v git); cat > fake/git <<END\n#!/bin/sh\nsha=%s\n", //
             "0123456789012345678901234567890123456789");
    str_add(&text, "case \"\\$3\" in rev-list) ;; *) exec $real \"\\$@\" ;; esac\n");
    str_add(&text, script);
    str_add(&text, "\nEND\nchmod +x fake/git");
    shell(text.text);
    char *saved = mem_dup(getenv("PATH"));
    str_clear(&text);
    str_addf(&text, "%s:%s", at("fake"), saved);
    setenv("PATH", text.text, 1);
    struct got g = read_with(NULL, at("line"), NULL, &everything);
    setenv("PATH", saved, 1);
    free(saved);
    str_release(&text);
    return g;
}

#define A_LINE "echo 1700000000 \\$sha; "

static void test_git_dies_half_way(void **state)
{
    (void)state;
    assert_refused(read_with_git(A_LINE "kill -9 \\$\\$"), EXIT_FAILED, "ended by signal 9; the history is not whole");
    assert_refused(read_with_git(A_LINE "echo 'fatal: bad tree' >&2; exit 128"), EXIT_FAILED,
                   "git rev-list failed with status 128: fatal: bad tree");
    assert_refused(read_with_git(A_LINE "echo hello"), EXIT_FAILED, "something else than times and commits");
    assert_refused(read_with_git("exit 0"), EXIT_INPUT, "no commits at all");
}

static void test_git_is_talkative(void **state)
{
    (void)state;
    struct got g = read_with_git(A_LINE "i=0; while [ \\$i -lt 3000 ]; do i=\\$((i+1)); "
                                        "echo 'warning: a line that is fifty characters long, or so' >&2; "
                                        "echo 1700000000 \\$sha; done");
    assert_int_equal(g.code, 0);
    assert_int_equal(g.history.count, 3001);
    assert_has(g.reports, "bakehour: git: warning: a line");
    assert_true(g.reports_len < 4096);
    release(&g);
}

static void test_no_git(void **state)
{
    (void)state;
    char *saved = mem_dup(getenv("PATH"));
    setenv("PATH", at("plain"), 1);
    assert_refused(read_with(NULL, at("line"), NULL, &everything), EXIT_FAILED,
                   "git cannot be started: No such file or directory; is it installed");
    setenv("PATH", saved, 1);
    free(saved);
}

static void on_alarm(int number)
{
    (void)number;
}

static void test_interrupted_calls(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm};
    struct sigaction before;
    sigaction(SIGALRM, &action, &before);
    struct itimerval every = {.it_interval = {.tv_usec = 500}, .it_value = {.tv_usec = 500}};
    setitimer(ITIMER_REAL, &every, NULL);
    struct got g = read_with_git(A_LINE "sleep 0.2; echo 1700000001 \\$sha; exec >&- 2>&-; sleep 0.1");
    every = (struct itimerval){.it_value = {.tv_sec = 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_arrivals(&g, (const int64_t[]){T0 + 1, T0 + 1}, 2);
    release(&g);
}

static void test_odd_parents(void **state)
{
    (void)state;
    static const int64_t whole[] = {T0, T0 + 100, T0 + 100, T0 + 300, T0 + 400};
    signal(SIGCHLD, SIG_IGN);
    assert_repo(at("line"), "main", whole, 5, "(main)");
    signal(SIGCHLD, SIG_DFL);
    int saved[2] = {dup(STDIN_FILENO), dup(STDERR_FILENO)};
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    struct got g = read_with(NULL, at("line"), "main", &everything);
    dup2(saved[0], STDIN_FILENO);
    dup2(saved[1], STDERR_FILENO);
    close(saved[0]);
    close(saved[1]);
    assert_arrivals(&g, whole, 5);
    release(&g);
}

static size_t open_files(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 200; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void test_nothing_is_left_behind(void **state)
{
    (void)state;
    size_t before = open_files();
    for (int i = 0; i < 3; i++) {
        struct got g = read_with(NULL, at("line"), "main", &everything);
        release(&g);
        g = read_with(NULL, at("line"), "nowhere", &everything);
        release(&g);
        g = read_with(NULL, at("plain"), NULL, &everything);
        release(&g);
        g = read_text("1\n", &everything);
        release(&g);
    }
    test_no_git(state);
    test_gzip(state);
    test_what_is_no_log(state);
    assert_int_equal(open_files(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
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
        cmocka_unit_test(test_first_parents),
        cmocka_unit_test(test_identical_times_and_windows),
        cmocka_unit_test(test_bare_and_shallow),
        cmocka_unit_test(test_no_such_branch),
        cmocka_unit_test(test_no_commits_yet),
        cmocka_unit_test(test_no_repository),
        cmocka_unit_test(test_environment_does_not_lead_astray),
        cmocka_unit_test(test_commits_in_the_future),
        cmocka_unit_test(test_git_dies_half_way),
        cmocka_unit_test(test_git_is_talkative),
        cmocka_unit_test(test_no_git),
        cmocka_unit_test(test_interrupted_calls),
        cmocka_unit_test(test_odd_parents),
        cmocka_unit_test(test_nothing_is_left_behind),
    };
    return cmocka_run_group_tests_name("history", tests, begin, end);
}
