/*
 * Triggers and keeps: read, printed, refused; and what they decide, against the rules evaluated second by second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "scheduler/policy.h"
#include "tests/support_draw.h"

#define USD  MONEY_PER_USD
#define ONE  THETA_PER_ONE
#define FAIR 20000 /* seconds that the literal evaluation walks */

static void triggers_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        enum trigger_kind kind;
        int64_t arg;
    } good[] = {
        {"every", "every", TRIGGER_EVERY, 0},
        {"idle", "idle", TRIGGER_IDLE, 0},
        {"count:1", "count:1", TRIGGER_COUNT, 1},
        {"count:20", "count:20", TRIGGER_COUNT, 20},
        {"window:0", "window:0", TRIGGER_WINDOW, 0},
        {"window:15m", "window:900", TRIGGER_WINDOW, 900},
        {"window:1h30m", "window:5400", TRIGGER_WINDOW, 5400},
        {"window:3660d", "window:316224000", TRIGGER_WINDOW, 316224000}, /* ten years of 366 days: the most */
        {"train:1", "train:1", TRIGGER_TRAIN, 1},
        {"train:1d", "train:86400", TRIGGER_TRAIN, 86400},
        {"area:0", "area:0", TRIGGER_AREA, 0},
        {"area:0.0", "area:0", TRIGGER_AREA, 0},
        {"area:.5", "area:0.5", TRIGGER_AREA, 5000000000},
        {"area:1", "area:1", TRIGGER_AREA, ONE},
        {"area:10", "area:10", TRIGGER_AREA, 10 * ONE},
        {"area:100", "area:100", TRIGGER_AREA, 100 * ONE},
        {"area:0.0000000001", "area:0.0000000001", TRIGGER_AREA, 1},
        {"area:2.50", "area:2.5", TRIGGER_AREA, 25000000000},
        {"sqrt", "sqrt:0.5", TRIGGER_SQRT, ONE / 2},
        {"sqrt:1.25", "sqrt:1.25", TRIGGER_SQRT, 12500000000},
        {"random", "random:1", TRIGGER_RANDOM, 1},
        {"random:4294967295", "random:4294967295", TRIGGER_RANDOM, 4294967295},
        {"predict", "predict:0.25", TRIGGER_PREDICT, ONE / 4},
        {"predict:0", "predict:0", TRIGGER_PREDICT, 0},
        {"mdp", "mdp", TRIGGER_MDP, 0},
        {"budget:100h", "budget:100h", TRIGGER_BUDGET_HOURS, 360000},
        {"budget:0.5h", "budget:0.5h", TRIGGER_BUDGET_HOURS, 1800},
        {"budget:25usd", "budget:25usd", TRIGGER_BUDGET_USD, 25 * USD},
        {"budget:12.50usd", "budget:12.5usd", TRIGGER_BUDGET_USD, 25 * USD / 2},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct trigger t = {TRIGGER_IDLE, 77};
        struct err err = {0};
        char text[POLICY_TEXT_SIZE];
        if (policy_parse_trigger(good[i].text, &t, &err))
            fail_msg("%s: %s", good[i].text, err.text);
        assert_int_equal(t.kind, good[i].kind);
        assert_int_equal(t.arg, good[i].arg);
        assert_string_equal(policy_trigger_text(t, text), good[i].printed);
    }
}

static void keeps_are_read_and_printed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        enum keep_kind kind;
        int64_t idle_s;
    } good[] = {
        {"terminate", "terminate", KEEP_TERMINATE, 0},
        {"hour", "hour", KEEP_HOUR, 0},
        {"idle:0", "idle:0", KEEP_IDLE, 0},
        {"idle:10m", "idle:600", KEEP_IDLE, 600},
        {"idle:3660d", "idle:316224000", KEEP_IDLE, 316224000},
        {"rent", "rent", KEEP_RENT, 0},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct keep k = {KEEP_IDLE, 77};
        struct err err = {0};
        char text[POLICY_TEXT_SIZE];
        if (policy_parse_keep(good[i].text, &k, &err))
            fail_msg("%s: %s", good[i].text, err.text);
        assert_int_equal(k.kind, good[i].kind);
        assert_int_equal(k.idle_s, good[i].idle_s);
        assert_string_equal(policy_keep_text(k, text), good[i].printed);
    }
}

