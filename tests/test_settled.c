/* The ledger as its months' bills have it: looks that book nothing, held against the bill made from the same usage as a
 * file; settling for good while uses run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"
#include "base/str.h"
#include "billing/budget_guard.h"
#include "billing/settled.h"
#include "tests/support_bill.h"
#include "tests/support_oracle.h"

#define PRICES                                                                                                         \
    "type,region,os,effective,usd_per_hour\nm4.large,r,linux,2010-01-01,0.1\nm4.xlarge,r,linux,2010-01-01,0.2\n"       \
    "c4.large,r,linux,2010-01-01,0.1\nt2.micro,r,linux,2010-01-01,0.0116\nm4.large,r,linux,2018-08-16,0.09\n"
#define HELD "account,type,region,model,count,upfront_usd,hourly_usd,start,end\n"

static void must(int code, const struct err *err)
{
    if (code)
        fail_msg("%s", err->text);
}

static struct catalog *prices(void)
{
    struct catalog *c = NULL;
    struct err err = {0};
    must(catalog_open_text(&c, "prices", PRICES, strlen(PRICES), NULL, &err), &err);
    return c;
}

static struct ledger *empty_ledger(void)
{
    struct ledger *l = NULL;
    struct err err = {0};
    must(ledger_open(&l, ":memory:", LEDGER_WRITE, &err), &err);
    return l;
}

struct use {
    const char *instance, *type, *environment;
    instant_t start, end;
    bool open;
};

static void record_for(struct ledger *l, const struct use *u, enum regime_choice regime, const char *deployment)
{
    struct err err = {0};
    enum ledger_booked booked;
    struct catalog *c = prices();
    const struct ledger_scope scope = {deployment, u->environment, ""};
    const struct ledger_usage usage = {.key = u->instance,
                                       .kind = "instance",
                                       .resource = u->instance,
                                       .account = "",
                                       .type = u->type,
                                       .region = "r",
                                       .zone = "",
                                       .os = "linux",
                                       .start = u->start,
                                       .end = u->end,
                                       .open = u->open,
                                       .usd = -1,
                                       .regime = regime};
    must(ledger_record(l, &usage, &scope, c, u->end, &booked, &err), &err);
    catalog_free(c);
}

/* By a deployment that is called as the instance is. */
static void record(struct ledger *l, const struct use *u, enum regime_choice regime)
{
    record_for(l, u, regime, u->instance);
}

/* What is held, as if read from a file: the path is a name that nothing opens. */
static void hold(struct bill_files *files, struct bill_sources *sources, const char *reserved)
{
    struct err err = {0};
    *files = (struct bill_files){.names = names_new()};
    sources->reserved = "reserved";
    must(reservations_open_text(&files->reservations, files->names, "reserved", reserved, strlen(reserved), NULL, &err),
         &err);
}

static int64_t spent_usd(struct ledger *l, const char *environment, const char *now)
{
    struct err err = {0};
    struct ledger_spent spent;
    instant_t t = at(now);
    must(ledger_spent(l, environment, NULL, calendar_month_start(calendar_month(t)), t, &spent, &err), &err);
    return spent.usd;
}

/* One reservation at 0.05 an hour; two instances for twelve hours of the month's first day, told of up to ten. */
static void what_runs_is_covered_up_to_now(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger *l = empty_ledger();
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2019-01-01\n");
    record(l, &(struct use){"i-1", "m4.large", "a", at("2018-08-01"), at("2018-08-01T10:00:00Z"), true}, CHOOSE_HOURLY);
    record(l, &(struct use){"i-2", "m4.large", "b", at("2018-08-01"), at("2018-08-01T10:00:00Z"), true}, CHOOSE_HOURLY);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T12:00:00Z"), usd("2.4"));
    must(settled_view(l, &held, &sources, at("2018-08-01"), at("2018-08-01T12:00:00Z"), NULL, &err), &err);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T12:00:00Z"), usd("1.8")); /* 12 x 0.1, and 12 x 0.05 of fees */
    assert_int_equal(spent_usd(l, "a", "2018-08-01T12:00:00Z") + spent_usd(l, "b", "2018-08-01T12:00:00Z"), usd("1.2"));
    settled_view_end(l);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T12:00:00Z"), usd("2.4"));
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T10:00:00Z"), usd("2.0"));
    bill_files_release(&held);
    ledger_close(l);
}

