/*
 * The reader for git repositories: `git rev-list --first-parent --timestamp`, newest first, reversed at the end.
 * git's own --since is not used: it stops at the first older commit, and clocks run backwards.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/progress.h"
#include "base/child.h"
#include "sim/history_private.h"

#define NAMES_MAX    ((size_t)1 << 20) /* bytes of branch names looked through for a hint */
#define NAMES_SHOWN  5
#define COMPARED_MAX 64

/* One line of rev-list: TIMESTAMP, a space, the commit's name in hex. */
void history_revs_line(void *context, const struct history_line *line)
{
    struct history_revs *revs = context;
    struct history_reading *r = &revs->reading;
    const char *space = line->nul ? NULL : memchr(line->head, ' ', line->head_len);
    size_t digits = space ? (size_t)(space - line->head) : 0;
    size_t sha_len = space ? line->length - digits - 1 : 0;
    if (digits == 0 || digits > HISTORY_FIELD_MAX || sha_len < 40 || line->length > HISTORY_HEAD_MAX) {
        revs->garbled = true;
        return;
    }
    int64_t t;
    char why[HISTORY_WHY_SIZE];
    if (history_time(line->head, digits, r->session->now_s, &t, why) == 0) {
        history_reading_take(r, t);
        return;
    }
    struct str where;
    str_init(&where, 0);
    str_addf(&where, "%s: commit %.*s", r->name, (int)sha_len, space + 1);
    diag_at(&r->diag, where.text, 0, 0, "%s", why);
    str_release(&where);
}

struct walk {
    struct history_revs revs;
    struct history_lines lines;
    struct progress progress;
};

static void walk_feed(void *context, const char *data, size_t len)
{
    struct walk *walk = context;
    history_lines_feed(&walk->lines, data, len);
    progress_at(&walk->progress, (int64_t)walk->revs.reading.count);
}

/* Runs one git to its end; true when it succeeded. Its output goes to out, its message too when that is not NULL. */
static bool ask_git(const char *const *argv, struct str *out, struct str *message)
{
    struct child child;
    child_init(&child, child_keep, out);
    struct err failure;
    if (child_start(&child, argv, &failure)) {
        child_release(&child);
        return false;
    }
    children_finish(&child, 1);
    bool succeeded = child_succeeded(&child);
    if (message)
        str_add_n(message, child.message.text, child.message.len);
    child_release(&child);
    return succeeded;
}

/* git's words for our message: without the last line break and control characters. */
static void tidy(struct str *message)
{
    while (message->len && message->text[message->len - 1] == '\n')
        message->text[--message->len] = '\0';
    for (size_t i = 0; i < message->len; i++)
        if ((unsigned char)message->text[i] < 0x20 && message->text[i] != '\n')
            message->text[i] = ' ';
}

/* Levenshtein's distance over the first characters. */
static size_t edits(const char *a, const char *b)
{
    size_t row[COMPARED_MAX + 1];
    size_t len_b = strnlen(b, COMPARED_MAX);
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 0; i < COMPARED_MAX && a[i]; i++) {
        size_t diagonal = row[0]++;
        for (size_t j = 0; j < len_b; j++) {
            size_t changed = diagonal + (a[i] != b[j]);
            size_t least = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
            diagonal = row[j + 1];
            row[j + 1] = changed < least ? changed : least;
        }
    }
    return row[len_b];
}

struct name {
    const char *text;
    size_t distance, order;
};

