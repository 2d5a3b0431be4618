/*
 * The same image in another region and in another account: copied, encrypted with that environment's key, shared,
 * priced, and nothing left over wherever the runner dies. Expected seconds and prices are sums by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/booking.h"
#include "tests/support_site.h"

#define PRICED                                                                                                         \
    ", \"prices\": {\"regime\": \"second\", \"instance_usd_per_hour\": \"0.36\", \"image_gb\": 3, \"retained_days\": " \
    "30, \"snapshot_usd_per_gb_month\": \"0.05\", \"transfer_usd_per_gb\": \"0.02\"}"

static int64_t booked_as(struct ledger *l, const char *account)
{
    struct err err;
    int64_t sum = 0;
    const struct ledger_filter filter = {
        .from = INSTANT_MIN, .to = INSTANT_MAX, .deployment = "prod/1", .account = account, .unit = "usd"};
    assert_int_equal(ledger_sum(l, &filter, &sum, &err), 0);
    return sum;
}

/* On the ledger the copy's way is paid once, its snapshot for as long as it is kept there; all else is the statement.
 */
static void is_booked(struct site *t)
{
    struct ledger *l;
    struct stage *s = &t->s;
    const struct pipeline_world *w = &s->rehearsal.world;
    assert_int_equal(ledger_open(&l, ":memory:", LEDGER_WRITE, &s->err), 0);
    stage_book(s, l);
    assert_int_equal(booked_as(l, "expense:transfer-gb"), 6 * MONEY_PER_USD / 100);
    assert_int_equal(booked_as(l, "expense:") - booked_as(l, "expense:snapshot"), s->record.cost - 1451612903);
    stage_rest(s, 86400);
    assert_int_equal(booking_fleet(l, w, &s->err), 0);
    /* A day and some minutes of 31: it is seen there, and goes on. */
    assert_in_range(booked_as(l, "expense:snapshot"), 1451612903 / 30, 1451612903 / 30 + 1451612903 / 300);
    ledger_close(l);
}

static void to_another_region(void **state)
{
    (void)state;
    struct site t;
    struct image copy = {.id = ""};
    struct pipeline_estimate e;
    struct pipeline_order order = {.kind = "promote", .commit = COMMIT_A, .commits = 1, .image = "ami-1"};
    site_open(&t, &(struct stage_options){.environment = ABROAD, .more = PRICED}, false);
    assert_int_equal(pipeline_estimate(&t.s.rehearsal.world, &order, &e, &t.s.err), 0);
    /* 3 GB kept 30 of January's 31 days at 0.05: 0.1451612903..., and sent once at 0.02 */
    assert_int_equal(e.costs.usd[COST_IMAGE], 1451612903 + 6 * MONEY_PER_USD / 100);
    assert_int_equal(e.critical_s, 210 + 10 + 150); /* copied, registered, rolled out */
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    assert_int_equal(t.s.record.critical_s, 370);
    assert_in_range(t.s.record.makespan_s, 370, 381);
    site_serves(&t, "abroad");
    assert_int_equal(site_images(&t, &copy), 1);
    assert_string_equal(copy.id, t.s.record.image);
    assert_string_not_equal(copy.id, t.source.image);
    assert_true(copy.encrypted);
    assert_string_equal(tag_value(copy.tags, copy.tag_count, "bakehour:environment"), "prod");
    assert_string_equal(tag_value(copy.tags, copy.tag_count, "bakehour:bake-key"), t.source.bake_key);
    assert_string_equal(tag_value(copy.tags, copy.tag_count, "bakehour:sha256"), t.source.sha256);
    assert_string_equal(tag_value(copy.tags, copy.tag_count, "bakehour:proven"), "yes");
    site_no_orphans(&t, "abroad");
    is_booked(&t);
    /* Again: the copy is there. */
    int64_t cost = t.s.record.cost;
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    assert_string_equal(t.s.record.image, copy.id);
    assert_true(t.s.record.cost < cost);
    assert_int_equal(site_images(&t, NULL), 1);
    site_close(&t);
}

