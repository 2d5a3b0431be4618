#include "base/err.h"

#include <stdarg.h>
#include <string.h>

#define NAME_SHOWN 512 /* of a longer file name only the end is shown, so that the message itself always fits */

static bool inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static void mark_cut(char *text, size_t size, int wanted)
{
    if (wanted < (int)size)
        return;
    size_t at = size - 4;
    while (at > 0 && inside_character(text[at]))
        at--;
    memcpy(text + at, "...", 4);
}

/* Messages quote input, and input may hold escape sequences: they never reach the terminal. */
static void scrub(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 ? *text != '\n' && *text != '\t' : *text == 0x7F)
            *text = '?';
}

static int position(char *to, size_t size, const char *file, size_t line, size_t column)
{
    size_t len = strlen(file);
    const char *dots = len > NAME_SHOWN ? "..." : "";
    if (len > NAME_SHOWN)
        file += len - NAME_SHOWN;
    while (*dots && inside_character(*file))
        file++;
    if (line && column)
        return snprintf(to, size, "%s%s:%zu:%zu: ", dots, file, line, column);
    if (line)
        return snprintf(to, size, "%s%s:%zu: ", dots, file, line);
    return snprintf(to, size, "%s%s: ", dots, file);
}

/* Goes through a buffer of its own, so that a message may quote the one it replaces. */
static void write_message(struct err *err, int code, const char *where, const char *fmt, va_list args)
{
    char text[sizeof(err->text)];
    int used = snprintf(text, sizeof(text), "%s", where);
    int wanted = vsnprintf(text + used, sizeof(text) - (size_t)used, fmt, args);
    mark_cut(text, sizeof(text), used + wanted);
    scrub(text);
    memcpy(err->text, text, strlen(text) + 1);
    err->code = code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    write_message(err, code, "", fmt, args);
    va_end(args);
    return code;
}

int err_at(struct err *err, int code, const char *file, size_t line, size_t column, const char *fmt, ...)
{
    char where[NAME_SHOWN + 64];
    position(where, sizeof(where), file, line, column);
    va_list args;
    va_start(args, fmt);
    write_message(err, code, where, fmt, args);
    va_end(args);
    return code;
}

void diag_at(struct diag *diag, const char *file, size_t line, size_t column, const char *fmt, ...)
{
    diag->count++;
    if (!diag->out || (diag->most && diag->count > diag->most))
        return;
    char where[NAME_SHOWN + 64];
    position(where, sizeof(where), file, line, column);
    struct err err;
    va_list args;
    va_start(args, fmt);
    write_message(&err, EXIT_INPUT, where, fmt, args);
    va_end(args);
    for (char *at = err.text; (at = strchr(at, '\n')); at++)
        *at = ' ';
    fprintf(diag->out, "%s\n", err.text);
}

void diag_close(const struct diag *diag)
{
    if (diag->out && diag->most && diag->count > diag->most)
        fprintf(diag->out, "... and %zu more\n", diag->count - diag->most);
}
