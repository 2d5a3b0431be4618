/*
 * regime.h - how instance time is metered: by started hours, or by seconds. Which one holds depends on the operating
 * system and the date; the dates are data (data/regimes.csv, built into the program).
 */
#ifndef BILLING_REGIME_H
#define BILLING_REGIME_H

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/meter.h"

enum regime { REGIME_HOURLY, REGIME_SECOND };

/* os: "linux", "windows", "rhel", "suse"; unknown ones are an error that lists the known. */
int regime_at(const char *os, instant_t at, enum regime *out, struct err *err) MUST_USE;
/* The first change of this OS's regime after `at`, or INSTANT_MAX. */
instant_t regime_next_change(const char *os, instant_t at);
struct meter regime_meter(enum regime regime); /* 3600/3600 or 1/60 */
const char *regime_name(enum regime regime);   /* "hourly", "second" */

#endif
