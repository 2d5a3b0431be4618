#include "billing/price_db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/db.h"
#include "base/mem.h"
#include "base/str.h"
#include "billing/product.h"

#define TERMS_MAX   4096
#define CACHE_PAGES "PRAGMA cache_size = -32768" /* KiB */

enum { PRICE_SKU_MAX = 128 };

static const char *const migrations[] = {
    "CREATE TABLE import ("
    "  id INTEGER PRIMARY KEY, offer TEXT NOT NULL, version TEXT NOT NULL, published INTEGER NOT NULL,"
    "  imported INTEGER NOT NULL, file TEXT NOT NULL, products INTEGER NOT NULL DEFAULT 0,"
    "  rates INTEGER NOT NULL DEFAULT 0, changed INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE product ("
    "  id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, family TEXT, type TEXT, region TEXT, os TEXT, tenancy TEXT,"
    "  software TEXT, license TEXT, capacity TEXT, market TEXT, location TEXT, usage_type TEXT, operation TEXT,"
    "  plain INTEGER NOT NULL DEFAULT 0, seen INTEGER);"
    "CREATE INDEX product_by_type ON product (type, region, os);"
    "CREATE TABLE term ("
    "  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, code TEXT NOT NULL, lease TEXT NOT NULL, payment TEXT NOT NULL,"
    "  offering TEXT NOT NULL, UNIQUE (kind, code, lease, payment, offering));"
    "CREATE TABLE price ("
    "  product INTEGER NOT NULL REFERENCES product (id), term INTEGER NOT NULL REFERENCES term (id),"
    "  code TEXT NOT NULL, range_begin TEXT NOT NULL, effective INTEGER NOT NULL, last INTEGER NOT NULL,"
    "  usd INTEGER NOT NULL CHECK (usd >= 0), unit TEXT NOT NULL, range_end TEXT NOT NULL,"
    "  import INTEGER NOT NULL REFERENCES import (id), seen INTEGER NOT NULL REFERENCES import (id),"
    "  PRIMARY KEY (product, term, code, range_begin, effective), CHECK (effective <= last)) WITHOUT ROWID;",
    NULL,
};

struct term {
    char *kind, *code, *lease, *payment, *offering;
    int64_t id;
};

struct price_db {
    struct db *db;
    char *path;
};

int price_db_open(struct price_db **out, const char *path, bool create, struct err *err)
{
    if (*path && !create && access(path, R_OK) != 0)
        return err_at(err, EXIT_INPUT, path, 0, 0, "there is no such catalog; `prices import` makes one");
    struct db *db;
    int code = db_open(&db, path, migrations, err);
    if (code)
        return code;
    code = db_run(db, err, CACHE_PAGES, "");
    if (code) {
        db_close(db);
        return code;
    }
    struct price_db *p = mem_zero(1, sizeof(*p));
    p->db = db;
    p->path = mem_dup(path);
    *out = p;
    return 0;
}

void price_db_close(struct price_db *p)
{
    if (!p)
        return;
    db_close(p->db);
    free(p->path);
    free(p);
}

bool price_db_is(const char *head, size_t len)
{
    static const char mark[] = "SQLite format 3"; /* and its NUL */
    return len >= sizeof(mark) && memcmp(head, mark, sizeof(mark)) == 0;
}

int price_db_begin(struct price_db *p, struct err *err)
{
    return db_begin(p->db, err);
}

int price_db_commit(struct price_db *p, struct err *err)
{
    return db_commit(p->db, err);
}

void price_db_rollback(struct price_db *p)
{
    db_rollback(p->db);
}

/* One list that is being imported. */
struct importing {
    struct db *db;
    struct price_import *out;
    const struct price_import_options *options;
    int64_t import;
    bool fresh; /* the catalog was empty: a rate has no neighbours, unless from this list */
    char sku[PRICE_SKU_MAX];
    int64_t product; /* of that SKU */
    struct term *terms;
    size_t term_count, term_cap;
    size_t last_term;
};

/* The product's number; one that is not there yet is made, to be filled in when the list tells of it. */
static int product_id(struct importing *in, const char *sku, struct err *err)
{
    if (strcmp(in->sku, sku) == 0)
        return 0;
    int64_t id = 0;
    int code = db_query(in->db, err, db_take_i64, &id, "SELECT id FROM product WHERE sku = ?", "s", sku);
    if (!code && !id) {
        code = db_run(in->db, err, "INSERT INTO product (sku) VALUES (?)", "s", sku);
        if (!code)
            code = db_query(in->db, err, db_take_i64, &id, "SELECT last_insert_rowid()", "");
    }
    if (code)
        return code;
    in->product = id;
    str_fit(in->sku, sizeof(in->sku), "%.*s", PRICE_SKU_MAX - 1, sku);
    return 0;
}

