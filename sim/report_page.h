/* report_page.h - the pieces of HTML that the report is made of. Internal to sim/report*.c. */
#ifndef SIM_REPORT_PAGE_H
#define SIM_REPORT_PAGE_H

#include "base/err.h"
#include "base/str.h"

/* Up to and with <main>: the title, a line about it, and links to the sections {id, heading}, ended by {NULL, NULL}. */
void page_head(struct str *to, const char *title, const char *about, const char *const (*sections)[2]);
void page_foot(struct str *to, const char *text);
void page_section(struct str *to, const char *const section[2]);
void page_section_end(struct str *to);
void page_text(struct str *to, const char *text); /* escaped */
void page_textf(struct str *to, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A table: caption, headings separated by '|' (a leading '>' puts the column right), then rows of cells. */
void page_table_begin(struct str *to, const char *caption, const char *headings);
void page_row(struct str *to, const char *state); /* state "", "over", "warn", "ok": how CELL_STATE looks */
enum page_cell {
    CELL_NAME,  /* what the row is about: the first one */
    CELL_TEXT,  /* short, on one line */
    CELL_RIGHT, /* a number */
    CELL_STATE, /* a word that the row's state colours */
    CELL_WORDS, /* a sentence, wrapped */
};
void page_cell(struct str *to, enum page_cell kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
void page_table_end(struct str *to);

/* The same picture, as gnuplot wrote it, for a page of its own width and for a phone; empty: it is missing. */
struct page_picture {
    struct str wide, narrow;
};
/* alt is what it says; where it is missing a sentence stands in its place. */
void page_figure(struct str *to, const struct page_picture *picture, const char *alt, const char *caption);
void page_picture_release(struct page_picture *picture);

#endif