/* Settled for good while they run: what was booked up to then is not counted once more when it is looked at. */
static void settling_books_what_runs(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger_settled done;
    struct diag diag = {.out = stderr};
    struct str note;
    struct ledger *l = empty_ledger();
    instant_t noon = at("2018-08-01T12:00:00Z");
    str_init(&note, 0);
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2019-01-01\n");
    record(l, &(struct use){"i-1", "m4.large", "a", at("2018-08-01"), at("2018-08-01T10:00:00Z"), true}, CHOOSE_HOURLY);
    record(l, &(struct use){"i-2", "m4.large", "b", at("2018-08-01"), at("2018-08-01T10:00:00Z"), true}, CHOOSE_HOURLY);
    must(settled_note(l, &note, &err), &err);
    assert_string_equal(note.text, "");
    must(settled_book(l, &held, &sources, calendar_month(noon), noon, &done, NULL, &err), &err);
    assert_int_equal(done.bill_usd, usd("1.8"));
    assert_int_equal(done.before_usd, usd("2.4"));
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T12:00:00Z"), usd("1.8"));
    must(settled_note(l, &note, &err), &err);
    assert_string_equal(note.text, "");
    /* Both end an hour later: 0.1 more for each at on-demand prices, of which settling takes one back. */
    record(l, &(struct use){"i-1", "m4.large", "a", at("2018-08-01"), noon + 3600, false}, CHOOSE_HOURLY);
    record(l, &(struct use){"i-2", "m4.large", "b", at("2018-08-01"), noon + 3600, false}, CHOOSE_HOURLY);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T13:00:00Z"), usd("2.0"));
    must(settled_note(l, &note, &err), &err);
    assert_non_null(strstr(note.text, "2 uses booked since the ledger was settled (2018-08-01T12:00:00Z) stand at"));
    must(settled_view(l, &held, &sources, noon, noon + 3600, NULL, &err), &err);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T13:00:00Z"), usd("1.95"));
    settled_view_end(l);
    must(ledger_check(l, &diag, &err), &err);
    str_release(&note);
    bill_files_release(&held);
    ledger_close(l);
}

/* A use that was settled and then turns out not to have been: what settling took off is given back. */
static void what_never_ran_is_taken_back(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger_settled done;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2019-01-01\n");
    record(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 36000, false}, CHOOSE_SECOND);
    must(settled_book(l, &held, &sources, calendar_month(begin), begin + 36000, &done, NULL, &err), &err);
    assert_int_equal(spent_usd(l, "a", "2018-08-01T10:00:00Z"), 0);
    record(l, &(struct use){"i-1", "m4.large", "a", begin, begin, false}, CHOOSE_SECOND);
    must(settled_book(l, &held, &sources, calendar_month(begin), begin + 36000, &done, NULL, &err), &err);
    assert_int_equal(spent_usd(l, "a", "2018-08-01T10:00:00Z"), 0);
    assert_int_equal(spent_usd(l, NULL, "2018-08-01T10:00:00Z"), usd("0.5"));
    bill_files_release(&held);
    ledger_close(l);
}

/* A pool of 744 hours. Two instances run all of the first 20 days, one a half as long: 480 + 240 hours are drawn, by
 * whom they ran for; c4 draws nothing. At the 26th 744 are gone: 600 + 240 were wanted. Running periods draw in the
 * order in which they opened, at the same instant in that of the ledger: the last 96 of i-2 are paid for. */
static void budgets_in_hours_count_what_pools_gave(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    static const struct {
        const char *now, *environment;
        int64_t hours;
    } cases[] = {{"2018-08-21", NULL, 720}, {"2018-08-21", "a", 480}, {"2018-08-21", "b", 240},
                 {"2018-08-26", NULL, 744}, {"2018-08-26", "a", 600}, {"2018-08-26", "b", 144}};
    hold(&held, &sources, HELD ",m4.large,r,pool,1,0,0.05,2018-01-01,2019-01-01\n");
    record(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 86400, true}, CHOOSE_SECOND);
    record(l, &(struct use){"i-2", "m4.large", "b", begin, begin + (int64_t)10 * 86400, false}, CHOOSE_SECOND);
    record(l, &(struct use){"i-3", "c4.large", "b", begin, begin + (int64_t)10 * 86400, false}, CHOOSE_SECOND);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct spending s = {0};
        int64_t hours;
        must(settled_view(l, &held, &sources, begin, at(cases[i].now), NULL, &err), &err);
        must(budget_ledger_spending(&s, l, cases[i].environment, NULL, at(cases[i].now), &held.reservations, &err),
             &err);
        must(spending_so_far(&s, BUDGET_HOURS, &hours, &err), &err);
        assert_true(s.has_pool);
        assert_int_equal(s.pool_hours, (int64_t)744 * BUDGET_HOUR);
        assert_int_equal(hours, cases[i].hours * BUDGET_HOUR);
        if (strcmp(cases[i].now, "2018-08-26") == 0 && !cases[i].environment) {
            int64_t left;
            must(spending_so_far(&s, BUDGET_USD, &left, &err), &err);
            /* c4: 240 x 0.1; m4: 96 x 0.1; fees: 0.05 x 744 x 25 / 31 */
            assert_int_equal(left, usd("63.6"));
        }
        spending_release(&s);
        settled_view_end(l);
    }
    bill_files_release(&held);
    ledger_close(l);
}