struct bad {
    const char *text, *said;
};

static void bad_triggers_are_refused(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"", "is no trigger; there are: every, idle, count, window, train, area"},
        {"evry", "\"evry\" is no trigger; did you mean every?"},
        {"Every", "did you mean every?"},
        {"everyy", "did you mean every?"},
        {"windw:900", "\"windw:900\" is no trigger; did you mean window?"},
        {"trian:900", "did you mean train?"},
        {"cuont:3", "did you mean count?"},
        {"zzzzzzzz", "is no trigger; there are: every, idle, count, window, train, area"},
        {"idle:", "idle takes no argument"},
        {"idle:60", "idle takes no argument"},
        {"every:1", "every takes no argument"},
        {"count", "write count:N, N commits"},
        {"window", "write window:SECONDS"},
        {"train", "write train:SECONDS"},
        {"area", "write area:THETA"},
        {"count:", "a number of commits from 1 on"},
        {"count:0", "a number of commits from 1 on"},
        {"count:-1", "a number of commits from 1 on"},
        {"count:2.5", "a number of commits from 1 on"},
        {"count:1 ", "a number of commits from 1 on"},
        {"count:99999999999999999999", "a number of commits from 1 on"},
        {"window:", "window: \"\" is no duration"},
        {"window:-1", "is no duration"},
        {"window:15x", "\"15x\" is no duration; write whole seconds (900) or 15m"},
        {"window:316224001", "longer than ten years"},
        {"train:0", "train: the time between trains must be a second at least"},
        {"train:0h", "must be a second at least"},
        {"sqrt:", "a number from 0 to 100 is needed, as 0.5"},
        {"sqrt:x", "sqrt:x: a number from 0 to 100"},
        {"predict:-1", "predict:-1: a number from 0 to 100"},
        {"random:", "random:: a seed from 0 to 4294967295"},
        {"random:4294967296", "a seed from 0 to 4294967295"},
        {"random:1.5", "a seed from 0 to 4294967295"},
        {"mdp:1", "mdp takes no argument"},
        {"mpd", "did you mean mdp?"},
        {"budget", "write budget:HOURSh or :AMOUNTusd, of a month"},
        {"budget:", "write what a month has, above 0"},
        {"budget:100", "write what a month has, above 0"},
        {"budget:h", "write what a month has, above 0"},
        {"budget:usd", "write what a month has, above 0"},
        {"budget:0h", "write what a month has, above 0"},
        {"budget:-5usd", "write what a month has, above 0"},
        {"budget:1e3h", "write what a month has, above 0"},
        {"budget:100000001h", "at most 100000000"},
        {"budget:0.0001h", "less than a second"},
        {"area:", "a number from 0 to 100 is needed, as 0.5"},
        {"area:-0.1", "a number from 0 to 100"},
        {"area:100.0000000001", "a number from 0 to 100"},
        {"area:0.00000000001", "a number from 0 to 100"},
        {"area:1e1", "a number from 0 to 100"},
        {"area:x", "a number from 0 to 100"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct trigger t = {TRIGGER_COUNT, 77};
        struct err err = {0};
        int code = policy_parse_trigger(bad[i].text, &t, &err);
        assert_int_equal(code, EXIT_INPUT);
        assert_int_equal(t.arg, 77);
        if (!strstr(err.text, bad[i].said))
            fail_msg("%s: %s", bad[i].text, err.text);
    }
}

