/*
 * What the repository's commands are given, and how they end; and a process that shows its secrets to nobody: no core,
 * and no way in for another process of the same user.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "base/undumpable.h"
#include "scheduler/aws/aws.h"
#include "scheduler/jobs.h"

static char folder[64];

static struct config *with_build(const char *more)
{
    struct config *c = NULL;
    struct err err = {0};
    struct str text;
    str_init(&text, 0);
    str_addf(&text,
             "{\"project\": \"p\", \"build\": {\"build\": \"x\", \"artifact\": \"a\"%s}, \"image\": {\"base\": "
             "\"ami-1\", \"command_line\": \"x\"}, \"environments\": [{\"name\": \"e\", \"group\": \"g\"}], "
             "\"sinks\": [{\"kind\": \"slack\", \"url_env\": \"HOOK\"}, {\"kind\": \"newrelic\", \"token_env\": "
             "\"NR_KEY\"}]}",
             more);
    if (config_parse(&c, "t", text.text, text.len, stderr, &err))
        fail_msg("%s", err.text);
    str_release(&text);
    return c;
}

static enum job_state ended(struct jobs *jobs, enum job_kind kind)
{
    int status = 0;
    enum job_state state;
    while ((state = jobs->look(jobs->self, kind, &status)) == JOB_RUNNING)
        poll(NULL, 0, 10);
    return state;
}

static void run(struct jobs *jobs, enum job_kind kind, const char *command, const char *log)
{
    struct err err = {0};
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    const struct job_order order = {.kind = kind, .argv = argv, .directory = folder, .log = log};
    if (jobs->start(jobs->self, &order, &err))
        fail_msg("%s", err.text);
}

static char *log_path(char to[96], const char *name)
{
    str_fit(to, 96, "%s/%s", folder, name);
    return to;
}

static void read_log(const char *path, char *to, size_t size)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t got = fread(to, 1, size - 1, in);
    to[got] = '\0';
    fclose(in);
}

/* What `env` says in a job, with these settings. */
static void environment_of(const char *settings, char *to, size_t size)
{
    struct jobs jobs;
    struct jobs_real *real;
    char log[96];
    struct config *c = with_build(settings);
    jobs_open(&jobs, &real, c);
    run(&jobs, JOB_BUILD, "env", log_path(log, "env.log"));
    assert_int_equal(ended(&jobs, JOB_BUILD), JOB_PASSED);
    jobs_close(real);
    config_free(c);
    read_log(log, to, size);
}

static const char *const secrets[] = {"AWS_ACCESS_KEY_ID",
                                      "AWS_SECRET_ACCESS_KEY",
                                      "AWS_SESSION_TOKEN",
                                      "AWS_PROFILE",
                                      "AWS_ROLE_ARN",
                                      "AWS_WEB_IDENTITY_TOKEN_FILE",
                                      "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                      "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
                                      "ACTIONS_ID_TOKEN_REQUEST_URL",
                                      "BAKEHOUR_ID_TOKEN",
                                      "HOOK",
                                      "NR_KEY"};
#define SECRETS (sizeof(secrets) / sizeof(*secrets))

static void jobs_see_no_secrets(void **state)
{
    static char text[65536];
    (void)state;
    for (size_t i = 0; i < SECRETS; i++)
        setenv(secrets[i], "hush-hush", 1);
    setenv("AWS_REGION", "eu-west-1", 1);
    setenv("NPM_TOKEN", "the build's own", 1);
    environment_of("", text, sizeof(text));
    if (strstr(text, "hush-hush"))
        fail_msg("a job sees a secret:\n%s", text);
    assert_non_null(strstr(text, "AWS_REGION=eu-west-1\n"));
    assert_non_null(strstr(text, "NPM_TOKEN=the build's own\n"));
    assert_non_null(strstr(text, "PATH="));
    assert_non_null(strstr(text, "AWS_EC2_METADATA_DISABLED=true\n"));
    environment_of(", \"keep_env\": [\"AWS_SESSION_TOKEN\", \"HOOK\", \"AWS_CONTAINER_*\"]", text, sizeof(text));
    size_t seen = 0;
    for (const char *at = text; (at = strstr(at, "hush-hush")) != NULL; at++)
        seen++;
    assert_int_equal(seen, 4);
    assert_non_null(strstr(text, "HOOK=hush-hush\n"));
    environment_of(", \"keep_env\": [\"AWS_*\"]", text, sizeof(text));
    assert_non_null(strstr(text, "AWS_SECRET_ACCESS_KEY=hush-hush\n"));
    assert_null(strstr(text, "AWS_EC2_METADATA_DISABLED"));
    assert_null(strstr(text, "BAKEHOUR_ID_TOKEN"));
    for (size_t i = 0; i < SECRETS; i++)
        unsetenv(secrets[i]);
}