static void encrypted_where_it_is(void **state)
{
    (void)state;
    struct site t;
    site_open(
        &t, &(struct stage_options){.environment = PROD ", \"kms_key\": \"arn:aws:kms:us-east-1:123456789012:key/x\""},
        false);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    struct image image;
    assert_int_equal(cloud_describe_image(&t.cloud, t.s.record.image, &t.arena, &image, &t.error), 0);
    assert_true(image.encrypted);
    assert_string_not_equal(image.id, t.source.image);
    site_serves(&t, "encrypted");
    site_no_orphans(&t, "encrypted");
    site_close(&t);
}

/* A key of another region is refused by AWS: a clear failure, and prod as it was. */
static void a_key_of_elsewhere(void **state)
{
    (void)state;
    struct site t;
    site_open(
        &t, &(struct stage_options){.environment = PROD ", \"kms_key\": \"arn:aws:kms:eu-west-1:123456789012:key/x\""},
        false);
    assert_int_equal(site_promote(&t), PIPELINE_FAILED);
    assert_non_null(strstr(t.s.err.text, "is not in the region us-east-1"));
    site_no_orphans(&t, "a key of elsewhere");
    site_close(&t);
}

static void to_another_account(void **state)
{
    (void)state;
    struct site t;
    site_open(&t, &(struct stage_options){.environment = PROD THEIRS}, true);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    assert_string_equal(t.s.record.image, t.source.image); /* shared, not copied */
    site_serves(&t, "another account");
    /* However often: it says where it was made and proven, and there it was the first. */
    struct stage_eyes home;
    struct image image = {.id = ""};
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    assert_int_equal(t.s.record.number, 2);
    stage_eyes_open(&home, &t.s);
    assert_int_equal(cloud_describe_image(&home.cloud, t.source.image, &home.arena, &image, &t.error), 0);
    assert_string_equal(tag_value(image.tags, image.tag_count, "bakehour:environment"), "test");
    assert_string_equal(tag_value(image.tags, image.tag_count, "bakehour:deployment"), "1");
    assert_string_equal(tag_value(image.tags, image.tag_count, "bakehour:proven"), "yes");
    stage_eyes_close(&home);
    site_close(&t);
    site_open(&t, &(struct stage_options){.environment = ABROAD THEIRS}, true);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    assert_int_equal(site_images(&t, NULL), 1); /* the copy is that account's own */
    assert_int_equal(site_shares(&t), 0);
    site_serves(&t, "another account abroad");
    site_close(&t);
}

static void the_default_key_cannot_be_shared(void **state)
{
    (void)state;
    struct site t;
    site_open(&t, &(struct stage_options){.environment = PROD THEIRS, .encrypt_default = true}, true);
    assert_int_equal(site_promote(&t), PIPELINE_FAILED);
    assert_non_null(strstr(t.s.err.text, "default key"));
    assert_int_equal(site_shares(&t), 0);
    if (!strstr(t.s.err.text, "modify-ebs-default-kms-key-id"))
        fail_msg("%s", t.s.err.text);
    site_close(&t);
    /* In one account it needs no sharing: the copy is encrypted anew with its region's key. */
    site_open(&t, &(struct stage_options){.environment = ABROAD, .encrypt_default = true}, false);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    site_serves(&t, "re-encrypted");
    site_no_orphans(&t, "re-encrypted");
    site_close(&t);
}

/* The environment's role is refused from its first call on, for so long. */
static struct refusal {
    int (*inner)(void *, const struct aws_request *, struct aws_reply *, struct aws_error *);
    int64_t since_ms, for_ms, last_ms;
} refusal;

