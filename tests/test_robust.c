/*
 * What predict is held to, against an adversary: docs/optimum.md proves that in an epoch it costs at most (1 + TRUST)
 * times what area:1 does, and 5 + TRUST + slack + stretch launches, where bakes take no time and a launch costs the
 * same each time, or paid hours alone cost. A search looks for arrivals that break it: gaps, again and again, learned
 * from others. ROBUST_LOOKS=N in the environment: how many it looks at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/mem.h"
#include "scheduler/outlook.h"
#include "scheduler/shadow.h"
#include "tests/support_draw.h"

#define USD     MONEY_PER_USD
#define ONE     THETA_PER_ONE
#define BEGIN_S ((instant_t)1735689600) /* 2025-01-01T00:00:00Z */
#define TRAIN   120
#define GAPS    6

#if defined(__SANITIZE_ADDRESS__)
#define LOOKS 60
#else
#define LOOKS 400
#endif

struct pattern {
    int64_t gap_s[GAPS], train_gap_s[GAPS];
    int gaps;
};

struct game {
    struct terms terms;
    struct keep keep;
    int64_t trust;
    size_t commits; /* that are measured */
};

static int64_t draw_gap(struct philox *p)
{
    return DRAW_OF(p, 0, 0, 1, 60, 300, 900, 1800, 2700, 3599, 3600, 3601, 5400, 7199, 7200, 14400, 43200, 86400,
                   259200);
}

static struct pattern draw_pattern(struct philox *p)
{
    struct pattern i = {.gaps = (int)draw(p, 1, GAPS)};
    for (int g = 0; g < GAPS; g++) {
        i.gap_s[g] = draw_gap(p);
        i.train_gap_s[g] = draw_gap(p);
    }
    i.train_gap_s[0] += 43200; /* four weeks go by, so that something is learned */
    return i;
}

static struct pattern change(const struct pattern *from, struct philox *p)
{
    struct pattern i = *from;
    int g = (int)draw(p, 0, GAPS - 1);
    switch (draw(p, 0, 4)) {
    case 0:
        i.gaps = (int)draw(p, 1, GAPS);
        break;
    case 1:
        i.train_gap_s[g] = draw_gap(p) + (g ? 0 : 43200);
        break;
    case 2:
        i.gap_s[g] = draw_gap(p);
        break;
    default:
        i.gap_s[g] += DRAW_OF(p, -600, -60, -10, -1, 1, 10, 60, 600);
        i.gap_s[g] = i.gap_s[g] < 0 ? 0 : i.gap_s[g];
    }
    return i;
}

/* Both sides of the account, seen from outside; the epoch begins with the first commit that is measured. */
struct match {
    struct shadow own, beside;
    double launch, excess; /* the most that own was above (1 + trust) x beside, in launches */
};

static void look(struct match *m, const struct game *g, const instant_t *at_s, size_t known, instant_t now)
{
    double trust = (double)g->trust / (double)ONE;
    shadow_advance(&m->beside, at_s, known, now);
    double excess = (shadow_cost(&m->own, now) - (1 + trust) * shadow_cost(&m->beside, now)) / m->launch;
    m->excess = excess > m->excess ? excess : m->excess;
}

static void hear(struct match *m, const struct game *g, struct outlook *o, const instant_t *at_s, size_t end,
                 instant_t now)
{
    size_t known = m->own.heard;
    while (known < end && at_s[known] <= now)
        known++;
    shadow_hear(&m->own, at_s, known);
    outlook_hear(o, at_s, known, now);
    look(m, g, at_s, known, now);
}

/* Event by event, as production does: asked again when a commit comes first. */
static void play(struct match *m, const struct game *g, struct outlook *o, const instant_t *at_s, size_t end)
{
    const struct decider *d = outlook_decider(o);
    while (m->own.next < end) {
        instant_t now = m->own.free_at > at_s[m->own.next] ? m->own.free_at : at_s[m->own.next];
        for (;;) {
            hear(m, g, o, at_s, end, now);
            struct pending p = shadow_pending(&m->own, at_s);
            instant_t fire = policy_fire_at(d, now, &p, &m->own.rental);
            bool comes = m->own.heard < end && at_s[m->own.heard] < fire;
            now = comes ? at_s[m->own.heard] : fire;
            if (!comes)
                break;
        }
        hear(m, g, o, at_s, end, now);
        outlook_started(o, now);
        shadow_deploy(&m->own, at_s, now);
        look(m, g, at_s, m->own.heard, now);
    }
}

