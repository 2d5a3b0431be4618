#include "billing/price_rates.h"

#include <string.h>

#include "base/arena.h"
#include "base/out.h"
#include "billing/price_terms.h"

/* A row is given out when the next one tells that it is still in force, or is of another rate. */
struct printing {
    const struct opt_instant *date;
    struct table *table;
    cJSON *prices; /* NULL: the table */
    struct arena texts;
    struct price_row row;
    bool any;
    int64_t count;
};

static void print_row(struct printing *p)
{
    const struct price_row *r = &p->row;
    char text[MONEY_TEXT_SIZE];
    const char *const texts[] = {r->sku,        r->family,    r->type, r->region, r->os,
                                 r->usage_type, r->operation, r->kind, r->lease,  r->payment,
                                 r->offering,   r->code,      r->unit, r->begin,  r->end};
    static const char *const names[] = {"sku",        "family",    "type", "region", "os",
                                        "usage_type", "operation", "term", "lease",  "payment",
                                        "offering",   "rate_code", "unit", "begin",  "end"};
    cJSON *object = p->prices ? json_object(p->prices, NULL) : NULL;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (object)
            json_text(object, names[i], texts[i]);
        else
            table_cell(p->table, "%s", texts[i]);
    }
    if (object) {
        json_text(object, "effective", calendar_text(r->effective, text));
        json_text(object, "confirmed", calendar_text(r->last, text));
        json_text(object, "usd", money_text(r->usd, text));
    } else {
        table_cell(p->table, "%s", calendar_date_text(r->effective, text));
        table_cell(p->table, "%s", calendar_date_text(r->last, text));
        table_cell(p->table, "%s", money_text(r->usd, text));
    }
    p->count++;
}

static bool same_rate(const struct price_row *a, const struct price_row *b)
{
    return a->product == b->product && a->term == b->term && strcmp(a->code, b->code) == 0 &&
           strcmp(a->begin, b->begin) == 0;
}

static void keep_row(struct printing *p, const struct price_row *row)
{
    arena_reset(&p->texts);
    p->row = *row;
    const char **const texts[] = {&p->row.sku,        &p->row.family,    &p->row.type, &p->row.region, &p->row.os,
                                  &p->row.usage_type, &p->row.operation, &p->row.kind, &p->row.lease,  &p->row.payment,
                                  &p->row.offering,   &p->row.code,      &p->row.unit, &p->row.begin,  &p->row.end,
                                  &p->row.offer_term, &p->row.version};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        *texts[i] = arena_dup(&p->texts, *texts[i]);
    p->any = true;
}

static int take(void *context, const struct price_row *row)
{
    struct printing *p = context;
    if (p->date->given && row->effective > p->date->at)
        return 0;
    if (p->any && (!p->date->given || !same_rate(&p->row, row)))
        print_row(p);
    keep_row(p, row);
    return 0;
}

static struct table *new_table(void)
{
    struct table *t = table_new();
    table_column(t, "SKU", "sku", ALIGN_LEFT);
    table_optional_column(t, "Family", "family", ALIGN_LEFT);
    table_optional_column(t, "Type", "type", ALIGN_LEFT);
    table_column(t, "Region", "region", ALIGN_LEFT);
    table_optional_column(t, "OS", "os", ALIGN_LEFT);
    table_column(t, "Usage type", "usage_type", ALIGN_LEFT);
    table_optional_column(t, "Operation", "operation", ALIGN_LEFT);
    table_column(t, "Term", "term", ALIGN_LEFT);
    table_optional_column(t, "Lease", "lease", ALIGN_LEFT);
    table_optional_column(t, "Payment", "payment", ALIGN_LEFT);
    table_optional_column(t, "Class", "offering", ALIGN_LEFT);
    table_optional_column(t, "Rate", "rate_code", ALIGN_LEFT);
    table_column(t, "Unit", "unit", ALIGN_LEFT);
    table_column(t, "Above", "begin", ALIGN_RIGHT);
    table_column(t, "Up to", "end", ALIGN_RIGHT);
    table_column(t, "From", "effective", ALIGN_LEFT);
    table_optional_column(t, "Confirmed", "confirmed", ALIGN_LEFT);
    table_column(t, "USD", "usd", ALIGN_RIGHT);
    return t;
}

static int print_all(struct price_db *db, const struct price_query *query, struct printing *p, struct session *session,
                     struct err *err)
{
    cJSON *document = json_document("prices");
    json_bool(document, "sample", false);
    if (session->json)
        p->prices = json_array(document, "rates");
    int code = price_db_each(db, query, take, p, err);
    if (!code && p->any)
        print_row(p);
    if (!code && !p->count)
        code = err_set(err, EXIT_INPUT, "no such rate in this catalog");
    if (!code && session->json)
        json_print(document, session->out);
    else
        cJSON_Delete(document);
    if (!code && !session->json)
        table_print(p->table, session);
    return code;
}

int price_rates_print(const char *path, const struct price_query *query, const struct opt_instant *date,
                      struct session *session, struct err *err)
{
    struct source *source;
    struct price_db *db = NULL;
    int code = source_open(&source, path, err);
    if (code)
        return code;
    code = price_source_open(&db, source, path, false, session, err);
    if (!code && !db)
        code = err_at(err, EXIT_INPUT, path, 0, 0,
                      "has no rates: it is neither an AWS price list nor a catalog of `prices import`");
    source_close(source);
    if (code)
        return code;
    struct printing p = {.date = date, .table = new_table()};
    arena_init(&p.texts);
    code = print_all(db, query, &p, session, err);
    arena_release(&p.texts);
    table_free(p.table);
    price_db_close(db);
    return code;
}
