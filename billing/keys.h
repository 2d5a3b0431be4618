/*
 * keys.h - tuples of numbers, each distinct one known by its place in the order of first appearance.
 *
 * A hash table with open addressing: linear probing, at most half full. Ownership: the struct is the caller's, from
 * keys_init to keys_release. Cost: amortised O(1).
 */
#ifndef BILLING_KEYS_H
#define BILLING_KEYS_H

#include <stdint.h>
#include <stddef.h>

#define KEYS_NONE UINT32_MAX

struct keys {
    size_t width; /* numbers in a key */
    uint32_t *words;
    size_t words_cap;
    uint32_t count;
    uint32_t *slots; /* place + 1; 0: free */
    size_t slot_count;
};

void keys_init(struct keys *keys, size_t width);
void keys_release(struct keys *keys);
uint32_t keys_add(struct keys *keys, const uint32_t *key);        /* its place; == the old count where it is new */
uint32_t keys_find(const struct keys *keys, const uint32_t *key); /* or KEYS_NONE */
const uint32_t *keys_at(const struct keys *keys, uint32_t place);

#endif
