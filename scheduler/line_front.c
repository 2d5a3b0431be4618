#include "scheduler/line_front.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void line_front_init(struct line_front *f, bool also_equal)
{
    *f = (struct line_front){.lowest = {.intercept = LINE_NONE, .origin = LINE_NO_ORIGIN}, .also_equal = also_equal};
}

void line_front_release(struct line_front *f)
{
    free(f->waiting.items);
    free(f->hull.items);
    *f = (struct line_front){0};
}

static void append(struct line_queue *q, const struct line *line)
{
    if (q->tail == q->cap && q->head > q->cap / 2) {
        memmove(q->items, q->items + q->head, (q->tail - q->head) * sizeof(*q->items));
        q->tail -= q->head;
        q->head = 0;
    }
    q->items = mem_grow(q->items, &q->cap, q->tail + 1, sizeof(*q->items));
    q->items[q->tail++] = *line;
}

/* The first step at which b, the steeper, is not above a: unit * step * (b.count - a.count) >= the difference. */
static int64_t takes_over(const struct line *a, const struct line *b, int128 unit)
{
    int128 difference = b->intercept - a->intercept;
    int128 per_step = unit * (b->count - a->count);
    if (per_step == 0)
        return difference <= 0 ? INT64_MIN : INT64_MAX;
    int128 step = num_div_ceil(difference, per_step);
    if (step > INT64_MAX)
        return INT64_MAX;
    return step < INT64_MIN ? INT64_MIN : (int64_t)step;
}

/* A line of the hull that is lowest nowhere, between the one before and the new one, leaves it. */
static void push(struct line_queue *hull, struct line line, int128 unit)
{
    line.from = INT64_MIN;
    while (hull->tail > hull->head) {
        const struct line *last = &hull->items[hull->tail - 1];
        line.from = takes_over(last, &line, unit);
        if (line.from == INT64_MAX)
            return;
        if (line.from > last->from)
            break;
        hull->tail--;
        line.from = INT64_MIN;
    }
    append(hull, &line);
}

void line_front_offer(struct line_front *f, const struct line *line)
{
    assert(line_front_wants(f, line->count, line->intercept));
    assert(!f->any_offered || line->count >= f->offered_count);
    f->any_offered = true;
    f->offered_count = line->count;
    f->offered_intercept = line->intercept;
    append(&f->waiting, line);
    if (line->from < f->wake)
        f->wake = line->from;
}

void line_front_update(struct line_front *f, int64_t step, int64_t count, int128 unit)
{
    struct line_queue *w = &f->waiting;
    struct line_queue *hull = &f->hull;
    f->wake = INT64_MAX;
    for (; w->head < w->tail; w->head++) {
        const struct line *next = &w->items[w->head];
        if (next->from > step) {
            f->wake = next->from;
            break;
        }
        if (next->count > count || (next->count == count && !f->also_equal))
            break; /* until the count grows */
        push(hull, *next, unit);
    }
    while (hull->tail - hull->head > 1 && hull->items[hull->head + 1].from <= step)
        hull->head++;
    if (hull->tail == hull->head)
        return;
    f->lowest = hull->items[hull->head];
    if (hull->tail - hull->head > 1 && hull->items[hull->head + 1].from < f->wake)
        f->wake = hull->items[hull->head + 1].from;
}
