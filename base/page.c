#include "base/page.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"

#define WIDTH_WITHOUT_TERMINAL 80

int page_width(const struct session *s)
{
    return s->width ? s->width : WIDTH_WITHOUT_TERMINAL;
}

static int columns(const char *text, int len)
{
    int n = 0;
    for (int i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80; /* continuation bytes of UTF-8 take none */
    return n;
}

/* What stands there is a unit and no more: behind a number it stays on the number's line. */
static bool is_unit(const char *word)
{
    static const char *const units[] = {"%", "s", "min", "h", "USD"};
    size_t len = strcspn(word, " \n,.;:)");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (len == strlen(units[i]) && memcmp(word, units[i], len) == 0)
            return true;
    return false;
}

/* Up to the next space at which a line may end: "9 %" and "54 s" stay together. */
static int word_length(const char *text)
{
    int len = 0;
    while (text[len] && text[len] != '\n' &&
           (text[len] != ' ' || (len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9' && is_unit(text + len + 1))))
        len++;
    return len;
}

void page_flow(FILE *out, const char *text, int at, int indent, int width)
{
    bool first = at <= indent; /* no word stands on this line yet */
    while (*text) {
        int len = word_length(text);
        int wide = columns(text, len);
        if (!first && at + 1 + wide > width) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        fprintf(out, "%s%.*s", first ? "" : " ", len, text);
        at += wide + !first;
        first = false;
        text += len;
        if (*text == '\n') {
            fprintf(out, text[1] == '\n' ? "\n\n%*s" : "\n%*s", indent, "");
            at = indent;
            first = true;
            text += text[1] == '\n';
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}

void page_say(const struct session *s, int indent, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    int lead = (int)strspn(text.text, " ");
    fprintf(s->out, "%*s", lead, "");
    page_flow(s->out, text.text + lead, lead, indent > lead ? indent : lead, page_width(s));
    str_release(&text);
}

void page_wrap(const struct session *s, const char *label, const char *text)
{
    int indent = columns(label, (int)strlen(label));
    fputs(label, s->out);
    page_flow(s->out, text, indent, indent, page_width(s));
}

void page_table(const struct session *s, const struct table *t)
{
    struct session page = *s;
    page.width = page_width(s);
    table_print(t, &page);
}
