/* ledger_usage.c - usage on the ledger: recorded as metered, charged, and the difference to what stands there posted.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "billing/charge.h"
#include "billing/ledger_private.h"

#define QUANTITY_MAX ((int64_t)1000000000000) /* a million of whatever it is */
#define TEXT_LEN_MAX 512

void ledger_usage_row_read(struct ledger_usage_row *out, sqlite3_stmt *row)
{
    *out = (struct ledger_usage_row){.id = sqlite3_column_int64(row, 0),
                                     .bookings = sqlite3_column_int64(row, 1),
                                     .unpriced = sqlite3_column_int(row, 2) != 0};
    for (int i = 0; i < 11; i++)
        out->texts[i] = mem_dup((const char *)sqlite3_column_text(row, 3 + i));
    out->usage = (struct ledger_usage){.key = out->texts[0],
                                       .kind = out->texts[1],
                                       .resource = out->texts[2],
                                       .account = out->texts[3],
                                       .type = out->texts[4],
                                       .region = out->texts[5],
                                       .zone = out->texts[6],
                                       .os = out->texts[7],
                                       .quantity = sqlite3_column_int64(row, 14),
                                       .usd = sqlite3_column_int64(row, 15),
                                       .regime = (enum regime_choice)sqlite3_column_int(row, 16),
                                       .start = sqlite3_column_int64(row, 17),
                                       .end = sqlite3_column_int64(row, 18),
                                       .open = sqlite3_column_int(row, 19) != 0};
    out->scope = (struct ledger_scope){out->texts[8], out->texts[9], out->texts[10]};
}

void ledger_usage_row_release(struct ledger_usage_row *row)
{
    for (int i = 0; i < 11; i++)
        free(row->texts[i]);
    *row = (struct ledger_usage_row){0};
}

int ledger_usage_rows_take(void *context, sqlite3_stmt *row)
{
    struct ledger_usage_rows *rows = context;
    rows->items = mem_grow(rows->items, &rows->cap, rows->count + 1, sizeof(*rows->items));
    ledger_usage_row_read(&rows->items[rows->count++], row);
    return 0;
}

void ledger_usage_rows_release(struct ledger_usage_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        ledger_usage_row_release(&rows->items[i]);
    free(rows->items);
    *rows = (struct ledger_usage_rows){0};
}

struct charge_use ledger_charge_use(const struct ledger_usage *u)
{
    return (struct charge_use){.kind = u->kind,
                               .type = u->type,
                               .region = u->region,
                               .os = u->os,
                               .quantity = u->quantity ? u->quantity : CHARGE_QUANTITY,
                               .start = u->start,
                               .end = u->end,
                               .usd = u->usd,
                               .regime = u->regime};
}

/* What is booked of a usage, by day and unit. */
struct booked_day {
    int64_t day, usd, seconds;
    instant_t at;
};

struct booked_days {
    struct booked_day *days;
    size_t count, cap;
};

static int take_day(void *context, sqlite3_stmt *row)
{
    struct booked_days *list = context;
    list->days = mem_grow(list->days, &list->cap, list->count + 1, sizeof(*list->days));
    list->days[list->count++] = (struct booked_day){.at = sqlite3_column_int64(row, 0),
                                                    .day = ledger_day(sqlite3_column_int64(row, 0)),
                                                    .usd = sqlite3_column_int64(row, 1),
                                                    .seconds = sqlite3_column_int64(row, 2)};
    return 0;
}

static int load_days(struct ledger *ledger, int64_t usage, struct booked_days *out, struct err *err)
{
    return db_query(ledger->db, err, take_day, out,
                    "SELECT p.at, sum(p.amount) FILTER (WHERE p.account LIKE 'expense:%'), "
                    "sum(p.amount) FILTER (WHERE p.account LIKE 'time:%' AND p.account <> 'time:meter') "
                    "FROM entry e JOIN posting p ON p.entry = e.id WHERE e.usage = ? AND e.kind = 'usage' "
                    "GROUP BY p.at ORDER BY p.at",
                    "i", usage);
}

struct postings {
    struct ledger_posting *items;
    size_t count, cap;
    char expense[TEXT_LEN_MAX], time[TEXT_LEN_MAX];
    const char *payable;
};

static void add_pair(struct postings *p, const char *account, const char *against, const char *unit, instant_t at,
                     instant_t until, int64_t amount)
{
    if (!amount)
        return;
    p->items = mem_grow(p->items, &p->cap, p->count + 2, sizeof(*p->items));
    p->items[p->count++] = (struct ledger_posting){account, unit, at, until, amount};
    p->items[p->count++] = (struct ledger_posting){against, unit, at, until, -amount};
}

