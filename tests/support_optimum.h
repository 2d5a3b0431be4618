/*
 * Two searches that know neither phases nor lines, to hold the optimum against: one through every set of starts and
 * launches, billed anew each time, for tiny histories; one through every (start, begin of the rental) for longer ones.
 */
#ifndef TESTS_SUPPORT_OPTIMUM_H
#define TESTS_SUPPORT_OPTIMUM_H

#include "base/philox.h"
#include "scheduler/optimum_private.h"

#define MAX_COMMITS 128
#define FEW_COMMITS 24
#define MAX_SLOTS   260
#define MAX_PERIODS 5

struct scene {
    struct optimum_terms terms;
    int64_t arrival[MAX_COMMITS];
    size_t count;
    int64_t period_from[MAX_PERIODS];
    money_t period_price[MAX_PERIODS]; /* for support_plain_search and optimum_search; the pool has its own rule */
};

int64_t support_draw(struct philox *p, int64_t low, int64_t high);
int64_t support_pick(struct philox *p, const int64_t *of, size_t count);
#define PICK(p, ...)                                                                                                   \
    support_pick(p, (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* OPTIMUM_ROUNDS times as many as usual. */
size_t support_rounds(size_t usual);

struct scene support_scene(struct philox *p, int64_t span, size_t most, bool by_second);
/* Periods with boundaries around and inside the history, with prices and a pool of so many quanta. */
void support_periods(struct philox *p, struct scene *s);

/* What starts cost; -1 where two overlap, the first launches nothing, a commit is left or waits over the limit. */
int128 support_bill_starts(const struct scene *s, const int64_t *start, const bool *launch, size_t count);

/* The least of every set of starts no later than room_s behind the last arrival and the last boundary; -1: none. */
int128 support_exhaustive(const struct scene *s, int64_t room_s);

/* The least of every (start, begin of the rental); with priced, under period_price instead of price and pool. */
int128 support_plain_search(const struct scene *s, bool priced);

/* Bills the optimum's starts anew, and its bound is none above. */
void support_starts_are_sound(const struct scene *s, const struct optimum *o);

#endif
