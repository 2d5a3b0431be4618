/*
 * A rollout keeps the zones of its group in balance: Auto Scaling never finds anything to balance by itself, whatever
 * the size of the group and of the waves (engine attach; with step the group chooses by itself where it launches, and
 * may have to mend that). Where a zone has no capacity the others are used.
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

static const char *const commits[] = {
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
};

/* How often the group launched by itself to balance its zones; *spread: how far they are apart now. */
static int64_t balanced_by_itself(struct stage *s, int64_t *spread)
{
    struct stage_eyes e;
    struct activities found;
    struct group g = {0};
    struct aws_error error;
    int64_t count = 0;
    int64_t low = INT64_MAX;
    int64_t high = 0;
    stage_eyes_open(&e, s);
    if (cloud_activities(&e.cloud, "group-test", 0, &e.arena, &found, &error) ||
        cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error))
        fail_msg("%s", error.message);
    for (size_t i = 0; i < found.count; i++)
        count += strstr(found.items[i].cause, "to balance instances in zones") != NULL;
    for (size_t z = 0; z < g.zone_count; z++) {
        int64_t here = 0;
        for (size_t i = 0; i < g.member_count; i++)
            here += strcmp(g.members[i].zone, g.zones[z]) == 0;
        low = here < low ? here : low;
        high = here > high ? here : high;
    }
    *spread = high - low;
    assert_true(g.zone_count > 1);
    stage_eyes_close(&e);
    return count;
}

static void roll(const char *engine, int64_t group, int64_t surge, struct fault_set *set)
{
    static struct stage s;
    char more[300];
    int64_t spread;
    str_fit(more, sizeof(more),
            ", \"rollout\": {\"engine\": \"%s\", \"surge\": %lld, \"dead_man_role\": "
            "\"arn:aws:iam::123456789012:role/dead-man\"}",
            engine, (long long)surge);
    stage_open(&s, &(struct stage_options){.more = more, .group = group, .faults = set});
    for (size_t i = 0; i < 2; i++) {
        if (stage_deploy(&s, commits[i]) != PIPELINE_COMPLETED)
            fail_msg("%s, %lld by %lld: %s", engine, (long long)group, (long long)surge, s.err.text);
        stage_rest(&s, 600);
        int64_t count = balanced_by_itself(&s, &spread);
        if ((count && strcmp(engine, "attach") == 0) || spread > 1)
            fail_msg("%s, %lld by %lld: the group balanced its zones %lld times; they are %lld apart", engine,
                     (long long)group, (long long)surge, (long long)count, (long long)spread);
    }
    stage_holds(&s, 2, engine);
    stage_close(&s);
}

static void nothing_is_left_to_balance(void **state)
{
    (void)state;
    for (int64_t group = 1; group <= 7; group++)
        for (int64_t surge = 0; surge <= 3; surge++) {
            roll("attach", group, surge, NULL);
            roll("step", group, surge, NULL);
        }
}

/* Each second launch is refused: the next one goes elsewhere, and the rollout ends well. */
static void a_zone_without_capacity(void **state)
{
    (void)state;
    static struct stage s;
    struct fault_set *set = stage_faults(1, "{\"faults\": [{\"action\": \"RunInstances\", \"fault\": \"capacity\", "
                                            "\"every\": 2}]}");
    stage_open(&s, &(struct stage_options){.group = 4, .faults = set});
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(stage_deploy(&s, commits[i]), PIPELINE_COMPLETED);
    stage_holds(&s, 2, "without capacity");
    stage_close(&s);
    fault_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_to_balance),
        cmocka_unit_test(a_zone_without_capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
