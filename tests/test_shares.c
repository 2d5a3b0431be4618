/*
 * An image that is shared with another account is shared no longer than it is needed there: for the copy alone, or
 * while the account launches it; wherever the runner dies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/gc.h"
#include "tests/support_site.h"

#define BY_SHARE  PROD THEIRS
#define KEEP_ONE  ", \"retention\": {\"images\": 1}"
#define BY_COPY   ABROAD THEIRS
#define ONE_SHARE 2 /* of the image, and of its snapshot */

static struct site *heard;
static size_t shared_at_copy, shared_at_rollout;
static int (*inner_call)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);

static int see_copy(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    if (strcmp(request->action, "CopyImage") == 0)
        shared_at_copy = site_shares(heard);
    return inner_call(self, request, reply, error);
}

static void hear_rollout(void *context, int64_t at_ms, const char *kind, const char *text, const cJSON *detail)
{
    (void)context, (void)at_ms, (void)kind, (void)detail;
    if (strncmp(text, "the rollout of ", 15) == 0)
        shared_at_rollout = site_shares(heard);
}

static struct gc_scope scope_of(struct site *t, struct stage_eyes *home, const struct state *state, const char *alive)
{
    return (struct gc_scope){.bake = &home->cloud,
                             .site = &t->cloud,
                             .config = t->s.config,
                             .environment = &t->s.config->environments.items[1],
                             .state = state,
                             .alive_run = alive,
                             .working_run = alive,
                             .now_ms = simcloud_now_ms(t->s.rehearsal.cloud)};
}

/* What gc finds shared, seen from that store; with a lease it withdraws it. */
static size_t collect_shares(struct site *t, const struct state *state, const char *alive, struct lease *lease)
{
    struct stage_eyes home;
    struct gc_list list;
    struct journal *journal = NULL;
    size_t found = 0;
    stage_eyes_open(&home, &t->s);
    struct gc_scope scope = scope_of(t, &home, state, alive);
    struct journal_clock clock = {home.transport.transport.now_ms, home.transport.transport.self};
    if (lease)
        assert_int_equal(journal_open(&journal, state, lease, "r-20260101T000000-c0ffee", clock, &t->s.err), 0);
    assert_int_equal(gc_find(&scope, &home.arena, &list, &t->error), 0);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != GC_SHARE)
            continue;
        found++;
        if (lease && gc_remove(&list.items[i], journal, &t->error, &t->s.err))
            fail_msg("%s %s", t->error.code, t->error.message);
    }
    free(list.items);
    journal_free(journal);
    stage_eyes_close(&home);
    return found;
}

static void share_tag(struct site *t, const char *image, char to[32])
{
    struct stage_eyes home;
    struct image it = {.id = ""};
    stage_eyes_open(&home, &t->s);
    assert_int_equal(cloud_describe_image(&home.cloud, image, &home.arena, &it, &t->error), 0);
    const char *value = tag_value(it.tags, it.tag_count, "bakehour:shared:prod");
    str_fit(to, 32, "%s", value ? value : "");
    stage_eyes_close(&home);
}

/* It is shared for the copy alone: before the rollout begins it no longer is. */
static void shared_for_the_copy(void **state)
{
    (void)state;
    struct site t;
    char tag[32];
    site_open(&t, &(struct stage_options){.environment = BY_COPY}, true);
    heard = &t;
    shared_at_copy = shared_at_rollout = 99;
    t.s.rehearsal.world.event = hear_rollout;
    inner_call = t.wire.transport.call;
    t.wire.transport.call = see_copy;
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    assert_int_equal(shared_at_copy, ONE_SHARE);
    assert_int_equal(shared_at_rollout, 0);
    assert_int_equal(site_shares(&t), 0);
    share_tag(&t, t.source.image, tag);
    assert_string_equal(tag, "withdrawn");
    site_close(&t);
}

/* The copy is never made: the key is of another region. */
static void an_abandoned_share(void **state)
{
    (void)state;
    struct site t;
    char tag[32];
    site_open(&t,
              &(struct stage_options){.environment =
                                          PROD ", \"kms_key\": \"arn:aws:kms:eu-west-1:123456789012:key/x\"" THEIRS},
              true);
    assert_int_equal(site_promote(&t), PIPELINE_FAILED);
    share_tag(&t, t.source.image, tag);
    assert_string_equal(tag, "withdrawn");
    assert_int_equal(site_shares(&t), 0);
    site_close(&t);
}

/* To what was withdrawn: it is shared anew, and what it goes back from no longer is. */
static void goes_back(struct site *t, const struct deployment *before)
{
    char tag[32];
    if (stage_again(&t->s, "rollback", before) != PIPELINE_COMPLETED)
        fail_msg("%s", t->s.err.text);
    share_tag(t, before->image, tag);
    assert_string_equal(tag, ANOTHER);
    share_tag(t, t->source.image, tag);
    assert_string_equal(tag, "withdrawn");
    assert_int_equal(site_shares(t), ONE_SHARE);
    site_serves(t, "back on what is shared anew");
}

