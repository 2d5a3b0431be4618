#include "sim/hours.h"

#include <assert.h>
#include <stdlib.h>

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
