/* ledger_read.c - sums, statements and lists from the ledger. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/ledger_private.h"

#define DAY(column) "((" column " - ((" column " % 86400) + 86400) % 86400) / 86400)"

/* ?1 and ?2 are the window: of whole days, read from the totals; of instants, from the postings. */
#define FROM_TOTALS                                                                                                    \
    "(SELECT day, environment, project, '' AS deployment, account, unit, amount, 0 AS entry FROM total WHERE day >= "  \
    "?1 "                                                                                                              \
    "AND day < ?2)"
#define FROM_POSTINGS                                                                                                  \
    "(SELECT " DAY(                                                                                                    \
        "p.at") " AS day, e.environment, e.project, e.deployment, p.account, p.unit, p.amount, e.id AS entry "         \
                "FROM posting p JOIN entry e ON e.id = p.entry WHERE p.at >= ?1 AND p.at < ?2)"
#define WHERE_SCOPE                                                                                                    \
    " WHERE (?3 IS NULL OR deployment = ?3) AND (?4 IS NULL OR environment = ?4) AND (?5 IS NULL OR project = ?5) "    \
    "AND "                                                                                                             \
    "(?6 IS NULL OR account = ?6 OR (substr(?6, -1) = ':' AND substr(account, 1, length(?6)) = ?6))"
#define SUM_SQL(from) "SELECT coalesce(sum(amount), 0) FROM " from WHERE_SCOPE " AND (?7 IS NULL OR unit = ?7)"
#define AMOUNTS                                                                                                        \
    "coalesce(sum(amount) FILTER (WHERE account LIKE 'expense:%' AND unit = 'usd'), 0), "                              \
    "coalesce(sum(amount) FILTER (WHERE account LIKE 'time:%' AND account <> 'time:meter'), 0), "                      \
    "coalesce(sum(amount) FILTER (WHERE account = 'plan:estimate'), 0), count(DISTINCT entry)"
#define STATEMENT_SQL(name, from) "SELECT " name ", " AMOUNTS " FROM " from WHERE_SCOPE " GROUP BY 1 ORDER BY 1"

static bool whole_days(const struct ledger_filter *f)
{
    return !f->deployment && ledger_day(f->from) * SECONDS_PER_DAY == f->from &&
           ledger_day(f->to) * SECONDS_PER_DAY == f->to;
}

int ledger_sum(struct ledger *ledger, const struct ledger_filter *f, int64_t *out, struct err *err)
{
    bool days = whole_days(f);
    return db_query(ledger->db, err, db_take_i64, out, days ? SUM_SQL(FROM_TOTALS) : SUM_SQL(FROM_POSTINGS), "iisssss",
                    days ? ledger_day(f->from) : (int64_t)f->from, days ? ledger_day(f->to) : (int64_t)f->to,
                    f->deployment, f->environment, f->project, f->account, f->unit);
}

struct statement {
    enum ledger_by by;
    ledger_row_fn *row;
    void *context;
    struct err *err;
    struct ledger_row sum; /* BY_MONTH: of the month so far */
    int month;
    char name[INSTANT_TEXT_SIZE];
};

static int hand_on(struct statement *s, const struct ledger_row *row)
{
    return row->usd || row->seconds || row->estimate ? s->row(s->context, row, s->err) : 0;
}

static int flush_month(struct statement *s)
{
    s->sum.name = calendar_month_text(s->month, s->name);
    int code = hand_on(s, &s->sum);
    s->sum = (struct ledger_row){0};
    return code;
}

static int take_statement(void *context, sqlite3_stmt *row)
{
    struct statement *s = context;
    struct ledger_row r = {.usd = sqlite3_column_int64(row, 1),
                           .seconds = sqlite3_column_int64(row, 2),
                           .estimate = sqlite3_column_int64(row, 3),
                           .entries = sqlite3_column_int64(row, 4)};
    if (s->by == LEDGER_BY_DAY) {
        r.name = calendar_date_text(sqlite3_column_int64(row, 0) * SECONDS_PER_DAY, s->name);
        return hand_on(s, &r);
    }
    if (s->by != LEDGER_BY_MONTH) {
        r.name = (const char *)sqlite3_column_text(row, 0);
        return hand_on(s, &r);
    }
    int month = calendar_month(sqlite3_column_int64(row, 0) * SECONDS_PER_DAY);
    int code = month != s->month ? flush_month(s) : 0;
    s->month = month;
    s->sum.usd += r.usd;
    s->sum.seconds += r.seconds;
    s->sum.estimate += r.estimate;
    s->sum.entries += r.entries;
    return code;
}

