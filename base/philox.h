/*
 * philox.h - counter-based random numbers: Philox4x32-10.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The same key and
 * counter give the same numbers whatever was drawn before, so draws can be keyed by what they are for:
 * key = (seed, replication), counter = (index, purpose). Pure functions; no state but the caller's.
 */
#ifndef BASE_PHILOX_H
#define BASE_PHILOX_H

#include <stdint.h>

struct philox_block {
    uint32_t word[4];
};

struct philox_block philox4x32_10(struct philox_block counter, uint32_t key0, uint32_t key1);

/* A stream: the numbers of one (seed, replication, index, purpose), in order. */
struct philox {
    uint32_t key[2];
    struct philox_block counter; /* word 0: block number, 1: index low, 2: index high, 3: purpose */
    struct philox_block block;
    unsigned used; /* words of block handed out */
};

struct philox philox_stream(uint32_t seed, uint32_t replication, uint64_t index, uint32_t purpose);
uint32_t philox_u32(struct philox *p);
uint64_t philox_u64(struct philox *p);
double philox_unit(struct philox *p);                    /* [0, 1), 53 bits */
uint64_t philox_below(struct philox *p, uint64_t bound); /* 0 .. bound-1, without bias; bound > 0 */
double philox_exponential(struct philox *p);             /* mean 1 */

#endif
