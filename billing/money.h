/*
 * money.h - exact money.
 *
 * Unit: 1e-10 USD in an int64 (the ten decimals of AWS's own reports), so +-922 million USD. No floating point.
 * A sum of prices times durations is rarely a whole number of units, so sums are kept exactly, as fractions, in a
 * struct exact, and rounded once, at the end, half to even. Every other rounding is named where it happens.
 *
 * Ownership: money_t is a value. struct exact is the caller's (exact_init is zeroing; exact_release frees).
 * Errors: parsing returns non-zero and changes nothing. A product that leaves int64 ends in EXIT_INPUT at the call
 * that asks for the rounded value; numerators are 128 bits wide and their overflow is asserted.
 */
#ifndef BILLING_MONEY_H
#define BILLING_MONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/num.h"

typedef int64_t money_t;

#define MONEY_PER_USD   ((money_t)10000000000)
#define MONEY_DECIMALS  10
#define MONEY_INPUT_MAX (MONEY_PER_USD * 1000000) /* the most one price or fee may be: a million USD */
#define MONEY_TEXT_SIZE 24

/* "0.013", "-1", ".5": at most ten decimals. -1 when it is no such number or does not fit. */
int money_parse(const char *text, money_t *out) MUST_USE;
/* A price or fee from outside: 0 <= value <= MONEY_INPUT_MAX. Writes what is wrong into err. */
int money_parse_price(const char *text, money_t *out, struct err *err) MUST_USE;

/* All ten decimals: "-12.3400000000". */
const char *money_text(money_t value, char to[MONEY_TEXT_SIZE]);
/* For people: two decimals, or up to four significant ones where the value is under a dollar: "12.34", "0.0130". */
const char *money_short(money_t value, char to[MONEY_TEXT_SIZE]);

int money_add(money_t a, money_t b, money_t *out) MUST_USE; /* -1 on overflow */

/* An exact sum of fractions of a unit, kept by denominator. */
struct exact {
    struct exact_term {
        int64_t denominator;
        int128 numerator;
    } * terms;
    size_t count, cap;
};

void exact_release(struct exact *sum);
void exact_add(struct exact *sum, int128 numerator, int64_t denominator); /* denominator > 0 */
void exact_add_all(struct exact *sum, const struct exact *more);
void exact_subtract_all(struct exact *sum, const struct exact *less);
int exact_round(const struct exact *sum, money_t *out) MUST_USE; /* half to even; -1 when out of range */
/* The sum times numerator / denominator, rounded half to even. */
int exact_round_scaled(const struct exact *sum, int64_t numerator, int64_t denominator, money_t *out) MUST_USE;
int exact_compare(const struct exact *a, const struct exact *b); /* <0, 0, >0, exactly */

#endif