/* The statement's text for a way of grouping, from totals where they tell it. */
static const char *statement_sql(enum ledger_by by, bool totals)
{
    switch (by) {
    case LEDGER_BY_DAY:
    case LEDGER_BY_MONTH:
        return totals ? STATEMENT_SQL("day", FROM_TOTALS) : STATEMENT_SQL("day", FROM_POSTINGS);
    case LEDGER_BY_KIND:
        return totals ? STATEMENT_SQL("substr(account, instr(account, ':') + 1)", FROM_TOTALS)
                      : STATEMENT_SQL("substr(account, instr(account, ':') + 1)", FROM_POSTINGS);
    case LEDGER_BY_ENVIRONMENT:
        return totals ? STATEMENT_SQL("environment", FROM_TOTALS) : STATEMENT_SQL("environment", FROM_POSTINGS);
    case LEDGER_BY_PROJECT:
        return totals ? STATEMENT_SQL("project", FROM_TOTALS) : STATEMENT_SQL("project", FROM_POSTINGS);
    case LEDGER_BY_DEPLOYMENT:
        break;
    }
    return STATEMENT_SQL("deployment", FROM_POSTINGS);
}

int ledger_statement(struct ledger *ledger, enum ledger_by by, const struct ledger_filter *f, ledger_row_fn *row,
                     void *context, struct err *err)
{
    struct statement s = {.by = by, .row = row, .context = context, .err = err};
    bool days = by != LEDGER_BY_DEPLOYMENT && whole_days(f);
    int code = db_query(ledger->db, err, take_statement, &s, statement_sql(by, days), "iissss",
                        days ? ledger_day(f->from) : (int64_t)f->from, days ? ledger_day(f->to) : (int64_t)f->to,
                        f->deployment, f->environment, f->project, f->account);
    return code || by != LEDGER_BY_MONTH ? code : flush_month(&s);
}

struct deployments {
    ledger_deployment_fn *each;
    void *context;
    struct err *err;
};

static int take_deployment(void *context, sqlite3_stmt *row)
{
    const struct deployments *d = context;
    const char *texts[6];
    for (int i = 0; i < 6; i++)
        texts[i] = (const char *)sqlite3_column_text(row, i);
    const struct ledger_deployment one = {.id = texts[0],
                                          .environment = texts[1],
                                          .project = texts[2],
                                          .commit = texts[3],
                                          .outcome = texts[4],
                                          .basis = texts[5],
                                          .started = sqlite3_column_int64(row, 6),
                                          .ended = sqlite3_column_int64(row, 7),
                                          .estimate_usd = sqlite3_column_int64(row, 8),
                                          .actual_usd = sqlite3_column_int64(row, 9)};
    return d->each(d->context, &one, d->err);
}

int ledger_deployments(struct ledger *ledger, const char *environment, instant_t from, instant_t to,
                       ledger_deployment_fn *each, void *context, struct err *err)
{
    struct deployments d = {each, context, err};
    return db_query(
        ledger->db, err, take_deployment, &d,
        "SELECT id, environment, project, revision, outcome, basis, started, coalesce(ended, 0), estimate_usd, "
        "(SELECT coalesce(sum(p.amount), 0) FROM entry e JOIN posting p ON p.entry = e.id WHERE e.deployment = "
        "d.id AND p.unit = 'usd' AND p.account LIKE 'expense:%') FROM deployment d WHERE started >= ?1 AND "
        "started < ?2 AND (?3 IS NULL OR environment = ?3) ORDER BY started, id",
        "iis", (int64_t)from, (int64_t)to, environment);
}

struct usages {
    ledger_usage_fn *each;
    void *context;
    struct err *err;
};

static int take_usage(void *context, sqlite3_stmt *row)
{
    const struct usages *u = context;
    struct ledger_usage_row read;
    ledger_usage_row_read(&read, row);
    int code = u->each(u->context, &read.usage, &read.scope, u->err);
    ledger_usage_row_release(&read);
    return code;
}

