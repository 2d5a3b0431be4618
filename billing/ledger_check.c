/* ledger_check.c - whether a ledger holds what ledger.h promises. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "billing/charge.h"
#include "billing/ledger_private.h"

struct check {
    struct ledger *ledger;
    struct diag *diag;
    struct catalog *catalog;
};

static void fault(const struct check *c, const char *what, sqlite3_stmt *row)
{
    diag_at(c->diag, c->ledger->path, 0, 0, "%s: %s", what, (const char *)sqlite3_column_text(row, 0));
}

static int take_unbalanced(void *context, sqlite3_stmt *row)
{
    fault(context, "an entry's postings do not sum to zero", row);
    return 0;
}

static int take_total(void *context, sqlite3_stmt *row)
{
    fault(context, "a day's total is not the sum of its postings", row);
    return 0;
}

static int take_orphan(void *context, sqlite3_stmt *row)
{
    fault(context, "a use whose bookings are not all there", row);
    return 0;
}

/* The sums that SQL can look at by itself. */
static int check_sums(const struct check *c, struct err *err)
{
    struct db *db = c->ledger->db;
    int code = db_query(db, err, take_unbalanced, (void *)c,
                        "SELECT e.key FROM posting p JOIN entry e ON e.id = p.entry GROUP BY p.entry, p.unit HAVING "
                        "sum(p.amount) <> 0",
                        "");
    if (!code)
        code = db_query(
            db, err, take_total, (void *)c,
            "WITH fresh AS (SELECT (p.at - ((p.at % 86400) + 86400) % 86400) / 86400 AS day, e.environment, "
            "e.project, p.account, p.unit, sum(p.amount) AS amount FROM posting p JOIN entry e ON e.id = p.entry "
            "GROUP BY 1, 2, 3, 4, 5) "
            "SELECT date(day * 86400, 'unixepoch') || ' ' || account FROM (SELECT * FROM (SELECT * FROM total EXCEPT "
            "SELECT * FROM fresh) UNION ALL SELECT * FROM (SELECT * FROM fresh EXCEPT SELECT * FROM total)) "
            "WHERE amount <> 0",
            "");
    if (!code)
        code = db_query(db, err, take_orphan, (void *)c,
                        "SELECT key FROM usage u WHERE bookings = 0 OR bookings <> (SELECT count(*) FROM entry e WHERE "
                        "e.usage = u.id AND e.kind = 'usage')",
                        "");
    return code;
}

/* One use, with what is booked of it in columns 20 and 21. */
static int take_use(void *context, sqlite3_stmt *row)
{
    const struct check *c = context;
    struct ledger_usage_row read;
    struct charge charge = {0};
    struct err why;
    ledger_usage_row_read(&read, row);
    money_t usd = 0;
    int64_t seconds = 0;
    const struct charge_use use = ledger_charge_use(&read.usage);
    int failed = charge_make(&charge, &use, c->catalog, &why);
    for (size_t i = 0; i < charge.count; i++) {
        usd += charge.slices[i].usd;
        seconds += charge.slices[i].billed_s;
    }
    if (failed)
        diag_at(c->diag, c->ledger->path, 0, 0, "a use cannot be charged again: %s: %s", read.usage.key, why.text);
    else if (usd != sqlite3_column_int64(row, 20) || seconds != sqlite3_column_int64(row, 21))
        diag_at(c->diag, c->ledger->path, 0, 0, "what is booked of a use is not its charge: %s", read.usage.key);
    charge_release(&charge);
    ledger_usage_row_release(&read);
    return 0;
}

static int check_uses(struct check *c, struct err *err)
{
    int code = ledger_catalog(c->ledger, &c->catalog, err);
    if (code)
        return code;
    code = db_query(
        c->ledger->db, err, take_use, c,
        "SELECT " LEDGER_USAGE_COLUMNS
        ", (SELECT coalesce(sum(p.amount), 0) FROM entry e JOIN posting p ON p.entry = e.id WHERE e.usage = u.id "
        "AND e.kind = 'usage' AND p.account LIKE 'expense:%'), (SELECT coalesce(sum(p.amount), 0) FROM entry e "
        "JOIN posting p ON p.entry = e.id WHERE e.usage = u.id AND e.kind = 'usage' AND p.account LIKE 'time:%' "
        "AND p.account <> 'time:meter') FROM usage u WHERE unpriced = 0",
        "");
    catalog_free(c->catalog);
    return code;
}

int ledger_check(struct ledger *ledger, struct diag *diag, struct err *err)
{
    struct check c = {.ledger = ledger, .diag = diag};
    int code = db_check(ledger->db, err);
    if (!code)
        code = check_sums(&c, err);
    if (!code)
        code = check_uses(&c, err);
    if (!code && diag->count)
        code = err_at(err, EXIT_FAILED, ledger->path, 0, 0, "the ledger does not hold: %zu %s", diag->count,
                      diag->count == 1 ? "fault" : "faults");
    return code;
}
