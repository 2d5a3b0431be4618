/*
 * What a deployment cost: its statement, the ledger's sum for it, and a third calculation from the times in its
 * journal, line by line and to the last unit: for each engine and regime, with a kept bake instance, storms, a load
 * balancer, a copied image. The image costs what was reckoned once it has been kept for as long.
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
#include "scheduler/statement.h"
#include "tests/support_cloud.h"
#include "tests/support_pipeline.h"

#define DEPLOYMENTS 3

static const char *const commits[DEPLOYMENTS] = {
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccc",
};

/* ---- the third calculation: January 2026, public prices ---- */

#define CENT       ((int64_t)100000000) /* 1e-10 USD */
#define JANUARY_S  ((int64_t)31 * 86400)
#define DISK_GB    10
#define VOLUME     (8 * CENT)  /* a GB-month */
#define SNAPSHOT   (5 * CENT)  /* the same */
#define ADDRESS    (CENT / 2)  /* an hour */
#define CI_MINUTE  (CENT / 10) /* as configured below */
#define IMAGE_GB   3
#define IMAGE_DAYS 20

struct hand {
    const struct journal *j;
    bool hourly;
    int64_t instance; /* an hour's price */
    int64_t usd[COST_KINDS];
};

static int64_t half_even(int128 n, int64_t d)
{
    int128 q = n / d;
    int128 rest = 2 * (n % d);
    return (int64_t)(q + (rest > d || (rest == d && q % 2)));
}

/* An instance from one second to another, its disk and its address. */
static void machine(struct hand *h, enum cost_kind kind, int64_t from_s, int64_t to_s, bool is_public, int sign)
{
    int64_t s = to_s - from_s < 60 ? 60 : to_s - from_s;
    int64_t paid_s = h->hourly ? (to_s - from_s + 3599) / 3600 * 3600 : s;
    h->usd[kind] += sign * half_even((int128)h->instance * paid_s, 3600);
    h->usd[COST_DISKS] += sign * half_even((int128)DISK_GB * VOLUME * s, JANUARY_S);
    h->usd[COST_ADDRESSES] += is_public ? sign * half_even((int128)ADDRESS * s, 3600) : 0;
}

