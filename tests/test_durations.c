/*
 * One calibration, three readers: the modelled cloud takes its times from it, the step graph adds them up, the pipeline
 * is measured against both. Expected values are sums by hand of its figures: pull 15, test 180, build 165, launch
 * and boot 90, upload 25, command line 5, image 210, register 10, a wave 150, clean-up 20 seconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scheduler/osv.h"
#include "tests/support_pipeline.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/* ---- the original order, step after step ---- */

struct original {
    struct stage s;
    struct cloud cloud;
    struct arena arena;
    struct aws_error error;
    char file[64];
};

static int64_t now_s(const struct original *o)
{
    return (simcloud_now_ms(o->s.rehearsal.cloud) + 500) / 1000;
}

static void must(struct original *o, int failed)
{
    if (failed)
        fail_msg("%s %s", o->error.code, o->error.message);
}

static void pass_s(struct original *o, int64_t seconds)
{
    struct transport *t = o->cloud.transport;
    t->sleep_ms(t->self, seconds * 1000);
}

static void run_job(struct original *o, enum job_kind kind, const char *const *argv)
{
    struct jobs *jobs = o->s.rehearsal.world.jobs;
    struct job_order order = {
        .kind = kind, .argv = argv, .directory = o->s.work, .log = "/dev/null", .commit = commit_a};
    int status = 0;
    if (jobs->start(jobs->self, &order, &o->s.err))
        fail_msg("%s", o->s.err.text);
    while (jobs->look(jobs->self, kind, &status) == JOB_RUNNING)
        pass_s(o, 1);
    assert_int_equal(status, 0);
}

static void pull_test_build(struct original *o)
{
    char folder[80];
    str_fit(folder, sizeof(folder), "%s/r", o->s.work);
    const char *pull[] = {"sh", "-c", "", "sh", "repository", "commit", o->s.work, folder, NULL};
    const char *other[] = {"a", NULL};
    run_job(o, JOB_PULL, pull);
    assert_int_equal(now_s(o), 1767225600 + 15);
    run_job(o, JOB_TEST, other);
    assert_int_equal(now_s(o), 1767225600 + 195);
    run_job(o, JOB_BUILD, other);
    assert_int_equal(now_s(o), 1767225600 + 360);
    str_fit(o->file, sizeof(o->file), "%.50s/app.jar", o->s.work);
}

static const char *running_address(struct original *o, const char *id)
{
    struct instance i;
    for (;; pass_s(o, 1)) {
        must(o, cloud_describe_instance(&o->cloud, id, &o->arena, &i, &o->error));
        if (i.state == INSTANCE_RUNNING)
            return i.private_ip;
    }
}

static const char *launch(struct original *o, const char **address)
{
    struct instances made;
    struct run_order order = {.token = "original", .image = SIMCLOUD_BASE_IMAGE, .type = "t2.micro"};
    int64_t began = now_s(o);
    char version[96];
    must(o, cloud_run_instances(&o->cloud, &order, &o->arena, &made, &o->error));
    *address = running_address(o, made.items[0].id);
    assert_int_equal(now_s(o), began + 17);
    struct osv osv = {
        .transport = o->cloud.transport, .address = *address, .port = 8000, .connect_ms = 500, .call_ms = 500};
    while (osv_version(&osv, version, &o->s.err))
        pass_s(o, 0);
    assert_in_range(now_s(o), began + 89, began + 91);
    pass_s(o, began + 90 - now_s(o));
    return made.items[0].id;
}

static void bake(struct original *o, const char *address)
{
    int64_t began = now_s(o);
    struct osv osv = {.transport = o->cloud.transport, .address = address, .port = 8000};
    assert_int_equal(osv_upload(&osv, o->file, "/app.jar", &o->s.err), 0);
    assert_in_range(now_s(o), began + 24, began + 26);
    began = now_s(o);
    assert_int_equal(osv_set_cmdline(&osv, "/java.so -jar /app.jar", &o->s.err), 0);
    assert_int_equal(now_s(o), began + 5);
}

