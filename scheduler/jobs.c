#include "scheduler/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define STOP_MS 2000

extern char **environ;

struct jobs_real {
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

static int spawn(pid_t *pid, char **argv, const char *log)
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
        failed = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void real_stop(void *self, enum job_kind kind);

static int real_start(void *self, const struct job_order *order, struct err *err)
{
    struct jobs_real *real = self;
    struct job *job = &real->jobs[order->kind];
    if (job->pid)
        real_stop(self, order->kind);
    char **argv = put_together(order);
    int failed = spawn(&job->pid, argv, order->log);
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

static void real_stop(void *self, enum job_kind kind)
{
    struct jobs_real *real = self;
    struct job *job = &real->jobs[kind];
    int how = 0;
    if (!job->pid)
        return;
    kill(-job->pid, SIGTERM);
    for (int waited = 0; waited < STOP_MS && waitpid(job->pid, &how, WNOHANG) == 0; waited += 20)
        poll(NULL, 0, 20);
    kill(-job->pid, SIGKILL);
    waitpid(job->pid, &how, 0);
    job->pid = 0;
    job->state = JOB_IDLE;
}

static int64_t real_due(void *self, enum job_kind kind)
{
    (void)self;
    (void)kind;
    return 0;
}

void jobs_open(struct jobs *jobs, struct jobs_real **self)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL); /* else how a job ended would be lost */
    *self = mem_zero(1, sizeof(**self));
    *jobs = (struct jobs){*self, real_start, real_look, real_stop, real_due};
}

void jobs_close(struct jobs_real *self)
{
    if (!self)
        return;
    for (int kind = 0; kind < JOB_KINDS; kind++)
        real_stop(self, (enum job_kind)kind);
    free(self);
}

void job_status_text(int status, char to[32])
{
    if (WIFSIGNALED(status))
        str_fit(to, 32, "signal %d", WTERMSIG(status));
    else
        str_fit(to, 32, "exit status %d", WEXITSTATUS(status));
}
