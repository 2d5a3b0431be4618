#include "sim/twin/apps.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

extern char **environ;

#define WORDS_MAX   256
#define FILE_BYTES  ((rlim_t)64 << 20)
#define CPU_SECONDS 3600
#define OPEN_FILES  4096
#define KNOCK_EVERY (INT64_C(50) * 1000000)
#define DEPTH_MAX   16
#define LOG_NAME    "output.log"

struct app {
    struct guest *guest;
    pid_t pid; /* 0: it could not be started */
    bool up;
    char address[INET_ADDRSTRLEN];
    char *folder;
    int knock; /* a connection that is being tried; -1: none */
    int64_t next_knock_ns;
};

struct apps {
    char *command, *root;
    uint16_t port;
    struct app *apps;
    size_t count, cap;
};

/* ---- words ---- */

struct words {
    char *word[WORDS_MAX + 1]; /* ended by NULL */
    size_t count;
};

static void words_release(struct words *w)
{
    for (size_t i = 0; i < w->count; i++)
        free(w->word[i]);
}

/* Appends the words of a line. False: too many. */
static bool add_words(struct words *w, const char *line)
{
    struct str word;
    str_init(&word, 0);
    bool fits = true;
    for (line += strspn(line, " \t\n"); *line && fits; line += strspn(line, " \t\n")) {
        char quote = '\0';
        str_clear(&word);
        for (; *line && (quote || !strchr(" \t\n", *line)); line++) {
            if (quote ? *line == quote : *line == '"' || *line == '\'')
                quote = quote ? '\0' : *line;
            else
                str_add_char(&word, *line);
        }
        fits = w->count < WORDS_MAX;
        if (fits)
            w->word[w->count++] = mem_dup(word.text);
    }
    str_release(&word);
    return fits;
}

/* The word with each {name} replaced. */
static char *filled(const char *word, const char *const names[][2])
{
    struct str out;
    str_init(&out, 0);
    while (*word) {
        size_t i = 0;
        while (names[i][0] && strncmp(word, names[i][0], strlen(names[i][0])) != 0)
            i++;
        if (names[i][0]) {
            str_add(&out, names[i][1]);
            word += strlen(names[i][0]);
        } else {
            str_add_char(&out, *word++);
        }
    }
    return str_detach(&out);
}

static bool command_words(struct words *out, const char *command, const char *const names[][2], const char *args)
{
    struct words plain = {.count = 0};
    bool fits = add_words(&plain, command);
    out->count = 0;
    for (size_t i = 0; i < plain.count && fits; i++) {
        if (strcmp(plain.word[i], "{args}") == 0)
            fits = add_words(out, args);
        else if ((fits = out->count < WORDS_MAX))
            out->word[out->count++] = filled(plain.word[i], names);
    }
    out->word[out->count] = NULL;
    words_release(&plain);
    return fits && out->count > 0;
}

/* ---- processes ---- */

int apps_new(struct apps **out, const char *command, uint16_t port, struct err *err)
{
    struct words words = {.count = 0};
    bool fits = add_words(&words, command);
    bool names_it = strstr(command, "{artifact}") != NULL;
    size_t count = words.count;
    words_release(&words);
    if (!fits || count == 0 || !names_it)
        return err_set(err, EXIT_INPUT,
                       "--run-app: a command with {artifact} in it is wanted: 'java -jar {artifact} {args}'");
    const char *folder = getenv("TMPDIR");
    struct str root;
    str_init(&root, 4096);
    str_addf(&root, "%s/bakehour-twin.XXXXXX", folder && *folder ? folder : "/tmp");
    char *made = mkdtemp(root.text);
    if (!made) {
        int code = err_set(err, EXIT_FAILED, "%s: %s", root.text, strerror(errno));
        str_release(&root);
        return code;
    }
    struct apps *apps = mem_zero(1, sizeof *apps);
    apps->command = mem_dup(command);
    apps->root = str_detach(&root);
    apps->port = port;
    *out = apps;
    return 0;
}

static void limit(int what, rlim_t most)
{
    struct rlimit limits;
    if (getrlimit(what, &limits) == 0 && limits.rlim_max < most)
        most = limits.rlim_max;
    limits.rlim_cur = limits.rlim_max = most;
    (void)setrlimit(what, &limits);
}

