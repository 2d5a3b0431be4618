/*
 * price_terms.h - what an instance costs under each term, by date: on demand, or reserved with both rates, the hourly
 * one and the sum paid upfront. Put together from the rows of a price_db.
 *
 * Also the two ways by which bills and plans read AWS's prices: from an SQLite catalog, or straight from a price list
 * (through a catalog in a temporary file, so any size is fine).
 */
#ifndef BILLING_PRICE_TERMS_H
#define BILLING_PRICE_TERMS_H

#include "base/err.h"
#include "base/session.h"
#include "billing/price_db.h"

/* The prices of one product under one term from a date on. Texts live during the call. */
struct price_terms {
    const char *type, *region, *os, *sku, *version;
    const char *kind, *lease, *payment, *offering; /* as AWS writes them: "Reserved", "1yr", "No Upfront", "standard" */
    instant_t effective;                           /* from when these hold */
    bool first;                                    /* of this product and term */
    money_t hourly_usd, upfront_usd;
    money_t before_hourly_usd, before_upfront_usd; /* of the date before; first: 0 */
    instant_t last;                                /* the last date for which a list confirmed it */
};

typedef int price_terms_row(void *context, const struct price_terms *terms);
/* Rates in hours and quantities only; tiers other than the first are passed over. In the order of price_db_each. */
int price_terms_each(struct price_db *db, const struct price_query *query, price_terms_row *row, void *context,
                     struct err *err) MUST_USE;

int price_terms_years(const char *lease); /* "1yr", "3 yr": 1 or 3; else 0 */

/*
 * Opens what --catalog or --offers names: an SQLite catalog, or a price list (read into a temporary catalog, rates of
 * `on_demand_only` or all). *out stays NULL where the file is neither. source: opened and not yet read; it is left to
 * the caller, and read where the file is a price list.
 */
int price_source_open(struct price_db **out, struct source *source, const char *path, bool on_demand_only,
                      const struct session *session, struct err *err) MUST_USE;

#endif
