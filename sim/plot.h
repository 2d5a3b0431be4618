/*
 * plot.h - pictures of a plan, by gnuplot's command line.
 *
 * Errors: a file name that ends in neither .png nor .svg is EXIT_INPUT; gnuplot missing or failing is EXIT_FAILED with
 * a message that says what to install. The picture is written beside its place and moved there when it is whole.
 */
#ifndef SIM_PLOT_H
#define SIM_PLOT_H

#include "sim/plan.h"

int plot_check(const char *path, struct err *err) MUST_USE; /* the name alone, before any work is done */
int plot_plan(const struct plan *p, const char *path, struct err *err) MUST_USE;

#endif
