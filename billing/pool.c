#include "billing/pool.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* The order of drawing: by opening, then by the row's place in the file, then by time within the row. */
static int compare_turn(const struct piece *a, const struct piece *b)
{
    int order = compare_i64(a->order, b->order);
    order = order ? order : compare_i64(a->row, b->row);
    return order ? order : compare_i64(a->at, b->at);
}

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a;
    const struct piece *y = b;
    int order = compare_i64(x->pool, y->pool);
    order = order ? order : compare_i64(x->month, y->month);
    return order ? order : compare_turn(x, y);
}

/* One pool in one month. The pieces are a binary heap by their turn; sorted ones are one already. */
struct month {
    struct booking *b;
    const struct pool *pool;
    int month;
    struct piece *heap;
    size_t count;
    int128 *left; /* unit-seconds, by the pool's singles */
    size_t open;  /* singles before this one have nothing left */
};

static void sift_down(struct month *m)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= m->count)
            return;
        if (child + 1 < m->count && compare_turn(&m->heap[child + 1], &m->heap[child]) < 0)
            child++;
        if (compare_turn(&m->heap[at], &m->heap[child]) <= 0)
            return;
        struct piece swap = m->heap[at];
        m->heap[at] = m->heap[child];
        m->heap[child] = swap;
        at = child;
    }
}

static void fill(struct month *m)
{
    for (size_t i = 0; i < m->pool->count; i++) {
        const struct single *s = &m->b->singles[m->pool->singles[i]];
        instant_t start = calendar_month_start(m->month);
        bool touches = booking_term_s(s->row, start, start + calendar_month_seconds(m->month)) > 0;
        m->left[i] = touches ? (int128)POOL_MONTH_S * s->factor4 : 0;
    }
}

/* Takes from the pool's singles in the order of their rows; returns what they had no room for. */
static int128 take(struct month *m, const struct piece *p, int128 units)
{
    for (size_t i = m->open; i < m->pool->count && units; i++) {
        uint32_t id = m->pool->singles[i];
        struct single *s = &m->b->singles[id];
        if (!m->left[i] && i == m->open)
            m->open++;
        if (!m->left[i] || p->at < s->row->start || p->at >= s->row->end)
            continue;
        int128 part = units < m->left[i] ? units : m->left[i];
        m->left[i] -= part;
        units -= part;
        booking_reserved(m->b, p->row, id, p->at, part);
        int first;
        int64_t months = booking_term_months(m->b, s->row, &first);
        if (m->month >= first && m->month < first + months)
            s->used += part;
    }
    return units;
}

/* The last of the piece's parts, which no pool has hours for. */
static void leave(struct booking *b, const struct piece *p, int64_t parts, int128 over)
{
    struct piece rest = *p;
    rest.n = (int64_t)(over / p->units);
    if (over % p->units) { /* a part that the pool paid for in part: as one of its own */
        rest.n = 1;
        rest.units = (int64_t)over;
    } else if (p->seconds) {
        rest.at += parts - rest.n;
    }
    booking_unpaid(b, &rest);
}

static void draw(struct month *m)
{
    fill(m);
    while (m->count) {
        struct piece *p = &m->heap[0];
        bool whole = p->seconds || m->open == m->pool->count;
        int64_t parts = whole ? p->n : 1;
        int128 over = take(m, p, (int128)parts * p->units);
        if (over)
            leave(m->b, p, parts, over);
        p->n -= parts;
        p->at += parts * SECONDS_PER_HOUR;
        p->order = p->run ? p->order : p->at;
        if (!p->n)
            m->heap[0] = m->heap[--m->count];
        sift_down(m);
    }
}

void pool_draw_all(struct booking *b)
{
    if (!b->pooled_count)
        return;
    qsort(b->pooled, b->pooled_count, sizeof(*b->pooled), compare_pieces);
    int128 *left = mem_array(NULL, b->single_count, sizeof(*left));
    size_t i = 0;
    while (i < b->pooled_count) {
        size_t begin = i;
        const struct piece *first = &b->pooled[begin];
        while (i < b->pooled_count && b->pooled[i].pool == first->pool && b->pooled[i].month == first->month)
            i++;
        struct month m = {.b = b,
                          .pool = &b->pools[first->pool],
                          .month = first->month,
                          .heap = b->pooled + begin,
                          .count = i - begin,
                          .left = left};
        draw(&m);
    }
    free(left);
    b->pooled_count = 0;
}
