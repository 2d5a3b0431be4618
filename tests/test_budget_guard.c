/* Budgets of the configuration: their parser, and the guard that `deploy` asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/out.h"
#include "billing/budget_guard.h"
#include "billing/ledger_private.h"
#include "billing/overrides.h"
#include "billing/settled.h"
#include "tests/support_bill.h"

struct reports {
    size_t count;
    char last[512];
};

static void note(void *context, const cJSON *node, bool of_key, const char *text)
{
    struct reports *r = context;
    (void)of_key;
    assert_non_null(node);
    r->count++;
    snprintf(r->last, sizeof(r->last), "%s", text);
}

static int parse(const char *text, struct budget_limits *out, struct reports *reports)
{
    struct err err = {0};
    cJSON *json = json_parse("test", text, strlen(text), &err);
    assert_non_null(json);
    *reports = (struct reports){0};
    int code = budget_config_parse(out, json, note, reports, &err);
    cJSON_Delete(json);
    return code;
}

static void budgets_are_read(void **state)
{
    (void)state;
    struct budget_limits l = {0};
    struct reports r;
    assert_int_equal(parse("[{\"name\": \"a\", \"limit_usd\": \"12.5\", \"hard\": true, \"environment\": \"e\"},"
                           "{\"name\": \"b\", \"limit_hours\": 744, \"project\": \"p\", \"actual_percent\": 90, "
                           "\"forecast_percent\": 0}]",
                           &l, &r),
                     0);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.items[0].name, "a");
    assert_int_equal(l.items[0].limit, usd("12.5"));
    assert_true(l.items[0].hard && l.items[0].unit == BUDGET_USD);
    assert_string_equal(l.items[0].environment, "e");
    assert_null(l.items[0].project);
    assert_int_equal(l.items[0].actual_percent, 100);
    assert_int_equal(l.items[0].forecast_percent, 100);
    assert_int_equal(l.items[1].limit, (int64_t)744 * BUDGET_HOUR);
    assert_int_equal(l.items[1].actual_percent, 90);
    assert_int_equal(l.items[1].forecast_percent, 0);
    assert_string_equal(l.items[1].project, "p");
    budget_limits_release(&l);
    struct err err;
    assert_int_equal(budget_config_parse(&l, NULL, NULL, NULL, &err), 0);
    assert_int_equal(l.count, 0);
}

static void bad_budgets_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"{}", "must be a list"},
        {"[1]", "must be an object"},
        {"[{\"limit_usd\": 1}]", "needs a \"name\""},
        {"[{\"name\": \"\", \"limit_usd\": 1}]", "1 to 256 bytes"},
        {"[{\"name\": 1, \"limit_usd\": 1}]", "must be a text"},
        {"[{\"name\": \"a\"}]", "needs a limit"},
        {"[{\"name\": \"a\", \"limit_usd\": 0}]", "above zero"},
        {"[{\"name\": \"a\", \"limit_usd\": 1.5}]", "above zero"},
        {"[{\"name\": \"a\", \"limit_usd\": \"1e3\"}]", "above zero"},
        {"[{\"name\": \"a\", \"limit_usd\": 1, \"limit_hours\": 1}]", "one limit"},
        {"[{\"name\": \"a\", \"limit_usd\": 1, \"actual_percent\": 0}]", "from 1 to 1000"},
        {"[{\"name\": \"a\", \"limit_usd\": 1, \"forecast_percent\": 1001}]", "from 0 to 1000"},
        {"[{\"name\": \"a\", \"limit_usd\": 1, \"hard\": 1}]", "true or false"},
        {"[{\"name\": \"a\", \"limit_used\": 1}]", "did you mean \"limit_usd\"?"},
        {"[{\"name\": \"a\", \"limit_usd\": 1}, {\"name\": \"a\", \"limit_usd\": 1}]", "another budget"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct budget_limits l = {0};
        struct reports r;
        assert_int_equal(parse(cases[i].text, &l, &r), EXIT_INPUT);
        assert_int_equal(r.count, 1);
        if (!strstr(r.last, cases[i].part))
            fail_msg("%s: %s", cases[i].text, r.last);
        assert_int_equal(l.count, 0);
    }
}

struct scene {
    struct ledger *ledger;
    struct budget_limits limits;
    struct str why;
};

static void open_scene(struct scene *s, const char *budgets)
{
    struct err err = {0};
    struct reports r;
    bool booked;
    const struct ledger_scope scope = {"", "production", "shop"};
    assert_int_equal(ledger_open(&s->ledger, ":memory:", LEDGER_WRITE, &err), 0);
    assert_int_equal(ledger_adjust(s->ledger, "k", &scope, "expense:adjustment", at("2018-08-03"), usd("9"), "spent",
                                   at("2018-08-03"), &booked, &err),
                     0);
    assert_int_equal(parse(budgets, &s->limits, &r), 0);
    str_init(&s->why, 0);
}

static void close_scene(struct scene *s)
{
    ledger_close(s->ledger);
    budget_limits_release(&s->limits);
    str_release(&s->why);
}

static struct budget_request request(const char *environment, const char *estimate, const char *override)
{
    return (struct budget_request){.deployment = "d-1",
                                   .environment = environment,
                                   .project = "shop",
                                   .now = at("2018-08-16"),
                                   .estimate_usd = usd(estimate),
                                   .estimate_instance_s = 3600,
                                   .override = override};
}

static enum budget_answer ask(struct scene *s, const char *environment, const char *estimate, const char *override)
{
    struct err err = {0};
    enum budget_answer answer;
    const struct budget_request q = request(environment, estimate, override);
    assert_int_equal(budget_guard(&answer, &s->why, s->ledger, &s->limits, &q, &err), 0);
    return answer;
}

static void the_guard(void **state)
{
    (void)state;
    struct scene s = {0};
    open_scene(&s, "[{\"name\": \"soft\", \"limit_usd\": 1}, {\"name\": \"all\", \"limit_usd\": 10, \"hard\": true},"
                   "{\"name\": \"st\", \"limit_usd\": \"0.5\", \"hard\": true, \"environment\": \"staging\"}]");
    assert_int_equal(ask(&s, "production", "0.9999999999", NULL), BUDGET_GO);
    assert_int_equal(s.why.len, 0);
    assert_int_equal(ask(&s, "production", "1", NULL), BUDGET_REFUSED); /* at the limit is over */
    assert_string_equal(s.why.text, "budget \"all\": 9.00 USD spent in 2018-08 and an estimate of 1.00 reach the limit "
                                    "of 10.00\n");
    assert_int_equal(ask(&s, "staging", "0.5", NULL),
                     BUDGET_REFUSED); /* nothing spent there, but the deployment itself */
    assert_int_equal(ask(&s, "staging", "0.4", NULL), BUDGET_GO);
    close_scene(&s);
}

