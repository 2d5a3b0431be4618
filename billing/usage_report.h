/*
 * usage_report.h - running periods from a cost report: so that a month of AWS's own usage can be billed here, and the
 * sum held against AWS's.
 *
 * A report tells how long an instance ran in each clock hour, not when in it. The hours of one instance that follow
 * each other become one period: the first hour's time at its end, the others' at their beginning. So the billed seconds
 * are the report's; where time in the middle is missing (stopped and started within the hour), periods are divided
 * there. Before per-second billing an hour may hold several started ones: each becomes a period of its own.
 */
#ifndef BILLING_USAGE_REPORT_H
#define BILLING_USAGE_REPORT_H

#include "billing/cost_report.h"
#include "billing/usage.h"

/* Instance time only (BoxUsage), on demand or covered; all else is passed over. report: at its beginning. */
int usage_from_report(struct usage *out, struct names *names, struct cost_report *report, struct err *err) MUST_USE;

#endif
