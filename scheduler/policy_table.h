/*
 * policy_table.h - the policy of `mdp` as a table: how many commits must be pending for a deployment to begin.
 *
 *   need[hour of the week][mood][steps that the instance is still kept]    1 .. TABLE_PENDING; TABLE_WAIT: not even so
 * many
 *
 * It is made by solve.h, looked up by a scheduler, and can be saved, read by people, and loaded:
 *
 *   # bakehour mdp 2
 *   # prepare 0 boot 0 bake 900 rollout 0 margin 0 s, hourly, price ... keep hour      what it was made for
 *   # step_s 60 kept 61
 *   #hour  gap_min  busy  run  need       hour of the week, UTC, from Monday 00; minutes since the last commit (from);
 *   0      0        0     1    9*1 3*14 1*1 -*45       the memory of arrivals.h, run 0 where it is not told
 *
 * need: runs of "commits*steps", from "not kept" on; "-" for TABLE_WAIT. Columns are tab-separated.
 *
 * Ownership: the caller's, policy_table_init .. policy_table_release. Errors: policy_table_load says FILE:LINE. A table
 * is made for one set of terms and refuses others. Cost: a look-up O(1).
 */
#ifndef SCHEDULER_POLICY_TABLE_H
#define SCHEDULER_POLICY_TABLE_H

#include "base/str.h"
#include "scheduler/arrivals.h"
#include "scheduler/policy.h"

#define TABLE_PENDING  128
#define TABLE_WAIT     255
#define TABLE_KEPT_MAX 512

struct policy_table {
    int64_t step_s;
    int kept;        /* how many values the third index has */
    uint8_t *need;   /* ARRIVALS_HOURS * ARRIVALS_MOODS * kept */
    double per_week; /* what the solver expects money and waiting to be, in 1e-10 USD; 0 when loaded */
};

void policy_table_init(struct policy_table *t);
void policy_table_release(struct policy_table *t);

static inline uint8_t policy_table_need(const struct policy_table *t, int hour, int mood, int64_t kept_s)
{
    int64_t steps = kept_s <= 0 ? 0 : kept_s / t->step_s;
    if (steps >= t->kept)
        steps = t->kept - 1;
    return t->need[((size_t)hour * ARRIVALS_MOODS + (size_t)mood) * (size_t)t->kept + (size_t)steps];
}

void policy_table_save(const struct policy_table *t, const struct decider *d, struct str *to);
/* text is NUL-terminated; name stands in the messages. On failure *out is left alone. */
int policy_table_load(struct policy_table *out, const char *name, const char *text, const struct decider *d,
                      struct err *err) MUST_USE;

#endif
