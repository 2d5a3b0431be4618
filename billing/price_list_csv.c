/* The reader of AWS price lists in CSV: some rows of what the file is, then a header, then a row for each rate. */
#include "billing/price_list_private.h"

#include <string.h>

#include "base/csv.h"
#include "base/str.h"
#include "billing/columns.h"

enum rate_column {
    RATE_OFFER_TERM,
    RATE_CODE,
    RATE_TERM_KIND,
    RATE_EFFECTIVE,
    RATE_BEGIN,
    RATE_END,
    RATE_UNIT,
    RATE_PRICE,
    RATE_CURRENCY,
    RATE_LEASE,
    RATE_PAYMENT,
    RATE_OFFERING,
    RATE_COLUMNS
};

static const char *const rate_names[RATE_COLUMNS] = {
    [RATE_OFFER_TERM] = "offertermcode",
    [RATE_CODE] = "ratecode",
    [RATE_TERM_KIND] = "termtype",
    [RATE_EFFECTIVE] = "effectivedate",
    [RATE_BEGIN] = "startingrange",
    [RATE_END] = "endingrange",
    [RATE_UNIT] = "unit",
    [RATE_PRICE] = "priceperunit",
    [RATE_CURRENCY] = "currency",
    [RATE_LEASE] = "leasecontractlength",
    [RATE_PAYMENT] = "purchaseoption",
    [RATE_OFFERING] = "offeringclass",
};

struct columns {
    size_t product[PRODUCT_FIELDS], rate[RATE_COLUMNS];
};

static void preamble(void *context, const char *first, const char *second)
{
    char name[COLUMN_NAME_MAX];
    price_list_head(context, column_normal(first, name), second);
}

/* The columns without which a row says nothing. */
static int find_columns(struct columns *c, const struct csv *csv, struct err *err)
{
    static const enum rate_column needed[] = {RATE_OFFER_TERM, RATE_CODE,  RATE_TERM_KIND,
                                              RATE_EFFECTIVE,  RATE_PRICE, RATE_CURRENCY};
    for (int i = 0; i < PRODUCT_FIELDS; i++)
        c->product[i] = column_find(csv, product_names[i]);
    for (int i = 0; i < RATE_COLUMNS; i++)
        c->rate[i] = column_find(csv, rate_names[i]);
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (c->rate[needed[i]] == COLUMN_NONE)
            return err_at(err, EXIT_INPUT, csv_name(csv), csv_line(csv), 1, "the header has no column for \"%s\"",
                          rate_names[needed[i]]);
    return 0;
}

static int give_product(struct price_reading *r, const struct columns *c, const struct csv *csv, struct err *err)
{
    struct price_list_product product;
    for (int i = 0; i < PRODUCT_FIELDS; i++)
        product.fields[i] = column_text(csv, c->product[i]);
    r->stats->products++;
    return r->sink->product ? r->sink->product(r->sink->context, &product, err) : 0;
}

static int read_row(struct price_reading *r, const struct columns *c, const struct csv *csv, struct err *err)
{
    const size_t *at = c->rate;
    struct price_rate_text text = {
        .rate = {.sku = column_text(csv, c->product[PRODUCT_SKU]),
                 .term_kind = column_text(csv, at[RATE_TERM_KIND]),
                 .offer_term = column_text(csv, at[RATE_OFFER_TERM]),
                 .code = price_list_dimension(column_text(csv, at[RATE_CODE])),
                 .unit = column_text(csv, at[RATE_UNIT]),
                 .begin = column_text(csv, at[RATE_BEGIN]),
                 .end = column_text(csv, at[RATE_END]),
                 .lease = column_text(csv, at[RATE_LEASE]),
                 .payment = column_text(csv, at[RATE_PAYMENT]),
                 .offering = column_text(csv, at[RATE_OFFERING])},
        .effective = column_text(csv, at[RATE_EFFECTIVE]),
        .usd = column_text(csv, at[RATE_PRICE]),
        .currency = column_text(csv, at[RATE_CURRENCY]),
        .line = csv_line(csv),
    };
    return price_list_rate_text(r, &text, err);
}

static int read_rows(struct price_reading *r, struct csv *csv, struct err *err)
{
    struct columns c;
    int code = find_columns(&c, csv, err);
    char last_sku[PRICE_TEXT_MAX] = "";
    int got = 0;
    while (!code && (got = csv_next(csv, err)) != 0) {
        if (got < 0)
            return EXIT_INPUT; /* half a file, or none: nothing of it is to be trusted */
        const char *sku = column_text(csv, c.product[PRODUCT_SKU]);
        if (*sku && strcmp(sku, last_sku) != 0) {
            code = give_product(r, &c, csv, err);
            str_fit(last_sku, sizeof(last_sku), "%.*s", PRICE_TEXT_MAX - 1, sku);
        }
        if (!code)
            code = read_row(r, &c, csv, err);
    }
    return code;
}

int price_list_read_csv(struct price_reading *r, struct source *source, struct err *err)
{
    const struct csv_foreign shape = {.header_from = "SKU", .preamble = preamble, .context = r, .borrow = true};
    struct csv *csv;
    int code = csv_open_foreign(&csv, source, &shape, err);
    if (code)
        return code;
    code = read_rows(r, csv, err);
    csv_close(csv);
    return code;
}
