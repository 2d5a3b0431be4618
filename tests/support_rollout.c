#include "tests/support_rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/digest.h"
#include "scheduler/osv.h"

#define RUN      "r-20260101T000000-000001"
#define GOOD_APP "#!bakehour-app\nbody=good\n"

static int64_t now_ms(void *self)
{
    struct rolling *s = self;
    return simcloud_now_ms(s->sim.cloud);
}

/* Through the real client: upload, command line, flush, CreateImage without a reboot. */
static void bake(struct rolling *s, const char *app, const char *name, char image[40])
{
    char path[] = "/tmp/bakehour-stage-XXXXXX";
    char instance[32];
    struct aws_error error;
    struct err err;
    const char *id = NULL;
    struct instance seen;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, app, strlen(app)), (ssize_t)strlen(app));
    (void)close(fd);
    sim_instance(&s->sim, SIMCLOUD_BASE_IMAGE, instance);
    assert_int_equal(cloud_describe_instance(&s->cloud, instance, &s->arena, &seen, &error), 0);
    const struct osv osv = {.transport = &s->wire.transport, .address = seen.private_ip, .port = 8000};
    if (osv_upload(&osv, path, "/app.jar", &err) || osv_set_cmdline(&osv, "java.so -jar /app.jar", &err) ||
        osv_make_durable(&osv, OSV_FLUSH, 0, &err))
        fail_msg("%s", err.text);
    const struct image_order order = {.instance = instance, .name = name, .no_reboot = true};
    assert_int_equal(cloud_create_image(&s->cloud, &order, &s->arena, &id, &error), 0);
    assert_int_equal(cloud_wait_image(&s->cloud, id, 0, &error), 0);
    const char *ids[] = {instance};
    assert_int_equal(cloud_terminate_instances(&s->cloud, ids, 1, &error), 0);
    str_fit(image, 40, "%s", id);
    (void)unlink(path);
}

static void make_group(struct rolling *s, int64_t group, int64_t max)
{
    struct aws_error error;
    struct launch_template template;
    struct template_version version;
    char desired[24];
    char most[24];
    const struct launch_spec good = {.image = s->image_good, .type = "t2.micro"};
    const struct launch_spec next = {.image = s->image_new};
    str_fit(desired, sizeof desired, "%lld", (long long)group);
    str_fit(most, sizeof most, "%lld", (long long)max);
    assert_int_equal(cloud_create_template(&s->cloud, "web", "", &good, "t-1", NULL, 0, &s->arena, &template, &error),
                     0);
    str_fit(s->template_id, sizeof s->template_id, "%s", template.id);
    assert_int_equal(sim_call(&s->sim, AWS_AUTOSCALING, "CreateAutoScalingGroup", "AutoScalingGroupName", "web",
                              "MinSize", "0", "MaxSize", most, "DesiredCapacity", desired,
                              "LaunchTemplate.LaunchTemplateId", s->template_id, "LaunchTemplate.Version", "1",
                              "AvailabilityZones.member.1", "us-east-1a", "AvailabilityZones.member.2", "us-east-1b",
                              NULL),
                     0);
    assert_int_equal(
        cloud_create_template_version(&s->cloud, s->template_id, "1", "", &next, "t-2", &s->arena, &version, &error),
        0);
    sim_run_s(&s->sim, 300);
}

static void fill_order(struct rolling *s)
{
    s->smoke = (struct config_smoke){
        .path = "/", .body = "", .version = "", .port = 8080, .status = 200, .within_ms = 2000, .retry_s = 30};
    s->config.osv.port = 8000;
    s->config.network.address = "private";
    s->config.image.artifact_path = "/app.jar";
    s->environment = (struct config_environment){.name = "production",
                                                 .group = "web",
                                                 .smoke = {&s->smoke, 1},
                                                 .rollout = {.engine = "attach",
                                                             .canary = "with-wave",
                                                             .replace = "now",
                                                             .probe = "runner",
                                                             .min_healthy_percent = 100,
                                                             .grace_s = 300,
                                                             .boot_limit_s = 300,
                                                             .replace_limit_s = 3600,
                                                             .dead_man = true,
                                                             .dead_man_role = "arn:aws:iam::123456789012:role/dead"}};
    s->run = RUN;
    s->tags[0] = (struct tag){"bakehour:run", s->run};
    s->tags[1] = (struct tag){"bakehour:role", "service"};
    s->order = (struct rollout_order){.cloud = &s->cloud,
                                      .journal = s->journal,
                                      .config = &s->config,
                                      .environment = &s->environment,
                                      .template_id = s->template_id,
                                      .version_new = "2",
                                      .version_good = "1",
                                      .image_new = s->image_new,
                                      .image_good = s->image_good,
                                      .sha256 = s->sha256,
                                      .tags = s->tags,
                                      .tag_count = 2,
                                      .cap_attempts = 3,
                                      .cap_instance_s = 3 * 3600,
                                      .regime = REGIME_SECOND,
                                      .boot_s = 30};
}

