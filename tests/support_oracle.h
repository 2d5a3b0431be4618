/*
 * support_oracle.h - a literal biller: goes through running periods second by second. Slow, and shares nothing with the
 * code under test but the calendar.
 */
#ifndef TESTS_SUPPORT_ORACLE_H
#define TESTS_SUPPORT_ORACLE_H

#include "base/philox.h"
#include "billing/metering.h"

/* Either an opened hour (weight 3600) or `step` billed seconds (weight step), at t. order: when its hour, or the
 * uninterrupted run of seconds that it is one of, began. */
struct mark {
    int row;
    int64_t t, order, weight;
};

/* Appends the marks of one Linux period; returns the new count. step: seconds in a mark, of which all instants are
 * multiples; 1 where nothing is known of them. `change`: from when seconds are billed. */
size_t oracle_meter(struct mark *marks, size_t count, size_t cap, int row, int64_t start, int64_t end, int64_t change,
                    int64_t step);
/* When seconds begin under a choice: Linux's own date for CHOOSE_AUTO. */
int64_t oracle_change(enum regime_choice choice);

int64_t draw_between(struct philox *p, int64_t low, int64_t high); /* both included */

#endif