static void close_from(int first)
{
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = first; fd < (most > 0 && most < 65536 ? most : 65536); fd++)
        close(fd);
}

/* Credentials and what CI systems hand out are the twin's user's, not the application's. */
static void forget_secrets(void)
{
    static const char *const prefixes[] = {"AWS_", "ACTIONS_", "GITHUB_", "CI_JOB_"};
    for (size_t i = 0; environ[i];) {
        char *equals = strchr(environ[i], '=');
        bool secret = false;
        for (size_t p = 0; p < sizeof prefixes / sizeof *prefixes; p++)
            secret |= strncmp(environ[i], prefixes[p], strlen(prefixes[p])) == 0;
        if (!secret || !equals) {
            i++;
            continue;
        }
        char *name = mem_dup_n(environ[i], (size_t)(equals - environ[i]));
        (void)unsetenv(name);
        free(name);
    }
}

/* In the child; does not return. */
static _Noreturn void become(const struct words *words, const char *folder, pid_t twin)
{
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != twin)
        _exit(127); /* the twin has died in between */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, FILE_BYTES);
    limit(RLIMIT_CPU, CPU_SECONDS);
    limit(RLIMIT_NOFILE, OPEN_FILES);
    int in = open("/dev/null", O_RDONLY);
    if (chdir(folder) != 0 || in < 0)
        _exit(127);
    int log = open(LOG_NAME, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
        _exit(127);
    close_from(3);
    forget_secrets();
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(words->word[0], words->word);
    _exit(127);
}

static bool write_artifact(const char *path, const struct guest_program *program)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0)
        return false;
    size_t at = 0;
    while (at < program->len) {
        ssize_t put = write(fd, program->bytes + at, program->len - at);
        if (put < 0 && errno != EINTR)
            break;
        at += put > 0 ? (size_t)put : 0;
    }
    return close(fd) == 0 && at == program->len;
}

static void start_process(struct apps *apps, struct app *app, const char *instance, const struct guest_program *program)
{
    const char *slash = strrchr(program->path, '/');
    struct str artifact;
    str_init(&artifact, 4096);
    str_addf(&artifact, "%s/%s", app->folder, slash ? slash + 1 : program->path);
    char port[8];
    str_fit(port, sizeof port, "%u", apps->port);
    const char *const names[][2] = {{"{artifact}", artifact.text},
                                    {"{address}", app->address},
                                    {"{port}", port},
                                    {"{args}", program->args},
                                    {NULL, NULL}};
    struct words words;
    bool ready = command_words(&words, apps->command, names, program->args) && write_artifact(artifact.text, program) &&
                 !artifact.full;
    if (ready) {
        pid_t twin = getpid();
        (void)setenv("BAKEHOUR_ADDRESS", app->address, 1);
        (void)setenv("BAKEHOUR_PORT", port, 1);
        (void)setenv("BAKEHOUR_INSTANCE", instance, 1);
        (void)setenv("BAKEHOUR_ARTIFACT", artifact.text, 1);
        pid_t pid = fork();
        if (pid == 0)
            become(&words, app->folder, twin);
        app->pid = pid > 0 ? pid : 0;
        if (pid > 0)
            (void)setpgid(pid, pid);
    }
    words_release(&words);
    str_release(&artifact);
}

