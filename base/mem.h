/*
 * mem.h - allocation that cannot fail.
 *
 * Running out of memory ends the program in one place, mem_die(): what has to be durable is durable
 * before anything is allocated (the program is crash-only), so there is nothing to unwind.
 * The caller owns what is returned and gives it back with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                          /* uninitialised */
void *mem_zero(size_t count, size_t size);             /* zeroed */
void *mem_array(void *old, size_t count, size_t size); /* realloc to count * size, overflow checked */
char *mem_dup(const char *text);
char *mem_dup_n(const char *text, size_t len); /* adds the terminating NUL */

/* Grows *items (of item_size bytes) so that it holds at least need; *cap is in items. Amortised O(1). */
void *mem_grow(void *items, size_t *cap, size_t need, size_t item_size);

_Noreturn void mem_die(size_t size);

#endif
