#include "billing/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "billing/names.h"
#include "billing/price_terms.h"
#include "billing/regime.h"
#include "billing/rows.h"

#define CATALOG_REQUIRED "type,region,effective,usd_per_hour"

struct entry {
    struct catalog_price price;
    size_t line;
};

struct catalog {
    struct names *names;
    struct entry *entries; /* by type, region, OS and date */
    size_t count, cap;
};

static int compare_key(const struct catalog_price *a, const struct catalog_price *b)
{
    int order = strcmp(a->type, b->type);
    order = order ? order : strcmp(a->region, b->region);
    return order ? order : strcmp(a->os, b->os);
}

static int compare_price(const struct catalog_price *a, const struct catalog_price *b)
{
    int order = compare_key(a, b);
    return order ? order : (a->effective > b->effective) - (a->effective < b->effective);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = compare_price(&x->price, &y->price);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static const char *keep(struct catalog *c, const char *text)
{
    return names_text(c->names, names_id(c->names, text));
}

static void read_row(struct catalog *c, struct rows *rows)
{
    struct entry e = {.line = csv_line(rows->csv)};
    e.price.type = keep(c, rows_name(rows, "type"));
    e.price.region = keep(c, rows_name(rows, "region"));
    e.price.os = keep(c, rows_os(rows));
    e.price.effective = rows_instant(rows, "effective");
    e.price.usd_per_hour = rows_price(rows, "usd_per_hour");
    if (!rows->good)
        return;
    c->entries = mem_grow(c->entries, &c->cap, c->count + 1, sizeof(*c->entries));
    c->entries[c->count++] = e;
}

/* Two prices from the same instant on: nothing says which one holds. */
static void check_twice(const struct catalog *c, struct rows *rows)
{
    for (size_t i = 1; i < c->count; i++) {
        const struct entry *a = &c->entries[i - 1];
        const struct entry *b = &c->entries[i];
        if (compare_price(&a->price, &b->price) == 0 && a->price.usd_per_hour != b->price.usd_per_hour)
            diag_at(&rows->diag, csv_name(rows->csv), b->line, 1,
                    "line %zu has another price for the same type, region, OS and date", a->line);
    }
}

static int load(struct catalog **out, struct rows *rows, struct err *err)
{
    struct catalog *c = mem_zero(1, sizeof(*c));
    c->names = names_new();
    while (rows_next(rows))
        read_row(c, rows);
    if (c->count)
        qsort(c->entries, c->count, sizeof(*c->entries), compare_entries);
    check_twice(c, rows);
    int code = rows_close(rows, err);
    if (code)
        catalog_free(c);
    else
        *out = c;
    return code;
}

/* Adds a price of AWS's. Where two products are sold under one key, the first one's counts. */
static int add_terms(void *context, const struct price_terms *terms)
{
    struct catalog *c = context;
    enum regime regime;
    struct err err;
    if (regime_at(terms->os, 0, &regime, &err))
        return 0; /* an operating system that nothing here can meter */
    struct entry e = {.line = c->count};
    e.price = (struct catalog_price){.type = keep(c, terms->type),
                                     .region = keep(c, terms->region),
                                     .os = keep(c, terms->os),
                                     .effective = terms->effective,
                                     .usd_per_hour = terms->hourly_usd};
    c->entries = mem_grow(c->entries, &c->cap, c->count + 1, sizeof(*c->entries));
    c->entries[c->count++] = e;
    return 0;
}

static void drop_doubles(struct catalog *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++)
        if (!i || compare_price(&c->entries[kept - 1].price, &c->entries[i].price) != 0)
            c->entries[kept++] = c->entries[i];
    c->count = kept;
}

static int load_aws(struct catalog **out, struct price_db *db, const char *name, struct err *err)
{
    const struct price_query query = {.kind = PRICE_ON_DEMAND, .plain = true};
    struct catalog *c = mem_zero(1, sizeof(*c));
    c->names = names_new();
    int code = price_terms_each(db, &query, add_terms, c, err);
    if (c->count)
        qsort(c->entries, c->count, sizeof(*c->entries), compare_entries);
    drop_doubles(c);
    if (!code && !c->count)
        code = err_at(err, EXIT_INPUT, name, 0, 0, "has no on-demand prices of instances in USD");
    if (code)
        catalog_free(c);
    else
        *out = c;
    return code;
}

/* *was: the source is of AWS's prices; if not, it is a catalog of our own format and nothing was done. */
static int open_aws(struct catalog **out, struct source *source, const char *path, bool *was,
                    const struct session *session, struct err *err)
{
    struct price_db *db;
    int code = price_source_open(&db, source, path, true, session, err);
    *was = code || db;
    if (!code && db)
        code = load_aws(out, db, source_name(source), err);
    price_db_close(db);
    return code;
}

int catalog_open_text(struct catalog **out, const char *name, const char *text, size_t len,
                      const struct session *session, struct err *err)
{
    struct source *source;
    bool aws;
    int code = source_open_text(&source, name, text, len, err);
    if (code)
        return code;
    code = open_aws(out, source, name, &aws, session, err);
    source_close(source);
    if (aws)
        return code;
    struct rows rows;
    code = rows_open_text(&rows, name, text, len, CATALOG_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, &rows, err);
}

