#include "billing/product.h"

#include <assert.h>
#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "billing/rows.h"

#define REGIONS_MAX 128
#define REGION_MAX  32

static struct place {
    char location[64], region[REGION_MAX];
} places[REGIONS_MAX];
static size_t place_count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    struct rows rows;
    rows_open_builtin(&rows, &builtin_aws_regions, "location,region");
    while (rows_next(&rows)) {
        assert(place_count < REGIONS_MAX);
        struct place *p = &places[place_count++];
        str_fit(p->location, sizeof(p->location), "%s", rows_name(&rows, "location"));
        str_fit(p->region, sizeof(p->region), "%s", rows_name(&rows, "region"));
    }
    rows_close_builtin(&rows);
}

const char *product_region(const struct price_list_product *product)
{
    if (*product->fields[PRODUCT_REGION])
        return product->fields[PRODUCT_REGION];
    pthread_once(&once, load);
    for (size_t i = 0; i < place_count; i++)
        if (strcmp(places[i].location, product->fields[PRODUCT_LOCATION]) == 0)
            return places[i].region;
    return "";
}

const char *product_os(const char *os, char to[PRODUCT_OS_MAX])
{
    size_t len = 0;
    for (; *os && len < PRODUCT_OS_MAX - 1; os++)
        to[len++] = isalnum((unsigned char)*os) ? (char)tolower((unsigned char)*os) : '-';
    to[len] = '\0';
    return to;
}

/* Whether the field is missing ("" and NA too) or that word. */
static bool none_or(const struct price_list_product *p, enum product_field field, const char *word)
{
    const char *text = p->fields[field];
    return !*text || strcasecmp(text, "NA") == 0 || strcasecmp(text, word) == 0;
}

/* "BoxUsage:m5.large", "EU-BoxUsage", but no UnusedBox, ReservedBox or DedicatedUsage. */
static bool box_usage(const char *usage_type)
{
    const char *at = strstr(usage_type, "BoxUsage");
    if (!*usage_type)
        return true;
    return at && (at == usage_type || at[-1] == '-') && (at[8] == ':' || at[8] == '\0');
}

bool product_is_plain(const struct price_list_product *p)
{
    const char *const *f = p->fields;
    return *f[PRODUCT_TYPE] && *f[PRODUCT_OS] && *product_region(p) &&
           strncmp(f[PRODUCT_FAMILY], "Compute Instance", 16) == 0 && none_or(p, PRODUCT_TENANCY, "Shared") &&
           none_or(p, PRODUCT_SOFTWARE, "NA") && none_or(p, PRODUCT_CAPACITY, "Used") &&
           none_or(p, PRODUCT_MARKET, "OnDemand") && strstr(f[PRODUCT_LOCATION_TYPE], "Outpost") == NULL &&
           strcasecmp(f[PRODUCT_LICENSE], "Bring your own license") != 0 && box_usage(f[PRODUCT_USAGE_TYPE]);
}
