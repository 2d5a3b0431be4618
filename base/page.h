/*
 * page.h - text for people that keeps to the width of the terminal, or to 80 columns where there is none (a pipe or a
 * file looks the same everywhere).
 *
 * Nothing here fails. A word that is wider than the page stands on a line of its own.
 */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include "base/out.h"
#include "base/session.h"

int page_width(const struct session *s);

/* Writes the words of a text to width columns, with a line break behind them: the first line starts at column `at`,
 * where the cursor is, the others at `indent`. Line breaks of the text are kept. */
void page_flow(FILE *out, const char *text, int at, int indent, int width);

/* A sentence or more, wrapped and ended by a line break; lines behind the first begin at column `indent`. */
void page_say(const struct session *s, int indent, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The label, then the words of the text, wrapped; lines behind the first begin below the text's first word. */
void page_wrap(const struct session *s, const char *label, const char *text);

/* As table_print; text gives up its optional columns where the page is too narrow. */
void page_table(const struct session *s, const struct table *t);

#endif
