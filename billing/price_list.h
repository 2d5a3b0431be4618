/*
 * price_list.h - AWS's own price lists, JSON and CSV, of any size, as a stream of products, rates and links.
 *
 * Reads what AWS publishes under pricing.us-east-1.amazonaws.com/offers/v1.0/: the offer files (a service's products
 * and their on-demand and reserved terms), and the index files that name them (offers, regions, versions). Plain or
 * gzip. Which it is, the file says by itself. Columns and attributes are found by name, whatever their case and
 * punctuation: AWS wrote "usageType", "Usage Type" and "usagetype" over the years.
 *
 * A product's rates may come before the product. A term has one rate for each dimension and tier; a reserved term may
 * have two, Hrs and Quantity (the sum paid upfront). Memory: one product, one term and what the tokenizer holds.
 *
 * Ownership: texts live during the call. Errors: a file that is none of these, or is damaged, is EXIT_INPUT; a bad
 * rate is reported by line (CSV) or by its rate code (JSON) through diag, and left out.
 */
#ifndef BILLING_PRICE_LIST_H
#define BILLING_PRICE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/source.h"
#include "billing/calendar.h"
#include "billing/money.h"

/* What is known of a product; "" where the file says nothing. */
enum product_field {
    PRODUCT_SKU,
    PRODUCT_FAMILY,
    PRODUCT_TYPE,     /* instance type */
    PRODUCT_REGION,   /* region code */
    PRODUCT_LOCATION, /* "US East (N. Virginia)": older files have no region code */
    PRODUCT_LOCATION_TYPE,
    PRODUCT_OS,
    PRODUCT_TENANCY,
    PRODUCT_SOFTWARE, /* pre-installed */
    PRODUCT_LICENSE,
    PRODUCT_CAPACITY, /* capacity status */
    PRODUCT_MARKET,
    PRODUCT_USAGE_TYPE,
    PRODUCT_OPERATION,
    PRODUCT_FIELDS
};

struct price_list_product {
    const char *fields[PRODUCT_FIELDS];
};

struct price_list_rate {
    const char *sku, *term_kind, *offer_term; /* "OnDemand", "JRTCKXETXF" */
    const char *code;                         /* of the dimension: "6YS6EN2CT7" */
    const char *unit, *begin, *end;           /* "Hrs", "0", "Inf" */
    const char *lease, *payment, *offering;   /* "1yr", "No Upfront", "standard"; "" on demand */
    instant_t effective;
    money_t usd;
    bool rounded; /* the file had more than ten decimals */
};

struct price_list_head {
    const char *offer, *version;
    instant_t published; /* INSTANT_MIN: the file does not say */
};

enum price_link { LINK_OFFER, LINK_REGION, LINK_VERSION };

struct price_list_sink {
    void *context;
    /* Each returns 0, or a code that ends the reading, with err set. Index files give links, offer files the others. */
    int (*product)(void *context, const struct price_list_product *product, struct err *err);
    int (*rate)(void *context, const struct price_list_rate *rate, struct err *err);
    int (*link)(void *context, enum price_link kind, const char *name, const char *url, struct err *err);
};

struct price_list_stats {
    char offer[64], version[64];
    instant_t published;
    int64_t products; /* given out: the CSV tells of a product again and again */
    int64_t rates, links;
    int64_t other_currency; /* rates in another currency than USD, left out */
};

/* Whether these first bytes are of an AWS price list or index (JSON, or the CSV with its rows before the header). */
bool price_list_is(const char *head, size_t len);

/* Reads to the end. session NULL: bad rates are only counted. */
int price_list_read(struct source *source, const struct price_list_sink *sink, struct diag *diag,
                    struct price_list_stats *stats, struct err *err) MUST_USE;

#endif