static int take_entries(void *context, const struct ledger_row *row, struct err *err)
{
    (void)err;
    *(int64_t *)context += row->entries;
    return 0;
}

static int count_row(void *context, sqlite3_stmt *row)
{
    *(int64_t *)context = sqlite3_column_int64(row, 0);
    return 0;
}

static int64_t overrides_of(struct scene *s, const char *deployment)
{
    struct err err = {0};
    int64_t count = -1;
    assert_int_equal(db_query(s->ledger->db, &err, count_row, &count,
                              "SELECT count(*) FROM entry WHERE kind = 'override' AND deployment = ? AND memo LIKE 'a "
                              "fix that cannot wait%limit of 10.00%'",
                              "s", deployment),
                     0);
    return count;
}

/* Asking writes nothing; the reason is booked under its deployment by whoever goes on. */
static void overrides_are_booked(void **state)
{
    (void)state;
    struct scene s = {0};
    struct err err = {0};
    const struct budget_request q = request("production", "5", "a fix that cannot wait");
    open_scene(&s, "[{\"name\": \"all\", \"limit_usd\": 10, \"hard\": true}]");
    assert_int_equal(ask(&s, "production", "5", "a fix that cannot wait"), BUDGET_GO_OVERRIDDEN);
    assert_int_equal(overrides_of(&s, "d-1"), 0);
    assert_int_equal(budget_book_override(s.ledger, &q, s.why.text, &err), 0);
    assert_int_equal(overrides_of(&s, "d-1"), 1);
    close_scene(&s);
}

static void book(struct scene *s, const char *deployment, const char *environment, const char *reason, const char *when)
{
    struct err err = {0};
    struct budget_request q = request(environment, "5", reason);
    q.deployment = deployment;
    q.now = at(when);
    assert_int_equal(budget_book_override(s->ledger, &q, "budget \"a\": one\nbudget \"b\": two\n", &err), 0);
}

/* Found again by time, both ends included, by deployment and environment; other remarks and entries are none. */
static void overrides_are_found(void **state)
{
    (void)state;
    struct scene s = {0};
    struct err err = {0};
    struct budget_overrides list = {0};
    const struct ledger_scope scope = {"d-1", "production", "shop"};
    open_scene(&s, "[]");
    book(&s, "d-1", "production", "first\nof two \x1b[31mlines\xc2\x9b.", "2018-08-02");
    book(&s, "d-2", "staging", "second", "2018-08-03");
    book(&s, "d-1", "production", "third", "2018-08-04");
    assert_int_equal(ledger_remark(s.ledger, "override-not:x", "note", &scope, "x", at("2018-08-03"), &err), 0);
    assert_int_equal(ledger_remark(s.ledger, "override;", "override", &scope, "x", at("2018-08-03"), &err), 0);
    struct ledger_filter filter = {.from = at("2018-08-02"), .to = at("2018-08-04")};
    assert_int_equal(budget_overrides_read(&list, s.ledger, &filter, &err), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].reason, "first of two  [31mlines  .");
    assert_string_equal(list.items[0].limits, "budget \"a\": one; budget \"b\": two");
    assert_string_equal(list.items[1].deployment, "d-2");
    assert_int_equal(list.items[1].at, at("2018-08-03"));
    assert_string_equal(budget_override_of(&list, "d-1")->reason, "third");
    assert_null(budget_override_of(&list, "d-3"));
    budget_overrides_release(&list);
    filter = (struct ledger_filter){.from = at("2018-08-03"), .to = at("2018-08-04"), .environment = "production"};
    assert_int_equal(budget_overrides_read(&list, s.ledger, &filter, &err), 0);
    assert_int_equal(list.count, 1);
    budget_overrides_release(&list);
    filter = (struct ledger_filter){.from = at("2018-08-01"), .to = at("2018-08-03"), .deployment = "d-1"};
    assert_int_equal(budget_overrides_read(&list, s.ledger, &filter, &err), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].at, at("2018-08-02"));
    budget_overrides_release(&list);
    close_scene(&s);
}

