/* support_bill.h - bills made from CSV texts in a test, and what can be asked of them. */
#ifndef TESTS_SUPPORT_BILL_H
#define TESTS_SUPPORT_BILL_H

#include "billing/bill.h"

struct made {
    struct names *names;
    struct usage usage;
    struct reservations reservations;
    struct resources resources;
    struct plans plans;
    struct plan_rates rates;
    struct catalog *catalog;
    struct bill bill;
    struct err err;
    int code;
};

/* Headers are part of the texts. reserved and catalog may be NULL (none; the shipped sample). from, to: texts or NULL.
 */
void make_bill(struct made *m, const char *usage, const char *reserved, const char *catalog, enum regime_choice regime,
               const char *from, const char *to);
/* The same from more files; what is NULL is not there, but for the catalog (the shipped sample). */
struct made_texts {
    const char *usage, *reserved, *resources, *plans, *rates, *catalog, *from, *to, *free_tier;
    enum regime_choice regime;
    bool unlinked;
};
void make_bill_of(struct made *m, const struct made_texts *texts);
void made_release(struct made *m);

/* Hours of all lines of a kind, of one instance (NULL: all), in 1/3600/4 hours: exact where sizes are known. */
int128 made_seconds_scaled(const struct made *m, enum bill_kind kind, const char *instance, int64_t scale);
/* As whole or decimal hours: the text of the one line of this kind and instance, "" when there is none. */
const char *made_hours(const struct made *m, enum bill_kind kind, const char *instance);
size_t made_lines(const struct made *m, enum bill_kind kind);
money_t usd(const char *text);
instant_t at(const char *text);

#endif
