/*
 * Value iteration against another one that keeps every state by itself: deployments are stepped through second
 * dimension by second dimension, in double precision, without distributions worked out beforehand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/philox.h"
#include "scheduler/solve.h"
#include "tests/support_draw.h"

#define USD MONEY_PER_USD

#define MOODS ARRIVALS_MOODS
#define PEND  15 /* numbers of commits that are told apart: as solve.c does, up to 24 */
#define HOLDS 6  /* steps of the longest deployment here, and one more */
#define KEPT  61

static const int pending[PEND] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24};

/* So many commits more: on the line between two of the numbers, and beyond the last the last's. */
struct above {
    int n;
    double part; /* of the next number */
};

static struct above above(double commits)
{
    for (int n = 0; n + 1 < PEND; n++)
        if (commits < pending[n + 1])
            return (struct above){n, (commits - pending[n]) / (pending[n + 1] - pending[n])};
    return (struct above){PEND - 1, 0};
}

/* What is still to pay, by steps to go until the server is free (0: free now). */
typedef double value[HOLDS][MOODS][PEND][KEPT];

struct slow {
    const struct arrivals *a;
    const struct decider *d;
    int hold, kept, horizon; /* horizon: minutes back until nothing changes any more */
    value *now, *next;
    struct above above[PEND][ARRIVALS_SIZES]; /* by the number and the size that comes */
};

/* Moods as arrivals.h tells them: five memories in each of the first five gaps, calm and busy in the other six. */
static struct place {
    int of, later; /* its class, and the mood when the gap is over */
    double leave;
} places[MOODS];

static void find_places(void)
{
    static const int width[ARRIVALS_GAPS] = {1, 1, 1, 2, 3, 7, 15, 30, 60, 120, 0};
    for (int m = 0; m < MOODS; m++) {
        int gap = m < 25 ? m / 5 : 5 + (m - 25) / 2;
        int memory = m < 25 ? m % 5 : (m - 25) % 2;
        int busy = memory > 0;
        places[m].of = gap < 2 ? memory : gap < 5 ? 5 + memory : 10 + busy;
        places[m].leave = width[gap] ? 1.0 / width[gap] : 0;
        places[m].later = gap < 4 ? m + 5 : gap == 4 ? 25 + busy : m + 2;
    }
}

/* The mean over what a minute can bring. */
static double after_a_minute(const struct slow *s, int to_go, int m, int n, int x)
{
    const struct arrivals *a = s->a;
    const struct place *from = &places[m];
    int then = x > 0 ? x - 1 : 0;
    double p = a->chance[0][m];
    double sum = 0;
    for (int k = 0; k < ARRIVALS_SIZES && a->size[from->of][k] > 0; k++)
        for (int z = 0; z < ARRIVALS_MEMORIES; z++) {
            double q = p * a->size[from->of][k] * a->turn[from->of][k < 2 ? k : 2][z];
            const struct above *to = &s->above[n][k];
            if (q <= 0)
                continue;
            sum += q * (1 - to->part) * (*s->next)[to_go][z][to->n][then];
            if (to->part > 0)
                sum += q * to->part * (*s->next)[to_go][z][to->n + 1][then];
        }
    sum += (1 - p) * (1 - from->leave) * (*s->next)[to_go][m][n][then];
    if (from->leave > 0)
        sum += (1 - p) * from->leave * (*s->next)[to_go][from->later][n][then];
    return sum;
}

static double deploy_value(const struct slow *s, int m, int x, value *now)
{
    /* hourly, no boot, no preparation: the paid minutes that are left when it begins */
    const struct terms *t = &s->d->terms;
    int bake = (int)(t->bake_s / 60);
    double money = (double)t->per_deploy;
    int left = x;
    bool hour = s->d->policy.keep.kind == KEEP_HOUR;
    if (!hour || x == 0) {
        money += (double)t->price_per_hour;
        left = 60;
    } else if (x < bake) {
        money += (double)t->price_per_hour;
        left = x + 60;
    }
    if (!hour)
        left = 0;
    /* the instance's minutes run while the server is held; what is left over 60 is none of its states */
    int then = hour ? left - bake : 0;
    return money + (*now)[s->hold][m][0][then];
}

