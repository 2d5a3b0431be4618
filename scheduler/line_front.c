#include "scheduler/line_front.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void line_front_init(struct line_front *f, bool also_equal)
{
    *f = (struct line_front){.lowest = {.intercept = LINE_NONE, .origin = LINE_NO_ORIGIN}, .also_equal = also_equal};
}

void line_front_init_expiring(struct line_front *f, bool also_equal)
{
    line_front_init(f, also_equal);
    f->expires = true;
}

void line_front_init_any_order(struct line_front *f)
{
    line_front_init_expiring(f, false);
    f->any_order = true;
}

void line_front_reset(struct line_front *f)
{
    struct line_queue waiting = {.items = f->waiting.items, .cap = f->waiting.cap};
    struct line_queue hull = {.items = f->hull.items, .cap = f->hull.cap};
    bool expires = f->expires;
    bool any_order = f->any_order;
    line_front_init(f, f->also_equal);
    f->expires = expires;
    f->any_order = any_order;
    f->waiting = waiting;
    f->hull = hull;
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
    assert(f->any_order || line_front_wants(f, line->count, line->intercept));
    assert(f->any_order || !f->any_offered || line->count >= f->offered_count);
    f->any_offered = true;
    f->offered_count = line->count;
    f->offered_intercept = line->intercept;
    append(&f->waiting, line);
    if (line->from < f->wake)
        f->wake = line->from;
}

static int128 worth(const struct line *line, int128 at)
{
    return line->intercept - line->count * at;
}

/* Puts a line behind those of no higher count, unless one behind it is no higher now; those before it that are no lower
 * leave with the next prune. */
static void admit(struct line_queue *window, const struct line *line, int128 at)
{
    size_t place = window->tail;
    for (; place > window->head && window->items[place - 1].count > line->count; place--)
        if (worth(&window->items[place - 1], at) <= worth(line, at))
            return;
    if (place == window->tail)
        while (window->tail > window->head && worth(&window->items[window->tail - 1], at) >= worth(line, at))
            place = --window->tail;
    size_t before = place - window->head;
    append(window, line); /* may move them all */
    place = window->head + before;
    for (size_t i = window->tail - 1; i > place; i--)
        window->items[i] = window->items[i - 1];
    window->items[place] = *line;
}

/* Drops what has expired and what a later line is not above; returns the step at which the next takes over. */
static int64_t prune(struct line_queue *window, int64_t least, int128 at, int128 unit)
{
    while (window->head < window->tail && window->items[window->head].count < least)
        window->head++;
    int128 lowest = LINE_NONE;
    size_t kept = window->tail;
    int64_t wake = INT64_MAX;
    for (size_t i = window->tail; i-- > window->head;) {
        struct line line = window->items[i];
        if (worth(&line, at) >= lowest)
            continue;
        lowest = worth(&line, at);
        if (kept < window->tail) {
            int64_t over = takes_over(&line, &window->items[kept], unit);
            wake = over < wake ? over : wake;
        }
        window->items[--kept] = line;
    }
    window->head = kept;
    return wake;
}

/* Takes in the waiting lines whose time has come, in any order. */
static void take_any(struct line_front *f, int64_t step, int64_t count, int128 unit)
{
    struct line_queue *w = &f->waiting;
    size_t kept = w->head;
    f->wake = INT64_MAX;
    for (size_t i = w->head; i < w->tail; i++) {
        const struct line line = w->items[i];
        if (line.from <= step && line.count < count) {
            admit(&f->hull, &line, unit * step);
            continue;
        }
        if (line.from > step && line.from < f->wake)
            f->wake = line.from;
        w->items[kept++] = line;
    }
    w->tail = kept;
}

/* The same where lines come in order. */
static void take_waiting(struct line_front *f, int64_t step, int64_t count, int128 unit)
{
    struct line_queue *w = &f->waiting;
    f->wake = INT64_MAX;
    for (; w->head < w->tail; w->head++) {
        const struct line *next = &w->items[w->head];
        if (next->from > step) {
            f->wake = next->from;
            break;
        }
        if (next->count > count || (next->count == count && !f->also_equal))
            break; /* until the count grows */
        if (f->expires)
            admit(&f->hull, next, unit * step);
        else
            push(&f->hull, *next, unit);
    }
}

static void update_window(struct line_front *f, int64_t step, int128 unit)
{
    struct line_queue *window = &f->hull;
    int64_t wake = prune(window, f->least, unit * step, unit);
    f->wake = wake < f->wake ? wake : f->wake;
    f->lowest = (struct line){.intercept = LINE_NONE, .origin = LINE_NO_ORIGIN};
    if (window->head < window->tail)
        f->lowest = window->items[window->head];
}

void line_front_update(struct line_front *f, int64_t step, int64_t count, int128 unit)
{
    struct line_queue *hull = &f->hull;
    if (f->any_order)
        take_any(f, step, count, unit);
    else
        take_waiting(f, step, count, unit);
    if (f->expires) {
        update_window(f, step, unit);
        return;
    }
    while (hull->tail - hull->head > 1 && hull->items[hull->head + 1].from <= step)
        hull->head++;
    if (hull->tail == hull->head)
        return;
    f->lowest = hull->items[hull->head];
    if (hull->tail - hull->head > 1 && hull->items[hull->head + 1].from < f->wake)
        f->wake = hull->items[hull->head + 1].from;
}
