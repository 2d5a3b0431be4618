#include "billing/resource_price.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/str.h"
#include "billing/rows.h"

#define PRICES_MAX   256
#define TEXT_MAX_LEN 32

/* The table of data/resource-prices.csv: read once, kept for good. */
static struct entry {
    char kind[TEXT_MAX_LEN], region[TEXT_MAX_LEN], unit[TEXT_MAX_LEN];
    instant_t effective;
    money_t usd;
} entries[PRICES_MAX];
static size_t entry_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_resource_prices, "kind,region,effective,usd,unit");
    while (rows_next(&rows)) {
        assert(entry_count < PRICES_MAX);
        struct entry *e = &entries[entry_count++];
        str_fit(e->kind, sizeof(e->kind), "%s", rows_name(&rows, "kind"));
        str_fit(e->region, sizeof(e->region), "%s", rows_name(&rows, "region"));
        str_fit(e->unit, sizeof(e->unit), "%s", rows_name(&rows, "unit"));
        e->effective = rows_instant(&rows, "effective");
        e->usd = rows_price(&rows, "usd");
    }
    rows_close_builtin(&rows);
}

static const struct entry *find(const char *kind, const char *region, instant_t at)
{
    const struct entry *best = NULL;
    for (size_t i = 0; i < entry_count; i++) {
        const struct entry *e = &entries[i];
        if (strcmp(e->kind, kind) == 0 && strcmp(e->region, region) == 0 && e->effective <= at &&
            (!best || e->effective > best->effective))
            best = e;
    }
    return best;
}

static int not_found(const char *kind, const char *region, instant_t at, struct err *err)
{
    struct str kinds;
    str_init(&kinds, 512);
    for (size_t i = 0; i < entry_count; i++)
        if (i == 0 || strcmp(entries[i].kind, entries[i - 1].kind) != 0)
            str_addf(&kinds, "%s%s", kinds.len ? ", " : "", entries[i].kind);
    char date[INSTANT_TEXT_SIZE];
    err_set(err, EXIT_INPUT, "no price for \"%.60s\" in %.60s on %s; the kinds known are %s", kind, region,
            calendar_date_text(at, date), kinds.text);
    str_release(&kinds);
    return err->code;
}

int resource_price_find(const char *kind, const char *region, instant_t at, struct resource_price *out, struct err *err)
{
    pthread_once(&once, load);
    const struct entry *e = find(kind, region, at);
    e = e ? e : find(kind, "any", at);
    if (!e)
        return not_found(kind, region, at, err);
    *out = (struct resource_price){.usd = e->usd, .unit = e->unit};
    return 0;
}

instant_t resource_price_next_change(const char *kind, const char *region, instant_t at)
{
    pthread_once(&once, load);
    const struct entry *now = find(kind, region, at);
    instant_t next = INSTANT_MAX;
    for (size_t i = 0; i < entry_count; i++) {
        const struct entry *e = &entries[i];
        bool own = strcmp(e->region, region) == 0;
        bool any = !now && strcmp(e->region, "any") == 0;
        if (strcmp(e->kind, kind) == 0 && (own || any) && e->effective > at && e->effective < next)
            next = e->effective;
    }
    return next;
}
