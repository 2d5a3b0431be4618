/*
 * booking.h - the working state of one bill: who is billed for what, gathered while usage is allocated. Internal to
 * bill.c, clock_hour.c and pool.c.
 *
 * Amounts are unit-seconds: normalised units times four (instance_type.h) times seconds, whole numbers, so that
 * nothing is lost when a large pays for half an xlarge.
 *
 *   usage row --> segments --> clock_hour --> pieces --> pool --> on-demand
 *                              (of groups     (cut at prices, window,
 *                               that have any) months and terms)
 */
#ifndef BILLING_BOOKING_H
#define BILLING_BOOKING_H

#include "billing/bill.h"
#include "billing/keys.h"

#define UNIT_SCALE INT64_C(322560) /* a multiple of every size's normalised units times four */

#define FAR_FUTURE (INT64_MAX / 4) /* later than any instant, with room to add */

/* One running instance on the bill, whatever the number of its rows. */
struct subject {
    uint32_t account, instance, type, region, os, own_price;
    uint32_t rate, group, pool; /* pool: KEYS_NONE where it has none */
    int64_t factor4;
    int128 units;     /* on-demand, inside the window */
    int128 cost;      /* of them: price times units */
    int128 free_tier; /* units */
};

/* One reservation counted: a row with count 2 makes two. */
struct single {
    const struct reservation *row;
    uint32_t number; /* from 1 */
    int64_t factor4;
    int64_t hour_left; /* unit-seconds, of the clock hour that is being settled */
    int128 used;       /* unit-seconds, as far as its capacity belongs to the window */
};

/* What one Savings Plan paid for. Money is scaled by 3,600 x UNIT_SCALE. */
struct plan_used {
    int128 used;      /* as far as its clock hours belong to the window */
    int128 committed; /* the same */
};

/* The prices of one type, region and OS, by date. */
struct rate {
    struct rate_step {
        instant_t effective;
        money_t usd_per_hour;
    } * steps;
    size_t count, cap;
};

/* The pools of one account, type, region and OS. */
struct pool {
    uint32_t *singles;
    size_t count, cap;
    instant_t *bounds; /* starts and ends of their terms */
    size_t bound_count, bound_cap;
};

/* n equal parts of one row: of `units` each, an hour apart, or (seconds) a second apart. */
struct piece {
    uint32_t row;
    bool seconds;
    bool run;        /* of a running period, though its parts are an hour apart: `order` is that of all of them */
    instant_t order; /* by which it stands in the queue for a pool */
    instant_t at;
    int64_t n, units;
    uint32_t pool;
    int month;
};

struct booking {
    const struct bill_input *in;
    instant_t from, to;
    struct keys subject_keys, rate_keys, group_keys, pool_keys, pair_keys, plan_keys;
    struct subject *subjects;
    size_t subject_cap;
    uint32_t *subject_of; /* by usage row */
    struct rate *rates;
    size_t rate_cap;
    struct pool *pools;
    size_t pool_cap;
    struct single *singles;
    size_t single_count, single_cap;
    int128 *pair_units; /* by pair (subject, single) */
    size_t pair_cap;
    struct piece *pooled; /* what waits for its pool */
    size_t pooled_count, pooled_cap;
    bool saving;           /* there are plans or a free tier */
    struct piece *waiting; /* for them */
    size_t waiting_count, waiting_cap;
    int128 *plan_units; /* by plan_keys: (subject, plan) */
    size_t plan_units_cap;
    struct plan_used *plans; /* by plan */
    bool *unpriced;          /* by usage row */
    bool any_unpriced;
    bool one_account; /* all usage is of one account */
};

void booking_init(struct booking *b, const struct bill_input *in);
void booking_release(struct booking *b);

/* Of a usage row or a reservation: its normalised units times four; sizes unknown count as one kind of their own. */
int64_t booking_factor4(const struct booking *b, uint32_t type);
/* Whose usage a reservation serves before that of linked accounts. */
uint32_t booking_owner(const struct booking *b, const struct reservation *r);
/* The number of the group (region, OS, family) within which reservations are shared. */
uint32_t booking_group(const struct booking *b, const struct reservation *r); /* KEYS_NONE: no usage */

/* What no clock-hour reservation pays for: to its pool, or on-demand. */
void booking_left(struct booking *b, struct piece piece);
/* What neither reservations nor pools pay for: it waits for plans and the free tier, or is on-demand. */
void booking_unpaid(struct booking *b, const struct piece *piece);
/* Inside the window only; units that open, or begin, at `at`. */
void booking_on_demand(struct booking *b, uint32_t row, instant_t at, int128 units);
/* The same at a cost that is known: per hour, for so many hours. */
void booking_on_demand_at(struct booking *b, uint32_t row, instant_t at, int128 units, money_t usd, int64_t hours);
void booking_free_tier(struct booking *b, uint32_t row, instant_t at, int128 units);
void booking_planned(struct booking *b, uint32_t row, uint32_t plan, instant_t at, int128 units);
/* The on-demand price of a row's usage at an instant; -1: there is none. */
money_t booking_price(const struct booking *b, uint32_t row, instant_t at);
uint32_t booking_family(const struct booking *b, uint32_t type);
void booking_reserved(struct booking *b, uint32_t row, uint32_t single, instant_t at, int128 units);

/* Seconds of a reservation's term inside [from, to). */
int64_t booking_term_s(const struct reservation *r, instant_t from, instant_t to);
/* Calendar months that the term and the window share: [*first, return + *first). */
int64_t booking_term_months(const struct booking *b, const struct reservation *r, int *first);

/* The next instant after `at` where the price of the rate changes. */
instant_t rate_next_change(const struct rate *rate, instant_t at);

#endif
