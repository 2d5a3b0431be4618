/*
 * Triggers that learn: no looking ahead; stepping as production does equals replay; the limit cases that are other
 * triggers; what they are held to; the month's budget.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "scheduler/outlook.h"
#include "scheduler/shadow.h"
#include "sim/replay.h"
#include "tests/support_draw.h"

#define USD     MONEY_PER_USD
#define ONE     THETA_PER_ONE
#define BEGIN_S ((instant_t)1735689600) /* 2025-01-01T00:00:00Z */
#define DAY     SECONDS_PER_DAY

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 1
#else
#define ROUNDS 4
#endif

/* Office hours, in bursts. */
static size_t make_history(struct philox *p, instant_t *at_s, size_t count, int64_t mean_gap_s)
{
    instant_t t = BEGIN_S;
    for (size_t i = 0; i < count; i++) {
        bool burst = draw(p, 0, 2) == 0;
        t += burst ? draw(p, 0, 200) : draw(p, 1, 2 * mean_gap_s);
        int64_t of_day = t % DAY;
        if (!burst && (of_day < 8 * 3600 || of_day > 18 * 3600))
            t += DAY - of_day + 8 * 3600 + draw(p, 0, 3600);
        at_s[i] = t;
    }
    return count;
}

static struct terms some_terms(struct philox *p)
{
    return (struct terms){.prepare_s = DRAW_OF(p, 0, 0, 120),
                          .boot_s = DRAW_OF(p, 0, 30, 90),
                          .bake_s = DRAW_OF(p, 300, 900, 1700),
                          .rollout_s = DRAW_OF(p, 0, 0, 180),
                          .regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND,
                          .price_per_hour = USD,
                          .per_deploy = DRAW_OF(p, 0, 0, USD / 4),
                          .launch_cost = DRAW_OF(p, 0, USD / 10),
                          .delay_price_per_commit_hour = DRAW_OF(p, USD / 20, USD / 5, USD, 5 * USD)};
}

static struct policy some_policy(struct philox *p, struct terms *t, struct trigger trigger)
{
    enum keep_kind keep = (enum keep_kind)draw(p, 0, 3);
    if (keep == KEEP_HOUR)
        t->regime = REGIME_HOURLY;
    return (struct policy){trigger, {keep, keep == KEEP_IDLE ? DRAW_OF(p, 60, 600, 3600) : 0}};
}

static const struct trigger learning[] = {
    {TRIGGER_SQRT, ONE / 2},        {TRIGGER_RANDOM, 7},
    {TRIGGER_PREDICT, ONE / 4},     {TRIGGER_BUDGET_HOURS, (int64_t)20 * 3600},
    {TRIGGER_BUDGET_USD, 15 * USD}, {TRIGGER_MDP, 0},
};

/* Solving takes long: the first rounds have all of them. */
#define LEARNING(round) ((round) < 6 ? 6 : 4)

static void replay(struct replay *r, const struct policy *p, const struct terms *t, const instant_t *at_s, size_t count)
{
    struct err err;
    struct decider d = policy_decider(p, t);
    struct commits c = {at_s, at_s, count};
    assert_int_equal(policy_check(p, t, &err), 0);
    assert_int_equal(replay_run(r, &d, &c, &err), 0);
}

/* What comes later changes nothing that was decided before. */
static void the_future_does_not_matter(void **state)
{
    (void)state;
    struct philox p = philox_stream(61, 0, 0, 1);
    instant_t at_s[400];
    struct replay whole;
    struct replay part;
    replay_init(&whole);
    replay_init(&part);
    for (int round = 0; round < 6 * ROUNDS; round++) {
        size_t count = make_history(&p, at_s, 400, 20000);
        struct terms t = some_terms(&p);
        struct policy policy = some_policy(&p, &t, learning[round % LEARNING(round)]);
        replay(&whole, &policy, &t, at_s, count);
        size_t cut = (size_t)draw(&p, 250, 399);
        replay(&part, &policy, &t, at_s, cut);
        size_t same = 0;
        for (; same < part.deployments && replay_start_s(&part, same) < at_s[cut]; same++)
            assert_int_equal(part.start[same], whole.start[same]);
        assert_true(same > 10);
    }
    replay_release(&whole);
    replay_release(&part);
}

