/* Old instances behind a load balancer: how long they drain is AWS's word, what that is billed stands in the statement,
 * and the end of a paid hour leaves room for it. Held against the modelled cloud's own meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "billing/meter.h"
#include "scheduler/booking.h"
#include "scheduler/deploying.h"
#include "scheduler/statement.h"
#include "tests/support_pipeline.h"

#define DELAY_S   90
#define CALLS_S   50 /* from being told to go to being gone, beside the draining; and what the calls take */
#define OLD_COUNT 2
#define PENDING_S 30 /* EC2 tells when one was launched, and bills from when it runs: hours end so much later */

static const char commit_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char commit_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/* A group of two that serves behind a load balancer, whose target group drains for DELAY_S, not for AWS's 300 s. */
static void open_balanced(struct stage *s, const char *rollout, const char *regime)
{
    struct stage_eyes e;
    struct group g;
    struct aws_error error;
    struct aws_request r;
    struct aws_reply reply;
    char more[300];
    str_fit(more, sizeof(more),
            ", \"rollout\": {%s, \"dead_man_role\": \"arn:aws:iam::123456789012:role/dead-man\"}, \"prices\": "
            "{\"regime\": \"%s\", \"instance_usd_per_hour\": \"0.36\"}",
            rollout, regime);
    stage_open(s, &(struct stage_options){.more = more});
    assert_int_equal(stage_deploy(s, commit_b), PIPELINE_COMPLETED); /* what serves, and so has something to drain */
    stage_balance(s);
    assert_int_equal(rehearsal_grant_again(&s->rehearsal, &s->err), 0);
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error), 0);
    aws_request_init(&r, AWS_ELBV2, "ModifyTargetGroupAttributes");
    aws_reply_init(&reply);
    aws_param(&r, "TargetGroupArn", g.target_groups[0]);
    aws_param(&r, "Attributes.member.1.Key", "deregistration_delay.timeout_seconds");
    aws_param_i64(&r, "Attributes.member.1.Value", DELAY_S);
    assert_int_equal(e.transport.transport.call(e.transport.transport.self, &r, &reply, &error), 0);
    aws_request_release(&r);
    aws_reply_release(&reply);
    stage_eyes_close(&e);
    stage_rest(s, 120);
}

struct old {
    int64_t start[OLD_COUNT], end[OLD_COUNT];
};

/* The group's first instances, as the cloud's meter has them once they are gone. */
static struct old metered(struct stage *s, const char *const ids[OLD_COUNT])
{
    struct old o = {.start = {0}};
    struct usage usage;
    struct names *names = names_new();
    stage_rest(s, 1000);
    simcloud_usage(s->rehearsal.cloud, NULL, names, &usage);
    for (size_t i = 0; i < usage.count; i++)
        for (size_t k = 0; k < OLD_COUNT; k++)
            if (strcmp(names_text(names, usage.rows[i].instance), ids[k]) == 0) {
                o.start[k] = usage.rows[i].start;
                o.end[k] = usage.rows[i].end;
            }
    usage_release(&usage);
    names_free(names);
    for (size_t k = 0; k < OLD_COUNT; k++)
        assert_true(o.end[k] > o.start[k] && o.start[k] > 0);
    return o;
}

static struct statement deploy(struct stage *s, struct old *old, int64_t *rolled_s)
{
    struct stage_eyes e;
    struct group g;
    struct aws_error error;
    struct journal *j;
    struct statement statement;
    struct journal_clock clock = {NULL, NULL};
    const char *ids[OLD_COUNT];
    stage_eyes_open(&e, s);
    assert_int_equal(cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error), 0);
    assert_int_equal(g.member_count, OLD_COUNT);
    for (size_t i = 0; i < OLD_COUNT; i++)
        ids[i] = g.members[i].id;
    if (stage_deploy(s, commit_a) != PIPELINE_COMPLETED)
        fail_msg("%s", s->err.text);
    assert_int_equal(journal_open(&j, &s->inner, NULL, s->record.run, clock, &s->err), 0);
    assert_int_equal(statement_make(&statement, j, &s->record, &s->rehearsal.world, &s->err), 0);
    *rolled_s = journal_fact_i64(j, "rollout.ended_ms", 0) / 1000;
    journal_free(j);
    *old = metered(s, ids);
    stage_eyes_close(&e);
    return statement;
}

/* What the meter bills for the old ones, less what the statement says was left over or went into draining, is what they
 * served. */
