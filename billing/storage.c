#include "billing/storage.h"

#include <assert.h>

void storage_add_cost(struct exact *cost, money_t usd_per_gb_month, int64_t quantity, int64_t quantity_per_gb,
                      instant_t start, instant_t end, struct meter meter)
{
    assert(start <= end && quantity >= 0 && quantity_per_gb > 0);
    instant_t at = start;
    instant_t stop = start + meter_billed_s(meter, end - start);
    while (at < stop) {
        int month = calendar_month(at);
        instant_t next = calendar_month_start(month + 1);
        int64_t seconds = (stop < next ? stop : next) - at;
        int128 numerator;
        bool overflow = __builtin_mul_overflow((int128)usd_per_gb_month * quantity, (int128)seconds, &numerator);
        assert(!overflow);
        exact_add(cost, numerator, calendar_month_seconds(month) * quantity_per_gb);
        at += seconds;
    }
}

int64_t snapshot_chain_stored(const struct snapshot_delta *chain, size_t count)
{
    int64_t stored = 0;
    for (size_t i = 0; i < count; i++) {
        assert(chain[i].changed >= 0 && chain[i].added >= 0);
        stored += chain[i].changed + chain[i].added;
    }
    return stored;
}