/* Event by event with nothing but the calls that production has. */
static void stepping_equals_replay(void **state)
{
    (void)state;
    struct philox p = philox_stream(62, 0, 0, 1);
    instant_t at_s[300];
    struct replay r;
    replay_init(&r);
    for (int round = 0; round < 6 * ROUNDS; round++) {
        struct err err;
        size_t count = make_history(&p, at_s, 300, 20000);
        struct terms t = some_terms(&p);
        struct policy policy = some_policy(&p, &t, learning[round % LEARNING(round)]);
        replay(&r, &policy, &t, at_s, count);
        struct decider bare = policy_decider(&policy, &t);
        struct outlook *o = NULL;
        assert_int_equal(outlook_new(&o, &bare, &err), 0);
        const struct decider *d = outlook_decider(o);
        struct rental rental = {0};
        instant_t free_at = 0;
        size_t next = 0;
        size_t known = 0;
        for (size_t i = 0; i < r.deployments; i++) {
            instant_t now = free_at > at_s[next] ? free_at : at_s[next];
            instant_t fire = now - 1;
            while (fire != now) { /* a look at each commit, and at the second that was named */
                while (known < count && at_s[known] <= now)
                    known++;
                outlook_hear(o, at_s, known, now);
                struct pending pending = {(int64_t)(known - next), at_s[next], 0};
                for (size_t j = next; j < known; j++)
                    pending.arrival_sum += at_s[j];
                fire = policy_fire_at(d, now, &pending, &rental);
                if (known < count && at_s[known] < fire)
                    now = at_s[known];
                else if (fire != now) {
                    now = fire; /* nobody came: it is that second now */
                    while (known < count && at_s[known] <= now)
                        known++;
                    outlook_hear(o, at_s, known, now);
                    break;
                }
            }
            assert_int_equal(now, replay_start_s(&r, i));
            bool launches = !policy_reuses(&rental, now + t.prepare_s);
            assert_int_equal(launches, replay_launched(&r, i));
            outlook_started(o, now);
            if (launches)
                rental.begin = now + t.prepare_s;
            rental.open = true;
            rental.busy_until = now + t.prepare_s + (launches ? t.boot_s : 0) + t.bake_s;
            rental.kept_until = policy_kept_until(d, rental.begin, rental.busy_until);
            free_at = rental.busy_until + t.rollout_s;
            next = known;
        }
        assert_int_equal(next, count);
        outlook_free(o);
    }
    replay_release(&r);
}

static void same_replay(const struct replay *a, const struct replay *b)
{
    assert_int_equal(a->deployments, b->deployments);
    assert_memory_equal(a->start, b->start, a->deployments * sizeof(*a->start));
    assert_memory_equal(a->lead_s, b->lead_s, a->commits * sizeof(*a->lead_s));
    assert_int_equal(a->launches, b->launches);
    assert_true(a->waiting_s == b->waiting_s && a->lead_sum_s == b->lead_sum_s);
    assert_int_equal(a->month_count, b->month_count);
    for (size_t m = 0; m < a->month_count; m++) {
        assert_int_equal(a->months[m].month, b->months[m].month);
        assert_int_equal(a->months[m].commits, b->months[m].commits);
        assert_int_equal(a->months[m].deployments, b->months[m].deployments);
        assert_true(a->months[m].waiting_s == b->months[m].waiting_s && a->months[m].lead_s == b->months[m].lead_s);
    }
}

/* A square root of nothing, and a budget without end, deploy at once; the fast replay of `idle` is the other side. */
static void limit_cases_are_idle(void **state)
{
    (void)state;
    static const struct trigger limits[] = {
        {TRIGGER_SQRT, 0}, {TRIGGER_BUDGET_HOURS, (int64_t)1000000 * 3600}, {TRIGGER_BUDGET_USD, 90000000 * USD}};
    struct philox p = philox_stream(63, 0, 0, 1);
    instant_t at_s[300];
    struct replay a;
    struct replay b;
    replay_init(&a);
    replay_init(&b);
    for (int round = 0; round < 3 * ROUNDS; round++) {
        size_t count = make_history(&p, at_s, 300, 10000);
        struct terms t = some_terms(&p);
        struct policy policy = some_policy(&p, &t, limits[round % 3]);
        struct policy idle = {{TRIGGER_IDLE, 0}, policy.keep};
        replay(&a, &policy, &t, at_s, count);
        replay(&b, &idle, &t, at_s, count);
        same_replay(&a, &b);
    }
    replay_release(&a);
    replay_release(&b);
}

static instant_t fires_at(const struct outlook *o, instant_t now, int64_t commits)
{
    struct pending pending = {commits, now, now};
    struct rental none = {0};
    return policy_fire_at(outlook_decider(o), now, &pending, &none);
}

