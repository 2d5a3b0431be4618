/*
 * line_front.h - the lowest of many falling lines, asked for at ever later steps.
 *
 * A line is worth intercept - count * x at position x (x = unit * step, unit >= 0). Lines are offered in order of their
 * counts, each with the step from which it may be used; what is asked is the lowest line among those
 *
 *      that may be used at this step, and whose count is below the given one (or not above it: see `also_equal`).
 *
 *   offered --> waiting (first in, first out) --> hull: head .. tail, steeper to the right
 *                                                        each line lowest from its `from` to the next one's
 *
 * A front that expires (line_front_init_expiring) forgets lines whose count is below `least`, which never falls. A line
 * that another one hides in a hull may be lowest again once the one that hid it is gone, so such a front keeps a window
 * instead:
 *
 *      window: head .. tail, steeper to the right, each strictly lower now than all to its right
 *
 * A line that a later one is not above now leaves: the later one falls faster and expires no sooner.
 *
 * A window can also take lines in any order of counts and steps (line_front_init_any_order): each is put in its place.
 *
 * Steps are whole, so a line takes over from the one before at a whole step, found with one division: nothing is
 * rounded in a way that could decide. Counts, steps at which lines may be used and steps asked for never fall.
 *
 * Ownership: line_front_release frees; zeroing initialises. Errors: none. Cost: O(1) amortised for each line and
 * question; 48 bytes a line that still may become the lowest. An expiring front looks at its whole window whenever a
 * line comes, expires or takes over; the window is as long as there are starts that further waiting may yet make the
 * cheapest. |intercept| and |count * x| stay under 2^125.
 */
#ifndef SCHEDULER_LINE_FRONT_H
#define SCHEDULER_LINE_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/num.h"

#define LINE_NONE      ((int128)1 << 125) /* more than any line is worth */
#define LINE_NO_ORIGIN UINT32_MAX

struct line {
    int128 intercept;
    int64_t count;
    int64_t from;    /* waiting: may be used from this step; in the hull: lowest from this step */
    uint32_t origin; /* the caller's */
};

struct line_queue {
    struct line *items;
    size_t head, tail, cap;
};

struct line_front {
    struct line lowest; /* now; while there is none LINE_NONE, LINE_NO_ORIGIN */
    int64_t wake;       /* the step at which `lowest` may change */
    struct line_queue waiting, hull;
    int64_t offered_count; /* the last line that was offered */
    int128 offered_intercept;
    bool any_offered;
    bool also_equal;
    bool expires, any_order;
    int64_t least; /* expiring: lines of lower counts are gone */
};

void line_front_init(struct line_front *f, bool also_equal);
void line_front_init_expiring(struct line_front *f, bool also_equal);
void line_front_init_any_order(struct line_front *f);
void line_front_reset(struct line_front *f); /* as after its init; keeps the memory */
void line_front_release(struct line_front *f);

/* False: the last line that was offered is of the same count and as low, and may be used as soon. Not for any order. */
static inline bool line_front_wants(const struct line_front *f, int64_t count, int128 intercept)
{
    return !f->any_offered || count != f->offered_count || intercept < f->offered_intercept;
}

void line_front_offer(struct line_front *f, const struct line *line); /* only what it wants */

void line_front_update(struct line_front *f, int64_t step, int64_t count, int128 unit);

/* Brings `lowest` up to date for this step. When `count` or `least` has grown since the last call, `wake` must have
 * been set to INT64_MIN. */
static inline void line_front_at(struct line_front *f, int64_t step, int64_t count, int128 unit)
{
    if (step >= f->wake)
        line_front_update(f, step, count, unit);
}

#endif
