/* The pipeline against the modelled cloud: its time, its reuse, and runners that die at every call and every write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support_pipeline.h"

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/* A group of two in less than 600 s, and within 1.03 x the critical path (by the original's figures: 580 s). */
static void a_plain_deployment(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_int_equal(s.record.critical_s, 580);
    assert_true(s.record.makespan_s < 600);
    assert_true(s.record.makespan_s * 100 <= 103 * s.record.critical_s);
    stage_holds(&s, 1, "plain");
    stage_close(&s);
}

/* Engine step proves its first wave outside and keeps it, so it takes what attach does. AWS's refresh replaces members
 * by launches of its own only, so its canary comes before (90 s) and is let go again, and it is over only when the last
 * old instance is terminated: 20 s more. */
static void a_plain_deployment_by_the_other_engines(void **state)
{
    (void)state;
    static const struct {
        const char *engine;
        int64_t critical_s, most_s; /* 1.03 of it */
    } rows[] = {{"refresh", 690, 710}, {"step", 580, 597}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct stage s;
        char more[200];
        str_fit(more, sizeof(more),
                ", \"rollout\": {\"engine\": \"%s\", \"dead_man_role\": "
                "\"arn:aws:iam::123456789012:role/dead-man\"}",
                rows[i].engine);
        stage_open(&s, &(struct stage_options){.more = more});
        assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
        printf("# %s: %lld s, critical path %lld s\n", rows[i].engine, (long long)s.record.makespan_s,
               (long long)s.record.critical_s);
        assert_int_equal(s.record.critical_s, rows[i].critical_s);
        assert_true(s.record.makespan_s <= rows[i].most_s);
        stage_holds(&s, 1, rows[i].engine);
        stage_close(&s);
    }
}

/* --detach: the runner leaves once only the image is awaited, tests passed and all; another one goes on from there. */
static void leaves_while_the_image_is_made(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, &(struct stage_options){0});
    s.rehearsal.world.detach = true;
    int64_t began = simcloud_now_ms(s.rehearsal.cloud);
    assert_int_equal(stage_deploy(&s, commit_b), PIPELINE_STOPPED);
    int64_t left = simcloud_now_ms(s.rehearsal.cloud) - began;
    /* pull 15, build 165, upload 25, command line, the flush: then the image's 210 s are not waited for */
    assert_true(left >= 205 * 1000 && left < 300 * 1000);
    s.rehearsal.world.detach = false;
    stage_next_runner(&s, "second/2", true);
    assert_int_equal(stage_finish(&s, commit_b), PIPELINE_COMPLETED);
    stage_holds(&s, 1, "detached");
    stage_close(&s);
}

static int64_t every(void)
{
#if defined(__SANITIZE_ADDRESS__)
    int64_t step = 17;
#else
    int64_t step = 1;
#endif
    const char *text = getenv("EVERY");
    return text ? strtoll(text, NULL, 10) : step;
}

/* Deploys a, then b with a runner that dies at the n-th point; another one finishes. */
static bool die_and_finish(enum death death, int64_t n, bool with_store)
{
    struct stage s;
    char where[80];
    str_fit(where, sizeof(where), "death %d at %lld, %s", (int)death, (long long)n, with_store ? "journal" : "tags");
    stage_open(&s, &(struct stage_options){0});
    stage_kill(&s, death, n);
    enum pipeline_end end = stage_deploy(&s, commit_b);
    bool died = end == PIPELINE_STOPPED || end == PIPELINE_LOST || stage_dead(&s);
    if (died) {
        stage_next_runner(&s, "second/2", with_store);
        end = stage_finish(&s, commit_b);
        if (end != PIPELINE_COMPLETED)
            fail_msg("%s: ended as %d: %s", where, (int)end, s.err.text);
    }
    stage_holds(&s, 1, where);
    stage_close(&s);
    return died;
}

static void die_everywhere(enum death death, bool with_store)
{
    int64_t points = 0;
    for (int64_t n = 1; die_and_finish(death, n, with_store); n += every())
        points++;
    printf("# %lld points\n", (long long)points);
    assert_true(points >= 2);
}

static void dead_before_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_CALL, true);
}

static void dead_in_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_IN_CALL, true);
}

static void dead_before_each_write(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_WRITE, true);
}

static void dead_after_each_write(void **state)
{
    (void)state;
    die_everywhere(DEATH_AFTER_WRITE, true);
}

static void only_tags_after_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_IN_CALL, false);
}