/* Held states know the kept minutes at the deployment's end. */
static void a_minute_back(struct slow *s, uint8_t need[MOODS][KEPT])
{
    double per_minute = (double)s->d->terms.delay_price_per_commit_hour / 60;
    for (int to_go = s->hold; to_go >= 1; to_go--)
        for (int m = 0; m < MOODS; m++)
            for (int n = 0; n < PEND; n++)
                for (int x = 0; x < s->kept; x++) {
                    /* the shift of x is taken back: it was given for the end */
                    int keep = x + 1 < s->kept ? x + 1 : x;
                    if (x == 0)
                        keep = 0;
                    (*s->now)[to_go][m][n][x] = pending[n] * per_minute + after_a_minute(s, to_go - 1, m, n, keep);
                }
    for (int m = 0; m < MOODS; m++)
        for (int x = 0; x < s->kept; x++) {
            double deploy = deploy_value(s, m, x, s->now);
            need[m][x] = TABLE_WAIT;
            for (int n = PEND - 1; n >= 0; n--) {
                double wait = pending[n] * per_minute + after_a_minute(s, 0, m, n, x);
                bool enough = n > 0 && deploy <= wait;
                (*s->now)[0][m][n][x] = enough ? deploy : wait;
                if (enough)
                    need[m][x] = (uint8_t)pending[n];
            }
        }
}

/* What a minute costs comes closer to its limit by the same factor each so many minutes: three looks give the limit. */
static double limit_of(const double look[3])
{
    double first = look[1] - look[0];
    double second = look[2] - look[1];
    return first == second ? look[2] : look[2] + second * second / (first - second);
}

static void solve_slowly(struct slow *s, uint8_t need[MOODS][KEPT], double *per_minute)
{
    double look[3] = {0};
    s->now = mem_zero(1, sizeof(value));
    s->next = mem_zero(1, sizeof(value));
    double last = 0;
    for (int n = 0; n < PEND; n++)
        for (int k = 0; k < ARRIVALS_SIZES; k++)
            s->above[n][k] = above(pending[n] + s->a->commits[k]);
    for (int t = 1; t <= s->horizon; t++) {
        a_minute_back(s, need);
        if (t % (s->horizon / 3) == 0)
            look[t / (s->horizon / 3) - 1] = (*s->now)[0][MOODS - 2][0][0] - last;
        last = (*s->now)[0][MOODS - 2][0][0];
        value *swap = s->now;
        s->now = s->next;
        s->next = swap;
    }
    *per_minute = limit_of(look);
    free(s->now);
    free(s->next);
}

/* The same chances in all hours, so that a few hours back the table no longer changes. */
static void make_model(struct arrivals *a, struct philox *p, double busier)
{
    memset(a, 0, sizeof(*a));
    double level = busier * (double)DRAW_OF(p, 2, 10, 40) / 1000;
    for (int m = 0; m < MOODS; m++) {
        double chance = level * (0.5 + philox_unit(p));
        for (int h = 0; h < ARRIVALS_HOURS; h++)
            a->chance[h][m] = chance;
    }
    for (int k = 0; k < ARRIVALS_CLASSES; k++) {
        a->size[k][0] = 0.6;
        a->size[k][1] = 0.15 - 0.03 * philox_unit(p);
        a->size[k][2] = 0.15;
        a->size[k][3] = 1 - a->size[k][0] - a->size[k][1] - a->size[k][2];
        for (int i = 0; i < ARRIVALS_TURNS; i++) {
            int one = (int)philox_below(p, ARRIVALS_MEMORIES);
            a->turn[k][i][one] = 0.2 + 0.6 * philox_unit(p);
            a->turn[k][i][(one + 1) % ARRIVALS_MEMORIES] = 1 - a->turn[k][i][one];
        }
    }
    a->commits[0] = 1;
    a->commits[1] = 2;
    a->commits[2] = 3.4;
    a->commits[3] = 9.3; /* wider than it would be fitted: between two numbers that are told apart */
}

