#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void mem_die(size_t size)
{
    fprintf(stderr, "bakehour: out of memory (%zu bytes asked for)\n", size);
    exit(1);
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        mem_die(size);
    return p;
}

void *mem_zero(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);
    if (!p)
        mem_die(count * size);
    return p;
}

void *mem_array(void *old, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        mem_die(SIZE_MAX);
    void *p = realloc(old, bytes ? bytes : 1);
    if (!p)
        mem_die(bytes);
    return p;
}

char *mem_dup_n(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_dup(const char *text)
{
    return mem_dup_n(text, strlen(text));
}

void *mem_grow(void *items, size_t *cap, size_t need, size_t item_size)
{
    if (need <= *cap)
        return items;
    size_t next = *cap ? *cap + *cap / 2 : 16;
    if (next < need)
        next = need;
    items = mem_array(items, next, item_size);
    *cap = next;
    return items;
}
