#include "base/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen;
static struct sigaction before;
static int depth;

static void note(int signal_number)
{
    (void)signal_number;
    seen = 1;
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    if (depth++)
        return;
    seen = 0;
    sigaction(SIGINT, &action, &before);
}

void interrupt_restore(void)
{
    if (--depth == 0)
        sigaction(SIGINT, &before, NULL);
}

bool interrupt_seen(void)
{
    return seen != 0;
}
