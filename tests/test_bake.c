/*
 * The bake: both durable orders, both ways of making a kept instance clean, the early boot, and what they are priced
 * at. Prices by hand: an instance-hour is 0.01 USD, a boot 90 s, upload, command line and image 25 + 5 + 210 s.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/journal.h"
#include "tests/support_pipeline.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/* A fact of the last run, as long as the journal is open. */
static struct journal *journal_of(struct stage *s)
{
    struct journal *j;
    struct journal_clock clock = {NULL, NULL};
    if (journal_open(&j, &s->inner, NULL, s->record.run, clock, &s->err))
        fail_msg("%s", s->err.text);
    return j;
}

static int64_t fact_of(struct stage *s, const char *key)
{
    struct journal *j = journal_of(s);
    int64_t value = journal_fact_i64(j, key, 0);
    journal_free(j);
    return value;
}

static void fact_is(struct stage *s, const char *key, const char *wanted)
{
    struct journal *j = journal_of(s);
    const char *value = journal_fact(j, key);
    if (!value || strcmp(value, wanted) != 0)
        fail_msg("%s is %s, not %s", key, value ? value : "(none)", wanted);
    journal_free(j);
}

/* What a guest booted from the group's image has on its disk. */
static struct guest_disk *member_disk(struct stage *s)
{
    struct group g;
    struct aws_error error;
    struct arena arena;
    struct cloud cloud = {
        .transport = s->rehearsal.world.transport, .retry = s->rehearsal.world.retry, .region = s->config->region};
    arena_init(&arena);
    assert_int_equal(cloud_describe_group(&cloud, "group-test", &arena, &g, &error), 0);
    struct guest *guest = NULL;
    for (size_t i = 0; i < g.member_count && !guest; i++)
        if (strcmp(g.members[i].lifecycle, "InService") == 0)
            guest = simcloud_guest_of(s->rehearsal.cloud, g.members[i].id);
    assert_non_null(guest);
    arena_release(&arena);
    return guest_snapshot(guest, simcloud_now_ms(s->rehearsal.cloud));
}

static void serves(struct stage *s, const char *commit)
{
    char wanted[80];
    size_t len;
    struct guest_disk *disk = member_disk(s);
    const char *bytes = guest_disk_file(disk, "/app.jar", &len);
    str_fit(wanted, sizeof(wanted), "#!bakehour-app\nbody=%s\n", commit);
    assert_non_null(bytes);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(bytes, wanted, len);
    guest_disk_unref(disk);
}

/* ---- both durable orders, and the wrong one ---- */

static void shut_down_then_image(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, &(struct stage_options){.image = ", \"order\": \"shutdown\"",
                                           .more = ", \"policy\": {\"keep\": \"idle:3600\"}"});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_true(fact_of(&s, "image.shutdown_ms") > 0);
    fact_is(&s, "rollout.digest", "verified");
    fact_is(&s, "closing.bake", "ended"); /* a stop ends the paid hour: there is nothing to keep */
    serves(&s, commit_a);
    stage_holds(&s, 1, "shutdown");
    assert_int_equal(stage_deploy(&s, commit_b), PIPELINE_COMPLETED);
    assert_false(s.record.reused);
    serves(&s, commit_b);
    stage_close(&s);
}

static void flush_then_image(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_true(fact_of(&s, "image.began_ms") >= fact_of(&s, "upload.ended_ms") + 10000);
    fact_is(&s, "rollout.digest", "verified");
    serves(&s, commit_a);
    stage_close(&s);
}

/* Without the wait the running guest's file system has not written the upload yet: the image lacks it, the canary
 * says so, and the group never hears of it. */
static void imaged_live_it_is_lost(void **state)
{
    (void)state;
    struct stage s;
    char image[40];
    int64_t members;
    int64_t desired;
    int64_t max;
    stage_open(&s, &(struct stage_options){.quick_command_line = true});
    s.config->image.flush_wait_s = 0; /* no configuration may say so */
    assert_int_not_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    stage_group(&s, image, &members, &desired, &max);
    assert_string_equal(image, SIMCLOUD_BASE_IMAGE);
    assert_int_equal(members, 2);
    stage_close(&s);
}

