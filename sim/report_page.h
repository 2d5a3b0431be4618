/* report_page.h - the pieces of HTML that the report is made of. Internal to sim/report*.c. */
#ifndef SIM_REPORT_PAGE_H
#define SIM_REPORT_PAGE_H

#include "base/err.h"
#include "base/str.h"

void page_head(struct str *to, const char *title); /* up to and with <main> */
void page_foot(struct str *to);
void page_text(struct str *to, const char *text); /* escaped */
void page_textf(struct str *to, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A table: caption, headings separated by '|' (a leading '>' puts the column right), then rows of cells. */
void page_table_begin(struct str *to, const char *caption, const char *headings);
void page_row(struct str *to, const char *state); /* state "", "over", "warn", "ok" */
void page_cell(struct str *to, bool first, bool right, const char *fmt, ...) PRINTF_LIKE(4, 5);
void page_table_end(struct str *to);

/* A figure from the text of an SVG; alt is what it says. svg NULL: `missing` stands in its place. */
void page_figure(struct str *to, const struct str *svg, const char *alt, const char *caption, const char *missing);

#endif
