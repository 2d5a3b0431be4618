#include "base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE ((size_t)4000)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

static void free_from(struct arena_chunk *chunk)
{
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
}

void arena_release(struct arena *a)
{
    free_from(a->newest);
    arena_init(a);
}

void arena_reset(struct arena *a)
{
    if (!a->newest)
        return;
    free_from(a->newest->older);
    a->newest->older = NULL;
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    assert(size <= SIZE_MAX / 4);
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!a->newest || a->newest->size - a->used < size) {
        size_t want = a->newest ? a->newest->size * 2 : CHUNK_SIZE;
        if (want < size)
            want = size;
        struct arena_chunk *chunk = mem_alloc(sizeof *chunk + want);
        chunk->older = a->newest;
        chunk->size = want;
        a->newest = chunk;
        a->used = 0;
    }
    void *at = a->newest->bytes + a->used;
    a->used += size;
    memset(at, 0, size);
    return at;
}

char *arena_dup_n(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_dup(struct arena *a, const char *text)
{
    return arena_dup_n(a, text, strlen(text));
}

char *arena_textf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
