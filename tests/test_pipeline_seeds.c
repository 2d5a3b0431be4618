/*
 * Deployments by chance, from seeds: engine, regime of billing, policy, size of the group, order of the image, lagging
 * reads, throttling, faults, deaths, and a second runner that takes over from a paused one and goes on beside it. At
 * the end, without faults, everything must be put in order: nothing left over, the group whole, on one image and at its
 * size. Each eighth seed runs twice, to the same trace.
 *
 * SEED, SEEDS: which; PLAIN=1: engine attach by the second without the rest of the draws (the seeds of older findings).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "tests/support_runners.h"

#define ROLE "\"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\""

#if defined(__SANITIZE_ADDRESS__)
#define SEEDS 8
#else
#define SEEDS 60
#endif

static struct stage_actions actions;
static int64_t rivals; /* that came while another one held the lease */

/* ---- what is drawn ---- */

struct shape {
    char more[600], environment[80], image[40], text[240];
    bool throttle, has_rival;
};

static const char *pick(struct philox *p, const char *const *texts, size_t count)
{
    return texts[philox_below(p, count)];
}
#define PICK(p, ...)                                                                                                   \
    pick((p), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void draw_shape(struct shape *shape, uint32_t seed)
{
    struct philox p = philox_stream(seed, 0, 0, 78);
    const char *engine = PICK(&p, "attach", "refresh", "step");
    bool attach = strcmp(engine, "attach") == 0;
    bool refresh = strcmp(engine, "refresh") == 0;
    bool hourly = philox_below(&p, 2);
    const char *keep =
        hourly ? PICK(&p, "hour", "terminate", "idle:600") : PICK(&p, "rent", "terminate", "idle:600", "idle:60");
    const char *healthy = refresh ? PICK(&p, "50", "90", "100") : PICK(&p, "100", "50");
    const char *surge = refresh ? "0" : PICK(&p, "0", "1", "2");
    const char *canary = attach ? PICK(&p, "with-wave", "alone") : "with-wave";
    const char *replace = attach && hourly ? PICK(&p, "now", "hour-end") : "now";
    const char *drain = refresh ? "0" : PICK(&p, "0", "30s", "90s");
    const char *order = PICK(&p, "flush", "shutdown");
    bool configuration = !refresh && philox_below(&p, 4) == 0;
    shape->throttle = philox_below(&p, 3) == 0;
    shape->has_rival = philox_below(&p, 3) == 0;
    str_fit(
        shape->more, sizeof(shape->more),
        ", \"policy\": {\"keep\": \"%s\"}, \"prices\": {\"regime\": \"%s\"}, \"rollout\": {\"engine\": \"%s\", "
        "\"min_healthy_percent\": %s, \"surge\": %s, \"canary\": \"%s\", \"replace\": \"%s\", \"drain\": \"%s\", " ROLE
        "}",
        keep, hourly ? "hourly" : "second", engine, healthy, surge, canary, replace, drain);
    str_fit(shape->environment, sizeof(shape->environment), "%s",
            configuration ? ", \"template\": \"launch-configuration\"" : "");
    str_fit(shape->image, sizeof(shape->image), ", \"order\": \"%s\"", order);
    str_fit(
        shape->text, sizeof(shape->text), "%s %s keep %s healthy %s surge %s canary %s replace %s drain %s %s%s%s%s",
        engine, hourly ? "hourly" : "second", keep, healthy, surge, canary, replace, drain, order,
        configuration ? " configuration" : "", shape->throttle ? " throttled" : "", shape->has_rival ? " rival" : "");
}

static void plain_shape(struct shape *shape)
{
    *shape = (struct shape){
        .more = ", \"policy\": {\"keep\": \"idle:600\"}, \"rollout\": {" ROLE "}",
        .text = "plain",
    };
}

/* ---- a life ---- */

/* The first runner stands still in the middle of a call; the lease is over, or is not. */
static void draw_rival(struct stage *s, struct stage_rival *rival, struct philox *p)
{
    *rival = (struct stage_rival){.at = 1 + (int64_t)philox_below(p, 80),
                                  .pause_s = philox_below(p, 3) ? s->config->state.lease_s + 30 : 0,
                                  .between = philox_below(p, 2) == 1,
                                  .commit = "cccccccccccccccccccccccccccccccccccccccc"};
    stage_rival(s, rival);
}

static void check_rival(const struct stage_rival *rival, enum pipeline_end end, const char *where)
{
    rivals += rival->came;
    if (rival->sent)
        fail_msg("%s: a call went out minutes after the look at the lease", where);
    if (rival->came && !rival->pause_s && rival->end != PIPELINE_BUSY)
        fail_msg("%s: the other runner ended as %d beside one that holds the lease: %s", where, (int)rival->end,
                 rival->err.text);
    if (rival->came && rival->pause_s && rival->end == PIPELINE_BUSY)
        fail_msg("%s: the other runner waits for one whose lease is over", where);
    if (rival->came && rival->pause_s && end == PIPELINE_COMPLETED)
        fail_msg("%s: a runner that had lost its lease thinks that it completed", where);
}

static uint64_t live(uint32_t seed, bool plain)
{
    static struct stage s;
    static struct stage_rival rival;
    struct shape shape;
    char where[320];
    char commit[41];
    struct fault_set *set = fault_set_new(seed, simcloud_options_default().start_ms);
    struct philox p = philox_stream(seed, 0, 0, 77);
    struct philox q = philox_stream(seed, 0, 0, 79);
    if (plain)
        plain_shape(&shape);
    else
        draw_shape(&shape, seed);
    str_fit(where, sizeof(where), "seed %u (%s)", seed, shape.text);
    stage_open(&s, &(struct stage_options){.faults = set,
                                           .more = shape.more,
                                           .environment = shape.environment,
                                           .image = shape.image,
                                           .seed = seed,
                                           .lag_ms = seed % 3 ? 0 : 4000,
                                           .throttle = shape.throttle,
                                           .group = 1 + (int64_t)philox_below(&p, 4)});
    for (size_t i = 0, n = philox_below(&p, 4); i < n; i++) {
        const char *action = philox_below(&p, 3) ? "*" : actions.names[philox_below(&p, actions.count)];
        stage_add_fault(set, action, stage_fault_kinds[philox_below(&p, stage_fault_kind_count)],
                        philox_below(&p, 2) ? "\"probability\": 0.02" : "\"every\": 23");
    }
    for (int i = 0; i < 3; i++) {
        bool has_rival = shape.has_rival && i == 1;
        str_fit(commit, sizeof(commit), "%040llx", (unsigned long long)philox_u64(&p) >> 1);
        if (philox_below(&p, 2) && !has_rival)
            stage_kill(&s, (enum death)(1 + philox_below(&p, 4)), 1 + (int64_t)philox_below(&p, 80));
        if (has_rival)
            draw_rival(&s, &rival, &q);
        enum pipeline_end end = stage_deploy(&s, commit);
        if (has_rival) {
            check_rival(&rival, end, where);
            stage_rival_end(&s);
        }
        if (stage_dead(&s) || end == PIPELINE_STOPPED || end == PIPELINE_LOST) {
            stage_next_runner(&s, philox_below(&p, 2) ? "second/2" : "third/3", true);
            end = stage_finish(&s, commit);
        }
        if (end == PIPELINE_LOST)
            fail_msg("%s: %s", where, s.err.text);
        s.rehearsal.transport.kill_after = 0;
        s.die_at = 0;
    }
    stage_heal(&s, set, where);
    uint64_t hash = simcloud_trace_hash(s.rehearsal.cloud);
    stage_close(&s);
    fault_set_free(set);
    return hash;
}

static void learn_actions(void)
{
    struct shape plain;
    plain_shape(&plain);
    if (!actions.count)
        stage_actions(&actions, &(struct stage_options){.more = plain.more});
}

/* Found by longer runs: a group whose way back had failed was taken for one to keep; an image that reads did not show
 * yet when the run that made it cleaned up. */
static void seeds_of_old(void **state)
{
    (void)state;
    static const uint32_t once[] = {140, 3005, 3250, 3575, 3252, 5160};
    learn_actions();
    for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
        live(once[i], true);
}

static void seeds(void **state)
{
    (void)state;
    const char *text = getenv("SEEDS");
    const char *first = getenv("SEED");
    bool plain = getenv("PLAIN") != NULL;
    uint32_t count = text ? (uint32_t)strtoul(text, NULL, 10) : SEEDS;
    uint32_t from = first ? (uint32_t)strtoul(first, NULL, 10) : 1;
    learn_actions();
    rivals = 0;
    for (uint32_t seed = from; seed < from + count; seed++) {
        uint64_t hash = live(seed, plain);
        if (seed % 8 == 0 && live(seed, plain) != hash)
            fail_msg("seed %u: two runs, two traces", seed);
    }
    printf("# %lld rivals came\n", (long long)rivals);
    if (!text && !first && !plain)
        assert_true(rivals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds_of_old), cmocka_unit_test(seeds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
