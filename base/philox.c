#include "base/philox.h"

#include <assert.h>
#include <math.h>

struct philox_block philox4x32_10(struct philox_block c, uint32_t key0, uint32_t key1)
{
    uint32_t w0 = c.word[0];
    uint32_t w1 = c.word[1];
    uint32_t w2 = c.word[2];
    uint32_t w3 = c.word[3];
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * w0;
        uint64_t b = (uint64_t)0xCD9E8D57u * w2;
        w0 = (uint32_t)(b >> 32) ^ (w1 ^ key0); /* in this order, for the products take longest */
        w2 = (uint32_t)(a >> 32) ^ (w3 ^ key1);
        w1 = (uint32_t)b;
        w3 = (uint32_t)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return (struct philox_block){{w0, w1, w2, w3}};
}

struct philox philox_stream(uint32_t seed, uint32_t replication, uint64_t index, uint32_t purpose)
{
    return (struct philox){
        .key = {seed, replication},
        .counter = {{0, (uint32_t)index, (uint32_t)(index >> 32), purpose}},
        .used = 4,
    };
}

uint32_t philox_u32(struct philox *p)
{
    if (p->used == 4) {
        p->block = philox4x32_10(p->counter, p->key[0], p->key[1]);
        p->counter.word[0]++;
        p->used = 0;
    }
    return p->block.word[p->used++];
}

uint64_t philox_u64(struct philox *p)
{
    uint64_t low = philox_u32(p);
    return low | (uint64_t)philox_u32(p) << 32;
}

double philox_unit(struct philox *p)
{
    return (double)(philox_u64(p) >> 11) * 0x1p-53;
}

uint64_t philox_below(struct philox *p, uint64_t bound)
{
    assert(bound > 0);
    uint64_t reject = -bound % bound; /* 2^64 mod bound values at the low end would be drawn once too often */
    uint64_t x;
    do
        x = philox_u64(p);
    while (x < reject);
    return x % bound;
}

double philox_exponential(struct philox *p)
{
    return -log1p(-philox_unit(p));
}
