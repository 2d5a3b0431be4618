#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

int64_t clock_now_s(void)
{
    const char *fixed = getenv("BAKEHOUR_NOW");
    int64_t now;
    if (fixed && num_i64(fixed, strlen(fixed), &now) == 0)
        return now;
    return (int64_t)time(NULL);
}

int64_t clock_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