/* The folder and what is in it; links are not followed. */
static void remove_tree(const char *path, int depth)
{
    DIR *folder = depth < DEPTH_MAX ? opendir(path) : NULL;
    /* cppcheck-suppress readdirCalled ; one thread */
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct str inner;
        struct stat status;
        str_init(&inner, 8192);
        str_addf(&inner, "%s/%s", path, entry->d_name);
        if (lstat(inner.text, &status) == 0 && S_ISDIR(status.st_mode))
            remove_tree(inner.text, depth + 1);
        else
            (void)unlink(inner.text);
        str_release(&inner);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

static void end_process(struct app *app)
{
    if (app->pid) {
        (void)kill(-app->pid, SIGKILL);
        while (waitpid(app->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (app->knock >= 0)
        close(app->knock);
}

static void start(struct apps *apps, const char *instance, const char *address, struct guest *guest)
{
    struct guest_program program;
    if (!guest_program(guest, &program))
        return;
    bool room = apps->count < APPS_MAX;
    apps->apps = mem_grow(apps->apps, &apps->cap, apps->count + 1, sizeof *apps->apps);
    struct app *app = &apps->apps[apps->count++];
    *app = (struct app){.guest = guest, .knock = -1};
    str_fit(app->address, sizeof app->address, "%s", address);
    struct str folder;
    str_init(&folder, 4096);
    str_addf(&folder, "%s/%s", apps->root, instance);
    app->folder = str_detach(&folder);
    if (room && (mkdir(app->folder, 0700) == 0 || errno == EEXIST))
        start_process(apps, app, instance, &program);
}

static void drop(struct apps *apps, size_t i)
{
    struct app *app = &apps->apps[i];
    end_process(app);
    remove_tree(app->folder, 0);
    free(app->folder);
    *app = apps->apps[--apps->count];
}

static size_t find(const struct apps *apps, const struct guest *guest)
{
    size_t i = 0;
    while (i < apps->count && apps->apps[i].guest != guest)
        i++;
    return i;
}

void apps_free(struct apps *apps)
{
    if (!apps)
        return;
    while (apps->count)
        drop(apps, apps->count - 1);
    remove_tree(apps->root, 0);
    free(apps->apps);
    free(apps->command);
    free(apps->root);
    free(apps);
}

void apps_update(struct apps *apps, const char *instance, const char *address, struct guest *guest)
{
    size_t i = find(apps, guest);
    bool wanted = guest_phase(guest) == GUEST_UP &&
                  (guest_app(guest) == GUEST_APP_STARTING || guest_app(guest) == GUEST_APP_RUNNING);
    if (!wanted && i < apps->count)
        drop(apps, i);
    else if (wanted && i == apps->count)
        start(apps, instance, address, guest);
}

void apps_forget(struct apps *apps, struct guest *guest)
{
    size_t i = find(apps, guest);
    if (i < apps->count)
        drop(apps, i);
}

/* Does something take connections there? Asked without waiting: a try stays open until it is answered. */
static bool knock(const struct apps *apps, struct app *app)
{
    int64_t now_ns = clock_monotonic_ns();
    if (app->knock < 0) {
        if (now_ns < app->next_knock_ns)
            return false;
        app->next_knock_ns = now_ns + KNOCK_EVERY;
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(apps->port)};
        (void)inet_pton(AF_INET, app->address, &to.sin_addr);
        app->knock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (app->knock >= 0 && connect(app->knock, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
            close(app->knock);
            app->knock = -1;
        }
    }
    struct pollfd door = {.fd = app->knock, .events = POLLOUT};
    if (app->knock < 0 || poll(&door, 1, 0) == 0)
        return false;
    int problem = 0;
    socklen_t size = sizeof problem;
    (void)getsockopt(app->knock, SOL_SOCKET, SO_ERROR, &problem, &size);
    close(app->knock);
    app->knock = -1;
    return problem == 0;
}

void apps_run(struct apps *apps, int64_t now_ms)
{
    for (size_t i = apps->count; i-- > 0;) {
        struct app *app = &apps->apps[i];
        bool gone = app->pid == 0 || waitpid(app->pid, NULL, WNOHANG) == app->pid;
        struct guest *guest = app->guest;
        if (gone) {
            if (app->pid)
                (void)kill(-app->pid, SIGKILL); /* what it has started itself */
            app->pid = 0;
            drop(apps, i);
            guest_app_is(guest, GUEST_APP_FAILED, now_ms);
        } else if (!app->up && knock(apps, app)) {
            app->up = true;
            guest_app_is(guest, GUEST_APP_RUNNING, now_ms);
        }
    }
}

size_t apps_starting(const struct apps *apps)
{
    size_t starting = 0;
    for (size_t i = 0; i < apps->count; i++)
        starting += !apps->apps[i].up;
    return starting;
}

size_t apps_count(const struct apps *apps)
{
    return apps->count;
}
