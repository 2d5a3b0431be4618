#include "sim/report_page.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "billing/budget_escape.h"
#include "sim/chart_theme.h"

/* Light and dark by the reader's own choice; one column of at most 62 rem; tables scroll by themselves, their first
 * column stays. tests/cli/report.t computes the contrasts. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--page:#fff;--card:#f4f6f8;--line:#d0d7de;"
    "--link:#0550ae;--over:#b3261e;--warn:#8a5300;--ok:#0b6b3a}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--dim:#a3adb8;--page:#14181d;--card:#1e242b;"
    "--line:#3b444e;--link:#79b8ff;--over:#ff9a91;--warn:#ffc36b;--ok:#7fdca4}}\n"
    "@media print{:root{color-scheme:light;--ink:#000;--dim:#333;--page:#fff;--card:#fff;--line:#888;--link:#000;"
    "--over:#000;--warn:#000;--ok:#000}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}\n"
    "header,nav,main,footer{max-width:62rem;margin:0 auto;padding:0 1rem}\n"
    "h1{font-size:1.6rem;line-height:1.2;margin:1rem 0 .5rem}h2{font-size:1.2rem;margin:2.5rem 0 .5rem}\n"
    "p{max-width:46rem}a{color:var(--link)}a:focus-visible,.scroll:focus-visible{outline:3px solid var(--link);"
    "outline-offset:2px}\n"
    ".dim,caption,figcaption,footer{color:var(--dim)}\n"
    ".skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.5rem}\n"
    "nav ul{display:flex;flex-wrap:wrap;gap:0 .9rem;font-size:.95rem;margin:0;padding:0;list-style:none}nav "
    "a{display:block;"
    "padding:.4rem 0}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:1rem "
    "0;padding:0;list-style:none}\n"
    ".cards li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem}\n"
    ".cards b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.cards b:first-letter{text-transform:"
    "uppercase}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:0 2rem}\n"
    ".scroll{overflow-x:auto;margin:.75rem 0}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;padding:.25rem 0;max-width:calc(100vw - 2rem)}\n"
    "th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;"
    "white-space:nowrap}\n"
    "thead th{border-bottom-width:2px}.right{text-align:right}tbody th{font-weight:600;position:sticky;left:0;"
    "background:var(--page)}td.words{white-space:normal;min-width:14rem;overflow-wrap:anywhere}\n"
    "tr.over .state,tr.warn .state{font-weight:700}tr.over .state{color:var(--over)}tr.warn .state{color:var(--warn)}"
    "tr.ok .state{color:var(--ok)}\n"
    "figure{margin:1rem 0}figure img{display:block;width:100%;height:auto;background:var(--page);border:1px solid "
    "var(--line);border-radius:.5rem}\n"
    "figcaption{padding:.25rem 0}footer{margin-top:3rem;padding-bottom:2rem;font-size:.9rem}\n"
    "@media screen and (max-width:40rem){th,td{padding:.35rem .4rem}h2{margin-top:2rem}}\n"
    "@page{margin:1.5cm}\n"
    "@media print{body{font-size:9.5pt}nav,.skip{display:none}header,main,footer{max-width:none;padding:0}p{max-width:"
    "none}h2{break-after:avoid;margin-top:1.5rem}caption{break-after:avoid}tr,figure,.cards li{break-inside:avoid}"
    ".scroll{overflow:visible}figure img{max-height:10cm;object-fit:contain}thead{display:table-header-group}"
    "th,td{padding:.15rem .4rem}thead th,td{white-space:normal}tbody th{position:static}}\n";

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

void page_head(struct str *to, const char *title, const char *about, const char *const (*sections)[2])
{
    str_add(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
                "'unsafe-inline'\">\n<title>");
    page_text(to, title);
    str_addf(to,
             "</title>\n<style>\n%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the "
             "figures</a>\n<header>\n<h1>",
             style);
    page_text(to, title);
    str_add(to, "</h1>\n<p class=\"dim\">");
    page_text(to, about);
    str_add(to, "</p>\n</header>\n<nav aria-label=\"On this page\">\n<ul>\n");
    for (; (*sections)[0]; sections++) {
        str_addf(to, "<li><a href=\"#%s\">", (*sections)[0]);
        page_text(to, (*sections)[1]);
        str_add(to, "</a></li>\n");
    }
    str_add(to, "</ul>\n</nav>\n<main id=\"main\">\n");
}

void page_foot(struct str *to, const char *text)
{
    str_add(to, "</main>\n<footer>");
    page_text(to, text);
    str_add(to, "</footer>\n</body>\n</html>\n");
}

void page_section(struct str *to, const char *const section[2])
{
    str_addf(to, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">", section[0], section[0]);
    page_text(to, section[1]);
    str_add(to, "</h2>\n");
}

void page_section_end(struct str *to)
{
    str_add(to, "</section>\n");
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

void page_cell(struct str *to, enum page_cell kind, const char *fmt, ...)
{
    static const char *const begin[] = {"<th scope=\"row\">", "<td>", "<td class=\"right\">", "<td class=\"state\">",
                                        "<td class=\"words\">"};
    struct str text;
    va_list args;
    str_init(&text, 0);
    va_start(args, fmt);
    str_vaddf(&text, fmt, args);
    va_end(args);
    str_add(to, begin[kind]);
    page_text(to, text.text);
    str_add(to, kind == CELL_NAME ? "</th>" : "</td>");
    str_release(&text);
}

void page_table_end(struct str *to)
{
    str_add(to, "\n</tbody>\n</table>\n</div>\n");
}

static void add_source(struct str *to, const struct str *svg, const char *alt, const char *caption)
{
    struct str themed;
    str_init(&themed, 0);
    chart_theme(&themed, svg->text, caption, alt);
    size_t size = 4 * ((themed.len + 2) / 3) + 1;
    unsigned char *base64 = mem_alloc(size);
    EVP_EncodeBlock(base64, (const unsigned char *)themed.text, (int)themed.len);
    str_addf(to, "\"data:image/svg+xml;base64,%s\"", (const char *)base64);
    free(base64);
    str_release(&themed);
}

void page_figure(struct str *to, const struct page_picture *picture, const char *alt, const char *caption)
{
    if (!picture->wide.len) {
        str_add(to, "<p class=\"dim\">The picture is missing: gnuplot is not installed (Debian: apt-get install "
                    "gnuplot-nox).</p>\n");
        return;
    }
    str_add(to, "<figure>\n<picture>");
    if (picture->narrow.len) {
        str_add(to, "<source media=\"screen and (max-width:40rem)\" srcset=");
        add_source(to, &picture->narrow, alt, caption);
        str_add(to, ">");
    }
    str_add(to, "\n<img alt=\"");
    page_text(to, alt);
    str_add(to, "\" src=");
    add_source(to, &picture->wide, alt, caption);
    str_add(to, "></picture>\n<figcaption>");
    page_text(to, caption);
    str_add(to, "</figcaption>\n</figure>\n");
}

void page_picture_release(struct page_picture *picture)
{
    str_release(&picture->wide);
    str_release(&picture->narrow);
}