static int import_product(void *context, const struct price_list_product *product, struct err *err)
{
    struct importing *in = context;
    const char *const *f = product->fields;
    char os[PRODUCT_OS_MAX];
    if (!*f[PRODUCT_SKU] || strlen(f[PRODUCT_SKU]) >= PRICE_SKU_MAX)
        return 0;
    return db_run(in->db, err,
                  "INSERT INTO product (sku, family, type, region, os, tenancy, software, license, capacity, market,"
                  " location, usage_type, operation, plain, seen) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                  " ON CONFLICT (sku) DO UPDATE SET family = excluded.family, type = excluded.type,"
                  " region = excluded.region, os = excluded.os, tenancy = excluded.tenancy,"
                  " software = excluded.software, license = excluded.license, capacity = excluded.capacity,"
                  " market = excluded.market, location = excluded.location, usage_type = excluded.usage_type,"
                  " operation = excluded.operation, plain = excluded.plain, seen = excluded.seen",
                  "sssssssssssssii", f[PRODUCT_SKU], f[PRODUCT_FAMILY], f[PRODUCT_TYPE], product_region(product),
                  product_os(f[PRODUCT_OS], os), f[PRODUCT_TENANCY], f[PRODUCT_SOFTWARE], f[PRODUCT_LICENSE],
                  f[PRODUCT_CAPACITY], f[PRODUCT_MARKET], f[PRODUCT_LOCATION], f[PRODUCT_USAGE_TYPE],
                  f[PRODUCT_OPERATION], (int64_t)product_is_plain(product), in->import);
}

static bool same_term(const struct term *t, const struct price_list_rate *r)
{
    return strcmp(t->code, r->offer_term) == 0 && strcmp(t->kind, r->term_kind) == 0 &&
           strcmp(t->lease, r->lease) == 0 && strcmp(t->payment, r->payment) == 0 &&
           strcmp(t->offering, r->offering) == 0;
}

static int new_term(struct importing *in, const struct price_list_rate *r, struct err *err)
{
    static const char find[] =
        "SELECT id FROM term WHERE kind = ? AND code = ? AND lease = ? AND payment = ? AND offering = ?";
    if (in->term_count == TERMS_MAX)
        return err_set(err, EXIT_INPUT, "more than %d kinds of terms in one price list", TERMS_MAX);
    int64_t id = 0;
    int code =
        db_run(in->db, err, "INSERT OR IGNORE INTO term (kind, code, lease, payment, offering) VALUES (?,?,?,?,?)",
               "sssss", r->term_kind, r->offer_term, r->lease, r->payment, r->offering);
    if (!code)
        code = db_query(in->db, err, db_take_i64, &id, find, "sssss", r->term_kind, r->offer_term, r->lease, r->payment,
                        r->offering);
    if (code)
        return code;
    in->terms = mem_grow(in->terms, &in->term_cap, in->term_count + 1, sizeof(*in->terms));
    in->last_term = in->term_count++;
    in->terms[in->last_term] = (struct term){.kind = mem_dup(r->term_kind),
                                             .code = mem_dup(r->offer_term),
                                             .lease = mem_dup(r->lease),
                                             .payment = mem_dup(r->payment),
                                             .offering = mem_dup(r->offering),
                                             .id = id};
    return 0;
}

static int term_id(struct importing *in, const struct price_list_rate *r, int64_t *id, struct err *err)
{
    int code = 0;
    if (!in->term_count || !same_term(&in->terms[in->last_term], r)) {
        size_t i = 0;
        while (i < in->term_count && !same_term(&in->terms[i], r))
            i++;
        if (i < in->term_count)
            in->last_term = i;
        else
            code = new_term(in, r, err);
    }
    if (!code)
        *id = in->terms[in->last_term].id;
    return code;
}

/* A row of the price table, and whether there is one. */
struct run {
    bool is;
    instant_t effective, last, published;
    money_t usd;
};