static void add_difference(struct postings *p, instant_t at, instant_t until, int64_t usd, int64_t seconds)
{
    add_pair(p, p->expense, p->payable, "usd", at, until, usd);
    add_pair(p, p->time, "time:meter", "s", at, until, seconds);
}

/* Both lists are by time; days of the one and the other are brought together. */
static void differences(struct postings *p, const struct charge *charge, const struct booked_days *booked)
{
    size_t b = 0;
    for (size_t i = 0; i < charge->count; i++) {
        const struct charge_slice *s = &charge->slices[i];
        int64_t usd = s->usd;
        int64_t seconds = s->billed_s;
        for (; b < booked->count && booked->days[b].day < ledger_day(s->at); b++)
            add_difference(p, booked->days[b].at, booked->days[b].at, -booked->days[b].usd, -booked->days[b].seconds);
        for (; b < booked->count && booked->days[b].day == ledger_day(s->at); b++) {
            usd -= booked->days[b].usd;
            seconds -= booked->days[b].seconds;
        }
        add_difference(p, s->at, s->until, usd, seconds);
    }
    for (; b < booked->count; b++)
        add_difference(p, booked->days[b].at, booked->days[b].at, -booked->days[b].usd, -booked->days[b].seconds);
}

static int remember_prices(struct ledger *ledger, const struct ledger_usage *u, const struct catalog *catalog,
                           instant_t now, struct err *err)
{
    instant_t at = INSTANT_MIN - 1;
    int code = 0;
    while (!code && (at = catalog_next_change(catalog, u->type, u->region, u->os, at)) != INSTANT_MAX) {
        struct catalog_price price;
        if (catalog_find(catalog, u->type, u->region, u->os, at, &price, err))
            return EXIT_INPUT;
        code = db_run(
            ledger->db, err,
            "INSERT INTO price SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM price WHERE type = "
            "?1 AND region = ?2 AND os = ?3 AND effective = ?4 AND usd_per_hour = ?6 AND seen = (SELECT max(seen) "
            "FROM price WHERE type = ?1 AND region = ?2 AND os = ?3 AND effective = ?4)) "
            "ON CONFLICT DO UPDATE SET usd_per_hour = excluded.usd_per_hour",
            "sssiii", u->type, u->region, u->os, (int64_t)at, (int64_t)now, (int64_t)price.usd_per_hour);
    }
    return code;
}

static int check_usage(const struct ledger_usage *u, struct err *err)
{
    const char *const texts[] = {u->key, u->kind, u->resource, u->account, u->type, u->region, u->zone, u->os};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!texts[i] || strlen(texts[i]) >= TEXT_LEN_MAX - 16)
            return err_set(err, EXIT_INPUT, "a use with a text that is missing or too long");
    if (!*u->key || !*u->resource)
        return err_set(err, EXIT_INPUT, "a use without a key or a resource");
    if (u->end < u->start)
        return err_set(err, EXIT_INPUT, "the use %.100s ends before it starts", u->key);
    if (u->end - u->start > CHARGE_MOST_S)
        return err_set(err, EXIT_INPUT, "the use %.100s is longer than a hundred years", u->key);
    if (u->start < INSTANT_MIN || u->end > INSTANT_MAX)
        return err_set(err, EXIT_INPUT, "the use %.100s is outside the years 1 to 9999", u->key);
    if (u->quantity < 0 || u->quantity > QUANTITY_MAX)
        return err_set(err, EXIT_INPUT, "the use %.100s: the quantity is none from 0 to a million", u->key);
    int code = charge_kind_check(u->kind, err);
    if (!code && strcmp(u->kind, "instance") == 0) {
        enum regime regime;
        code = regime_at(u->os, u->start, &regime, err);
    }
    return code;
}

static int take_usage(void *context, sqlite3_stmt *row)
{
    ledger_usage_row_read(context, row);
    return 0;
}

static bool same_facts(const struct ledger_usage *a, const struct ledger_usage *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->resource, b->resource) == 0 &&
           strcmp(a->account, b->account) == 0 && strcmp(a->type, b->type) == 0 && strcmp(a->region, b->region) == 0 &&
           strcmp(a->zone, b->zone) == 0 && strcmp(a->os, b->os) == 0 && a->quantity == b->quantity;
}

