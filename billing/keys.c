#include "billing/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void keys_init(struct keys *keys, size_t width)
{
    assert(width > 0);
    *keys = (struct keys){.width = width};
}

void keys_release(struct keys *keys)
{
    free(keys->words);
    free(keys->slots);
    keys_init(keys, keys->width);
}

const uint32_t *keys_at(const struct keys *keys, uint32_t place)
{
    assert(place < keys->count);
    return keys->words + place * keys->width;
}

static size_t hash(const struct keys *keys, const uint32_t *key)
{
    uint64_t h = 0x9E3779B97F4A7C15U;
    for (size_t i = 0; i < keys->width; i++) {
        h = (h ^ key[i]) * 0xBF58476D1CE4E5B9U;
        h ^= h >> 29;
    }
    return (size_t)h;
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t slot_of(const struct keys *keys, const uint32_t *key)
{
    size_t slot = hash(keys, key) & (keys->slot_count - 1);
    while (keys->slots[slot] && memcmp(keys_at(keys, keys->slots[slot] - 1), key, keys->width * sizeof(*key)) != 0)
        slot = (slot + 1) & (keys->slot_count - 1);
    return slot;
}

static void rehash(struct keys *keys)
{
    free(keys->slots);
    keys->slot_count = keys->slot_count ? 2 * keys->slot_count : 64;
    keys->slots = mem_zero(keys->slot_count, sizeof(*keys->slots));
    for (uint32_t i = 0; i < keys->count; i++)
        keys->slots[slot_of(keys, keys_at(keys, i))] = i + 1;
}

uint32_t keys_add(struct keys *keys, const uint32_t *key)
{
    if (2 * (keys->count + (size_t)1) > keys->slot_count)
        rehash(keys);
    size_t slot = slot_of(keys, key);
    if (!keys->slots[slot]) {
        assert(keys->count < UINT32_MAX - 1);
        size_t at = keys->count * keys->width;
        keys->words = mem_grow(keys->words, &keys->words_cap, at + keys->width, sizeof(*keys->words));
        memcpy(keys->words + at, key, keys->width * sizeof(*key));
        keys->slots[slot] = ++keys->count;
    }
    return keys->slots[slot] - 1;
}

uint32_t keys_find(const struct keys *keys, const uint32_t *key)
{
    if (!keys->count)
        return KEYS_NONE;
    uint32_t place = keys->slots[slot_of(keys, key)];
    return place ? place - 1 : KEYS_NONE;
}