/* Of a catalog of our own that comes from stdin: all of it. */
static int read_text(struct catalog **out, struct source *source, const struct session *session, struct err *err)
{
    struct str text;
    str_init(&text, STR_MAX);
    char chunk[4096];
    ptrdiff_t got;
    while ((got = source_read(source, chunk, sizeof(chunk), err)) > 0)
        str_add_n(&text, chunk, (size_t)got);
    int code = got < 0 ? EXIT_INPUT : 0;
    if (!code && text.full)
        code = err_at(err, EXIT_INPUT, source_name(source), 0, 0, "is larger than %zu bytes", STR_MAX);
    struct rows rows;
    if (!code)
        code = rows_open_text(&rows, source_name(source), text.text, text.len, CATALOG_REQUIRED,
                              session ? session->err : NULL, err);
    if (!code)
        code = load(out, &rows, err);
    str_release(&text);
    return code;
}

int catalog_open(struct catalog **out, const char *path, const struct session *session, struct err *err)
{
    struct source *source;
    bool aws;
    int code = source_open(&source, path, err);
    if (code)
        return code;
    code = open_aws(out, source, path, &aws, session, err);
    if (!aws && !source_size(source)) { /* stdin or another pipe: it cannot be opened again */
        code = read_text(out, source, session, err);
        aws = true;
    }
    source_close(source);
    if (aws)
        return code;
    struct rows rows;
    code = rows_open(&rows, path, CATALOG_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, &rows, err);
}

int catalog_builtin(struct catalog **out, struct err *err)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_prices, CATALOG_REQUIRED);
    return load(out, &rows, err);
}

void catalog_free(struct catalog *c)
{
    if (!c)
        return;
    names_free(c->names);
    free(c->entries);
    free(c);
}

/* How many entries stand at or before this key and instant. */
static size_t upper_bound(const struct catalog *c, const struct catalog_price *key)
{
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_price(&c->entries[middle].price, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Adds name to the list, ended by NULL, unless its last one is the same. */
static void add_name(const char **names, size_t *count, const char *name)
{
    if (!*count || strcmp(names[*count - 1], name) != 0)
        names[(*count)++] = name;
    names[*count] = NULL;
}

static int unknown_type(const struct catalog *c, const char *type, struct err *err)
{
    const char **names = mem_zero(c->count + 1, sizeof(*names));
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        add_name(names, &count, c->entries[i].price.type);
    const char *nearest = opt_nearest(type, names);
    err_set(err, EXIT_INPUT,
            nearest ? "no price for the type \"%.60s\"; did you mean %s?" : "no price for the type \"%.60s\"", type,
            nearest);
    free(names);
    return -1;
}

/* Says why there is no price: what of the key is unknown, and what there is instead. */
static int not_found(const struct catalog *c, const struct catalog_price *key, struct err *err)
{
    bool type_known = false;
    const struct catalog_price *same_key = NULL;
    struct str others;
    str_init(&others, 512);
    for (size_t i = 0; i < c->count; i++) {
        const struct catalog_price *p = &c->entries[i].price;
        if (strcmp(p->type, key->type) != 0)
            continue;
        type_known = true;
        if (compare_key(p, key) == 0 && !same_key)
            same_key = p;
        if (i == 0 || compare_key(p, &c->entries[i - 1].price) != 0)
            str_addf(&others, "%s%s %s", others.len ? ", " : "", p->region, p->os);
    }
    char first[INSTANT_TEXT_SIZE];
    char at[INSTANT_TEXT_SIZE];
    if (!type_known)
        unknown_type(c, key->type, err);
    else if (same_key)
        err_set(err, EXIT_INPUT, "no price for %s in %s on %s at %s; the first one is from %s", key->type, key->region,
                key->os, calendar_text(key->effective, at), calendar_date_text(same_key->effective, first));
    else
        err_set(err, EXIT_INPUT, "no price for %s in %.60s on %.60s; there is one for %s", key->type, key->region,
                key->os, others.text);
    str_release(&others);
    return -1;
}

int catalog_find(const struct catalog *c, const char *type, const char *region, const char *os, instant_t at,
                 struct catalog_price *out, struct err *err)
{
    struct catalog_price key = {.type = type, .region = region, .os = os, .effective = at};
    size_t i = upper_bound(c, &key);
    if (!i || compare_key(&c->entries[i - 1].price, &key) != 0)
        return not_found(c, &key, err);
    *out = c->entries[i - 1].price;
    return 0;
}

instant_t catalog_next_change(const struct catalog *c, const char *type, const char *region, const char *os,
                              instant_t at)
{
    struct catalog_price key = {.type = type, .region = region, .os = os, .effective = at};
    size_t i = upper_bound(c, &key);
    if (i == c->count || compare_key(&c->entries[i].price, &key) != 0)
        return INSTANT_MAX;
    return c->entries[i].price.effective;
}

size_t catalog_count(const struct catalog *c)
{
    return c->count;
}

const struct catalog_price *catalog_at(const struct catalog *c, size_t index)
{
    return &c->entries[index].price;
}
