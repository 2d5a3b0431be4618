/*
 * price_db.h - the catalog of AWS's prices with their history, in SQLite.
 *
 * Every product and rate of the lists that were imported, with the dates from which they hold. A price that a later
 * list confirms is one row, [effective, last]; a change is a new row. Lists may come in any order.
 *
 *   import   id, offer, version, published, imported, file, products, rates, changed
 *   product  id, sku, ... , plain: whether bills and plans speak of it (product.h)
 *   term     id, kind (OnDemand, Reserved), code, lease, payment, offering
 *   price    product, term, code, range_begin, effective -> last, usd (1e-10), unit, range_end, first and last import
 *
 * Invariants:
 *  1. Two rows of one rate that follow each other differ in price.
 *  2. effective <= last < the next row's effective.
 *  3. An import is there whole or not at all: one transaction.
 *
 * Ownership: a struct price_db is the caller's from price_db_open to price_db_close. Memory: SQLite's page cache
 * (32 MB) and one term. Cost: about 3 microseconds a rate.
 */
#ifndef BILLING_PRICE_DB_H
#define BILLING_PRICE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/session.h"
#include "base/source.h"
#include "billing/price_list.h"

struct price_db;

#define PRICE_ON_DEMAND "OnDemand" /* AWS's names for kinds of terms */
#define PRICE_RESERVED  "Reserved"

/* "" is a catalog of its own in a temporary file, gone at the close. create false: a missing file is an error. */
int price_db_open(struct price_db **out, const char *path, bool create, struct err *err) MUST_USE;
void price_db_close(struct price_db *db);
bool price_db_is(const char *head, size_t len);                    /* whether these first bytes are of an SQLite file */
int price_db_check(struct price_db *db, struct err *err) MUST_USE; /* SQLite's own, and the invariants */

struct price_import {
    struct price_list_stats list;
    int64_t products;                  /* different ones in the list */
    int64_t added, changed, confirmed; /* rates new here; of another price than before; as before */
    int64_t rounded;                   /* prices of more than ten decimals */
    int64_t orphans;                   /* rates whose product the list does not have */
};

struct price_import_options {
    int64_t now_s;
    bool on_demand_only; /* leave reserved terms out */
    struct diag *diag;   /* where bad rates are reported */
    /* What an index names; NULL: an index is refused. */
    int (*link)(void *context, enum price_link kind, const char *name, const char *url, struct err *err);
    void *link_context;
};

/* Imports one list. The caller brackets it (price_db_begin, price_db_commit): several lists can be one import. */
int price_db_import(struct price_db *db, struct source *source, const struct price_import_options *options,
                    struct price_import *out, struct err *err) MUST_USE;
int price_db_begin(struct price_db *db, struct err *err) MUST_USE;
int price_db_commit(struct price_db *db, struct err *err) MUST_USE;
void price_db_rollback(struct price_db *db);

/* What rows are asked for: NULL is any. plain: only those that bills and plans speak of. */
struct price_query {
    const char *type, *region, *os, *sku, *kind; /* kind: "OnDemand", "Reserved" */
    bool plain;
};

/* One rate's price, from `effective` until the next row of the same rate. Texts live during the call. */
struct price_row {
    const char *sku, *family, *type, *region, *os, *usage_type, *operation;
    const char *kind, *offer_term, *lease, *payment, *offering;
    const char *code, *unit, *begin, *end, *version;
    int64_t product, term;
    instant_t effective, last, published;
    money_t usd;
};

/* By type, region, os, sku, term, rate and date. `row` returns non-zero to stop, which is returned. */
typedef int price_db_row(void *context, const struct price_row *row);
int price_db_each(struct price_db *db, const struct price_query *query, price_db_row *row, void *context,
                  struct err *err) MUST_USE;

struct price_import_row {
    int64_t id, products, rates, changed;
    const char *offer, *version, *file;
    instant_t published, imported;
};
typedef int price_db_import_row(void *context, const struct price_import_row *row);
int price_db_imports(struct price_db *db, price_db_import_row *row, void *context, struct err *err) MUST_USE;

#endif