/* A use that was booked at a price of its own, and metered in its own way, is so on the bill of the ledger: started
 * hours at 0.5 where the catalog would have had seconds at 0.1. */
static void a_use_keeps_its_price_and_meter(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger_settled done;
    enum ledger_booked booked;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    const struct ledger_scope scope = {"d", "a", ""};
    struct ledger_usage usage = {.key = "i-1",
                                 .kind = "instance",
                                 .resource = "i-1",
                                 .account = "",
                                 .type = "t9.unknown",
                                 .region = "r",
                                 .zone = "",
                                 .os = "linux",
                                 .start = begin,
                                 .end = begin + 4000,
                                 .usd = usd("0.5"),
                                 .regime = CHOOSE_HOURLY};
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2018-08-02\n");
    must(ledger_record(l, &usage, &scope, NULL, begin, &booked, &err), &err);
    record(l, &(struct use){"i-2", "m4.xlarge", "a", begin, begin + 1800, false}, CHOOSE_SECOND);
    must(settled_book(l, &held, &sources, calendar_month(begin), begin + 4 * 3600, &done, NULL, &err), &err);
    assert_int_equal(done.bill_usd, usd("1.2")); /* 2 x 0.5; an hour of m4.large pays for the other; 4 x 0.05 of fees */
    assert_int_equal(spent_usd(l, "a", "2018-08-01T04:00:00Z"), usd("1"));
    bill_files_release(&held);
    ledger_close(l);
}

/* A month that was settled after its end stays as it was, whatever is held now; one with later news does not. */
static void a_closed_month_stays(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct bill_files other;
    struct ledger_settled done;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    const struct ledger_filter august = {.from = begin, .to = at("2018-09-01"), .account = "expense:", .unit = "usd"};
    int64_t sum;
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2019-01-01\n");
    hold(&other, &sources, HELD ",m4.large,r,clock-hour,1,0,0.01,2018-01-01,2019-01-01\n");
    record(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 36000, false}, CHOOSE_SECOND);
    must(settled_book(l, &held, &sources, calendar_month(begin), at("2018-09-02"), &done, NULL, &err), &err);
    must(settled_view(l, &other, &sources, INSTANT_MIN, at("2018-09-03"), NULL, &err), &err);
    must(ledger_sum(l, &august, &sum, &err), &err);
    assert_int_equal(sum, usd("37.2")); /* 744 x 0.05 */
    settled_view_end(l);
    record(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 39600, false}, CHOOSE_SECOND);
    must(settled_view(l, &other, &sources, INSTANT_MIN, at("2018-09-03"), NULL, &err), &err);
    must(ledger_sum(l, &august, &sum, &err), &err);
    assert_int_equal(sum, usd("7.44"));
    settled_view_end(l);
    bill_files_release(&held);
    bill_files_release(&other);
    ledger_close(l);
}

/* August settled at an instant, where free hours alone pay. */
static void settle_free(struct ledger *l, const char *now, struct ledger_settled *done)
{
    struct err err = {0};
    struct bill_sources sources = {.free_tier = {true, at("2018-01-01")}};
    struct bill_files held = {.names = names_new()};
    must(settled_book(l, &held, &sources, calendar_month(at("2018-08-01")), at(now), done, NULL, &err), &err);
    bill_files_release(&held);
}

/* August's money, looked at in September, where a reservation at 0.01 an hour is held. */
static int64_t august_held(struct ledger *l)
{
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    const struct ledger_filter august = {
        .from = at("2018-08-01"), .to = at("2018-09-01"), .account = "expense:", .unit = "usd"};
    int64_t sum;
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.01,2018-01-01,2019-01-01\n");
    must(settled_view(l, &held, &sources, INSTANT_MIN, at("2018-09-03"), NULL, &err), &err);
    must(ledger_sum(l, &august, &sum, &err), &err);
    settled_view_end(l);
    bill_files_release(&held);
    return sum;
}

/* Free hours alone pay. An m4.large is never free: the settling that looks at it has nothing to book, and yet it was
 * settled. A month that was settled before its end, and after it anew, is closed. */
