/*
 * Where a month leads: intervals that hold as often as they say, on months that are simulated here; the schedule of a
 * policy on the fitted workload; what one more deployment adds to the bill, worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/philox.h"
#include "sim/fitted_forecast.h"
#include "sim/outcome.h"
#include "tests/support_bill.h"

#ifdef __SANITIZE_ADDRESS__
#define MONTHS 500
#define PASTS  8
#else
#define MONTHS 4000
#define PASTS  50
#endif

/* Of printed tables, three decimals. */
static void students_percentiles(void **state)
{
    (void)state;
    static const struct {
        size_t freedom;
        double t;
    } table[] = {{6, 1.943}, {7, 1.895}, {10, 1.812}, {14, 1.761}, {29, 1.699}, {55, 1.673}, {1000, 1.646}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_float_equal(outlook_t95(table[i].freedom), table[i].t, 0.0008);
}

/* ---- simulated days ---- */

enum world { SAME_DAYS, BUSY_WEEK, RARE_DAYS };

/* What a day costs, in 1e-10 USD: many small deployments; none at weekends; or now and then a dear one. */
static int64_t draw_day(struct philox *p, enum world world, int64_t day)
{
    int64_t deployments = 0;
    double mean = world == RARE_DAYS ? 0.5 : world == SAME_DAYS ? 8 : day % 7 < 5 ? 10 : 1;
    double t = philox_exponential(p);
    while (t < mean) {
        deployments++;
        t += philox_exponential(p);
    }
    int64_t usd = 0;
    for (int64_t i = 0; i < deployments; i++)
        usd += MONEY_PER_USD / 10 + (int64_t)philox_below(p, MONEY_PER_USD / 10);
    return usd;
}

#define PAST 56

/* One month of 31 days behind eight weeks: known up to the end of day `known`. */
struct month {
    int64_t past[PAST]; /* the complete days up to the look */
    int64_t days[31];
    int known;
    int64_t so_far, whole;
};

static void draw_month(struct month *m, enum world world, uint32_t number)
{
    struct philox p = philox_stream(31, number, (uint64_t)world, 9);
    int64_t all[PAST + 31];
    int64_t monday = (int64_t)philox_below(&p, 7);
    for (int i = 0; i < PAST + 31; i++)
        all[i] = draw_day(&p, world, monday + i);
    *m = (struct month){.known = 5 + (int)philox_below(&p, 24)};
    for (int i = 0; i < 31; i++) {
        m->days[i] = all[PAST + i];
        m->whole += m->days[i];
        m->so_far += i < m->known ? m->days[i] : 0;
    }
    memcpy(m->past, all + m->known, sizeof(m->past));
}

static struct outlook_interval interval_of(const struct month *m, const struct outlook_series *s)
{
    return outlook_interval(s, m->so_far, m->so_far / m->known * 31, (int64_t)m->known * 86400,
                            (int64_t)(31 - m->known) * 86400);
}

static double month_coverage(enum world world)
{
    int held = 0;
    for (uint32_t n = 0; n < MONTHS; n++) {
        struct month m;
        draw_month(&m, world, n);
        struct outlook_series s = outlook_series(m.past, PAST);
        struct outlook_interval i = interval_of(&m, &s);
        assert_true(i.known);
        held += m.whole >= i.low && m.whole <= i.high;
    }
    return (double)held / MONTHS;
}

/* 4,000 months: a standard error of half a percent. With quiet weekends the interval is wider than it need be. */
static void nine_months_in_ten_end_in_the_interval(void **state)
{
    (void)state;
    double same = month_coverage(SAME_DAYS);
    double rare = month_coverage(RARE_DAYS);
    double week = month_coverage(BUSY_WEEK);
    if (same < 0.88 || same > 0.92 || rare < 0.87 || rare > 0.93 || week < 0.88 || week > 0.999)
        fail_msg("90 %% of the months: %.3f, %.3f with rare days, %.3f with weekends", same, rare, week);
}

/* Of days known, the instant at which the sum reaches the pool, within the day by its share. */
static int64_t runs_out_s(const struct month *m, int64_t pool)
{
    int64_t sum = 0;
    for (int i = 0; i < 31; i++) {
        if (sum + m->days[i] >= pool)
            return (int64_t)i * 86400 + (int64_t)((double)(pool - sum) / (double)m->days[i] * 86400);
        sum += m->days[i];
    }
    return INT64_MAX;
}

/* Hours are drawn as money was: a millionth of an hour for ten units. A pool that lasts to the third week or so. */
static void nine_pools_in_ten_run_out_in_time(void **state)
{
    (void)state;
    int held = 0;
    int looked_at = 0;
    instant_t begin = at("2018-08-01");
    for (uint32_t n = 0; n < MONTHS; n++) {
        struct month m;
        draw_month(&m, SAME_DAYS, n);
        struct outlook_series s = outlook_series(m.past, PAST);
        int64_t pool = (int64_t)(s.mean * 20);
        if (m.so_far >= pool)
            continue;
        struct spending spending = {.at = begin + (int64_t)m.known * 86400,
                                    .month = calendar_month(begin),
                                    .elapsed_s = (int64_t)m.known * 86400,
                                    .length_s = (int64_t)31 * 86400,
                                    .has_pool = true,
                                    .pool_hours = pool};
        struct outlook_run_out r = outlook_run_out(&s, &spending, m.so_far);
        int64_t truth = runs_out_s(&m, pool);
        instant_t when = truth == INT64_MAX ? INT64_MAX : begin + truth;
        assert_true(r.known && r.early <= r.late);
        looked_at++;
        held += when >= r.early - 3600 && (r.late == INT64_MAX || when <= r.late + 3600);
    }
    assert_true(looked_at > MONTHS / 4);
    /* An hour of width at either end, and days in which it is not even: a little more than nine in ten. */
    if (held < 0.88 * looked_at || held > 0.96 * looked_at)
        fail_msg("%d of %d pools", held, looked_at);
}

/* ---- the fitted workload ---- */

static struct model paid_by(money_t per_deploy, money_t per_hour, int64_t bake_s)
{
    struct model m = {0};
    m.terms =
        (struct terms){.bake_s = bake_s, .regime = REGIME_SECOND, .price_per_hour = per_hour, .per_deploy = per_deploy};
    return m;
}

static struct workload busy(void)
{
    static const char text[] = "{\"name\": \"w\", \"start\": \"2018-01-01\", \"days\": 365, \"per_week\": 60,"
                               "\"burst\": {\"share\": 0.4, \"gap_s\": 120}}";
    struct workload w;
    struct err err;
    assert_int_equal(workload_parse(&w, "w", text, strlen(text), &err), 0);
    return w;
}

/* Each commit is a deployment of one dollar: 60 a week for 16 days are 137.14; a draw's variance, with bursts of 1 / (1
 * - 0.4) commits on average, is mean x (1 + 2 x 0.4 / 0.6 ...): below 5 x the mean, so 400 draws lie within 4 of it. */
static void each_draw_is_priced(void **state)
{
    (void)state;
    struct workload w = busy();
    struct model m = paid_by(MONEY_PER_USD, 0, 0);
    struct policy every = {{TRIGGER_EVERY, 0}, {KEEP_TERMINATE, 0}};
    struct fitted f = fitted_of_workload(&w, w.start);
    struct outlook_next rest;
    struct err err;
    assert_int_equal(fitted_forecast(&rest, &f, &every, &m, at("2018-08-16"), at("2018-09-01"), &err), 0);
    assert_int_equal(rest.deployments, FITTED_DRAWS);
    assert_in_range(rest.mean, 133 * MONEY_PER_USD, 141 * MONEY_PER_USD);
    assert_true(rest.low < rest.mean && rest.mean < rest.high);
    assert_int_equal(rest.mean % (MONEY_PER_USD / FITTED_DRAWS), 0); /* whole dollars over 400 */
    /* A trend goes on up to the instant and no further: twice as much a year later. */
    w.trend_per_year = 2;
    f = fitted_of_workload(&w, w.start + 31557600);
    assert_float_equal(f.workload.per_week, 120, 1e-9);
    assert_float_equal(f.workload.trend_per_year, 1, 0);
}

/* A quarter of a year of a known workload is fitted, and the next 16 days come out of the same one. Each deployment is
 * a tenth of a dollar. Of 137 commits in 82 bursts (0.6 of them begin one) each burst is deployed, and no commit twice.
 * So their variance is that of the bursts, 82, at least, and that of the commits at most: 137 x 1.4 / 0.6 = 320, and
 * what is not known of the level, 137^2 x 2.33 / (13 x 60) = 56. Nine in ten lie within 3.29 standard deviations: 30 to
 * 64 deployments; a fifth more and less for what 400 draws of a fit are off. */
static void the_rest_lies_in_the_interval(void **state)
{
    (void)state;
    int held = 0;
    struct model m = paid_by(MONEY_PER_USD / 10, MONEY_PER_USD, 600);
    struct policy idle = {{TRIGGER_IDLE, 0}, {KEEP_TERMINATE, 0}};
    int64_t *drawn = NULL;
    size_t cap = 0;
    struct replay scratch;
    replay_init(&scratch);
    for (uint32_t n = 0; n < PASTS; n++) {
        struct workload w = busy();
        struct outlook_next rest;
        struct outcome truth;
        struct fitted f;
        struct err err;
        size_t count;
        w.start = at("2018-05-17");
        w.end = at("2018-08-16");
        assert_int_equal(workload_draw(&w, 4711, n, &drawn, &cap, &count, &err), 0);
        assert_int_equal(fitted_of_history(&f, drawn, count, &err), 0);
        assert_int_equal(fitted_forecast(&rest, &f, &idle, &m, at("2018-08-16"), at("2018-09-01"), &err), 0);
        w.start = at("2018-08-16");
        w.end = at("2018-09-01");
        assert_int_equal(workload_draw(&w, 815, n, &drawn, &cap, &count, &err), 0);
        const struct commits commits = {drawn, drawn, count};
        assert_int_equal(outcome_run(&truth, &idle, &m, &commits, &scratch, false, &err), 0);
        held += truth.money >= rest.low && truth.money <= rest.high;
        assert_in_range(rest.high - rest.low, 24 * (MONEY_PER_USD / 10), 77 * (MONEY_PER_USD / 10));
        outcome_release(&truth);
    }
    replay_release(&scratch);
    free(drawn);
    /* Of 50 nine in ten are 45, and 39 or less a hundredth's chance. */
    if (held < 0.78 * PASTS - 1)
        fail_msg("%d of %d", held, PASTS);
}

/* ---- one more deployment ---- */

#define PRICES "type,region,os,effective,usd_per_hour\nm4.large,r,linux,2010-01-01,0.1\n"

struct scene {
    struct ledger *ledger;
    struct bill_files held;
    struct bill_sources sources;
};

static void must(int code, const struct err *err)
{
    if (code)
        fail_msg("%s", err->text);
}

static void record(struct scene *s, const char *deployment, const char *resource, const char *kind, const char *start,
                   const char *end, bool open)
{
    struct err err = {0};
    enum ledger_booked booked;
    struct catalog *c = NULL;
    bool instance = strcmp(kind, "instance") == 0;
    const struct ledger_scope scope = {deployment, "production", ""};
    const struct ledger_usage u = {.key = resource,
                                   .kind = kind,
                                   .resource = resource,
                                   .account = "",
                                   .type = instance ? "m4.large" : "",
                                   .region = "r",
                                   .zone = "",
                                   .os = instance ? "linux" : "",
                                   .quantity = instance ? 0 : 2 * CHARGE_QUANTITY,
                                   .start = at(start),
                                   .end = at(end),
                                   .open = open,
                                   .usd = instance ? -1 : usd("0.05"),
                                   .regime = CHOOSE_HOURLY};
    must(catalog_open_text(&c, "prices", PRICES, strlen(PRICES), NULL, &err), &err);
    must(ledger_record(s->ledger, &u, &scope, c, at(end), &booked, &err), &err);
    catalog_free(c);
}

static void begin(struct scene *s, const char *reserved)
{
    struct err err = {0};
    *s = (struct scene){.held = {.names = names_new()}};
    must(ledger_open(&s->ledger, ":memory:", LEDGER_WRITE, &err), &err);
    s->sources.reserved = reserved;
    if (reserved)
        must(reservations_open_text(&s->held.reservations, s->held.names, "reserved", reserved, strlen(reserved), NULL,
                                    &err),
             &err);
}

static void deployed(struct scene *s, const char *id, const char *started, const char *ended)
{
    struct err err = {0};
    const struct ledger_scope scope = {id, "production", ""};
    must(ledger_deployment_begin(s->ledger, &scope, "c", at(started), 0, "", at(started), &err), &err);
    must(ledger_deployment_end(s->ledger, id, at(ended), "completed", at(ended), &err), &err);
}

static struct margin margin_at(struct scene *s, const char *now)
{
    struct margin m;
    struct err err = {0};
    must(margin_of_next(&m, s->ledger, NULL, at(now), &s->held, &s->sources, NULL, &err), &err);
    return m;
}

static void end(struct scene *s)
{
    ledger_close(s->ledger);
    bill_files_release(&s->held);
}

static void a_deployment_alone(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, NULL);
    assert_false(margin_at(&s, "2018-08-16").known);
    record(&s, "d-1", "i-1", "instance", "2018-08-01T10:00:00Z", "2018-08-01T10:25:00Z", false);
    record(&s, "d-1", "snap-1", "snapshot", "2018-08-01T10:20:00Z", "2018-08-31T10:20:00Z", false);
    deployed(&s, "d-1", "2018-08-01T09:58:00Z", "2018-08-01T10:30:00Z");
    /* An hour; and 2 GB at 0.05 for 30 days from 00:22 on: 16 days less 22 min of 31, 14 and those of 30. */
    struct margin m = margin_at(&s, "2018-08-16");
    assert_true(m.known && !m.reuses);
    assert_string_equal(m.like, "d-1");
    assert_int_equal(m.usd, usd("0.1982812127"));
    assert_int_equal(m.on_demand_usd, m.usd);
    end(&s);
}