static void bad_keeps_are_refused(void **state)
{
    (void)state;
    static const struct bad bad[] = {
        {"", "is no keep; there are: terminate, hour, idle, rent"},
        {"terminat", "did you mean terminate?"},
        {"hours", "\"hours\" is no keep; did you mean hour?"},
        {"rant", "did you mean rent?"},
        {"idel:60", "did you mean idle?"},
        {"hour:1", "hour takes no argument"},
        {"rent:60", "rent takes no argument"},
        {"terminate:", "terminate takes no argument"},
        {"idle", "write idle:SECONDS"},
        {"idle:", "idle: \"\" is no duration"},
        {"idle:-60", "is no duration"},
        {"idle:316224001", "longer than ten years"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct keep k = {KEEP_IDLE, 77};
        struct err err = {0};
        assert_int_equal(policy_parse_keep(bad[i].text, &k, &err), EXIT_INPUT);
        assert_int_equal(k.idle_s, 77);
        if (!strstr(err.text, bad[i].said))
            fail_msg("%s: %s", bad[i].text, err.text);
    }
}

static int check(enum trigger_kind trigger, int64_t arg, enum keep_kind keep, struct terms terms, struct err *err)
{
    struct policy policy = {{trigger, arg}, {keep, 0}};
    *err = (struct err){0};
    return policy_check(&policy, &terms, err);
}

static void what_cannot_work_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct terms hourly = {.regime = REGIME_HOURLY, .price_per_hour = USD};
    struct terms second = {.regime = REGIME_SECOND, .price_per_hour = USD};
    struct terms free_s = {.regime = REGIME_SECOND};
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_HOUR, hourly, &err), 0);
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_HOUR, second, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "--regime hourly"));
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_RENT, second, &err), 0);
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_RENT, hourly, &err), 0);
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_RENT, free_s, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "--price above 0"));
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_IDLE, free_s, &err), 0);

    /* area: w = 0 never reaches anything, but what is free needs nothing to be reached */
    assert_int_equal(check(TRIGGER_AREA, ONE, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "--delay-price"));
    assert_int_equal(check(TRIGGER_AREA, 1, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_int_equal(check(TRIGGER_SQRT, ONE, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "--trigger sqrt:1 weighs waiting against money and needs a --delay-price"));
    assert_int_equal(check(TRIGGER_RANDOM, 1, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_int_equal(check(TRIGGER_PREDICT, ONE, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_int_equal(check(TRIGGER_MDP, 0, KEEP_TERMINATE, second, &err), EXIT_INPUT);
    assert_int_equal(check(TRIGGER_BUDGET_HOURS, 3600, KEEP_TERMINATE, second, &err), 0);
    assert_int_equal(check(TRIGGER_AREA, 0, KEEP_TERMINATE, second, &err), 0);
    assert_int_equal(check(TRIGGER_AREA, ONE, KEEP_TERMINATE, free_s, &err), 0);
    free_s.per_deploy = 1;
    assert_int_equal(check(TRIGGER_AREA, ONE, KEEP_TERMINATE, free_s, &err), EXIT_INPUT);
    free_s.delay_price_per_commit_hour = 1;
    assert_int_equal(check(TRIGGER_AREA, ONE, KEEP_TERMINATE, free_s, &err), 0);
    second.delay_price_per_commit_hour = 1;
    assert_int_equal(check(TRIGGER_AREA, ONE, KEEP_TERMINATE, second, &err), 0);

    /* rent: (launch + price x boot) / price of at most 316,224,000 s: 87,840 hours of launch cost, with no boot */
    second.launch_cost = 87840 * USD;
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_RENT, second, &err), 0);
    second.boot_s = 1;
    assert_int_equal(check(TRIGGER_IDLE, 0, KEEP_RENT, second, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "ten years"));
}

static struct decider decider_of(enum trigger_kind trigger, int64_t arg, enum keep_kind keep, int64_t idle_s,
                                 struct terms terms)
{
    struct policy policy = {{trigger, arg}, {keep, idle_s}};
    return policy_decider(&policy, &terms);
}

static bool there_at(const struct decider *d, int64_t busy_until, int64_t uptime)
{
    struct rental rental = {true, 5000, 5000 + busy_until, policy_kept_until(d, 5000, 5000 + busy_until)};
    return uptime < busy_until || policy_reuses(&rental, 5000 + uptime);
}

/* facts, vector 34: a margin of 120 s; uptime 57:59 / 58:00 / 59:30 / 60:00 -> keep / end / end / keep */
static void vector_34(void **state)
{
    (void)state;
    struct terms terms = {.regime = REGIME_HOURLY, .price_per_hour = USD, .margin_s = 120};
    struct decider d = decider_of(TRIGGER_IDLE, 0, KEEP_HOUR, 0, terms);
    for (int64_t busy_s = 0; busy_s <= 3479; busy_s += 3479) { /* the bake has ended before the margin */
        assert_true(there_at(&d, busy_s, 57 * 60 + 59));
        assert_false(there_at(&d, busy_s, 58 * 60));
        assert_false(there_at(&d, busy_s, 59 * 60 + 30));
        assert_false(there_at(&d, busy_s, 60 * 60));
    }
    /* a bake that ends inside the margin: busy, so it is there, and ends with the bake */
    assert_true(there_at(&d, 3590, 59 * 60 + 30));
    assert_false(there_at(&d, 3590, 3590));
    /* a bake to the very end of the hour opens no other */
    assert_false(there_at(&d, 3600, 60 * 60));
    /* a bake that overruns the hour: another one is paid, up to its own margin */
    assert_true(there_at(&d, 3601, 60 * 60));
    assert_true(there_at(&d, 3601, 60 * 60 + 57 * 60 + 59));
    assert_false(there_at(&d, 3601, 60 * 60 + 58 * 60));
}

/* The rules once more: billed seconds, how long a rental serves, what a deployment adds. */
static int64_t literal_billed(const struct terms *t, int64_t ran_s)
{
    int64_t s = 0;
    if (t->regime == REGIME_SECOND)
        return ran_s < 60 ? 60 : ran_s;
    do
        s += 3600;
    while (s < ran_s);
    return s;
}

static int64_t literal_tail(const struct policy *p, const struct terms *t)
{
    if (p->keep.kind == KEEP_IDLE)
        return p->keep.idle_s;
    int64_t s = 0;
    if (p->keep.kind == KEEP_RENT) /* the first whole second at which the rent reaches a launch */
        while ((int128)t->price_per_hour * s < (int128)t->launch_cost * 3600 + (int128)t->price_per_hour * t->boot_s)
            s++;
    return s;
}

static int64_t literal_kept_until(const struct policy *p, const struct terms *t, int64_t begin, int64_t busy_until)
{
    if (p->keep.kind != KEEP_HOUR)
        return busy_until + literal_tail(p, t);
    int64_t end = begin + literal_billed(t, busy_until - begin) - t->margin_s;
    return end < busy_until ? busy_until : end;
}

static int64_t literal_marginal(const struct policy *p, const struct terms *t, const struct rental *r, int64_t at)
{
    int64_t tail_s = literal_tail(p, t);
    int64_t bake_at = at + t->prepare_s;
    if (!r->open || bake_at >= r->kept_until)
        return literal_billed(t, t->boot_s + t->bake_s + tail_s);
    return literal_billed(t, bake_at + t->bake_s + tail_s - r->begin) -
           literal_billed(t, r->busy_until + tail_s - r->begin);
}

struct moment {
    struct policy policy;
    struct terms terms;
    struct rental rental;
    struct pending pending;
    int64_t free_at;
};

static void draw_terms(struct philox *p, struct terms *t)
{
    *t = (struct terms){.regime = draw(p, 0, 1) ? REGIME_HOURLY : REGIME_SECOND};
    t->prepare_s = DRAW_OF(p, 0, 0, 1, 100, 4000);
    t->boot_s = DRAW_OF(p, 0, 1, 30, 600);
    t->bake_s = DRAW_OF(p, 0, 1, 59, 60, 61, 900, 3599, 3600, 3601);
    t->rollout_s = DRAW_OF(p, 0, 180);
    t->price_per_hour = DRAW_OF(p, 1, 130000000, 960000000, USD, 123456789);
    t->per_deploy = DRAW_OF(p, 0, 0, 1, 50000000, USD);
    t->delay_price_per_commit_hour = DRAW_OF(p, 6000000000, USD, 7777777777, 100 * USD, 123456);
    t->launch_cost = DRAW_OF(p, 0, 0, 1, 100000) * (t->price_per_hour > 1);
    t->margin_s = DRAW_OF(p, 0, 0, 120, 3600);
}

static void draw_moment(struct philox *p, struct moment *m)
{
    draw_terms(p, &m->terms);
    const struct terms *t = &m->terms;
    enum keep_kind keep = (enum keep_kind)draw(p, 0, 3);
    if (keep == KEEP_HOUR)
        m->terms.regime = REGIME_HOURLY;
    m->policy.keep = (struct keep){keep, keep == KEEP_IDLE ? DRAW_OF(p, 0, 1, 59, 600, 3600, 9000) : 0};
    m->policy.trigger = (struct trigger){TRIGGER_AREA, DRAW_OF(p, 0, 1, ONE / 4, ONE, 15 * ONE / 10, 2 * ONE)};
    m->rental.open = draw(p, 0, 4) != 0;
    m->rental.begin = 1000000 + draw(p, 0, 9000);
    m->rental.busy_until = m->rental.begin + t->boot_s + t->bake_s + draw(p, 0, 1) * draw(p, 0, 8000);
    m->rental.kept_until = literal_kept_until(&m->policy, t, m->rental.begin, m->rental.busy_until);
    m->free_at = m->rental.busy_until + t->rollout_s;
    m->pending.oldest = m->free_at + draw(p, -4000, 4000);
    m->pending.count = draw(p, 1, 5);
    for (int64_t i = 0; i < m->pending.count; i++)
        m->pending.arrival_sum += m->pending.oldest - draw(p, 0, 1) * draw(p, 0, 600);
}

static int64_t ready_of(const struct moment *m)
{
    return m->free_at > m->pending.oldest ? m->free_at : m->pending.oldest;
}

/* w x waiting >= theta x (K + price x marginal seconds), both sides times 3600 and 1e10 */
static bool area_reached(const struct moment *m, int64_t t)
{
    const struct terms *terms = &m->terms;
    int128 waiting_s = (int128)m->pending.count * t - m->pending.arrival_sum;
    int128 marginal_s = literal_marginal(&m->policy, terms, &m->rental, t);
    return (int128)terms->delay_price_per_commit_hour * waiting_s * ONE >=
           m->policy.trigger.arg * ((int128)terms->per_deploy * 3600 + terms->price_per_hour * marginal_s);
}

static void area_fires_at_the_first_second(void **state)
{
    (void)state;
    int reached = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        struct philox p = philox_stream(34, 0, i, 1);
        struct moment m = {0};
        draw_moment(&p, &m);
        struct decider d = policy_decider(&m.policy, &m.terms);
        int64_t fire = policy_fire_at(&d, m.free_at, &m.pending, &m.rental);
        int64_t t = ready_of(&m);
        int64_t end = t + FAIR;
        while (t < end && !area_reached(&m, t))
            t++;
        reached += t < end;
        if (t < end)
            assert_int_equal(fire, t);
        else
            assert_true(fire >= end);
    }
    assert_in_range(reached, 2000, 3999);
}

static void lengths_and_marginals(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 3000; i++) {
        struct philox p = philox_stream(34, 0, i, 2);
        struct moment m = {0};
        draw_moment(&p, &m);
        const struct rental *r = &m.rental;
        struct decider d = policy_decider(&m.policy, &m.terms);
        assert_int_equal(policy_kept_until(&d, r->begin, r->busy_until), r->kept_until);
        assert_int_equal(policy_rental_billed_s(&d, r->begin, r->busy_until),
                         literal_billed(&m.terms, r->busy_until - r->begin + literal_tail(&m.policy, &m.terms)));
        for (int64_t n = 0; n < 40; n++) {
            int64_t t = m.free_at + draw(&p, 0, 12000);
            assert_int_equal(policy_marginal_s(&d, r, t), literal_marginal(&m.policy, &m.terms, r, t));
        }
    }
}

static void pieces_tile_time(void **state)
{
    (void)state;
    int sloping = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        struct philox p = philox_stream(34, 0, i, 3);
        struct moment m = {0};
        draw_moment(&p, &m);
        struct decider d = policy_decider(&m.policy, &m.terms);
        int64_t t = m.free_at;
        int64_t end = t + FAIR;
        while (t < end) {
            struct area_piece piece = policy_area_piece_by(&d, d.meter, &m.rental, t);
            assert_int_equal(piece.from, t);
            assert_true(piece.until >= t);
            assert_in_range(piece.slope, 0, 1);
            sloping += piece.slope;
            for (; t < end && t <= piece.until; t++)
                assert_int_equal(literal_marginal(&m.policy, &m.terms, &m.rental, t),
                                 piece.seconds + piece.slope * (t - piece.from));
        }
    }
    assert_true(sloping > 100);
}

