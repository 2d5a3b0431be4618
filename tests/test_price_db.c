/* The price catalog: import, history in any order of lists, both rates of a term, and what bills and plans read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/philox.h"
#include "billing/catalog.h"
#include "billing/offers.h"
#include "billing/price_set.h"
#include "tests/support_prices.h"

static struct price_db *open_db(const char *path)
{
    struct err err = {0};
    struct price_db *db;
    if (price_db_open(&db, path, true, &err))
        fail_msg("%s", err.text);
    return db;
}

static int import_text(struct price_db *db, const char *text, struct price_import *got, struct err *err)
{
    struct source *source;
    struct diag diag = {0};
    const struct price_import_options how = {.now_s = 1714608000, .diag = &diag};
    int code = price_db_begin(db, err);
    assert_int_equal(code, 0);
    assert_int_equal(source_open_text(&source, "list", text, strlen(text), err), 0);
    code = price_db_import(db, source, &how, got, err);
    source_close(source);
    if (!code)
        return price_db_commit(db, err);
    price_db_rollback(db);
    return code;
}

static struct price_import import_good(struct price_db *db, const char *text)
{
    struct err err = {0};
    struct price_import got;
    if (import_text(db, text, &got, &err) || price_db_check(db, &err))
        fail_msg("%s", err.text);
    return got;
}

static int add_row(void *context, const struct price_row *r)
{
    char at[INSTANT_TEXT_SIZE];
    char last[INSTANT_TEXT_SIZE];
    char usd[MONEY_TEXT_SIZE];
    str_addf(context, "%s %s %s %s %s %s %s [%s,%s) %s..%s %s\n", r->sku, r->region, r->os, r->kind, r->lease, r->code,
             r->unit, r->begin, r->end, calendar_date_text(r->effective, at), calendar_date_text(r->last, last),
             money_text(r->usd, usd));
    return 0;
}

static void rows_are(struct price_db *db, const struct price_query *query, const char *expected)
{
    struct str got;
    struct err err = {0};
    str_init(&got, 0);
    assert_int_equal(price_db_each(db, query, add_row, &got, &err), 0);
    assert_string_equal(got.text, expected);
    str_release(&got);
}

static void a_list_is_imported_from_either_shape(void **state)
{
    (void)state;
    const char *const lists[] = {price_list_json, price_list_csv};
    for (int i = 0; i < 2; i++) {
        struct price_db *db = open_db(":memory:");
        struct price_import got = import_good(db, lists[i]);
        assert_int_equal(got.products, 4);
        assert_int_equal(got.added, 8);
        assert_int_equal(got.rounded, 1);
        assert_int_equal(got.orphans, 0);
        const struct price_query plain = {.plain = true};
        rows_are(
            db, &plain,
            "7W6DNQ55YG9FCPXZ eu-west-1 windows OnDemand  6YS6EN2CT7 Hrs [0,Inf) 2024-05-01..2024-05-01 0.1990000000\n"
            "JG5TAV9UXXEU3Q7B us-east-1 linux OnDemand  6YS6EN2CT7 Hrs [0,Inf) 2024-05-01..2024-05-01 0.0960000000\n"
            "JG5TAV9UXXEU3Q7B us-east-1 linux Reserved 1yr 6YS6EN2CT7 Hrs [0,Inf) 2024-05-01..2024-05-01 0.0600000000\n"
            "JG5TAV9UXXEU3Q7B us-east-1 linux Reserved 1yr 2TG2D8R56U Quantity [,) 2024-05-01..2024-05-01 "
            "254.0000000000\n"
            "JG5TAV9UXXEU3Q7B us-east-1 linux Reserved 1yr 6YS6EN2CT7 Hrs [0,Inf) 2024-05-01..2024-05-01 "
            "0.0290000000\n");
        const struct price_query transfer = {.sku = "TRANSFERBBBBBBBB"};
        rows_are(
            db, &transfer,
            "TRANSFERBBBBBBBB us-east-1  OnDemand  3YQ8YZBDFE GB [0,10240) 2024-05-01..2024-05-01 0.0900000000\n"
            "TRANSFERBBBBBBBB us-east-1  OnDemand  5GQ8YZBDFF GB [10240,Inf) 2024-05-01..2024-05-01 0.0850000000\n");
        got = import_good(db, lists[1 - i]);
        assert_int_equal(got.added + got.changed, 0);
        assert_int_equal(got.confirmed, 8);
        price_db_close(db);
    }
}

/* A list of one rate. */
static char *list_of(const char *published, const char *effective, const char *usd)
{
    struct str text;
    str_init(&text, 0);
    str_addf(&text,
             "FormatVersion,v1.0\n\"Publication Date\",%s\n"
             "SKU,OfferTermCode,RateCode,TermType,EffectiveDate,StartingRange,EndingRange,Unit,PricePerUnit,Currency,"
             "Product Family,Region Code,Instance Type,Operating System\n"
             "S,T,S.T.R,OnDemand,%s,0,Inf,Hrs,%s,USD,Compute Instance,r,t,Linux\n",
             published, effective, usd);
    return str_detach(&text);
}

