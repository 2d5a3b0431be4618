/*
 * clock.h - the only place that asks the machine for the time.
 *
 * Everything else takes the time as a parameter. BAKEHOUR_NOW (unix seconds) in the environment fixes the wall
 * clock, so that a run can be repeated to the letter; anything else in it ends the program with EXIT_INPUT, since
 * falling back to the true time would go unseen.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_s(void);        /* UTC, unix seconds */
int64_t clock_monotonic_ns(void); /* for durations only */
/* Likewise, and it goes on while the machine sleeps, where the system has such a one. */
int64_t clock_asleep_too_ns(void);

#endif
