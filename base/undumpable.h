/*
 * undumpable.h - a process that holds keys shows them to nobody.
 *
 * From then on the kernel writes no core of it, hands none to a crash reporter, and lets no other process of the same
 * user (a build, say) read its memory or its environment (/proc/PID/mem, /proc/PID/environ, ptrace); root still may.
 * What it starts by exec is not so. Source: prctl(2), PR_SET_DUMPABLE; proc(5).
 *
 * Cost: a system call. Errors: none that could be acted on; where there is no such call, nothing happens.
 */
#ifndef BASE_UNDUMPABLE_H
#define BASE_UNDUMPABLE_H

void undumpable(void);

#endif
