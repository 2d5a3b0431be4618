/*
 * The reader of AWS price lists and their index files in JSON. The paths that matter:
 *
 *   offerCode, version, publicationDate
 *   products . SKU . sku | productFamily | attributes . NAME
 *   terms . OnDemand|Reserved . SKU . SKU.TERM . offerTermCode | sku | effectiveDate
 *                                               | termAttributes . NAME
 *                                               | priceDimensions . RATE . rateCode | unit | beginRange | endRange
 *                                                                        | pricePerUnit . USD
 *   offers . OFFER . currentVersionUrl;  regions . REGION . currentVersionUrl;  versions . VERSION . offerVersionUrl
 *
 * A term's rates wait until the term ends: its attributes may stand behind them.
 */
#include "billing/price_list_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/json_stream.h"
#include "base/mem.h"
#include "billing/columns.h"

#define RATES_MAX 10000 /* dimensions of one term */

struct text {
    char text[PRICE_TEXT_MAX];
};

struct dimension {
    struct text code, unit, begin, end, price, currency;
};

struct document {
    struct price_reading *reading;
    struct text product[PRODUCT_FIELDS];
    struct text offer_term, sku, effective, lease, payment, offering;
    struct dimension *dimensions;
    size_t count, cap;
    bool known; /* some member of the top is one of a price list's */
};

static void set(struct text *to, const char *text, size_t len)
{
    len = len < PRICE_TEXT_MAX - 1 ? len : PRICE_TEXT_MAX - 1;
    memcpy(to->text, text, len);
    to->text[len] = '\0';
}

static bool key_is(const struct json_stream *s, size_t level, const char *name)
{
    return strcmp(s->keys[level].text, name) == 0;
}

static int begin(struct json_stream *s)
{
    struct document *d = s->context;
    if (s->depth == 2 && key_is(s, 0, "products")) {
        memset(d->product, 0, sizeof(d->product));
        set(&d->product[PRODUCT_SKU], s->keys[1].text, strlen(s->keys[1].text));
    }
    if (s->depth == 2 && key_is(s, 0, "terms") && key_is(s, 1, "savingsPlan"))
        return err_at(s->err, EXIT_INPUT, d->reading->name, 0, 0,
                      "is a list of Savings Plans, which is not read; a service's own price list is");
    if (s->depth == 4 && key_is(s, 0, "terms")) {
        d->offer_term.text[0] = d->effective.text[0] = '\0';
        d->lease.text[0] = d->payment.text[0] = d->offering.text[0] = '\0';
        set(&d->sku, s->keys[2].text, strlen(s->keys[2].text));
        d->count = 0;
    }
    if (s->depth == 6 && key_is(s, 0, "terms") && key_is(s, 4, "priceDimensions")) {
        if (d->count == RATES_MAX)
            return err_at(s->err, EXIT_INPUT, d->reading->name, 0, 0, "the term %s has more than %d rates",
                          s->keys[3].text, RATES_MAX);
        d->dimensions = mem_grow(d->dimensions, &d->cap, d->count + 1, sizeof(*d->dimensions));
        struct dimension *dimension = &d->dimensions[d->count++];
        memset(dimension, 0, sizeof(*dimension));
        set(&dimension->code, s->keys[5].text, strlen(s->keys[5].text));
    }
    return 0;
}

static int give_product(struct document *d, struct err *err)
{
    struct price_list_product product;
    for (int i = 0; i < PRODUCT_FIELDS; i++)
        product.fields[i] = d->product[i].text;
    d->reading->stats->products++;
    const struct price_list_sink *sink = d->reading->sink;
    return sink->product ? sink->product(sink->context, &product, err) : 0;
}

static int give_term(struct document *d, const char *kind, struct err *err)
{
    int code = 0;
    for (size_t i = 0; i < d->count && !code; i++) {
        const struct dimension *n = &d->dimensions[i];
        struct price_rate_text text = {
            .rate = {.sku = d->sku.text,
                     .term_kind = kind,
                     .offer_term = d->offer_term.text,
                     .code = price_list_dimension(n->code.text),
                     .unit = n->unit.text,
                     .begin = n->begin.text,
                     .end = n->end.text,
                     .lease = d->lease.text,
                     .payment = d->payment.text,
                     .offering = d->offering.text},
            .effective = d->effective.text,
            .usd = n->price.text,
            .currency = n->currency.text,
        };
        code = price_list_rate_text(d->reading, &text, err);
    }
    return code;
}

static int end(struct json_stream *s)
{
    struct document *d = s->context;
    if (s->depth == 2 && key_is(s, 0, "products"))
        return give_product(d, s->err);
    if (s->depth == 4 && key_is(s, 0, "terms"))
        return give_term(d, s->keys[1].text, s->err);
    return 0;
}

