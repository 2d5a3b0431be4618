/*
 * catalog.h - on-demand instance prices by type, region, operating system and date.
 *
 * Ownership: a struct catalog is the caller's from catalog_builtin or catalog_open to catalog_free; what it returns
 * lives as long as it. Prices are 1e-10 USD an hour. Lookup is O(log n). Read-only after loading.
 * The format is CSV: type,region,os,effective,usd_per_hour (os may be missing: linux; further columns are let be); or
 * an AWS price list, JSON or CSV, of any size; or the SQLite catalog of `prices import`. The file says which.
 * Errors: bad rows are reported one by one through the session's err stream, then EXIT_INPUT.
 */
#ifndef BILLING_CATALOG_H
#define BILLING_CATALOG_H

#include <stddef.h>

#include "base/err.h"
#include "base/session.h"
#include "billing/calendar.h"
#include "billing/money.h"

struct catalog;

struct catalog_price {
    const char *type, *region, *os;
    instant_t effective;
    money_t usd_per_hour;
};

int catalog_builtin(struct catalog **out, struct err *err) MUST_USE; /* the sample that ships with the program */
int catalog_open(struct catalog **out, const char *path, const struct session *session, struct err *err) MUST_USE;
/* The same over text in memory; session NULL: bad rows are only counted. */
int catalog_open_text(struct catalog **out, const char *name, const char *text, size_t len,
                      const struct session *session, struct err *err) MUST_USE;
void catalog_free(struct catalog *catalog);

/* The price in force at an instant. -1 when there is none: err says whether the type, region or OS is unknown, or the
 * first price is later, and what comes near. */
int catalog_find(const struct catalog *c, const char *type, const char *region, const char *os, instant_t at,
                 struct catalog_price *out, struct err *err) MUST_USE;
/* The first change of that price after `at`, or INSTANT_MAX. */
instant_t catalog_next_change(const struct catalog *c, const char *type, const char *region, const char *os,
                              instant_t at);

/* All prices, by type, region, OS and date. */
size_t catalog_count(const struct catalog *c);
const struct catalog_price *catalog_at(const struct catalog *c, size_t index);

#endif