static int64_t adds_up(const char *engine, const char *regime, int64_t rest_s)
{
    struct stage s;
    struct old old;
    int64_t rolled_s = 0;
    int64_t billed_s = 0;
    int64_t served_s = 0;
    int64_t last_s = 0;
    bool edge = false;
    char rollout[80];
    bool hourly = strcmp(regime, "hourly") == 0;
    struct meter meter = regime_meter(hourly ? REGIME_HOURLY : REGIME_SECOND);
    str_fit(rollout, sizeof(rollout), "\"engine\": \"%s\"", engine);
    open_balanced(&s, rollout, regime);
    stage_rest(&s, rest_s);
    struct pipeline_estimate estimate;
    const struct pipeline_order order = {.kind = "deploy", .commit = commit_a, .commits = 1};
    assert_int_equal(pipeline_estimate(&s.rehearsal.world, &order, &estimate, &s.err), 0);
    struct statement statement = deploy(&s, &old, &rolled_s);
    bool refresh = strcmp(engine, "refresh") == 0; /* it is over when they are gone */
    for (size_t i = 0; i < OLD_COUNT; i++) {
        billed_s += meter_billed_s(meter, old.end[i] - old.start[i]);
        served_s += rolled_s - (refresh ? DELAY_S : 0) - old.start[i];
        edge = edge || (old.end[i] - old.start[i]) % 3600 > 3600 - PENDING_S;
        last_s = old.end[i] > last_s ? old.end[i] : last_s;
    }
    int64_t left_s = hourly ? statement.used.paid_left_s : 0;
    int64_t off_s = billed_s - left_s - statement.used.draining_s - served_s;
    if (llabs(off_s) > OLD_COUNT * CALLS_S && !(hourly && edge))
        fail_msg("%s, %s, %lld: billed %lld, served %lld, left %lld, draining %lld", engine, regime, (long long)rest_s,
                 (long long)billed_s, (long long)served_s, (long long)left_s, (long long)statement.used.draining_s);
    if (!hourly) {
        assert_int_equal(statement.used.draining_s, OLD_COUNT * DELAY_S);
        assert_int_equal(estimate.used.draining_s, OLD_COUNT * DELAY_S);
        assert_int_equal(statement.costs.usd[COST_DRAINING], MONEY_PER_USD * 36 / 100 * OLD_COUNT * DELAY_S / 3600);
    }
    if (!refresh)
        assert_in_range(statement.drained_ms / 1000, last_s - CALLS_S, last_s + 5);
    stage_holds(&s, 2, engine);
    stage_close(&s);
    return statement.used.draining_s;
}

static void the_statement_has_what_is_paid(void **state)
{
    (void)state;
    static const char *const engines[] = {"attach", "step", "refresh"};
    for (size_t i = 0; i < 3; i++) {
        bool none = false;
        bool some = false;
        (void)adds_up(engines[i], "second", 0);
        for (int64_t rest_s = 0; rest_s <= 2900; rest_s += rest_s ? 45 : 2400) {
            int64_t draining_s = adds_up(engines[i], "hourly", rest_s);
            none = none || draining_s == 0;
            some = some || draining_s == OLD_COUNT * 3600;
        }
        assert_true(none); /* inside the hour that is paid */
        assert_true(some); /* into another one */
    }
}

/* The base image answers nobody: its instances serve in no load balancer's eyes, and have no connections to drain. */
static void what_does_not_serve_does_not_drain(void **state)
{
    (void)state;
    struct stage s;
    struct journal *j;
    struct journal_clock clock = {NULL, NULL};
    stage_open(&s, &(struct stage_options){0});
    stage_balance(&s);
    assert_int_equal(rehearsal_grant_again(&s.rehearsal, &s.err), 0);
    stage_rest(&s, 120);
    if (stage_deploy(&s, commit_a) != PIPELINE_COMPLETED)
        fail_msg("%s", s.err.text);
    assert_int_equal(journal_open(&j, &s.inner, NULL, s.record.run, clock, &s.err), 0);
    assert_int_equal(journal_fact_i64(j, "rollout.removed", 0), OLD_COUNT);
    assert_int_equal(journal_fact_i64(j, "rollout.delay_s", 0), 300);
    assert_int_equal(journal_fact_i64(j, "rollout.draining_s", -1), 0);
    assert_int_equal(journal_fact_i64(j, "rollout.old", 0), 0);
    journal_free(j);
    stage_close(&s);
}

