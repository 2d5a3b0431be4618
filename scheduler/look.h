/* look.h - when to look again at something that takes its time: seldom before it is due, closely after. Pure. */
#ifndef SCHEDULER_LOOK_H
#define SCHEDULER_LOOK_H

#include <stdint.h>

/*
 * The next moment to look. Before the expected end: when half of what is left is over, at least 2 s later; right after
 * it each second, and then less and less often, every 2 % of the time that has passed, at most 15 s. So what comes when
 * it is expected is noticed within a second, and any wait within 1 % on average, for about a dozen calls. expected_ms
 * 0: not known.
 */
static inline int64_t look_again_ms(int64_t now_ms, int64_t since_ms, int64_t expected_ms)
{
    int64_t passed = now_ms - since_ms;
    int64_t left = expected_ms - passed;
    if (left > 0)
        return now_ms + (left / 2 > 2000 ? left / 2 : left > 2000 ? 2000 : left);
    int64_t step = passed / 50 < -left / 4 ? passed / 50 : -left / 4;
    return now_ms + (step < 1000 ? 1000 : step > 15000 ? 15000 : step);
}

#endif
