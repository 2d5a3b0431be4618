/*
 * stats.h - order statistics of whole numbers.
 *
 * Nearest rank: the p-th percentile of n values is the ceil(p n / 100)-th smallest. Exact. The values are read only.
 * Cost: O(n) for each 11 bits of the largest value (16 from a million values on); 16 to 512 KiB of working memory.
 */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include <stddef.h>
#include <stdint.h>

enum { STATS_P50, STATS_P90, STATS_P95, STATS_P99, STATS_RANKS };

struct stats {
    int64_t percentile[STATS_RANKS];
    int64_t max;
};

extern const int stats_percent[STATS_RANKS];

/* values >= 0, n > 0 */
struct stats stats_of(const int64_t *values, size_t n);

#endif
