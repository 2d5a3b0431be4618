/*
 * hours.h - billed seconds by UTC clock hour: what reservations are matched against.
 *
 * Under the hourly regime a started instance-hour counts 3,600 s in the clock hour it opens in; by the second each
 * second counts where it falls. Owned by the caller. Memory: 8 bytes a clock hour of the span.
 */
#ifndef SIM_HOURS_H
#define SIM_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/regime.h"

#define HOURS_MAX ((int64_t)200 * 366 * 24) /* a span of two hundred years */

struct hours {
    int64_t first; /* unix seconds / 3600 of seconds[0] */
    size_t count;
    int64_t *seconds;
};

/* Covers [from, to]; fails when that is too long. */
int hours_init(struct hours *h, instant_t from, instant_t to, struct err *err) MUST_USE;
void hours_release(struct hours *h);

/* Adds hour by hour; sum may be zeroed, and grows to hold what more holds. */
void hours_add(struct hours *sum, const struct hours *more);

/* Books billed_s seconds of a running period that begins at `begin`. */
void hours_book(struct hours *h, enum regime regime, instant_t begin, int64_t billed_s, int64_t instances);

#endif
