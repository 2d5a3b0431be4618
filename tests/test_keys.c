/* Numbered texts and tuples: against plain arrays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "billing/keys.h"
#include "billing/names.h"

#define SIDE 40

/* Every pair of a square drawn many times over in random order keeps the number of its first appearance. */
static void keys_keep_their_number(void **state)
{
    (void)state;
    static uint32_t place[SIDE][SIDE];
    memset(place, 0xFF, sizeof(place));
    struct philox p = philox_stream(5, 0, 0, 1);
    struct keys keys;
    keys_init(&keys, 2);
    assert_int_equal(keys_find(&keys, (uint32_t[]){0, 0}), KEYS_NONE);
    uint32_t known = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t key[2] = {(uint32_t)philox_below(&p, SIDE), (uint32_t)philox_below(&p, SIDE)};
        assert_int_equal(keys_find(&keys, key), place[key[0]][key[1]]);
        uint32_t got = keys_add(&keys, key);
        if (place[key[0]][key[1]] == KEYS_NONE)
            place[key[0]][key[1]] = known++;
        assert_int_equal(got, place[key[0]][key[1]]);
        assert_memory_equal(keys_at(&keys, got), key, sizeof(key));
    }
    assert_int_equal(keys.count, known);
    keys_release(&keys);
}

static void names_are_known_once(void **state)
{
    (void)state;
    struct names *names = names_new();
    assert_int_equal(names_id(names, ""), 0);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 1; i < 5000; i++) {
            char text[16];
            snprintf(text, sizeof(text), "i-%u", i);
            assert_int_equal(names_id(names, text), i);
            assert_string_equal(names_text(names, i), text);
        }
    names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_keep_their_number),
        cmocka_unit_test(names_are_known_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
