#include "scheduler/storm.h"

#include <assert.h>

#include "base/num.h"

#define THRESHOLD_LEAST 3
#define THRESHOLD_MOST  200
#define HOUR_S          3600
#define SECOND_LEAST_S  60

/* Amazon ECS, "deployment circuit breaker": 0.5 x desired count, rounded up, at least 3, at most 200. */
int64_t storm_threshold(int64_t desired)
{
    assert(desired >= 0);
    int64_t half = desired / 2 + desired % 2;
    return half < THRESHOLD_LEAST ? THRESHOLD_LEAST : half > THRESHOLD_MOST ? THRESHOLD_MOST : half;
}

/* What n failed instances cost, rounded up: a limit is held, not met on average. */
static int128 cost_of(const struct storm_terms *t, int64_t n, int64_t seconds_each)
{
    return num_div_ceil((int128)t->price_per_hour * n * seconds_each, HOUR_S);
}

struct storm_cap storm_cap(const struct storm_terms *t)
{
    assert(t->life_s > 0 && t->price_per_hour >= 0 && t->limit >= 0 && t->attempts >= 0);
    struct storm_cap cap = {.attempts = t->attempts ? t->attempts : storm_threshold(t->desired)};
    int64_t life_s = t->life_s < SECOND_LEAST_S ? SECOND_LEAST_S : t->life_s;
    cap.seconds_each = t->per_second ? life_s : (life_s + HOUR_S - 1) / HOUR_S * HOUR_S;
    if (t->limit > 0 && t->price_per_hour > 0) {
        int128 each = cost_of(t, 1, cap.seconds_each);
        int128 afford = (int128)t->limit / each;
        if (afford < cap.attempts) {
            cap.attempts = (int64_t)afford; /* 0: not even one failure can be paid for; the caller refuses */
            cap.by_money = true;
        }
    }
    cap.instance_s = cap.attempts * cap.seconds_each;
    cap.worst = (money_t)cost_of(t, cap.attempts, cap.seconds_each);
    return cap;
}
