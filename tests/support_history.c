#include "tests/support_history.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/str.h"

extern char **environ;

char folder_name[] = "/tmp/bakehour-history-XXXXXX";
char log_path[256];

const struct history_options history_everything = {.from = INSTANT_MIN, .to = INSTANT_MAX};
const struct history_options history_skipping = {.skip_bad = true, .from = INSTANT_MIN, .to = INSTANT_MAX};

struct got got_from(const char *log, const char *repo, const char *branch, const struct history_options *options)
{
    struct got g = {.code = 0};
    struct session session = {.program = "bakehour", .now_s = NOW_S, .out = stdout};
    session.err = open_memstream(&g.reports, &g.reports_len);
    g.code = log ? history_read_log(&g.history, log, options, &session, &g.err)
                 : history_read_repo(&g.history, repo, branch, options, &session, &g.err);
    fclose(session.err);
    return g;
}

void got_release(struct got *g)
{
    if (!g->code)
        history_release(&g->history);
    free(g->reports);
}

void log_write(const void *bytes, size_t len)
{
    FILE *f = fopen(log_path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

struct got got_from_bytes(const void *bytes, size_t len, const struct history_options *options)
{
    log_write(bytes, len);
    return got_from(log_path, NULL, NULL, options);
}

struct got got_from_text(const char *text, const struct history_options *options)
{
    return got_from_bytes(text, strlen(text), options);
}

void assert_text_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not stand in: %s", part, text);
}

void assert_got_arrivals(const struct got *g, const int64_t *expected, size_t count)
{
    if (g->code)
        fail_msg("%s", g->err.text);
    assert_int_equal(g->history.count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(g->history.arrival_s[i], expected[i]);
}

void assert_got_refused(struct got g, int code, const char *text)
{
    assert_int_equal(g.code, code);
    assert_int_equal(g.err.code, code);
    assert_text_has(g.err.text, text);
    assert_true(g.history.count == 0 && !g.history.arrival_s && !g.history.source);
    got_release(&g);
}

void folder_shell(const char *script)
{
    struct str command;
    str_init(&command, 0);
    str_addf(&command, "set -e; cd %s; %s", folder_name, script);
    char name[] = "sh";
    char option[] = "-c";
    char *const argv[] = {name, option, command.text, NULL};
    pid_t pid;
    int status = -1;
    if (posix_spawnp(&pid, name, NULL, NULL, argv, environ))
        fail_msg("there is no sh");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status)
        fail_msg("this failed: %s", script);
    str_release(&command);
}

const char *folder_path(const char *name)
{
    static char texts[8][256];
    static size_t next;
    char *text = texts[next++ % 8];
    str_fit(text, sizeof(texts[0]), "%s/%s", folder_name, name);
    return text;
}

int folder_begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder_name));
    str_fit(log_path, sizeof(log_path), "%s/log.tsv", folder_name);
    setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    setenv("GIT_CONFIG_SYSTEM", "/dev/null", 1);
    setenv("GIT_AUTHOR_NAME", "A", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@example.invalid", 1);
    setenv("GIT_COMMITTER_NAME", "A", 1);
    setenv("GIT_COMMITTER_EMAIL", "a@example.invalid", 1);
    setenv("LC_ALL", "C", 1);
    /* import REPOSITORY BRANCH TIME...: a chain of commits with these times, oldest first. */
    folder_shell(
        "cat > import <<'END'\n"
        "#!/bin/sh\n"
        "repository=$1 branch=$2; shift 2\n"
        "[ -d \"$repository\" ] || git init -q -b main \"$repository\"\n"
        "for time; do printf 'commit refs/heads/%s\\ncommitter A <a@b> %s +0000\\ndata 1\\nx\\n' \"$branch\" $time\n"
        "done | git -C \"$repository\" fast-import --quiet --date-format=raw-permissive --force\n"
        "END\nchmod +x import");
    return 0;
}

int folder_end(void **state)
{
    (void)state;
    folder_shell("rm -rf \"$PWD\"");
    return 0;
}
