/*
 * interrupt.h - Ctrl-C as a question that long work asks between two pieces.
 *
 * From interrupt_catch to interrupt_restore (they nest) the first SIGINT only sets a flag; a second one ends the
 * program as usual. Called from one thread.
 */
#ifndef BASE_INTERRUPT_H
#define BASE_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
void interrupt_restore(void);
bool interrupt_seen(void); /* since interrupt_catch; from any thread */

#endif