static const char *make_image(struct original *o, const char *instance)
{
    const char *id;
    int64_t began = now_s(o);
    struct image image = {.state = IMAGE_PENDING};
    struct image_order order = {.instance = instance, .name = "original"};
    must(o, cloud_create_image(&o->cloud, &order, &o->arena, &id, &o->error));
    for (; image.state != IMAGE_AVAILABLE; pass_s(o, 1))
        must(o, cloud_describe_image(&o->cloud, id, &o->arena, &image, &o->error));
    pass_s(o, -1);
    assert_in_range(now_s(o), began + 210, began + 211);
    return id;
}

static const char *old_member(const struct group *g, const char *config)
{
    for (size_t i = 0; i < g->member_count; i++)
        if (strcmp(g->members[i].launch_config, config) != 0 && strcmp(g->members[i].lifecycle, "InService") == 0)
            return g->members[i].id;
    return "none";
}

static size_t in_service(const struct group *g, const char *config)
{
    size_t count = 0;
    for (size_t i = 0; i < g->member_count; i++)
        count += strcmp(g->members[i].launch_config, config) == 0 && strcmp(g->members[i].lifecycle, "InService") == 0;
    return count;
}

/* The desired capacity goes up by one; when that one serves it goes down again, with an old one. */
static void wave(struct original *o, size_t number)
{
    struct group g;
    struct arena looks = {0};
    int64_t began = now_s(o);
    struct group_change up = GROUP_CHANGE_NONE;
    up.desired = 3;
    must(o, cloud_update_group(&o->cloud, "group-test", &up, &o->error));
    for (;; pass_s(o, 1)) {
        must(o, cloud_describe_group(&o->cloud, "group-test", &looks, &g, &o->error));
        if (in_service(&g, "original") == number)
            break;
        assert_true(now_s(o) < began + 1000);
        arena_reset(&looks);
    }
    assert_int_equal(now_s(o), began + 150);
    must(o, cloud_terminate_member(&o->cloud, "group-test", old_member(&g, "original"), true, &o->error));
    arena_release(&looks);
}

static void clean_up(struct original *o, const char *instance)
{
    struct instance i = {.state = INSTANCE_RUNNING};
    int64_t began = now_s(o);
    must(o, cloud_terminate_instances(&o->cloud, &instance, 1, &o->error));
    for (; i.state != INSTANCE_TERMINATED; pass_s(o, 1))
        must(o, cloud_describe_instance(&o->cloud, instance, &o->arena, &i, &o->error));
    assert_in_range(now_s(o), began + 20, began + 21);
}

static void open_original(struct original *o)
{
    stage_open(&o->s, &(struct stage_options){.environment = ", \"template\": \"launch-configuration\""});
    arena_init(&o->arena);
    /* the pipeline makes its folder with all above it; here is no pipeline */
    char *slash = strrchr(o->s.work, '/');
    *slash = '\0';
    (void)mkdir(o->s.work, 0777);
    *slash = '/';
    o->s.rehearsal.transport.caller_arn = "arn:aws:iam::" SIMCLOUD_ACCOUNT ":user/original"; /* had all rights */
    o->s.rehearsal.transport.call_ms = 0; /* the calibration's own seconds, and nothing else */
    o->cloud = (struct cloud){.transport = o->s.rehearsal.world.transport,
                              .retry = o->s.rehearsal.world.retry,
                              .region = o->s.config->region};
}

/* Seventeen minutes, one step after the other, by the calls that the original pipeline made. */
static void step_after_step(void **state)
{
    (void)state;
    struct original o;
    const char *address;
    open_original(&o);
    int64_t began = now_s(&o);
    pull_test_build(&o);
    const char *instance = launch(&o, &address);
    bake(&o, address);
    const char *image = make_image(&o, instance);
    struct launch_spec spec = {.image = image, .type = "t2.micro"};
    int64_t registering = now_s(&o);
    must(&o, cloud_create_launch_config(&o.cloud, "original", &spec, &o.error));
    assert_int_equal(now_s(&o), registering + 10);
    struct group_change change = GROUP_CHANGE_NONE;
    change.launch_config = "original";
    must(&o, cloud_update_group(&o.cloud, "group-test", &change, &o.error));
    wave(&o, 1);
    wave(&o, 2);
    clean_up(&o, instance);
    printf("# one after the other: %lld s\n", (long long)(now_s(&o) - began));
    assert_in_range(now_s(&o) - began, 1018, 1023);
    arena_release(&o.arena);
    stage_close(&o.s);
}