static int refused_call(void *self, const struct aws_request *request, struct aws_reply *reply, struct aws_error *error)
{
    struct cloud_transport *t = self;
    int64_t now_ms = simcloud_now_ms(t->cloud);
    refusal.since_ms = refusal.since_ms ? refusal.since_ms : now_ms;
    if (now_ms - refusal.since_ms >= refusal.for_ms)
        return refusal.inner(self, request, reply, error);
    refusal.last_ms = now_ms;
    aws_error_set(error, AWS_UNSENT, 0, AWS_NO_CREDENTIALS, "AssumeRole: AWS says AccessDenied: not you. Role R: ...");
    return -1;
}

/* IAM shows what was changed within a minute: so long it is borne, and not the ten minutes of what AWS does not answer.
 */
static void a_role_that_is_refused(void **state)
{
    static const struct {
        int64_t for_s;
        enum pipeline_end end;
    } cases[] = {{45, PIPELINE_COMPLETED}, {7200, PIPELINE_FAILED}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct site t;
        site_open(&t, &(struct stage_options){.environment = ABROAD THEIRS}, true);
        refusal = (struct refusal){.inner = t.wire.transport.call, .for_ms = cases[i].for_s * 1000};
        t.wire.transport.call = refused_call;
        enum pipeline_end end = site_promote(&t);
        if (end != cases[i].end)
            fail_msg("case %zu: %d: %s", i, (int)end, t.s.err.text);
        if (end == PIPELINE_FAILED) {
            assert_non_null(strstr(t.s.record.reason, "AccessDenied: not you. Role R"));
            int64_t began_ms = t.s.record.started_ms;
            assert_in_range(refusal.last_ms - began_ms, 60000, 300000); /* with what is tried again at the end */
        }
        site_close(&t);
    }
}

/* The first copy fails, the second one serves. */
static void a_copy_that_fails(void **state)
{
    (void)state;
    struct site t;
    struct err err;
    struct fault_set *faults = fault_set_new(1, 1767225600000);
    cJSON *rules = cJSON_Parse("[{\"action\": \"image\", \"nth\": 2, \"fault\": \"fails\"}]");
    assert_int_equal(fault_set_add(faults, "test", rules, &err), 0);
    cJSON_Delete(rules);
    site_open(&t, &(struct stage_options){.environment = ABROAD, .faults = faults}, false);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    site_serves(&t, "second copy");
    assert_int_equal(site_images(&t, NULL), 1);
    site_no_orphans(&t, "second copy");
    site_close(&t);
    fault_set_free(faults);
}

