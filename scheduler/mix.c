#include "scheduler/mix.h"

#include "base/wide.h"

/* Sixteen floats, or eight; wherever they stand. */
typedef float block __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t block_bits __attribute__((vector_size(64), aligned(4), may_alias));
typedef float half __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t half_bits __attribute__((vector_size(32), aligned(4), may_alias));

#define BLOCK   16
#define STRETCH ((size_t)4 * BLOCK)

#define LOAD(type, at) (*(const type *)(at))
#define LEAST_OF(type, bits, sum, at)                                                                                  \
    ((type)(((LOAD(type, at) < (sum)) & (bits)LOAD(type, at)) | (~(LOAD(type, at) < (sum)) & (bits)(sum))))

/* Four blocks at once: a share's chance is looked up once, and the sums stay where they are. */
WIDE_INLINE void mix_stretch(float *to, const struct mix *m, size_t x)
{
    block a = m->base + (block){0};
    block b = a;
    block c = a;
    block d = a;
    for (size_t i = 0; i < m->count; i++) {
        const float *line = m->from + m->shares[i].offset + x;
        float chance = m->shares[i].chance;
        a += chance * LOAD(block, line);
        b += chance * LOAD(block, line + BLOCK);
        c += chance * LOAD(block, line + 2 * BLOCK);
        d += chance * LOAD(block, line + 3 * BLOCK);
    }
    if (m->last) {
        a += m->last_chance * LOAD(block, m->last + x);
        b += m->last_chance * LOAD(block, m->last + x + BLOCK);
        c += m->last_chance * LOAD(block, m->last + x + 2 * BLOCK);
        d += m->last_chance * LOAD(block, m->last + x + 3 * BLOCK);
    }
    if (m->floor) {
        a = LEAST_OF(block, block_bits, a, m->floor + x);
        b = LEAST_OF(block, block_bits, b, m->floor + x + BLOCK);
        c = LEAST_OF(block, block_bits, c, m->floor + x + 2 * BLOCK);
        d = LEAST_OF(block, block_bits, d, m->floor + x + 3 * BLOCK);
    }
    *(block *)(to + x) = a;
    *(block *)(to + x + BLOCK) = b;
    *(block *)(to + x + 2 * BLOCK) = c;
    *(block *)(to + x + 3 * BLOCK) = d;
}

WIDE_INLINE void mix_block(float *to, const struct mix *m, size_t x)
{
    block a = m->base + (block){0};
    for (size_t i = 0; i < m->count; i++)
        a += m->shares[i].chance * LOAD(block, m->from + m->shares[i].offset + x);
    if (m->last)
        a += m->last_chance * LOAD(block, m->last + x);
    if (m->floor)
        a = LEAST_OF(block, block_bits, a, m->floor + x);
    *(block *)(to + x) = a;
}

WIDE_INLINE void mix_half(float *to, const struct mix *m, size_t x)
{
    half a = m->base + (half){0};
    for (size_t i = 0; i < m->count; i++)
        a += m->shares[i].chance * LOAD(half, m->from + m->shares[i].offset + x);
    if (m->last)
        a += m->last_chance * LOAD(half, m->last + x);
    if (m->floor)
        a = LEAST_OF(half, half_bits, a, m->floor + x);
    *(half *)(to + x) = a;
}

WIDE_INLINE void mix_wide(float *to, const struct mix *m, size_t width)
{
    size_t x = 0;
    for (; x + STRETCH <= width; x += STRETCH)
        mix_stretch(to, m, x);
    for (; x + BLOCK <= width; x += BLOCK)
        mix_block(to, m, x);
    if (x < width)
        mix_half(to, m, x);
}

/* Four numbers a register: more than a block at once would not fit. */
static void mix_portable(float *to, const struct mix *m, size_t width)
{
    size_t x = 0;
    for (; x + BLOCK <= width; x += BLOCK)
        mix_block(to, m, x);
    if (x < width)
        mix_half(to, m, x);
}

#if WIDE_X86
WIDE_AVX2 static void mix_256(float *to, const struct mix *m, size_t width)
{
    mix_wide(to, m, width);
}

WIDE_AVX512 static void mix_512(float *to, const struct mix *m, size_t width)
{
    mix_wide(to, m, width);
}
#endif

mix_lines *mix_widest(void)
{
#if WIDE_X86
    if (wide_width() >= WIDE_512)
        return mix_512;
    if (wide_width() >= WIDE_256)
        return mix_256;
#endif
    return mix_portable;
}
