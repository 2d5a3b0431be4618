#include "sim/chart_theme.h"

#include <string.h>

#include "billing/budget_escape.h"

#define COLOUR_SIZE 32

/* What they are on the page: tests/cli/report.t computes the contrasts. */
static const char style[] =
    "<style>:root{--page:#fff;--ink:#1b1f24;--axis:#57606a;--grid:#d8dee4;--blue:#0072b2;--red:#b8450a;--grey:#6e7781}"
    "\n"
    "@media (prefers-color-scheme:dark){:root{--page:#14181d;--ink:#e6e9ed;--axis:#a3adb8;--grid:#3b444e;"
    "--blue:#56b4e9;--red:#ff9a6b;--grey:#8b96a2}}\n"
    "@media print{:root{--page:#fff;--ink:#000;--axis:#333;--grid:#bbb;--blue:#0072b2;--red:#b8450a;--grey:#555}}"
    "</style>\n";

static const struct {
    const char *colour, *name;
} colours[] = {
    {"#ffffff", "--page"},       {"white", "--page"},
    {"black", "--ink"},          {"rgb(0,0,0)", "--ink"},
    {"rgb(68,68,68)", "--axis"}, {"rgb(221,221,221)", "--grid"},
    {"gray", "--grid"},          {"rgb(0,114,178)", "--blue"},
    {"rgb(213,94,0)", "--red"},  {"rgb(153,153,153)", "--grey"},
};

/* The variable of a colour as gnuplot writes it ("rgb(  0, 114, 178)", "#FFFFFF"), or NULL. */
static const char *variable_of(const char *value, size_t len)
{
    char plain[COLOUR_SIZE];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] == ' ')
            continue;
        if (n + 1 >= COLOUR_SIZE)
            return NULL;
        plain[n++] = (char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] + 32 : value[i]);
    }
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof(colours) / sizeof(*colours); i++)
        if (strcmp(plain, colours[i].colour) == 0)
            return colours[i].name;
    return NULL;
}

/* From a tag's '<' to its '>', values in quotes looked at; where it goes on. */
static const char *add_tag(struct str *to, const char *tag)
{
    while (*tag && *tag != '>') {
        const char *end = *tag == '"' || *tag == '\'' ? strchr(tag + 1, *tag) : NULL;
        const char *variable = end ? variable_of(tag + 1, (size_t)(end - tag - 1)) : NULL;
        if (variable)
            str_addf(to, "%cvar(%s)%c", *tag, variable, *tag);
        else
            str_add_n(to, tag, end ? (size_t)(end - tag + 1) : 1);
        tag = end ? end + 1 : tag + 1;
    }
    return tag;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Past the element's end tag. */
static const char *skip(const char *text, const char *end_tag)
{
    const char *end = strstr(text, end_tag);
    return end ? end + strlen(end_tag) : text + strlen(text);
}

static void add_words(struct str *to, const char *title, const char *text)
{
    str_add(to, "<title id=\"chart-title\">");
    escape_xml(to, title);
    str_add(to, "</title>\n<desc id=\"chart-text\">");
    escape_xml(to, text);
    str_addf(to, "</desc>\n%s", style);
}

void chart_theme(struct str *to, const char *svg, const char *title, const char *text)
{
    while (*svg) {
        if (begins(svg, "<svg")) {
            str_add(to, "<svg role=\"img\" aria-labelledby=\"chart-title chart-text\"");
            svg = add_tag(to, svg + 4);
        } else if (begins(svg, "<title>Gnuplot")) {
            svg = skip(svg, "</title>");
            add_words(to, title, text);
        } else if (begins(svg, "<desc>Produced by")) {
            svg = skip(svg, "</desc>");
        } else if (*svg == '<') {
            svg = add_tag(to, svg);
        } else {
            str_add_char(to, *svg++);
        }
    }
}
