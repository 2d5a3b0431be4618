/* The reader of repositories, with real git in a temporary folder. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/support_history.h"

static void assert_repo(const char *dir, const char *branch, const int64_t *expected, size_t count, const char *source)
{
    struct got g = got_from(NULL, dir, branch, &history_everything);
    assert_got_arrivals(&g, expected, count);
    assert_text_has(g.history.source, source);
    assert_string_equal(g.reports, "");
    got_release(&g);
}

static void test_first_parents(void **state)
{
    (void)state;
    folder_shell("./import line main 1700000000 1700000100 1700000050 1700000300; cd line; git checkout -q main;"
                 "git checkout -q -b side main~2; export GIT_COMMITTER_DATE='1700000320 +0000';"
                 "git commit -q --allow-empty -m s; git checkout -q main; export GIT_COMMITTER_DATE='1700000400 +0000';"
                 "git merge -q --no-ff -m m side; git pack-refs --all; mkdir below; git worktree add -q ../tree side");
    static const int64_t whole[] = {T0, T0 + 100, T0 + 100, T0 + 300, T0 + 400};
    static const int64_t side[] = {T0, T0 + 100, T0 + 320};
    struct got g = got_from(NULL, folder_path("line"), NULL, &history_everything);
    assert_got_arrivals(&g, whole, 5);
    assert_int_equal(g.history.corrected, 1);
    got_release(&g);
    assert_repo(folder_path("line"), NULL, whole, 5, "line (main)");
    assert_repo(folder_path("line/below"), NULL, whole, 5, "below (main)");
    assert_repo(folder_path("line/.git"), NULL, whole, 5, "(main)");
    assert_repo(folder_path("line"), "side", side, 3, "line (side)");
    assert_repo(folder_path("line"), "main~2", whole, 3, "line (main~2)");
    assert_repo(folder_path("tree"), NULL, side, 3, "tree (side)");
    folder_shell("git -C line checkout -q --detach main~1");
    assert_repo(folder_path("line"), NULL, whole, 4, "line (detached HEAD)");
}

static void test_identical_times_and_windows(void **state)
{
    (void)state;
    folder_shell("./import same main $(yes 1700000000 | head -n 40) 1600000000 1700000001");
    struct history_options window = {.from = T0, .to = T0 + 1};
    struct got g = got_from(NULL, folder_path("same"), NULL, &window);
    assert_int_equal(g.code, 0);
    assert_int_equal(g.history.count, 41); /* git's own --since would stop at the commit of 1600000000 */
    assert_int_equal(g.history.corrected, 1);
    assert_int_equal(g.history.left_out, 1);
    assert_int_equal(g.history.arrival_s[0], T0);
    assert_int_equal(g.history.arrival_s[40], T0);
    got_release(&g);
    window.from = T0 + 2;
    window.to = INSTANT_MAX;
    assert_got_refused(got_from(NULL, folder_path("same"), NULL, &window), EXIT_INPUT, "none of its 42 commits");
}

static void test_bare_and_shallow(void **state)
{
    (void)state;
    folder_shell("./import origin main 1700000000 1700000100 1700000200; git clone -q --bare origin bare.git;"
                 "git clone -q --depth 2 \"file://$PWD/origin\" shallow; git clone -q origin clone;"
                 "git -C clone checkout -q --detach; git -C clone branch -q -D main");
    static const int64_t times[] = {T0, T0 + 100, T0 + 200};
    assert_repo(folder_path("bare.git"), NULL, times, 3, "bare.git (main)");
    assert_repo(folder_path("clone"), "origin/main", times, 3, "clone (origin/main)");
    assert_got_refused(got_from(NULL, folder_path("clone"), "main", &history_everything), EXIT_INPUT,
                       "there are: origin/main");
    struct got g = got_from(NULL, folder_path("shallow"), NULL, &history_everything);
    assert_got_arrivals(&g, times + 1, 2);
    assert_true(g.history.shallow);
    got_release(&g);
    g = got_from(NULL, folder_path("bare.git"), NULL, &history_everything);
    assert_false(g.history.shallow);
    got_release(&g);
}

static void test_sha256(void **state)
{
    (void)state;
    folder_shell("git init -q -b main --object-format=sha256 wide; ./import wide main 1700000000 1700000100");
    assert_repo(folder_path("wide"), NULL, (const int64_t[]){T0, T0 + 100}, 2, "wide (main)");
}