static void only_tags_before_each_call(void **state)
{
    (void)state;
    die_everywhere(DEATH_BEFORE_CALL, false);
}

/* Five deployments inside one paid hour: one bake instance, one hour. */
static void one_paid_hour(void **state)
{
    (void)state;
    struct stage s;
    stage_open(
        &s, &(struct stage_options){.more = ", \"policy\": {\"keep\": \"hour\"}, \"prices\": {\"regime\": \"hourly\", "
                                            "\"instance_usd_per_hour\": \"0.01\"}"});
    static const char *const commits[] = {commit_a, commit_b, "cccccccccccccccccccccccccccccccccccccccc",
                                          "dddddddddddddddddddddddddddddddddddddddd"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(stage_deploy(&s, commits[i]), PIPELINE_COMPLETED);
        assert_int_equal(s.record.reused, i > 0);
    }
    stage_holds(&s, 4, "hour");
    stage_close(&s);
}

/* The same commit again: the bake is found by its key, and the group is on it already. */
static void the_same_again(void **state)
{
    (void)state;
    struct stage s;
    char first[40];
    stage_open(&s, &(struct stage_options){0});
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    str_fit(first, sizeof(first), "%s", s.record.image);
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    assert_string_equal(s.record.image, first);
    assert_true(s.record.reused);
    stage_holds(&s, 2, "again");
    stage_close(&s);
}

struct beginning {
    struct stage *s;
    int calls, code;
    int64_t last;     /* the number of the last deployment that it saw */
    char holder[128]; /* of the lease */
};

static int begins(void *context, struct err *err)
{
    struct beginning *b = context;
    struct deployment last = {.number = 0};
    bool found;
    int64_t until_ms;
    const struct pipeline_world *w = &b->s->rehearsal.world;
    assert_int_equal(deployment_find(w->state, w->environment->name, 0, &last, &found, err), 0);
    assert_int_equal(
        lease_look(w->state, w->environment->name, w->transport->now_ms(w->transport->self), b->holder, &until_ms, err),
        0);
    b->last = last.number;
    b->calls++;
    return b->code ? err_set(err, b->code, "no room for it") : 0;
}

static enum pipeline_end with_beginning(struct stage *s, struct beginning *b, const char *commit, int64_t last)
{
    const struct pipeline_order order = {.kind = "deploy",
                                         .commit = commit,
                                         .commits = 1,
                                         .standing = true,
                                         .last = last,
                                         .beginning = begins,
                                         .context = b};
    return pipeline_run(&s->rehearsal.world, &order, &s->record, &s->err);
}

/* What is said at the beginning (a budget's override) is said under the lease, before the record, of a run that begins:
 * not of one that another has overtaken, and where it fails nothing begins. */
static void a_word_at_the_beginning(void **state)
{
    (void)state;
    struct stage s;
    struct beginning b = {.s = &s};
    stage_open(&s, &(struct stage_options){0});
    assert_int_equal(with_beginning(&s, &b, commit_a, 0), PIPELINE_COMPLETED);
    assert_int_equal(b.calls, 1);
    assert_int_equal(b.last, 0);
    assert_string_equal(b.holder, s.rehearsal.world.holder);
    assert_int_equal(with_beginning(&s, &b, commit_b, 0), PIPELINE_OVERTAKEN);
    assert_int_equal(b.calls, 1);
    b.code = EXIT_FAILED;
    assert_int_equal(with_beginning(&s, &b, commit_b, 1), PIPELINE_FAILED);
    assert_int_equal(b.calls, 2);
    assert_int_equal(b.last, 1);
    assert_int_equal(s.record.number, 0);
    assert_string_equal(s.err.text, "no room for it");
    b.code = 0;
    assert_int_equal(with_beginning(&s, &b, commit_b, 1), PIPELINE_COMPLETED); /* the lease was given back */
    assert_int_equal(s.record.number, 2);
    stage_holds(&s, 2, "a word");
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_deployment),
        cmocka_unit_test(a_plain_deployment_by_the_other_engines),
        cmocka_unit_test(leaves_while_the_image_is_made),
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(a_word_at_the_beginning),
        cmocka_unit_test(one_paid_hour),
        cmocka_unit_test(dead_before_each_call),
        cmocka_unit_test(dead_in_each_call),
        cmocka_unit_test(dead_before_each_write),
        cmocka_unit_test(dead_after_each_write),
        cmocka_unit_test(only_tags_before_each_call),
        cmocka_unit_test(only_tags_after_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
