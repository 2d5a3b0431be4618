#include "base/str.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char empty_text[1] = "";

void str_init(struct str *s, size_t max)
{
    *s = (struct str){.text = empty_text, .max = max ? max : STR_MAX};
}

void str_release(struct str *s)
{
    if (s->cap)
        free(s->text);
    str_init(s, s->max);
}

void str_clear(struct str *s)
{
    s->len = 0;
    s->full = false;
    if (s->cap)
        s->text[0] = '\0';
}

char *str_detach(struct str *s)
{
    char *text = s->cap ? s->text : mem_dup("");
    str_init(s, s->max);
    return text;
}

static void reserve(struct str *s, size_t more)
{
    size_t need = s->len + more + 1;
    if (need <= s->cap)
        return;
    s->text = mem_grow(s->cap ? s->text : NULL, &s->cap, need, 1);
}

void str_add_n(struct str *s, const char *text, size_t len)
{
    size_t room = s->max - s->len;
    if (len > room) {
        len = room;
        s->full = true;
    }
    if (!len)
        return;
    reserve(s, len);
    memcpy(s->text + s->len, text, len);
    s->len += len;
    s->text[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_n(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_n(s, &c, 1);
}

void str_vaddf(struct str *s, const char *fmt, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int wanted = vsnprintf(small, sizeof(small), fmt, args);
    assert(wanted >= 0);
    if ((size_t)wanted < sizeof(small)) {
        str_add_n(s, small, (size_t)wanted);
    } else {
        char *big = mem_alloc((size_t)wanted + 1);
        vsnprintf(big, (size_t)wanted + 1, fmt, again);
        str_add_n(s, big, (size_t)wanted);
        free(big);
    }
    va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    str_vaddf(s, fmt, args);
    va_end(args);
}

void str_fit(char *to, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(to, size, fmt, args);
    va_end(args);
    assert(wanted >= 0 && (size_t)wanted < size);
}

size_t str_utf8_length(const char *characters)
{
    const unsigned char *text = (const unsigned char *)characters;
    unsigned char c = text[0];
    size_t len = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool wrong = (c == 0xE0 && text[1] < 0xA0) || (c == 0xED && text[1] > 0x9F) || (c == 0xF0 && text[1] < 0x90) ||
                 (c == 0xF4 && text[1] > 0x8F);
    return wrong ? 0 : len;
}