static int64_t fact_of(const struct hand *h, const char *name, int64_t k)
{
    const char *text = journal_factf(h->j, "rollout.%s.%lld", name, (long long)k);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* The old one's hours that begin while it drains, or the seconds. */
static void drained(struct hand *h, int64_t launched_s, int64_t told_s, int64_t until_s)
{
    int64_t hours = (until_s - launched_s + 3599) / 3600 - (told_s - launched_s + 3599) / 3600;
    h->usd[COST_DRAINING] += h->hourly ? hours * h->instance
                                       : half_even((int128)h->instance * (until_s - launched_s), 3600) -
                                             half_even((int128)h->instance * (told_s - launched_s), 3600);
}

static void by_hand_rollout(struct hand *h, const struct deployment *d)
{
    bool any_public = false;
    for (int64_t k = 0; k < journal_fact_i64(h->j, "rollout.launches", 0); k++) {
        int64_t end_ms = fact_of(h, "ended", k) ? fact_of(h, "ended", k) : fact_of(h, "relieved", k);
        const char *state = journal_factf(h->j, "rollout.state.%lld", (long long)k);
        bool failed = state && strcmp(state, "failed") == 0;
        bool is_public = journal_factf(h->j, "rollout.public.%lld", (long long)k) != NULL;
        any_public = any_public || is_public;
        if (fact_of(h, "at", k))
            machine(h, failed ? COST_FAILED : COST_ROLLOUT, fact_of(h, "at", k) / 1000,
                    ((end_ms ? end_ms : d->ended_ms) + 999) / 1000, is_public, 1);
    }
    for (int64_t k = 0; k < journal_fact_i64(h->j, "rollout.own", 0); k++) {
        bool is_public = journal_factf(h->j, "rollout.own_public.%lld", (long long)k) != NULL;
        machine(h, COST_ROLLOUT, fact_of(h, "own_at", k) / 1000, (fact_of(h, "own_relieved", k) + 999) / 1000,
                is_public, 1);
    }
    for (int64_t k = 0; k < journal_fact_i64(h->j, "rollout.old", 0); k++)
        drained(h, fact_of(h, "old_launched", k) / 1000, (fact_of(h, "old_told", k) + 999) / 1000,
                (fact_of(h, "old_until", k) + 999) / 1000);
    for (int64_t k = 0; k < journal_fact_i64(h->j, "rollout.sick", 0); k++)
        machine(h, COST_FAILED, fact_of(h, "sick_at", k) / 1000, (fact_of(h, "sick_ended", k) + 999) / 1000, any_public,
                1);
}

static void by_hand(struct hand *h, const struct deployment *d)
{
    int64_t launched_s = journal_fact_i64(h->j, "bake.launched_ms", 0) / 1000;
    int64_t freed_s = (journal_fact_i64(h->j, "bake.freed_ms", 0) + 999) / 1000;
    int64_t adopted_s = (journal_fact_i64(h->j, "bake.adopted_ms", 0) + 999) / 1000;
    bool is_public = journal_is(h->j, "bake.public", "1");
    machine(h, COST_BAKE, launched_s, freed_s, is_public, 1);
    if (adopted_s)
        machine(h, COST_BAKE, launched_s, adopted_s, is_public, -1);
    int64_t wasted = journal_fact_i64(h->j, "bake.wasted", 0);
    int64_t wasted_s = journal_fact_i64(h->j, "bake.wasted_s", 0);
    for (int64_t i = 0; i < wasted; i++)
        machine(h, COST_FAILED, 0, wasted_s / wasted + (i < wasted_s % wasted), false, 1);
    by_hand_rollout(h, d);
    bool completed = strcmp(d->state, "completed") == 0;
    int64_t stored = completed ? 1 + (journal_fact(h->j, "image.copied") != NULL) : 0;
    h->usd[COST_IMAGE] = stored * half_even((int128)IMAGE_GB * SNAPSHOT * IMAGE_DAYS, 31);
    h->usd[COST_RUNNER] = ((d->ended_ms + 999) / 1000 - d->started_ms / 1000 + 59) / 60 * CI_MINUTE;
}

/* ---- the ledger ---- */

static int64_t sum_of(struct ledger *ledger, const char *deployment, const char *account)
{
    struct err err;
    int64_t sum = 0;
    const struct ledger_filter filter = {
        .from = INSTANT_MIN, .to = INSTANT_MAX, .deployment = deployment, .account = account, .unit = "usd"};
    assert_int_equal(ledger_sum(ledger, &filter, &sum, &err), 0);
    return sum;
}

struct stored {
    struct ledger_usage usage;
    char key[80], resource[80], region[32], deployment[80];
};

struct stored_list {
    struct stored items[16];
    size_t count;
};

static int take_stored(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct stored_list *list = context;
    (void)err;
    if (strcmp(u->kind, "snapshot") != 0)
        return 0;
    assert_true(list->count < 16);
    struct stored *one = &list->items[list->count++];
    one->usage = *u;
    str_fit(one->key, sizeof(one->key), "%s", u->key);
    str_fit(one->resource, sizeof(one->resource), "%s", u->resource);
    str_fit(one->region, sizeof(one->region), "%s", u->region);
    str_fit(one->deployment, sizeof(one->deployment), "%s", scope->deployment);
    return 0;
}

/* The images are removed after as many days as was reckoned. */
static void remove_images(struct stage *s, struct ledger *ledger)
{
    static struct stored_list list;
    enum ledger_booked booked;
    list.count = 0;
    assert_int_equal(ledger_usages(ledger, INSTANT_MIN, INSTANT_MAX, take_stored, &list, &s->err), 0);
    for (size_t i = 0; i < list.count; i++) {
        struct stored *one = &list.items[i];
        struct ledger_usage u = one->usage;
        const struct ledger_scope scope = {one->deployment, "test", "hello"};
        u.key = one->key;
        u.resource = one->resource;
        u.region = one->region;
        u.kind = "snapshot";
        u.account = s->rehearsal.world.account;
        u.type = u.zone = "";
        u.os = s->config->prices.os;
        u.end = u.start + (instant_t)IMAGE_DAYS * 86400;
        u.open = false;
        if (ledger_record(ledger, &u, &scope, NULL, u.end, &booked, &s->err))
            fail_msg("%s", s->err.text);
    }
}

/* ---- all three ---- */

static void same(const char *where, int number, const char *what, int64_t statement, int64_t other)
{
    if (statement != other)
        fail_msg("%s, deployment %d: %s: the statement has %lld, the other %lld", where, number, what,
                 (long long)statement, (long long)other);
}

static void compare(struct stage *s, struct ledger *ledger, const struct deployment *d, bool hourly, const char *where)
{
    struct journal *j;
    struct statement statement;
    char name[80];
    const struct pipeline_world *w = &s->rehearsal.world;
    const struct journal_clock clock = {w->transport->now_ms, w->transport->self};
    int number = (int)d->number;
    assert_int_equal(journal_open(&j, w->state, NULL, d->run, clock, &s->err), 0);
    assert_int_equal(statement_make(&statement, j, d, w, &s->err), 0);
    assert_int_equal(d->cost, statement.costs.total);
    const int64_t *usd = statement.costs.usd;
    struct hand hand = {.j = j, .hourly = hourly, .instance = statement.rates.bake_per_hour};
    by_hand(&hand, d);
    for (int k = 0; k < COST_KINDS; k++)
        same(where, number, cost_name((enum cost_kind)k), usd[k], hand.usd[k]);
    booking_name(d, name);
    same(where, number, "instances", usd[COST_BAKE] + usd[COST_ROLLOUT] + usd[COST_DRAINING] + usd[COST_FAILED],
         sum_of(ledger, name, "expense:instance"));
    same(where, number, "disks on the ledger", usd[COST_DISKS], sum_of(ledger, name, "expense:volume"));
    same(where, number, "addresses on the ledger", usd[COST_ADDRESSES], sum_of(ledger, name, "expense:public-ipv4"));
    same(where, number, "images on the ledger", usd[COST_IMAGE],
         sum_of(ledger, name, "expense:snapshot") + sum_of(ledger, name, "expense:transfer-gb"));
    same(where, number, "CI minutes on the ledger", usd[COST_RUNNER], sum_of(ledger, name, "expense:ci-minute"));
    same(where, number, "the whole ledger", statement.costs.total, sum_of(ledger, name, "expense:"));
    if (getenv("LOUD"))
        for (int k = 0; k < COST_KINDS; k++)
            printf("# %s %d: %-16s cost %.6f estimate %.6f original %.6f\n", where, number,
                   cost_name((enum cost_kind)k), (double)usd[k] / 1e10, (double)d->estimates.usd[k] / 1e10,
                   (double)statement.originals.usd[k] / 1e10);
    assert_int_equal(d->disk_gb, DISK_GB);
    journal_free(j);
}

/* Steps take as long as expected, so each line is near its estimate. */
static void near_its_estimate(const struct deployment *d, const struct costs *costs, bool balanced)
{
    for (int k = 0; k < COST_KINDS; k++) {
        if (balanced && k != COST_DRAINING) /* health checks take their time, which nobody expected */
            continue;
        int64_t off = llabs(d->estimates.usd[k] - costs->usd[k]);
        if (off > costs->usd[k] / 8 + CENT / 100)
            fail_msg("%s: estimated %lld, cost %lld", cost_name((enum cost_kind)k), (long long)d->estimates.usd[k],
                     (long long)costs->usd[k]);
    }
    assert_true(d->estimates.usd[COST_DISKS] > 0 && d->estimates.usd[COST_ADDRESSES] > 0);
}

struct course {
    const char *engine, *regime, *faults, *environment;
    bool balanced;
};

static void run(const struct course *c)
{
    static struct stage s;
    static struct deployment records[DEPLOYMENTS];
    struct ledger *ledger;
    char more[700];
    char where[80];
    bool refresh = strcmp(c->engine, "refresh") == 0;
    struct fault_set *set = c->faults ? stage_faults(1, c->faults) : NULL;
    str_fit(where, sizeof(where), "%s, %s%s%s%s", c->engine, c->regime, c->faults ? ", storm" : "",
            c->balanced ? ", balanced" : "", c->environment ? ", copied" : "");
    str_fit(more, sizeof(more),
            ", \"policy\": {\"keep\": \"idle:600\"}, \"prices\": {\"regime\": \"%s\", \"runner_usd_per_minute\": "
            "\"0.001\", \"image_gb\": %d, \"retained_days\": %d}, \"rollout\": {\"engine\": \"%s\", "
            "\"min_healthy_percent\": %d, \"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}",
            c->regime, IMAGE_GB, IMAGE_DAYS, c->engine, refresh ? 50 : 100);
    stage_open(&s, &(struct stage_options){.more = more, .faults = set, .environment = c->environment});
    if (c->balanced) {
        stage_balance(&s);
        assert_int_equal(rehearsal_grant_again(&s.rehearsal, &s.err), 0);
        stage_rest(&s, 120);
    }
    assert_int_equal(ledger_open(&ledger, ":memory:", LEDGER_WRITE, &s.err), 0);
    for (size_t i = 0; i < DEPLOYMENTS; i++) {
        (void)stage_deploy(&s, commits[i]);
        records[i] = s.record;
        stage_book(&s, ledger);
        stage_rest(&s, 300);
    }
    stage_rest(&s, 3000);
    stage_book(&s, ledger);
    remove_images(&s, ledger);
    for (size_t i = 0; i < DEPLOYMENTS; i++)
        compare(&s, ledger, &records[i], strcmp(c->regime, "hourly") == 0, where);
    ledger_close(ledger);
    stage_close(&s);
    fault_set_free(set);
}

static void statements_are_what_the_ledger_books(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "refresh", "step"};
    for (size_t i = 0; i < 3; i++) {
        run(&(struct course){.engine = engines[i], .regime = "second"});
        run(&(struct course){.engine = engines[i], .regime = "hourly"});
    }
    for (size_t i = 0; i < 3; i++)
        run(&(struct course){.engine = engines[i], .regime = "second", .balanced = true});
    run(&(struct course){.engine = "attach", .regime = "hourly", .balanced = true});
    run(&(struct course){.engine = "attach",
                         .regime = "second",
                         .environment = ", \"kms_key\": \"arn:aws:kms:us-east-1:123456789012:key/x\""});
}