int ledger_usages(struct ledger *ledger, instant_t from, instant_t to, ledger_usage_fn *each, void *context,
                  struct err *err)
{
    struct usages u = {each, context, err};
    return db_query(ledger->db, err, take_usage, &u,
                    "SELECT " LEDGER_USAGE_COLUMNS
                    " FROM usage WHERE (until > ?1 OR (until = ?1 AND start = ?1) OR open = 1) AND start < ?2 "
                    "ORDER BY start, key",
                    "ii", (int64_t)from, (int64_t)to);
}

int ledger_resource_usd(struct ledger *ledger, const char *resource, instant_t from, instant_t to, money_t *out,
                        struct err *err)
{
    return db_query(
        ledger->db, err, db_take_i64, out,
        "SELECT coalesce(sum(p.amount), 0) FROM entry e JOIN posting p ON p.entry = e.id WHERE e.resource = ? "
        "AND p.unit = 'usd' AND p.account LIKE 'expense:%' AND p.at >= ? AND p.at < ?",
        "sii", resource, (int64_t)from, (int64_t)to);
}

struct remarks {
    ledger_remark_fn *each;
    void *context;
    struct err *err;
};

static int take_remark(void *context, sqlite3_stmt *row)
{
    const struct remarks *r = context;
    const struct ledger_remark one = {.booked = sqlite3_column_int64(row, 0),
                                      .scope = {.deployment = (const char *)sqlite3_column_text(row, 1),
                                                .environment = (const char *)sqlite3_column_text(row, 2),
                                                .project = (const char *)sqlite3_column_text(row, 3)},
                                      .text = (const char *)sqlite3_column_text(row, 4)};
    return r->each(r->context, &one, r->err);
}

int ledger_remarks(struct ledger *ledger, const char *kind, const struct ledger_filter *f, ledger_remark_fn *each,
                   void *context, struct err *err)
{
    struct remarks r = {each, context, err};
    /* Keys have an index, kinds have none; ';' follows ':'. */
    return db_query(ledger->db, err, take_remark, &r,
                    "SELECT booked, deployment, environment, project, memo FROM entry WHERE key >= ?1 || ':' AND key < "
                    "?1 || ';' AND kind = ?1 AND booked >= ?2 AND booked <= ?3 AND (?4 IS NULL OR deployment = ?4) AND "
                    "(?5 IS NULL OR environment = ?5) AND (?6 IS NULL OR project = ?6) ORDER BY booked, key",
                    "siisss", kind, (int64_t)f->from, (int64_t)f->to, f->deployment, f->environment, f->project);
}

static void add_field(struct str *to, const char *text, const char *behind)
{
    str_add_char(to, '"');
    for (; *text; text++) {
        if (*text == '"')
            str_add_char(to, '"');
        str_add_char(to, *text);
    }
    str_addf(to, "\"%s", behind);
}

static int take_price(void *context, sqlite3_stmt *row)
{
    struct str *csv = context;
    char text[MONEY_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    for (int i = 0; i < 3; i++)
        add_field(csv, (const char *)sqlite3_column_text(row, i), ",");
    instant_t effective = sqlite3_column_int64(row, 3);
    str_addf(csv, "%s,%s\n", calendar_text(effective > INSTANT_MIN ? effective : INSTANT_MIN, at),
             money_text(sqlite3_column_int64(row, 4), text));
    return 0;
}

int ledger_catalog(struct ledger *ledger, struct catalog **out, struct err *err)
{
    struct str csv;
    str_init(&csv, 0);
    str_add(&csv, "type,region,os,effective,usd_per_hour\n");
    int code =
        db_query(ledger->db, err, take_price, &csv,
                 "SELECT type, region, os, effective, usd_per_hour FROM price p WHERE seen = (SELECT max(seen) FROM "
                 "price q WHERE q.type = p.type AND q.region = p.region AND q.os = p.os AND q.effective = "
                 "p.effective)",
                 "");
    if (!code)
        code = catalog_open_text(out, "prices of the ledger", csv.text, csv.len, NULL, err);
    str_release(&csv);
    return code;
}
