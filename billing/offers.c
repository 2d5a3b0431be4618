#include "billing/offers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "billing/names.h"
#include "billing/price_terms.h"
#include "billing/rows.h"

#define OFFERS_REQUIRED "type,region,years,payment,seen,upfront_usd,hourly_usd"

struct offers {
    struct names *names;
    struct offer *items;
    size_t count, cap;
};

static const char *const payments[] = {"no-upfront", "partial-upfront", "all-upfront"};

const char *payment_name(enum payment payment)
{
    return payments[payment];
}

static enum payment read_payment(struct rows *rows)
{
    const char *name = rows_name(rows, "payment");
    for (int i = 0; i < 3; i++)
        if (strcmp(name, payments[i]) == 0)
            return (enum payment)i;
    rows_bad(rows, "payment", "\"%.60s\" is none of no-upfront, partial-upfront, all-upfront", name);
    return PAYMENT_NO_UPFRONT;
}

static const char *keep(struct offers *o, const char *text)
{
    return names_text(o->names, names_id(o->names, text));
}

static int load(struct offers **out, struct rows *rows, struct err *err)
{
    struct offers *o = mem_zero(1, sizeof(*o));
    o->names = names_new();
    while (rows_next(rows)) {
        struct offer offer = {.type = keep(o, rows_name(rows, "type")),
                              .region = keep(o, rows_name(rows, "region")),
                              .os = keep(o, rows_os(rows)),
                              .years = (int)rows_count_or(rows, "years", 1, 3, 1),
                              .payment = read_payment(rows),
                              .seen = rows_instant(rows, "seen"),
                              .upfront_usd = rows_price(rows, "upfront_usd"),
                              .hourly_usd = rows_price(rows, "hourly_usd")};
        if (!rows->good)
            continue;
        o->items = mem_grow(o->items, &o->cap, o->count + 1, sizeof(*o->items));
        o->items[o->count++] = offer;
    }
    int code = rows_close(rows, err);
    if (code)
        offers_free(o);
    else
        *out = o;
    return code;
}

int offers_builtin(struct offers **out, struct err *err)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_offers, OFFERS_REQUIRED);
    return load(out, &rows, err);
}

/* AWS: "No Upfront", "Partial Upfront", "All Upfront"; older lists write "NoUpfront". */
static bool payment_of(const char *name, enum payment *out)
{
    const char *const starts[] = {"No", "Partial", "All"};
    for (int i = 0; i < 3; i++)
        if (strncasecmp(name, starts[i], strlen(starts[i])) == 0) {
            *out = (enum payment)i;
            return true;
        }
    return false;
}

/* Standard reservations only: convertible ones cost more and are another product. */
static int add_terms(void *context, const struct price_terms *terms)
{
    struct offers *o = context;
    enum payment payment;
    int years = price_terms_years(terms->lease);
    bool standard = !*terms->offering || strcasecmp(terms->offering, "standard") == 0;
    if (!years || !standard || !payment_of(terms->payment, &payment))
        return 0;
    o->items = mem_grow(o->items, &o->cap, o->count + 1, sizeof(*o->items));
    o->items[o->count++] = (struct offer){.type = keep(o, terms->type),
                                          .region = keep(o, terms->region),
                                          .os = keep(o, terms->os),
                                          .years = years,
                                          .payment = payment,
                                          .seen = terms->effective,
                                          .upfront_usd = terms->upfront_usd,
                                          .hourly_usd = terms->hourly_usd};
    return 0;
}

static int load_aws(struct offers **out, struct price_db *db, struct err *err)
{
    const struct price_query query = {.kind = PRICE_RESERVED, .plain = true};
    struct offers *o = mem_zero(1, sizeof(*o));
    o->names = names_new();
    int code = price_terms_each(db, &query, add_terms, o, err);
    if (code)
        offers_free(o);
    else
        *out = o;
    return code;
}

int offers_open(struct offers **out, const char *path, const struct session *session, struct err *err)
{
    struct source *source = NULL;
    struct price_db *db = NULL;
    int code = strcmp(path, "-") == 0 ? 0 : source_open(&source, path, err);
    if (code)
        return code;
    if (source) {
        code = price_source_open(&db, source, path, false, session, err);
        source_close(source);
    }
    if (!code && db)
        code = load_aws(out, db, err);
    price_db_close(db);
    if (code || db)
        return code;
    struct rows rows;
    code = rows_open(&rows, path, OFFERS_REQUIRED, session ? session->err : NULL, err);
    return code ? code : load(out, &rows, err);
}

void offers_free(struct offers *o)
{
    if (!o)
        return;
    names_free(o->names);
    free(o->items);
    free(o);
}

size_t offers_count(const struct offers *o)
{
    return o->count;
}

const struct offer *offers_at(const struct offers *o, size_t index)
{
    return &o->items[index];
}

const struct offer *offers_find(const struct offers *o, const struct offer *like, instant_t at)
{
    const struct offer *best = NULL;
    for (size_t i = 0; i < o->count; i++) {
        const struct offer *f = &o->items[i];
        bool same = strcmp(f->type, like->type) == 0 && strcmp(f->region, like->region) == 0 &&
                    strcmp(f->os, like->os) == 0 && f->years == like->years && f->payment == like->payment;
        if (same && f->seen <= at && (!best || f->seen >= best->seen))
            best = f;
    }
    return best;
}