static int insert_usage(struct ledger *ledger, const struct ledger_usage *u, const struct ledger_scope *scope,
                        struct err *err)
{
    return db_run(
        ledger->db, err,
        "INSERT INTO usage (key, kind, resource, account, type, region, zone, os, deployment, environment, "
        "project, quantity, usd, regime, start, until, open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?)",
        "sssssssssssiiiiii", u->key, u->kind, u->resource, u->account, u->type, u->region, u->zone, u->os,
        scope->deployment, scope->environment, scope->project, u->quantity, (int64_t)(u->usd < 0 ? -1 : u->usd),
        (int64_t)u->regime, (int64_t)u->start, (int64_t)u->end, (int64_t)u->open);
}

static int find_usage(struct ledger *ledger, const char *key, struct ledger_usage_row *out, struct err *err)
{
    return db_query(ledger->db, err, take_usage, out, "SELECT " LEDGER_USAGE_COLUMNS " FROM usage WHERE key = ?", "s",
                    key);
}

int ledger_knows_other(struct ledger *ledger, const struct ledger_usage *u, bool *other, struct err *err)
{
    struct ledger_usage_row row = {0};
    int code = find_usage(ledger, u->key, &row, err);
    *other = !code && row.id && !same_facts(&row.usage, u);
    ledger_usage_row_release(&row);
    return code;
}

/* Whether a record tells anything beyond what is known. An older word about something that still runs does not; nor
 * does the word that something runs which is known to have ended. */
static bool is_news(const struct ledger_usage_row *known, const struct ledger_usage *u)
{
    if (known->unpriced || !known->bookings || (u->start != known->usage.start && (!u->open || known->usage.open)))
        return true;
    if (u->open)
        return known->usage.open && u->end > known->usage.end;
    return known->usage.open || u->end != known->usage.end;
}

static int post_difference(struct ledger *ledger, const struct ledger_usage_row *row, const struct ledger_usage *u,
                           const struct ledger_scope *scope, const struct charge *charge, bool unpriced, instant_t now,
                           struct err *err)
{
    struct booked_days booked = {0};
    struct postings postings = {.payable = strcmp(u->kind, "ci-minute") == 0 ? "payable:ci" : "payable:aws"};
    struct str key;
    bool inserted = false;
    str_init(&key, 0);
    str_addf(&key, "use:%s#%lld", u->key, (long long)row->bookings + 1);
    str_fit(postings.expense, sizeof(postings.expense), "expense:%s", u->kind);
    str_fit(postings.time, sizeof(postings.time), "time:%s", u->kind);
    const struct ledger_entry entry = {.key = key.text,
                                       .kind = "usage",
                                       .usage = row->id,
                                       .scope = scope,
                                       .resource = u->resource,
                                       .memo = row->bookings ? "runs on, or its end or price is known better" : "",
                                       .booked = now};
    int code = load_days(ledger, row->id, &booked, err);
    if (!code && !unpriced)
        differences(&postings, charge, &booked);
    if (!code)
        code = ledger_post(ledger, &entry, postings.items, postings.count, &inserted, err);
    assert(code || inserted);
    if (!code)
        code = db_run(ledger->db, err,
                      "UPDATE usage SET start = ?, until = ?, open = ?, usd = ?, bookings = bookings + 1, unpriced = ? "
                      "WHERE id = ?",
                      "iiiiii", (int64_t)u->start, (int64_t)u->end, (int64_t)u->open,
                      (int64_t)(u->usd < 0 ? -1 : u->usd), (int64_t)unpriced, row->id);
    str_release(&key);
    free(booked.days);
    free(postings.items);
    return code;
}

static int book(struct ledger *ledger, const struct ledger_usage_row *row, const struct ledger_usage *u,
                const struct ledger_scope *scope, const struct catalog *catalog, instant_t now, struct err *err)
{
    struct charge charge = {0};
    struct charge_use use = ledger_charge_use(u);
    struct catalog *own = NULL;
    struct err why;
    int code = 0;
    if (!catalog && use.usd < 0 && strcmp(u->kind, "instance") == 0) {
        code = ledger_catalog(ledger, &own, err);
        catalog = own;
    }
    bool unpriced = !code && charge_make(&charge, &use, catalog, &why) != 0;
    if (!code && !unpriced && use.usd < 0 && !own && strcmp(u->kind, "instance") == 0)
        code = remember_prices(ledger, u, catalog, now, err);
    if (!code)
        code = post_difference(ledger, row, u, scope, &charge, unpriced, now, err);
    charge_release(&charge);
    catalog_free(own);
    return code;
}