/* The other triggers, from the contract's sentences, second by second. */
static bool time_reached(const struct moment *m, int64_t t)
{
    int64_t arg = m->policy.trigger.arg;
    switch (m->policy.trigger.kind) {
    case TRIGGER_WINDOW:
        return t >= m->pending.oldest + arg;
    case TRIGGER_TRAIN:
        return t % arg == 0;
    case TRIGGER_COUNT:
        return m->pending.count >= arg;
    case TRIGGER_EVERY:
    case TRIGGER_IDLE:
    case TRIGGER_AREA:
    default:
        break;
    }
    return true;
}

static void other_triggers_fire_at_the_first_second(void **state)
{
    (void)state;
    static const enum trigger_kind kinds[] = {TRIGGER_EVERY, TRIGGER_IDLE, TRIGGER_COUNT, TRIGGER_WINDOW,
                                              TRIGGER_TRAIN};
    for (uint64_t i = 0; i < 3000; i++) {
        struct philox p = philox_stream(34, 0, i, 4);
        struct moment m = {0};
        draw_moment(&p, &m);
        enum trigger_kind kind = kinds[draw(&p, 0, 4)];
        int64_t arg = kind == TRIGGER_COUNT    ? draw(&p, 1, 6)
                      : kind == TRIGGER_WINDOW ? DRAW_OF(&p, 0, 1, 900, 3600)
                      : kind == TRIGGER_TRAIN  ? DRAW_OF(&p, 1, 7, 900, 3600)
                                               : 0;
        m.policy.trigger = (struct trigger){kind, arg};
        struct decider d = policy_decider(&m.policy, &m.terms);
        int64_t fire = policy_fire_at(&d, m.free_at, &m.pending, &m.rental);
        int64_t t = ready_of(&m);
        int64_t end = t + FAIR;
        while (t < end && !time_reached(&m, t))
            t++;
        assert_int_equal(fire, t < end ? t : POLICY_NEVER);
    }
}

