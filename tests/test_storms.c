/*
 * What a retry storm costs, against a model that looks at every second: launches one by one, each metered second by
 * second, the caps asked before each round. And its place in the books, by month and clock hour, under reservations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sim/attempts.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"

#ifdef __SANITIZE_ADDRESS__
#define STORMS 600
#define SCENES 150
#else
#define STORMS 4000
#define SCENES 1200
#endif

/* Seconds that AWS bills for an instance that ran length_s: every second opens what it opens. */
static int64_t metered(enum regime regime, int64_t length_s)
{
    int64_t billed = 0;
    for (int64_t second = 0; second < length_s; second++)
        if (regime == REGIME_SECOND)
            billed++;
        else if (second % 3600 == 0)
            billed += 3600;
    return regime == REGIME_SECOND && billed < 60 ? 60 : billed;
}

struct watched {
    int64_t launches, billed_s, length_s;
};

/* A night, second by second. A round launches one instance in each slot; it begins when the last round's are dead, if
 * it ends within the night, is within the cap, and everything with it costs no more than the limit. One always does. */
static struct watched watch_night(const struct model *m, bool capped)
{
    const struct failures *f = &m->failures;
    struct watched w = {0};
    int64_t slots = 0;
    for (int64_t i = 0; i < (m->fleet ? m->fleet : 1) && i < (m->fleet ? m->surge : 1); i++)
        slots++;
    int64_t rounds = 0;
    int64_t dead_at = 0;
    for (int64_t second = 0; second <= f->night_s || rounds == 0; second++) {
        if (second < dead_at)
            continue;
        int64_t more = 0;
        for (int64_t i = 0; i < slots; i++)
            more += metered(m->terms.regime, f->storm_cycle_s);
        bool late = second + f->storm_cycle_s > f->night_s;
        bool over =
            capped &&
            ((f->storm_cap && rounds >= f->storm_cap) ||
             (f->storm_usd && (int128)(w.billed_s + more) * m->terms.price_per_hour > (int128)f->storm_usd * 3600));
        if (rounds && (late || over))
            break;
        rounds++;
        w.launches += slots;
        w.billed_s += more;
        dead_at = second + f->storm_cycle_s;
    }
    w.length_s = dead_at;
    return w;
}

static void draw_storm(struct model *m, struct philox *p)
{
    *m = plain_model(draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND);
    m->terms.price_per_hour = m->price_per_hour = draw(p, 0, 9) ? draw(p, 1, 2 * USD) : 0;
    m->fleet = DRAW_OF(p, 0, 1, 3, 10, 40);
    m->surge = draw(p, 1, 12);
    m->failures = (struct failures){.any = true,
                                    .storm_cycle_s = DRAW_OF(p, 1, 20, 59, 60, 61, 180, 3599, 3600, 3601, 9000),
                                    .storm_cap = DRAW_OF(p, 0, 0, 1, 3, 50, 1000),
                                    .storm_usd = draw(p, 0, 1) ? draw(p, 1, 20 * USD) : 0,
                                    .night_s = DRAW_OF(p, 1, 600, 3600, 20000, 28800)};
}

static void same(const struct storm *s, const struct watched *w, int case_number)
{
    if (s->slots * s->launches_a_slot != w->launches || s->billed_s != w->billed_s || s->length_s != w->length_s)
        fail_msg("storm %d: %lld launches, %lld s billed, %lld s long; watched: %lld, %lld, %lld", case_number,
                 (long long)(s->slots * s->launches_a_slot), (long long)s->billed_s, (long long)s->length_s,
                 (long long)w->launches, (long long)w->billed_s, (long long)w->length_s);
}

static void storms_of_a_night(void **state)
{
    (void)state;
    struct philox p = philox_stream(11, 0, 0, 0);
    for (int i = 0; i < STORMS; i++) {
        struct model m;
        draw_storm(&m, &p);
        struct storm capped = storm_of(&m);
        struct storm uncapped = storm_uncapped(&m);
        struct watched w = watch_night(&m, true);
        same(&capped, &w, i);
        w = watch_night(&m, false);
        same(&uncapped, &w, i);
    }
}

