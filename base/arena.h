/*
 * arena.h - many small texts and structs that live and die together.
 *
 * A struct arena is owned by the caller: arena_init (or all zeroes), then arena_release. What it hands out stays where
 * it is until arena_reset or arena_release; nothing is given back one by one. Aligned for any type.
 * Cost: a pointer's move each, a malloc for each chunk; arena_reset keeps the largest chunk for the next round.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/err.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *newest;
    size_t used; /* bytes of the newest chunk */
};

void arena_init(struct arena *a);
void arena_release(struct arena *a);
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size); /* zeroed */
char *arena_dup(struct arena *a, const char *text);
char *arena_dup_n(struct arena *a, const char *text, size_t len); /* adds the terminating NUL */
char *arena_textf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