static void storms_too(void **state)
{
    (void)state;
    static const char bakes[] = "{\"faults\": [{\"action\": \"boot\", \"match\": \"bakehour:deployment=1 "
                                "bakehour:role=bake\", \"fault\": \"unhealthy\", \"count\": 1}]}";
    run(&(struct course){.engine = "attach", .regime = "second", .faults = STAGE_STORM});
    run(&(struct course){.engine = "attach", .regime = "hourly", .faults = STAGE_STORM_INSIDE});
    run(&(struct course){.engine = "refresh", .regime = "second", .faults = STAGE_STORM_INSIDE});
    run(&(struct course){.engine = "step", .regime = "second", .faults = STAGE_STORM_INSIDE});
    run(&(struct course){.engine = "attach", .regime = "second", .faults = bakes});
}

static void estimates_have_all_of_it(void **state)
{
    (void)state;
    static const char *const regimes[] = {"second", "hourly", "second"};
    for (size_t i = 0; i < 3; i++) {
        static struct stage s;
        struct journal *j;
        struct statement statement;
        char more[300];
        str_fit(more, sizeof(more), ", \"network\": {\"address\": \"public\"}, \"prices\": {\"regime\": \"%s\"}",
                regimes[i]);
        stage_open(&s, &(struct stage_options){.more = more});
        if (i == 2) { /* what serves has something to drain */
            assert_int_equal(stage_deploy(&s, commits[1]), PIPELINE_COMPLETED);
            stage_balance(&s);
            assert_int_equal(rehearsal_grant_again(&s.rehearsal, &s.err), 0);
            stage_rest(&s, 120);
        }
        const struct pipeline_world *w = &s.rehearsal.world;
        const struct journal_clock clock = {w->transport->now_ms, w->transport->self};
        assert_int_equal(stage_deploy(&s, commits[0]), PIPELINE_COMPLETED);
        assert_int_equal(journal_open(&j, w->state, NULL, s.record.run, clock, &s.err), 0);
        assert_int_equal(statement_make(&statement, j, &s.record, w, &s.err), 0);
        near_its_estimate(&s.record, &statement.costs, i == 2);
        journal_free(j);
        stage_close(&s);
    }
}

