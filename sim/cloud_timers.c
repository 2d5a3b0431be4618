/* A binary heap of timers, by (time, sequence); each object's timer knows its place in it. */
#include "sim/cloud_private.h"

#include <assert.h>

#include "base/mem.h"

static bool earlier(const struct sc_event *a, const struct sc_event *b)
{
    return a->ms < b->ms || (a->ms == b->ms && a->sequence < b->sequence);
}

static void put(struct simcloud *cloud, size_t at, struct sc_event event)
{
    cloud->heap[at] = event;
    event.object->timers[event.which].at = (uint32_t)at + 1;
}

static void sift_up(struct simcloud *cloud, size_t at)
{
    struct sc_event event = cloud->heap[at];
    for (; at > 0 && earlier(&event, &cloud->heap[(at - 1) / 2]); at = (at - 1) / 2)
        put(cloud, at, cloud->heap[(at - 1) / 2]);
    put(cloud, at, event);
}

static void sift_down(struct simcloud *cloud, size_t at)
{
    struct sc_event event = cloud->heap[at];
    for (size_t child; (child = 2 * at + 1) < cloud->heap_count; at = child) {
        if (child + 1 < cloud->heap_count && earlier(&cloud->heap[child + 1], &cloud->heap[child]))
            child++;
        if (!earlier(&cloud->heap[child], &event))
            break;
        put(cloud, at, cloud->heap[child]);
    }
    put(cloud, at, event);
}

static void heap_remove(struct simcloud *cloud, size_t at)
{
    struct sc_event last = cloud->heap[--cloud->heap_count];
    if (at == cloud->heap_count)
        return;
    put(cloud, at, last);
    sift_up(cloud, at);
    sift_down(cloud, last.object->timers[last.which].at - 1);
}

void sc_timer_restore(struct simcloud *cloud, struct sc_object *object, int which, int64_t ms, uint64_t sequence)
{
    assert(which >= 0 && which < SC_TIMERS);
    struct sc_timer *timer = &object->timers[which];
    if (timer->at)
        heap_remove(cloud, timer->at - 1);
    *timer = (struct sc_timer){.ms = ms, .sequence = sequence};
    if (ms == SIMCLOUD_NEVER)
        return;
    cloud->heap = mem_grow(cloud->heap, &cloud->heap_cap, cloud->heap_count + 1, sizeof *cloud->heap);
    cloud->heap[cloud->heap_count++] = (struct sc_event){ms, sequence, object, which};
    timer->at = (uint32_t)cloud->heap_count;
    sift_up(cloud, cloud->heap_count - 1);
}

void sc_timer_set(struct simcloud *cloud, struct sc_object *object, int which, int64_t ms)
{
    struct sc_timer *timer = &object->timers[which];
    if (!timer->at && ms == SIMCLOUD_NEVER)
        return;
    if (timer->at && timer->ms == ms)
        return;
    if (ms < cloud->now_ms)
        ms = cloud->now_ms;
    sc_timer_restore(cloud, object, which, ms, ms == SIMCLOUD_NEVER ? 0 : ++cloud->sequences);
}