/* What is heard at once leads where hearing one by one does: nothing hangs on how often one looks. */
static void hearing_at_once_is_the_same(void **state)
{
    (void)state;
    struct philox p = philox_stream(64, 0, 0, 1);
    instant_t at_s[300];
    for (int round = 0; round < ROUNDS; round++) {
        struct err err;
        size_t count = make_history(&p, at_s, 300, 20000);
        struct terms t = some_terms(&p);
        struct policy policy = some_policy(&p, &t, (struct trigger){TRIGGER_SQRT, ONE});
        struct decider bare = policy_decider(&policy, &t);
        struct outlook *once = NULL;
        struct outlook *slowly = NULL;
        assert_int_equal(outlook_new(&once, &bare, &err) + outlook_new(&slowly, &bare, &err), 0);
        for (size_t i = 0; i < count; i++)
            outlook_hear(slowly, at_s, i + 1, at_s[i]);
        outlook_hear(once, at_s, count, at_s[count - 1]);
        assert_int_equal(fires_at(once, at_s[count - 1], 1), fires_at(slowly, at_s[count - 1], 1));
        assert_memory_equal(outlook_model(once), outlook_model(slowly), sizeof(struct arrivals));
        outlook_free(once);
        outlook_free(slowly);
    }
}

static void decide_alike(const struct outlook *a, const struct outlook *b, instant_t now)
{
    for (int64_t commits = 1; commits < 6; commits++)
        assert_int_equal(fires_at(a, now, commits), fires_at(b, now, commits));
    assert_int_equal(outlook_model(a) == NULL, outlook_model(b) == NULL);
    if (outlook_model(a))
        assert_memory_equal(outlook_model(a), outlook_model(b), sizeof(struct arrivals));
}

/* A copy decides as its original did, whatever the original has heard since or if it is gone; then it goes on alone. */
static void a_copy_goes_its_own_way(void **state)
{
    (void)state;
    struct philox p = philox_stream(68, 0, 0, 1);
    instant_t at_s[300];
    for (size_t i = 0; i < sizeof(learning) / sizeof(*learning); i++) {
        struct err err;
        size_t count = make_history(&p, at_s, 300, 20000);
        size_t half = count / 2;
        struct terms t = some_terms(&p);
        struct policy policy = some_policy(&p, &t, learning[i]);
        struct decider bare = policy_decider(&policy, &t);
        struct outlook *first = NULL;
        struct outlook *same = NULL;
        assert_int_equal(outlook_new(&first, &bare, &err) + outlook_new(&same, &bare, &err), 0);
        outlook_hear(first, at_s, half, at_s[half - 1]);
        outlook_hear(same, at_s, half, at_s[half - 1]);
        struct outlook *copy = outlook_copy(first);
        assert_ptr_equal(outlook_decider(copy)->outlook, copy);
        outlook_hear(first, at_s, count, at_s[count - 1]);
        outlook_free(first);
        decide_alike(copy, same, at_s[half - 1]);
        outlook_hear(copy, at_s, count, at_s[count - 1]);
        outlook_hear(same, at_s, count, at_s[count - 1]);
        decide_alike(copy, same, at_s[count - 1]);
        outlook_free(copy);
        outlook_free(same);
    }
}

static double cost_of(const struct policy *p, const struct terms *t, const instant_t *at_s, size_t count)
{
    struct replay r;
    replay_init(&r);
    replay(&r, p, t, at_s, count);
    struct decider d = policy_decider(p, t);
    struct rental rental = {0};
    double money = 0;
    for (size_t i = 0; i < r.deployments; i++) {
        instant_t at = replay_start_s(&r, i);
        money += (double)t->per_deploy + (double)t->price_per_hour * (double)policy_marginal_s(&d, &rental, at) / 3600;
        if (replay_launched(&r, i)) {
            money += (double)t->launch_cost;
            rental.begin = at + t->prepare_s;
        }
        rental.open = true;
        rental.busy_until = replay_baked_s(&r, t, i);
        rental.kept_until = policy_kept_until(&d, rental.begin, rental.busy_until);
    }
    double waiting = (double)t->delay_price_per_commit_hour * (double)r.waiting_s / 3600;
    replay_release(&r);
    return money + waiting;
}

/*
 * Learned from bursts, then the world changes: single commits far apart, or a steady stream. What they are held to
 * holds: a part more, and for each epoch the slack, the stretch of the wait at hand and a launch.
 */
