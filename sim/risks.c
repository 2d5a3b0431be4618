#include "sim/risks.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/philox.h"
#include "base/philox_fill.h"

#define BLOCK 2048 /* commits whose words are held at once */

/* The purposes: a batch's attempt takes the blocks 2a and 2a + 1, launches of a bake instance those from LAUNCHES on.
 */
#define PURPOSE(attempt) (2 * (attempt))
#define LAUNCHES         0x80000000u

void risks_init(struct risks *r)
{
    *r = (struct risks){0};
}

void risks_release(struct risks *r)
{
    free(r->bits);
    free(r->culprits);
    risks_init(r);
}

static unsigned bits_of_first(const struct failures *f, uint32_t culprit, uint32_t build, uint32_t boot, uint32_t smoke)
{
    return (culprit < f->culprit ? RISK_CULPRIT : 0u) | (build < f->build ? RISK_BUILD : 0u) |
           (boot < f->boot ? RISK_BOOT : 0u) | (smoke < f->smoke ? RISK_SMOKE : 0u);
}

static unsigned bits_of_second(const struct failures *f, uint32_t bake, uint32_t caught)
{
    return (bake < f->bake ? RISK_BAKE : 0u) | (caught < f->caught ? RISK_CAUGHT : 0u);
}

static void draw_block(struct risks *r, size_t from, size_t n)
{
    uint32_t words[4][BLOCK];
    const struct philox_words to = {{words[0], words[1], words[2], words[3]}};
    const struct failures *f = &r->failures;
    philox_fill(r->seed, r->replication, from, PURPOSE(0), n, &to);
    for (size_t i = 0; i < n; i++)
        r->bits[from + i] = (uint8_t)bits_of_first(f, words[0][i], words[1][i], words[2][i], words[3][i]);
    if (!f->bake && !f->caught)
        return;
    philox_fill(r->seed, r->replication, from, PURPOSE(0) + 1, n, &to);
    for (size_t i = 0; i < n; i++)
        r->bits[from + i] |= (uint8_t)bits_of_second(f, words[0][i], words[1][i]);
}

void risks_draw(struct risks *r, const struct failures *f, uint32_t seed, uint32_t replication, size_t commits)
{
    r->seed = seed;
    r->replication = replication;
    r->failures = *f;
    r->count = commits;
    r->culprit_count = 0;
    r->bits = mem_grow(r->bits, &r->bits_cap, commits, sizeof(*r->bits));
    for (size_t from = 0; from < commits; from += BLOCK)
        draw_block(r, from, commits - from < BLOCK ? commits - from : BLOCK);
    if (!f->culprit)
        return;
    for (size_t i = 0; i < commits; i++) {
        if (!(r->bits[i] & RISK_CULPRIT))
            continue;
        r->culprits = mem_grow(r->culprits, &r->culprit_cap, r->culprit_count + 1, sizeof(*r->culprits));
        r->culprits[r->culprit_count++] = i;
    }
}

unsigned risks_again(const struct risks *r, size_t commit, uint32_t attempt)
{
    assert(attempt > 0 && attempt < LAUNCHES / 2);
    struct philox_block at = {{0, (uint32_t)commit, (uint32_t)((uint64_t)commit >> 32), PURPOSE(attempt)}};
    struct philox_block first = philox4x32_10(at, r->seed, r->replication);
    /* the culprit's place in the block is empty: commits are drawn once for all, in the first attempt */
    unsigned bits = bits_of_first(&r->failures, UINT32_MAX, first.word[1], first.word[2], first.word[3]);
    if (!r->failures.bake)
        return bits & ~(unsigned)RISK_CULPRIT;
    at.word[3]++;
    struct philox_block second = philox4x32_10(at, r->seed, r->replication);
    return (bits & ~(unsigned)RISK_CULPRIT) | (bits_of_second(&r->failures, second.word[0], 0) & RISK_BAKE);
}

bool risks_launch_fails(const struct risks *r, size_t commit, uint32_t attempt, uint32_t launch)
{
    struct philox p = philox_stream(r->seed, r->replication, commit, LAUNCHES + attempt * 64 + launch);
    return philox_u32(&p) < r->failures.bake;
}
