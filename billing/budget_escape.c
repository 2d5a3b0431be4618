#include "billing/budget_escape.h"

#include <string.h>

static void add_percent(struct str *to, char c)
{
    str_addf(to, "%%%02X", (unsigned)(unsigned char)c);
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void escape_github(struct str *to, const char *text, bool property)
{
    const char *special = property ? "%\r\n:," : "%\r\n";
    for (; *text; text++)
        if (strchr(special, *text))
            add_percent(to, *text);
        else
            str_add_char(to, *text);
}

/* U+FFFE and U+FFFF are no characters to XML. */
static bool xml_allows(const char *text, size_t len)
{
    if (len == 1)
        return (unsigned char)*text >= 0x20 || strchr("\t\n\r", *text);
    return len > 0 && memcmp(text, "\xEF\xBF\xBE", 3) != 0 && memcmp(text, "\xEF\xBF\xBF", 3) != 0;
}

void escape_xml(struct str *to, const char *text)
{
    while (*text) {
        size_t len = str_utf8_length(text);
        if (!xml_allows(text, len))
            str_add(to, STR_UTF8_REPLACEMENT);
        else if (strchr("&<>\"'\t\n\r", *text)) /* line breaks too: an attribute would turn them into spaces */
            str_addf(to, "&#%d;", *text);
        else
            str_add_n(to, text, len);
        text += len ? len : 1;
    }
}

void escape_markdown(struct str *to, const char *text)
{
    while (*text) {
        size_t len = str_utf8_length(text);
        if (!len)
            str_add(to, STR_UTF8_REPLACEMENT);
        else if (len > 1 || is_letter_or_digit(*text) || strchr(" -./", *text))
            str_add_n(to, text, len);
        else if ((unsigned char)*text < 0x20 || *text == 0x7F)
            str_add_char(to, ' ');
        else
            str_addf(to, "&#%d;", *text);
        text += len ? len : 1;
    }
}

void escape_sarif(struct str *to, const char *text)
{
    for (; *text; text++) {
        str_add_char(to, (unsigned char)*text < 0x20 || *text == 0x7F ? ' ' : *text);
        if (*text == '{' || *text == '}')
            str_add_char(to, *text);
        else if (*text == ']' && text[1] == '(') /* "[text](destination)" is a link */
            str_add_char(to, ' ');
    }
}

void escape_uri(struct str *to, const char *text)
{
    for (; *text; text++)
        if (is_letter_or_digit(*text) || strchr("-._~/", *text))
            str_add_char(to, *text);
        else
            add_percent(to, *text);
}
