/*
 * forecast.h - the linear run rate: what a month will have cost, if it goes on as so far.
 *
 * Forecast = spent x length of the month / time elapsed in it, exact, rounded once, half to even. Pure functions.
 */
#ifndef BILLING_FORECAST_H
#define BILLING_FORECAST_H

#include <stdbool.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/money.h"

/* spent: exact, since the month's start up to `at`. EXIT_INPUT at the month's first instant (nothing is known yet),
 * and when the forecast cannot be counted. */
int forecast_linear(const struct exact *spent, instant_t at, money_t *out, struct err *err) MUST_USE;

/* At or above the limit is over: exactly, before any rounding. The comparison is spent x length with limit x elapsed.
 */
bool forecast_reaches(const struct exact *spent, instant_t at, money_t limit_usd);

/* part of whole in hundredths of a percent (62 % is 6200), half to even; whole > 0. -1: does not fit. */
int forecast_percent(const struct exact *part, money_t whole_usd, int64_t *hundredths) MUST_USE;

#endif
