/*
 * price_set.h - all prices of a catalog in memory, by key and date: what `prices` shows, follows and compares.
 *
 * Reads whatever --catalog takes: CSV of our own, an AWS price list, an SQLite catalog, or (NULL) the shipped sample.
 * Ownership: a struct price_set is the caller's, from price_set_open to price_set_release. Cost: 80 bytes a price.
 */
#ifndef BILLING_PRICE_SET_H
#define BILLING_PRICE_SET_H

#include "base/err.h"
#include "base/session.h"
#include "billing/names.h"
#include "billing/price_terms.h"

enum price_term_choice { TERM_ON_DEMAND, TERM_RESERVED, TERM_ALL };

struct price_choice {
    const char *type, *region, *os; /* NULL: any */
    enum price_term_choice term;
};

struct price_entry {
    const char *type, *region, *os, *kind, *lease, *offering, *payment, *version;
    instant_t effective;
    money_t hourly_usd, upfront_usd;
};

struct price_set {
    struct names *names;
    struct price_entry *entries; /* by key (all texts but version), then date; one for each date */
    size_t count, cap;
};

int price_set_open(struct price_set *out, const char *path, const struct price_choice *choice,
                   const struct session *session, struct err *err) MUST_USE;
void price_set_release(struct price_set *set);

int price_entry_compare_key(const struct price_entry *a, const struct price_entry *b);
/* The entry in force at an instant among those of one key that begins at `first`; NULL: none so early. *next: the
 * index behind the key's last entry. */
const struct price_entry *price_set_at(const struct price_set *set, size_t first, instant_t at, size_t *next);

/* USD an hour with the upfront sum spread over the term (8,760 h a year), rounded half to even. */
money_t price_entry_effective_usd(const struct price_entry *e);

/* "on demand", or "1yr standard, No Upfront". */
#define PRICE_TERM_TEXT 160
const char *price_entry_term(const struct price_entry *e, char to[PRICE_TERM_TEXT]);

/* (after - before) / before in hundredths of a percent, "+12.50 %"; "new" where before is 0. */
#define PRICE_CHANGE_TEXT 40
const char *price_change_text(money_t before, money_t after, char to[PRICE_CHANGE_TEXT]);

#endif
