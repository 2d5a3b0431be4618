#include "base/err.h"

#include <stdarg.h>
#include <string.h>

static void mark_cut(struct err *err, int wanted)
{
    if (wanted >= (int)sizeof(err->text))
        memcpy(err->text + sizeof(err->text) - 4, "...", 4);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    mark_cut(err, vsnprintf(err->text, sizeof(err->text), fmt, args));
    va_end(args);
    err->code = code;
    return code;
}

static int position(char *to, size_t size, const char *file, size_t line, size_t column)
{
    if (line && column)
        return snprintf(to, size, "%s:%zu:%zu: ", file, line, column);
    if (line)
        return snprintf(to, size, "%s:%zu: ", file, line);
    return snprintf(to, size, "%s: ", file);
}

int err_at(struct err *err, int code, const char *file, size_t line, size_t column, const char *fmt, ...)
{
    int used = position(err->text, sizeof(err->text), file, line, column);
    if (used >= (int)sizeof(err->text))
        used = (int)sizeof(err->text) - 1;
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(err->text + used, sizeof(err->text) - (size_t)used, fmt, args);
    va_end(args);
    mark_cut(err, used + wanted);
    err->code = code;
    return code;
}

void diag_at(struct diag *diag, const char *file, size_t line, size_t column, const char *fmt, ...)
{
    diag->count++;
    if (!diag->out || (diag->most && diag->count > diag->most))
        return;
    char where[512];
    position(where, sizeof(where), file, line, column);
    va_list args;
    va_start(args, fmt);
    fputs(where, diag->out);
    vfprintf(diag->out, fmt, args);
    fputc('\n', diag->out);
    va_end(args);
}

void diag_close(const struct diag *diag)
{
    if (diag->out && diag->most && diag->count > diag->most)
        fprintf(diag->out, "... and %zu more\n", diag->count - diag->most);
}