static void must_call(struct stage_eyes *e, struct aws_request *r)
{
    struct aws_error error;
    struct aws_reply reply;
    aws_reply_init(&reply);
    if (e->transport.transport.call(e->transport.transport.self, r, &reply, &error))
        fail_msg("%s", error.message);
    aws_request_release(r);
    aws_reply_release(&reply);
}

/* From now on what the group launches has no public address. */
static void make_private(struct stage *s)
{
    struct stage_eyes e;
    struct group g;
    struct aws_error error;
    struct aws_request r;
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error), 0);
    assert_string_equal(g.template_version, "1");
    aws_request_init(&r, AWS_EC2, "CreateLaunchTemplateVersion");
    aws_param(&r, "LaunchTemplateId", g.template_id);
    aws_param(&r, "SourceVersion", "1");
    aws_param(&r, "LaunchTemplateData.NetworkInterface.1.AssociatePublicIpAddress", "false");
    must_call(&e, &r);
    aws_request_init(&r, AWS_AUTOSCALING, "UpdateAutoScalingGroup");
    aws_param(&r, "AutoScalingGroupName", "group-test");
    aws_param(&r, "LaunchTemplate.LaunchTemplateId", g.template_id);
    aws_param(&r, "LaunchTemplate.Version", "2");
    must_call(&e, &r);
    stage_eyes_close(&e);
}

