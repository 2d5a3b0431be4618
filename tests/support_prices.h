/*
 * support_prices.h - one small price list in the two shapes that AWS publishes, and what a reader makes of it.
 *
 * Four products: a Linux and a Windows instance (shared), a dedicated one, and a data transfer with two tiers. The
 * Linux one has reserved terms: no upfront (one rate) and partial upfront (both rates). Field names as in AWS's files.
 */
#ifndef TESTS_SUPPORT_PRICES_H
#define TESTS_SUPPORT_PRICES_H

#include "base/str.h"

extern const char price_list_json[];
extern const char price_list_csv[];

/* Every product and rate that price_list_read gives, a line each; then the head. Asserts that reading works. */
void price_list_events(struct str *to, const char *name, const char *text);

#endif
