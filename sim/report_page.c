#include "sim/report_page.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "billing/budget_escape.h"

/* Light and dark by the reader's own choice; one column of at most 62 rem; tables scroll by themselves. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--page:#fff;--card:#f4f6f8;--line:#d0d7de;"
    "--over:#b3261e;--warn:#8a5300;--ok:#0b6b3a}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--dim:#a3adb8;--page:#14181d;--card:#1e242b;--line:#3b444e;"
    "--over:#ff9a91;--warn:#ffc36b;--ok:#7fdca4}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\n"
    "main{max-width:62rem;margin:0 auto;padding:1rem}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}\n"
    ".dim{color:var(--dim)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;margin:1rem 0;padding:0;"
    "list-style:none}\n"
    ".cards li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem}\n"
    ".cards b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}\n"
    ".scroll{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--dim);padding:.25rem 0}\n"
    "th,td{padding:.35rem .6rem;border-bottom:1px solid "
    "var(--line);text-align:left;vertical-align:top;white-space:nowrap}\n"
    "thead th{border-bottom-width:2px}.right{text-align:right}tbody th{font-weight:600}\n"
    "tr.over td:last-child{color:var(--over);font-weight:700}tr.warn td:last-child{color:var(--warn);font-weight:700}\n"
    "tr.ok td:last-child{color:var(--ok)}\n"
    "figure{margin:1rem 0}figure img{display:block;width:100%;height:auto;background:#fff;border:1px solid var(--line);"
    "border-radius:.5rem}\n"
    "figcaption{color:var(--dim);padding:.25rem 0}\n"
    "@media print{:root{--ink:#000;--dim:#333;--page:#fff;--card:#fff;--line:#888;--over:#000;--warn:#000;--ok:#000}"
    "main{max-width:none;padding:0}h2{break-after:avoid}tr,figure,.cards "
    "li{break-inside:avoid}.scroll{overflow:visible}"
    "body{font-size:10pt}}\n";

void page_text(struct str *to, const char *text)
{
    escape_xml(to, text);
}

void page_textf(struct str *to, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    escape_xml(to, text.text);
    str_release(&text);
}

void page_head(struct str *to, const char *title)
{
    str_add(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
                "'unsafe-inline'\">\n<title>");
    page_text(to, title);
    str_addf(to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    page_text(to, title);
    str_add(to, "</h1>\n");
}

void page_foot(struct str *to)
{
    str_add(to, "</main>\n</body>\n</html>\n");
}

void page_table_begin(struct str *to, const char *caption, const char *headings)
{
    str_add(to, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    page_text(to, caption);
    str_add(to, "\">\n<table>\n<caption>");
    page_text(to, caption);
    str_add(to, "</caption>\n<thead><tr>");
    while (*headings) {
        size_t len = strcspn(headings, "|");
        bool right = *headings == '>';
        char *heading = mem_dup_n(headings + right, len - right);
        str_addf(to, "<th scope=\"col\"%s>", right ? " class=\"right\"" : "");
        page_text(to, heading);
        str_add(to, "</th>");
        free(heading);
        headings += len + (headings[len] == '|');
    }
    str_add(to, "</tr></thead>\n<tbody>");
}

void page_row(struct str *to, const char *state)
{
    if (*state)
        str_addf(to, "\n<tr class=\"%s\">", state);
    else
        str_add(to, "\n<tr>");
}

void page_cell(struct str *to, bool first, bool right, const char *fmt, ...)
{
    struct str text;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    str_addf(to, "<%s%s>", first ? "th scope=\"row\"" : "td", right ? " class=\"right\"" : "");
    page_text(to, text.text);
    str_addf(to, "</%s>", first ? "th" : "td");
    str_release(&text);
}

void page_table_end(struct str *to)
{
    str_add(to, "\n</tbody>\n</table>\n</div>\n");
}

void page_figure(struct str *to, const struct str *svg, const char *alt, const char *caption, const char *missing)
{
    if (!svg) {
        str_add(to, "<p class=\"dim\">");
        page_text(to, missing);
        str_add(to, "</p>\n");
        return;
    }
    size_t size = 4 * ((svg->len + 2) / 3) + 1;
    unsigned char *base64 = mem_alloc(size);
    EVP_EncodeBlock(base64, (const unsigned char *)svg->text, (int)svg->len);
    str_add(to, "<figure>\n<img alt=\"");
    page_text(to, alt);
    str_addf(to, "\" src=\"data:image/svg+xml;base64,%s\">\n<figcaption>", (const char *)base64);
    page_text(to, caption);
    str_add(to, "</figcaption>\n</figure>\n");
    free(base64);
}
