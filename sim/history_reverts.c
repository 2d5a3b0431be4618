#include "sim/history_reverts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/child.h"
#include "base/mem.h"
#include "base/num.h"
#include "sim/history_private.h"

#define LINE_MAX_SIZE 65536

struct counting {
    struct history_reverts *out;
    const struct history_options *options;
    bool has_column;
};

static void count(struct counting *c, int64_t t, bool revert)
{
    if (t < c->options->from || t >= c->options->to)
        return;
    c->out->commits++;
    c->out->reverts += revert;
}

static int nothing(const struct history_reverts *r, const char *name, struct err *err)
{
    return r->commits ? 0 : err_at(err, EXIT_INPUT, name, 0, 0, "--culprit fit: no commits are left to count");
}

static void log_row(struct counting *c, const char *line)
{
    const char *last = strrchr(line, '\t');
    size_t first = strcspn(line, "\t");
    int64_t t;
    if (line[0] == '#') {
        c->has_column |= last && strncmp(last + 1, "revert", 6) == 0;
        return;
    }
    if (!num_i64(line, first, &t))
        count(c, t, last && (strcmp(last + 1, "1") == 0 || strcmp(last + 1, "2") == 0));
}

int history_reverts_log(struct history_reverts *out, const char *path, const struct history_options *options,
                        struct err *err)
{
    *out = (struct history_reverts){0};
    if (strcmp(path, "-") == 0)
        return err_set(err, EXIT_INPUT, "--culprit fit reads the log a second time: name a file, not stdin");
    gzFile file = gzopen(path, "rb");
    if (!file)
        return err_at(err, EXIT_INPUT, path, 0, 0, "cannot be opened: %s", strerror(errno));
    struct counting c = {.out = out, .options = options};
    char *line = mem_alloc(LINE_MAX_SIZE);
    while (gzgets(file, line, LINE_MAX_SIZE)) {
        line[strcspn(line, "\r\n")] = '\0';
        log_row(&c, line);
    }
    free(line);
    (void)gzclose_r(file);
    if (!c.has_column)
        return err_at(err, EXIT_INPUT, path, 0, 0,
                      "--culprit fit needs a last column \"revert\" (0, 1 or 2), named in a # line; or use --repo");
    return nothing(out, path, err);
}

static bool is_revert(const char *subject)
{
    return strncmp(subject, "Revert", 6) == 0 || strncmp(subject, "revert", 6) == 0 ||
           (strncmp(subject, "Merge", 5) == 0 && (strstr(subject, "/revert-") || strstr(subject, "'revert-")));
}

static void git_line(void *context, const struct history_line *line)
{
    char text[HISTORY_HEAD_MAX + 1];
    memcpy(text, line->head, line->head_len);
    text[line->head_len] = '\0';
    size_t digits = strcspn(text, " ");
    int64_t t;
    if (!num_i64(text, digits, &t))
        count(context, t, text[digits] && is_revert(text + digits + 1));
}

static void feed_lines(void *context, const char *data, size_t len)
{
    history_lines_feed(context, data, len);
}

int history_reverts_repo(struct history_reverts *out, const char *dir, const char *branch,
                         const struct history_options *options, struct err *err)
{
    *out = (struct history_reverts){0};
    struct counting c = {.out = out, .options = options};
    struct history_lines lines = {.line = git_line, .context = &c};
    const char *const list[] = {
        "git", "-C", dir, "log", "--first-parent", "--format=%ct %s", "--end-of-options", branch ? branch : "HEAD",
        "--",  NULL};
    struct child child;
    child_init(&child, feed_lines, &lines);
    int code = child_start(&child, list, err);
    children_finish(&child, 1);
    history_lines_end(&lines);
    if (!code && !child_succeeded(&child))
        code = err_at(err, EXIT_FAILED, dir, 0, 0, "git log failed: %s", child.message.text);
    child_release(&child);
    return code ? code : nothing(out, dir, err);
}
