#include "scheduler/git.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

#define GIT_OUTPUT_MAX ((size_t)4 << 20)

static int ask(const char *path, const char *const *argv, struct str *output, struct err *err)
{
    struct child child;
    child_init(&child, child_keep, output);
    int code = child_start(&child, argv, err);
    if (!code)
        children_finish(&child, 1);
    if (!code && !child_succeeded(&child)) {
        child.message.text[strcspn(child.message.text, "\n")] = '\0';
        code = err_at(err, EXIT_INPUT, path, 0, 0, "git %s: %s", argv[3],
                      child.message.len ? child.message.text : "no such revision");
    }
    child_release(&child);
    return code;
}

static bool is_id(const char *text)
{
    size_t len = strspn(text, "0123456789abcdef");
    return (len == 40 || len == 64) && !text[len];
}

int git_resolve(const char *path, const char *revision, char to[GIT_COMMIT_SIZE], struct err *err)
{
    struct str output;
    char wanted[256];
    if (strlen(revision) > 200)
        return err_set(err, EXIT_INPUT, "a revision of more than 200 characters is none");
    str_fit(wanted, sizeof(wanted), "%s^{commit}", revision);
    const char *const argv[] = {"git",  "-C", path, "rev-parse", "--verify", "--quiet", "--end-of-options",
                                wanted, NULL};
    str_init(&output, GIT_OUTPUT_MAX);
    int code = ask(path, argv, &output, err);
    if (code)
        err_at(err, EXIT_INPUT, path, 0, 0, "git knows no revision \"%s\" there", revision);
    output.text[strcspn(output.text, "\n")] = '\0';
    if (!code && !is_id(output.text))
        code = err_at(err, EXIT_FAILED, path, 0, 0, "git rev-parse gave no commit for \"%s\"", revision);
    if (!code)
        str_fit(to, GIT_COMMIT_SIZE, "%s", output.text);
    str_release(&output);
    return code;
}

int git_fetch(const char *path, const char *remote, const char *branch, struct err *err)
{
    struct str output;
    const char *const argv[] = {"git", "-C", path, "fetch", "--quiet", "--", remote, branch, NULL};
    str_init(&output, GIT_OUTPUT_MAX);
    int code = ask(path, argv, &output, err);
    str_release(&output);
    return code;
}

/* "ID SECONDS" a line, newest first. */
static int take_lines(char *text, struct commits *out, const char *path, struct err *err)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct git_commit c = {.arrived_s = 0};
        char *blank = strchr(line, ' ');
        if (blank)
            *blank++ = '\0';
        if (!blank || !is_id(line) || num_i64(blank, strlen(blank), &c.arrived_s))
            return err_at(err, EXIT_FAILED, path, 0, 0, "git log wrote something else than commits and times");
        str_fit(c.id, sizeof(c.id), "%s", line);
        out->items = mem_grow(out->items, &out->cap, out->count + 1, sizeof(*out->items));
        out->items[out->count++] = c;
    }
    return 0;
}

int git_pending(const char *path, const char *deployed, const char *head, size_t most, struct commits *out,
                struct err *err)
{
    struct str output;
    char range[160];
    char limit[40];
    str_fit(limit, sizeof(limit), "--max-count=%zu", *deployed ? most : 1);
    if (*deployed)
        str_fit(range, sizeof(range), "%.64s..%.64s", deployed, head);
    else
        str_fit(range, sizeof(range), "%.64s", head);
    const char *const argv[] = {"git", "-C",  path, "log", "--first-parent", "--format=%H %ct",
                                limit, range, "--", NULL};
    str_init(&output, GIT_OUTPUT_MAX);
    *out = (struct commits){0};
    int code = ask(path, argv, &output, err);
    if (!code)
        code = take_lines(output.text, out, path, err);
    str_release(&output);
    for (size_t i = 0; i < out->count / 2; i++) {
        struct git_commit swap = out->items[i];
        out->items[i] = out->items[out->count - 1 - i];
        out->items[out->count - 1 - i] = swap;
    }
    for (size_t i = 1; i < out->count; i++)
        if (out->items[i].arrived_s < out->items[i - 1].arrived_s)
            out->items[i].arrived_s = out->items[i - 1].arrived_s;
    if (code)
        commits_release(out);
    return code;
}

/* Seconds, a line each, newest first: the oldest first, and none before the one before it. */
static int take_times(const char *text, int64_t **at_s, size_t *count, const char *path, struct err *err)
{
    size_t cap = 0;
    while (*text) {
        size_t len = strcspn(text, "\n");
        int64_t t = 0;
        if (num_i64(text, len, &t))
            return err_at(err, EXIT_FAILED, path, 0, 0, "git log wrote something else than times");
        *at_s = mem_grow(*at_s, &cap, *count + 1, sizeof(**at_s));
        (*at_s)[(*count)++] = t;
        text += len + (text[len] == '\n');
    }
    for (size_t i = 0; i < *count / 2; i++) {
        int64_t swap = (*at_s)[i];
        (*at_s)[i] = (*at_s)[*count - 1 - i];
        (*at_s)[*count - 1 - i] = swap;
    }
    for (size_t i = 1; i < *count; i++)
        if ((*at_s)[i] < (*at_s)[i - 1])
            (*at_s)[i] = (*at_s)[i - 1];
    return 0;
}

int git_arrivals(const char *path, const char *head, size_t most, int64_t **at_s, size_t *count, struct err *err)
{
    struct str output;
    char limit[40];
    str_fit(limit, sizeof(limit), "--max-count=%zu", most);
    const char *const argv[] = {"git", "-C", path, "log", "--first-parent", "--format=%ct", limit, head, "--", NULL};
    str_init(&output, GIT_OUTPUT_MAX);
    *at_s = NULL;
    *count = 0;
    int code = ask(path, argv, &output, err);
    if (!code)
        code = take_times(output.text, at_s, count, path, err);
    str_release(&output);
    if (code) {
        free(*at_s);
        *at_s = NULL;
    }
    return code;
}

void commits_release(struct commits *c)
{
    free(c->items);
    *c = (struct commits){0};
}