/* ---- in the books ---- */

#define HOURS 4000

struct books {
    int64_t origin; /* the clock hour of hour[0] */
    int64_t hour[HOURS];
};

/* One launch, second by second: each opened hour is booked where it opens, each billed second where it falls. */
static void book(struct books *b, enum regime regime, int64_t begin, int64_t length_s)
{
    int64_t billed = metered(regime, length_s);
    for (int64_t s = 0; s < (regime == REGIME_SECOND ? billed : length_s); s++) {
        int64_t h = (begin + s) / 3600 - b->origin;
        assert_in_range(h, 0, HOURS - 1);
        if (regime == REGIME_SECOND)
            b->hour[h]++;
        else if (s % 3600 == 0)
            b->hour[h] += 3600;
    }
}

static void draw_books(struct scene *s, struct philox *p, struct risks *risks)
{
    enum regime regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND;
    int64_t t = at(2025, 10, 31, 20, 0) + draw(p, 0, 7200);
    size_t count = (size_t)draw(p, 1, 20);
    for (size_t i = 0; i < count; i++)
        s->arrival[i] = t += draw(p, 0, 4000);
    s->model = plain_model(regime);
    s->model.terms.bake_s = DRAW_OF(p, 100, 2000);
    s->model.terms.rollout_s = 50;
    s->model.terms.price_per_hour = s->model.price_per_hour = draw(p, 1, USD);
    s->model.reserved = DRAW_OF(p, 0, 1, 2, 5);
    s->model.failures = (struct failures){.any = true,
                                          .bake_tries = 1,
                                          .boot = RISK_CERTAIN / 3,
                                          .storm_cycle_s = DRAW_OF(p, 20, 180, 3600, 5000),
                                          .storm_cap = draw(p, 1, 8),
                                          .night_s = 28800};
    s->policy = (struct policy){{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    risks_init(risks);
    risks_draw(risks, &s->model.failures, (uint32_t)draw(p, 1, 1000000), 0, count);
    s->model.risks = risks;
    run(s, count);
}

static void storms_in_the_books(void **state)
{
    (void)state;
    struct philox p = philox_stream(12, 0, 0, 0);
    struct books *b = mem_zero(1, sizeof(*b));
    int64_t seen = 0;
    int64_t over_the_month = 0;
    for (int i = 0; i < SCENES; i++) {
        struct scene s = {.arrival = {0}};
        struct risks risks;
        draw_books(&s, &p, &risks);
        const struct mishaps *went = &s.replay.mishaps;
        *b = (struct books){.origin = s.arrival[0] / 3600};
        for (size_t k = 0; k < went->count; k++)
            for (int64_t n = 0; went->items[k].kind == MISHAP_STORM && n < went->items[k].launches; n++)
                for (int64_t slot = 0; slot < went->items[k].slots; slot++)
                    book(b, s.model.terms.regime, went->items[k].at + n * went->items[k].length_s,
                         went->items[k].length_s);
        int64_t paid_s[2] = {0}; /* October, November */
        for (int64_t h = 0; h < HOURS; h++) {
            int64_t free_s = s.model.reserved * 3600;
            int64_t left = b->hour[h] > free_s ? b->hour[h] - free_s : 0;
            paid_s[(b->origin + h) * 3600 >= at(2025, 11, 1, 0, 0)] += left;
            seen += b->hour[h] > 0;
        }
        over_the_month += paid_s[0] && paid_s[1];
        struct exact sum = {0};
        money_t expected = 0;
        exact_add(&sum, (int128)(paid_s[0] + paid_s[1]) * s.model.price_per_hour, 3600);
        assert_int_equal(exact_round(&sum, &expected), 0);
        exact_release(&sum);
        if (s.outcome.by_kind[COST_STORM] != expected)
            fail_msg("scene %d: storms cost %lld, watched %lld", i, (long long)s.outcome.by_kind[COST_STORM],
                     (long long)expected);
        release(&s);
        risks_release(&risks);
    }
    assert_true(seen > SCENES && over_the_month > SCENES / 100);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms_of_a_night), cmocka_unit_test(storms_in_the_books)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