/* Gone just before the paid hour ends, draining included: not five minutes before, as with AWS's own 300 s. */
static void an_hour_ends_after_the_draining(void **state)
{
    (void)state;
    static const char *const rollouts[] = {"\"engine\": \"attach\", \"replace\": \"hour-end\"",
                                           "\"engine\": \"step\", \"replace\": \"hour-end\"",
                                           "\"engine\": \"attach\", \"replace\": \"hour-end\", \"surge\": 1",
                                           "\"engine\": \"step\", \"replace\": \"hour-end\", \"surge\": 1"};
    for (size_t r = 0; r < sizeof(rollouts) / sizeof(*rollouts); r++) {
        struct stage s;
        struct old old;
        int64_t rolled_s = 0;
        int64_t latest_s = 0;
        open_balanced(&s, rollouts[r], "hourly");
        struct statement statement = deploy(&s, &old, &rolled_s);
        for (size_t i = 0; i < OLD_COUNT; i++) {
            int64_t ran_s = old.end[i] - old.start[i];
            printf("# %s: gone %lld s before the hour's end\n", rollouts[r], (long long)(3600 - ran_s));
            assert_true(ran_s <= 3600);
            latest_s = ran_s > latest_s ? ran_s : latest_s;
        }
        assert_in_range(latest_s, 3600 - 60, 3600);
        assert_int_equal(statement.used.draining_s, 0);
        assert_in_range(statement.used.paid_left_s, OLD_COUNT * DELAY_S, OLD_COUNT * (DELAY_S + 60));
        stage_holds(&s, 2, rollouts[r]);
        stage_close(&s);
    }
}

/* ---- when they went, in the ledger ---- */

struct booked {
    const char *const *ids;
    bool open[OLD_COUNT];
    int64_t end[OLD_COUNT];
};

static int see_use(void *context, const struct ledger_usage *u, const struct ledger_scope *scope, struct err *err)
{
    struct booked *b = context;
    (void)scope;
    (void)err;
    for (size_t i = 0; i < OLD_COUNT; i++)
        if (strcmp(u->kind, "instance") == 0 && strcmp(u->resource, b->ids[i]) == 0) {
            b->open[i] = u->open;
            b->end[i] = u->end;
        }
    return 0;
}

static struct booked look_at_ledger(struct stage *s, const char *const ids[OLD_COUNT])
{
    struct booked b = {.ids = ids};
    struct ledger *ledger;
    assert_int_equal(ledger_open(&ledger, s->config->ledger, LEDGER_READ, &s->err), 0);
    assert_int_equal(ledger_usages(ledger, INSTANT_MIN, INSTANT_MAX, see_use, &b, &s->err), 0);
    ledger_close(ledger);
    return b;
}

/* What still drains as a deployment is booked stands in the ledger with its latest end, so that it is not counted on
 * where nobody looks for days; looks while it drains leave that, and a later one (gc's) says when it went. No ledger is
 * made by looking. */
static void a_later_look_books_the_end(void **state)
{
    (void)state;
    static struct stage s;
    struct stage_eyes e;
    struct group g;
    struct aws_error error;
    struct ledger *ledger;
    const char *ids[OLD_COUNT];
    char path[96];
    open_balanced(&s, "\"engine\": \"attach\"", "second");
    str_fit(path, sizeof(path), "%s.ledger.db", s.work);
    s.config->ledger = path;
    struct site site = {.config = s.config, .environment = s.rehearsal.world.environment, .world = s.rehearsal.world};
    const struct deploying follow = {.site = &site};
    deploying_follow(&follow);
    assert_int_not_equal(access(path, F_OK), 0);
    stage_eyes_open(&e, &s);
    assert_int_equal(cloud_describe_group(&e.cloud, "group-test", &e.arena, &g, &error), 0);
    for (size_t i = 0; i < OLD_COUNT; i++)
        ids[i] = g.members[i].id;
    assert_int_equal(stage_deploy(&s, commit_a), PIPELINE_COMPLETED);
    const struct pipeline_world *w = &s.rehearsal.world;
    assert_int_equal(ledger_open(&ledger, path, LEDGER_WRITE, &s.err), 0);
    stage_book(&s, ledger);
    ledger_close(ledger);
    struct booked draining = look_at_ledger(&s, ids);
    int64_t now_s = w->transport->now_ms(w->transport->self) / 1000;
    deploying_follow(&follow);
    struct booked still = look_at_ledger(&s, ids);
    struct old old = metered(&s, ids); /* time passes: they go */
    deploying_follow(&follow);
    struct booked gone = look_at_ledger(&s, ids);
    for (size_t i = 0; i < OLD_COUNT; i++) {
        assert_false(draining.open[i]);
        assert_in_range(draining.end[i], now_s + 1, now_s + DELAY_S);
        assert_in_range(draining.end[i], old.end[i], old.end[i] + CALLS_S);
        assert_true(!still.open[i] && still.end[i] == draining.end[i]);
        assert_false(gone.open[i]);
        assert_in_range(gone.end[i], old.end[i] - 5, old.end[i] + 5);
    }
    stage_eyes_close(&e);
    (void)unlink(path);
    stage_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_statement_has_what_is_paid),
        cmocka_unit_test(what_does_not_serve_does_not_drain),
        cmocka_unit_test(an_hour_ends_after_the_draining),
        cmocka_unit_test(a_later_look_books_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