static void observe(struct price_db *db, const char *published, const char *effective, const char *usd)
{
    char *text = list_of(published, effective, usd);
    import_good(db, text);
    free(text);
}

#define ROW(dates, usd) "S r linux OnDemand  R Hrs [0,Inf) " dates " " usd "\n"

static void history(void **state)
{
    (void)state;
    const struct price_query all = {0};
    struct price_db *db = open_db(":memory:");
    observe(db, "2020-01-05", "2020-01-01", "0.10");
    observe(db, "2020-03-05", "2020-03-01", "0.10");
    rows_are(db, &all, ROW("2020-01-01..2020-03-01", "0.1000000000"));
    observe(db, "2020-05-05", "2020-05-01", "0.09");
    rows_are(db, &all, ROW("2020-01-01..2020-03-01", "0.1000000000") ROW("2020-05-01..2020-05-01", "0.0900000000"));
    observe(db, "2020-04-05", "2020-04-01", "0.09"); /* an older list, later: the change was earlier than known */
    rows_are(db, &all, ROW("2020-01-01..2020-03-01", "0.1000000000") ROW("2020-04-01..2020-05-01", "0.0900000000"));
    observe(db, "2020-02-05", "2020-02-01", "0.11"); /* inside of what was one price */
    rows_are(db, &all,
             ROW("2020-01-01..2020-01-01", "0.1000000000") ROW("2020-02-01..2020-02-01", "0.1100000000")
                 ROW("2020-03-01..2020-03-01", "0.1000000000") ROW("2020-04-01..2020-05-01", "0.0900000000"));
    observe(db, "2020-02-20", "2020-02-01", "0.10"); /* AWS corrects itself: published later, for the same date */
    rows_are(db, &all, ROW("2020-01-01..2020-03-01", "0.1000000000") ROW("2020-04-01..2020-05-01", "0.0900000000"));
    observe(db, "2020-04-01", "2020-04-01", "0.50"); /* published before the one that is known for this date */
    rows_are(db, &all, ROW("2020-01-01..2020-03-01", "0.1000000000") ROW("2020-04-01..2020-05-01", "0.0900000000"));
    price_db_close(db);
}

struct at {
    instant_t when;
    money_t usd;
};

static int find_at(void *context, const struct price_row *row)
{
    struct at *at = context;
    if (row->effective <= at->when)
        at->usd = row->usd;
    return 0;
}

static money_t price_at(struct price_db *db, int64_t day)
{
    struct err err = {0};
    const struct price_query all = {0};
    struct at at = {.when = day * SECONDS_PER_DAY, .usd = -1};
    assert_int_equal(price_db_each(db, &all, find_at, &at, &err), 0);
    return at.usd;
}

/* Lists in the order of their dates: every date's price is the one that its list said, however few rows are kept.
 * In any order: the invariants hold, and the list just imported has the word about its own date. */
static void random_histories(void **state)
{
    (void)state;
    enum { LISTS = 12 };
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct philox tape = philox_stream(7, 0, seed, 1);
        struct price_db *db = open_db(":memory:");
        bool in_order = seed % 2 == 0;
        int64_t days[LISTS];
        money_t usd[LISTS];
        int64_t day = 10000;
        for (int i = 0; i < LISTS; i++) {
            day += in_order ? 1 + (int64_t)philox_below(&tape, 40) : 0;
            days[i] = in_order ? day : 10000 + (int64_t)philox_below(&tape, 30);
            usd[i] = 1 + (money_t)philox_below(&tape, 3);
            char published[INSTANT_TEXT_SIZE];
            char effective[INSTANT_TEXT_SIZE];
            char price[MONEY_TEXT_SIZE];
            observe(db, calendar_date_text((20000 + i) * (instant_t)SECONDS_PER_DAY, published),
                    calendar_date_text(days[i] * SECONDS_PER_DAY, effective), money_text(usd[i], price));
            assert_int_equal(price_at(db, days[i]), usd[i]);
            for (int j = 0; in_order && j <= i; j++) {
                assert_int_equal(price_at(db, days[j]), usd[j]);
                if (j < i)
                    assert_int_equal(price_at(db, days[j + 1] - 1), usd[j]);
            }
        }
        price_db_close(db);
    }
}

static int add_terms(void *context, const struct price_terms *t)
{
    char at[INSTANT_TEXT_SIZE];
    char hourly[MONEY_TEXT_SIZE];
    char upfront[MONEY_TEXT_SIZE];
    str_addf(context, "%s %s %s %s %s %s + %s\n", t->type, t->kind, t->lease, t->payment,
             calendar_date_text(t->effective, at), money_text(t->hourly_usd, hourly),
             money_text(t->upfront_usd, upfront));
    return 0;
}

