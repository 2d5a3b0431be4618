/*
 * yardstick.h - how far policies are from the clairvoyant optimum, for reports.
 *
 * With a price of waiting one optimum: a policy's money and waiting over its own. Without one, the frontier: a policy's
 * money over the least with as much waiting. See bound.h for what is counted. Ownership: yardstick_find ..
 * yardstick_release; all zeroes is none.
 */
#ifndef SIM_YARDSTICK_H
#define SIM_YARDSTICK_H

#include "base/out.h"
#include "base/str.h"
#include "sim/bound.h"

struct yardstick {
    struct bound bound;     /* with a price of waiting */
    struct bound_line line; /* without */
};

int yardstick_find(struct yardstick *y, const struct scenario *s, const struct session *session,
                   struct err *err) MUST_USE;
void yardstick_release(struct yardstick *y);

static inline bool yardstick_is(const struct yardstick *y)
{
    return y->bound.is || y->line.count > 0;
}

/* 0 where nothing can be said. */
double yardstick_ratio(const struct yardstick *y, const struct outcome *o, const struct model *m);
void yardstick_cell(struct table *t, const struct yardstick *y, const struct outcome *o, const struct model *m,
                    bool csv);
void yardstick_json(const struct yardstick *y, cJSON *document);
void yardstick_policy_json(const struct yardstick *y, cJSON *policy, const struct outcome *o, const struct model *m);
/* A sentence or two on what the column means. */
void yardstick_text(const struct yardstick *y, struct str *to);

#endif
