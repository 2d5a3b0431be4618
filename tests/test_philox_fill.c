/* Many blocks at once: the same words as one stream each, on every path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/philox.h"
#include "base/philox_fill.h"
#include "base/wide.h"

#define MOST 70

static void check(uint32_t seed, uint32_t replication, uint64_t index, uint32_t purpose, size_t count)
{
    uint32_t words[4][MOST + 1];
    struct philox_words to = {{words[0], words[1], words[2], words[3]}};
    for (int word = 0; word < 4; word++)
        words[word][count] = 0xABCDEF01;
    philox_fill(seed, replication, index, purpose, count, &to);
    for (size_t i = 0; i < count; i++) {
        struct philox p = philox_stream(seed, replication, index + i, purpose);
        for (int word = 0; word < 4; word++)
            assert_int_equal(words[word][i], philox_u32(&p));
    }
    for (int word = 0; word < 4; word++)
        assert_int_equal(words[word][count], 0xABCDEF01); /* not a word more */
}

static void same_as_streams(void **state)
{
    (void)state;
    for (int wide = WIDE_PORTABLE; wide <= WIDE_512; wide++) {
        wide_choose((enum wide)wide);
        for (size_t count = 0; count <= MOST; count++)
            check(7, (uint32_t)count, 1000 * count, 3, count);
        check(UINT32_MAX, UINT32_MAX, UINT32_MAX - 20, UINT32_MAX, MOST); /* the index passes 32 bits */
        check(0, 0, UINT64_MAX - MOST, 0, MOST);
    }
    wide_choose(WIDE_512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_streams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
