#include "sim/hours.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int hours_init(struct hours *h, instant_t from, instant_t to, struct err *err)
{
    assert(from <= to);
    int64_t first = from / SECONDS_PER_HOUR;
    int64_t count = to / SECONDS_PER_HOUR - first + 1;
    if (count > HOURS_MAX)
        return err_set(err, EXIT_INPUT,
                       "the history spans more than two hundred years; with reservations or a fleet that is too long "
                       "(--from and --to select a part)");
    *h = (struct hours){first, (size_t)count, mem_zero((size_t)count, sizeof(*h->seconds))};
    return 0;
}

void hours_release(struct hours *h)
{
    free(h->seconds);
    *h = (struct hours){0};
}

static void widen(struct hours *h, int64_t first, int64_t end)
{
    int64_t own_end = h->first + (int64_t)h->count;
    int64_t from = first < h->first ? first : h->first;
    int64_t to = end > own_end ? end : own_end;
    if (from == h->first && to == own_end)
        return;
    int64_t *wider = mem_zero((size_t)(to - from), sizeof(*wider));
    memcpy(wider + (h->first - from), h->seconds, h->count * sizeof(*wider));
    free(h->seconds);
    h->first = from;
    h->count = (size_t)(to - from);
    h->seconds = wider;
}

void hours_add(struct hours *sum, const struct hours *more)
{
    assert(sum != more);
    if (!more->count)
        return;
    if (!sum->count)
        *sum = (struct hours){more->first, more->count, mem_zero(more->count, sizeof(*sum->seconds))};
    widen(sum, more->first, more->first + (int64_t)more->count);
    int64_t *to = sum->seconds + (more->first - sum->first);
    for (size_t i = 0; i < more->count; i++)
        to[i] += more->seconds[i];
}

static void book(struct hours *h, int64_t hour, int64_t seconds)
{
    int64_t at = hour - h->first;
    assert(at >= 0 && (size_t)at < h->count);
    h->seconds[at] += seconds;
}

void hours_book(struct hours *h, enum regime regime, instant_t begin, int64_t billed_s, int64_t instances)
{
    instant_t end = begin + billed_s;
    while (begin < end) {
        int64_t hour = begin / SECONDS_PER_HOUR;
        instant_t next = regime == REGIME_HOURLY ? begin + SECONDS_PER_HOUR : (hour + 1) * SECONDS_PER_HOUR;
        if (next > end)
            next = end;
        book(h, hour, (next - begin) * instances);
        begin = next;
    }
}