/* Somebody else's image has the name that the copy was to have: it is not taken for one. */
static void a_name_that_is_taken(void **state)
{
    (void)state;
    struct site t;
    struct image copy = {.id = ""};
    const char *other = "";
    site_open(&t, &(struct stage_options){.environment = PROD ", \"region\": \"eu-west-1\""}, false);
    struct copy_order order = {.source_region = "us-east-1",
                               .source_image = t.source.image,
                               .name = t.source.image_name,
                               .description = "of somebody else"};
    assert_int_equal(cloud_copy_image(&t.cloud, &order, &t.arena, &other, &t.error), 0);
    if (site_promote(&t) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    assert_string_not_equal(t.s.record.image, other);
    assert_int_equal(site_images(&t, &copy), 1);
    assert_string_equal(copy.id, t.s.record.image);
    site_serves(&t, "a name that is taken");
    site_close(&t);
}

static enum image_state state_of(struct site *t, const char *id)
{
    struct image image = {.id = ""};
    assert_int_equal(cloud_describe_image(&t->cloud, id, &t->arena, &image, &t->error), 0);
    return image.state;
}

/* Whose store is new knows nothing of prod: its group tells that it is on an image of test's. */
static void another_groups_image(void **state)
{
    static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    (void)state;
    struct site t;
    site_open(&t, &(struct stage_options){.environment = PROD, .more = ", \"retention\": {\"images\": 1}"}, false);
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    stage_next_runner(&t.s, "second/2", false);
    t.s.rehearsal.world.environment = &t.s.config->environments.items[0];
    assert_int_equal(stage_deploy(&t.s, commit_b), PIPELINE_COMPLETED);
    assert_int_equal(state_of(&t, t.source.image), IMAGE_AVAILABLE);
    site_close(&t);
}

/* Test has gone on and keeps one image; what prod's copy was made from stays until prod goes on too. */
static void what_a_copy_was_made_from(void **state)
{
    static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    static const char commit_c[] = "cccccccccccccccccccccccccccccccccccccccc";
    (void)state;
    struct site t;
    struct image image;
    site_open(&t, &(struct stage_options){.environment = ABROAD, .more = ", \"retention\": {\"images\": 1}"}, false);
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    struct stage_eyes home;
    stage_eyes_open(&home, &t.s);
    char first[40];
    str_fit(first, sizeof(first), "%s", t.source.image);
    t.s.rehearsal.world.environment = &t.s.config->environments.items[0];
    assert_int_equal(stage_deploy(&t.s, commit_b), PIPELINE_COMPLETED);
    assert_int_equal(cloud_describe_image(&home.cloud, first, &t.arena, &image, &t.error), 0);
    assert_int_equal(image.state, IMAGE_AVAILABLE);
    t.source = t.s.record;
    site_aim(&t);
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    t.s.rehearsal.world.environment = &t.s.config->environments.items[0];
    assert_int_equal(stage_deploy(&t.s, commit_c), PIPELINE_COMPLETED);
    assert_int_equal(cloud_describe_image(&home.cloud, first, &t.arena, &image, &t.error), 0);
    assert_int_equal(image.state, IMAGE_GONE);
    stage_eyes_close(&home);
    site_close(&t);
}

/* A rollback's image is the copy itself: its number and its signature are found where it is. */
static void rollback_abroad(void **state)
{
    static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    static const char *keys[] = {"unread.pub"}; /* the group is on the image by then: nobody verifies anew */
    (void)state;
    struct site t;
    struct image image = {.id = ""};
    struct journal *journal;
    const struct tag signature = {"bakehour:signature", "abc"};
    site_open(&t, &(struct stage_options){.environment = PROD ", \"region\": \"eu-west-1\""}, false);
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    struct deployment first = t.s.record;
    t.s.rehearsal.world.environment = &t.s.config->environments.items[0];
    assert_int_equal(stage_deploy(&t.s, commit_b), PIPELINE_COMPLETED);
    t.source = t.s.record;
    site_aim(&t);
    assert_int_equal(site_promote(&t), PIPELINE_COMPLETED);
    if (stage_again(&t.s, "rollback", &first) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    assert_int_equal(t.s.record.number, 3);
    site_serves(&t, "rolled back abroad");
    assert_int_equal(cloud_describe_image(&t.cloud, first.image, &t.arena, &image, &t.error), 0);
    assert_string_equal(tag_value(image.tags, image.tag_count, "bakehour:deployment"), "3");
    const char *id = first.image;
    assert_int_equal(cloud_tag(&t.cloud, &id, 1, &signature, 1, &t.error), 0);
    t.s.config->signing.public_key_files.items = keys;
    t.s.config->signing.public_key_files.count = 1;
    if (stage_again(&t.s, "rollback", &first) != PIPELINE_COMPLETED)
        fail_msg("%s", t.s.err.text);
    t.s.config->signing.public_key_files.count = 0;
    struct journal_clock clock = {t.wire.transport.now_ms, t.wire.transport.self};
    assert_int_equal(journal_open(&journal, &t.s.inner, NULL, t.s.record.run, clock, &t.s.err), 0);
    assert_true(journal_is(journal, "build.signature", "abc"));
    journal_free(journal);
    site_close(&t);
}

#define HOME_KEY "arn:aws:kms:us-east-1:123456789012:key/one"

/* What is baked from an encrypted base has its key: an environment with that key, by its ARN or its id, takes the image
 * as it is; with another key, a copy. */
static void encrypted_in_the_bake(void **state)
{
    static const struct {
        const char *environment;
        bool copied;
    } cases[] = {
        {", \"kms_key\": \"" HOME_KEY "\"", false},
        {", \"kms_key\": \"one\"", false},
        {", \"kms_key\": \"arn:aws:kms:us-east-1:123456789012:key/two\"" PROD ", \"kms_key\": \"" HOME_KEY "\"", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct stage s;
        struct stage_eyes e;
        struct pipeline_estimate estimate;
        struct image image = {.id = ""};
        struct aws_error error;
        const char *base = "";
        struct pipeline_order order = {.kind = "deploy", .commit = COMMIT_A, .commits = 1};
        stage_open(&s, &(struct stage_options){.environment = cases[i].environment});
        stage_eyes_open(&e, &s);
        struct copy_order encrypt = {.source_region = "us-east-1",
                                     .source_image = SIMCLOUD_BASE_IMAGE,
                                     .name = "osv-encrypted",
                                     .encrypted = true,
                                     .kms_key = HOME_KEY};
        assert_int_equal(cloud_copy_image(&e.cloud, &encrypt, &e.arena, &base, &error), 0);
        stage_rest(&s, 600);
        s.config->image.base = base;
        assert_int_equal(pipeline_estimate(&s.rehearsal.world, &order, &estimate, &s.err), 0);
        assert_int_equal(estimate.used.copies_image, cases[i].copied);
        assert_int_equal(estimate.critical_s, cases[i].copied ? 580 + 210 : 580);
        if (stage_deploy(&s, COMMIT_A) != PIPELINE_COMPLETED)
            fail_msg("case %zu: %s", i, s.err.text);
        assert_in_range(s.record.makespan_s, estimate.critical_s, estimate.critical_s * 103 / 100);
        assert_int_equal(cloud_describe_image(&e.cloud, s.record.image, &e.arena, &image, &error), 0);
        assert_true(image.encrypted);
        struct images all;
        struct tag ours = {"tag:bakehour:project", "hello"};
        struct lookup lookup = {.filters = &ours, .filter_count = 1};
        assert_int_equal(cloud_describe_images(&e.cloud, &lookup, &e.arena, &all, &error), 0);
        assert_int_equal(all.count, cases[i].copied ? 2 : 1);
        stage_eyes_close(&e);
        stage_close(&s);
    }
}

static bool die_and_finish(enum death death, int64_t n)
{
    struct site t;
    char where[64];
    str_fit(where, sizeof(where), "death %d at %lld", (int)death, (long long)n);
    site_open(&t, &(struct stage_options){.environment = ABROAD}, false);
    stage_kill(&t.s, death, n);
    enum pipeline_end end = site_promote(&t);
    bool died = end == PIPELINE_STOPPED || end == PIPELINE_LOST || stage_dead(&t.s);
    if (died)
        site_finish(&t, where);
    site_serves(&t, where);
    assert_int_equal(site_images(&t, NULL), 1);
    site_no_orphans(&t, where);
    site_close(&t);
    return died;
}

static void dead_at_each_call(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    int64_t step = 11;
#else
    int64_t step = 1;
#endif
    static const enum death deaths[] = {DEATH_BEFORE_CALL, DEATH_IN_CALL, DEATH_AFTER_WRITE};
    for (size_t d = 0; d < 3; d++) {
        int64_t points = 0;
        for (int64_t n = 1; die_and_finish(deaths[d], n); n += step)
            points++;
        printf("# %lld points\n", (long long)points);
        assert_true(points >= 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_another_region),
        cmocka_unit_test(encrypted_where_it_is),
        cmocka_unit_test(a_key_of_elsewhere),
        cmocka_unit_test(to_another_account),
        cmocka_unit_test(a_copy_that_fails),
        cmocka_unit_test(a_role_that_is_refused),
        cmocka_unit_test(the_default_key_cannot_be_shared),
        cmocka_unit_test(a_name_that_is_taken),
        cmocka_unit_test(another_groups_image),
        cmocka_unit_test(encrypted_in_the_bake),
        cmocka_unit_test(what_a_copy_was_made_from),
        cmocka_unit_test(rollback_abroad),
        cmocka_unit_test(dead_at_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