static void test_no_such_branch(void **state)
{
    (void)state;
    folder_shell("./import many main 1700000000; for b in dev release-1 release-2 feature/login 'odd;$(id>hit)&' x y z;"
                 " do git -C many branch \"$b\" main; done; git -C many tag v1 main");
    assert_got_refused(got_from(NULL, folder_path("many"), "login", &history_everything), EXIT_INPUT,
                       "no branch or other revision \"login\"; there are: feature/login, ");
    assert_got_refused(got_from(NULL, folder_path("many"), "relase-2", &history_everything), EXIT_INPUT,
                       "there are: release-2, release-1, dev, feature/login, main and 4 more");
    assert_got_refused(got_from(NULL, folder_path("many"), "--all", &history_everything), EXIT_INPUT,
                       "no branch or other revision");
    assert_got_refused(got_from(NULL, folder_path("many"), "", &history_everything), EXIT_INPUT,
                       "no branch or other revision");
    static const int64_t times[] = {T0};
    assert_repo(folder_path("many"), "odd;$(id>hit)&", times, 1, "(odd;$(id>hit)&)");
    assert_repo(folder_path("many"), "v1", times, 1, "(v1)");
    folder_shell("test ! -e hit; test ! -e many/hit");
}

static void test_no_commits_yet(void **state)
{
    (void)state;
    folder_shell("git init -q empty; ./import orphan main 1700000000; git -C orphan checkout -q --orphan new");
    assert_got_refused(got_from(NULL, folder_path("empty"), NULL, &history_everything), EXIT_INPUT,
                       "the repository has no commits yet");
    assert_got_refused(got_from(NULL, folder_path("empty"), "main", &history_everything), EXIT_INPUT,
                       "the repository has no commits yet");
    assert_got_refused(got_from(NULL, folder_path("orphan"), NULL, &history_everything), EXIT_INPUT,
                       "the branch checked out has no commits yet; --branch takes: main");
}

static void test_no_repository(void **state)
{
    (void)state;
    setenv("GIT_CEILING_DIRECTORIES", "/", 1);
    folder_shell("mkdir -p plain; : > file");
    assert_got_refused(got_from(NULL, folder_path("plain"), NULL, &history_everything), EXIT_INPUT,
                       "not a git repository");
    assert_got_refused(got_from(NULL, folder_path("missing"), NULL, &history_everything), EXIT_INPUT,
                       "cannot change to");
    assert_got_refused(got_from(NULL, folder_path("file"), NULL, &history_everything), EXIT_INPUT, "cannot change to");
    assert_got_refused(got_from(NULL, "", NULL, &history_everything), EXIT_INPUT, "is empty");
    unsetenv("GIT_CEILING_DIRECTORIES");
}

static void test_environment_does_not_lead_astray(void **state)
{
    (void)state;
    static const char *const names[] = {"GIT_DIR",        "GIT_WORK_TREE",    "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
                                        "GIT_COMMON_DIR", "GIT_SHALLOW_FILE", "GIT_PREFIX"};
    folder_shell("./import mine main 1700000000 1700000007; ./import other main 1600000000");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        setenv(names[i], folder_path("other/.git"), 1);
    setenv("GIT_FLUSH", "1", 1);
    assert_repo(folder_path("mine"), NULL, (const int64_t[]){T0, T0 + 7}, 2, "(main)");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        unsetenv(names[i]);
    unsetenv("GIT_FLUSH");
}

static void test_commits_in_the_future(void **state)
{
    (void)state;
    folder_shell("./import future main 1700000000 1900000000 1700000100; git -C future rev-parse main~1 > sha");
    char sha[64];
    FILE *f = fopen(folder_path("sha"), "r");
    assert_non_null(f);
    assert_non_null(fgets(sha, sizeof(sha), f));
    fclose(f);
    sha[strcspn(sha, "\n")] = '\0';
    char where[400];
    str_fit(where, sizeof(where), "%s: commit %s: 1900000000 (2030-03-17T17:46:40Z) is in the future\n",
            folder_path("future"), sha);
    struct got g = got_from(NULL, folder_path("future"), NULL, &history_everything);
    assert_string_equal(g.reports, where);
    assert_got_refused(g, EXIT_INPUT, "1 bad commit of 3; --skip-bad passes over it");
    g = got_from(NULL, folder_path("future"), NULL, &history_skipping);
    assert_got_arrivals(&g, (const int64_t[]){T0, T0 + 100}, 2);
    assert_int_equal(g.history.skipped, 1);
    assert_int_equal(g.history.corrected, 0);
    got_release(&g);
}

