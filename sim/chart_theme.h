/*
 * chart_theme.h - gnuplot's SVG made fit for a page that is read in the light, in the dark, printed, and by a screen
 * reader: its colours become variables with a value for each, by the reader's own choice (prefers-color-scheme works
 * inside of pictures too), and it gets a title and a description.
 *
 * The chart's script uses these colours; others stay as they are. Pure; text in, text out.
 */
#ifndef SIM_CHART_THEME_H
#define SIM_CHART_THEME_H

#include "base/str.h"

/* Blue and vermilion of Okabe and Ito, "Color universal design" (2008): told apart by colour-blind people too. */
#define CHART_PAGE "#FFFFFF"
#define CHART_AXIS "#444444"
#define CHART_GRID "#DDDDDD"
#define CHART_BLUE "#0072B2"
#define CHART_RED  "#D55E00"
#define CHART_GREY "#999999"

/* svg: what gnuplot wrote. Appended to `to`. */
void chart_theme(struct str *to, const char *svg, const char *title, const char *text);

#endif
