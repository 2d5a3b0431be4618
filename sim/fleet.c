#include "sim/fleet.h"

#include <stdlib.h>

#include "base/mem.h"

/* One wave: replaces instances first .. end-1, whose running began at begin[]. */
static void wave(const struct model *m, struct hours *rolled, int64_t *begin, int64_t first, int64_t end,
                 instant_t starts, instant_t ends)
{
    struct meter meter = regime_meter(m->terms.regime);
    for (int64_t i = first; i < end; i++) {
        hours_book(rolled, m->terms.regime, begin[i], meter_billed_s(meter, ends - begin[i]), 1);
        begin[i] = starts;
    }
}

static void rollout(const struct model *m, struct hours *rolled, int64_t *begin, instant_t baked)
{
    int64_t surge = m->surge < m->fleet ? m->surge : m->fleet;
    int64_t waves = (m->fleet + surge - 1) / surge;
    for (int64_t j = 0; j < waves; j++) {
        int64_t end = (j + 1) * surge < m->fleet ? (j + 1) * surge : m->fleet;
        wave(m, rolled, begin, j * surge, end, baked + m->terms.rollout_s * j / waves,
             baked + m->terms.rollout_s * (j + 1) / waves + m->drain_s);
    }
}

static void book_rest(const struct model *m, struct hours *to, const int64_t *begin, instant_t until)
{
    struct meter meter = regime_meter(m->terms.regime);
    for (int64_t i = 0; i < m->fleet; i++)
        hours_book(to, m->terms.regime, begin[i], meter_billed_s(meter, until - begin[i]), 1);
}

void fleet_run(const struct model *m, const struct replay *r, instant_t until, struct hours *rolled,
               struct hours *undisturbed)
{
    struct meter meter = regime_meter(m->terms.regime);
    instant_t from = replay_start_s(r, 0);
    hours_book(undisturbed, m->terms.regime, from, meter_billed_s(meter, until - from), m->fleet);
    int64_t *begin = mem_zero((size_t)m->fleet, sizeof(*begin));
    for (int64_t i = 0; i < m->fleet; i++)
        begin[i] = from;
    for (size_t i = 0; i < r->deployments; i++)
        rollout(m, rolled, begin, replay_baked_s(r, &m->terms, i));
    book_rest(m, rolled, begin, until);
    free(begin);
}

instant_t fleet_until(const struct model *m, const struct replay *r, const struct decider *d)
{
    instant_t baked = replay_baked_s(r, &d->terms, r->deployments - 1);
    instant_t until = baked + m->terms.rollout_s + (m->fleet ? m->drain_s : 0);
    return m->until > until ? m->until : until;
}