/* A git of our own first on the PATH: for rev-list it runs the script, for the rest the real one. */
static struct got got_with_git(const char *script)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text, "mkdir -p fake; real=$(command -v git); cat > fake/git <<END\n#!/bin/sh\nsha=%s\n", //
             "0123456789012345678901234567890123456789");
    str_add(&text, "case \"\\$3\" in rev-list) ;; *) exec $real \"\\$@\" ;; esac\n");
    str_add(&text, script);
    str_add(&text, "\nEND\nchmod +x fake/git");
    folder_shell(text.text);
    char *saved = mem_dup(getenv("PATH"));
    str_clear(&text);
    str_addf(&text, "%s:%s", folder_path("fake"), saved);
    setenv("PATH", text.text, 1);
    struct got g = got_from(NULL, folder_path("line"), NULL, &history_everything);
    setenv("PATH", saved, 1);
    free(saved);
    str_release(&text);
    return g;
}

#define A_LINE "echo 1700000000 \\$sha; "

static void test_git_dies_half_way(void **state)
{
    (void)state;
    assert_got_refused(got_with_git(A_LINE "kill -9 \\$\\$"), EXIT_FAILED,
                       "ended by signal 9; the history is not whole");
    assert_got_refused(got_with_git(A_LINE "echo 'fatal: bad tree' >&2; exit 128"), EXIT_FAILED,
                       "git rev-list failed with status 128: fatal: bad tree");
    assert_got_refused(got_with_git(A_LINE "echo hello"), EXIT_FAILED, "something else than times and commits");
    assert_got_refused(got_with_git("exit 0"), EXIT_INPUT, "no commits at all");
}

static void test_git_is_talkative(void **state)
{
    (void)state;
    struct got g = got_with_git(A_LINE "i=0; while [ \\$i -lt 3000 ]; do i=\\$((i+1)); "
                                       "echo 'warning: a line that is fifty characters long, or so' >&2; "
                                       "echo 1700000000 \\$sha; done");
    assert_int_equal(g.code, 0);
    assert_int_equal(g.history.count, 3001);
    assert_text_has(g.reports, "bakehour: git: warning: a line");
    assert_true(g.reports_len < 4096);
    got_release(&g);
}

static void test_no_git(void **state)
{
    (void)state;
    char *saved = mem_dup(getenv("PATH"));
    setenv("PATH", folder_path("plain"), 1);
    assert_got_refused(got_from(NULL, folder_path("line"), NULL, &history_everything), EXIT_FAILED,
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
    struct got g = got_with_git(A_LINE "sleep 0.2; echo 1700000001 \\$sha; exec >&- 2>&-; sleep 0.1");
    every = (struct itimerval){.it_value = {.tv_sec = 0}};
    setitimer(ITIMER_REAL, &every, NULL);
    sigaction(SIGALRM, &before, NULL);
    assert_got_arrivals(&g, (const int64_t[]){T0 + 1, T0 + 1}, 2);
    got_release(&g);
}

static void test_odd_parents(void **state)
{
    (void)state;
    static const int64_t whole[] = {T0, T0 + 100, T0 + 100, T0 + 300, T0 + 400};
    signal(SIGCHLD, SIG_IGN);
    assert_repo(folder_path("line"), "main", whole, 5, "(main)");
    signal(SIGCHLD, SIG_DFL);
    int saved[2] = {dup(STDIN_FILENO), dup(STDERR_FILENO)};
    close(STDIN_FILENO);
    close(STDERR_FILENO);
    struct got g = got_from(NULL, folder_path("line"), "main", &history_everything);
    dup2(saved[0], STDIN_FILENO);
    dup2(saved[1], STDERR_FILENO);
    close(saved[0]);
    close(saved[1]);
    assert_got_arrivals(&g, whole, 5);
    got_release(&g);
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
        struct got g = got_from(NULL, folder_path("line"), "main", &history_everything);
        got_release(&g);
        g = got_from(NULL, folder_path("line"), "nowhere", &history_everything);
        got_release(&g);
        g = got_from(NULL, folder_path("plain"), NULL, &history_everything);
        got_release(&g);
    }
    test_no_git(state);
    assert_int_equal(open_files(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_parents),          cmocka_unit_test(test_identical_times_and_windows),
        cmocka_unit_test(test_bare_and_shallow),       cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_no_such_branch),         cmocka_unit_test(test_no_commits_yet),
        cmocka_unit_test(test_no_repository),          cmocka_unit_test(test_environment_does_not_lead_astray),
        cmocka_unit_test(test_commits_in_the_future),  cmocka_unit_test(test_git_dies_half_way),
        cmocka_unit_test(test_git_is_talkative),       cmocka_unit_test(test_no_git),
        cmocka_unit_test(test_interrupted_calls),      cmocka_unit_test(test_odd_parents),
        cmocka_unit_test(test_nothing_is_left_behind),
    };
    return cmocka_run_group_tests_name("history_git", tests, folder_begin, folder_end);
}
