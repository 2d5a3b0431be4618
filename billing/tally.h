/*
 * tally.h - what is expected and what was charged, by resource and hour, however much there is.
 *
 * Cells are added to in any order and read back in the order of resource, then hour, each key once. A hash table takes
 * them until it is full; then it is sorted and written to a temporary file, and at the end the runs are merged. So the
 * memory is bounded (about 40 MB), whatever comes.
 *
 * Ownership: a struct tally is the caller's from tally_new to tally_free. Errors: a full disk is EXIT_FAILED. Cost: a
 * hash look-up a cell; sorting and a pass over the disk for each 400,000 different keys.
 */
#ifndef BILLING_TALLY_H
#define BILLING_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/money.h"

/* What may be added to one key. Seconds are of instance time. */
struct tally_cell {
    uint32_t resource;
    uint32_t hour; /* since 1970 */
    int64_t expected_on_demand_s, expected_covered_s;
    int64_t on_demand_s, covered_s;
    int64_t lines;    /* of the report */
    int64_t rate_usd; /* the expected price of an hour; the largest that was added */
    int64_t expected_usd, usd;
};

struct tally;

struct tally *tally_new(size_t most_cells); /* 0: the default */
void tally_free(struct tally *tally);
int tally_add(struct tally *tally, const struct tally_cell *cell, struct err *err) MUST_USE;

/* After the last add. each returns non-zero to stop, which is returned. */
int tally_each(struct tally *tally, int (*each)(void *context, const struct tally_cell *cell, struct err *err),
               void *context, struct err *err) MUST_USE;
size_t tally_runs(const struct tally *tally); /* how many were written to disk */

#endif
