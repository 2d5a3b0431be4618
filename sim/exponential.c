#include "sim/exponential.h"

#include <assert.h>
#include <string.h>

#include "base/philox_fill.h"
#include "base/wide.h"

#define LANES  8
#define BLOCKS 256 /* Philox blocks at a time */

typedef double lanes_f __attribute__((vector_size(8 * LANES)));
typedef uint64_t lanes_u __attribute__((vector_size(8 * LANES)));
typedef uint32_t lanes_w __attribute__((vector_size(4 * LANES)));

#define BITS_ONE  0x3FF0000000000000u /* of 1.0 */
#define BITS_2_52 0x4330000000000000u /* of 2^52: or-ed with an integer below 2^52 it is 2^52 + the integer */
#define SQRT_HALF 0x3FE6A09E667F3BCDu /* of sqrt(1/2) */
#define HALF_UNIT ((uint64_t)1 << 19) /* the middle of a step of 2^-32 */
#define LN_2_HIGH 0x1.62e42feep-1
#define LN_2_LOW  0x1.a39ef35793c76p-33

/* -ln(x) for x in (0, 1], not subnormal: x = 2^k m with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m-1)/(m+1)). */
WIDE_INLINE void minus_log(const lanes_f *x, lanes_f *out)
{
    lanes_u bits;
    memcpy(&bits, x, sizeof(bits));
    lanes_u shifted = bits - SQRT_HALF + BITS_ONE; /* its exponent is that of x's power, biased */
    lanes_u power = (shifted >> 52) | BITS_2_52;
    lanes_u m_bits = bits - ((shifted & 0x7FF0000000000000u) - BITS_ONE);
    lanes_f k;
    lanes_f m;
    memcpy(&k, &power, sizeof(k));
    memcpy(&m, &m_bits, sizeof(m));
    k -= 0x1p52 + 1023.0;
    lanes_f s = (m - 1.0) / (m + 1.0);
    lanes_f z = s * s;
    lanes_f sum = z * (1.0 / 21) + 1.0 / 19;
    sum = sum * z + 1.0 / 17;
    sum = sum * z + 1.0 / 15;
    sum = sum * z + 1.0 / 13;
    sum = sum * z + 1.0 / 11;
    sum = sum * z + 1.0 / 9;
    sum = sum * z + 1.0 / 7;
    sum = sum * z + 1.0 / 5;
    sum = sum * z + 1.0 / 3;
    lanes_f log_m = 2.0 * s + 2.0 * s * z * sum;
    *out = -(k * LN_2_HIGH + (k * LN_2_LOW + log_m));
}

/* 32 bits as a number in (0, 1), the middle of its step. */
WIDE_INLINE void unit_of(const uint32_t *word, lanes_f *out)
{
    lanes_w words;
    memcpy(&words, word, sizeof(words));
    lanes_u bits = __builtin_convertvector(words, lanes_u) << 20 | (BITS_ONE | HALF_UNIT);
    lanes_f x;
    memcpy(&x, &bits, sizeof(x));
    *out = 2.0 - x;
}

/* Blocks of four words, a number each; n is a multiple of LANES. values[word] has n. */
WIDE_INLINE void fill(uint32_t words[4][BLOCKS], size_t n, double values[4][BLOCKS])
{
    for (int word = 0; word < 4; word++) {
        for (size_t at = 0; at < n; at += LANES) {
            lanes_f unit;
            lanes_f value;
            unit_of(&words[word][at], &unit);
            minus_log(&unit, &value);
            memcpy(&values[word][at], &value, sizeof(value));
        }
    }
}

#if WIDE_X86
WIDE_AVX512 static void fill_avx512(uint32_t words[4][BLOCKS], size_t n, double values[4][BLOCKS])
{
    fill(words, n, values);
}

WIDE_AVX2 static void fill_avx2(uint32_t words[4][BLOCKS], size_t n, double values[4][BLOCKS])
{
    fill(words, n, values);
}
#endif

static void fill_portable(uint32_t words[4][BLOCKS], size_t n, double values[4][BLOCKS])
{
    fill(words, n, values);
}

static void fill_best(uint32_t words[4][BLOCKS], size_t n, double values[4][BLOCKS])
{
#if WIDE_X86
    enum wide width = wide_width();
    if (width != WIDE_PORTABLE) {
        (width == WIDE_512 ? fill_avx512 : fill_avx2)(words, n, values);
        return;
    }
#endif
    fill_portable(words, n, values);
}

void exponential_fill(uint32_t seed, uint32_t replication, uint64_t first, uint32_t purpose, size_t count, double *out)
{
    assert(first % 4 == 0 && count % 4 == 0);
    uint32_t words[4][BLOCKS];
    double values[4][BLOCKS];
    const struct philox_words to = {{words[0], words[1], words[2], words[3]}};
    for (size_t done = 0; done < count / 4; done += BLOCKS) {
        size_t n = count / 4 - done < BLOCKS ? count / 4 - done : BLOCKS;
        size_t whole = (n + LANES - 1) / LANES * LANES;
        philox_fill(seed, replication, first / 4 + done, purpose, whole, &to);
        fill_best(words, whole, values);
        for (size_t i = 0; i < n; i++)
            for (size_t word = 0; word < 4; word++)
                out[4 * (done + i) + word] = values[word][i];
    }
}
