/*
 * statement.h - what a deployment cost, by resource, against its estimate and against the original pipeline.
 *
 * Its costs are those of the uses that the ledger books (uses.h). Everything comes from the journal's facts, so any
 * process can make the statement again, at any time after.
 */
#ifndef SCHEDULER_STATEMENT_H
#define SCHEDULER_STATEMENT_H

#include "scheduler/pipeline_private.h"

struct statement {
    struct deployment record;
    struct rates rates;
    struct used used;
    struct costs costs;
    struct costs originals; /* what the original pipeline would have cost, by resource */
    money_t estimate, original;
    int64_t makespan_s, critical_s;
    int64_t drained_ms; /* when the last replaced instance is gone at the latest; 0: nothing drains */
};

/* Fills the record's cost, original, makespan, critical path and storm from the facts. */
void statement_finish(struct pipeline *p);
/* Steps that took no time, as bits. */
unsigned statement_skipped(const struct journal *j, const struct deployment *d);
/* The same from a journal that is only read. */
int statement_make(struct statement *out, const struct journal *j, const struct deployment *record,
                   const struct pipeline_world *w, struct err *err) MUST_USE;

#endif