/* Two that do not hear SIGTERM and have children of their own: both end, with all that is theirs: whatever came of them
 * holds the pipe's other end, so it is at its end when nobody is left. */
static void stopped_together(void **state)
{
    static const char deaf[] = "trap '' TERM; sleep 300 & echo ready; wait; sleep 300";
    (void)state;
    struct jobs jobs;
    struct jobs_real *real;
    char logs[2][96];
    char text[64] = "";
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    jobs_open(&jobs, &real, NULL);
    for (int kind = JOB_TEST; kind <= JOB_BUILD; kind++) {
        run(&jobs, (enum job_kind)kind, deaf, log_path(logs[kind - JOB_TEST], kind == JOB_TEST ? "t.log" : "b.log"));
        do {
            poll(NULL, 0, 10);
            read_log(logs[kind - JOB_TEST], text, sizeof(text));
        } while (!strstr(text, "ready"));
    }
    close(fds[1]);
    jobs.stop(jobs.self, 1U << JOB_TEST | 1U << JOB_BUILD);
    struct pollfd over = {.fd = fds[0], .events = POLLIN};
    int status = 0;
    if (poll(&over, 1, 60000) != 1)
        fail_msg("a child of a job that was stopped still runs");
    assert_int_equal(read(fds[0], text, sizeof(text)), 0);
    close(fds[0]);
    assert_int_equal(jobs.look(jobs.self, JOB_TEST, &status), JOB_IDLE);
    assert_int_equal(jobs.look(jobs.self, JOB_BUILD, &status), JOB_IDLE);
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* nobody is left */
    run(&jobs, JOB_TEST, "exit 3", logs[0]);
    assert_int_equal(ended(&jobs, JOB_TEST), JOB_FAILED);
    jobs_close(real);
}

/* How a process ends that calls abort() where a core may be written. */
static int aborted(bool guarded)
{
    int how = 0;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
        (void)setrlimit(RLIMIT_CORE, &all);
        signal(SIGABRT, SIG_DFL);
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        if (guarded)
            undumpable();
        if (chdir(folder))
            _exit(1);
        abort();
    }
    assert_true(child > 0);
    while (waitpid(child, &how, 0) != child)
        continue;
    assert_true(WIFSIGNALED(how));
    return how;
}

static void no_core(void **state)
{
    (void)state;
    if (!WCOREDUMP(aborted(false))) {
        printf("# skipped: this machine writes no cores at all\n"); /* cmocka's skip() reads as a failure in TAP */
        return;
    }
    assert_false(WCOREDUMP(aborted(true)));
}

/* Whoever opens AWS holds keys. */
static void whoever_holds_keys(void **state)
{
    (void)state;
    int how = 0;
    pid_t child = fork();
    if (child == 0) {
        struct aws *aws = NULL;
        struct err err = {0};
        const struct aws_options options = {.region = "us-east-1"};
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        if (aws_open(&aws, &options, &err))
            _exit(2);
        _exit(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 1);
    }
    assert_true(child > 0);
    while (waitpid(child, &how, 0) != child)
        continue;
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static int make_folder(void **state)
{
    (void)state;
    str_fit(folder, sizeof(folder), "%s", "/tmp/jobs.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[96];
    struct jobs jobs;
    struct jobs_real *real;
    (void)state;
    str_fit(command, sizeof(command), "rm -rf -- %s", folder);
    jobs_open(&jobs, &real, NULL);
    struct err err = {0};
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    const struct job_order order = {.kind = JOB_TEST, .argv = argv, .log = "/dev/null"};
    if (jobs.start(jobs.self, &order, &err) == 0)
        (void)ended(&jobs, JOB_TEST);
    jobs_close(real);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_see_no_secrets),
        cmocka_unit_test(stopped_together),
        cmocka_unit_test(no_core),
        cmocka_unit_test(whoever_holds_keys),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
