/*
 * product.h - what a product of a price list is in this program's terms: region code, operating system, and whether
 * it is the plain instance that `bill` and `plan` speak of.
 *
 * Plain: an instance of shared tenancy without further software, running (not reserved capacity that idles), billed
 * on demand or as a reservation, in a region or zone of AWS's own (no Outposts), licence included. Pure lookups;
 * the names of regions are data/aws-regions.csv.
 */
#ifndef BILLING_PRODUCT_H
#define BILLING_PRODUCT_H

#include <stdbool.h>

#include "billing/price_list.h"

#define PRODUCT_OS_MAX 64

/* The file's region code, or the one that its location names, or "". */
const char *product_region(const struct price_list_product *product);
/* "linux", "windows", "rhel", "suse"; what else there is in small letters with '-' for what is no letter or digit. */
const char *product_os(const char *os, char to[PRODUCT_OS_MAX]);
bool product_is_plain(const struct price_list_product *product);

#endif
