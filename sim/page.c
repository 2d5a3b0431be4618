#include "sim/page.h"

#include <string.h>

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

/* Up to the next space at which a line may end: "9 %" stays together. */
static int word_length(const char *text)
{
    int len = 0;
    while (text[len] && (text[len] != ' ' || text[len + 1] == '%'))
        len++;
    return len;
}

void page_wrap(const struct session *s, const char *label, const char *text)
{
    int indent = columns(label, (int)strlen(label));
    int at = indent;
    bool first = true;
    fputs(label, s->out);
    while (*text) {
        int len = word_length(text);
        int wide = columns(text, len);
        if (!first && at + 1 + wide > page_width(s)) {
            fprintf(s->out, "\n%*s", indent, "");
            at = indent;
            first = true;
        }
        fprintf(s->out, "%s%.*s", first ? "" : " ", len, text);
        at += wide + !first;
        first = false;
        text += len + (text[len] == ' ');
    }
    fputc('\n', s->out);
}

void page_table(const struct session *s, const struct table *t)
{
    struct session page = *s;
    page.width = page_width(s);
    table_print(t, &page);
}
