/*
 * page.h - text for people that keeps to the width of the terminal, or to 80 columns where there is none (a pipe or a
 * file looks the same everywhere).
 *
 * Nothing here allocates or fails. A word that is wider than the page stands on a line of its own.
 */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include "base/out.h"
#include "base/session.h"

int page_width(const struct session *s);

/* The label, then the words of the text, wrapped; lines behind the first begin below the text's first word. */
void page_wrap(const struct session *s, const char *label, const char *text);

/* As table_print; text gives up its optional columns where the page is too narrow. */
void page_table(const struct session *s, const struct table *t);

#endif
