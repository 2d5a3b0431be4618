/*
 * mix.h - weighted sums of lines of floats: the inner loops of solve.h, on the widest unit that there is.
 *
 *   to[x] = base + chance_0 * line_0[x] + chance_1 * line_1[x] + ... , summed in that order, and then
 *   to[x] = floor[x] where that is less
 *
 * The order is part of it: each unit gives the same bits (base/wide.h). Lines are as wide as the caller says, a
 * multiple of MIX_LANES; `to` overlaps none of them. Cost: some 0.1 ns for each term and float.
 */
#ifndef SCHEDULER_MIX_H
#define SCHEDULER_MIX_H

#include <stddef.h>
#include <stdint.h>

#define MIX_LANES 8

struct mix_share {
    int32_t offset; /* of the line, in floats from `from` */
    float chance;
};

struct mix {
    const float *from;
    const struct mix_share *shares;
    size_t count;
    const float *last; /* a line from elsewhere, added last; NULL: none */
    float last_chance;
    float base;
    const float *floor; /* NULL: none */
};

typedef void mix_lines(float *to, const struct mix *m, size_t width);

mix_lines *mix_widest(void);

#endif
