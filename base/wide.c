#include "base/wide.h"

static enum wide allowed = WIDE_512; /* less in tests */

enum wide wide_width(void)
{
    enum wide width = WIDE_PORTABLE;
#if WIDE_X86
    if (__builtin_cpu_supports("avx2"))
        width = WIDE_256;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        width = WIDE_512;
#endif
    return width < allowed ? width : allowed;
}

void wide_choose(enum wide most)
{
    allowed = most;
}
