/*
 * budget_chart.h - a picture of a month: its cost so far by day, where it leads, its limits, and the days before.
 *
 * gnuplot draws; gnuplot.h says how that can fail. Of the budgets those in USD are drawn, at most five.
 */
#ifndef SIM_BUDGET_CHART_H
#define SIM_BUDGET_CHART_H

#include "billing/budget_format.h"
#include "sim/gnuplot.h"

/* The report has its history, of at least as many days as the month is old. option stands in messages. */
int budget_chart(const struct budget_report *report, const char *option, const char *path, struct err *err) MUST_USE;
/* The same as the text of an SVG, appended to out; for_phone: 400 wide, in letters that can be read at that size. */
int budget_chart_svg(const struct budget_report *report, bool for_phone, struct str *out, struct err *err) MUST_USE;

#endif
