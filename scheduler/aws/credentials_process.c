/* credentials_process.c - credential_process: a program of the user's that prints credentials. No shell; at most a
 * minute; what it prints is wiped. */
#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "scheduler/aws/credentials.h"

#define LIMIT_MS 60000

/* One argument from *at on; false where a quote does not close. */
static bool take_argument(const char **at, struct str *out)
{
    char quote = '\0';
    for (; **at && (quote || !isspace((unsigned char)**at)); (*at)++) {
        char c = **at;
        if (quote && c == quote)
            quote = '\0';
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (c == '\\' && quote != '\'' && (*at)[1])
            str_add_char(out, *++*at);
        else
            str_add_char(out, c);
    }
    return !quote;
}

char **credentials_split_command(const char *command)
{
    char **list = mem_zero(1, sizeof *list);
    size_t count = 0;
    for (const char *at = command;;) {
        struct str argument;
        while (isspace((unsigned char)*at))
            at++;
        if (!*at)
            return list;
        str_init(&argument, 0);
        bool closed = take_argument(&at, &argument);
        list = mem_array(list, count + 2, sizeof *list);
        list[count++] = str_detach(&argument);
        list[count] = NULL;
        if (!closed) {
            for (size_t i = 0; i < count; i++)
                free(list[i]);
            free(list);
            return NULL;
        }
    }
}

/* Reads both pipes until they end; false when it took too long. */
static bool drain(struct child *child, struct str *out)
{
    int64_t begin = clock_monotonic_ns();
    struct pollfd pipes[2] = {{.fd = child->out, .events = POLLIN}, {.fd = child->err, .events = POLLIN}};
    char block[4096];
    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        int64_t left_ms = LIMIT_MS - (clock_monotonic_ns() - begin) / 1000000;
        if (left_ms <= 0)
            return false;
        if (poll(pipes, 2, (int)left_ms) <= 0)
            continue;
        for (int i = 0; i < 2; i++) {
            if (!pipes[i].revents)
                continue;
            ssize_t got = read(pipes[i].fd, block, sizeof block);
            if (got <= 0)
                pipes[i].fd = -1;
            else if (i == 0)
                str_add_n(out, block, (size_t)got);
        }
    }
    OPENSSL_cleanse(block, sizeof block);
    return true;
}

static int run(char *const *argv, struct credentials *out, struct err *err)
{
    struct child child;
    struct str printed;
    char what[160];
    str_fit(what, sizeof what, "credential_process %.100s", argv[0]);
    str_init(&printed, CREDENTIALS_MAX);
    child_init(&child, child_keep, &printed);
    int code = child_start(&child, (const char *const *)argv, err);
    if (!code) {
        bool in_time = drain(&child, &printed);
        if (!in_time)
            (void)kill(child.pid, SIGKILL);
        children_finish(&child, 1);
        if (!in_time)
            code = err_set(err, EXIT_FAILED, "%s: not done within %d s", what, LIMIT_MS / 1000);
        else if (!child_succeeded(&child))
            code = err_set(err, EXIT_FAILED, "%s: it failed (what it wrote may be secret and is not shown)", what);
        else if (printed.full)
            code = err_set(err, EXIT_FAILED, "%s: it prints more than %zu bytes", what, CREDENTIALS_MAX);
        else
            code = credentials_read_json(printed.text, printed.len, true, what, out, err);
    }
    child_release(&child);
    if (printed.text)
        OPENSSL_cleanse(printed.text, printed.cap);
    str_release(&printed);
    return code;
}

int source_process(const char *command, struct credentials *out, struct err *err)
{
    char **argv = credentials_split_command(command);
    if (!argv || !argv[0]) {
        free(argv);
        return err_set(err, EXIT_INPUT, "credential_process: quotes that do not close, or no command");
    }
    int code = run(argv, out, err);
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
    return code;
}