static void product_scalar(struct document *d, const char *name, const char *text, size_t len)
{
    char normal[COLUMN_NAME_MAX];
    column_normal(name, normal);
    for (int i = 0; i < PRODUCT_FIELDS; i++)
        if (strcmp(product_names[i], normal) == 0)
            set(&d->product[i], text, len);
}

static void term_scalar(struct document *d, const struct json_stream *s, const char *text, size_t len)
{
    if (s->depth == 5 && key_is(s, 4, "offerTermCode"))
        set(&d->offer_term, text, len);
    else if (s->depth == 5 && key_is(s, 4, "sku"))
        set(&d->sku, text, len);
    else if (s->depth == 5 && key_is(s, 4, "effectiveDate"))
        set(&d->effective, text, len);
    else if (s->depth == 6 && key_is(s, 4, "termAttributes") && key_is(s, 5, "LeaseContractLength"))
        set(&d->lease, text, len);
    else if (s->depth == 6 && key_is(s, 4, "termAttributes") && key_is(s, 5, "PurchaseOption"))
        set(&d->payment, text, len);
    else if (s->depth == 6 && key_is(s, 4, "termAttributes") && key_is(s, 5, "OfferingClass"))
        set(&d->offering, text, len);
}

static void dimension_scalar(struct document *d, const struct json_stream *s, const char *text, size_t len)
{
    struct dimension *n = d->count ? &d->dimensions[d->count - 1] : NULL;
    if (!n || !key_is(s, 4, "priceDimensions"))
        return;
    if (s->depth == 7 && key_is(s, 6, "rateCode"))
        set(&n->code, text, len);
    else if (s->depth == 7 && key_is(s, 6, "unit"))
        set(&n->unit, text, len);
    else if (s->depth == 7 && key_is(s, 6, "beginRange"))
        set(&n->begin, text, len);
    else if (s->depth == 7 && key_is(s, 6, "endRange"))
        set(&n->end, text, len);
    else if (s->depth == 8 && key_is(s, 6, "pricePerUnit") && strcmp(n->currency.text, "USD") != 0) {
        set(&n->price, text, len); /* where there are several currencies, USD counts */
        set(&n->currency, s->keys[7].text, strlen(s->keys[7].text));
    }
}

static int give_link(const struct document *d, struct json_stream *s, const char *text, size_t len)
{
    static const struct {
        const char *list, *member;
    } links[] = {[LINK_OFFER] = {"offers", "currentVersionUrl"},
                 [LINK_REGION] = {"regions", "currentVersionUrl"},
                 [LINK_VERSION] = {"versions", "offerVersionUrl"}};
    const struct price_list_sink *sink = d->reading->sink;
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
        if (key_is(s, 0, links[i].list) && key_is(s, 2, links[i].member)) {
            struct text url;
            set(&url, text, len);
            d->reading->stats->links++;
            return sink->link ? sink->link(sink->context, (enum price_link)i, s->keys[1].text, url.text, s->err) : 0;
        }
    return 0;
}

static int scalar(struct json_stream *s, enum json_kind kind, const char *text, size_t len)
{
    struct document *d = s->context;
    if (kind != JSON_STRING && kind != JSON_NUMBER)
        return 0;
    if (s->depth == 1) {
        char normal[COLUMN_NAME_MAX];
        struct text value;
        set(&value, text, len);
        price_list_head(d->reading, column_normal(s->keys[0].text, normal), value.text);
        return 0;
    }
    bool product = s->depth > 0 && key_is(s, 0, "products");
    if (product && (s->depth == 3 || (s->depth == 4 && key_is(s, 2, "attributes"))))
        product_scalar(d, s->keys[s->depth - 1].text, text, len);
    else if (s->depth == 3)
        return give_link(d, s, text, len);
    else if (s->depth > 4 && key_is(s, 0, "terms")) {
        term_scalar(d, s, text, len);
        dimension_scalar(d, s, text, len);
    }
    return 0;
}

static int begin_known(struct json_stream *s)
{
    struct document *d = s->context;
    static const char *const lists[] = {"products", "terms", "offers", "regions", "versions"};
    for (size_t i = 0; s->depth == 1 && i < sizeof(lists) / sizeof(*lists); i++)
        d->known = d->known || key_is(s, 0, lists[i]);
    return begin(s);
}

int price_list_read_json(struct price_reading *r, struct source *source, struct err *err)
{
    struct document d = {.reading = r};
    struct json_stream s = {.context = &d, .begin = begin_known, .end = end, .scalar = scalar};
    int code = json_stream_read(&s, source, err);
    free(d.dimensions);
    if (!code && !d.known)
        code = err_at(err, EXIT_INPUT, r->name, 0, 0,
                      "is JSON, but no AWS price list: it has no products, terms, offers, regions or versions");
    return code;
}