static void they_are_held_to_the_simple_ones(void **state)
{
    (void)state;
    struct philox p = philox_stream(65, 0, 0, 1);
    instant_t at_s[600];
    for (int round = 0; round < (ROUNDS + 1) / 2; round++) {
        make_history(&p, at_s, 200, 4000);
        int64_t gap_s = DRAW_OF(&p, 300, 7000, 40000);
        for (size_t i = 200; i < 600; i++)
            at_s[i] = at_s[i - 1] + gap_s + draw(&p, 0, 60);
        struct terms t = {.bake_s = 900,
                          .regime = REGIME_HOURLY,
                          .price_per_hour = USD,
                          .delay_price_per_commit_hour = DRAW_OF(&p, USD / 20, USD / 5, USD, 5 * USD)};
        struct keep keep = {round % 2 ? KEEP_HOUR : KEEP_TERMINATE, 0};
        struct policy mdp = {{TRIGGER_MDP, 0}, keep};
        struct policy idle = {{TRIGGER_IDLE, 0}, keep};
        struct policy predict = {{TRIGGER_PREDICT, ONE / 4}, keep};
        struct policy area = {{TRIGGER_AREA, ONE}, keep};
        double epochs = 6;
        double more = (OUTLOOK_SLACK + OUTLOOK_STRETCH + 1) * epochs * (double)USD;
        assert_true(cost_of(&mdp, &t, at_s, 600) <= OUTLOOK_HELD * cost_of(&idle, &t, at_s, 600) + more);
        assert_true(cost_of(&predict, &t, at_s, 600) <= 1.25 * cost_of(&area, &t, at_s, 600) + more);
    }
}

/* The month's hours last, and few are left: whole months after the first, a budget of half of what idle would use. */
static void a_budget_lasts_and_is_used(void **state)
{
    (void)state;
    struct philox p = philox_stream(66, 0, 0, 1);
    enum { COMMITS = 4000 };
    instant_t *at_s = mem_array(NULL, COMMITS, sizeof(*at_s));
    instant_t t = BEGIN_S;
    for (size_t i = 0; i < COMMITS; i++)
        at_s[i] = t += 1 + (instant_t)(philox_exponential(&p) * 6000);
    struct terms terms = {.bake_s = 900, .regime = REGIME_HOURLY, .price_per_hour = USD};
    struct policy policy = {{TRIGGER_BUDGET_HOURS, (int64_t)100 * 3600}, {KEEP_HOUR, 0}};
    struct replay r;
    replay_init(&r);
    replay(&r, &policy, &terms, at_s, COMMITS);
    struct decider d = policy_decider(&policy, &terms);
    struct rental rental = {0};
    double used[12] = {0};
    for (size_t i = 0; i < r.deployments; i++) {
        instant_t at = replay_start_s(&r, i);
        used[calendar_civil(at).month - 1] += (double)policy_marginal_s(&d, &rental, at) / 3600;
        if (replay_launched(&r, i))
            rental.begin = at;
        rental.open = true;
        rental.busy_until = at + 900;
        rental.kept_until = policy_kept_until(&d, rental.begin, rental.busy_until);
    }
    int last = calendar_civil(at_s[COMMITS - 1]).month - 1;
    assert_true(last >= 7);
    for (int m = 1; m < last; m++)
        if (used[m] > 103 || used[m] < 90)
            fail_msg("month %d used %.1f of 100 hours", m + 1, used[m]);
    replay_release(&r);
    free(at_s);
}

static void a_seed_decides_random(void **state)
{
    (void)state;
    struct philox p = philox_stream(67, 0, 0, 1);
    instant_t at_s[200];
    make_history(&p, at_s, 200, 5000);
    struct terms t = some_terms(&p);
    struct replay a;
    struct replay b;
    replay_init(&a);
    replay_init(&b);
    struct policy one = {{TRIGGER_RANDOM, 1}, {KEEP_TERMINATE, 0}};
    struct policy two = {{TRIGGER_RANDOM, 2}, {KEEP_TERMINATE, 0}};
    replay(&a, &one, &t, at_s, 200);
    replay(&b, &one, &t, at_s, 200);
    same_replay(&a, &b);
    replay(&b, &two, &t, at_s, 200);
    assert_false(a.deployments == b.deployments && memcmp(a.start, b.start, a.deployments * sizeof(*a.start)) == 0);
    replay_release(&a);
    replay_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_future_does_not_matter), cmocka_unit_test(stepping_equals_replay),
        cmocka_unit_test(limit_cases_are_idle),       cmocka_unit_test(hearing_at_once_is_the_same),
        cmocka_unit_test(a_copy_goes_its_own_way),    cmocka_unit_test(they_are_held_to_the_simple_ones),
        cmocka_unit_test(a_budget_lasts_and_is_used), cmocka_unit_test(a_seed_decides_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