static int nearer(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* A remote's branch counts as near as its name without the remote. */
static size_t distance_to(const char *wanted, const char *name)
{
    const char *slash = strchr(name, '/');
    size_t whole = edits(wanted, name);
    size_t part = slash ? edits(wanted, slash + 1) : whole;
    return part < whole ? part : whole;
}

/* Cuts list into lines and sorts them; the caller frees the array. */
static struct name *sorted_names(char *list, const char *wanted, size_t *count)
{
    struct name *names = NULL;
    size_t cap = 0;
    *count = 0;
    for (char *rest = list, *line; (line = strtok_r(rest, "\n", &rest));) {
        size_t len = strlen(line);
        if (len > 5 && strcmp(line + len - 5, "/HEAD") == 0)
            continue;
        names = mem_grow(names, &cap, *count + 1, sizeof(*names));
        names[*count] = (struct name){.text = line, .distance = distance_to(wanted, line), .order = *count};
        ++*count;
    }
    if (*count)
        qsort(names, *count, sizeof(*names), nearer);
    return names;
}

/* The branches of the repository, nearest to wanted first: "main, dev and 3 more"; "" where there are none. */
static void list_branches(const char *dir, const char *wanted, struct str *to)
{
    const char *const argv[] = {"git",        "-C",           dir, "for-each-ref", "--format=%(refname:lstrip=2)",
                                "refs/heads", "refs/remotes", NULL};
    struct str list;
    str_init(&list, NAMES_MAX);
    size_t count = 0;
    if (ask_git(argv, &list, NULL) && list.len) {
        struct name *names = sorted_names(list.text, wanted, &count);
        for (size_t i = 0; i < count && i < NAMES_SHOWN; i++)
            str_addf(to, "%s%s", i ? ", " : "", names[i].text);
        if (count > NAMES_SHOWN)
            str_addf(to, " and %zu more", count - NAMES_SHOWN);
        free(names);
    }
    str_release(&list);
}

static int no_such_branch(const char *dir, const char *branch, struct err *err)
{
    struct str names;
    str_init(&names, 512);
    list_branches(dir, branch ? branch : "main", &names);
    int code;
    if (!names.len)
        code = err_at(err, EXIT_INPUT, dir, 0, 0, "the repository has no commits yet");
    else if (branch)
        code =
            err_at(err, EXIT_INPUT, dir, 0, 0, "no branch or other revision \"%s\"; there are: %s", branch, names.text);
    else
        code = err_at(err, EXIT_INPUT, dir, 0, 0, "the branch checked out has no commits yet; --branch takes: %s",
                      names.text);
    str_release(&names);
    return code;
}

/* rev-list exited with an error: finds out whether the folder, the branch or git is the reason. */
static int explain_exit(const char *dir, const char *branch, const struct child *walk, struct err *err)
{
    const char *const find[] = {"git", "-C", dir, "rev-parse", "--git-dir", NULL};
    const char *const verify[] = {
        "git", "-C", dir, "rev-parse", "--verify", "--quiet", "--end-of-options", branch ? branch : "HEAD", NULL};
    struct str output;
    struct str message;
    str_init(&output, CHILD_MESSAGE_MAX);
    str_init(&message, CHILD_MESSAGE_MAX);
    int code;
    if (!ask_git(find, &output, &message)) {
        tidy(&message);
        code = err_at(err, EXIT_INPUT, dir, 0, 0, "git cannot read it as a repository: %s", message.text);
    } else if (!ask_git(verify, &output, NULL)) {
        code = no_such_branch(dir, branch, err);
    } else {
        str_clear(&message);
        str_add_n(&message, walk->message.text, walk->message.len);
        tidy(&message);
        code = err_at(err, EXIT_FAILED, dir, 0, 0, "git rev-list failed with status %d: %s", WEXITSTATUS(walk->status),
                      message.text);
    }
    str_release(&output);
    str_release(&message);
    return code;
}

static int check_walk(const char *dir, const char *branch, const struct child *child, const struct walk *walk,
                      struct err *err)
{
    if (child->status != -1 && WIFSIGNALED(child->status))
        return err_at(err, EXIT_FAILED, dir, 0, 0, "git rev-list was ended by signal %d; the history is not whole",
                      WTERMSIG(child->status));
    if (child->status == -1)
        return err_at(err, EXIT_FAILED, dir, 0, 0, "how git rev-list ended is not known");
    if (!child_succeeded(child))
        return explain_exit(dir, branch, child, err);
    if (walk->revs.garbled)
        return err_at(err, EXIT_FAILED, dir, 0, 0, "git rev-list wrote something else than times and commits");
    return 0;
}

/* facts: what rev-parse wrote, "false\nmain\n". */
static void take_facts(struct history *h, const char *dir, const char *branch, struct str *facts)
{
    char *second = strchr(facts->text, '\n');
    if (second)
        *second++ = '\0';
    h->shallow = strcmp(facts->text, "true") == 0;
    const char *name = branch;
    if (!name) {
        name = second ? second : "HEAD";
        if (second)
            second[strcspn(second, "\n")] = '\0';
        if (strcmp(name, "HEAD") == 0)
            name = "detached HEAD";
    }
    struct str source;
    str_init(&source, 0);
    str_addf(&source, "%s (%s)", dir, name);
    h->source = str_detach(&source);
}

/* Both children run at the same time; the second costs no time of its own. */
static int run_walk(struct walk *walk, struct str *facts, const char *branch, struct err *err)
{
    const char *dir = walk->revs.reading.name;
    const struct session *session = walk->revs.reading.session;
    const char *const list[] = {
        "git", "-C", dir, "rev-list", "--first-parent", "--timestamp", "--end-of-options", branch ? branch : "HEAD",
        "--",  NULL};
    const char *const query[] = {"git",          "-C",   dir, "rev-parse", "--is-shallow-repository",
                                 "--abbrev-ref", "HEAD", NULL};
    struct child children[2];
    child_init(&children[0], walk_feed, walk);
    child_init(&children[1], child_keep, facts);
    int code = child_start(&children[0], list, err);
    if (!code)
        code = child_start(&children[1], query, err);
    progress_begin(&walk->progress, session, "reading commits", 0);
    children_finish(children, 2);
    progress_end(&walk->progress);
    history_lines_end(&walk->lines);
    if (!code)
        code = check_walk(dir, branch, &children[0], walk, err);
    if (!code && children[0].message.len) {
        tidy(&children[0].message);
        session_note(session, "git: %s", children[0].message.text);
    }
    child_release(&children[0]);
    child_release(&children[1]);
    return code;
}

int history_read_repo(struct history *out, const char *dir, const char *branch, const struct history_options *options,
                      const struct session *session, struct err *err)
{
    if (!dir || !*dir)
        return err_set(err, EXIT_INPUT, "the path of the repository is empty");
    struct walk walk = {.revs = {.garbled = false}};
    history_reading_begin(&walk.revs.reading, options, session);
    walk.revs.reading.name = dir;
    walk.revs.reading.unit = "commit";
    walk.revs.reading.newest_first = true;
    walk.lines = (struct history_lines){.line = history_revs_line, .context = &walk.revs};
    struct str facts;
    str_init(&facts, CHILD_MESSAGE_MAX);
    int code = run_walk(&walk, &facts, branch, err);
    if (!code)
        code = history_reading_finish(&walk.revs.reading, out, err);
    if (!code)
        take_facts(out, dir, branch, &facts);
    history_reading_release(&walk.revs.reading);
    str_release(&facts);
    return code;
}
