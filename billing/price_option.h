/* price_option.h - options that the `prices` commands share, and options that may be given many times. */
#ifndef BILLING_PRICE_OPTION_H
#define BILLING_PRICE_OPTION_H

#include <stddef.h>

#include "base/opt.h"
#include "billing/price_set.h"

opt_set price_opt_term; /* enum price_term_choice: on-demand, reserved, all */

/* What --catalog takes wherever prices are read. */
#define PRICE_CATALOG_OPTION(type, field)                                                                              \
    {                                                                                                                  \
        "catalog", OPT_VALUE, "FILE",                                                                                  \
            "prices: CSV type,region,os,effective,usd_per_hour, an AWS price list, or a catalog of `prices import` "   \
            "(default: the shipped sample)",                                                                           \
            opt_text, offsetof(type, field)                                                                            \
    }

/* Values of an option that may be repeated. The texts are argv's. */
#define OPT_LIST_MAX 1000
struct opt_list {
    const char *items[OPT_LIST_MAX];
    size_t count;
};
opt_set price_opt_list; /* struct opt_list */

#endif
