/*
 * Replays in which things go wrong: against replay_run where nothing does, against a plain simulation over lists of
 * commits, against closed forms, and by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "base/mem.h"
#include "sim/attempts.h"
#include "tests/support_cost.h"
#include "tests/support_draw.h"

#ifdef __SANITIZE_ADDRESS__
#define SCENES 1500
#else
#define SCENES 12000
#endif

static uint64_t probability(double p)
{
    return (uint64_t)(p * (double)RISK_CERTAIN);
}

static struct model failing_model(enum regime regime)
{
    struct model m = plain_model(regime);
    m.failures =
        (struct failures){.any = true, .bake_tries = 3, .storm_cycle_s = 180, .storm_cap = 3, .night_s = 28800};
    return m;
}

static void draw_scene(struct scene *s, struct philox *p)
{
    static const enum trigger_kind triggers[] = {TRIGGER_EVERY,  TRIGGER_IDLE,  TRIGGER_COUNT,
                                                 TRIGGER_WINDOW, TRIGGER_TRAIN, TRIGGER_AREA};
    int64_t t = 1700000000;
    size_t count = (size_t)draw(p, 1, MAX_COMMITS);
    int64_t scale = DRAW_OF(p, 5, 300, 4000);
    for (size_t i = 0; i < count; i++)
        s->arrival[i] = t += draw(p, 0, scale);
    s->commits = (struct commits){s->arrival, s->arrival, count};
    s->model = failing_model(draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND);
    struct terms *terms = &s->model.terms;
    terms->prepare_s = DRAW_OF(p, 0, 60, 600);
    terms->boot_s = DRAW_OF(p, 0, 30, 400);
    terms->bake_s = DRAW_OF(p, 0, 200, 1800);
    terms->rollout_s = DRAW_OF(p, 0, 100, 1000);
    terms->price_per_hour = s->model.price_per_hour = USD / 10;
    terms->delay_price_per_commit_hour = USD / 20;
    s->policy.trigger.kind = triggers[draw(p, 0, 5)];
    static const int64_t args[] = {
        [TRIGGER_COUNT] = 4, [TRIGGER_WINDOW] = 900, [TRIGGER_TRAIN] = 1800, [TRIGGER_AREA] = THETA_PER_ONE / 2};
    s->policy.trigger.arg = s->policy.trigger.kind == TRIGGER_EVERY ? 0 : args[s->policy.trigger.kind];
    s->policy.keep = (struct keep){draw(p, 0, 1) ? KEEP_IDLE : KEEP_TERMINATE, draw(p, 0, 900)};
    if (terms->regime == REGIME_HOURLY && draw(p, 0, 1))
        s->policy.keep.kind = KEEP_HOUR;
    struct failures *f = &s->model.failures;
    f->on_fail = draw(p, 0, 1) ? ON_FAIL_BISECT : ON_FAIL_REVERT;
    f->rollback_s = DRAW_OF(p, 0, 50, 700);
    f->detect_s = DRAW_OF(p, 0, 0, 90);
    f->bake_tries = draw(p, 1, 3);
}

static void draw_risks(struct scene *s, struct philox *p, struct risks *risks)
{
    struct failures *f = &s->model.failures;
    f->culprit = probability((double)draw(p, 0, 3) * 0.1);
    f->caught = probability((double)draw(p, 0, 2) * 0.5);
    f->build = probability((double)draw(p, 0, 2) * 0.2);
    f->bake = probability((double)draw(p, 0, 2) * 0.3);
    f->boot = probability((double)draw(p, 0, 2) * 0.2);
    f->smoke = probability((double)draw(p, 0, 2) * 0.2);
    risks_draw(risks, f, philox_u32(p), philox_u32(p), s->commits.count);
    s->model.risks = risks;
}

/* With nothing that can go wrong both replays are the same. */
static void same_as_replay(void **state)
{
    (void)state;
    struct replay fast;
    struct replay slow;
    replay_init(&fast);
    replay_init(&slow);
    for (int i = 0; i < SCENES; i++) {
        struct philox p = philox_stream(21, (uint32_t)i, 0, 0);
        struct scene s = {0};
        struct err err;
        int64_t ready[MAX_COMMITS];
        draw_scene(&s, &p);
        replay_merge_pushes(s.arrival, s.commits.count, draw(&p, 0, 600), ready);
        if (draw(&p, 0, 1))
            s.commits.ready_s = ready;
        struct decider d = policy_decider(&s.policy, &s.model.terms);
        assert_int_equal(replay_run(&fast, &d, &s.commits, &err), 0);
        assert_int_equal(attempts_run(&slow, &d, &s.commits, &s.model, &err), 0);
        assert_int_equal(fast.deployments, slow.deployments);
        assert_memory_equal(fast.start, slow.start, fast.deployments * sizeof(*fast.start));
        assert_memory_equal(fast.lead_s, slow.lead_s, s.commits.count * sizeof(*fast.lead_s));
        assert_true(fast.waiting_s == slow.waiting_s && fast.lead_sum_s == slow.lead_sum_s);
        assert_int_equal(fast.launches, slow.launches);
        assert_int_equal(fast.month_count, slow.month_count);
        assert_int_equal(slow.mishaps.count, 0);
    }
    replay_release(&fast);
    replay_release(&slow);
}

