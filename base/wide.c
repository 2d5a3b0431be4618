#include "base/wide.h"

static bool refused; /* by a test */

bool wide_has_avx2(void)
{
#if WIDE_X86
    return !refused && __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

void wide_choose(bool wide)
{
    refused = !wide;
}
