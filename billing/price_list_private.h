/* price_list_private.h - what the readers of price lists, JSON and CSV, share. Internal to price_list*.c. */
#ifndef BILLING_PRICE_LIST_PRIVATE_H
#define BILLING_PRICE_LIST_PRIVATE_H

#include "billing/price_list.h"

#define PRICE_TEXT_MAX 256 /* of one attribute; what is longer is cut */

struct price_reading {
    const struct price_list_sink *sink;
    struct diag *diag;
    struct price_list_stats *stats;
    const char *name; /* of the file */
};

/* The normal name (columns.h) of each product field. */
extern const char *const product_names[PRODUCT_FIELDS];

int price_list_read_json(struct price_reading *r, struct source *source, struct err *err) MUST_USE;
int price_list_read_csv(struct price_reading *r, struct source *source, struct err *err) MUST_USE;

/* A rate as texts; checks and hands on. Bad ones are reported and left out (0 is returned). */
struct price_rate_text {
    struct price_list_rate rate; /* all but effective, usd, rounded */
    const char *effective, *usd, *currency;
    size_t line; /* 0: not known */
};
int price_list_rate_text(struct price_reading *r, struct price_rate_text *text, struct err *err) MUST_USE;

/* Sets a member of the head: offer code, version, publication date. */
void price_list_head(struct price_reading *r, const char *normal_name, const char *value);

/* "SKU.TERM.DIMENSION": the last part. */
const char *price_list_dimension(const char *rate_code);

#endif
