/*
 * builtin.h - the CSV files of data/, built into the program so that it runs from anywhere.
 *
 * The texts are static and read-only; each file's head says what it is and where it comes from.
 */
#ifndef BILLING_BUILTIN_H
#define BILLING_BUILTIN_H

#include <stddef.h>

struct builtin {
    const char *name; /* stands in messages: "built-in prices-sample.csv" */
    const char *text;
    const char *end;
};

extern const struct builtin builtin_prices;
extern const struct builtin builtin_offers;
extern const struct builtin builtin_regimes;
extern const struct builtin builtin_meters;
extern const struct builtin builtin_sizes;
extern const struct builtin builtin_families;
extern const struct builtin builtin_resource_prices;
extern const struct builtin builtin_aws_regions;
extern const struct builtin builtin_free_tier;

static inline size_t builtin_len(const struct builtin *b)
{
    return (size_t)(b->end - b->text);
}

#endif
