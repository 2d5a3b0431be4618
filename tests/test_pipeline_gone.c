/*
 * The runner dies and never returns: at every call and every write, with a good image and with one that does not start.
 * After 72 hours: no instance of ours outside the group is alive, nothing is suspended, the group replaces what dies
 * from the image that its template names, and failed launches stayed within the printed cap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_pipeline.h"

static const char good[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char next[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char broken_second[] = STAGE_STORM;
static const char broken_inside[] = STAGE_STORM_INSIDE;

static const char *const engines[] = {"attach", "refresh", "step"};
#define ENGINES (sizeof(engines) / sizeof(*engines))

/* GONE_EVERY=1 (make soak): every point by every engine. */
static int64_t every(size_t engine)
{
    const char *text = getenv("GONE_EVERY");
#if defined(__SANITIZE_ADDRESS__)
    (void)engine;
    return text ? strtoll(text, NULL, 10) : 67;
#else
    return text ? strtoll(text, NULL, 10) : engine ? 7 : 1;
#endif
}

/* How many launches the fault made fail. */
static int64_t strikes(const struct fault_set *set)
{
    int64_t count = 0;
    cJSON *json = fault_set_json(set);
    const cJSON *rules = cJSON_GetObjectItem(json, "faults");
    const cJSON *rule;
    if (!rules)
        rules = json;
    cJSON_ArrayForEach(rule, rules)
    {
        const cJSON *struck = cJSON_GetObjectItem(rule, "struck");
        count += struck && struck->valuestring ? strtoll(struck->valuestring, NULL, 10) : 0; /* a raw number */
    }
    cJSON_Delete(json);
    return count;
}

static void let_pass(struct stage *s, int64_t hours)
{
    simcloud_advance_to(s->rehearsal.cloud, simcloud_now_ms(s->rehearsal.cloud) + hours * 3600000);
}

static void kill_a_member(struct stage *s)
{
    struct stage_eyes e;
    struct group g = {.name = ""};
    struct aws_error error;
    stage_eyes_open(&e, s);
    if (cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error) || !g.member_count)
        fail_msg("no group");
    const char *id = g.members[0].id;
    if (cloud_terminate_instances(&e.cloud, &id, 1, &error))
        fail_msg("%s", error.message);
    stage_eyes_close(&e);
}

static void look_around(struct stage *s, const char *where)
{
    struct stage_eyes e;
    struct group g = {.name = ""};
    struct instances all = {0};
    struct aws_error error;
    struct lookup any = {0};
    stage_eyes_open(&e, s);
    if (cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error) ||
        cloud_describe_instances(&e.cloud, &any, &e.arena, &all, &error))
        fail_msg("%s: %s", where, error.message);
    if (g.suspended_count)
        fail_msg("%s: %s is left suspended", where, g.suspended[0]);
    for (size_t i = 0; i < all.count; i++) {
        bool member = false;
        for (size_t j = 0; j < g.member_count; j++)
            member = member || strcmp(g.members[j].id, all.items[i].id) == 0;
        if (!member && all.items[i].state != INSTANCE_TERMINATED && all.items[i].state != INSTANCE_SHUTTING_DOWN)
            fail_msg("%s: %s (%s) lives on outside the group", where, all.items[i].id,
                     instance_state_name(all.items[i].state));
    }
    if ((int64_t)g.member_count < 2 || (int64_t)g.member_count != g.desired)
        fail_msg("%s: the group has %zu members of %lld", where, g.member_count, (long long)g.desired);
    stage_eyes_close(&e);
}

/* The broken image's instances, by the cloud's own meter, after 72 hours: no more than was printed before. */
static void within_the_cap(struct stage *s, int64_t most_s, const char *first, const char *where)
{
    const char *broken = "";
    for (size_t i = 0; i < s->instance_count; i++)
        if (strcmp(s->instances[i].image, first) != 0 && strcmp(s->instances[i].image, SIMCLOUD_BASE_IMAGE) != 0)
            broken = s->instances[i].image;
    int64_t billed_s = *broken ? stage_billed_s(s, broken) : 0;
    if (billed_s > most_s)
        fail_msg("%s: %lld s of a broken image ran, %lld s were printed", where, (long long)billed_s,
                 (long long)most_s);
}