static void who_hears_arrivals(void **state)
{
    (void)state;
    assert_true(policy_hears_arrivals(TRIGGER_COUNT) && policy_hears_arrivals(TRIGGER_AREA));
    assert_true(policy_hears_arrivals(TRIGGER_MDP) && policy_learns(TRIGGER_SQRT) && !policy_learns(TRIGGER_AREA));
    assert_false(policy_hears_arrivals(TRIGGER_EVERY) || policy_hears_arrivals(TRIGGER_IDLE) ||
                 policy_hears_arrivals(TRIGGER_WINDOW) || policy_hears_arrivals(TRIGGER_TRAIN));
}

/* By hand: K = 1, an hour at 0.50 for a launch: 1.50 at theta 2 is 3.00; w = 0.75 an hour: 4 commit-hours. */
static void area_wait_by_hand(void **state)
{
    (void)state;
    struct terms terms = {.regime = REGIME_HOURLY,
                          .bake_s = 10,
                          .price_per_hour = USD / 2,
                          .per_deploy = USD,
                          .delay_price_per_commit_hour = USD * 3 / 4};
    struct decider d = decider_of(TRIGGER_AREA, 2 * ONE, KEEP_TERMINATE, 0, terms);
    assert_int_equal(d.launch_s, 3600);
    assert_int_equal((int64_t)d.launch_wait, 4 * 3600);
    assert_int_equal((int64_t)policy_area_wait(&d, 3600), 4 * 3600);
    /* K alone: 2.00 / 0.75 an hour = 9,600 s; one second of running more is 2 x 0.5 / 0.75 s, rounded up */
    assert_int_equal((int64_t)policy_area_wait(&d, 0), 9600);
    assert_int_equal((int64_t)policy_area_wait(&d, 1), 9602);
    assert_int_equal((int64_t)policy_area_wait(&d, 3), 9604);
}

