#include "billing/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct names {
    char **texts;
    uint64_t *hashes;
    size_t cap, hash_cap;
    uint32_t count;
    uint32_t *slots; /* id + 1; 0: free */
    size_t slot_count;
};

/* FNV-1a, 64 bits, and a last mix for the low bits. */
static uint64_t hash_of(const char *text)
{
    uint64_t h = 0xCBF29CE484222325U;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001B3U;
    return h ^ (h >> 32);
}

static size_t slot_of(const struct names *n, const char *text, uint64_t hash)
{
    size_t slot = (size_t)hash & (n->slot_count - 1);
    for (; n->slots[slot]; slot = (slot + 1) & (n->slot_count - 1)) {
        uint32_t id = n->slots[slot] - 1;
        if (n->hashes[id] == hash && strcmp(n->texts[id], text) == 0)
            break;
    }
    return slot;
}

static void rehash(struct names *n)
{
    free(n->slots);
    n->slot_count = n->slot_count ? 2 * n->slot_count : 256;
    n->slots = mem_zero(n->slot_count, sizeof(*n->slots));
    for (uint32_t id = 0; id < n->count; id++)
        n->slots[slot_of(n, n->texts[id], n->hashes[id])] = id + 1;
}

struct names *names_new(void)
{
    struct names *n = mem_zero(1, sizeof(*n));
    uint32_t empty = names_id(n, "");
    assert(empty == 0);
    (void)empty;
    return n;
}

void names_free(struct names *n)
{
    if (!n)
        return;
    for (uint32_t id = 0; id < n->count; id++)
        free(n->texts[id]);
    free(n->texts);
    free(n->hashes);
    free(n->slots);
    free(n);
}

uint32_t names_id(struct names *n, const char *text)
{
    if (2 * (n->count + (size_t)1) > n->slot_count)
        rehash(n);
    uint64_t hash = hash_of(text);
    size_t slot = slot_of(n, text, hash);
    if (!n->slots[slot]) {
        assert(n->count < UINT32_MAX - 1);
        n->texts = mem_grow(n->texts, &n->cap, n->count + (size_t)1, sizeof(*n->texts));
        n->hashes = mem_grow(n->hashes, &n->hash_cap, n->count + (size_t)1, sizeof(*n->hashes));
        n->texts[n->count] = mem_dup(text);
        n->hashes[n->count] = hash;
        n->slots[slot] = ++n->count;
    }
    return n->slots[slot] - 1;
}

uint32_t names_find(const struct names *n, const char *text)
{
    size_t slot = slot_of(n, text, hash_of(text));
    return n->slots[slot] ? n->slots[slot] - 1 : UINT32_MAX;
}

uint32_t names_count(const struct names *n)
{
    return n->count;
}

const char *names_text(const struct names *n, uint32_t id)
{
    assert(id < n->count);
    return n->texts[id];
}
