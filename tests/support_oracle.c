#include "tests/support_oracle.h"

#include <assert.h>

int64_t oracle_change(enum regime_choice choice)
{
    if (choice == CHOOSE_HOURLY)
        return INT64_MAX;
    return choice == CHOOSE_SECOND ? INT64_MIN : 1506902400; /* 2017-10-02T00:00:00Z */
}

size_t oracle_meter(struct mark *marks, size_t count, size_t cap, int row, int64_t start, int64_t end, int64_t change,
                    int64_t step)
{
    int64_t paid_until = INT64_MIN;
    int64_t run_began = -1;
    int64_t seconds = 0;
    for (int64_t t = start; t < end || (t == start && start == end); t += step) {
        if (t < paid_until)
            continue;
        assert(count < cap);
        if (t < change) {
            marks[count++] = (struct mark){row, t, t, 3600};
            paid_until = t + 3600;
            run_began = -1;
        } else {
            run_began = run_began < 0 ? t : run_began;
            marks[count++] = (struct mark){row, t, run_began, step};
            seconds += step;
        }
    }
    if (start < change)
        return count;
    for (int64_t t = start + seconds; seconds < 60; t += step, seconds += step) {
        assert(count < cap);
        marks[count++] = (struct mark){row, t, start, step};
    }
    return count;
}

int64_t draw_between(struct philox *p, int64_t low, int64_t high)
{
    return low + (int64_t)philox_below(p, (uint64_t)(high - low + 1));
}