static int read_run(void *context, sqlite3_stmt *row)
{
    *(struct run *)context = (struct run){.is = true,
                                          .effective = sqlite3_column_int64(row, 0),
                                          .last = sqlite3_column_int64(row, 1),
                                          .usd = sqlite3_column_int64(row, 2),
                                          .published = sqlite3_column_int64(row, 3)};
    return 0;
}

/* One price as a list states it. */
struct observation {
    int64_t product, term;
    const struct price_list_rate *rate;
};

static int insert(struct importing *in, const struct observation *o, instant_t at, money_t usd, struct err *err)
{
    return db_run(in->db, err,
                  "INSERT INTO price (product, term, code, range_begin, effective, last, usd, unit, range_end, import,"
                  " seen) VALUES (?1,?2,?3,?4,?5,?5,?6,?7,?8,?9,?9) ON CONFLICT DO UPDATE SET usd = excluded.usd",
                  "iissiissi", o->product, o->term, o->rate->code, o->rate->begin, at, usd, o->rate->unit, o->rate->end,
                  in->import);
}

#define OF_RATE "product = ?1 AND term = ?2 AND code = ?3 AND range_begin = ?4"

static int set_run(struct importing *in, const struct observation *o, const struct run *run, instant_t effective,
                   instant_t last, money_t usd, struct err *err)
{
    return db_run(in->db, err,
                  "UPDATE price SET effective = ?6, last = ?7, usd = ?8, seen = ?9 WHERE " OF_RATE
                  " AND effective = ?5",
                  "iissiiiii", o->product, o->term, o->rate->code, o->rate->begin, run->effective, effective, last, usd,
                  in->import);
}

enum side { SIDE_BEFORE, SIDE_BEHIND };

/* The last run that begins at or before `at`, or the first one behind it. */
static int find_run(struct importing *in, const struct observation *o, enum side side, instant_t at, struct run *run,
                    struct err *err)
{
#define RUN_COLUMNS "SELECT effective, last, usd, (SELECT published FROM import WHERE id = import) FROM price WHERE "
    static const char *const sql[] = {
        [SIDE_BEFORE] = RUN_COLUMNS OF_RATE " AND effective <= ?5 ORDER BY effective DESC LIMIT 1",
        [SIDE_BEHIND] = RUN_COLUMNS OF_RATE " AND effective > ?5 ORDER BY effective LIMIT 1",
    };
    run->is = false;
    return db_query(in->db, err, read_run, run, sql[side], "iissi", o->product, o->term, o->rate->code, o->rate->begin,
                    at);
}

static int remove_run(struct importing *in, const struct observation *o, const struct run *run, struct err *err)
{
    return db_run(in->db, err, "DELETE FROM price WHERE " OF_RATE " AND effective = ?5", "iissi", o->product, o->term,
                  o->rate->code, o->rate->begin, run->effective);
}

/* Of the list that is being imported; 0: it does not say. (So do its own rows say until it ends.) */
static instant_t published_of(const struct importing *in)
{
    return in->out->list.published == INSTANT_MIN ? 0 : in->out->list.published;
}

/* Another price inside, or right at the start of, what an earlier run says: the run is cut there. */
static int cut_run(struct importing *in, const struct observation *o, const struct run *run, struct err *err)
{
    instant_t at = o->rate->effective;
    if (run->effective == at) /* of two lists that say different things of one date, the one published last counts */
        return published_of(in) >= run->published ? set_run(in, o, run, at, at, o->rate->usd, err) : 0;
    int code = set_run(in, o, run, run->effective, run->effective, run->usd, err);
    if (!code && run->last > at)
        code = insert(in, o, run->last, run->usd, err);
    return code ? code : insert(in, o, at, o->rate->usd, err);
}

/* The run that begins at or before `at` and the one behind it become one where they are of one price (invariant 1). */
static int join_runs(struct importing *in, const struct observation *o, instant_t at, struct err *err)
{
    struct run here;
    struct run next = {0};
    int code = find_run(in, o, SIDE_BEFORE, at, &here, err);
    if (!code)
        code = find_run(in, o, SIDE_BEHIND, at, &next, err);
    if (code || !here.is || !next.is || here.usd != next.usd)
        return code;
    code = remove_run(in, o, &next, err);
    return code ? code : set_run(in, o, &here, here.effective, next.last, here.usd, err);
}

