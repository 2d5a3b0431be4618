#include "scheduler/foresee.h"

#include <assert.h>
#include <math.h>

#include "scheduler/outlook.h"

#define SCAN_END_S ((int64_t)8 * SECONDS_PER_DAY)

void foresee_init(struct foresee *f, const struct decider *d)
{
    *f = (struct foresee){.d = d, .kappa = 0.5};
    if (d->policy.trigger.kind == TRIGGER_SQRT)
        f->kappa = (double)d->policy.trigger.arg / (double)THETA_PER_ONE;
}

static double marginal_money(const struct decider *d, const struct rental *rental, instant_t t)
{
    const struct terms *terms = &d->terms;
    bool reuses = policy_reuses(rental, t + terms->prepare_s);
    return (double)terms->per_deploy + (reuses ? 0 : (double)terms->launch_cost) +
           (double)terms->price_per_hour * (double)policy_marginal_s(d, rental, t) / SECONDS_PER_HOUR;
}

/*
 * Holding a deployment back for a stretch costs the waiting of those pending. A commit that comes meanwhile joins: it
 * does not wait out this deployment, and needs none of its own (its share of paid time counted by what it uses). But
 * the server is held so much longer, and who comes then waits instead: commits that come at an even pace make no pause
 * worth while, only bursts do. hold[k][n] by dynamic programming from the last stretch back, and from many pending to
 * few, since a commit that comes begins the stretches anew with one more.
 */
static void fill_hold(struct foresee *f)
{
    const struct terms *t = &f->d->terms;
    double per_s = (double)t->delay_price_per_commit_hour / SECONDS_PER_HOUR;
    double busy_s = (double)(t->prepare_s + t->bake_s + t->rollout_s);
    double money = (double)t->per_deploy + (double)t->price_per_hour * (double)t->bake_s / SECONDS_PER_HOUR;
    double later_per_s = f->model->echo[arrivals_gap_of((int64_t)busy_s)] / ARRIVALS_STEP_S;
    double anew = 0;
    for (int n = FORESEE_PENDING; n >= 1; n--) {
        double later = 0;
        for (int k = ARRIVALS_SOONS - 1; k >= 0; k--) {
            double chance = f->model->soon[k];
            double end_s = arrivals_soon_s[k];
            double stretch_s = end_s - (k ? arrivals_soon_s[k - 1] : 0);
            double saved_s = busy_s > end_s ? busy_s - end_s : 0;
            double gain = chance * (per_s * saved_s + money + anew) + (1 - chance) * later -
                          n * per_s * stretch_s * (1 - chance / 2) - later_per_s * stretch_s * per_s * busy_s;
            f->hold[k][n] = gain > 0;
            later = gain > 0 ? gain : 0;
        }
        anew = later;
    }
}

void foresee_fit(struct foresee *f, const struct arrivals *model)
{
    f->model = model;
    for (int m = 0; m < ARRIVALS_MOODS; m++)
        f->commits[m] = arrivals_commits(model, m);
    fill_hold(f);
}

static instant_t instant_of(double at)
{
    return at >= (double)INSTANT_MAX ? INSTANT_MAX : (instant_t)at;
}

/* Waiting worth OUTLOOK_LATEST launches, or from `ready` on `most`: later than that nothing waits; nor past a moment
 * at which deploying costs more, where `most` would not pay for that. */
static instant_t latest(const struct decider *d, const struct pending *p, const struct rental *rental, instant_t ready,
                        double most)
{
    const struct terms *t = &d->terms;
    double money = (double)t->per_deploy + (double)t->launch_cost +
                   (double)t->price_per_hour * (double)d->launch_s / SECONDS_PER_HOUR;
    double per_s = (double)t->delay_price_per_commit_hour / SECONDS_PER_HOUR;
    double count = (double)p->count;
    double by_launches = (OUTLOOK_LATEST * money / per_s + (double)p->arrival_sum) / count;
    double by_most = (double)ready + most / (per_s * count);
    instant_t last = instant_of(by_launches < by_most ? by_launches : by_most);
    if (most >= money)
        return last;
    struct area_piece same =
        policy_area_piece_by(d, d->meter, rental, ready); /* a launch more is out of the question */
    return last < same.until ? last : same.until;
}

