/*
 * Every action that a deployment calls, and every request to an instance, times every class of fault: once, for a
 * while, and for good, by each engine. Survived, or reported with the environment back on its last good version and
 * nothing left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_runners.h"

static const char good[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char next[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#define ROLE                                                                                                           \
    ", \"policy\": {\"keep\": \"idle:600\"}, \"rollout\": {\"dead_man_role\": "                                        \
    "\"arn:aws:iam::123456789012:role/dead-man\"}"

#if defined(__SANITIZE_ADDRESS__)
#define EVERY 181
#else
#define EVERY 19
#endif

static const char *const whens[] = {"\"nth\": 1", "\"nth\": 2", "\"from\": 1, \"count\": 4", "\"from\": 1"};
static const char *const engines[] = {"attach", "refresh", "step"};

#define WHENS   (sizeof(whens) / sizeof(*whens))
#define ENGINES (sizeof(engines) / sizeof(*engines))

static void options_of(const char *engine, char more[400], struct stage_options *out)
{
    str_fit(more, 400,
            ", \"policy\": {\"keep\": \"idle:600\"}, \"rollout\": {\"engine\": \"%s\", \"min_healthy_percent\": %d, "
            "\"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}",
            engine, strcmp(engine, "refresh") == 0 ? 50 : 100);
    *out = (struct stage_options){.more = more};
}

static void suffer(const char *engine, const char *action, size_t kind, size_t when)
{
    static struct stage s;
    struct stage_options options;
    char more[400];
    char where[256];
    const char *fault = stage_fault_kinds[kind];
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    options_of(engine, more, &options);
    options.faults = set;
    str_fit(where, sizeof(where), "%s, %s, %s, %s", engine, action, fault, whens[when]);
    if (getenv("LOUD"))
        printf("# %s\n", where);
    stage_open(&s, &options);
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    stage_add_fault(set, action, fault, whens[when]);
    enum pipeline_end end = stage_deploy(&s, next);
    if (end == PIPELINE_LOST || end == PIPELINE_BUSY)
        fail_msg("%s: ended as %d: %s", where, (int)end, s.err.text);
    bool refused = strstr(fault, "Unauthorized") && when >= 2; /* the way back is refused, too: exit 7 says so */
    if (end == PIPELINE_BROKEN && when != 3 && !refused)
        fail_msg("%s: a passing fault left it broken: %s", where, s.err.text);
    stage_heal(&s, set, where);
    stage_close(&s);
    fault_set_free(set);
}

static void every_action_and_fault(void **state)
{
    (void)state;
    static struct stage_actions actions;
    size_t at = 0;
    const char *text = getenv("FAULTS_EVERY"); /* make soak: 1 */
    size_t every = text ? strtoul(text, NULL, 10) : EVERY;
    for (size_t e = 0; e < ENGINES; e++) {
        struct stage_options options;
        char more[400];
        size_t runs = 0;
        options_of(engines[e], more, &options);
        stage_actions(&actions, &options);
        for (size_t a = 0; a < actions.count; a++)
            for (size_t k = 0; k < stage_fault_kind_count; k++)
                for (size_t w = 0; w < WHENS; w++)
                    if (at++ % every == 0) {
                        suffer(engines[e], actions.names[a], k, w);
                        runs++;
                    }
        printf("# %s: %zu actions, %zu runs\n", engines[e], actions.count, runs);
    }
}

/*
 * AWS refuses to end members: the rollout has attached two, cannot let the old ones go, and the way back fails as well.
 * While that lasts nothing more is begun; once it is over, the next run first gives the group its size and its members
 * back.
 */
static void a_way_back_that_failed(void **state)
{
    (void)state;
    struct stage s;
    struct fault_set *set = fault_set_new(1, simcloud_options_default().start_ms);
    struct stage_options options;
    char more[400];
    char image[40];
    char before[40];
    int64_t members;
    int64_t desired;
    int64_t max;
    options_of("attach", more, &options);
    options.faults = set;
    stage_open(&s, &options);
    assert_int_equal(stage_deploy(&s, good), PIPELINE_COMPLETED);
    stage_rest(&s, 600);
    stage_group(&s, before, &members, &desired, &max);
    assert_int_equal(members, 2);
    stage_add_fault(set, "TerminateInstanceInAutoScalingGroup", stage_fault_kinds[1], "\"from\": 1");
    assert_int_equal(stage_deploy(&s, next), PIPELINE_BROKEN);
    stage_group(&s, image, &members, &desired, &max);
    assert_string_equal(image, before);
    assert_int_equal(desired, 4);
    assert_int_equal(stage_deploy(&s, next), PIPELINE_BROKEN);
    assert_int_equal(s.record.number, 0); /* nothing was begun */
    stage_clear_faults(set);
    assert_int_equal(stage_deploy(&s, next), PIPELINE_COMPLETED);
    assert_int_equal(s.record.number, 3);
    stage_holds(&s, 2, "after a way back that failed");
    stage_close(&s);
    fault_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_and_fault),
        cmocka_unit_test(a_way_back_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
