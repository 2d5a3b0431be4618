#include "base/session.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"

static int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    int64_t width;
    if (columns && num_i64(columns, strlen(columns), &width) == 0 && width >= 20 && width <= 1000)
        return (int)width;
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

void session_init(struct session *s)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = !term || strcmp(term, "dumb") == 0;
    bool terminal = isatty(STDOUT_FILENO);
    *s = (struct session){
        .out = stdout,
        .err = stderr,
        .program = "bakehour",
        .color = terminal && !dumb && !(no_color && *no_color),
        .live = isatty(STDERR_FILENO) && !dumb,
        .width = terminal ? terminal_width() : 0,
        .now_s = clock_now_s(),
    };
}

enum form session_form(const struct session *s)
{
    return s->json ? FORM_JSON : s->csv ? FORM_CSV : FORM_TEXT;
}

void session_note(const struct session *s, const char *fmt, ...)
{
    if (s->quiet)
        return;
    va_list args;
    va_start(args, fmt);
    fprintf(s->err, "%s: ", s->program);
    vfprintf(s->err, fmt, args);
    fputc('\n', s->err);
    va_end(args);
}

static const char *code(const struct session *s, const char *ansi)
{
    return s->color && !s->no_color ? ansi : "";
}

const char *session_bold(const struct session *s)
{
    return code(s, "\033[1m");
}

const char *session_dim(const struct session *s)
{
    return code(s, "\033[2m");
}

const char *session_plain(const struct session *s)
{
    return code(s, "\033[0m");
}

int session_finish(const struct session *s, int code)
{
    if (fflush(s->out) != 0 || ferror(s->out)) {
        fprintf(s->err, "%s: the output could not be written\n", s->program);
        return code ? code : EXIT_FAILED;
    }
    return code;
}
