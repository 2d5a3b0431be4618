/*
 * sums.h - the sum and the sum of squares of whole numbers, exactly; means and confidence intervals from them.
 *
 * Exact integers make the order of adding immaterial: any number of threads or shards gives the same bits. Values fit
 * into 63 bits, a sum of 2^63 of them into 128, their squares into 192. A struct sums is a value. Cost: a few ns.
 */
#ifndef SIM_SUMS_H
#define SIM_SUMS_H

#include <stdint.h>

#include "base/num.h"
#include "base/str.h"

struct sums {
    int64_t n;
    int128 sum;
    unsigned __int128 squares; /* the low 128 bits, */
    uint64_t squares_high;     /* and those above */
};

static inline void sums_add(struct sums *s, int64_t value)
{
    unsigned __int128 square = (unsigned __int128)((int128)value * value);
    s->n++;
    s->sum += value;
    s->squares += square;
    s->squares_high += s->squares < square;
}

void sums_add_all(struct sums *s, const struct sums *more);

double sums_mean(const struct sums *s);            /* 0 without values */
int64_t sums_mean_half_even(const struct sums *s); /* rounded, halves to even */
/* Half the width of the 95 % confidence interval of the mean by Student's t; 0 with fewer than two values. */
double sums_half_width(const struct sums *s);

/* "n sum squares" in decimals, and back; -1 when it is no such text. */
void sums_text(const struct sums *s, struct str *to);
int sums_parse(const char *text, struct sums *out) MUST_USE;

/* The two-sided 95 % point of Student's t with so many degrees of freedom (> 0). */
double student_95(int64_t freedom);

#endif
