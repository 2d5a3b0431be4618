/* Weighted sums of lines: on each unit the bits of a plain loop, and nothing is written beside them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/wide.h"
#include "scheduler/mix.h"
#include "tests/support_draw.h"

#define FLOATS 4096
#define WIDTH  256
#define SHARES 40

static float some(struct philox *p)
{
    return (float)(philox_unit(p) * 1000 - 300);
}

static void plain(float *to, const struct mix *m, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        float sum = m->base;
        for (size_t i = 0; i < m->count; i++)
            sum += m->shares[i].chance * m->from[(size_t)m->shares[i].offset + x];
        if (m->last)
            sum += m->last_chance * m->last[x];
        to[x] = m->floor && m->floor[x] < sum ? m->floor[x] : sum;
    }
}

static void one_mix(struct philox *p, const float *from, const float *floor)
{
    struct mix_share shares[SHARES];
    float expected[WIDTH + 16];
    float got[WIDTH + 16];
    size_t width = (size_t)draw(p, 1, WIDTH / MIX_LANES) * MIX_LANES;
    struct mix m = {.from = from, .shares = shares, .count = (size_t)draw(p, 0, SHARES), .base = some(p)};
    for (size_t i = 0; i < m.count; i++)
        shares[i] = (struct mix_share){(int32_t)draw(p, 0, FLOATS - WIDTH), (float)philox_unit(p)};
    if (draw(p, 0, 1))
        m.last = from + draw(p, 0, FLOATS - WIDTH);
    m.last_chance = (float)philox_unit(p);
    if (draw(p, 0, 1))
        m.floor = floor + draw(p, 0, 3);
    size_t at = (size_t)draw(p, 0, 7); /* wherever a line begins */
    for (size_t i = 0; i < WIDTH + 16; i++)
        expected[i] = got[i] = -1;
    plain(expected + at, &m, width);
    for (int unit = WIDE_PORTABLE; unit <= WIDE_512; unit++) {
        wide_choose((enum wide)unit);
        mix_widest()(got + at, &m, width);
        assert_memory_equal(got, expected, sizeof(got));
    }
}

static void each_unit_gives_the_same_bits(void **state)
{
    (void)state;
    struct philox p = philox_stream(81, 0, 0, 1);
    float from[FLOATS];
    float floor[WIDTH + 8];
    for (size_t i = 0; i < FLOATS; i++)
        from[i] = some(&p);
    for (size_t i = 0; i < WIDTH + 8; i++)
        floor[i] = some(&p) * 10;
    for (int round = 0; round < 3000; round++)
        one_mix(&p, from, floor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_unit_gives_the_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
