#include "sim/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

const char *gnuplot_extension(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && !strchr(dot, '/') ? dot + 1 : "";
}

int gnuplot_check(const char *option, const char *path, struct err *err)
{
    const char *ext = gnuplot_extension(path);
    if (strcmp(ext, "png") == 0 || strcmp(ext, "svg") == 0)
        return 0;
    return err_set(err, EXIT_INPUT, "%s: \"%.200s\" must end in .png or .svg", option, path);
}

void gnuplot_quoted(struct str *s, const char *text)
{
    str_add_char(s, '\'');
    for (; *text; text++) {
        /* A line break would end the text, and begin a command. */
        str_add_char(s, (unsigned char)*text < 0x20 || *text == 0x7F ? ' ' : *text);
        if (*text == '\'')
            str_add_char(s, '\'');
    }
    str_add_char(s, '\'');
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

static int no_gnuplot(const char *option, struct err *err, int error)
{
    if (error == ENOENT)
        return err_set(err, EXIT_FAILED,
                       "%s needs gnuplot, which is not installed (Debian: apt-get install gnuplot-nox)", option);
    return err_set(err, EXIT_FAILED, "gnuplot cannot be started: %s", strerror(error));
}

/* The environment with a locale whose letters are UTF-8: in "C" gnuplot warns of a degree sign that nobody draws. The
 * caller frees it. */
static char **utf8_environment(void)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    size_t count = 0;
    size_t kept = 0;
    while (environ[count])
        count++;
    char **copy = mem_zero(count + 2, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) != 0)
            copy[kept++] = environ[i];
    copy[kept] = locale;
    return copy;
}

static int spawn_gnuplot(int input, int output, pid_t *pid)
{
    char name[] = "gnuplot";
    char from_stdin[] = "-";
    char *const argv[] = {name, from_stdin, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    char **environment = utf8_environment();
    int error = posix_spawnp(pid, "gnuplot", &actions, NULL, argv, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int run_gnuplot(const char *option, const struct str *text, int output, struct err *err)
{
    int ends[2];
    if (pipe(ends))
        return err_set(err, EXIT_FAILED, "a pipe to gnuplot cannot be made: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t pid;
    int error = spawn_gnuplot(ends[0], output, &pid);
    close(ends[0]);
    if (error) {
        close(ends[1]);
        return no_gnuplot(option, err, error);
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    sigaction(SIGPIPE, &ignore, &before); /* gnuplot may end early; its exit status tells */
    int failed = write_all(ends[1], text->text, text->len);
    close(ends[1]);
    sigaction(SIGPIPE, &before, NULL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return no_gnuplot(option, err, ENOENT);
    if (failed || !WIFEXITED(status) || WEXITSTATUS(status))
        return err_set(err, EXIT_FAILED, "gnuplot failed; what it said stands above");
    return 0;
}

/* A picture that is empty, or that the disk had no room for, is none. */
static int check_drawn(int output, const char *path, struct err *err)
{
    struct stat stat;
    if (fstat(output, &stat) || stat.st_size == 0)
        return err_set(err, EXIT_FAILED, "gnuplot drew nothing; %s was not written", path);
    return 0;
}

static int draw(const char *option, const struct str *text, const char *part, const char *path, struct err *err)
{
    int output = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (output < 0)
        return err_set(err, EXIT_FAILED, "%s: %s cannot be written: %s", option, path, strerror(errno));
    int code = run_gnuplot(option, text, output, err);
    if (!code)
        code = check_drawn(output, path, err);
    if (close(output) && !code)
        code = err_set(err, EXIT_FAILED, "%s: %s cannot be written: %s", option, path, strerror(errno));
    if (!code && rename(part, path))
        code = err_set(err, EXIT_FAILED, "%s: %s cannot be written: %s", option, path, strerror(errno));
    if (code)
        unlink(part);
    return code;
}

int gnuplot_draw(const char *option, const struct str *script, const char *path, struct err *err)
{
    struct str part;
    str_init(&part, 4096);
    str_addf(&part, "%s.part", path);
    int code =
        part.full || script->full ? err_set(err, EXIT_INPUT, "%s: the name or the picture is too long", option) : 0;
    if (!code)
        code = draw(option, script, part.text, path, err);
    str_release(&part);
    return code;
}

int gnuplot_text(const struct str *script, struct str *out, struct err *err)
{
    FILE *file = tmpfile();
    if (!file)
        return err_set(err, EXIT_FAILED, "a temporary file cannot be made: %s", strerror(errno));
    int code = run_gnuplot("the picture", script, fileno(file), err);
    char block[4096];
    size_t n;
    rewind(file);
    while (!code && (n = fread(block, 1, sizeof(block), file)) > 0)
        str_add_n(out, block, n);
    if (!code && (ferror(file) || !out->len))
        code = err_set(err, EXIT_FAILED, "gnuplot drew nothing");
    fclose(file);
    return code;
}