static void hours_are_guarded_too(void **state)
{
    (void)state;
    struct scene s = {0};
    open_scene(&s, "[{\"name\": \"h\", \"limit_hours\": 1, \"hard\": true}]");
    assert_int_equal(ask(&s, "production", "0", NULL), BUDGET_REFUSED);
    close_scene(&s);
    open_scene(&s, "[{\"name\": \"h\", \"limit_hours\": \"1.000001\", \"hard\": true}]");
    assert_int_equal(ask(&s, "production", "0", NULL), BUDGET_GO);
    int64_t entries = 0;
    struct err err;
    const struct ledger_filter all = {.from = 0, .to = at("2019-01-01")};
    assert_int_equal(ledger_statement(s.ledger, LEDGER_BY_DEPLOYMENT, &all, take_entries, &entries, &err), 0);
    assert_int_equal(entries, 1);
    close_scene(&s);
}

#define POOL   "type,region,model,hourly_usd,start,end\nm4.large,r,pool,0.05,2018-01-01,2019-01-01\n"
#define PRICES "type,region,os,effective,usd_per_hour\nm4.large,r,linux,2010-01-01,0.1\n"

static void record_hours(struct scene *s, int64_t hours)
{
    struct err err = {0};
    struct catalog *c = NULL;
    enum ledger_booked booked;
    const struct ledger_scope scope = {"d-1", "production", "shop"};
    const struct ledger_usage u = {.key = "i-1",
                                   .kind = "instance",
                                   .resource = "i-1",
                                   .account = "",
                                   .type = "m4.large",
                                   .region = "r",
                                   .zone = "",
                                   .os = "linux",
                                   .start = at("2018-08-02"),
                                   .end = at("2018-08-02") + hours * 3600,
                                   .usd = -1};
    assert_int_equal(catalog_open_text(&c, "prices", PRICES, strlen(PRICES), NULL, &err), 0);
    assert_int_equal(ledger_record(s->ledger, &u, &scope, c, u.end, &booked, &err), 0);
    catalog_free(c);
}

/* Where pools are held, hours are those that were drawn from them, which only settling tells: ten, and one more. */
static void drawn_hours_are_guarded(void **state)
{
    (void)state;
    struct scene s = {0};
    struct err err = {0};
    enum budget_answer answer;
    struct bill_sources sources = {.reserved = "pool"};
    struct bill_files held = {.names = names_new()};
    struct budget_request q = request("production", "0", NULL);
    open_scene(&s, "[{\"name\": \"h\", \"limit_hours\": 11, \"hard\": true}]");
    record_hours(&s, 10);
    assert_int_equal(budget_guard(&answer, &s.why, s.ledger, &s.limits, &q, &err), 0);
    assert_int_equal(answer, BUDGET_REFUSED);
    assert_non_null(
        strstr(s.why.text, "10 instance-hours spent in 2018-08 and an estimate of 1 reach the limit of 11"));
    assert_int_equal(reservations_open_text(&held.reservations, held.names, "pool", POOL, strlen(POOL), NULL, &err), 0);
    q.held = &held.reservations;
    assert_int_equal(budget_guard(&answer, &s.why, s.ledger, &s.limits, &q, &err), 0);
    assert_int_equal(answer, BUDGET_GO);
    assert_int_equal(settled_view(s.ledger, &held, &sources, q.now, q.now, NULL, &err), 0);
    assert_int_equal(budget_guard(&answer, &s.why, s.ledger, &s.limits, &q, &err), 0);
    assert_int_equal(answer, BUDGET_REFUSED);
    assert_non_null(strstr(s.why.text, "10 pool hours spent in 2018-08 and an estimate of 1 reach the limit of 11"));
    settled_view_end(s.ledger);
    bill_files_release(&held);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budgets_are_read),
        cmocka_unit_test(bad_budgets_are_said),
        cmocka_unit_test(the_guard),
        cmocka_unit_test(overrides_are_booked),
        cmocka_unit_test(overrides_are_found),
        cmocka_unit_test(hours_are_guarded_too),
        cmocka_unit_test(drawn_hours_are_guarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
