/*
 * outlook.h - what a trigger that learns knows: the commits heard so far, and what it made of them.
 *
 *        outlook_hear(commits, now) --> outlook_fire through policy_fire_at --> outlook_started(start)
 *              ^                                |   a commit comes first                |
 *              '--------------------------------'<--------------------------------------'
 *
 * Whoever drives a policy, replay or production, tells it all commits that have arrived, asks, tells it what started.
 * Nothing but what was told enters a decision, and nothing later than `now`: there is no looking ahead.
 *
 *   sqrt:KAPPA     deploy where the bake costs no more (it fits into the paid hour); else when
 *                  pending >= sqrt(2 KAPPA m x / w): m the marginal money, x the commits an hour that are forecast, w
 *                  the price of waiting
 *
 *   random:SEED    Karlin, Kenyon and Randall: see draw.h. Expected cost at most e/(e-1) = 1.582 of the optimum where
 *                  bakes take no time and instances are not kept
 *
 *   predict:TRUST  the square-root rule, KAPPA being what would have been best so far, and a pause in bursts; held to
 *                  (1 + TRUST) x what area:1 would have cost, plus OUTLOOK_SLACK launches: where it is dearer than that
 *                  it does what area:1 does. area:1 is 2-competitive where bakes take no time and K = 0 (Dooly,
 *                  Goldman and Scott 2001), so predict is 2 (1 + TRUST)-competitive, but for some launches an epoch
 *
 *   mdp            the table of solve.h and a pause in bursts; held to OUTLOOK_HELD of idle in the same way
 *
 *   budget:A       area, with the shadow price at which the last four weeks would have spent what is left of the
 *                  month's hours (or dollars) for each day that is left of it: see pace.h
 *
 * Held: both accounts run since the last fit, with what deploying now would add. The wait at hand may cost
 * OUTLOOK_STRETCH launches more than is left. Where bakes take no time, and launches cost the same or paid hours alone
 * cost, that is a bound: in each epoch (1 + TRUST) x area:1 and 5 + TRUST + OUTLOOK_SLACK + OUTLOOK_STRETCH launches,
 * 1.01 x idle and 4.01 + both; proven in docs/optimum.md, with an example that with long bakes it is none.
 *
 * The pause: just after a commit the next one may be seconds away. With the chances of arrivals.soon an optimal
 * stopping problem over ten stretches of three minutes says how long to hold; never past a moment at which the
 * deployment would cost more.
 *
 * The model is fitted anew four weeks after the first commit, then whenever the history has doubled, half a year apart
 * at most: each fit begins an epoch, whose accounts start at zero. Before the first fit mdp and sqrt do what idle does,
 * predict what area:1 does.
 *
 * Ownership: outlook_new .. outlook_free; the commits are the caller's and stay, count only grows. Cost: a decision
 * below 2 us (a table of a week at most); fits and solves happen inside outlook_hear, see solve.h.
 */
#ifndef SCHEDULER_OUTLOOK_H
#define SCHEDULER_OUTLOOK_H

#include "scheduler/arrivals.h"
#include "scheduler/policy.h"
#include "scheduler/policy_table.h"

#define OUTLOOK_HELD     1.01            /* mdp is held to this part of what idle costs, */
#define OUTLOOK_SLACK    0.2             /* and to so many launches more; */
#define OUTLOOK_STRETCH  1.0             /* the wait at hand may cost so many launches more than is left of that */
#define OUTLOOK_LATEST   4.0             /* waiting worth so many launches is enough, whatever the forecast */
#define OUTLOOK_WAIT_MAX SECONDS_PER_DAY /* budget: no commit waits longer */

struct outlook;

/* d->policy and d->terms count. Fails when terms.policy_table cannot be read. */
int outlook_new(struct outlook **out, const struct decider *d, struct err *err) MUST_USE;
void outlook_free(struct outlook *o);
/* Another one that knows the same and was fitted to the same; from then on each goes its own way. Fits made ahead are
 * not copied. */
struct outlook *outlook_copy(const struct outlook *from);
/* The decider that asks this outlook. */
const struct decider *outlook_decider(const struct outlook *o);

/* Fit once, at that moment, and never again (what has been heard by then counts): for studies. */
void outlook_fit_once(struct outlook *o, instant_t at);
/* For a replay, which has the whole history: makes the fits that it will need at once, on all cores; each sees the
 * commits up to its own moment alone, and what is decided is the same. Before the first outlook_hear. */
void outlook_look_ahead(struct outlook *o, const instant_t *at_s, size_t count);
/* The commits before are history, none of them pending; of those behind it, what was heard is. */
void outlook_begin(struct outlook *o, const instant_t *at_s, size_t count);

/* All commits that have arrived by now. Called before policy_fire_at; its `free_at` is then not before now. */
void outlook_hear(struct outlook *o, const instant_t *at_s, size_t count, instant_t now);
/* The past is about to be told, event by event up to `last`, and no decision asked for before: of the models (prices)
 * only the last is made. What is decided then is the same. first: the first commit. */
void outlook_skip_to(struct outlook *o, instant_t first, instant_t last);
/* A deployment started: it took all that had arrived. */
void outlook_started(struct outlook *o, instant_t start);

int64_t outlook_fire_at(const struct decider *d, int64_t ready, const struct pending *p, const struct rental *rental);

/* For people and tests: NULL before the first fit. */
const struct arrivals *outlook_model(const struct outlook *o);
const struct policy_table *outlook_table(const struct outlook *o);
double outlook_kappa(const struct outlook *o);
bool outlook_held_back(const struct outlook *o); /* it is too dear just now: the simple policy decides */

#endif
