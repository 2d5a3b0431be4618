/*
 * What the modelled cloud metered, booked into the ledger, is what its bill says, to the cent: instances at random, in
 * both regimes and over the day on which one became the other. Each use is recorded twice, and more often while it
 * runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/philox.h"
#include "base/str.h"
#include "billing/ledger.h"
#include "tests/support_bill.h"
#include "tests/support_cloud.h"

#define INSTANCES 12
#define CENT      ((money_t)100000000)

static struct sim s;
static struct catalog *catalog; /* the shipped sample, as the cloud has it */

#define EC2(action, ...) sim_call(&s, AWS_EC2, action, __VA_ARGS__, NULL)

static void launch(const char *type, char id[32])
{
    assert_int_equal(EC2("RunInstances", "ImageId", SIMCLOUD_BASE_IMAGE, "MinCount", "1", "MaxCount", "1",
                         "InstanceType", type, "InstanceInitiatedShutdownBehavior", "stop"),
                     0);
    sim_keep(&s, "instancesSet/item/instanceId", id, 32);
}

/* Books all that is metered so far, and again: the second time there is nothing to book. */
static size_t book(struct ledger *ledger)
{
    struct usage usage;
    struct err err = {0};
    struct ledger_scope scope = {"r-1", "internal", "hello"};
    struct names *names = names_new();
    instant_t now = simcloud_now_ms(s.cloud) / 1000;
    simcloud_usage(s.cloud, NULL, names, &usage);
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < usage.count; i++) {
            const struct usage_row *row = &usage.rows[i];
            char key[120];
            char start[INSTANT_TEXT_SIZE];
            enum ledger_booked booked;
            str_fit(key, sizeof(key), "%s@%s", names_text(names, row->instance), calendar_text(row->start, start));
            struct ledger_usage use = {.key = key,
                                       .kind = "instance",
                                       .resource = names_text(names, row->instance),
                                       .account = names_text(names, row->account),
                                       .type = names_text(names, row->type),
                                       .region = names_text(names, row->region),
                                       .zone = names_text(names, row->zone),
                                       .os = names_text(names, row->os),
                                       .start = row->start,
                                       .end = row->end,
                                       .usd = -1,
                                       .regime = CHOOSE_AUTO};
            if (ledger_record(ledger, &use, &scope, catalog, now, &booked, &err))
                fail_msg("%s", err.text);
            assert_true(!again || booked == LEDGER_UNCHANGED);
        }
    size_t rows = usage.count;
    usage_release(&usage);
    names_free(names);
    return rows;
}

static money_t bill(void)
{
    struct simcloud_bill b;
    struct err err;
    assert_int_equal(simcloud_bill(s.cloud, NULL, &b, &err), 0);
    money_t usd = b.instances_usd;
    simcloud_bill_release(&b);
    return usd;
}

static void live(struct philox *p, struct ledger *ledger, const char *type)
{
    char id[INSTANCES][32];
    size_t count = 0;
    for (int step = 0; step < 40; step++) {
        size_t which = count ? (size_t)philox_below(p, count) : 0;
        switch (philox_below(p, 5)) {
        case 0:
        case 1:
            if (count < INSTANCES)
                launch(type, id[count++]);
            break;
        case 2: /* refused where the state does not allow it */
            (void)(count ? EC2("StopInstances", "InstanceId.1", id[which]) : 0);
            break;
        case 3:
            (void)(count ? EC2("StartInstances", "InstanceId.1", id[which]) : 0);
            break;
        default:
            (void)(count && philox_below(p, 3) == 0 ? EC2("TerminateInstances", "InstanceId.1", id[which]) : 0);
        }
        sim_run_s(&s, (int64_t)philox_below(p, philox_below(p, 2) ? 120 : 9000));
        if (philox_below(p, 4) == 0)
            book(ledger);
    }
}

static void metered_is_booked_to_the_cent(void **state)
{
    (void)state;
    static const struct {
        const char *start, *type;
    } worlds[] = {{"2016-02-28T20:00:00Z", "m4.large"},
                  {"2017-10-01T12:00:00Z", "m4.large"},
                  {"2026-01-31T20:00:00Z", "m5.large"}};
    struct err none = {0};
    assert_int_equal(catalog_builtin(&catalog, &none), 0);
    for (uint32_t seed = 0; seed < 36; seed++) {
        struct philox p = philox_stream(20261125, seed, 0, 7);
        struct simcloud_options options = sim_options(seed);
        struct ledger *ledger;
        struct err err = {0};
        options.start_ms = at(worlds[seed % 3].start) * 1000;
        sim_open(&s, &options);
        if (ledger_open(&ledger, ":memory:", LEDGER_WRITE, &err))
            fail_msg("%s", err.text);
        live(&p, ledger, worlds[seed % 3].type);
        size_t rows = book(ledger);
        int64_t booked = 0;
        struct ledger_filter all = {.from = INSTANT_MIN, .to = INSTANT_MAX, .account = "expense:", .unit = "usd"};
        assert_int_equal(ledger_sum(ledger, &all, &booked, &err), 0);
        money_t billed = bill();
        money_t difference = booked - billed;
        assert_true(billed > CENT && rows > 3);
        /* each day's slice of a use is rounded by itself: far below a cent in all */
        assert_true(llabs(difference) <= (money_t)rows * 8);
        struct diag diag = {0};
        assert_int_equal(ledger_check(ledger, &diag, &err), 0);
        ledger_close(ledger);
        sim_close(&s);
    }
    catalog_free(catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metered_is_booked_to_the_cent)};
    return cmocka_run_group_tests_name("cloud_ledger", tests, NULL, NULL);
}
