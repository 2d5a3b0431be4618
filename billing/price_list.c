#include "billing/price_list.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "billing/price_list_private.h"

const char *const product_names[PRODUCT_FIELDS] = {
    [PRODUCT_SKU] = "sku",
    [PRODUCT_FAMILY] = "productfamily",
    [PRODUCT_TYPE] = "instancetype",
    [PRODUCT_REGION] = "regioncode",
    [PRODUCT_LOCATION] = "location",
    [PRODUCT_LOCATION_TYPE] = "locationtype",
    [PRODUCT_OS] = "operatingsystem",
    [PRODUCT_TENANCY] = "tenancy",
    [PRODUCT_SOFTWARE] = "preinstalledsw",
    [PRODUCT_LICENSE] = "licensemodel",
    [PRODUCT_CAPACITY] = "capacitystatus",
    [PRODUCT_MARKET] = "marketoption",
    [PRODUCT_USAGE_TYPE] = "usagetype",
    [PRODUCT_OPERATION] = "operation",
};

/* The first byte that counts: behind a byte-order mark, white space and a quote. */
static size_t first_of(const char *head, size_t len)
{
    size_t at = len >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < len && (isspace((unsigned char)head[at]) || head[at] == '"'))
        at++;
    return at;
}

static bool is_json(const char *head, size_t len)
{
    size_t at = first_of(head, len);
    return at < len && (head[at] == '{' || head[at] == '[');
}

bool price_list_is(const char *head, size_t len)
{
    static const char mark[] = "FormatVersion";
    size_t at = first_of(head, len);
    bool csv = len - at >= sizeof(mark) - 1 && strncasecmp(head + at, mark, sizeof(mark) - 1) == 0;
    return csv || is_json(head, len);
}

const char *price_list_dimension(const char *rate_code)
{
    const char *dot = strrchr(rate_code, '.');
    return dot ? dot + 1 : rate_code;
}

static void keep(char *to, size_t size, const char *value)
{
    size_t len = strlen(value);
    len = len < size - 1 ? len : size - 1;
    memcpy(to, value, len);
    to[len] = '\0';
}

void price_list_head(struct price_reading *r, const char *normal_name, const char *value)
{
    struct price_list_stats *stats = r->stats;
    struct err err;
    instant_t at;
    if (strcmp(normal_name, "offercode") == 0)
        keep(stats->offer, sizeof(stats->offer), value);
    else if (strcmp(normal_name, "version") == 0)
        keep(stats->version, sizeof(stats->version), value);
    else if (strcmp(normal_name, "publicationdate") == 0 && !calendar_parse(value, &at, &err))
        stats->published = at;
}

static int bad_rate(struct price_reading *r, const struct price_rate_text *text, const char *why)
{
    diag_at(r->diag, r->name, text->line, 0, "the rate %.40s.%.40s.%.40s: %s", text->rate.sku, text->rate.offer_term,
            text->rate.code, why);
    return 0;
}

int price_list_rate_text(struct price_reading *r, struct price_rate_text *text, struct err *err)
{
    struct err why;
    if (strcmp(text->currency, "USD") != 0) {
        r->stats->other_currency++;
        return 0;
    }
    if (!*text->rate.sku || !*text->rate.offer_term || !*text->rate.code)
        return bad_rate(r, text, "has no SKU, offer term or rate code");
    if (calendar_parse(text->effective, &text->rate.effective, &why))
        return bad_rate(r, text, why.text);
    if (num_decimal_round(text->usd, strlen(text->usd), MONEY_DECIMALS, &text->rate.usd, &text->rate.rounded) ||
        text->rate.usd < 0)
        return bad_rate(r, text, "its price is no amount in USD");
    r->stats->rates++;
    return r->sink->rate ? r->sink->rate(r->sink->context, &text->rate, err) : 0;
}

int price_list_read(struct source *source, const struct price_list_sink *sink, struct diag *diag,
                    struct price_list_stats *stats, struct err *err)
{
    *stats = (struct price_list_stats){.published = INSTANT_MIN};
    struct price_reading r = {.sink = sink, .diag = diag, .stats = stats, .name = source_name(source)};
    const char *head;
    ptrdiff_t len = source_peek(source, &head);
    if (len <= 0) {
        char byte;
        return source_read(source, &byte, 1, err) < 0
                   ? EXIT_INPUT
                   : err_at(err, EXIT_INPUT, r.name, 0, 0, "is empty; an AWS price list is JSON or CSV");
    }
    if (!price_list_is(head, (size_t)len))
        return err_at(err, EXIT_INPUT, r.name, 1, 1,
                      "is no AWS price list: neither JSON nor CSV that begins with \"FormatVersion\"");
    return is_json(head, (size_t)len) ? price_list_read_json(&r, source, err) : price_list_read_csv(&r, source, err);
}
