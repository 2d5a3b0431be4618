/*
 * metering.h - what is billed of one running period: started hours and seconds, in order.
 *
 * Hourly: the entry into running opens an hour, and each further started one too, counted from that start. By the
 * second: real seconds, the first piece at least the minimum. An hour opened before a change to seconds is billed
 * whole; from its end on seconds count, without a new minimum. Source: EC2 user guide, "On-Demand Instances"; AWS's
 * announcement of per-second billing (2017-09-18).
 *
 * A struct metering is a value, an iterator without anything to release. Cost: O(1) a step, as many steps as the
 * period sees regimes.
 */
#ifndef BILLING_METERING_H
#define BILLING_METERING_H

#include <stdbool.h>

#include "billing/calendar.h"
#include "billing/regime.h"

enum regime_choice { CHOOSE_AUTO /* by OS and date */, CHOOSE_HOURLY, CHOOSE_SECOND };

struct segment {
    bool hourly;
    instant_t at;
    int64_t count; /* hours that open at `at` and each 3,600 s after it; or seconds from `at` on */
};

struct metering {
    const char *os; /* a known one */
    enum regime_choice choice;
    instant_t at, end;
    bool begun;
};

void metering_begin(struct metering *m, const char *os, enum regime_choice choice, instant_t start, instant_t end);
bool metering_next(struct metering *m, struct segment *out); /* false: there is no more */

#endif