/* Whoever launches what is shared keeps it, until a later deployment has taken the image's place there. */
static void shared_while_it_serves(void **state)
{
    static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    (void)state;
    struct site t;
    char tag[32];
    char first[40];
    struct stage_eyes home;
    struct deployment before;
    const struct tag staging = {"bakehour:shared:staging", ANOTHER};
    for (int held = 0; held < 2; held++) {
        site_open(&t, &(struct stage_options){.environment = BY_SHARE, .more = KEEP_ONE}, true);
        assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
        assert_int_equal(site_shares(&t), ONE_SHARE);
        before = t.s.record;
        str_fit(first, sizeof(first), "%s", t.source.image);
        share_tag(&t, first, tag);
        assert_string_equal(tag, ANOTHER);
        assert_int_equal(collect_shares(&t, &t.s.inner, "", NULL), 0);
        /* Another environment of that account holds a share of its own. */
        const char *id = first;
        stage_eyes_open(&home, &t.s);
        if (held)
            assert_int_equal(cloud_tag(&home.cloud, &id, 1, &staging, 1, &t.error), 0);
        stage_eyes_close(&home);
        t.s.rehearsal.world.environment = &t.s.config->environments.items[0];
        t.s.rehearsal.world.site_transport = NULL;
        t.s.rehearsal.world.site_retry = NULL;
        assert_int_equal(stage_deploy(&t.s, commit_b), PIPELINE_COMPLETED);
        assert_int_equal(site_shares(&t), ONE_SHARE);
        t.source = t.s.record;
        site_aim(&t);
        assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
        share_tag(&t, first, tag);
        assert_string_equal(tag, "withdrawn");
        assert_int_equal(site_shares(&t), held ? 2 * ONE_SHARE : ONE_SHARE);
        share_tag(&t, t.source.image, tag);
        assert_string_equal(tag, ANOTHER);
        site_serves(&t, "shared in its place");
        goes_back(&t, &before);
        site_close(&t);
    }
}

/* Wherever a runner dies: whoever has its store, and whoever has the tags alone, withdraws what it shared; while it is
 * taken for one at work nobody does. False: it did not die. */
static bool die_and_withdraw(const char *environment, enum death death, int64_t n, bool by_tags, int64_t *seen)
{
    struct site t;
    struct state empty;
    struct lease lease;
    bool copies = strcmp(environment, BY_COPY) == 0;
    site_open(&t, &(struct stage_options){.environment = environment}, true);
    stage_kill(&t.s, death, n);
    enum pipeline_end end = site_promote(&t);
    bool died = end == PIPELINE_STOPPED || end == PIPELINE_LOST || stage_dead(&t.s);
    bool open = site_shares(&t) > 0;
    *seen += open;
    if (died && by_tags) {
        struct err err;
        state_open_memory(&empty);
        int64_t now_ms = simcloud_now_ms(t.s.rehearsal.cloud);
        assert_int_equal(lease_take(&lease, &empty, "prod", "other/1", now_ms, 3600000, &err), 0);
        assert_int_equal(collect_shares(&t, &empty, t.s.record.run, NULL), 0);
        (void)collect_shares(&t, &empty, "", &lease);
        assert_int_equal(collect_shares(&t, &empty, "", NULL), 0);
        state_close(&empty);
        if (copies && site_shares(&t))
            fail_msg("death %d at %lld: by its tags: still shared", (int)death, (long long)n);
    } else if (died) {
        site_finish(&t, "shared");
        site_serves(&t, "shared");
        if (site_shares(&t) != (copies ? 0 : ONE_SHARE))
            fail_msg("death %d at %lld: %zu permissions", (int)death, (long long)n, site_shares(&t));
    }
    site_close(&t);
    return died;
}

static void withdrawn_after_each_death(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    int64_t step = 7;
#else
    int64_t step = 1;
#endif
    static const enum death deaths[] = {DEATH_BEFORE_CALL, DEATH_IN_CALL, DEATH_AFTER_WRITE};
    static const char *const environments[] = {BY_COPY, BY_SHARE};
    for (size_t e = 0; e < 2; e++)
        for (int by_tags = 0; by_tags < 2; by_tags++) {
            int64_t points = 0;
            int64_t seen = 0;
            for (size_t d = 0; d < 3; d++)
                for (int64_t n = 1; die_and_withdraw(environments[e], deaths[d], n, by_tags, &seen); n += step)
                    points++;
            printf("# %lld points, shared at %lld of them\n", (long long)points, (long long)seen);
            assert_true(points >= 6 && seen > 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_for_the_copy),
        cmocka_unit_test(an_abandoned_share),
        cmocka_unit_test(shared_while_it_serves),
        cmocka_unit_test(withdrawn_after_each_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