/* The hourly rate and the upfront sum change on different dates: each date has both. */
static void both_rates_by_date(void **state)
{
    (void)state;
    static const char head[] =
        "FormatVersion,v1.0\nSKU,OfferTermCode,RateCode,TermType,EffectiveDate,Unit,PricePerUnit,"
        "Currency,LeaseContractLength,PurchaseOption,Product Family,Region Code,Instance Type,"
        "Operating System\n";
    static const char *const rows[] = {
        "S,H,S.H.6YS6EN2CT7,Reserved,2024-01-01,Hrs,0.03,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n"
        "S,H,S.H.2TG2D8R56U,Reserved,2024-01-01,Quantity,254,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n",
        "S,H,S.H.6YS6EN2CT7,Reserved,2024-02-01,Hrs,0.029,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n"
        "S,H,S.H.2TG2D8R56U,Reserved,2024-02-01,Quantity,254,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n",
        "S,H,S.H.6YS6EN2CT7,Reserved,2024-03-01,Hrs,0.029,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n"
        "S,H,S.H.2TG2D8R56U,Reserved,2024-03-01,Quantity,250,USD,1yr,Partial Upfront,Compute Instance,r,t,Linux\n",
    };
    struct price_db *db = open_db(":memory:");
    for (int i = 0; i < 3; i++) {
        struct str text;
        str_init(&text, 0);
        str_addf(&text, "%s%s", head, rows[i]);
        import_good(db, text.text);
        str_release(&text);
    }
    struct str got;
    struct err err = {0};
    const struct price_query all = {0};
    str_init(&got, 0);
    assert_int_equal(price_terms_each(db, &all, add_terms, &got, &err), 0);
    assert_string_equal(got.text, "t Reserved 1yr Partial Upfront 2024-01-01 0.0300000000 + 254.0000000000\n"
                                  "t Reserved 1yr Partial Upfront 2024-02-01 0.0290000000 + 254.0000000000\n"
                                  "t Reserved 1yr Partial Upfront 2024-03-01 0.0290000000 + 250.0000000000\n");
    str_release(&got);
    price_db_close(db);
}

/* 254 USD over 8,760 h is 0.0289954338 (254/8760 = 0.02899543378...), and 0.029 more an hour. */
static void effective_price(void **state)
{
    (void)state;
    struct price_entry e = {
        .kind = PRICE_RESERVED, .lease = "1yr", .hourly_usd = 290000000, .upfront_usd = 2540000000000};
    assert_int_equal(price_entry_effective_usd(&e), 290000000 + 289954338);
    e.lease = "3 yr";
    assert_int_equal(price_entry_effective_usd(&e), 290000000 + 96651446); /* 254/26280 = 0.00966514459... */
    char text[PRICE_CHANGE_TEXT];
    assert_string_equal(price_change_text(1260000000, 1200000000, text), "-4.76 %");
    assert_string_equal(price_change_text(3, 4, text), "+33.33 %");
    assert_string_equal(price_change_text(0, 4, text), "new");
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void check_prices(const char *path)
{
    struct err err = {0};
    struct catalog *catalog;
    struct catalog_price price;
    instant_t at = 1714608000;
    if (catalog_open(&catalog, path, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(catalog_count(catalog), 2);
    assert_int_equal(catalog_find(catalog, "m5.large", "us-east-1", "linux", at, &price, &err), 0);
    assert_int_equal(price.usd_per_hour, 960000000);
    assert_int_equal(catalog_find(catalog, "m5.large", "eu-west-1", "windows", at, &price, &err), 0);
    assert_int_equal(price.usd_per_hour, 1990000000);
    assert_int_equal(price.effective, 1714521600);
    catalog_free(catalog);
    struct offers *offers;
    assert_int_equal(offers_open(&offers, path, NULL, &err), 0);
    assert_int_equal(offers_count(offers), 2);
    const struct offer like = {
        .type = "m5.large", .region = "us-east-1", .os = "linux", .years = 1, .payment = PAYMENT_PARTIAL};
    const struct offer *offer = offers_find(offers, &like, at);
    assert_non_null(offer);
    assert_int_equal(offer->hourly_usd, 290000000);
    assert_int_equal(offer->upfront_usd, 2540000000000);
    offers_free(offers);
}

/* What --catalog and --offers take: the list itself in either shape, and the catalog that was made of it. */
static void catalogs_and_offers_from_all_forms(void **state)
{
    (void)state;
    const char *const lists[] = {price_list_json, price_list_csv};
    for (int i = 0; i < 2; i++) {
        char path[] = "/tmp/test_price_db.XXXXXX";
        write_file(path, lists[i]);
        check_prices(path);
        unlink(path);
    }
    char folder[] = "/tmp/test_price_db.XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    str_fit(path, sizeof(path), "%s/prices.db", folder);
    struct price_db *db = open_db(path);
    import_good(db, price_list_json);
    price_db_close(db);
    check_prices(path);
    unlink(path);
    rmdir(folder);
}

/* kill -9 in the middle of an import, at many moments: the old catalog is whole, and the import can be run again. */
static void killed_imports_leave_the_old_catalog(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_price_db.XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    str_fit(path, sizeof(path), "%s/prices.db", folder);
    struct price_db *db = open_db(path);
    import_good(db, price_list_json);
    price_db_close(db);
    struct str big;
    str_init(&big, 0);
    str_add(&big, "FormatVersion,v1.0\nSKU,OfferTermCode,RateCode,TermType,EffectiveDate,Unit,PricePerUnit,Currency\n");
    for (int i = 0; i < 20000; i++)
        str_addf(&big, "K%d,T,K%d.T.R,OnDemand,2024-06-01,Hrs,0.1,USD\n", i, i);
    const struct price_query all = {0};
    struct str before;
    str_init(&before, 0);
    struct err err = {0};
    db = open_db(path);
    assert_int_equal(price_db_each(db, &all, add_row, &before, &err), 0);
    price_db_close(db);
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct price_import got;
            struct err why;
            db = open_db(path);
            while (!import_text(db, big.text, &got, &why))
                _exit(0); /* too fast for us: the test below says so */
            _exit(1);
        }
        usleep((useconds_t)(1000 + 2000 * i));
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status))
            break;
        db = open_db(path);
        struct str after;
        str_init(&after, 0);
        if (price_db_check(db, &err))
            fail_msg("%s", err.text);
        assert_int_equal(price_db_each(db, &all, add_row, &after, &err), 0);
        assert_string_equal(after.text, before.text);
        str_release(&after);
        price_db_close(db);
    }
    db = open_db(path);
    (void)import_good(db, big.text);
    price_db_close(db);
    char side[80];
    str_fit(side, sizeof(side), "%s-wal", path);
    unlink(side);
    str_fit(side, sizeof(side), "%s-shm", path);
    unlink(side);
    unlink(path);
    rmdir(folder);
    str_release(&big);
    str_release(&before);
}

