#include "sim/stats.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WIDE_BITS   16 /* digits of many values, and */
#define NARROW_BITS 11 /* of fewer, for which clearing the counts would take longer than counting */
#define MANY        ((size_t)1 << 20)

const int stats_percent[STATS_RANKS] = {50, 90, 95, 99};

/* Counts the digit at `shift` of the values whose higher digits are those of `prefix`. */
static inline void count_digits(const int64_t *values, size_t n, int bits, int shift, int64_t prefix, bool all,
                                uint64_t *counts)
{
    size_t digits = (size_t)1 << bits;
    memset(counts, 0, digits * sizeof(*counts));
    if (all) {
        for (size_t i = 0; i < n; i++)
            counts[values[i] >> shift]++;
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (values[i] >> (shift + bits) == prefix)
            counts[(size_t)(values[i] >> shift) & (digits - 1)]++;
}

/* The digit that the rank falls on (ranks from 0); *rank becomes the rank among the values with that digit. */
static int64_t digit_at(const uint64_t *counts, uint64_t *rank)
{
    size_t digit = 0;
    while (counts[digit] <= *rank)
        *rank -= counts[digit++];
    return (int64_t)digit;
}

struct stats stats_of(const int64_t *values, size_t n)
{
    assert(n > 0);
    struct stats s = {.max = values[0]};
    for (size_t i = 1; i < n; i++)
        s.max = values[i] > s.max ? values[i] : s.max;
    int bits = n < MANY ? NARROW_BITS : WIDE_BITS;
    int64_t digits = (int64_t)1 << bits;
    int top = 0;
    while (s.max >> top >= digits)
        top += bits;
    uint64_t *counts = mem_alloc((size_t)digits * sizeof(*counts));
    uint64_t rank[STATS_RANKS];
    count_digits(values, n, bits, top, 0, true, counts);
    for (int p = 0; p < STATS_RANKS; p++) {
        rank[p] = ((uint64_t)stats_percent[p] * n + 99) / 100 - 1;
        s.percentile[p] = digit_at(counts, &rank[p]);
    }
    for (int shift = top - bits; shift >= 0; shift -= bits)
        for (int p = 0; p < STATS_RANKS; p++) {
            count_digits(values, n, bits, shift, s.percentile[p], false, counts);
            s.percentile[p] = s.percentile[p] * digits + digit_at(counts, &rank[p]);
        }
    free(counts);
    return s;
}