/* false: it did not die; the points are over. */
static bool die_for_good(const char *engine, enum death death, int64_t n, const char *faults)
{
    static struct stage s;
    char where[120];
    char more[400];
    struct pipeline_estimate plan;
    struct pipeline_order order = {.kind = "deploy", .commit = next, .commits = 1};
    bool refresh = strcmp(engine, "refresh") == 0;
    bool inside = strcmp(engine, "attach") != 0;
    struct fault_set *set = faults ? stage_faults(1, faults) : NULL;
    str_fit(where, sizeof(where), "gone: by %s, death %d at %lld, %s", engine, (int)death, (long long)n,
            !faults                   ? "good"
            : faults == broken_inside ? "broken inside"
                                      : "broken");
    str_fit(more, sizeof(more),
            ", \"policy\": {\"keep\": \"idle:600\"}, \"rollout\": {\"engine\": \"%s\", \"min_healthy_percent\": %d, "
            "\"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}",
            engine, refresh ? 50 : 100);
    stage_open(&s, &(struct stage_options){.faults = set, .more = more});
    if (getenv("LOUD"))
        printf("# %s\n", where);
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    char first[40];
    str_fit(first, sizeof(first), "%s", s.record.image);
    if (pipeline_estimate(&s.rehearsal.world, &order, &plan, &s.err))
        fail_msg("%s: %s", where, s.err.text);
    stage_kill(&s, death, n);
    enum pipeline_end end = stage_deploy(&s, next);
    bool died = end == PIPELINE_STOPPED || end == PIPELINE_LOST || stage_dead(&s);
    let_pass(&s, 24);
    kill_a_member(&s);
    let_pass(&s, 48);
    look_around(&s, where);
    if (set && !died && faults == broken_second)
        assert_int_equal(strikes(set), 3); /* the whole storm */
    if (set)
        within_the_cap(&s, inside ? plan.worst_s : plan.cap_s, first, where);
    /* A group that launches by itself goes on until the dead-man tells it otherwise: two more rounds at most. */
    int64_t most = 3 + (inside ? 2 * plan.surge : 0);
    if (set && strikes(set) > most)
        fail_msg("%s: %lld launches failed; the most is %lld", where, (long long)strikes(set), (long long)most);
    stage_close(&s);
    fault_set_free(set);
    return died;
}

static void die_everywhere(enum death death, const char *faults)
{
    for (size_t e = 0; e < ENGINES; e++) {
        int64_t points = 0;
        for (int64_t n = 1; die_for_good(engines[e], death, n, faults); n += every(e))
            points++;
        printf("# %s: %lld points\n", engines[e], (long long)points);
        assert_true(points >= 2);
    }
}

static void gone_before_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_CALL, NULL);
}

static void gone_in_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_IN_CALL, NULL);
}

static void gone_at_each_write(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_WRITE, NULL);
    die_everywhere(DEATH_AFTER_WRITE, NULL);
}

static void gone_in_each_call_of_a_broken_one(void **state)
{
    (void)state;
    die_everywhere(DEATH_IN_CALL, broken_second);
}

static void gone_before_each_call_of_a_broken_one(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_CALL, broken_second);
}

static void gone_in_each_call_of_one_that_breaks_inside(void **state)
{
    (void)state;
    die_everywhere(DEATH_IN_CALL, broken_inside);
}

static void gone_before_each_call_of_one_that_breaks_inside(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_CALL, broken_inside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_before_each_call),
        cmocka_unit_test(gone_in_each_call),
        cmocka_unit_test(gone_at_each_write),
        cmocka_unit_test(gone_in_each_call_of_a_broken_one),
        cmocka_unit_test(gone_before_each_call_of_a_broken_one),
        cmocka_unit_test(gone_in_each_call_of_one_that_breaks_inside),
        cmocka_unit_test(gone_before_each_call_of_one_that_breaks_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