/* The plain simulation: commits are marked, batches are lists, each draw is taken from its stream. */
struct plain {
    const struct scene *s;
    bool gone[MAX_COMMITS], known[MAX_COMMITS];
    size_t list[MAX_COMMITS], listed; /* the batch */
    size_t suspects[MAX_COMMITS], suspected;
    int64_t free_at, kept_until, begin, busy_until;
    bool open, at_once, repaired;
    uint32_t attempt;
    size_t oldest;
    int64_t starts[20000], ends_at;
    size_t baked, delivered, reverted, storms, rolled_back, builds, launches;
    int64_t lead_sum, wait_sum, restore_sum;
};

static bool hit(const struct plain *x, size_t commit, uint32_t purpose, int word, uint64_t risk)
{
    const struct risks *r = x->s->model.risks;
    struct philox p = philox_stream(r->seed, r->replication, commit, purpose);
    uint32_t value = 0;
    for (int i = 0; i <= word; i++)
        value = philox_u32(&p);
    return value < risk;
}

static bool is_culprit(const struct plain *x, size_t commit)
{
    return hit(x, commit, 0, 0, x->s->model.failures.culprit);
}

static size_t first_left(const struct plain *x)
{
    size_t i = 0;
    while (i < x->s->commits.count && x->gone[i])
        i++;
    return i;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t plain_start(const struct plain *x, size_t oldest)
{
    const int64_t *a = x->s->arrival;
    const struct trigger t = x->s->policy.trigger;
    size_t count = x->s->commits.count;
    if (x->at_once)
        return max_of(x->free_at, a[oldest]);
    int64_t start = max_of(x->free_at, a[oldest]);
    if (t.kind == TRIGGER_WINDOW)
        start = max_of(x->free_at, a[oldest] + t.arg);
    if (t.kind == TRIGGER_COUNT)
        start = max_of(x->free_at, a[oldest + (size_t)t.arg - 1 < count ? oldest + (size_t)t.arg - 1 : count - 1]);
    while (t.kind == TRIGGER_TRAIN && start % t.arg)
        start++;
    return start;
}

static void plain_batch(struct plain *x, size_t oldest, int64_t start)
{
    x->listed = 0;
    if (x->suspected) {
        for (size_t i = 0; i < (x->suspected + 1) / 2; i++)
            x->list[x->listed++] = x->suspects[i];
        return;
    }
    for (size_t i = oldest; i < x->s->commits.count && x->s->arrival[i] <= start; i++)
        if (x->s->policy.trigger.kind != TRIGGER_EVERY || i == oldest)
            x->list[x->listed++] = i;
}

static void revert_suspect(struct plain *x)
{
    x->gone[x->suspects[0]] = true;
    x->reverted++;
    x->suspected = 0;
    size_t next = first_left(x);
    x->at_once = next < x->s->commits.count && x->s->arrival[next] <= x->free_at;
}

static void plain_fail(struct plain *x, bool guilty)
{
    x->attempt++;
    x->at_once = true;
    if (!guilty)
        return;
    if (x->s->model.failures.on_fail == ON_FAIL_REVERT) {
        for (size_t i = 0; i < x->listed; i++)
            x->known[x->list[i]] = true;
        return;
    }
    memcpy(x->suspects, x->list, x->listed * sizeof(*x->list));
    x->suspected = x->listed;
    if (x->suspected == 1)
        revert_suspect(x);
}

static void plain_deliver(struct plain *x, int64_t start)
{
    for (size_t i = 0; i < x->listed; i++) {
        size_t commit = x->list[i];
        x->gone[commit] = true;
        if (x->known[commit] && is_culprit(x, commit)) {
            x->reverted++;
            continue;
        }
        x->delivered++;
        x->lead_sum += x->free_at - x->s->arrival[commit];
        x->wait_sum += start - x->s->arrival[commit];
    }
    x->at_once = false;
    if (!x->suspected)
        return;
    x->at_once = true;
    x->suspected -= x->listed;
    memmove(x->suspects, x->suspects + x->listed, x->suspected * sizeof(*x->suspects));
    if (x->suspected == 1)
        revert_suspect(x);
}

/* The bake instance; false when it is given up. */
static bool plain_bake(struct plain *x, int64_t *at)
{
    const struct terms *t = &x->s->model.terms;
    const struct failures *f = &x->s->model.failures;
    if (x->open && *at < x->kept_until) {
        x->busy_until = *at + t->bake_s;
    } else {
        bool down = hit(x, x->oldest, 2 * x->attempt + 1, 0, f->bake);
        for (uint32_t tries = 1; down; tries++) {
            x->launches++;
            *at += t->boot_s;
            if (tries == f->bake_tries)
                return false;
            down = hit(x, x->oldest, 0x80000000u + x->attempt * 64 + tries, 0, f->bake);
        }
        x->launches++;
        x->begin = *at;
        x->busy_until = *at + t->boot_s + t->bake_s;
    }
    x->open = x->s->policy.keep.kind != KEEP_TERMINATE;
    x->kept_until = x->busy_until + x->s->policy.keep.idle_s;
    if (x->s->policy.keep.kind == KEEP_HOUR) {
        x->kept_until = x->begin + 3600;
        while (x->kept_until < x->busy_until)
            x->kept_until += 3600;
    }
    return true;
}

static void plain_attempt(struct plain *x, int64_t start)
{
    const struct terms *t = &x->s->model.terms;
    const struct failures *f = &x->s->model.failures;
    bool guilty = false;
    bool caught = false;
    size_t alive = 0;
    for (size_t i = 0; i < x->listed; i++) {
        bool left_out = x->known[x->list[i]] && is_culprit(x, x->list[i]);
        alive += !left_out;
        if (!left_out && is_culprit(x, x->list[i])) {
            guilty = true;
            caught |= hit(x, x->list[i], 1, 1, f->caught);
        }
    }
    if (!alive) {
        for (size_t i = 0; i < x->listed; i++)
            x->gone[x->list[i]] = true;
        x->reverted += x->listed;
        size_t next = first_left(x);
        x->at_once = next < x->s->commits.count && x->s->arrival[next] <= x->free_at;
        return;
    }
    int64_t at = start + t->prepare_s;
    if (caught || hit(x, x->oldest, 2 * x->attempt, 1, f->build)) {
        x->builds++;
        x->free_at = at;
        plain_fail(x, caught);
        return;
    }
    if (!plain_bake(x, &at)) {
        x->free_at = at;
        plain_fail(x, false);
        return;
    }
    x->starts[x->baked++] = at - t->prepare_s;
    if (!x->repaired && hit(x, x->oldest, 2 * x->attempt, 2, f->boot)) {
        x->storms++;
        x->repaired = true;
        x->free_at = x->busy_until + f->storm_cap * f->storm_cycle_s + f->rollback_s;
        x->restore_sum += x->free_at - x->busy_until;
        plain_fail(x, false);
        return;
    }
    int64_t done = x->busy_until + t->rollout_s;
    if (guilty || hit(x, x->oldest, 2 * x->attempt, 3, f->smoke)) {
        x->rolled_back++;
        x->free_at = done + f->detect_s + f->rollback_s;
        x->restore_sum += x->free_at - done;
        plain_fail(x, guilty);
        return;
    }
    x->free_at = done;
    plain_deliver(x, start);
}

static void plain_run(struct plain *x)
{
    x->free_at = INT64_MIN / 4;
    x->oldest = SIZE_MAX;
    for (size_t oldest; (oldest = first_left(x)) < x->s->commits.count;) {
        if (oldest != x->oldest) {
            x->attempt = 0;
            x->repaired = false;
        }
        x->oldest = oldest;
        int64_t start = plain_start(x, oldest);
        plain_batch(x, oldest, start);
        plain_attempt(x, start);
    }
}

static void same_as_plain(void **state)
{
    (void)state;
    struct replay r;
    struct risks risks;
    replay_init(&r);
    risks_init(&risks);
    for (int i = 0; i < SCENES; i++) {
        struct philox p = philox_stream(22, (uint32_t)i, 0, 0);
        struct scene s = {0};
        struct err err;
        draw_scene(&s, &p);
        if (s.policy.trigger.kind == TRIGGER_AREA)
            s.policy.trigger.kind = TRIGGER_IDLE;
        draw_risks(&s, &p, &risks);
        struct decider d = policy_decider(&s.policy, &s.model.terms);
        assert_int_equal(attempts_run(&r, &d, &s.commits, &s.model, &err), 0);
        struct plain *x = mem_zero(1, sizeof(*x));
        x->s = &s;
        plain_run(x);
        assert_int_equal(r.deployments, x->baked);
        for (size_t k = 0; k < x->baked; k++)
            assert_int_equal(replay_start_s(&r, k), x->starts[k]);
        assert_int_equal(r.commits, x->delivered);
        assert_true(r.lead_sum_s == x->lead_sum && r.waiting_s == x->wait_sum);
        assert_int_equal(r.launches, x->launches);
        assert_int_equal(r.mishaps.reverted, x->reverted);
        assert_int_equal(r.mishaps.storms, x->storms);
        assert_int_equal(r.mishaps.rolled_back, x->rolled_back);
        assert_int_equal(r.mishaps.failed_builds, x->builds);
        assert_int_equal(r.mishaps.restore_sum_s, x->restore_sum);
        assert_int_equal(r.mishaps.restores, x->storms + x->rolled_back);
        assert_int_equal(r.mishaps.ended_at, x->free_at);
        int64_t sum = 0;
        for (size_t k = 0; k < r.commits; k++)
            sum += r.lead_s[k];
        assert_int_equal(sum, x->lead_sum);
        free(x);
    }
    replay_release(&r);
    risks_release(&risks);
}

static void is_money(money_t got, const char *expected)
{
    char text[MONEY_TEXT_SIZE];
    assert_string_equal(money_text(got, text), expected);
}

/*
 * A storm by hand, hourly, 0.10 USD: fleet 10, waves of 4, a launch each 180 s. A launch pays one hour. Cap 5: 20
 * launches, 2.00 USD, 900 s. A night of 8 h: 160 launches a slot, 640 in all, 64.00 USD. A cap of 1.00 USD: 0.40 a
 * round: 2 rounds.
 */
static void storm_arithmetic(void **state)
{
    (void)state;
    struct model m = failing_model(REGIME_HOURLY);
    m.terms.price_per_hour = USD / 10;
    m.fleet = 10;
    m.surge = 4;
    m.failures.storm_cap = 5;
    struct storm s = storm_of(&m);
    assert_int_equal(s.slots, 4);
    assert_int_equal(s.launches_a_slot, 5);
    assert_int_equal(s.billed_s, 20 * 3600);
    assert_int_equal(s.length_s, 900);
    s = storm_uncapped(&m);
    assert_int_equal(s.launches_a_slot * s.slots, 640);
    assert_int_equal(s.billed_s, 640 * 3600);
    m.failures.storm_usd = USD;
    assert_int_equal(storm_of(&m).launches_a_slot, 2);
    m.failures.storm_usd = 1; /* one launch a slot happens before anybody can look */
    assert_int_equal(storm_of(&m).launches_a_slot, 1);
    m.failures.storm_usd = 0;
    m.failures.storm_cap = 0;
    assert_int_equal(storm_of(&m).launches_a_slot, 160);
    m.terms.regime = REGIME_SECOND; /* facts: a 3-minute cycle is 20 launches an hour; by the second they pay 180 s */
    m.failures.night_s = 3600;
    assert_int_equal(storm_of(&m).launches_a_slot, 20);
    assert_int_equal(storm_of(&m).billed_s, 20 * 4 * 180);
}

/*
 * One commit at 0, prepare 60, boot 40, bake 200, rollout 100, hourly at 0.36: the image does not boot (certain), cap
 * 3 rounds of 180 s on one slot, rollback 50.
 *   attempt 1: bake ends 300, storm until 840, back at 890; attempt 2 at 890: repaired, ends 1290.
 * Money: two bake hours 0.72, three storm hours 1.08. Lead 1290. CI: 890 s = 15 min, 400 s = 7 min.
 */
static void one_storm(void **state)
{
    (void)state;
    struct scene s = {
        .arrival = {0}, .policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = failing_model(REGIME_HOURLY)};
    struct risks risks;
    s.arrival[0] = at(2025, 10, 6, 0, 0);
    s.model.terms = (struct terms){.prepare_s = 60,
                                   .boot_s = 40,
                                   .bake_s = 200,
                                   .rollout_s = 100,
                                   .regime = REGIME_HOURLY,
                                   .price_per_hour = USD * 36 / 100};
    s.model.price_per_hour = USD * 36 / 100;
    s.model.runner_per_minute = USD / 100;
    s.model.failures.boot = RISK_CERTAIN;
    s.model.failures.rollback_s = 50;
    risks_init(&risks);
    risks_draw(&risks, &s.model.failures, 1, 0, 1);
    s.model.risks = &risks;
    run(&s, 1);
    is_money(s.outcome.by_kind[COST_INSTANCE], "0.7200000000");
    is_money(s.outcome.by_kind[COST_STORM], "1.0800000000");
    is_money(s.outcome.by_kind[COST_CI], "0.2200000000");
    assert_int_equal(s.outcome.lead.max, 1290);
    assert_int_equal(s.outcome.went.storm_launches, 3);
    assert_int_equal(s.outcome.went.restore_sum_s, 590);
    assert_true(outcome_failure_rate(&s.outcome) == 0.5);
    release(&s);
    s.model.reserved = 2; /* hours open at 0:02:20 (bake 1), 0:05, 0:08, 0:11, 0:15:50 (bake 2): storms first */
    run(&s, 1);
    is_money(s.outcome.by_kind[COST_STORM], "0.3600000000");
    is_money(s.outcome.by_kind[COST_INSTANCE], "0.7200000000");
    release(&s);
    risks_release(&risks);
}

/*
 * Five commits at 0 and each a culprit or not; the whole pipeline takes 100 s (bake only), rollback 10. Reference by
 * hand for the third being the culprit, bisect:
 *   all 5 fail (0-110); 3 of 5 fail (110-220); 2 of 3 pass, delivered at 320, so the third is it: reverted;
 *   then 4 and 5 at once, delivered at 420.
 */
static void bisect_by_hand(void **state)
{
    (void)state;
    struct scene s = {.policy = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}}, .model = failing_model(REGIME_SECOND)};
    struct risks risks;
    struct err err;
    s.model.terms = (struct terms){.bake_s = 100, .regime = REGIME_SECOND};
    s.model.failures.rollback_s = 10;
    s.model.failures.culprit = probability(0.2);
    risks_init(&risks);
    for (uint32_t seed = 0;; seed++) {
        risks_draw(&risks, &s.model.failures, seed, 0, 5);
        if (risks.culprit_count == 1 && risks.culprits[0] == 2)
            break;
    }
    s.model.risks = &risks;
    s.commits = (struct commits){s.arrival, s.arrival, 5};
    struct decider d = policy_decider(&s.policy, &s.model.terms);
    replay_init(&s.replay);
    assert_int_equal(attempts_run(&s.replay, &d, &s.commits, &s.model, &err), 0);
    static const int64_t starts[] = {0, 110, 220, 320};
    assert_int_equal(s.replay.deployments, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(replay_start_s(&s.replay, i), starts[i]);
    static const int64_t leads[] = {320, 320, 420, 420};
    assert_memory_equal(s.replay.lead_s, leads, sizeof(leads));
    assert_int_equal(s.replay.mishaps.reverted, 1);
    s.model.failures.on_fail = ON_FAIL_REVERT; /* 0-110 fails; the other four 110-210 */
    assert_int_equal(attempts_run(&s.replay, &d, &s.commits, &s.model, &err), 0);
    assert_int_equal(s.replay.deployments, 2);
    assert_int_equal(s.replay.mishaps.ended_at, 210);
    assert_int_equal(s.replay.commits, 4);
    replay_release(&s.replay);
    risks_release(&risks);
}

