#include "base/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen;
static struct sigaction before;

static void note(int signal_number)
{
    (void)signal_number;
    seen = 1;
}

void interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    seen = 0;
    sigaction(SIGINT, &action, &before);
}

void interrupt_restore(void)
{
    sigaction(SIGINT, &before, NULL);
}

bool interrupt_seen(void)
{
    return seen != 0;
}