static bool enough_by_sqrt(const struct foresee *f, instant_t t, int mood, int64_t pending, const struct rental *rental)
{
    const struct terms *terms = &f->d->terms;
    double money = marginal_money(f->d, rental, t);
    double per_hour = 60 * f->model->chance[arrivals_hour(t)][mood] * f->commits[mood];
    double count = (double)pending;
    return count * count * (double)terms->delay_price_per_commit_hour >= 2 * f->kappa * money * per_hour;
}

static bool enough(const struct foresee *f, instant_t t, int mood, int64_t pending, const struct rental *rental)
{
    if (!f->table)
        return enough_by_sqrt(f, t, mood, pending, rental);
    int64_t kept_s = rental->open ? rental->kept_until - t : 0;
    int64_t counted = pending > TABLE_PENDING ? TABLE_PENDING : pending;
    return counted >= policy_table_need(f->table, arrivals_hour(t), mood, kept_s);
}

/* The next second at which the answer may be another one: a minute on while the instance is kept or the mood young,
 * aligned to its end; then the next hour. */
static instant_t next_look(const struct foresee *f, const struct arrivals_mood *mood, instant_t t,
                           const struct rental *rental)
{
    int64_t step_s = f->table ? f->table->step_s : ARRIVALS_STEP_S;
    int64_t kept_s = rental->open ? rental->kept_until - t : 0;
    if (kept_s > 0)
        return t + (kept_s % step_s ? kept_s % step_s : step_s);
    instant_t next = t + SECONDS_PER_HOUR - ((t % SECONDS_PER_HOUR) + SECONDS_PER_HOUR) % SECONDS_PER_HOUR;
    if (!mood->any)
        return next;
    int gap = arrivals_gap_of(t - mood->last_s);
    if (gap + 1 < ARRIVALS_GAPS) {
        instant_t turn = mood->last_s + (instant_t)arrivals_gap_minutes[gap + 1] * ARRIVALS_STEP_S;
        next = turn < next ? turn : next;
    }
    return next;
}

/* From t on, how long a burst is worth holding for; not past a moment at which deploying costs more. */
static instant_t pause_until(const struct foresee *f, const struct arrivals_mood *mood, instant_t t, int64_t pending,
                             const struct rental *rental, instant_t last)
{
    int n = pending > FORESEE_PENDING ? FORESEE_PENDING : (int)pending;
    double money = marginal_money(f->d, rental, t);
    for (int k = 0; mood->any && k < ARRIVALS_SOONS; k++) {
        instant_t end = mood->last_s + arrivals_soon_s[k];
        if (end <= t)
            continue;
        if (!f->hold[k][n] || end > last || marginal_money(f->d, rental, end) > money)
            break;
        t = end;
    }
    return t;
}

instant_t foresee_fire_at(const struct foresee *f, const struct arrivals_mood *mood, instant_t ready,
                          const struct pending *p, const struct rental *rental, double most)
{
    instant_t last = latest(f->d, p, rental, ready, most);
    if (last > ready + SCAN_END_S)
        last = ready + SCAN_END_S;
    instant_t t = ready;
    while (t < last && !enough(f, t, arrivals_mood_at(mood, t), p->count, rental))
        t = next_look(f, mood, t, rental);
    if (t > last)
        t = last > ready ? last : ready;
    return f->pauses ? pause_until(f, mood, t, p->count, rental, last) : t;
}

instant_t foresee_shadow(const struct shadow *s, const void *context, instant_t ready, const struct pending *p)
{
    return foresee_fire_at(context, &s->mood, ready, p, &s->rental, INFINITY);
}
