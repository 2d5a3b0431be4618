#include "base/philox_fill.h"

#include "base/philox.h"
#include "base/wide.h"

#if WIDE_X86
#include <immintrin.h>
#endif

static void fill_portable(const uint32_t key[2], uint64_t index, uint32_t purpose, size_t from, size_t count,
                          const struct philox_words *to)
{
    for (size_t i = from; i < count; i++) {
        uint64_t at = index + i;
        struct philox_block counter = {{0, (uint32_t)at, (uint32_t)(at >> 32), purpose}};
        struct philox_block block = philox4x32_10(counter, key[0], key[1]);
        for (int word = 0; word < 4; word++)
            to->word[word][i] = block.word[word];
    }
}

#if WIDE_X86

/* Two registers of four counters for each of the four words; a word stands in the low half of its 64 bits, and what
 * the high half holds is never looked at: vpmuludq multiplies low halves. */
#define REGISTERS 2
#define LANES     (4 * REGISTERS)
#define WORDS_512 8

struct lanes {
    __m256i c[4][REGISTERS];
};

WIDE_AVX2_INLINE void turn(struct lanes *l, __m256i key0, __m256i key1)
{
    const __m256i m0 = _mm256_set1_epi64x(0xD2511F53);
    const __m256i m1 = _mm256_set1_epi64x(0xCD9E8D57);
    for (int r = 0; r < REGISTERS; r++) {
        __m256i a = _mm256_mul_epu32(m0, l->c[0][r]);
        __m256i b = _mm256_mul_epu32(m1, l->c[2][r]);
        __m256i high_a = _mm256_srli_epi64(a, 32);
        __m256i high_b = _mm256_srli_epi64(b, 32);
        l->c[0][r] = _mm256_xor_si256(_mm256_xor_si256(high_b, l->c[1][r]), key0);
        l->c[2][r] = _mm256_xor_si256(_mm256_xor_si256(high_a, l->c[3][r]), key1);
        l->c[1][r] = b;
        l->c[3][r] = a;
    }
}

/* The low halves of two registers, in order. */
WIDE_AVX2_INLINE __m256i low_halves(__m256i first, __m256i second)
{
    __m256i mixed = _mm256_castps_si256(
        _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), _MM_SHUFFLE(2, 0, 2, 0)));
    return _mm256_permute4x64_epi64(mixed, _MM_SHUFFLE(3, 1, 2, 0));
}

/* Returns how many were filled: whole groups only. */
WIDE_AVX2 static size_t fill_avx2(const uint32_t key[2], uint64_t index, uint32_t purpose, size_t count,
                                  const struct philox_words *to)
{
    size_t at = 0;
    for (; at + LANES <= count; at += LANES) {
        struct lanes l;
        for (int r = 0; r < REGISTERS; r++) {
            uint64_t first = index + at + 4 * (uint64_t)r;
            __m256i counter = _mm256_add_epi64(_mm256_set1_epi64x((long long)first), _mm256_setr_epi64x(0, 1, 2, 3));
            l.c[0][r] = _mm256_setzero_si256();
            l.c[1][r] = counter;
            l.c[2][r] = _mm256_srli_epi64(counter, 32);
            l.c[3][r] = _mm256_set1_epi64x(purpose);
        }
        uint32_t key0 = key[0];
        uint32_t key1 = key[1];
        for (int round = 0; round < 10; round++) {
            turn(&l, _mm256_set1_epi64x(key0), _mm256_set1_epi64x(key1));
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        for (int word = 0; word < 4; word++)
            _mm256_storeu_si256((__m256i_u *)&to->word[word][at], low_halves(l.c[word][0], l.c[word][1]));
    }
    return at;
}

/* The same, eight counters to a register. */
WIDE_AVX512 static size_t fill_avx512(const uint32_t key[2], uint64_t index, uint32_t purpose, size_t count,
                                      const struct philox_words *to)
{
    const __m512i m0 = _mm512_set1_epi64(0xD2511F53);
    const __m512i m1 = _mm512_set1_epi64(0xCD9E8D57);
    const __m512i step = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    size_t at = 0;
    for (; at + 2 * WORDS_512 <= count; at += 2 * WORDS_512) {
        __m512i c[4][2];
        for (int r = 0; r < 2; r++) {
            c[0][r] = _mm512_setzero_si512();
            uint64_t first = index + at + (uint64_t)r * WORDS_512;
            c[1][r] = _mm512_add_epi64(_mm512_set1_epi64((long long)first), step);
            c[2][r] = _mm512_srli_epi64(c[1][r], 32);
            c[3][r] = _mm512_set1_epi64(purpose);
        }
        uint32_t key0 = key[0];
        uint32_t key1 = key[1];
        for (int round = 0; round < 10; round++) {
            const __m512i k0 = _mm512_set1_epi64(key0);
            const __m512i k1 = _mm512_set1_epi64(key1);
            for (int r = 0; r < 2; r++) {
                __m512i a = _mm512_mul_epu32(m0, c[0][r]);
                __m512i b = _mm512_mul_epu32(m1, c[2][r]);
                c[0][r] = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(b, 32), c[1][r]), k0);
                c[2][r] = _mm512_xor_si512(_mm512_xor_si512(_mm512_srli_epi64(a, 32), c[3][r]), k1);
                c[1][r] = b;
                c[3][r] = a;
            }
            key0 += 0x9E3779B9u;
            key1 += 0xBB67AE85u;
        }
        for (int word = 0; word < 4; word++)
            for (int r = 0; r < 2; r++)
                _mm256_storeu_si256((__m256i_u *)&to->word[word][at + (size_t)r * WORDS_512],
                                    _mm512_cvtepi64_epi32(c[word][r]));
    }
    return at;
}

static size_t fill_wide(const uint32_t key[2], uint64_t index, uint32_t purpose, size_t count,
                        const struct philox_words *to)
{
    switch (wide_width()) {
    case WIDE_512:
        return fill_avx512(key, index, purpose, count, to);
    case WIDE_256:
        return fill_avx2(key, index, purpose, count, to);
    case WIDE_PORTABLE:
        break;
    }
    return 0;
}

#else

static size_t fill_wide(const uint32_t key[2], uint64_t index, uint32_t purpose, size_t count,
                        const struct philox_words *to)
{
    (void)key, (void)index, (void)purpose, (void)count, (void)to;
    return 0;
}

#endif

void philox_fill(uint32_t seed, uint32_t replication, uint64_t index, uint32_t purpose, size_t count,
                 const struct philox_words *to)
{
    const uint32_t key[2] = {seed, replication};
    size_t done = fill_wide(key, index, purpose, count, to);
    fill_portable(key, index, purpose, done, count, to);
}
