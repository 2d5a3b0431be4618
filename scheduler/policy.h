/*
 * policy.h - when to deploy, and how long to keep the bake instance.
 *
 * A policy is a pure decision: from what is known now to the moment at which to deploy, and whether the instance that
 * is there still serves. The same functions decide in replay and in production; nothing here reads a clock.
 *
 *      pending commits, pipeline free, live instance, prices
 *                            |
 *                   policy_fire_at(...)  ->  the first second at which to deploy, if no further commit arrives
 *
 * Who drives it asks again at each arrival (policy_hears_arrivals says whether an arrival can change the answer).
 *
 * Units: instants and durations in whole seconds, money in 1e-10 USD. Value types throughout; no allocation.
 * Errors: policy_parse_* and policy_check; the rest cannot fail. Cost: O(1), for `area` O(paid hours looked at).
 */
#ifndef SCHEDULER_POLICY_H
#define SCHEDULER_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "billing/calendar.h"
#include "billing/money.h"
#include "billing/regime.h"

#define POLICY_DURATION_MAX ((int64_t)10 * 366 * SECONDS_PER_DAY) /* keeps every product below inside 128 bits */
#define POLICY_NEVER        INT64_MAX
#define POLICY_TEXT_SIZE    64
#define THETA_PER_ONE       ((int64_t)10000000000)
#define POLICY_MDP_HOLD_MAX ((int64_t)64 * SECONDS_PER_HOUR)

enum trigger_kind {
    TRIGGER_EVERY,
    TRIGGER_IDLE,
    TRIGGER_COUNT,
    TRIGGER_WINDOW,
    TRIGGER_TRAIN,
    TRIGGER_AREA,
    /* From here on a decision needs what was heard so far, in decider.outlook: see outlook.h. */
    TRIGGER_SQRT,
    TRIGGER_RANDOM,
    TRIGGER_PREDICT,
    TRIGGER_MDP,
    TRIGGER_BUDGET_HOURS,
    TRIGGER_BUDGET_USD,
    TRIGGER_KINDS,
};
enum keep_kind { KEEP_TERMINATE, KEEP_HOUR, KEEP_IDLE, KEEP_RENT };

struct trigger {
    enum trigger_kind kind;
    int64_t arg; /* count: commits; window, train: seconds; area, sqrt, predict: theta, kappa, trust in 1e-10; random:
                    seed; budget: paid seconds or money a month */
};

struct keep {
    enum keep_kind kind;
    int64_t idle_s; /* idle: as given */
};

struct policy {
    struct trigger trigger;
    struct keep keep;
};

/* What a deployment takes and costs, the same for all policies compared. */
struct terms {
    int64_t prepare_s, boot_s, bake_s, rollout_s;
    enum regime regime;
    money_t price_per_hour;              /* of the running bake instance, licence and all */
    money_t per_deploy;                  /* K */
    money_t delay_price_per_commit_hour; /* w */
    money_t launch_cost;                 /* what a launch costs beyond its seconds */
    int64_t margin_s;                    /* a kept instance ends this long before its paid hour does */
    const char *policy_table;            /* mdp: a saved table to use, instead of a model fitted to the history */
};

/*
 * The bake instance's current running period.
 *
 *   begin          busy_until         kept_until
 *     |--boot--|--bake--|....idle.........|
 */
struct rental {
    bool open;
    int64_t begin, busy_until, kept_until;
};

struct pending {
    int64_t count;
    int64_t oldest;     /* when the oldest of them could first be taken */
    int128 arrival_sum; /* of the commits' own arrivals */
};

struct outlook;

/* A policy made ready for given terms; the lengths and thresholds that do not change are worked out once. */
struct decider {
    struct policy policy;
    struct terms terms;
    struct meter meter;
    int64_t tail_s;          /* idle seconds billed behind the last bake of a rental */
    int64_t launch_s;        /* billed seconds of a rental with one bake, */
    int128 launch_wait;      /* area: and the commit-seconds of waiting that justify it */
    struct outlook *outlook; /* of a trigger that learns; the caller's */
};

int policy_parse_trigger(const char *text, struct trigger *out, struct err *err) MUST_USE;
int policy_parse_keep(const char *text, struct keep *out, struct err *err) MUST_USE;
const char *policy_trigger_text(struct trigger t, char to[POLICY_TEXT_SIZE]); /* as it is written: "window:900" */
const char *policy_keep_text(struct keep k, char to[POLICY_TEXT_SIZE]);

static inline bool policy_equal(const struct policy *a, const struct policy *b)
{
    return a->trigger.kind == b->trigger.kind && a->trigger.arg == b->trigger.arg && a->keep.kind == b->keep.kind &&
           a->keep.idle_s == b->keep.idle_s;
}

/* Refuses what cannot work: keep hour by the second, rent without a price, a threshold that is never reached. */
int policy_check(const struct policy *policy, const struct terms *terms, struct err *err) MUST_USE;
struct decider policy_decider(const struct policy *policy, const struct terms *terms); /* after policy_check */

/* Billed seconds of a rental whose last bake ends at busy_until, idle tail included. Like the functions below in two
 * forms: the first is for loops that fix the meter or the kind of keep, so that it folds away. */
