/*
 * wide.h - code for AVX2 beside portable code with the same results, chosen at run time.
 *
 * WIDE_AVX2 marks a function compiled for AVX2 (without fused multiply-add, so that floating point gives the same bits
 * in both forms), WIDE_AVX2_INLINE its inlined parts; they exist where WIDE_X86 is 1 and may be called only where
 * wide_has_avx2(). WIDE_INLINE is for bodies written once over short arrays and compiled both ways.
 * wide_choose(false) is for tests: portable code only.
 */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#include <stdbool.h>

#define WIDE_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__) && defined(__GNUC__)
#define WIDE_X86         1
#define WIDE_AVX2        __attribute__((target("avx2")))
#define WIDE_AVX2_INLINE WIDE_AVX2 WIDE_INLINE
#else
#define WIDE_X86 0
#endif

bool wide_has_avx2(void);
void wide_choose(bool wide);

#endif
