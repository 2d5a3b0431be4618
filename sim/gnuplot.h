/*
 * gnuplot.h - scripts handed to gnuplot's command line.
 *
 * Errors: a file name that ends in neither .png nor .svg is EXIT_INPUT; gnuplot missing or failing is EXIT_FAILED with
 * a message that says what to install. A picture is written beside its place and moved there when it is whole.
 */
#ifndef SIM_GNUPLOT_H
#define SIM_GNUPLOT_H

#include "base/err.h"
#include "base/str.h"

/* The name alone, before any work is done; option stands in the message. */
int gnuplot_check(const char *option, const char *path, struct err *err) MUST_USE;
const char *gnuplot_extension(const char *path); /* behind the last dot, or "" */

/* A text inside gnuplot's single quotes, on one line, whatever it holds. */
void gnuplot_quoted(struct str *script, const char *text);

/* The script has set its terminal (png or svg) and no output. */
int gnuplot_draw(const char *option, const struct str *script, const char *path, struct err *err) MUST_USE;
int gnuplot_text(const struct str *script, struct str *out, struct err *err) MUST_USE; /* appended to out */

#endif