static double excess_of(const struct game *g, const struct pattern *i)
{
    size_t count = TRAIN + g->commits;
    instant_t *at_s = mem_array(NULL, count, sizeof(*at_s));
    instant_t t = BEGIN_S;
    struct policy predict = {{TRIGGER_PREDICT, g->trust}, g->keep};
    struct policy area = {{TRIGGER_AREA, ONE}, g->keep};
    struct decider d = policy_decider(&predict, &g->terms);
    struct decider base = policy_decider(&area, &g->terms);
    struct outlook *o = NULL;
    struct err err;
    for (size_t k = 0; k < TRAIN; k++)
        at_s[k] = t += i->train_gap_s[k % GAPS];
    instant_t middle = t += SECONDS_PER_DAY;
    for (size_t k = TRAIN; k < count; k++)
        at_s[k] = t += 1 + i->gap_s[(k - TRAIN) % (size_t)i->gaps];
    assert_int_equal(outlook_new(&o, &d, &err), 0);
    outlook_fit_once(o, middle);
    outlook_begin(o, at_s, TRAIN);
    outlook_hear(o, at_s, TRAIN, middle);
    struct match m = {.launch = (double)g->terms.per_deploy +
                                (double)g->terms.price_per_hour * (double)d.launch_s / SECONDS_PER_HOUR};
    shadow_init(&m.own, &d, TRAIN);
    shadow_init(&m.beside, &base, TRAIN);
    play(&m, g, o, at_s, count);
    outlook_free(o);
    free(at_s);
    return m.excess;
}

static int64_t looks(void)
{
    const char *text = getenv("ROBUST_LOOKS");
    return text ? strtoll(text, NULL, 10) : LOOKS;
}

/* Uphill from eight places. */
static double search(const struct game *g, uint32_t seed, struct pattern *worst)
{
    struct philox p = philox_stream(seed, 0, 0, 1);
    struct pattern at = {0};
    double here = 0;
    double most = 0;
    int64_t all = looks();
    for (int64_t k = 0; k < all; k++) {
        bool anew = k % (all / 8 + 1) == 0;
        struct pattern next = anew ? draw_pattern(&p) : change(&at, &p);
        double excess = excess_of(g, &next);
        if (anew || excess >= here) {
            here = excess;
            at = next;
        }
        if (excess > most) {
            most = excess;
            *worst = next;
        }
    }
    return most;
}

static void print_found(const char *name, const struct game *g, double most, const struct pattern *worst)
{
    print_message("# %s, trust %.2f, w %.2f: %.2f launches above, gaps", name, (double)g->trust / (double)ONE,
                  (double)g->terms.delay_price_per_commit_hour / (double)USD, most);
    for (int i = 0; i < worst->gaps; i++)
        print_message(" %lld", (long long)worst->gap_s[i]);
    print_message("\n");
}

/* Each commit's waiting is over by less than a second too late, for seconds are whole. */
static double proven(const struct game *g)
{
    double trust = (double)g->trust / (double)ONE;
    double rounding = (double)g->terms.delay_price_per_commit_hour / SECONDS_PER_HOUR * (double)g->commits;
    return 5 + trust + OUTLOOK_SLACK + OUTLOOK_STRETCH + rounding / (double)USD;
}

static const int64_t trusts[] = {0, ONE / 20, ONE / 4, ONE};
static const int64_t prices[] = {USD / 50, USD / 5, USD};

static void held(const char *name, struct game g, uint32_t seed)
{
    for (size_t i = 0; i < sizeof(trusts) / sizeof(*trusts); i++)
        for (size_t j = 0; j < sizeof(prices) / sizeof(*prices); j++) {
            struct pattern worst = {.gaps = 0};
            g.trust = trusts[i];
            g.terms.delay_price_per_commit_hour = prices[j];
            double most = search(&g, seed + (uint32_t)(10 * i + j), &worst);
            print_found(name, &g, most, &worst);
            if (most > proven(&g))
                fail_msg("%s: %.3f launches above, %.3f are proven", name, most, proven(&g));
        }
}

static void deployments_that_cost_the_same(void **state)
{
    (void)state;
    held("K alone",
         (struct game){
             .terms = {.regime = REGIME_SECOND, .per_deploy = USD}, .keep = {KEEP_TERMINATE, 0}, .commits = 300},
         9000);
}

static void paid_hours_alone(void **state)
{
    (void)state;
    held("paid hours",
         (struct game){
             .terms = {.regime = REGIME_HOURLY, .price_per_hour = USD}, .keep = {KEEP_HOUR, 0}, .commits = 300},
         9100);
}

/* With long bakes it does not hold: on these gaps what it is above grows with the commits. Documented there. */
static void long_bakes_are_not_held(void **state)
{
    (void)state;
    static const struct pattern found = {
        .gap_s = {7200, 900, 5340, 3600}, .train_gap_s = {43201, 14400, 5400, 1800, 3601, 900}, .gaps = 4};
    struct game g = {.terms = {.bake_s = 900,
                               .regime = REGIME_HOURLY,
                               .price_per_hour = USD,
                               .delay_price_per_commit_hour = USD / 5},
                     .keep = {KEEP_HOUR, 0},
                     .trust = ONE / 50,
                     .commits = 600};
    double half = excess_of(&g, &found);
    g.commits = 1200;
    double whole = excess_of(&g, &found);
    print_message("# long bakes: %.2f launches above after 600 commits, %.2f after 1200\n", half, whole);
    assert_true(whole > half + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deployments_that_cost_the_same),
        cmocka_unit_test(paid_hours_alone),
        cmocka_unit_test(long_bakes_are_not_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