/* delay_price: 0 for one that is drawn. */
static void compare(uint64_t seed, enum keep_kind keep, money_t delay_price)
{
    struct philox p = philox_stream(81, 0, seed, 1);
    struct arrivals a;
    make_model(&a, &p, keep == KEEP_HOUR ? 2 : 1);
    struct terms t = {.bake_s = keep == KEEP_HOUR ? 120 : 60 * DRAW_OF(&p, 2, 5),
                      .regime = REGIME_HOURLY,
                      .price_per_hour = USD,
                      .per_deploy = DRAW_OF(&p, 0, USD / 10),
                      .delay_price_per_commit_hour = DRAW_OF(&p, USD / 5, USD, 3 * USD)};
    if (delay_price)
        t.delay_price_per_commit_hour = delay_price;
    struct policy policy = {{TRIGGER_MDP, 0}, {keep, 0}};
    struct decider d = policy_decider(&policy, &t);
    struct policy_table table;
    policy_table_init(&table);
    solve_policy(&table, &a, &d);
    struct slow slow = {.a = &a,
                        .d = &d,
                        .hold = (int)(t.bake_s / 60),
                        .kept = keep == KEEP_HOUR ? KEPT : 1,
                        .horizon = keep == KEEP_HOUR ? 900 : 6000};
    static uint8_t need[MOODS][KEPT];
    double per_minute = 0;
    solve_slowly(&slow, need, &per_minute);
    assert_int_equal(table.kept, slow.kept);
    assert_int_equal(table.step_s, 60);
    double week = per_minute * 10080;
    if (table.per_week < 0.998 * week || table.per_week > 1.002 * week)
        fail_msg("a week costs %.0f, not %.0f", table.per_week, week);
    int other = 0;
    for (int m = 0; m < MOODS; m++)
        for (int x = 0; x < slow.kept; x++) {
            int fast = table.need[(size_t)m * (size_t)table.kept + (size_t)x];
            other += fast != need[m][x];
            /* rounding and rare endings can turn a tie, by one of those told apart */
            if (fast != TABLE_WAIT && need[m][x] != TABLE_WAIT)
                assert_in_range(fast - need[m][x] + 2, 0, 4);
        }
    assert_true((other - 1) * 50 <= MOODS * slow.kept);
    policy_table_release(&table);
}

static void launches_alone(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    compare(0, KEEP_TERMINATE, 0);
#else
    for (uint64_t i = 0; i < 3; i++)
        compare(i, KEEP_TERMINATE, 0);
#endif
}

/* Cheap enough for eight to wait, where the others deploy at one: how many come at once, and how many are pending then,
 * counts. */
static void many_wait(void **state)
{
    (void)state;
    compare(0, KEEP_TERMINATE, USD / 20);
}

static void paid_hours(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    compare(10, KEEP_HOUR, 0);
#else
    for (uint64_t i = 10; i < 12; i++)
        compare(i, KEEP_HOUR, 0);
#endif
}