static void open_journal(struct rolling *s)
{
    struct err err;
    const struct journal_clock clock = {now_ms, s};
    if (lease_take(&s->lease, &s->state, "production", "test/1", now_ms(s), INT64_C(1000000000), &err) ||
        journal_open(&s->journal, &s->state, &s->lease, s->run, clock, &err))
        fail_msg("%s", err.text);
    s->order.journal = s->journal;
}

void rolling_open(struct rolling *s, uint32_t seed, const char *app, int64_t group, int64_t max)
{
    struct simcloud_options options = sim_options(seed);
    rolling_open_with(s, &options, app, group, max);
}

void rolling_open_with(struct rolling *s, const struct simcloud_options *options, const char *app, int64_t group,
                       int64_t max)
{
    struct retry_settings settings = retry_standard();
    uint32_t seed = options->seed;
    *s = (struct rolling){0};
    sim_open(&s->sim, options);
    s->faults = fault_set_new(seed, options->start_ms);
    cloud_transport_init(&s->wire, s->sim.cloud, s->faults);
    retry_init(&s->retry, &settings, seed);
    s->cloud = (struct cloud){.transport = &s->wire.transport, .retry = &s->retry};
    bake(s, GOOD_APP, "good", s->image_good);
    bake(s, app, "new", s->image_new);
    digest_text(app, strlen(app), s->sha256);
    make_group(s, group, max);
    state_open_memory(&s->state);
    fill_order(s);
    open_journal(s);
}

void rolling_close(struct rolling *s)
{
    journal_free(s->journal);
    state_close(&s->state);
    arena_release(&s->arena);
    sim_close(&s->sim);
    fault_set_free(s->faults);
}

void rolling_fault(struct rolling *s, const char *rules)
{
    struct err err;
    cJSON *document = cJSON_Parse(rules);
    assert_non_null(document);
    if (fault_set_add(s->faults, "test", document, &err))
        fail_msg("%s", err.text);
    cJSON_Delete(document);
}

void rolling_restart(struct rolling *s)
{
    journal_free(s->journal);
    s->wire.kill_after = 0;
    open_journal(s);
}

void rolling_restart_as(struct rolling *s, const char *run)
{
    s->run = run;
    s->tags[0].value = run;
    rolling_restart(s);
}

enum rollout_result rolling_run(struct rolling *s, int64_t limit_s, struct err *err)
{
    int64_t end_ms = now_ms(s) + limit_s * 1000;
    err->text[0] = '\0';
    for (;;) {
        int64_t again_ms = 0;
        enum rollout_result result = rollout_advance(&s->order, &again_ms, err);
        if (result != ROLLOUT_WAIT)
            return result;
        if (now_ms(s) >= end_ms)
            fail_msg("no end after %lld s; phase %s: %s", (long long)limit_s, journal_fact(s->journal, "rollout.phase"),
                     err->text);
        int64_t pause_ms = again_ms - now_ms(s);
        (void)s->wire.transport.sleep_ms(s->wire.transport.self, pause_ms > 100 ? pause_ms : 100);
    }
}

static void look(struct rolling *s, struct group *group, struct instances *all)
{
    struct aws_error error;
    const struct lookup everything = {0};
    assert_int_equal(cloud_describe_group(&s->cloud, "web", &s->arena, group, &error), 0);
    assert_int_equal(cloud_describe_instances(&s->cloud, &everything, &s->arena, all, &error), 0);
}

static bool is_member(const struct group *g, const char *id, bool in_service)
{
    for (size_t i = 0; i < g->member_count; i++)
        if (strcmp(g->members[i].id, id) == 0)
            return !in_service || strcmp(g->members[i].lifecycle, "InService") == 0;
    return false;
}

static bool lives(const struct instance *i)
{
    return i->state != INSTANCE_TERMINATED && i->state != INSTANCE_SHUTTING_DOWN;
}

int64_t rolling_serving(struct rolling *s, const char *image)
{
    struct group group;
    struct instances all;
    int64_t count = 0;
    look(s, &group, &all);
    for (size_t i = 0; i < all.count; i++)
        count +=
            strcmp(all.items[i].image, image) == 0 && lives(&all.items[i]) && is_member(&group, all.items[i].id, true);
    bool is_as_before = group.desired == journal_fact_i64(s->journal, "rollout.desired", group.desired) &&
                        group.max == journal_fact_i64(s->journal, "rollout.max", group.max);
    return is_as_before ? count : -1;
}

int64_t rolling_outside(struct rolling *s)
{
    struct group group;
    struct instances all;
    int64_t count = 0;
    look(s, &group, &all);
    for (size_t i = 0; i < all.count; i++)
        count += tag_value(all.items[i].tags, all.items[i].tag_count, "bakehour:run") && lives(&all.items[i]) &&
                 !is_member(&group, all.items[i].id, false);
    return count;
}

int64_t rolling_living(struct rolling *s, const char *image)
{
    struct group group;
    struct instances all;
    int64_t count = 0;
    look(s, &group, &all);
    for (size_t i = 0; i < all.count; i++)
        count += strcmp(all.items[i].image, image) == 0 && lives(&all.items[i]);
    return count;
}
