/*
 * wide.h - code for AVX2 and AVX-512 beside portable code with the same results, chosen at run time.
 *
 * WIDE_AVX2 and WIDE_AVX512 mark functions compiled for these units, the _INLINE forms their inlined parts; they exist
 * where WIDE_X86 is 1 and may be called only where wide_width() says so. WIDE_INLINE is for bodies written once and
 * compiled several ways. Nothing is fused (the Makefile's -ffp-contract=off), so floating point gives the same bits.
 * wide_choose is for tests: nothing wider than that.
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#include <stdbool.h>

#define WIDE_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define WIDE_X86         1
#define WIDE_AVX2        __attribute__((target("avx2")))
#define WIDE_AVX2_INLINE WIDE_AVX2 WIDE_INLINE
#define WIDE_AVX512      __attribute__((target("avx512f,avx512vl,avx512dq")))
#else
#define WIDE_X86 0
#endif

enum wide { WIDE_PORTABLE, WIDE_256, WIDE_512 }; /* none, AVX2, AVX-512 */

enum wide wide_width(void); /* the widest there is and is allowed */
void wide_choose(enum wide most);

static inline bool wide_has_avx2(void)
{
    return wide_width() >= WIDE_256;
}

#endif
