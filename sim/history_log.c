/* The reader for log files: the first column of tab-separated lines, plain or gzip. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "sim/history_private.h"

#define BLOCK_SIZE (256u << 10)

static bool blank(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len && (text[i] == ' ' || text[i] == '\t'))
        i++;
    return i == len;
}

void history_log_line(void *context, const struct history_line *line)
{
    struct history_reading *r = context;
    const char *text = line->head;
    size_t len = line->head_len;
    bool whole = len == line->length;
    if (line->number == 1 && len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (whole && len && text[len - 1] == '\r')
        len--;
    if ((whole && blank(text, len)) || (len && text[0] == '#'))
        return;
    if (line->nul) {
        diag_at(&r->diag, r->name, line->number, line->nul, "a NUL byte in the line");
        return;
    }
    const char *tab = memchr(text, '\t', len);
    int64_t t;
    char why[HISTORY_WHY_SIZE];
    if (history_time(text, tab ? (size_t)(tab - text) : len, r->session->now_s, &t, why))
        diag_at(&r->diag, r->name, line->number, 1, "%s", why);
    else
        history_reading_take(r, t);
}

static int open_log(gzFile *out, const char *path, const char *name, struct err *err)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        int code = err_at(err, EXIT_INPUT, name, 0, 0, "cannot be opened: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return code;
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return err_at(err, EXIT_INPUT, name, 0, 0,
                      "is a folder, not a log file; --repo reads the history of a git repository");
    }
    *out = gzdopen(fd, "rb");
    if (!*out)
        mem_die(BLOCK_SIZE);
    (void)gzbuffer(*out, BLOCK_SIZE);
    return 0;
}

/* zlib's verdict when gzread has no more: a stream that was cut short shows only here. */
static int check_stream(gzFile file, const char *name, struct err *err)
{
    int saved_errno = errno;
    int verdict;
    (void)gzerror(file, &verdict);
    if (verdict == Z_OK || verdict == Z_STREAM_END)
        return 0;
    if (verdict == Z_BUF_ERROR)
        return err_at(err, EXIT_INPUT, name, 0, 0, "the gzip data stops before its end; the file is not whole");
    if (verdict == Z_MEM_ERROR)
        mem_die(BLOCK_SIZE);
    if (verdict == Z_ERRNO)
        return err_at(err, EXIT_INPUT, name, 0, 0, "cannot be read: %s", strerror(saved_errno));
    return err_at(err, EXIT_INPUT, name, 0, 0, "the gzip data is corrupt");
}

static int read_lines(gzFile file, struct history_reading *r, struct err *err)
{
    struct history_lines lines = {.line = history_log_line, .context = r};
    char *block = mem_alloc(BLOCK_SIZE);
    int got;
    while ((got = gzread(file, block, BLOCK_SIZE)) > 0)
        history_lines_feed(&lines, block, (size_t)got);
    int code = check_stream(file, r->name, err);
    if (!code)
        history_lines_end(&lines);
    free(block);
    return code;
}

int history_read_log(struct history *out, const char *path, const struct history_options *options,
                     const struct session *session, struct err *err)
{
    struct history_reading r;
    history_reading_begin(&r, options, session);
    r.name = strcmp(path, "-") == 0 ? "stdin" : path;
    gzFile file = NULL;
    int code = open_log(&file, path, r.name, err);
    if (code)
        return code;
    code = read_lines(file, &r, err);
    (void)gzclose_r(file);
    if (!code)
        code = history_reading_finish(&r, out, err);
    if (!code)
        out->source = mem_dup(r.name);
    history_reading_release(&r);
    return code;
}
