#include "scheduler/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define STOP_MS   1000
#define ALL_KINDS ((1U << JOB_KINDS) - 1)

extern char **environ;

struct jobs_real {
    const struct config *config;
    struct job {
        pid_t pid; /* 0: none */
        enum job_state state;
        int status;
    } jobs[JOB_KINDS];
};

/* posix_spawn knows no working directory (before POSIX 2024): env -C of coreutils would be one more program to need,
 * so the shell changes there and becomes the command. */
static const char *const in_directory[] = {"/bin/sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh", NULL};

static char **put_together(const struct job_order *order)
{
    size_t count = 0;
    size_t at = 0;
    while (order->argv[count])
        count++;
    char **argv = mem_zero(count + 8, sizeof(*argv));
    if (order->directory) {
        for (size_t i = 0; in_directory[i]; i++)
            argv[at++] = mem_dup(in_directory[i]);
        argv[at++] = mem_dup(order->directory);
    }
    for (size_t i = 0; i < count; i++)
        argv[at++] = mem_dup(order->argv[i]);
    return argv;
}

static void free_list(char **argv)
{
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}

/* ---- what they see of the environment ---- */

static const char *const hidden[] = {"AWS_*", "ACTIONS_ID_TOKEN_REQUEST_*", "ACTIONS_RUNTIME_TOKEN",
                                     "BAKEHOUR_ID_TOKEN"};
static const char *const harmless[] = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"};
#define NO_METADATA "AWS_EC2_METADATA_DISABLED"

static bool is_named(const char *name, const char *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return false;
}

static bool is_a_sinks(const struct config *c, const char *name)
{
    for (size_t i = 0; c && i < c->sinks.count; i++)
        if (strcmp(c->sinks.items[i].url_env, name) == 0 || strcmp(c->sinks.items[i].token_env, name) == 0)
            return true;
    return false;
}

static bool is_kept(const struct config *c, const char *name)
{
    return c && is_named(name, c->build.keep_env.items, c->build.keep_env.count);
}

static bool is_seen(const struct config *c, const char *entry)
{
    char *name = mem_dup_n(entry, strcspn(entry, "="));
    bool secret = is_named(name, hidden, sizeof(hidden) / sizeof(*hidden)) || is_a_sinks(c, name);
    bool seen = !secret || is_kept(c, name) || is_named(name, harmless, sizeof(harmless) / sizeof(*harmless));
    free(name);
    return seen;
}

/* The caller frees the array; its texts are the environment's. */
static char **job_environment(const struct config *c)
{
    static char no_metadata[] = NO_METADATA "=true";
    size_t count = 0;
    size_t kept = 0;
    while (environ && environ[count])
        count++;
    char **list = mem_zero(count + 2, sizeof(*list));
    for (size_t i = 0; i < count; i++)
        if (is_seen(c, environ[i]))
            list[kept++] = environ[i];
    if (!is_kept(c, NO_METADATA))
        list[kept] = no_metadata;
    return list;
}

static int spawn(pid_t *pid, char **argv, const char *log, char **environment)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    failed = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (!failed)
        failed = posix_spawnattr_setpgroup(&attributes, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND,
                                                  0644);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    if (!failed)
        failed = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void real_stop(void *self, unsigned kinds);

static int real_start(void *self, const struct job_order *order, struct err *err)
{
    struct jobs_real *real = self;
    struct job *job = &real->jobs[order->kind];
    if (job->pid)
        real_stop(self, 1U << order->kind);
    char **argv = put_together(order);
    char **environment = job_environment(real->config);
    int failed = spawn(&job->pid, argv, order->log, environment);
    free(environment);
    free_list(argv);
    if (failed) {
        job->pid = 0;
        return err_set(err, EXIT_FAILED, "%s cannot be started: %s", order->argv[0], strerror(failed));
    }
    job->state = JOB_RUNNING;
    return 0;
}

static void settle(struct job *job, int status)
{
    job->pid = 0;
    job->status = status;
    job->state = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? JOB_PASSED : JOB_FAILED;
}

static enum job_state real_look(void *self, enum job_kind kind, int *status)
{
    struct jobs_real *real = self;
    struct job *job = &real->jobs[kind];
    int how = 0;
    if (job->pid) {
        pid_t got = waitpid(job->pid, &how, WNOHANG);
        if (got == job->pid)
            settle(job, how);
        else if (got < 0 && errno != EINTR)
            settle(job, 0x7F00);
    }
    *status = job->status;
    return job->state;
}

static bool is_over(struct job *job)
{
    int how = 0;
    if (job->pid && waitpid(job->pid, &how, WNOHANG) == 0)
        return false;
    if (job->pid)
        kill(-job->pid, SIGKILL); /* what it left behind */
    *job = (struct job){.pid = 0, .state = JOB_IDLE};
    return true;
}

static void real_stop(void *self, unsigned kinds)
{
    struct jobs_real *real = self;
    unsigned left = 0;
    for (int kind = 0; kind < JOB_KINDS; kind++)
        if ((kinds & (1U << kind)) && real->jobs[kind].pid) {
            kill(-real->jobs[kind].pid, SIGTERM);
            left |= 1U << kind;
        }
    for (int waited = 0; left && waited < STOP_MS; waited += 20) {
        for (int kind = 0; kind < JOB_KINDS; kind++)
            if ((left & (1U << kind)) && is_over(&real->jobs[kind]))
                left &= ~(1U << kind);
        if (left)
            poll(NULL, 0, 20);
    }
    for (int kind = 0; kind < JOB_KINDS; kind++)
        if (left & (1U << kind)) {
            kill(-real->jobs[kind].pid, SIGKILL);
            while (waitpid(real->jobs[kind].pid, NULL, 0) < 0 && errno == EINTR)
                continue;
            real->jobs[kind] = (struct job){.pid = 0, .state = JOB_IDLE};
        }
}

static int64_t real_due(void *self, enum job_kind kind)
{
    (void)self;
    (void)kind;
    return 0;
}

void jobs_open(struct jobs *jobs, struct jobs_real **self, const struct config *c)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL); /* else how a job ended would be lost */
    *self = mem_zero(1, sizeof(**self));
    (*self)->config = c;
    *jobs = (struct jobs){*self, real_start, real_look, real_stop, real_due};
}

void jobs_close(struct jobs_real *self)
{
    if (!self)
        return;
    real_stop(self, ALL_KINDS);
    free(self);
}

void job_status_text(int status, char to[32])
{
    if (WIFSIGNALED(status))
        str_fit(to, 32, "signal %d", WTERMSIG(status));
    else
        str_fit(to, 32, "exit status %d", WEXITSTATUS(status));
}
