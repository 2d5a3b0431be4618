/*
 * price_rates.h - every rate of a catalog as AWS publishes it: all products, terms, tiers and dates. For `prices show
 * --rates`.
 */
#ifndef BILLING_PRICE_RATES_H
#define BILLING_PRICE_RATES_H

#include "base/err.h"
#include "base/session.h"
#include "billing/option.h"
#include "billing/price_db.h"

/* Prints the rates of the query, those in force at the date where one is given. path: an SQLite catalog or a price
 * list. EXIT_INPUT where there is none. */
int price_rates_print(const char *path, const struct price_query *query, const struct opt_instant *date,
                      struct session *session, struct err *err) MUST_USE;

#endif
