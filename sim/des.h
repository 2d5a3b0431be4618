/*
 * des.h - the queue of a discrete-event simulation: what happens next, by (time, sequence).
 *
 * An event is one 128-bit number: its time in the high half, then the order in which it was pushed, then the slot that
 * the caller gave it. So comparing two events is comparing two numbers, and no two are equal.
 *
 *   127            64 63          24 23      0
 *   |     time      |   sequence    |  slot   |
 *
 * A 4-ary heap. Ownership: the caller's, des_queue_init .. des_queue_release; preallocated, grows when it must.
 * Times are whole units >= 0; up to 2^40 events are pushed in a run. Cost: a few ns an event while few are pending.
 * Invariants: a parent is never behind its children; what is popped never runs backwards. des_queue_check asserts the
 * first; the second is asserted by each pop.
 */
#ifndef SIM_DES_H
#define SIM_DES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DES_NEVER     INT64_MAX
#define DES_SLOT_BITS 24
#define DES_SLOT_MAX  ((uint32_t)1 << DES_SLOT_BITS)

typedef unsigned __int128 des_event;

struct des_queue {
    des_event *heap;
    size_t count, cap;
    uint64_t sequence;
    int64_t now; /* time of the last event popped */
};

void des_queue_init(struct des_queue *q, size_t expected);
void des_queue_release(struct des_queue *q);
void des_queue_grow(struct des_queue *q);
void des_queue_check(const struct des_queue *q);

static inline int64_t des_time(des_event e)
{
    return (int64_t)(e >> 64);
}

static inline uint32_t des_slot(des_event e)
{
    return (uint32_t)e & (DES_SLOT_MAX - 1);
}

static inline int64_t des_next_time(const struct des_queue *q)
{
    return q->count ? des_time(q->heap[0]) : DES_NEVER;
}

static inline des_event des_event_of(struct des_queue *q, int64_t at, uint32_t slot)
{
    return (des_event)(uint64_t)at << 64 | (q->sequence++ << DES_SLOT_BITS) | slot;
}

static inline void des_sift_down(struct des_queue *q, des_event e)
{
    size_t at = 0;
    for (;;) {
        size_t child = 4 * at + 1;
        if (child >= q->count)
            break;
        size_t end = child + 4 < q->count ? child + 4 : q->count;
        size_t least = child;
        for (size_t c = child + 1; c < end; c++)
            least = q->heap[c] < q->heap[least] ? c : least;
        if (q->heap[least] > e)
            break;
        q->heap[at] = q->heap[least];
        at = least;
    }
    q->heap[at] = e;
}

static inline void des_push(struct des_queue *q, int64_t at, uint32_t slot)
{
    assert(at >= q->now && slot < DES_SLOT_MAX);
    if (q->count == q->cap)
        des_queue_grow(q);
    des_event e = des_event_of(q, at, slot);
    size_t i = q->count++;
    while (i && e < q->heap[(i - 1) / 4]) {
        q->heap[i] = q->heap[(i - 1) / 4];
        i = (i - 1) / 4;
    }
    q->heap[i] = e;
}

static inline des_event des_top(const struct des_queue *q)
{
    assert(q->count);
    return q->heap[0];
}

static inline void des_pop(struct des_queue *q)
{
    assert(q->count && des_time(q->heap[0]) >= q->now);
    q->now = des_time(q->heap[0]);
    des_event last = q->heap[--q->count];
    if (q->count)
        des_sift_down(q, last);
}

/* Pops the next event and pushes one in its place: cheaper than both. */
static inline void des_replace(struct des_queue *q, int64_t at, uint32_t slot)
{
    assert(q->count && des_time(q->heap[0]) >= q->now && at >= des_time(q->heap[0]));
    q->now = des_time(q->heap[0]);
    des_sift_down(q, des_event_of(q, at, slot));
}

#endif
