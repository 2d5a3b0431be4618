#include "base/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_SIZE    (128u << 10)
#define CHILDREN_MAX 2

extern char **environ;

/* What `git rev-parse --local-env-vars` lists (git 2.39), without the two that carry `git -c` settings: those, such
 * as safe.directory, do not choose the repository, and git hands them on to other repositories too. */
static const char *const local_variables[] = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
    "GIT_FLUSH",
};

static bool left_out(const char *entry)
{
    size_t len = strcspn(entry, "=");
    for (size_t i = 0; i < sizeof(local_variables) / sizeof(*local_variables); i++)
        if (strlen(local_variables[i]) == len && memcmp(local_variables[i], entry, len) == 0)
            return true;
    return false;
}

/* The caller frees the array; its texts are the environment's. */
static char **child_environment(void)
{
    static char block_output[] = "GIT_FLUSH=0"; /* else git writes each line by itself into a pipe */
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **list = mem_zero(count + 2, sizeof(*list));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!left_out(environ[i]))
            list[kept++] = environ[i];
    list[kept] = block_output;
    return list;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Both ends are closed on exec and lie above the standard streams, so that dup2 in the child overwrites none. */
static int make_pipe(int ends[2])
{
    int low[2];
    if (pipe(low))
        return -1;
    for (int i = 0; i < 2; i++)
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 3);
    int saved_errno = errno;
    close(low[0]);
    close(low[1]);
    errno = saved_errno;
    if (ends[0] >= 0 && ends[1] >= 0)
        return 0;
    close_fd(&ends[0]);
    close_fd(&ends[1]);
    return -1;
}

static int spawn(pid_t *pid, const char *const *argv, int out, int err)
{
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    char **environment = child_environment();
    union {
        const char *const *given;
        char *const *taken; /* posix_spawnp does not write to it */
    } arguments = {.given = argv};
    if (!failed)
        failed = posix_spawnp(pid, argv[0], &actions, NULL, arguments.taken, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* A parent may have left SIGCHLD ignored; then how a child ended would be lost. */
static void expect_children(void)
{
    struct sigaction action;
    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        signal(SIGCHLD, SIG_DFL);
}

void child_init(struct child *child, child_sink *sink, void *context)
{
    *child = (struct child){.sink = sink, .context = context, .out = -1, .err = -1};
    str_init(&child->message, CHILD_MESSAGE_MAX);
}

/* One at a time: between pipe and close-on-exec another thread's child would inherit our ends, and keep them open. */
static int start(struct child *child, const char *const *argv, int out[2], int message[2])
{
    static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&starting);
    int failed = make_pipe(out) || make_pipe(message) ? errno : spawn(&child->pid, argv, out[1], message[1]);
    pthread_mutex_unlock(&starting);
    return failed;
}

int child_start(struct child *child, const char *const *argv, struct err *err)
{
    assert(child->sink && child->pid == 0);
    expect_children();
    int out[2] = {-1, -1};
    int message[2] = {-1, -1};
    int failed = start(child, argv, out, message);
    close_fd(&out[1]);
    close_fd(&message[1]);
    if (!failed) {
        child->out = out[0];
        child->err = message[0];
        return 0;
    }
    child->pid = 0;
    close_fd(&out[0]);
    close_fd(&message[0]);
    return err_set(err, EXIT_FAILED, "%s cannot be started: %s%s", argv[0], strerror(failed),
                   failed == ENOENT ? "; is it installed and on the PATH?" : "");
}

/* Reads once from a pipe that has something; closes it at its end. */
static void drain(int *fd, child_sink *sink, void *context, char *block)
{
    ssize_t got = read(*fd, block, READ_SIZE);
    if (got > 0)
        sink(context, block, (size_t)got);
    else if (got == 0 || errno != EINTR)
        close_fd(fd);
}

static void drain_all(struct child *children, size_t count, char *block)
{
    struct pollfd polled[2 * CHILDREN_MAX];
    for (;;) {
        bool open = false;
        for (size_t i = 0; i < count; i++) {
            const struct child *c = &children[i];
            polled[2 * i] = (struct pollfd){.fd = c->pid ? c->out : -1, .events = POLLIN};
            polled[2 * i + 1] = (struct pollfd){.fd = c->pid ? c->err : -1, .events = POLLIN};
            open = open || polled[2 * i].fd >= 0 || polled[2 * i + 1].fd >= 0;
        }
        if (!open)
            return;
        if (poll(polled, (nfds_t)(2 * count), -1) < 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (polled[2 * i].revents)
                drain(&children[i].out, children[i].sink, children[i].context, block);
            if (polled[2 * i + 1].revents)
                drain(&children[i].err, child_keep, &children[i].message, block);
        }
    }
}

void children_finish(struct child *children, size_t count)
{
    assert(count <= CHILDREN_MAX);
    char *block = mem_alloc(READ_SIZE);
    drain_all(children, count, block);
    free(block);
    for (size_t i = 0; i < count; i++) {
        if (!children[i].pid)
            continue;
        pid_t reaped;
        do
            reaped = waitpid(children[i].pid, &children[i].status, 0);
        while (reaped < 0 && errno == EINTR);
        if (reaped < 0)
            children[i].status = -1; /* someone else reaped it: how it ended is not known */
        children[i].pid = 0;
    }
}

void child_release(struct child *child)
{
    assert(child->pid == 0 && child->out < 0 && child->err < 0);
    str_release(&child->message);
}

bool child_succeeded(const struct child *child)
{
    return child->status != -1 && WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

void child_keep(void *context, const char *data, size_t len)
{
    str_add_n(context, data, len);
}