/* A table says what it was made for, and is read back only for the same. */
static void tables_are_saved_and_read(void **state)
{
    (void)state;
    /* hour, minutes since the last commit, busy, and the run where it is told */
    static const char *const keys[] = {"\n0\t0\t0\t1\t", "\n0\t0\t1\t1\t", "\n3\t1\t1\t2\t",    "\n5\t3\t1\t4\t",
                                       "\n9\t5\t1\t8\t", "\n9\t8\t1\t0\t", "\n167\t240\t0\t0\t"};
    struct philox p = philox_stream(82, 0, 0, 1);
    struct arrivals a;
    struct err err;
    make_model(&a, &p, 1);
    struct terms t = {
        .bake_s = 300, .regime = REGIME_HOURLY, .price_per_hour = USD, .delay_price_per_commit_hour = USD};
    struct policy policy = {{TRIGGER_MDP, 0}, {KEEP_HOUR, 0}};
    struct decider d = policy_decider(&policy, &t);
    struct policy_table table;
    struct policy_table back;
    struct str text;
    policy_table_init(&table);
    policy_table_init(&back);
    str_init(&text, 0);
    solve_policy(&table, &a, &d);
    policy_table_save(&table, &d, &text);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (!strstr(text.text, keys[i]))
            fail_msg("no row begins with%s", keys[i]);
    if (policy_table_load(&back, "t.tsv", text.text, &d, &err))
        fail_msg("%s", err.text);
    assert_int_equal(back.kept, table.kept);
    assert_int_equal(back.step_s, table.step_s);
    assert_memory_equal(back.need, table.need, (size_t)ARRIVALS_HOURS * MOODS * (size_t)table.kept);
    struct str again;
    str_init(&again, 0);
    policy_table_save(&back, &d, &again);
    assert_string_equal(again.text, text.text);
    t.bake_s = 301;
    struct decider other = policy_decider(&policy, &t);
    assert_int_equal(policy_table_load(&back, "t.tsv", text.text, &other, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "t.tsv:2: the table was made for other durations"));
    str_release(&again);
    str_release(&text);
    policy_table_release(&table);
    policy_table_release(&back);
}

static void load(const char *body, const char *said)
{
    struct terms t = {
        .bake_s = 300, .regime = REGIME_HOURLY, .price_per_hour = USD, .delay_price_per_commit_hour = USD};
    struct policy policy = {{TRIGGER_MDP, 0}, {KEEP_TERMINATE, 0}};
    struct decider d = policy_decider(&policy, &t);
    struct policy_table back;
    struct err err;
    policy_table_init(&back);
    int code = policy_table_load(&back, "x", body, &d, &err);
    if (!code || !strstr(err.text, said))
        fail_msg("%s: %s", said, code ? err.text : "was read");
    assert_null(back.need);
}

#define MADE_FOR                                                                                                       \
    "# bakehour mdp 2\n# prepare 0 boot 0 bake 300 rollout 0 margin 0 s, hourly, price 1.0000000000 per-deploy "       \
    "0.0000000000 delay-price 1.0000000000 launch 0.0000000000 USD, keep terminate\n"
#define NAMES "#hour\tgap_min\tbusy\trun\tneed\n"

static void broken_tables_are_refused(void **state)
{
    (void)state;
    load("", "x:1: this is no policy table");
    load("# bakehour mdp 1\n", "x:1: this is no policy table");
    load("# bakehour mdp 2\n", "x:2: the table was made for other durations");
    load(MADE_FOR, "x:3: \"# step_s S kept N\" was expected");
    load(MADE_FOR "# step_s 0 kept 1\n", "x:3: \"# step_s S kept N\"");
    load(MADE_FOR "# step_s 60 kept 513\n", "x:3: \"# step_s S kept N\"");
    load(MADE_FOR "# step_s 60 kept 2 \n", "x:3: \"# step_s S kept N\"");
    load(MADE_FOR "# step_s 60 kept 2\nhour\n", "x:4: the names of the columns");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES, "x:5: the table ends too early");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "1\t0\t0\t1\t1*2\n",
         "x:5: the row of hour, gap_min, busy, run = 0\t0\t0\t1");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t1*2\n", "x:6: the table ends too early");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t0*2\n", "x:5: a need is");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t129*2\n", "x:5: a need is");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t1*3\n", "x:5: \"need*steps\" was expected");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t1*0\n", "x:5: \"need*steps\" was expected");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t-*1\n", "x:5: the runs do not add up");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t1*1 \n", "x:5: one blank stands between");
    load(MADE_FOR "# step_s 60 kept 2\n" NAMES "0\t0\t0\t1\t\n", "x:5: the runs do not add up");
}

int main(void)
{
    find_places();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launches_alone),
        cmocka_unit_test(many_wait),
        cmocka_unit_test(paid_hours),
        cmocka_unit_test(tables_are_saved_and_read),
        cmocka_unit_test(broken_tables_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
