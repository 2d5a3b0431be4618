/*
 * num.h - numbers from text, strictly: the whole text must be the number. No locale, no white space, no sign but '-'.
 * Return 0, or -1 and leave *out alone.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

__extension__ typedef __int128 int128;

int num_i64(const char *text, size_t len, int64_t *out) MUST_USE;

/* A decimal such as "12", "-0.5" or ".25" as a whole number of 10^-decimals. More digits than that must be zeros. */
int num_decimal(const char *text, size_t len, int decimals, int64_t *out) MUST_USE;

/* The same with as many digits as there are, an exponent too ("1.5E-7"), rounded half to even to 10^-decimals; *rounded
 * (may be NULL) says whether anything was lost. At most 36 digits count. */
int num_decimal_round(const char *text, size_t len, int decimals, int64_t *out, bool *rounded) MUST_USE;

/* n / d rounded to the nearest, halves to even; d > 0. */
int128 num_div_half_even(int128 n, int128 d);
int128 num_div_floor(int128 n, int128 d);
int128 num_div_ceil(int128 n, int128 d);

/* n as decimal digits into to (size >= 41). */
void num_i128_text(int128 n, char to[41]);

#endif
