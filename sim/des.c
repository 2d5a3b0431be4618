#include "sim/des.h"

#include <stdlib.h>

#include "base/mem.h"

void des_queue_init(struct des_queue *q, size_t expected)
{
    *q = (struct des_queue){.cap = expected ? expected : 1};
    q->heap = mem_array(NULL, q->cap, sizeof(*q->heap));
}

void des_queue_release(struct des_queue *q)
{
    free(q->heap);
    *q = (struct des_queue){0};
}

void des_queue_grow(struct des_queue *q)
{
    q->cap *= 2;
    q->heap = mem_array(q->heap, q->cap, sizeof(*q->heap));
}

void des_queue_check(const struct des_queue *q)
{
    assert(q->count <= q->cap);
    for (size_t i = 0; i < q->count; i++) {
        assert(des_time(q->heap[i]) >= q->now);
        assert(!i || q->heap[(i - 1) / 4] < q->heap[i]);
    }
}
