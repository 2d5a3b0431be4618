/*
 * Any bytes as a price list: read or refused, never more than it says, and what is read can be imported: the catalog
 * keeps its invariants, whatever comes, also when it comes twice.
 */
#include "tests/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "billing/price_db.h"

const char *const fuzz_seeds[] = {
    "{\"offerCode\":\"X\",\"publicationDate\":\"2024-05-01T00:00:00Z\",\"products\":{\"S\":{\"sku\":\"S\","
    "\"productFamily\":"
    "\"Compute "
    "Instance\",\"attributes\":{\"instanceType\":\"m5.large\",\"regionCode\":\"r\",\"operatingSystem\":\"Linux\"}}},"
    "\"terms\":{\"OnDemand\":{\"S\":{\"S.T\":{\"offerTermCode\":\"T\",\"effectiveDate\":\"2024-05-01T00:00:00Z\","
    "\"priceDimensions\":{\"S.T.R\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"0.1\"}}}}}}}}",
    "{\"terms\":{\"Reserved\":{\"S\":{\"S.T\":{\"offerTermCode\":\"T\",\"effectiveDate\":\"2024-05-01T00:00:00Z\","
    "\"priceDimensions\":{\"a\":{\"rateCode\":\"S.T.R\",\"unit\":\"Quantity\",\"pricePerUnit\":{\"CNY\":\"1\",\"USD\":"
    "\"1E-3\"}}},"
    "\"termAttributes\":{\"LeaseContractLength\":\"1yr\"}}}}},\"products\":{}}",
    "{\"regions\":{\"us-east-1\":{\"regionCode\":\"us-east-1\",\"currentVersionUrl\":\"/offers/v1.0/x/index.json\"}}}",
    "\"FormatVersion\",\"v1.0\"\n\"OfferCode\",\"X\"\n\"SKU\",\"OfferTermCode\",\"RateCode\",\"TermType\","
    "\"EffectiveDate\",\"Unit\","
    "\"PricePerUnit\",\"Currency\"\n\"S\",\"T\",\"S.T.R\",\"OnDemand\",\"2024-05-01\",\"Hrs\",\"0.1\",\"USD\"\n"
    "\"S\",\"T\",\"S.T.R\",\"OnDemand\",\"2024-06-01\",\"Hrs\",\"0.2\",\"USD\"\n",
    NULL,
};

static int any_link(void *context, enum price_link kind, const char *name, const char *url, struct err *err)
{
    (void)context;
    (void)err;
    assert(kind <= LINK_VERSION && name && url);
    return 0;
}

static int any_row(void *context, const struct price_row *row)
{
    assert(row->usd >= 0 && row->effective <= row->last);
    ++*(int64_t *)context;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct price_db *db;
    struct err err = {0};
    int code = db ? 0 : price_db_open(&db, ":memory:", true, &err);
    assert(code == 0);
    code = price_db_begin(db, &err);
    assert(code == 0);
    for (int i = 0; i < 2 && !code; i++) {
        struct source *source;
        if (source_open_text(&source, "fuzz", (const char *)data, size, &err))
            break;
        struct diag diag = {0};
        const struct price_import_options how = {.diag = &diag, .link = any_link};
        struct price_import got;
        code = price_db_import(db, source, &how, &got, &err);
        assert(!code || (code == EXIT_INPUT && err.text[0]));
        assert(code || got.added + got.changed + got.confirmed <= got.list.rates);
        assert(code || i == 0 || got.added == 0);
        source_close(source);
    }
    int64_t rows = 0;
    const struct price_query all = {0};
    if (!code) {
        code = price_db_each(db, &all, any_row, &rows, &err);
        assert(code == 0);
        code = price_db_check(db, &err);
        assert(code == 0);
    }
    price_db_rollback(db);
    return 0;
}