static int observe(struct importing *in, const struct observation *o, struct err *err)
{
    const struct price_list_rate *r = o->rate;
    struct run run;
    struct run next;
    int code = find_run(in, o, SIDE_BEFORE, r->effective, &run, err);
    if (!code)
        code = find_run(in, o, SIDE_BEHIND, r->effective, &next, err);
    if (code)
        return code;
    if (run.is && run.usd == r->usd) {
        in->out->confirmed++;
        return set_run(in, o, &run, run.effective, r->effective > run.last ? r->effective : run.last, run.usd, err);
    }
    bool known = run.is || next.is;
    in->out->changed += known;
    in->out->added += !known;
    if (run.is && r->effective <= run.last) {
        code = cut_run(in, o, &run, err);
    } else if (next.is && next.usd == r->usd) {
        return set_run(in, o, &next, r->effective, next.last, next.usd, err);
    } else {
        code = insert(in, o, r->effective, r->usd, err);
    }
    if (!code)
        code = join_runs(in, o, r->effective, err);
    return code ? code : join_runs(in, o, r->effective - 1, err);
}

static int import_rate(void *context, const struct price_list_rate *rate, struct err *err)
{
    struct importing *in = context;
    struct observation o = {.rate = rate};
    if (strlen(rate->sku) >= PRICE_SKU_MAX ||
        (in->options->on_demand_only && strcmp(rate->term_kind, PRICE_ON_DEMAND) != 0))
        return 0;
    int code = product_id(in, rate->sku, err);
    if (!code)
        code = term_id(in, rate, &o.term, err);
    if (code)
        return code;
    o.product = in->product;
    in->out->rounded += rate->rounded;
    struct run known = {.is = true};
    if (in->fresh) /* the rate is new, unless the list names it twice */
        code = find_run(in, &o, SIDE_BEFORE, INSTANT_MAX, &known, err);
    if (code || known.is)
        return code ? code : observe(in, &o, err);
    in->out->added++;
    return insert(in, &o, rate->effective, rate->usd, err);
}

static int import_link(void *context, enum price_link kind, const char *name, const char *url, struct err *err)
{
    const struct price_import_options *options = ((struct importing *)context)->options;
    if (options->link)
        return options->link(options->link_context, kind, name, url, err);
    return err_set(err, EXIT_INPUT, "this is an index of price lists (%.40s ...), not a list of prices", name);
}

static int begin_import(struct importing *in, const char *file, int64_t now_s, struct err *err)
{
    int64_t any = 0;
    int code = db_query(in->db, err, db_take_i64, &any, "SELECT EXISTS (SELECT 1 FROM price)", "");
    in->fresh = !any;
    if (!code)
        code =
            db_run(in->db, err, "INSERT INTO import (offer, version, published, imported, file) VALUES ('','',0,?,?)",
                   "is", now_s, file);
    return code ? code : db_query(in->db, err, db_take_i64, &in->import, "SELECT last_insert_rowid()", "");
}

static int end_import(struct importing *in, struct err *err)
{
    const struct price_list_stats *list = &in->out->list;
    int64_t *products = &in->out->products;
    int code =
        db_query(in->db, err, db_take_i64, products, "SELECT count(*) FROM product WHERE seen = ?", "i", in->import);
    if (!code)
        code = db_run(in->db, err,
                      "UPDATE import SET offer = ?, version = ?, published = ?, products = ?, rates = ?, changed = ?"
                      " WHERE id = ?",
                      "ssiiiii", list->offer, list->version, published_of(in), *products, list->rates,
                      in->out->added + in->out->changed, in->import);
    if (!code)
        code = db_query(in->db, err, db_take_i64, &in->out->orphans,
                        "SELECT count(*) FROM product WHERE family IS NULL", "");
    return code;
}

int price_db_import(struct price_db *p, struct source *source, const struct price_import_options *options,
                    struct price_import *out, struct err *err)
{
    *out = (struct price_import){0};
    struct importing in = {.db = p->db, .out = out, .options = options};
    const struct price_list_sink sink = {
        .context = &in, .product = import_product, .rate = import_rate, .link = import_link};
    int code = begin_import(&in, source_name(source), options->now_s, err);
    if (!code)
        code = price_list_read(source, &sink, options->diag, &out->list, err);
    if (!code && out->list.links && !out->list.rates)
        code =
            db_run(p->db, err, "DELETE FROM import WHERE id = ?", "i", in.import); /* an index has no prices itself */
    else if (!code)
        code = end_import(&in, err);
    for (size_t i = 0; i < in.term_count; i++) {
        struct term *t = &in.terms[i];
        free(t->kind);
        free(t->code);
        free(t->lease);
        free(t->payment);
        free(t->offering);
    }
    free(in.terms);
    return code;
}

