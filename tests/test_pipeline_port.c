/* The OSv port: open for the runner's address while the bake runs, closed at every end, found by gc. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "scheduler/gc.h"
#include "tests/support_pipeline.h"

static const char commit[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char runner[] = "198.51.100.7/32";
static const char admin[] = "203.0.113.9/32";

struct eyes {
    struct cloud_transport transport;
    struct retry retry;
    struct cloud cloud;
    struct arena arena;
};

static void open_eyes(struct eyes *e, struct stage *s)
{
    struct retry_settings settings = retry_standard();
    settings.reads_per_s = 1000;
    cloud_transport_init(&e->transport, s->rehearsal.cloud, NULL);
    e->transport.region = s->config->region;
    retry_init(&e->retry, &settings, 1);
    e->cloud = (struct cloud){.transport = &e->transport.transport, .retry = &e->retry, .region = s->config->region};
    arena_init(&e->arena);
}

/* How many rules of runs, and how many others, are there. */
static void count_rules(struct stage *s, int64_t *ours, int64_t *others)
{
    struct eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    open_eyes(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    *ours = *others = 0;
    for (size_t i = 0; i < found.count; i++)
        for (size_t j = 0; j < found.items[i].rule_count; j++) {
            const struct rule *r = &found.items[i].rules[j];
            bool run = strncmp(r->description, "bakehour r-", 11) == 0 && strcmp(r->cidr, runner) == 0 &&
                       r->from_port == 8000 && r->to_port == 8000;
            *(run ? ours : others) += 1;
        }
    arena_release(&e.arena);
}

static void holds_rules(struct stage *s, int64_t wanted)
{
    int64_t ours;
    int64_t others;
    count_rules(s, &ours, &others);
    assert_int_equal(ours, wanted);
    assert_int_equal(others, 2); /* an administrator's, and another project's */
}

static char group_id[40];
static int64_t open_at_upload;
static struct stage *heard_stage;

static void hear(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    int64_t others;
    (void)context, (void)at_ms, (void)kind, (void)detail;
    if (strcmp(text, "upload is done") == 0)
        count_rules(heard_stage, &open_at_upload, &others);
}

static void set_stage(struct stage *s, const struct stage_options *options)
{
    struct eyes e;
    struct security_groups found;
    struct aws_error error;
    struct lookup all = {.ids = NULL};
    stage_open(s, options);
    open_eyes(&e, s);
    assert_int_equal(cloud_describe_security_groups(&e.cloud, &all, &e.arena, &found, &error), 0);
    assert_true(found.count > 0);
    str_fit(group_id, sizeof(group_id), "%s", found.items[0].id);
    assert_int_equal(cloud_open_port(&e.cloud, group_id, 8000, admin, "bakehour of the admin", &error), 0);
    assert_int_equal(cloud_open_port(&e.cloud, group_id, 8000, "203.0.113.8/32", "bakehour r-1 other/test", &error), 0);
    arena_release(&e.arena);
    s->config->network.security_group = group_id;
    s->config->network.runner_cidr = runner;
    s->config->network.open_port = true;
    open_at_upload = -1;
    heard_stage = s;
    s->rehearsal.world.event = hear;
}

static void open_for_the_upload_only(void **state)
{
    (void)state;
    struct stage s;
    set_stage(&s, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&s, commit), PIPELINE_COMPLETED);
    assert_int_equal(open_at_upload, 1);
    holds_rules(&s, 0);
    stage_holds(&s, 1, "port");
    stage_close(&s);
}

static void closed_after_a_failure(void **state)
{
    (void)state;
    struct stage s;
    struct err err = {0};
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    cJSON *document = cJSON_Parse(
        "{\"faults\": [{\"action\": \"CreateImage\", \"fault\": \"error\", \"code\": \"UnauthorizedOperation\"}]}");
    if (fault_set_add(set, "test", document, &err))
        fail_msg("%s", err.text);
    cJSON_Delete(document);
    set_stage(&s, &(struct stage_options){.faults = set});
    assert_int_equal(stage_deploy(&s, commit), PIPELINE_FAILED);
    assert_int_equal(open_at_upload, 1);
    holds_rules(&s, 0);
    stage_close(&s);
    fault_set_free(set);
}

/* With the store or with tags alone, wherever it died. */
static void closed_after_a_death(void **state)
{
    (void)state;
    for (int64_t n = 3;; n += 7) {
        struct stage s;
        set_stage(&s, &(struct stage_options){0});
        stage_kill(&s, n % 2 ? DEATH_IN_CALL : DEATH_BEFORE_CALL, n);
        enum pipeline_end end = stage_deploy(&s, commit);
        bool died = end != PIPELINE_COMPLETED;
        if (died) {
            stage_next_runner(&s, "second/2", n % 3 != 0);
            assert_int_equal(stage_finish(&s, commit), PIPELINE_COMPLETED);
        }
        holds_rules(&s, 0);
        stage_holds(&s, 1, "port after a death");
        stage_close(&s);
        if (!died)
            return;
    }
}

/* A runner that never returned: gc, which holds the lease, closes it; a dry run leaves a run at work alone. */
static void gc_closes_it(void **state)
{
    (void)state;
    struct stage s;
    struct eyes e;
    struct gc_list list;
    struct aws_error error;
    int64_t ours = 0;
    int64_t others;
    for (int64_t n = 10; !ours; n++) {
        if (n > 10)
            stage_close(&s);
        set_stage(&s, &(struct stage_options){0});
        stage_kill(&s, DEATH_BEFORE_CALL, n);
        assert_int_not_equal(stage_deploy(&s, commit), PIPELINE_COMPLETED);
        count_rules(&s, &ours, &others);
    }
    open_eyes(&e, &s);
    struct gc_scope scope = {.bake = &e.cloud,
                             .site = &e.cloud,
                             .config = s.config,
                             .environment = &s.config->environments.items[0],
                             .state = &s.inner,
                             .alive_run = s.record.run,
                             .working_run = s.record.run};
    assert_int_equal(gc_find(&scope, &e.arena, &list, &error), 0);
    for (size_t i = 0; i < list.count; i++)
        assert_int_not_equal(list.items[i].kind, GC_PORT);
    free(list.items);
    scope.working_run = "";
    assert_int_equal(gc_find(&scope, &e.arena, &list, &error), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].kind, GC_PORT);
    assert_int_equal(
        cloud_close_port(list.items[0].cloud, list.items[0].parent, list.items[0].port, list.items[0].cidr, &error), 0);
    free(list.items);
    holds_rules(&s, 0);
    /* The run goes on after gc: its next process opens the port again, and closes it. */
    stage_next_runner(&s, "second/2", true);
    s.rehearsal.world.event = hear;
    assert_int_equal(stage_finish(&s, commit), PIPELINE_COMPLETED);
    assert_int_equal(open_at_upload, 1);
    holds_rules(&s, 0);
    arena_release(&e.arena);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_for_the_upload_only),
        cmocka_unit_test(closed_after_a_failure),
        cmocka_unit_test(closed_after_a_death),
        cmocka_unit_test(gc_closes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