/* A rate that stands in one list twice: at one price it is one entry, at two prices on one date the later word counts.
 */
static void a_rate_twice_in_one_list(void **state)
{
    (void)state;
    static const char head[] =
        "FormatVersion,v1.0\nSKU,OfferTermCode,RateCode,TermType,EffectiveDate,StartingRange,EndingRange,Unit,"
        "PricePerUnit,Currency,Product Family,Region Code,Instance Type,Operating System\n";
    const struct price_query all = {0};
    struct price_db *db = open_db(":memory:");
    struct str text;
    str_init(&text, 0);
    str_add(&text, head);
    const char *const rates[] = {"2024-05-01,0,Inf,Hrs,0.1", "2024-06-01,0,Inf,Hrs,0.1", "2024-07-01,0,Inf,Hrs,0.2",
                                 "2024-07-01,0,Inf,Hrs,0.3"};
    for (int i = 0; i < 4; i++)
        str_addf(&text, "S,T,S.T.R,OnDemand,%s,USD,Compute Instance,r,t,Linux\n", rates[i]);
    import_good(db, text.text);
    rows_are(db, &all, ROW("2024-05-01..2024-06-01", "0.1000000000") ROW("2024-07-01..2024-07-01", "0.3000000000"));
    str_release(&text);
    price_db_close(db);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    struct price_db *db;
    assert_int_equal(price_db_open(&db, "/nonexistent/prices.db", false, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "there is no such catalog"));
    db = open_db(":memory:");
    struct price_import got;
    assert_int_equal(import_text(db, "{\"regions\":{\"r\":{\"currentVersionUrl\":\"/x\"}}}", &got, &err), EXIT_INPUT);
    assert_non_null(strstr(err.text, "index of price lists"));
    assert_int_equal(import_text(db, "{\"products\":", &got, &err), EXIT_INPUT);
    const struct price_query all = {0};
    rows_are(db, &all, "");
    price_db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_imported_from_either_shape),
        cmocka_unit_test(history),
        cmocka_unit_test(random_histories),
        cmocka_unit_test(both_rates_by_date),
        cmocka_unit_test(effective_price),
        cmocka_unit_test(catalogs_and_offers_from_all_forms),
        cmocka_unit_test(killed_imports_leave_the_old_catalog),
        cmocka_unit_test(a_rate_twice_in_one_list),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests_name("price_db", tests, NULL, NULL);
}