static void a_paid_hour_is_used(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, NULL);
    record(&s, "d-1", "i-1", "instance", "2018-08-01T10:00:00Z", "2018-08-01T10:30:00Z", true);
    deployed(&s, "d-1", "2018-08-01T10:00:00Z", "2018-08-01T10:25:00Z");
    struct margin m = margin_at(&s, "2018-08-01T10:30:00Z");
    assert_true(m.reuses);
    assert_int_equal(m.usd, 0);
    assert_int_equal(m.on_demand_usd, usd("0.1"));
    assert_int_equal(margin_at(&s, "2018-08-01T10:40:00Z").usd, usd("0.1")); /* up to 11:05 */
    end(&s);
}

#define YEAR "type,region,hourly_usd,start,end\nm4.large,r,0.05,2018-01-01,2019-01-01\n"

static void a_reservation_that_nobody_uses(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, YEAR);
    record(&s, "d-1", "i-1", "instance", "2018-08-01T10:00:00Z", "2018-08-01T10:25:00Z", false);
    deployed(&s, "d-1", "2018-08-01T10:00:00Z", "2018-08-01T10:25:00Z");
    assert_int_equal(margin_at(&s, "2018-08-02").usd, 0);
    assert_int_equal(margin_at(&s, "2018-08-02").on_demand_usd, usd("0.1"));
    /* The fleet takes it, and goes on to. */
    record(&s, "", "i-fleet", "instance", "2018-08-01", "2018-08-01T20:00:00Z", true);
    assert_int_equal(margin_at(&s, "2018-08-02").usd, usd("0.1"));
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(students_percentiles),
        cmocka_unit_test(nine_months_in_ten_end_in_the_interval),
        cmocka_unit_test(nine_pools_in_ten_run_out_in_time),
        cmocka_unit_test(each_draw_is_priced),
        cmocka_unit_test(the_rest_lies_in_the_interval),
        cmocka_unit_test(a_deployment_alone),
        cmocka_unit_test(a_paid_hour_is_used),
        cmocka_unit_test(a_reservation_that_nobody_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