struct each {
    price_db_row *row;
    void *context;
};

static const char *text_at(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static int each_row(void *context, sqlite3_stmt *s)
{
    const struct each *each = context;
    int i = 0;
    struct price_row row = {0};
    const char **const texts[] = {&row.sku,        &row.family,    &row.type, &row.region,     &row.os,
                                  &row.usage_type, &row.operation, &row.kind, &row.offer_term, &row.lease,
                                  &row.payment,    &row.offering,  &row.code, &row.unit,       &row.begin,
                                  &row.end,        &row.version};
    for (; i < (int)(sizeof(texts) / sizeof(*texts)); i++)
        *texts[i] = text_at(s, i);
    row.product = sqlite3_column_int64(s, i++);
    row.term = sqlite3_column_int64(s, i++);
    row.effective = sqlite3_column_int64(s, i++);
    row.last = sqlite3_column_int64(s, i++);
    row.published = sqlite3_column_int64(s, i++);
    row.usd = sqlite3_column_int64(s, i);
    return each->row(each->context, &row);
}

int price_db_each(struct price_db *p, const struct price_query *q, price_db_row *row, void *context, struct err *err)
{
    static const char sql[] =
        "SELECT p.sku, p.family, p.type, p.region, p.os, p.usage_type, p.operation, t.kind, t.code, t.lease,"
        " t.payment, t.offering, x.code, x.unit, x.range_begin, x.range_end, i.version, p.id, t.id, x.effective,"
        " x.last, i.published, x.usd"
        " FROM product p JOIN price x ON x.product = p.id JOIN term t ON t.id = x.term JOIN import i ON i.id = x.import"
        " WHERE (?1 IS NULL OR p.type = ?1) AND (?2 IS NULL OR p.region = ?2) AND (?3 IS NULL OR p.os = ?3)"
        " AND (?4 IS NULL OR p.sku = ?4) AND (?5 IS NULL OR t.kind = ?5) AND (?6 = 0 OR p.plain)"
        " ORDER BY p.type, p.region, p.os, p.sku, t.kind, t.lease, t.offering, t.payment, t.id, x.code,"
        " CAST(x.range_begin AS INTEGER), x.effective";
    struct each each = {row, context};
    return db_query(p->db, err, each_row, &each, sql, "sssssi", q->type, q->region, q->os, q->sku, q->kind,
                    (int64_t)q->plain);
}

struct each_import {
    price_db_import_row *row;
    void *context;
};

static int each_import_row(void *context, sqlite3_stmt *s)
{
    const struct each_import *each = context;
    struct price_import_row row = {.id = sqlite3_column_int64(s, 0),
                                   .offer = text_at(s, 1),
                                   .version = text_at(s, 2),
                                   .published = sqlite3_column_int64(s, 3),
                                   .imported = sqlite3_column_int64(s, 4),
                                   .file = text_at(s, 5),
                                   .products = sqlite3_column_int64(s, 6),
                                   .rates = sqlite3_column_int64(s, 7),
                                   .changed = sqlite3_column_int64(s, 8)};
    return each->row(each->context, &row);
}

int price_db_imports(struct price_db *p, price_db_import_row *row, void *context, struct err *err)
{
    struct each_import each = {row, context};
    return db_query(p->db, err, each_import_row, &each,
                    "SELECT id, offer, version, published, imported, file, products, rates, changed FROM import"
                    " ORDER BY id",
                    "");
}

int price_db_check(struct price_db *p, struct err *err)
{
    int64_t bad = 0;
    int code = db_check(p->db, err);
    if (!code)
        code =
            db_query(p->db, err, db_take_i64, &bad,
                     "SELECT count(*) FROM (SELECT usd, last, lead(usd) OVER w AS next_usd, lead(effective) OVER w AS"
                     " next_effective FROM price WINDOW w AS (PARTITION BY product, term, code, range_begin ORDER BY"
                     " effective)) WHERE next_usd = usd OR next_effective <= last",
                     "");
    if (!code && bad)
        code = err_at(err, EXIT_FAILED, p->path, 0, 0, "is damaged: %lld prices overlap or repeat the one before",
                      (long long)bad);
    return code;
}