/* ---- a kept instance, made clean ---- */

#define KEPT                                                                                                           \
    ", \"policy\": {\"keep\": \"idle:3600\"}, \"prices\": {\"regime\": \"second\", \"instance_usd_per_hour\": "        \
    "\"0.36\"}"

static void clean_by(const char *image, const char *reset)
{
    struct stage s;
    stage_open(&s, &(struct stage_options){.image = image, .more = KEPT});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_int_equal(stage_deploy(&s, commit_b), PIPELINE_COMPLETED);
    fact_is(&s, "bake.kept", "used");
    fact_is(&s, "bake.reused", reset);
    serves(&s, commit_b);
    stage_holds(&s, 2, reset);
    stage_close(&s);
}

static void clean_by_files(void **state)
{
    (void)state;
    clean_by(", \"reset\": \"files\"", "files");
    clean_by("", "files"); /* 4 s of deleting against 60 s and a boot */
}

static void clean_by_root_volume(void **state)
{
    (void)state;
    clean_by(", \"reset\": \"root-volume\"", "root-volume");
}

/* The replacement is refused, or what is left cannot be deleted: another way, or another instance; it is deployed. */
static void fails_and_falls_back(void **state)
{
    (void)state;
    static const struct {
        const char *image, *rule;
    } cases[] = {
        {", \"reset\": \"root-volume\"",
         "[{\"action\": \"CreateReplaceRootVolumeTask\", \"fault\": \"error\", \"code\": \"IncorrectInstanceState\"}]"},
        {", \"reset\": \"files\"", "[{\"action\": \"guest:DELETE *\", \"fault\": \"http\", \"status\": 500}]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stage s;
        struct fault_set *faults = fault_set_new(1, 1767225600000);
        struct err err;
        cJSON *rules = cJSON_Parse(cases[i].rule);
        assert_int_equal(fault_set_add(faults, "test", rules, &err), 0);
        cJSON_Delete(rules);
        stage_open(&s, &(struct stage_options){.image = cases[i].image, .more = KEPT, .faults = faults});
        assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
        assert_int_equal(stage_deploy(&s, commit_b), PIPELINE_COMPLETED);
        serves(&s, commit_b);
        /* The kept one's hours are its own, also where it is given up. */
        assert_int_equal(fact_of(&s, "bake.wasted"), 0);
        stage_holds(&s, 2, "fallen back");
        stage_close(&s);
        fault_set_free(faults);
    }
}

/* By the second, at 0.36 USD an hour (0.0001 a second): 25 + 5 + 210 + 4 s by files; 60 s for the volume and 90 s for
 * the boot instead of the 4 s by a fresh one. */
static void both_resets_are_priced(void **state)
{
    (void)state;
    struct stage s;
    struct pipeline_estimate e;
    struct pipeline_order order = {.kind = "deploy", .commit = commit_b, .commits = 1};
    stage_open(&s, &(struct stage_options){.more = KEPT});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_int_equal(pipeline_estimate(&s.rehearsal.world, &order, &e, &s.err), 0);
    assert_true(e.bake_reused);
    assert_string_equal(e.reset, "files");
    assert_int_equal(e.reset_files, 244 * (MONEY_PER_USD / 10000));
    assert_int_equal(e.reset_root, (240 + 60 + 90) * (MONEY_PER_USD / 10000));
    stage_close(&s);
}

/* ---- the early boot ---- */

#define HOURLY                                                                                                         \
    ", \"prices\": {\"regime\": \"hourly\", \"instance_usd_per_hour\": \"0.01\"}, \"policy\": {\"delay_price_usd\": "

/* A failing build (5 %) wastes an hour of 0.01 USD: 0.0005. The boot's 90 s are 0.025 h of each waiting commit: at
 * 0.02 USD a commit-hour both are equal. */
static void boots_early_when_it_is_worth_it(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        int64_t commits, path_s;
    } cases[] = {
        {HOURLY "\"0.021\"}", 1, 580},
        {HOURLY "\"0.019\"}", 1, 580 + 90},
        {HOURLY "\"0.019\"}", 2, 580}, /* two that wait are worth twice as much */
        {HOURLY "\"0\"}", 1, 580},     /* nobody said what waiting costs */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stage s;
        struct pipeline_estimate e;
        struct pipeline_order order = {.kind = "deploy", .commit = commit_a, .commits = cases[i].commits};
        stage_open(&s, &(struct stage_options){.more = cases[i].more});
        assert_int_equal(pipeline_estimate(&s.rehearsal.world, &order, &e, &s.err), 0);
        assert_int_equal(e.critical_s, cases[i].path_s);
        assert_int_equal(pipeline_run(&s.rehearsal.world, &order, &s.record, &s.err), PIPELINE_COMPLETED);
        bool late = fact_of(&s, "bake.launched_ms") >= fact_of(&s, "build.ended_ms");
        assert_int_equal(late, cases[i].path_s > 580);
        assert_int_equal(s.record.critical_s, cases[i].path_s);
        assert_in_range(s.record.makespan_s, cases[i].path_s, cases[i].path_s * 103 / 100);
        stage_close(&s);
    }
}