static void settling_what_nobody_pays_is_known(void **state)
{
    (void)state;
    struct err err = {0};
    struct ledger_settled done;
    struct diag diag = {.out = stderr};
    struct str note;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    str_init(&note, 0);
    record(l, &(struct use){"i-1", "t2.micro", "a", begin, begin + 36000, false}, CHOOSE_SECOND);
    settle_free(l, "2018-08-02", &done);
    assert_int_equal(done.entries, 1);
    record(l, &(struct use){"i-2", "m4.large", "a", begin, begin + 36000, false}, CHOOSE_SECOND);
    must(settled_note(l, &note, &err), &err);
    assert_non_null(strstr(note.text, "1 use booked since"));
    settle_free(l, "2018-08-03", &done);
    assert_int_equal(done.entries, 0);
    assert_int_equal(done.bill_usd, usd("1"));
    must(settled_note(l, &note, &err), &err);
    assert_string_equal(note.text, "");
    /* Known, but not closed: what is held counts. */
    assert_int_equal(august_held(l), usd("7.4400000000") + usd("0.116")); /* 744 x 0.01, and what was free */
    for (int again = 0; again < 2; again++) {
        settle_free(l, "2018-09-02", &done);
        assert_int_equal(done.entries, 0);
        assert_int_equal(august_held(l), usd("1"));
    }
    /* And where a later use has nothing to be paid by either. */
    record(l, &(struct use){"i-3", "m4.large", "a", begin, begin + 36000, false}, CHOOSE_SECOND);
    settle_free(l, "2018-09-02", &done);
    assert_int_equal(done.entries, 0);
    assert_int_equal(august_held(l), usd("2"));
    must(ledger_check(l, &diag, &err), &err);
    str_release(&note);
    ledger_close(l);
}

static int64_t spent_by(struct ledger *l, const char *deployment)
{
    struct err err = {0};
    int64_t sum;
    const struct ledger_filter f = {
        .from = INSTANT_MIN, .to = INSTANT_MAX, .deployment = deployment, .account = "expense:instance", .unit = "usd"};
    must(ledger_sum(l, &f, &sum, &err), &err);
    return sum;
}

/* Two deployments of one environment shared an instance's hour, which is then covered: each gets its own back. */
static void deployments_keep_their_shares(void **state)
{
    (void)state;
    struct err err = {0};
    struct bill_sources sources = {0};
    struct bill_files held;
    struct ledger_settled done;
    struct ledger *l = empty_ledger();
    instant_t begin = at("2018-08-01");
    record_for(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 1800, true}, CHOOSE_SECOND, "a/1");
    record_for(l, &(struct use){"i-1", "m4.large", "a", begin, begin + 3600, false}, CHOOSE_SECOND, "a/2");
    assert_int_equal(spent_by(l, "a/1"), usd("0.05"));
    assert_int_equal(spent_by(l, "a/2"), usd("0.05"));
    hold(&held, &sources, HELD ",m4.large,r,clock-hour,1,0,0.05,2018-01-01,2019-01-01\n");
    must(settled_book(l, &held, &sources, calendar_month(begin), at("2018-08-02"), &done, NULL, &err), &err);
    assert_int_equal(spent_by(l, "a/1"), 0);
    assert_int_equal(spent_by(l, "a/2"), 0);
    bill_files_release(&held);
    ledger_close(l);
}

/* ---- drawn months: `budget check` from a ledger and from the usage as a file say the same ---- */

static void draw_held(struct philox *p, struct str *to)
{
    static const char *const types[] = {"m4.large", "m4.xlarge", "c4.large"};
    str_add(to, HELD);
    for (int64_t i = draw_between(p, 1, 3); i; i--)
        str_addf(to, ",%s,r,%s,%d,%d,0.0%d,2018-0%d-01,2019-01-01\n", types[philox_below(p, 3)],
                 philox_below(p, 2) ? "clock-hour" : "pool", (int)draw_between(p, 1, 2), (int)draw_between(p, 0, 300),
                 (int)draw_between(p, 1, 9), (int)draw_between(p, 7, 8));
}