/* n batches of b commits that all arrive together fail with 1-(1-p)^b; a bake instance that fails with q and is tried
 * m times takes (1-q^m)/(1-q) launches. Each within five standard errors. */
static void closed_forms(void **state)
{
    (void)state;
    enum { BATCHES = 20000, BATCH = 4 };
    double p = 0.1;
    double q = 0.3;
    struct err err;
    int64_t *arrival = mem_array(NULL, (size_t)BATCHES * BATCH, sizeof(*arrival));
    for (int i = 0; i < BATCHES * BATCH; i++)
        arrival[i] = (int64_t)(i / BATCH) * 100000;
    struct model m = failing_model(REGIME_SECOND);
    struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    struct decider d = policy_decider(&idle, &m.terms);
    struct commits commits = {arrival, arrival, (size_t)BATCHES * BATCH};
    struct replay r;
    struct risks risks;
    replay_init(&r);
    risks_init(&risks);
    m.failures.culprit = probability(p);
    m.failures.on_fail = ON_FAIL_REVERT;
    risks_draw(&risks, &m.failures, 5, 0, commits.count);
    m.risks = &risks;
    assert_int_equal(attempts_run(&r, &d, &commits, &m, &err), 0);
    double rate = (double)r.mishaps.rolled_back / BATCHES;
    double expected = 1 - pow(1 - p, BATCH);
    assert_true(fabs(rate - expected) < 5 * sqrt(expected * (1 - expected) / BATCHES));
    m.failures.culprit = 0;
    m.failures.bake = probability(q);
    risks_draw(&risks, &m.failures, 6, 0, commits.count);
    assert_int_equal(attempts_run(&r, &d, &commits, &m, &err), 0);
    /* an attempt of up to three launches succeeds with 1-q^3; launches an attempt: (1-q^3)/(1-q) */
    double attempts = (double)r.mishaps.attempts;
    assert_true(fabs((double)r.launches / attempts - (1 - q * q * q) / (1 - q)) < 5 * 0.7 / sqrt(attempts));
    assert_true(fabs(BATCHES / attempts - (1 - q * q * q)) < 5 * 0.17 / sqrt(attempts));
    replay_release(&r);
    risks_release(&risks);
    free(arrival);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_replay), cmocka_unit_test(same_as_plain),  cmocka_unit_test(storm_arithmetic),
        cmocka_unit_test(one_storm),      cmocka_unit_test(bisect_by_hand), cmocka_unit_test(closed_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
