#include "base/undumpable.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

void undumpable(void)
{
#ifdef __linux__
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
