/*
 * The ledger against the cloud's own meter: what ran for an environment, by whomever it was launched, is booked once,
 * as long as it ran, by every engine and after storms; whoever looks again, or was killed while looking, books nothing
 * twice. By kind: instances, addresses, volumes, snapshots; CI minutes are the ledger's alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/names.h"
#include "billing/usage.h"
#include "scheduler/booking.h"
#include "sim/cloud.h"
#include "tests/support_cloud.h"
#include "tests/support_pipeline.h"

static const char *const commits[] = {
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccc",
};

struct booked {
    struct {
        char resource[40];
        instant_t start, end;
        int64_t uses;
    } items[STAGE_INSTANCES_MAX];
    size_t count;
};

static int take(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct booked *b = context;
    size_t i = 0;
    (void)scope;
    (void)err;
    if (strcmp(u->kind, "instance") != 0)
        return 0;
    while (i < b->count && strcmp(b->items[i].resource, u->resource) != 0)
        i++;
    assert_true(i < STAGE_INSTANCES_MAX);
    if (i == b->count) {
        str_fit(b->items[b->count++].resource, sizeof(b->items->resource), "%.39s", u->resource);
        b->items[i].uses = 0;
    }
    b->items[i].start = u->start;
    b->items[i].end = u->end;
    b->items[i].uses++;
    return 0;
}

#define NOTICED_S 60 /* one that ends by itself leaves no time; the group notices */
#define LOOKED_S  10 /* what runs counts up to the moment of the look */
#define PENDING_S 20 /* AWS bills from the running state on, and tells when an instance was launched */

/* Each instance that the cloud metered is one use, from its launch to its end. */
static void each_once(struct stage *s, struct ledger *ledger, const char *where)
{
    static struct booked booked;
    struct usage usage;
    struct names *names = names_new();
    booked.count = 0;
    assert_int_equal(ledger_usages(ledger, INSTANT_MIN, INSTANT_MAX, take, &booked, &s->err), 0);
    simcloud_usage(s->rehearsal.cloud, NULL, names, &usage);
    for (size_t i = 0; i < usage.count; i++) {
        const struct usage_row *row = &usage.rows[i];
        const char *id = names_text(names, row->instance);
        size_t k = 0;
        while (k < booked.count && strcmp(booked.items[k].resource, id) != 0)
            k++;
        if (k == booked.count)
            fail_msg("%s: %s ran for %lld s and is not booked", where, id, (long long)(row->end - row->start));
        if (booked.items[k].uses != 1)
            fail_msg("%s: %s is booked %lld times", where, id, (long long)booked.items[k].uses);
        if (llabs(booked.items[k].start - row->start) > PENDING_S || booked.items[k].end < row->end - LOOKED_S ||
            booked.items[k].end > row->end + NOTICED_S)
            fail_msg("%s: %s ran from %lld to %lld, and is booked from %lld to %lld", where, id, (long long)row->start,
                     (long long)row->end, (long long)booked.items[k].start, (long long)booked.items[k].end);
    }
    /* One that never came to run is not metered; nobody but AWS can know. */
    for (size_t k = 0; k < booked.count; k++) {
        bool ran = false;
        for (size_t i = 0; i < usage.count && !ran; i++)
            ran = strcmp(names_text(names, usage.rows[i].instance), booked.items[k].resource) == 0;
        if (!ran && booked.items[k].end - booked.items[k].start > PENDING_S)
            fail_msg("%s: %s is booked for %lld s, and never ran", where, booked.items[k].resource,
                     (long long)(booked.items[k].end - booked.items[k].start));
    }
    usage_release(&usage);
    names_free(names);
}

static money_t sum_of(struct ledger *ledger, const char *kind)
{
    char account[40];
    struct err err;
    int64_t sum = 0;
    struct ledger_filter filter = {.from = INSTANT_MIN, .to = INSTANT_MAX, .account = account, .unit = "usd"};
    str_fit(account, sizeof(account), "expense:%s", kind);
    assert_int_equal(ledger_sum(ledger, &filter, &sum, &err), 0);
    return sum;
}

static void near(const char *where, const char *kind, money_t ledger, money_t bill, money_t within)
{
    if (getenv("LOUD"))
        printf("# %s: %s ledger %.10f bill %.10f\n", where, kind, (double)ledger / 1e10, (double)bill / 1e10);
    if (llabs(ledger - bill) > within)
        fail_msg("%s: %s: the ledger has %lld, the bill %lld", where, kind, (long long)ledger, (long long)bill);
}

static void to_the_cent(struct stage *s, struct ledger *ledger, const char *where)
{
    struct simcloud_bill bill;
    const money_t cent = MONEY_PER_USD / 100;
    assert_int_equal(simcloud_bill(s->rehearsal.cloud, NULL, &bill, &s->err), 0);
    near(where, "instance", sum_of(ledger, "instance"), bill.instances_usd, cent / 2);
    near(where, "volume", sum_of(ledger, "volume"), bill.storage_usd, cent / 10);
    near(where, "snapshot", sum_of(ledger, "snapshot"), bill.snapshot_usd, cent / 10);
    near(where, "public-ipv4", sum_of(ledger, "public-ipv4"), bill.address_usd, cent / 10);
    money_t all = sum_of(ledger, "instance") + sum_of(ledger, "volume") + sum_of(ledger, "snapshot") +
                  sum_of(ledger, "public-ipv4");
    near(where, "all", all, bill.total_usd, cent);
    simcloud_bill_release(&bill);
}

