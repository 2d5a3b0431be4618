/* ledger_spent.c - what a month has used up to an instant, with what runs at that instant counted up to it. */
#include <stdlib.h>
#include <string.h>

#include "billing/charge.h"
#include "billing/ledger_private.h"

/* The uses that run at the instant. */
static int load_running(struct ledger *ledger, const char *environment, const char *project, instant_t at,
                        struct ledger_usage_rows *out, struct err *err)
{
    return db_query(
        ledger->db, err, ledger_usage_rows_take, out,
        "SELECT " LEDGER_USAGE_COLUMNS " FROM usage WHERE id IN (SELECT id FROM usage WHERE until > ?1 AND start "
        "< ?1 UNION SELECT id FROM usage WHERE open = 1 AND start < ?1) AND (?2 IS NULL OR environment = ?2) AND "
        "(?3 IS NULL OR project = ?3)",
        "iss", (int64_t)at, environment, project);
}

/* Of a use's charge, what opens in [from, to). */
static void add_charge(const struct charge *charge, instant_t from, instant_t to, int sign, bool instance,
                       struct ledger_spent *sum)
{
    for (size_t i = 0; i < charge->count; i++) {
        const struct charge_slice *s = &charge->slices[i];
        if (s->at < from || s->at >= to)
            continue;
        sum->usd += sign * s->usd;
        sum->instance_s += instance ? sign * s->billed_s : 0;
    }
}

/* What is booked of a running use counts in whole slices; what counts is the use up to the instant. */
static int correct(const struct ledger_usage_row *row, const struct catalog *catalog, instant_t from, instant_t at,
                   struct ledger_spent *sum, struct err *err)
{
    struct charge booked = {0};
    struct charge known = {0};
    struct charge_use use = ledger_charge_use(&row->usage);
    bool instance = strcmp(use.kind, "instance") == 0;
    if (row->unpriced)
        return 0;
    int code = charge_make(&booked, &use, catalog, err);
    use.end = at - use.start < CHARGE_MOST_S ? at : use.start + CHARGE_MOST_S;
    if (!code)
        code = charge_make(&known, &use, catalog, err);
    add_charge(&booked, from, at, -1, instance, sum);
    add_charge(&known, from, at, 1, instance, sum);
    charge_release(&booked);
    charge_release(&known);
    return code;
}

static int correct_all(struct ledger *ledger, const struct ledger_usage_rows *running, instant_t from, instant_t at,
                       struct ledger_spent *sum, struct err *err)
{
    struct catalog *catalog;
    int code = ledger_catalog(ledger, &catalog, err);
    if (code)
        return code;
    for (size_t i = 0; i < running->count && !code; i++)
        code = correct(&running->items[i], catalog, from, at, sum, err);
    catalog_free(catalog);
    return code;
}

/* Whole days from the totals, the day of `at` from its postings. */
static int sum_booked(struct ledger *ledger, struct ledger_filter f, instant_t at, int64_t *out, struct err *err)
{
    int64_t part = 0;
    instant_t midnight = ledger_day(at) * SECONDS_PER_DAY;
    *out = 0;
    f.to = midnight;
    int code = f.from < midnight ? ledger_sum(ledger, &f, out, err) : 0;
    f.from = f.from > midnight ? f.from : midnight;
    f.to = at;
    if (!code && f.from < f.to)
        code = ledger_sum(ledger, &f, &part, err);
    *out += part;
    return code;
}

int ledger_spent(struct ledger *ledger, const char *environment, const char *project, instant_t from, instant_t at,
                 struct ledger_spent *out, struct err *err)
{
    struct ledger_spent sum = {0};
    struct ledger_usage_rows running = {0};
    struct ledger_filter f = {
        .from = from, .environment = environment, .project = project, .account = "expense:", .unit = "usd"};
    int code = sum_booked(ledger, f, at, &sum.usd, err);
    f.account = "time:instance";
    f.unit = "s";
    if (!code)
        code = sum_booked(ledger, f, at, &sum.instance_s, err);
    f.account = POOL_PREFIX "instance";
    if (!code)
        code = sum_booked(ledger, f, at, &sum.pool_s, err);
    if (!code)
        code = load_running(ledger, environment, project, at, &running, err);
    if (!code && running.count)
        code = correct_all(ledger, &running, from, at, &sum, err);
    ledger_usage_rows_release(&running);
    if (!code)
        *out = sum;
    return code;
}
