/* Philox4x32-10 against Random123's known-answer file (kat_vectors), and the shape of what is drawn from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/philox.h"

static void known_answers(void **state)
{
    (void)state;
    const struct {
        struct philox_block counter;
        uint32_t key[2];
        struct philox_block answer;
    } vectors[] = {
        {{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
         {0xffffffff, 0xffffffff},
         {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         {0xa4093822, 0x299f31d0},
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (size_t i = 0; i < 3; i++) {
        struct philox_block got = philox4x32_10(vectors[i].counter, vectors[i].key[0], vectors[i].key[1]);
        assert_memory_equal(got.word, vectors[i].answer.word, sizeof(got.word));
    }
}

/* The header's promise of where seed, replication, index and purpose go, by the known block function. */
static void a_stream_is_the_blocks_of_its_counter(void **state)
{
    (void)state;
    struct philox p = philox_stream(11, 22, 0x3300000044ull, 55);
    for (uint32_t block = 0; block < 5; block++) {
        struct philox_block c = {{block, 0x44, 0x33, 55}};
        struct philox_block expected = philox4x32_10(c, 11, 22);
        for (int i = 0; i < 4; i++)
            assert_int_equal(philox_u32(&p), expected.word[i]);
    }
    p = philox_stream(11, 22, 0x3300000044ull, 55);
    struct philox q = p;
    uint64_t low = philox_u32(&q);
    uint64_t high = philox_u32(&q);
    assert_true(philox_u64(&p) == (low | high << 32));
}

static void streams_do_not_depend_on_the_order_of_draws(void **state)
{
    (void)state;
    uint32_t apart[8][10];
    for (uint32_t i = 0; i < 8; i++) {
        struct philox p = philox_stream(1, i & 1, i >> 1 & 1, i >> 2);
        for (int j = 0; j < 10; j++)
            apart[i][j] = philox_u32(&p);
    }
    struct philox streams[8];
    for (uint32_t i = 0; i < 8; i++)
        streams[i] = philox_stream(1, i & 1, i >> 1 & 1, i >> 2);
    for (int j = 0; j < 10; j++)
        for (int i = 7; i >= 0; i--)
            assert_int_equal(philox_u32(&streams[i]), apart[i][j]);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(apart[i], apart[k], sizeof(apart[0]));
}

/* chi-square over 7 classes; 22.46 is the 0.999 quantile for 6 degrees of freedom. */
static void below_is_even(void **state)
{
    (void)state;
    struct philox p = philox_stream(7, 0, 0, 1);
    double counts[7] = {0};
    const int draws = 70000;
    for (int i = 0; i < draws; i++) {
        uint64_t x = philox_below(&p, 7);
        assert_true(x < 7);
        counts[x]++;
    }
    double chi = 0;
    for (int i = 0; i < 7; i++)
        chi += (counts[i] - draws / 7.0) * (counts[i] - draws / 7.0) / (draws / 7.0);
    assert_true(chi < 22.46);
    assert_true(chi > 0.38); /* the 0.001 quantile: too even is no chance either */
}

/* With a bound of 3 * 2^62 plain `% bound` would give the lowest third twice as often (1/2 instead of 1/3). */
static void below_rejects_what_would_be_drawn_too_often(void **state)
{
    (void)state;
    struct philox p = philox_stream(8, 0, 0, 1);
    uint64_t bound = 3ull << 62;
    int low = 0;
    for (int i = 0; i < 30000; i++)
        low += philox_below(&p, bound) < bound / 3;
    assert_true(low > 9600 && low < 10400); /* 10000 +- 5 standard deviations of 82 */
    for (int i = 0; i < 10; i++)
        assert_true(philox_below(&p, 1) == 0);
}

static void unit_is_in_range_with_the_right_mean(void **state)
{
    (void)state;
    struct philox p = philox_stream(9, 0, 0, 1);
    double sum = 0;
    double least = 1;
    double most = 0;
    for (int i = 0; i < 100000; i++) {
        double x = philox_unit(&p);
        assert_true(x >= 0 && x < 1);
        sum += x;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    assert_true(fabs(sum / 100000 - 0.5) < 0.005); /* 5 * sqrt(1/12/100000) */
    assert_true(least < 0.001 && most > 0.999);
}

static void exponential_has_mean_and_variance_one(void **state)
{
    (void)state;
    struct philox p = philox_stream(10, 0, 0, 1);
    double sum = 0;
    double squares = 0;
    const int draws = 200000;
    for (int i = 0; i < draws; i++) {
        double x = philox_exponential(&p);
        assert_true(x >= 0 && isfinite(x));
        sum += x;
        squares += x * x;
    }
    double mean = sum / draws;
    assert_true(fabs(mean - 1) < 0.012);                          /* 5 / sqrt(200000) */
    assert_true(fabs(squares / draws - mean * mean - 1) < 0.035); /* 5 * sqrt(8 / 200000) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(a_stream_is_the_blocks_of_its_counter),
        cmocka_unit_test(streams_do_not_depend_on_the_order_of_draws),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(below_rejects_what_would_be_drawn_too_often),
        cmocka_unit_test(unit_is_in_range_with_the_right_mean),
        cmocka_unit_test(exponential_has_mean_and_variance_one),
    };
    return cmocka_run_group_tests_name("philox", tests, NULL, NULL);
}