/* Where stretches meet, and where waiting grows no faster than what is asked for. */
static void area_between_stretches(void **state)
{
    (void)state;
    /* Hourly: until 2,700 a bake of 900 s fits the paid hour, then it costs another one, from 3,600 on a launch does:
     * an hour as well. 899 s of waiting at 3,600 an hour pay an hour at 899: exactly at 2,701 + 899 = 3,600. */
    struct terms terms = {
        .regime = REGIME_HOURLY, .bake_s = 900, .price_per_hour = 899, .delay_price_per_commit_hour = 3600};
    struct decider d = decider_of(TRIGGER_AREA, ONE, KEEP_HOUR, 0, terms);
    struct rental rental = {true, 0, 900, 3600};
    struct pending p = {1, 2701, 2701};
    assert_int_equal(policy_fire_at(&d, 900, &p, &rental), 3600);
    p = (struct pending){1, 2700, 2700}; /* a second earlier it costs nothing */
    assert_int_equal(policy_fire_at(&d, 900, &p, &rental), 2700);

    /* By the second, w equal to the price, K a whole USD: each second waited costs one more, up to the end of the 600
     * idle seconds. Then a launch is 660 s, whenever: t - 100 = 3,600 + 660. */
    terms = (struct terms){.regime = REGIME_SECOND,
                           .bake_s = 60,
                           .price_per_hour = USD,
                           .per_deploy = USD,
                           .delay_price_per_commit_hour = USD};
    d = decider_of(TRIGGER_AREA, ONE, KEEP_IDLE, 600, terms);
    rental = (struct rental){true, 0, 100, 700};
    p = (struct pending){1, 100, 100};
    assert_int_equal(policy_fire_at(&d, 100, &p, &rental), 4360);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(triggers_are_read_and_printed),
        cmocka_unit_test(keeps_are_read_and_printed),
        cmocka_unit_test(bad_triggers_are_refused),
        cmocka_unit_test(bad_keeps_are_refused),
        cmocka_unit_test(what_cannot_work_is_refused),
        cmocka_unit_test(vector_34),
        cmocka_unit_test(area_fires_at_the_first_second),
        cmocka_unit_test(lengths_and_marginals),
        cmocka_unit_test(pieces_tile_time),
        cmocka_unit_test(other_triggers_fire_at_the_first_second),
        cmocka_unit_test(who_hears_arrivals),
        cmocka_unit_test(area_wait_by_hand),
        cmocka_unit_test(area_between_stretches),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
