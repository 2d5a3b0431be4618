/*
 * calendar.h - UTC instants, dates and months.
 *
 * An instant is int64 unix seconds (no leap seconds, as everywhere in AWS's bills), a value. The proleptic Gregorian
 * calendar, years 1 to 9999. Pure functions, O(1); the day count is the civil-from-days algorithm of Howard
 * Hinnant, "chrono-compatible low-level date algorithms" (2013).
 */
#ifndef BILLING_CALENDAR_H
#define BILLING_CALENDAR_H

#include <stdint.h>

#include "base/err.h"

typedef int64_t instant_t; /* unix seconds, UTC */

#define SECONDS_PER_HOUR  3600
#define SECONDS_PER_DAY   86400
#define SECONDS_PER_MONTH ((int64_t)2629746) /* the average one: 365.2425 / 12 days */
#define INSTANT_MIN       (-62135596800)     /* 0001-01-01T00:00:00Z */
#define INSTANT_MAX       253402300799       /* 9999-12-31T23:59:59Z */
#define INSTANT_TEXT_SIZE 24

struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second;
};

struct civil calendar_civil(instant_t t);
instant_t calendar_instant(struct civil c);
int calendar_days_in_month(int year, int month);

/* Months are counted from 0000-01: year * 12 + month - 1. */
int calendar_month(instant_t t);
instant_t calendar_month_start(int month);
int64_t calendar_month_seconds(int month);
const char *calendar_month_text(int month, char to[INSTANT_TEXT_SIZE]); /* "2015-08" */

/* RFC 3339: "2015-08-01T12:00:00Z", with a numeric offset too; a fraction of a second must be zeros. A bare date is
 * its midnight. Sets what is wrong in err. */
int calendar_parse(const char *text, instant_t *out, struct err *err) MUST_USE;
const char *calendar_text(instant_t t, char to[INSTANT_TEXT_SIZE]);      /* "2015-08-01T12:00:00Z" */
const char *calendar_date_text(instant_t t, char to[INSTANT_TEXT_SIZE]); /* "2015-08-01" */

/* "90", "15m", "2h", "1h30m", "3d", "1w" as seconds, 0 .. 100 years. */
int duration_parse(const char *text, int64_t *out, struct err *err) MUST_USE;
/* The other way, at most two units: "45 s", "17 min", "2 h 5 min", "3 d 4 h". */
const char *duration_text(int64_t seconds, char to[INSTANT_TEXT_SIZE]);
/* "12.50", "-0.25": hours with 1 to 4 decimals, halves to even. */
const char *hours_text(int64_t seconds, int decimals, char to[INSTANT_TEXT_SIZE]);

#endif
