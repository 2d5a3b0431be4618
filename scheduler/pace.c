#include "scheduler/pace.h"

#include <math.h>

#include "scheduler/outlook.h"
#include "scheduler/shadow.h"

#define WINDOW_S     ((int64_t)28 * SECONDS_PER_DAY)
#define WINDOW_MIN_S SECONDS_PER_DAY
#define THETA_MOST   ((int64_t)100 * THETA_PER_ONE)
#define THETA_LEAST  1000000 /* a ten-thousandth */
#define HALVINGS     16      /* of six decades of prices: to 20 % at worst */

/* theta 100 stands for 10,000 commit-hours of waiting for a paid hour, or for what a launch costs. */
#define COMMIT_HOURS_PER_THETA 100

void pace_init(struct pace *p, const struct decider *d)
{
    const struct trigger *t = &d->policy.trigger;
    struct policy area = {{TRIGGER_AREA, 0}, d->policy.keep};
    struct terms terms = d->terms;
    *p = (struct pace){.hours = t->kind == TRIGGER_BUDGET_HOURS, .budget = (double)t->arg, .day = INT64_MIN};
    double launch = (double)terms.per_deploy + (double)terms.price_per_hour * (double)d->launch_s / SECONDS_PER_HOUR;
    if (p->hours) {
        terms.price_per_hour = MONEY_PER_USD;
        terms.per_deploy = 0;
        launch = (double)MONEY_PER_USD;
    }
    terms.delay_price_per_commit_hour = (money_t)(launch / COMMIT_HOURS_PER_THETA) + 1;
    p->area = policy_decider(&area, &terms);
    p->area.tail_s = d->tail_s; /* `rent` keeps by the real price */
    p->area.launch_s = d->launch_s;
}

static double units_of(const struct pace *p, int64_t deployments, int64_t billed_s)
{
    const struct terms *t = &p->area.terms;
    if (p->hours)
        return (double)billed_s;
    return (double)t->per_deploy * (double)deployments +
           (double)t->price_per_hour * (double)billed_s / SECONDS_PER_HOUR;
}

static void set_price(struct pace *p, int64_t theta)
{
    p->area.policy.trigger.arg = theta;
    p->area.launch_wait = policy_area_wait(&p->area, p->area.launch_s);
}

/* What the window's commits would have spent at a price. */
static double spent_at(const struct pace *p, int64_t theta, const instant_t *at_s, size_t from, size_t count,
                       instant_t now)
{
    struct pace tried = *p;
    struct shadow s;
    set_price(&tried, theta);
    shadow_init(&s, &tried.area, from);
    shadow_advance(&s, at_s, count, now);
    return units_of(p, s.deployments, s.billed_s);
}

/* The lowest price at which no more is spent than is there. */
static int64_t find_price(const struct pace *p, double there, const instant_t *at_s, size_t from, size_t count,
                          instant_t now)
{
    if (spent_at(p, 0, at_s, from, count, now) <= there)
        return 0;
    double low = log((double)THETA_LEAST);
    double high = log((double)THETA_MOST);
    for (int i = 0; i < HALVINGS; i++) {
        double middle = (low + high) / 2;
        if (spent_at(p, (int64_t)exp(middle), at_s, from, count, now) <= there)
            high = middle;
        else
            low = middle;
    }
    int64_t theta = (int64_t)exp(high);
    return theta > THETA_MOST ? THETA_MOST : theta;
}

void pace_look(struct pace *p, const instant_t *at_s, size_t count, instant_t now)
{
    int64_t day = now / SECONDS_PER_DAY;
    if (day == p->day || !count)
        return;
    p->day = day;
    int month = calendar_month(now);
    if (month != p->month) {
        p->month = month;
        p->used = 0;
    }
    instant_t begin = now - WINDOW_S > at_s[0] ? now - WINDOW_S : at_s[0];
    size_t from = count;
    while (from > 0 && at_s[from - 1] >= begin && count - from < PACE_COMMITS)
        from--;
    if (from < count && count - from == PACE_COMMITS)
        begin = at_s[from];
    int64_t window_s = now - begin > WINDOW_MIN_S ? now - begin : WINDOW_MIN_S;
    double left = p->budget - p->used;
    int64_t left_s = calendar_month_start(month + 1) - now;
    double there = left * (double)window_s / (double)left_s;
    set_price(p, left <= 0 ? THETA_MOST : find_price(p, there, at_s, from, count, now));
}

void pace_spend(struct pace *p, instant_t start, int64_t billed_s)
{
    int month = calendar_month(start);
    if (month != p->month) {
        p->month = month;
        p->used = 0;
    }
    p->used += units_of(p, 1, billed_s);
}

instant_t pace_fire_at(const struct pace *p, instant_t ready, const struct pending *pending,
                       const struct rental *rental)
{
    instant_t fire = policy_fire_at(&p->area, ready, pending, rental);
    instant_t last = pending->oldest + OUTLOOK_WAIT_MAX;
    last = last > ready ? last : ready;
    return fire < last ? fire : last;
}