/* The bake instance's address is not the group's: the original pipeline's would have paid for one as well. */
static void a_private_group_has_no_addresses(void **state)
{
    (void)state;
    static struct stage s;
    struct journal *j;
    struct statement statement;
    const char *more = ", \"network\": {\"address\": \"public\"}, \"prices\": {\"regime\": \"second\"}";
    stage_open(&s, &(struct stage_options){.more = more});
    make_private(&s);
    const struct pipeline_world *w = &s.rehearsal.world;
    const struct journal_clock clock = {w->transport->now_ms, w->transport->self};
    assert_int_equal(stage_deploy(&s, commits[0]), PIPELINE_COMPLETED);
    assert_int_equal(journal_open(&j, w->state, NULL, s.record.run, clock, &s.err), 0);
    assert_int_equal(statement_make(&statement, j, &s.record, w, &s.err), 0);
    for (int original = 0; original < 2; original++) {
        const int64_t *usd = original ? statement.originals.usd : statement.costs.usd;
        int64_t bakes = half_even((int128)usd[COST_BAKE] * ADDRESS, statement.rates.bake_per_hour);
        assert_true(usd[COST_BAKE] > 0 && usd[COST_ROLLOUT] > 0);
        if (llabs(usd[COST_ADDRESSES] - bakes) > 1)
            fail_msg("original %d: addresses %lld, the bake instance's %lld", original, (long long)usd[COST_ADDRESSES],
                     (long long)bakes);
    }
    journal_free(j);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_what_the_ledger_books),
        cmocka_unit_test(storms_too),
        cmocka_unit_test(estimates_have_all_of_it),
        cmocka_unit_test(a_private_group_has_no_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
