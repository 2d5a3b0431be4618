/*
 * exponential.h - many exponentially distributed numbers at once, the same bits on every machine.
 *
 * Number i comes from the 64 bits that hold words 2(i mod 2) and 2(i mod 2) + 1 of the Philox block (seed, replication,
 * i / 2, purpose): keyed, so that any number can be drawn by itself. The logarithm is worked out here, with nothing
 * but additions, multiplications and divisions in a fixed order, because libraries' logarithms differ in the last bit.
 * Its error is below 2e-15, relative. Cost: about 4 ns a number with AVX2.
 */
#ifndef SIM_EXPONENTIAL_H
#define SIM_EXPONENTIAL_H

#include <stddef.h>
#include <stdint.h>

/* first and count are even. */
void exponential_fill(uint32_t seed, uint32_t replication, uint64_t first, uint32_t purpose, size_t count, double *out);

#endif
