/* frontier_chart.h - dollars a month against lead time, a mark a policy, as the text of an SVG (see gnuplot.h). */
#ifndef SIM_FRONTIER_CHART_H
#define SIM_FRONTIER_CHART_H

#include "sim/frontier.h"
#include "sim/gnuplot.h"

/* best may be NULL. Appended to out; for_phone: 400 wide, in letters that can be read at that size. */
int frontier_chart_svg(const struct frontier *frontier, const struct frontier_point *best, bool for_phone,
                       struct str *out, struct err *err) MUST_USE;

#endif
