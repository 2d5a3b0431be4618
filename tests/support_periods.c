#include "tests/support_periods.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

void periods_add(struct periods *p, int64_t begin, int64_t end)
{
    assert(begin <= end);
    p->items = mem_grow(p->items, &p->cap, p->count + 1, sizeof(*p->items));
    p->items[p->count++] = (struct period){begin, end};
}

void periods_release(struct periods *p)
{
    free(p->items);
    *p = (struct periods){0};
}

static int64_t bake_begins(const struct replay *r, const struct model *m, size_t i)
{
    return replay_start_s(r, i) + m->terms.prepare_s;
}

static int64_t bake_ends(const struct replay *r, const struct model *m, size_t i)
{
    int64_t end = bake_begins(r, m, i) + m->terms.bake_s;
    if (replay_launched(r, i))
        end += m->terms.boot_s;
    return end;
}

int64_t periods_until(const struct replay *r, const struct model *m)
{
    int64_t end = bake_ends(r, m, r->deployments - 1) + m->terms.rollout_s;
    if (m->fleet > 0)
        end += m->drain_s;
    return m->until > end ? m->until : end;
}

void periods_of_bakes(struct periods *to, const struct replay *r, const struct model *m, const struct policy *policy)
{
    const struct terms *t = &m->terms;
    int64_t idle_s = policy->keep.kind == KEEP_IDLE ? policy->keep.idle_s : 0;
    if (policy->keep.kind == KEEP_RENT) {
        int128 worth = (int128)t->launch_cost * 3600 + (int128)t->price_per_hour * t->boot_s;
        idle_s = (int64_t)(worth / t->price_per_hour);
        if ((int128)idle_s * t->price_per_hour < worth)
            idle_s++;
    }
    for (size_t i = 0; i < r->deployments; i++) {
        if (replay_launched(r, i))
            periods_add(to, bake_begins(r, m, i), bake_ends(r, m, i) + idle_s);
        else
            to->items[to->count - 1].end = bake_ends(r, m, i) + idle_s;
    }
}

void periods_undisturbed(struct periods *to, const struct replay *r, const struct model *m, int64_t until)
{
    for (int64_t i = 0; i < m->fleet; i++)
        periods_add(to, replay_start_s(r, 0), until);
}

void periods_of_fleet(struct periods *to, const struct replay *r, const struct model *m, int64_t until)
{
    int64_t rollout_s = m->terms.rollout_s;
    int64_t waves = 0;
    for (int64_t replaced = 0; replaced < m->fleet; replaced += m->surge)
        waves++;
    for (int64_t i = 0; i < m->fleet; i++) {
        int64_t wave = i / m->surge;
        int64_t begin = replay_start_s(r, 0);
        for (size_t k = 0; k < r->deployments; k++) {
            int64_t rolls_at = bake_ends(r, m, k);
            periods_add(to, begin, rolls_at + (wave + 1) * rollout_s / waves + m->drain_s);
            begin = rolls_at + wave * rollout_s / waves;
        }
        periods_add(to, begin, until);
    }
}

static void bill_hours(const struct period *p, int64_t first, size_t count, int64_t *seconds)
{
    int64_t at = p->begin;
    do { /* entering `running` opens an hour, whatever follows */
        assert(at / 3600 >= first && at / 3600 < first + (int64_t)count);
        seconds[at / 3600 - first] += 3600;
        at += 3600;
    } while (at < p->end);
}

static void bill_seconds(const struct period *p, int64_t first, size_t count, int64_t *seconds)
{
    int64_t end = p->end < p->begin + 60 ? p->begin + 60 : p->end;
    for (int64_t hour = p->begin / 3600; hour * 3600 < end; hour++) {
        assert(hour >= first && hour < first + (int64_t)count);
        int64_t from = hour * 3600 < p->begin ? p->begin : hour * 3600;
        int64_t to = (hour + 1) * 3600 < end ? (hour + 1) * 3600 : end;
        seconds[hour - first] += to - from;
    }
}

void periods_bill(const struct periods *p, enum regime regime, int64_t first, size_t count, int64_t *seconds)
{
    for (size_t i = 0; i < p->count; i++) {
        if (regime == REGIME_HOURLY)
            bill_hours(&p->items[i], first, count, seconds);
        else
            bill_seconds(&p->items[i], first, count, seconds);
    }
}
