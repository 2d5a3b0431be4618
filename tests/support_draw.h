/* support_draw.h - random numbers for tests: whole numbers from a range or from a list, from a Philox stream. */
#ifndef TESTS_SUPPORT_DRAW_H
#define TESTS_SUPPORT_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "base/philox.h"

/* low .. high, both included */
static inline int64_t draw(struct philox *p, int64_t low, int64_t high)
{
    return low + (int64_t)philox_below(p, (uint64_t)(high - low + 1));
}

static inline int64_t draw_of(struct philox *p, const int64_t *of, size_t count)
{
    return of[philox_below(p, count)];
}

#define DRAW_OF(p, ...)                                                                                                \
    draw_of(p, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#endif
