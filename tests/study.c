#include "tests/study.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "scheduler/optimum.h"
#include "scheduler/shadow.h"
#include "tests/support_arrivals.h"

#define SPAN_S      ((int64_t)3 * 365 * SECONDS_PER_DAY)
#define COMMITS_MIN 100 /* in each half */

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + 1e-6 * (double)used.ru_utime.tv_usec;
}

bool study_cut(struct study_history *h, const instant_t *at_s, size_t count, int64_t round_s)
{
    size_t from = 0;
    while (from < count && at_s[from] < at_s[count - 1] - SPAN_S)
        from++;
    h->count = count - from;
    h->at_s = mem_array(NULL, h->count, sizeof(*h->at_s));
    for (size_t i = 0; i < h->count; i++)
        h->at_s[i] = (at_s[from + i] + round_s - 1) / round_s * round_s;
    h->end = h->at_s[h->count - 1];
    h->middle = h->at_s[0] + (h->end - h->at_s[0]) / 2 / SECONDS_PER_HOUR * SECONDS_PER_HOUR;
    h->half = 0;
    while (h->half < h->count && h->at_s[h->half] <= h->middle)
        h->half++;
    if (h->half >= COMMITS_MIN && h->count - h->half >= COMMITS_MIN)
        return true;
    study_release(h);
    return false;
}

void study_release(struct study_history *h)
{
    free(h->at_s);
    h->at_s = NULL;
}

/* Event by event, as replay and production do it. */
static double drive(const struct decider *d, const struct study_history *h, size_t from, size_t to, double *asks)
{
    struct shadow s;
    shadow_init(&s, d, from);
    while (s.next < to) {
        instant_t ready = s.free_at > h->at_s[s.next] ? s.free_at : h->at_s[s.next];
        for (;;) {
            size_t known = s.heard;
            while (known < to && h->at_s[known] <= ready)
                known++;
            shadow_hear(&s, h->at_s, known);
            outlook_hear(d->outlook, h->at_s, known, ready);
            struct pending p = shadow_pending(&s, h->at_s);
            instant_t fire = policy_fire_at(d, ready, &p, &s.rental);
            ++*asks;
            if (known == to || h->at_s[known] > fire) {
                ready = fire;
                break;
            }
            ready = h->at_s[known];
            if (ready == fire)
                break;
        }
        size_t known = s.heard;
        while (known < to && h->at_s[known] <= ready)
            known++;
        shadow_hear(&s, h->at_s, known);
        outlook_hear(d->outlook, h->at_s, known, ready);
        outlook_started(d->outlook, ready);
        shadow_deploy(&s, h->at_s, ready);
    }
    return s.spent;
}

/* It has learned from the first half. */
static struct outlook *learned(const struct study_history *h, const struct policy *p, const struct terms *t)
{
    struct decider d = policy_decider(p, t);
    struct err err;
    struct outlook *o = NULL;
    int code = outlook_new(&o, &d, &err);
    assert(!code);
    outlook_fit_once(o, h->middle);
    outlook_begin(o, h->at_s, h->half);
    outlook_hear(o, h->at_s, h->half, h->middle);
    return o;
}

double study_timed(const struct study_history *h, const struct policy *p, const struct terms *t, double *ns_a_decision,
                   double *fit_s)
{
    double begin = cpu_s();
    struct outlook *o = learned(h, p, t);
    double fitted = cpu_s();
    double asks = 0;
    double cost = drive(outlook_decider(o), h, h->half, h->count, &asks);
    *ns_a_decision = 1e9 * (cpu_s() - fitted) / asks;
    *fit_s = fitted - begin;
    outlook_free(o);
    return cost;
}

void study_each(const struct study_history *h, size_t count, const struct policy *p, const struct terms *t,
                double *cost)
{
    struct outlook *o = learned(&h[0], p, t);
    for (size_t i = 0; i < count; i++) {
        struct outlook *own = outlook_copy(o);
        double asks = 0;
        cost[i] = drive(outlook_decider(own), &h[i], h[i].half, h[i].count, &asks);
        outlook_free(own);
    }
    outlook_free(o);
}

static double run_plain(const struct study_history *h, const struct policy *p, const struct terms *t, size_t from,
                        size_t to)
{
    struct decider d = policy_decider(p, t);
    struct shadow s;
    shadow_init(&s, &d, from);
    shadow_advance(&s, h->at_s, to, INSTANT_MAX);
    return s.spent;
}

double study_policy(const struct study_history *h, const struct policy *p, const struct terms *t)
{
    double ns;
    double fit_s;
    if (policy_learns(p->trigger.kind))
        return study_timed(h, p, t, &ns, &fit_s);
    return run_plain(h, p, t, h->half, h->count);
}

double study_tuned(const struct study_history *h, struct policy p, const struct terms *t, const int64_t *args,
                   size_t count)
{
    double least = INFINITY;
    int64_t best = args[0];
    for (size_t i = 0; i < count; i++) {
        p.trigger.arg = args[i];
        double cost = run_plain(h, &p, t, 0, h->half);
        if (cost < least) {
            least = cost;
            best = args[i];
        }
    }
    p.trigger.arg = best;
    return run_plain(h, &p, t, h->half, h->count);
}

double study_optimum(const struct study_history *h, const struct terms *t, int64_t grid_s)
{
    struct optimum_terms terms = {.bake_s = t->bake_s,
                                  .boot_s = t->boot_s,
                                  .meter = regime_meter(t->regime),
                                  .grid_s = grid_s,
                                  .price_per_hour = t->price_per_hour,
                                  .per_deploy = t->per_deploy,
                                  .delay_price_per_commit_hour = t->delay_price_per_commit_hour};
    struct optimum o;
    struct err err;
    int code = optimum_solve(&o, &terms, h->at_s + h->half, h->count - h->half, NULL, &err);
    if (code) {
        fprintf(stderr, "%s: %s\n", h->name, err.text);
        exit(1);
    }
    double cost = (double)(o.money + o.waiting) / OPTIMUM_UNITS_PER_MONEY;
    optimum_release(&o);
    return cost;
}

void study_draw(struct study_history *out, const struct study_history *h, uint32_t seed)
{
    struct arrivals model;
    size_t cap = h->half;
    *out = *h;
    arrivals_fit(&model, h->at_s, h->half, h->middle);
    out->at_s = mem_array(NULL, cap, sizeof(*out->at_s));
    memcpy(out->at_s, h->at_s, h->half * sizeof(*out->at_s));
    out->count = arrivals_draw(&model, seed, h->middle, h->end, &out->at_s, h->half, &cap);
}
