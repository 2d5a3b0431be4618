/* report_parts.h - sections of the report that are files of their own. Internal to sim/report*.c. */
#ifndef SIM_REPORT_PARTS_H
#define SIM_REPORT_PARTS_H

#include "sim/report.h"

void report_deployments_html(struct str *to, const struct report *report);
void report_storms_html(struct str *to, const struct report *report);
void report_overrides_html(struct str *to, const struct report *report);

#endif