/* ---- the pipeline against its critical path ---- */

static const struct {
    const char *name, *environment;
    int64_t group, path_s, more_s;
} cases[] = {
    /* 15 + 165 + 25 + 5 + 210 + 10 = 430, and the rollout */
    {"attach, one wave", "", 2, 430 + 150, 0},
    {"attach, a launch configuration", ", \"template\": \"launch-configuration\"", 2, 430 + 150, 0},
    {"attach, two waves", ", \"rollout\": {\"surge\": 1}", 2, 430 + 2 * 150, 0},
    /* the canary boots first, the others beside it come after: one wave, attached together */
    {"attach, a canary alone", ", \"rollout\": {\"canary\": \"alone\"}", 4, 430 + 90 + 150, 0},
    /* a canary outside first, then all at once beside the old ones; AWS calls a refresh over when the last old one is
     * terminated, 20 s later */
    {"refresh", ", \"rollout\": {\"engine\": \"refresh\"}", 2, 430 + 90 + 150 + 20, 0},
    {"refresh, one by one", ", \"rollout\": {\"engine\": \"refresh\", \"surge\": 1}", 2, 430 + 90 + 2 * 150 + 20, 0},
    {"step, one wave", ", \"rollout\": {\"engine\": \"step\", \"dead_man_role\": \"arn:aws:iam::123456789012:role/d\"}",
     2, 430 + 150, 0},
    {"step, a launch configuration",
     ", \"template\": \"launch-configuration\", \"rollout\": {\"engine\": \"step\", \"dead_man_role\": "
     "\"arn:aws:iam::123456789012:role/d\"}",
     2, 430 + 150, 0},
    {"step, one by one",
     ", \"rollout\": {\"engine\": \"step\", \"surge\": 1, \"dead_man_role\": \"arn:aws:iam::123456789012:role/d\"}", 2,
     430 + 2 * 150, 0},
    {"step, a canary alone",
     ", \"rollout\": {\"engine\": \"step\", \"canary\": \"alone\", \"dead_man_role\": "
     "\"arn:aws:iam::123456789012:role/d\"}",
     4, 430 + 2 * 150, 0},
};

static void within_its_critical_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stage s;
        stage_open(&s, &(struct stage_options){.environment = cases[i].environment, .group = cases[i].group});
        if (stage_deploy(&s, commit_a) != PIPELINE_COMPLETED)
            fail_msg("%s: %s", cases[i].name, s.err.text);
        printf("# %s: %lld s, critical path %lld s\n", cases[i].name, (long long)s.record.makespan_s,
               (long long)s.record.critical_s);
        assert_int_equal(s.record.critical_s, cases[i].path_s);
        assert_true(s.record.makespan_s >= s.record.critical_s);
        if ((s.record.makespan_s - cases[i].more_s) * 100 > 103 * s.record.critical_s)
            fail_msg("%s: %lld s are more than 1.03 x %lld s", cases[i].name, (long long)s.record.makespan_s,
                     (long long)s.record.critical_s);
        if (cases[i].path_s == 580)
            assert_true(s.record.makespan_s < 600);
        stage_close(&s);
    }
}

/* The second one reuses the bake instance, and its path does not change: the boot was beside the build. */
static void reuse_changes_nothing(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, &(struct stage_options){.more = ", \"policy\": {\"keep\": \"idle:3600\"}"});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_int_equal(stage_deploy(&s, commit_b), PIPELINE_COMPLETED);
    assert_true(s.record.reused);
    assert_int_equal(s.record.critical_s, 580);
    assert_in_range(s.record.makespan_s, 580, 597);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_after_step),
        cmocka_unit_test(within_its_critical_path),
        cmocka_unit_test(reuse_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