static inline int64_t policy_rental_billed_by(struct meter meter, int64_t tail_s, int64_t begin, int64_t busy_until)
{
    return meter_billed_s(meter, busy_until + tail_s - begin);
}

static inline int64_t policy_rental_billed_s(const struct decider *d, int64_t begin, int64_t busy_until)
{
    return policy_rental_billed_by(d->meter, d->tail_s, begin, busy_until);
}

/* How long a rental that was last busy until then may still be used. */
static inline int64_t policy_kept_until_by(enum keep_kind kind, int64_t tail_s, int64_t margin_s, int64_t begin,
                                           int64_t busy_until)
{
    if (kind != KEEP_HOUR)
        return busy_until + tail_s;
    int64_t ran_s = busy_until - begin;
    int64_t hours = ran_s > 0 ? (ran_s + SECONDS_PER_HOUR - 1) / SECONDS_PER_HOUR : 1;
    int64_t end = begin + hours * SECONDS_PER_HOUR - margin_s;
    return end > busy_until ? end : busy_until;
}

static inline int64_t policy_kept_until(const struct decider *d, int64_t begin, int64_t busy_until)
{
    return policy_kept_until_by(d->policy.keep.kind, d->tail_s, d->terms.margin_s, begin, busy_until);
}

/* True when a bake that begins at `at` finds the instance still there. */
static inline bool policy_reuses(const struct rental *r, int64_t at)
{
    return r->open && at < r->kept_until;
}

/* Billed seconds that deploying at t adds: the rental with the deployment minus without it, or a whole new one. */
static inline int64_t policy_marginal_by(const struct decider *d, struct meter meter, const struct rental *rental,
                                         int64_t t)
{
    int64_t at = t + d->terms.prepare_s;
    if (!policy_reuses(rental, at))
        return policy_rental_billed_by(meter, d->tail_s, 0, d->terms.boot_s + d->terms.bake_s);
    return policy_rental_billed_by(meter, d->tail_s, rental->begin, at + d->terms.bake_s) -
           policy_rental_billed_by(meter, d->tail_s, rental->begin, rental->busy_until);
}

static inline int64_t policy_marginal_s(const struct decider *d, const struct rental *rental, int64_t t)
{
    return policy_marginal_by(d, d->meter, rental, t);
}

/* Whether decisions need an outlook: the history so far. */
static inline bool policy_learns(enum trigger_kind kind)
{
    return kind >= TRIGGER_SQRT;
}

/* Whether a further arrival can move the moment. */
static inline bool policy_hears_arrivals(enum trigger_kind kind)
{
    return kind == TRIGGER_COUNT || kind == TRIGGER_AREA || policy_learns(kind);
}

/* When a commit that is the oldest pending asks to be deployed; the pipeline may be busy then, and a train elsewhere.
 */
static inline int64_t policy_asked_start(enum trigger_kind kind, int64_t arg, int64_t oldest)
{
    return kind == TRIGGER_WINDOW ? oldest + arg : oldest;
}

/* The first second, not before free_at, at which to deploy what is pending (count > 0) if nothing else arrives;
 * POLICY_NEVER while `count` is short of commits. A trigger that learns looks at decider.outlook too. */
int64_t policy_fire_at(const struct decider *d, int64_t free_at, const struct pending *p, const struct rental *rental);

/*
 * The steps of `area`. The marginal seconds of deploying at t stay the same, or grow by a second a second, between
 * the moments at which they jump. area_piece describes the stretch that t is in; inside it the threshold is
 * what is asked for is theta * (K + rate * (seconds + slope * (t - from))), compared exactly.
 */
struct area_piece {
    int64_t until; /* the last second of the stretch; POLICY_NEVER: no end */
    int64_t from;
    int64_t seconds; /* marginal seconds at `from` */
    int slope;       /* 0, or 1: one more each second */
};
static inline struct area_piece policy_area_piece_by(const struct decider *d, struct meter meter,
                                                     const struct rental *rental, int64_t t)
{
    struct area_piece piece = {.until = POLICY_NEVER, .from = t, .seconds = policy_marginal_by(d, meter, rental, t)};
    int64_t at = t + d->terms.prepare_s;
    if (!policy_reuses(rental, at))
        return piece;
    int64_t last = rental->kept_until - 1 - d->terms.prepare_s; /* the last t that still reuses */
    int64_t ran_s = at + d->terms.bake_s + d->tail_s - rental->begin;
    int64_t jump; /* the last t with the same marginal seconds, or of the stretch in which they grow */
    if (ran_s <= meter.minimum_s) {
        jump = t + meter.minimum_s - ran_s;
    } else if (meter.quantum_s == 1) {
        piece.slope = 1;
        jump = last;
    } else {
        jump = t + (meter.quantum_s - ran_s % meter.quantum_s) % meter.quantum_s;
    }
    piece.until = jump < last ? jump : last;
    return piece;
}

/* Commit-seconds of waiting that justify so many marginal seconds: the smallest whole number. */
int128 policy_area_wait(const struct decider *d, int64_t marginal_s);

#endif
