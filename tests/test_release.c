/*
 * The release: groups behind launch configurations, with what is kept of them and what is not, and replacing at the end
 * of paid hours against the replay's own figure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/statement.h"
#include "sim/fleet.h"
#include "tests/support_pipeline.h"

static const char *const commits[] = {
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccc", "dddddddddddddddddddddddddddddddddddddddd"};

/* ---- launch configurations ---- */

static size_t configurations(struct stage *s, const char *wanted, bool *there)
{
    struct launch_configs found;
    struct aws_error error;
    struct arena arena;
    size_t ours = 0;
    struct cloud_transport wire; /* of nobody who dies */
    struct retry retry;
    struct retry_settings settings = retry_standard();
    cloud_transport_init(&wire, s->rehearsal.cloud, NULL);
    retry_init(&retry, &settings, 1);
    struct cloud cloud = {.transport = &wire.transport, .retry = &retry, .region = s->config->region};
    arena_init(&arena);
    *there = false;
    assert_int_equal(cloud_describe_launch_configs(&cloud, NULL, 0, &arena, &found, &error), 0);
    for (size_t i = 0; i < found.count; i++) {
        ours += strncmp(found.items[i].name, "bakehour-", 9) == 0;
        *there = *there || strcmp(found.items[i].name, wanted) == 0;
    }
    arena_release(&arena);
    return ours;
}

/* Four deployments, of which two are kept for going back: their configurations stay, older ones and their images go. */
static void old_configurations_go(void **state)
{
    (void)state;
    struct stage s;
    char versions[4][160];
    bool there = false;
    struct deployment third = {.number = 0};
    stage_open(
        &s, &(struct stage_options){.environment = ", \"template\": \"launch-configuration\", \"retain_images\": 2"});
    for (size_t i = 0; i < 4; i++) {
        if (stage_deploy(&s, commits[i]) != PIPELINE_COMPLETED)
            fail_msg("%s", s.err.text);
        str_fit(versions[i], sizeof(versions[i]), "%.150s", s.record.version);
        if (i == 2)
            third = s.record;
        assert_int_equal(configurations(&s, versions[i], &there), i < 2 ? i + 1 : 2);
        assert_true(there);
    }
    (void)configurations(&s, versions[1], &there);
    assert_false(there);
    (void)configurations(&s, versions[2], &there);
    assert_true(there);
    stage_holds(&s, 4, "launch configurations");
    /* And back to the one before, by its image. */
    struct pipeline_order back = {.kind = "rollback",
                                  .commit = third.commit,
                                  .commits = 1,
                                  .image = third.image,
                                  .image_name = third.image_name,
                                  .sha256 = third.sha256,
                                  .bake_key = third.bake_key};
    assert_int_equal(pipeline_run(&s.rehearsal.world, &back, &s.record, &s.err), PIPELINE_COMPLETED);
    assert_string_equal(s.record.image, third.image);
    stage_holds(&s, 5, "back");
    stage_close(&s);
}

/* Dies at each call of a deployment behind a launch configuration. */
static void configurations_and_death(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    int64_t step = 23;
#else
    int64_t step = 2;
#endif
    int64_t points = 0;
    for (int64_t n = 1;; n += step, points++) {
        struct stage s;
        bool there = false;
        char where[64];
        str_fit(where, sizeof(where), "death at %lld", (long long)n);
        stage_open(&s, &(struct stage_options){.environment = ", \"template\": \"launch-configuration\""});
        stage_kill(&s, DEATH_IN_CALL, n);
        (void)stage_deploy(&s, commits[0]);
        bool died = stage_dead(&s);
        if (died) {
            stage_next_runner(&s, "second/2", true);
            if (stage_finish(&s, commits[0]) != PIPELINE_COMPLETED)
                fail_msg("%s: %s", where, s.err.text);
        }
        stage_holds(&s, 1, where);
        assert_int_equal(configurations(&s, "", &there), 1);
        stage_close(&s);
        if (!died)
            break;
    }
    printf("# %lld points\n", (long long)points);
    assert_true(points >= 2);
}

/* ---- the end of paid hours ---- */

#define HOURLY ", \"prices\": {\"regime\": \"hourly\", \"instance_usd_per_hour\": \"0.36\"}"

struct rolled {
    int64_t left_s;  /* paid seconds that the replaced ones had left */
    int64_t ended_s; /* after the start */
};

static struct rolled roll(const char *rollout)
{
    struct stage s;
    struct journal *j;
    struct statement statement;
    struct journal_clock clock = {NULL, NULL};
    stage_open(&s, &(struct stage_options){.environment = rollout, .more = HOURLY});
    if (stage_deploy(&s, commits[0]) != PIPELINE_COMPLETED)
        fail_msg("%s", s.err.text);
    assert_int_equal(journal_open(&j, &s.inner, NULL, s.record.run, clock, &s.err), 0);
    assert_int_equal(statement_make(&statement, j, &s.record, &s.rehearsal.world, &s.err), 0);
    struct rolled out = {statement.used.paid_left_s, s.record.makespan_s};
    journal_free(j);
    stage_holds(&s, 1, "rolled");
    stage_close(&s);
    return out;
}

/* What the replay says that two instances, launched at 0, lose of their hours. */
static int64_t replayed_left_s(bool hour_end, int64_t baked_s, int64_t wave_s)
{
    struct model m = {.fleet = 2, .surge = 2, .hour_end = hour_end, .limit_s = 3600};
    struct fleet fleet;
    m.terms.regime = REGIME_HOURLY;
    m.terms.rollout_s = wave_s;
    fleet_init(&fleet, &m);
    fleet_begin(&fleet, 0);
    (void)fleet_roll(&fleet, NULL, baked_s);
    int64_t ends_s = fleet.begin[0] + wave_s;
    fleet_release(&fleet);
    return 2 * ((3600 - ends_s % 3600) % 3600);
}

/* The hours that are saved by waiting are the replay's: what is lost without, less what is lost with; the pipeline
 * lets go half a minute before the end, to be sure of it, and notices the rest within a few seconds. */
static void saves_what_the_replay_says(void **state)
{
    (void)state;
    struct rolled now = roll("");
    struct rolled at_end = roll(", \"rollout\": {\"replace\": \"hour-end\"}");
    int64_t saved_s = now.left_s - at_end.left_s;
    int64_t replayed_s = replayed_left_s(false, now.ended_s - 150, 150) - replayed_left_s(true, now.ended_s - 150, 150);
    printf("# saved %lld s of paid time; the replay says %lld s\n", (long long)saved_s, (long long)replayed_s);
    assert_int_equal(replayed_s, 2 * (3600 - now.ended_s));
    assert_in_range(saved_s, replayed_s - 2 * 40, replayed_s + 10);
    assert_in_range(at_end.ended_s, 3600 - 40, 3600);
    /* Beyond the limit nobody waits: 10 min after the rollout's beginning are not the hour's end. */
    struct rolled limited = roll(", \"rollout\": {\"replace\": \"hour-end\", \"replace_limit\": \"10m\"}");
    assert_in_range(limited.ended_s, now.ended_s - 5, now.ended_s + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_configurations_go),
        cmocka_unit_test(configurations_and_death),
        cmocka_unit_test(saves_what_the_replay_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
