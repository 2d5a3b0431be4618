#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

int64_t clock_now_s(void)
{
    const char *fixed = getenv("BAKEHOUR_NOW");
    int64_t now;
    if (!fixed || !*fixed)
        return (int64_t)time(NULL);
    if (num_i64(fixed, strlen(fixed), &now)) {
        fprintf(stderr, "bakehour: BAKEHOUR_NOW=\"%.40s\" in the environment is no whole number of unix seconds\n",
                fixed);
        exit(EXIT_INPUT);
    }
    return now;
}

int64_t clock_asleep_too_ns(void)
{
#ifdef CLOCK_BOOTTIME
    struct timespec t;
    if (clock_gettime(CLOCK_BOOTTIME, &t) == 0)
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
#endif
    return clock_monotonic_ns();
}

int64_t clock_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
