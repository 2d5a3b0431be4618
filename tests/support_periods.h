/*
 * support_periods.h - every running period of every instance, listed from the rules as the headers of sim/ word them,
 * and billed one by one. Slow and plain; shares nothing with the code under test but the replay's starts.
 *
 * A struct periods is the caller's, zeroed to begin with, periods_release at the end.
 */
#ifndef TESTS_SUPPORT_PERIODS_H
#define TESTS_SUPPORT_PERIODS_H

#include "sim/model.h"
#include "sim/replay.h"

struct period {
    int64_t begin, end;
};

struct periods {
    struct period *items;
    size_t count, cap;
};

void periods_add(struct periods *p, int64_t begin, int64_t end);
void periods_release(struct periods *p);

/* Until when the books are kept, fleet.h: the last deployment's end with its draining, or model->until. */
int64_t periods_until(const struct replay *r, const struct model *m);
void periods_of_bakes(struct periods *to, const struct replay *r, const struct model *m, const struct policy *policy);
void periods_of_fleet(struct periods *to, const struct replay *r, const struct model *m, int64_t until);
/* The fleet if nothing were deployed. */
void periods_undisturbed(struct periods *to, const struct replay *r, const struct model *m, int64_t until);

/* Adds the billed seconds to seconds[clock hour - first]; asserts that they lie inside. */
void periods_bill(const struct periods *p, enum regime regime, int64_t first, size_t count, int64_t *seconds);

#endif