/* Inside the transaction. */
static int record(struct ledger *ledger, const struct ledger_usage *u, const struct ledger_scope *scope,
                  const struct catalog *catalog, instant_t now, enum ledger_booked *booked, struct err *err)
{
    struct ledger_usage_row row = {0};
    int code = find_usage(ledger, u->key, &row, err);
    bool fresh = !code && !row.id;
    if (fresh) {
        code = insert_usage(ledger, u, scope, err);
        if (!code)
            code = find_usage(ledger, u->key, &row, err);
    } else if (!code && !same_facts(&row.usage, u)) {
        code = err_at(err, EXIT_INPUT, ledger->path, 0, 0, "the key %.100s stands for another use (%s of %s)", u->key,
                      row.usage.kind, row.usage.resource);
    }
    *booked = LEDGER_UNCHANGED;
    if (!code && is_news(&row, u)) {
        *booked = fresh ? LEDGER_NEW : LEDGER_CHANGED;
        code = book(ledger, &row, u, scope, catalog, now, err);
    }
    ledger_usage_row_release(&row);
    return code;
}

struct recording {
    const struct ledger_usage *usage;
    const struct ledger_scope *scope;
    const struct catalog *catalog;
    instant_t now;
    enum ledger_booked *booked;
};

static int record_it(struct ledger *ledger, void *context, struct err *err)
{
    const struct recording *r = context;
    return record(ledger, r->usage, r->scope, r->catalog, r->now, r->booked, err);
}

int ledger_record(struct ledger *ledger, const struct ledger_usage *usage, const struct ledger_scope *scope,
                  const struct catalog *catalog, instant_t now, enum ledger_booked *booked, struct err *err)
{
    struct ledger_usage u = *usage;
    struct recording r = {&u, scope, catalog, now, booked};
    u.quantity = u.quantity ? u.quantity : CHARGE_QUANTITY;
    int code = check_usage(&u, err);
    return code ? code : ledger_together(ledger, record_it, &r, now, err);
}

static int book_up_to(struct ledger *ledger, const struct ledger_usage_row *row, instant_t at,
                      const struct catalog *catalog, struct err *err)
{
    struct ledger_usage u = row->usage;
    struct charge charge = {0};
    instant_t most = u.start + CHARGE_MOST_S;
    u.end = at < most ? at : most;
    struct charge_use use = ledger_charge_use(&u);
    int code = charge_make(&charge, &use, catalog, err);
    if (!code)
        code = post_difference(ledger, row, &u, &row->scope, &charge, false, at, err);
    charge_release(&charge);
    return code;
}

int ledger_uses_up_to(struct ledger *ledger, instant_t at, bool back, struct err *err)
{
    struct ledger_usage_rows uses = {0};
    struct catalog *catalog = NULL;
    int code = db_query(ledger->db, err, ledger_usage_rows_take, &uses,
                        "SELECT " LEDGER_USAGE_COLUMNS
                        " FROM usage WHERE unpriced = 0 AND id IN (SELECT id FROM usage WHERE open = 1 AND until < ?1 "
                        "UNION SELECT id FROM usage WHERE ?2 AND until > ?1 AND start < ?1) ORDER BY id",
                        "ii", (int64_t)at, (int64_t)back);
    if (!code && uses.count)
        code = ledger_catalog(ledger, &catalog, err);
    for (size_t i = 0; i < uses.count && !code; i++)
        code = book_up_to(ledger, &uses.items[i], at, catalog, err);
    ledger_usage_rows_release(&uses);
    catalog_free(catalog);
    return code;
}

struct unpriced {
    size_t count;
    char *first;
};

static int take_unpriced(void *context, sqlite3_stmt *row)
{
    struct unpriced *u = context;
    struct str text;
    if (u->count++)
        return 0;
    str_init(&text, 0);
    str_addf(&text, "%s %s in %s", sqlite3_column_text(row, 0), sqlite3_column_text(row, 1),
             sqlite3_column_text(row, 2));
    u->first = str_detach(&text);
    return 0;
}

int ledger_unpriced(struct ledger *ledger, size_t *count, char **first, struct err *err)
{
    struct unpriced u = {0};
    int code = db_query(ledger->db, err, take_unpriced, &u,
                        "SELECT kind, CASE kind WHEN 'instance' THEN type ELSE resource END, region FROM usage WHERE "
                        "unpriced = 1 ORDER BY id",
                        "");
    *count = u.count;
    *first = u.first;
    return code;
}