/* Uses on the ledger as known at `known`, and in the file as they are: what runs on has an end that is far away. */
static void draw_uses(struct philox *p, struct ledger *l, struct str *file, instant_t known, enum regime_choice regime)
{
    static const char *const types[] = {"m4.large", "m4.xlarge", "c4.large"};
    char a[INSTANT_TEXT_SIZE];
    char z[INSTANT_TEXT_SIZE];
    str_add(file, "instance,type,region,start,end\n");
    for (int64_t i = draw_between(p, 1, 8); i; i--) {
        char name[24];
        instant_t start = at("2018-07-30") + draw_between(p, 0, 20 * 86400);
        instant_t end = start + draw_between(p, 0, 10 * 86400);
        const char *type = types[philox_below(p, 3)];
        if (start >= known)
            continue;
        bool open = end > known;
        snprintf(name, sizeof(name), "i-%d", (int)i);
        record(l, &(struct use){name, type, i % 2 ? "a" : "b", start, open ? draw_between(p, start, known) : end, open},
               regime);
        str_addf(file, "%s,%s,r,%s,%s\n", name, type, calendar_text(start, a),
                 calendar_text(open ? at("2018-09-01") : end, z));
    }
}

/* The ledger keeps whole seconds; a pool can give halves where a smaller reservation paid for the other part of an
 * instance: of each of eight instances half a second, in millionths of an hour. */
#define HALF_SECONDS (8 * 139)

static void compare(struct ledger *l, const char *file, const char *reserved, instant_t now, enum regime_choice regime)
{
    struct made m;
    struct err err = {0};
    struct spending s = {0};
    struct spending of_file = {0};
    struct bill_sources sources = {.regime = regime};
    struct bill_files held;
    int64_t got[4];
    int64_t parts[2];
    make_bill(&m, file, reserved, PRICES, regime, NULL, NULL);
    must(m.code, &m.err);
    struct bill_input in = {
        .names = m.names, .usage = &m.usage, .reservations = &m.reservations, .catalog = m.catalog, .regime = regime};
    must(spending_measure(&of_file, &in, now, NULL, &err), &err);
    hold(&held, &sources, reserved);
    must(settled_view(l, &held, &sources, now, now, NULL, &err), &err);
    must(budget_ledger_spending(&s, l, NULL, NULL, now, &held.reservations, &err), &err);
    assert_int_equal(s.has_pool, of_file.has_pool);
    for (int unit = 0; unit < 2; unit++) {
        must(spending_so_far(&s, (enum budget_unit)unit, &got[2 * unit], &err), &err);
        must(spending_so_far(&of_file, (enum budget_unit)unit, &got[2 * unit + 1], &err), &err);
    }
    spending_release(&s);
    for (int i = 0; i < 2; i++) {
        must(budget_ledger_spending(&s, l, i ? "a" : "b", NULL, now, &held.reservations, &err), &err);
        must(spending_so_far(&s, BUDGET_HOURS, &parts[i], &err), &err);
        spending_release(&s);
    }
    settled_view_end(l);
    assert_int_equal(got[0], got[1]);
    if (of_file.has_pool) {
        assert_in_range(got[2] - got[3] + HALF_SECONDS, 0, 2 * HALF_SECONDS);
        assert_in_range(parts[0] + parts[1] - got[2] + 1, 0, 2);
    }
    spending_release(&of_file);
    bill_files_release(&held);
    made_release(&m);
}

static void drawn_months_as_from_a_file(void **state)
{
    (void)state;
    uint32_t count = getenv("BAKEHOUR_SOAK") ? 20000 : 300;
    for (uint32_t n = 0; n < count; n++) {
        struct philox p = philox_stream(55, n, 0, 4);
        struct err err = {0};
        struct diag diag = {.out = stderr};
        struct str file;
        struct str reserved;
        enum regime_choice regime = (enum regime_choice)philox_below(&p, 3);
        struct ledger *l = empty_ledger();
        instant_t known = at("2018-08-01") + draw_between(&p, 3600, 28 * 86400);
        str_init(&file, 0);
        str_init(&reserved, 0);
        draw_held(&p, &reserved);
        draw_uses(&p, l, &file, known, regime);
        compare(l, file.text, reserved.text, known + draw_between(&p, 0, 2 * 86400), regime);
        compare(l, file.text, reserved.text, known - draw_between(&p, 0, 3000), regime);
        must(ledger_check(l, &diag, &err), &err);
        str_release(&file);
        str_release(&reserved);
        ledger_close(l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_runs_is_covered_up_to_now),     cmocka_unit_test(settling_books_what_runs),
        cmocka_unit_test(what_never_ran_is_taken_back),       cmocka_unit_test(budgets_in_hours_count_what_pools_gave),
        cmocka_unit_test(a_use_keeps_its_price_and_meter),    cmocka_unit_test(a_closed_month_stays),
        cmocka_unit_test(settling_what_nobody_pays_is_known), cmocka_unit_test(drawn_months_as_from_a_file),
        cmocka_unit_test(deployments_keep_their_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