static int see_cost(void *context, const struct ledger_deployment *d, struct err *err)
{
    money_t *sum = context;
    (void)err;
    *sum += d->actual_usd;
    return 0;
}

/* What serves is the environment's, not the last deployment's, for as long as it does. */
static void no_deployment_grows(struct stage *s, struct ledger *ledger, const char *where)
{
    money_t before = 0;
    money_t after = 0;
    assert_int_equal(ledger_deployments(ledger, "test", INSTANT_MIN, INSTANT_MAX, see_cost, &before, &s->err), 0);
    stage_rest(s, 86400);
    assert_int_equal(booking_fleet(ledger, &s->rehearsal.world, &s->err), 0);
    assert_int_equal(ledger_deployments(ledger, "test", INSTANT_MIN, INSTANT_MAX, see_cost, &after, &s->err), 0);
    if (after - before > MONEY_PER_USD / 50) /* the images that are kept: a day of their snapshots */
        fail_msg("%s: a day later the deployments cost %lld more", where, (long long)(after - before));
}

/* The group's members drain for five minutes before they go, and are paid for meanwhile. */
static void run_with(const char *engine, const char *regime, const char *faults, bool balanced)
{
    static struct stage s;
    struct ledger *ledger;
    char more[500];
    char where[80];
    bool refresh = strcmp(engine, "refresh") == 0;
    struct fault_set *set = faults ? stage_faults(1, faults) : NULL;
    str_fit(where, sizeof(where), "%s, %s%s", engine, regime, faults ? ", storm" : "");
    str_fit(
        more, sizeof(more),
        ", \"policy\": {\"keep\": \"idle:600\"}, \"prices\": {\"regime\": \"%s\"}, \"rollout\": {\"engine\": \"%s\", "
        "\"min_healthy_percent\": %d, \"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}",
        regime, engine, refresh ? 50 : 100);
    stage_open(&s, &(struct stage_options){.more = more, .faults = set});
    if (balanced) {
        stage_balance(&s);
        stage_rest(&s, 120);
    }
    assert_int_equal(ledger_open(&ledger, ":memory:", LEDGER_WRITE, &s.err), 0);
    for (size_t i = 0; i < 3; i++) {
        (void)stage_deploy(&s, commits[i]);
        stage_book(&s, ledger);
        stage_rest(&s, 300);
    }
    stage_rest(&s, 3000);
    stage_book(&s, ledger);
    each_once(&s, ledger, where);
    to_the_cent(&s, ledger, where);
    no_deployment_grows(&s, ledger, where);
    money_t before = sum_of(ledger, "instance") + sum_of(ledger, "volume");
    stage_book(&s, ledger); /* again: nothing but the seconds that passed */
    assert_true(llabs(sum_of(ledger, "instance") + sum_of(ledger, "volume") - before) < MONEY_PER_USD / 10000);
    ledger_close(ledger);
    stage_close(&s);
    fault_set_free(set);
}

static void run(const char *engine, const char *regime, const char *faults)
{
    run_with(engine, regime, faults, false);
}

static void draining_is_paid_for(void **state)
{
    (void)state;
    run_with("attach", "second", NULL, true);
    run_with("step", "hourly", NULL, true);
}

static void as_the_meter_has_it(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "refresh", "step"};
    for (size_t i = 0; i < 3; i++) {
        run(engines[i], "second", NULL);
        run(engines[i], "hourly", NULL);
    }
}

static void storms_too(void **state)
{
    (void)state;
    run("attach", "second", STAGE_STORM);
    run("attach", "hourly", STAGE_STORM_INSIDE);
    run("refresh", "second", STAGE_STORM_INSIDE);
    run("step", "second", STAGE_STORM_INSIDE);
}

/* Whoever looks dies at each call; what was booked by then stands, and the next look books the rest. */
static void killed_while_looking(void **state)
{
    (void)state;
    static struct stage s;
    struct ledger *ledger;
    int64_t points = 0;
    bool died = true;
    stage_open(&s, &(struct stage_options){.more = ", \"policy\": {\"keep\": \"idle:600\"}"});
    assert_int_equal(ledger_open(&ledger, ":memory:", LEDGER_WRITE, &s.err), 0);
    assert_int_equal(stage_deploy(&s, commits[0]), PIPELINE_COMPLETED);
    stage_book(&s, ledger);
    assert_int_equal(stage_deploy(&s, commits[1]), PIPELINE_COMPLETED);
    for (int64_t n = 1; died; n++) {
        stage_kill(&s, n % 2 ? DEATH_BEFORE_CALL : DEATH_IN_CALL, n);
        died = booking_fleet(ledger, &s.rehearsal.world, &s.err) != 0;
        s.rehearsal.transport.kill_after = 0;
        points += died;
    }
    assert_true(points >= 5);
    stage_book(&s, ledger);
    each_once(&s, ledger, "killed while looking");
    to_the_cent(&s, ledger, "killed while looking");
    ledger_close(ledger);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_meter_has_it),
        cmocka_unit_test(storms_too),
        cmocka_unit_test(draining_is_paid_for),
        cmocka_unit_test(killed_while_looking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
