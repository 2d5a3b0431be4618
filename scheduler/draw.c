#include "scheduler/draw.h"

#include <assert.h>
#include <math.h>

#include "base/philox.h"

#define PURPOSE_RIPENESS 0x72697065 /* "ripe" */

double draw_ripeness(uint32_t seed)
{
    struct philox p = philox_stream(seed, 0, 0, PURPOSE_RIPENESS);
    return log1p(philox_unit(&p) * (exp(1) - 1));
}

/* The first second at which the regret reaches so many commit-seconds. */
static double regret_reached(const instant_t *at_s, size_t count, double commit_s)
{
    double first = INFINITY;
    for (size_t j = 0; j < count && (double)at_s[j] < first; j++) {
        if (j + 1 < count && at_s[j + 1] == at_s[j])
            continue; /* all of a second are there together */
        double t = (double)at_s[j] + ceil(commit_s / (double)(j + 1));
        first = t < first ? t : first;
    }
    return first;
}

instant_t draw_fire_at(const struct decider *d, double z, const instant_t *at_s, size_t count, instant_t ready,
                       const struct rental *rental)
{
    assert(count > 0);
    const struct terms *t = &d->terms;
    instant_t from = ready;
    for (;;) {
        struct area_piece piece = policy_area_piece_by(d, d->meter, rental, from);
        double money = (double)t->per_deploy + (double)t->price_per_hour * (double)piece.seconds / SECONDS_PER_HOUR;
        double commit_s = z * money * SECONDS_PER_HOUR / (double)t->delay_price_per_commit_hour;
        double reached = commit_s <= 0 ? (double)from : regret_reached(at_s, count, commit_s);
        if (reached >= (double)INSTANT_MAX)
            reached = (double)INSTANT_MAX;
        instant_t fire = reached > (double)from ? (instant_t)reached : from;
        if (fire <= piece.until)
            return fire;
        from = piece.until + 1;
    }
}