static bool tests_fail(void *context, enum job_kind kind, const char *commit)
{
    (void)context;
    return kind == JOB_TEST && commit[0] == 'f';
}

static bool builds_fail(void *context, enum job_kind kind, const char *commit)
{
    (void)context;
    return kind == JOB_BUILD && commit[0] == 'f';
}

/* The share of builds that fail comes from the past: (1 + failed) of (20 + all). A failing one wastes an hour of 0.01
 * USD, the boot's 90 s at 0.06 USD a commit-hour are 0.0015: worth it up to 15 %. */
static void boots_late_where_builds_fail(void **state)
{
    (void)state;
    struct stage s;
    struct pipeline_estimate e;
    struct deployments list = {0};
    struct pipeline_order order = {.kind = "deploy", .commit = commit_a, .commits = 1};
    stage_open(&s, &(struct stage_options){.more = HOURLY "\"0.06\"}"});
    assert_int_equal(deployments_fail_permille(NULL), 50);
    const struct {
        bool (*fails)(void *, enum job_kind, const char *);
        char commit;
        int64_t permille;                 /* afterwards */
    } past[] = {{tests_fail, 'a', 48},    /* 1 of 21 */
                {tests_fail, 'f', 91},    /* 2 of 22 */
                {builds_fail, 'f', 130},  /* 3 of 23 */
                {builds_fail, 'f', 167}}; /* 4 of 24 */
    for (size_t i = 0; i < sizeof(past) / sizeof(*past); i++) {
        char commit[41];
        for (size_t c = 0; c < 40; c++)
            commit[c] = past[i].commit;
        commit[40] = '\0';
        s.rehearsal.jobs.fails = past[i].fails;
        assert_int_equal(stage_deploy(&s, commit), past[i].commit == 'f' ? PIPELINE_FAILED : PIPELINE_COMPLETED);
        assert_int_equal(deployments_list(&s.inner, "test", &list, &s.err), 0);
        assert_int_equal(deployments_fail_permille(&list), past[i].permille);
        s.rehearsal.world.fails_permille = deployments_fail_permille(&list);
        deployments_release(&list);
        assert_int_equal(pipeline_estimate(&s.rehearsal.world, &order, &e, &s.err), 0);
        assert_int_equal(e.boots_late, past[i].permille > 150);
    }
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shut_down_then_image),         cmocka_unit_test(flush_then_image),
        cmocka_unit_test(imaged_live_it_is_lost),       cmocka_unit_test(clean_by_files),
        cmocka_unit_test(clean_by_root_volume),         cmocka_unit_test(fails_and_falls_back),
        cmocka_unit_test(both_resets_are_priced),       cmocka_unit_test(boots_early_when_it_is_worth_it),
        cmocka_unit_test(boots_late_where_builds_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
